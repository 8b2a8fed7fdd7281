"""Drawing tools for pictures of results: colours, posters in boxes, lines of text; and saving."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from posterity.errors import ArgumentError
from posterity.images.fonts import font, shortened
from posterity.runtime.filenames import escape, whole

RGB = NDArray[np.uint8]

PAPER = (246, 244, 239)
INK = (28, 28, 30)
GREY = (112, 110, 106)
LINE = (214, 211, 204)
ACCENT = (196, 62, 38)


def save(image: Image.Image, path: str | os.PathLike[str]) -> Path:
    """Save a picture, completely or not at all, in the format of the file's ending.

    Raises:
        ArgumentError: The ending does not name a format.
        StorageError: The file cannot be written.
    """
    target = Path(path)
    known = {ending: name for ending, name in Image.registered_extensions().items() if name in Image.SAVE}
    format_ = known.get(target.suffix.lower())
    if format_ is None:
        raise ArgumentError(
            f"{escape(str(target))}: unknown picture format {target.suffix!r}", "Use .png, .jpg or .webp."
        )
    with whole(target) as temporary:
        image.save(temporary, format=format_)
    return target


def paste(image: Image.Image, picture: RGB, at: tuple[int, int], size: tuple[int, int]) -> None:
    """Paste a picture, as large as fits, at the bottom centre of a box of ``size`` = (height, width)."""
    scale = min(size[0] / picture.shape[0], size[1] / picture.shape[1])
    target = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    fitted = Image.fromarray(picture).resize(target, Image.Resampling.LANCZOS)
    image.paste(fitted, (at[0] + (size[1] - target[0]) // 2, at[1] + size[0] - target[1]))


def montage(pictures: Sequence[RGB], size: tuple[int, int] = (450, 300)) -> RGB:
    """Arrange a few pictures on one sheet, two to a row."""
    columns = 1 if len(pictures) == 1 else 2
    lines = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (size[1], size[0]), PAPER)
    cell = (size[0] // lines, size[1] // columns)
    for at, picture in enumerate(pictures):
        corner = (at % columns * cell[1] + 3, at // columns * cell[0] + 3)
        paste(sheet, picture, corner, (cell[0] - 6, cell[1] - 6))
    return np.asarray(sheet)


def dimmed(picture: RGB) -> RGB:
    """Make a picture grey and half as bright."""
    grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return np.asarray(grey // 2, np.uint8)


def lit(picture: RGB, grid: NDArray[np.float64]) -> RGB:
    """Show the selected regions in colour, the others dark and grey."""
    strongest = float(grid.max())
    light = np.clip(grid / strongest if strongest > 0 else np.zeros_like(grid), 0, 1) ** 0.7
    shade = cv2.resize(light.astype(np.float32), picture.shape[1::-1], interpolation=cv2.INTER_CUBIC).clip(0, 1)
    grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB) * 0.3
    mixed = grey + (picture - grey) * shade[..., None]
    return np.asarray(mixed.clip(0, 255), np.uint8)


def wrapped(draw: ImageDraw.ImageDraw, text: str, width: int, most: int) -> list[str]:
    """Break a text into at most ``most`` lines of ``width`` pixels, ending in an ellipsis if it does not fit."""
    lines: list[str] = []
    words = text.split()
    while words and len(lines) < most:
        line = words.pop(0)
        while words and draw.textlength(f"{line} {words[0]}", font=font(16)) <= width:
            line += f" {words.pop(0)}"
        last = len(lines) == most - 1
        lines.append(shortened(f"{line} {' '.join(words)}" if last and words else line, width))
    return lines
