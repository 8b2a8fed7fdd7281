"""Experiments: declared, run once, told apart honestly."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import posterity
from posterity.cli import run
from posterity.errors import SourceError, UnknownNameError
from posterity.learning.experiments.leaderboard import corrected_t_test
from posterity.learning.experiments.spec import load_experiment, parsed, presets

MINE = """
title = "Mine"
protocol = "classes"
figure = "balanced_top_1"
n_folds = 3
repeats = 2

[[matrix]]
head = "prior"

[[matrix]]
head = "probe"
encoder = ["pixels", "colour", "pixels+colour"]
balance = [true, false]
"""


def test_the_presets_are_the_seeds_tables_with_their_published_figures() -> None:
    assert set(presets()) == {
        "preprocessing", "seed-squares", "seed-ten-genres", "seed-box-office", "seed-multilabel", "seed-recommender",
    }  # fmt: skip
    published = {name: [p.value for p in load_experiment(name).published] for name in presets()}
    assert published["seed-box-office"] == [0.6809, 0.6968, 0.7021, 0.6915, 0.6879, 0.7037]
    assert published["seed-multilabel"] == [0.7236, 0.7750]
    assert published["seed-ten-genres"] == [0.32, 0.65]
    assert published["seed-squares"] == [0.80, 0.80, 0.85, 0.85]
    for name in presets():
        assert load_experiment(name).differs
    assert len(load_experiment("preprocessing").runs) == 6
    assert {run.fit for run in load_experiment("seed-squares").slow} == {"stretch", "center-crop", "pad", "random-crop"}


def test_a_matrix_is_every_combination() -> None:
    runs = parsed("mine", MINE).runs
    assert len(runs) == 1 + 3 * 2
    assert len({run.method for run in runs}) == 7


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("title = ", "Invalid value"),
        ("colour = 1\n[[matrix]]\nhead = 'prior'", "unknown key 'colour'"),
        ("title = 'x'", "no run is declared"),
        ("[[matrix]]\nhead = 'nosuch'", "nosuch"),
        ("[[matrix]]\nhead = 'probe'", "no encoder"),
        ("[[matrix]]\nhead = 'probe'\nencoder = 'pixels'\ncolour = 1", "colour"),
        ("[[matrix]]\nhead = 'network'\nnetwork = 'resnet18'\nepochs = 0", "invalid epochs: 0"),
        ("protocol = 'nosuch'\n[[matrix]]\nhead = 'prior'", "nosuch"),
        ("[protocol]\ntask = 'genres'\nshoe = 1\n[[matrix]]\nhead = 'prior'", "shoe"),
        ("figure = 'nosuch'\n[[matrix]]\nhead = 'prior'", "balanced_accuracy|mAP"),
    ],
)
def test_a_faulty_declaration_says_what_is_wrong(
    text: str, why: str, studio: posterity.Catalogue, tmp_path: Path
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises((SourceError, UnknownNameError), match=why):
        studio.learn.experiment(path)


def test_runs_are_kept_and_found_again(studio: posterity.Catalogue, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(MINE)
    first = studio.learn.experiment(path)
    assert not any(row.cached for row in first.rows)
    assert "mine" not in {split.name for split in studio.learn.splits()}, "splits of one's own are left alone"
    again = studio.learn.experiment(path)
    assert all(row.cached for row in again.rows)
    assert [row.method for row in again.rows] == [row.method for row in first.rows]
    assert [row.figures for row in again.rows] == [row.figures for row in first.rows]
    path.write_text(MINE.replace("repeats = 2", "repeats = 1"))
    assert not any(row.cached for row in studio.learn.experiment(path).rows), "other folds are other runs"
    values = [row.figures["balanced_top_1"].value for row in first.rows]
    assert values == sorted(values, reverse=True)
    assert first.rows[-1].method == "prior"
    assert first.rows[0].p is None
    assert all(0 <= row.p <= 1 for row in first.rows[1:] if row.p is not None)
    assert first.rows[-1].p is not None
    assert first.rows[-1].p < 0.05, "colours tell comedy from horror in generated posters"


def test_a_killed_experiment_goes_on(studio: posterity.Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    from posterity.learning.experiments import run

    real, calls = run._run, []

    def cut(*args: object) -> object:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(run, "_run", cut)
    with pytest.raises(KeyboardInterrupt):
        studio.learn.experiment("seed-ten-genres")
    monkeypatch.setattr(run, "_run", real)
    rows = studio.learn.experiment("seed-ten-genres").rows
    assert sum(row.cached for row in rows) == 2


def test_the_command_prints_the_leaderboard(
    studio: posterity.Catalogue, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder, page = str(studio.folder), tmp_path / "board.html"
    assert run(["experiment", "-c", folder, "seed-squares", "--json", "-q", "--out", str(page)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"experiment", "rows", "published", "differs", "n_train", "n_test", "failed"} <= set(told)
    assert {"method", "figures", "seconds", "peak_memory", "parameters", "p"} <= set(told["rows"][0])
    assert told["failed"]["resnet18, pad"] == "slow: run with --full"
    assert "published: ResNet18, padding (accuracy)" in page.read_text()
    assert run(["experiment", "-c", folder, "seed-squares", "-q"]) == 0
    assert "0.85" in capsys.readouterr().out
    assert run(["experiment", "-c", folder, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["experiments"]) == 6
    assert run(["experiment", "-c", folder, "nosuch"]) == 1
    assert "seed-squares" in capsys.readouterr().err


def test_networks_run_with_full_only(studio: posterity.Catalogue, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    path = tmp_path / "nets.toml"
    path.write_text('protocol = "classes"\n[[slow]]\nhead = "network"\nnetwork = "poster"\nepochs = 9\nseed = [0, 1]')
    board = studio.learn.experiment(path, full=True, epochs=1, limit=16)
    (row,) = board.rows
    assert row.seeds == 2, "seeds of one method are averaged"
    assert row.parameters > 2_500_000


def test_fitted_posters_are_encoded_as_they_are_fitted(studio: posterity.Catalogue) -> None:
    pytest.importorskip("torch")
    from posterity.learning.fitted import fitted_vectors

    posters = studio.posters()[:20]
    own = fitted_vectors(studio.store, posters, "poster", "", show_progress=False)
    ids, stored = studio.vectors("poster")
    np.testing.assert_allclose(own, stored[[ids.index(poster.id) for poster in posters]], atol=2e-2)
    squares = [
        fitted_vectors(studio.store, posters, "poster", how, show_progress=False) for how in ("pad", "center-crop")
    ]
    assert (squares[0] * squares[1]).sum(1).max() < 0.9999
    np.testing.assert_array_equal(
        fitted_vectors(studio.store, posters, "poster", "pad", show_progress=False), squares[0]
    )


def test_the_t_test_allows_for_folds_that_share_what_they_learn_from() -> None:
    rng = np.random.default_rng(0)
    differences = rng.normal(0.02, 0.03, 15)
    plain = stats.ttest_1samp(differences, 0)
    n, test_share = 15, 1 / 4  # five folds: a test part is a quarter of its training part
    statistic = differences.mean() / np.sqrt((1 / n + test_share) * differences.var(ddof=1))
    assert corrected_t_test(differences, 5) == pytest.approx(2 * stats.t.sf(abs(statistic), n - 1))
    assert corrected_t_test(differences, 5) > plain.pvalue
    assert corrected_t_test(np.zeros(5), 5) == 1
