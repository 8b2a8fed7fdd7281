"""An NFO: what Kodi, tinyMediaManager, Jellyfin and Radarr write of a film beside it, in whatever state it is.

Read are Kodi's XML (https://kodi.wiki/view/NFO_files/Movies), an address of a film's page in its place or after it,
and as much of a damaged file as stands before the damage. Nothing is fetched; what declares a document type or
entities is refused.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from posterity.catalogue.schema import Film
from posterity.runtime.filenames import open_at_once
from posterity.sources import values
from posterity.sources.library import cells
from posterity.sources.library.ids import stated_ids
from posterity.sources.library.markup import Element, RefusedError, parse, resolved

MAX_BYTES = 1 << 20
"""Larger ones are not read: an NFO has a few kilobytes."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16's, which it starts with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
_DECLARED = re.compile(rb"\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})")
# Of Python's codecs only those of scripts: others (punycode, ...) can be made to take minutes.
_SCRIPTS = ("utf-8", "iso8859", "cp12", "koi8", "gb", "big5", "shift_jis", "euc_", "windows")
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# Of 0x80 to 0x9f, Latin-1 has nothing that anybody writes; Windows has quotes and dashes.
_WINDOWS = {byte: bytes([byte]).decode("cp1252", "ignore") for byte in range(0x80, 0xA0)}
_BARE_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});)")
_IMDB_PAGE = re.compile(
    r"imdb\.com/(?:[a-z]{2}(?:-[a-z0-9]{2,4})?/)?title[/?](?:tt)?([0-9]{6,9})(?![0-9])", re.IGNORECASE
)
_TMDB_PAGE = re.compile(r"themoviedb\.org/(?:[a-z]{2}(?:-[a-z]{2})?/)?movie/([0-9]{1,9})(?![0-9])", re.IGNORECASE)
_ID_ALONE = re.compile(r"\s*(tt[0-9]{6,9})\s*", re.IGNORECASE)
_ANOTHER = re.compile(r"</movie>\s*(?:<\?xml[^>]*>\s*)?<movie[\s>]", re.IGNORECASE)
_NO_PAGE = "is neither XML nor the address of a film's page"
_OTHER_KINDS = {"tvshow": "a TV show", "episodedetails": "a TV episode", "musicvideo": "a music video"}
_READ = re.compile(
    r"(?:original)?title|year|premiered|release_?date|genre|runtime|ratings?|votes|sets?|collection|uniqueid|imdb(?:_?id)?"
    r"|tmdb(?:_?id)?|id|original_?language"
)

T = TypeVar("T")


@dataclass(frozen=True)
class Nfo:
    """What an NFO tells.

    Attributes:
        film: Of the film.
        faults: What could not be read, a sentence each.
        other_kind: What it describes, if not a film: "a TV episode".
    """

    film: Film = field(default_factory=Film)
    faults: tuple[str, ...] = ()
    other_kind: str | None = None


def read_nfo(source: str, path: str) -> Nfo:
    """Read the NFO stored as (source, path), both in escaped form; what is wrong with it is among its faults."""
    try:
        with open_at_once(source, path) as file:
            return parse_nfo(file.read(MAX_BYTES + 1))
    except OSError as error:
        return Nfo(faults=(f"cannot be read: {error.strerror}",))


def parse_nfo(data: bytes) -> Nfo:
    """Read an NFO's content, any bytes at all.

    >>> parse_nfo(b"<movie><title>Heat</title><genre>Crime / Drama</genre></movie>").film.genres
    ('Crime', 'Drama')
    >>> parse_nfo(b"https://www.themoviedb.org/movie/949-heat").film.tmdb_id
    949
    """
    if len(data) > MAX_BYTES:
        return Nfo(faults=(f"not read: over the limit of {MAX_BYTES:,} bytes",))
    written = _NO_XML.sub("", _decoded(data))
    if not written.strip():
        return Nfo(faults=("is empty",))
    start = re.search(r"<[A-Za-z_!?]", written)
    if start is None:
        return _by_pages(written)
    document = re.sub(r"\A<\?xml[^>]*>", "", written[start.start() :])
    try:
        tree, problem = parse(document, _READ.fullmatch)
        if problem and not tree.complete:  # the commonest fault: "Tom & Jerry"
            mended, still = parse(_BARE_AMPERSAND.sub("&amp;", resolved(document)), _READ.fullmatch)
            if mended.size >= tree.size:
                tree, problem = mended, still
    except RefusedError as error:
        return Nfo(faults=(f"refused: {error}",))
    if tree.root is None:
        return _by_pages(written)
    if other := _OTHER_KINDS.get(tree.root.name):
        return Nfo(other_kind=other)
    # Kodi allows the address of a film's page before and after the XML; those inside are of pictures and trailers.
    outside = _by_pages(f"{written[: start.start()]} {written[written.rfind('>') + 1 :]}")
    faults = [fault for fault in outside.faults if fault != _NO_PAGE]
    film = _film(tree.root, outside.film, faults)
    if _ANOTHER.search(document):
        faults.append("describes several films; the first is taken")
    if film == Film() and not faults:
        faults.append(f"damaged: {problem}" if problem and not tree.complete else "describes no film")
    elif problem and not tree.complete:
        faults.append(f"damaged: {problem}; what comes before that is taken")
    return Nfo(film, tuple(faults))


