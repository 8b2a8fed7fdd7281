"""A picture's file without its metadata, for decoders that fail on damaged metadata: only the pixels have to be good.

Parts of the file are left out or blanked; nothing is decoded. The orientation is kept where possible.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from struct import unpack_from

import simplejpeg

_PNG_METADATA = frozenset(
    b"acTL bKGD caBX cHRM cICP cLLI dSIG eXIf fcTL fdAT gAMA gIFg gIFt gIFx hIST iCCP iDOT iTXt mDCV oFFs pCAL pHYs "
    b"sBIT sCAL sPLT sRGB sTER tEXt tIME vpAg zTXt".split()
)
"""Chunks that the first picture does not need. Others are kept: they may be needed chunks with a damaged name."""
_JPEG_END = b"\xff\xd9"
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""A JPEG marker; within a scan, 0xff is followed by 0 or a restart marker."""


def without_metadata(data: bytes, kind: str) -> bytes | None:
    """Give a picture's content without its metadata; None if nothing can be left out.

    Args:
        data: The content of a file.
        kind: Its format: "JPEG", "PNG", ...
    """
    strip = _STRIPPERS.get(kind)
    try:
        stripped = strip(data) if strip else None
    except struct.error:
        return None
    return stripped if stripped != data else None


def with_jpeg_end(data: bytes) -> bytes | None:
    """Add the end mark to a JPEG, if only that is missing and the picture is complete; else None.

    Strict decoding shows whether it is complete: if data are missing, libjpeg warns. A file that ends between two scans
    decodes without a warning, so whether its scans complete the picture is checked too.
    """
    if data.rstrip(b"\0").endswith(_JPEG_END):
        return None
    ended = data.removesuffix(b"\xff") + _JPEG_END
    try:
        colourspace = simplejpeg.decode_jpeg_header(ended)[2]
        wanted = "CMYK" if colourspace in ("CMYK", "YCCK") else "GRAY"
        simplejpeg.decode_jpeg(ended, colorspace=wanted, min_height=1, min_width=1)
        return ended if _complete(ended) else None
    except (ValueError, KeyError, struct.error):
        return None


def segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Give the segments of a JPEG, skipping anything between them: marker, start and end."""
    at = 2
    while (found := _MARKER.search(data, at)) and found.start() + 4 <= len(data):
        at = found.start()
        marker, length = unpack_from(">HH", data, at)
        if marker == 0xFFD9:
            return
        yield marker, at, at + 2 + length
        at += 2 + length


def _complete(data: bytes) -> bool:
    """Tell whether the scans of a JPEG complete every coefficient of every component, to the last bit."""
    missing: dict[int, set[int]] = {}
    for marker, at, _ in segments(data):
        if marker in (0xFFC0, 0xFFC1, 0xFFC2):  # sequential and progressive
            missing = {component: set(range(64)) for component in data[at + 10 : at + 10 + 3 * data[at + 9] : 3]}
        if marker == 0xFFDA:
            components = data[at + 5 : at + 5 + 2 * data[at + 4] : 2]
            first, last, bits = data[at + 5 + 2 * len(components) : at + 8 + 2 * len(components)]
            for component in components if bits & 15 == 0 else ():  # this scan has the last bit
                missing[component].difference_update(range(first, last + 1))
    return bool(missing) and not any(missing.values())


def _jpeg(data: bytes) -> bytes:
    """Keep the JFIF and Adobe headers, which define how colours are coded, and EXIF."""
    parts, at = [data[:2]], 2
    for marker, at, end in segments(data):
        if marker == 0xFFDA:
            break
        body = data[at + 4 : end]
        needed = (
            (marker == 0xFFE0 and body.startswith(b"JFIF\0") and len(body) >= 14)
            or (marker == 0xFFEE and body.startswith(b"Adobe") and len(body) >= 12)
            or (marker == 0xFFE1 and body.startswith(b"Exif\0\0"))
        )
        if needed or not (0xFFE0 <= marker <= 0xFFEF or marker == 0xFFFE):
            parts.append(data[at:end])
    return b"".join((*parts, data[at:]))


def _png(data: bytes) -> bytes:
    """Leave out the chunks of metadata and of further frames, but keep EXIF if it is intact."""
    parts, at = [data[:8]], 8
    while at + 12 <= len(data):
        (length,) = unpack_from(">L", data, at)
        kind, end = data[at + 4 : at + 8], at + 12 + length
        whole = end <= len(data) and unpack_from(">L", data, end - 4)[0] == zlib.crc32(data[at + 4 : end - 4])
        if kind not in _PNG_METADATA or (kind == b"eXIf" and whole):
            parts.append(data[at:end])
        at = end
    return b"".join((*parts, data[at:]))


def _webp(data: bytes) -> bytes:
    """Keep the chunks of pixels and frames."""
    parts, at = [], 12
    while at + 8 <= len(data):
        kind, length = data[at : at + 4], unpack_from("<L", data, at + 4)[0]
        end = at + 8 + length + length % 2
        chunk = data[at:end]
        if kind == b"VP8X":  # flags for the chunks present: 32 ICC, 8 EXIF, 4 XMP
            chunk = chunk[:8] + bytes([chunk[8] & ~0b101100]) + chunk[9:]
        if kind in (b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"):
            parts.append(chunk)
        at = end
    body = b"".join((b"WEBP", *parts))
    return b"RIFF" + struct.pack("<L", len(body)) + body


def _avif(data: bytes) -> bytes:
    """Rename the items that hold EXIF and XMP, so that they are not read; orientation is stored elsewhere."""
    return re.sub(rb"(infe[\2\3].{7,9}?)(?:Exif|mime)", rb"\1skip", data[: 2**16], flags=re.DOTALL) + data[2**16 :]


_STRIPPERS: dict[str, Callable[[bytes], bytes]] = {"JPEG": _jpeg, "PNG": _png, "WEBP": _webp, "AVIF": _avif}
"""TIFF, GIF and BMP have no optional part that makes Pillow fail."""
