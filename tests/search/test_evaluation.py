"""Scores of encoders: each against the slow or published reference, and on data whose answer is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import posterity
from posterity.cli import run
from posterity.search import evaluation

sklearn_metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn, the reference, is not installed")


@given(st.integers(2, 60), st.integers(0, 10**6), st.booleans())
def test_precision_and_auc_are_scikit_learns(n: int, seed: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n).astype(float)
    truth[:2] = 0, 1
    scores = rng.normal(size=n).round(1 if ties else 12)
    assert evaluation.average_precision(scores, truth) == pytest.approx(
        sklearn_metrics.average_precision_score(truth, scores), abs=1e-12
    )
    assert evaluation.roc_auc(scores, truth) == pytest.approx(sklearn_metrics.roc_auc_score(truth, scores), abs=1e-12)


@pytest.mark.parametrize("d", [5, 200])
def test_the_probe_is_ridge_regression_chosen_by_leaving_one_out(d: int) -> None:
    from sklearn.linear_model import RidgeCV

    rng = np.random.default_rng(1)
    x = rng.normal(size=(120, d)).astype(np.float32)
    y = (x[:, :3] + rng.normal(size=(120, 3)) > 0).astype(float)
    fold = rng.integers(0, 4, 120)
    found = evaluation.ridge_probe(x, y, fold)
    for k in range(4):
        train, test = fold != k, fold == k
        mean, deviation = x[train].mean(0), x[train].std(0) + 1e-6
        reference = RidgeCV(10.0 ** np.arange(0, 6.5, 0.5)).fit((x[train] - mean) / deviation, y[train])
        np.testing.assert_allclose(found[test], reference.predict((x[test] - mean) / deviation), atol=2e-3)


def test_folds_keep_groups_together_and_a_probe_cannot_cheat() -> None:
    groups = [f"g{i // 4}" for i in range(400)]
    fold = evaluation.folds_of(groups)
    assert all(len(set(fold[i : i + 4])) == 1 for i in range(0, 400, 4))
    assert set(fold) == {0, 1, 2, 3}
    # Vectors that give away which group a film is of, and nothing else: an honest probe learns nothing from them.
    rng = np.random.default_rng(0)
    identity = np.repeat(rng.normal(size=(100, 64)), 4, axis=0).astype(np.float32)
    genres = [("A",) if bit else ("B",) for bit in np.repeat(rng.integers(0, 2, 100), 4)]
    honest = evaluation.score_vectors("x", identity, "cosine", genres, groups, [str(i) for i in range(400)])
    assert honest.genre_auc is not None
    assert honest.genre_auc.value < 0.65
    leaking = evaluation.score_vectors("x", identity, "cosine", genres, [""] * 400, [str(i) for i in range(400)])
    assert leaking.genre_auc is not None
    assert leaking.genre_auc.value > 0.8


def test_what_is_known_to_be_perfect_and_what_is_noise() -> None:
    rng = np.random.default_rng(4)
    n = 240
    genre = np.arange(n) % 3
    vectors = np.eye(3, 8, dtype=np.float32)[genre] + rng.normal(0, 0.01, (n, 8)).astype(np.float32)
    genres = [("Drama", "Horror", "War")[g : g + 1] for g in genre]
    franchises = [f"saga {i // 2}" if i < 60 else "" for i in range(n)]
    films = [str(i) for i in range(n)]
    good = evaluation.score_vectors("good", vectors, "euclidean", genres, franchises, films)
    noise = evaluation.score_vectors(
        "noise", rng.normal(size=(n, 8)).astype(np.float32), "cosine", genres, franchises, films
    )
    prior = evaluation.score_random(genres, franchises, films)
    assert good.queries == noise.queries == prior.queries == 60
    assert good.genre_map is not None
    assert noise.genre_auc is not None
    assert prior.genre_auc is not None
    assert good.genre_map.value > 0.999
    assert good.genre_at_5 is not None
    assert good.genre_at_5.value == 1
    assert noise.genre_auc.low < 0.5 < noise.genre_auc.high + 0.08
    assert prior.genre_auc.value == pytest.approx(0.5, abs=0.1)
    assert prior.franchise_at_1 is not None
    assert prior.franchise_at_1.value == pytest.approx(1 / 239)  # one sibling among 239
    assert noise.genre_map is not None
    assert noise.genre_map.low < noise.genre_map.value < noise.genre_map.high


def test_too_little_is_left_out_rather_than_made_up() -> None:
    rng = np.random.default_rng(0)
    scores = evaluation.score_vectors(
        "x", rng.normal(size=(6, 4)).astype(np.float32), "cosine", [()] * 6, [""] * 6, list("abcdef")
    )
    assert (scores.franchise_at_1, scores.genre_at_5, scores.genre_map) == (None, None, None)


def test_a_catalogue_is_evaluated_on_the_command_line(
    make_posters: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    posters = make_posters(80)
    films = str(tmp_path / "films")
    posterity.build(posters, films, tmp_path / "posters.csv", encoders=["pixels", "poster"])
    capsys.readouterr()
    assert run(["evaluate", "-c", films, "--json"]) == 0
    rows = {row["encoder"]: row for row in json.loads(capsys.readouterr().out)["encoders"]}
    assert list(rows) == ["random", "pixels", "poster"]
    assert rows["pixels"]["queries"] == 2  # of a saga of two
    low, high = rows["poster"]["genre_probe_mAP interval"]
    assert 0 <= low <= rows["poster"]["genre_probe_mAP"] <= high <= 1
    assert rows["poster"]["baselines"]["random"]["franchise_recall@5"] == pytest.approx(5 / 79)
    assert rows["poster"]["baselines"]["pixels"]["genre_agreement@5"] == rows["pixels"]["genre_agreement@5"]
    assert run(["evaluate", "-c", films, "--weights", "poster=1", "--out", str(tmp_path / "scores.png"), "--json"]) == 0
    mixed = {row["encoder"]: row for row in json.loads(capsys.readouterr().out)["encoders"]}
    assert {**rows["poster"], "baselines": 0} == {**mixed["poster"], "baselines": 0}
    assert (tmp_path / "scores.png").stat().st_size > 5000
    assert run(["evaluate", "-c", films, "--encoder", "pixels", "--where", "year < 1990"]) == 0
    assert "40 posters" in capsys.readouterr().out
    assert run(["evaluate", "-c", films, "--where", "year < 1900"]) == 1
    assert run(["evaluate", "-c", films, "--encoder", "colour"]) == 1


def test_chance_is_what_drawing_at_random_gives() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(30), [1] * 10 + [2] * 10 + [4] * 10)
    siblings = evaluation._siblings(groups)
    assert sorted(siblings.tolist()) == [1] * 20 + [3] * 40
    hits = []
    for _ in range(400):
        for item in np.flatnonzero(groups >= 10):
            others = np.delete(np.arange(len(groups)), item)
            hits.append((groups[rng.choice(others, 5, replace=False)] == groups[item]).any())
    assert evaluation.hit_by_chance(siblings, len(groups), 5) == pytest.approx(np.mean(hits), abs=0.01)
    assert evaluation.hit_by_chance(siblings[:0], 9, 5) is None


def test_a_mixture_is_the_sum_of_standardised_similarities() -> None:
    rng = np.random.default_rng(0)
    one, two = (rng.normal(size=(90, d)).astype(np.float32) for d in (4, 30))
    one, two = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (one, two))
    joined = evaluation.mixture([one, two], [1.0, 3.0])
    i, j = np.triu_indices(90, 1)
    alike = [(rows[i] * rows[j]).sum(1) for rows in (one, two)]
    wanted = alike[0] / alike[0].std() + 3 * alike[1] / alike[1].std()
    assert np.corrcoef((joined[i] * joined[j]).sum(1), wanted)[0, 1] > 0.9999


def test_a_films_own_other_posters_are_no_siblings() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(40, 6)).astype(np.float32)
    vectors[1] = vectors[0]  # two looks of one film
    films = ["a", "a", *map(str, range(38))]
    franchises = ["saga", "saga", "saga", *[""] * 37]
    scores = evaluation.score_vectors("x", vectors, "euclidean", [()] * 40, franchises, films)
    assert (scores.queries, scores.versions) == (2, 2)
    assert scores.same_film_at_1 is not None
    assert scores.same_film_at_1.value == 1
