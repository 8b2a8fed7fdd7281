"""A listing of films -> files: rules are applied, pictures found or downloaded, and every row gets one answer."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from posterity.catalogue.schema import Film
from posterity.ingest.intake import Intake
from posterity.ingest.sifting import sift
from posterity.runtime.filenames import escape, unescape
from posterity.runtime.storage import Remote, listed, put_file, status_of, unreachable
from posterity.sources.downloads import DownloadReport, Job, Plan, check_address, download, plan
from posterity.sources.folder import File, walk
from posterity.sources.genres import normalised
from posterity.sources.listing import Entry, Listing, Skipped
from posterity.sources.matching import Named, assign, named, stem
from posterity.sources.metadata import completed, film_of_file
from posterity.sources.notes import Notes, some
from posterity.sources.politeness import FetchError, Politeness
from posterity.sources.records import Record
from posterity.sources.rules import Rules

NO_POSTER = "no_poster"
DEAD_LINK = "dead_link"
_REASONS = {"missing": DEAD_LINK}
"""Reasons of requests that go by another name here; all others keep theirs."""


@dataclass(frozen=True, slots=True)
class Row:
    """An entry that the rules let through: the film as given and normalised, and what its file is called."""

    entry: Entry
    film: Film
    name: str

    @property
    def named(self) -> str:
        """What names it in reports."""
        return self.entry.item


def sifted(listing: Listing, rules: Rules, imdb_ids: Mapping[int, str] | None = None) -> Iterator[Row | Skipped]:
    """Apply the rules to a listing, in its order: a row for each entry let through, a reason for each other.

    Entries are read one at a time, unless films are chosen by genre: then all must be known first.
    """
    active = [name for name in rules.active() if name != "duplicate_id" or _films_once(listing, rules)]

    def refuse(row: Row, reason: str, detail: str) -> Skipped:
        return Skipped(row.named, reason, detail, picture=_relative(row.entry, listing))

    names: dict[str, str] = {}
    for item in sift(_normalised(listing, imdb_ids or {}), rules, active, refuse, listing.label):
        yield item if isinstance(item, Skipped) else replace(item, name=_name(item, names))


def _films_once(listing: Listing, rules: Rules) -> bool:
    """Tell whether a film that comes again is to be dropped: not where it comes in several versions on purpose."""
    return listing.origin not in ("library", "impawards") or "duplicate_id" in rules.drop


def _normalised(listing: Listing, imdb_ids: Mapping[int, str]) -> Iterator[Row | Skipped]:
    for entry in listing.entries:
        if isinstance(entry, Skipped):
            yield replace(entry, reason=_REASONS.get(entry.reason, entry.reason))
            continue
        film = replace(entry.film, genres=normalised(entry.film.genres, listing.origin))
        if film.imdb_id is None and film.tmdb_id is not None:
            film = replace(film, imdb_id=imdb_ids.get(film.tmdb_id))
        yield Row(entry, film, "")


def _name(row: Row, names: dict[str, str]) -> str:
    """Name a row's download: by the source, else by the film's id, else by its address; never two alike."""
    film, address = row.film, row.entry.image or row.entry.item
    digest = hashlib.sha256(address.encode()).hexdigest()[:12]
    name = row.entry.name or film.imdb_id or (f"tmdb-{film.tmdb_id}" if film.tmdb_id is not None else digest)
    if names.setdefault(name.lower(), address) != address:
        name = f"{name}-{digest[:8]}"
        names[name.lower()] = address
    return name


def _relative(entry: Entry, listing: Listing) -> str | None:
    """Give the path below the folder of pictures that an entry names, if it names one."""
    lies_here = entry.image and not _is_address(entry.image) and not _is_address(listing.images or "")
    return "/".join(map(escape, name.parts)) if lies_here and (name := _named(entry.image or "")) else None


def _is_address(text: str) -> bool:
    return re.match(r"https?://", text, re.IGNORECASE) is not None


# --- pictures that lie in a folder ---------------------------------------------------------------------------------


def of_local(
    listing: Listing, rules: Rules, fetching: Fetching | None = None, imdb_ids: Mapping[int, str] | None = None
) -> Intake:
    """Make a listing ready whose pictures lie in a folder (``listing.images``).

    A row's picture is the file that it names (:mod:`posterity.sources.matching`); else the file whose name, without its
    ending, is one of the film's ids. Where a table names pictures, a row that names none has none.

    Args:
        listing: The source.
        rules: Which rows to take.
        fetching: How the pictures of rows that name addresses are downloaded, where they are (``listing.fetches``).
        imdb_ids: TMDb id -> IMDb id, where they are known.

    Raises:
        StorageError: Downloads cannot be written.
    """
    assert listing.images is not None  # noqa: S101
    items = list(sifted(listing, rules, imdb_ids))
    here, away = _parted(items, listing)
    there: Iterator[Record | Skipped] = iter(())
    others: tuple[str, ...] = ()
    if away and fetching is not None:
        root, downloaded = _downloaded(away, listing, fetching)
        there, others = (replace(r, root=root) if isinstance(r, Record) else r for r in downloaded), (root,)
    found = _in_order(items, set(map(id, away)), _local(here, listing), there)
    return Intake(
        listing.label, listing.images, found, len(items), None, True, imdb_ids or {}, listing.notes, others=others
    )


def _parted(items: Sequence[Row | Skipped], listing: Listing) -> tuple[list[Row | Skipped], list[Row]]:
    """Tell items apart: those decided on here, and rows whose pictures are downloaded."""
    away = [row for row in items if isinstance(row, Row) and _is_asked(row, listing)]
    asked = set(map(id, away))
    return [item for item in items if id(item) not in asked], away


def _is_asked(row: Row, listing: Listing) -> bool:
    """Tell whether a row's picture is downloaded."""
    image = row.entry.image
    if image is None:
        return False
    return listing.images is None or _is_address(listing.images) or (listing.fetches and _is_address(image))


