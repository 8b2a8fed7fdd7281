"""What can be searched for: several, not those, palettes, years, thresholds, variety."""

from __future__ import annotations

import copy
import io
import json
from pathlib import Path

import numpy as np
import pytest
from conftest import picture
from PIL import Image

import posterity
from posterity.catalogue.pictures import Shown
from posterity.cli import run
from posterity.embedding.picture import Picture
from posterity.errors import ArgumentError, CatalogueError
from posterity.images import decode, fit
from posterity.search.query import parse_colours, years_filter
from posterity.serialise import dumps


def ids(found: posterity.Matches) -> list[str]:
    return [match.id for match in found.matches]


def test_several_are_searched_for_by_their_mean(films: posterity.Catalogue) -> None:
    names, vectors = films.vectors("composition")
    likes = ["tt0000001", "tt0000004"]
    mean = vectors[[names.index(one) for one in likes]].mean(0, dtype=np.float64)
    mean -= 0.5 * vectors[names.index("tt0000009")]
    mean /= np.linalg.norm(mean)
    order = np.argsort(-(vectors @ mean), kind="stable")
    wanted = [names[i] for i in order if names[i] not in (*likes, "tt0000009")]
    found = films.similar(likes, unlike="tt0000009", encoder="composition", k=20)
    assert ids(found) == wanted
    assert found.query.likes == tuple(likes)
    assert found.query.unlikes == ("tt0000009",)
    assert found.query.title == "Film, 0 + Film, 3 − Film, 8"


def test_pictures_and_posters_mix(films: posterity.Catalogue, tmp_path: Path) -> None:
    poster = films.posters()[2]
    copy = tmp_path / "copy.jpg"
    copy.write_bytes((Path(poster.source) / poster.path).read_bytes())
    by_ids = films.similar(["tt0000001", poster.id], encoder="colour", k=20)
    mixed = films.similar("tt0000001", image=copy, encoder="colour", k=20)
    assert ids(mixed) == ids(by_ids)  # the picture's own poster is not among them
    away = films.similar("tt0000001", unlike=str(copy), encoder="colour", k=20)
    assert ids(away) == ids(films.similar("tt0000001", unlike=poster.id, encoder="colour", k=20))
    with pytest.raises(CatalogueError, match="no poster 'tt9'"):
        films.similar("tt0000001", unlike="tt9")


def test_a_palette_finds_posters_of_its_colours(tmp_path: Path) -> None:
    posters = tmp_path / "plain"
    posters.mkdir()
    paints = {"red": (170, 5, 8), "black": (18, 18, 16), "green": (10, 160, 40), "blue": (20, 40, 200)}
    rng = np.random.default_rng(0)
    for name, paint in paints.items():
        noise = rng.integers(-6, 7, (90, 60, 3))
        Image.fromarray((np.array(paint) + noise).clip(0, 255).astype(np.uint8)).save(posters / f"{name}.png")
    half = np.vstack([np.tile(np.array(paints[p], np.uint8), (45, 60, 1)) for p in ("red", "black")])
    Image.fromarray(half).save(posters / "redblack.png")
    posterity.build(posters, tmp_path / "c", encoders=["colour"])
    cat = posterity.open(tmp_path / "c")
    assert ids(cat.similar(colours="#aa0508", k=1)) == ["file:red.png"]
    assert ids(cat.similar(colours=["#aa0000", "#101010"], k=1)) == ["file:redblack.png"]
    assert ids(cat.similar(colours="#aa0000,#101010", weights="colour=1", k=1)) == ["file:redblack.png"]
    with pytest.raises(ArgumentError, match="has no content"):
        cat.similar(colours="#aa0000", weights="colour=1,content=1", encoder="colour")
    cat.draw(cat.similar(colours="#aa0000,#101010"), tmp_path / "palette.png")


def test_years_thresholds_and_variety(films: posterity.Catalogue) -> None:
    fifties = films.similar("tt0000001", years="1953-1956", k=20)
    assert {match.year for match in fifties.matches} == {1953, 1954, 1955, 1956}
    both = films.similar("tt0000001", years="1950s", where="array_has(genres, 'Horror')", k=20)
    assert {match.year for match in both.matches} == {1951, 1953, 1955, 1957, 1959}
    every = films.similar("tt0000001", k=20)
    bar = every.matches[4].score
    assert ids(films.similar("tt0000001", k=20, min_score=bar)) == ids(every)[:5]
    assert ids(films.similar("tt0000001", k=5, diversity=0.0)) == ids(every)[:5]
    varied = films.similar("tt0000001", k=5, diversity=0.7)
    assert ids(varied)[0] == ids(every)[0]
    names, vectors = films.vectors()

    def alike(some: list[str]) -> float:
        rows = vectors[[names.index(one) for one in some]]
        return float((rows @ rows.T)[np.triu_indices(len(rows), 1)].mean())

    assert alike(ids(varied)) < alike(ids(every)[:5])


