"""The store's own tables: damage, which is undone, and what could not be read, which is left alone; double rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from posterity.catalogue import Store
from posterity.catalogue.rescue import Rescue
from posterity.catalogue.schema import KEYS, TABLES, VECTOR_PREFIX
from posterity.catalogue.upkeep import State
from posterity.doctor.problems import Problem
from posterity.runtime.storage import status_of


def damaged(store: Store, rescue: Rescue | None, remove_missing: bool) -> Iterator[Problem]:
    """Find tables that cannot be read whole; with ``rescue``, those that are damaged go back to when they could."""
    found = {name: store.condition(name) for name in TABLES}
    found = {name: condition for name, condition in found.items() if condition.state is not State.WHOLE}
    refused = {State.UNREADABLE} if remove_missing else {State.UNREADABLE, State.MISSING}
    # All or none: a disk that lets one table be read and not another is not one to repair anything on.
    repairing = rescue is not None and not any(condition.state in refused for condition in found.values())
    if rescue is not None and repairing and found:
        # Thumbnails belong to the posters' rows: who brings those back wants them too.
        rescue.tables(sorted({*found, *(["thumbnails"] if "posters" in found else [])}))
    for name, condition in found.items():
        why = condition.why
        if repairing:
            version = store.go_back(name)
            why += f"; it is {'empty' if version is None else f'as it was at version {version}'} now"
        yield _problem(store, name, condition.state, why, repairing, remove_missing)
    if repairing and "posters" in found:  # flags went with the rows; the next build sets them again
        store.remove_artefact("near_duplicates")


def _problem(store: Store, name: str, state: State, why: str, repaired: bool, remove_missing: bool) -> Problem:
    if state is State.UNREADABLE:
        detail = f"it cannot be read: {why}; nothing was changed"
        return Problem(
            "unreadable_table", name, detail, "Let this user read it, or fix the disk; then run doctor again."
        )
    if state is State.MISSING and not remove_missing:
        remedy = (
            "Reconnect it, or restore a backup; "
            f"if it is lost: posterity doctor {store.folder} --repair --remove-missing"
        )
        return Problem("absent_table", name, f"{why}; nothing was changed", remedy)
    remedy = "go back to its newest version that can be read, keeping a copy; then build and embed again"
    return Problem("damaged_table", name, why, remedy, repaired)


def doubles(store: Store, rescue: Rescue | None) -> Iterator[Problem]:
    """Find rows that share what no two may; with ``rescue``, one of each is kept.

    Of a poster, it is the row whose file is there as it was stored, then the one with most vectors, then the newest
    file; of all else, and where that decides nothing, the row that was stored last.
    """
    for name in KEYS:
        groups = store.doubles(name)
        if not groups:
            continue
        surplus = [number for group in groups for number in group[:-1]]
        if name == "posters":
            surplus = _surplus_posters(store, groups)
        if rescue is not None:
            rescue.rows(name, surplus)
            store.remove_rows(name, surplus)
        detail = f"{len(surplus)} surplus rows, of {len(groups)} keys ({', '.join(KEYS[name])})"
        remedy = "keep one of each: one whose file exists, then one with most vectors, then the newest; copy the rest"
        yield Problem("double_rows", name, detail, remedy, rescue is not None)


def _surplus_posters(store: Store, groups: Sequence[Sequence[int]]) -> list[int]:
    rows = {row["_rowid"]: row for row in store.rows("posters", [n for group in groups for n in group]).to_pylist()}
    kept = {max(group, key=lambda number: _worth(rows[number])) for group in groups}
    return [number for group in groups for number in group if number not in kept]


def _worth(row: dict[str, Any]) -> tuple[bool, int, int, int]:
    try:
        there = status_of(row["source"], row["path"]).size == row["bytes"]
    except OSError:
        there = False
    n_vectors = sum(name.startswith(VECTOR_PREFIX) and value is not None for name, value in row.items())
    return there, n_vectors, row["mtime_ns"], row["_rowid"]
