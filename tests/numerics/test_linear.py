"""Probes: their optimum is scikit-learn's, their probabilities mean what they say, and they can be taken apart."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import f1_score

from posterity.numerics.linear.calibration import best_thresholds, calibrate
from posterity.numerics.linear.logistic import fit_logistic, tune_logistic
from posterity.numerics.linear.ridge import fit_ridge
from posterity.numerics.linear.spread import Spread, contributions, residuals_of


def problem(n: int = 400, d: int = 12, labels: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Make rows, and labels of very unequal numbers that depend on them."""
    rng = np.random.default_rng(seed)
    X = (rng.normal(size=(n, d)) @ rng.normal(size=(d, d))).astype(np.float32)
    Y = rng.random((n, labels)) < expit(X @ rng.normal(size=(d, labels)) / 3 - np.linspace(0, 2.5, labels))
    return X, Y.astype(float)


@pytest.mark.parametrize("balance", [False, True])
@pytest.mark.parametrize("shape", [(400, 12), (30, 80)], ids=["many rows", "few rows"])
def test_logistic_regression_is_that_of_scikit_learn(balance: bool, shape: tuple[int, int]) -> None:
    X, Y = problem(*shape)
    model = fit_logistic(X, Y, 5.0, balance=balance)
    for j in range(Y.shape[1]):
        peer = LogisticRegression(C=1 / 5, tol=1e-10, max_iter=5000, class_weight="balanced" if balance else None)
        peer.fit(model.scaling(X).astype(float), Y[:, j])
        np.testing.assert_allclose(model.weights[:, j], peer.coef_[0], atol=2e-5)
        np.testing.assert_allclose(model.intercept[j], peer.intercept_[0], atol=2e-5)


@pytest.mark.parametrize("balance", [False, True])
def test_softmax_regression_is_that_of_scikit_learn(balance: bool) -> None:
    X, Y = problem(labels=4)
    classes = (Y * [1, 2, 3, 4]).argmax(1)
    one_hot = np.eye(4)[classes]
    model = fit_logistic(X, one_hot, 5.0, single=True, balance=balance)
    peer = LogisticRegression(C=1 / 5, tol=1e-10, max_iter=5000, class_weight="balanced" if balance else None)
    peer.fit(model.scaling(X).astype(float), classes)
    np.testing.assert_allclose(model.probabilities(X), peer.predict_proba(model.scaling(X).astype(float)), atol=1e-4)


def test_a_start_elsewhere_and_a_column_that_never_varies_change_nothing() -> None:
    X, Y = problem()
    X = np.column_stack([X, np.full(len(X), 7, np.float32)])
    cold = fit_logistic(X, Y, 5.0)
    warm = fit_logistic(X, Y, 5.0, start=fit_logistic(X, Y, 500.0))
    np.testing.assert_allclose(cold.weights, warm.weights, atol=1e-6)
    other = X.copy()
    other[:, -1] = -1e6
    np.testing.assert_allclose(cold.logits(X), cold.logits(other), atol=1e-6)


def test_the_strength_is_chosen_on_rows_that_were_not_learned_from() -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(120, 60)).astype(np.float32)
    noise = (rng.random((120, 1)) < 0.5).astype(float)
    fold = np.arange(120) % 4
    told = tune_logistic(X, noise, fold)
    assert told.model.strength >= 1000, "labels that nothing tells should be learned as little as can be"
    signal = (X[:, :1] + X[:, 1:2] > 0).astype(float)
    assert tune_logistic(X, signal, fold).model.strength < 100
    # What stands for a row is of a model that had not seen it: one trained without its fold gives the same.
    tuned = tune_logistic(X, signal, fold)
    alone = fit_logistic(X[fold != 2], signal[fold != 2], tuned.model.strength)
    np.testing.assert_allclose(tuned.logits[fold == 2], alone.logits(X[fold == 2]), atol=1e-3)


