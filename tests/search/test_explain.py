"""Why two posters are alike."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_duplicates import artwork

import posterity
from posterity.cli import run
from posterity.errors import CatalogueError
from posterity.search.explain import covered


@pytest.fixture(scope="module")
def sharing(tmp_path_factory: pytest.TempPathFactory) -> posterity.Catalogue:
    """Posters of which two share their lower left quarter and nothing else."""
    folder = tmp_path_factory.mktemp("sharing")
    posters = folder / "posters"
    posters.mkdir()
    for i in range(30):
        artwork(i).save(posters / f"{i:02}.png")
    a, b = artwork(100), artwork(101)
    b.paste(a.crop((0, 180, 120, 360)), (0, 180))
    a.save(posters / "a.png")
    b.save(posters / "b.png")
    posterity.build(posters, folder / "c")
    return posterity.open(folder / "c")


def test_contributions_are_those_of_the_search(sharing: posterity.Catalogue) -> None:
    found = sharing.explain("file:a.png", "file:b.png", weights="colour=1,content=2,composition=1")
    match = next(
        m for m in sharing.similar("file:a.png", weights="colour=1,content=2,composition=1", k=99).matches
        if m.id == "file:b.png"
    )  # fmt: skip
    assert match.contributions is not None
    for name, part in found.contributions.items():
        assert part == pytest.approx(match.contributions[name], abs=1e-9)
    assert found.score == pytest.approx(sum(found.contributions.values()))
    assert not found.same_artwork


def test_the_region_that_they_share_is_the_one_that_lights_up(sharing: posterity.Catalogue) -> None:
    found = sharing.explain("file:a.png", "file:b.png")
    for grid in found.regions["composition"]:
        assert grid.shape == (9, 6)
        shared, rest = grid[5:, :3].mean(), np.delete(grid.ravel(), [r * 6 + c for r in range(5, 9) for c in range(3)])
        assert shared > rest.mean()


def test_every_region_is_covered_once() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (90, 60, 3), np.uint8)
    pictures = covered(picture)
    changed = np.array([(one != picture).any(2) for one in pictures])
    assert len(pictures) == 54
    assert changed.any(0).all()
    assert 0.02 < changed.mean() < 0.08


def test_it_is_drawn(sharing: posterity.Catalogue, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "why.png"
    command = ["explain", "-c", str(sharing.folder), "file:a.png", "file:b.png"]
    assert run([*command, "--out", str(out), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert sum(said["contributions"].values()) == pytest.approx(said["score"])
    assert sum(share for _, share in said["palettes"][0]) == pytest.approx(1)
    assert len(said["regions"]["content"][0]) == 9
    with Image.open(out) as image:
        assert image.width > 1000
    assert run(command) == 0
    assert "random pair" in capsys.readouterr().out
    with pytest.raises(CatalogueError, match="no poster"):
        sharing.explain("file:a.png", "nothing")
