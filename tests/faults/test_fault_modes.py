"""A picture means the same whatever its file's format and mode: right way up, right colours, on white paper."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

import posterity
from faults.support import check_all_vectors, check_sums, picture
from posterity.catalogue import Poster

SIZE = (120, 180)
ORIENTED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""EXIF orientation -> how an upright picture is turned to be stored so."""


@dataclass
class Expected:
    """What must come out: the picture as shown, the error allowed in the mean of all pixels, the mode and flags."""

    shown: Image.Image
    tolerance: float = 4.0
    mode: str | None = None
    flags: tuple[str, ...] = ()


Case = Callable[[Path], Expected]
CASES: dict[str, Case] = {}


def _case(name: str) -> Callable[[Case], Case]:
    def register(case: Case) -> Case:
        CASES[name] = case
        return case

    return register


def _own(name: str) -> Image.Image:
    """Give each case a picture of its own, so that none is dropped as another's duplicate."""
    return picture(sum(name.encode()) * 1000 + len(name), SIZE)


def _transparent(image: Image.Image) -> tuple[Image.Image, Image.Image]:
    """A picture whose transparency grows downwards, and what it looks like on white paper."""
    alpha = np.linspace(255, 0, SIZE[1]).astype(np.uint8)[:, None].repeat(SIZE[0], axis=1)
    colours = np.asarray(image, np.float64)
    share = alpha[..., None] / 255
    shown = Image.fromarray((colours * share + 255 * (1 - share)).round().astype(np.uint8))
    return Image.fromarray(np.dstack([np.asarray(image), alpha])), shown


def _holed(image: Image.Image) -> tuple[Image.Image, Image.Image]:
    """A palette picture with a transparent block, and what it looks like on white paper."""
    palette = image.quantize(63)
    shown = palette.convert("RGB")
    palette.paste(63, (30, 40, 90, 120))
    palette.putpalette([*(palette.getpalette() or [])[: 63 * 3], 255, 0, 255])
    shown.paste((255, 255, 255), (30, 40, 90, 120))
    return palette, shown


def _deep(image: Image.Image, brightest: int = 65535) -> tuple[NDArray[np.uint16], Image.Image]:
    """A grey picture of 16 bits, and what it looks like in 8."""
    grey = np.asarray(image.convert("L"), np.float64)
    grey = (grey - grey.min()) / np.ptp(grey)
    deep = (grey * brightest).astype(np.uint16)
    return deep, Image.fromarray((deep / 257).round().astype(np.uint8)).convert("RGB")


def _write(path: Path, extension: str, values: NDArray[np.generic]) -> None:
    ok, data = cv2.imencode(extension, values)
    assert ok
    path.write_bytes(data.tobytes())


def _saved(name: str, **options: object) -> None:
    """Register the plainest case: an RGB picture in a format."""

    def case(path: Path) -> Expected:
        image = _own(name)
        image.save(path, **options)  # type: ignore[arg-type]
        return Expected(image, mode="RGB")

    CASES[name] = case


def _converted(name: str, mode: str, tolerance: float = 4.0, stored: str | None = None, **options: object) -> None:
    """Register a picture converted to a mode before it is saved."""

    def case(path: Path) -> Expected:
        image = _own(name).convert(mode)
        image.save(path, **options)  # type: ignore[arg-type]
        return Expected(image.convert("RGB"), tolerance, stored or mode)

    CASES[name] = case


_saved("plain.jpg", quality=90)
_saved("progressive.jpg", progressive=True, quality=90)
_saved("without subsampling.jpg", subsampling=0, quality=90)
_saved("plain.png")
_saved("lossy.webp", quality=90)
_saved("lossless.webp", lossless=True)
_saved("plain.bmp")
_saved("plain.avif", quality=90)
_saved("plain.tif")
_saved("lzw.tif", compression="tiff_lzw")
_saved("deflate.tif", compression="tiff_adobe_deflate")
_saved("jpeg.tif", compression="jpeg", quality=90)
_saved("a jpeg called.png", format="JPEG", quality=90)
_saved("a png called.jpg", format="PNG")
_converted("grey.jpg", "L", quality=90)
_converted("grey.png", "L")
_converted("grey and transparent.png", "LA")
_converted("cmyk.jpg", "CMYK", 6.0, quality=90)
_converted("cmyk.tif", "CMYK")
_converted("ycbcr.tif", "YCbCr")
_converted("one bit.png", "1", 8.0)
_converted("one bit.tif", "1", 8.0, compression="group4")
_converted("one bit.bmp", "1", 8.0)
_converted("palette.png", "P", 4.0)
_converted("palette.gif", "P", 4.0)
_converted("palette.bmp", "P", 4.0)


@_case("hole.png")
def _(path: Path) -> Expected:
    image, shown = _holed(_own("hole.png"))
    image.save(path, transparency=63)
    return Expected(shown, mode="P")


@_case("hole.gif")
def _(path: Path) -> Expected:
    image, shown = _holed(_own("hole.gif"))
    image.save(path, transparency=63)
    return Expected(shown, mode="P")


@_case("transparent colour.png")
def _(path: Path) -> Expected:
    image = _own("transparent colour.png")
    shown = image.copy()
    image.paste((255, 0, 255), (30, 40, 90, 120))
    shown.paste((255, 255, 255), (30, 40, 90, 120))
    image.save(path, transparency=(255, 0, 255))
    return Expected(shown, mode="RGB")


