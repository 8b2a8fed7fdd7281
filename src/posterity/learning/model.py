"""A trained probe with everything that prediction needs: kept in the catalogue as arrays and JSON, never a pickle."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posterity.catalogue import Store
from posterity.catalogue.provenance import CONTENT, Moment, Reads, artefact, current, key, read_by, vectors_read
from posterity.encoders import ENCODERS
from posterity.errors import CatalogueError, one_line
from posterity.numerics.linear.calibration import Calibration, best_thresholds, calibrate
from posterity.numerics.linear.logistic import Logistic, Tuned
from posterity.numerics.linear.scaling import Rows, Scaling
from posterity.numerics.linear.spread import Spread, contributions, residuals_of

Floats = NDArray[np.float64]

PREFIX = "model_"

_LABELS = {"success": ("budget", "revenue", "currency", "year", "release_date")}
_KIN = ("imdb_id", "tmdb_id", "collection")
_FIELDS = {
    "budget": ("budget", "currency", "year"), "year": ("year", "release_date"), "month": ("release_date",),
    "runtime": ("runtime",), "genres": ("genres",), "language": ("original_language",),
    "sequel": ("collection", "year", "release_date"),
}  # fmt: skip
"""The columns that labels, kinship and fields are taken from; see :mod:`posterity.learning.premises`."""
LIKELY = 1.96
"""Standard deviations to each side that contain 95%."""


class DamagedModelError(ValueError):
    """A stored model cannot be read, or is inconsistent."""


@dataclass(frozen=True)
class Predicted:
    """A model's predictions for rows: probabilities and the ends of their 95% intervals, each (n, l).

    The interval shows how uncertain the weights are for lack of training rows, not how films differ.
    """

    probabilities: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Model:
    """A trained probe.

    Attributes:
        task: The task it learned.
        names: (l,) names of the labels.
        encoders: Encoders whose vectors it reads, side by side.
        fingerprints: Fingerprints of those encoders.
        logistic: The regression.
        calibration: Turns its scores into probabilities.
        thresholds: (l,) the least probability at which a label is predicted, chosen for the highest out-of-fold F1.
        spread: The uncertainty of its scores.
        prior: (l,) each label's share of the training rows.
        ids: (n,) ids of the training posters.
        residuals: (n, l) residual of each training row.
        held_out: (n, l) calibrated out-of-fold probabilities.
        fields: Metadata fields that it reads, if any.
        judged: Ids of the posters that its figures were measured on.
    """

    task: str
    names: tuple[str, ...]
    encoders: tuple[str, ...]
    fingerprints: tuple[str, ...]
    logistic: Logistic
    calibration: Calibration
    thresholds: Floats
    spread: Spread
    prior: Floats
    ids: tuple[str, ...]
    residuals: Floats
    held_out: Floats
    fields: tuple[str, ...] = ()
    judged: tuple[str, ...] = ()

    @property
    def reads_of_films(self) -> tuple[str, ...]:
        """The metadata columns that it reads, besides its labels."""
        return tuple(dict.fromkeys(column for name in self.fields for column in _FIELDS[name]))

    def predict(self, X: Rows) -> Predicted:
        """Predict rows (n, d)."""
        logits, off = self.logistic.logits(X), LIKELY * self.spread.deviations(self.logistic, X)
        p = self.calibration(logits)
        if not self.logistic.single:
            return Predicted(p, self.calibration(logits - off), self.calibration(logits + off))
        low, high = p.copy(), p.copy()
        for j in range(p.shape[1]):  # move each label's score alone, leaving the others
            for moved, end in ((-off, low), (off, high)):
                changed = logits.copy()
                changed[:, j] += moved[:, j]
                end[:, j] = self.calibration(changed)[:, j]
        return Predicted(p, low, high)

    def speaking(
        self, X: Rows, query: Rows, label: int, k: int = 3, besides: str | None = None
    ) -> tuple[list[tuple[str, float]], ...]:
        """Find the training posters that speak most for a label of a query, and most against it.

        Args:
            X: (n, d), the training rows.
            query: (d,).
            label: Number of the label.
            k: Number of posters on each side.
            besides: An id to leave out: the query's own.

        Returns:
            Two lists of (id, contribution to the score), the largest first.
        """
        parts = contributions(self.logistic, self.residuals, X, query)[:, label]
        if besides in self.ids:
            parts[self.ids.index(besides)] = 0
        order = np.argsort(parts, kind="stable")
        against = [(self.ids[i], float(parts[i])) for i in order[:k].tolist() if parts[i] < 0]
        return [(self.ids[i], float(parts[i])) for i in order[::-1][:k].tolist() if parts[i] > 0], against


def fit_model(
    task: str,
    names: Sequence[str],
    encoders: Sequence[str],
    fingerprints: Sequence[str],
    ids: Sequence[str],
    X: Rows,
    Y: Floats,
    tuned: Tuned,
    *,
    balance: bool = False,
    fields: Sequence[str] = (),
) -> Model:
    """Join a tuned probe with its calibration, its thresholds and the data to explain it.

    Args:
        task: The task learned.
        names: (l,) names of the labels.
        encoders: Encoders of the vectors in ``X``.
        fingerprints: Fingerprints of those encoders.
        ids: (n,) ids of the rows.
        X: (n, d) inputs.
        Y: (n, l) of 0 and 1.
        tuned: The probe, tuned on ``X`` and ``Y``.
        balance: Whether labels were weighted.
        fields: Metadata fields in ``X``.
    """
    single = tuned.model.single
    calibration = calibrate(tuned.logits, Y, single=single)
    held_out = calibration(tuned.logits)
    residuals = residuals_of(tuned.model, X, Y, balance=balance)
    return Model(
        task, tuple(names), tuple(encoders), tuple(fingerprints), tuned.model, calibration,
        best_thresholds(held_out, Y), Spread.of(tuned.model, X), Y.mean(0), tuple(ids), residuals, held_out,
        tuple(fields),
    )  # fmt: skip


def to_bytes(model: Model) -> bytes:
    """Write a model as ``.npz``: arrays, and the rest as JSON in one of them."""
    words = {
        "task": model.task, "names": model.names, "encoders": model.encoders, "fingerprints": model.fingerprints,
        "ids": model.ids, "strength": model.logistic.strength, "single": model.logistic.single, "n": model.spread.n,
        "fields": model.fields, "judged": model.judged,
    }  # fmt: skip
    arrays = {
        "words": np.frombuffer(json.dumps(words).encode(), np.uint8),
        "mean": model.logistic.scaling.mean, "deviation": model.logistic.scaling.deviation,
        "weights": model.logistic.weights, "intercept": model.logistic.intercept,
        "slope": model.calibration.slope, "offset": model.calibration.offset, "thresholds": model.thresholds,
        "basis": model.spread.basis, "values": model.spread.values, "curvature": model.spread.curvature,
        "prior": model.prior, "residuals": model.residuals.astype(np.float32),
        "held_out": model.held_out.astype(np.float32),
    }  # fmt: skip
    out = io.BytesIO()
    np.savez(out, **arrays)  # type: ignore[arg-type]
    return out.getvalue()


def from_bytes(data: bytes) -> Model:
    """Read what :func:`to_bytes` wrote.

    Raises:
        DamagedModelError: The bytes are truncated or corrupt, or their contents are inconsistent.
    """
    try:
        model = _unpacked(_arrays(data))
    except KeyError as error:
        raise DamagedModelError(f"{error} is missing") from error
    except (
        ValueError,
        TypeError,
        AttributeError,
        EOFError,
        OSError,
        RuntimeError,
        MemoryError,
        zipfile.BadZipFile,
    ) as error:
        raise DamagedModelError(one_line(error)) from error
    if misfit := _misfit(model):
        raise DamagedModelError(misfit)
    return model


def _arrays(data: bytes) -> dict[str, NDArray[Any]]:
    """Read the arrays after checking their checksums: a false header could demand any amount of memory."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
            raise DamagedModelError("its arrays are compressed, which Posterity never writes")
        if (wrong := archive.testzip()) is not None:
            raise DamagedModelError(f"the checksum of {wrong!r} is wrong")
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _misfit(model: Model) -> str:
    """Describe what in a model does not match its labels and posters; empty if everything does."""
    n, n_labels, d = len(model.ids), len(model.names), len(model.logistic.scaling.mean)
    k = len(model.spread.values)
    shapes: dict[str, tuple[NDArray[Any], tuple[int, ...]]] = {
        "deviation": (model.logistic.scaling.deviation, (d,)), "weights": (model.logistic.weights, (d, n_labels)),
        "intercept": (model.logistic.intercept, (n_labels,)), "offset": (model.calibration.offset, (n_labels,)),
        "thresholds": (model.thresholds, (n_labels,)), "prior": (model.prior, (n_labels,)),
        "basis": (model.spread.basis, (d, k)), "curvature": (model.spread.curvature, (n_labels,)),
        "residuals": (model.residuals, (n, n_labels)), "held_out": (model.held_out, (n, n_labels)),
    }  # fmt: skip
    for name, (array, shape) in shapes.items():
        if array.shape != shape:
            return f"its {name} have the shape {array.shape} instead of {shape}"
    numbers: dict[str, NDArray[Any]] = {name: array for name, (array, _) in shapes.items()} | {
        "mean": model.logistic.scaling.mean, "values": model.spread.values, "slope": model.calibration.slope,
    }  # fmt: skip
    for name, array in numbers.items():
        # Thresholds may be infinite, for a label that is never predicted.
        if array.dtype.kind != "f" or np.isnan(array).any() or (name != "thresholds" and np.isinf(array).any()):
            return f"its {name} are not all numbers"
    if unknown := {*model.fields} - {*_FIELDS}:
        return f"it reads fields that are unknown here: {', '.join(sorted(unknown))}"
    return "" if len(model.encoders) == len(model.fingerprints) else "its encoders and their fingerprints do not match"


