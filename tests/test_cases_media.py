"""Media libraries, folders, names and pictures that were read wrongly: the cases' files, and their essentials."""

from __future__ import annotations

import io
import os
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from conftest import picture
from PIL import Image

from posterity.cleaning import FLAGS, REASONS
from posterity.errors import ImageError
from posterity.images import Limits, examine

DAMAGED = "damaged_metadata"


def case(name: str) -> Path:
    """Give the folder of a case, or skip the test and say why."""
    root = Path(os.environ.get("POSTERITY_DATA", Path(__file__).parents[1] / ".." / "shared")).resolve() / "cases"
    found = sorted(root.glob(f"{name}*"))
    if not found:
        pytest.skip(f"the cases are not here: no {root}/{name}*; set POSTERITY_DATA to the folder that holds cases/")
    return found[0]


def encoded(format_: str, image: Image.Image | None = None, **options: object) -> bytes:
    out = io.BytesIO()
    (image or picture(1, (120, 180))).save(out, format_, **options)
    return out.getvalue()


def exif(orientation: int | None = 6, *entries: bytes) -> bytes:
    """Write an EXIF block of an orientation and of further entries, as they are."""
    stated = [] if orientation is None else [struct.pack("<HHLHH", 0x0112, 3, 1, orientation, 0)]
    every = [*stated, *entries]
    return b"Exif\0\0II*\0" + struct.pack("<LH", 8, len(every)) + b"".join(every) + bytes(4)


def chunk(kind: bytes, data: bytes, crc: int | None = None) -> bytes:
    right = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", right if crc is None else crc)


def png_with(*chunks: bytes, data: bytes | None = None) -> bytes:
    """Put chunks behind the header of a PNG."""
    data = encoded("PNG") if data is None else data
    return data[:33] + b"".join(chunks) + data[33:]


def jpeg_with(*segments: tuple[int, bytes], jfif: bool = True) -> bytes:
    """Put segments at the start of a JPEG, in place of its JFIF heading or before it."""
    data = encoded("JPEG")
    parts = (struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body for marker, body in segments)
    return data[:2] + b"".join(parts) + data[2 if jfif else 20 :]


def codes(data: bytes) -> list[str]:
    return [code for code, _ in examine(data).flags]


# --- 14: pixels decide whether a picture is kept ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "size"),
    [("b-", (120, 180)), ("d-", (120, 180)), ("e-", (120, 180)), ("f-", (120, 180)), ("g-", (180, 120))],
)
@pytest.mark.parametrize("at_least", [None, (60, 40)])
def test_case_14_good_pixels_with_bad_metadata(start: str, size: tuple[int, int], at_least: tuple[int, int]) -> None:
    (file,) = case("14").glob(f"{start}*")
    found = examine(file.read_bytes(), at_least)
    assert (found.width, found.height) == size
    assert [code for code, _ in found.flags] == [DAMAGED]


FAR = struct.pack("<HHLL", 0x010F, 2, 500, 9000)  # a text that lies outside the block
NOWHERE = struct.pack("<HHLL", 0x011A, 10, 1, 4)  # a fraction, read from the directory's own bytes
ZERO = struct.pack("<HHLL", 0x011A, 5, 1, 38)

BAD_PNG = {
    "too much text": chunk(b"zTXt", b"a\0\0" + zlib.compress(b"x" * 1_200_000)),
    "text of a wrong sum": chunk(b"tEXt", b"a\0b", 7),
    "too large a profile": chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(2_000_000))),
    "a profile packed in no known way": chunk(b"iCCP", b"x\0\x01junk"),
    "no EXIF": chunk(b"eXIf", b"garbage!"),
    "EXIF of a wrong sum": chunk(b"eXIf", exif()[6:], 7),
    "half a gamma": chunk(b"gAMA", b"x"),
    "half a resolution": chunk(b"pHYs", b"x"),
    "half an animation": chunk(b"acTL", b"junk"),
    "a frame out of turn": chunk(b"fcTL", b"j" * 30),
    "EXIF in hexadecimal that is none": chunk(b"tEXt", b"Raw profile type exif\0\nexif\n4\nzz\n"),
}


@pytest.mark.parametrize("what", sorted(BAD_PNG))
def test_a_png_is_kept_whatever_its_metadata(what: str) -> None:
    good, found = examine(encoded("PNG")), examine(png_with(BAD_PNG[what]))
    assert [code for code, _ in found.flags] == [DAMAGED]
    assert (found.pixels == good.pixels).all()


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_exif_is_read_as_far_as_it_can_be(format_: str) -> None:
    upright = examine(encoded(format_, picture(1, (120, 180)).transpose(Image.Transpose.ROTATE_270)))
    for wrong in (FAR, ZERO, struct.pack("<HHLL", 0x010F, 99, 1, 0)):
        found = examine(encoded(format_, exif=exif(6, wrong) + bytes(20)))
        assert [code for code, _ in found.flags] == [DAMAGED]
        assert (found.width, found.height, *found.pixels.shape[:2]) == (180, 120, 120, 180)
        assert np.abs(found.pixels.astype(int) - upright.pixels).mean() < 6
    assert codes(encoded(format_, exif=b"Exif\0\0garbage!")) == [DAMAGED]
    assert codes(encoded(format_, exif=exif(6)[:-12])) == [DAMAGED]  # ends within an entry


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
@pytest.mark.parametrize("orientation", range(9))
def test_every_orientation_is_honoured(format_: str, orientation: int) -> None:
    mark = Image.Exif()
    mark[0x0112] = orientation
    stored = picture(1, (120, 180))
    turns = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # of Image.Transpose
    expected = stored.transpose(Image.Transpose(turns[orientation])) if orientation in turns else stored
    data = encoded(format_, stored, exif=mark)
    for at_least in (None, (50, 50)):
        found = examine(data, at_least)
        assert ((found.width, found.height), found.flags) == (expected.size, ())
        shown = np.asarray(Image.fromarray(found.pixels).resize((40, 40))).astype(int)
        assert np.abs(shown - np.asarray(expected.resize((40, 40)))).mean() < 8