def _see_through(name: str, **options: object) -> None:
    def case(path: Path) -> Expected:
        image, shown = _transparent(_own(name))
        image.save(path, **options)  # type: ignore[arg-type]
        return Expected(shown, mode="RGBA")

    CASES[name] = case


_see_through("rgba.png")
_see_through("rgba.webp", quality=95)
_see_through("rgba.avif", quality=95)
_see_through("rgba.tif")


def _sixteen(name: str, extension: str, brightest: int = 65535) -> None:
    def case(path: Path) -> Expected:
        deep, shown = _deep(_own(name), brightest)
        _write(path, extension, deep)
        return Expected(shown, 2.0, "I;16", flags=("blank",) if brightest < 257 else ())

    CASES[name] = case


_sixteen("deep.png", ".png")
_sixteen("deep.tif", ".tiff")
_sixteen("deep and dim.png", ".png", 30_000)
_sixteen("deep and almost black.png", ".png", 250)


@_case("deep and big-endian.tif")
def _(path: Path) -> Expected:
    deep, shown = _deep(_own("deep and big-endian.tif"))
    image = Image.frombytes("I;16B", SIZE, deep.astype(">u2").tobytes())
    image.save(path)
    return Expected(shown, 2.0)


@_case("deep colours.png")
def _(path: Path) -> Expected:
    image = _own("deep colours.png")
    _write(path, ".png", np.asarray(image)[..., ::-1].astype(np.uint16) * 257)
    return Expected(image, 2.0)


@_case("deep colours.tif")
def _(path: Path) -> Expected:
    image = _own("deep colours.tif")
    _write(path, ".tiff", np.asarray(image)[..., ::-1].astype(np.uint16) * 257)
    return Expected(image, 2.0)


@_case("real numbers.tif")
def _(path: Path) -> Expected:
    _, shown = _deep(_own("real numbers.tif"))
    Image.fromarray(np.asarray(shown.convert("L"), np.float32) / 255).save(path)
    return Expected(shown, 2.0, "F")


@_case("lab.tif")
def _(path: Path) -> Expected:
    image = _own("lab.tif")
    lab = ImageCms.profileToProfile(
        image, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert lab is not None
    lab.save(path)
    return Expected(image, 6.0, "LAB")


def _turned(name: str, orientation: int, size: tuple[int, int] = SIZE, **options: object) -> None:
    def case(path: Path) -> Expected:
        upright = picture(sum(name.encode()) * 1000 + orientation, size)
        exif = Image.Exif()
        exif[0x0112] = orientation
        upright.transpose(ORIENTED[orientation]).save(path, exif=exif, **options)  # type: ignore[arg-type]
        return Expected(upright, mode="RGB")

    CASES[name] = case


for _orientation in ORIENTED:
    _turned(f"turned {_orientation}.jpg", _orientation, quality=90)
_turned("turned square.jpg", 6, (150, 150), quality=90)
_turned("turned large.jpg", 8, (600, 1000), quality=90)
_turned("turned.png", 6)
_turned("turned.webp", 6, quality=90)


def _moving(name: str, **options: object) -> None:
    def case(path: Path) -> Expected:
        first, second = _own(name), _own(f"{name} again")
        first.save(path, save_all=True, append_images=[second], duration=100, **options)  # type: ignore[arg-type]
        return Expected(first, 8.0, flags=("animated",))

    CASES[name] = case


_moving("moving.gif")
_moving("moving.webp", quality=90)
_moving("moving.png")
_moving("moving.avif", quality=90)


@dataclass(frozen=True)
class Built:
    expected: dict[str, Expected]
    posters: dict[str, Poster]
    thumbnails: dict[str, bytes]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    place = tmp_path_factory.mktemp("modes")
    source = place / "source"
    source.mkdir()
    expected = {name: case(source / name) for name, case in CASES.items()}
    picture(1, (15, 200)).save(source / "tiny.png")
    picture(2, (1, 1)).save(source / "one pixel.jpg")
    (source / "empty.jpg").touch()
    Image.new("RGB", SIZE, (40, 80, 120)).save(source / "blank.png")
    report = posterity.build(source, place / "films")
    check_sums(report)
    check_all_vectors(place / "films")
    catalogue = posterity.open(place / "films")
    posters = {poster.path: poster for poster in catalogue.posters()}
    reasons = {finding.item: finding.reason for finding in catalogue.report().dropped}
    assert reasons == {"tiny.png": "tiny", "one pixel.jpg": "tiny", "empty.jpg": "empty"}
    assert posters["blank.png"].flags == ("blank",)
    return Built(expected, posters, catalogue.store.thumbnails(p.sha256 for p in posters.values()))


def _coarse(image: Image.Image) -> NDArray[np.float64]:
    """Shrink a picture, so that what is compared is its content and not its dithering or its JPEG's blocks."""
    return np.asarray(image.convert("RGB").resize((24, 36), Image.Resampling.BOX), np.float64)


@pytest.mark.parametrize("name", CASES)
def test_picture_keeps_its_meaning(built: Built, name: str) -> None:
    expected, poster = built.expected[name], built.posters[name]
    assert (poster.width, poster.height) == expected.shown.size
    assert poster.flags == expected.flags
    if expected.mode:
        assert poster.mode == expected.mode
    with Image.open(io.BytesIO(built.thumbnails[poster.sha256])) as thumbnail:
        error = np.abs(_coarse(thumbnail) - _coarse(expected.shown)).mean()
    assert error < expected.tolerance, f"{error:.1f} levels off in the mean"
