"""More asked than can be done: what is too much is told to come again, all else goes on, and nothing piles up."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from serving import serving

import posterity
from faults.support import ENVIRONMENT
from posterity.web import health
from posterity.web.answers import Films
from posterity.web.brief_logs import OneLine
from posterity.web.connections import Bounded, most_connections
from posterity.web.gallery import Gallery
from posterity.web.jobs import BusyError, Job, Jobs
from posterity.web.lanes import HEAVY, WIDTHS, Lane, Lanes, Width
from posterity.web.results import Recent
from posterity.web.serving import Server

LONG = 60
"""Seconds that nothing here takes: a test that waits for so long has failed."""


class HeldUp(Gallery):
    """A gallery whose search waits to be let go on."""

    def __init__(self, catalogue: posterity.Catalogue) -> None:
        super().__init__(catalogue)
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Event()

    def films(self, search: str, limit: int, offset: int = 0) -> Films:
        self.begun.release()
        assert self.go_on.wait(LONG)
        return super().films(search, limit, offset)


def test_what_is_too_much_is_told_to_come_again_while_all_else_is_answered(served: Path) -> None:
    gallery = HeldUp(posterity.open(served))
    n = WIDTHS[HEAVY].at_work
    with serving(served, gallery=gallery) as address, httpx.Client(base_url=address, timeout=LONG) as ask:
        with ThreadPoolExecutor(n) as visitors:
            searches = [visitors.submit(httpx.get, f"{address}/api/films", timeout=LONG) for _ in range(n)]
            for _ in range(n):
                assert gallery.begun.acquire(timeout=LONG)
            refused = ask.get("/api/films")
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
            assert refused.json()["remedy"]
            assert "default-src 'none'" in refused.headers["content-security-policy"]
            assert ask.get("/healthz").status_code == 200
            digest = ask.get("/api/collection").json()["digests"][0]
            assert ask.get(f"/api/thumbnails/{digest}.jpg").content.endswith(b"\xff\xd9")
            assert ask.get("/").status_code == 200
            gallery.go_on.set()
            assert {search.result().status_code for search in searches} == {200}
        assert ask.get("/api/films").status_code == 200
        told = ask.get("/metrics").text
        assert 'posterity_requests_total{method="GET",route="(none)",status="503"} 1.0' in told


def test_how_the_server_is_is_told_while_the_catalogue_is_slow(
    films: posterity.Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, looked = threading.Event(), []
    gallery = Gallery(films)
    monkeypatch.setattr(health, "LOOK_AGAIN", 0)
    own = gallery.store.count

    def count() -> int:
        looked.append(1)
        assert len(looked) == 1 or go_on.wait(LONG)
        return own()

    monkeypatch.setattr(gallery.store, "count", count)

    async def go() -> None:
        wellbeing = health.HealthCheck(gallery)
        first = await wellbeing.now()
        assert first is not None
        assert first.posters == 12
        for _ in range(3):  # what was last seen, and one look at a time
            assert await wellbeing.now() is first
        assert len(looked) == 2
        monkeypatch.setattr(health, "TOO_LONG", 0)
        assert await wellbeing.now() is None
        go_on.set()

    asyncio.run(go())


# --- lanes -----------------------------------------------------------------------------------------------------------


def test_a_lane_takes_so_many_and_lets_so_many_wait() -> None:
    async def go() -> None:
        lane = Lane(Width(1, 2, LONG))
        assert await lane.enter()
        first, second = asyncio.create_task(lane.enter()), asyncio.create_task(lane.enter())
        while len(lane.waiting) < 2:
            await asyncio.sleep(0)
        assert not await lane.enter()  # at once
        second.cancel()  # one that has gone takes no place
        await asyncio.gather(second, return_exceptions=True)
        lane.leave()
        assert await first
        lane.leave()
        assert (lane.free, len(lane.waiting)) == (1, 0)
        assert await lane.enter()

    asyncio.run(go())


def test_whoever_waits_too_long_is_refused_and_leaves_no_trace() -> None:
    async def go() -> None:
        lane = Lane(Width(1, 2, 0))
        assert await lane.enter()
        assert not await lane.enter()
        assert not lane.waiting
        lane.leave()
        assert lane.free == 1

    asyncio.run(go())


async def ask_app(app: Any, path: str) -> list[dict[str, Any]]:
    """Ask an ASGI application."""
    told: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        told.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}
    await app(scope, lambda: asyncio.sleep(LONG), send)
    return told


def test_one_who_reads_slowly_holds_up_nobody_and_one_who_fails_gives_the_place_back() -> None:
    async def go() -> None:
        read = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["path"] == "/api/fails":
                raise LookupError
            await send({"type": "http.response.start", "status": 200, "headers": []})
            if scope["path"] == "/api/slow":
                await read.wait()
            await send({"type": "http.response.body", "body": b""})

        lanes = Lanes(app, {HEAVY: Width(1, 0, 0)})
        slow = asyncio.create_task(ask_app(lanes, "/api/slow"))
        while not lanes.lanes[HEAVY].free:
            await asyncio.sleep(0)
        for _ in range(3):
            with pytest.raises(LookupError):
                await ask_app(lanes, "/api/fails")
            assert (await ask_app(lanes, "/api/films"))[0]["status"] == 200
        read.set()
        await slow
        assert lanes.lanes[HEAVY].free == 1

    asyncio.run(go())


# --- connections -----------------------------------------------------------------------------------------------------


def connected(address: str, sent: bytes = b"") -> socket.socket:
    host, port = address.removeprefix("http://").split(":")
    made = socket.create_connection((host, int(port)), timeout=LONG)
    made.sendall(sent)
    return made


def is_ended(connection: socket.socket) -> bool:
    """Wait for the other side to hang up."""
    try:
        while connection.recv(4096):
            pass
    except ConnectionError:
        pass
    return True


@pytest.mark.parametrize("half", [b"", b"GET /healthz HTTP/1.1\r\nHost: 127."], ids=["idle", "half-sent"])
def test_connections_without_a_request_make_room_for_others(
    served: Path, half: bytes, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("posterity.web.connections"), "filters", [])  # nothing was told before
    with serving(served, most=8) as address:
        held = [connected(address, half) for _ in range(40)]
        for _ in range(3):
            assert httpx.get(f"{address}/healthz", timeout=LONG).status_code == 200
        assert is_ended(held[0])
        for each in held:
            each.close()
    said = [record for record in caplog.records if record.name == "posterity.web.connections"]
    assert len(said) == 1  # and not one for each
    assert "\n" not in said[0].getMessage()


def test_whoever_sends_no_whole_request_is_hung_up_on(served: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bounded, "request_seconds", 0.2)
    with serving(served) as address:
        half, idle = connected(address, b"GET / HT"), connected(address)
        with closing(half), closing(idle):
            assert is_ended(half)
            assert is_ended(idle)


def test_a_body_that_does_not_go_on_is_not_waited_for(served: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bounded, "silence_seconds", 0.2)
    head = b"POST /api/clinic HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    with serving(served) as address, closing(connected(address, head + b"Content-Length: 999\r\n\r\n--x\r\n")) as half:
        assert is_ended(half)
        assert httpx.get(f"{address}/healthz").status_code == 200


def test_an_answer_that_is_not_read_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": bytes(64 * 2**20)})

    lost = threading.Event()

    def tell(self: Bounded, error: Exception | None) -> None:
        leave(self, error)
        lost.set()

    leave = Bounded.connection_lost
    monkeypatch.setattr(Bounded, "connection_lost", tell)
    monkeypatch.setattr(Bounded, "silence_seconds", 0.2)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        ready = threading.Event()
        server = Server(app, ready.set)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        assert ready.wait(LONG)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with closing(connected(address, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")):
            assert lost.wait(LONG)
        server.should_exit = True
        thread.join(LONG)


def test_the_second_packet_of_an_answer_does_not_wait_for_word_of_the_first(
    served: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = []
    own = Bounded.connection_made

    def made(self: Bounded, transport: asyncio.Transport) -> None:
        options.append(transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        own(self, transport)

    monkeypatch.setattr(Bounded, "connection_made", made)
    with serving(served) as address:
        assert httpx.get(f"{address}/healthz").status_code == 200
    assert options[0]


def test_connections_leave_half_of_the_files_to_everything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    for limit, most in ((256, 128), (1024, 512), (1_000_000, 512), (20, 16), (resource.RLIM_INFINITY, 512)):
        monkeypatch.setattr(resource, "getrlimit", lambda _what, limit=limit: (limit, limit))
        assert most_connections() == most


# --- long work -------------------------------------------------------------------------------------------------------


class Work:
    """Jobs that wait to be let go on."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Event()
        self.done = 0

    def job(self, number: int, *, long: bool = False) -> Job:
        def work() -> dict[str, int]:
            self.begun.release()
            assert self.go_on.wait(LONG)
            self.done += 1
            return {"number": number}

        return Job("work", {"number": number}, work, long=long)


