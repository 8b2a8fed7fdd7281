"""Downloads against a server that misbehaves: each fault has its outcome, nothing is lost, and nothing asked twice."""

from __future__ import annotations

import math
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from faulty_server import Faults, Server
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from waiting import PATIENCE, wait_for

from posterity.errors import StorageError
from posterity.sources._http.addresses import is_public
from posterity.sources._http.pace import OUT_OF_REACH, Pace
from posterity.sources.downloads import Job, download, plan
from posterity.sources.journal import Journal, Line
from posterity.sources.politeness import Politeness

QUICK = Politeness(rate=0, timeout=60.0, retries=2, max_bytes=8 * 2**20, named_hosts=frozenset({"127.0.0.1"}))


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def server(faults: Faults) -> Iterator[Server]:
    with Server(faults) as running:
        yield running


def fetch(
    server: Server, folder: Path, *paths: str, polite: Politeness = QUICK, refresh: bool = False
) -> dict[str, str]:
    jobs = [Job(path, f"{server.url}/{path}", path.split("?")[0].replace("/", "-").split(".")[0]) for path in paths]
    report = download(jobs, folder, polite, refresh=refresh)
    for outcome in report.outcomes.values():
        assert (outcome.path is not None) == (outcome.status in ("ok", "kept"))
        if outcome.path:
            assert (folder / outcome.path).stat().st_size == outcome.bytes
    return {key: outcome.status for key, outcome in report.outcomes.items()}


@pytest.mark.parametrize(
    ("path", "status", "requests"),
    [
        ("ok/1.jpg", "ok", 1),
        ("missing/1.jpg", "missing", 1),
        ("forbidden/1.jpg", "forbidden", 1),
        ("html/1.jpg", "not_an_image", 1),
        ("liar/1.jpg", "not_an_image", 1),
        ("empty/1.jpg", "empty", 1),
        ("flaky/1.jpg", "ok", 2),
        ("broken/1.jpg", "server_error", 3),
        ("busy/1.jpg", "ok", 2),
        ("later/1.jpg", "rate_limited", 1),
        ("loop/1.jpg", "redirect_refused", 6),
        ("chain/1.jpg", "ok", 4),
        ("silent/1.jpg", "timeout", 3),
        ("short/1.jpg", "ok", 2),
        ("reset/1.jpg", "ok", 2),
        ("unranged/1.jpg", "ok", 2),
        ("misranged/1.jpg", "ok", 3),
        ("endless/1.jpg", "too_large", 1),
        ("huge/1.jpg", "too_large", 1),
        ("bomb/1.jpg", "too_large", 1),
        ("packed/1.jpg", "ok", 1),
        ("mispacked/1.jpg", "corrupt", 1),
    ],
)
def test_each_fault_has_its_outcome(
    server: Server, faults: Faults, tmp_path: Path, path: str, status: str, requests: int
) -> None:
    polite = replace(QUICK, timeout=0.5) if status == "timeout" else QUICK
    assert fetch(server, tmp_path, path, polite=polite) == {path: status}
    assert server.asked[f"/{path}"] == requests
    files = {file.name for file in tmp_path.iterdir() if not file.name.startswith("journal")}
    if status == "ok":
        whole = {"short": faults.content["2"], "packed": faults.content["3"]}
        large = path.split("/")[0] in ("reset", "unranged", "misranged")
        expected = faults.large if large else whole.get(path.split("/")[0], faults.content["1"])
        (name,) = files
        assert name.endswith(".jpg")
        assert (tmp_path / name).read_bytes() == expected
    else:
        assert not any(name.endswith(".jpg") for name in files)


def test_a_broken_off_download_goes_on_where_it_stopped(server: Server, faults: Faults, tmp_path: Path) -> None:
    once = replace(QUICK, retries=0)
    assert fetch(server, tmp_path, "reset/1.jpg", polite=once) == {"reset/1.jpg": "incomplete"}
    assert fetch(server, tmp_path, "reset/1.jpg", polite=once) == {"reset/1.jpg": "ok"}
    (_, first), (_, second) = server.seen
    assert "Range" not in first
    assert second["If-Range"] == faults.etag
    assert int(second["Range"][6:-1]) > 1000
    assert (tmp_path / "reset-1.jpg").read_bytes() == faults.large


def test_a_part_of_another_version_is_thrown_away(server: Server, faults: Faults, tmp_path: Path) -> None:
    once = replace(QUICK, retries=0)
    fetch(server, tmp_path, "reset/1.jpg", polite=once)
    faults.etag = '"v2"'
    faults.large = faults.large[:-2] + b"\0\0"
    assert fetch(server, tmp_path, "reset/1.jpg", polite=once) == {"reset/1.jpg": "ok"}
    assert (tmp_path / "reset-1.jpg").read_bytes() == faults.large


