"""A library's folders, one at a time: what is in each, sorted; links followed, no folder twice, nothing opened."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from posterity.errors import SourceError
from posterity.runtime.filenames import escape
from posterity.runtime.leftovers import Passed, is_leftover
from posterity.sources.folder import Skipped

_PEEK = 500
"""Number of a folder's entries that are checked to see whether it holds a film."""


@dataclass(frozen=True)
class Folder:
    """What is in a folder; names are as the system gives them, not escaped.

    Attributes:
        below: Its path below the library; "" is the library itself.
        name: Its own name.
        path: Where it is.
        files: Its regular files' names, sorted by bytes, without those that start with a dot.
        folders: Its folders' names, likewise.
        troubles: What could not be read, and hidden folders.
    """

    below: str
    name: str
    path: str
    files: tuple[str, ...]
    folders: tuple[str, ...]
    troubles: tuple[Skipped, ...] = ()

    @property
    def item(self) -> str:
        """Its escaped path below the library, for reports."""
        return escape(self.below) or "."

    def inside(self, name: str) -> str:
        """Give the path below the library of something in it, not escaped."""
        return f"{self.below}/{name}" if self.below else name


class Tree:
    """A library that is being listed.

    What systems and programs keep in it (:mod:`posterity.runtime.leftovers`) is passed over, and counted in ``passed``.

    Args:
        root: Its folder.

    Raises:
        SourceError: ``root`` is not a folder that can be listed.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = os.path.abspath(os.fspath(root))  # noqa: PTH100
        self.passed = Passed()
        self._listed: dict[tuple[int, int], str] = {}
        shown = escape(self.root)
        try:
            if not Path(self.root).is_dir():
                problem = "is a file, not a folder" if Path(self.root).exists() else "does not exist"
                raise SourceError(f"{shown} {problem}", "SOURCE must be the folder of a media library.")
            with os.scandir(self.root):
                pass
        except OSError as error:
            raise SourceError(f"{shown} cannot be listed: {error.strerror}", "Check its permissions.") from error

    def open(self, below: str) -> Folder | Skipped:
        """List a folder by its path below the library, or say why not."""
        path = f"{self.root}/{below}" if below else self.root
        try:
            status = os.stat(path)  # noqa: PTH116
            identity = status.st_dev, status.st_ino
            if identity in self._listed:
                # Each folder once: links among a few dozen folders would else make more paths than anyone could
                # wait for.
                other = self._listed[identity]
                if not other or below.startswith(f"{other}/"):
                    return Skipped(escape(below), "loop", "a link to a folder that contains it")
                return Skipped(escape(below), "duplicate", f"the same folder as {escape(other)}")
            self._listed[identity] = below
            with os.scandir(path) as entries:
                # By bytes: the same order whatever the locale, and names that are not text have one too.
                found = sorted(entries, key=lambda entry: os.fsencode(entry.name))
        except FileNotFoundError:
            return Skipped(escape(below), "vanished", "gone after it was listed")
        except OSError as error:
            return Skipped(escape(below) or ".", "unreadable", f"folder cannot be listed: {error.strerror}")
        name = os.path.basename(path)  # noqa: PTH119
        return _sorted_out(Folder(below, name, path, (), ()), found, self.passed)


def _sorted_out(empty: Folder, entries: Iterable[os.DirEntry[str]], passed: Passed) -> Folder:
    files: list[str] = []
    folders: list[str] = []
    troubles: list[Skipped] = []
    for entry in entries:
        item = escape(empty.inside(entry.name))
        hidden = entry.name.startswith(".")
        try:
            if is_leftover(entry.name, entry.is_dir()):
                passed.add(item, escape(entry.name))
            elif entry.is_dir():
                if not hidden:
                    folders.append(entry.name)
                elif entry.name.lower() != ".actors":  # Kodi's, in every film's folder: not worth a word
                    detail = "folders whose name starts with a dot are not searched"
                    troubles.append(Skipped(item, "hidden", detail))
            elif entry.is_file():
                if not hidden:
                    files.append(entry.name)
            elif entry.is_symlink():
                troubles.append(Skipped(item, "vanished", "a broken link"))
            else:
                troubles.append(Skipped(item, "not_an_image", "not a regular file"))
        except OSError as error:
            troubles.append(Skipped(item, "unreadable", f"{error.strerror}"))
    return Folder(empty.below, empty.name, empty.path, tuple(files), tuple(folders), tuple(troubles))


def holds(path: str, wanted: Callable[[str], bool]) -> bool:
    """Whether one of the first entries of a folder has a name that is wanted; not if it cannot be listed."""
    try:
        with os.scandir(path) as entries:
            first = [entry.name for entry, _ in zip(entries, range(_PEEK), strict=False)]
            return any(wanted(name) for name in first if not is_leftover(name, False))
    except OSError:
        return False
