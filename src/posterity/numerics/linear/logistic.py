"""Logistic regression of all labels at once, by Newton's method, and the choice of its penalty."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_softmax, softmax

from posterity.numerics.linear.scaling import Floats, Rows, Scaling, axes

STRENGTHS = (10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)
"""The penalties on squared weights to choose from, for features of unit deviation."""


@dataclass(frozen=True)
class Logistic:
    """A trained logistic regression.

    Attributes:
        scaling: Scaling of the features.
        weights: (d, l) weights.
        intercept: (l,) intercepts.
        strength: Strength of the penalty.
        single: Whether an item has one label (softmax) or any number (a sigmoid each).
    """

    scaling: Scaling
    weights: Floats
    intercept: Floats
    strength: float
    single: bool

    def logits(self, X: Rows) -> Floats:
        """Give (n, l) scores of rows (n, d)."""
        return np.asarray(self.scaling(X).astype(np.float64) @ self.weights + self.intercept)

    def probabilities(self, X: Rows) -> Floats:
        """Give (n, l) probabilities of rows (n, d)."""
        return probabilities_of(self.logits(X), self.single)


def probabilities_of(logits: Floats, single: bool) -> Floats:
    """Turn scores into probabilities: by a softmax if each item has one label, else by a sigmoid per label."""
    return np.asarray(softmax(logits, axis=1) if single else expit(logits))


def fit_logistic(
    X: Rows,
    Y: Floats,
    strength: float,
    *,
    single: bool = False,
    balance: bool = False,
    start: Logistic | None = None,
) -> Logistic:
    """Minimise the log loss of all labels plus strength/2 · ‖weights‖², by Newton's method.

    The labels of a multi-label problem are independent: each has the solution that it would have alone.

    Args:
        X: (n, d).
        Y: (n, l) of 0 and 1; where ``single``, one 1 a row.
        strength: Strength of the penalty; the intercepts are not penalised.
        single: Whether each item has one label (softmax).
        balance: Weight items so that each label's positives weigh as much as its negatives; with ``single``, so that
            each class weighs the same.
        start: Solution to start from: one for another strength saves time.
    """
    return _solve(_Rotated.of(X), Y, strength, single, item_weights(Y, single) if balance else None, start, True)


@dataclass(frozen=True)
class _Rotated:
    """Standardised rows in their principal axes, with a column of ones: there the loss curves alike along each axis."""

    scaling: Scaling
    rows: Rows
    basis: Rows
    values: Floats

    @classmethod
    def of(cls, X: Rows) -> _Rotated:
        scaling = Scaling.of(X)
        x = scaling(X)
        basis, values = axes(x)
        rows = np.hstack([x @ basis, np.ones((len(x), 1), np.float32)])
        return cls(scaling, rows, basis, np.r_[values, len(x)])


def item_weights(Y: Floats, single: bool) -> Floats:
    """Weigh items so that labels weigh alike: (n, 1) where an item has one label, else (n, l)."""
    counts = np.maximum(Y.sum(0), 1)
    if single:
        return np.asarray(Y @ (len(Y) / (Y.shape[1] * counts)))[:, None]
    rest = np.maximum(len(Y) - counts, 1)
    return np.asarray(np.where(Y > 0, len(Y) / (2 * counts), len(Y) / (2 * rest)))


def _solve(
    data: _Rotated,
    Y: Floats,
    strength: float,
    single: bool,
    weights: Floats | None,
    start: Logistic | None,
    exact: bool = False,
) -> Logistic:
    """Run Newton's method, its steps found by preconditioned conjugate gradients, for all labels at once.

    Products with the rows are of single precision, at half the time, unless the optimum is to be ``exact``, so that it
    can be taken apart into what each row contributes. J. Nocedal, S. Wright, *Numerical Optimization*,
    2nd ed., 2006, algorithms 5.3 and 7.1.
    """
    kind, enough = (np.float64, 1e-16) if exact else (np.float32, 1e-9)
    x, n = data.rows.astype(kind, copy=False), len(data.rows)
    penalty = np.r_[np.full(len(data.values) - 1, strength), 0.0][:, None]
    share = np.clip(Y.mean(0), 1e-3, 1 - 1e-3)
    w = np.zeros((len(data.values), Y.shape[1]))
    w[-1] = np.log(share) if single else np.log(share / (1 - share))
    if start is not None:
        w = np.vstack([data.basis.T @ start.weights, start.intercept])
    weigh = np.float64(1.0) if weights is None else weights

    def dot(a: Floats, b: Floats) -> Floats:
        # Mutually exclusive labels are one joint problem; otherwise each label is its own.
        return np.asarray((a * b).sum() if single else (a * b).sum(0))

    def loss(w: Floats) -> tuple[Floats, Floats]:
        logits = (x @ w.astype(kind, copy=False)).astype(np.float64)
        if single:
            logs = log_softmax(logits, axis=1)
            each, p = -(Y * logs).sum(1, keepdims=True), np.exp(logs)
        else:
            each, p = np.maximum(logits, 0) + np.log1p(np.exp(-np.abs(logits))) - Y * logits, expit(logits)
        axis = None if single else 0
        return np.asarray((weigh * each).sum(axis) + 0.5 * (penalty * w**2).sum(axis)), p

    value, p = loss(w)
    for _ in range(50):
        gradient = (x.T @ (weigh * (p - Y)).astype(kind, copy=False)).astype(np.float64) + penalty * w
        spread = weigh * p * (1 - p)
        metric = data.values[:, None] * spread.mean(0) + np.maximum(penalty, 1e-3)
        if np.all(dot(gradient, gradient / metric) <= enough * n):
            break

        def curved(v: Floats, p: Floats = p, spread: Floats = spread) -> Floats:
            along = (x @ v.astype(kind, copy=False)).astype(np.float64)
            bent = weigh * p * (along - (p * along).sum(1, keepdims=True)) if single else spread * along
            return np.asarray((x.T @ bent.astype(kind, copy=False)).astype(np.float64) + penalty * v)

        step = _conjugate_gradients(curved, -gradient, metric, dot)
        length = np.ones_like(value)
        for _ in range(12):
            new, p_new = loss(w + length * step)
            worse = new > value + 1e-9 * np.abs(value)
            if not worse.any():
                break
            length = np.where(worse, length / 2, length)
        else:
            break
        w, value, p = w + length * step, new, p_new
    return Logistic(data.scaling, data.basis @ w[:-1], w[-1], strength, single)


def _conjugate_gradients(
    product: Callable[[Floats], Floats], b: Floats, metric: Floats, dot: Callable[[Floats, Floats], Floats]
) -> Floats:
    """Solve A s = b to a tenth of b's length, enough for a step of Newton's; columns are systems of their own."""
    s, r = np.zeros_like(b), b.copy()
    y = r / metric
    d, rho = y.copy(), dot(r, y)
    enough = 0.01 * rho
    for _ in range(25):
        q = product(d)
        going = rho > enough
        alpha = np.where(going, rho / np.maximum(dot(d, q), 1e-300), 0.0)
        s, r = s + alpha * d, r - alpha * q
        y = r / metric
        rho, before = dot(r, y), rho
        if np.all(rho <= enough):
            break
        d = y + np.where(before > 0, rho / np.maximum(before, 1e-300), 0.0) * d
    return s


@dataclass(frozen=True)
class Tuned:
    """A logistic regression of the strength that predicts rows of other folds best.

    Attributes:
        model: Trained on all rows.
        logits: (n, l) of each row, by a model that was trained on the other folds.
        losses: Strength -> mean log loss of those.
    """

    model: Logistic
    logits: Floats
    losses: dict[float, float]


def tune_logistic(X: Rows, Y: Floats, fold: NDArray[np.int64], *, single: bool = False, balance: bool = False) -> Tuned:
    """Choose the strength by cross-validation, and train with it.

    Strengths are tried from the strongest, each starting from the solution before, until the loss on the other folds
    has risen twice. One for all labels: chosen for each by itself, rare labels' strengths follow the noise (measured).

    Args:
        X: (n, d).
        Y: (n, l) of 0 and 1.
        fold: (n,) the fold of each row.
        single: Whether each item has one label.
        balance: As in :func:`fit_logistic`; losses are weighted in the same way.
    """
    weights = item_weights(Y, single) if balance else None
    parts = [(fold != k, fold == k) for k in np.unique(fold)]
    rotated = [_Rotated.of(X[train]) for train, _ in parts]
    held: list[Logistic | None] = [None] * len(parts)
    losses: dict[float, float] = {}
    best: tuple[float, Floats, float] | None = None
    risen = 0
    for strength in sorted(STRENGTHS, reverse=True):
        logits = np.zeros_like(Y)
        for at, (train, test) in enumerate(parts):
            own = None if weights is None else weights[train]
            held[at] = solved = _solve(rotated[at], Y[train], strength, single, own, held[at])
            logits[test] = solved.logits(X[test])
        losses[strength] = _log_loss(logits, Y, single, weights)
        if best is None or losses[strength] < best[0]:
            best, risen = (losses[strength], logits, strength), 0
        else:
            risen += 1
            if risen == 2:
                break
    assert best is not None  # noqa: S101
    return Tuned(fit_logistic(X, Y, best[2], single=single, balance=balance), best[1], losses)


def _log_loss(logits: Floats, Y: Floats, single: bool, weights: Floats | None) -> float:
    each = -(Y * log_softmax(logits, axis=1)).sum(1, keepdims=True) if single else np.logaddexp(0, logits) - Y * logits
    return float((each if weights is None else each * weights).mean())
