"""What decoding a picture would cost, estimated from its header before anything is decoded.

A file of a few kilobytes can take minutes (a progressive JPEG of thousands of scans) or gigabytes (16 or 32 bits per
channel) to decode.
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
"""The most scans of a JPEG; encoders write about ten."""

MOST_PASSES = 1_000_000_000
"""The most scans times pixels, which libjpeg processes at some 300 million per second."""

USUAL_SCANS = 16
"""Up to this many scans, a picture of any size is decoded."""

MOST_BYTES = 512 * 2**20
"""The most memory that decoding one picture may take."""

MOST_DEEP = 40_000_000
"""The most pixels of a picture with 16 or 32 bits per channel, whose values are scaled to 8 bits one by one."""

LARGE_BYTES = 64 * 2**20
"""A picture that takes more memory than this is decoded in a separate process, one at a time."""

# For two bytes in a row, regular expressions are three times as fast as counting and searching.
_SCAN = re.compile(rb"\xff\xda")
_PROGRESSIVE = re.compile(rb"\xff\xc2")

_CHANNEL_BYTES = {"1": 1, "L": 1, "P": 1}
"""Pillow's mode -> bytes per pixel; other modes take four."""


@dataclass(frozen=True)
class Cost:
    """What decoding takes.

    Attributes:
        width: Width in pixels.
        height: Height in pixels.
        scans: Number of passes that a JPEG makes over its pixels; 1 for other formats.
        bytes: Peak memory in bytes.
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
        """Whether to decode it in a separate process."""
        return self.bytes > LARGE_BYTES or self.scans * self.pixels > MOST_PASSES // 10

    def check(self) -> None:
        """Make sure that the cost is within the limits.

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
    """Estimate a picture's cost from its header; one that cannot be read costs nothing, since decoding will report it.

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
    except Exception:  # Pillow's plugins raise all kinds of exceptions on broken files
        return Cost(0, 0, 1, 0)
    deep = mode[0] in "IF"  # 16 and 32 bits are converted to 8 in an array next to the picture
    each = 4 if mode.startswith("I;16") else 8 if deep else _CHANNEL_BYTES.get(mode, 4)
    return Cost(width, height, 1, width * height * each, deep)


def _jpeg(data: bytes) -> Cost:
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError:
        return Cost(0, 0, 1, 0)
    scans = len(_SCAN.findall(data))
    progressive = scans > 1 or _PROGRESSIVE.search(data, 0, 2**16) is not None
    if scans > USUAL_SCANS:  # an appended video may hold such bytes too, so count exactly
        scans = sum(marker == 0xFFDA for marker, _, _ in segments(data))
    # A progressive JPEG keeps all coefficients in memory, 16 bits each, whatever size is requested.
    return Cost(width, height, max(scans, 1), width * height * (6 if progressive else 3))
