"""Walls of a catalogue: one cell a poster, whatever is asked of the grid; kept, and brought up to date."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from conftest import picture, real_data
from PIL import Image

import posterity
from posterity.cli import run
from posterity.errors import ArgumentError, CatalogueError, UnknownNameError
from posterity.layouts.shapes import Shape, masked
from posterity.layouts.walls import som_cells
from posterity.testing import write_sample


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> posterity.Catalogue:
    """144 generated posters with metadata, for tests that change nothing."""
    folder = tmp_path_factory.mktemp("walls")
    made = write_sample(folder / "sample", 144)
    posterity.build(made.posters, folder / "films", made.metadata)
    return posterity.open(folder / "films")


def one_cell_each(wall: posterity.Wall, n: int) -> bool:
    cells = set(wall.cells.values())
    return wall.placed == n == len(cells) and all(0 <= r < wall.rows and 0 <= c < wall.cols for r, c in cells)


def test_the_contract_of_the_command(sample: posterity.Catalogue, capsys: pytest.CaptureFixture[str]) -> None:
    """The keys of the first issue and dpq16, beside the same of a random wall and of a plain map; the same again."""
    said = []
    for extra in ([], ["--fresh"]):
        assert run(["wall", "-c", str(sample.folder), "--encoder", "poster", "--json", *extra]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    wall = json.loads(said[0])
    assert {"encoder", "rows", "cols", "cells", "placed", "quantization_error", "topographic_error", "dpq16"} <= set(
        wall
    )
    assert wall["placed"] == len(wall["cells"]) == 144
    assert wall["dpq16"] == wall["scores"]["dpq16"][0]
    random, som = wall["baselines"]["random"], wall["baselines"]["som"]
    assert wall["dpq16"] > som["dpq16"][0] + 0.03 > random["dpq16"][0] + 0.1
    assert wall["collisions"] > 0
    assert 0 <= wall["topographic_error"] <= 1


@pytest.mark.parametrize("order", ["content", "colour", "time"])
@pytest.mark.parametrize(
    "shape", [Shape(), *(pytest.param(each, marks=pytest.mark.long) for each in (
        Shape(topology="hexagonal"), Shape(toroidal=True), Shape(aspect=4), Shape(10, 20))),
              Shape(rows=13, topology="hexagonal"), Shape(holes=[(0, 0), (6, 6), (6, 7)])],
)  # fmt: skip
def test_every_poster_has_a_cell_of_its_own(sample: posterity.Catalogue, order: str, shape: Shape) -> None:
    wall = sample.wall(shape=shape, order=order)
    assert one_cell_each(wall, 144)
    assert not set(shape.holes) & set(wall.cells.values())
    assert sample.wall(shape=shape, order=order) == wall
    if shape.aspect == 4:
        assert 3 < wall.cols / wall.rows < 5
    if (wall.rows, wall.cols) == (10, 20):  # what is not needed is blank, at the end
        assert max(row * 20 + col for row, col in wall.cells.values()) == 143


def test_pinned_posters_stay_and_the_others_come_to_them(sample: posterity.Catalogue) -> None:
    ids = sorted(sample.wall().cells)
    pins = {ids[5]: (0, 0), ids[90]: (11, 11), ids[17]: (6, 3)}
    wall = sample.wall(shape=Shape(12, 12, pins=pins))
    assert one_cell_each(wall, 144)
    assert {name: wall.cells[name] for name in pins} == pins


def test_time_runs_along_rows_and_genres_down(sample: posterity.Catalogue) -> None:
    wall = sample.wall(order="time")
    films = {poster.id: poster.film for poster in sample.posters()}
    for row in range(wall.rows):
        years = [
            films[name].year for name, cell in sorted(wall.cells.items(), key=lambda each: each[1]) if cell[0] == row
        ]
        assert years == sorted(years)
    by_place = [films[name].genres[0] for name, _ in sorted(wall.cells.items(), key=lambda each: each[1][0])]
    changes = sum(a != b for a, b in itertools.pairwise(by_place))
    # Each genre is in one run of rows; where two meet in a row, they alternate by year.
    assert changes < 144 / 2
    with pytest.raises(UnknownNameError, match="order 'size'"):
        sample.wall(order="size")


def test_colours_are_ordered_by_the_colour_encoder(sample: posterity.Catalogue) -> None:
    wall = sample.wall(order="colour")
    assert wall.encoder == "colour"
    assert wall.dpq16 > wall.baselines["random"]["dpq16"][0] + 0.2


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ({"rows": 3, "cols": 3}, "144 posters do not fit on 3×3"),
        ({"pins": {"nobody": (0, 0)}}, "pinned poster 'nobody' is not on the wall"),
        ({"holes": [(99, 0)]}, "a hole at 99,0 lies outside"),
        ({"pins": {"a": (0, 0), "b": (0, 0)}}, "two posters are pinned to one cell"),
        ({"pins": {"a": (0, 0)}, "holes": [(0, 0)]}, "which is a hole"),
        ({"topology": "round"}, "topology 'round'"),
        ({"aspect": 0}, "aspect 0"),
        ({"rows": 13, "topology": "hexagonal", "toroidal": True}, "13 rows does not fit together"),
    ],
)
def test_what_no_wall_can_be_is_refused(sample: posterity.Catalogue, shape: dict[str, object], said: str) -> None:
    with pytest.raises((ArgumentError, CatalogueError), match=said):
        sample.wall(shape=Shape(**shape))  # type: ignore[arg-type]


def test_a_mask_is_filled(sample: posterity.Catalogue, tmp_path: Path) -> None:
    """A white disc: all posters inside it, few cells of it left, and the corners empty."""
    y, x = np.mgrid[-1:1:200j, -1:1:200j]
    Image.fromarray(np.where(x**2 + y**2 < 0.9, 255, 0).astype(np.uint8)).save(tmp_path / "disc.png")
    wall = sample.wall(mask=tmp_path / "disc.png")
    assert one_cell_each(wall, 144)
    assert 1.2 < wall.cols / wall.rows < 1.8  # cells are 2:3
    rows, cols = np.array(list(wall.cells.values())).T
    away = ((rows + 0.5) / wall.rows * 2 - 1) ** 2 + ((cols + 0.5) / wall.cols * 2 - 1) ** 2
    assert away.max() < 1.15
    assert wall.rows * wall.cols * np.pi / 4 * 0.9 < 144 * 1.15
    with pytest.raises(ArgumentError, match="do not fit into the mask"):
        sample.wall(12, 12, mask=tmp_path / "disc.png")
    with pytest.raises(ArgumentError, match="dark all over"):
        masked(np.zeros((5, 5, 3), np.uint8), 3)


def test_the_command_takes_pins_holes_and_masks(
    sample: posterity.Catalogue, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    identity = sample.posters()[0].id
    Image.new("L", (30, 20), 255).save(tmp_path / "mask.png")
    call = ["wall", "-c", str(sample.folder), "--json", "--pin", f"{identity}=1,2", "--hole", "0,0"]
    assert run([*call, "--mask", str(tmp_path / "mask.png"), "--rows", "8", "--cols", "20"]) == 0
    wall = json.loads(capsys.readouterr().out)
    assert wall["cells"][identity] == [1, 2]
    assert [0, 0] not in wall["cells"].values()
    for bad in (["--pin", "x"], ["--pin", "a=1"], ["--hole", "1;2"], ["--mask", str(tmp_path / "none.png")]):
        assert run(["wall", "-c", str(sample.folder), *bad]) == 1
        assert capsys.readouterr().err.startswith("posterity: ")
    out = tmp_path / "wall.dzi"
    assert run(["wall", "-c", str(sample.folder), "--order", "time", "--title", "By time", "--out", str(out)]) == 0
    assert "DPQ₁₆" in capsys.readouterr().out
    assert (tmp_path / "wall_files" / "0" / "0_0.jpg").exists()


def test_a_plain_map_gives_cells_to_the_first_who_want_them() -> None:
    cells, collisions = som_cells(np.array([3, 3, 1, 9, 1]), np.array([0, 1, 2, 3, 4]))
    assert cells.tolist() == [3, 0, 1, 2, 4]
    assert collisions == 3


def test_a_wall_stays_as_posters_come_and_go(tmp_path: Path) -> None:
    """On 700 real posters: seven more, then seven fewer; old ones hardly move, and the quality is a new wall's."""
    posters, table = real_data("posters"), real_data("posters.csv")
    some = tmp_path / "some"
    some.mkdir()
    files = sorted(posters.iterdir())[:707]
    for file in files[:700]:
        (some / file.name).symlink_to(file)
    posterity.build(some, tmp_path / "films", table)
    cat = posterity.open(tmp_path / "films")
    before = cat.wall()
    assert before.moved is None
    for file in files[700:]:
        (some / file.name).symlink_to(file)
    cat.build(some, table)
    after = cat.wall()
    assert one_cell_each(after, 707)
    away = [max(abs(a - c), abs(b - d)) for name, (a, b) in before.cells.items() for c, d in [after.cells[name]]]
    assert after.moved == np.mean(np.array(away) > 2) <= 0.02
    assert cat.wall() == after
    anew = cat.wall(fresh=True)
    assert anew.moved is None
    assert after.dpq16 >= anew.dpq16 - 0.02
    for file in files[700:]:
        (some / file.name).unlink()
    cat.doctor(repair=True)
    fewer = cat.wall()
    assert one_cell_each(fewer, 700)
    assert all(fewer.cells[name] == anew.cells[name] for name in fewer.cells)


def test_another_question_gets_another_wall(films: posterity.Catalogue) -> None:
    """Of one encoder, the wall that was last asked for is kept; another shape or seed is made for itself."""
    first = films.wall()
    assert films.wall(rows=2).rows == 2
    assert films.wall() == first
    films.wall(encoder="colour")
    names = sorted(artefact.name for artefact in films.store.artefacts() if artefact.kind == "grid")
    assert names == ["wall_content_colour", "wall_content_poster"]
    source = Path(films.posters()[0].source)
    for i in range(8):  # two fifths are new: made anew
        picture(100 + i).save(source / f"new{i}.jpg")
    films.build(source)
    assert films.wall().moved is None


def test_numpys_numbers_make_the_wall_that_pythons_make(films: posterity.Catalogue) -> None:
    made = films.wall(np.int64(3), np.int32(5), random_state=np.int64(1))
    assert films.wall(3, 5, random_state=1) == made
    assert films.layout("wall_content_poster").cells == made.cells