def _in_order(
    items: Sequence[Row | Skipped], away: set[int], here: Iterator[Record | Skipped], there: Iterator[Record | Skipped]
) -> Iterator[Record | Skipped]:
    """Give what became of items, in their own order."""
    for item in items:
        yield next(there if id(item) in away else here)


def _local(items: Sequence[Row | Skipped], listing: Listing) -> Iterator[Record | Skipped]:
    assert listing.images is not None  # noqa: S101
    return _found(items, _Folder(listing.images, listing.origin != "table", listing.notes), listing)


class _Folder:
    """A folder of pictures, listed where a name does not lead straight to a file.

    Args:
        root: The folder, escaped.
        loose: Whether names are those of files elsewhere, of which a copy may have another ending.
        notes: Takes down what was guessed.
    """

    def __init__(self, root: str, loose: bool, notes: Notes) -> None:
        self.root = root
        self.loose = loose
        self.notes = notes
        self.unclear: dict[str, Sequence[str]] = {}

    @cached_property
    def files(self) -> dict[str, File]:
        """The files there are, by their paths."""
        return {unescape(item.path): item for item in walk(unescape(self.root)) if isinstance(item, File)}

    @cached_property
    def stems(self) -> dict[str, File]:
        """The files by their names without ending, in lower case; the first by path of those that share one.

        A bare number that comes again in another folder only counts pictures there, and is left out.
        """
        found: dict[str, File] = {}
        folders: dict[str, set[str]] = {}
        for path, file in self.files.items():
            folder, _, name = path.rpartition("/")
            key = stem(name).lower()
            found.setdefault(key, file)
            folders.setdefault(key, set()).add(folder)
        return {key: file for key, file in found.items() if len(folders[key]) == 1 or not key.isdecimal()}

    def match(self, rows: Sequence[Row]) -> dict[str, File]:
        """Find rows' files: item -> file."""
        found: dict[str, File] = {}
        names: dict[str, Named] = {}
        for row in rows:
            if row.entry.image is None:
                continue
            if file := self._straight(row.entry.image):
                found[row.entry.item] = file
            if name := _named(row.entry.image, self.loose):
                names[row.entry.item] = name
        if len(found) < sum(row.entry.image is not None for row in rows):
            joined = assign(names, self.files, unescape(self.root))
            found = {item: self.files[path] for item, path in joined.files.items()} | found
            self.unclear = joined.unclear
            for sentence in joined.sentences(names):
                self.notes.add(sentence)
        for row in rows:
            if row.entry.item not in found and (file := self._by_ids(row.film)):
                found[row.entry.item] = file
        return found

    def _straight(self, image: str) -> File | None:
        """Give the file that lies where a row says, without listing the folder."""
        if _is_address(image) or ".." in re.split(r"[/\\]", unescape(image)):
            return None
        path = image.lstrip("/")
        try:
            status = status_of(self.root, path)
        except (OSError, ValueError):
            return None
        return File(path, status.size, status.mtime_ns)

    def _by_ids(self, film: Film) -> File | None:
        tmdb = [f"{film.tmdb_id}", f"tmdb-{film.tmdb_id}"] if film.tmdb_id is not None else []
        imdb = [film.imdb_id, film.imdb_id[2:], film.imdb_id[2:].lstrip("0")] if film.imdb_id else []
        return next((self.stems[name] for name in (*imdb, *tmdb) if name in self.stems), None)


