"""The command line keeps its contract: what it prints, where, and how it exits."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import real_data
from PIL import Image

import posterity
from posterity.cli import run
from posterity.cli.commands import commands

Capture = pytest.CaptureFixture[str]


def test_build_ends_with_one_object_of_counts(
    make_posters: Callable[..., Path], tmp_path: Path, capsys: Capture
) -> None:
    posters = make_posters(5)
    (posters / "bad.jpg").write_bytes(b"")
    assert run(["build", str(posters), "-c", str(tmp_path / "films"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    wanted = {"seen": 6, "added": 5, "updated": 0, "unchanged": 0, "dropped": 1, "flagged": 0}
    assert {key: told[key] for key in wanted} == wanted
    assert told["dropped_by"] == {"empty": 1}


def test_similar_prints_the_contracts_shape(films: posterity.Catalogue, capsys: Capture) -> None:
    assert run(["similar", "-c", str(films.folder), "--id", "tt0000003", "-k", "4", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {"query", "encoder", "matches"}
    assert len(told["matches"]) == 4
    for match in told["matches"]:
        assert {"id", "title", "score", "distance"} <= set(match)
        assert isinstance(match["score"], float)
    distances = [match["distance"] for match in told["matches"]]
    assert distances == sorted(distances)


def test_wall_prints_the_contracts_shape_and_is_the_same_each_time(films: posterity.Catalogue, capsys: Capture) -> None:
    told = []
    for _ in range(2):
        assert run(["wall", "-c", str(films.folder), "--rows", "3", "--cols", "5", "--json"]) == 0
        told.append(json.loads(capsys.readouterr().out))
    assert told[0] == told[1]
    assert (told[0]["rows"], told[0]["cols"], told[0]["placed"]) == (3, 5, 12)
    cells = [tuple(cell) for cell in told[0]["cells"].values()]
    assert set(told[0]["cells"]) == {poster.id for poster in films.posters()}
    assert len(set(cells)) == 12
    assert all(0 <= row < 3 and 0 <= col < 5 for row, col in cells)
    assert told[0]["quantization_error"] >= 0
    assert 0 <= told[0]["topographic_error"] <= 1


def test_pictures_are_drawn(films: posterity.Catalogue, tmp_path: Path, capsys: Capture) -> None:
    folder = str(films.folder)
    assert run(["similar", "-c", folder, "--id", "tt0000003", "--out", str(tmp_path / "s.png")]) == 0
    assert run(["wall", "-c", folder, "--cell-width", "40", "--cols", "4", "--out", str(tmp_path / "w.png")]) == 0
    with Image.open(tmp_path / "s.png") as drawn:
        assert drawn.width > 5 * 200
    with Image.open(tmp_path / "w.png") as drawn:
        assert drawn.size == (4 * 40, 3 * 60)
    assert "Film, 2" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["info", "report", "doctor"])
def test_every_report_speaks_json_and_text(films: posterity.Catalogue, capsys: Capture, command: str) -> None:
    assert run([command, str(films.folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["posters"] == 12
    assert run([command, str(films.folder)]) == 0
    assert "12 posters" in capsys.readouterr().out


def test_encoders_embed_and_list_speak_json(films: posterity.Catalogue, capsys: Capture) -> None:
    assert run(["encoders", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"poster", "colour", "composition", "pixels", "resnet18"} <= {encoder["name"] for encoder in told}
    assert run(["embed", "-c", str(films.folder), "--encoder", "colour,pixels", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kept"] == {"colour": 12, "pixels": 12}
    assert run(["list", "-c", str(films.folder), "--where", "year = 1955", "--json"]) == 0
    assert [poster["id"] for poster in json.loads(capsys.readouterr().out)["posters"]] == ["tt0000006"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["similar", "-c", "{films}", "--id", "tt404"], "no poster 'tt404'"),
        (["similar", "-c", "{films}", "--id", "tt0000001", "--where", "yeer = 1"], "yeer = 1"),
        (
            ["similar", "-c", "{films}", "--id", "tt0000001", "--encoder", "vgg"],
            "Known: clip_vit_b32, colour,",
        ),
        (["similar", "-c", "{films}", "--image", "nowhere.jpg"], "nowhere.jpg cannot be read"),
        (["similar", "-c", "nowhere", "--id", "x"], "does not exist"),
        (["wall", "-c", "{films}", "--rows", "2", "--cols", "3"], "12 posters"),
        (["wall", "-c", "{films}", "--out", "wall.txt"], "unknown picture format"),
        (["build", "nowhere", "-c", "{films}"], "nowhere does not exist"),
        (["info", "nowhere"], "posterity build"),
        (["sample", "s", "-n", "3"], "invalid number of films: 3"),
    ],
)
def test_a_users_error_is_one_line_and_status_1(
    films: posterity.Catalogue, capsys: Capture, arguments: list[str], says: str
) -> None:
    assert run([argument.format(films=films.folder) for argument in arguments]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert says in err


@pytest.mark.parametrize(
    "arguments",
    [[], ["nonsense"], ["similar", "-c", "x"], ["similar", "-c", "x", "--weights", "colour"], ["build"],
     ["wall", "-c", "x", "--rows", "0"], ["similar", "-c", "x", "--id", "a", "-k", "many"]],
)  # fmt: skip
def test_wrong_usage_is_status_2(capsys: Capture, arguments: list[str]) -> None:
    assert run(arguments) == 2
    assert capsys.readouterr().out == "" or not arguments


@pytest.mark.parametrize("command", commands, ids=lambda command: str(command.name))
def test_every_command_has_help_with_an_example(capsys: Capture, command: object) -> None:
    name = str(command.name)  # type: ignore[attr-defined]
    assert run([name, "--help"]) == 0
    assert f"posterity {name}" in capsys.readouterr().out.split("Example", 1)[1]


def test_settings_come_from_the_environment_and_are_checked(
    films: posterity.Catalogue, capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    query = ["similar", "-c", str(films.folder), "--id", "tt0000001", "--json"]
    monkeypatch.setenv("POSTERITY_K", "2")
    monkeypatch.setenv("POSTERITY_ENCODER", "pixels")
    run(query)
    told = json.loads(capsys.readouterr().out)
    assert (told["encoder"], len(told["matches"])) == ("pixels", 2)
    run([*query, "-k", "3"])
    assert len(json.loads(capsys.readouterr().out)["matches"]) == 3
    monkeypatch.setenv("POSTERITY_K", "few")
    assert run(query) == 1
    assert "POSTERITY_K" in capsys.readouterr().err
    monkeypatch.delenv("POSTERITY_K")
    (tmp_path / "settings.toml").write_text("k = 4\n")
    monkeypatch.setenv("POSTERITY_SETTINGS", str(tmp_path / "settings.toml"))
    run(query)
    assert len(json.loads(capsys.readouterr().out)["matches"]) == 4
    (tmp_path / "settings.toml").write_text("kay = 4\n")
    assert run(query) == 1
    assert "kay" in capsys.readouterr().err


def test_nothing_heavy_is_imported_with_the_package_or_for_help() -> None:
    code = (
        "import sys, posterity\n"
        "from posterity.cli import run\n"
        "run(['--help'])\n"
        "heavy = {'numpy', 'lancedb', 'pyarrow', 'cv2', 'PIL', 'scipy'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_python_m_posterity_is_the_command(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "posterity", "info", str(tmp_path / "no\nwhere")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


def test_the_public_names_are_all_there_and_sorted() -> None:
    assert posterity.__all__ == sorted(posterity.__all__)
    for name in posterity.__all__:
        assert getattr(posterity, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        posterity.nonsense  # noqa: B018


def test_the_hundred_covers_make_a_full_wall(tmp_path: Path, capsys: Capture) -> None:
    covers, films = real_data("covers"), tmp_path / "covers"
    assert run(["build", str(covers), "-c", str(films), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["added"] == 100
    assert run(["wall", "-c", str(films), "--rows", "10", "--cols", "10", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert sorted(map(tuple, told["cells"].values())) == [(row, col) for row in range(10) for col in range(10)]
