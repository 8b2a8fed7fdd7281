"""The labels to learn, from the metadata of the posters' films.

- *genres*: any number per poster; a genre needs :data:`ENOUGH` posters to be included.
- *first genre*: one per poster, from the commonest genres, as in published protocols.
- *classes*: one of two or more genres per poster; films with several of them, or with none, are left out.
- *success*: whether a film earned more than a multiple of its budget.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posterity.catalogue import Poster
from posterity.errors import ArgumentError, CatalogueError

TASKS = ("genres", "first_genre", "classes", "success")

ENOUGH = 30
"""Minimum number of posters for a genre to be learned."""

LEAST_MONEY = 1_000
"""Budgets and revenues below this are taken for errors, such as figures in thousands or millions."""

YES, NO = "success", "no success"


@dataclass(frozen=True)
class Targets:
    """The labels to learn.

    Attributes:
        task: "genres", "first_genre", "classes" or "success".
        names: (l,) names of the labels.
        labels: Poster id -> its labels, in the order of the posters.
        single: Whether each poster has exactly one label.
    """

    task: str
    names: tuple[str, ...]
    labels: Mapping[str, tuple[str, ...]]
    single: bool

    def matrix(self, ids: Sequence[str]) -> NDArray[np.float64]:
        """Return the labels of posters: (n, l) of 0 and 1."""
        place = {name: j for j, name in enumerate(self.names)}
        Y = np.zeros((len(ids), len(self.names)))
        for row, identity in enumerate(ids):
            for label in self.labels[identity]:
                Y[row, place[label]] = 1
        return Y


def genre_targets(posters: Sequence[Poster], enough: int = ENOUGH) -> Targets:
    """Take all genres with ``enough`` posters, and the posters that have any of them.

    Raises:
        CatalogueError: There are fewer than two such genres.
    """
    counts = Counter(genre for poster in posters for genre in poster.film.genres)
    names = tuple(sorted(name for name, n in counts.items() if n >= enough))
    _enough_labels(names, counts, enough)
    known = set(names)
    labels = {p.id: tuple(g for g in p.film.genres if g in known) for p in posters}
    return Targets("genres", names, {key: found for key, found in labels.items() if found}, False)


def first_genre_targets(posters: Sequence[Poster], n_genres: int = 10, per_genre: int = 1000) -> Targets:
    """Take each film's first genre, if among the commonest, and the most popular films of each genre.

    Raises:
        CatalogueError: There are fewer than two genres.
    """
    first = {p.id: p.film.genres[0] for p in posters if p.film.genres}
    counts = Counter(first.values())
    names = tuple(sorted(name for name, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:n_genres]))
    _enough_labels(names, counts, 1)
    by_popularity = sorted(posters, key=lambda p: (-(p.film.popularity or 0.0), p.id))
    taken: dict[str, int] = Counter()
    chosen = set()
    for poster in by_popularity:
        genre = first.get(poster.id)
        if genre in names and taken[genre] < per_genre:
            taken[genre] += 1
            chosen.add(poster.id)
    return Targets("first_genre", names, {p.id: (first[p.id],) for p in posters if p.id in chosen}, True)


def class_targets(posters: Sequence[Poster], classes: Sequence[str]) -> Targets:
    """Take the films that have exactly one of the given genres.

    Raises:
        ArgumentError: Fewer than two classes are named.
        CatalogueError: A class has no posters of its own.
    """
    names = tuple(dict.fromkeys(classes))
    if len(names) < 2:
        raise ArgumentError(f"invalid classes {', '.join(names)!r}", "Name two or more, e.g. Comedy,Horror.")
    found = {p.id: tuple(genre for genre in p.film.genres if genre in names) for p in posters}
    labels = {identity: own for identity, own in found.items() if len(own) == 1}
    counts = Counter(own[0] for own in labels.values())
    for name in names:
        if not counts[name]:
            raise CatalogueError(f"no poster has {name!r} and no other class", "List the genres: posterity info")
    return Targets("classes", names, labels, True)


def success_targets(posters: Sequence[Poster], threshold: float = 1.0) -> Targets:
    """Take whether revenue / budget is above ``threshold``, for films with both known.

    Raises:
        CatalogueError: No film has both.
    """
    labels = {
        p.id: (YES if ratio > threshold else NO,) for p in posters if (ratio := revenue_ratio(p)) is not None
    }  # fmt: skip
    if not labels:
        raise CatalogueError("no film has both a budget and a revenue", "Add them: posterity enrich TABLE -c DIR")
    return Targets("success", (YES, NO), labels, True)


def relabelled(targets: Targets, posters: Sequence[Poster], threshold: float = 1.0) -> Targets:
    """Return the same labels from the current metadata of the posters' films; posters without a label are left out.

    Args:
        targets: The old labels; their task and names stay.
        posters: The posters to label.
        threshold: Revenue / budget above which a film is a success, for the task "success".
    """
    known = set(targets.names)
    labels: dict[str, tuple[str, ...]] = {}
    for poster in posters:
        genres = poster.film.genres[:1] if targets.task == "first_genre" else poster.film.genres
        own = tuple(genre for genre in genres if genre in known)
        if targets.task == "success":
            ratio = revenue_ratio(poster)
            own = () if ratio is None else (YES if ratio > threshold else NO,)
        if len(own) == 1 or (own and not targets.single):
            labels[poster.id] = own
    return Targets(targets.task, targets.names, labels, targets.single)


def revenue_ratio(poster: Poster) -> float | None:
    """Return revenue / budget; None if either is unknown, not in US dollars, or below :data:`LEAST_MONEY`."""
    film = poster.film
    if film.budget is None or film.revenue is None or (film.currency or "USD") != "USD":
        return None
    return film.revenue / film.budget if min(film.budget, film.revenue) >= LEAST_MONEY else None


def _enough_labels(names: Sequence[str], counts: Counter[str], enough: int) -> None:
    if len(names) < 2:
        most = ", ".join(f"{name} ({n})" for name, n in counts.most_common(3)) or "none"
        raise CatalogueError(
            f"fewer than two genres have {enough} or more posters (most common: {most})",
            "Build with --metadata, or enrich the catalogue: posterity enrich TABLE -c DIR",
        )
