"""The models of a catalogue that are current, with what they say of every poster, ready for many small questions.

One that is stale or damaged counts as none, and why is kept.
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
from posterity.learning.said import predictions
from posterity.learning.targets import YES

MODELS = ("genres", "boxoffice", "boxoffice_both")
"""The models that are asked about any poster."""


@dataclass(frozen=True)
class GenreView:
    """A predicted genre: calibrated probability, 95% interval, how common it is, and whether the model claims it."""

    genre: str
    probability: float
    low: float
    high: float
    prior: float
    claimed: bool


@dataclass(frozen=True)
class MoneyView:
    """The probability that a film earns more than it costs, with 95% interval and how often films do; and a warning."""

    probability: float
    low: float
    high: float
    base_rate: float
    based_on: str
    caveat: str


@dataclass(frozen=True)
class CurrentModel:
    """A model's answers for every poster it can read.

    Attributes:
        names: Its labels.
        prior: (l,) how common each label is among the posters learned from.
        thresholds: (l,) from which probability on it claims each label.
        place: Id -> row of the posters that have one.
        values: (n, l) probabilities.
        low: (n, l) lower ends of their intervals.
        high: (n, l) upper ends.
        scores: Of the model, as its report has them.
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
        """Give the numbers of the labels that the model claims for each poster."""
        claims = self.values >= self.thresholds
        return [np.flatnonzero(claims[self.place[name]]).tolist() if name in self.place else [] for name in ids]


def current_models(store: Store) -> tuple[dict[str, CurrentModel], dict[str, str]]:
    """Read the models that are current, by name; and of those that cannot be used, why."""
    found, refused = {}, {}
    kept = {artefact.name: artefact for artefact in store.artefacts()}
    for name in MODELS:
        artefact = kept.get(PREFIX + name)
        if artefact is None:
            continue
        try:
            model = load_model(store, name, "")
            ids, predicted = predictions(store, name, model)
            scores = json.loads(artefact.scores)
            if not isinstance(scores, dict):
                raise ValueError("they are not a table")
        except PosterityError as error:
            refused[name] = error.problem
            continue
        except ValueError:
            refused[name] = f"the scores of the model {name!r} are damaged"
            continue
        values, low, high = (
            each.astype(np.float32) for each in (predicted.probabilities, predicted.low, predicted.high)
        )
        place = {identity: row for row, identity in enumerate(ids)}
        found[name] = CurrentModel(list(model.names), model.prior, model.thresholds, place, values, low, high, scores)
    return found, refused


def genre_views(models: Mapping[str, CurrentModel], identity: str, k: int) -> list[GenreView]:
    """Give the k likeliest genres of a poster; none where no current model reads it."""
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
    """Give the box-office view of a poster, with what is known of its film where a model of both is current."""
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
    """Give the same two views of a poster that was predicted just now."""
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
    """Say how little a poster tells of money, by the scores of the model trained here."""
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
    """Say which models were not trained, or cannot be used and why, and how they are trained.

    Args:
        models: Those that are current.
        refused: Of the others, why.
        folder: What the catalogue is called in commands.
    """
    for name, what in (("genres", "genres"), ("boxoffice", "box office")):
        if name not in models:
            why = f": {refused[name]}" if name in refused else ""
            yield f"No current model of {what} is here{why}. Run: posterity train {name} -c {folder}"
    if "boxoffice" in models and "boxoffice_both" in refused:
        why = refused["boxoffice_both"]
        yield f"Box office is told from the poster alone: {why}. Run: posterity train boxoffice -c {folder}"
