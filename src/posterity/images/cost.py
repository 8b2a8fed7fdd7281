"""What decoding a picture would cost, told by its header before anything is decoded.

A few kilobytes can ask for minutes (a progressive JPEG of thousands of scans) or for gigabytes (16 or 32 bits a
channel).
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

import simplejpeg
from PIL import Image

from posterity.errors import ImageError
from posterity.images.stripping import segments

MOST_SCANS = 500
"""Scans of a JPEG; encoders write about ten."""

MOST_PASSES = 1_000_000_000
"""Scans times pixels: what libjpeg goes over, some 300 million a second."""

USUAL_SCANS = 16
"""Of so many scans a picture of any size is decoded."""

MOST_BYTES = 512 * 2**20
"""Memory that decoding one picture may take."""

MOST_DEEP = 40_000_000
"""Pixels of a picture of 16 or 32 bits a channel, whose numbers are stretched to 8 one by one."""

LARGE_BYTES = 64 * 2**20
"""A picture that takes more than this is decoded by itself, in a process of its own."""

# Of bytes, patterns find two in a row three times as fast as counting and searching do.
_SCAN = re.compile(rb"\xff\xda")
_PROGRESSIVE = re.compile(rb"\xff\xc2")

_CHANNEL_BYTES = {"1": 1, "L": 1, "P": 1}
"""Bytes a pixel as Pillow keeps it; those not named take four."""


@dataclass(frozen=True)
class Cost:
    """What decoding takes.

    Attributes:
        width: In pixels.
        height: Likewise.
        scans: How often a JPEG goes over its pixels; 1 for other formats.
        bytes: Memory, at its peak.
        deep: Whether a channel has more than 8 bits once it is decoded.
    """

    width: int
    height: int
    scans: int
    bytes: int
    deep: bool = False

    @property
    def pixels(self) -> int:
        """Width times height."""
        return self.width * self.height

    @property
    def large(self) -> bool:
        """Whether it is to be decoded apart from others."""
        return self.bytes > LARGE_BYTES or self.scans * self.pixels > MOST_PASSES // 10

    def check(self) -> None:
        """Make sure that it is bearable.

        Raises:
            ImageError: "too_costly".
        """
        if self.scans > MOST_SCANS or (self.scans > USUAL_SCANS and self.scans * self.pixels > MOST_PASSES):
            raise ImageError("too_costly", f"a JPEG of {self.scans:,} scans; encoders write about ten")
        if self.deep and self.pixels > MOST_DEEP:
            raise ImageError(
                "too_costly",
                f"{self.pixels / 1e6:,.0f} megapixels of 16 or 32 bits a channel; the cap is {MOST_DEEP / 1e6:,.0f}. "
                "Save it with 8 bits",
            )
        if self.bytes > MOST_BYTES:
            raise ImageError(
                "too_costly",
                f"decoding it would take {self.bytes / 2**20:,.0f} MiB, over the limit of {MOST_BYTES / 2**20:,.0f}",
            )


def cost_of(data: bytes, kind: str) -> Cost:
    """Weigh a picture by its header; what cannot be read costs nothing, for decoding it will say so.

    Args:
        data: The content of a file.
        kind: Its format: "JPEG", "PNG", ...
    """
    if kind == "JPEG":
        return _jpeg(data)
    try:
        with Image.open(io.BytesIO(data), formats=[kind]) as image:
            width, height = image.size
            mode = image.mode
    except Exception:  # Pillow's plugins raise what they please on broken files
        return Cost(0, 0, 1, 0)
    deep = mode[0] in "IF"  # 16 and 32 bits are brought to 8 by way of an array beside the picture
    each = 4 if mode.startswith("I;16") else 8 if deep else _CHANNEL_BYTES.get(mode, 4)
    return Cost(width, height, 1, width * height * each, deep)


def _jpeg(data: bytes) -> Cost:
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError:
        return Cost(0, 0, 1, 0)
    scans = len(_SCAN.findall(data))
    progressive = scans > 1 or _PROGRESSIVE.search(data, 0, 2**16) is not None
    if scans > USUAL_SCANS:  # an appended film may hold such bytes too: count for certain
        scans = sum(marker == 0xFFDA for marker, _, _ in segments(data))
    # Of a progressive one all coefficients are kept, 16 bits each, whatever is asked for.
    return Cost(width, height, max(scans, 1), width * height * (6 if progressive else 3))
