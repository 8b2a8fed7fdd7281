"""Running an experiment: each result is kept as soon as it exists, by everything that determines it, and reused."""

from __future__ import annotations

import io
import time
from dataclasses import asdict, replace

import numpy as np
from numpy.typing import NDArray

from posterity.catalogue import Store
from posterity.catalogue.provenance import CONTENT, Reads, key
from posterity.catalogue.schema import Result
from posterity.catalogue.store import now
from posterity.embedding.pipeline import is_current
from posterity.encoders import ENCODERS, available
from posterity.errors import ArgumentError, PosterityError
from posterity.learning.experiments.field import Field, folds_of
from posterity.learning.experiments.leaderboard import Leaderboard, ranked
from posterity.learning.experiments.spec import SHOWN, Experiment, Run
from posterity.learning.fitted import fitted_vectors
from posterity.learning.genres import groups_of, inner_folds
from posterity.learning.networks.config import config_for
from posterity.learning.results import damage_of
from posterity.learning.splits import make_split
from posterity.numerics.linear.calibration import best_thresholds, calibrate
from posterity.numerics.linear.logistic import tune_logistic
from posterity.numerics.linear.scaling import Floats
from posterity.runtime.memory import peak_memory
from posterity.runtime.progress import progress
from posterity.serialise import dumps

READS = Reads((CONTENT, "imdb_id", "tmdb_id", "collection"), code=2, packages=False)
"""What a run reads of its posters besides their labels: pictures and kin. ``code`` is raised whenever a code change
makes older results differ from new ones."""


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
    """Run every cell without a kept result, and make the leaderboard.

    Args:
        store: The catalogue; each result is kept in it as soon as it exists.
        experiment: The experiment to run.
        full: Run the slow cells too.
        limit: For networks: maximum number of training posters.
        epochs: For networks: maximum number of epochs.
        fresh: Ignore kept results and run every cell again.
        show_progress: True and False force the bars; None shows them on a terminal.

    Raises:
        CatalogueError: There are too few posters.
        PosterityError: Every run failed; the hint is the first failure.
    """
    split = make_split(store, experiment.name, experiment.protocol, keep=False)
    ids = tuple(sorted(i for part in split.parts.values() for i in part))
    field_ = Field(store, experiment, split, ids, groups_of(store, ids), show_progress)
    # A damaged result counts as missing, and is computed again.
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
        raise PosterityError(f"every run of {experiment.name!r} failed", next(iter(failed.values()), ""))
    if not full:
        failed |= {run.method: "slow: run with --full" for run in experiment.slow}
    n_test = len(ids) if experiment.n_folds else len(split.test)
    n_train = len(ids) * (experiment.n_folds - 1) // experiment.n_folds if experiment.n_folds else len(ids) - n_test
    how = f"{experiment.n_folds} folds × {experiment.repeats}" if experiment.n_folds else "test part"
    return Leaderboard(
        experiment.name, experiment.title, split.targets.task, experiment.figure, SHOWN[split.targets.task],
        tuple(ranked(field_, outcomes)), failed, experiment.published, experiment.differs, n_train, n_test, how,
    )  # fmt: skip


def _smaller(run: Run, limit: int, epochs: int) -> Run:
    options = dict(run.options) | ({"epochs": epochs} if epochs else {})
    return replace(run, limit=limit or run.limit, options=tuple(sorted(options.items())))


def _key(field_: Field, run: Run) -> str:
    experiment = field_.experiment
    encoders = {name: ENCODERS.get(name).spec.fingerprint for name in run.encoder.split("+") if name}
    if run.head == "network":
        encoders["weights"] = _starts_from(run)
    decides = [field_.split.fingerprint, experiment.n_folds, experiment.repeats, asdict(run)]
    return key(field_.store, READS, encoders=encoders, parameters=decides, ids=field_.ids)


def _starts_from(run: Run) -> str:
    """Identify the pretrained weights on this machine that a network starts from."""
    from posterity.encoders.networks.weights import digest
    from posterity.learning.networks.running import starting_weights

    found = starting_weights(run.network)
    return "" if found is None else digest(found)


def _run(field_: Field, run: Run, key: str) -> Result:
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


def _predicted(field_: Field, run: Run) -> tuple[Floats, NDArray[np.bool_], int]:
    """Run a cell: probabilities and predicted labels, each (repeats, n, l), and the number of trained parameters."""
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
        fold = folds_of(field_, Y, numbers, repeat)
        for k in range(experiment.n_folds):
            test, train = np.flatnonzero(fold == k), np.flatnonzero(fold != k)
            every[repeat, test], claims[repeat, test] = _probe(X, Y, numbers, train, test, run, split.targets.single)
    return every, claims, 0 if X is None else (X.shape[1] + 1) * Y.shape[1]


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


def _vectors(field_: Field, run: Run) -> NDArray[np.float32]:
    """Return the vectors that a probe reads: the catalogue's own if they have the requested fit, else others."""
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
                f"the weights of {name!r} are missing", f"Run: posterity embed -c DIR --encoder {name} --weights FILE"
            )
        posters = field_.store.get(field_.ids)
        parts.append(fitted_vectors(
            field_.store, [posters[i] for i in field_.ids], name, run.fit, show_progress=field_.show_progress
        ))  # fmt: skip
    return np.hstack(parts)


def _by_network(field_: Field, run: Run) -> tuple[Floats, NDArray[np.bool_], int]:
    from posterity.learning.networks.running import train_network

    if field_.experiment.n_folds:
        raise ArgumentError("networks are not cross-validated", "Use a test part: n_folds = 0.")
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
