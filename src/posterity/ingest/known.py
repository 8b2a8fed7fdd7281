"""What the catalogue holds of files, found by path, by content and by id; and whether a file is still its own."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field

from posterity.runtime.filenames import locate
from posterity.runtime.presence import Presence, look_for
from posterity.runtime.storage import is_remote, read, status_of
from posterity.sources.records import place_of


@dataclass(frozen=True)
class Known:
    """A poster of the catalogue: enough to tell whether its file changed."""

    id: str
    source: str
    path: str
    bytes: int
    mtime_ns: int
    sha256: str
    metadata_digest: str


COLUMNS = ("id", "source", "path", "bytes", "mtime_ns", "sha256", "metadata_digest")


@dataclass
class Index:
    """The posters known, as a build goes on.

    Attributes:
        root: The folder that the build's pictures lie in.
        others: Other folders that some of them lie in: that of downloads.
        by_place: The build's posters by place; several at one where a run was killed between two of its steps.
        by_content: SHA-256 -> the posters of all sources.
        by_id: The posters of all sources.
        displaced: By id, those whose file holds another poster's picture now.
        met: The places at which the build has met a file.
        overtaken: Whether a file that was met was gone when it was looked for again.
    """

    root: str
    others: frozenset[str] = frozenset()
    by_place: dict[str, list[Known]] = field(default_factory=dict)
    by_content: dict[str, list[Known]] = field(default_factory=dict)
    by_id: dict[str, Known] = field(default_factory=dict)
    displaced: dict[str, Known] = field(default_factory=dict)
    met: set[str] = field(default_factory=set)
    overtaken: bool = False

    def learn(self, known: Known) -> None:
        """Take a poster up."""
        self.by_id[known.id] = known
        self.by_content.setdefault(known.sha256, []).append(known)
        if self.holds(known):
            self.by_place.setdefault(self.place(known), []).append(known)

    def forget(self, known: Known) -> None:
        """Leave a poster out."""
        self.displaced.pop(known.id, None)
        if self.by_id.get(known.id) == known:
            del self.by_id[known.id]
        _take_out(self.by_content, known.sha256, known)
        if self.holds(known):
            _take_out(self.by_place, self.place(known), known)

    def displace(self, known: Known) -> None:
        """Note that a poster's file holds another poster's picture now."""
        _take_out(self.by_place, self.place(known), known)
        self.displaced[known.id] = known

    def holds(self, known: Known) -> bool:
        """Tell whether a poster is of the folders that the build's pictures lie in."""
        return known.source == self.root or known.source in self.others

    def place(self, known: Known) -> str:
        """Tell a poster's place, as records tell theirs."""
        return place_of(None if known.source == self.root else known.source, known.path)

    def at(self, place: str) -> tuple[Known, ...]:
        """The posters known at a place."""
        return tuple(self.by_place.get(place, ()))

    def twins(self, sha256: str) -> tuple[Known, ...]:
        """The posters known of the same content."""
        return tuple(self.by_content.get(sha256, ()))

    def lost(self, twins: Iterable[Known], path: str) -> Known | None:
        """Find, among posters of the same content, one whose file does not hold it any more: it is at ``path`` now.

        Where there are several, one that kept its file's name comes first, and then the lowest id.
        """
        name = path.rpartition("/")[2]
        ordered = sorted(twins, key=lambda known: (known.path.rpartition("/")[2] != name, known.id))
        found = next((known for known in ordered if self._is_lost(known)), None)
        self._overtake(found)
        return found

    def _is_lost(self, known: Known) -> bool:
        """Tell whether a poster's file is not there, or holds something else; where that cannot be seen, it is not."""
        if known.id in self.displaced:
            return True
        try:
            status = status_of(known.source, known.path)
            if status.size != known.bytes or status.mtime_ns == known.mtime_ns:
                return status.size != known.bytes
            return hashlib.sha256(read(known.source, known.path).data).hexdigest() != known.sha256
        except (FileNotFoundError, NotADirectoryError):
            return look_for(known.source, known.path).presence in (Presence.GONE, Presence.MISSING)
        except OSError as error:
            return error.errno == errno.EINVAL  # no regular file any more

    def makes_way(self, known: Known) -> bool:
        """Tell whether a poster's id may go to another picture of its film: its file is gone beyond doubt.

        Its own folder must be there too: one that went as a whole may have been a drive.
        """
        if known.id in self.displaced:
            return True
        if look_for(known.source, known.path).presence is not Presence.GONE:
            return False
        if not is_remote(known.source) and not os.path.isdir(  # noqa: PTH112
            locate(known.source, known.path.rpartition("/")[0])
        ):
            return False
        self._overtake(known)
        return True

    def _overtake(self, gone: Known | None) -> None:
        """Note where a poster's file is gone that this very build has met."""
        if gone and gone.id not in self.displaced and self.holds(gone):
            self.overtaken |= self.place(gone) in self.met


def _take_out(lists: dict[str, list[Known]], key: str, known: Known) -> None:
    left = [other for other in lists.get(key, ()) if other != known]
    if left:
        lists[key] = left
    else:
        lists.pop(key, None)
