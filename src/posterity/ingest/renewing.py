"""Posters whose picture is the same, and whose place or film is not: what is known of them stays or is brought up."""

from __future__ import annotations

from dataclasses import dataclass, replace

from posterity.catalogue import Film, Poster
from posterity.ingest.inspection import Picture, Same
from posterity.ingest.known import Known
from posterity.sources.metadata import completed, film_of_file
from posterity.sources.records import Record

_NAMES = ("imdb_id", "tmdb_id", "title", "year")
"""What a file's name can say about a film."""


@dataclass(frozen=True)
class Renewal:
    """A poster to be renewed.

    Attributes:
        known: As it is stored.
        id: What its id is from now on.
        root: The folder that its file lies in now.
        record: Its file there, and what the source says about it.
        content: What reading the file gave.
        version_of: The poster that has the film's own id, where this one cannot.
        withdrawn: Whether a table's claim about it was wrong, so that only the file's name describes it now.
    """

    known: Known
    id: str
    root: str
    record: Record
    content: Picture | Same
    version_of: Known | None = None
    withdrawn: bool = False

    @property
    def moved(self) -> bool:
        """Whether it lies elsewhere now."""
        return (self.known.source, self.known.path) != (self.root, self.record.path)

    @property
    def after(self) -> Known:
        """What is known of it afterwards."""
        renamed = self.record.matched or self.withdrawn
        digest = self.record.metadata_digest if renamed else self.known.metadata_digest
        content = self.content
        return Known(
            self.id, self.root, self.record.path, content.size, content.mtime_ns, self.known.sha256, digest
        )  # fmt: skip


def renewed(old: Poster, renewal: Renewal) -> Poster:
    """Give the poster as it is to be stored."""
    after, record = renewal.after, renewal.record
    flags = dict(zip(old.flags, old.flag_details, strict=True))
    if record.matched:
        flags.pop("no_metadata", None)
    if renewal.withdrawn:
        flags["no_metadata"] = "no row of the table matches this file"
    if renewal.version_of:
        other = renewal.version_of
        flags["another_version"] = f"another picture of {other.id} ({other.path})"
    return replace(
        old,
        id=after.id,
        source=after.source,
        path=after.path,
        film=_film(old, renewal),
        bytes=after.bytes,
        mtime_ns=after.mtime_ns,
        flags=tuple(flags),
        flag_details=tuple(flags.values()),
        metadata_digest=after.metadata_digest,
    )


def _film(old: Poster, renewal: Renewal) -> Film:
    record = renewal.record
    if renewal.withdrawn:
        return record.film
    if renewal.id != old.id:
        learnt = renewal.moved and old.id.startswith("file:")  # which film it is; what was known of it stays
        return completed(record.film, old.film) if learnt else record.film
    if not record.matched:
        return _called_otherwise(old.film, film_of_file(old.path), record.film)
    if renewal.moved:
        return completed(record.film, old.film)
    ids = Film(imdb_id=old.film.imdb_id, tmdb_id=old.film.tmdb_id)
    return record.film if record.identified else completed(record.film, ids)


def _called_otherwise(film: Film, before: Film, now: Film) -> Film:
    """Give what is known of a film whose file got another name: all that was, and what the new name tells besides.

    What only the old name said gives way where the new one says more: a year, or an id, that the old one lacked.

    >>> _called_otherwise(Film(title="alien"), Film(title="alien"), Film(title="Alien", year=1979)).title
    'Alien'
    >>> _called_otherwise(Film(title="Alien", year=1979), Film(title="Alien", year=1979), Film(title="scan 7")).title
    'Alien'
    """
    known = [{name for name in _NAMES if getattr(each, name) is not None} for each in (before, now)]
    if known[0] < known[1]:
        by_name = [name for name in _NAMES if getattr(film, name) == getattr(before, name)]
        film = replace(film, **{name: getattr(now, name) for name in by_name})
    return completed(film, now)
