"""Box office from posters and from metadata known before a release: success, and revenue with its interval.

Success is revenue above a multiple of the budget. By default a model learns from older films and is tested on later
ones. Every figure stands beside what the base rate gives, and three models are compared: on *metadata* alone, on the
*poster* alone, and on *both*, which is the metadata model with one more column: the poster model's out-of-fold
prediction for the film.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from posterity.catalogue import Poster, Store
from posterity.learning.features import Features, load_features, present
from posterity.learning.genres import groups_of, inner_folds, intervals, ready_split, values
from posterity.learning.model import Model, before_learning, fit_model, keep_model
from posterity.learning.money import in_dollars_of
from posterity.learning.premises import FIELDS, checked, common_genres, premises
from posterity.learning.splits import Split, protocol_named
from posterity.learning.targets import YES
from posterity.numerics.linear.logistic import tune_logistic
from posterity.numerics.linear.ridge import fit_ridge
from posterity.numerics.linear.scaling import Floats, Rows
from posterity.numerics.scores.classification import Score, binary_figures, resamples, score

COVERAGE = 0.9
"""Share of films whose revenue its interval should contain."""


@dataclass(frozen=True)
class RevenueReport:
    """How well revenue is predicted, in powers of ten of dollars of 2016.

    Attributes:
        r2: 1 − squared error / that of the training films' mean.
        spearman: Rank correlation.
        error: Mean absolute error; 0.3 is a factor of two.
        coverage: Share of test films inside their 90% interval.
       width: Width of the interval.
    """

    r2: Score
    spearman: Score
    error: Score
    coverage: Score
    width: float


@dataclass(frozen=True)
class BoxOfficeReport:
    """The scores of box-office models and how they were trained.

    Attributes:
        split: The split's name.
        by: How the split was made: "strata" or "time".
        years: The first and last year of training, and the last of the test; None unless split by time.
        threshold: Revenue / budget above this is success.
        fields: Metadata fields that the models read.
        encoders: Encoders that the poster model reads.
        base_rate: Share of successes in the test part: what always saying yes scores as accuracy.
        base_rate_train: Share of successes in the training part.
        ablation: "metadata", "poster", "both" -> figure -> score.
        baselines: "prior", "colour", "pixels" -> figure -> score.
        added: AUC of both less AUC of the metadata alone, paired.
        sentence: Whether the poster adds anything, in words.
        revenue: Revenue scores of the three models, and of "budget" (a line through the budget alone) and "mean".
        n_train: Number of training films.
        n_test: Number of test films.
        n_test_seen: Number of test films that the bundled encoder was trained on.
        seconds: Training time.
    """

    split: str
    by: str
    years: tuple[int, int, int] | None
    threshold: float
    fields: tuple[str, ...]
    encoders: tuple[str, ...]
    base_rate: float
    base_rate_train: float
    ablation: dict[str, dict[str, Score]]
    baselines: dict[str, dict[str, Score]]
    added: Score
    sentence: str
    revenue: dict[str, RevenueReport]
    n_train: int
    n_test: int
    n_test_seen: int
    seconds: float

    def flat(self) -> dict[str, Any]:
        """Return the report as JSON values: the figures of "both" at the top as numbers, intervals beside them."""
        return {
            "base_rate": self.base_rate, **values(self.ablation["both"]), "intervals": intervals(self.ablation["both"]),
            "ablation": {k: values(v) | {"intervals": intervals(v)} for k, v in self.ablation.items()},
            "baselines": {k: values(v) | {"intervals": intervals(v)} for k, v in self.baselines.items()},
            "poster_adds": {"auc": self.added.value, "interval": [self.added.low, self.added.high]},
            "sentence": self.sentence, "revenue": self.revenue, "split": self.split, "by": self.by, "years": self.years,
            "threshold": self.threshold, "fields": list(self.fields), "encoders": list(self.encoders),
            "base_rate_train": self.base_rate_train, "n_train": self.n_train, "n_test": self.n_test,
            "n_test_seen": self.n_test_seen, "seconds": round(self.seconds, 3),
        }  # fmt: skip


def train_boxoffice(
    store: Store,
    split: str | None = None,
    *,
    encoders: Sequence[str] = ("poster", "colour"),
    fields: Sequence[str] = FIELDS,
    threshold: float | None = None,
    seed: int = 0,
    n_resamples: int = 1000,
    keep: bool = True,
) -> BoxOfficeReport:
    """Train models of success and revenue, and measure whether the poster adds anything to the metadata.

    Args:
        store: The catalogue.
        split: Name of a split of the task "success"; None uses "boxoffice", made by time if it does not exist.
        encoders: Encoders whose vectors the poster model reads; those after the first only if the catalogue has them.
        fields: Metadata fields to read; see :mod:`posterity.learning.premises`.
        threshold: Revenue / budget above this is success; a value other than 1 makes a separate split.
        seed: Seed of folds and resamples.
        n_resamples: Number of resamples for intervals.
        keep: Whether to keep the models and their predictions.

    Raises:
        CatalogueError: The catalogue has no vectors, or no budgets and revenues.
        LeakError: A field is not known before the release, or the split leaks.
        UnknownNameError: There is no such field or split.
    """
    used = checked(fields)
    default, protocol = "boxoffice", protocol_named("boxoffice")
    if threshold is not None and threshold != protocol.threshold:
        default, protocol = f"boxoffice-{threshold:g}", replace(protocol, threshold=threshold)
    before = before_learning(store, present(store, encoders))
    cut = ready_split(store, split, default, protocol, ("success",))
    learned = sorted((*cut.train, *cut.validation))
    posters = {poster.id: poster for poster in store.posters()}
    table = load_features(store, present(store, encoders), (*learned, *cut.test))
    groups = groups_of(store, (*learned, *cut.test))
    weights = resamples([groups[i] for i in cut.test], n_resamples, seed)
    began = time.perf_counter()
    trainer = _Trainer(cut, posters, used, learned, groups, seed)
    poster_model, poster_p = trainer.of_vectors(table)
    both, both_p, meta_p = trainer.of_metadata(poster_model.held_out[:, 0], poster_p)
    revenue = trainer.revenue(table, weights)
    seconds = time.perf_counter() - began
    truth = trainer.test_truth
    p = {"metadata": meta_p, "poster": poster_p, "both": both_p}
    drawn = {name: binary_figures(each, truth, weights) for name, each in p.items()}
    added = score(drawn["both"]["auc"] - drawn["metadata"]["auc"])
    ablation = {name: {k: score(v) for k, v in found.items()} for name, found in drawn.items()}
    report = BoxOfficeReport(
        split=cut.name, by=cut.protocol.by, years=_years(cut, posters), threshold=cut.protocol.threshold, fields=used,
        encoders=table.encoders, base_rate=float(truth.mean()), base_rate_train=float(trainer.Y[:, 0].mean()),
        ablation=ablation, baselines=_baselines(store, trainer, truth, weights), added=added,
        sentence=_sentence(added, ablation), revenue=revenue, n_train=len(learned), n_test=len(cut.test),
        n_test_seen=cut.seen.get("test", 0), seconds=seconds,
    )  # fmt: skip
    if keep:
        figures = {name: values(found) for name, found in ablation.items()}
        poster_model, both = replace(poster_model, judged=cut.test), replace(both, judged=cut.test)
        keep_model(store, "boxoffice", poster_model, table.ids, table.X, figures, table.encoders, before)
        everything = trainer.columns(table.ids, poster_model.predict(table.X).probabilities[:, 0])
        keep_model(store, "boxoffice_both", both, table.ids, everything, figures, table.encoders, before)
    return report


class _Trainer:
    """The films of a split with their metadata, and the models trained on them."""

    def __init__(
        self, cut: Split, posters: Mapping[str, Poster], fields: Sequence[str], learned: Sequence[str],
        groups: Mapping[str, int], seed: int,
    ) -> None:  # fmt: skip
        self.cut, self.posters, self.fields, self.learned = cut, posters, fields, learned
        self.genres = common_genres([posters[i] for i in learned])
        self.Y = cut.targets.matrix(learned)
        self.yes = cut.targets.names.index(YES)
        self.fold = inner_folds(self.Y, [groups[i] for i in learned], seed)
        self.test_truth: NDArray[np.bool_] = cut.targets.matrix(cut.test)[:, self.yes] > 0

    def of_vectors(self, features: Features) -> tuple[Model, Floats]:
        """Train on vectors; return the model and the test films' probabilities of success."""
        X = features.rows(self.learned)
        tuned = tune_logistic(X, self.Y, self.fold, single=True)
        names = self.cut.targets.names
        model = fit_model("success", names, features.encoders, features.fingerprints, self.learned, X, self.Y, tuned)
        return model, model.predict(features.rows(self.cut.test)).probabilities[:, self.yes]

    def columns(self, ids: Sequence[str], poster: Floats | None = None) -> Rows:
        """Return the films' metadata as numbers, with the poster model's probability if given: (n, d)."""
        return _columns(self.posters, self.learned, [self.posters[i] for i in ids], self.fields, self.genres, poster)

    def _budget(self, ids: Sequence[str]) -> Rows:
        asked = [self.posters[i] for i in ids]
        return _columns(self.posters, self.learned, asked, ("budget",), (), None)[:, :1]

    def of_metadata(self, held_out: Floats, poster_p: Floats) -> tuple[Model, Floats, Floats]:
        """Train on metadata with and without the poster's prediction.

        Returns:
            The model with it, its test probabilities, and those without.
        """
        found = []
        for own, other in ((held_out, poster_p), (None, None)):
            X = self.columns(self.learned, own)
            tuned = tune_logistic(X, self.Y, self.fold, single=True)
            names = self.cut.targets.names
            model = fit_model("success", names, (), (), self.learned, X, self.Y, tuned, fields=self.fields)
            found.append((model, model.predict(self.columns(self.cut.test, other)).probabilities[:, self.yes]))
        return found[0][0], found[0][1], found[1][1]

    def revenue(self, features: Features, weights: Floats) -> dict[str, RevenueReport]:
        """Predict log revenue by each model, and judge it."""
        train, test = (np.array([_log_revenue(self.posters[i]) for i in ids]) for ids in (self.learned, self.cut.test))
        vectors = features.rows(self.learned), features.rows(self.cut.test)
        by_poster = _out_of_fold(vectors[0], train, self.fold), fit_ridge(vectors[0], train[:, None])
        own = self.columns(self.learned), self.columns(self.cut.test)
        predicted = by_poster[1].predict(vectors[1])[:, 0]
        inputs: dict[str, tuple[Rows, Rows]] = {
            "metadata": own,
            "both": (_beside(own[0], by_poster[0]), _beside(own[1], predicted)),
        }
        if "budget" in self.fields:
            inputs["budget"] = self._budget(self.learned), self._budget(self.cut.test)
        found = {"poster": _revenue(train, by_poster[0], test, predicted, weights)}
        for name, (X, Z) in inputs.items():
            model = fit_ridge(X, train[:, None])
            found[name] = _revenue(train, model.left_out[:, 0], test, model.predict(Z)[:, 0], weights)
        mean = np.full(len(test), train.mean())
        found["mean"] = _revenue(train, np.full(len(train), train.mean()), test, mean, weights)
        return found


