"""Runs side by side, best first, each tested against the best.

The difference is tested by resampling the test part; with repeated folds, by the corrected resampled t-test (C. Nadeau,
Y. Bengio, *Inference for the Generalization Error*, 2003), because folds share training posters and a plain t-test
would find differences everywhere.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from posterity.catalogue.schema import Result
from posterity.errors import UnknownNameError
from posterity.learning.experiments.field import Field, folds_of
from posterity.learning.experiments.spec import Published, Run
from posterity.learning.splits import Split
from posterity.learning.targets import YES
from posterity.numerics.linear.scaling import Floats
from posterity.numerics.scores.classification import (
    Score,
    binary_figures,
    multilabel_figures,
    resamples,
    score,
    single_label_figures,
)


@dataclass(frozen=True)
class Row:
    """A run on the leaderboard.

    Attributes:
        method: Its name.
        run: The cell that was run.
        figures: Figure -> score.
        difference: The sorting figure less the best run's; None for the best run.
        p: Two-sided p of that difference; None for the best run.
        seconds: Running time, including encoding unless vectors were stored.
        peak_memory: Peak memory of the process so far, in bytes; None if the system does not report it.
        parameters: Number of trained parameters.
        cached: Whether the result was read from the cache.
        seeds: Number of seeds averaged.
    """

    method: str
    run: Run
    figures: dict[str, Score]
    difference: Score | None
    p: float | None
    seconds: float
    peak_memory: int | None
    parameters: int
    cached: bool
    seeds: int = 1


@dataclass(frozen=True)
class Leaderboard:
    """The results of an experiment.

    Attributes:
        experiment: The experiment's name.
        title: Its one-line title.
        task: The task learned.
        figure: The figure that sorts the rows, best first.
        shown: Figures shown as columns.
        rows: The runs.
        failed: Method -> why it was not run.
        published: Figures that others reported.
        differs: How this experiment differs from theirs.
        n_train: Number of training posters.
        n_test: Number of test posters.
        judged: How runs were tested: "test part", or such as "5 folds × 3".
    """

    experiment: str
    title: str
    task: str
    figure: str
    shown: tuple[str, ...]
    rows: tuple[Row, ...]
    failed: dict[str, str]
    published: tuple[Published, ...]
    differs: str
    n_train: int
    n_test: int
    judged: str


def ranked(field_: Field, outcomes: Sequence[tuple[Run, Result, bool]]) -> list[Row]:
    """Join each method's seeds, score and sort the methods, and test each against the best."""
    experiment, split = field_.experiment, field_.split
    ids = field_.ids if experiment.n_folds else split.test
    Y = split.targets.matrix(ids)
    weights = resamples([field_.groups[i] for i in ids])
    prior = split.targets.matrix(field_.ids).mean(0)
    methods: dict[str, list[tuple[Run, Result, bool]]] = {}
    for outcome in outcomes:
        methods.setdefault(replace(outcome[0], seed=0).method, []).append(outcome)
    scored = []
    for method, members in methods.items():
        drawn: list[dict[str, Floats]] = []
        per_fold: list[Floats] = []
        for _, result, _ in members:
            with np.load(io.BytesIO(result.data), allow_pickle=False) as arrays:
                p = arrays["p"].astype(np.float64)
                claimed = np.unpackbits(arrays["claimed"], count=p.size).reshape(p.shape).astype(bool)
            drawn += [_figures(split, p[r], Y, claimed[r], weights, prior) for r in range(len(p))]
            if experiment.n_folds:
                per_fold.append(_per_fold(field_, p, Y, claimed, prior))
            costs = json.loads(result.figures)
        mean = {name: np.mean([each[name] for each in drawn], axis=0) for name in drawn[0]}
        if experiment.figure not in mean:
            raise UnknownNameError("figure", experiment.figure, mean)
        scored.append((method, members, mean, costs, np.concatenate(per_fold) if per_fold else None))
    scored.sort(key=lambda row: -float(row[2][experiment.figure][0]))
    best, best_folds = scored[0][2][experiment.figure], scored[0][4]
    rows = []
    for at, (method, members, mean, costs, own_folds) in enumerate(scored):
        difference = score(mean[experiment.figure] - best) if at else None
        p_value = None
        if at:
            off = (mean[experiment.figure] - best)[1:]
            p_value = float(min(1.0, 2 * min((off >= 0).mean(), (off <= 0).mean()) + 1 / (1 + len(off))))
            if own_folds is not None and best_folds is not None:
                p_value = corrected_t_test(own_folds - best_folds, experiment.n_folds)
        rows.append(
            Row(
                method,
                members[0][0],
                {name: score(each) for name, each in mean.items()},
                difference,
                p_value,
                float(costs["seconds"]),
                costs["peak_memory"],
                int(costs["parameters"]),
                all(cached for _, _, cached in members),
                len(members),
            )
        )
    return rows


def _figures(
    split: Split, p: Floats, Y: Floats, claimed: NDArray[np.bool_], weights: Floats, prior: Floats
) -> dict[str, Floats]:
    if split.targets.task == "success":
        yes = split.targets.names.index(YES)
        return binary_figures(p[:, yes], Y[:, yes] > 0, weights)
    if split.targets.single:
        return single_label_figures(p, Y.argmax(1), weights, prior)
    return multilabel_figures(p, Y > 0, claimed, weights)


def _per_fold(field_: Field, p: Floats, Y: Floats, claimed: NDArray[np.bool_], prior: Floats) -> Floats:
    """Score each fold of each repeat separately: (repeats · folds,)."""
    numbers = np.array([field_.groups[i] for i in field_.ids])
    found = []
    for repeat in range(len(p)):
        fold = folds_of(field_, Y, numbers, repeat)
        for k in range(field_.experiment.n_folds):
            rows = fold == k
            one = np.ones((1, int(rows.sum())))
            figures = _figures(field_.split, p[repeat][rows], Y[rows], claimed[repeat][rows], one, prior)
            found.append(float(figures[field_.experiment.figure][0]))
    return np.array(found)


def corrected_t_test(differences: Floats, n_folds: int) -> float:
    """Compute the two-sided p of the corrected resampled t-test: the variance is raised by test / training size.

    Args:
        differences: (repeats · folds,) differences between two methods' scores on the same folds.
        n_folds: k; a fold tests 1 / k and trains on the rest.
    """
    n = len(differences)
    variance = float(differences.var(ddof=1)) if n > 1 else 0.0
    if variance == 0:
        return 1.0 if not differences.any() else 0.0
    statistic = float(differences.mean()) / np.sqrt((1 / n + 1 / (n_folds - 1)) * variance)
    return float(2 * student.sf(abs(statistic), n - 1))
