"""Box office from posters and from what is known before a release: success, and revenue with its interval.

Success is revenue above a multiple of the budget. By default a model learns from the past and is judged on what came
after. Every figure stands beside what the base rate gives, and three models are compared: of the *metadata* alone, of
the *poster* alone, and of *both*, which is the metadata's with one more column, what the poster's model says of films
that it had not seen.
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
"""Share of films that an interval of revenue is meant to hold."""


@dataclass(frozen=True)
class RevenueReport:
    """How well revenue is predicted, in powers of ten of dollars of 2016.

    Attributes:
        r2: 1 − squared error / that of the training films' mean.
        spearman: Rank correlation.
        error: Mean absolute error; 0.3 is a factor of two.
        coverage: Share of test films inside their 90% interval.
        width: Of the interval.
    """

    r2: Score
    spearman: Score
    error: Score
    coverage: Score
    width: float


@dataclass(frozen=True)
class BoxOfficeReport:
    """What came of training.

    Attributes:
        split: The split's name.
        by: How it was made.
        years: The first and last of training, and the last of the test, which comes after; None unless split by time.
        threshold: Revenue / budget above it is success.
        fields: Of the metadata.
        encoders: Of the poster's model.
        base_rate: Share of successes in the test part: what always saying yes scores as accuracy.
        base_rate_train: Likewise in the training part.
        ablation: "metadata", "poster", "both" -> figure -> score.
        baselines: "prior", "colour", "pixels" -> figure -> score.
        added: AUC of both less AUC of the metadata alone, paired.
        sentence: Whether the poster adds anything.
        revenue: Of each of the three, and of "budget" (a line through the budget alone) and "mean".
        n_train: Films learned from.
        n_test: Films judged by.
        n_test_seen: How many of these the bundled encoder was trained with.
        seconds: That training took.
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
        """Give it as JSON has it: the figures of both at the top, each a number, intervals beside."""
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
    """Train models of success and revenue, and tell whether the poster adds anything to what is known otherwise.

    Args:
        store: The catalogue.
        split: The name of one of the task "success"; without, the one named "boxoffice", made by time where there is
            none.
        encoders: Whose vectors the poster's model reads; those after the first only where the catalogue has them.
        fields: What the metadata's model reads; see :mod:`posterity.learning.premises`.
        threshold: Revenue / budget above it is success; another than 1 makes a split of its own.
        seed: Of folds and resamples.
        n_resamples: For intervals.
        keep: Whether to keep the models and their predictions.

    Raises:
        CatalogueError: There are no vectors, or budgets and revenues.
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
    told = _Told(cut, posters, used, learned, groups, seed)
    poster_model, poster_p = told.of_vectors(table)
    both, both_p, meta_p = told.of_metadata(poster_model.held_out[:, 0], poster_p)
    revenue = told.revenue(table, weights)
    seconds = time.perf_counter() - began
    truth = told.test_truth
    p = {"metadata": meta_p, "poster": poster_p, "both": both_p}
    drawn = {name: binary_figures(each, truth, weights) for name, each in p.items()}
    added = score(drawn["both"]["auc"] - drawn["metadata"]["auc"])
    ablation = {name: {k: score(v) for k, v in found.items()} for name, found in drawn.items()}
    report = BoxOfficeReport(
        split=cut.name, by=cut.protocol.by, years=_years(cut, posters), threshold=cut.protocol.threshold, fields=used,
        encoders=table.encoders, base_rate=float(truth.mean()), base_rate_train=float(told.Y[:, 0].mean()),
        ablation=ablation, baselines=_baselines(store, told, truth, weights), added=added,
        sentence=_sentence(added, ablation), revenue=revenue, n_train=len(learned), n_test=len(cut.test),
        n_test_seen=cut.seen.get("test", 0), seconds=seconds,
    )  # fmt: skip
    if keep:
        figures = {name: values(found) for name, found in ablation.items()}
        poster_model, both = replace(poster_model, judged=cut.test), replace(both, judged=cut.test)
        keep_model(store, "boxoffice", poster_model, table.ids, table.X, figures, table.encoders, before)
        everything = told.columns(table.ids, poster_model.predict(table.X).probabilities[:, 0])
        keep_model(store, "boxoffice_both", both, table.ids, everything, figures, table.encoders, before)
    return report


class _Told:
    """The films of a split, what is known of them, and the models of that."""

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
        """Train on vectors; give the model and the test films' probabilities of success."""
        X = features.rows(self.learned)
        tuned = tune_logistic(X, self.Y, self.fold, single=True)
        names = self.cut.targets.names
        model = fit_model("success", names, features.encoders, features.fingerprints, self.learned, X, self.Y, tuned)
        return model, model.predict(features.rows(self.cut.test)).probabilities[:, self.yes]

    def columns(self, ids: Sequence[str], poster: Floats | None = None) -> Rows:
        """Write what is known of films as numbers, and what their poster's model says, if that is given."""
        return _columns(self.posters, self.learned, [self.posters[i] for i in ids], self.fields, self.genres, poster)

    def _budget(self, ids: Sequence[str]) -> Rows:
        asked = [self.posters[i] for i in ids]
        return _columns(self.posters, self.learned, asked, ("budget",), (), None)[:, :1]

    def of_metadata(self, held_out: Floats, poster_p: Floats) -> tuple[Model, Floats, Floats]:
        """Train on metadata with and without the poster's word: the model with it, and both test probabilities."""
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
        said = by_poster[1].predict(vectors[1])[:, 0]
        inputs: dict[str, tuple[Rows, Rows]] = {
            "metadata": own,
            "both": (_beside(own[0], by_poster[0]), _beside(own[1], said)),
        }
        if "budget" in self.fields:
            inputs["budget"] = self._budget(self.learned), self._budget(self.cut.test)
        found = {"poster": _revenue(train, by_poster[0], test, said, weights)}
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
    own = [*(posters[i] for i in learned if i in posters), *asked]  # gaps are filled with the training films' middle
    table = premises(own, fields, genres, list(posters.values()))[0][-len(asked) :]
    if poster is None:
        return table
    clipped = np.clip(poster, 1e-6, 1 - 1e-6)
    return _beside(table, np.log(clipped / (1 - clipped)))


