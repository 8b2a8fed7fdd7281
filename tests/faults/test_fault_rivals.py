"""Several processes at one catalogue: readers never see an error, and writers leave what one alone would have left."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from waiting import wait_for

import posterity
from faults.support import (
    CLI,
    ENVIRONMENT,
    LONG_AGO,
    SMALL_BATCHES,
    Undisturbed,
    age,
    assert_one_line,
    check_all_vectors,
    check_consistent,
    check_equal,
    content,
    draw,
    start,
)

READER = """
import json, sys, posterity
folder, identity = sys.argv[1:]
rounds = 0
sys.stdin.close()
held = posterity.open(folder)
while True:
    for catalogue in (held, posterity.open(folder)):
        assert catalogue.info().posters >= 100
        found = catalogue.similar(identity, k=5)
        assert len(found.matches) == 5 and found.query.id == identity
        assert len(catalogue.report().runs) >= 1
        ids, vectors = catalogue.vectors("pixels")
        assert len(ids) == len(vectors)
    rounds += 1
    print(rounds, flush=True)
"""


def test_reader_sees_no_error_while_builds_write(tmp_path: Path) -> None:
    source, folder = tmp_path / "source", tmp_path / "films"
    source.mkdir()
    for number in range(120):
        draw(source / f"{number}.jpg", number, (60, 90))
    posterity.build(source, folder)
    with (tmp_path / "rounds").open("wb") as rounds, (tmp_path / "errors").open("wb") as errors:
        reader = subprocess.Popen(
            [sys.executable, "-c", READER, str(folder), "file:0.jpg"],
            stdin=subprocess.PIPE, stdout=rounds, stderr=errors, env=ENVIRONMENT,
        )  # fmt: skip
        try:

            def done() -> int:
                return len((tmp_path / "rounds").read_bytes().splitlines())

            wait_for(lambda: done() or reader.poll() is not None)
            first = done()
            for build in range(3):
                for number in range(build + 1, 120, 5):
                    draw(source / f"{number}.jpg", 1000 * build + number, (60, 90))
                    age(source / f"{number}.jpg", LONG_AGO + build + 1)
                for number in range(25):
                    draw(source / f"new {build} {number}.jpg", 50_000 + 100 * build + number, (60, 90))
                writer = start("build", source, "-c", folder, "-q", "--json", command=SMALL_BATCHES)
                out, err = writer.communicate(timeout=300)
                assert writer.returncode == 0, err
                assert json.loads(out)["added"] == 25
            posterity.open(folder).doctor(repair=True)
            # It read while builds wrote, and reads on.
            assert done() > first
            last = done()
            wait_for(lambda: done() > last or reader.poll() is not None)
            assert reader.poll() is None, (tmp_path / "errors").read_text()
        finally:
            reader.kill()
            assert reader.stdin
            reader.stdin.close()
            reader.wait()
    assert (tmp_path / "errors").read_text() == ""
    check_all_vectors(folder)


@pytest.mark.parametrize(
    "command",
    [pytest.param(CLI, id="one-commit", marks=pytest.mark.long), pytest.param(SMALL_BATCHES, id="many-commits")],
)
def test_two_builds_of_one_source_at_once(undisturbed: Undisturbed, tmp_path: Path, command: Sequence[str]) -> None:
    folder = tmp_path / "films"
    for round_ in range(2):  # the first makes the catalogue, the second updates it
        source = tmp_path / "source"
        if round_ == 0:
            shutil.copytree(undisturbed.source, source)
        else:
            for number, path in enumerate(sorted(source.rglob("tt*.jpg"))[::3]):
                draw(path, 60_000 + number)
                age(path, LONG_AGO + 60)
        rivals = [start("build", source, "-c", folder, "-q", "--json", command=command) for _ in range(2)]
        for rival in rivals:
            _, err = rival.communicate(timeout=300)
            if rival.returncode:
                assert rival.returncode == 1, err
                assert_one_line(err)
            else:
                assert err == b""
        assert any(rival.returncode == 0 for rival in rivals)
        check_consistent(folder)
        posterity.build(source, folder)
        alone = tmp_path / f"alone {round_}"
        posterity.build(source, alone)
        check_equal(content(folder), content(alone))


def test_builds_of_two_sources_into_one_catalogue_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "films"
    sources = [tmp_path / "one", tmp_path / "two"]
    for place, source in enumerate(sources):
        source.mkdir()
        for number in range(100):
            draw(source / f"{number}.jpg", 1000 * place + number, (60, 90))
    posterity.create(folder)
    rivals = [start("build", source, "-c", folder, "-q", "--json", command=SMALL_BATCHES) for source in sources]
    for rival in rivals:
        _, err = rival.communicate(timeout=300)
        assert rival.returncode in (0, 1), err
        if err:
            assert_one_line(err)
    check_consistent(folder)
    for _ in range(2):
        for source in sources:
            posterity.build(source, folder)
    check_all_vectors(folder)
    assert posterity.open(folder).info().sources == {str(source): 100 for source in sources}
