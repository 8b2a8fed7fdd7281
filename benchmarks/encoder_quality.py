"""How good each encoder is on films that the one in the box was not trained on, beside the prior and raw pixels.

The held-out films are those of ``training.data``: whole franchises, and films sharing artwork, are on one side. Every
encoder that can run here is scored on the same posters by :mod:`posterity.search.evaluation`; and by the films' other
pictures (``versions``): how often the film's own poster is the nearest of all held-out ones (same artwork @1), or
among the five nearest (another artwork @5).

Weights are those of ``shared/weights`` unless ``POSTERITY_WEIGHTS`` says otherwise. Name encoders to score only those.
"""

from __future__ import annotations

import os
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import data, tell
from posterity.encoders import ENCODERS, Encoder, available
from posterity.images import decode, fit, tier
from posterity.numerics.scores.bootstrap import bootstrap_interval
from posterity.runtime.parallel import chunked, n_workers, ordered_map
from posterity.search.evaluation import EncoderScores, Score, score_random, score_vectors

FIGURES = ("franchise_at_1", "franchise_at_5", "franchise_at_10", "genre_at_5", "genre_map", "genre_auc", "genre_top3")
CHUNK = 32


def encode(encoder: Encoder, files: list[Path]) -> NDArray[np.float32]:
    """Encode files as a catalogue's are, (n, d)."""
    spec = encoder.spec
    enough = tier(spec.size)

    def one(chunk: list[Path]) -> NDArray[np.float32]:
        return encoder.encode(np.stack([fit(decode(f.read_bytes(), enough), spec.size, spec.fit) for f in chunk]))

    return np.concatenate(list(ordered_map(one, chunked(files, CHUNK), n_workers())))


def version_hits(versions: NDArray[np.float32], films: list[str], posters: NDArray[np.float32], own: list[str], k: int,
                 metric: str) -> Score:  # fmt: skip
    """Tell how often a film's own poster is among the k nearest to another picture of the film."""
    half = np.einsum("nd,nd->n", posters, posters) / 2 if metric == "euclidean" else np.zeros(len(posters))
    near = np.argsort(half[None] - versions @ posters.T, axis=1, kind="stable")[:, :k]
    hits = (np.array(own)[near] == np.array(films)[:, None]).any(1).astype(float)
    return Score(float(hits.mean()), *bootstrap_interval(hits))


def say(name: str, scores: EncoderScores, more: dict[str, Score]) -> None:
    """Print a row for each figure."""
    for figure in FIGURES:
        if (score := getattr(scores, figure)) is not None:
            tell(f"{name} {figure}", score.value, f"[{score.low:.3f}, {score.high:.3f}]")
    for figure, score in more.items():
        tell(f"{name} {figure}", score.value, f"[{score.low:.3f}, {score.high:.3f}]")


def main(wanted: list[str]) -> None:
    """Score the encoders."""
    root = data()
    os.environ.setdefault("POSTERITY_DATA", str(root.parent))
    os.environ.setdefault("POSTERITY_WEIGHTS", str(root.parent / "weights"))
    from training.data import pictures

    held = [item for item in pictures() if item.test]
    posters = [item for item in held if item.kind == "poster"]
    genres, franchises = [item.genres for item in posters], [item.collection for item in posters]
    films = [item.film for item in posters]
    others = {kind: [item for item in held if item.kind == kind] for kind in ("same_art", "other_art")}
    say("random", score_random(genres, franchises, films), {})
    for name in wanted or [name for name in ENCODERS if available(ENCODERS.get(name))]:
        encoder = ENCODERS.get(name)
        start = time.perf_counter()
        vectors = encode(encoder, [root / item.file for item in posters])
        took = time.perf_counter() - start
        scores = score_vectors(name, vectors, encoder.spec.metric, genres, franchises, films)
        more = {}
        for kind, k in (("same_art", 1), ("other_art", 1), ("other_art", 5)):
            looks = encode(encoder, [root / item.file for item in others[kind]])
            hits = partial(version_hits, looks, [item.film for item in others[kind]], vectors, films)
            more[f"{kind}@{k}"] = hits(k, encoder.spec.metric)
        say(name, scores, more)
        tell(f"{name} speed, reading and decoding included", len(posters) / took, "posters/s")


if __name__ == "__main__":
    main(sys.argv[1:])
