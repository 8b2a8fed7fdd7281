"""Which file a table's cell names: by its path, else by its name, else, where one answer is left, by a guess.

A cell that names folders matches only a file that lies in them, and one that names an ending only a file of that
ending. Names count letter for letter first; then however their accents are encoded (Unicode's NFC and NFD), then
whatever their case: both only among the rows and files that are left, and only where one of each agrees.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import unquote, urlsplit

K = TypeVar("K", bound=Hashable)

Parts = tuple[str, ...]
Fold = Callable[[str], str]

_PICTURE = re.compile(r"(.+)\.(?:jpe?g|jpe|jfif|png|webp|gif|bmp|tiff?|avif|svg|heic)", re.IGNORECASE | re.DOTALL)
_SAYS_NOTHING = re.compile(r"(?:poster|folder|cover|default|movie|image|img|front)?[-_ ]?\d*", re.IGNORECASE)
"""Names that any film's picture may have: such a one means nothing without its folder."""


def stem(name: str) -> str:
    """Give a file's name without its ending, if it has one of a picture.

    >>> stem("Heat.jpg"), stem("Dr. No"), stem("E.T. (1982).JPEG")
    ('Heat', 'Dr. No', 'E.T. (1982)')
    """
    found = _PICTURE.fullmatch(name)
    return found[1] if found else name


@dataclass(frozen=True)
class Named:
    """What a cell names.

    Attributes:
        cell: As it stands there.
        parts: Folders, and last the name.
        ending: Whether the name has a picture's ending.
        loose: Whether the ending means nothing here, as it is that of a file elsewhere: an address.
    """

    cell: str
    parts: Parts
    ending: bool
    loose: bool = False


def named(cell: str, loose: bool = False) -> Named | None:
    r"""Read what a cell names: an address by the last part of its path, any other by its folders and name.

    Windows' back-slashes separate as slashes do; drive letters, ``.`` and what leads out of a folder (``..``) go.

    >>> named("C:\\data\\posters\\ran.jpg").parts, named("https://a.example/M/Who%3F.jpg?w=5").parts
    (('data', 'posters', 'ran.jpg'), ('Who?.jpg',))
    >>> named("Who?.jpg").parts, named("./a/../b/c.png").parts, named("/")
    (('Who?.jpg',), ('b', 'c.png'), None)
    """
    path = cell
    if re.match(r"(?:https?|file)://", cell, re.IGNORECASE):
        try:
            path = unquote(urlsplit(cell).path)
        except ValueError:
            return None
        if cell[:4].lower() != "file":
            loose, path = True, path.rsplit("/", 1)[-1]
    path = re.sub(r"^/*[A-Za-z]:(?=[\\/])", "", path)
    parts: list[str] = []
    for part in re.split(r"[\\/]", path):
        if part == "..":
            parts = []
        elif part not in ("", "."):
            parts.append(part)
    return Named(cell, tuple(parts), stem(parts[-1]) != parts[-1], loose) if parts else None


@dataclass
class Found(Generic[K]):
    """Which row names which file.

    Attributes:
        files: Row -> file. Two rows may name the same file letter for letter.
        unclear: Row -> the files that it could mean, of which none is taken.
        guesses: How -> the rows and files that were matched so.
    """

    files: dict[K, str] = field(default_factory=dict)
    unclear: dict[K, Sequence[str]] = field(default_factory=dict)
    guesses: dict[str, list[tuple[K, str]]] = field(default_factory=dict)

    def sentences(self, rows: Mapping[K, Named]) -> list[str]:
        """Say what was guessed: of each way how often, with an example."""
        found = []
        for how, pairs in self.guesses.items():
            row, file = pairs[0]
            files = "1 file is" if len(pairs) == 1 else f"{len(pairs):,} files are"
            found.append(f"{files} matched {how}, such as {file!r} with {rows[row].cell!r}")
        return found


_FOLDS: tuple[tuple[str, Fold], ...] = (
    ("", lambda text: text),
    ("by names that differ in how accents are encoded", lambda text: unicodedata.normalize("NFC", text)),
    (
        "by names that differ in case",
        lambda text: unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold()),
    ),
)
_ELSEWHERE = "by name although the table names another folder"
_OTHER_ENDING = "by name although the table names another ending"


def assign(rows: Mapping[K, Named], files: Iterable[str], root: str) -> Found[K]:
    """Tell which row names which file.

    Args:
        rows: What rows name, by what identifies them.
        files: The files' paths below the folder, with ``/`` between.
        root: The folder's own path, which cells may name too.
    """
    split = {path: tuple(path.split("/")) for path in files}
    above = named(root)
    matcher = _Matcher(rows, split, above.parts if above else ())
    for how, fold in _FOLDS:
        matcher.by_path(how, fold)
    for how, fold in _FOLDS:
        matcher.elsewhere(how, fold)
    for how, fold in _FOLDS:
        matcher.other_ending(how, fold)
    return matcher.found


