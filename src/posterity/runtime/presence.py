"""Is a poster's file still there? Absent is not gone: that a file cannot be found never alone means it was deleted.

A drive may be unmounted, a share offline, a folder unreadable, a link may lead to a drive that is away. A file is
*gone* only where its folder could be listed, other things are in it, and the file is not. Everything else is doubt, and
whoever removes posters keeps those that are in doubt.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from enum import Enum

from posterity.errors import StorageError
from posterity.runtime.filenames import escape, locate, unescape
from posterity.runtime.leftovers import is_leftover
from posterity.runtime.storage import has_any, is_remote, remote, status_of

MOST_MISSING = 0.1
"""If more than this share of a source's posters cannot be found at once, none is removed unless the user says so."""


class Presence(Enum):
    """What is known of a file that was there once."""

    PRESENT = "present"
    """It is there."""
    GONE = "gone"
    """Its folder is there with other things in it, and the file is not: it was deleted or moved."""
    MISSING = "missing"
    """It cannot be found, and neither can its neighbours: a drive that is not mounted looks the same."""
    UNREACHABLE = "unreachable"
    """Looking failed: permission, input/output, network. Nothing may be concluded from that."""


@dataclass(frozen=True)
class Sighting:
    """Where a file stands, and why that is thought.

    Attributes:
        presence: Where it stands.
        why: One line for people; empty where the file is there.
    """

    presence: Presence
    why: str = ""


def look_for(source: str, path: str) -> Sighting:
    """Tell whether the file stored as (source, path), both escaped, is still there.

    Args:
        source: The folder or address it lies below.
        path: Where below it.
    """
    try:
        status_of(source, path)
        if not is_remote(source) and os.path.isdir(locate(source, path)):  # noqa: PTH112
            return Sighting(Presence.GONE, f"{path} is a folder now")
        return Sighting(Presence.PRESENT)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        return Sighting(Presence.UNREACHABLE, f"{path}: {error.strerror or error}")
    try:
        return _in_store(source) if is_remote(source) else _in_folder(unescape(source), unescape(path))
    except OSError as error:
        return Sighting(Presence.UNREACHABLE, f"{path}: {error.strerror or error}")
    except StorageError as error:  # the object store's
        return Sighting(Presence.UNREACHABLE, f"{path}: {error}")


def too_many_missing(missing: int, total: int) -> bool:
    """Tell whether so many of a source's posters are missing that the source itself is in doubt.

    >>> too_many_missing(10, 100), too_many_missing(11, 100), too_many_missing(0, 0)
    (False, True, False)
    """
    return missing > MOST_MISSING * total


def _in_store(source: str) -> Sighting:
    if has_any(remote(unescape(source))):
        return Sighting(Presence.GONE, "no such object")
    return Sighting(Presence.MISSING, f"nothing is stored below {source}")


def _in_folder(source: str, path: str) -> Sighting:
    """Find the deepest folder on the way that is there, and judge by what else is in it."""
    folder = source
    if not os.path.isdir(folder):  # noqa: PTH112
        return Sighting(Presence.MISSING, f"the folder {escape(folder)} does not exist")
    for name in path.split("/"):
        here = f"{folder}/{name}"
        try:
            found = os.lstat(here)
        except (FileNotFoundError, NotADirectoryError):
            break
        if stat.S_ISLNK(found.st_mode):
            try:
                found = os.stat(here)  # noqa: PTH116
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                    raise
                return Sighting(Presence.MISSING, f"{escape(here)} is a broken link")
        if not stat.S_ISDIR(found.st_mode):
            return Sighting(Presence.GONE, f"{escape(here)} is no longer a folder")
        folder = here
    with os.scandir(folder) as entries:
        if any(not entry.name.startswith(".") and not is_leftover(entry.name, entry.is_dir()) for entry in entries):
            return Sighting(Presence.GONE, f"no longer in {escape(folder)}")
    return Sighting(Presence.MISSING, f"{escape(folder)} is empty: perhaps a drive is not mounted there")
