"""Genres from posters: a probe trained, calibrated and scored beside simple baselines.

Baselines: *prior* (how common each genre is), *all_zero* (no genre at all), and the same kind of probe on colour
histograms and on raw pixels.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posterity.catalogue import Store
from posterity.errors import ArgumentError
from posterity.learning.features import Features, load_features, present
from posterity.learning.kinship import kinship
from posterity.learning.model import Model, before_learning, fit_model, keep_model
from posterity.learning.splits import (
    PREFIX,
    Protocol,
    Split,
    check,
    load_split,
    make_split,
    protocol_named,
)
from posterity.learning.splitting import folds
from posterity.learning.targets import TASKS, Targets
from posterity.numerics.linear.logistic import tune_logistic
from posterity.numerics.linear.scaling import Floats
from posterity.numerics.scores.classification import (
    Score,
    average_precisions,
    confusion,
    f1_scores,
    multilabel_figures,
    resamples,
    roc_aucs,
    score,
    single_label_figures,
)

N_FOLDS = 4
BASELINES = {"colour": "colour", "pixels": "pixels"}
"""Baselines that are probes -> the encoder that each reads."""


@dataclass(frozen=True)
class LabelScores:
    """One label on the test part: number of posters, average precision, AUC, F1, and its threshold."""

    label: str
    n_test: int
    average_precision: Score
    auc: Score
    f1: Score
    threshold: float
    prior: float


@dataclass(frozen=True)
class GenreReport:
    """The scores of a genre probe and how it was trained.

    Attributes:
        task: "genres", "first_genre" or "classes".
        split: The split's name.
        encoders: Encoders whose vectors the probe reads.
        figures: Figure -> score on the test part; see :mod:`posterity.numerics.scores.classification`.
        baselines: Baseline -> figure -> score on the test part.
        per_label: Scores of each label.
        labels: (l,) names of the rows and columns of ``confusion``.
        confusion: (l, l). With one label per poster: number of test posters by true (row) and predicted (column) label.
            With several: among posters with the row's label but not the column's, the share predicted to have the
            column's; on the diagonal, the share among posters that have the label.
        n_train: Number of training posters.
        n_test: Number of test posters.
        n_test_seen: Number of test posters whose films the bundled encoder was trained on.
        n_outside: Number of labelled posters in no part of the split, because they were added later.
        strength: The chosen strength of the penalty.
        seconds: Training time, including the choice of strength.
    """

    task: str
    split: str
    encoders: tuple[str, ...]
    figures: dict[str, Score]
    baselines: dict[str, dict[str, Score]]
    per_label: tuple[LabelScores, ...]
    labels: tuple[str, ...]
    confusion: NDArray[np.float64]
    n_train: int
    n_test: int
    n_test_seen: int
    n_outside: int
    strength: float
    seconds: float

    def flat(self) -> dict[str, Any]:
        """Return the report as JSON values: each figure a number, its interval beside it."""
        return {
            "task": self.task, "split": self.split, "encoders": list(self.encoders), **values(self.figures),
            "intervals": intervals(self.figures),
            "baselines": {name: values(figures) for name, figures in self.baselines.items()},
            "baseline_intervals": {name: intervals(figures) for name, figures in self.baselines.items()},
            "per_label": list(self.per_label), "labels": list(self.labels), "confusion": self.confusion,
            "n_train": self.n_train, "n_test": self.n_test, "n_test_seen": self.n_test_seen,
            "n_outside": self.n_outside,
            "strength": self.strength, "seconds": round(self.seconds, 3),
        }  # fmt: skip


def values(figures: Mapping[str, Score]) -> dict[str, float]:
    """Return the values of scores."""
    return {name: found.value for name, found in figures.items()}


def intervals(figures: Mapping[str, Score]) -> dict[str, list[float]]:
    """Return the intervals of scores."""
    return {name: [found.low, found.high] for name, found in figures.items()}


def train_genres(
    store: Store,
    split: str | None = None,
    *,
    encoders: Sequence[str] = ("poster", "colour"),
    protocol: Protocol | None = None,
    balance: bool = True,
    seed: int = 0,
    n_resamples: int = 500,
    keep: bool = True,
) -> GenreReport:
    """Train a genre probe on stored vectors, score it on the test part, and keep it with its predictions.

    Args:
        store: The catalogue.
        split: Name of a split; None uses "genres", made if it does not exist.
        encoders: Encoders whose vectors to learn from; those after the first only if the catalogue has them.
        protocol: How to make the split, if it has to be made.
        balance: Weight labels so that rare ones count as much as common ones.
        seed: Seed of folds and resamples.
        n_resamples: Number of resamples for intervals.
        keep: Whether to keep the model and its predictions.

    Raises:
        ArgumentError: The split is for another task, or has no test part.
        CatalogueError: There are no vectors, or too few posters with genres.
        LeakError: Posters that belong together are in different parts of the split.
        UnknownNameError: There is no split with that name.
    """
    before = before_learning(store, present(store, encoders))
    cut = ready_split(store, split, "genres", protocol, ("genres", "first_genre", "classes"))
    found = load_features(store, present(store, encoders), (*cut.train, *cut.validation, *cut.test))
    learned = sorted((*cut.train, *cut.validation))
    groups = groups_of(store, (*learned, *cut.test))
    began = time.perf_counter()
    model = train_probe(found, cut.targets, learned, groups, balance=balance, seed=seed)
    seconds = time.perf_counter() - began
    weights = resamples([groups[i] for i in cut.test], n_resamples, seed)
    truth = cut.targets.matrix(cut.test)
    p = model.predict(found.rows(cut.test)).probabilities
    report = GenreReport(
        task=cut.targets.task,
        split=cut.name,
        encoders=found.encoders,
        figures=judged(p, truth, p >= model.thresholds, weights, model.prior, cut.targets.single),
        baselines=_baselines(store, cut, learned, groups, weights, balance, seed),
        per_label=_per_label(model, p, truth, weights),
        labels=cut.targets.names,
        confusion=_confusion(p, truth, model.thresholds, cut.targets.single),
        n_train=len(learned),
        n_test=len(cut.test),
        n_test_seen=cut.seen.get("test", 0),
        n_outside=_outside(store, cut),
        strength=model.logistic.strength,
        seconds=seconds,
    )
    if keep:
        model = replace(model, judged=cut.test)
        scores = {"figures": values(report.figures)}
        keep_model(store, cut.targets.task, model, found.ids, found.X, scores, found.encoders, before)
    return report


def ready_split(
    store: Store,
    name: str | None,
    default: str,
    protocol: Protocol | None = None,
    tasks: Sequence[str] = TASKS,
) -> Split:
    """Return a split by name, or the default one, made if it does not exist; always checked for leaks.

    Raises:
        ArgumentError: The split's task is not in ``tasks``, or it lacks a training or test part.
        LeakError: Posters that belong together are in different parts.
        UnknownNameError: There is no split with that name.
    """
    if name is None and store.artefact(PREFIX + default) is None:
        return make_split(store, default, protocol or protocol_named(default))
    split = load_split(store, name or default)
    if split.targets.task not in tasks:
        raise ArgumentError(
            f"the split {split.name!r} is for the task {split.targets.task!r}", f"Use one for {', '.join(tasks)}."
        )
    if not split.train or not split.test:
        raise ArgumentError(
            f"the split {split.name!r} lacks the parts 'train' and 'test' (it has {', '.join(split.parts)})",
            "Folds are for experiments (n_folds) and for posterity export split.",
        )
    check(store, split)
    return split


def _outside(store: Store, cut: Split) -> int:
    """Count the posters that have one of a split's labels but are in no part of it."""
    known = set(cut.targets.names)
    placed = {identity for ids in cut.parts.values() for identity in ids}
    if cut.targets.task != "genres":  # other tasks leave posters out for reasons of their own
        return 0
    return sum(poster.id not in placed and bool(known & set(poster.film.genres)) for poster in store.posters())


