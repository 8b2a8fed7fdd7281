"""From what a user calls a source to a listing: which kind it is, and who reads that kind."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from posterity.errors import ArgumentError, SourceError
from posterity.registry import Registry
from posterity.runtime.filenames import escape
from posterity.runtime.storage import is_remote
from posterity.settings import names_in, setting
from posterity.sources.listing import Entry, Listing
from posterity.sources.notes import Notes
from posterity.sources.politeness import Politeness

_HERE = "posterity.sources.opening"


@dataclass(frozen=True)
class Ask:
    """What is asked of a source besides its name.

    Attributes:
        politeness: How its pages are requested.
        cache: Folder in which pages are kept.
        images: Where its pictures lie, a folder or an address; None asks the source itself.
        size: Of the pictures, in the source's own words; None takes its default.
        language: Of titles, where a source has several (ISO 639-1).
        limit: At most so many films; None takes all.
        refresh: Ask again for pages that are kept.
        columns: Field -> its column's name, for a table.
    """

    politeness: Politeness
    cache: Path
    images: str | None = None
    size: str | None = None
    language: str | None = None
    limit: int | None = None
    refresh: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)


Opener = Callable[[str, Ask], Listing]

SOURCES: Registry[Opener] = Registry(
    "source",
    {kind: f"{_HERE}:open_{kind}" for kind in ("tmdb", "imdb", "movielens", "impawards", "library", "table")},
    group="posterity.sources",
)
"""Kind of source -> what opens it. Folders are not listings: their files are what there is."""

TMDB_IMAGES = "https://image.tmdb.org/t/p/"
TMDB_SIZES = ("w92", "w154", "w185", "w342", "w500", "w780", "original")


def guess(source: str | os.PathLike[str]) -> str:
    """Guess what kind of source a name is: an address or query by its form, a file by its header, a folder by a look.

    Raises:
        SourceError: It is neither a file nor a folder, nor the name of a source.

    >>> guess("tmdb:discover?year=1999"), guess("https://www.impawards.com/1999/")
    ('tmdb', 'impawards')
    >>> guess("s3://archive/posters")
    'folder'
    """
    name = os.fspath(source)
    if found := re.match(r"(tmdb|impawards):", name):
        return found[1]
    if re.match(r"https?://([\w-]+\.)*impawards\.com(/|$)", name):
        return "impawards"
    if is_remote(name):
        return "folder"
    try:
        there = Path(name).exists()
    except OSError as error:
        raise SourceError(f"{escape(name)} cannot be read: {error.strerror}", "Is its drive or share there?") from error
    if not there:
        raise SourceError(
            f"{escape(name)} does not exist",
            "SOURCE must be a folder of posters, a media library, a table of films, tmdb:QUERY or impawards:YEARS.",
        )
    if os.path.isdir(name):  # noqa: PTH112
        from posterity.sources.library import looks_like_library

        return "library" if looks_like_library(name) else "folder"
    from posterity.sources.tables import kind_of_table

    return kind_of_table(Path(name))


def open_source(source: str, kind: str, ask: Ask) -> Listing:
    """Open a source of a kind.

    Raises:
        UnknownNameError: The kind is unknown.
        ArgumentError: Columns are mapped, but the source is not a table with columns.
        SourceError: It cannot be read.
    """
    if ask.columns and not (kind == "table" or (kind == "tmdb" and os.path.isfile(source))):  # noqa: PTH113
        raise ArgumentError(
            f"a source of the kind {kind!r} has no columns to map", "--column is for tables: --from table."
        )
    listing = SOURCES.get(kind)(source, ask)
    if ask.limit is None:
        return listing
    return replace(listing, entries=islice(listing.entries, ask.limit))


def _label(source: str) -> str:
    return escape(os.path.realpath(source))


def _images(ask: Ask, default: str | None) -> str | None:
    """Give the place of pictures that was asked for, a folder made absolute, or else the source's own."""
    if ask.images is None:
        return default
    if re.match(r"https?://", ask.images, re.IGNORECASE):
        return ask.images
    if is_remote(ask.images):
        return ask.images.rstrip("/")
    if not os.path.isdir(ask.images):  # noqa: PTH112
        raise SourceError(
            f"{escape(ask.images)} is not a folder", "--images must be a folder of pictures or an http address."
        )
    return escape(os.path.realpath(ask.images))


def _tmdb_size(size: str | None) -> str:
    if size is not None and size not in TMDB_SIZES:
        raise ArgumentError(f"invalid size {size!r} for TMDb", f"Sizes: {', '.join(TMDB_SIZES)}.")
    return size or "w342"