@pytest.fixture
def work() -> Iterator[Work]:
    made = Work()
    yield made
    made.go_on.set()


def workers() -> int:
    return sum(thread.name == "posterity-job" for thread in threading.enumerate())


def test_the_queue_is_bounded_and_each_job_is_done_once(films: posterity.Catalogue, work: Work) -> None:
    jobs = Jobs(films.store, most_waiting=3)
    before = workers()
    begun = [jobs.begin(work.job(number, long=number == 1)) for number in range(2)]
    for _ in range(2):
        assert work.begun.acquire(timeout=LONG)
    begun += [jobs.begin(work.job(number)) for number in (2, 3, 4)]
    with pytest.raises(BusyError):
        jobs.begin(work.job(5))
    for _ in range(20):  # what is in the queue is asked for again at no cost
        assert jobs.begin(work.job(4)) is begun[4]
    assert workers() - before == 2
    work.go_on.set()
    assert [json.loads(each.result(LONG).text) for each in begun] == [{"number": number} for number in range(5)]
    assert jobs.begin(work.job(3)).result(LONG).text == b'{"number":3}'
    assert work.done == 5


def test_what_takes_long_does_not_stand_before_what_is_waited_for(films: posterity.Catalogue, work: Work) -> None:
    jobs = Jobs(films.store)
    long = [jobs.begin(work.job(number, long=True)) for number in range(3)]
    assert work.begun.acquire(timeout=LONG)
    assert jobs.begin(Job("prompt", {}, lambda: "soon")).result(LONG).text == b'"soon"'
    assert not any(each.done() for each in long)


