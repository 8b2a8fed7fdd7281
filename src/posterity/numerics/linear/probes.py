"""Linear models of vectors, trained in seconds: logistic and ridge regression of all labels at once.

They are what a network is judged by (a *probe*: G. Alain, Y. Bengio, *Understanding intermediate layers using linear
classifier probes*, 2016), and what Posterity predicts by where nothing else was asked for. Their optimum has a closed
form or is convex, so that a result depends on the data alone. Features are standardised inside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax

Rows = NDArray[np.float32]
Floats = NDArray[np.float64]

LEAST_SLOPE = 1e-3
"""Of a calibration: scores that tell nothing are made to say next to nothing, but keep their order."""

STRENGTHS = (10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)
"""Penalties on squared weights that a choice is made among, for features of unit deviation."""


@dataclass(frozen=True)
class Scaling:
    """What standardises features: (x − mean) / deviation."""

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]

    @classmethod
    def of(cls, X: Rows) -> Scaling:
        """Take it from rows (n, d)."""
        deviation = X.std(0)
        # What never varied in training tells nothing, however it varies afterwards.
        return cls(X.mean(0), np.where(deviation > 1e-6, deviation, np.float32(1)))

    def __call__(self, X: Rows) -> Rows:
        """Standardise rows (n, d)."""
        return np.asarray((X - self.mean) / self.deviation, np.float32)


@dataclass(frozen=True)
class Logistic:
    """A trained logistic regression.

    Attributes:
        scaling: Of the features.
        weights: (d, l).
        intercept: (l,).
        strength: Of the penalty.
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
    """Turn scores into probabilities: of one label an item, or of each by itself."""
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

    The labels of a multi-label problem do not touch each other: each has the solution that it would have alone.

    Args:
        X: (n, d).
        Y: (n, l) of 0 and 1; where ``single``, one 1 a row.
        strength: Of the penalty; the intercepts are free.
        single: One label an item: softmax.
        balance: Weigh items so that each label's positives weigh as much as its negatives; where ``single``, so that
            each class weighs the same.
        start: Where to begin: a solution of another strength saves time.
    """
    return _solve(_Rotated.of(X), Y, strength, single, _item_weights(Y, single) if balance else None, start, True)


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
        basis, values = _axes(x)
        rows = np.hstack([x @ basis, np.ones((len(x), 1), np.float32)])
        return cls(scaling, rows, basis, np.r_[values, len(x)])


def _axes(x: Rows) -> tuple[Rows, Floats]:
    """Give the principal axes (d, k) of rows (n, d), and the squared lengths (k,) along them, k the smaller of n and d.

    By the smaller of the two Gram matrices. Where rows are few, weights outside their span would serve nothing.
    """
    if x.shape[1] <= len(x):
        values, basis = np.linalg.eigh((x.T @ x).astype(np.float64))
        return basis.astype(np.float32), np.maximum(values, 0)
    values, left = np.linalg.eigh((x @ x.T).astype(np.float64))
    kept = values > 1e-6 * max(float(values[-1]), 1e-12)
    values = values[kept]
    return np.asarray(x.T @ (left[:, kept] / np.sqrt(values)), np.float32), values


def _item_weights(Y: Floats, single: bool) -> Floats:
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
        # Labels that are each other's alternatives make one problem, others one each.
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
        single: One label an item.
        balance: As in :func:`fit_logistic`; losses are weighed likewise.
    """
    weights = _item_weights(Y, single) if balance else None
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


@dataclass(frozen=True)
class Calibration:
    """What turns scores into probabilities that mean what they say: sigmoid(slope · logit + offset), label by label.

    J. Platt, *Probabilistic Outputs for Support Vector Machines*, 1999, with his regularised targets. Of one label an
    item, one slope for all and an offset each (vector-offset temperature scaling).
    """

    slope: Floats
    offset: Floats
    single: bool

    def __call__(self, logits: Floats) -> Floats:
        """Turn (n, l) scores into (n, l) probabilities."""
        return probabilities_of(self.slope * logits + self.offset, self.single)


