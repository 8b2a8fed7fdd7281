"""Files drawn strip by strip hold the same pixels as pictures drawn at once."""

from __future__ import annotations

import io
import os
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from conftest import picture
from PIL import Image

from posterity.errors import ArgumentError, StorageError
from posterity.render.raster import Box, Label, Scene, Thumb, preview, write
from posterity.render.raster.png import write_png


def jpeg(seed: int, size: tuple[int, int] = (128, 192)) -> bytes:
    file = io.BytesIO()
    picture(seed, size).save(file, "JPEG", quality=95)
    return file.getvalue()


JPEGS = {str(i): jpeg(i) for i in range(12)} | {"wide": jpeg(50, (192, 100))}


def fetch(keys: Iterable[str]) -> dict[str, bytes]:
    return {key: JPEGS[key] for key in keys if key in JPEGS}


@pytest.fixture
def scene() -> Scene:
    """Thumbs that cross strips' borders and overlap, a gap, a thumbnail that is not there, texts, a box."""
    thumbs = [Thumb(str(i), 70 * (i % 4), 90 * (i // 4) + 40 * (i % 2), 64, 96, f"Film <{i}>") for i in range(12)]
    thumbs += [Thumb("wide", 20, 180, 100, 150, border=(255, 0, 0)), Thumb("gone", 0, 0, 64, 96)]
    labels = [
        Label("Überschrift & mehr", 5, 245, 24, (255, 255, 255), (0, 0, 0)),
        Label("mid", 150, 600, 20, (9, 9, 9)),
    ]
    return Scene(301, 655, (18, 18, 20), thumbs, labels, [Box(200, 500, 90, 140, (10, 200, 10))], "A title")


def test_strips_join_to_the_picture_drawn_at_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the strips' height; and each thumb is where it was put, whole, its shape kept."""
    whole = np.asarray(preview(scene, fetch))
    assert whole.shape == (655, 301, 3)
    for height in (32, 100, 1000):
        monkeypatch.setattr("posterity.render.raster.scene.STRIP", height)
        assert (np.asarray(preview(scene, fetch)) == whole).all()
    first = np.asarray(Image.open(io.BytesIO(JPEGS["0"])).resize((64, 96), Image.Resampling.BOX)).astype(int)
    assert np.abs(whole[:88, :64].astype(int) - first[:88]).mean() < 4
    assert (whole[650:, :100] == (18, 18, 20)).all()
    assert (whole[520, 250] == (10, 200, 10)).all()
    # The wide one fills its place's width, in the middle of its height, inside a red frame.
    assert (whole[232, 17] == (255, 0, 0)).all()
    assert (whole[181, 60] != (255, 0, 0)).any()


def test_a_png_holds_those_pixels_exactly(scene: Scene, tmp_path: Path) -> None:
    """As Pillow reads it, which checks every checksum; with its resolution for printers."""
    path = write(scene, fetch, tmp_path / "new" / "a.png", dpi=300)
    with Image.open(path) as read:
        read.load()
        assert (np.asarray(read) == np.asarray(preview(scene, fetch))).all()
        assert read.info["dpi"][0] == pytest.approx(300, abs=0.01)
    assert [file.name for file in path.parent.iterdir()] == ["a.png"]


@pytest.mark.parametrize("heights", [[1], [3, 1, 5], [256, 256, 7]])
def test_pngs_of_any_strips_are_read_back(heights: list[int]) -> None:
    rng = np.random.default_rng(0)
    strips = [rng.integers(0, 256, (h, 37, 3), dtype=np.uint8) for h in heights]
    file = io.BytesIO()
    write_png(file, 37, sum(heights), iter(strips), workers=2)
    assert (np.asarray(Image.open(io.BytesIO(file.getvalue()))) == np.concatenate(strips)).all()


@pytest.mark.parametrize("ending", ["jpg", "webp", "tif"])
def test_other_formats_hold_nearly_those_pixels(scene: Scene, tmp_path: Path, ending: str) -> None:
    path = write(scene, fetch, tmp_path / f"a.{ending}", dpi=150)
    with Image.open(path) as read:
        pixels = np.asarray(read.convert("RGB")).astype(int)
        assert ending == "webp" or round(read.info["dpi"][0]) == 150
    assert np.abs(pixels - np.asarray(preview(scene, fetch))).mean() < 4


@pytest.mark.parametrize("size", [(301, 655), (256, 256), (513, 1), (1, 1), (700, 300)])
def test_tiles_join_to_the_picture_and_halve_from_level_to_level(tmp_path: Path, size: tuple[int, int]) -> None:
    width, height = size
    scene = Scene(width, height, (40, 90, 160), [Thumb("1", 10, 10, 200, 300), Thumb("2", 150, 200, 100, 150)])
    write(scene, fetch, tmp_path / "a.dzi")
    root = ET.parse(tmp_path / "a.dzi").getroot()
    space = "{http://schemas.microsoft.com/deepzoom/2008}"
    assert root.tag == f"{space}Image"
    assert {k: int(v) for k, v in root.find(f"{space}Size").attrib.items()} == {"Width": width, "Height": height}  # type: ignore[union-attr]
    levels = sorted(int(folder.name) for folder in (tmp_path / "a_files").iterdir())
    assert levels == list(range(max(width - 1, height - 1).bit_length() + 1))
    whole = np.asarray(preview(scene, fetch)).astype(int)
    for level in reversed(levels):
        joined = np.zeros(whole.shape, int)
        tiles = list((tmp_path / "a_files" / str(level)).iterdir())
        assert len(tiles) == -(-whole.shape[1] // 256) * -(-whole.shape[0] // 256)
        for tile in tiles:
            col, row = map(int, tile.stem.split("_"))
            with Image.open(tile) as read:
                pixels = np.asarray(read)
            joined[row * 256 : row * 256 + pixels.shape[0], col * 256 : col * 256 + pixels.shape[1]] = pixels
        # The smallest have as much detail as pixels, and JPEG little of it.
        assert np.abs(joined - whole).mean() < (12 if min(whole.shape[:2]) > 32 else 40)
        with Image.fromarray(whole.astype(np.uint8)) as larger:
            smaller = larger.resize(((larger.width + 1) // 2, (larger.height + 1) // 2), Image.Resampling.BOX)
        whole = np.asarray(smaller).astype(int)


def test_tiles_replace_their_own_and_nobody_elses(scene: Scene, tmp_path: Path) -> None:
    write(scene, fetch, tmp_path / "a.dzi")
    write(Scene(20, 20, (0, 0, 0)), fetch, tmp_path / "a.dzi")
    assert len(list((tmp_path / "a_files").iterdir())) == 6
    (tmp_path / "b_files").mkdir()
    with pytest.raises(ArgumentError, match="does not belong to a .dzi file"):
        write(scene, fetch, tmp_path / "b.dzi")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.dzi", "a_files", "b_files"]


def test_an_svg_is_well_formed_and_says_what_is_where(scene: Scene, tmp_path: Path) -> None:
    thumbs = [*scene.thumbs, Thumb("3", 0, 0, 64, 96, 'A "\x01 bad & <b>title</b>')]
    path = write(Scene(301, 655, scene.background, thumbs, scene.labels, scene.boxes, "T"), fetch, tmp_path / "a.svg")
    root = ET.parse(path).getroot()
    space = "{http://www.w3.org/2000/svg}"
    images = root.findall(f"{space}image")
    assert len(images) == 14
    assert images[2][0].text == "Film <2>"
    assert images[-1][0].text == 'A "\ufffd bad & <b>title</b>'
    assert [float(images[2].attrib[name]) for name in ("x", "y", "width", "height")] == [140, 0, 64, 96]
    assert [text.text for text in root.findall(f"{space}text")] == ["Überschrift & mehr", "mid"]


def test_a_large_picture_is_drawn_without_holding_it(tmp_path: Path) -> None:
    """20,000 × 20,000 pixels are 1.2 GB; the process that writes them grows by a small part of that."""
    import subprocess
    import sys

    code = f"""
import resource
from posterity.render.raster import Scene, Thumb, write
from test_raster import fetch
thumbs = [Thumb(str(i % 12), 200 * (i % 100), 300 * (i // 100), 200, 300) for i in range(300)]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
write(Scene(20000, 20000, (18, 18, 20), thumbs), fetch, {str(tmp_path / "large.png")!r})
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    here = Path(__file__).parent
    path = os.pathsep.join(map(str, (here, here.parent)))
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": path}
    )
    assert int(done.stdout) < 300


def test_a_preview_is_halved_until_it_fits(scene: Scene) -> None:
    assert preview(scene, fetch, 400).size == (150, 327)


def test_what_cannot_be_drawn_is_refused_before_anything_is(scene: Scene, tmp_path: Path) -> None:
    for name, large, said in (
        ("a.bmp", scene, "unknown picture format '.bmp'"),
        ("a.png", Scene(40_000, 10, (0, 0, 0)), "over 30000 pixels a side"),
        ("a.webp", Scene(20_000, 10, (0, 0, 0)), "too large for .webp"),
        ("a.tif", Scene(20_000, 20_000, (0, 0, 0)), "too large for .tif"),
    ):
        with pytest.raises(ArgumentError, match=said):
            write(large, fetch, tmp_path / name)
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        write(scene, fetch, tmp_path / "file" / "a.png")
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
