"""The report of a build: plain values, in a module of its own so that showing one imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class BuildReport:
    """What a build did: seen = added + updated + unchanged + dropped.

    Attributes:
        source: The folder, escaped and absolute.
        seen: Files (and unreadable folders) found in it.
        added: New posters.
        updated: Posters whose picture, place or metadata changed.
        unchanged: Posters left alone.
        dropped: What could not be a poster; each is in the catalogue's findings with its reason.
        flagged: Posters, of those seen, that carry at least one flag.
        dropped_by: Reason -> how many.
        flagged_by: Flag -> how many.
        unmatched_files: Posters that no row of the table belongs to; 0 without a table.
        unmatched_rows: Rows of the table that no file belongs to.
        faulty_rows: Rows of the table in which something could not be read.
        gone: Posters of this source in the catalogue whose file was not found any more.
        repeatable: Whether the same files would be judged the same again: none could not be read for the moment, and
            none was dropped for a twin in another source.
        not_encoded: Poster id -> why it has no vector yet: its file vanished or changed meanwhile.
    """

    source: str
    seen: int
    added: int
    updated: int
    unchanged: int
    dropped: int
    flagged: int
    dropped_by: dict[str, int] = field(default_factory=dict)
    flagged_by: dict[str, int] = field(default_factory=dict)
    unmatched_files: int = 0
    unmatched_rows: int = 0
    faulty_rows: int = 0
    gone: int = 0
    repeatable: bool = True
    not_encoded: dict[str, str] = field(default_factory=dict)