def _named(image: str, loose: bool = False) -> Named | None:
    return named(image if _is_address(image) else unescape(image), loose)


def _found(items: Sequence[Row | Skipped], files: _Folder, listing: Listing) -> Iterator[Record | Skipped]:
    taken: dict[str, str] = {}
    matched: dict[str, File] | None = None
    for row in items:
        if isinstance(row, Skipped):
            yield row
            continue
        if listing.names_images and row.entry.image is None:
            yield Skipped(row.entry.item, NO_POSTER, "it names no picture")
            continue
        if matched is None:
            matched = files.match([item for item in items if isinstance(item, Row)])
        if (file := matched.get(row.entry.item)) is None:
            yield _without_file(row, files)
        elif file.path in taken:
            yield Skipped(row.entry.item, "duplicate", f"{taken[file.path]} has the same picture, {file.path}")
        else:
            taken[file.path] = row.entry.item
            yield _record(row, file, listing.origin)


def _without_file(row: Row, files: _Folder) -> Skipped:
    item, image = row.entry.item, row.entry.image
    if image is None:
        return Skipped(item, NO_POSTER, "it names no picture, and none is named by its ids")
    if several := files.unclear.get(item):
        return Skipped(
            item, "ambiguous", f"{image} could be {escape(some(several, 3))}, or another row's: none is taken"
        )
    return Skipped(item, DEAD_LINK, f"{image} is not in {files.root}")


def _record(row: Row, file: File, origin: str) -> Record:
    film = completed(row.film, film_of_file(file.path))
    return Record(
        file.path, file.size, file.mtime_ns, film, True, row.entry.film, origin, row.entry.item, row.entry.faults
    )


# --- pictures that are downloaded ----------------------------------------------------------------------------------


def address_of(image: str, base: str | None, override: bool) -> str:
    """Give the address of a picture that a row names.

    Args:
        image: What the row names: an address, or an escaped path.
        base: Where paths lie.
        override: Whether the base also stands for where addresses lead to: only their last part is kept then.

    >>> address_of("/a b.jpg", "https://image.tmdb.org/t/p/w342/", False)
    'https://image.tmdb.org/t/p/w342/a%20b.jpg'
    >>> address_of("https://images.example.com/M/x.jpg?y", "http://127.0.0.1:8000", True)
    'http://127.0.0.1:8000/x.jpg'
    """
    if _is_address(image) and not (base and override):
        return image
    name = _named(image)
    return f"{(base or '').rstrip('/')}/{quote('/'.join(name.parts) if name else '')}"