def test_a_failure_is_told_and_tried_again(films: posterity.Catalogue) -> None:
    jobs = Jobs(films.store)
    tries = []

    def work() -> str:
        tries.append(1)
        if len(tries) == 1:
            raise posterity.errors.CatalogueError("no vectors")
        return "made"

    with pytest.raises(posterity.errors.CatalogueError):
        jobs.begin(Job("fails", {}, work)).result(LONG)
    told = jobs.begin(Job("fails", {}, work))
    with pytest.raises(posterity.errors.CatalogueError):
        told.result(LONG)
    assert jobs.begin(Job("fails", {}, work)).result(LONG).text == b'"made"'


def test_results_are_held_as_there_is_room() -> None:
    held: Recent[bytes] = Recent(100)
    for number in range(50):
        held.put(str(number), bytes(30))
        assert held.size == 30 * len(held) <= 100
    assert held.get("47") is not None
    held.put("50", bytes(30))
    assert held.get("47") is not None  # it was asked for meanwhile
    assert held.get("48") is None
    held.put("47", bytes(10))
    assert held.size == sum(30 if key != "47" else 10 for key in ("47", "49", "50") if held.get(key))
    held.put("large", bytes(1000))
    assert (len(held), held.size) == (1, 1000)


def counted(monkeypatch: pytest.MonkeyPatch, name: str) -> list[object]:
    calls: list[object] = []
    own = getattr(posterity.Catalogue, name)

    def call(self: posterity.Catalogue, *args: Any, **options: Any) -> object:
        calls.append(options)
        return own(self, *args, **options)

    monkeypatch.setattr(posterity.Catalogue, name, call)
    return calls


def ready(ask: httpx.Client, path: str, **parameters: Any) -> dict[str, Any]:
    while (found := ask.get(path, params=parameters).json())["state"] == "working":
        pass
    assert found["state"] == "ready", found
    result: dict[str, Any] = found["result"]
    return result


