"""Files and what is known of their films, joined: one Record for each file that may be a poster."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from posterity.catalogue.schema import Film, film_names
from posterity.runtime.filenames import unescape
from posterity.sources.folder import File, Skipped
from posterity.sources.genres import normalised
from posterity.sources.metadata import Metadata, completed, film_of_file


@dataclass(frozen=True)
class Record:
    """A file that may be a poster, and what its source says about it.

    Attributes:
        path: Escaped, below the folder of the source's pictures.
        size: In bytes.
        mtime_ns: Time of change.
        film: What is known of the film: as given, genres normalised, gaps filled from the file's name.
        matched: Whether a row of the table matches it; None where there is no table.
        given: What the source says about the film, as given; None where only the file's name says anything.
        origin: What kind of source tells it.
        item: What names it in reports, where that is not the path.
        faults: Cells that could not be read, a sentence each.
        root: The folder that it lies below, where that is another than its source's: that of downloads.
    """

    path: str
    size: int
    mtime_ns: int
    film: Film
    matched: bool | None
    given: Film | None = None
    origin: str = "name"
    item: str = ""
    faults: tuple[str, ...] = ()
    root: str | None = None

    @property
    def place(self) -> str:
        """What tells its file from all others of its source (:func:`place_of`)."""
        return place_of(self.root, self.path)

    @property
    def named(self) -> str:
        """What names it in reports."""
        return self.item or self.path

    @property
    def poster_id(self) -> str:
        """The IMDb id where known, else ``tmdb:N``, else ``file:`` and the path.

        >>> Record("a.jpg", 1, 1, Film(tmdb_id=949), None).poster_id
        'tmdb:949'
        """
        return film_id(self.film, self.path)

    @property
    def identified(self) -> bool:
        """Whether an id of the film is known, rather than the file's name alone."""
        return bool(film_names(self.film.imdb_id, self.film.tmdb_id))

    @property
    def metadata_digest(self) -> str:
        """Tells whether what is known of the film has changed."""
        return hashlib.sha256(repr((self.matched, self.film)).encode()).hexdigest()[:16]


def place_of(root: str | None, path: str) -> str:
    """Tell a file's place within a source: its path; and its folder, where that is another than the source's own."""
    return path if root is None else f"{root}\0{path}"


def film_id(film: Film, path: str) -> str:
    """Give the id of a film's poster: the IMDb id where known, else ``tmdb:N``, else ``file:`` and the path."""
    return next(iter(film_names(film.imdb_id, film.tmdb_id)), f"file:{path}")


def records(
    there: Iterable[File | Skipped], metadata: Metadata | None = None, root: str | os.PathLike[str] = ""
) -> Iterator[Record | Skipped]:
    """Join each file of a folder with its row of the table.

    Args:
        there: What is in the folder, as :func:`~posterity.sources.folder.walk` lists it.
        metadata: The table.
        root: The folder's own path.
    """
    if metadata is not None:
        there = list(there)
        metadata.join((unescape(found.path) for found in there if isinstance(found, File)), os.fspath(root))
    for found in there:
        yield _record(found, metadata) if isinstance(found, File) else found


def _record(file: File, metadata: Metadata | None) -> Record:
    by_name = film_of_file(file.path)
    given = metadata.match(unescape(file.path)) if metadata else None
    matched = None if metadata is None else given is not None
    if given is None:
        return Record(file.path, file.size, file.mtime_ns, by_name, matched)
    film = completed(replace(given, genres=normalised(given.genres, "table")), by_name)
    return Record(file.path, file.size, file.mtime_ns, film, matched, given, "table")
