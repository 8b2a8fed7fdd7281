"""Declared experiments: a matrix of runs on one split, each cached by all that decides it, in one leaderboard.

A run is a *probe* on vectors of an encoder, a *network* trained end to end, or the *prior*. Runs are told apart from
the best one by what is left of their difference under resampling of the test part; where folds are repeated, by the
corrected resampled t-test (C. Nadeau, Y. Bengio, *Inference for the Generalization Error*, 2003), for folds share their
training posters and a plain t-test would find differences everywhere.
"""

from __future__ import annotations

import io
import json
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from posterity.catalogue import Store
from posterity.catalogue.provenance import CONTENT, Reads, key
from posterity.catalogue.schema import Result
from posterity.catalogue.store import now
from posterity.embedding.pipeline import is_current
from posterity.encoders import ENCODERS, available
from posterity.errors import ArgumentError, PosterityError, SourceError, UnknownNameError
from posterity.learning.fitted import fitted_vectors
from posterity.learning.genres import groups_of, inner_folds
from posterity.learning.networks.config import config_for
from posterity.learning.results import damage_of
from posterity.learning.splits import Protocol, Split, make_split, protocol_named
from posterity.learning.splitting import folds
from posterity.learning.targets import YES
from posterity.numerics.linear.calibration import best_thresholds, calibrate
from posterity.numerics.linear.logistic import tune_logistic
from posterity.numerics.linear.scaling import Floats
from posterity.numerics.scores.classification import (
    Score,
    binary_figures,
    multilabel_figures,
    resamples,
    score,
    single_label_figures,
)
from posterity.runtime.filenames import escape
from posterity.runtime.memory import peak_memory
from posterity.runtime.progress import progress
from posterity.serialise import dumps

READS = Reads((CONTENT, "imdb_id", "tmdb_id", "collection"), code=2, packages=False)
"""What a run reads of its posters besides their labels: pictures and kin. ``code`` is raised when results computed
before would no longer be what is computed now."""

HEADS = ("prior", "probe", "network")
_SHOWN = {
    "genres": ("mAP", "auc", "f1_macro", "hit_at_3"),
    "first_genre": ("top_1", "top_3", "balanced_top_1", "balanced_top_3"),
    "classes": ("balanced_top_1", "top_1", "auc"),
    "success": ("auc", "accuracy", "balanced_accuracy"),
}


@dataclass(frozen=True)
class Run:
    """One cell of a matrix.

    Attributes:
        head: "prior", "probe" or "network".
        encoder: Of a probe: one, or several with "+" between.
        fit: How posters are brought to the encoder's or network's size; "" is its own way.
        balance: Of a probe: whether labels weigh alike.
        network: Of a network: its name.
        options: Of a network: what differs from its configuration, as (name, value).
        limit: Of a network: at most so many posters to learn from; 0 takes all.
        seed: Of the split's folds, weights and order.
    """

    head: str = "probe"
    encoder: str = ""
    fit: str = ""
    balance: bool = True
    network: str = ""
    options: tuple[tuple[str, Any], ...] = ()
    limit: int = 0
    seed: int = 0

    @property
    def method(self) -> str:
        """Its name on the leaderboard."""
        if self.head == "prior":
            return "prior"
        parts = [f"probe on {self.encoder}" if self.head == "probe" else self.network]
        parts += [self.fit] if self.fit else []
        parts += [] if self.balance else ["unweighted"]
        parts += [f"{name} {value}" for name, value in self.options if name != "epochs"]
        return ", ".join(parts)


@dataclass(frozen=True)
class Published:
    """A figure that somebody published: the method, the figure's name, its value, and what else was told."""

    method: str
    figure: str
    value: float
    note: str = ""


@dataclass(frozen=True)
class Experiment:
    """A declared experiment.

    Attributes:
        name: Its name.
        title: One line.
        protocol: How the split is made.
        figure: What the leaderboard is sorted by.
        runs: Its cells.
        slow: Cells that train networks: minutes to hours each on a processor.
        published: What others reported.
        differs: What differs here from what they did.
        n_folds: Cross-validate in so many folds instead of judging on a test part; 0 does not.
        repeats: How often, each time with other folds.
    """

    name: str
    title: str
    protocol: Protocol
    figure: str
    runs: tuple[Run, ...]
    slow: tuple[Run, ...] = ()
    published: tuple[Published, ...] = ()
    differs: str = ""
    n_folds: int = 0
    repeats: int = 1


