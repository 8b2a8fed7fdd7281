"""Posters' files: which are certainly gone, and which only cannot be found or checked. Absent is not gone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from posterity.catalogue import Finding, Store
from posterity.catalogue.rescue import Rescue
from posterity.doctor.problems import Problem
from posterity.errors import StorageError
from posterity.runtime.presence import Presence, look_for, too_many_missing
from posterity.runtime.storage import folder_is_there, is_remote, status_of

Row = dict[str, Any]

Away = list[tuple[Row, str]]
"""Rows whose file was not found, each with why."""

DOUBT = frozenset({"source_missing", "file_in_doubt", "file_unreachable", "too_many_missing"})
"""Kinds that say that posters' files are away, and may come back."""


def absent_files(store: Store, rescue: Rescue | None, remove_missing: bool) -> Iterator[Problem]:
    """Look for every poster's file; with ``rescue``, posters whose file is gone are taken out."""
    rows = store.read(["source", "path", "bytes", "mtime_ns", "sha256"]).to_pylist()
    sources: dict[str, list[Row]] = {}
    for row in rows:
        if row["source"] is not None:
            sources.setdefault(row["source"], []).append(row)
    going: Away = []
    for source in sorted(sources):
        yield from _of_source(store, source, sources[source], remove_missing, going)
    if rescue is not None and going:
        steady, unsteady = _checked_again(going, remove_missing)
        for source, some in unsteady.items():
            yield _unreachable(source, some, "they were missing, and are back")
        going = steady
        _remove(store, rescue, going)
    for row, why in going:
        remedy = "remove the poster, keeping a copy of its row, and report it"
        yield Problem("file_missing", row["id"], f"{row['path']}: {why}", remedy, rescue is not None)


def _of_source(store: Store, source: str, rows: Sequence[Row], remove_missing: bool, going: Away) -> Iterator[Problem]:
    """Find what is wrong with one source's files, and add to ``going`` the posters that are to be taken out."""
    try:
        there = folder_is_there(source)
    except (OSError, StorageError) as error:
        why = error.problem if isinstance(error, StorageError) else f"{source}: {error.strerror}"
        yield _unreachable(source, rows, why)
        return
    if not there and not remove_missing:
        remedy = (
            f"Mount it, or build again from where it is now: posterity build NEW_PLACE -c {store.folder}; "
            f"if it was deleted: posterity doctor {store.folder} --repair --remove-missing"
        )
        yield Problem("source_missing", source, f"{len(rows)} posters came from it", remedy)
        return
    changed, found = _look(source, rows)
    for row in changed:
        yield Problem(
            "file_changed", row["id"], row["path"], f"Build again: posterity build {source} -c {store.folder}"
        )
    absent = found[Presence.GONE] + found[Presence.MISSING]
    if too_many_missing(len(absent), len(rows)) and not remove_missing:
        yield _too_many(store, source, absent, len(rows))
    else:
        going += absent if remove_missing else found[Presence.GONE]
        if found[Presence.MISSING] and not remove_missing:
            yield _in_doubt(store, source, found[Presence.MISSING])
    if found[Presence.UNREACHABLE]:
        those = found[Presence.UNREACHABLE]
        yield _unreachable(source, [row for row, _ in those], those[0][1])


def _look(source: str, rows: Sequence[Row]) -> tuple[list[Row], dict[Presence, Away]]:
    """Look for the files of one source: the rows whose file has changed, and those that were not found."""
    changed: list[Row] = []
    found: dict[Presence, Away] = {presence: [] for presence in Presence}
    for at, row in enumerate(rows):
        try:
            status = status_of(source, row["path"])
        except OSError:
            sighting = look_for(source, row["path"])
            found[sighting.presence].append((row, sighting.why))
            if sighting.presence is Presence.UNREACHABLE and is_remote(source):
                # Each request is tried for a minute: what is away for one is not waited for again by all the others.
                found[Presence.UNREACHABLE] += [(other, sighting.why) for other in rows[at + 1 :]]
                break
            continue
        if status.size != row["bytes"] or (row["mtime_ns"] and status.mtime_ns != row["mtime_ns"]):
            changed.append(row)
    return changed, found


def _checked_again(going: Away, remove_missing: bool) -> tuple[Away, dict[str, list[Row]]]:
    """Look once more before anything is removed: a share that came back in between was away the first time.

    Returns:
        Those still absent, of the sources of which all are; and the other sources with theirs.
    """
    allowed = {Presence.GONE, Presence.MISSING} if remove_missing else {Presence.GONE}
    back = {row["source"] for row, _ in going if look_for(row["source"], row["path"]).presence not in allowed}
    unsteady: dict[str, list[Row]] = {source: [] for source in sorted(back)}
    for row, _ in going:
        if row["source"] in back:
            unsteady[row["source"]].append(row)
    return [(row, why) for row, why in going if row["source"] not in back], unsteady


def _remove(store: Store, rescue: Rescue, going: Away) -> None:
    if not going:
        return
    ids = [row["id"] for row, _ in going]
    rescue.posters(ids)
    store.put_findings(
        [
            Finding(
                row["source"], row["path"], "dropped", "vanished", f"removed by doctor: {why}", row["id"],
                sha256=row["sha256"],
            )
            for row, why in going
        ]
    )  # fmt: skip
    store.remove_posters(ids)


def _named(rows: Sequence[Row], total: int | None = None) -> str:
    ids = ", ".join(row["id"] for row in rows[:3])
    count = f"{len(rows)} posters" if total is None else f"{len(rows)} of {total} posters"
    return f"{count} ({ids}{', …' if len(rows) > 3 else ''})"


def _too_many(store: Store, source: str, absent: Away, total: int) -> Problem:
    detail = (
        f"the files of {_named([row for row, _ in absent], total)} are missing at once; all are kept; {absent[0][1]}"
    )
    return Problem("too_many_missing", source, detail, _bring_back(store))


def _in_doubt(store: Store, source: str, absent: Away) -> Problem:
    detail = f"the files of {_named([row for row, _ in absent])} cannot be found; they are kept; {absent[0][1]}"
    return Problem("file_in_doubt", source, detail, _bring_back(store))


def _bring_back(store: Store) -> str:
    return (
        "Is a drive not mounted? Bring the files back and run doctor again; "
        f"if they were deleted: posterity doctor {store.folder} --repair --remove-missing"
    )


def _unreachable(source: str, rows: Sequence[Row], why: str) -> Problem:
    detail = f"the files of {_named(rows)} cannot be checked; they are kept; {why}"
    return Problem("file_unreachable", source, detail, "Let this user read them, or reconnect the drive or network.")
