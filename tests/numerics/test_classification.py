"""The figures of classifiers, against scikit-learn's and against slow and obvious ones."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from posterity.errors import ArgumentError
from posterity.numerics.scores.classification import (
    Score,
    average_precisions,
    binary_figures,
    calibration_errors,
    confusion,
    multilabel_figures,
    resamples,
    roc_aucs,
    score,
    single_label_figures,
)


@pytest.fixture
def multi() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    p = rng.random((150, 4)).round(1)  # with many ties
    return p, rng.random((150, 4)) < p


def test_a_resample_is_its_items_repeated(multi: tuple[np.ndarray, np.ndarray]) -> None:
    p, y = multi
    weights = resamples([f"group {i // 3}" for i in range(150)], 20)
    assert (weights[0] == 1).all()
    assert (weights.reshape(21, 50, 3) == weights.reshape(21, 50, 3)[:, :, :1]).all(), "groups are drawn together"
    for row in (1, 7):
        items = np.repeat(np.arange(150), weights[row].astype(int))
        assert average_precisions(p[:, 0], y[:, 0], weights)[row] == pytest.approx(
            metrics.average_precision_score(y[items, 0], p[items, 0])
        )
        assert roc_aucs(p[:, 0], y[:, 0], weights)[row] == pytest.approx(
            metrics.roc_auc_score(y[items, 0], p[items, 0])
        )
        figures = multilabel_figures(p, y, p >= 0.5, weights)
        assert figures["f1_macro"][row] == pytest.approx(metrics.f1_score(y[items], p[items] >= 0.5, average="macro"))


def test_figures_of_several_labels_are_those_of_scikit_learn(multi: tuple[np.ndarray, np.ndarray]) -> None:
    p, y = multi
    found = {name: each[0] for name, each in multilabel_figures(p, y, p >= 0.5, np.ones((1, 150))).items()}
    assert found["mAP"] == pytest.approx(metrics.average_precision_score(y, p, average="macro"))
    assert found["mAP_micro"] == pytest.approx(metrics.average_precision_score(y, p, average="micro"))
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(y, p, average="macro"))
    assert found["f1_macro"] == pytest.approx(metrics.f1_score(y, p >= 0.5, average="macro"))
    assert found["f1_micro"] == pytest.approx(metrics.f1_score(y, p >= 0.5, average="micro"))
    assert found["hamming"] == pytest.approx(metrics.hamming_loss(y, p >= 0.5))
    slow = [any(y[i, j] for j in sorted(range(4), key=lambda j: (-p[i, j], j))[:3]) for i in range(150)]
    assert found["hit_at_3"] == pytest.approx(np.mean(slow))


def test_figures_of_one_label_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    p = rng.dirichlet(np.ones(4), 300)
    classes = (p.cumsum(1) > rng.random((300, 1))).argmax(1)
    prior = np.full(4, 0.25)
    found = {name: each[0] for name, each in single_label_figures(p, classes, np.ones((1, 300)), prior).items()}
    assert found["top_1"] == pytest.approx(metrics.accuracy_score(classes, p.argmax(1)))
    assert found["top_3"] == pytest.approx(metrics.top_k_accuracy_score(classes, p, k=3))
    assert found["balanced_top_1"] == pytest.approx(metrics.balanced_accuracy_score(classes, p.argmax(1)))
    assert found["f1_macro"] == pytest.approx(metrics.f1_score(classes, p.argmax(1), average="macro"))
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(classes, p, multi_class="ovr", average="macro"))
    assert found["log_loss"] == pytest.approx(metrics.log_loss(classes, p))
    np.testing.assert_array_equal(confusion(p.argmax(1), classes, 4), metrics.confusion_matrix(classes, p.argmax(1)))


def test_balanced_accuracy_goes_by_the_class_that_exceeds_its_share() -> None:
    p = np.array([[0.8, 0.2], [0.95, 0.05]])
    found = single_label_figures(p, np.array([1, 0]), np.ones((1, 2)), np.array([0.9, 0.1]))
    assert found["top_1"][0] == 0.5
    assert found["balanced_top_1"][0] == 1.0


def test_figures_of_yes_and_no_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(2)
    p = rng.random(200)
    y = rng.random(200) < p
    found = {name: each[0] for name, each in binary_figures(p, y, np.ones((1, 200))).items()}
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(y, p))
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(y, p >= 0.5))
    assert found["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(y, p >= 0.5))
    assert found["brier"] == pytest.approx(metrics.brier_score_loss(y, p))
    assert found["log_loss"] == pytest.approx(metrics.log_loss(y, p))


def test_calibration_error_is_the_gap_in_each_bin(multi: tuple[np.ndarray, np.ndarray]) -> None:
    p, y = multi
    gap = 0.0
    for low in range(15):
        some = (p >= low / 15) & ((p < (low + 1) / 15) | (low == 14))
        gap += abs((y[some] - p[some]).sum()) / p.size
    assert calibration_errors(p, y, np.ones((1, 150)))[0] == pytest.approx(gap)


def test_what_cannot_be_judged_is_no_number_and_does_not_spoil_the_interval() -> None:
    values = roc_aucs(np.array([0.1, 0.9]), np.array([False, True]), np.array([[1, 1], [2, 0], [0, 2]]))
    assert values[0] == 1
    assert np.isnan(values[1:]).all()
    assert (score(values).low, score(values).high) == (1, 1)
    assert str(Score(float("nan"), float("nan"), float("nan"))) == "–"
    assert str(Score(0.5, 0.4, 0.6)) == "0.500 [0.400, 0.600]"
    with pytest.raises(ArgumentError, match="do not fit"):
        multilabel_figures(np.ones((3, 2)), np.ones((2, 2), bool), np.ones((2, 2), bool), np.ones((1, 2)))