def _decoded(data: bytes) -> str:
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding, "replace").removeprefix("\ufeff")
    declared = _DECLARED.match(data)
    for name in (declared[1].decode() if declared else "utf-8", "utf-8"):
        try:
            known = codecs.lookup(name).name
            if known.startswith(_SCRIPTS) and known != "iso8859-1":
                return data.decode(name)
        except (LookupError, ValueError):
            continue
    return data.decode("latin-1").translate(_WINDOWS)


def _by_pages(written: str) -> Nfo:
    """Read the addresses of a film's pages, or an IMDb id that stands alone."""
    alone = _ID_ALONE.fullmatch(written)
    numbers = [alone[1][2:]] if alone else _IMDB_PAGE.findall(written)
    imdb = {found for number in numbers if (found := cells.imdb(f"tt{number}"))}
    tmdb = {page for number in _TMDB_PAGE.findall(written) if (page := cells.tmdb(number))}
    if not imdb and not tmdb:
        return Nfo(faults=(_NO_PAGE,))
    if len(imdb) > 1 or len(tmdb) > 1:
        return Nfo(faults=("names the pages of several films; none is taken",))
    return Nfo(Film(imdb_id=next(iter(imdb), None), tmdb_id=next(iter(tmdb), None)))


def _film(root: Element, pages: Film, faults: list[str]) -> Film:
    def read(what: str, parse: Callable[[str], T | None], cell: str | None) -> T | None:
        try:
            return parse(cell) if cell else None
        except (ValueError, OverflowError):
            faults.append(f"{what}: {str(cell)[:80]!r} left as unknown")
            return None

    def first(what: str, parse: Callable[[str], T | None], stated: list[str]) -> T | None:
        return next((found for cell in stated if (found := read(what, parse, cell))), None)

    released = root.first("premiered", "releasedate", "release_date")
    day = read("release date", cells.day, released)
    rating, votes = _rating(root)
    holders = [item for wrapper in (root, *root.all("sets")) for item in wrapper.all("set", "collection")]
    sets = (values.text(item.first("name") or item.text) for item in holders)
    imdb, tmdb = stated_ids(root)
    genres = (values.text(part) for item in root.all("genre") for part in re.split(r"[/,|;]", item.text))
    known: dict[str, Any] = {
        "imdb_id": first("IMDb id", cells.imdb, imdb) or pages.imdb_id,
        "tmdb_id": first("TMDb id", cells.tmdb, tmdb) or pages.tmdb_id,
        "title": root.first("title", "originaltitle"),
        "year": read("year", cells.year, root.first("year")) or (int(day[:4]) if day else None),
        "genres": tuple(dict.fromkeys(genre for genre in genres if genre)),
        "vote_average": read("rating", cells.out_of_ten, rating),
        "vote_count": read("votes", cells.count, votes),
        "runtime": read("runtime", cells.minutes, root.first("runtime")),
        "release_date": day,
        "original_language": read("language", cells.language, root.first("originallanguage", "original_language")),
        "collection": next((name for name in sets if name), None),
    }
    return Film(**known)


def _rating(root: Element) -> tuple[str | None, str | None]:
    """Give a rating, as "value/maximum", and its votes: TMDb's before the one marked as default, before others."""

    def place(item: Element) -> tuple[bool, bool]:
        named = item.attributes.get("name", "").lower()
        return named not in ("themoviedb", "tmdb"), item.attributes.get("default", "").lower() != "true"

    every = [item for ratings in root.all("ratings") for item in ratings.all("rating") if item.first("value")]
    if not every:
        return root.first("rating"), root.first("votes")
    best = min(every, key=place)
    return f"{best.first('value')}/{best.attributes.get('max', '').strip() or 10}", best.first("votes")
