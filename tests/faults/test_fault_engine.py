"""Workers, drivers and clusters that die: the next run goes on, and ends as if nothing had happened."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import posterity
from faults.support import (
    Undisturbed,
    assert_one_line,
    check_consistent,
    check_equal,
    cli,
    content,
    kill,
    start,
    wait_for,
)
from posterity.catalogue import is_catalogue

pytest.importorskip(
    "ray", reason="FAULTS OF RAY ARE NOT TESTED HERE: it is not installed; pip install 'posterity[ray]'"
)

ON_RAY = [
    sys.executable,
    "-c",
    "import posterity.building, posterity.embedding, posterity.cli;"
    "posterity.building.BATCH = 48; posterity.building.builder.BATCH = 48; posterity.building.CHUNK = 4;"
    "posterity.embedding.BATCH = 32; posterity.embedding.CHUNK = 4;"
    "posterity.cli.main()",
]
"""The command line with small chunks, so that a few hundred posters keep workers busy for a while."""


def _workers(driver: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Find the processes of the pool of a driver whose cluster is its own."""
    try:
        family = psutil.Process(driver.pid).children(recursive=True)
        return [each for each in family if "_Worker" in " ".join(each.cmdline())]
    except psutil.NoSuchProcess:
        return []


def test_killed_workers_cost_nothing(undisturbed: Undisturbed, tmp_path: Path) -> None:
    folder = tmp_path / "films"
    driver = start("build", undisturbed.source, "-c", folder, "-q", "--json", "--engine", "ray", command=ON_RAY)
    killed = 0
    chance = random.Random(9)
    wait_for(lambda: is_catalogue(folder) or driver.poll() is not None)
    while driver.poll() is None:
        for worker in _workers(driver)[:1]:
            if killed < 3:
                worker.send_signal(signal.SIGKILL)
                killed += 1
        time.sleep(0.3 + chance.random() / 2)
    _, err = driver.communicate(timeout=120)
    assert driver.returncode == 0, err.decode()
    assert killed, "no worker was seen"
    check_equal(content(folder), undisturbed.content)


def test_a_killed_driver_leaves_what_it_committed_and_the_next_goes_on(
    undisturbed: Undisturbed, tmp_path: Path
) -> None:
    folder = tmp_path / "films"
    versions = folder / "posters.lance" / "_versions"
    driver = start("build", undisturbed.source, "-c", folder, "-q", "--engine", "ray", command=ON_RAY)
    wait_for(lambda: (versions.is_dir() and len(list(versions.iterdir())) > 3) or driver.poll() is not None)
    assert driver.poll() is None
    kill(driver)
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
