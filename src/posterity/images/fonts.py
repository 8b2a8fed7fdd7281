"""Lettering for pictures: Roboto, which has the Latin, Greek and Cyrillic scripts (Pillow's own font lacks accents)."""

from __future__ import annotations

from functools import cache
from typing import Literal

import font_roboto
from PIL import ImageFont

Weight = Literal["Light", "", "Medium", "Bold", "Black"]


@cache
def font(size: int, weight: Weight = "") -> ImageFont.FreeTypeFont:
    """Give Roboto at a size in pixels; the weight "" is regular."""
    return ImageFont.truetype(getattr(font_roboto, f"Roboto{weight}"), size)


def shortened(text: str, room: float, size: int = 16) -> str:
    """Shorten a line to fit into a width in pixels; a shortened line ends in an ellipsis."""
    letters = font(size)
    if letters.getlength(text) <= room:
        return text
    fits = (n for n in range(len(text), 0, -1) if letters.getlength(text[:n] + "…") <= room)
    return text[: next(fits, 0)].rstrip() + "…"
