"""Bytes -> RGB, strictly: a picture, or one :class:`~posterity.errors.ImageError` with the reason.

Ordinary JPEGs, which is what posters are, take a fast path: libjpeg-turbo through simplejpeg, at the smallest of its
reduced scales that still covers the size asked for, and refusing what libjpeg would only warn of. Everything else
(other formats and modes, damaged files) takes Pillow's, which knows more and is slower. Measured here on
185 px wide posters, one thread: 4,500 pictures/s at half scale against Pillow's 1,400/s.

Pixels decide whether a picture is kept. Where a decoder stumbles, it gets the file once more without its metadata
(:mod:`.stripping`); what is then decoded as strictly as ever is kept, and flagged.
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
from posterity.images.cost import cost_of
from posterity.images.exif import RGB, Mark, mark_of, mark_of_jpeg, upright
from posterity.images.stripping import with_jpeg_end, without_metadata

BACKGROUND = (255, 255, 255)
"""What shows through transparent pixels: white, the paper that posters are printed on."""

DAMAGED_METADATA = "damaged_metadata"
"""The flag of a picture whose pixels are good, but whose other data are damaged."""

_BROKEN = ("corrupt", "truncated")

_REDUCED_FIRST = 16_000_000
"""Pictures of more pixels are shrunk before they are converted."""

_REDUCIBLE = ("L", "LA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV")
"""Modes whose pixels can be averaged as they are."""

_BLOCK_ROWS = 256

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

# Our own cap is at or below the size at which Pillow starts to warn, so its warning would only say things twice.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

# libtiff prints what it finds wrong to standard error, past Python; Pillow raises the same as an exception.
with suppress(AttributeError, OSError):  # where Pillow comes without libtiff, or hides it
    ctypes.CDLL(import_module("PIL._imaging").__file__).TIFFSetErrorHandler(None)


@dataclass(frozen=True)
class Limits:
    """What is too big or too small to be taken.

    Attributes:
        max_pixels: Cap on width times height, checked before anything is decoded.
        min_side: The least length in pixels of the shorter side.
        max_bytes: Cap on a file's size, checked before anything is read.
    """

    max_pixels: int = 80_000_000
    min_side: int = 16
    max_bytes: int = 256 * 2**20


@dataclass(frozen=True)
class Decoded:
    """A picture and what its file says about it.

    Attributes:
        pixels: RGB, uint8, (height, width, 3); a reduced copy where less was asked for.
        format: "JPEG", "PNG", ...
        mode: Pillow's name of the stored mode: "RGB", "CMYK", "P", "I;16", ...
        width: Of the upright full picture, in pixels.
        height: Likewise.
        flags: (code, detail) of what a person may want to know: "animated", "damaged", "damaged_metadata".
    """

    pixels: RGB
    format: str
    mode: str
    width: int
    height: int
    flags: tuple[tuple[str, str], ...] = ()


def sniff(start: bytes) -> str | None:
    """Name the format that a file's first 32 bytes tell, whatever the file is called; None where it is no picture.

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
        at_least: (height, width) that is enough; the result may be a reduced copy no smaller. None: full size.
        limits: What is refused.

    Raises:
        ImageError: The content is not a picture, is broken, or is outside the limits.
    """
    return examine(data, at_least, limits).pixels


def examine(data: bytes, at_least: tuple[int, int] | None = None, limits: Limits = Limits()) -> Decoded:
    """Decode a file's content and tell what it was; arguments and errors as of :func:`decode`."""
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
        from posterity.images.apart import decoded_apart

        return decoded_apart(data, kind, at_least, limits)
    return decoded_here(data, kind, at_least, limits)


def decoded_here(data: bytes, kind: str, at_least: tuple[int, int] | None, limits: Limits) -> Decoded:
    """Decode a file's content of a known format, in this process."""
    if kind == "JPEG":
        if found := _plain_jpeg(data, at_least, limits):
            return found
        if ended := with_jpeg_end(data):
            return _but(_decoded(ended, kind, at_least, limits), "the file lacks its end mark")
    try:
        return _any_picture(data, kind, at_least, limits)
    except ImageError as error:
        stripped = without_metadata(data, kind) if error.reason in _BROKEN else None
        if stripped is None:
            raise
        try:
            return _but(_decoded(stripped, kind, at_least, limits), f"not read: {error.detail}")
        except ImageError as second:  # of two breaks the first is what is wrong; a cap holds whatever else is wrong
            raise (error if second.reason in _BROKEN else second) from None