@dataclass(frozen=True)
class Row:
    """A run on the leaderboard.

    Attributes:
        method: Its name.
        run: What was run.
        figures: Figure -> score.
        difference: Of the sorting figure, from the best run's; None of the best.
        p: Of that difference, two-sided; None of the best.
        seconds: That it took, encoding included where nothing was at hand.
        peak_memory: Of the process by then, in bytes; None where the system does not tell.
        parameters: That were learned.
        cached: Whether it was found rather than run.
        seeds: How many seeds its figures are the mean of.
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
    """What came of an experiment.

    Attributes:
        experiment: The experiment's name.
        title: Its line.
        task: What was learned.
        figure: What rows are sorted by, best first.
        shown: Figures worth a column.
        rows: The runs.
        failed: Method -> why it was not run.
        published: What others reported.
        differs: What differs here.
        n_train: Posters learned from.
        n_test: Posters judged by.
        judged: How: "test part" or "5 folds × 3".
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


# --- declaring ----------------------------------------------------------------------------------------------------


def presets() -> list[str]:
    """Name the experiments that come with Posterity."""
    folder = files("posterity.learning").joinpath("presets")
    return sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))


def load_experiment(name: str) -> Experiment:
    """Read an experiment: one that comes with Posterity, by name, or a TOML file.

    Raises:
        SourceError: The file cannot be read, or is no declaration of an experiment.
        UnknownNameError: There is none of that name.
    """
    if not name.endswith(".toml"):
        if name not in presets():
            raise UnknownNameError("experiment", name, presets())
        return parsed(name, files("posterity.learning").joinpath("presets", f"{name}.toml").read_text(encoding="utf-8"))
    try:
        text = Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f"{escape(name)} cannot be read: {error}", "Name a TOML file, or one of the presets."
        ) from error
    return parsed(Path(name).stem, text, escape(name))


def parsed(name: str, text: str, origin: str = "") -> Experiment:
    """Turn a TOML declaration into an experiment.

    Raises:
        SourceError: It is none; the message says what is wrong where.
    """
    origin = origin or name
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SourceError(f"{origin}: {error}", "It is TOML; see docs/learning.md.") from error
    allowed = {"title", "protocol", "figure", "matrix", "slow", "published", "differs", "n_folds", "repeats"}
    if wrong := set(told) - allowed:
        raise SourceError(f"{origin}: unknown key {min(wrong)!r}", f"Known: {', '.join(sorted(allowed))}.")
    try:
        protocol = _protocol(told.get("protocol", "genres"))
        figure = told.get("figure", _SHOWN[protocol.task][0])
        runs, slow = (tuple(_expanded(told.get(key, []))) for key in ("matrix", "slow"))
        if not runs and not slow:
            raise ArgumentError("it declares no run", "Write at least one [[matrix]].")
        published = tuple(Published(**each) for each in told.get("published", []))
        return Experiment(
            name, told.get("title", name), protocol, figure, runs, slow, published, told.get("differs", ""),
            int(told.get("n_folds", 0)), int(told.get("repeats", 1)),
        )  # fmt: skip
    except (TypeError, KeyError, PosterityError) as error:
        raise SourceError(f"{origin}: {error}", "See docs/learning.md for what can be declared.") from error


def _protocol(told: Any) -> Protocol:
    if isinstance(told, str):
        return protocol_named(told)
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in told.items()}
    return Protocol(**values)


def _expanded(tables: Sequence[Mapping[str, Any]]) -> Iterator[Run]:
    """Give every combination of each table's lists."""
    own = {item.name for item in fields(Run)} - {"options"}
    for table in tables:
        lists = {key: value if isinstance(value, list) else [value] for key, value in table.items()}
        if isinstance(table.get("size"), list):
            lists["size"] = [tuple(table["size"])]
        for cell in product(*lists.values()):
            values = dict(zip(lists, cell, strict=True))
            mine = {key: value for key, value in values.items() if key in own}
            rest = {key: value for key, value in values.items() if key not in own}
            run = Run(**mine, options=tuple(sorted(rest.items())))
            if run.head not in HEADS:
                raise UnknownNameError("head", run.head, HEADS)
            if run.head == "network":
                config_for(run.network, fit=run.fit or None, seed=run.seed, **rest)
            elif rest:
                raise UnknownNameError("key", min(rest), own)
            elif run.head == "probe" and not run.encoder:
                raise ArgumentError("a probe has no encoder", 'Name one: encoder = "poster".')
            yield run


# --- running ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Field:
    """What all runs of an experiment share."""

    store: Store
    experiment: Experiment
    split: Split
    ids: tuple[str, ...]
    groups: dict[str, int]
    show_progress: bool | None


