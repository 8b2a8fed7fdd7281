"""The decoders, strictly: a picture, or one :class:`~posterity.errors.ImageError` with the reason.

Ordinary JPEGs, which most posters are, take a fast path: libjpeg-turbo through simplejpeg, at the smallest of its
reduced scales that still covers the size needed, treating libjpeg's warnings as errors. Everything else (other formats
and modes, damaged files) is decoded by Pillow, which supports more and is slower. Measured on 185 px wide posters, with
one thread: 4,500 pictures/s at half scale, compared with 1,400/s for Pillow.

Whether a picture is kept depends only on its pixels. If a decoder fails, it gets the file again without its metadata
(:mod:`.stripping`); a picture that then decodes, just as strictly, is kept and flagged.
"""

from __future__ import annotations

import ctypes
import io
import warnings
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Literal

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from posterity.errors import ImageError
from posterity.images.exif import RGB, Mark, mark_of, mark_of_jpeg, upright
from posterity.images.stripping import with_jpeg_end, without_metadata

BACKGROUND = (255, 255, 255)
"""What shows through transparent pixels: white, the paper that posters are printed on."""

DAMAGED_METADATA = "damaged_metadata"
"""Flag of a picture whose pixels are intact, but whose other data are damaged."""

_BROKEN = ("corrupt", "truncated")

_REDUCED_FIRST = 16_000_000
"""Pictures of more pixels are shrunk before they are converted."""

_REDUCIBLE = ("L", "LA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV")
"""Modes whose pixels can be averaged as they are."""

_BLOCK_ROWS = 256

# Our own limit is at or below the size at which Pillow starts to warn, so its warning would only repeat ours.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

# libtiff prints errors straight to standard error; Pillow raises the same errors as exceptions.
with suppress(AttributeError, OSError):  # if Pillow has no libtiff, or does not export it
    ctypes.CDLL(import_module("PIL._imaging").__file__).TIFFSetErrorHandler(None)


@dataclass(frozen=True)
class Limits:
    """Limits on the pictures that are accepted.

    Attributes:
        max_pixels: Limit on width times height, checked before anything is decoded.
        min_side: The least length of the shorter side in pixels.
        max_bytes: Limit on a file's size, checked before anything is read.
    """

    max_pixels: int = 80_000_000
    min_side: int = 16
    max_bytes: int = 256 * 2**20


@dataclass(frozen=True)
class Decoded:
    """A picture and what its file says about it.

    Attributes:
        pixels: RGB, uint8, (height, width, 3); possibly a reduced copy, if less than full size was needed.
        format: "JPEG", "PNG", ...
        mode: Pillow's name of the stored mode: "RGB", "CMYK", "P", "I;16", ...
        width: Width of the full picture in pixels, after turning it upright.
        height: Height of the full picture in pixels, after turning it upright.
        flags: (code, detail) of anything unusual: "animated", "damaged", "damaged_metadata".
    """

    pixels: RGB
    format: str
    mode: str
    width: int
    height: int
    flags: tuple[tuple[str, str], ...] = ()


def decoded_here(data: bytes, kind: str, at_least: tuple[int, int] | None, limits: Limits) -> Decoded:
    """Decode a file's content, of a known format, in this process."""
    if kind == "JPEG":
        if found := _plain_jpeg(data, at_least, limits):
            return found
        if ended := with_jpeg_end(data):
            return _flagged(_decoded(ended, kind, at_least, limits), "the file lacks its end mark")
    try:
        return _any_picture(data, kind, at_least, limits)
    except ImageError as error:
        stripped = without_metadata(data, kind) if error.reason in _BROKEN else None
        if stripped is None:
            raise
        try:
            return _flagged(_decoded(stripped, kind, at_least, limits), f"not read: {error.detail}")
        except ImageError as second:  # if both failures are damage, report the first; limits always take precedence
            raise (error if second.reason in _BROKEN else second) from None


def _decoded(data: bytes, kind: str, at_least: tuple[int, int] | None, limits: Limits) -> Decoded:
    plain = _plain_jpeg(data, at_least, limits) if kind == "JPEG" else None
    return plain or _any_picture(data, kind, at_least, limits)


def _flagged(found: Decoded, problem: str) -> Decoded:
    return replace(found, flags=(*found.flags, (DAMAGED_METADATA, problem)))


def check_size(width: int, height: int, limits: Limits) -> None:
    """Make sure that a picture is neither too large nor too small.

    Raises:
        ImageError: "too_many_pixels" or "tiny".
    """
    if width * height > limits.max_pixels:
        raise ImageError(
            "too_many_pixels", f"{width}×{height} is {width * height:,} pixels, over the limit of {limits.max_pixels:,}"
        )
    if min(width, height) < limits.min_side:
        raise ImageError("tiny", f"{width}×{height}, and the shorter side must have {limits.min_side} pixels or more")


def _plain_jpeg(data: bytes, at_least: tuple[int, int] | None, limits: Limits) -> Decoded | None:
    """The fast path; None if the file needs Pillow, or fails to decode."""
    try:
        height, width, colourspace, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError:
        return None
    check_size(width, height, limits)
    if colourspace not in ("YCbCr", "Gray"):
        return None
    mark = mark_of_jpeg(data)
    least_height, least_width = at_least or (0, 0)  # 0: full size
    if mark.swaps:
        least_height, least_width = least_width, least_height
    try:
        pixels = simplejpeg.decode_jpeg(
            data, colorspace="RGB", min_height=min(least_height, height), min_width=min(least_width, width)
        )
    except ValueError:
        return None
    mode = "L" if colourspace == "Gray" else "RGB"
    return _turned_upright(pixels, mark, "JPEG", mode, (width, height), [])