def groups_of(store: Store, ids: Sequence[str]) -> dict[str, int]:
    """Number the groups of kin among posters: id -> group number."""
    wanted = set(ids)
    posters = [poster for poster in store.posters() if poster.id in wanted]
    return dict(zip([p.id for p in posters], kinship(store, posters).groups().tolist(), strict=True))


def train_probe(
    features: Features,
    targets: Targets,
    ids: Sequence[str],
    groups: Mapping[str, int],
    *,
    balance: bool = False,
    seed: int = 0,
) -> Model:
    """Train and calibrate a probe, choosing its strength in folds that keep groups together."""
    Y, X = targets.matrix(ids), features.rows(ids)
    fold = inner_folds(Y, [groups[i] for i in ids], seed)
    tuned = tune_logistic(X, Y, fold, single=targets.single, balance=balance)
    return fit_model(
        targets.task, targets.names, features.encoders, features.fingerprints, ids, X, Y, tuned, balance=balance
    )


def inner_folds(Y: Floats, groups: Sequence[int], seed: int) -> NDArray[np.int64]:
    """Put training rows into folds, keeping groups together: (n,)."""
    return folds(Y, np.asarray(groups, np.int64), min(N_FOLDS, len(set(groups))), seed)


def judged(
    p: Floats, truth: Floats, claimed: NDArray[np.bool_], weights: Floats, prior: Floats, single: bool
) -> dict[str, Score]:
    """Score probabilities (n, l) against labels (n, l)."""
    if single:
        found = single_label_figures(p, truth.argmax(1), weights, prior)
    else:
        found = multilabel_figures(p, truth > 0, claimed, weights)
    return {name: score(each) for name, each in found.items()}