def run_experiment(
    store: Store,
    experiment: Experiment,
    *,
    full: bool = False,
    limit: int = 0,
    epochs: int = 0,
    fresh: bool = False,
    show_progress: bool | None = None,
) -> Leaderboard:
    """Run what has not been run before, and make the leaderboard.

    Args:
        store: The catalogue; each result is kept in it as soon as it is there.
        experiment: What to run.
        full: Run the slow cells too.
        limit: Of networks: learn from at most so many posters.
        epochs: Of networks: at most so many epochs.
        fresh: Run again what was run before.
        show_progress: True and False force the bars; None shows them on a terminal.

    Raises:
        CatalogueError: The posters do not suffice.
        PosterityError: No run could be run; the message is the first's.
    """
    split = make_split(store, experiment.name, experiment.protocol, keep=False)
    ids = tuple(sorted(i for part in split.parts.values() for i in part))
    field_ = _Field(store, experiment, split, ids, groups_of(store, ids), show_progress)
    # One that is damaged counts as none, and is run again.
    known = {} if fresh else {kept.key: kept for kept in store.results() if kept.data and not damage_of(kept)}
    outcomes: list[tuple[Run, Result, bool]] = []
    failed: dict[str, str] = {}
    cells = [*experiment.runs, *(_smaller(run, limit, epochs) for run in experiment.slow if full)]
    with progress("Running", len(cells), show_progress) as bar:
        for run in cells:
            key = _key(field_, run)
            try:
                found = known.get(key)
                if found is None:
                    outcomes.append((run, _run(field_, run, key), False))
                else:
                    outcomes.append((run, found, True))
            except PosterityError as error:
                failed[run.method] = str(error)
            bar.update(1)
    if not outcomes:
        raise PosterityError(f"no run of {experiment.name!r} could be run", next(iter(failed.values()), ""))
    if not full:
        failed |= {run.method: "slow: run with --full" for run in experiment.slow}
    n_test = len(ids) if experiment.n_folds else len(split.test)
    n_train = len(ids) * (experiment.n_folds - 1) // experiment.n_folds if experiment.n_folds else len(ids) - n_test
    how = f"{experiment.n_folds} folds × {experiment.repeats}" if experiment.n_folds else "test part"
    return Leaderboard(
        experiment.name, experiment.title, split.targets.task, experiment.figure, _SHOWN[split.targets.task],
        tuple(_ranked(field_, outcomes)), failed, experiment.published, experiment.differs, n_train, n_test, how,
    )  # fmt: skip


def _smaller(run: Run, limit: int, epochs: int) -> Run:
    options = dict(run.options) | ({"epochs": epochs} if epochs else {})
    return replace(run, limit=limit or run.limit, options=tuple(sorted(options.items())))


def _key(field_: _Field, run: Run) -> str:
    experiment = field_.experiment
    encoders = {name: ENCODERS.get(name).spec.fingerprint for name in run.encoder.split("+") if name}
    if run.head == "network":
        encoders["weights"] = _starts_from(run)
    decides = [field_.split.fingerprint, experiment.n_folds, experiment.repeats, asdict(run)]
    return key(field_.store, READS, encoders=encoders, parameters=decides, ids=field_.ids)


def _starts_from(run: Run) -> str:
    """Tell by which pretrained weights a network begins, of those on this machine."""
    from posterity.encoders.networks.weights import digest
    from posterity.learning.networks.running import starting_weights

    found = starting_weights(run.network)
    return "" if found is None else digest(found)


def _run(field_: _Field, run: Run, key: str) -> Result:
    began = time.perf_counter()
    probabilities, claimed, parameters = _predicted(field_, run)
    seconds = time.perf_counter() - began
    out = io.BytesIO()
    np.savez_compressed(out, p=probabilities.astype(np.float32), claimed=np.packbits(claimed))
    cost = {"seconds": seconds, "peak_memory": peak_memory(), "parameters": parameters}
    spec = dumps(run)
    result = Result(key, field_.experiment.name, spec, dumps(cost), out.getvalue(), now())
    field_.store.put_result(result)
    return result


def _predicted(field_: _Field, run: Run) -> tuple[Floats, NDArray[np.bool_], int]:
    """Run: probabilities and claims of shape (repeats, n, l), and how many parameters were learned."""
    experiment, split = field_.experiment, field_.split
    if run.head == "network":
        return _by_network(field_, run)
    Y = split.targets.matrix(field_.ids)
    numbers = np.array([field_.groups[i] for i in field_.ids])
    X = None if run.head == "prior" else _vectors(field_, run)
    if not experiment.n_folds:
        place = {identity: row for row, identity in enumerate(field_.ids)}
        test = np.array([place[i] for i in split.test])
        train = np.setdiff1d(np.arange(len(Y)), test)
        p, claimed = _probe(X, Y, numbers, train, test, run, split.targets.single)
        return p[None], claimed[None], 0 if X is None else (X.shape[1] + 1) * Y.shape[1]
    every = np.zeros((experiment.repeats, *Y.shape))
    claims = np.zeros(every.shape, bool)
    for repeat in range(experiment.repeats):
        fold = _folds(field_, Y, numbers, repeat)
        for k in range(experiment.n_folds):
            test, train = np.flatnonzero(fold == k), np.flatnonzero(fold != k)
            every[repeat, test], claims[repeat, test] = _probe(X, Y, numbers, train, test, run, split.targets.single)
    return every, claims, 0 if X is None else (X.shape[1] + 1) * Y.shape[1]


