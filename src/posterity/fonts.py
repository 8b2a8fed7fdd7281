"""Lettering for pictures: Roboto, which has the Latin, Greek and Cyrillic scripts (Pillow's own font lacks accents)."""

from __future__ import annotations

from functools import cache
from typing import Literal

import font_roboto
from PIL import ImageFont

Weight = Literal["Light", "", "Medium", "Bold", "Black"]


@cache
def font(size: int, weight: Weight = "") -> ImageFont.FreeTypeFont:
    """Give Roboto in a size in pixels; the weight "" is the regular one."""
    return ImageFont.truetype(getattr(font_roboto, f"Roboto{weight}"), size)
