"""No lock, no write; and whoever waits for a lock gets it."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import posterity
from posterity.errors import StorageError
from posterity.runtime.locks import held

HOLDER = """
import sys
from pathlib import Path
from posterity.runtime.locks import held
with held(Path(sys.argv[1])):
    print(flush=True)
    sys.stdin.read()
"""


def test_a_lock_is_waited_for_and_a_killed_holder_lets_go(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "posterity")
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        holder.stdout.readline()
        got = threading.Event()

        def wait() -> None:
            with held(tmp_path / "lock"):
                got.set()

        waiting = threading.Thread(target=wait)
        waiting.start()
        while not caplog.records:
            pass
        assert not got.is_set()
        holder.kill()
        waiting.join(60)
    assert got.is_set()
    assert [record.message for record in caplog.records] == ["waiting for another writer"]


def test_a_lock_that_cannot_be_opened_is_no_leave_to_write(films: posterity.Catalogue) -> None:
    before = films.store.version
    lock = films.folder / "writer.lock"
    lock.unlink()
    lock.mkdir()
    for deed in (
        lambda: films.build(films.posters()[0].source),
        lambda: films.embed(["colour"]),
        lambda: films.doctor(repair=True),
    ):
        with pytest.raises(StorageError, match=r"writer\.lock cannot be locked.*nothing was written"):
            deed()
    assert films.store.version == before
    assert films.similar(films.posters()[0].id).matches, "it is read all the same"
    assert films.doctor().well


def test_a_disk_without_locks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for code in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):

        def refuse(fd: int, operation: int, code: int = code) -> None:
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(fcntl, "flock", refuse)
        with pytest.raises(StorageError, match="cannot be locked"), held(tmp_path / "lock"):
            pytest.fail("it was not held")


def test_who_holds_a_catalogue_may_ask_again_and_others_wait(films: posterity.Catalogue) -> None:
    inside = threading.Event()

    def other() -> None:
        with films.store.writing():
            inside.set()

    with films.store.writing():
        with films.store.writing():
            pass
        waiting = threading.Thread(target=other)
        waiting.start()
        assert not inside.wait(0.2)
    waiting.join(60)
    assert inside.is_set()