def test_nothing_is_asked_for_twice(server: Server, tmp_path: Path) -> None:
    paths = ["ok/1.jpg", "ok/2.jpg", "missing/1.jpg", "html/1.jpg", "broken/1.jpg"]
    fetch(server, tmp_path, *paths)
    before = dict(server.asked)
    assert fetch(server, tmp_path, *paths) == {
        "ok/1.jpg": "kept", "ok/2.jpg": "kept", "missing/1.jpg": "missing", "html/1.jpg": "not_an_image",
        "broken/1.jpg": "server_error",
    }  # fmt: skip
    more = {path: n - before[path] for path, n in server.asked.items() if n != before[path]}
    assert more == {"/broken/1.jpg": 3}
    (tmp_path / "ok-1.jpg").unlink()
    (tmp_path / "ok-2.jpg").write_bytes(b"cut")
    fetch(server, tmp_path, *paths[:2])
    assert server.asked["/ok/1.jpg"] == server.asked["/ok/2.jpg"] == 2


def test_an_address_that_changed_is_asked_for_again(server: Server, faults: Faults, tmp_path: Path) -> None:
    download([Job("film", f"{server.url}/missing/1.jpg", "film")], tmp_path, QUICK)
    download([Job("film", f"{server.url}/ok/1.jpg", "film")], tmp_path, QUICK)
    assert (tmp_path / "film.jpg").read_bytes() == faults.content["1"]
    report = download([Job("film", f"{server.url}/ok/2.jpg", "film")], tmp_path, QUICK)
    assert report.outcomes["film"].status == "ok"
    assert (tmp_path / "film.jpg").read_bytes() == faults.content["2"]


def test_refreshing_asks_whether_it_changed(server: Server, faults: Faults, tmp_path: Path) -> None:
    assert fetch(server, tmp_path, "tagged/1.jpg") == {"tagged/1.jpg": "ok"}
    assert fetch(server, tmp_path, "tagged/1.jpg", refresh=True) == {"tagged/1.jpg": "kept"}
    assert server.seen[-1][1]["If-None-Match"] == '"v1"'
    faults.etag = '"v2"'
    assert fetch(server, tmp_path, "tagged/1.jpg", refresh=True) == {"tagged/1.jpg": "ok"}
    assert (tmp_path / "tagged-1.jpg").read_bytes() == faults.content["2"]


def test_a_refresh_that_fails_keeps_what_is_there(server: Server, faults: Faults, tmp_path: Path) -> None:
    job = Job("film", f"{server.url}/ok/1.jpg", "film")
    download([job], tmp_path, QUICK)
    faults.do_ok = faults.do_broken  # type: ignore[method-assign]
    report = download([job], tmp_path, QUICK, refresh=True)
    assert report.outcomes["film"].status == "kept"
    assert (tmp_path / "film.jpg").read_bytes() == faults.content["1"]


@pytest.mark.parametrize(
    "target",
    [
        "http://10.0.0.1/x.jpg", "http://[::1]/x.jpg", "http://169.254.169.254/latest", "http://2130706433/x.jpg",
        "http://0x7f000001/x.jpg", "http://127.1/x.jpg", "http://localhost:1/x.jpg", "http://[::ffff:10.0.0.1]/x.jpg",
        "file:///etc/passwd", "ftp://example.com/x", "http://0.0.0.0/x.jpg",
    ],
)  # fmt: skip
def test_no_redirect_leads_into_a_private_network(server: Server, tmp_path: Path, target: str) -> None:
    path = f"inside/1.jpg?to={target}"
    # Only this server was named, by host and port.
    polite = replace(QUICK, named_hosts=frozenset({f"127.0.0.1:{server.port}"}), retries=0)
    status = fetch(server, tmp_path, path, polite=polite)[path]
    assert status == "redirect_refused"


def test_a_table_does_not_lead_into_a_private_network_either(server: Server, tmp_path: Path) -> None:
    polite = replace(QUICK, named_hosts=frozenset())
    assert fetch(server, tmp_path, "ok/1.jpg", polite=polite) == {"ok/1.jpg": "bad_address"}
    assert not server.asked
    allowed = replace(polite, allow_private=True)
    assert fetch(server, tmp_path / "other", "ok/1.jpg", polite=allowed) == {"ok/1.jpg": "ok"}


def test_addresses_of_private_networks_are_known_in_all_their_forms() -> None:
    private = (
        "127.0.0.1 10.1.2.3 192.168.0.1 172.16.0.1 169.254.1.1 100.64.0.1 0.0.0.0 224.0.0.1 255.255.255.255 ::1 :: "
        "fe80::1 fc00::1 ff02::1 ::ffff:192.168.0.1 64:ff9b::a00:1 2002:7f00:1:: ::ffff:0:127.0.0.1 ::127.0.0.1 "
        "fec0::1 64:ff9b:1::1 64:ff9b:1:ffff::8.8.8.8 3fff::1 5f00::1"
    )
    assert not [address for address in private.split() if is_public(address)]
    assert all(is_public(address) for address in ("1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:8.8.8.8"))


