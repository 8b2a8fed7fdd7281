"""A file -> a poster fit for the catalogue, or the reason why not. Every file gets one answer, and none stops a run."""

from __future__ import annotations

import errno
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

from posterity.errors import ImageError
from posterity.images import (
    THUMBNAIL_SIZE,
    Limits,
    examine,
    is_blank,
    perceptual_hash,
    sniff,
    thumbnail,
)
from posterity.runtime.storage import read
from posterity.sources.rules import CHOICE, RULES

REASONS = {
    "empty": "the file has no content",
    "not_an_image": "the content is not a picture in a supported format",
    "corrupt": "the picture's data cannot be decoded",
    "truncated": "the file ends before the picture does",
    "tiny": "a side is shorter than the least allowed",
    "too_many_pixels": "the picture has more pixels than the limit, and was not decoded",
    "too_costly": "decoding it would take far more time or memory than a poster's does, and it was not decoded",
    "too_large": "the file is larger than the limit, and was not read",
    "unreadable": "the operating system refused to read it",
    "vanished": "it was gone by the time it was read",
    "duplicate": "the same content, byte for byte, is in the catalogue already",
    "hidden": "a folder whose name starts with a dot",
    "leftover": "thumbnails, bins and notes that systems and programs keep among the files",
    "loop": "a link to a folder that contains it",
}
"""Why a file or folder is dropped: the codes that reports count by."""

ROW_REASONS = {
    "bad_row": "a row of a table that cannot be read: its columns have shifted, or cells are missing",
    **{name: rule.help for name, rule in RULES.items()},
    **CHOICE,
    "no_poster": "no picture is named, or none is there",
    "dead_link": "the file or address that is named does not exist",
    "superseded": "another picture of the same film takes precedence (media libraries)",
    "ambiguous": "a name that several files have; a picture that belongs to no film in particular (media libraries)",
    "not_a_film": "a show, or a collection of films (media libraries)",
    "robots": "the site's robots.txt asks not to read that page",
    "forbidden": "the server refuses access",
    "bad_address": "the address is invalid",
    "redirect_refused": "the server redirects to where Posterity will not go",
    "incomplete": "the picture is shorter than the server announced",
    "server_error": "the server failed repeatedly",
    "rate_limited": "the server asks for a longer wait than a run allows",
    "timeout": "no answer came in time",
    "unreachable": "the host cannot be reached",
    "tls": "the host's certificate is not accepted",
    "over_total": "the bytes allowed for one run were used up; the next run continues",
}
"""Why a row of a source is dropped, besides what its picture can be dropped for."""

FLAGS = {
    "animated": "it has several frames; the first is taken",
    "damaged": "part of the picture's data is damaged; what could be decoded is taken",
    "damaged_metadata": "the picture is whole, but other data in its file (EXIF, text, profiles) cannot be read",
    "blank": "it is of one colour only: perhaps a stand-in for a missing poster",
    "near_duplicate": "it looks the same as another poster",
    "another_version": "it is another picture of a film that has a poster already",
    "no_metadata": "no row of the table matches it",
}
"""What is flagged and kept: the codes that reports count by."""

JUDGING = 2
"""Raised when the same file would be judged otherwise, so that files dropped before are read once more."""

_TRANSIENT = frozenset({"unreadable", "vanished"})
"""Reasons that may be gone the next time, so that they are never taken as known."""

_FRESH_NS = 2_000_000_000
"""A file changed less than 2 s before it is read may change again within the same tick of its clock: such a time of
change is not trusted to tell that it did not. (The *racy* entries of git's index.)"""


@dataclass(frozen=True)
class Picture:
    """What a file's content gives: everything of a poster that does not depend on its film or its neighbours."""

    sha256: str
    size: int
    mtime_ns: int
    format: str
    mode: str
    width: int
    height: int
    phash: int
    thumbnail: bytes
    flags: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Same:
    """The content is the one that is known already."""

    sha256: str
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Dropped:
    """The file cannot be a poster: a code of :data:`REASONS`, and what exactly was wrong."""

    reason: str
    detail: str
    size: int = 0
    mtime_ns: int = 0

    @property
    def lasting(self) -> bool:
        """Whether the same file would be dropped again."""
        return self.reason not in _TRANSIENT


def inspect(
    source: str, path: str, known_sha256: str | None = None, limits: Limits = Limits()
) -> Picture | Same | Dropped:
    """Read a file (escaped ``path`` below ``source``) and judge it.

    Args:
        source: The folder, escaped.
        path: The file below it, escaped.
        known_sha256: Of the content that is known; if it is the same, nothing is decoded.
        limits: What is refused.
    """
    try:
        # What is not a picture may be a long film: only its start is read.
        found = read(source, path, limits.max_bytes, worth=sniff)
    except FileNotFoundError:
        return Dropped("vanished", "gone after it was listed")
    except OSError as error:
        reason = "not_an_image" if error.errno == errno.EINVAL else "unreadable"
        return Dropped(reason, f"{error.strerror}")
    data, size = found.data, found.status.size
    mtime_ns = found.status.mtime_ns if found.lasting else trusted(found.status.mtime_ns)
    if size > limits.max_bytes:
        return Dropped("too_large", f"{size:,} bytes, over the limit of {limits.max_bytes:,}", size, mtime_ns)
    digest = hashlib.sha256(data).hexdigest()
    if digest == known_sha256:
        return Same(digest, size, mtime_ns)
    try:
        picture = examine(data, THUMBNAIL_SIZE, limits)
    except ImageError as error:
        return Dropped(error.reason, error.detail, size, mtime_ns)
    flags = picture.flags
    if is_blank(picture.pixels):
        flags += (("blank", "all of one colour"),)
    return Picture(
        sha256=digest,
        size=size,
        mtime_ns=mtime_ns,
        format=picture.format,
        mode=picture.mode,
        width=picture.width,
        height=picture.height,
        phash=perceptual_hash(picture.pixels),
        thumbnail=thumbnail(picture.pixels),
        flags=flags,
    )


@dataclass(frozen=True)
class File:
    """A file that must be read.

    Attributes:
        path: Escaped, below the folder.
        known_sha256: The SHA-256 of the content that is known.
        root: The folder that it lies below, where that is another than most of the chunk's.
    """

    path: str
    known_sha256: str | None = None
    root: str | None = None


@dataclass(frozen=True)
class Inspect:
    """What is done with a chunk of files, wherever that is.

    Attributes:
        source: The folder that they lie below, escaped.
        limits: What is refused.
    """

    source: str
    limits: Limits

    def __call__(self, files: Sequence[File]) -> list[Picture | Same | Dropped]:
        """Read and judge them."""
        return [
            inspect(self.source if file.root is None else file.root, file.path, file.known_sha256, self.limits)
            for file in files
        ]

    def cut(self, files: Sequence[File]) -> list[Sequence[File]]:
        """Cut a chunk that ended its process into single files."""
        return [[file] for file in files]

    def join(self, parts: Sequence[list[Picture | Same | Dropped]]) -> list[Picture | Same | Dropped]:
        """Undo :meth:`cut`."""
        return [verdict for part in parts for verdict in part]

    def crashed(self, files: Sequence[File]) -> list[Picture | Same | Dropped]:
        """Say of a file that reading it ended every process that tried."""
        return [Dropped("corrupt", "reading it crashed the process") for _ in files]


def trusted(mtime_ns: int) -> int:
    """Give a time of change if it is old enough to be relied on, else 0."""
    return mtime_ns if time.time_ns() - mtime_ns > _FRESH_NS else 0
