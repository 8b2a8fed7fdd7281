"""Walls: the hundred covers, the whole collection, 10,000 and 100,000 vectors; time and quality beside FLAS's.

FLAS (``vc-flas``, Python before 3.13) is by the group that defined DPQ₁₆; its slow setting is what its paper calls its
best. It is given the same vectors; both are scored by our measure, which tests/numerics/test_preservation.py holds
against theirs. Then: how a wall takes 1% more posters, and how long its picture takes.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import posterity
from benchmarks.harness import data, peak_mb, seconds, tell
from posterity.numerics.grid.arrange import arrange
from posterity.numerics.grid.lattice import Lattice
from posterity.numerics.scores.preservation import distance_preservation_quality as quality

SLOW = {"radius_decay": 0.99, "max_swap_positions": 25}


def real(encoder: str) -> np.ndarray:
    """Give the vectors of all posters at hand, shuffled."""
    with tempfile.TemporaryDirectory() as scratch:
        posterity.build(data("posters"), Path(scratch, "films"), encoders=[encoder])
        vectors = posterity.open(Path(scratch, "films")).vectors(encoder)[1].copy()
    return vectors[np.random.default_rng(1).permutation(len(vectors))]


def more(vectors: np.ndarray, n: int) -> np.ndarray:
    """Make as many vectors as wanted: each further one lies between two real ones, nearer to the first."""
    rng = np.random.default_rng(2)
    i, j = rng.integers(0, len(vectors), (2, max(0, n - len(vectors))))
    share = rng.uniform(0, 0.5, (len(i), 1)).astype(np.float32)
    between = vectors[i] * (1 - share) + vectors[j] * share
    between += 0.01 * rng.standard_normal(between.shape, dtype=np.float32)
    between /= np.maximum(np.linalg.norm(between, axis=1, keepdims=True), 1e-9)
    return np.concatenate([vectors, between])[:n]


def beside_flas(name: str, X: np.ndarray, rows: int, cols: int) -> None:
    """Arrange by both, and score both."""
    X = np.ascontiguousarray(X[: rows * cols])
    lattice, cells = Lattice(rows, cols), np.arange(rows * cols)
    start = time.perf_counter()
    found = arrange(X, lattice, cells)
    ours = time.perf_counter() - start
    own = quality(X, lattice, found)
    try:
        import vc_flas
    except ImportError:
        print("skipped FLAS: pip install vc-flas (Python before 3.13)")
        return
    best = 0.0
    for setting, options in (("", {}), (", slow", SLOW)):
        grid = vc_flas.Grid.from_grid_features(X.reshape(rows, cols, -1))
        start = time.perf_counter()
        theirs = vc_flas.flas(grid, wrap=False, seed=1, **options).get_sorted_features()
        spent = time.perf_counter() - start
        tell(f"{name}: seconds", ours, "s", f"FLAS{setting}", spent, ratio=spent / ours)
        best = max(best, quality(theirs.reshape(rows * cols, -1), lattice, cells).value)
    tell(f"{name}: DPQ16", own.value, f"±{own.error:.3f}", "FLAS, the better", best, ratio=own.value / best,
         goal=">= FLAS - 0.02", met=own.value >= best - 0.02)  # fmt: skip


def catalogues() -> None:
    """Make, extend and draw the walls of real catalogues."""
    with tempfile.TemporaryDirectory() as scratch:
        for name in ("covers", "posters"):
            folder = Path(scratch, name)
            posterity.build(data(name), folder)
            cat = posterity.open(folder)
            cat.vectors("poster")
            spent = seconds(lambda cat=cat: cat.wall(fresh=True))
            wall = cat.wall()
            tell(f"wall of {wall.placed}, with all scores", spent, "s")
            tell("  DPQ16", wall.dpq16, "", "random", wall.baselines["random"]["dpq16"][0])
            if "som" in wall.baselines:
                tell("  collisions of a plain map", wall.collisions or 0, "", "here", 0)
                tell("  its DPQ16", wall.baselines["som"]["dpq16"][0], "")
            tell("  quantisation error", wall.quantization_error, "")
            tell("  topographic error", wall.topographic_error, "")
            tell("  drawing it", seconds(lambda cat=cat, wall=wall: cat.draw(wall, Path(scratch, "wall.png"))), "s")


def growing(X: np.ndarray) -> None:
    """Add 1% to a full wall."""
    from posterity.numerics.grid.grow import REACH, add_items, opened

    side, new = 80, 64
    n = side * side
    lattice, larger = Lattice(side, side), Lattice(side, side + 1)
    before = arrange(X[:n], lattice, np.arange(n))
    home = before // side * larger.cols + before % side
    unknown = np.full(new, -1)
    cells = np.r_[opened(lattice, before, side, side + 1), unknown]
    start = time.perf_counter()
    found = add_items(X[: n + new], larger, cells, np.ones(larger.size, bool), home=np.r_[home, unknown])
    tell("1% more: seconds", time.perf_counter() - start, "s")
    far = float((larger.moves(home, found[:n]) > REACH).mean())
    tell("1% more: moved by over two cells", far, "", goal="<= 0.02", met=far <= 0.02)
    own = quality(X[: n + new], larger, found).value
    anew = quality(X[: n + new], larger, arrange(X[: n + new], larger, np.arange(n + new))).value
    tell("1% more: DPQ16", own, "", "made anew", anew, ratio=own / anew, goal=">= anew - 0.02", met=own >= anew - 0.02)


def picture() -> None:
    """Draw 10,000 posters in cells of 64 × 96, in a process of its own, whose memory is the drawing's."""
    code = """
import resource, sys, time
from pathlib import Path
import posterity
cat = posterity.open(sys.argv[1])
from posterity.render.raster import Scene, Thumb, write
digests = [poster.sha256 for poster in cat.posters()]
thumbs = [Thumb(digests[i % len(digests)], 64 * (i % 100), 96 * (i // 100), 64, 96) for i in range(10_000)]
start = time.perf_counter()
write(Scene(6400, 9600, (18, 18, 20), thumbs), cat.store.thumbnails, Path(sys.argv[1]).parent / "wall.png")
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
    with tempfile.TemporaryDirectory() as scratch:
        posterity.build(data("posters"), Path(scratch, "films"), encoders=["colour"])
        done = subprocess.run(
            [sys.executable, "-c", code, str(Path(scratch, "films"))], capture_output=True, text=True, check=True
        )
    spent, peak = map(float, done.stdout.split())
    tell("picture of 10,000 in 64x96 cells, PNG", spent, "s", goal="< 15", met=spent < 15)
    tell("  peak memory", peak, "MB", goal="< 1500", met=peak < 1500)


def main() -> None:
    """Run all."""
    vectors = {encoder: real(encoder) for encoder in ("poster", "colour")}
    for encoder, X in vectors.items():
        for side in (10, 32, 84):
            beside_flas(f"{encoder}, {side}x{side}", X, side, side)
    X = more(vectors["poster"], 10_000)
    beside_flas("10,000 x 384", X, 100, 100)
    growing(vectors["poster"])
    picture()
    catalogues()
    X = more(vectors["poster"], 99_856)
    start = time.perf_counter()
    found = arrange(X, Lattice(316, 316), np.arange(len(X)))
    spent = time.perf_counter() - start
    tell("99,856 x 384", spent, "s", goal="< 600", met=spent < 600)
    tell("  DPQ16", quality(X, Lattice(316, 316), found).value, "")
    tell("peak memory", peak_mb(), "MB")


if __name__ == "__main__":
    main()
