"""TMDb itself, through version 3 of its API: films by query, their details, and where their posters are.

The key comes from the environment and goes to TMDb; it is in no message, no page that is kept and no result.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

from posterity.catalogue.schema import Film
from posterity.errors import ArgumentError, PosterityError, SourceError
from posterity.settings import names_in
from posterity.sources import values
from posterity.sources._http import Client, FetchError, Pages, Politeness
from posterity.sources._http.addresses import host_and_port, is_loopback, parsed, shown
from posterity.sources._streaming import streamed
from posterity.sources.listing import Entry, Skipped

HOSTS = ("api.themoviedb.org", "api.tmdb.org")
"""TMDb's own hosts: the only ones that are sent a key."""

DAY = 86_400.0
CONFIGURATION_AGE, RESULTS_AGE, DETAILS_AGE = 7 * DAY, DAY, 7 * DAY
"""How old kept answers may be, in seconds."""

LAST_PAGE = 500
"""TMDb gives no pages of results beyond this."""

AT_ONCE = 20
"""Details asked for at once."""

_LISTS = ("popular", "top_rated", "now_playing", "upcoming")
_ALLOWED = (
    "Write discover?PARAMETERS, search/TITLE, movie/ID,ID, movie/FILE_OF_IDS, list/ID, collection/ID, "
    f"{', '.join(_LISTS)}."
)


@dataclass(frozen=True)
class Query:
    """A query to TMDb.

    Attributes:
        path: Of the API, below its base, where results have pages, or are in one answer.
        params: Sent along.
        ids: Ids of films, TMDb's or IMDb's, where these are asked for.
        key: Under which an answer holds its films.
        paged: Whether there are pages of results.
    """

    path: str = ""
    params: tuple[tuple[str, str], ...] = ()
    ids: tuple[str, ...] = ()
    key: str = "results"
    paged: bool = True


def parse_query(text: str) -> Query:
    """Read a query as the user writes it.

    Raises:
        ArgumentError: It is none; the message lists what is allowed.

    >>> parse_query("search/the third man?year=1949")
    Query(path='search/movie', params=(('query', 'the third man'), ('year', '1949')), ids=(), key='results', paged=True)
    """
    head, _, tail = text.strip().partition("?")
    what, _, rest = head.strip("/").partition("/")
    params = tuple(parse_qsl(tail, keep_blank_values=True))
    if what == "discover" and not rest:
        return Query("discover/movie", params)
    if what == "search":
        title = (("query", unquote(rest)),) if rest else ()
        if not rest and not dict(params).get("query", "").strip():
            raise ArgumentError(f"tmdb:{text} searches for nothing", "Write tmdb:search/TITLE.")
        return Query("search/movie", title + params)
    if what in _LISTS and not rest:
        return Query(f"movie/{what}", params)
    if what == "list" and rest.isdecimal():
        return Query(f"list/{rest}", params, key="items")
    if what == "collection" and rest.isdecimal():
        return Query(f"collection/{rest}", params, key="parts", paged=False)
    if what == "movie" and rest:
        return Query(ids=_ids(rest), params=params)
    raise ArgumentError(f"tmdb:{text} is no query that is known", _ALLOWED)


def _ids(text: str) -> tuple[str, ...]:
    if not re.fullmatch(r"[\dt, ]+", text):
        try:
            text = ",".join(Path(text).read_text(encoding="utf-8").split())
        except (OSError, UnicodeDecodeError) as error:
            raise ArgumentError(f"tmdb:movie/{text}: neither ids nor a file of ids: {error}", _ALLOWED) from None
    ids = names_in(text, "ids")
    for identity in ids:
        if not re.fullmatch(r"\d{1,9}|tt\d{6,9}", identity):
            raise ArgumentError(f"tmdb:movie: {identity!r} is no id", "Ids are TMDb's numbers, or IMDb's tt0113277.")
    return tuple(dict.fromkeys(ids))