@pytest.mark.parametrize("single", [False, True])
def test_calibration_turns_scores_into_frequencies(single: bool) -> None:
    rng = np.random.default_rng(2)
    true = rng.normal(size=(20_000, 3)) * 1.5
    if single:
        p = np.exp(true) / np.exp(true).sum(1, keepdims=True)
        Y = np.eye(3)[(p.cumsum(1) > rng.random((len(p), 1))).argmax(1)]
    else:
        Y = (rng.random(true.shape) < expit(true)).astype(float)
    distorted = 3 * true + (1.0 if not single else np.array([1.0, 0.0, -2.0]))
    fixed = calibrate(distorted, Y, single=single)(distorted)
    for low in np.arange(0, 1, 0.2):
        some = (fixed >= low) & (fixed < low + 0.2)
        assert abs(fixed[some].mean() - Y[some].mean()) < 0.02


def test_thresholds_are_those_of_the_best_f1() -> None:
    rng = np.random.default_rng(3)
    p = rng.random((200, 2)).round(2)  # with ties
    Y = (rng.random((200, 2)) < p).astype(float)
    chosen = best_thresholds(p, Y)
    for j in range(2):
        best = max(f1_score(Y[:, j], p[:, j] >= t) for t in np.unique(p[:, j]))
        assert f1_score(Y[:, j], p[:, j] >= chosen[j]) == pytest.approx(best)


def test_intervals_are_as_wide_as_training_again_on_other_rows_makes_them() -> None:
    X, Y = problem(600, 8, 1, seed=4)
    model = fit_logistic(X, Y, 10.0)
    said = Spread.of(model, X).deviations(model, X[:50])[:, 0]
    rng = np.random.default_rng(0)
    drawn = [fit_logistic(X[rows], Y[rows], 10.0).logits(X[:50])[:, 0] for rows in rng.integers(0, 600, (120, 600))]
    seen = np.std(drawn, axis=0)
    assert np.corrcoef(said, seen)[0, 1] > 0.8
    assert 0.7 < np.median(said / seen) < 1.5


@pytest.mark.parametrize(("single", "balance"), [(False, False), (False, True), (True, False)])
def test_a_score_is_the_sum_of_what_training_rows_contribute(single: bool, balance: bool) -> None:
    X, Y = problem()
    Y = np.eye(3)[Y.argmax(1)] if single else Y
    model = fit_logistic(X, Y, 5.0, single=single, balance=balance)
    query = problem(seed=9)[0][0]
    parts = contributions(model, residuals_of(model, X, Y, balance=balance), X, query)
    np.testing.assert_allclose(parts.sum(0) + model.intercept, model.logits(query[None])[0], atol=1e-4)


@pytest.mark.parametrize("shape", [(200, 10), (30, 80)], ids=["many rows", "few rows"])
def test_ridge_regression_and_its_left_out_rows_are_those_of_scikit_learn(shape: tuple[int, int]) -> None:
    X, Y = problem(*shape)
    model = fit_ridge(X, Y)
    x = model.scaling(X).astype(float)
    peer = RidgeCV(alphas=10.0 ** np.arange(0, 6.5, 0.5), store_cv_results=True).fit(x, Y)
    assert model.strength == pytest.approx(peer.alpha_)
    np.testing.assert_allclose(model.predict(X), peer.predict(x), atol=1e-4)
    left_out = np.empty_like(Y)
    for row in range(10):
        rest = np.arange(len(X)) != row
        centre = Y[rest].mean(0)
        # Without the row the mean of the others moves the centre too; that is what the leverage's 1 / n stands for.
        xc = x[rest] - x[rest].mean(0)
        w = np.linalg.solve(xc.T @ xc + model.strength * np.eye(x.shape[1]), xc.T @ (Y[rest] - centre))
        left_out[row] = (x[row] - x[rest].mean(0)) @ w + centre
    np.testing.assert_allclose(model.left_out[:10], left_out[:10], atol=1e-3)