def _columns(
    posters: Mapping[str, Poster],
    learned: Sequence[str],
    asked: Sequence[Poster],
    fields: Sequence[str],
    genres: Sequence[str],
    poster: Floats | None,
) -> Rows:
    own = [*(posters[i] for i in learned if i in posters), *asked]  # gaps are filled with the training films' median
    table = premises(own, fields, genres, list(posters.values()))[0][-len(asked) :]
    if poster is None:
        return table
    clipped = np.clip(poster, 1e-6, 1 - 1e-6)
    return _beside(table, np.log(clipped / (1 - clipped)))


def both_columns(posters: Mapping[str, Poster], model: Model, asked: Sequence[Poster], predicted: Floats) -> Rows:
    """Return the input of the model on metadata and poster: (n, d).

    Args:
        posters: All posters of the catalogue, by id.
        model: The model on metadata and poster.
        asked: (n,) the films' posters.
        predicted: (n,) the poster model's probabilities of success.
    """
    learned = [posters[i] for i in model.ids if i in posters]
    return _columns(posters, model.ids, asked, model.fields, common_genres(learned), predicted)


def _beside(table: Rows, column: Floats) -> Rows:
    return np.column_stack([table, column]).astype(np.float32)


def _out_of_fold(X: Rows, y: Floats, fold: NDArray[np.int64]) -> Floats:
    found = np.zeros_like(y)
    for k in np.unique(fold):
        found[fold == k] = fit_ridge(X[fold != k], y[fold != k][:, None]).predict(X[fold == k])[:, 0]
    return found