def _folds(field_: _Field, Y: Floats, numbers: NDArray[np.int64], repeat: int) -> NDArray[np.int64]:
    return folds(Y, numbers, field_.experiment.n_folds, field_.experiment.protocol.seed + repeat)


def _probe(
    X: NDArray[np.float32] | None, Y: Floats, groups: NDArray[np.int64], train: NDArray[np.int64],
    test: NDArray[np.int64], run: Run, single: bool,
) -> tuple[Floats, NDArray[np.bool_]]:  # fmt: skip
    if X is None:
        p = np.tile(Y[train].mean(0), (len(test), 1))
        return p, p >= 0.5
    inner = inner_folds(Y[train], groups[train].tolist(), run.seed)
    tuned = tune_logistic(X[train], Y[train], inner, single=single, balance=run.balance)
    calibration = calibrate(tuned.logits, Y[train], single=single)
    thresholds = best_thresholds(calibration(tuned.logits), Y[train])
    p = calibration(tuned.model.logits(X[test]))
    return p, p >= thresholds


def _vectors(field_: _Field, run: Run) -> NDArray[np.float32]:
    """Give the vectors that a probe reads: the catalogue's own where they are as asked for, else others."""
    parts = []
    for name in run.encoder.split("+"):
        made_by = field_.store.artefact(f"vector_{name}")
        if not run.fit and made_by is not None and is_current(ENCODERS.get(name), made_by):
            ids, vectors = field_.store.vectors(name)
            place = {identity: row for row, identity in enumerate(ids)}
            if set(field_.ids) <= set(place):
                parts.append(vectors[[place[i] for i in field_.ids]])
                continue
        if not available(ENCODERS.get(name)):
            raise ArgumentError(
                f"the weights of {name!r} are not here", f"Once: posterity embed -c DIR --encoder {name} --weights FILE"
            )
        posters = field_.store.get(field_.ids)
        parts.append(fitted_vectors(
            field_.store, [posters[i] for i in field_.ids], name, run.fit, show_progress=field_.show_progress
        ))  # fmt: skip
    return np.hstack(parts)


def _by_network(field_: _Field, run: Run) -> tuple[Floats, NDArray[np.bool_], int]:
    from posterity.learning.networks.running import train_network

    if field_.experiment.n_folds:
        raise ArgumentError("networks are not cross-validated", "Judge them on a test part: n_folds = 0.")
    config = config_for(run.network, fit=run.fit or None, seed=run.seed, **dict(run.options))
    ran = train_network(
        field_.store,
        config,
        field_.split,
        limit=run.limit,
        keep=True,
        n_resamples=2,
        show_progress=field_.show_progress,
    )
    return ran.probabilities[None], ran.claimed[None], ran.report.parameters[1]


# --- judging ----------------------------------------------------------------------------------------------------


def _ranked(field_: _Field, outcomes: Sequence[tuple[Run, Result, bool]]) -> list[Row]:
    """Join the seeds of a method, score it, sort, and tell each from the best."""
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


def _per_fold(field_: _Field, p: Floats, Y: Floats, claimed: NDArray[np.bool_], prior: Floats) -> Floats:
    """Score each fold of each repeat by itself: (repeats · folds,)."""
    numbers = np.array([field_.groups[i] for i in field_.ids])
    found = []
    for repeat in range(len(p)):
        fold = _folds(field_, Y, numbers, repeat)
        for k in range(field_.experiment.n_folds):
            rows = fold == k
            one = np.ones((1, int(rows.sum())))
            figures = _figures(field_.split, p[repeat][rows], Y[rows], claimed[repeat][rows], one, prior)
            found.append(float(figures[field_.experiment.figure][0]))
    return np.array(found)


def corrected_t_test(differences: Floats, n_folds: int) -> float:
    """Compute the two-sided p of the corrected resampled t-test: the variance is raised by test / training size.

    Args:
        differences: (repeats · folds,) of two methods' scores on the same folds.
        n_folds: k; a fold tests 1 / k and trains on the rest.
    """
    n = len(differences)
    variance = float(differences.var(ddof=1)) if n > 1 else 0.0
    if variance == 0:
        return 1.0 if not differences.any() else 0.0
    statistic = float(differences.mean()) / np.sqrt((1 / n + 1 / (n_folds - 1)) * variance)
    return float(2 * student.sf(abs(statistic), n - 1))