def _decoded(data: bytes, kind: str, at_least: tuple[int, int] | None, limits: Limits) -> Decoded:
    plain = _plain_jpeg(data, at_least, limits) if kind == "JPEG" else None
    return plain or _any_picture(data, kind, at_least, limits)


def _but(found: Decoded, problem: str) -> Decoded:
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
    """The fast path; None where the file needs Pillow, or a second opinion."""
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
    return _told(pixels, mark, "JPEG", mode, (width, height), [])


def _told(
    pixels: RGB, mark: Mark, kind: str, mode: str, size: tuple[int, int], flags: list[tuple[str, str]]
) -> Decoded:
    """Turn what was decoded upright, and say what its metadata are like."""
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
    except UnidentifiedImageError as error:  # its text names an address in memory, another one in each run
        raise ImageError("corrupt", f"{kind}: its header cannot be read") from error
    except Exception as error:  # Pillow's plugins raise what they please on broken files; none may stop a run
        text = f"{kind}: {error or type(error).__name__}"
        reason: Literal["truncated", "corrupt"] = "truncated" if "truncated" in text.lower() else "corrupt"
        raise ImageError(reason, " ".join(text.split())[:300]) from error


def _with_pillow(data: bytes, kind: str, at_least: tuple[int, int] | None, limits: Limits) -> Decoded:
    with Image.open(io.BytesIO(data), formats=[kind]) as image:
        check_size(*image.size, limits)
        mode = image.mode
        flags: list[tuple[str, str]] = []
        if kind != "JPEG" and getattr(image, "is_animated", False):  # a JPEG may hold previews, as cameras write them
            flags.append(("animated", f"{kind} of several frames; the first one is taken"))
        if kind == "JPEG" and _libjpeg_warns(data):
            flags.append(("damaged", "JPEG data is damaged; what could be decoded is taken"))
        full = image.size
        if at_least:  # JPEG only; a no-op elsewhere. It may be on its side yet: both sides are given the longer length
            image.draft(None, (max(at_least), max(at_least)))
        image.load()
        mark = mark_of(image)
        taken = _to_8_bits(image) if image.mode[0] in "IF" else image
        if at_least and full[0] * full[1] > _REDUCED_FIRST:
            taken = _reduced(taken, at_least)
        return _told(np.asarray(_to_rgb(taken)), mark, kind, mode, full, flags)


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
    """Any mode of 8 bits to RGB; transparency laid over :data:`BACKGROUND`."""
    if image.mode == "RGB" and not image.has_transparency_data:  # a PNG may name one colour as transparent
        return image
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        paper = Image.new("RGBA", layer.size, (*BACKGROUND, 255))
        return Image.alpha_composite(paper, layer).convert("RGB")
    return image.convert("RGB")


def _to_8_bits(image: Image.Image) -> Image.Image:
    """16-bit integers keep their high byte; other ranges are stretched to their own extremes."""
    values = np.asarray(image)
    whole = np.issubdtype(values.dtype, np.integer)

    def numbers(start: int) -> NDArray[Any]:
        block = values[start : start + _BLOCK_ROWS]
        if whole:
            return block
        block = block.astype(np.float64)
        # Infinities and NaN show in the extremes, which costs less than to look for them everywhere.
        return block if np.isfinite([block.min(), block.max()]).all() else np.nan_to_num(block)

    # In blocks of rows: in float64 the whole would take eight times the picture's own memory.
    starts = range(0, len(values), _BLOCK_ROWS)
    low = min(float(numbers(start).min()) for start in starts)
    high = max(float(numbers(start).max()) for start in starts)
    # Where 32 bits hold no more than 8 would, 8 is what is meant; where 16 do, the picture is almost black.
    small = whole and low >= 0 and high < 2**16
    deep = high > 255 or values.dtype.itemsize == 2
    least, scale = (0.0, 1 / 257 if deep else 1.0) if small else (low, 255 / (high - low or 1.0))
    out = np.empty(values.shape, np.uint8)
    table = np.minimum(np.arange(2**16) * scale, 255).round().astype(np.uint8) if small else None
    for start in starts:
        block = numbers(start)
        out[start : start + _BLOCK_ROWS] = ((block - least) * scale).round() if table is None else table[block]
    return Image.fromarray(out)