def _turned_upright(
    pixels: RGB, mark: Mark, kind: str, mode: str, size: tuple[int, int], flags: list[tuple[str, str]]
) -> Decoded:
    """Turn decoded pixels upright, and flag damaged metadata."""
    if mark.problem:
        flags.append((DAMAGED_METADATA, mark.problem))
    width, height = (size[1], size[0]) if mark.swaps else size
    return Decoded(upright(pixels, mark), kind, mode, width, height, tuple(flags))


def _any_picture(data: bytes, kind: str, at_least: tuple[int, int] | None, limits: Limits) -> Decoded:
    try:
        return _with_pillow(data, kind, at_least, limits)
    except ImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError("too_many_pixels", str(error)) from error
    except MemoryError as error:
        raise ImageError("too_many_pixels", f"{kind}: not enough memory to decode it") from error
    except UnidentifiedImageError as error:  # its text has a memory address, which differs in every run
        raise ImageError("corrupt", f"{kind}: its header cannot be read") from error
    except Exception as error:  # Pillow's plugins raise all kinds of exceptions on broken files; none may stop a run
        text = f"{kind}: {error or type(error).__name__}"
        reason: Literal["truncated", "corrupt"] = "truncated" if "truncated" in text.lower() else "corrupt"
        raise ImageError(reason, " ".join(text.split())[:300]) from error


def _with_pillow(data: bytes, kind: str, at_least: tuple[int, int] | None, limits: Limits) -> Decoded:
    with Image.open(io.BytesIO(data), formats=[kind]) as image:
        check_size(*image.size, limits)
        mode = image.mode
        flags: list[tuple[str, str]] = []
        if kind != "JPEG" and getattr(image, "is_animated", False):  # the extra frames of a JPEG are cameras' previews
            flags.append(("animated", f"{kind} of several frames; the first one is taken"))
        if kind == "JPEG" and _libjpeg_warns(data):
            flags.append(("damaged", "JPEG data is damaged; what could be decoded is taken"))
        full = image.size
        if at_least:  # affects JPEG only; the picture may still lie on its side, so both sides get the longer length
            image.draft(None, (max(at_least), max(at_least)))
        image.load()
        mark = mark_of(image)
        taken = _to_8_bits(image) if image.mode[0] in "IF" else image
        if at_least and full[0] * full[1] > _REDUCED_FIRST:
            taken = _reduced(taken, at_least)
        return _turned_upright(np.asarray(_to_rgb(taken)), mark, kind, mode, full, flags)


def _reduced(image: Image.Image, at_least: tuple[int, int]) -> Image.Image:
    """Shrink a large picture by whole factors before it is converted, so that only one copy of it is in memory."""
    factor = min(image.size) // max(at_least)
    if factor < 2 or image.mode not in _REDUCIBLE:
        return image
    return image.reduce(factor)


def _libjpeg_warns(data: bytes) -> bool:
    try:
        simplejpeg.decode_jpeg(data, colorspace="GRAY", min_height=1, min_width=1)
    except ValueError as error:
        return "olorspace" not in str(error) and "onver" not in str(error)
    return False


def _to_rgb(image: Image.Image) -> Image.Image:
    """Convert any mode of 8 bits to RGB, with transparent pixels on :data:`BACKGROUND`."""
    if image.mode == "RGB" and not image.has_transparency_data:  # a PNG can declare one colour transparent
        return image
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        paper = Image.new("RGBA", layer.size, (*BACKGROUND, 255))
        return Image.alpha_composite(paper, layer).convert("RGB")
    return image.convert("RGB")


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Convert to 8 bits: 16-bit integers keep their high byte; other values are scaled from their own range."""
    values = np.asarray(image)
    whole = np.issubdtype(values.dtype, np.integer)

    def numbers(start: int) -> NDArray[Any]:
        block = values[start : start + _BLOCK_ROWS]
        if whole:
            return block
        block = block.astype(np.float64)
        # Infinities and NaN show up in the extremes, which is cheaper than checking every value.
        return block if np.isfinite([block.min(), block.max()]).all() else np.nan_to_num(block)

    # In blocks of rows, since in float64 the whole picture would take eight times its own memory.
    starts = range(0, len(values), _BLOCK_ROWS)
    extremes = [(float(block.min()), float(block.max())) for block in map(numbers, starts)]
    low, high = min(least for least, _ in extremes), max(most for _, most in extremes)
    # 32-bit values that fit into 8 bits are meant as 8 bits; 16-bit values that do are an almost black picture.
    small = whole and low >= 0 and high < 2**16
    deep = high > 255 or values.dtype.itemsize == 2
    least, scale = (0.0, 1 / 257 if deep else 1.0) if small else (low, 255 / (high - low or 1.0))
    out = np.empty(values.shape, np.uint8)
    table = np.minimum(np.arange(2**16) * scale, 255).round().astype(np.uint8) if small else None
    for start in starts:
        block = numbers(start)
        out[start : start + _BLOCK_ROWS] = ((block - least) * scale).round() if table is None else table[block]
    return Image.fromarray(out)
