"""Files are written whole or not at all, and in one way."""

from __future__ import annotations

import ast
import threading
from pathlib import Path

import pytest

import posterity
from posterity.errors import StorageError
from posterity.runtime.filenames import whole, write_whole


def test_a_file_is_there_whole_and_nothing_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "new" / "a.txt"
    write_whole(target, b"first")
    with whole(target) as temporary:
        temporary.write_bytes(b"half of the sec")
        assert target.read_bytes() == b"first"
        temporary.write_bytes(b"second")
    assert target.read_bytes() == b"second"
    assert [file.name for file in target.parent.iterdir()] == ["a.txt"]


def test_what_fails_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    write_whole(target, b"first")

    def fail() -> None:
        with whole(target) as temporary:
            temporary.write_bytes(b"half")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert target.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [target]


def test_a_place_that_cannot_be_written_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match=r"a\.txt cannot be written: .*\n?.*Make room") as caught:
        write_whole(tmp_path / "file" / "a.txt", b"", "Make room.")
    assert "Make room." in str(caught.value)


def test_two_threads_may_write_the_same_file(tmp_path: Path) -> None:
    target, both = tmp_path / "a.txt", threading.Barrier(2, timeout=60)
    refused: list[BaseException] = []

    def write(content: bytes) -> None:
        try:
            with whole(target) as temporary:
                temporary.write_bytes(content)
                both.wait()  # each has begun before the other ends
        except BaseException as error:
            refused.append(error)

    threads = [threading.Thread(target=write, args=(letter * 1000,)) for letter in (b"a", b"b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not refused
    assert target.read_bytes() in (b"a" * 1000, b"b" * 1000)
    assert list(tmp_path.iterdir()) == [target]


def test_nobody_else_writes_beside_and_replaces() -> None:
    """A temporary name of one's own is made of the process's number."""
    root = Path(posterity.__file__).parent
    naming = set()
    for file in root.rglob("*.py"):
        tree = ast.parse(file.read_text("utf-8"))
        if any(isinstance(node, ast.Attribute) and node.attr == "getpid" for node in ast.walk(tree)):
            naming.add(file.relative_to(root).as_posix())
    assert naming == {"runtime/filenames.py", "catalogue/_lease.py"}  # the lease names its holder
