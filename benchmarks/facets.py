"""Ranking 100,000 posters anew when a weight changes."""

from __future__ import annotations

import statistics
import time

import numpy as np

from benchmarks.harness import tell
from posterity.numerics.neighbours.exact import Index
from posterity.search.facets import Asked, Facet, era_facet, genre_facet

N = 100_000
GENRES = ("Drama", "Comedy", "Horror", "War", "Western", "Crime", "Music", "Action")

rng = np.random.default_rng(0)
ids = [f"{i:06}" for i in range(N)]
facets = {}
for name, dimension in (("colour", 64), ("composition", 601), ("content", 384)):
    rows = rng.standard_normal((N, dimension), dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    facets[name] = Facet(name, Index(ids, rows, "cosine"))
facets["genre"] = genre_facet(ids, [[GENRES[g] for g in rng.integers(0, len(GENRES), 2)] for _ in range(N)])
facets["era"] = era_facet(ids, [int(year) for year in rng.integers(1920, 2020, N)])
asked = Asked(facets, {name: facet.index.vectors[5] for name, facet in facets.items()})
start = time.perf_counter()
asked.rank(dict.fromkeys(facets, 1.0), 50)
tell("first ranking of 100,000 by five facets", (time.perf_counter() - start) * 1000, "ms")
times = []
for _ in range(40):
    weights = {name: float(weight) for name, weight in zip(facets, rng.random(5), strict=True)}
    start = time.perf_counter()
    asked.rank(weights, 50)
    times.append(time.perf_counter() - start)
took = statistics.median(times) * 1000
tell("after a change of weights", took, "ms", goal="< 100", met=took < 100)
