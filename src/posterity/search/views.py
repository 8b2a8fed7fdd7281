"""Views: choices of a catalogue's posters, kept under a name, for searching, drawing and learning from a part.

A view is its filter and its rules: where posters came or went since, or what is known of them has changed, it is chosen
again, by the build that changed them, or else whenever it is used.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from posterity.catalogue import Store
from posterity.catalogue.provenance import Reads, artefact, current, key
from posterity.catalogue.schema import FILM_FIELDS, POSTERS, VIEW_PREFIX, film_key
from posterity.errors import ArgumentError
from posterity.sources.rules import Chosen, Rules, broken, choose


@dataclass(frozen=True)
class View:
    """A view.

    Attributes:
        name: Its name.
        posters: How many posters it holds.
        where: The filter that it was made with.
        rules: The rules that it was made with.
        dropped_by: Reason -> how many of the posters that met the filter were not taken.
        labels: Genre -> how many of its posters count for it.
        catalogue_version: The version of the catalogue that it was chosen from.
    """

    name: str
    posters: int
    where: str | None
    rules: Rules
    dropped_by: dict[str, int]
    labels: dict[str, int]
    catalogue_version: int


def make_view(store: Store, name: str, where: str | None = None, rules: Rules = Rules()) -> View:
    """Choose posters by a filter and by rules, and keep the choice under a name; a view of that name is replaced.

    Of the cleaning rules only those that are named apply: what is in a catalogue has passed a build's. The rule
    ``duplicate_id`` takes one poster of each film, that of the lowest id.

    Args:
        store: The catalogue.
        name: Letters, digits, dots, dashes and underscores.
        where: An SQL condition.
        rules: Which posters to drop, and how to choose by genre.

    Raises:
        ArgumentError: The name is none that can be used.
        FilterError: ``where`` is not SQL over the catalogue's columns.
        StorageError: The catalogue cannot be written.
    """
    if not re.fullmatch(r"[\w.-]{1,100}", name):
        raise ArgumentError(f"{name!r} cannot name a view", "Use letters, digits, dots, dashes and underscores.")
    with store.writing():
        inputs = _key(store, where, rules)
        view, labels = _chosen(store, name, where, rules)
        store.put_view(artefact(store, VIEW_PREFIX + name, "view", inputs, parameters=view), labels)
        return view


def _chosen(store: Store, name: str, where: str | None, rules: Rules) -> tuple[View, dict[str, tuple[str, ...]]]:
    """Choose posters: the view, and the genres that each of them counts for."""
    posters = store.posters(where)
    active = rules.active(defaults=False)
    verdicts: list[Chosen | None] = []
    seen: set[str] = set()
    for poster in posters:
        film = film_key(poster.id, poster.film.imdb_id, poster.film.tmdb_id)
        reason = broken(poster.film, rules, active)
        if reason is None and "duplicate_id" in active and film in seen:
            reason = "duplicate_id", f"another poster of {film}"
        verdicts.append(Chosen((), *reason) if reason else None)
        if reason is None:
            seen.add(film)
    left = [poster.film for poster, verdict in zip(posters, verdicts, strict=True) if verdict is None]
    chosen = iter(choose(left, rules))
    settled = [verdict or next(chosen) for verdict in verdicts]
    labels = {p.id: v.labels for p, v in zip(posters, settled, strict=True) if v.reason is None}
    view = View(
        name=name,
        posters=len(labels),
        where=where,
        rules=rules,
        dropped_by=_counted(verdict.reason for verdict in settled if verdict.reason),
        labels=_counted(genre for genres in labels.values() for genre in genres),
        catalogue_version=store.version,
    )
    return view, labels


def _key(store: Store, where: str | None, rules: Rules) -> str:
    """Give the key of a view: rules read of films, and a filter whatever columns it names."""
    named = {word.lower() for word in re.findall(r"\w+", where or "")}
    columns = (name for name in POSTERS.names if name != "id" and (name in FILM_FIELDS or name.lower() in named))
    return key(store, Reads(tuple(columns), code=2), parameters=[where, asdict(rules)])


def members(store: Store, name: str) -> dict[str, tuple[str, ...]]:
    """Give the posters of a view as it is now, by id, sorted, each with the genres that it counts for.

    Raises:
        UnknownNameError: There is none of that name.
    """
    return _current(store, name)[1]


def views(store: Store) -> list[View]:
    """Tell the views of a catalogue as they are now, by name."""
    names = [each.name.removeprefix(VIEW_PREFIX) for each in store.artefacts() if each.kind == "view"]
    return [_current(store, name)[0] for name in names]


def _current(store: Store, name: str) -> tuple[View, dict[str, tuple[str, ...]]]:
    """Give a view as it is kept; chosen again if anything that it reads has changed.

    Nothing is written: readers of a catalogue wait for nobody.
    """
    labels = store.view(name)
    (kept,) = (each for each in store.artefacts() if each.name == VIEW_PREFIX + name)
    known = json.loads(kept.parameters)
    told: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in known["rules"].items()}
    view = View(**known | {"rules": Rules(**told)})
    if current(store, kept, _key(store, view.where, view.rules)):
        return view, labels
    return _chosen(store, name, view.where, view.rules)


def refresh(store: Store) -> None:
    """Choose again, and keep, the views that are behind the posters."""
    for view in views(store):
        kept = store.artefact(VIEW_PREFIX + view.name)
        if kept and not current(store, kept, _key(store, view.where, view.rules)):
            make_view(store, view.name, view.where, view.rules)


def _counted(names: Iterable[str]) -> dict[str, int]:
    counts = Counter(names)
    return {name: counts[name] for name in sorted(counts, key=lambda name: (-counts[name], name))}