def read_tmdb(
    query: str,
    politeness: Politeness,
    *,
    base: str = "https://api.themoviedb.org/3",
    size: str = "w342",
    language: str | None = None,
    limit: int | None = None,
    cache: Path,
    refresh: bool = False,
) -> Iterator[Entry | Skipped]:
    """Ask TMDb for films: each with its details, and the address of its poster.

    Args:
        query: See :func:`parse_query`.
        politeness: How requests are made.
        base: Of the API.
        size: Of the posters: one that TMDb's configuration names.
        language: Of titles and posters (ISO 639-1).
        limit: At most so many films.
        cache: Folder in which answers are kept; films that a killed run had asked for are not asked for again.
        refresh: Ask again for all.

    Raises:
        ArgumentError: The query is none, or TMDb has no posters of that size.
        SourceError: There is no key, it is not accepted, or TMDb cannot be reached.
    """
    asked = parse_query(query)
    _check_base(base)
    params, headers = _secrets()
    secret = params.get("api_key") or headers.get("Authorization", "").removeprefix("Bearer ")

    async def entries() -> AsyncIterator[Entry | Skipped]:
        async with Client(politeness, headers=headers) as client:
            api = _Api(Pages(client, cache, refresh=refresh), base.rstrip("/"), params, language)
            async for item in api.films(asked, size, limit):
                yield item

    try:
        yield from streamed(entries)
    except FetchError as error:
        raise _translated(error, secret) from None


def _check_base(base: str) -> None:
    """Make sure that the key goes to TMDb, over TLS; or stays on this machine, where a stand-in for TMDb may run.

    Raises:
        ArgumentError: It would go elsewhere.
    """
    parts = parsed(base)
    host, _ = host_and_port(parts)
    if not (is_loopback(host) or (parts.scheme.lower() == "https" and host in HOSTS)):
        raise ArgumentError(
            f"tmdb_api {shown(base)!r} is not TMDb over https, and would be sent your key",
            f"The key goes to https://{HOSTS[0]} alone: correct or remove the setting tmdb_api.",
        )


def _secrets() -> tuple[dict[str, str], dict[str, str]]:
    """Read the key: as a parameter of each request, or as a header."""
    if token := os.environ.get("TMDB_TOKEN", "").strip():
        return {}, {"Authorization": f"Bearer {token}"}
    if key := os.environ.get("TMDB_API_KEY", "").strip():
        return {"api_key": key}, {}
    raise SourceError(
        "TMDb wants a key, and neither TMDB_API_KEY nor TMDB_TOKEN is set",
        "Get one, free of charge, in the settings of an account at themoviedb.org; then: export TMDB_API_KEY=...",
    )


def _translated(error: FetchError, secret: str) -> PosterityError:
    detail = error.detail.replace(secret, "…") if secret else error.detail
    if error.status == 401:
        return SourceError("TMDb does not accept the key", "Check TMDB_API_KEY (v3) or TMDB_TOKEN (v4).")
    return SourceError(f"TMDb cannot be asked: {detail}", "What was read is kept; run the same command again.")


