"""IMP Awards: the posters of a year, each film with all its versions.

The reader goes by the shape of addresses (``/1999/matrix_ver2.html``, ``posters/matrix_ver2.jpg``,
``thumbs/imp_matrix.jpg``), not by the markup around them, and takes any HTML there is. It was written against pages
made for the purpose: the site itself could not be reached from where it was written.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from protego import Protego
from selectolax.lexbor import LexborHTMLParser

from posterity.catalogue.schema import Film
from posterity.errors import ArgumentError, SourceError
from posterity.sources import values
from posterity.sources._http import Client, FetchError, Pages, Politeness
from posterity.sources._streaming import streamed
from posterity.sources.listing import Entry, Skipped
from posterity.sources.politeness import user_agent

SIZES = ("thumbnail", "standard", "large")

_INDEX = re.compile(r"(?:alpha\d*|std|index|[a-z]|latest|page\d+|\d+)(?:\.html?)?", re.IGNORECASE)
_VERSION = re.compile(r"^(?P<film>.+?)(?:_ver(?P<version>\d+))?(?P<large>_x+lg)?$", re.IGNORECASE)
_TITLE = re.compile(
    r"\s*(?:\(#?\d+\s+of\s+\d+\)|#\d+|movie poster|poster|- internet movie poster awards gallery)", re.IGNORECASE
)
_PICTURE = re.compile(r"/(?P<folder>posters|thumbs)/(?P<name>[^/]+?)\.(?P<ending>jpe?g|png|gif|webp)$", re.IGNORECASE)
_MOST_INDEX_PAGES = 60
_MOST_VERSIONS = 120


@dataclass(frozen=True)
class FilmLink:
    """A film in a year's index: its title as linked, its page, and its small picture, where there is one."""

    title: str
    url: str
    thumbnail: str | None


@dataclass(frozen=True)
class YearPage:
    """A page of a year's index: the films on it, and the year's further pages."""

    films: tuple[FilmLink, ...]
    pages: tuple[str, ...]


@dataclass(frozen=True)
class PosterLink:
    """A poster on a film's page.

    Attributes:
        url: Of the picture.
        name: Of the picture, without ending: "matrix_ver2".
        version: 1 for the first.
        thumbnail: Of the small picture, where the page shows one.
        larger: The page of a larger picture, where there is one.
    """

    url: str
    name: str
    version: int
    thumbnail: str | None
    larger: str | None


@dataclass(frozen=True)
class FilmPage:
    """A film's page: what it says about the film, its poster, and the pages of other versions."""

    title: str | None
    year: int | None
    imdb_id: str | None
    posters: tuple[PosterLink, ...]
    versions: tuple[str, ...]


@dataclass(frozen=True)
class _Link:
    url: str
    text: str
    image: str | None


def _links(html: bytes, url: str) -> tuple[list[_Link], list[str], str]:
    """Read a page: its links, with their texts and the pictures in them, all its pictures, and its title."""
    tree = LexborHTMLParser(html)
    base = url
    node = tree.css_first("base[href]")
    if node is not None:
        base = _joined(url, node.attributes.get("href")) or url
    links = []
    for anchor in tree.css("a[href]"):
        target = _joined(base, anchor.attributes.get("href"))
        if target:
            inner = anchor.css_first("img[src]")
            image = _joined(base, inner.attributes.get("src")) if inner is not None else None
            links.append(_Link(target, " ".join((anchor.text() or "").split()), image))
    images = [found for img in tree.css("img[src]") if (found := _joined(base, img.attributes.get("src")))]
    heads = [node.text() for node in (tree.css_first("title"), tree.css_first("h1")) if node is not None]
    return links, images, next((" ".join(head.split()) for head in heads if head and head.strip()), "")


def _joined(base: str, target: str | None) -> str | None:
    """Resolve an address; None where it is not an http address."""
    if not target or re.match(r"(?i)\s*(javascript|mailto|data|ftp|file|about):", target):
        return None
    try:
        full = urljoin(base, target.strip()).split("#")[0]
        parts = urlsplit(full)
        return full if parts.scheme in ("http", "https") and parts.hostname and len(full) < 2000 else None
    except ValueError:
        return None


def _same_site(a: str, b: str) -> bool:
    one, other = urlsplit(a), urlsplit(b)
    plain = [(part.hostname or "").removeprefix("www.") for part in (one, other)]
    return plain[0] == plain[1] and one.port == other.port


def _page_name(url: str, year: int | None) -> str | None:
    """Give the name of a page of a year, without ending; None where it is of another year or another kind."""
    path = unquote(urlsplit(url).path)
    found = re.fullmatch(r".*/(\d{4})/([^/]+)\.html?", path, re.IGNORECASE)
    if not found or (year is not None and int(found[1]) != year):
        return None
    return found[2]


