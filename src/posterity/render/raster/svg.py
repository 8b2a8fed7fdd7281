"""SVG files: every poster is a separate image with a title; labels are text that can be searched and selected."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from html import escape
from typing import IO

import numpy as np
import simplejpeg

from posterity.images import decode, shrink
from posterity.render.raster.scene import Colour, Fetch, Scene, Thumb
from posterity.runtime.parallel import chunked, n_workers, ordered_map

_FETCHED = 1024
_SHARPNESS = 2
"""Thumbnail pixels per pixel of its place, so that it can be zoomed into."""

QUALITY = 82


def write_svg(file: IO[bytes], scene: Scene, fetch: Fetch, workers: int = 0) -> None:
    """Write a scene, one thumbnail at a time.

    Args:
        file: A file open for writing.
        scene: The scene to write.
        fetch: Returns thumbnails by their keys.
        workers: Number of threads; 0 uses all cores.
    """
    for line in _lines(scene, fetch, n_workers(workers)):
        file.write(line.encode("utf-8", "replace") + b"\n")


def _lines(scene: Scene, fetch: Fetch, workers: int) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{scene.width}" height="{scene.height}" '
        f'viewBox="0 0 {scene.width} {scene.height}" font-family="Roboto, Helvetica, Arial, sans-serif">'
    )
    if scene.title:
        yield f"<title>{_text(scene.title)}</title>"
    yield f'<rect width="100%" height="100%" fill="{_hex(scene.background)}"/>'
    for box in scene.boxes:
        yield _rect(box.x, box.y, box.width, box.height, box.colour)
    for some in chunked(scene.thumbs, _FETCHED):
        jpegs = fetch({thumb.key for thumb in some})
        yield from ordered_map(_image, [(t, jpegs[t.key]) for t in some if t.key in jpegs], workers, ahead=16)
    for label in scene.labels:
        anchor = ' text-anchor="middle"' if label.centred else ""
        halo = "" if label.halo is None else f' stroke="{_hex(label.halo)}" stroke-width="{label.size * 0.24:.1f}"'
        yield (
            f'<text x="{label.x}" y="{label.y + round(label.size * 0.93)}" font-size="{label.size}" '
            f'fill="{_hex(label.colour)}"{anchor}{halo} paint-order="stroke" stroke-linejoin="round">'
            f"{_text(label.text)}</text>"
        )
    yield "</svg>"


def _image(job: tuple[Thumb, bytes]) -> str:
    thumb, jpeg = job
    picture = decode(jpeg)
    small = shrink(picture, (thumb.height * _SHARPNESS, thumb.width * _SHARPNESS))
    if small is not picture:
        jpeg = simplejpeg.encode_jpeg(np.ascontiguousarray(small), QUALITY, "RGB", "420")
    scale = min(thumb.width / picture.shape[1], thumb.height / picture.shape[0])
    width, height = picture.shape[1] * scale, picture.shape[0] * scale
    x, y = thumb.x + (thumb.width - width) / 2, thumb.y + (thumb.height - height) / 2
    edge = max(1, thumb.width // 24)
    frame = "" if thumb.border is None else _rect(x - edge, y - edge, width + 2 * edge, height + 2 * edge, thumb.border)
    return (
        f'{frame}<image x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'href="data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"><title>{_text(thumb.title)}</title></image>'
    )


def _rect(x: float, y: float, width: float, height: float, colour: Colour) -> str:
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" fill="{_hex(colour)}"/>'


def _hex(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _text(text: str) -> str:
    # XML allows no control characters, not even escaped.
    return escape("".join(c if c.isprintable() or c == " " else "\ufffd" for c in text))