class _Api:
    def __init__(self, pages: Pages, base: str, params: Mapping[str, str], language: str | None) -> None:
        self.pages = pages
        self.base = base
        self.secret = params
        self.own = {"language": language} if language else {}

    async def _json(self, path: str, params: Mapping[str, str], max_age: float) -> Any:
        """Ask for an answer; what it is kept under tells all of it but the key."""
        asked = urlencode(sorted({**self.own, **params}.items()))
        name = f"{self.base}/{path}?{asked}"
        page = await self.pages.get(name, name=name, params=self.secret, max_age=max_age)
        try:
            return json.loads(page.body)
        except (ValueError, RecursionError) as error:
            raise FetchError("server_error", f"{path}: the answer is no JSON: {error}") from None

    async def films(self, query: Query, size: str, limit: int | None) -> AsyncIterator[Entry | Skipped]:
        """Give the films of a query, in TMDb's order, each once."""
        images = _image_base(await self._json("configuration", {}, CONFIGURATION_AGE), size)
        waiting: list[asyncio.Task[Entry | Skipped]] = []
        n = 0
        try:
            async for identity in self._found(query):
                if limit is not None and n >= limit:
                    break
                n += 1
                waiting.append(asyncio.create_task(self._film(identity, images)))
                if len(waiting) >= AT_ONCE:
                    yield await waiting.pop(0)
            while waiting:
                yield await waiting.pop(0)
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _found(self, query: Query) -> AsyncIterator[str]:
        """Give the ids of a query's films, each once: TMDb's pages shift while they are read."""
        seen: set[str] = set()
        if query.ids:
            for identity in query.ids:
                yield identity
            return
        page, last = 1, 1
        while page <= last:
            params = dict(query.params) | ({"page": str(page)} if query.paged else {})
            answer = await self._json(query.path, params, RESULTS_AGE)
            listed = answer.get(query.key) if isinstance(answer, dict) else None
            if not isinstance(listed, list):
                raise FetchError("server_error", f"{query.path}: the answer holds no {query.key}")
            for item in listed:
                number = _whole(item.get("id")) if isinstance(item, dict) else None
                kind = item.get("media_type", "movie") if isinstance(item, dict) else None
                if number is not None and kind == "movie" and str(number) not in seen:
                    seen.add(str(number))
                    yield str(number)
            total = _whole(answer.get("total_pages")) if query.paged else None
            last = min(total or 1, LAST_PAGE)
            page += 1

    async def _film(self, identity: str, images: str) -> Entry | Skipped:
        item = f"movie/{identity}"
        try:
            if identity.startswith("tt"):
                answer = await self._json(f"find/{identity}", {"external_source": "imdb_id"}, DETAILS_AGE)
                found = answer.get("movie_results") if isinstance(answer, dict) else None
                first = found[0] if isinstance(found, list) and found else None
                number = _whole(first.get("id")) if isinstance(first, dict) else None
                if number is None:
                    return Skipped(item, "missing", f"TMDb knows no film {identity}")
                identity = str(number)
            details = await self._json(f"movie/{identity}", {}, DETAILS_AGE)
        except FetchError as error:
            if error.status == 401 or error.reason == "unreachable":
                raise
            return Skipped(item, error.reason, error.detail)
        return film_entry(item, details, images)


def _image_base(configuration: Any, size: str) -> str:
    """Read where posters of a size are.

    Raises:
        ArgumentError: There are none of that size.
        FetchError: The answer tells nothing of images.
    """
    images = configuration.get("images") if isinstance(configuration, dict) else None
    base = images.get("secure_base_url") if isinstance(images, dict) else None
    if not isinstance(base, str) or not values.is_address(base):
        raise FetchError("server_error", "configuration: the answer does not tell where images are")
    sizes = images.get("poster_sizes") if isinstance(images, dict) else None
    if isinstance(sizes, list) and sizes and size not in sizes:
        raise ArgumentError(f"TMDb has no posters of size {size!r}", f"Sizes: {', '.join(map(str, sizes))}.")
    return f"{base.rstrip('/')}/{size}"


def film_entry(item: str, details: Any, images: str) -> Entry | Skipped:
    """Turn the details of a film into an entry; whatever shape they have."""
    number = _whole(details.get("id")) if isinstance(details, dict) else None
    if number is None:
        return Skipped(item, "server_error", "the answer is no film's details")
    faults: list[str] = []

    def read(name: str, parse: Any) -> Any:
        value = details.get(name)
        try:
            return parse(value) if value not in (None, "") and not isinstance(value, bool) else None
        except (ValueError, OverflowError, TypeError):
            faults.append(f"{name}: {str(value)[:80]!r} left as unknown")
            return None

    votes = read("vote_count", values.whole)
    collection = details.get("belongs_to_collection")
    genres = details.get("genres")
    film = Film(
        imdb_id=read("imdb_id", values.imdb_id),
        tmdb_id=number,
        title=read("title", values.text),
        year=read("release_date", values.year),
        genres=values.names(genres) if isinstance(genres, list) else (),
        budget=read("budget", values.amount),
        revenue=read("revenue", values.amount),
        popularity=read("popularity", values.number),
        vote_average=read("vote_average", values.number) if votes != 0 else None,
        vote_count=votes,
        runtime=read("runtime", values.number) or None,
        release_date=read("release_date", values.text),
        original_language=read("original_language", values.text),
        collection=values.text(collection.get("name")) if isinstance(collection, dict) else None,
    )
    path = details.get("poster_path")
    image = f"{images}/{path.lstrip('/')}" if isinstance(path, str) and path.strip("/ ") else None
    return Entry(item, film, image, faults=tuple(faults))


def _whole(value: object) -> int | None:
    """Read a number of TMDb's, strictly."""
    good = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**62
    return value if good and isinstance(value, int) else None
