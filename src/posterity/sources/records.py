"""Files and table joined: one Record for each file that may be a poster."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from posterity.catalogue.schema import Film
from posterity.sources.folder import File, Skipped, walk
from posterity.sources.metadata import Metadata, completed, film_of_file
from posterity.sources.paths import unescape


@dataclass(frozen=True)
class Record:
    """A file that may be a poster, and what its source tells of it.

    Attributes:
        path: Escaped, below the source's folder.
        size: In bytes.
        mtime_ns: Time of change.
        film: What is known of the film.
        matched: Whether a row of the table belongs to it; None where there is no table.
    """

    path: str
    size: int
    mtime_ns: int
    film: Film
    matched: bool | None

    @property
    def poster_id(self) -> str:
        """The IMDb id where known, else ``tmdb:N``, else ``file:`` and the path.

        >>> Record("a.jpg", 1, 1, Film(tmdb_id=949), None).poster_id
        'tmdb:949'
        """
        if self.film.imdb_id:
            return self.film.imdb_id
        if self.film.tmdb_id is not None:
            return f"tmdb:{self.film.tmdb_id}"
        return f"file:{self.path}"

    @property
    def metadata_digest(self) -> str:
        """Tells whether what is known of the film has changed."""
        return hashlib.sha256(repr((self.matched, self.film)).encode()).hexdigest()[:16]


def records(
    root: str | os.PathLike[str], metadata: Metadata | None = None, leave_out: Collection[str] = ()
) -> Iterator[Record | Skipped]:
    """Walk a folder (:func:`~posterity.sources.folder.walk`) and join each file with its row of the table.

    Raises:
        SourceError: ``root`` is no folder that can be listed.
    """
    for found in walk(root, leave_out):
        yield _record(found, metadata) if isinstance(found, File) else found


def _record(file: File, metadata: Metadata | None) -> Record:
    by_name = film_of_file(file.path)
    film = metadata.match(unescape(file.path)) if metadata else None
    matched = None if metadata is None else film is not None
    return Record(file.path, file.size, file.mtime_ns, completed(film, by_name) if film else by_name, matched)
