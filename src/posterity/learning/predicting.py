"""Predictions of trained models for a poster in a file or in the catalogue."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posterity.catalogue import Poster, Store
from posterity.catalogue.pictures import Shown
from posterity.embedding.picture import Picture
from posterity.errors import CatalogueError, SourceError
from posterity.learning.boxoffice import both_columns
from posterity.learning.features import features_of_picture, load_features
from posterity.learning.model import PREFIX, Model, Predicted, load_model
from posterity.learning.targets import YES
from posterity.numerics.linear.scaling import Rows
from posterity.runtime.filenames import escape
from posterity.runtime.storage import read_bytes

GENRE_TASKS = ("genres", "first_genre", "classes")


@dataclass(frozen=True)
class Witness:
    """A training poster, and how much it speaks for a genre (above 0) or against it (below 0)."""

    id: str
    title: str
    weight: float


@dataclass(frozen=True)
class GenrePrediction:
    """A predicted genre of a poster.

    Attributes:
        genre: Its name.
        probability: Calibrated probability.
        low: Lower end of the 95% interval: how uncertain the model is for lack of training posters.
        high: Upper end of the interval.
        prior: The genre's share of the training posters.
        claimed: Whether the probability reaches the genre's threshold, which gives the best F1.
        speaking_for: Training posters that speak most for the genre.
        speaking_against: Training posters that speak most against it.
    """

    genre: str
    probability: float
    low: float
    high: float
    prior: float
    claimed: bool
    speaking_for: tuple[Witness, ...]
    speaking_against: tuple[Witness, ...]


@dataclass(frozen=True)
class BoxOfficePrediction:
    """The probability that a film earns more than it costs, with its 95% interval.

    Attributes:
        probability: Calibrated probability.
        low: Lower end of the interval.
        high: Upper end of the interval.
        base_rate: Share of successes among the training films.
        based_on: "poster", or "poster and metadata" if the catalogue has the film's budget.
    """

    probability: float
    low: float
    high: float
    base_rate: float
    based_on: str


@dataclass(frozen=True)
class Prediction:
    """The models' predictions for a poster.

    Attributes:
        file: The file as given, with its content.
        id: Id of the poster in the catalogue with the same content, or None.
        title: Title of its film, if known.
        actual: Genres of its film, if known.
        genres: Predicted genres, the likeliest first.
        box_office: The box-office prediction; None if no such model was trained.
    """

    file: Shown
    id: str | None
    title: str | None
    actual: tuple[str, ...]
    genres: tuple[GenrePrediction, ...]
    box_office: BoxOfficePrediction | None


def predict(
    store: Store,
    files: Sequence[str | os.PathLike[str] | Picture],
    *,
    task: str = "genres",
    n_witnesses: int = 3,
    n_explained: int = 3,
) -> list[Prediction]:
    """Predict genres and, if a model was trained, box office of posters.

    Args:
        store: The catalogue with the models.
        files: Paths of pictures, pictures, or ids of posters in the catalogue.
        task: Task of the genre model: "genres", "first_genre" or "classes".
        n_witnesses: Number of posters for and against each explained genre.
        n_explained: Number of genres to explain.

    Raises:
        CatalogueError: No genre model was trained.
        ImageError: A file is not a picture.
        SourceError: A file cannot be read.
    """
    train = f"posterity train genres -c {store.folder}"
    model = load_model(store, task, train)
    posters = {poster.id: poster for poster in store.posters()}
    learned = load_features(store, model.encoders)
    if lacking := {*model.ids} - {*learned.ids}:
        raise CatalogueError(
            f"{len(lacking)} training posters of the model have no vector",
            f"Run: posterity embed -c {store.folder}",
        )
    training = learned.rows(model.ids)
    money = store.artefact(PREFIX + "boxoffice") is not None
    by_content = {poster.sha256: poster for poster in posters.values()}
    found = []
    for file in files:
        poster, picture = look(file, posters, by_content)
        x = features_of_picture(model.encoders, picture)
        predicted = _predict_poster(model, poster, x)
        order = np.argsort(-predicted.probabilities[0], kind="stable")
        genres = tuple(
            _genre(model, predicted, int(j), posters, training, x, n_witnesses if rank < n_explained else 0, poster)
            for rank, j in enumerate(order)
        )
        found.append(
            Prediction(
                file=Shown(picture.name, picture.data),
                id=poster.id if poster else None,
                title=poster.film.title if poster else None,
                actual=poster.film.genres if poster else (),
                genres=genres,
                box_office=_box_office(store, posters, poster, picture) if money else None,
            )
        )
    return found


def _predict_poster(model: Model, poster: Poster | None, x: Rows) -> Predicted:
    """Predict a poster; a training poster gets its out-of-fold prediction."""
    predicted = model.predict(x[None])
    if poster is None or poster.id not in model.ids:
        return predicted
    held = model.held_out[model.ids.index(poster.id)][None]
    moved = held - predicted.probabilities
    return Predicted(held, np.clip(predicted.low + moved, 0, 1), np.clip(predicted.high + moved, 0, 1))


def look(
    file: str | os.PathLike[str] | Picture, posters: Mapping[str, Poster], by_content: Mapping[str, Poster]
) -> tuple[Poster | None, Picture]:
    """Read a picture, named by its file or by a poster's id, and find its poster in the catalogue, if any.

    Args:
        file: The name, or the picture itself, whose name is never looked up.
        posters: The catalogue's posters by id.
        by_content: The same posters by SHA-256.

    Raises:
        SourceError: The picture cannot be read.
    """
    if isinstance(file, Shown):
        file = Picture(str(file), file.data)
    if isinstance(file, Picture):
        return by_content.get(file.sha256), file
    name = os.fspath(file)
    path, poster = Path(name), None
    if name in posters and not path.exists():
        poster = posters[name]
    try:
        data = path.read_bytes() if poster is None else read_bytes(poster.source, poster.path)
    except OSError as error:
        raise SourceError(
            f"{escape(name)} cannot be read: {error.strerror or error}", "Name a picture, or a poster's id."
        ) from error
    picture = Picture(name, data)
    return posters.get(name) or by_content.get(picture.sha256), picture


def _genre(
    model: Model,
    predicted: Predicted,
    j: int,
    posters: Mapping[str, Poster],
    training: Rows,
    x: Rows,
    k: int,
    own: Poster | None,
) -> GenrePrediction:
    besides = own.id if own else None
    speaking: tuple[list[tuple[str, float]], ...] = model.speaking(training, x, j, k, besides) if k else ([], [])
    pro, contra = (
        tuple(Witness(i, posters[i].film.title or i, weight) for i, weight in side if i in posters) for side in speaking
    )
    p = float(predicted.probabilities[0, j])
    return GenrePrediction(
        model.names[j], p, float(predicted.low[0, j]), float(predicted.high[0, j]), float(model.prior[j]),
        p >= float(model.thresholds[j]), pro, contra,
    )  # fmt: skip


def _box_office(
    store: Store, posters: Mapping[str, Poster], poster: Poster | None, picture: Picture
) -> BoxOfficePrediction:
    train = f"posterity train boxoffice -c {store.folder}"
    model = load_model(store, "boxoffice", train)
    predicted = model.predict(features_of_picture(model.encoders, picture)[None])
    yes, based_on = model.names.index(YES), "poster"
    if poster is not None and poster.film.budget:
        both = load_model(store, "boxoffice_both", train)
        predicted = both.predict(both_columns(posters, both, [poster], predicted.probabilities[:, yes]))
        based_on = "poster and metadata"
    ends = (float(each[0, yes]) for each in (predicted.probabilities, predicted.low, predicted.high))
    p, low, high = ends
    return BoxOfficePrediction(p, low, high, float(model.prior[yes]), based_on)
