"""The server over a real connection on loopback: its contract, what it refuses, and many visitors at once."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import schemathesis
from conftest import picture
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import CHECKS, load_all_checks
from serving import serving, settled
from waiting import PATIENCE, wait_for

import posterity
from posterity.images import decode
from posterity.layouts.atlas import make_atlas
from posterity.learning.splits import Protocol
from posterity.web.answers import Collection

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(served: Path) -> Path:
    return served


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with serving(folder) as found:
        yield found


@pytest.fixture(scope="module")
def ask(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=PATIENCE) as client:
        yield client


@pytest.fixture(scope="module")
def ids(folder: Path) -> list[str]:
    return [poster.id for poster in posterity.open(folder).posters()]


# --- the contract ----------------------------------------------------------------------------------------------------


def test_the_command_serves_many_at_once_until_interrupted(folder: Path) -> None:
    command = [sys.executable, "-m", "posterity", "serve", str(folder), "--port", "0"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("POSTERITY")}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, env=environment, **pipes) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        said = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", said)
        assert found, said
        assert httpx.get(f"{found[0]}healthz").json()["status"] == "ok"
        assert "<title>Posterity</title>" in httpx.get(found[0]).text
        digests = httpx.get(f"{found[0]}api/collection").json()["digests"]
        paths = [f"/api/thumbnails/{digests[i % len(digests)]}.jpg" for i in range(1000)]
        paths += [f"/api/films?search=the%20{i}" for i in range(50)]
        answers = asyncio.run(at_once(int(found[1]), paths))
        # What is more than the server can do is told to come again; nothing else, and nothing by halves.
        answered = [answer for answer in answers if answer.startswith(b"HTTP/1.1 200 OK\r\n")]
        refused = [answer for answer in answers if answer.startswith(b"HTTP/1.1 503 ")]
        assert answered
        assert len(answered) + len(refused) == len(answers)
        assert all(b"\r\nretry-after: 1\r\n" in answer for answer in refused)
        pictures = [answer for answer in answers[:1000] if answer in answered]
        assert all(answer.endswith(b"\xff\xd9") for answer in pictures)
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
        assert process.stderr.read() == ""


async def at_once(port: int, paths: list[str]) -> list[bytes]:
    """Ask for everything at once, each over a connection of its own."""

    async def visit(path: str) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        return answer

    return await asyncio.gather(*map(visit, paths))


def test_a_port_that_is_taken_is_one_clear_error(
    folder: Path, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from posterity.cli import run

    assert run(["serve", str(folder), "--port", address.rsplit(":", 1)[1]]) == 1
    assert "cannot listen at 127.0.0.1" in capsys.readouterr().err


def test_films_are_found_by_title_year_and_id(ask: httpx.Client, folder: Path) -> None:
    films = posterity.open(folder).posters()
    some = next(poster for poster in films[1:] if poster.film.title and len(poster.film.title.split()[-1]) > 5)
    assert some.film.title
    found = ask.get("/api/films", params={"search": some.film.title, "limit": 3}).json()
    assert found["films"][0]["id"] == some.id
    assert len(found["films"]) <= 3 <= max(found["total"], 3)
    assert ask.get("/api/films", params={"search": some.id}).json()["films"][0]["id"] == some.id
    everything = ask.get("/api/films", params={"limit": 1000}).json()
    assert [film["id"] for film in everything["films"]] == [poster.id for poster in films]
    assert ask.get("/api/films", params={"limit": 10, "offset": 5}).json()["films"][0]["id"] == films[5].id


def test_a_films_page_tells_what_the_catalogue_knows(ask: httpx.Client, folder: Path, ids: list[str]) -> None:
    page = ask.get(f"/api/films/{ids[3]}").json()
    (poster,) = posterity.open(folder).posters(f"id = '{ids[3]}'")
    assert page["poster"]["film"]["title"] == poster.film.title
    assert page["poster"]["source"] == "posters"  # and not where on this machine that is
    assert page["links"]["IMDb"] == f"https://www.imdb.com/title/{poster.film.imdb_id}/"
    assert sum(share for _, share in page["palette"]) <= 1.01
    assert any("posterity train boxoffice" in note for note in page["notes"])


def test_similar_posters_are_those_of_the_python_interface(ask: httpx.Client, folder: Path, ids: list[str]) -> None:
    films = posterity.open(folder)
    found = ask.get(f"/api/films/{ids[3]}/similar", params={"k": 5, "weights": "colour=1,content=0.5"}).json()
    wanted = films.similar(ids[3], k=5, weights="colour=1,content=0.5")
    assert [match["id"] for match in found["matches"]] == [match.id for match in wanted.matches]
    np.testing.assert_allclose(
        [match["score"] for match in found["matches"]], [match.score for match in wanted.matches]
    )
    plain = ask.get(f"/api/films/{ids[3]}/similar", params={"k": 5}).json()
    assert [match["id"] for match in plain["matches"]] == [match.id for match in films.similar(ids[3], k=5).matches]


def test_maps_and_walls_are_those_of_the_catalogue(ask: httpx.Client, folder: Path, ids: list[str]) -> None:
    films = posterity.open(folder)
    assert settled(ask, "/api/map").json()["positions"] == {
        name: list(place) for name, place in films.map("pca").positions.items()
    }
    wall = films.wall()
    assert settled(ask, "/api/wall").json()["cells"] == {name: list(cell) for name, cell in wall.cells.items()}
    drawn = settled(ask, "/api/layouts/wall_content_poster").json()
    assert list(zip(drawn["y"], drawn["x"], strict=True)) == [wall.cells[name] for name in ids]
    assert ask.get("/api/layouts/none").status_code == 404


def test_a_layouts_name_of_another_kind_is_none(ask: httpx.Client) -> None:
    for path in ("/api/map?name=wall", "/api/map?name=wall_content_poster", "/api/map?name=poster"):
        found = ask.get(path)
        assert found.status_code == 404
        assert "unknown map" in found.json()["detail"]
        assert "map_pca_poster" in found.json()["remedy"]
        assert "wall_" not in found.json()["remedy"]
    for path in ("/api/wall?name=map", "/api/wall?name=map_pca_poster"):
        found = ask.get(path)
        assert found.status_code == 404
        assert found.json() == {
            "detail": f"unknown wall {path.split('=')[1]!r}", "remedy": "Known: wall_content_poster"
        }  # fmt: skip
    assert settled(ask, "/api/map", name="map").json() == settled(ask, "/api/map", name="map_pca_poster").json()
    assert ask.get("/api/layouts/poster").status_code == 404


def test_head_is_get_without_the_content(ask: httpx.Client, ids: list[str]) -> None:
    digest = ask.get("/api/collection").json()["digests"][0]
    paths = ["/", "/page.js", "/healthz", "/api/films?limit=3", "/api/collection", f"/api/films/{ids[3]}",
             f"/api/thumbnails/{digest}.jpg", f"/api/posters/{ids[3]}", "/api/films/nope", "/none"]  # fmt: skip
    for path in paths:
        whole, head = ask.get(path), ask.head(path)
        assert (head.status_code, head.content) == (whole.status_code, b"")
        assert {**head.headers, "date": ""} == {**whole.headers, "date": ""}
    assert 'method="HEAD",route="/api/films/{identity:path}"' in ask.get("/metrics").text


def test_a_catalogue_that_is_away_is_unavailable_and_where_it_was_is_not_told(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "somewhere private" / "films"
    shutil.copytree(folder, place)
    with serving(place) as address, httpx.Client(base_url=address, timeout=60) as ask:
        assert ask.get("/healthz").json() == {"status": "ok", "version": posterity.__version__, "posters": 90}
        place.rename(tmp_path / "away")
        while ask.get("/healthz").status_code == 200:  # it is looked at once a second
            pass
        for path in ("/healthz", "/api/films/nope/similar", "/api/report", "/api/pairs"):
            found = ask.get(path)
            assert (path, found.status_code) == (path, 503)
            assert "retry-after" not in found.headers
            assert found.json()["detail"]
            assert "private" not in found.text
        (tmp_path / "away").rename(place)
        while ask.get("/healthz").status_code == 503:
            pass


def test_the_collection_is_in_columns_of_one_length(ask: httpx.Client, ids: list[str]) -> None:
    found = ask.get("/api/collection").json()
    assert set(found) == {item.name for item in fields(Collection)}
    assert found["ids"] == ids
    for name in ("titles", "years", "genre_of", "language_of", "ratings", "ratios", "flag_of", "digests", "shapes"):
        assert len(found[name]) == len(ids), name
    assert sorted(found["atlas"]["slots"]) == list(range(len(ids)))


def test_pictures_are_the_posters_own(ask: httpx.Client, folder: Path, ids: list[str]) -> None:
    films = posterity.open(folder)
    (poster,) = films.posters(f"id = '{ids[5]}'")
    whole = ask.get(f"/api/posters/{ids[5]}")
    assert whole.content == Path(poster.source, poster.path).read_bytes()
    assert whole.headers["content-type"] == "image/jpeg"
    assert "sandbox" in whole.headers["content-security-policy"]
    found = ask.get("/api/collection").json()
    small = ask.get(f"/api/thumbnails/{found['digests'][5]}.jpg")
    assert small.content == films.store.thumbnails([poster.sha256])[poster.sha256]
    atlas, pages = make_atlas(films.store)
    assert ask.get(f"/api/atlas/{atlas.keys[0]}.jpg").content == pages[atlas.keys[0]]
    assert decode(ask.get(f"/api/sheets/{found['atlas']['sheets'][0]}.jpg").content).shape == (1536, 1024, 3)


def test_what_is_known_is_not_sent_again(ask: httpx.Client) -> None:
    found = ask.get("/api/collection")
    assert found.headers["content-encoding"] == "gzip"
    assert ask.get("/api/collection", headers={"if-none-match": found.headers["etag"]}).status_code == 304
    digest = found.json()["digests"][0]
    small = ask.get(f"/api/thumbnails/{digest}.jpg")
    assert "immutable" in small.headers["cache-control"]
    assert ask.get(f"/api/thumbnails/{digest}.jpg", headers={"if-none-match": small.headers["etag"]}).status_code == 304


def until_ready(ask: httpx.Client, path: str) -> dict[str, Any]:
    wait_for(lambda: settled(ask, path).json()["state"] != "working", poll=0.1)
    job = settled(ask, path).json()
    assert job["state"] == "ready", job["detail"]
    result: dict[str, Any] = job["result"]
    return result


def test_long_work_is_done_once_and_told_of(ask: httpx.Client, folder: Path) -> None:
    films = posterity.open(folder)
    kept = len(films.store.results())
    pairs = until_ready(ask, "/api/pairs?n=10")
    wanted = films.pairs(10)
    assert [(pair["a"], pair["b"], pair["kind"]) for pair in pairs["pairs"]] == [
        (p.a, p.b, p.kind) for p in wanted.pairs
    ]
    groups = until_ready(ask, "/api/duplicates")["groups"]
    assert [group["members"] for group in groups] == [list(group.members) for group in films.duplicates().groups]
    assert len(posterity.open(folder).store.results()) == kept  # asking writes nothing
    report = ask.get("/api/report").json()
    assert report["seen"] == films.report().seen


def test_a_change_of_the_catalogue_is_seen(folder: Path, tmp_path: Path) -> None:
    made = posterity.write_sample(tmp_path / "sample", 20)
    posterity.build(made.posters, tmp_path / "films", made.metadata, encoders=["colour"])
    with serving(tmp_path / "films") as address, httpx.Client(base_url=address) as ask:
        before = ask.get("/api/collection").json()
        assert len(before["ids"]) == 20
        picture(3).save(made.posters / "tt1234567.jpg")
        posterity.build(made.posters, tmp_path / "films", made.metadata, encoders=["colour"])
        wait_for(lambda: len(ask.get("/api/collection").json()["ids"]) > 20)
        after = ask.get("/api/collection").json()
        assert set(after["ids"]) - set(before["ids"]) == {"tt1234567"}
        assert ask.get("/api/films/tt1234567").json()["poster"]["path"] == "tt1234567.jpg"


# --- the clinic ------------------------------------------------------------------------------------------------------


def test_the_clinic_knows_a_poster_and_keeps_nothing(ask: httpx.Client, folder: Path, ids: list[str]) -> None:
    films = posterity.open(folder)
    films.learn.genres(encoders=["poster"], protocol=Protocol(enough=12))
    (poster,) = films.posters(f"id = '{ids[7]}'")
    data = Path(poster.source, poster.path).read_bytes()
    wait_for(lambda: ask.get(f"/api/films/{ids[7]}").json().get("predicted"))  # the server has seen the model
    before = sorted(file for file in folder.rglob("*"))
    found = ask.post("/api/clinic", files={"file": ("mine.jpg", data)}).json()
    assert (found["name"], found["known"], found["width"]) == ("mine.jpg", ids[7], poster.width)
    assert ids[7] not in [match["id"] for match in found["matches"]["matches"]]
    assert found["predicted"][0]["low"] <= found["predicted"][0]["probability"] <= found["predicted"][0]["high"]
    stored = ask.get(f"/api/films/{ids[7]}").json()["predicted"]
    assert [each["genre"] for each in found["predicted"]] == [each["genre"] for each in stored]
    for key in ("probability", "low", "high"):
        np.testing.assert_allclose([e[key] for e in found["predicted"]], [e[key] for e in stored], atol=1e-5)
    assert found["spots"][0]["layout"] == "map_pca_poster"
    assert sorted(file for file in folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("files", "status", "says"),
    [({"file": ("a.jpg", b"no picture")}, 400, "not a supported picture"), ({"file": ("a.jpg", b"")}, 400, "empty"),
     ({"other": ("a.jpg", b"x")}, 400, "no file named 'file'"),
     ({"file": ("big.jpg", b"\xff" * (33 * 2**20))}, 413, "larger than 32 MB")],
)  # fmt: skip
def test_the_clinic_refuses_what_is_no_poster(ask: httpx.Client, files: Any, status: int, says: str) -> None:
    found = ask.post("/api/clinic", files=files)
    assert found.status_code == status
    assert says in found.json()["detail"]


def test_a_picture_of_too_many_pixels_is_not_decoded(ask: httpx.Client) -> None:
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 9_200, 9_200, 8, 2, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )
    found = ask.post("/api/clinic", files={"file": ("bomb.png", bomb)})
    assert found.status_code == 400
    assert "84,640,000 pixels" in found.json()["detail"]


def test_a_form_that_is_none_is_refused(ask: httpx.Client) -> None:
    assert ask.post("/api/clinic", content=b"x").status_code == 400
    broken = {"content-type": "multipart/form-data; boundary=x"}
    assert ask.post("/api/clinic", content=b"--y", headers=broken).status_code == 400
    assert ask.post("/api/clinic", content=b"x", headers={"content-type": "multipart/form-data"}).status_code == 400


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["/../../etc/passwd", "/..%2f..%2fetc%2fpasswd", "/page/index.html", "/built-from.txt",
     "/api/posters/..%2f..%2fsecret",
     "/api/thumbnails/..%2fx.jpg", "/api/atlas/%00.jpg", "/api/films/nope", "/api/films/' OR 1=1 --",
     "/api/films/nope/similar", "/api/films/nope/why?other=x"],
)  # fmt: skip
def test_what_is_not_there_is_not_given(ask: httpx.Client, path: str) -> None:
    found = ask.get(path)
    assert found.status_code == 404
    assert found.json()["detail"]


@pytest.mark.parametrize(
    "path",
    ["/api/films?limit=0", "/api/films?limit=x", "/api/films?offset=-1", "/api/colours?colours=red"],
)
def test_arguments_that_are_not_allowed_are_refused(ask: httpx.Client, path: str) -> None:
    assert ask.get(path).status_code in (400, 422)


@pytest.mark.parametrize("weights", ["", "colour=x", "nothing=1", "colour=0"])
def test_weights_that_are_not_allowed_are_refused(ask: httpx.Client, ids: list[str], weights: str) -> None:
    found = ask.get(f"/api/films/{ids[0]}/similar", params={"weights": weights})
    assert found.status_code in (400, 404)
    assert found.json()["detail"]


def test_no_column_takes_sql(ask: httpx.Client) -> None:
    paths = ask.get("/openapi.json").json()["paths"]
    taken = {each["name"] for path in paths.values() for way in path.values() for each in way.get("parameters", [])}
    assert "weights" in taken
    assert not taken & {"where", "filter", "sql"}


def test_every_answer_tells_browsers_what_to_refuse(ask: httpx.Client) -> None:
    for path in ("/", "/page.js", "/api/films", "/none", "/api/clinic"):
        found = ask.get(path)
        policy = found.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'self'" in policy
        assert found.headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors *" in ask.get("/?ui=0").headers["content-security-policy"]


def test_the_page_names_no_other_host(ask: httpx.Client) -> None:
    for name in ("/", "/page.js", "/page.css"):
        found = set(re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", ask.get(name).text))
        assert {each for each in found if "www.w3.org" not in each} == set()  # names of XML's vocabularies


def test_another_name_for_this_machine_is_refused(ask: httpx.Client) -> None:
    assert ask.get("/healthz", headers={"host": "evil.example"}).status_code == 421
    assert ask.get("/healthz", headers={"host": "localhost:9"}).status_code == 200


def test_another_sites_page_may_not_send_anything(ask: httpx.Client, address: str) -> None:
    file = {"file": ("a.jpg", b"no picture")}
    assert ask.post("/api/clinic", files=file, headers={"origin": "https://evil.example"}).status_code == 403
    assert ask.post("/api/clinic", files=file, headers={"origin": address}).status_code == 400


@pytest.mark.parametrize(
    "headers",
    [{"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "http://localhost:1"},
     {"origin": "null"}],
)  # fmt: skip
def test_another_sites_page_may_not_make_this_server_work(
    ask: httpx.Client, ids: list[str], headers: dict[str, str]
) -> None:
    for path in ("/api/pairs", "/api/evaluation", f"/api/films/{ids[0]}/why?other={ids[1]}", "/api/map", "/api/films"):
        assert ask.get(path, headers=headers).status_code == 403
    assert ask.get("/", headers=headers).status_code == 200


def test_this_servers_own_page_and_programs_may(ask: httpx.Client, address: str) -> None:
    for headers in ({}, {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}, {"origin": address}):
        assert ask.get("/api/films?limit=1", headers=headers).status_code == 200


def test_a_token_is_asked_for_where_there_is_one(folder: Path) -> None:
    with serving(folder, hosts=(), token="s3cret") as address, httpx.Client(base_url=address) as ask:
        assert ask.get("/healthz", headers={"host": "films.example"}).status_code == 200
        for headers in ({}, {"authorization": "Bearer wrong"}, {"cookie": "posterity_token=wrong"}):
            assert ask.get("/api/films", headers=headers).status_code == 401
        assert ask.get("/?token=wrong").status_code == 401
        assert ask.get("/api/films", headers={"authorization": "Bearer s3cret"}).status_code == 200
        first = ask.get("/?token=s3cret&ui=0")
        assert (first.status_code, first.headers["location"]) == (303, "/?ui=0")
        assert "httponly" in first.headers["set-cookie"].lower()
        assert ask.get("/api/films").status_code == 200  # by the cookie


def test_a_host_that_others_reach_comes_with_a_warning_and_a_token(folder: Path) -> None:
    command = [sys.executable, "-m", "posterity", "serve", str(folder), "--port", "0", "--host", "0.0.0.0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        port = said["address"].rsplit(":", 1)[1].strip("/")
        assert httpx.get(f"http://127.0.0.1:{port}/api/films").status_code == 401
        assert httpx.get(f"http://127.0.0.1:{port}/api/films?token={said['token']}").status_code == 303
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
        assert process.stderr is not None
        assert "warning: everyone who can reach 0.0.0.0" in process.stderr.read()


# --- what is described, and many at once -----------------------------------------------------------------------------


def test_answers_are_as_the_description_says(ask: httpx.Client, address: str) -> None:
    load_all_checks()
    for job in ("pairs", "duplicates", "evaluation"):  # done, so that their results are looked at
        until_ready(ask, f"/api/{job}")
    schema = schemathesis.openapi.from_dict(ask.get("/openapi.json").json())
    # Of pictures no description can say that they are large enough to be posters.
    too_strict = CHECKS.get_by_names(["positive_data_acceptance"])
    for result in schema.get_all_operations():
        operation = result.ok()
        probe(operation, address, too_strict if operation.path == "/api/clinic" else [])


def probe(operation: Any, address: str, excluded: list[Any]) -> None:
    """Ask what the description allows, and what it does not, and hold the answers to it."""

    @settings(max_examples=5, deadline=None, database=None, derandomize=True, suppress_health_check=[*HealthCheck])
    @given(case=operation.as_strategy())
    def each(case: Any) -> None:
        response = case.call(base_url=address)
        while response.status_code == 503 and "Retry-After" in response.headers:  # something is being made
            time.sleep(0.1)
            response = case.call(base_url=address)
        assert response.status_code < 500
        case.validate_response(response, excluded_checks=excluded)

    each()


def test_the_pages_types_are_those_of_the_answers() -> None:
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        from page_types import OUT, typescript
    finally:
        sys.path.pop(0)
    assert OUT.read_text(encoding="utf-8") == typescript(), "run: python scripts/page_types.py"