def _baselines(
    store: Store,
    cut: Split,
    learned: Sequence[str],
    groups: Mapping[str, int],
    weights: Floats,
    balance: bool,
    seed: int,
) -> dict[str, dict[str, Score]]:
    targets, truth = cut.targets, cut.targets.matrix(cut.test)
    share = targets.matrix(learned).mean(0)
    prior = np.tile(share, (len(truth), 1))
    found = {"prior": judged(prior, truth, prior >= 0.5, weights, share, targets.single)}
    if not targets.single:
        nothing = np.zeros_like(truth)
        found["all_zero"] = judged(nothing, truth, nothing > 0, weights, share, False)
    for name, encoder in BASELINES.items():
        if encoder in store.encoders:
            features = load_features(store, (encoder,), (*learned, *cut.test))
            model = train_probe(features, targets, learned, groups, balance=balance, seed=seed)
            p = model.predict(features.rows(cut.test)).probabilities
            found[name] = judged(p, truth, p >= model.thresholds, weights, model.prior, targets.single)
    return found


def _per_label(model: Model, p: Floats, truth: Floats, weights: Floats) -> tuple[LabelScores, ...]:
    y = truth > 0
    rows = []
    for j, name in enumerate(model.names):
        claimed = (p[:, j] >= model.thresholds[j])[:, None]
        rows.append(
            LabelScores(
                label=name,
                n_test=int(y[:, j].sum()),
                average_precision=score(average_precisions(p[:, j], y[:, j], weights)),
                auc=score(roc_aucs(p[:, j], y[:, j], weights)),
                f1=score(f1_scores(claimed, y[:, j : j + 1], weights)[0]),
                threshold=float(model.thresholds[j]),
                prior=float(model.prior[j]),
            )
        )
    return tuple(rows)


def _confusion(p: Floats, truth: Floats, thresholds: Floats, single: bool) -> NDArray[np.float64]:
    if single:
        return confusion(p.argmax(1), truth.argmax(1), p.shape[1]).astype(np.float64)
    y, claimed = truth > 0, p >= thresholds
    table = np.zeros((p.shape[1], p.shape[1]))
    for i in range(len(table)):
        for j in range(len(table)):
            rows = y[:, i] if i == j else y[:, i] & ~y[:, j]
            table[i, j] = claimed[rows, j].mean() if rows.any() else np.nan
    return table
