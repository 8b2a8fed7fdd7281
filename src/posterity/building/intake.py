"""What a build takes in: items in the order of their source, each a file that may be a poster or a reason why not."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from posterity.catalogue import Finding
from posterity.paths import escape, unescape
from posterity.places import absolute, is_remote
from posterity.sources.folder import Skipped, walk
from posterity.sources.metadata import Metadata
from posterity.sources.records import Record, records


@dataclass(frozen=True)
class Intake:
    """A source made ready to be taken in.

    Attributes:
        label: What reports call the source: an escaped, absolute path, or an address.
        root: The folder that its pictures lie in, escaped and absolute.
        items: What it holds; may be read once.
        total: How many items there are, where that is known.
        table: The table of films that was joined with a folder's files.
        from_rows: Whether items are rows that name files, rather than the files that there are.
        imdb_ids: TMDb id -> IMDb id, as far as the source tells.
    """

    label: str
    root: str
    items: Iterable[Record | Skipped]
    total: int | None = None
    table: Metadata | None = None
    from_rows: bool = False
    imdb_ids: Mapping[int, str] = field(default_factory=dict)


def of_folder(
    source: str | os.PathLike[str],
    table: Metadata | None = None,
    leave_out: tuple[str, ...] = (),
    *,
    count: bool = True,
    imdb_ids: Mapping[int, str] | None = None,
) -> Intake:
    """Make a folder of posters ready, joined with a table of films where there is one.

    Args:
        source: The folder.
        table: What a table tells of the films.
        leave_out: Files and folders that are passed over: the catalogue, above all.
        count: List it beforehand, for the progress bar; that costs a hundredth of reading.
        imdb_ids: TMDb id -> IMDb id, where they are known.

    Raises:
        SourceError: The folder cannot be listed.
    """
    root = absolute(source)
    own = [*leave_out, *([unescape(table.origin)] if table else [])]
    # An object store is listed once: that takes as long as it has objects, and costs requests.
    total = sum(1 for _ in walk(root, own)) if count and not is_remote(root) else None
    label = escape(root)
    return Intake(label, label, records(root, table, own), total, table, imdb_ids=imdb_ids or {})


def findings_of_table(table: Metadata, source: str) -> Iterator[Finding]:
    """Say of a table which rows no file belongs to, and what could not be read."""
    faults: dict[tuple[str, int], list[str]] = {}
    for fault in table.faults:
        faults.setdefault((fault.reason, fault.number), []).append(fault.detail)
    for (reason, number), details in faults.items():
        yield Finding(source, f"{table.origin}: row {number}", reason, reason, "; ".join(details))
    for row in table.unmatched():
        name = row.film.title or row.film.imdb_id or row.file or "a film without a name"
        detail = f"no file of the source belongs to {name!r}"
        item = f"{table.origin}: row {row.number}"
        yield Finding(source, item, "unmatched_row", "unmatched_row", detail, row.film.imdb_id)
