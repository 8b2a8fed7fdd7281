"""Hundreds of damaged files: none stops a build or prints a thing, and each is either catalogued or reported."""

from __future__ import annotations

import io
import struct
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import PngImagePlugin

import posterity
from faults.support import ENCODERS, check_all_vectors, cli, cli_json, picture

FORMATS: dict[str, tuple[str, dict[str, object]]] = {
    "jpeg": ("JPEG", {"quality": 85}),
    "progressive": ("JPEG", {"progressive": True}),
    "png": ("PNG", {}),
    "lossy webp": ("WEBP", {"quality": 80}),
    "lossless webp": ("WEBP", {"lossless": True}),
    "gif": ("GIF", {}),
    "bmp": ("BMP", {}),
    "tiff": ("TIFF", {}),
    "lzw tiff": ("TIFF", {"compression": "tiff_lzw"}),
    "deflate tiff": ("TIFF", {"compression": "tiff_adobe_deflate"}),
    "jpeg tiff": ("TIFF", {"compression": "jpeg"}),
    "fax tiff": ("TIFF", {"compression": "group4"}),
    "avif": ("AVIF", {"quality": 70}),
}
Chance = np.random.Generator


def _encoded(kind: str, seed: int) -> bytes:
    format_, options = FORMATS[kind]
    image = picture(seed, (90, 130))
    if kind == "fax tiff":
        image = image.convert("1")
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def _cut(data: bytes, chance: Chance) -> bytes:
    return data[: int(chance.integers(1, len(data)))]


def _bits_flipped(data: bytes, chance: Chance) -> bytes:
    changed = bytearray(data)
    for place in chance.integers(0, len(data), int(chance.integers(1, 20))):
        changed[place] ^= 1 << int(chance.integers(8))
    return bytes(changed)


def _header_bits_flipped(data: bytes, chance: Chance) -> bytes:
    n = min(len(data), 120)
    return _bits_flipped(data[:n], chance) + data[n:]


def _run_replaced(data: bytes, chance: Chance) -> bytes:
    start = int(chance.integers(0, len(data) - 1))
    length = int(chance.integers(1, min(200, len(data) - start) + 1))
    return data[:start] + chance.bytes(length) + data[start + length :]


def _zero_tail(data: bytes, chance: Chance) -> bytes:
    start = int(chance.integers(12, len(data)))
    return data[:start] + bytes(len(data) - start)


def _middle_missing(data: bytes, chance: Chance) -> bytes:
    start, end = sorted(int(n) for n in chance.integers(12, len(data), 2))
    return data[:start] + data[end:]


def _head_of_another(data: bytes, chance: Chance) -> bytes:
    other = _encoded(list(FORMATS)[int(chance.integers(len(FORMATS)))], int(chance.integers(10_000)))
    n = int(chance.integers(4, 200))
    return other[:n] + data[n:]


def _more_behind(data: bytes, chance: Chance) -> bytes:
    return data + chance.bytes(500)


MUTATIONS: list[Callable[[bytes, Chance], bytes]] = [
    _cut,
    _bits_flipped,
    _header_bits_flipped,
    _run_replaced,
    _zero_tail,
    _middle_missing,
    _head_of_another,
    _more_behind,
]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(width: int, height: int, *more: bytes, bits: int = 1) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + b"".join(more) + _chunk(b"IEND", b"")


def _bombs() -> dict[str, bytes]:
    """Files that claim, or hold, far more than their size lets one think."""
    row = bytes(1 + 20_000 // 8)
    bomb = zlib.compressobj(9)
    packed = b"".join(bomb.compress(row) for _ in range(20_000)) + bomb.flush()
    text = PngImagePlugin.PngInfo()
    text.add_text("comment", "x" * 50_000_000, zip=True)
    with_text = io.BytesIO()
    picture(1, (90, 130)).save(with_text, "PNG", pnginfo=text)
    jpeg, gif, bmp, tiff = (bytearray(_encoded(kind, 50)) for kind in ("jpeg", "gif", "bmp", "tiff"))
    frame = jpeg.index(b"\xff\xc0") + 5
    jpeg[frame : frame + 4] = b"\xff\xff\xff\xff"
    gif[6:10] = b"\xff\xff\xff\xff"
    bmp[18:26] = struct.pack("<ii", 2**31 - 1, 2**31 - 1)
    negative = bytearray(_encoded("bmp", 51))
    negative[18:26] = struct.pack("<ii", -90, -(2**31))
    for tag in (256, 257):  # width and height
        entry = tiff.index(struct.pack("<HH", tag, 4)) if struct.pack("<HH", tag, 4) in tiff else -1
        if entry < 0:
            entry = tiff.index(struct.pack("<HH", tag, 3))
        tiff[entry : entry + 12] = struct.pack("<HHII", tag, 4, 1, 2**31 - 1)
    extended = b"VP8X" + struct.pack("<I", 10) + bytes(4) + b"\xff\xff\xff" + b"\xff\xff\x00"
    return {
        "full bomb.png": _png(20_000, 20_000, _chunk(b"IDAT", packed)),
        "empty bomb.png": _png(2**31 - 1, 2**31 - 1, _chunk(b"IDAT", b"")),
        "nothing in it.png": _png(0, 0, _chunk(b"IDAT", zlib.compress(b""))),
        "too little.png": _png(8000, 8000, _chunk(b"IDAT", zlib.compress(bytes(100)))),
        "too much.png": _png(64, 64, _chunk(b"IDAT", zlib.compress(bytes(50_000_000)))),
        "text bomb.png": with_text.getvalue(),
        "large.jpg": bytes(jpeg),
        "large.gif": bytes(gif),
        "large.bmp": bytes(bmp),
        "negative.bmp": bytes(negative),
        "large.tif": bytes(tiff),
        "large.webp": b"RIFF" + struct.pack("<I", 4 + len(extended)) + b"WEBP" + extended,
        "only magic.jpg": b"\xff\xd8\xff",
        "only magic.png": b"\x89PNG\r\n\x1a\n",
        "only magic.tif": b"II*\0",
        "circle.tif": b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 0) + struct.pack("<I", 8),
        "only magic.avif": b"\0\0\0\x1cftypavif",
    }


