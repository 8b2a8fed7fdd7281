"""Bytes -> RGB: detect the format, estimate the cost, and decode in this process or, if large, in a separate one."""

from __future__ import annotations

from posterity.errors import ImageError
from posterity.images.apart import decoded_apart
from posterity.images.cost import cost_of
from posterity.images.decoders import Decoded, Limits, check_size, decoded_here
from posterity.images.exif import RGB

_MAGIC = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)


def sniff(start: bytes) -> str | None:
    """Detect a picture's format from the first 32 bytes of its file, whatever its name; None if it is not a picture.

    >>> sniff(b"GIF89a..."), sniff(b"%PDF-1.7")
    ('GIF', None)
    """
    for magic, name in _MAGIC:
        if start.startswith(magic):
            return name
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WEBP"
    if start[4:8] == b"ftyp" and b"avi" in start[8:32]:
        return "AVIF"
    return None


def decode(data: bytes, at_least: tuple[int, int] | None = None, limits: Limits = Limits()) -> RGB:
    """Decode a file's content.

    Args:
        data: The whole content of the file.
        at_least: (height, width) needed; the result may be a reduced copy that is no smaller. None: full size.
        limits: Limits on the pictures that are accepted.

    Raises:
        ImageError: The content is not a picture, is broken, or is outside the limits.
    """
    return examine(data, at_least, limits).pixels


def examine(data: bytes, at_least: tuple[int, int] | None = None, limits: Limits = Limits()) -> Decoded:
    """Decode a file's content, and describe the file; arguments and errors are those of :func:`decode`."""
    if not data:
        raise ImageError("empty", "the file is empty")
    kind = sniff(data[:32])
    if kind is None:
        raise ImageError("not_an_image", f"starts with {data[:8]!r}, which is not a supported picture format")
    cost = cost_of(data, kind)
    if cost.pixels > limits.max_pixels:
        check_size(cost.width, cost.height, limits)
    cost.check()
    if cost.large:
        return decoded_apart(data, kind, at_least, limits)
    return decoded_here(data, kind, at_least, limits)
