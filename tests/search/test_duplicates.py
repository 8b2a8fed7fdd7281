"""Duplicates and closest pairs, on posters drawn here and on the real ones with their other pictures."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import real_data
from PIL import Image, ImageDraw

import posterity
from posterity.cli import run
from posterity.images import decode
from posterity.images.alignment import align, keypoints
from posterity.numerics.neighbours.exact import pair_distances
from posterity.search.pairs import pairs


def artwork(seed: int, size: tuple[int, int] = (240, 360)) -> Image.Image:
    """Draw shapes of all sizes: something that a person would know again."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (480, 720), tuple(rng.integers(0, 256, 3).tolist()))
    draw = ImageDraw.Draw(image)
    for _ in range(160):
        x, y = rng.integers(0, 480), rng.integers(0, 720)
        w, h = rng.integers(6, 110, 2)
        box = [x - w, y - h, x + w, y + h]
        shape = [draw.ellipse, draw.rectangle][int(rng.integers(2))]
        shape(box, fill=tuple(rng.integers(0, 256, 3).tolist()))
    return image.resize(size, Image.Resampling.LANCZOS)


def altered(image: Image.Image) -> dict[str, Image.Image]:
    """Make what happens to posters: other sizes, crops, titles, colours."""
    w, h = image.size
    titled = image.copy()
    ImageDraw.Draw(titled).rectangle([0, round(h * 0.8), w, h], fill=(240, 240, 230))
    grey = Image.fromarray(np.asarray(image.convert("L").convert("RGB")))
    frame = Image.new("RGB", (round(w * 1.2), round(h * 1.15)), (250, 250, 250))
    frame.paste(image, (round(w * 0.1), round(h * 0.05)))
    return {
        "small": image.resize((w * 2 // 3, h * 2 // 3), Image.Resampling.LANCZOS),
        "cropped": image.crop((round(w * 0.08), round(h * 0.1), round(w * 0.95), round(h * 0.94))).resize((w, h)),
        "titled": titled,
        "grey": grey,
        "framed": frame,
    }


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> posterity.Catalogue:
    folder = tmp_path_factory.mktemp("copies")
    posters = folder / "posters"
    posters.mkdir()
    for i in range(24):
        artwork(i).save(posters / f"poster{i:02}.jpg", quality=90)
    for name, image in altered(artwork(3)).items():
        image.save(posters / f"three-{name}.jpg", quality=75)
    artwork(5, (480, 720)).save(posters / "five-large.jpg", quality=90)
    artwork(7).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(posters / "seven-mirrored.jpg", quality=90)
    posterity.build(posters, folder / "c")
    return posterity.open(folder / "c")


def test_altered_copies_are_found_and_the_best_is_named(copies: posterity.Catalogue) -> None:
    found = copies.duplicates()
    groups = {group.keep: set(group.members) for group in found.groups}
    three = {f"file:three-{name}.jpg" for name in altered(artwork(3))} | {"file:poster03.jpg"}
    assert groups == {
        "file:three-framed.jpg": three,  # the largest, if only by its frame
        "file:five-large.jpg": {"file:poster05.jpg", "file:five-large.jpg"},
    }
    assert found.groups[0].copies[0].id == found.groups[0].keep
    assert all(copy.sharpness is not None for copy in found.groups[0].copies)
    assert found.posters == 31


def test_mirror_images_count_if_asked_for(copies: posterity.Catalogue) -> None:
    members = [set(group.members) for group in copies.duplicates(mirrored=True).groups]
    assert {"file:poster07.jpg", "file:seven-mirrored.jpg"} in members
    assert len(members) == 3


def test_a_picture_lies_over_its_crop_where_it_was_cropped() -> None:
    image = np.asarray(artwork(1, (256, 384)))
    crop = image[48:336, 32:224]
    found = align(keypoints(image), keypoints(crop))
    assert found.score > 0.9
    assert found.matrix is not None
    scale = found.matrix[0, 0]
    assert scale == pytest.approx(256 / 192, rel=0.03)  # both are seen 128 wide
    assert found.matrix[:, 2] == pytest.approx([-16 * scale, -24 * scale], abs=2)
    assert align(keypoints(image), keypoints(np.asarray(artwork(2, (256, 384))))).score < 0.3
    blank = np.full((96, 64, 3), 200, np.uint8)
    assert align(keypoints(blank), keypoints(blank)).plain == 0


def test_the_fix_list_and_the_contract(
    copies: posterity.Catalogue, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in Path(copies.posters()[0].source).iterdir()}
    fixes, out = tmp_path / "fixes.csv", tmp_path / "duplicates.png"
    command = ["duplicates", "-c", str(copies.folder), "--json", "--fixes", str(fixes), "--out", str(out)]
    assert run(command) == 0
    groups = json.loads(capsys.readouterr().out)["groups"]
    assert {group["keep"] for group in groups} == {"file:three-framed.jpg", "file:five-large.jpg"}
    assert all(group["keep"] in group["members"] and len(group["members"]) > 1 for group in groups)
    rows = list(csv.DictReader(fixes.read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 8
    assert [row["id"] for row in rows if row["action"] == "keep"] == [group["keep"] for group in groups]
    with Image.open(out) as image:
        assert image.height > 300
    assert run([*command[:3], "--fixes", str(tmp_path / "fixes.json")]) == 0
    assert len(json.loads((tmp_path / "fixes.json").read_text())) == 8
    assert "2 groups" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in before} == before  # nothing was touched


def test_pairs_are_those_of_brute_force_with_their_kinds(
    make_posters: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    posters = make_posters(12)
    with Image.open(posters / "tt0000005.jpg") as image:
        same = image.resize((66, 99))
    same.save(posters / "tt0000005-2.jpg", quality=70)
    posterity.build(posters, tmp_path / "c", tmp_path / "posters.csv")
    films = posterity.open(tmp_path / "c")
    names, vectors = films.vectors("colour")
    i, j = np.triu_indices(len(names), 1)
    distances = pair_distances(vectors, i, j, "cosine")
    order = np.lexsort((j, i, distances))
    found = films.pairs(30, encoder="colour")
    assert [(p.a, p.b, p.distance) for p in found.pairs] == [
        (names[i[k]], names[j[k]], distances[k]) for k in order[:30].tolist()
    ]
    every = {(p.a, p.b): p.kind for p in films.pairs(500, encoder="colour").pairs}
    assert len(every) == 13 * 12 // 2
    copy = next(name for name in names if "5" in name and name != "tt0000005")
    assert every["tt0000005", copy] == "same picture"
    assert every["tt0000001", "tt0000002"] == "same franchise"  # of one saga
    assert every["tt0000003", "tt0000004"] == "look-alike"
    shown = films.pairs(500, encoder="colour", hide_franchise=True, hide_duplicates=True)
    assert {p.kind for p in shown.pairs} == {"look-alike"}
    hidden = [pair for pair, kind in every.items() if kind != "look-alike"]
    assert [(p.a, p.b) for p in shown.pairs] == [pair for pair in every if pair not in hidden]
    command = ["pairs", "-c", str(tmp_path / "c"), "-n", "7", "--encoder", "colour", "--json"]
    page, picture = tmp_path / "pairs.html", tmp_path / "pairs.png"
    capsys.readouterr()
    assert run([*command, "--out", str(page), "--out", str(picture)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["encoder"] == "colour"
    assert [(p["distance"], p["a"], p["b"]) for p in said["pairs"]] == sorted(
        (p["distance"], p["a"], p["b"]) for p in said["pairs"]
    )
    assert {"a", "b", "score", "distance", "kind"} <= set(said["pairs"][0])
    with Image.open(picture) as image:
        assert image.width > 400
    assert page.read_text(encoding="utf-8").count("data:image/jpeg;base64,") == 14
    assert run(command[:-3]) == 0
    assert "look-alike" in capsys.readouterr().out


def test_the_page_escapes_what_it_shows(tmp_path: Path) -> None:
    posters = tmp_path / "posters"
    posters.mkdir()
    for i in range(2):
        artwork(i, (60, 90)).save(posters / f"{i}.jpg")
    with (tmp_path / "films.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "title"])
        writer.writerows([["0.jpg", '<script>alert("1")</script>'], ["1.jpg", "'\"><img src=x onerror=alert(1)>"]])
    posterity.build(posters, tmp_path / "c", tmp_path / "films.csv", encoders=["colour"])
    from posterity.render.reports.pairs import pairs_page

    films = posterity.open(tmp_path / "c")
    page = pairs_page(films.store, films.pairs(encoder="colour"))
    assert "<script" not in page
    assert not re.search(r"<img (?!src=\"data:image/jpeg)", page)


def test_the_real_alternatives_are_told_apart() -> None:
    """Of the films' other pictures, those of the same artwork lie over the poster; of other films' posters, none."""
    table = real_data("versions.csv")
    with table.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["relation"] == "same_art"][:40]
    known = [
        (keypoints(decode((real_data("posters") / row["file"]).read_bytes(), (192, 128))),
         keypoints(decode((real_data("versions") / row["file"]).read_bytes(), (192, 128))))
        for row in rows
    ]  # fmt: skip
    from posterity.search.duplicates import same_artwork

    assert all(same_artwork(align(a, b)) for a, b in known)
    shifted = zip(known, known[1:] + known[:1], strict=True)
    assert not any(same_artwork(align(a, b)) for (a, _), (_, b) in shifted)


def test_pairs_of_one_poster_are_none(copies: posterity.Catalogue) -> None:
    assert pairs(copies.store, "colour", where="id = 'file:poster01.jpg'").pairs == ()