def _unpacked(a: dict[str, NDArray[Any]]) -> Model:
    words = json.loads(a["words"].tobytes())
    logistic = Logistic(
        Scaling(a["mean"], a["deviation"]), a["weights"], a["intercept"], words["strength"], words["single"]
    )
    return Model(
        words["task"], tuple(words["names"]), tuple(words["encoders"]), tuple(words["fingerprints"]), logistic,
        Calibration(a["slope"], a["offset"], words["single"]), a["thresholds"],
        Spread(a["basis"], a["values"], a["curvature"], words["strength"], words["n"]), a["prior"],
        tuple(words["ids"]), a["residuals"].astype(np.float64), a["held_out"].astype(np.float64),
        tuple(words["fields"]), tuple(words.get("judged", ())),
    )  # fmt: skip


def before_learning(store: Store, encoders: Sequence[str]) -> Moment:
    """Record what a model's keys are made of before reading it, so that changes during training are noticed."""
    columns = (CONTENT, *_KIN, "genres", *chain(*_LABELS.values(), *_FIELDS.values()))
    return Moment(store, columns, encoders)


def model_key(store: Store | Moment, model: Model) -> str:
    """Return a model's key, from the labels, kinship and pictures of its training and test posters."""
    columns = (CONTENT, *_LABELS.get(model.task, ("genres",)), *_KIN, *model.reads_of_films)
    reads = Reads(tuple(dict.fromkeys(columns)), packages=False)
    made_by = dict(zip(model.encoders, model.fingerprints, strict=True))
    asked = [model.task, model.names, model.fields]
    return key(store, reads, encoders=made_by, parameters=asked, ids=(*model.ids, *model.judged))


