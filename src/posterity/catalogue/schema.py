"""The tables of a catalogue, and the typed rows that cross its border.

``posters`` is the truth: one row a poster. The other tables hang on it: ``thumbnails`` by content, ``findings`` (what
was dropped, and why) by source and path, ``claims`` (what each kind of source says of a film) by film and origin,
``views`` (named choices of posters), ``grids``, ``layouts``, ``splits``, ``models`` and their ``predictions`` by name,
``results`` (of experiments' runs) by key, ``atlases`` (pages of sprites) by digest, ``artefacts`` (what made each
derived thing), ``runs`` (the counts of each build) and ``meta`` (the format version).

Thumbnails stand apart from ``posters`` because the store rewrites a whole row when one of its columns changes: with
them inside, storing 7,056 vectors of 128 numbers took 800 ms and 53 MB of disk; apart, 120 ms and 4 MB (measured).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import pyarrow as pa

FORMAT_VERSION = 1
"""Raised when an older Posterity could no longer read what this one writes."""

VECTOR_PREFIX = "vector_"
VIEW_PREFIX = "view_"
"""Of the names of artefacts: which of them are vectors, and which views."""

_MARK = re.compile(r"@[0-9a-f]{8}$")
"""Ends the id of a second picture of a film."""


@dataclass(frozen=True)
class Film:
    """What is known of a poster's film; every value may be missing.

    Money is as given, in ``currency`` (ISO 4217; None where the source names none, which for TMDb means US dollars),
    popularity is TMDb's, runtime in minutes, release_date in ISO form, original_language an ISO 639-1 code.
    """

    imdb_id: str | None = None
    tmdb_id: int | None = None
    title: str | None = None
    year: int | None = None
    genres: tuple[str, ...] = ()
    budget: int | None = None
    revenue: int | None = None
    currency: str | None = None
    popularity: float | None = None
    vote_average: float | None = None
    vote_count: int | None = None
    runtime: float | None = None
    release_date: str | None = None
    original_language: str | None = None
    collection: str | None = None


def film_names(imdb_id: str | None, tmdb_id: int | None, identity: str | None = None) -> tuple[str, ...]:
    """Give the names that a film goes by, each once, the one that decides first.

    Args:
        imdb_id: Its IMDb id, where it is known.
        tmdb_id: Its TMDb id, likewise.
        identity: The id of a poster of it, which names it last.

    >>> film_names("tt0113277", 949), film_names(None, 949, "file:heat.jpg"), film_names(None, None)
    (('tt0113277', 'tmdb:949'), ('tmdb:949', 'file:heat.jpg'), ())
    """
    tmdb = None if tmdb_id is None else f"tmdb:{tmdb_id}"
    own = None if identity is None else film_part(identity)
    return tuple(dict.fromkeys(name for name in (imdb_id, tmdb, own) if name))


def film_key(identity: str, imdb_id: str | None, tmdb_id: int | None) -> str:
    """Tell which film a poster shows: its IMDb id, its TMDb id, or else what the poster's own id says.

    Two posters are of the same film where this is the same. Nobody decides it otherwise; titles and years do not, as
    remakes share them.
    """
    return film_names(imdb_id, tmdb_id, identity)[0]


def film_part(identity: str) -> str:
    """Give a poster's id without the mark of another version.

    >>> film_part("tt0113277@3f2a9c01"), film_part("file:me@home.jpg")
    ('tt0113277', 'file:me@home.jpg')
    """
    return _MARK.sub("", identity)


@dataclass(frozen=True)
class Poster:
    """One row of the catalogue.

    Attributes:
        id: The IMDb id where known, else ``tmdb:N``, else ``file:`` and the path.
        source: The folder that it came from, as an absolute path. (One inside the catalogue is stored relative to it,
            so that a catalogue with its downloads can be moved.)
        path: The file below ``source``, in the escaped form of :func:`posterity.runtime.filenames.escape`.
        film: What is known of the film.
        format: Of the file: "JPEG", ...
        mode: Of its pixels, in Pillow's names.
        width: In pixels, upright.
        height: Likewise.
        bytes: The file's size.
        mtime_ns: The file's time of change; 0 where it is too fresh to be trusted.
        sha256: Of the file's content, in hexadecimal.
        phash: 64-bit perceptual hash.
        flags: Codes of what a person may want to know: "animated", "near_duplicate", ...
        flag_details: A sentence for each flag.
        metadata_digest: Digest of ``film`` and where it came from; tells whether metadata changed.
    """

    id: str
    source: str
    path: str
    film: Film
    format: str
    mode: str
    width: int
    height: int
    bytes: int
    mtime_ns: int
    sha256: str
    phash: int
    flags: tuple[str, ...] = ()
    flag_details: tuple[str, ...] = ()
    metadata_digest: str = ""


@dataclass(frozen=True)
class Finding:
    """Something of a source that did not become a poster.

    Attributes:
        source: The folder or table it stood in.
        item: The file's path below it, or "row N".
        kind: "dropped" for files, "unmatched_row" for rows of a table that no file belongs to.
        reason: A code that reports count by.
        detail: What exactly was wrong.
        poster_id: The id it would have had, where known.
        bytes: The file's size, with mtime_ns and rules what shows that it need not be read again.
        mtime_ns: The file's time of change.
        sha256: Of the content where it was read.
        rules: Digest of the limits it was judged by.
    """

    source: str
    item: str
    kind: str
    reason: str
    detail: str
    poster_id: str | None = None
    bytes: int = 0
    mtime_ns: int = 0
    sha256: str | None = None
    rules: str = ""


@dataclass(frozen=True)
class Claim:
    """What one kind of source says of a film; where two disagree, both stay, and a precedence decides.

    Attributes:
        film_id: The film's id as that source gives it: as a poster's, without the mark of another version.
        origin: The kind of source: "table", "tmdb", "imdb", ...
        item: Where it says so: source and row or file.
        film: What it says, genres as given.
        digest: Of all that, to tell whether it changed.
    """

    film_id: str
    origin: str
    item: str
    film: Film
    digest: str


@dataclass(frozen=True)
class Artefact:
    """What made a derived thing, so that a stale one is known as such.

    Attributes:
        name: Of the thing: "vector_colour", "wall_content_poster", ...
        kind: "vectors", "grid", "layout", "index", "flags" or "view".
        encoder: The encoder's name.
        fingerprint: The encoder's fingerprint.
        parameters: JSON of every parameter, the seed among them.
        versions: JSON of the versions of Posterity and the libraries that decide the numbers.
        catalogue_version: The version of ``posters`` that it was made from.
        inputs: The key of all that it was made from (:mod:`posterity.catalogue.provenance`).
        scores: JSON of its quality measures.
        created_at: When, in UTC.
    """

    name: str
    kind: str
    encoder: str
    fingerprint: str
    parameters: str
    versions: str
    catalogue_version: int
    inputs: str
    scores: str
    created_at: datetime

    @property
    def readable(self) -> bool:
        """Whether its parameters and scores are the JSON objects that they should be."""
        try:
            return all(isinstance(json.loads(text), dict) for text in (self.parameters, self.scores))
        except (ValueError, TypeError):
            return False


@dataclass(frozen=True)
class Result:
    """One run of an experiment.

    Attributes:
        key: Digest of all that decides it: what it is found again by.
        experiment: Which declared it.
        spec: JSON of what was run.
        figures: JSON of its scores and its cost.
        data: Its predictions, as ``.npz``.
        created_at: When, in UTC.
    """

    key: str
    experiment: str
    spec: str
    figures: str
    data: bytes
    created_at: datetime


_TYPES: dict[str, pa.DataType] = {
    "str": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "tuple[str, ...]": pa.list_(pa.string()),
    "bytes": pa.binary(),
    "datetime": pa.timestamp("us", tz="UTC"),
}


def _arrow_fields(kind: type[Any]) -> list[pa.Field]:
    """Derive the columns of a table from its dataclass, so that each is declared once."""
    columns = []
    for item in fields(kind):
        annotation = str(item.type)
        if annotation == "Film":
            columns += _arrow_fields(Film)
        elif item.name == "phash":
            columns.append(pa.field("phash", pa.uint64()))
        else:
            columns.append(pa.field(item.name, _TYPES[annotation.removesuffix(" | None")]))
    return columns


POSTERS = pa.schema(_arrow_fields(Poster))
FINDINGS = pa.schema(_arrow_fields(Finding))
ARTEFACTS = pa.schema(_arrow_fields(Artefact))
CLAIMS = pa.schema(_arrow_fields(Claim))
VIEWS = pa.schema([("name", pa.string()), ("id", pa.string()), ("labels", pa.list_(pa.string()))])
THUMBNAILS = pa.schema([("sha256", pa.string()), ("jpeg", pa.binary())])
_PLACED = [("name", pa.string()), ("id", pa.string())]
_SHOWN = [("sha256", pa.string())]  # of the picture that was placed; a catalogue of an older Posterity lacks it
GRIDS = pa.schema([*_PLACED, ("row", pa.int32()), ("col", pa.int32()), *_SHOWN])
LAYOUTS = pa.schema([*_PLACED, ("x", pa.float64()), ("y", pa.float64()), ("cluster", pa.int32()), *_SHOWN])
RUNS = pa.schema(
    [("source", pa.string()), ("finished_at", _TYPES["datetime"]), ("counts", pa.string())]  # counts: JSON
)
SPLITS = pa.schema(
    [("name", pa.string()), ("id", pa.string()), ("part", pa.string()), ("labels", pa.list_(pa.string()))]
)
MODELS = pa.schema([("name", pa.string()), ("data", pa.binary())])
_NUMBERS = pa.list_(pa.float32())
PREDICTIONS = pa.schema(
    [("name", pa.string()), ("id", pa.string()), ("values", _NUMBERS), ("low", _NUMBERS), ("high", _NUMBERS)]
)
RESULTS = pa.schema(_arrow_fields(Result))
ATLASES = pa.schema([("key", pa.string()), ("jpeg", pa.binary()), ("palettes", pa.binary())])
META = pa.schema([("key", pa.string()), ("value", pa.string())])

TABLES = {
    "posters": POSTERS,
    "thumbnails": THUMBNAILS,
    "findings": FINDINGS,
    "artefacts": ARTEFACTS,
    "claims": CLAIMS,
    "views": VIEWS,
    "grids": GRIDS,
    "layouts": LAYOUTS,
    "splits": SPLITS,
    "models": MODELS,
    "predictions": PREDICTIONS,
    "results": RESULTS,
    "atlases": ATLASES,
    "runs": RUNS,
    "meta": META,
}

KEYS = {
    "posters": ("id",),
    "thumbnails": ("sha256",),
    "findings": ("source", "kind", "item"),
    "artefacts": ("name",),
    "claims": ("film_id", "origin"),
    "views": ("name", "id"),
    "grids": ("name", "id"),
    "layouts": ("name", "id"),
    "splits": ("name", "id", "part"),
    "models": ("name",),
    "predictions": ("name", "id"),
    "results": ("key",),
    "atlases": ("key",),
    "meta": ("key",),
}
"""Table -> what no two of its rows may share. The store itself does not mind two."""

FILM_FIELDS = tuple(item.name for item in fields(Film))


def to_row(what: Poster | Claim) -> dict[str, Any]:
    """Flatten a poster or a claim, with its film, into the columns of its table."""
    row = {item.name: getattr(what, item.name) for item in fields(what) if item.name != "film"}
    return row | {name: getattr(what.film, name) for name in FILM_FIELDS}


def row_to_poster(row: dict[str, Any]) -> Poster:
    """Undo :func:`to_row`; columns that do not belong to a poster are left out."""
    own = {item.name: row[item.name] for item in fields(Poster) if item.name != "film"}
    own |= {"flags": tuple(row["flags"] or ()), "flag_details": tuple(row["flag_details"] or ())}
    return Poster(film=_film(row), **own)


def row_to_claim(row: dict[str, Any]) -> Claim:
    """Undo :func:`to_row`."""
    return Claim(film=_film(row), **{item.name: row[item.name] for item in fields(Claim) if item.name != "film"})


def _film(row: dict[str, Any]) -> Film:
    return Film(**{name: row[name] for name in FILM_FIELDS} | {"genres": tuple(row["genres"] or ())})
