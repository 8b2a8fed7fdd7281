"""Matches as pictures, and what pictures are made and saved with."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from posterity.catalogue import Store
from posterity.catalogue.pictures import Shown, picture_of
from posterity.errors import ArgumentError, NoSuchPosterError
from posterity.images import decode
from posterity.images.fonts import font, shortened
from posterity.runtime.filenames import escape, whole
from posterity.search.query import Match, Matches, stripes

RGB = NDArray[np.uint8]

PAPER = (246, 244, 239)
INK = (28, 28, 30)
GREY = (112, 110, 106)


def draw_matches(store: Store, matches: Matches) -> Image.Image:
    """Draw a query beside its matches, with title and score under each."""
    posters = store.get(match.id for match in matches.matches)
    query = matches.query
    first = _query_picture(store, matches)
    columns = min(max(len(matches.matches), 1), 5)
    lines = -(-max(len(matches.matches), 1) // columns)
    margin, gap, caption = 28, 18, 78
    width, height = 200, 300
    big_width = width if lines == 1 else round(width * 1.5)
    big_height = big_width * 3 // 2
    left = margin + big_width + 2 * gap
    size = (
        left + gap + columns * (width + gap) - gap + margin,
        2 * margin + 30 + max(lines * (height + caption), big_height + caption),
    )
    image = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(image)
    top = margin + 30
    draw.text((margin, margin - 6), "Query", font=font(17), fill=GREY)
    draw.text((left + gap, margin - 6), f"Most alike by {matches.encoder}", font=font(17), fill=GREY)
    draw.line([(left, margin), (left, size[1] - margin)], fill=(214, 211, 204), width=1)
    paste(image, first, (margin, top), (big_height, big_width))
    _caption(draw, (margin, top + big_height + 8), big_width, "" if query.text else query.title, "")
    for index, match in enumerate(matches.matches):
        x = left + gap + index % columns * (width + gap)
        y = top + index // columns * (height + caption)
        paste(image, picture_of(store, posters[match.id], (height, width)), (x, y), (height, width))
        _caption(draw, (x, y + height + 8), width, _titled(match), f"{match.score:.3f}", _reasons(match))
    if not matches.matches:
        draw.text((left + gap, top), "no poster meets the conditions", font=font(17), fill=GREY)
    return image


def save(image: Image.Image, path: str | os.PathLike[str]) -> Path:
    """Write a picture whole or not at all; the file's ending tells the format.

    Raises:
        ArgumentError: The ending is that of no format.
        StorageError: The place cannot be written.
    """
    target = Path(path)
    known = {ending: name for ending, name in Image.registered_extensions().items() if name in Image.SAVE}
    format_ = known.get(target.suffix.lower())
    if format_ is None:
        raise ArgumentError(f"{escape(str(target))} has the ending of no picture format", "Use .png, .jpg or .webp.")
    with whole(target) as temporary:
        image.save(temporary, format=format_)
    return target


def paste(image: Image.Image, picture: RGB, at: tuple[int, int], size: tuple[int, int]) -> None:
    """Put a picture, as large as fits, at the bottom middle of a box of ``size`` = (height, width)."""
    scale = min(size[0] / picture.shape[0], size[1] / picture.shape[1])
    target = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    fitted = Image.fromarray(picture).resize(target, Image.Resampling.LANCZOS)
    image.paste(fitted, (at[0] + (size[1] - target[0]) // 2, at[1] + size[0] - target[1]))


def _query_picture(store: Store, matches: Matches) -> RGB:
    """Give the picture of a query; of words, a sheet with them on it."""
    if matches.query.text is not None:
        sheet = Image.new("RGB", (300, 450), (236, 233, 226))
        draw = ImageDraw.Draw(sheet)
        for row, line in enumerate(wrapped(draw, f"“{matches.query.text}”", 230, 12)):
            draw.text((30, 40 + row * 24), line, font=font(18), fill=INK)
        return np.asarray(sheet)
    if matches.query.colours:
        return stripes(matches.query.colours, 450 // len(matches.query.colours), 300)
    named = (*matches.query.likes, *matches.query.unlikes)
    known = store.get(name for name in named if not isinstance(name, Shown))

    def shown(name: str) -> RGB:
        if isinstance(name, Shown):
            return decode(name.data, (450, 300))
        if name not in known:
            raise NoSuchPosterError(name)
        return picture_of(store, known[name], (450, 300))

    likes = [shown(name) for name in matches.query.likes[:4]]
    if len(likes) == 1 and not matches.query.unlikes:
        return likes[0]
    # Several: side by side, and what is to be unlike dark and grey.
    return montage([*likes, *(_dimmed(shown(name)) for name in matches.query.unlikes[:2])])


def _dimmed(picture: RGB) -> RGB:
    grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return np.asarray(grey // 2, np.uint8)


def montage(pictures: Sequence[RGB], size: tuple[int, int] = (450, 300)) -> RGB:
    """Put a few pictures on one sheet, two a line."""
    columns = 1 if len(pictures) == 1 else 2
    lines = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (size[1], size[0]), PAPER)
    cell = (size[0] // lines, size[1] // columns)
    for at, picture in enumerate(pictures):
        corner = (at % columns * cell[1] + 3, at // columns * cell[0] + 3)
        paste(sheet, picture, corner, (cell[0] - 6, cell[1] - 6))
    return np.asarray(sheet)


def _titled(match: Match) -> str:
    return f"{match.title} ({match.year})" if match.year else match.title


def _reasons(match: Match) -> str:
    """Write each facet's part in a score, short enough to stand below a poster."""
    parts = match.contributions or {}
    return "  ".join(f"{name[:4]}\u00a0{part:+.1f}" for name, part in parts.items()) if len(parts) > 1 else ""


def _caption(
    draw: ImageDraw.ImageDraw, at: tuple[int, int], width: int, title: str, score: str, reasons: str = ""
) -> None:
    x, y = at
    for line in wrapped(draw, title, width, 1 if reasons else 2):
        draw.text((x, y), line, font=font(16), fill=INK)
        y += 20
    draw.text((x, y + 2), score, font=font(15), fill=GREY)
    for row, line in enumerate(wrapped(draw, reasons, round(width * 1.2), 2)):
        draw.text((x, y + 22 + 15 * row), line, font=font(13), fill=GREY)


def wrapped(draw: ImageDraw.ImageDraw, text: str, width: int, most: int) -> list[str]:
    """Break a text into at most so many lines of so many pixels; what does not fit ends in an ellipsis."""
    lines: list[str] = []
    words = text.split()
    while words and len(lines) < most:
        line = words.pop(0)
        while words and draw.textlength(f"{line} {words[0]}", font=font(16)) <= width:
            line += f" {words.pop(0)}"
        last = len(lines) == most - 1
        lines.append(shortened(f"{line} {' '.join(words)}" if last and words else line, width))
    return lines