def _log_revenue(poster: Poster) -> float:
    film = poster.film
    return math.log10(in_dollars_of(film.revenue or 1, film.year or 2000))


def _revenue(train: Floats, held_out: Floats, test: Floats, predicted: Floats, weights: Floats) -> RevenueReport:
    """Score predictions; intervals are split-conformal, as wide as the held-out training films' errors require.

    V. Vovk, A. Gammerman, G. Shafer, *Algorithmic Learning in a Random World*, 2005. Their coverage is
    guaranteed only if the future is like the past; coverage on a later test shows whether it is.
    """
    off = np.sort(np.abs(train - held_out))
    half = float(off[min(len(off) - 1, math.ceil(COVERAGE * (len(off) + 1)) - 1)])
    total = weights.sum(1)
    wrong = (test - predicted) ** 2
    spread = (test - train.mean()) ** 2
    ranks = np.array([_spearman(test, predicted, row) for row in weights])
    return RevenueReport(
        r2=score(1 - (weights @ wrong) / (weights @ spread)),
        spearman=score(ranks),
        error=score(weights @ np.abs(test - predicted) / total),
        coverage=score(weights @ (np.abs(test - predicted) <= half) / total),
        width=2 * half,
    )


def _spearman(a: Floats, b: Floats, counts: Floats) -> float:
    rows = np.repeat(np.arange(len(a)), counts.astype(int))
    x, y = rankdata(a[rows]), rankdata(b[rows])
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def _baselines(
    store: Store, trainer: _Trainer, truth: NDArray[np.bool_], weights: Floats
) -> dict[str, dict[str, Score]]:
    share = float(trainer.Y[:, trainer.yes].mean())
    prior = binary_figures(np.full(len(truth), share), truth, weights)
    found = {"prior": {k: score(v) for k, v in prior.items()}}
    for name in ("colour", "pixels"):
        if name in store.encoders:
            features = load_features(store, (name,), (*trainer.learned, *trainer.cut.test))
            drawn = binary_figures(trainer.of_vectors(features)[1], truth, weights)
            found[name] = {k: score(v) for k, v in drawn.items()}
    return found


def _years(cut: Split, posters: Mapping[str, Poster]) -> tuple[int, int, int] | None:
    if cut.protocol.by != "time":
        return None
    train, test = ([posters[i].film.year or 0 for i in ids] for ids in ((*cut.train, *cut.validation), cut.test))
    return min(train), max(train), max(test)


def _sentence(added: Score, ablation: Mapping[str, Mapping[str, Score]]) -> str:
    alone, meta = ablation["poster"]["auc"], ablation["metadata"]["auc"]
    by_itself = (
        "By itself the poster tells success from failure better than chance"
        if alone.low > 0.5
        else "By itself the poster does not tell success from failure better than chance"
    )
    if added.low > 0:
        more = "and it adds to what is known otherwise"
    elif added.high < 0:
        more = "and it makes the forecast from what is known otherwise worse"
    else:
        more = "and it is not shown to add anything to what is known otherwise"
    return (
        f"{by_itself} (AUC {alone}), {more} (AUC {added.value:+.3f} [{added.low:+.3f}, {added.high:+.3f}] on {meta})."
    )
