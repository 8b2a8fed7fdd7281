"""What every source gives: entries, each a film and where its poster is, and what could not be an entry, with why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import chain, islice

from posterity.catalogue.schema import Film
from posterity.sources.folder import Skipped
from posterity.sources.notes import Notes

__all__ = ["Entry", "Listing", "Skipped"]


@dataclass(frozen=True)
class Entry:
    """One film of a source and where its poster is.

    Attributes:
        item: What names it in reports, the same in every run: "row 12", or an escaped path.
        film: What the source says about it, genres as given.
        image: An ``http://`` or ``https://`` address; or else, below the listing's ``images``, an escaped path; None
            where the source names none.
        name: Where a download of it is kept: a path of safe names without an ending; None names it by the film's id.
        faults: Cells that could not be read and were left unknown, a sentence each.
    """

    item: str
    film: Film
    image: str | None = None
    name: str | None = None
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class Listing:
    """A source that has been opened.

    Attributes:
        origin: What kind of source it is, which distinguishes its statements from others': "tmdb", "imdb", ...
        label: What reports call it: an escaped, absolute path, or an address without secrets.
        entries: Its entries, and what could not be one; may be read once.
        images: Where entries' images lie: an escaped, absolute folder, or an address; None where they name all of it.
        names_images: Whether it is a source that names pictures, so that an entry that names none has none.
        notes: Guesses about the source; reported while entries are read.
        fetches: Whether entries' addresses are asked although ``images`` is a folder. Else an address is taken for the
            name of a copy in that folder.
    """

    origin: str
    label: str
    entries: Iterable[Entry | Skipped]
    images: str | None = None
    names_images: bool = False
    notes: Notes = field(default_factory=Notes)
    fetches: bool = False

    def begun(self) -> Listing:
        """Read the first entry already, so that a source that cannot be read at all raises now.

        Raises:
            SourceError: It cannot be read.
        """
        entries = iter(self.entries)
        return replace(self, entries=chain(list(islice(entries, 1)), entries))
