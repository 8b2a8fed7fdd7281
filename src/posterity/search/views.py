"""Views: named selections of a catalogue's posters, for searching, drawing and learning from a part.

A view is defined by its filter and its rules. If posters have come, gone or changed since, it is selected again: by the
build that changed them, or else whenever it is used.
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
        name: Name of the view.
        posters: Number of posters in it.
        where: The filter it was made with.
        rules: The rules it was made with.
        dropped_by: Reason -> number of posters that met the filter but were dropped.
        labels: Genre -> number of its posters that count towards the genre.
        catalogue_version: Version of the catalogue it was selected from.
    """

    name: str
    posters: int
    where: str | None
    rules: Rules
    dropped_by: dict[str, int]
    labels: dict[str, int]
    catalogue_version: int


def make_view(store: Store, name: str, where: str | None = None, rules: Rules = Rules()) -> View:
    """Select posters by a filter and by rules, and store the selection under a name, replacing any view of that name.

    Only the cleaning rules that are named apply, since the catalogue's posters have passed those of the build. The rule
    ``duplicate_id`` keeps one poster of each film, the one with the lowest id.

    Args:
        store: The catalogue.
        name: Name of the view: letters, digits, dots, dashes and underscores.
        where: An SQL condition.
        rules: Which posters to drop, and how to choose by genre.

    Raises:
        ArgumentError: The name is invalid.
        FilterError: ``where`` is not SQL over the catalogue's columns.
        StorageError: The catalogue cannot be written.
    """
    if not re.fullmatch(r"[\w.-]{1,100}", name):
        raise ArgumentError(f"invalid view name {name!r}", "Use letters, digits, dots, dashes and underscores.")
    with store.writing():
        inputs = _key(store, where, rules)
        view, labels = _chosen(store, name, where, rules)
        store.put_view(artefact(store, VIEW_PREFIX + name, "view", inputs, parameters=view), labels)
        return view


def _chosen(store: Store, name: str, where: str | None, rules: Rules) -> tuple[View, dict[str, tuple[str, ...]]]:
    """Select posters: the view, and the genres that each of its posters counts towards."""
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
    """Give the key of a view: rules read the films' columns, and a filter the columns it names."""
    named = {word.lower() for word in re.findall(r"\w+", where or "")}
    columns = (name for name in POSTERS.names if name != "id" and (name in FILM_FIELDS or name.lower() in named))
    return key(store, Reads(tuple(columns), code=2), parameters=[where, asdict(rules)])


def members(store: Store, name: str) -> dict[str, tuple[str, ...]]:
    """Give the posters of a view as of now, sorted by id, each with the genres that it counts towards.

    Raises:
        UnknownNameError: There is no view of that name.
    """
    return _current(store, name)[1]


def views(store: Store) -> list[View]:
    """List the views of a catalogue as of now, by name."""
    names = [each.name.removeprefix(VIEW_PREFIX) for each in store.artefacts() if each.kind == "view"]
    return [_current(store, name)[0] for name in names]


def _current(store: Store, name: str) -> tuple[View, dict[str, tuple[str, ...]]]:
    """Give a view as stored, or selected again if anything that it reads has changed.

    Nothing is written, so that readers of a catalogue never wait.
    """
    labels = store.view(name)
    (kept,) = (each for each in store.artefacts() if each.name == VIEW_PREFIX + name)
    known = json.loads(kept.parameters)
    rules: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in known["rules"].items()}
    view = View(**known | {"rules": Rules(**rules)})
    if current(store, kept, _key(store, view.where, view.rules)):
        return view, labels
    return _chosen(store, name, view.where, view.rules)


def refresh(store: Store) -> None:
    """Select again, and store, the views that are out of date."""
    for view in views(store):
        kept = store.artefact(VIEW_PREFIX + view.name)
        if kept and not current(store, kept, _key(store, view.where, view.rules)):
            make_view(store, view.name, view.where, view.rules)


def _counted(names: Iterable[str]) -> dict[str, int]:
    counts = Counter(names)
    return {name: counts[name] for name in sorted(counts, key=lambda name: (-counts[name], name))}
