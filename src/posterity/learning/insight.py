"""Findings beyond predictions: disguised posters, colours by genre and decade, and the regions a prediction relies on.

- *Disguised* posters look like other genres than their film's: given the poster, their genres are far less
  likely than their base rates. The probabilities come from models that had not seen the poster.
- *Colours*: brightness (CIELAB L*), colourfulness (chroma) and warmth (b*) of genres and decades, with effect sizes.
- *Occlusion*: if covering a region lowers a prediction, the prediction relies on it (M. D. Zeiler, R. Fergus,
  *Visualizing and Understanding Convolutional Networks*, 2014).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from posterity.catalogue import Store
from posterity.catalogue.pictures import picture_of
from posterity.encoders import ENCODERS
from posterity.errors import ArgumentError, CatalogueError
from posterity.images import decode, fit, shrink, tier
from posterity.learning.genres import groups_of
from posterity.learning.model import Model, load_model
from posterity.learning.predictions import predictions
from posterity.learning.targets import ENOUGH
from posterity.numerics.scores.classification import Score, resamples, score
from posterity.runtime.parallel import chunked, n_workers, ordered_map
from posterity.runtime.progress import progress

Floats = NDArray[np.float64]
GRID = (9, 6)
"""Rows and columns of the regions to cover."""

MEASURES = ("brightness", "colourfulness", "warmth")


# --- disguised posters -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Disguised:
    """A poster whose look contradicts its film's genres.

    Attributes:
        id: The poster's id.
        title: Title of its film.
        year: Year of its film.
        genres: Genres of its film.
        looks_like: The genres that its look supports most, with their probabilities.
        hidden: The film's genre that its look contradicts most, with its probability.
        score: How much less likely its genres are given the look than by their base rates, in nats.
    """

    id: str
    title: str
    year: int | None
    genres: tuple[str, ...]
    looks_like: tuple[tuple[str, float], ...]
    hidden: tuple[str, float]
    score: float


def contradiction(probabilities: Floats, labels: NDArray[np.bool_], prior: Floats) -> Floats:
    """Measure how much looks contradict labels: (n,) nats, above 0 if labels are less likely than their base rates.

    Σ_l log p(y_l | how common l is) − log p(y_l | look): labels are treated as independent, as they are predicted.

    Args:
        probabilities: (n, l), from models that had not seen the row.
        labels: (n, l) whether each row has each label.
        prior: (l,) base rate of each label.
    """
    p, base = np.clip(probabilities, 1e-4, 1 - 1e-4), np.clip(prior, 1e-4, 1 - 1e-4)
    seen = np.where(labels, np.log(p), np.log1p(-p))
    unseen = np.where(labels, np.log(base), np.log1p(-base))
    return np.asarray((unseen - seen).sum(1))


def disguised(store: Store, k: int = 40, genre: str | None = None) -> list[Disguised]:
    """Find the posters whose look contradicts their genres most.

    Args:
        store: The catalogue, with a trained genre model.
        k: Maximum number of posters.
        genre: Only films of this genre.

    Raises:
        ArgumentError: The model does not have that genre.
        CatalogueError: No genre model was trained.
    """
    model = load_model(store, "genres", f"posterity train genres -c {store.folder}")
    ids, stored = predictions(store, "genres", model)
    predicted = stored.probabilities
    posters = store.get(ids)
    if genre is not None and genre not in model.names:
        raise ArgumentError(f"the model has no genre {genre!r}", f"Use one of {', '.join(model.names)}.")
    known = set(model.names)
    rows = [
        row
        for row, i in enumerate(ids)
        if i in posters and known & set(posters[i].film.genres) and (genre is None or genre in posters[i].film.genres)
    ]
    if not rows:
        return []
    labels = np.array([[name in posters[ids[row]].film.genres for name in model.names] for row in rows], bool)
    p = predicted[rows].astype(np.float64).reshape(-1, len(model.names))
    scores = contradiction(p, labels.reshape(p.shape), model.prior)
    found = []
    lift = np.log(np.clip(p, 1e-4, 1)) - np.log(np.clip(model.prior, 1e-4, 1))
    for at in np.argsort(-scores, kind="stable")[:k].tolist():
        poster, own = posters[ids[rows[at]]], labels[at]
        other = np.flatnonzero(~own)
        looks = other[np.argsort(-(p[at, other] * np.maximum(lift[at, other], 0)), kind="stable")][:2]
        hidden = int(np.where(own, lift[at], np.inf).argmin())
        found.append(
            Disguised(
                id=poster.id,
                title=poster.film.title or poster.id,
                year=poster.film.year,
                genres=poster.film.genres,
                looks_like=tuple((model.names[j], float(p[at, j])) for j in looks.tolist()),
                hidden=(model.names[hidden], float(p[at, hidden])),
                score=float(scores[at]),
            )
        )
    return found


# --- colours by genre and decade -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shade:
    """How the posters of a genre or decade differ from the others.

    Attributes:
        name: The genre, or the decade such as "1980s".
        measure: One of :data:`MEASURES`.
        posters: Number of posters.
        mean: Mean in CIELAB units, 0 to 100 for brightness.
        others: Mean of the other posters.
        effect: Cohen's d: the difference in standard deviations; .2 is small, .5 medium, .8 large (J. Cohen,
            *Statistical Power Analysis for the Behavioral Sciences*, 1988).
    """

    name: str
    measure: str
    posters: int
    mean: float
    others: float
    effect: Score


@dataclass(frozen=True)
class ColourReport:
    """Brightness and colour of a collection.

    Attributes:
        posters: Number of posters measured.
        genres: Each genre with enough posters, against all others.
        genres_by_decade: Decade such as "1980s" -> each genre, against the others of that decade.
        decades: Each decade, against all others.
        claim: A sentence on whether horror is darker and comedy brighter.
        horror_against_comedy: Cohen's d of brightness, negative if horror is darker; None if either lacks posters.
        within_decades: The same, with each decade's mean taken out.
    """

    posters: int
    genres: tuple[Shade, ...]
    genres_by_decade: Mapping[str, tuple[Shade, ...]]
    decades: tuple[Shade, ...]
    claim: str
    horror_against_comedy: Score | None
    within_decades: Score | None


def measure_colours(pictures: Sequence[NDArray[np.uint8]]) -> Floats:
    """Measure pictures: (n, 3) mean CIELAB L*, mean chroma and mean b*."""
    rows = []
    for picture in pictures:
        lab = cv2.cvtColor((picture / np.float32(255)).astype(np.float32), cv2.COLOR_RGB2LAB).reshape(-1, 3)
        rows.append((lab[:, 0].mean(), np.hypot(lab[:, 1], lab[:, 2]).mean(), lab[:, 2].mean()))
    return np.array(rows, float).reshape(-1, 3)


def effect_sizes(values: Floats, inside: NDArray[np.bool_], weights: Floats) -> Floats:
    """Compute Cohen's d of values inside against outside: (r,).

    Args:
        values: (n,) measured values.
        inside: (n,) whether each is in the group.
        weights: (r, n) counts of each resample.
    """
    sums = []
    for side in (inside, ~inside):
        w = weights[:, side]
        n = w.sum(1)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = w @ values[side] / n
            sums.append((n, mean, w @ values[side] ** 2 / n - mean**2))
    (n, a, va), (m, b, vb) = sums
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((a - b) / np.sqrt((n * va + m * vb) / (n + m - 2)))


def colours(
    store: Store, where: str | None = None, *, n_resamples: int = 300, show_progress: bool | None = None
) -> ColourReport:
    """Measure brightness and colour by genre and decade.

    Args:
        store: The catalogue.
        where: An SQL condition that posters must meet.
        n_resamples: Number of resamples for intervals.
        show_progress: True and False force the bar; None shows it on a terminal.

    Raises:
        CatalogueError: There are too few posters.
        FilterError: ``where`` is not a valid SQL condition on the catalogue's columns.
    """
    posters = store.posters(where)
    if len(posters) < 3:
        raise CatalogueError(f"too few posters to compare: {len(posters)}", "Add more: posterity build")
    table = np.concatenate(list(_measured(store, [poster.sha256 for poster in posters], show_progress)))
    groups = groups_of(store, [poster.id for poster in posters])
    weights = resamples([groups[poster.id] for poster in posters], n_resamples)
    decade = np.array([f"{p.film.year // 10 * 10}s" if p.film.year else "" for p in posters])
    names = sorted({genre for poster in posters for genre in poster.film.genres})
    member = {name: np.array([name in poster.film.genres for poster in posters]) for name in names}
    member = {name: inside for name, inside in member.items() if inside.sum() >= ENOUGH}
    decades = sorted(name for name in set(decade.tolist()) if name and (decade == name).sum() >= ENOUGH)
    by_decade = {}
    for name in decades:
        rows = decade == name
        by_decade[name] = tuple(
            shade for genre, inside in member.items() if (inside & rows).sum() >= ENOUGH
            for shade in _shades(genre, table[rows], inside[rows], weights[:, rows])
        )  # fmt: skip
    direct, within = _horror_and_comedy(table[:, 0], member, decade, weights)
    return ColourReport(
        posters=len(posters),
        genres=tuple(s for name, inside in member.items() for s in _shades(name, table, inside, weights)),
        genres_by_decade=by_decade,
        decades=tuple(s for name in decades for s in _shades(name, table, decade == name, weights)),
        claim=_claim(direct, within),
        horror_against_comedy=direct,
        within_decades=within,
    )


def _measured(store: Store, digests: Sequence[str], show_progress: bool | None) -> list[Floats]:
    parts = []
    with progress("Measuring", len(digests), show_progress) as bar:

        def work(some: list[str]) -> Floats:
            jpegs = store.thumbnails(some)
            return measure_colours([fit(decode(jpegs[digest]), (96, 64)) for digest in some])

        for part in ordered_map(work, chunked(digests, 128), n_workers()):
            parts.append(part)
            bar.update(len(part))
    return parts


def _shades(name: str, table: Floats, inside: NDArray[np.bool_], weights: Floats) -> list[Shade]:
    if inside.all():
        return []
    return [
        Shade(
            name, measure, int(inside.sum()), float(table[inside, at].mean()), float(table[~inside, at].mean()),
            score(effect_sizes(table[:, at], inside, weights)),
        )
        for at, measure in enumerate(MEASURES)
    ]  # fmt: skip


def _horror_and_comedy(
    brightness: Floats, member: Mapping[str, NDArray[np.bool_]], decade: NDArray[np.str_], weights: Floats
) -> tuple[Score | None, Score | None]:
    if not {"Horror", "Comedy"} <= set(member):
        return None, None
    rows = member["Horror"] ^ member["Comedy"]
    level = brightness.copy()
    for name in np.unique(decade[rows]):
        own = rows & (decade == name)
        level[own] -= brightness[own].mean()
    inside, w = member["Horror"][rows], weights[:, rows]
    return score(effect_sizes(brightness[rows], inside, w)), score(effect_sizes(level[rows], inside, w))


def _claim(direct: Score | None, within: Score | None) -> str:
    if direct is None or within is None:
        return "There are too few posters of horror or comedy to tell which is darker."
    effect = f"Cohen's d {direct.value:+.2f} [{direct.low:+.2f}, {direct.high:+.2f}]"
    same = f"{within.value:+.2f} [{within.low:+.2f}, {within.high:+.2f}] within decades"
    if direct.high < 0:
        return f"Posters of horror are darker than those of comedy: {effect}; {same}."
    if direct.low > 0:
        return f"Posters of horror are brighter than those of comedy: {effect}; {same}."
    return f"Posters of horror are not shown to be darker than those of comedy: {effect}; {same}."


# --- regions that a prediction relies on -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Occlusion:
    """The regions of a poster that a prediction relies on.

    Attributes:
        genre: The predicted genre.
        probability: Its probability.
        regions: (9, 6) drop of the logit when each region is covered; below 0 if it rises.
    """

    genre: str
    probability: float
    regions: Floats


def occlusion(model: Model, picture: NDArray[np.uint8], genres: Sequence[str] = ()) -> list[Occlusion]:
    """Cover a poster region by region, and measure the effect on predictions.

    Args:
        model: A genre model.
        picture: (h, w, 3), RGB.
        genres: Genres to explain; the three likeliest if empty.

    Raises:
        ArgumentError: The model does not have that genre.
    """
    if wrong := [name for name in genres if name not in model.names]:
        raise ArgumentError(f"the model has no genre {wrong[0]!r}", f"Use one of {', '.join(model.names)}.")
    encoders = [ENCODERS.get(name) for name in model.encoders]
    views = [picture, *_covered(picture)]
    parts = [
        encoder.encode(np.stack([fit(shrink(view, tier(s.size) or view.shape[:2]), s.size, s.fit) for view in views]))
        for encoder in encoders for s in [encoder.spec]
    ]  # fmt: skip
    logits = model.logistic.logits(np.hstack(parts))
    p = model.calibration(logits)[0]
    chosen = [model.names.index(name) for name in genres] or np.argsort(-p, kind="stable")[:3].tolist()
    return [
        Occlusion(model.names[j], float(p[j]), (logits[0, j] - logits[1:, j]).reshape(GRID)) for j in chosen
    ]  # fmt: skip


def picture_for(store: Store, identity: str) -> NDArray[np.uint8]:
    """Return the picture of a poster in the catalogue.

    Raises:
        ArgumentError: No poster has that id.
    """
    found = store.get([identity])
    if identity not in found:
        raise ArgumentError(f"no poster has the id {identity!r}", f"List them: posterity list -c {store.folder}")
    return picture_of(store, found[identity])


def _covered(picture: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Cover each region and a little around it with the poster's mean colour."""
    height, width = picture.shape[:2]
    mean = picture.reshape(-1, 3).mean(0).astype(np.uint8)
    rows, cols = GRID
    made = []
    for r in range(rows):
        for c in range(cols):
            view = picture.copy()
            top, bottom = (r - 0.5) * height / rows, (r + 1.5) * height / rows
            left, right = (c - 0.5) * width / cols, (c + 1.5) * width / cols
            view[max(0, round(top)) : round(bottom), max(0, round(left)) : round(right)] = mean
            made.append(view)
    return made
