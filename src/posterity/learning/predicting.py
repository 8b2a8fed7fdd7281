"""What trained models say of a poster: in a file, or in the catalogue."""

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
    """A poster that a model learned from, and how much it speaks for a genre (above 0) or against it (below)."""

    id: str
    title: str
    weight: float


@dataclass(frozen=True)
class GenrePrediction:
    """A genre of a poster.

    Attributes:
        genre: Its name.
        probability: Calibrated.
        low: Lower end of the 95% interval: how unsure the model is for lack of posters to learn from.
        high: Upper end.
        prior: How common the genre is among the posters learned from.
        claimed: Whether the probability is above the genre's threshold, which is that of the best F1.
        speaking_for: Posters learned from that speak most for it.
        speaking_against: ... and most against.
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
        probability: Calibrated.
        low: Lower end.
        high: Upper end.
        base_rate: What share of the films learned from did.
        based_on: "poster", or "poster and metadata" where the catalogue knows the film.
    """

    probability: float
    low: float
    high: float
    base_rate: float
    based_on: str


@dataclass(frozen=True)
class Prediction:
    """What models say of a poster.

    Attributes:
        file: As it was given, with its content.
        id: Of the poster in the catalogue with the same content, or None.
        title: Of its film.
        actual: Its genres, where known.
        genres: The likeliest first.
        box_office: None where no model of it was trained.
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
    """Predict genres and, where a model of it was trained, box office of posters.

    Args:
        store: The catalogue with the models.
        files: Pictures, by path or as they are, or ids of posters of the catalogue.
        task: Of the genre model: "genres", "first_genre" or "classes".
        n_witnesses: How many posters for and against each explained genre.
        n_explained: How many genres are explained.

    Raises:
        CatalogueError: No model of genres was trained.
        ImageError: A file is no picture.
        SourceError: A file cannot be read.
    """
    train = f"posterity train genres -c {store.folder}"
    model = load_model(store, task, train)
    posters = {poster.id: poster for poster in store.posters()}
    learned = load_features(store, model.encoders)
    if lacking := {*model.ids} - {*learned.ids}:
        raise CatalogueError(
            f"{len(lacking)} posters that the model learned from have no vector",
            f"Run: posterity embed -c {store.folder}",
        )
    training = learned.rows(model.ids)
    money = store.artefact(PREFIX + "boxoffice") is not None
    by_content = {poster.sha256: poster for poster in posters.values()}
    found = []
    for file in files:
        poster, picture = look(file, posters, by_content)
        x = features_of_picture(model.encoders, picture)
        said = _said(model, poster, x)
        order = np.argsort(-said.probabilities[0], kind="stable")
        genres = tuple(
            _genre(model, said, int(j), posters, training, x, n_witnesses if rank < n_explained else 0, poster)
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


def _said(model: Model, poster: Poster | None, x: Rows) -> Predicted:
    """Predict a poster; one that was learned from, as models that had not seen it predict it."""
    said = model.predict(x[None])
    if poster is None or poster.id not in model.ids:
        return said
    held = model.held_out[model.ids.index(poster.id)][None]
    moved = held - said.probabilities
    return Predicted(held, np.clip(said.low + moved, 0, 1), np.clip(said.high + moved, 0, 1))


def look(
    file: str | os.PathLike[str] | Picture, posters: Mapping[str, Poster], by_content: Mapping[str, Poster]
) -> tuple[Poster | None, Picture]:
    """Read a picture, named by its file or by a poster's id, and tell which poster of the catalogue it is, if any.

    Args:
        file: The name, or the picture itself, which is never looked up by its name.
        posters: Of the catalogue, by id.
        by_content: The same by SHA-256.

    Raises:
        SourceError: It cannot be read.
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
    said: Predicted,
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
    p = float(said.probabilities[0, j])
    return GenrePrediction(
        model.names[j], p, float(said.low[0, j]), float(said.high[0, j]), float(model.prior[j]),
        p >= float(model.thresholds[j]), pro, contra,
    )  # fmt: skip


def _box_office(
    store: Store, posters: Mapping[str, Poster], poster: Poster | None, picture: Picture
) -> BoxOfficePrediction:
    train = f"posterity train boxoffice -c {store.folder}"
    model = load_model(store, "boxoffice", train)
    said = model.predict(features_of_picture(model.encoders, picture)[None])
    yes, based_on = model.names.index(YES), "poster"
    if poster is not None and poster.film.budget:
        both = load_model(store, "boxoffice_both", train)
        said = both.predict(both_columns(posters, both, [poster], said.probabilities[:, yes]))
        based_on = "poster and metadata"
    ends = (float(each[0, yes]) for each in (said.probabilities, said.low, said.high))
    p, low, high = ends
    return BoxOfficePrediction(p, low, high, float(model.prior[yes]), based_on)