_OTHER_SPELLINGS = (
    "①②⑦.⓪.⓪.①", "１２７.０.０.１", "127。0。0。1", "127.1", "0x7f000001", "2130706433", "127.0.0.1.", "ⓛocalhost",
    "[::ffff:127.0.0.1]", "[::ffff:0:127.0.0.1]",
)  # fmt: skip


@pytest.mark.parametrize("host", _OTHER_SPELLINGS)
def test_other_spellings_of_this_machine_are_refused_as_well(server: Server, tmp_path: Path, host: str) -> None:
    """The host is judged as it is connected to, whatever way it is written: in a row, and in a redirect."""
    job = Job("1", f"http://{host}:{server.port}/ok/1.jpg", "1")
    polite = replace(QUICK, named_hosts=frozenset(), retries=0)
    assert download([job], tmp_path / "row", polite).outcomes["1"].status in ("bad_address", "unreachable")
    named = replace(polite, named_hosts=frozenset({f"localhost:{server.port}"}))
    there = f"http://{host}:{server.port}/ok/1.jpg"
    job = Job("1", f"http://localhost:{server.port}/inside/1.jpg?to={quote(there)}", "1")
    status = download([job], tmp_path / "redirect", named).outcomes["1"].status
    if host != "ⓛocalhost":  # which is the very host that was named
        assert status in ("redirect_refused", "unreachable")
    assert not [path for path in server.asked if path.startswith("/ok") and host != "ⓛocalhost"]


def test_an_address_is_checked_when_it_is_connected_to(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever got past the checks of names (here: a resolver that lies) ends at the socket."""

    async def resolve(self: object, host: str, port: int = 0, family: int = 0) -> list[dict[str, object]]:
        return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": 2, "proto": 0, "flags": 0}]

    monkeypatch.setattr("posterity.sources._http.addresses.GuardedResolver.resolve", resolve)
    job = Job("1", f"http://pictures.example:{server.port}/ok/1.jpg", "1")
    polite = replace(QUICK, named_hosts=frozenset(), retries=0)
    assert download([job], tmp_path, polite).outcomes["1"].status == "bad_address"
    assert not server.asked


def test_a_host_that_is_not_there_is_soon_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [Job(f"{n}", f"http://127.0.0.1:9/{n}.jpg", f"{n}") for n in range(200)]
    tries = 0

    def failed(pace: Pace) -> None:
        nonlocal tries
        tries += 1
        counted(pace)

    counted = Pace.failed
    monkeypatch.setattr(Pace, "failed", failed)
    polite = replace(QUICK, retries=4)
    report = download(jobs, tmp_path, polite)
    assert {outcome.status for outcome in report.outcomes.values()} == {"unreachable"}
    assert tries <= OUT_OF_REACH + polite.concurrency  # 200 jobs that each waited out their tries would make 1,000


def test_requests_keep_to_the_rate(server: Server, tmp_path: Path) -> None:
    started = time.monotonic()
    fetch(server, tmp_path, *(f"ok/{n}.jpg" for n in range(11)), polite=replace(QUICK, rate=20))
    assert time.monotonic() - started >= 0.5  # ten pauses of a twentieth of a second


def test_bytes_of_a_run_are_capped_and_the_next_run_goes_on(server: Server, tmp_path: Path) -> None:
    polite = replace(QUICK, max_total=20_000, concurrency=1)
    paths = [f"ok/{n}.jpg" for n in range(8)]
    first = fetch(server, tmp_path, *paths, polite=polite)
    assert 0 < list(first.values()).count("ok") < 8
    assert set(first.values()) == {"ok", "over_total"}
    again = fetch(server, tmp_path, *paths)
    assert set(again.values()) == {"ok", "kept"}


def test_a_plan_asks_for_nothing(server: Server, tmp_path: Path) -> None:
    fetch(server, tmp_path, "ok/1.jpg", "missing/1.jpg")
    before = sum(server.asked.values())
    jobs = [
        Job(p, f"{server.url}/{p}", p.replace("/", "-").split(".")[0])
        for p in ("ok/1.jpg", "missing/1.jpg", "ok/2.jpg")
    ]
    found = plan(jobs, tmp_path, replace(QUICK, rate=2))
    assert (found.total, found.to_fetch, found.have, found.known_dead) == (3, 1, 1, 1)
    assert found.hosts == {"127.0.0.1": 1}
    assert found.seconds == 0.5
    assert sum(server.asked.values()) == before


def test_a_damaged_journal_is_put_aside_and_files_are_found_again(server: Server, tmp_path: Path) -> None:
    fetch(server, tmp_path, "ok/1.jpg")
    for name in ("journal.sqlite-wal", "journal.sqlite-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / "journal.sqlite").write_bytes(b"no database at all" * 100)
    assert fetch(server, tmp_path, "ok/1.jpg") == {"ok/1.jpg": "kept"}
    assert (tmp_path / "journal.damaged").exists()
    assert server.asked["/ok/1.jpg"] == 1


def test_a_full_disk_is_told_clearly(server: Server, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("a small file system can only be mounted by root")
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)], check=False).returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        with pytest.raises(StorageError, match="cannot be written"):
            fetch(server, small, "ok/1.jpg", *(f"reset/{n}.jpg" for n in range(4)))
    finally:
        subprocess.run(["umount", str(small)], check=True)


SCRIPT = """
import sys
from pathlib import Path
from posterity.sources.politeness import Politeness
from posterity.sources.downloads import Job, download
url, folder, n = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
polite = Politeness(rate=0, concurrency=4, named_hosts=frozenset({"127.0.0.1"}))
report = download([Job(f"{i}", f"{url}/held/{i}.jpg", f"{i}") for i in range(n)], folder, polite)
print(sum(o.path is not None for o in report.outcomes.values()))
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_stopped_is_gone_on_with(
    server: Server, faults: Faults, tmp_path: Path, how: signal.Signals
) -> None:
    command = [sys.executable, "-c", SCRIPT, server.url, str(tmp_path), "40"]
    for files in (6, 18):
        faults.held.left = files - len(list(tmp_path.glob("*.jpg")))
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_for(lambda files=files: len(list(tmp_path.glob("*.jpg"))) >= files)
        running.send_signal(how)
        running.communicate(timeout=PATIENCE)
        assert running.returncode != 0
        wait_for(lambda: not faults.held.waiting)
    faults.held.left = math.inf
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "40"
    assert len(list(tmp_path.glob("*.jpg"))) == 40
    assert not list(tmp_path.glob("*.part"))
    # What had its name at the moment of a kill was not asked for again: only requests under way were.
    assert sum(server.asked.values()) <= 40 + 2 * 4
    with sqlite3.connect(tmp_path / "journal.sqlite") as journal:
        assert journal.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    journal.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(max_size=30) | st.text(max_size=20).map(lambda t: f"http://{t}"), max_size=5, unique=True))