def calibrate(logits: Floats, Y: Floats, *, single: bool = False) -> Calibration:
    """Fit a calibration to scores of rows that their model had not seen.

    Args:
        logits: (n, l).
        Y: (n, l) of 0 and 1.
        single: One label an item.
    """
    if single:
        return _calibrate_single(logits, Y)
    positives, negatives = Y.sum(0), len(Y) - Y.sum(0)
    targets = np.where(Y > 0, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    slope, offset = np.ones(Y.shape[1]), np.zeros(Y.shape[1])
    for j in range(Y.shape[1]):
        z, t = logits[:, j], targets[:, j]

        def loss(ab: Floats, z: Floats = z, t: Floats = t) -> tuple[float, Floats]:
            scores = ab[0] * z + ab[1]
            wrong = expit(scores) - t
            return float((np.logaddexp(0, scores) - t * scores).mean()), np.array([(wrong * z).mean(), wrong.mean()])

        slope[j], offset[j] = minimize(
            loss, [1.0, 0.0], jac=True, method="L-BFGS-B", bounds=[(LEAST_SLOPE, None), (None, None)]
        ).x
    return Calibration(slope, offset, False)


def _calibrate_single(logits: Floats, Y: Floats) -> Calibration:
    def loss(ab: Floats) -> tuple[float, Floats]:
        logs = log_softmax(ab[0] * logits + ab[1:], axis=1)
        wrong = (np.exp(logs) - Y) / len(Y)
        return float(-(Y * logs).sum() / len(Y)), np.r_[(wrong * logits).sum(), wrong.sum(0)]

    start = np.r_[1.0, np.zeros(Y.shape[1])]
    found = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=[(LEAST_SLOPE, None), *[(None, None)] * Y.shape[1]]
    ).x
    return Calibration(np.full(Y.shape[1], found[0]), np.asarray(found[1:]), True)


def best_thresholds(probabilities: Floats, Y: Floats) -> Floats:
    """Choose of each label the threshold with the highest F1: (l,).

    Args:
        probabilities: (n, l), of rows that their model had not seen.
        Y: (n, l) of 0 and 1.
    """
    thresholds = np.full(Y.shape[1], 0.5)
    for j in range(Y.shape[1]):
        order = np.argsort(-probabilities[:, j], kind="stable")
        sorted_, hits = probabilities[order, j], np.cumsum(Y[order, j])
        f1 = 2 * hits / (np.arange(1, len(Y) + 1) + Y[:, j].sum())
        # Only between distinct values can a threshold lie.
        f1[:-1][np.diff(sorted_) == 0] = 0
        if Y[:, j].any():
            thresholds[j] = sorted_[int(f1.argmax())]
    return thresholds


# --- how sure a logistic regression is, and why ----------------------------------------------------------------------


@dataclass(frozen=True)
class Spread:
    """How far logits may be off because the training rows are few: Laplace's approximation.

    The posterior of a label's weights is nearly normal, with the covariance (Xᵀ diag(p (1 − p)) X + strength)⁻¹ (D.
    MacKay, *The Evidence Framework Applied to Classification Networks*, 1992). With p (1 − p) replaced by its mean
    over the rows, all labels share the eigenvectors of XᵀX, which keeps this small.

    Attributes:
        basis: (d, k) eigenvectors of XᵀX, columns.
        values: (k,) eigenvalues; outside their span they are 0.
        curvature: (l,) mean p (1 − p).
        strength: Of the penalty.
        n: Rows.
    """

    basis: NDArray[np.float32]
    values: Floats
    curvature: Floats
    strength: float
    n: int

    @classmethod
    def of(cls, model: Logistic, X: Rows) -> Spread:
        """Take it from a model and the rows (n, d) that it was trained on."""
        basis, values = _axes(model.scaling(X))
        p = model.probabilities(X)
        return cls(basis, values, (p * (1 - p)).mean(0), model.strength, len(X))

    def deviations(self, model: Logistic, X: Rows) -> Floats:
        """Give the standard deviations (n, l) of the logits of rows (n, d)."""
        x = model.scaling(X)
        along = (x @ self.basis).astype(np.float64) ** 2
        beside = np.maximum((x.astype(np.float64) ** 2).sum(1) - along.sum(1), 0)
        curvature = np.maximum(self.curvature, 1e-9)
        variance = along @ (1 / (self.values[:, None] * curvature + self.strength)) + beside[:, None] / self.strength
        return np.asarray(np.sqrt(variance + 1 / (self.n * curvature)))


