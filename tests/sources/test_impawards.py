"""IMP Awards: pages of many shapes read, the site crawled politely, and nothing asked for twice."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from faulty_server import Server, jpeg
from hypothesis import given, settings
from hypothesis import strategies as st

import posterity
from posterity.errors import ArgumentError, SourceError
from posterity.sources.impawards import crawl, parse_film, parse_year
from posterity.sources.listing import Entry, Skipped
from posterity.sources.politeness import Politeness

PAGES = Path(__file__).parents[1] / "pages"
SITE = "http://www.impawards.com"
QUICK = Politeness(rate=0, timeout=60, retries=1, named_hosts=frozenset({"127.0.0.1"}))


def page(path: str) -> tuple[bytes, str]:
    return (PAGES / path).read_bytes(), f"{SITE}/{path}"


def test_an_index_in_capitals_without_quotes_or_ends() -> None:
    found = parse_year(*page("1999/std.html"))
    assert [(film.title, film.url.rsplit("/", 1)[-1]) for film in found.films] == [
        ("The Paper Lantern", "lantern.html"),
        ("North Wind & Rain", "northwind.html"),
    ]
    assert found.films[0].thumbnail == f"{SITE}/1999/thumbs/sq_lantern.jpg"
    assert found.pages == (f"{SITE}/1999/alpha2.html",)  # not another year's, nor another site's


def test_an_index_of_lists_in_utf8() -> None:
    found = parse_year(*page("1999/alpha2.html"))
    assert [film.title for film in found.films] == [
        "La noche más larga", "The Paper Lantern", "#2", "A page that is gone",
    ]  # fmt: skip
    assert found.pages == (f"{SITE}/1999/std.html",)


def test_a_film_with_versions_a_larger_picture_and_an_imdb_id() -> None:
    found = parse_film(*page("1999/lantern.html"))
    assert (found.title, found.year, found.imdb_id) == ("The Paper Lantern", 1999, "tt0900123")
    (poster,) = found.posters
    assert (poster.url, poster.name, poster.version) == (f"{SITE}/1999/posters/lantern.jpg", "lantern", 1)
    assert poster.larger == f"{SITE}/1999/lantern_xlg.html"
    assert poster.thumbnail == f"{SITE}/1999/thumbs/imp_lantern.jpg"
    assert found.versions == (f"{SITE}/1999/lantern_ver2.html", f"{SITE}/1999/lantern_ver3.html")


@pytest.mark.parametrize(
    ("path", "title", "picture"),
    [
        ("1999/lantern_ver2.html", "The Paper Lantern", "lantern_ver2.jpg"),
        ("1999/lantern_ver3.html", "The Paper Lantern", "lantern_ver3.jpg"),
        ("1999/northwind.html", "North Wind & Rain", None),  # its base leads to another site, and so does its picture
        ("1931/harbour.html", "The Harbour", None),
    ],
)
def test_pages_of_other_shapes(path: str, title: str, picture: str | None) -> None:
    found = parse_film(*page(path))
    assert found.title == title
    assert [poster.url.rsplit("/", 1)[-1] for poster in found.posters] == ([picture] if picture else [])


def test_an_undeclared_encoding_does_not_stop_a_page() -> None:
    assert [p.name for p in parse_film(*page("1999/noche_larga.html")).posters] == ["noche_larga"]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(sorted(PAGES.rglob("*.html"))), st.integers(0, 2000), st.booleans())
def test_any_bytes_are_read_without_a_crash(noise: bytes, file: Path, where: int, alone: bool) -> None:
    whole = file.read_bytes()
    html = noise if alone else whole[:where] + noise + whole[where + len(noise) :]
    url = f"{SITE}/1999/lantern.html"
    for film in parse_year(html, url).films:
        assert film.url.startswith("http")
    for poster in parse_film(html, url).posters:
        assert poster.url.startswith("http")


@pytest.fixture
def site() -> Iterator[Server]:
    async def answer(request: web.Request) -> web.StreamResponse:
        file = (PAGES / request.path.lstrip("/")).resolve()
        if file.is_relative_to(PAGES) and file.is_file():
            return web.Response(body=file.read_bytes(), content_type="text/html")
        if request.path.endswith(".jpg") and "thumbs" not in request.path:
            return web.Response(body=jpeg(zlib.crc32(request.path.encode())), content_type="image/jpeg")
        return web.Response(status=404)

    with Server(answer) as running:
        yield running


def read(site: Server, cache: Path, *years: int, **how: object) -> dict[str, Entry | Skipped]:
    found = list(crawl(years, QUICK, base=site.url, cache=cache, **how))  # type: ignore[arg-type]
    named = {item.item if isinstance(item, Entry) else item.path: item for item in found}
    assert len(named) == len(found)
    return named


def test_a_year_is_read_page_by_page_and_each_version_comes_apart(site: Server, tmp_path: Path) -> None:
    found = read(site, tmp_path, 1999)
    entries = {name: item for name, item in found.items() if isinstance(item, Entry)}
    assert sorted(entries) == [
        "1999/lantern.html", "1999/lantern_ver2.html", "1999/lantern_ver3.html", "1999/noche_larga.html",
    ]  # fmt: skip
    assert {entry.film.imdb_id for name, entry in entries.items() if "lantern" in name} == {"tt0900123"}
    assert entries["1999/lantern_ver2.html"].image == f"{site.url}/1999/posters/lantern_ver2.jpg"
    assert entries["1999/lantern_ver2.html"].name == "1999/lantern_ver2"
    reasons = {name: item.reason for name, item in found.items() if isinstance(item, Skipped)}
    assert reasons == {"1999/northwind.html": "robots", "1999/gone.html": "missing"}
    assert site.asked["/1999/northwind.html"] == 0


def test_what_was_read_is_not_asked_for_again(site: Server, tmp_path: Path) -> None:
    first = read(site, tmp_path, 1999)
    before = dict(site.asked)
    assert read(site, tmp_path, 1999) == first
    again = {path for path, n in site.asked.items() if n != before[path]}
    assert again == {"/robots.txt", "/1999/gone.html"}
    read(site, tmp_path, 1999, refresh=True)
    assert site.asked["/1999/lantern.html"] == 2


def test_sizes(site: Server, tmp_path: Path) -> None:
    large = read(site, tmp_path, 1999, size="large")["1999/lantern.html"]
    assert isinstance(large, Entry)
    assert large.image == f"{site.url}/1999/posters/lantern_xlg.jpg"
    small = read(site, tmp_path, 1999, size="thumbnail")["1999/lantern.html"]
    assert isinstance(small, Entry)
    assert small.image == f"{site.url}/1999/thumbs/imp_lantern.jpg"
    with pytest.raises(ArgumentError, match="gigantic"):
        read(site, tmp_path, 1999, size="gigantic")


def test_older_and_empty_years(site: Server, tmp_path: Path) -> None:
    found = read(site, tmp_path, 1931, 2015)
    assert {name: getattr(item, "reason", "") for name, item in found.items()} == {"1931/harbour.html": "no_poster"}


def test_a_site_that_does_not_say_whether_it_may_be_read_is_not(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=503)

    with Server(answer) as broken, pytest.raises(SourceError, match="cannot be read"):
        read(broken, tmp_path, 1999)
    assert set(broken.asked) == {"/robots.txt"}


def test_the_pause_that_robots_txt_asks_for_is_kept(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/robots.txt":
            return web.Response(text="User-agent: *\nCrawl-delay: 0.3\n")
        return web.Response(body=(PAGES / "2015/std.html").read_bytes(), content_type="text/html")

    with Server(answer) as slow:
        began = time.monotonic()
        list(crawl([2015, 2016, 2017], replace(QUICK, rate=None), base=slow.url, cache=tmp_path))
        assert time.monotonic() - began >= 0.6  # two pauses, however fast or slow the machine
        assert sum(slow.asked.values()) == 4  # robots.txt, and a page of each year


def test_a_year_becomes_a_catalogue(site: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTERITY_IMPAWARDS_SITE", f"{site.url}/")
    report = posterity.build("impawards:1999", tmp_path / "films", encoders=["pixels"])
    assert (report.seen, report.added) == (6, 4)
    assert report.dropped_by == {"dead_link": 1, "robots": 1}
    ids = [poster.id for poster in posterity.open(tmp_path / "films").posters()]
    assert sum(identity.startswith("tt0900123") for identity in ids) == 3
    again = posterity.build("impawards:1999", tmp_path / "films", encoders=["pixels"])
    assert (again.unchanged, again.added) == (4, 0)
