"""Workers, drivers and clusters that die: the next run goes on, and ends as if nothing had happened."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import psutil
import pytest
from waiting import wait_for

import posterity
from faults.support import (
    SMALL,
    Undisturbed,
    Watched,
    assert_one_line,
    check_consistent,
    check_equal,
    cli,
    content,
)

pytest.importorskip(
    "ray", reason="FAULTS OF RAY ARE NOT TESTED HERE: it is not installed; pip install 'posterity[ray]'"
)

ON_RAY = SMALL | {
    "posterity.ingest.run:CHUNK": 4,
    "posterity.embedding.pipeline:BATCH": 32,
    "posterity.embedding.pipeline:CHUNK": 4,
}
"""So small chunks that a few hundred posters keep workers busy for a while."""


def _build(source: Path, folder: Path, *halt: int) -> Watched:
    return Watched("build", source, "-c", folder, "-q", "--json", "--engine", "ray", halt=halt, values=ON_RAY)


def _workers(driver: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Find the processes of the pool of a driver whose cluster is its own."""
    try:
        family = psutil.Process(driver.pid).children(recursive=True)
        return [each for each in family if "_Worker" in " ".join(each.cmdline())]
    except psutil.NoSuchProcess:
        return []


@pytest.mark.long
def test_killed_workers_cost_nothing(undisturbed: Undisturbed, tmp_path: Path) -> None:
    folder = tmp_path / "films"
    moments = (8, 14)
    driver = _build(undisturbed.source, folder, *moments)
    for write in moments:
        driver.reach(write)
        wait_for(lambda: _workers(driver.process))
        _workers(driver.process)[0].send_signal(signal.SIGKILL)
        driver.go_on()
    _, err = driver.end()
    assert driver.process.returncode == 0, err.decode()
    check_equal(content(folder), undisturbed.content)


def test_a_killed_driver_leaves_what_it_committed_and_the_next_goes_on(
    undisturbed: Undisturbed, tmp_path: Path
) -> None:
    folder = tmp_path / "films"
    driver = _build(undisturbed.source, folder, 14)
    driver.reach(14)
    driver.kill()
    committed = len(check_consistent(folder).posters())
    assert committed > 0
    report = posterity.build(undisturbed.source, folder)  # here, in one process: the two go on from each other
    assert report.unchanged >= committed
    check_equal(content(folder), undisturbed.content)


def test_a_cluster_that_is_not_there_is_said(undisturbed: Undisturbed, tmp_path: Path) -> None:
    arguments = ["build", undisturbed.source, "-c", tmp_path / "films", "-q", "--engine", "ray"]
    done = cli(*arguments, "--address", "127.0.0.1:1")
    assert done.returncode == 1
    assert_one_line(done.stderr, "Ray cannot be reached at 127.0.0.1:1")