def predictions_key(store: Store | Moment, model: Model, encoders: Sequence[str]) -> str:
    """Return the key of a model's predictions for all posters that have vectors of the given encoders."""
    reads = Reads((CONTENT, *model.reads_of_films), packages=False)
    return key(store, reads, encoders=vectors_read(store, encoders), parameters=model_key(store, model))


def predict_posters(model: Model, ids: Sequence[str], X: Rows) -> Predicted:
    """Predict posters; training posters get their out-of-fold prediction.

    Args:
        model: The model.
        ids: (n,) posters to predict.
        X: (n, d) their inputs.
    """
    predicted = model.predict(X)
    values, low, high = predicted.probabilities.copy(), predicted.low.copy(), predicted.high.copy()
    place = {identity: row for row, identity in enumerate(model.ids)}
    for row, identity in enumerate(ids):
        if identity in place:
            old, values[row] = values[row].copy(), model.held_out[place[identity]]
            low[row], high[row] = (
                np.clip(low[row] + values[row] - old, 0, 1),
                np.clip(high[row] + values[row] - old, 0, 1),
            )
    return Predicted(values, low, high)


def keep_model(
    store: Store,
    name: str,
    model: Model,
    ids: Sequence[str],
    X: Rows,
    report: object,
    encoders: Sequence[str],
    before: Moment,
) -> None:
    """Keep a model in a catalogue, with its predictions for every poster.

    Args:
        store: The catalogue.
        name: The model's name.
        model: The model.
        ids: (n,) posters to predict.
        X: (n, d) their inputs.
        report: Its scores, as JSON values.
        encoders: Encoders whose vectors ``X`` depends on.
        before: The state that :func:`before_learning` recorded.
    """
    predicted = predict_posters(model, ids, X)
    parameters = {
        "task": model.task, "names": model.names, "strength": model.logistic.strength,
        "predicted": predictions_key(before, model, encoders),
    }  # fmt: skip
    made_by = dict(zip(model.encoders, model.fingerprints, strict=True))
    made = artefact(
        store, PREFIX + name, "model", model_key(before, model), encoders=made_by, parameters=parameters, scores=report
    )
    store.put_model(made, to_bytes(model), ids, predicted.probabilities, predicted.low, predicted.high)


def load_model(store: Store, name: str, train: str) -> Model:
    """Read a model.

    Args:
        store: The catalogue.
        name: The model's name.
        train: The command that trains it, for messages.

    Raises:
        CatalogueError: There is no such model, it is damaged, it reads vectors from another version of an encoder, or
            its training data have changed: posters, their pictures, or the metadata of their films.
    """
    again = f"Run: {train}"
    kept = store.artefact(PREFIX + name)
    if kept is None:
        raise CatalogueError(f"catalogue {store.folder} has no model {name!r}", again)
    try:
        model = from_bytes(store.model(PREFIX + name))
    except DamagedModelError as error:
        raise CatalogueError(f"the model {name!r} is damaged: {error}", again) from error
    if tuple(ENCODERS.get(e).spec.fingerprint for e in model.encoders) != model.fingerprints:
        raise CatalogueError(
            f"the model {name!r} reads vectors of another version of {', '.join(model.encoders)}", again
        )
    if not current(store, kept, model_key(store, model)):
        if read_by(kept) is None:
            raise CatalogueError(
                f"the model {name!r} was trained by an older Posterity, which did not record its training data",
                again,
            )
        gone = {*model.ids} - {*store.read([])["id"].to_pylist()}
        what = "have left the catalogue" if gone else "have changed since, or what is known of their films has"
        raise CatalogueError(f"posters that the model {name!r} learned from {what}", again)
    return model
