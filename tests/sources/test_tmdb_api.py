"""TMDb's API against a server of our own: queries, pages, details, faults, and a key that is nowhere to be found."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from faulty_server import Held, Server, jpeg
from hypothesis import given, settings
from hypothesis import strategies as st
from waiting import wait_for

import posterity
from posterity.errors import ArgumentError, PosterityError, SourceError
from posterity.sources.listing import Entry, Skipped
from posterity.sources.politeness import Politeness
from posterity.sources.tmdb_api import film_entry, parse_query, read_tmdb

KEY = "0123456789abcdefSECRET"
QUICK = Politeness(rate=0, timeout=60, retries=2, named_hosts=frozenset({"127.0.0.1"}))


class Fake:
    """A small TMDb: films 1 to 45, twenty a page."""

    def __init__(self) -> None:
        self.busy = 0
        self.broken: set[int] = set()
        self.held = Held()
        self.port = 0

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/3/")
        if path.startswith("/t/p/"):
            return web.Response(body=jpeg(zlib.crc32(path.encode())), content_type="image/jpeg")
        given_key = request.query.get("api_key") or request.headers.get("Authorization", "").removeprefix("Bearer ")
        if given_key != KEY:
            return web.json_response({"status_code": 7}, status=401)
        if self.busy:
            self.busy -= 1
            return web.Response(status=429, headers={"Retry-After": "0"})
        await self.held.turn(request)
        if path == "configuration":
            images = {
                "secure_base_url": f"http://127.0.0.1:{self.port}/t/p/",
                "poster_sizes": ["w92", "w342", "original"],
            }
            return web.json_response({"images": images})
        if path in ("discover/movie", "search/movie", "movie/popular"):
            page = int(request.query["page"])
            # The pages shift while they are read: the last film of one stands first on the next.
            ids = range(max(1, (page - 1) * 20), min(45, page * 20) + 1)
            return web.json_response({"page": page, "total_pages": 3, "results": [{"id": n} for n in ids]})
        if path == "list/9":
            return web.json_response({"items": [{"id": 3, "media_type": "movie"}, {"id": 4, "media_type": "tv"}]})
        if path == "collection/8":
            return web.json_response({"parts": [{"id": 5}, {"id": 6}]})
        if path == "find/tt0000007":
            return web.json_response({"movie_results": [{"id": 7}]})
        if path.startswith("find/"):
            return web.json_response({"movie_results": []})
        number = int(path.removeprefix("movie/"))
        if number in self.broken:
            return web.Response(status=500)
        if number > 45:
            return web.json_response({"status_code": 34}, status=404)
        return web.json_response(self.details(number))

    def details(self, number: int) -> dict[str, Any]:
        return {
            "id": number,
            "imdb_id": f"tt{number:07d}" if number % 10 else None,
            "title": f"Film {number}",
            "release_date": f"{1950 + number}-02-03",
            "genres": [{"id": 27, "name": "Horror"}],
            "budget": number * 1000,
            "revenue": 0,
            "popularity": number / 2,
            "vote_average": 0.0,
            "vote_count": 0,
            "runtime": 0,
            "original_language": "en",
            "belongs_to_collection": {"id": 1, "name": "Saga"} if number < 3 else None,
            "poster_path": f"/p{number}.jpg" if number != 5 else None,
        }


@pytest.fixture
def tmdb(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Fake, Server]]:
    monkeypatch.setenv("TMDB_API_KEY", KEY)
    monkeypatch.delenv("TMDB_TOKEN", raising=False)
    fake = Fake()
    with Server(fake) as running:
        fake.port = running.port
        yield fake, running


def read(server: Server, query: str, cache: Path, **how: Any) -> list[Entry | Skipped]:
    return list(read_tmdb(query, QUICK, base=f"{server.url}/3", cache=cache, **how))


def ids(found: list[Entry | Skipped]) -> list[int | None]:
    return [item.film.tmdb_id for item in found if isinstance(item, Entry)]


def test_a_query_is_read_to_its_last_page_and_each_film_once(tmdb: tuple[Fake, Server], tmp_path: Path) -> None:
    _, server = tmdb
    found = read(server, "discover?primary_release_year=1999&with_genres=27", tmp_path)
    assert ids(found) == list(range(1, 46))
    assert server.asked["/3/discover/movie"] == 3
    first = found[0]
    assert isinstance(first, Entry)
    film = first.film
    assert (film.imdb_id, film.title, film.year, film.genres) == ("tt0000001", "Film 1", 1951, ("Horror",))
    assert (film.budget, film.revenue, film.runtime, film.vote_average) == (1000, None, None, None)
    assert film.collection == "Saga"
    assert first.image == f"{server.url}/t/p/w342/p1.jpg"
    assert [item.image for item in found if isinstance(item, Entry) and item.film.tmdb_id == 5] == [None]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("movie/3,tt0000007,3", [3, 7]),
        ("list/9", [3]),
        ("collection/8", [5, 6]),
        ("popular", list(range(1, 46))),
        ("search/the%20film?year=1999", list(range(1, 46))),
    ],
)
def test_queries_of_every_kind(tmdb: tuple[Fake, Server], tmp_path: Path, query: str, expected: list[int]) -> None:
    assert ids(read(tmdb[1], query, tmp_path)) == expected


def test_ids_from_a_file_and_films_that_nobody_knows(tmdb: tuple[Fake, Server], tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text("3\ntt0000009\n99\n")
    found = read(tmdb[1], f"movie/{tmp_path / 'ids.txt'}", tmp_path / "cache")
    assert [getattr(item, "reason", "") for item in found] == ["", "missing", "missing"]


@pytest.mark.parametrize(
    "query", ["", "discover/x", "search", "search?query=", "movie/", "movie/12x", "list/abc", "what", "movie/1,zz"]
)
def test_queries_that_are_none_are_told_before_any_request(
    tmdb: tuple[Fake, Server], tmp_path: Path, query: str
) -> None:
    with pytest.raises(ArgumentError, match=r"Write |Ids are "):
        read(tmdb[1], query, tmp_path)
    assert not tmdb[1].asked


def test_a_limit_asks_for_no_more_than_it_needs(tmdb: tuple[Fake, Server], tmp_path: Path) -> None:
    assert ids(read(tmdb[1], "discover", tmp_path, limit=4)) == [1, 2, 3, 4]
    assert tmdb[1].asked["/3/discover/movie"] == 1
    assert sum(n for path, n in tmdb[1].asked.items() if path.startswith("/3/movie/")) == 4


def test_faults_that_pass_are_waited_out_and_others_cost_one_film(tmdb: tuple[Fake, Server], tmp_path: Path) -> None:
    fake, server = tmdb
    fake.busy = 2
    fake.broken = {4}
    found = read(server, "list/9", tmp_path) + read(server, "movie/3,4,6", tmp_path)
    assert [getattr(item, "reason", "ok") for item in found] == ["ok", "ok", "server_error", "ok"]


def test_what_was_read_is_kept_for_its_time(
    tmdb: tuple[Fake, Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, server = tmdb
    first = read(server, "discover", tmp_path)
    before = sum(server.asked.values())
    assert read(server, "discover", tmp_path) == first
    assert sum(server.asked.values()) == before
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 2 * 86_400)
    read(server, "discover", tmp_path)
    assert server.asked["/3/discover/movie"] == 6  # results are asked for again after a day
    assert server.asked["/3/movie/1"] == 1  # details after a week
    assert server.asked["/3/configuration"] == 1


def test_a_size_that_there_is_none_of(tmdb: tuple[Fake, Server], tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="w92, w342, original"):
        read(tmdb[1], "popular", tmp_path, size="w500")


def test_without_a_key_and_with_a_wrong_one(
    tmdb: tuple[Fake, Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMDB_API_KEY", "wrongWRONGwrong")
    with pytest.raises(SourceError, match="does not accept the key"):
        read(tmdb[1], "popular", tmp_path)
    monkeypatch.delenv("TMDB_API_KEY")
    with pytest.raises(SourceError, match="export TMDB_API_KEY"):
        read(tmdb[1], "popular", tmp_path)


@pytest.mark.parametrize("variable", ["TMDB_API_KEY", "TMDB_TOKEN"])
def test_the_key_is_nowhere(
    tmdb: tuple[Fake, Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    fake, server = tmdb
    monkeypatch.delenv("TMDB_API_KEY")
    monkeypatch.setenv(variable, KEY)
    monkeypatch.setenv("POSTERITY_TMDB_API", f"{server.url}/3")
    fake.broken = {6}
    folder = tmp_path / "films"
    report = posterity.build("tmdb:movie/1,2,6", folder, encoders=["pixels"])
    assert (report.seen, report.added, report.dropped) == (3, 2, 1)
    said = [repr(report), repr(posterity.open(folder).report())]
    with pytest.raises(PosterityError) as failed:
        list(read_tmdb("popular", QUICK, base="http://127.0.0.1:9/3", cache=tmp_path / "x"))
    said += [repr(failed.value), str(failed.value)]
    assert not any(KEY in text for text in said)
    for file in folder.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes(), file
    if variable == "TMDB_TOKEN":
        assert not any(KEY in path for path, _ in server.seen)
    # Pictures lie on another host as a rule: the key does not go there.
    assert not any(KEY in str(headers) or KEY in path for path, headers in server.seen if path.startswith("/t/p/"))


SCRIPT = """
import sys
from pathlib import Path
from posterity.sources.politeness import Politeness
from posterity.sources.tmdb_api import read_tmdb
polite = Politeness(rate=0, concurrency=4, named_hosts=frozenset({"127.0.0.1"}))
print(len(list(read_tmdb("discover", polite, base=sys.argv[1], cache=Path(sys.argv[2])))))
"""


def test_a_run_that_was_killed_goes_on(tmdb: tuple[Fake, Server], tmp_path: Path) -> None:
    fake, server = tmdb
    fake.held.left = 30
    command = [sys.executable, "-c", SCRIPT, f"{server.url}/3", str(tmp_path)]
    running = subprocess.Popen(command)
    wait_for(lambda: len(list(tmp_path.glob("*.page"))) >= 20 or running.poll() is not None)
    assert running.poll() is None
    running.kill()
    running.wait()
    wait_for(lambda: not fake.held.waiting)
    fake.held.left = math.inf
    kept = len(list(tmp_path.glob("*.page")))
    before = sum(server.asked.values())
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "45"
    assert kept >= 20
    assert sum(server.asked.values()) - before <= 49 - kept


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(sorted(Fake().details(1))), json_values) | json_values)
def test_details_of_any_shape_give_a_film_or_a_reason(details: Any) -> None:
    found = film_entry("movie/1", json.loads(json.dumps(details)), "https://h/w342")
    assert isinstance(found, Entry | Skipped)


@given(st.text(max_size=60))
def test_any_text_is_a_query_or_none(text: str) -> None:
    try:
        parse_query(text)
    except PosterityError:
        return


@settings(max_examples=15, deadline=None)
@given(json_values)
def test_answers_of_any_shape_end_in_a_clear_error(answer: Any) -> None:
    async def reply(request: web.Request) -> web.StreamResponse:
        return web.json_response(answer)

    import os
    import tempfile

    os.environ["TMDB_API_KEY"] = KEY
    with Server(reply) as strange, tempfile.TemporaryDirectory() as cache, pytest.raises(PosterityError):
        read(strange, "popular", Path(cache))