def open_tmdb(source: str, ask: Ask) -> Listing:
    """Open a table of TMDb's (a file), or ask TMDb itself (``tmdb:QUERY``)."""
    if os.path.isfile(source):  # noqa: PTH113
        from posterity.sources.tables import header_of
        from posterity.sources.tmdb_table import read_tmdb_table

        images = _images(ask, TMDB_IMAGES + _tmdb_size(ask.size))
        names_images = "posterpath" in header_of(Path(source))
        notes = Notes()
        entries = read_tmdb_table(Path(source), ask.columns, notes)
        return Listing("tmdb", _label(source), entries, images, names_images or "file" in ask.columns, notes)
    if not source.startswith("tmdb:"):
        raise SourceError(f"{escape(source)} does not exist", "Give a table from TMDb, or write tmdb:QUERY.")
    from posterity.sources.tmdb_api import read_tmdb

    query = source.removeprefix("tmdb:")
    asked = read_tmdb(
        query,
        ask.politeness,
        base=setting("tmdb_api"),
        size=_tmdb_size(ask.size),
        language=ask.language,
        limit=ask.limit,
        cache=ask.cache / "tmdb",
        refresh=ask.refresh,
    )
    return Listing("tmdb", f"tmdb:{query}", asked, _images(ask, None))


def open_imdb(source: str, ask: Ask) -> Listing:
    """Open the table ``MovieGenre.csv`` as it is published on Kaggle.

    Raises:
        SourceError: It is one of IMDb's own datasets, which name no pictures.
    """
    if imdb_datasets(source):
        raise SourceError(
            f"{escape(source)} is an IMDb dataset, which names no pictures",
            "Build a catalogue of a folder of posters first; then: posterity enrich -c DIR title.basics.tsv.gz",
        )
    from posterity.sources.imdb import read_moviegenre
    from posterity.sources.tables import header_of

    names_images = "poster" in header_of(Path(source))
    notes = Notes()
    return Listing(
        "imdb", _label(source), read_moviegenre(Path(source), notes), _images(ask, None), names_images, notes
    )


def imdb_datasets(source: str | os.PathLike[str]) -> list[Path]:
    """Find IMDb's non-commercial datasets: a file of theirs by its name, or those in a folder; none where it is else.

    >>> imdb_datasets("movies.csv")
    []
    """
    path = Path(source)
    found = sorted(path.glob("title.*.tsv*")) if path.is_dir() else [path]
    return [file for file in found if re.fullmatch(r"title\.(basics|ratings)\.tsv(\.gz)?", file.name)]


def open_imdb_datasets(paths: list[Path], wanted: Collection[str]) -> Listing:
    """Open IMDb's datasets for the films of the ids that are wanted."""
    from posterity.sources.imdb import read_imdb_datasets

    entries = (Entry(identity, film) for identity, film in read_imdb_datasets(paths, wanted))
    return Listing("imdb", ", ".join(_label(os.fspath(path)) for path in paths), entries)


def open_movielens(source: str, ask: Ask) -> Listing:
    """Open MovieLens' ``movies.csv`` and ``links.csv``."""
    from posterity.sources.imdb import read_movielens

    notes = Notes()
    return Listing("movielens", _label(source), read_movielens(Path(source), notes), _images(ask, None), notes=notes)


def open_table(source: str, ask: Ask) -> Listing:
    """Open a table of the user's own, whose rows name files below its own folder, or addresses, which are asked.

    Where a folder of pictures is named (``images``), addresses are the names of copies in it.
    """
    from posterity.sources.metadata import read_table

    here = escape(os.path.realpath(Path(source).parent))
    notes = Notes()
    entries = read_table(Path(source), ask.columns, notes)
    return Listing("table", _label(source), entries, _images(ask, here), notes=notes, fetches=ask.images is None)


def open_library(source: str, ask: Ask) -> Listing:
    """Open a media library."""
    from posterity.sources.library import read_library

    root = os.path.realpath(source)
    return Listing("library", escape(root), read_library(root), escape(root))


def open_impawards(source: str, ask: Ask) -> Listing:
    """Open years of IMP Awards: ``impawards:1999``, ``impawards:1990-1999`` or the address of a year."""
    from posterity.sources.impawards import crawl

    years = _years(source)
    entries = crawl(
        years,
        ask.politeness,
        base=setting("impawards_site"),
        size=ask.size or "standard",
        cache=ask.cache / "impawards",
        refresh=ask.refresh,
    )
    return Listing("impawards", f"impawards:{','.join(map(str, years))}", entries, _images(ask, None))


def _years(source: str) -> list[int]:
    """Read years: ``1999``, ``1990-1999``, ``1950,1960``, or the address of a year's page."""
    text = re.sub(r"^(impawards:|https?://[^/]*/?)", "", source).strip("/")
    years: list[int] = []
    for part in names_in(text, "years"):
        found = re.fullmatch(r"(\d{4})(?:-(\d{4}))?(?:/.*)?", part)
        last = int(found[2] or found[1]) if found else 0
        if not found or not 1900 <= int(found[1]) <= last <= 2100:
            raise ArgumentError(f"invalid years {source!r}", "Write impawards:1999 or impawards:1990-1999.")
        years += range(int(found[1]), last + 1)
    return sorted(set(years))
