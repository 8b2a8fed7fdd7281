"""The reports of builds: plain values, in a module of their own so that showing one imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class BuildReport:
    """What a build did: seen = added + updated + unchanged + dropped.

    Attributes:
        source: The folder or table, escaped and absolute, or an address.
        seen: Files (and unreadable folders) found in it; or rows, or films.
        added: New posters.
        updated: Posters whose picture, place or metadata changed.
        unchanged: Posters left alone, also where their file could not be read or holds no picture any more (``kept``).
        dropped: What could not be a poster, or was not wanted; each is in the catalogue's findings with its reason.
        flagged: Posters, of those seen, that carry at least one flag.
        dropped_by: Reason -> how many.
        flagged_by: Flag -> how many.
        unmatched_files: Posters that no row of the table belongs to; 0 without a table.
        unmatched_rows: Rows of the table that no file belongs to.
        faulty_rows: Rows of the table in which something could not be read.
        moved: Of the updated, those whose file was elsewhere before, by its content.
        kept: Posters left as they were, because their file could not be read or found, or is no longer a picture.
        kept_by: Reason -> how many.
        gone: Posters of this source whose file is not there any more; they stay too, without ``remove_missing``.
        removed: Posters that were removed for that.
        in_doubt: Whether more than a tenth of the source's posters are gone at once: perhaps a drive is not mounted.
        repeatable: Whether the same files would be judged the same again: none could not be read for the moment, and
            none was dropped for a twin in another source.
        not_encoded: Poster id -> why it has no vector yet: its file vanished or changed meanwhile.
        notes: What was guessed of the source or its table, and what was left out: a sentence each.
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
    moved: int = 0
    kept: int = 0
    kept_by: dict[str, int] = field(default_factory=dict)
    gone: int = 0
    removed: int = 0
    in_doubt: bool = False
    repeatable: bool = True
    not_encoded: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class DryRun:
    """What a build would download, and would drop unseen.

    Attributes:
        source: The source.
        rows: How many films it names.
        dropped_by: Reason -> how many would be dropped without a request.
        to_fetch: Pictures to download.
        here: Pictures that are here already.
        known_dead: Pictures that earlier runs found to be gone, and that are not asked for again.
        hosts: Host -> how many requests.
        seconds: How long it takes at the rate in force, at least.
        notes: What was guessed of the source, and what was left out: a sentence each.
    """

    source: str
    rows: int
    dropped_by: dict[str, int]
    to_fetch: int
    here: int
    known_dead: int
    hosts: dict[str, int]
    seconds: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class EnrichReport:
    """What another source says about the films of a catalogue.

    Attributes:
        source: The source.
        rows: Films of the catalogue that it describes.
        claims: Of these, how many were new or differ from before.
        updated: Posters whose film shows it.
        notes: What was guessed of the source, and what was left out: a sentence each.
    """

    source: str
    rows: int
    claims: int
    updated: int
    notes: tuple[str, ...] = ()