def contributions(model: Logistic, residuals: Floats, X: Rows, query: Rows) -> Floats:
    """Tell how much each training row speaks for each label of a query: (n, l).

    At the optimum the weights are Σᵢ residualᵢ xᵢ / strength, so a logit is the intercept and a sum over training rows
    (C.-K. Yeh et al., *Representer Point Selection*, 2018).

    Args:
        model: Trained on ``X``.
        residuals: (n, l), y − p of the training rows, weighed as they were in training.
        X: (n, d), the training rows.
        query: (d,).
    """
    likeness = model.scaling(X) @ model.scaling(query[None])[0]
    return np.asarray(residuals * likeness[:, None] / model.strength)


def residuals_of(model: Logistic, X: Rows, Y: Floats, *, balance: bool = False) -> Floats:
    """Give y − p of training rows, weighed as :func:`fit_logistic` weighs them: (n, l)."""
    wrong = Y - model.probabilities(X)
    return np.asarray(wrong * _item_weights(Y, model.single) if balance else wrong)


# --- ridge regression ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ridge:
    """A trained ridge regression.

    Attributes:
        scaling: Of the features.
        weights: (d, l).
        intercept: (l,).
        strength: Of the penalty.
        left_out: (n, l), each training row predicted by a regression without it.
    """

    scaling: Scaling
    weights: Floats
    intercept: Floats
    strength: float
    left_out: Floats

    def predict(self, X: Rows) -> Floats:
        """Predict (n, l) of rows (n, d)."""
        return np.asarray(self.scaling(X).astype(np.float64) @ self.weights + self.intercept)


def fit_ridge(X: Rows, Y: Floats) -> Ridge:
    """Minimise squared error plus strength · ‖weights‖², of the strength with the smallest leave-one-out error.

    That is the power of ten, in half steps from 1 to a million, by the closed form of all n leave-one-out predictions
    (G. H. Golub, M. Heath, G. Wahba, *Generalized Cross-Validation*, 1979).

    Args:
        X: (n, d).
        Y: (n, l).
    """
    scaling = Scaling.of(X)
    x, base = scaling(X).astype(np.float64), Y.mean(0)
    y = Y - base
    # By the smaller of the two Gram matrices: the same solution, at a fraction of a decomposition's cost.
    wide = x.shape[1] > len(x)
    values, basis = np.linalg.eigh(x @ x.T if wide else x.T @ x)
    values = np.maximum(values, 0)
    left = basis if wide else (x @ basis) / np.sqrt(np.maximum(values, 1e-9))
    projected = left.T @ y
    best: tuple[float, float, Floats] | None = None
    for strength in 10.0 ** np.arange(0, 6.5, 0.5):
        shrink = values / (values + strength)
        leverage = np.minimum((left**2) @ shrink + 1 / len(y), 1 - 1e-6)
        wrong = (y - left @ (shrink[:, None] * projected)) / (1 - leverage[:, None])
        error = float((wrong**2).mean())
        if best is None or error < best[0]:
            best = error, float(strength), Y - wrong
    assert best is not None  # noqa: S101
    strength = best[1]
    if wide:
        weights = x.T @ (left @ (projected / (values + strength)[:, None]))
    else:
        weights = basis @ (np.sqrt(values)[:, None] / (values + strength)[:, None] * projected)
    return Ridge(scaling, weights, base, strength, best[2])


def ridge_probe(vectors: Rows, labels: Floats, fold: NDArray[np.int64]) -> Floats:
    """Predict labels by :func:`fit_ridge`, each row from the other folds: (n, labels) scores."""
    scores = np.zeros_like(labels)
    for k in np.unique(fold):
        train, test = fold != k, fold == k
        scores[test] = fit_ridge(vectors[train], labels[train]).predict(vectors[test])
    return scores


def prior_scores(labels: Floats, fold: NDArray[np.int64]) -> Floats:
    """Predict of every row how common each label is in the other folds: (n, labels)."""
    scores = np.zeros_like(labels)
    for k in np.unique(fold):
        scores[fold == k] = labels[fold != k].mean(0)
    return scores
