"""PNG files written as their pixels arrive, with memory that does not grow with the picture.

*Portable Network Graphics (PNG) Specification*, 3rd ed., W3C 2025. Strips are filtered and deflated
separately, in threads: each ends on a byte, so that together they form one zlib stream (RFC 1950, 1951).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import IO

import numpy as np
from numpy.typing import NDArray

from posterity.runtime.parallel import n_workers, ordered_map

RGB = NDArray[np.uint8]

LEVEL = 1
"""Compression level. Higher levels make posters a few percent smaller and take several times as long."""

_UP = 2
"""The filter "up": each byte less the one above it."""


def write_png(
    file: IO[bytes], width: int, height: int, strips: Iterable[RGB], dpi: float | None = None, workers: int = 0
) -> None:
    """Write a picture.

    Args:
        file: A file open for writing.
        width: Width in pixels.
        height: Height in pixels.
        strips: (h, width, 3) uint8 from top to bottom, ``height`` rows in total.
        dpi: Pixels per inch for printing.
        workers: Number of threads; 0 uses all cores.
    """
    file.write(b"\x89PNG\r\n\x1a\n")
    _chunk(file, b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    if dpi is not None:
        per_metre = round(dpi / 0.0254)
        _chunk(file, b"pHYs", struct.pack(">IIB", per_metre, per_metre, 1))
    checksum, first = 1, b"\x78\x01"
    for length, adler, deflated in ordered_map(_deflated, _with_line_above(strips), n_workers(workers), ahead=2):
        checksum = _joined(checksum, adler, length)
        _chunk(file, b"IDAT", first + deflated)
        first = b""
    _chunk(file, b"IDAT", first + b"\x03\x00" + struct.pack(">I", checksum))
    _chunk(file, b"IEND", b"")


def _with_line_above(strips: Iterable[RGB]) -> Iterator[tuple[RGB, RGB]]:
    """Yield each strip with the last row of the one before."""
    above: RGB | None = None
    for strip in strips:
        yield strip, np.zeros_like(strip[:1]) if above is None else above
        above = strip[-1:].copy()


def _deflated(job: tuple[RGB, RGB]) -> tuple[int, int, bytes]:
    """Filter and deflate a strip; return its length, its Adler-32 and its blocks."""
    strip, above = job
    lines = np.empty((len(strip), 1 + strip.shape[1] * 3), np.uint8)
    lines[:, 0] = _UP
    body = lines[:, 1:].reshape(strip.shape[0], -1)
    flat = strip.reshape(len(strip), -1)
    np.subtract(flat[:1], above.reshape(1, -1), out=body[:1])
    np.subtract(flat[1:], flat[:-1], out=body[1:])
    data = lines.tobytes()
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -15)
    return len(data), zlib.adler32(data), packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH)


def _joined(one: int, other: int, length: int) -> int:
    """Combine the Adler-32 of two pieces of data, given the length of the second (zlib's formula)."""
    base = 65521
    a1, b1, a2, b2 = one & 0xFFFF, one >> 16, other & 0xFFFF, other >> 16
    a = (a1 + a2 - 1) % base
    b = (b1 + b2 + length % base * (a1 - 1)) % base
    return b << 16 | a


def _chunk(file: IO[bytes], kind: bytes, data: bytes) -> None:
    file.write(struct.pack(">I", len(data)) + kind)
    file.write(data)
    file.write(struct.pack(">I", zlib.crc32(data, zlib.crc32(kind))))
