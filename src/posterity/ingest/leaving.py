"""The posters of a source that a build did not meet: which of them stay, and which may go.

Absent is not gone. A build removes none of them unless it is asked to (``remove_missing``), and none at all that it
cannot look for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from posterity.catalogue import Finding
from posterity.ingest.known import Known
from posterity.runtime.presence import Presence, Sighting, look_for

KEPT = "kept"
"""The kind of the findings of posters that stay although their file could not be read, or is not there."""


@dataclass(frozen=True)
class Left:
    """What becomes of the posters that were not met.

    Attributes:
        removed: Their file is not there, and they are to be removed.
        gone: Their file is not there; they stay all the same.
        kept: They stay, because nobody can tell.
    """

    removed: tuple[tuple[Known, Sighting], ...]
    gone: tuple[tuple[Known, Sighting], ...]
    kept: tuple[tuple[Known, Sighting], ...]


def look(known: Known) -> Sighting:
    """Look for a poster's file."""
    return look_for(known.source, known.path)


def decide(unmet: Iterable[tuple[Known, Sighting]], *, remove_missing: bool, disturbed: bool) -> Left:
    """Decide what becomes of posters that a build did not meet.

    Args:
        unmet: The posters, and where they stand.
        remove_missing: Whether those that are not there are to be removed.
        disturbed: Whether reading failed in this run: what is missing may be away for the same reason, and stays.
    """
    removed: list[tuple[Known, Sighting]] = []
    gone: list[tuple[Known, Sighting]] = []
    kept: list[tuple[Known, Sighting]] = []
    for known, sighting in sorted(unmet, key=lambda each: (each[0].path, each[0].id)):
        if sighting.presence is Presence.UNREACHABLE:
            kept.append((known, sighting))
        elif sighting.presence in (Presence.GONE, Presence.MISSING):
            certain = sighting.presence is Presence.GONE or not disturbed
            (removed if remove_missing and certain else gone).append((known, sighting))
    return Left(tuple(removed), tuple(gone), tuple(kept))


def findings_of(left: Left, source: str) -> Iterator[Finding]:
    """Say what became of posters that were not met: of each that goes, and of those that stay by their folders."""
    for known, sighting in left.removed:
        yield Finding(
            source, known.path, "dropped", "vanished", f"removed: {sighting.why}", known.id, sha256=known.sha256
        )
    for reason, stays in (("vanished", left.gone), ("unreadable", left.kept)):
        folders: dict[str, list[Sighting]] = {}
        for known, sighting in stays:
            folders.setdefault(known.path.rpartition("/")[0], []).append(sighting)
        for folder, looks in folders.items():
            posters = "1 poster is" if len(looks) == 1 else f"{len(looks):,} posters are"
            yield Finding(source, f"{folder}/", KEPT, reason, f"{posters} kept: {looks[0].why}")
