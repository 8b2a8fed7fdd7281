"""The current models of a catalogue with their predictions for every poster, held ready for many small queries.

A stale or damaged model is left out, and the reason kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posterity.catalogue import Store
from posterity.errors import PosterityError
from posterity.learning.model import PREFIX, load_model
from posterity.learning.predicting import Prediction
from posterity.learning.predictions import predictions
from posterity.learning.targets import YES

MODELS = ("genres", "boxoffice", "boxoffice_both")
"""The models that are queried for any poster."""


@dataclass(frozen=True)
class GenreView:
    """A predicted genre: calibrated probability, 95% interval, base rate, and whether it reaches the threshold."""

    genre: str
    probability: float
    low: float
    high: float
    prior: float
    claimed: bool


@dataclass(frozen=True)
class MoneyView:
    """The probability that a film earns more than it costs, with 95% interval, the base rate and a warning."""

    probability: float
    low: float
    high: float
    base_rate: float
    based_on: str
    caveat: str


@dataclass(frozen=True)
class CurrentModel:
    """A model's predictions for every poster it can read.

    Attributes:
        names: (l,) its labels.
        prior: (l,) each label's share of the training posters.
        thresholds: (l,) the least probability at which each label is predicted.
        place: Poster id -> row.
        values: (n, l) probabilities.
        low: (n, l) lower ends of their intervals.
        high: (n, l) upper ends.
        scores: The model's scores, as in its report.
    """

    names: list[str]
    prior: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    place: dict[str, int]
    values: NDArray[np.float32]
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    scores: dict[str, Any]

    def claimed(self, ids: Sequence[str]) -> list[list[int]]:
        """Return the label numbers predicted for each poster."""
        claims = self.values >= self.thresholds
        return [np.flatnonzero(claims[self.place[name]]).tolist() if name in self.place else [] for name in ids]


def current_models(store: Store) -> tuple[dict[str, CurrentModel], dict[str, str]]:
    """Read the current models, by name, and the reason for each model that cannot be used."""
    found, refused = {}, {}
    kept = {artefact.name: artefact for artefact in store.artefacts()}
    for name in MODELS:
        artefact = kept.get(PREFIX + name)
        if artefact is None:
            continue
        try:
            model = load_model(store, name, "")
            ids, predicted = predictions(store, name, model)
        except PosterityError as error:
            refused[name] = error.problem
            continue
        values, low, high = (
            each.astype(np.float32) for each in (predicted.probabilities, predicted.low, predicted.high)
        )
        place = {identity: row for row, identity in enumerate(ids)}
        scores = json.loads(artefact.scores)
        found[name] = CurrentModel(list(model.names), model.prior, model.thresholds, place, values, low, high, scores)
    return found, refused


def genre_views(models: Mapping[str, CurrentModel], identity: str, k: int) -> list[GenreView]:
    """Return the k likeliest genres of a poster; none if no current model can read it."""
    model = models.get("genres")
    row = model.place.get(identity) if model else None
    if model is None or row is None:
        return []
    order = np.argsort(-model.values[row], kind="stable")[:k]
    return [
        GenreView(
            model.names[j], float(model.values[row, j]), float(model.low[row, j]), float(model.high[row, j]),
            float(model.prior[j]), bool(model.values[row, j] >= model.thresholds[j]),
        )
        for j in order.tolist()
    ]  # fmt: skip


def money_view(models: Mapping[str, CurrentModel], identity: str) -> MoneyView | None:
    """Return the box-office prediction for a poster, from poster and metadata if a model of both is current."""
    for name, based_on in (("boxoffice_both", "poster and metadata"), ("boxoffice", "poster")):
        model = models.get(name)
        row = model.place.get(identity) if model else None
        if model is not None and row is not None:
            yes = model.names.index(YES) if YES in model.names else 0
            value, low, high = (float(each[row, yes]) for each in (model.values, model.low, model.high))
            return MoneyView(value, low, high, float(model.prior[yes]), based_on, caveat(models))
    return None


def views_of(
    predicted: Prediction, models: Mapping[str, CurrentModel], k: int
) -> tuple[list[GenreView], MoneyView | None]:
    """Return the likeliest genres and the box-office prediction of a poster that was predicted just now."""
    genres = [
        GenreView(each.genre, each.probability, each.low, each.high, each.prior, each.claimed)
        for each in predicted.genres[:k]
    ]
    money = predicted.box_office
    if money is None:
        return genres, None
    return genres, MoneyView(
        money.probability, money.low, money.high, money.base_rate, money.based_on, caveat(models)
    )  # fmt: skip


def caveat(models: Mapping[str, CurrentModel]) -> str:
    """Warn how little a poster tells about revenue, from the scores of the model trained here."""
    model = models.get("boxoffice")
    scores = model.scores.get("poster", {}) if model else {}
    if not scores:
        return "No score of this model is known; take it as a guess."
    auc = scores["auc"]
    how = "no better than a coin" if auc < 0.53 else "hardly better than a coin" if auc < 0.6 else "a little"
    return (
        f"On films it had not seen, the poster alone told successes from the rest {how} (AUC {auc:.2f}; .50 is "
        "chance). Success here means to earn more than it cost, which most films that state both do."
    )


def model_notes(models: Mapping[str, CurrentModel], refused: Mapping[str, str], folder: str) -> Iterator[str]:
    """List the models that were not trained or cannot be used, with the reason and the command to train them.

    Args:
        models: The current models.
        refused: Model name -> why it cannot be used.
        folder: The catalogue's folder, as written in commands.
    """
    for name, what in (("genres", "genres"), ("boxoffice", "box office")):
        if name not in models:
            why = f": {refused[name]}" if name in refused else ""
            yield f"No current model of {what} is here{why}. Run: posterity train {name} -c {folder}"
    if "boxoffice" in models and "boxoffice_both" in refused:
        why = refused["boxoffice_both"]
        yield f"Box office is told from the poster alone: {why}. Run: posterity train boxoffice -c {folder}"
