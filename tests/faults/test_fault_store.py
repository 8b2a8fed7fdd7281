"""An object store whose server is killed, whose network is cut, or whose clock is wrong; and two writers at one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from object_store import BUCKET, Front, Moto, moto, variables
from waiting import wait_for

import posterity
from faults.support import (
    CLI,
    ENCODERS,
    SMALL,
    SMALL_BATCHES,
    Undisturbed,
    Watched,
    assert_one_line,
    check_consistent,
    check_equal,
    cli,
    content,
    start,
)

CATALOGUE = f"s3://{BUCKET}/films"
QUICK = ("-q", "--encoders", ",".join(ENCODERS))


@pytest.fixture
def front() -> Iterator[Front]:
    """A store that is reached through a process of its own; this process reaches it directly."""
    with moto() as store:
        found = Front(store)
        yield found
        found.kill()


def _build(source: Path, *halt: int, **options: Any) -> Watched:
    return Watched("build", source, "-c", CATALOGUE, *QUICK, halt=halt, **options)


@pytest.mark.long
def test_a_server_that_is_killed_and_comes_back_is_waited_for(undisturbed: Undisturbed, front: Front) -> None:
    moments = (5, 12)
    build = _build(undisturbed.source, *moments, env=front.variables)
    for write in moments:
        build.reach(write)
        front.kill()
        build.go_on()
        front.turn_away(2)
        front.start()
    _, err = build.end()
    assert build.process.returncode == 0, err.decode()
    check_equal(content(CATALOGUE), undisturbed.content)


@pytest.mark.long
def test_a_server_that_stays_away_ends_the_build_and_the_next_goes_on(undisturbed: Undisturbed, front: Front) -> None:
    impatient = SMALL | {"posterity.runtime.storage:RETRY_SECONDS": 1}
    told = front.variables | {"POSTERITY_S3_LEASE": "60"}
    build = _build(undisturbed.source, 8, values=impatient, env=told)
    build.reach(8)
    front.kill()
    build.go_on()
    _, err = build.end()
    assert build.process.returncode == 1
    assert_one_line(err)
    before = len(check_consistent(CATALOGUE).posters())
    assert before > 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POSTERITY_S3_LEASE", "2")  # by now nobody renews the lease of the one that ended
        report = posterity.build(undisturbed.source, CATALOGUE, encoders=ENCODERS)
    assert report.unchanged >= before
    check_equal(content(CATALOGUE), undisturbed.content)


@pytest.mark.long
def test_two_builds_at_once_leave_what_one_would(undisturbed: Undisturbed) -> None:
    with moto() as server:
        builds = [
            start("build", undisturbed.source, "-c", CATALOGUE, *QUICK, command=SMALL_BATCHES, env=server.variables)
            for _ in range(2)
        ]
        for build in builds:
            _, err = build.communicate(timeout=300)
            assert build.returncode == 0, err.decode()
        check_equal(content(CATALOGUE), undisturbed.content)


# --- clocks ----------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_clocks_that_are_days_apart_decide_nothing(undisturbed: Undisturbed) -> None:
    """A build by a clock that is wrong, and one by the right clock while the lease of a third process is there."""
    if shutil.which("faketime") is None:
        pytest.skip("WRONG CLOCKS ARE NOT TESTED HERE: there is no faketime; apt-get install faketime")
    with moto() as server:
        wrong = ["faketime", "-f", "+3d", *CLI]
        lease = {"POSTERITY_S3_LEASE": "60"}
        first = start("build", undisturbed.source / "shelf 0", "-c", CATALOGUE, *QUICK, command=wrong,
                      env=server.variables | lease)  # fmt: skip
        second = start("build", undisturbed.source, "-c", CATALOGUE, *QUICK, command=CLI,
                       env=server.variables | lease)  # fmt: skip
        for build in (first, second):
            _, err = build.communicate(timeout=300)
            assert build.returncode == 0, err.decode()
        done = cli("doctor", CATALOGUE, "--repair", command=wrong, env=server.variables | lease)
        assert done.returncode == 0, done.stderr
        store = check_consistent(CATALOGUE)
        wanted = {poster.sha256 for poster in undisturbed.content["posters"]}
        assert {poster.sha256 for poster in store.posters()} == wanted
        assert posterity.build(undisturbed.source, CATALOGUE, encoders=ENCODERS).added == 0
        assert posterity.open(CATALOGUE).similar("tt0000002", encoder="pixels").matches


# --- two hosts -------------------------------------------------------------------------------------------------------

HOST, GUEST = "10.123.7.1", "10.123.7.2"


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@pytest.fixture
def two_hosts() -> Iterator[tuple[str, str]]:
    """Two network namespaces, a cable between them: the names of the server's and the builder's."""
    names = f"store{os.getpid()}", f"build{os.getpid()}"
    cable = f"ve{os.getpid() % 100_000}a", f"ve{os.getpid() % 100_000}b"
    try:
        for name in names:
            _ip("netns", "add", name)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("A CUT NETWORK IS NOT TESTED HERE: no network namespaces can be made; run as root, with iproute2")
    _ip("link", "add", cable[0], "netns", names[0], "type", "veth", "peer", "name", cable[1], "netns", names[1])
    for name, end, address in zip(names, cable, (HOST, GUEST), strict=True):
        _ip("-n", name, "addr", "add", f"{address}/24", "dev", end)
        _ip("-n", name, "link", "set", end, "up")
        _ip("-n", name, "link", "set", "lo", "up")
    yield names
    for name in names:
        subprocess.run(["ip", "netns", "pids", name], check=False, capture_output=True)
        _ip("netns", "del", name)


def _cable(names: tuple[str, str], state: str) -> None:
    _ip("-n", names[0], "link", "set", f"ve{os.getpid() % 100_000}a", state)


ASK = "import sys; sys.path.insert(0, {tests!r}); from object_store import make_bucket; make_bucket({port}, {host!r})"
READ = (
    "import sys; sys.path.insert(0, {tests!r}); from faults.support import content; import pickle, posterity;"
    "pickle.dump(content({catalogue!r}), open({out!r}, 'wb'))"
)


@pytest.mark.long
def test_a_network_that_is_cut_and_mended_costs_nothing(
    undisturbed: Undisturbed, tmp_path: Path, two_hosts: tuple[str, str]
) -> None:
    import pickle

    inside = ["ip", "netns", "exec", two_hosts[1]]
    waiting = [*inside, "ss", "--tcp", "--numeric", "--options", "--no-header"]
    tests = str(Path(__file__).parents[1])
    server = Moto(HOST, ("ip", "netns", "exec", two_hosts[0]))
    try:
        told = variables(server.port, HOST) | {"POSTERITY_S3_LEASE": "60"}
        bucket = [*inside, sys.executable, "-c", ASK.format(tests=tests, port=server.port, host=HOST)]
        wait_for(lambda: subprocess.run(bucket, check=False, capture_output=True).returncode == 0, poll=0.5)
        moments = (5, 12)
        build = _build(undisturbed.source, *moments, wrapper=inside, env=told)
        for write in moments:
            build.reach(write)
            _cable(two_hosts, "down")
            build.go_on()
            # What is sent is sent again, as nothing answers.
            wait_for(lambda: "timer:(on," in subprocess.run(waiting, check=True, capture_output=True, text=True).stdout)
            _cable(two_hosts, "up")
        _, err = build.end()
        assert build.process.returncode == 0, err.decode()
        out = tmp_path / "content"
        read = [*inside, sys.executable, "-c", READ.format(tests=tests, catalogue=CATALOGUE, out=str(out))]
        subprocess.run(read, check=True, env=os.environ | told)
        check_equal(pickle.loads(out.read_bytes()), undisturbed.content)
    finally:
        server.close()
