"""What a build takes in: items in the order of their source, each a file that may be a poster or a reason why not."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from posterity.catalogue import Finding
from posterity.ingest.sifting import sift
from posterity.runtime.filenames import escape, unescape
from posterity.runtime.storage import absolute
from posterity.sources.folder import File, Skipped, walk
from posterity.sources.library.pictures import IMAGE_ENDINGS
from posterity.sources.metadata import Metadata
from posterity.sources.notes import Notes
from posterity.sources.records import Record, records
from posterity.sources.rules import Rules


@dataclass(frozen=True)
class Intake:
    """A source made ready to be taken in.

    Attributes:
        label: What reports call the source: an escaped, absolute path, or an address.
        root: The folder that its pictures lie in, escaped and absolute.
        others: Other folders that some of its pictures lie in: that of downloads.
        items: What it holds; may be read once.
        total: How many items there are, where that is known.
        table: The table of films that was joined with a folder's files.
        from_rows: Whether items are rows that name files, rather than the files that there are.
        imdb_ids: TMDb id -> IMDb id, as far as the source tells.
        notes: What is guessed of the source; all said once the items are read.
        partial: Whether only the beginning of the source was asked for, so that what was not seen need not be gone.
    """

    label: str
    root: str
    items: Iterable[Record | Skipped]
    total: int | None = None
    table: Metadata | None = None
    from_rows: bool = False
    imdb_ids: Mapping[int, str] = field(default_factory=dict)
    notes: Notes = field(default_factory=Notes)
    partial: bool = False
    others: tuple[str, ...] = ()


def of_folder(
    source: str | os.PathLike[str],
    table: Metadata | None = None,
    leave_out: tuple[str, ...] = (),
    *,
    listing: Sequence[File | Skipped] | None = None,
    imdb_ids: Mapping[int, str] | None = None,
    rules: Rules = Rules(),
    limit: int | None = None,
) -> Intake:
    """Make a folder of posters ready, joined with a table of films where there is one.

    Args:
        source: The folder.
        table: What a table says about the films.
        leave_out: Files and folders that are passed over: the catalogue, above all.
        listing: What is in it, where that has been listed already; else it is listed now.
        imdb_ids: TMDb id -> IMDb id, where they are known.
        rules: Which films to take. Of the cleaning rules those that are named: a picture is worth keeping whatever is
            known of its film, and several pictures of one film are versions of it.
        limit: At most so many films, by their files' order.

    Raises:
        ArgumentError: Films are to be chosen by genre, and of none any is known.
        SourceError: The folder cannot be listed.
    """
    root = absolute(source)
    if listing is None:
        listing = list(walk(root, [*leave_out, *([unescape(table.origin)] if table else [])]))
    label = escape(root)
    notes = table.notes if table else Notes()
    items = records(listing, table, root)
    items = items if limit is None else _first(items, limit)
    active = rules.active(defaults=False)
    items = sift(items, rules, active, lambda record, *why: Skipped(record.path, *why), label)
    return Intake(
        label,
        label,
        items,
        len(listing),
        table,
        imdb_ids=imdb_ids or {},
        notes=notes,
        partial=limit is not None,
    )


def _first(items: Iterable[Record | Skipped], limit: int) -> Iterator[Record | Skipped]:
    """Give the files of the first films, and what could not be read; a file not named like a picture is not a film."""
    films: set[str] = set()
    for item in items:
        if isinstance(item, Record):
            _, dot, ending = item.path.rpartition("/")[2].rpartition(".")
            if dot and ending.lower() not in IMAGE_ENDINGS:
                continue
            if item.poster_id not in films and len(films) == limit:
                continue
            films.add(item.poster_id)
        yield item


def findings_of_table(table: Metadata, source: str) -> Iterator[Finding]:
    """Say of a table which rows no file belongs to, and what could not be read."""
    faults: dict[tuple[str, int], list[str]] = {}
    for fault in table.faults:
        faults.setdefault((fault.reason, fault.number), []).append(fault.detail)
    for (reason, number), details in faults.items():
        yield Finding(source, f"{table.origin}: row {number}", reason, reason, "; ".join(details))
    for row, detail in table.unmatched():
        item = f"{table.origin}: row {row.number}"
        yield Finding(source, item, "unmatched_row", "unmatched_row", detail, row.film.imdb_id)
