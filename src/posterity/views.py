"""Views: choices of a catalogue's posters, kept under a name, for searching, drawing and learning from a part."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from posterity.catalogue import Artefact, Store
from posterity.catalogue.provenance import versions
from posterity.catalogue.schema import VIEW_PREFIX
from posterity.catalogue.store import now
from posterity.errors import ArgumentError
from posterity.plain import dumps
from posterity.selection import Chosen, Rules, broken, choose


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
        posters = store.posters(where)
        active = rules.active(defaults=False)
        verdicts: list[Chosen | None] = []
        seen: set[str] = set()
        for poster in posters:
            film = poster.id.split("@")[0]
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
        store.put_view(_artefact(view, list(labels)), labels)
        return view


def views(store: Store) -> list[View]:
    """Tell the views of a catalogue, by name."""
    found = []
    for artefact in store.artefacts():
        if artefact.kind == "view":
            known = json.loads(artefact.parameters)
            rules: dict[str, Any] = {
                name: tuple(value) if isinstance(value, list) else value for name, value in known["rules"].items()
            }
            found.append(View(**known | {"rules": Rules(**rules)}))
    return found


def _counted(names: Iterable[str]) -> dict[str, int]:
    counts = Counter(names)
    return {name: counts[name] for name in sorted(counts, key=lambda name: (-counts[name], name))}


def _artefact(view: View, ids: list[str]) -> Artefact:
    return Artefact(
        name=VIEW_PREFIX + view.name,
        kind="view",
        encoder="",
        fingerprint="",
        parameters=dumps(view),
        versions=versions(),
        catalogue_version=view.catalogue_version,
        inputs=hashlib.sha256(json.dumps(ids).encode()).hexdigest(),
        scores="{}",
        created_at=now(),
    )
