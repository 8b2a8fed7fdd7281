"""Planning a build, whoever asks for it: the source's kind, what is in it, the rules, limits and precedence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from posterity.images import Limits
from posterity.ingest.access import checked, fetching, links, open_listing
from posterity.ingest.claims import precedence
from posterity.ingest.inspection import limits_set
from posterity.ingest.intake import Intake, of_folder
from posterity.ingest.reports import DryRun
from posterity.ingest.request import Request
from posterity.ingest.rows import of_local, of_remote, planned
from posterity.ingest.shortcut import Snapshot
from posterity.runtime.storage import is_remote
from posterity.settings import setting
from posterity.sources.folder import Skipped
from posterity.sources.listing import Listing
from posterity.sources.metadata import Metadata
from posterity.sources.rules import Rules
from posterity.sources.terms import host_of


@dataclass(frozen=True)
class Plan:
    """A build with everything decided that can be decided before the catalogue is opened.

    Attributes:
        request: What was asked for.
        kind: The source's kind.
        intake: Makes the source ready; called once the catalogue is there, for pictures are downloaded into it. True
            and False force the bar of downloads; None shows it on a terminal.
        limits: What is too big or too small.
        near_duplicate_bits: Posters whose perceptual hashes differ in at most so many bits are flagged.
        precedence: Which kind of source decides where two disagree, the first of them first.
    """

    request: Request
    kind: str
    intake: Callable[[bool | None], Intake]
    limits: Limits
    near_duplicate_bits: int
    precedence: tuple[str, ...]


def plan_build(request: Request, snapshot: Snapshot | None = None) -> Plan:
    """Plan a build. A source that cannot be read fails here, before a catalogue is made for nothing.

    Args:
        request: What is asked for.
        snapshot: What is in the source's folder, where that has been listed already.

    Raises:
        ArgumentError: A term or a rule means nothing for this source.
        SourceError: The source or the table cannot be read.
        UnknownNameError: There is no such kind of source.
    """
    kind, table = checked(request)
    if kind == "folder":
        found = _folder(request, table, snapshot)

        def intake(show_progress: bool | None) -> Intake:
            return found
    else:
        listing = open_listing(request.source, kind, request.terms, request.folder)
        if not is_remote(request.source) and Path(request.source).exists():
            listing = listing.begun()

        def intake(show_progress: bool | None) -> Intake:
            return _rows(request, listing, show_progress)

    return Plan(request, kind, intake, limits_set(), setting("near_duplicate_bits"), precedence(setting("precedence")))


def _folder(request: Request, table: Metadata | None, snapshot: Snapshot | None) -> Intake:
    return of_folder(
        request.source,
        table,
        request.own,
        listing=None if snapshot is None else snapshot.files,
        imdb_ids=links(request.terms),
        rules=request.rules or Rules(),
        limit=request.terms.limit,
    )


def _rows(request: Request, listing: Listing, show_progress: bool | None) -> Intake:
    """Find or download the pictures of the films that a source lists."""
    rules, imdb_ids = request.rules or Rules(), links(request.terms)
    how = fetching(request.folder, listing, request.terms, show_progress)
    if listing.images is not None and host_of(listing.images) is None:
        return of_local(listing, rules, how if listing.fetches else None, imdb_ids)
    return of_remote(listing, rules, how, imdb_ids)


def rehearse(request: Request) -> DryRun:
    """Tell what a build would download and drop; see :func:`posterity.dry_run`."""
    kind, table = checked(request)
    if kind == "folder":
        intake = _folder(request, table, None)
        reasons = Counter(item.reason if isinstance(item, Skipped) else "" for item in intake.items)
        here, n = reasons.pop("", 0), reasons.total()
        return DryRun(intake.label, here + n, dict(sorted(reasons.items())), 0, here, 0, {}, 0.0)
    listing = open_listing(request.source, kind, request.terms, request.folder)
    how = fetching(request.folder, listing, request.terms, False)
    made, dropped = planned(listing, request.rules or Rules(), how, links(request.terms))
    return DryRun(
        source=listing.label,
        rows=made.total + sum(dropped.values()),
        dropped_by=dropped,
        to_fetch=made.to_fetch,
        here=made.have,
        known_dead=made.known_dead,
        hosts=made.hosts,
        seconds=made.seconds,
        notes=tuple(listing.notes),
    )
