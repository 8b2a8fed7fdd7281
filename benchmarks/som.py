"""Self-organising maps: the article's task, and 10,000 × 512 on 50 × 50, beside MiniSom and XPySom.

The article's: 100 covers of 154,290 standardised numbers, 10 × 10 units, 2,500 online steps, a triangle of σ 3, rate
0.5. Ours starts from the same units and sees the rows in the same order, so that its map is MiniSom's.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
from minisom import MiniSom

import posterity
from benchmarks.harness import data, median_seconds, seconds, tell
from posterity.images import decode
from posterity.numerics.scores import maps
from posterity.numerics.som import SelfOrganizingMap


def covers() -> np.ndarray:
    """Give the hundred covers' pixels, standardised as in the article: (100, 154290)."""
    files = sorted(data("covers").glob("*.jpg"))[:100]
    X = np.stack([decode(file.read_bytes()).ravel() for file in files]).astype(np.float32)
    return np.asarray((X - X.mean(axis=0)) / np.maximum(X.std(axis=0), 1e-9), np.float32)


def article() -> None:
    """Train both, as the article does; and ours as it comes."""
    X = covers()
    theirs = MiniSom(10, 10, X.shape[1], sigma=3, learning_rate=0.5, neighborhood_function="triangle", random_seed=0)
    start = theirs.get_weights().transpose(1, 0, 2).astype(np.float32)
    twin = np.random.RandomState()
    twin.set_state(theirs._random_generator.get_state())
    order = np.arange(2500) % 100
    twin.shuffle(order)
    ours = SelfOrganizingMap(
        10, 10, algorithm="online", neighbourhood="triangle", sigma=3, learning_rate=0.5, decay="asymptotic", init=start
    )
    spent = median_seconds(lambda: ours.fit(X, order=order), 5)
    whole = median_seconds(lambda: SelfOrganizingMap(10, 10).fit(X), 5)
    slow = seconds(lambda: theirs.train_random(X, 2500))
    tell("the article's training", spent, "s", "MiniSom", slow, ratio=slow / spent, goal=">= 1000",
         met=slow >= 1000 * spent)  # fmt: skip
    error, other = ours.quantization_error(X), float(theirs.quantization_error(X))
    tell("  quantisation error", error, "", "MiniSom", other, ratio=error / other, goal="<= MiniSom's (to rounding)",
         met=error <= other * (1 + 1e-5))  # fmt: skip
    tell("  topographic error", ours.topographic_error(X), "", "MiniSom", float(theirs.topographic_error(X)))
    apart = np.abs(ours.codebook_ - theirs.get_weights().transpose(1, 0, 2)).max()
    tell("  largest difference of the maps", float(apart), "")
    used = len(np.unique(ours.predict(X)))
    tell("  covers that collide on it", 100 - used, "")
    own = SelfOrganizingMap(10, 10).fit(X)
    tell("our own settings", whole, "s", "MiniSom", slow, ratio=slow / whole, goal=">= 1000", met=slow >= 1000 * whole)
    error = own.quantization_error(X)
    tell(
        "  quantisation error",
        error,
        "",
        "MiniSom",
        other,
        ratio=error / other,
        goal="<= MiniSom's",
        met=error <= other,
    )
    tell("  topographic error", own.topographic_error(X), "", "MiniSom", float(theirs.topographic_error(X)))


def large() -> None:
    """Train 10,000 × 512 on 50 × 50."""
    with tempfile.TemporaryDirectory() as scratch:
        posterity.build(data("posters"), Path(scratch, "films"), encoders=["composition"])
        V = posterity.open(Path(scratch, "films")).vectors("composition")[1][:, :512].copy()
    rng = np.random.default_rng(0)
    noisy = V[: 10_000 - len(V)] + (0.3 * V.std() * rng.standard_normal((10_000 - len(V), 512))).astype(np.float32)
    X = np.concatenate([V, noisy])
    # MiniSom's batches, one epoch of ten: its time grows with their number alone.
    theirs = MiniSom(50, 50, 512, sigma=12.5, learning_rate=1, random_seed=0)
    theirs.pca_weights_init(X.astype(np.float64))
    epoch = seconds(lambda: theirs.train_batch_offline(X, 1))
    ours = SelfOrganizingMap(50, 50, n_epochs=10)
    spent = median_seconds(lambda: ours.fit(X), 3)
    tell("10 epochs", spent, "s", "MiniSom train_batch_offline (1 measured, times 10)", 10 * epoch,
         ratio=10 * epoch / spent, goal=">= 20", met=10 * epoch >= 20 * spent)  # fmt: skip
    few = X[rng.choice(len(X), 1000, replace=False)]
    small = MiniSom(50, 50, 512, sigma=12.5, learning_rate=0.5, random_seed=0)
    small.pca_weights_init(X.astype(np.float64))
    online = 10 * seconds(lambda: small.train(few, 1000))
    tell("10 epochs", spent, "s", "MiniSom one online epoch (1,000 steps measured, times 10)", online,
         ratio=online / spent, goal=">= 20 for each epoch", met=online >= 20 * spent / 10)  # fmt: skip
    tell("  quantisation error", ours.quantization_error(X), "")
    tell("  topographic error", ours.topographic_error(X), "")
    try:
        from xpysom import XPySom
    except ImportError:
        print("skipped XPySom: pip install xpysom")
        return
    for last in (0.75, 0.8):
        other = XPySom(50, 50, 512, sigma=12.5, sigmaN=last, random_seed=0, n_parallel=5000)
        other.pca_weights_init(X)
        slow = seconds(lambda other=other: other.train(X, 10))
        W = np.asarray(other.get_weights(), np.float32)
        tell("10 epochs", spent, "s", f"XPySom, last σ {last}", slow, ratio=slow / spent, goal=">= 2",
             met=slow >= 2 * spent)  # fmt: skip
        tell("  quantisation error", ours.quantization_error(X), "", "XPySom", maps.quantization_error(X, W))
        tell("  topographic error", ours.topographic_error(X), "", "XPySom", maps.topographic_error(X, W))


def smooth() -> None:
    """Compare errors at MiniSom's own schedule, on few enough rows to let it finish."""
    X = np.random.default_rng(0).standard_normal((1000, 64)).astype(np.float32) * np.geomspace(3, 0.3, 64).astype("f")
    theirs = MiniSom(20, 20, 64, sigma=5, learning_rate=1, random_seed=0)
    theirs.pca_weights_init(X)
    slow = seconds(lambda: theirs.train_batch_offline(X, 10))
    ours = SelfOrganizingMap(20, 20, algorithm="batch", n_epochs=10, sigma=5, decay="asymptotic")
    start = time.perf_counter()
    ours.fit(X)
    spent = time.perf_counter() - start
    tell("1,000 x 64 on 20x20, MiniSom's schedule", spent, "s", "train_batch_offline", slow, ratio=slow / spent)
    tell("  quantisation error", ours.quantization_error(X), "", "MiniSom", float(theirs.quantization_error(X)))
    tell("  topographic error", ours.topographic_error(X), "", "MiniSom", float(theirs.topographic_error(X)))


if __name__ == "__main__":
    article()
    large()
    smooth()
