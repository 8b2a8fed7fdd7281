"""A folder of files, at any depth: every file once, in an order that does not depend on the machine."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from posterity.errors import SourceError
from posterity.sources.paths import escape


@dataclass(frozen=True)
class File:
    """A regular file: its escaped path below the folder, its size in bytes and its time of change."""

    path: str
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Skipped:
    """Something that cannot hold posters: its escaped path below the folder, and why."""

    path: str
    reason: str
    detail: str


def walk(root: str | os.PathLike[str], leave_out: Collection[str] = ()) -> Iterator[File | Skipped]:
    """List a folder and all folders in it, sorted by name, following links but never in a circle.

    Args:
        root: The folder.
        leave_out: Files and folders that are passed over in silence: those of Posterity itself.

    Raises:
        SourceError: ``root`` is no folder that can be listed.
    """
    top = os.fspath(root)
    try:
        if not Path(top).is_dir():
            problem = "is a file, not a folder" if Path(top).exists() else "does not exist"
            raise SourceError(f"{escape(top)} {problem}", "SOURCE is a folder of posters.")
        with os.scandir(top):
            pass
    except OSError as error:
        raise SourceError(f"{escape(top)} cannot be listed: {error.strerror}", "Check its permissions.") from error
    own = {_identity(os.stat(path)) for path in leave_out if os.path.exists(path)}  # noqa: PTH110, PTH116
    yield from _list(top, "", frozenset(own), frozenset())


Identity = tuple[int, int]
"""Device and inode: what a file or folder is, by whatever name."""


def _identity(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino


def _list(
    folder: str, below: str, leave_out: frozenset[Identity], above: frozenset[Identity]
) -> Iterator[File | Skipped]:
    try:
        status = os.stat(folder)  # noqa: PTH116
        with os.scandir(folder) as entries:
            # By bytes: the same order whatever the locale, and names that are no text have one too.
            found = sorted(entries, key=lambda entry: os.fsencode(entry.name))
    except OSError as error:
        yield Skipped(escape(below), "unreadable", f"folder cannot be listed: {error.strerror}")
        return
    here = above | {_identity(status)}
    for entry in found:
        path = f"{below}/{entry.name}" if below else entry.name
        try:
            status = entry.stat()
        except FileNotFoundError:
            detail = "a link to nothing" if entry.is_symlink() else "gone between listing and looking"
            yield Skipped(escape(path), "vanished", detail)
            continue
        except OSError as error:
            yield Skipped(escape(path), "unreadable", f"{error.strerror}")
            continue
        if _identity(status) in leave_out:
            continue
        if stat.S_ISDIR(status.st_mode):
            if entry.name.startswith("."):
                yield Skipped(escape(path), "hidden", "folders whose name starts with a dot are not searched")
            elif _identity(status) in here:
                yield Skipped(escape(path), "loop", "a link to a folder that it lies in")
            else:
                yield from _list(entry.path, path, leave_out, here)
        elif stat.S_ISREG(status.st_mode):
            yield File(escape(path), status.st_size, status.st_mtime_ns)
        else:
            yield Skipped(escape(path), "not_an_image", "no regular file")