@dataclass(frozen=True)
class Fetching:
    """How pictures are downloaded.

    Attributes:
        folder: Where to: a folder of the catalogue.
        politeness: How requests are made.
        mirror: Where in an object store they are copied to; None leaves them here.
        override: Whether ``listing.images`` also stands for where rows' addresses lead to.
        refresh: Ask again for what is here already, whether it changed.
        show_progress: As for a build.
    """

    folder: Path
    politeness: Politeness
    mirror: Remote | None = None
    override: bool = False
    refresh: bool = False
    show_progress: bool | None = None


def of_remote(listing: Listing, rules: Rules, fetching: Fetching, imdb_ids: Mapping[int, str] | None = None) -> Intake:
    """Make a listing ready whose pictures are downloaded first; what is here already is not asked for again.

    Raises:
        StorageError: The downloads cannot be written.
    """
    items = list(sifted(listing, rules, imdb_ids))
    here, away = _parted(items, listing)
    root, there = _downloaded(away, listing, fetching)
    found = _in_order(items, set(map(id, away)), map(_without_image, here), there)
    return Intake(listing.label, root, found, len(items), None, True, imdb_ids or {}, listing.notes)


def _without_image(item: Row | Skipped) -> Skipped:
    return item if isinstance(item, Skipped) else Skipped(item.entry.item, NO_POSTER, "it names no picture")


def _downloaded(rows: Sequence[Row], listing: Listing, fetching: Fetching) -> tuple[str, Iterator[Record | Skipped]]:
    """Download rows' pictures: the folder that they lie in then, and what became of each row."""
    report = download(
        list(_jobs(rows, listing, fetching).values()),
        fetching.folder,
        fetching.politeness,
        refresh=fetching.refresh,
        show_progress=fetching.show_progress,
    )
    root = escape(os.path.realpath(fetching.folder))
    if fetching.mirror is not None:
        _copied(fetching.folder, fetching.mirror, report)
        root = escape(str(fetching.mirror))

    def found() -> Iterator[Record | Skipped]:
        for row in rows:
            outcome = report.outcomes[row.entry.item]
            if outcome.path is None:
                yield Skipped(row.entry.item, _REASONS.get(outcome.status, outcome.status), outcome.detail)
                continue
            status = status_of(root, escape(outcome.path))
            yield _record(row, File(escape(outcome.path), status.size, status.mtime_ns), listing.origin)

    return root, found()


def _copied(folder: Path, mirror: Remote, report: DownloadReport) -> None:
    """Copy downloads to the object store, those that are new or not there yet."""
    try:
        there = {key: status.size for key, status in listed(mirror)}
        for outcome in report.outcomes.values():
            if outcome.path is not None and (outcome.status == "ok" or there.get(outcome.path) != outcome.bytes):
                put_file(mirror / outcome.path, folder / outcome.path)
    except OSError as error:
        raise unreachable(mirror, error) from error


def planned(
    listing: Listing, rules: Rules, fetching: Fetching, imdb_ids: Mapping[int, str] | None = None
) -> tuple[Plan, dict[str, int]]:
    """Say what a build of this listing would download, and why it would drop what: reason -> how many."""
    here, away = _parted(list(sifted(listing, rules, imdb_ids)), listing)
    local = listing.images is not None and not _is_address(listing.images)
    found = list(_local(here, listing) if local else map(_without_image, here))
    dropped = Counter(item.reason for item in found if isinstance(item, Skipped))
    lie_here = len(found) - dropped.total()
    jobs = []
    for job in _jobs(away, listing, fetching).values():
        try:
            check_address(job.url, fetching.politeness)
            jobs.append(job)
        except FetchError as error:  # no build would ask it
            dropped[error.reason] += 1
    made = plan(jobs, fetching.folder, fetching.politeness, refresh=fetching.refresh)
    return replace(made, total=made.total + lie_here, have=made.have + lie_here), dict(sorted(dropped.items()))


def _jobs(rows: Iterable[Row], listing: Listing, fetching: Fetching) -> dict[str, Job]:
    """Make the downloads of rows, by item."""
    return {
        row.entry.item: Job(row.entry.item, address_of(row.entry.image, listing.images, fetching.override), row.name)
        for row in rows
        if row.entry.image is not None
    }
