"""Write scenes into files in the format of their ending, completely or not at all."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from posterity.errors import ArgumentError
from posterity.render.raster.dzi import manifest, write_tiles
from posterity.render.raster.png import write_png
from posterity.render.raster.scene import STRIP, Fetch, Scene, strips
from posterity.render.raster.svg import write_svg
from posterity.runtime.filenames import escape, whole, writing
from posterity.runtime.progress import progress

RGB = NDArray[np.uint8]

MAX_SIDE = 30_000
"""Maximum side of a picture in pixels, set by what image viewers can open."""

_PILLOWS = {".webp": ("WEBP", 16_383), ".tif": ("TIFF", MAX_SIDE), ".tiff": ("TIFF", MAX_SIDE)}
_HELD = 100_000_000
"""Maximum number of pixels of a picture that Pillow writes, since it holds all of them in memory."""

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".svg", ".dzi")

QUALITY = 90


def write(
    scene: Scene,
    fetch: Fetch,
    path: str | os.PathLike[str],
    *,
    dpi: float | None = None,
    workers: int = 0,
    show_progress: bool | None = False,
) -> Path:
    """Draw a scene into a file.

    .png, .svg and .dzi (with a folder of tiles beside it) are written as they are drawn, with memory that does not grow
    with the picture; .jpg through a temporary file; .webp and .tif up to 100 megapixels.

    Args:
        scene: The scene to draw.
        fetch: Returns thumbnails by their keys.
        path: The file to write; an existing one is replaced.
        dpi: Pixels per inch for printing; in .png, .jpg and .tif.
        workers: Number of threads; 0 uses all cores.
        show_progress: True and False force the bar; None shows it on a terminal.

    Raises:
        ArgumentError: The ending does not name a format, or the picture is too large for it.
        StorageError: The file cannot be written.
    """
    target = Path(path)
    ending = known_ending(target)
    check(scene, ending)
    with progress("Drawing", len(scene.thumbs), show_progress) as bar:

        def fetched(keys: Iterable[str]) -> dict[str, bytes]:
            found = dict(fetch(keys))
            bar.update(len(found))
            return found

        if ending == ".dzi":
            with writing(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                _write_dzi(scene, fetched, target, workers)
            return target
        with whole(target) as temporary, temporary.open("wb") as file:
            if ending == ".svg":
                write_svg(file, scene, fetched, workers)
            elif ending == ".png":
                write_png(file, scene.width, scene.height, strips(scene, fetched, workers), dpi, workers)
            else:
                file.write(_through_a_file(scene, fetched, ending, dpi, workers, target.parent))
    return target


def known_ending(path: str | os.PathLike[str]) -> str:
    """Return the ending of a file that a scene can be drawn into.

    Raises:
        ArgumentError: The ending does not name a format.
    """
    ending = Path(path).suffix.lower()
    if ending not in ENDINGS:
        raise ArgumentError(
            f"{escape(os.fspath(path))}: unknown picture format {ending!r}", f"Use one of {', '.join(ENDINGS)}."
        )
    return ending


def check(scene: Scene, ending: str) -> None:
    """Refuse a picture too large for its format before anything is drawn.

    Raises:
        ArgumentError: The picture is too large for the format.
    """
    pixels, side = scene.width * scene.height, max(scene.width, scene.height)
    if ending != ".svg" and side > MAX_SIDE:
        raise ArgumentError(
            f"a picture of {scene.width}×{scene.height} is over {MAX_SIDE} pixels a side", "Make cells narrower."
        )
    if ending in _PILLOWS and (pixels > _HELD or side > _PILLOWS[ending][1]):
        raise ArgumentError(
            f"a picture of {scene.width}×{scene.height} is too large for {ending}", "Use .png, .jpg, .svg or .dzi."
        )


def preview(scene: Scene, fetch: Fetch, most: int = MAX_SIDE, workers: int = 0) -> Image.Image:
    """Draw a scene into memory, halved until no side is longer than ``most``."""
    shrink = 1
    while max(scene.width, scene.height) > most * shrink and shrink < STRIP:
        shrink *= 2
    if shrink == 1:
        return Image.fromarray(np.concatenate(list(strips(scene, fetch, workers))))
    width = max(1, scene.width // shrink)
    rows = [
        cv2.resize(strip, (width, max(1, len(strip) // shrink)), interpolation=cv2.INTER_AREA)
        for strip in strips(scene, fetch, workers)
    ]
    return Image.fromarray(np.concatenate(rows))


def _through_a_file(
    scene: Scene, fetch: Fetch, ending: str, dpi: float | None, workers: int, folder: Path
) -> bytes | memoryview:
    """Encode with a library that needs all pixels at once, from a file mapped into memory."""
    with tempfile.TemporaryFile(dir=folder) as file:
        pixels = np.memmap(file, np.uint8, "w+", shape=(scene.height, scene.width, 3))
        top = 0
        for strip in strips(scene, fetch, workers):
            pixels[top : top + len(strip)] = strip
            top += len(strip)
        if ending in (".jpg", ".jpeg"):
            return _with_density(bytes(simplejpeg.encode_jpeg(pixels, QUALITY, "RGB", "444")), dpi)
        written = io.BytesIO()
        options = {"dpi": (dpi, dpi)} if dpi is not None and ending != ".webp" else {}
        Image.fromarray(pixels).save(written, format=_PILLOWS[ending][0], **options)
        return written.getbuffer()


def _with_density(jpeg: bytes, dpi: float | None) -> bytes:
    """Write pixels per inch into the JFIF header (ITU-T T.871): unit 1, then across and down, 16 bits each."""
    at = jpeg.find(b"JFIF\0", 0, 64)
    if dpi is None or at < 0:
        return jpeg
    density = min(round(dpi), 65_535).to_bytes(2, "big")
    return jpeg[: at + 7] + b"\x01" + density * 2 + jpeg[at + 12 :]


def _write_dzi(scene: Scene, fetch: Fetch, target: Path, workers: int) -> None:
    tiles = target.with_name(f"{target.stem}_files")
    if tiles.exists() and not target.exists():
        raise ArgumentError(
            f"{escape(str(tiles))} already exists and does not belong to a .dzi file",
            "Name another file, or move the folder.",
        )
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.stem[:80]}.", suffix=".part", dir=target.parent))
    try:
        write_tiles(temporary, scene.width, scene.height, strips(scene, fetch, workers), workers)
        temporary.chmod(0o755)
        if tiles.exists():
            shutil.rmtree(tiles)
        temporary.rename(tiles)
        target.write_text(manifest(scene.width, scene.height), encoding="utf-8")
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