def test_any_text_for_an_address_has_an_outcome(tmp_path: Path, urls: list[str]) -> None:
    jobs = [Job(f"{n}", url, f"x{n}") for n, url in enumerate(urls)]
    report = download(jobs, tmp_path / f"{time.monotonic_ns()}", replace(QUICK, retries=0))
    assert set(report.outcomes) == {job.key for job in jobs}
    assert not any(outcome.path for outcome in report.outcomes.values())
    assert plan(jobs, tmp_path, QUICK).total == len(jobs)


@pytest.mark.parametrize(
    ("path", "extra", "requests"),
    [
        ("ranged/1.jpg", 0, 1),
        ("ranged/1.jpg", -7, 1),
        ("ranged/1.jpg", 7, 2),
        ("ranged/1.jpg?bare", 0, 2),
    ],
    ids=["whole", "nearly whole", "too long", "whole, of unknown length"],
)
def test_a_part_that_a_killed_run_left_is_taken_or_fetched_anew(
    server: Server, faults: Faults, tmp_path: Path, path: str, extra: int, requests: int
) -> None:
    """Killed between the last byte and the renaming, a run leaves all of a picture; the server answers 416 then."""
    body = faults.large
    (tmp_path / "ranged-1.part").write_bytes((body + bytes(8))[: len(body) + extra])
    with Journal(tmp_path) as journal:
        journal.write(Line(path, f"{server.url}/{path}", None, "partial", "", 0, faults.etag))
    assert fetch(server, tmp_path, path) == {path: "ok"}
    assert (tmp_path / "ranged-1.jpg").read_bytes() == body
    assert sum(server.asked.values()) == requests
    assert not list(tmp_path.glob("*.part"))
    assert fetch(server, tmp_path, path) == {path: "kept"}


def test_what_an_earlier_version_took_for_forbidden_is_asked_for_again(server: Server, tmp_path: Path) -> None:
    url = f"{server.url}/ok/1.jpg"
    with Journal(tmp_path) as journal:
        journal.write(Line("ok/1.jpg", url, None, "forbidden", f"HTTP 416 from {url}", 0))
    assert plan([Job("ok/1.jpg", url, "ok-1")], tmp_path, QUICK).to_fetch == 1
    assert fetch(server, tmp_path, "ok/1.jpg") == {"ok/1.jpg": "ok"}
