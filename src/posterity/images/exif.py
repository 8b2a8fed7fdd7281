"""Which way up a picture is: its EXIF orientation, read as far as possible, and what is wrong with the rest.

Pillow reads EXIF too, but for damaged blocks it raises an exception, or issues a warning through process-wide state; a
damaged block must neither lose a picture nor print anything. Only the first directory of EXIF (CIPA DC-008, a TIFF in
miniature) matters here.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from struct import unpack_from

import numpy as np
from numpy.typing import NDArray
from PIL import Image

RGB = NDArray[np.uint8]

_ORIENTATION = 0x0112
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
"""Type of a value -> its length in bytes."""
_RATIONALS = (5, 10)
_EXIF = re.compile(rb"\xff\xe1..Exif\0\0", re.DOTALL)
_BY_XMP = re.compile(rb"tiff:Orientation(?:=[\"']|>)([1-8])")


@dataclass(frozen=True)
class Mark:
    """What a picture's metadata say about which way up it is.

    Attributes:
        orientation: 1 to 8, as in EXIF; 0 if not stated.
        problem: What could not be read; empty if everything could.
    """

    orientation: int = 0
    problem: str = ""

    @property
    def swaps(self) -> bool:
        """Whether width and height are swapped when the picture is turned upright."""
        return self.orientation in (5, 6, 7, 8)


def read_exif(block: bytes) -> Mark:
    """Read an EXIF block, with or without its heading.

    >>> read_exif(b"Exif\\0\\0MM\\0*\\0\\0\\0\\x08\\0\\x01\\x01\\x12\\0\\x03\\0\\0\\0\\x01\\0\\x06\\0\\0\\0\\0\\0\\0")
    Mark(orientation=6, problem='')
    >>> read_exif(b"Exif\\0\\0garbage!").problem
    "EXIF starts with b'garb'"
    """
    tiff = re.sub(rb"\A(?:Exif\0\0){1,2}", b"", block)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return Mark(0, f"EXIF starts with {tiff[:4]!r}")
    orientation, problem = 0, ""
    try:
        for tag, kind, count, at in _entries(tiff, order):
            if tag == _ORIENTATION and kind in (3, 4):
                stated: int = unpack_from(order + ("H" if kind == 3 else "L"), tiff, at)[0]
                orientation = stated if stated <= 8 else 0
            problem = problem or _wrong(tiff, order, tag, kind, count, at)
    except struct.error:
        problem = problem or "EXIF ends too early"
    return Mark(orientation, problem)


def _entries(tiff: bytes, order: str) -> Iterator[tuple[int, int, int, int]]:
    """Give each entry of the first directory: tag, type, number of values, and their offset."""
    (directory,) = unpack_from(f"{order}L", tiff, 4)
    (n,) = unpack_from(f"{order}H", tiff, directory)
    for entry in range(directory + 2, directory + 2 + 12 * n, 12):
        tag, kind, count, value = unpack_from(f"{order}HHLL", tiff, entry)
        yield tag, kind, count, entry + 8 if _SIZES.get(kind, 1) * count <= 4 else value


def _wrong(tiff: bytes, order: str, tag: int, kind: int, count: int, at: int) -> str:
    """Describe what is wrong with an entry's values; empty if nothing is."""
    if kind not in _SIZES:
        return f"EXIF tag {tag} is of no known type"
    if at + _SIZES[kind] * count > len(tiff):
        return f"EXIF tag {tag} lies outside the block"
    if kind in _RATIONALS and any(not unpack_from(f"{order}L", tiff, at + 8 * i + 4)[0] for i in range(count)):
        return f"EXIF tag {tag} is a fraction with the denominator 0"
    return ""


def mark_of_jpeg(data: bytes) -> Mark:
    """Find which way up a JPEG is, from the EXIF block at its start, or else from XMP."""
    found = _EXIF.search(data, 0, 2**16 + 8)
    if found is None:
        return Mark()
    at = found.start()
    mark = read_exif(data[at + 4 : at + 2 + unpack_from(">H", data, at + 2)[0]])
    return mark if mark.orientation else _by_xmp(mark, data[: 2**17])


def mark_of(image: Image.Image) -> Mark:
    """Find which way up an opened image is, from EXIF or, if that does not say, from XMP.

    Pillow turns a TIFF upright when loading it, so nothing is reported for one here.
    """
    if image.format == "TIFF":
        return Mark()
    block = image.info.get("exif")
    profile = image.info.get("Raw profile type exif")  # as ImageMagick writes it: three lines, then hexadecimal
    if block is None and isinstance(profile, str):
        try:
            block = bytes.fromhex("".join(profile.split("\n")[3:]))
        except ValueError:
            return Mark(0, "EXIF is not in hexadecimal")
    mark = read_exif(block) if isinstance(block, bytes) and block else Mark()
    if mark.orientation:
        return mark
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    return _by_xmp(mark, xmp if isinstance(xmp, bytes) else str(xmp).encode())


def _by_xmp(mark: Mark, xmp: bytes) -> Mark:
    found = _BY_XMP.search(xmp)
    return Mark(int(found[1]), mark.problem) if found else mark


def upright(pixels: RGB, mark: Mark) -> RGB:
    """Turn pixels, (height, width, 3), the right way up."""
    turned = pixels.swapaxes(0, 1) if mark.swaps else pixels
    if mark.orientation in (3, 4, 7, 8):
        turned = turned[::-1]
    if mark.orientation in (2, 3, 6, 7):
        turned = turned[:, ::-1]
    return np.ascontiguousarray(turned)
