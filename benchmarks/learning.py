"""Learning from the real posters: how well, beside baselines and published figures; how fast, beside scikit-learn."""

from __future__ import annotations

import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

import posterity
from benchmarks.harness import data, peak_mb, tell
from posterity.learning.boxoffice import train_boxoffice
from posterity.learning.genres import groups_of, inner_folds, train_genres
from posterity.learning.insight import contradiction
from posterity.learning.splits import PROTOCOLS, load_split, make_split
from posterity.numerics.linear.calibration import calibrate
from posterity.numerics.linear.logistic import STRENGTHS, fit_logistic, tune_logistic
from posterity.numerics.scores.classification import Score, roc_auc


def figures(what: str, own: dict[str, Score], baselines: dict[str, dict[str, Score]], goals: dict[str, float]) -> None:
    """Tell figures beside the prior's."""
    for name, goal in goals.items():
        found, prior = own[name], baselines["prior"][name]
        tell(
            f"{what}: {name} [{found.low:.3f}, {found.high:.3f}]", round(found.value, 3), "", "prior",
            round(prior.value, 3), goal=f">= {goal}", met=found.value >= goal,
        )  # fmt: skip


with tempfile.TemporaryDirectory() as folder:
    encoders = ["poster", "colour", "pixels"]
    posterity.build(data("posters"), Path(folder) / "films", data("posters.csv"), encoders=encoders)
    films = posterity.open(Path(folder) / "films")
    store = films.store

    # Speed: choosing a strength in four folds, of 18 labels at once, beside scikit-learn's regressions one by one.
    split = films.learn.split("genres")
    ids = sorted((*split.train, *split.validation))
    Y, groups = split.targets.matrix(ids), groups_of(store, ids)
    place = {identity: row for row, identity in enumerate(films.vectors("poster")[0])}
    X = np.hstack([films.vectors("poster")[1], films.vectors("colour")[1]])[[place[i] for i in ids]]
    fold = inner_folds(Y, [groups[i] for i in ids], 0)
    start = time.perf_counter()
    tuned = tune_logistic(X, Y, fold)
    own = time.perf_counter() - start
    tried = sorted(STRENGTHS, reverse=True)[: len(tuned.losses)]
    start = time.perf_counter()
    for strength in tried:
        for k in range(4):
            x = tuned.model.scaling(X[fold != k]).astype(float)
            for j in range(Y.shape[1]):
                LogisticRegression(C=1 / strength, max_iter=1000).fit(x, Y[fold != k, j])
    peer = time.perf_counter() - start
    tell(
        f"choosing a probe of {Y.shape[1]} genres on {len(ids):,} × {X.shape[1]}, {len(tried)} strengths, 4 folds",
        round(own, 2), "s", "scikit-learn", round(peer, 2), ratio=round(peer / own, 1), goal="< 10 s", met=own < 10,
    )  # fmt: skip
    exact = fit_logistic(X, Y, tried[-1])
    check = LogisticRegression(C=1 / tried[-1], tol=1e-9, max_iter=5000).fit(exact.scaling(X).astype(float), Y[:, 3])
    tell(
        "largest difference of a weight from scikit-learn's",
        float(np.abs(check.coef_[0] - exact.weights[:, 3]).max()),
        "",
    )

    # Quality.
    start = time.perf_counter()
    report = films.learn.genres()
    tell("train genres, with baselines and intervals", round(time.perf_counter() - start, 2), "s")
    goals = {"mAP": 0.36, "auc": 0.76, "hit_at_3": 0.88}
    figures("films the encoder has not seen", report.figures, report.baselines, goals)
    for name, scores in report.baselines.items():
        tell(f"{name}: mAP, auc {scores['auc'].value:.3f}, hit_at_3 {scores['hit_at_3'].value:.3f}",
             round(scores["mAP"].value, 3), "")  # fmt: skip
    make_split(store, "any", replace(PROTOCOLS["genres"], unseen=()))
    any_ = train_genres(store, "any", keep=False)
    figures(f"any films, {any_.n_test_seen} of {any_.n_test} seen", any_.figures, any_.baselines, goals)
    films.learn.split("classes")
    classes = train_genres(store, "classes", encoders=["poster"], keep=False)
    figures("comedy or horror", classes.figures, classes.baselines, {"balanced_top_1": 0.88})
    films.learn.split("seed-ten-genres")
    ten = films.learn.genres("seed-ten-genres")
    figures("ten first genres", ten.figures, ten.baselines, {"top_1": 0.38, "top_3": 0.70})
    figures("ten first genres, balanced", ten.figures, ten.baselines, {"balanced_top_1": 0.38, "balanced_top_3": 0.70})
    for name in ("boxoffice", "seed-box-office"):
        films.learn.split(name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            money = train_boxoffice(store, name, keep=False)
        for model, scores in money.ablation.items():
            auc, accuracy = scores["auc"], scores["accuracy"]
            tell(f"{name}, {model}: AUC [{auc.low:.3f}, {auc.high:.3f}], accuracy {accuracy.value:.3f}",
                 round(auc.value, 3), "", "base rate", round(money.base_rate, 3))  # fmt: skip
        tell(f"{name}: {money.sentence}", round(money.added.value, 3), "")

    # Swapped labels: five in a hundred, with films of which no genre is shared, or any other set.
    split = load_split(store, "genres")
    ids = sorted(split.targets.labels)
    Y, groups = split.targets.matrix(ids), groups_of(store, ids)
    X = np.hstack([films.vectors("poster")[1], films.vectors("colour")[1]])[[place[i] for i in ids]]
    for what, disjoint in (("no genre shared", True), ("another set", False)):
        found = []
        for seed in range(3):
            rng = np.random.default_rng(seed)
            order, swapped, Z = rng.permutation(len(ids)).tolist(), np.zeros(len(ids), bool), Y.copy()
            while swapped.sum() < 0.05 * len(ids):
                a = order.pop()
                fits = (i for i in order if not ((Y[a] * Y[i]).any() if disjoint else (Y[a] == Y[i]).all()))
                b = next(fits, None)
                if b is not None:
                    order.remove(b)
                    Z[a], Z[b], swapped[[a, b]] = Y[b], Y[a], True
            tuned = tune_logistic(X, Z, inner_folds(Z, [groups[i] for i in ids], seed))
            p = calibrate(tuned.logits, Z)(tuned.logits)
            found.append(roc_auc(contradiction(p, Z > 0, Z.mean(0)), swapped))
        value = float(np.mean(found))
        tell(f"5% of labels swapped, {what}: found by disguise, AUROC", round(value, 3), "", "chance", 0.5,
             goal=">= .80", met=value >= 0.80)  # fmt: skip
    start = time.perf_counter()
    shades = films.learn.colours()
    tell(f"colours of 7,056: {shades.claim}", round(time.perf_counter() - start, 1), "s")
    tell("peak memory", round(peak_mb()), "MB")