def test_pairs_are_found_once_however_many_are_asked_for(
    films: posterity.Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(films.folder)
    calls = counted(monkeypatch, "pairs")
    versions, kept = films.store.versions(), len(films.store.results())
    with serving(folder) as address, httpx.Client(base_url=address, timeout=LONG) as ask:
        most = ready(ask, "/api/pairs", n=60)["pairs"]
        for n in range(1, 60):
            assert ready(ask, "/api/pairs", n=n)["pairs"] == most[:n]
        assert len(calls) == 1
        apart = ready(ask, "/api/pairs", n=7, hide_franchise=True)
        assert len(calls) == 2
        wanted = films.pairs(7, hide_franchise=True)
        assert [(pair["a"], pair["b"]) for pair in apart["pairs"]] == [(pair.a, pair.b) for pair in wanted.pairs]
        assert apart["hidden"] == list(wanted.hidden)
        assert ask.get("/api/pairs", params={"n": 1001}).status_code == 422
    # Asking wrote nothing.
    films = posterity.open(folder)
    assert (films.store.versions(), len(films.store.results())) == (versions, kept)


def test_reasons_and_first_layouts_are_made_once_and_nothing_is_written(
    make_posters: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    posterity.build(make_posters(), tmp_path / "films", encoders=["colour"])
    films = posterity.open(tmp_path / "films")
    why, walls = counted(monkeypatch, "explain"), counted(monkeypatch, "wall")
    versions, names = films.store.versions(), [each.name for each in films.store.artefacts()]
    with serving(tmp_path / "films") as address, httpx.Client(base_url=address, timeout=LONG) as ask:

        def settled(path: str, **parameters: str) -> Any:
            while (found := ask.get(path, params=parameters)).status_code == 503:
                assert found.headers["retry-after"] == "1"
            assert found.status_code == 200, found.text
            return found.json()

        for _ in range(3):
            found = settled("/api/films/tt0000001/why", other="tt0000002", weights="colour=1")
            assert found["contributions"].keys() == {"colour"}
            drawn = settled("/api/layouts/wall")
            assert len(drawn["x"]) == 12
        assert (len(why), len(walls)) == (1, 1)
        assert settled("/api/wall")["cells"].keys() == {poster.id for poster in films.posters()}
    films = posterity.open(tmp_path / "films")
    assert films.store.versions() == versions
    assert [each.name for each in films.store.artefacts()] == names


# --- the end ---------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_ctrl_c_does_not_wait_for_work_that_nobody_waits_for(served: Path) -> None:
    program = (
        "import sys, threading\n"
        "from posterity.cli import main\n"
        "from posterity.web.gallery import Gallery\n"
        "def films(*_):\n"
        "    print('begun', flush=True)\n"
        "    threading.Event().wait()\n"
        "Gallery.films = films\n"
        "sys.argv = ['posterity', 'serve', sys.argv[1], '--port', '0', '--json']\n"
        "main()\n"
    )
    command = [sys.executable, "-c", program, str(served)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT) as serve:
        try:
            assert serve.stdout is not None
            address = json.loads(serve.stdout.readline())["address"].rstrip("/")
            request = b"GET /api/films HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
            with closing(connected(address, request)), closing(connected(address, b"GET / HT")):
                assert serve.stdout.readline() == "begun\n"
                serve.send_signal(signal.SIGINT)
                assert serve.wait(LONG) == 0
            assert serve.stderr is not None
            assert "Traceback" not in serve.stderr.read()
        finally:
            serve.kill()


def test_what_is_wrong_is_told_in_one_line_and_once(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("posterity.of.this.test")
    logger.addFilter(OneLine())

    def fail(text: str) -> None:
        raise ValueError(text)

    for text in ("a\nb",) * 50 + ("c",):
        try:
            fail(text)
        except ValueError:
            logger.exception("Exception in ASGI application\n")
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert said[0].startswith("Exception in ASGI application: ValueError: a b (test_fault_load.py, line ")
    assert all(record.exc_info is None for record in caplog.records)