def test_what_does_not_go_together_is_refused(films: posterity.Catalogue) -> None:
    with pytest.raises(ArgumentError, match="exactly one of these"):
        films.similar()
    with pytest.raises(ArgumentError, match="exactly one of these"):
        films.similar("tt0000001", colours="#aa0000")
    with pytest.raises(ArgumentError, match="unlike"):
        films.similar(colours="#aa0000", unlike="tt0000001")
    with pytest.raises(ArgumentError, match="diversity"):
        films.similar("tt0000001", diversity=2)
    with pytest.raises(ArgumentError, match="invalid years"):
        years_filter("the eighties")
    with pytest.raises(ArgumentError, match="invalid colour"):
        parse_colours("red")
    with pytest.raises(ArgumentError, match="cannot search by colours"):
        films.similar(colours="#aa0000", encoder="composition")


def test_on_the_command_line(films: posterity.Catalogue, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = ["similar", "-c", str(films.folder)]
    out = str(tmp_path / "similar.png")
    several = ["--id", "tt0000001", "--id", "tt0000002", "--unlike", "tt0000003", "--years", "1950s"]
    steered = ["--weights", "colour=1,content=0.5,era=1", "--diversity", "0.2", "--out", out, "--json"]
    assert run([*base, *several, *steered]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found["weights"]) == {"colour", "content", "era"}
    assert set(found["matches"][0]["contributions"]) == {"colour", "content", "era"}
    with Image.open(out) as image:
        assert image.width > 600
    assert run([*base, "--id", "tt0000001", "--weights", "colour=1,content=1"]) == 0
    assert "content" in capsys.readouterr().out
    assert run([*base, "--colour", "#aa0000", "-k", "2"]) == 0
    assert "#aa0000" in capsys.readouterr().out
    assert run([*base, "--id", "tt0000001", "--weights", "taste=1"]) == 1
    assert "taste" in capsys.readouterr().err
    assert run([*base]) == 2


def jpeg(seed: int) -> bytes:
    out = io.BytesIO()
    picture(seed, (200, 300)).save(out, "JPEG", quality=95)
    return out.getvalue()


def query_of(drawn: Image.Image) -> np.ndarray:
    """Cut the query's picture out of drawn matches."""
    return np.asarray(drawn)[58:358, 28:228].astype(int)


@pytest.mark.parametrize("named", ["a file", "a poster"])
def test_an_uploads_name_is_never_looked_up(
    films: posterity.Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    name = "tt0000003"
    if named == "a file":
        name = str(tmp_path / "secret.jpg")
        Path(name).write_bytes(jpeg(80))
    found = films.similar(image=Picture(name, jpeg(81)), k=3)
    assert (found.query.id, found.query.file, found.query.title) == (None, None, name)
    drawn = query_of(films.draw(found))
    own = fit(decode(jpeg(81)), (300, 200)).astype(int)
    assert np.abs(drawn - own).mean() < 6
    assert json.loads(dumps(found))["query"]["likes"] == [name]
    again = copy.deepcopy(found).query.likes[0]
    assert isinstance(again, Shown)
    assert again.data == jpeg(81)


def test_uploads_of_one_name_are_two_pictures(films: posterity.Catalogue) -> None:
    one, two = Picture("poster.jpg", jpeg(81)), Picture("poster.jpg", jpeg(82))
    both = films.similar(image=[one, two], k=12, encoder="pixels")
    assert ids(both) != ids(films.similar(image=[two, two], k=12, encoder="pixels"))
    sheet = np.asarray(films.draw(both))
    assert sheet.shape[1] > 200


def test_a_file_is_drawn_as_it_was_searched(films: posterity.Catalogue, tmp_path: Path) -> None:
    (tmp_path / "new.jpg").write_bytes(jpeg(81))
    found = films.similar(image=tmp_path / "new.jpg", k=3)
    (tmp_path / "new.jpg").unlink()
    assert found.query.file == str(tmp_path / "new.jpg")
    assert np.abs(query_of(films.draw(found)) - fit(decode(jpeg(81)), (300, 200)).astype(int)).mean() < 6