class _Index:
    """Files by parts of their paths, with and without the endings of their names."""

    def __init__(self, paths: Iterable[tuple[str, Parts]]) -> None:
        self.full: dict[Parts, list[str]] = defaultdict(list)
        self.stems: dict[Parts, list[str]] = defaultdict(list)
        for path, key in paths:
            self.full[key].append(path)
            self.stems[(*key[:-1], stem(key[-1]))].append(path)

    def find(self, row: Named, parts: Parts) -> Sequence[str]:
        """Give the files of these parts; of a row that names no ending, those of any."""
        full = self.full.get(parts, ())
        stems = () if row.ending else self.stems.get(parts, ())
        return list(dict.fromkeys([*full, *stems])) if full and stems else full or stems


class _Matcher(Generic[K]):
    def __init__(self, rows: Mapping[K, Named], files: Mapping[str, Parts], above: Parts) -> None:
        self.rows = rows
        self.files = files
        self.above = above
        self.found: Found[K] = Found()

    def _open(self) -> dict[K, Named]:
        found = self.found
        return {row: name for row, name in self.rows.items() if row not in found.files and row not in found.unclear}

    def _left(self, fold: Fold, left: bool) -> list[tuple[str, Parts]]:
        """Give the files with their folded parts; only those that are left, if so asked."""
        taken = set(self.found.files.values()) if left else set()
        return [(path, tuple(map(fold, parts))) for path, parts in self.files.items() if path not in taken]

    def by_path(self, how: str, fold: Fold) -> None:
        """Match rows whose whole path a file has, or whose path a file's path, with the folder's own, ends in."""
        waiting = {row: (name, tuple(map(fold, name.parts))) for row, name in self._open().items()}
        if not waiting:
            return
        files = self._left(fold, bool(how))
        above = tuple(map(fold, self.above))
        whole = _Index(files)
        ends = {
            n: _Index((path, (above + parts)[-n:]) for path, parts in files if len(above) + len(parts) >= n)
            for n in {len(parts) for _, parts in waiting.values()}
        }
        pairs: dict[K, Sequence[str]] = {}
        for row, (name, parts) in waiting.items():
            if not how and name.cell in self.files:  # its slashes may lean either way
                pairs[row] = [name.cell]
            elif found := whole.find(name, parts) or ends[len(parts)].find(name, parts):
                pairs[row] = found
        self._settle(pairs, how, strictly=bool(how))

    def elsewhere(self, how: str, fold: Fold) -> None:
        """Match rows that name more folders than there are: where all of them leave out the same one, and name it last.

        A table that was written beside ``posters/`` names ``posters/heat.jpg``; a copy of that folder goes by any name.
        """
        waiting = {row: name for row, name in self._open().items() if len(name.parts) > 1}
        if not waiting:
            return
        whole = _Index(self._left(fold, True))
        pairs: dict[K, list[str]] = {}
        left_out: set[str] = set()
        for row, name in waiting.items():
            parts = tuple(map(fold, name.parts))
            for depth in range(1, len(parts)):
                for file in whole.find(name, parts[depth:]):
                    left_out.add(parts[depth - 1])
                    if depth < len(parts) - 1 or not _SAYS_NOTHING.fullmatch(stem(name.parts[-1])):
                        pairs.setdefault(row, []).append(file)
        if len(left_out) == 1:
            self._settle(pairs, _both(_ELSEWHERE, how), strictly=True)

    def other_ending(self, how: str, fold: Fold) -> None:
        """Match addresses with files of their name and another ending: a copy may be of another format."""
        waiting = {row: name for row, name in self._open().items() if name.loose and name.ending}
        if not waiting:
            return
        index = _Index((path, parts[-1:]) for path, parts in self._left(fold, True))
        pairs = {
            row: files for row, name in waiting.items() if (files := index.stems.get((stem(fold(name.parts[-1])),)))
        }
        self._settle(pairs, _both(_OTHER_ENDING, how), strictly=True)

    def _settle(self, pairs: Mapping[K, Sequence[str]], how: str, strictly: bool) -> None:
        """Take the rows that are left one file; guesses only where that file is left one row as well."""
        claims = Counter(files[0] for files in pairs.values() if len(files) == 1)
        for row, files in pairs.items():
            if len(files) > 1 or (strictly and claims[files[0]] > 1):
                self.found.unclear[row] = files
            else:
                self.found.files[row] = files[0]
                if how:
                    self.found.guesses.setdefault(how, []).append((row, files[0]))


def _both(how: str, folded: str) -> str:
    return f"{how}, {folded.removeprefix('by ')}" if folded else how
