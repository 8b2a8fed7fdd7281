"""Learning on real posters: models beat their baselines, say how sure they are, and refuse to know the future."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import real_data

import posterity
from posterity.cli import run
from posterity.errors import ArgumentError, CatalogueError, SourceError, UnknownNameError
from posterity.learning.genres import groups_of, inner_folds, train_genres
from posterity.learning.insight import contradiction, effect_sizes, measure_colours, occlusion, picture_for
from posterity.learning.model import from_bytes, load_model, to_bytes
from posterity.learning.money import in_dollars_of, price_level
from posterity.learning.premises import FIELDS, LEAKS, checked, premises
from posterity.learning.splits import LeakError, load_split
from posterity.numerics.linear.calibration import calibrate
from posterity.numerics.linear.logistic import tune_logistic
from posterity.numerics.scores.classification import roc_auc

N = 2500


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> posterity.Catalogue:
    """Build a catalogue of real posters, every third or so, with what is known of their films."""
    root = real_data("posters")
    folder = tmp_path_factory.mktemp("real")
    (folder / "posters").mkdir()
    names = sorted(path.name for path in root.glob("*.jpg"))[:: max(1, len(list(root.glob("*.jpg"))) // N)][:N]
    for name in names:
        (folder / "posters" / name).symlink_to(root / name)
    encoders = ["poster", "colour", "pixels"]
    posterity.build(folder / "posters", folder / "films", real_data("posters.csv"), encoders=encoders)
    return posterity.open(folder / "films")


@pytest.fixture(scope="session")
def report(real: posterity.Catalogue) -> posterity.GenreReport:
    return real.learn.genres()


def said_json(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    capsys.readouterr()
    assert run([*words, "--json"]) == 0, capsys.readouterr().err
    told: dict[str, object] = json.loads(capsys.readouterr().out)
    return told


# --- genres -------------------------------------------------------------------------------------------------------


def test_genres_are_told_better_than_baselines_tell_them(report: posterity.GenreReport) -> None:
    own, base = report.figures, report.baselines
    assert set(base) == {"prior", "all_zero", "colour", "pixels"}
    for figure in ("mAP", "auc", "hit_at_3", "f1_macro"):
        assert own[figure].value > max(scores[figure].value for scores in base.values())
        assert own[figure].low <= own[figure].value <= own[figure].high
    assert own["mAP"].low > base["pixels"]["mAP"].high, "beyond doubt"
    assert base["prior"]["auc"].value == pytest.approx(0.5)
    assert base["all_zero"]["f1_macro"].value == 0
    assert own["ece"].value < 0.03
    assert report.n_outside == 0
    assert report.n_test_seen == 0, "films that the encoder was trained with judge nothing"
    assert {row.label for row in report.per_label} == set(report.labels)


def test_the_confusion_is_counted_film_by_film(real: posterity.Catalogue, report: posterity.GenreReport) -> None:
    split = load_split(real.store, "genres")
    model = load_model(real.store, "genres", "")
    ids, said, _, _ = real.store.predictions("model_genres")
    place = {identity: row for row, identity in enumerate(ids)}
    horror, thriller = (report.labels.index(name) for name in ("Horror", "Thriller"))
    rows = [i for i in split.test if "Horror" in split.targets.labels[i] and "Thriller" not in split.targets.labels[i]]
    slow = np.mean([said[place[i], thriller] >= model.thresholds[thriller] for i in rows])
    assert report.confusion[horror, thriller] == pytest.approx(slow, abs=1e-6)


def test_what_is_kept_of_a_poster_was_said_by_models_that_had_not_seen_it(
    real: posterity.Catalogue, report: posterity.GenreReport
) -> None:
    model = load_model(real.store, "genres", "")
    ids, said, low, high = real.store.predictions("model_genres")
    place = {identity: row for row, identity in enumerate(ids)}
    np.testing.assert_allclose(said[[place[i] for i in model.ids]], model.held_out, atol=1e-6)
    assert (low <= said + 1e-6).all()
    assert (said <= high + 1e-6).all()
    again = from_bytes(to_bytes(model))
    _, vectors = real.vectors("poster")
    X = np.hstack([vectors, real.vectors("colour")[1]])[:20]
    np.testing.assert_allclose(again.predict(X).probabilities, model.predict(X).probabilities)


def test_a_prediction_names_genres_intervals_and_witnesses(
    real: posterity.Catalogue, report: posterity.GenreReport, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    split = load_split(real.store, "genres")
    known = split.train[0]
    poster = real.store.get([known])[known]
    copy = tmp_path / "copy.jpg"
    shutil.copy(Path(poster.source) / poster.path, copy)
    outside = sorted(real_data("extra").glob("*.jpg"))[0]
    told = real.learn.predict(copy, known, outside)
    assert [each.id for each in told] == [known, known, None], "the same content is the same poster"
    for each in told:
        chances = [genre.probability for genre in each.genres]
        assert chances == sorted(chances, reverse=True)
        assert {genre.genre for genre in each.genres} == set(report.labels)
        first = each.genres[0]
        assert first.low < first.probability < first.high
        assert first.speaking_for
        assert all(witness.weight > 0 and witness.id != each.id for witness in first.speaking_for)
        assert all(witness.weight < 0 for witness in first.speaking_against)
    as_json = said_json(capsys, "predict", "-c", str(real.folder), str(outside))
    assert set(as_json) >= {"file", "genres", "box_office"}
    assert set(as_json["genres"][0]) >= {"genre", "probability"}  # type: ignore[index]
    with pytest.raises(SourceError, match="nowhere"):
        real.learn.predict("nowhere.jpg")


def test_the_command_prints_what_its_contract_says(
    real: posterity.Catalogue, report: posterity.GenreReport, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    told = said_json(capsys, "train", "genres", "-c", str(real.folder), "--out", str(page))
    assert {"mAP", "auc", "f1_macro", "hit_at_3", "baselines", "n_train", "n_test"} <= set(told)
    assert {"prior", "pixels"} <= set(told["baselines"])  # type: ignore[call-overload]
    assert told["mAP"] == pytest.approx(report.figures["mAP"].value), "the same catalogue gives the same figures"
    text = page.read_text()
    assert "Science Fiction" in text
    assert text.count("<svg") >= 6
    assert "<script" not in text


def test_one_label_a_poster_and_other_choices(real: posterity.Catalogue) -> None:
    real.learn.split("classes")
    classes = real.learn.genres("classes")
    assert classes.task == "classes"
    assert classes.figures["balanced_top_1"].value > 0.78
    assert classes.figures["balanced_top_1"].value > classes.baselines["prior"]["balanced_top_1"].value + 0.2
    assert classes.confusion.sum() == classes.n_test
    unweighted = train_genres(real.store, "classes", encoders=["poster"], balance=False, keep=False, n_resamples=10)
    assert unweighted.encoders == ("poster",)
    with pytest.raises(ArgumentError, match="task 'classes'"):
        real.learn.box_office("classes")
    real.learn.split("folds")
    with pytest.raises(ArgumentError, match="lacks the parts 'train' and 'test'"):
        real.learn.genres("folds")
    with pytest.raises(UnknownNameError, match="nosuch"):
        real.learn.genres("nosuch")
    with pytest.raises(CatalogueError, match="composition"):
        real.learn.genres(encoders=["composition"])


def test_without_a_model_it_is_said_what_to_run(films: posterity.Catalogue) -> None:
    with pytest.raises(CatalogueError, match="posterity train genres"):
        films.learn.predict("x.jpg")
    with pytest.raises(CatalogueError, match="posterity train genres"):
        films.learn.disguised()
    with pytest.raises(CatalogueError, match="fewer than two genres"):
        films.learn.genres()


# --- box office ---------------------------------------------------------------------------------------------------


def test_box_office_stands_beside_its_base_rate(
    real: posterity.Catalogue, report: posterity.GenreReport, capsys: pytest.CaptureFixture[str]
) -> None:
    told = said_json(capsys, "train", "boxoffice", "-c", str(real.folder))
    assert {"base_rate", "auc", "ablation", "baselines", "sentence", "n_train", "n_test"} <= set(told)
    assert set(told["ablation"]) == {"metadata", "poster", "both"}  # type: ignore[call-overload]
    other = real.learn.box_office(fields=["genres", "budget"])
    mine = told["revenue"]["budget"]["r2"]["value"]  # type: ignore[index]
    assert other.revenue["budget"].r2.value == pytest.approx(mine), "whatever the order of the fields"
    assert "budget" not in real.learn.box_office(fields=["genres"]).revenue
    told = said_json(capsys, "train", "boxoffice", "-c", str(real.folder))
    split = load_split(real.store, "boxoffice")
    assert told["base_rate"] == pytest.approx(split.targets.matrix(split.test)[:, 0].mean())
    assert told["baselines"]["prior"]["auc"] == 0.5  # type: ignore[index]
    posters = {poster.id: poster for poster in real.posters()}
    years = [[posters[i].film.year or 0 for i in ids] for ids in (split.train, split.test)]
    assert max(years[0]) <= min(years[1]), "the past is learned from, the future judged by"
    for each in told["revenue"].values():  # type: ignore[attr-defined]
        assert 0.7 < each["coverage"]["value"] <= 1, "intervals meant to hold 90%"
    prediction = real.learn.predict(split.test[0])[0].box_office
    assert prediction is not None
    assert prediction.based_on == "poster and metadata"
    assert prediction.low < prediction.probability < prediction.high


def test_a_leak_is_refused_and_explained(real: posterity.Catalogue, capsys: pytest.CaptureFixture[str]) -> None:
    for name in LEAKS:
        with pytest.raises(LeakError, match=name):
            real.learn.box_office(fields=["budget", name])
    assert run(["train", "boxoffice", "-c", str(real.folder), "--fields", "popularity"]) == 1
    assert "would know the future" in capsys.readouterr().err
    with pytest.raises(UnknownNameError, match="shoe_size"):
        checked(["shoe_size"])


def test_premises_know_nothing_of_what_came_after(real: posterity.Catalogue) -> None:
    """Changing all that is known only afterwards changes no column."""
    posters = [p for p in real.posters() if p.film.budget][:200]
    genres = ("Comedy", "Drama")
    before, names = premises(posters, FIELDS, genres, posters)
    later = {"revenue": 1, "popularity": 99.0, "vote_average": 1.0, "vote_count": 7}
    changed = [replace(p, film=replace(p.film, **later)) for p in posters]
    np.testing.assert_array_equal(before, premises(changed, FIELDS, genres, changed)[0])
    assert len(names) == before.shape[1]
    gone = [replace(posters[0], film=replace(posters[0].film, runtime=None)), *posters[1:]]
    after, _ = premises(gone, FIELDS, genres, gone)
    assert after[0, names.index("runtime unknown")] == 1
    sequel = before[:, names.index("sequel")]
    for row, poster in enumerate(posters):
        if not poster.film.collection:
            assert sequel[row] == 0


def test_dollars_of_one_year_become_those_of_another() -> None:
    assert in_dollars_of(100, 2000, 2000) == 100
    assert in_dollars_of(in_dollars_of(100, 1950), 2016, 1950) == pytest.approx(100)
    assert price_level(1982) < 100 < price_level(1984), "the index is 100 in 1982–84"
    assert all(price_level(year) < price_level(year + 10) for year in range(1940, 2015))


# --- insight ------------------------------------------------------------------------------------------------------


def test_swapped_labels_are_found(real: posterity.Catalogue, report: posterity.GenreReport) -> None:
    """Five in a hundred posters get the genres of a film that shares none with theirs: their look gives them away."""
    split = load_split(real.store, "genres")
    ids = sorted(split.targets.labels)
    Y = split.targets.matrix(ids)
    rng = np.random.default_rng(0)
    order, swapped = rng.permutation(len(ids)).tolist(), np.zeros(len(ids), bool)
    Z = Y.copy()
    while swapped.sum() < 0.05 * len(ids):
        a = order.pop()
        b = next((i for i in order if not (Y[a] * Y[i]).any()), None)
        if b is not None:
            order.remove(b)
            Z[a], Z[b], swapped[[a, b]] = Y[b], Y[a], True
    groups = groups_of(real.store, ids)
    X = np.hstack([real.vectors("poster")[1], real.vectors("colour")[1]])
    place = {identity: row for row, identity in enumerate(real.vectors("poster")[0])}
    tuned = tune_logistic(X[[place[i] for i in ids]], Z, inner_folds(Z, [groups[i] for i in ids], 0))
    p = calibrate(tuned.logits, Z)(tuned.logits)
    assert roc_auc(contradiction(p, Z > 0, Z.mean(0)), swapped) >= 0.80


def test_disguised_posters_are_told_with_what_they_look_like(
    real: posterity.Catalogue, report: posterity.GenreReport, tmp_path: Path
) -> None:
    found = real.learn.disguised(10)
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    for each in found:
        assert each.hidden[0] in each.genres
        assert not {name for name, _ in each.looks_like} & set(each.genres)
    only = real.learn.disguised(5, "Horror")
    assert all("Horror" in each.genres for each in only)
    page = real.learn.write(found, tmp_path / "disguised.html").read_text()
    assert page.count("<img") == 10


def test_horror_is_darker_than_comedy(real: posterity.Catalogue) -> None:
    told = real.learn.colours()
    assert told.horror_against_comedy is not None
    assert told.horror_against_comedy.high < -0.8
    assert "darker" in told.claim
    shades = {shade.name: shade for shade in told.genres if shade.measure == "brightness"}
    assert shades["Horror"].effect.high < 0 < shades["Comedy"].effect.low
    assert shades["Comedy"].posters == sum("Comedy" in p.film.genres for p in real.posters())


def test_effect_sizes_are_cohens() -> None:
    rng = np.random.default_rng(0)
    values, inside = rng.normal(size=100), np.arange(100) < 30
    a, b = values[inside], values[~inside]
    pooled = np.sqrt((29 * a.var(ddof=1) + 69 * b.var(ddof=1)) / 98)
    assert effect_sizes(values, inside, np.ones((1, 100)))[0] == pytest.approx((a.mean() - b.mean()) / pooled)
    white, red = np.full((8, 8, 3), 255, np.uint8), np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 255
    found = measure_colours([white, red])
    assert found[0] == pytest.approx([100, 0, 0], abs=0.5)
    assert found[1] == pytest.approx([53.2, 104.6, 67.2], abs=0.5)  # CIELAB of sRGB red


def test_occlusion_finds_what_was_looked_at(real: posterity.Catalogue, report: posterity.GenreReport) -> None:
    """A poster in one corner of a blank one: covering the corner matters, covering the rest does not."""
    model = load_model(real.store, "genres", "")
    ids, said, _, _ = real.store.predictions("model_genres")
    picture = picture_for(real.store, ids[int(said[:, report.labels.index("Horror")].argmax())])
    height, width = picture.shape[:2]
    canvas = np.empty((2 * height, 2 * width, 3), np.uint8)
    canvas[:] = picture.reshape(-1, 3).mean(0)
    canvas[:height, :width] = picture
    found = occlusion(model, canvas, ["Horror"])[0]
    assert found.regions.shape == (9, 6)
    corner, rest = np.abs(found.regions[:4, :3]), np.abs(found.regions[6:, 4:])
    assert corner.max() > 10 * rest.max()


@pytest.mark.long
def test_the_list_of_films_is_what_the_encoder_was_trained_with() -> None:
    real_data("posters.csv")
    from training.films import LIST, trained_with

    np.testing.assert_array_equal(np.load(LIST, allow_pickle=False), trained_with())


def test_a_model_of_another_encoder_is_refused_and_discarded(tmp_path: Path, make_posters: Callable[..., Path]) -> None:
    posterity.build(make_posters(80), tmp_path / "films", tmp_path / "posters.csv", encoders=["pixels"])
    films = posterity.open(tmp_path / "films")
    films.learn.genres(encoders=["pixels"])
    artefact = films.store.artefact("model_genres")
    assert artefact is not None
    assert films.doctor().well
    model = replace(load_model(films.store, "genres", ""), fingerprints=("another",))
    ids, *values = films.store.predictions("model_genres")
    films.store.put_model(replace(artefact, fingerprint="another"), to_bytes(model), ids, *values)
    with pytest.raises(CatalogueError, match="another version of pixels"):
        films.learn.disguised()
    assert [problem.kind for problem in films.doctor().problems] == ["stale_model"]
    assert films.doctor(repair=True).well
    with pytest.raises(CatalogueError, match="posterity train genres"):
        films.learn.disguised()


def test_reports_escape_what_they_show(real: posterity.Catalogue, report: posterity.GenreReport) -> None:
    from posterity.render.charts import Bar, bars
    from posterity.render.reports.learning import disguised_page

    assert "<b>" not in bars("<b>", [Bar("<b>", 0.5)])
    found = real.learn.disguised(1)[0]
    assert "<script>" not in disguised_page(real.store, [replace(found, title="<script>alert(1)</script>")])


def test_csv_of_a_split_is_multi_hot(real: posterity.Catalogue, report: posterity.GenreReport, tmp_path: Path) -> None:
    real.learn.export_split("genres", tmp_path / "out")
    with (tmp_path / "out" / "train.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    split = load_split(real.store, "genres")
    assert sum(int(row["Horror"]) for row in rows) == sum("Horror" in split.targets.labels[i] for i in split.train)
