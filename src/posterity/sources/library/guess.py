"""Whether a folder looks like a media library: a short look, that never takes longer for a larger folder."""

from __future__ import annotations

import os
from collections import deque

from posterity.runtime.leftovers import is_leftover
from posterity.sources.library.names import DISC_FOLDERS, VIDEO_ENDINGS, fold, parse_name, split_ending
from posterity.sources.library.pictures import IMAGE_ENDINGS, role_of

_ENTRIES = 5_000
_DEPTH = 4
_PICTURES_A_FILM = 20
"""A folder with more pictures than this to each video is one of pictures, with a stray video in it."""


def looks_like_library(root: str | os.PathLike[str]) -> bool:
    """Tell whether a folder is one of films: it holds videos, NFOs, or folders named by film with a poster in them.

    At most 5,000 entries, four folders deep, are checked; nothing is opened. A folder that cannot be listed, or is
    none, is not a library.
    """
    waiting = deque([(os.fspath(root), "", 0)])
    left = _ENTRIES
    while waiting and left > 0:
        path, name, depth = waiting.popleft()
        films = pictures = 0
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    left -= 1
                    if left < 0:
                        break
                    stem, ending = split_ending(entry.name)
                    folder = entry.is_dir()
                    if entry.name.startswith(".") or is_leftover(entry.name, folder):
                        continue
                    if folder:
                        if fold(entry.name) in DISC_FOLDERS:
                            return True
                        if depth < _DEPTH:
                            waiting.append((entry.path, entry.name, depth + 1))
                    elif ending in VIDEO_ENDINGS or ending == "nfo":
                        films += 1
                    elif ending in IMAGE_ENDINGS:
                        role = role_of(fold(stem))
                        if role and not role.base and parse_name(name).known:
                            return True
                        pictures += 1
        except OSError:
            continue
        if films and pictures <= films * _PICTURES_A_FILM:
            return True
    return False
