"""A folder of files, at any depth: every file once, in an order that does not depend on the machine."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from posterity.errors import SourceError
from posterity.runtime.filenames import escape
from posterity.runtime.leftovers import Passed, is_leftover
from posterity.runtime.storage import is_remote, listed, remote, unreachable


@dataclass(frozen=True, slots=True)
class File:
    """A regular file: its escaped path below the folder, its size in bytes and its time of change."""

    path: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that cannot be a poster: its escaped path below the folder (or what else names it), and why.

    A row that was refused may name the picture that it would have had, below the folder: its poster goes.
    """

    path: str
    reason: str
    detail: str
    picture: str | None = None


def passed_over(passed: Passed) -> Iterator[Skipped]:
    """Report once, at the end of a listing, what systems and programs keep there and was skipped."""
    if passed.first:
        yield Skipped(passed.first, "leftover", passed.detail)


_GONE = "gone after it was listed"


def check_listable(root: str | os.PathLike[str]) -> None:
    """Make sure that there is something to be listed, without listing it.

    Raises:
        SourceError: ``root`` is not a folder that can be listed, nor an address that anything lies below.
    """
    top = os.fspath(root)
    try:
        if is_remote(top):
            if next(listed(remote(top)), None) is None:
                raise SourceError(f"{top} does not exist", "SOURCE must be a folder of posters, or the address of one.")
            return
        if not Path(top).is_dir():  # raises, as `exists` does, what the system says where it cannot look
            problem = "is a file, not a folder" if Path(top).exists() else "does not exist"
            raise SourceError(f"{escape(top)} {problem}", "SOURCE must be a folder of posters.")
        with os.scandir(top):
            pass
    except OSError as error:
        if is_remote(top):
            raise SourceError(str(unreachable(top, error)), "") from error
        raise SourceError(f"{escape(top)} cannot be listed: {error.strerror}", "Check its permissions.") from error


def walk(root: str | os.PathLike[str], leave_out: Collection[str] = ()) -> Iterator[File | Skipped]:
    """List a folder and all folders in it, sorted by name, following links but no folder twice.

    What systems and programs keep in folders (:mod:`posterity.runtime.leftovers`) is skipped, and reported once.

    Args:
        root: The folder.
        leave_out: Files and folders that are passed over in silence: those of Posterity itself.

    Raises:
        SourceError: ``root`` is not a folder that can be listed.
    """
    check_listable(root)
    top = os.fspath(root)
    if is_remote(top):
        yield from _walk_objects(top, leave_out)
        return
    own = {_identity(os.stat(path)) for path in leave_out if os.path.exists(path)}  # noqa: PTH110, PTH116
    # A stack of our own, last in first out: folders may be nested deeper than Python's own stack.
    listed: dict[Identity, str] = {}
    passed = Passed()
    waiting: list[tuple[str, os.DirEntry[str]]] = []
    try:
        waiting += reversed(_entries(top, "", listed))
    except OSError as error:
        yield Skipped("", "unreadable", f"folder cannot be listed: {error.strerror}")
    while waiting:
        path, entry = waiting.pop()
        found = _look(path, entry, own, listed, passed)
        if isinstance(found, list):
            waiting += reversed(found)
        elif found:
            yield found
    yield from passed_over(passed)


def _walk_objects(top: str, leave_out: Collection[str]) -> Iterator[File | Skipped]:
    """List an address of an object store as a folder is listed: the same keys come in the same order."""
    own = [f"{left.removeprefix(top.rstrip('/')).strip('/')}/" for left in leave_out if left.startswith(top)]
    hidden: set[str] = set()
    passed, seen = Passed(), set[str]()
    try:
        found = sorted(listed(remote(top)), key=lambda item: item[0].encode().split(b"/"))
    except OSError as error:
        raise SourceError(str(unreachable(top, error)), "") from error
    for path, status in found:
        if any(f"{path}/".startswith(each) for each in own):
            continue
        *folders, name = path.split("/")
        if (left := next((at for at, folder in enumerate(folders) if is_leftover(folder, True)), None)) is not None:
            if (bin_ := "/".join(folders[: left + 1])) not in seen:
                seen.add(bin_)
                passed.add(escape(bin_), escape(folders[left]))
            continue
        if is_leftover(name, False):
            passed.add(escape(path), escape(name))
            continue
        depth = next((at for at, name in enumerate(folders) if name.startswith(".")), None)
        if depth is None:
            yield File(escape(path), status.size, status.mtime_ns)
        elif (folder := "/".join(folders[: depth + 1])) not in hidden:
            hidden.add(folder)
            yield Skipped(escape(folder), "hidden", "folders whose name starts with a dot are not searched")
    yield from passed_over(passed)


Identity = tuple[int, int]
"""Device and inode: what a file or folder is, by whatever name."""


def _identity(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino


def _entries(folder: str, below: str, listed: dict[Identity, str]) -> list[tuple[str, os.DirEntry[str]]]:
    """List a folder, and note down in ``listed`` that it was, by its path below the top."""
    listed.setdefault(_identity(os.stat(folder)), below)  # noqa: PTH116
    with os.scandir(folder) as entries:
        # By bytes: the same order whatever the locale, and names that are not text have one too.
        found = sorted(entries, key=lambda entry: os.fsencode(entry.name))
    return [(f"{below}/{entry.name}" if below else entry.name, entry) for entry in found]


def _look(
    path: str,
    entry: os.DirEntry[str],
    leave_out: Collection[Identity],
    listed: dict[Identity, str],
    passed: Passed,
) -> File | Skipped | list[tuple[str, os.DirEntry[str]]] | None:
    """Tell what an entry is; the entries in it, where it is a folder to be searched."""
    try:
        status = entry.stat()
    except FileNotFoundError:
        return Skipped(escape(path), "vanished", "a broken link" if entry.is_symlink() else _GONE)
    except OSError as error:
        return Skipped(escape(path), "unreadable", f"{error.strerror}")
    identity = _identity(status)
    if identity in leave_out:
        return None
    if is_leftover(entry.name, stat.S_ISDIR(status.st_mode)):
        passed.add(escape(path), escape(entry.name))
        return None
    if stat.S_ISREG(status.st_mode):
        return File(escape(path), status.st_size, status.st_mtime_ns)
    if not stat.S_ISDIR(status.st_mode):
        return Skipped(escape(path), "not_an_image", "not a regular file")
    if entry.name.startswith("."):
        return Skipped(escape(path), "hidden", "folders whose name starts with a dot are not searched")
    if identity in listed:
        # Each folder once: links among a few dozen folders would else make more paths than anyone could wait for.
        other = listed[identity]
        if not other or path.startswith(f"{other}/"):
            return Skipped(escape(path), "loop", "a link to a folder that contains it")
        return Skipped(escape(path), "duplicate", f"the same folder as {escape(other)}")
    try:
        return _entries(entry.path, path, listed)
    except OSError as error:
        return Skipped(escape(path), "unreadable", f"folder cannot be listed: {error.strerror}")