def test_orientation_survives_other_damage() -> None:
    for data, flags in (
        (png_with(chunk(b"eXIf", exif()[6:]), chunk(b"tEXt", b"a\0b", 7)), [DAMAGED]),
        (jpeg_with((0xE0, b"JFIF\0\1"), (0xE1, exif()), jfif=False), []),  # a heading that is too short
        (jpeg_with((0xE1, exif()))[:-2], [DAMAGED]),
    ):
        found = examine(data)
        assert (found.width, found.height, [code for code, _ in found.flags]) == (180, 120, flags)


def test_avif_with_exif_that_is_none_is_kept_and_turned() -> None:
    mark = Image.Exif()
    mark[0x0112], mark[0x010F] = 6, "a maker"
    data = encoded("AVIF", exif=mark)
    at = data.index(b"MM\0*")
    found = examine(data[:at] + b"garb" + data[at + 4 :])
    assert (found.width, found.height, [code for code, _ in found.flags]) == (180, 120, [DAMAGED])


def test_webp_cut_off_within_its_metadata_is_kept_and_within_its_pixels_is_not() -> None:
    data = encoded("WEBP", exif=exif(1))
    at = data.index(b"EXIF")
    assert codes(data[: at + 12]) == [DAMAGED]
    assert codes(data[: at + 4] + b"\xff\xff\xff\x7f" + data[at + 8 :]) == [DAMAGED]
    with pytest.raises(ImageError):
        examine(data[: at - 30])


KINDS: dict[str, tuple[str, dict[str, object]]] = {
    "plain": ("RGB", {}),
    "grey": ("L", {}),
    "four colours": ("CMYK", {}),
    "progressive": ("RGB", {"progressive": True}),
    "progressive grey": ("L", {"progressive": True}),
}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_jpeg_that_lacks_its_end_mark_alone_is_kept(kind: str) -> None:
    mode, options = KINDS[kind]
    data = encoded("JPEG", picture(1, (120, 180)).convert(mode), **options)
    for lacking in (1, 2):
        found = examine(data[:-lacking])
        assert [code for code, _ in found.flags] == [DAMAGED]
        assert (found.pixels == examine(data).pixels).all()
    for lacking in (3, 4, 5, 20, 200):
        with pytest.raises(ImageError) as caught:
            examine(data[:-lacking])
        assert caught.value.reason == "truncated"


def test_a_progressive_jpeg_that_ends_between_two_scans_is_truncated() -> None:
    data = encoded("JPEG", progressive=True)
    scans = [found.start() for found in re.finditer(rb"\xff\xda", data)]
    tables = [found.start() for found in re.finditer(rb"\xff\xc4", data) if found.start() > scans[0]]
    assert len(tables) >= 5
    for end in tables:
        with pytest.raises(ImageError, match="truncated"):
            examine(data[:end])


def test_junk_that_no_decoder_minds_is_no_fault() -> None:
    for data in (
        encoded("JPEG") + b"more" * 50,
        encoded("JPEG", icc_profile=b"junk" * 50),
        encoded("WEBP", icc_profile=b"junk" * 50),
        jpeg_with((0xEE, b"Adobe\0"), (0xED, b"Photoshop 3.0\x008BIM"), (0xFE, b"\xff\xfe")),
        encoded("PNG") + b"more",
    ):
        assert codes(data) == []


def test_what_pixels_need_is_never_left_out() -> None:
    palette = encoded("PNG", picture(1, (120, 180)).convert("P"))
    for data in (
        palette.replace(b"PLTE", b"pLTE"),  # a palette under a damaged name
        png_with(chunk(b"tRNS", b"x")),
        png_with(data=encoded("PNG")[:-200]),
    ):
        with pytest.raises(ImageError) as caught:
            examine(data)
        assert caught.value.reason in REASONS


def test_caps_hold_without_metadata_too(monkeypatch: pytest.MonkeyPatch) -> None:
    png, jpeg = png_with(BAD_PNG["half a gamma"]), encoded("JPEG")[:-2]
    monkeypatch.setattr(Image.Image, "load", lambda _: pytest.fail("decoded"))
    for data in (png, jpeg):
        with pytest.raises(ImageError, match="21,600 pixels, over the cap of 1,000"):
            examine(data, limits=Limits(max_pixels=1000))


def test_the_flag_is_declared() -> None:
    assert DAMAGED in FLAGS
