"""Scenes: thumbnails, boxes and labels on a sheet; and their pixels, from top to bottom.

A scene has the positions of everything and no pictures. :func:`strips` fetches and decodes thumbnails when their strip
is drawn and drops them after it, so that memory grows with a strip, not with the sheet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from posterity.images import decode
from posterity.images.fonts import font
from posterity.runtime.parallel import chunked, n_workers, ordered_map

RGB = NDArray[np.uint8]
Colour = tuple[int, int, int]

STRIP = 256
"""Height of a strip in pixels, equal to the side of a tile."""

_FETCHED = 1024
"""Number of thumbnails fetched at once."""

_HALO = 0.12
"""Width of the halo around a label, relative to the height of its letters."""


@dataclass(frozen=True)
class Thumb:
    """A poster on a sheet, drawn whole and centred in its place.

    Attributes:
        key: The key of its thumbnail.
        x: Left edge, in pixels.
        y: Upper edge, in pixels.
        width: Width of its place, in pixels.
        height: Height of its place, in pixels.
        title: Tooltip, in formats that have one.
        border: Colour of a frame around it; None for none.
    """

    key: str
    x: int
    y: int
    width: int
    height: int
    title: str = ""
    border: Colour | None = None


@dataclass(frozen=True)
class Label:
    """A line of text.

    Attributes:
        text: The text.
        x: Its left edge in pixels, or its middle if ``centred``.
        y: Its upper edge in pixels.
        size: Height of its letters in pixels.
        colour: Colour of the letters.
        halo: Colour around them; None for none.
        centred: Whether ``x`` is its middle.
    """

    text: str
    x: int
    y: int
    size: int
    colour: Colour
    halo: Colour | None = None
    centred: bool = False


@dataclass(frozen=True)
class Box:
    """A filled rectangle, below everything else."""

    x: int
    y: int
    width: int
    height: int
    colour: Colour


@dataclass(frozen=True)
class Scene:
    """The contents of a sheet. Later thumbnails cover earlier ones; labels cover everything.

    Attributes:
        width: Width of the sheet in pixels.
        height: Height of the sheet in pixels.
        background: Background colour.
        thumbs: The posters.
        labels: The texts.
        boxes: The rectangles.
        title: Title of the picture, in formats that have one.
    """

    width: int
    height: int
    background: Colour
    thumbs: Sequence[Thumb] = ()
    labels: Sequence[Label] = ()
    boxes: Sequence[Box] = field(default=())
    title: str = ""


Fetch = Callable[[Iterable[str]], Mapping[str, bytes]]
"""Returns thumbnails (JPEG) by their keys; missing ones are left out."""


def strips(scene: Scene, fetch: Fetch, workers: int = 0) -> Iterator[RGB]:
    """Draw a scene from top to bottom in strips (h, width, 3), with h = :data:`STRIP` except for the last."""
    arriving = _pictures(scene, fetch, n_workers(workers))
    pending: tuple[int, Thumb, RGB] | None = next(arriving, None)
    active: list[tuple[int, Thumb, RGB]] = []
    for top in range(0, scene.height, STRIP):
        bottom = min(scene.height, top + STRIP)
        while pending is not None and pending[1].y < bottom:
            active.append(pending)
            pending = next(arriving, None)
        active = [each for each in active if each[1].y + each[1].height > top]
        strip = np.empty((bottom - top, scene.width, 3), np.uint8)
        strip[:] = scene.background
        for box in scene.boxes:
            _paint(strip, box.x, box.y - top, box.width, box.height, box.colour)
        for _, thumb, picture in sorted(active, key=lambda each: each[0]):
            _place(strip, thumb, picture, top)
        written = [label for label in scene.labels if label.y < bottom and label.y + 2 * label.size > top]
        yield _written(strip, written, top) if written else strip


def _pictures(scene: Scene, fetch: Fetch, workers: int) -> Iterator[tuple[int, Thumb, RGB]]:
    """Yield each thumb's number in the scene and its picture, in the order of upper edges."""
    order = sorted(enumerate(scene.thumbs), key=lambda each: each[1].y)
    for some in chunked(order, _FETCHED):
        jpegs = fetch({thumb.key for _, thumb in some})
        there = [(at, thumb, jpegs[thumb.key]) for at, thumb in some if thumb.key in jpegs]
        yield from ordered_map(_decoded, there, workers, ahead=16)


def _decoded(job: tuple[int, Thumb, bytes]) -> tuple[int, Thumb, RGB]:
    """Decode a thumbnail and scale it to the largest size that fits its place."""
    at, thumb, jpeg = job
    picture = decode(jpeg, (thumb.height, thumb.width))
    scale = min(thumb.height / picture.shape[0], thumb.width / picture.shape[1])
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    if size == picture.shape[1::-1]:
        return at, thumb, picture
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return at, thumb, np.asarray(cv2.resize(picture, size, interpolation=how), np.uint8)


def _place(strip: RGB, thumb: Thumb, picture: RGB, top: int) -> None:
    height, width = picture.shape[:2]
    x, y = thumb.x + (thumb.width - width) // 2, thumb.y + (thumb.height - height) // 2 - top
    if thumb.border is not None:
        edge = max(1, thumb.width // 24)
        _paint(strip, x - edge, y - edge, width + 2 * edge, height + 2 * edge, thumb.border)
    rows, cols = slice(max(y, 0), min(y + height, len(strip))), slice(max(x, 0), min(x + width, strip.shape[1]))
    if rows.start < rows.stop and cols.start < cols.stop:
        strip[rows, cols] = picture[rows.start - y : rows.stop - y, cols.start - x : cols.stop - x]


def _paint(strip: RGB, x: int, y: int, width: int, height: int, colour: Colour) -> None:
    strip[max(y, 0) : max(y + height, 0), max(x, 0) : max(x + width, 0)] = colour


def _written(strip: RGB, labels: Sequence[Label], top: int) -> RGB:
    image = Image.fromarray(strip)
    draw = ImageDraw.Draw(image)
    for label in labels:
        halo = 0 if label.halo is None else max(1, round(label.size * _HALO))
        draw.text(
            (label.x, label.y - top), label.text, font=font(label.size), fill=label.colour,
            anchor="ma" if label.centred else "la", stroke_width=halo, stroke_fill=label.halo,
        )  # fmt: skip
    return np.asarray(image)
