"""IMDb's films: Kaggle's ``MovieGenre.csv``, IMDb's own datasets, and MovieLens, which joins IMDb's ids and TMDb's."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from posterity.catalogue.schema import Film
from posterity.errors import SourceError
from posterity.runtime.filenames import escape
from posterity.sources import values
from posterity.sources.columns import plain_name
from posterity.sources.delimited import decoded, lines_of, opened
from posterity.sources.listing import Entry, Skipped
from posterity.sources.notes import Notes
from posterity.sources.tables import Numbered, Reading, open_table

T = TypeVar("T")

_TITLE = re.compile(r"^(.*\S)\s*\((\d{4})\)\s*$", re.DOTALL)
_ARTICLE = re.compile(r"^(.*), (The|A|An|Les|La|Le|L'|Il|El|Los|Las|Das|Der|Die|Det|Den)$", re.DOTALL)


def _table(path: Path, wanted: set[str], what: str, notes: Notes) -> tuple[Reading, Numbered]:
    """Open a table that has certain columns: what reads its rows, and its rows."""
    table = open_table(path, notes)
    names = [plain_name(name) for name in table.header]
    if missing := wanted - set(names):
        raise SourceError(
            f"{escape(str(path))} is not {what}: it has no column {', '.join(sorted(missing))}",
            "For a table of your own: --from table.",
        )
    return Reading({name: place for place, name in reversed(list(enumerate(names)))}), table.rows


def _title_and_year(cell: object) -> tuple[str | None, int | None]:
    written = values.text(cell)
    if written and len(written) <= values.LONGEST_NAME and (found := _TITLE.match(written)):
        return found[1], int(found[2])
    return written, None


def read_moviegenre(path: Path, notes: Notes | None = None) -> Iterator[Entry | Skipped]:
    """Read ``MovieGenre.csv``: titles as "Heat (1995)", genres with ``|`` between, posters as addresses.

    Raises:
        SourceError: It cannot be read, or has other columns.
    """
    reading, rows = _table(path, {"imdbid", "title"}, "MovieGenre.csv", notes or Notes())
    for number, cells in rows:
        item = f"row {number}"
        if isinstance(cells, str):
            yield Skipped(item, "bad_row", cells)
            continue
        reading.start(cells)
        imdb_id = reading.get("imdbid", values.imdb_id)
        if imdb_id is None:
            yield Skipped(item, "bad_row", f"{cells[reading.columns['imdbid']][:40]!r} is not an IMDb id")
            continue
        title, year = reading.get("title", _title_and_year) or (None, None)
        poster = reading.get("poster", values.text)
        faults = reading.faults
        if poster and not values.is_address(poster):
            faults, poster = [*faults, f"poster: {poster[:80]!r} is not an http address"], None
        film = Film(
            imdb_id=imdb_id,
            title=title,
            year=year,
            genres=reading.get("genre", values.names) or (),
            vote_average=reading.get("imdbscore", values.number),
        )
        yield Entry(item, film, poster, faults=tuple(faults))


# --- IMDb's own datasets -------------------------------------------------------------------------------------------


def read_imdb_datasets(paths: Collection[Path], wanted: Collection[str]) -> Iterator[tuple[str, Film]]:
    """Read ``title.basics.tsv.gz`` and ``title.ratings.tsv.gz`` (or one of them), for the films that are wanted.

    Ten million rows stream by; only the films of wanted ids are made, and only their ratings held.

    Args:
        paths: The files, distinguished by their headers.
        wanted: IMDb ids.

    Raises:
        SourceError: A file cannot be read to its end, or is neither of the two.
    """
    ids = {identity.encode() for identity in wanted}
    ratings: dict[str, tuple[float | None, int | None]] = {}
    basics = []
    for path in paths:
        header, rows = _tsv(path, ids)
        if "averagerating" in header:
            for identity, cells in rows:
                average, votes = (*cells[1:3], None, None)[:2]
                ratings[identity] = _read(values.number, average), _read(values.whole, votes)
        elif "primarytitle" in header:
            basics.append((header, rows))
        else:
            raise SourceError(
                f"{escape(str(path))} is neither IMDb's title.basics nor title.ratings", "Use one of these."
            )
    for header, rows in basics:
        place = {name: index for index, name in enumerate(header)}
        for identity, cells in rows:
            yield identity, _rated(_film_of_basics(identity, cells, place), ratings.pop(identity, None))
    for identity, rating in ratings.items():
        yield identity, _rated(Film(imdb_id=identity), rating)


def _rated(film: Film, rating: tuple[float | None, int | None] | None) -> Film:
    return replace(film, vote_average=rating[0], vote_count=rating[1]) if rating else film


def _film_of_basics(identity: str, cells: list[str], place: Mapping[str, int]) -> Film:
    def cell(name: str) -> object:
        index = place.get(name, len(cells))
        return cells[index] if index < len(cells) else None

    return Film(
        imdb_id=identity,
        title=values.text(cell("primarytitle")),
        year=_read(values.year, cell("startyear")),
        genres=_read(values.names, cell("genres")) or (),
        runtime=_read(values.number, cell("runtimeminutes")),
    )


def _read(parse: Callable[[object], T], cell: object) -> T | None:
    try:
        return parse(cell)
    except (ValueError, OverflowError):
        return None


def _tsv(path: Path, ids: set[bytes]) -> tuple[list[str], Iterator[tuple[str, list[str]]]]:
    """Open a dataset: its header, and the rows of the ids that are wanted. Quotes mean nothing in it."""
    shown = escape(str(path))

    def failed(error: Exception, number: int) -> SourceError:
        return SourceError(f"{shown}, line {number}: cannot be read further: {error}", "Download it again.")

    try:
        with opened(path) as file:
            first = next(lines_of(file), b"")
    except (OSError, EOFError, zlib.error) as error:
        raise failed(error, 1) from error
    header = [plain_name(name) for name in decoded(first).rstrip("\r\n").split("\t")]

    def rows() -> Iterator[tuple[str, list[str]]]:
        number = 0
        try:
            with opened(path) as file:
                for number, line in enumerate(lines_of(file), 1):  # noqa: B007
                    # Ten million times: the id's bytes decide before anything else is done with a line.
                    if line[: line.find(b"\t")] in ids:
                        cells = decoded(line).rstrip("\r\n").split("\t")
                        yield cells[0], cells
        except (OSError, EOFError, zlib.error) as error:
            raise failed(error, number + 1) from error

    return header, rows()


# --- MovieLens -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Links:
    """Which ids are one film: IMDb id -> TMDb id and back; where a file says it twice, the first holds.

    Attributes:
        tmdb_of: IMDb id -> TMDb id.
        imdb_of: TMDb id -> IMDb id.
        faults: What was wrong or given twice, one sentence each.
    """

    tmdb_of: Mapping[str, int]
    imdb_of: Mapping[int, str]
    faults: tuple[str, ...]


def read_links(path: Path, notes: Notes | None = None) -> Links:
    """Read MovieLens' ``links.csv``.

    Raises:
        SourceError: It cannot be read, or has other columns.
    """
    tmdb_of: dict[str, int] = {}
    imdb_of: dict[int, str] = {}
    faults = []
    for number, _, film in _linked(path, notes or Notes()):
        if isinstance(film, str):
            faults.append(f"line {number}: {film}")
        elif film.imdb_id and film.tmdb_id is not None:
            known = tmdb_of.setdefault(film.imdb_id, film.tmdb_id), imdb_of.setdefault(film.tmdb_id, film.imdb_id)
            if known != (film.tmdb_id, film.imdb_id):
                faults.append(f"line {number}: {film.imdb_id} and {film.tmdb_id} are linked differently before")
    return Links(tmdb_of, imdb_of, tuple(faults))


def _linked(path: Path, notes: Notes) -> Iterator[tuple[int, str, Film | str]]:
    reading, rows = _table(path, {"movieid", "imdbid", "tmdbid"}, "MovieLens' links.csv", notes)
    for number, cells in rows:
        if isinstance(cells, str):
            yield number, "", cells
            continue
        reading.start(cells)
        film = Film(imdb_id=reading.get("imdbid", values.imdb_id), tmdb_id=reading.get("tmdbid", values.whole))
        if film.imdb_id is None and (written := cells[reading.columns["imdbid"]].strip()):
            reading.faults.append(f"{written[:40]!r} is not an IMDb id")
        yield number, cells[reading.columns["movieid"]], "; ".join(reading.faults) or film


def read_movielens(path: Path, notes: Notes | None = None) -> Iterator[Entry | Skipped]:
    """Read MovieLens' films: ``movies.csv`` with ``links.csv`` beside it, or one of the two; they name no pictures.

    Args:
        path: The folder of the two, or one of them.
        notes: Takes down what was guessed.

    Raises:
        SourceError: They cannot be read, or have other columns.
    """
    folder = path if path.is_dir() else path.parent
    movies, links = folder / "movies.csv", folder / "links.csv"
    if path.is_file() and path.name != "movies.csv":
        movies, links = folder / "-", path
    if not movies.is_file() and not links.is_file():
        raise SourceError(f"{escape(str(path))} contains neither movies.csv nor links.csv", "Give MovieLens' folder.")
    notes = notes or Notes()
    ids: dict[str, Film] = {}
    if links.is_file():
        for number, movie, film in _linked(links, notes):
            if isinstance(film, Film):
                ids.setdefault(movie, film)
            if movies.is_file():
                continue
            item = f"row {number}"
            yield Entry(item, film) if isinstance(film, Film) else Skipped(item, "bad_row", film)
    if movies.is_file():
        yield from _movies(movies, ids, notes)


def _movies(path: Path, ids: Mapping[str, Film], notes: Notes) -> Iterator[Entry | Skipped]:
    reading, rows = _table(path, {"movieid", "title"}, "MovieLens' movies.csv", notes)
    for number, cells in rows:
        item = f"row {number}"
        if isinstance(cells, str):
            yield Skipped(item, "bad_row", cells)
            continue
        reading.start(cells)
        title, year = reading.get("title", _title_and_year) or (None, None)
        if title and (found := _ARTICLE.match(title)):
            title = f"{found[2]}{'' if found[2].endswith(chr(39)) else ' '}{found[1]}"
        known = ids.get(cells[reading.columns["movieid"]], Film())
        film = replace(known, title=title, year=year, genres=reading.get("genres", values.names) or ())
        yield Entry(item, film, faults=tuple(reading.faults))