@pytest.mark.parametrize("n_each", [1, pytest.param(6, marks=pytest.mark.long)])
def test_damaged_files_are_catalogued_or_reported(tmp_path: Path, n_each: int) -> None:
    source, folder = tmp_path / "source", tmp_path / "films"
    source.mkdir()
    chance = np.random.default_rng(7)
    endings = ["jpg", "png", "webp", "gif", "bmp", "tif", "avif", "txt"]
    n = 0
    for kind in FORMATS:
        for mutation in MUTATIONS:
            for _ in range(n_each):
                data = mutation(_encoded(kind, n), chance)
                ending = endings[n % len(endings)]
                (source / f"{n:03} {kind}{mutation.__name__}.{ending}").write_bytes(data)
                n += 1
    assert n >= 70 * n_each
    bombs = _bombs()
    for name, data in bombs.items():
        (source / name).write_bytes(data)
    done = cli(
        "build", source, "-c", folder, "--json", "-q", env={"PYTHONWARNINGS": "error", "PYTHONFAULTHANDLER": "1"}
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.decode() == ""
    check_all_vectors(folder)
    catalogue = posterity.open(folder)
    report = catalogue.report()
    dropped = {finding.item: finding for finding in report.dropped}
    kept = {poster.path for poster in catalogue.posters()}
    files = {path.name for path in source.iterdir()}
    assert kept | dropped.keys() == files
    assert not kept & dropped.keys()
    assert len(kept) > 12 * n_each, "mutations so strong prove little"
    reasons = Counter(finding.reason for finding in dropped.values())
    assert {"corrupt", "truncated", "not_an_image"} <= reasons.keys()
    assert reasons.keys() <= {"corrupt", "truncated", "not_an_image", "too_many_pixels", "tiny", "duplicate", "empty"}
    assert all(
        finding.detail and "\n" not in finding.detail and " at 0x" not in finding.detail for finding in dropped.values()
    )
    huge = ["full bomb.png", "empty bomb.png", "large.jpg", "large.gif", "large.bmp", "large.webp"]
    assert {name: dropped[name].reason for name in huge} == dict.fromkeys(huge, "too_many_pixels")
    assert {name for name in bombs if name in kept} <= {"too much.png", "text bomb.png"}
    again = cli_json("build", source, "-c", folder, "-q")
    assert (again["unchanged"], again["dropped"]) == (len(kept), len(dropped))
    for name in ENCODERS:
        ids, vectors = catalogue.vectors(name)
        assert len(ids) == len(kept)
        assert np.isfinite(vectors).all()


def test_damaged_picture_that_can_still_be_seen_is_flagged(tmp_path: Path) -> None:
    """Of a JPEG with a hole in its data the rest is shown, and the poster says so; of the truncated one nothing is."""
    source = tmp_path / "source"
    source.mkdir()
    data = bytearray(_encoded("jpeg", 3))
    (source / "whole.jpg").write_bytes(data)
    (source / "cut.jpg").write_bytes(data[: len(data) // 2])
    end = len(data) - 40
    data[end - 30 : end] = bytes(30)
    (source / "hole.jpg").write_bytes(data)
    posterity.build(source, tmp_path / "films")
    catalogue = posterity.open(tmp_path / "films")
    flags = {poster.path: set(poster.flags) - {"near_duplicate"} for poster in catalogue.posters()}
    assert flags["whole.jpg"] == set()
    assert {finding.item: finding.reason for finding in catalogue.report().dropped} == {"cut.jpg": "truncated"}
    assert flags["hole.jpg"] == {"damaged"}