def _year_of(url: str) -> int | None:
    found = re.search(r"/(1[89]\d\d|20\d\d)(?:/|$)", urlsplit(url).path)
    return int(found[1]) if found else None


def parse_year(html: bytes, url: str) -> YearPage:
    """Read a page of a year's index: any bytes give what films and pages there are."""
    year = _year_of(url)
    films: dict[str, FilmLink] = {}
    pages: dict[str, None] = {}
    links, _, _ = _links(html, url)
    for link in links:
        if not _same_site(link.url, url):
            continue
        name = _page_name(link.url, year)
        if name is None:
            continue
        if _INDEX.fullmatch(name) and link.image is None:
            if link.url != url:
                pages[link.url] = None
            continue
        stem = _VERSION.match(name)
        if stem is None or stem["large"]:
            continue
        before = films.get(link.url)
        title = (before.title if before else "") or link.text
        films[link.url] = FilmLink(title, link.url, (before.thumbnail if before else None) or link.image)
    return YearPage(tuple(films.values()), tuple(pages))


def parse_film(html: bytes, url: str) -> FilmPage:
    """Read a film's page: any bytes give what poster and versions there are."""
    year = _year_of(url)
    own = _page_name(url, None) or ""
    stem = _VERSION.match(own)
    film = (stem["film"] if stem else own).lower()
    links, images, head = _links(html, url)
    imdb_id = next((identity for link in links if (identity := _imdb_of(link.url))), None)
    larger: dict[str, str] = {}
    versions: dict[str, None] = {}
    for link in links:
        name = _page_name(link.url, year) if _same_site(link.url, url) else None
        kin = _VERSION.match(name) if name else None
        if not name or not kin or kin["film"].lower() != film:
            continue
        if kin["large"]:
            larger.setdefault(name[: -len(kin["large"])].lower(), link.url)
        elif name.lower() != own.lower():
            versions[link.url] = None
    thumbs: dict[str, str] = {}
    posters: dict[str, PosterLink] = {}
    for image in [*images, *(link.url for link in links)]:
        found = _PICTURE.search(unquote(urlsplit(image).path))
        if not found or not _same_site(image, url):
            continue
        shown = found["name"]
        if found["folder"].lower() == "thumbs":
            thumbs.setdefault(re.sub(r"^(?:imp|sq|med)_", "", shown, flags=re.IGNORECASE).lower(), image)
            continue
        like = _VERSION.match(shown)
        if like and not like["large"] and shown.lower() == own.lower():
            posters.setdefault(shown.lower(), PosterLink(image, shown, int(like["version"] or 1), None, None))
        elif like and like["large"] and shown[: -len(like["large"])].lower() == own.lower():
            larger.setdefault(own.lower(), image)
    linked = tuple(PosterLink(p.url, p.name, p.version, thumbs.get(key), larger.get(key)) for key, p in posters.items())
    return FilmPage(_title(head), year, imdb_id, linked, tuple(versions))


def _imdb_of(url: str) -> str | None:
    host = urlsplit(url).hostname or ""
    return (
        values.imdb_id(urlsplit(url).path) if re.fullmatch(r"([\w-]+\.)*imdb\.com", host) and "/title/" in url else None
    )


def _title(head: str) -> str | None:
    """Take a film's title out of its page's."""
    bare = _TITLE.sub("", head[: values.LONGEST_NAME]).strip(" -–|:")
    found = re.fullmatch(r"(.*\S)\s*\((\d{4})\)", bare)
    return (found[1] if found else bare) or None


# --- reading the site ----------------------------------------------------------------------------------------------


def crawl(
    years: Sequence[int],
    politeness: Politeness,
    *,
    base: str = "http://www.impawards.com/",
    size: str = "standard",
    versions: bool = True,
    cache: Path,
    refresh: bool = False,
) -> Iterator[Entry | Skipped]:
    """Read the posters of years: an entry for each version of each film's poster.

    Args:
        years: Which.
        politeness: How requests are made.
        base: Of the site.
        size: Of the pictures: "thumbnail", "standard", or "large", where there is one.
        versions: Whether to read the pages of films' other versions.
        cache: Folder in which pages are kept: what was read once is not asked for again.
        refresh: Ask again for all.

    Raises:
        ArgumentError: There is no such size.
        SourceError: The site cannot be reached, or asks not to be read at all.
    """
    if size not in SIZES:
        raise ArgumentError(f"invalid size {size!r} for IMP Awards", f"Sizes: {', '.join(SIZES)}.")

    async def entries() -> AsyncIterator[Entry | Skipped]:
        async with Client(politeness) as client:
            site = _Site(client, Pages(client, cache, refresh=refresh), base, size)
            await site.read_robots()
            for year in years:
                async for item in site.year(year, versions):
                    yield item

    yield from streamed(entries)