def both_columns(posters: Mapping[str, Poster], model: Model, asked: Sequence[Poster], said: Floats) -> Rows:
    """Write what the model of both reads of films: (n, d).

    Args:
        posters: All of the catalogue, by id.
        model: Of metadata and poster.
        asked: (n,) the films' posters.
        said: (n,) the probabilities of success that the poster's model gives.
    """
    learned = [posters[i] for i in model.ids if i in posters]
    return _columns(posters, model.ids, asked, model.fields, common_genres(learned), said)


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


def _revenue(train: Floats, held_out: Floats, test: Floats, said: Floats, weights: Floats) -> RevenueReport:
    """Judge predictions; intervals are split-conformal, as wide as the held-out training films' errors ask for.

    V. Vovk, A. Gammerman, G. Shafer, *Algorithmic Learning in a Random World*, 2005. They hold their promise where the
    future is like the past, which coverage on a later test tells.
    """
    off = np.sort(np.abs(train - held_out))
    half = float(off[min(len(off) - 1, math.ceil(COVERAGE * (len(off) + 1)) - 1)])
    total = weights.sum(1)
    wrong = (test - said) ** 2
    spread = (test - train.mean()) ** 2
    ranks = np.array([_spearman(test, said, row) for row in weights])
    return RevenueReport(
        r2=score(1 - (weights @ wrong) / (weights @ spread)),
        spearman=score(ranks),
        error=score(weights @ np.abs(test - said) / total),
        coverage=score(weights @ (np.abs(test - said) <= half) / total),
        width=2 * half,
    )


def _spearman(a: Floats, b: Floats, counts: Floats) -> float:
    rows = np.repeat(np.arange(len(a)), counts.astype(int))
    x, y = rankdata(a[rows]), rankdata(b[rows])
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def _baselines(store: Store, told: _Told, truth: NDArray[np.bool_], weights: Floats) -> dict[str, dict[str, Score]]:
    share = float(told.Y[:, told.yes].mean())
    prior = binary_figures(np.full(len(truth), share), truth, weights)
    found = {"prior": {k: score(v) for k, v in prior.items()}}
    for name in ("colour", "pixels"):
        if name in store.encoders:
            features = load_features(store, (name,), (*told.learned, *told.cut.test))
            found[name] = {k: score(v) for k, v in binary_figures(told.of_vectors(features)[1], truth, weights).items()}
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
