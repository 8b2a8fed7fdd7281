"""How a neighbourhood and a learning rate shrink while a map is trained."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


def _geometric(start: float, end: float, n: int) -> Doubles:
    return np.geomspace(start, end, n)


def _asymptotic(start: float, _end: float, n: int) -> Doubles:
    return start / (1 + 2 * np.arange(n) / max(n, 1))


def _linear_to_one(start: float, _end: float, n: int) -> Doubles:
    return start + np.arange(n) * (1 - start) / max(n, 1)


def _inverse_to_one(start: float, _end: float, n: int) -> Doubles:
    return start / (1 + np.arange(n) * (start - 1) / max(n, 1))


DECAYS: dict[str, Callable[[float, float, int], Doubles]] = {
    "geometric": _geometric,
    "asymptotic": _asymptotic,
    "linear": _linear_to_one,
    "inverse": _inverse_to_one,
}
"""How a neighbourhood shrinks over n steps: by a constant factor to its end; to a third of its beginning; to 1, evenly
or hyperbolically. All but the first are MiniSom's."""

RATES: dict[str, Callable[[float, int], Doubles]] = {
    "geometric": lambda start, n: np.full(n, start),
    "asymptotic": lambda start, n: _asymptotic(start, 0, n),
    "linear": lambda start, n: np.asarray(start * (1 - np.arange(n) / max(n, 1))),
    "inverse": lambda start, n: np.asarray(start * (n / 100) / (n / 100 + np.arange(n))),
}
"""How a learning rate shrinks over n steps: not at all (the narrowing neighbourhood settles the map); to a third; to 0,
evenly or hyperbolically. All but the first are MiniSom's."""
