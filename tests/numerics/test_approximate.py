"""Approximate indexes: their recall is what they say, and they follow the catalogue."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import picture

import posterity
from posterity.encoders import ENCODERS
from posterity.errors import ArgumentError
from posterity.numerics.neighbours.approximate import Approximate, fingerprints, make
from posterity.numerics.neighbours.exact import Index, Metric
from posterity.search.indexes import searchable

pytest.importorskip("faiss", reason="FAISS, the extra index, is not installed")


def clustered(n: int = 40_000, d: int = 31, seed: int = 0, metric: Metric = "cosine") -> Index:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(200, d))[rng.integers(0, 200, n)] + 0.5 * rng.normal(size=(n, d))
    if metric == "cosine":
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return Index([f"{i:06}" for i in range(n)], rows.astype(np.float32), metric)


def recall(index: Index, approximate: Approximate, allowed: np.ndarray | None = None) -> float:
    rng = np.random.default_rng(9)
    hits = []
    for row in rng.integers(0, len(index.ids), 60):
        truth = set(index.nearest(index.vectors[row], 10, allowed)[0].tolist())
        hits.append(len(truth & set(approximate.nearest(index.vectors[row], 10, allowed)[0].tolist())) / 10)
    return float(np.mean(hits))


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_the_recall_is_what_it_says_filtered_or_not(metric: Metric) -> None:
    index = clustered(metric=metric)
    made = make(index)
    assert made.recall >= 0.99
    approximate = Approximate(index, made)
    assert recall(index, approximate) >= 0.97
    rng = np.random.default_rng(1)
    for share in (0.7, 0.3, 0.01):
        assert recall(index, approximate, rng.random(len(index.ids)) < share) >= 0.97
    corner = index.vectors[:, 0] > np.quantile(index.vectors[:, 0], 0.5)  # a filter that follows the vectors
    assert recall(index, approximate, corner) >= 0.97


def test_what_it_finds_is_ranked_exactly() -> None:
    index = clustered()
    approximate = Approximate(index, make(index))
    rows, distances = approximate.nearest(index.vectors[7], 10)
    wanted, wanted_distances = index.nearest(index.vectors[7], 10)
    assert rows[0] == 7
    both = np.intersect1d(rows, wanted)
    assert len(both) >= 9
    assert np.isin(distances[np.isin(rows, both)], wanted_distances).all()
    assert (np.diff(distances) >= 0).all()


def test_it_follows_what_comes_changes_and_goes() -> None:
    old = clustered()
    made = make(old)
    rng = np.random.default_rng(2)
    keep = np.sort(rng.choice(40_000, 39_000, replace=False))
    vectors = old.vectors[keep].copy()
    changed = rng.choice(len(keep), 300, replace=False)
    vectors[changed] = vectors[changed][:, ::-1]
    ids = [old.ids[i] for i in keep] + [f"new{i:04}" for i in range(400)]
    new = rng.normal(size=(400, 31)).astype(np.float32)
    new /= np.linalg.norm(new, axis=1, keepdims=True)
    now = Index(ids, np.concatenate([vectors, new]), "cosine")
    approximate = Approximate(now, made)
    assert approximate.stale == pytest.approx(1300 / 40_000)  # 1000 gone, 300 changed; 700 to be searched beside it
    assert recall(now, approximate) >= 0.97
    for row in [*changed[:20].tolist(), 39_100, 39_399]:
        assert approximate.nearest(now.vectors[row], 1)[0].tolist() == [row]


def test_fingerprints_tell_any_bit_apart() -> None:
    rows = np.random.default_rng(0).normal(size=(500, 24)).astype(np.float32)
    prints = fingerprints(rows)
    assert len(set(prints.tolist())) == 500
    other = rows.copy()
    other.view(np.uint32)[3, 5] ^= 1
    assert (fingerprints(other) != prints).tolist() == [row == 3 for row in range(500)]


def test_a_catalogue_keeps_its_index_and_makes_it_anew_when_due(
    make_posters: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    posters = make_posters(60)
    posterity.build(posters, tmp_path / "c", encoders=["colour"])
    colour = ENCODERS.get("colour")
    films = posterity.open(tmp_path / "c")
    assert isinstance(films._held.searchable(colour), Index)  # few: searched exactly
    monkeypatch.setenv("POSTERITY_INDEX", "approximate")
    films = posterity.open(tmp_path / "c")
    found = films.similar("tt0000001", encoder="colour", k=3)
    kept = films.store.artefact("index_colour")
    assert kept is not None
    assert json.loads(kept.scores)["recall@10"] >= 0.99
    assert posterity.open(tmp_path / "c").similar("tt0000001", encoder="colour", k=3) == found
    assert films.store.artefact("index_colour") == kept  # read again, not made anew
    picture(99).save(posters / "tt0000999.jpg")
    posterity.build(posters, tmp_path / "c", encoders=["colour"])
    films = posterity.open(tmp_path / "c")
    assert isinstance(films._held.searchable(colour), Approximate)
    assert films.similar(image=posters / "tt0000999.jpg", encoder="colour", k=1)
    assert films.store.artefact("index_colour") == kept  # one of 61 is no reason
    for i in range(20):
        picture(200 + i).save(posters / f"tt{2000 + i:07}.jpg")
    posterity.build(posters, tmp_path / "c", encoders=["colour"])
    posterity.open(tmp_path / "c").similar("tt0000001", encoder="colour")
    assert films.store.artefact("index_colour") != kept
    (tmp_path / "c" / "indexes" / "colour.npz").write_bytes(b"broken")
    assert posterity.open(tmp_path / "c").similar("tt0000001", encoder="colour", k=3).matches
    with pytest.raises(ArgumentError, match="exact, approximate"):
        searchable(films.store, colour, films._held.index(colour), "fast")