class _Site:
    def __init__(self, client: Client, pages: Pages, base: str, size: str) -> None:
        self.client = client
        self.pages = pages
        self.base = base
        self.size = size
        self.robots = Protego.parse("")

    async def read_robots(self) -> None:
        """Read robots.txt: where there is none, all is allowed; where it cannot be read, nothing is (RFC 9309)."""
        try:
            page = await self.client.get(urljoin(self.base, "/robots.txt"), limit=512 * 1024)
        except FetchError as error:
            if error.reason in ("missing", "forbidden"):
                return
            raise SourceError(f"{self.base} cannot be read: {error.detail}", "Try again later.") from None
        self.robots = Protego.parse(page.body.decode("utf-8", "replace"))
        if delay := self.robots.crawl_delay(user_agent()):
            self.client.slow_down(self.base, min(float(delay), 60.0))

    async def _page(self, url: str) -> bytes:
        if not self.robots.can_fetch(url, user_agent()):
            raise FetchError("robots", "the site's robots.txt asks not to read it")
        return (await self.pages.get(url)).body

    async def year(self, year: int, versions: bool) -> AsyncIterator[Entry | Skipped]:
        """Read a year: its index, page by page, and then its films."""
        films: dict[str, FilmLink] = {}
        first = urljoin(self.base, f"/{year}/std.html")
        waiting, seen = deque([first]), {first}
        failed: list[Skipped] = []
        while waiting and len(seen) <= _MOST_INDEX_PAGES:
            url = waiting.popleft()
            try:
                page = parse_year(await self._page(url), url)
            except FetchError as error:
                if error.reason == "unreachable":
                    raise SourceError(f"{self.base} cannot be reached: {error.detail}", "Try again later.") from None
                if url == first and error.reason == "missing":  # older years have but one page, under another name
                    other = urljoin(self.base, f"/{year}/alpha1.html")
                    waiting.append(other)
                    seen.add(other)
                    continue
                failed.append(Skipped(_item(url), error.reason, error.detail))
                continue
            for film in page.films:
                films.setdefault(film.url, film)
            for further in page.pages:
                if further not in seen:
                    seen.add(further)
                    waiting.append(further)
        for skipped in failed:
            yield skipped
        read: set[str] = set()
        for film in films.values():
            async for item in self._film(film, versions, read):
                yield item

    async def _film(self, link: FilmLink, versions: bool, read: set[str]) -> AsyncIterator[Entry | Skipped]:
        waiting = deque([link.url])
        known: FilmPage | None = None
        for _ in range(_MOST_VERSIONS):
            if not waiting:
                return
            url = waiting.popleft()
            if url in read:
                continue
            read.add(url)
            try:
                page = parse_film(await self._page(url), url)
            except FetchError as error:
                yield Skipped(_item(url), error.reason, error.detail)
                continue
            known = known or page
            if versions:
                waiting.extend(page.versions)
            film = Film(
                imdb_id=page.imdb_id or known.imdb_id,
                title=page.title or known.title or link.title or None,
                year=page.year,
            )
            if not page.posters:
                yield Skipped(_item(url), "no_poster", "the page shows no poster")
            for poster in page.posters:
                yield Entry(_item(url), film, await self._picture(poster, link), f"{page.year}/{_safe(poster.name)}")

    async def _picture(self, poster: PosterLink, link: FilmLink) -> str:
        """Give the address of a poster's picture in the size that was asked for, or the nearest there is."""
        if self.size == "thumbnail":
            return poster.thumbnail or (link.thumbnail if poster.version == 1 else None) or poster.url
        if self.size == "large" and poster.larger:
            if _PICTURE.search(urlsplit(poster.larger).path):
                return poster.larger
            try:
                _, images, _ = _links(await self._page(poster.larger), poster.larger)
            except FetchError:
                return poster.url
            wanted = re.compile(rf"/posters/{re.escape(poster.name)}_x+lg\.\w+$", re.IGNORECASE)
            return next((image for image in images if wanted.search(urlsplit(image).path)), poster.url)
        return poster.url


def _item(url: str) -> str:
    return unquote(urlsplit(url).path).strip("/") or url


def _safe(name: str) -> str:
    """Make a name that any file system takes."""
    return re.sub(r"[^\w.-]+", "-", name).strip(".-")[:100] or "poster"
