"""TV shows in a library: known by their files and folders, and passed over."""

from __future__ import annotations

import re

from posterity.sources.library.names import INNER_EXTRAS, VIDEO_ENDINGS, fold, split_ending
from posterity.sources.library.pictures import IMAGE_ENDINGS, show_of
from posterity.sources.library.tree import Folder

_EPISODE = re.compile(r"(?<![a-z0-9])s[0-9]{1,3}[ ._-]?e[0-9]{1,4}(?![0-9])", re.IGNORECASE)
_SEASON = re.compile(r"(?:season|staffel|saison|temporada|stagione)[ ._-]*[0-9]{1,4}|s[0-9]{2}", re.IGNORECASE)


def is_episode(stem: str) -> bool:
    """Whether a video is an episode by its name: ``Show S01E02``."""
    return bool(_EPISODE.search(stem))


def why_a_show(folder: Folder) -> str | None:
    """Say by what a folder is known as a TV show's, or None where it is not."""
    if any(fold(name) == "tvshow.nfo" for name in folder.files):
        return "a TV show: it holds tvshow.nfo"
    endings = [split_ending(name) for name in folder.files]
    videos = [stem for stem, ending in endings if ending in VIDEO_ENDINGS]
    if videos and all(map(is_episode, videos)):
        return "a TV show: its videos are episodes"
    if videos:
        return None
    seasons = [name for name in folder.folders if _SEASON.fullmatch(name)]
    if seasons and all(name in seasons or fold(name) in INNER_EXTRAS for name in folder.folders):
        return "a TV show: it holds the folders of its seasons"
    if folder.below and _SEASON.fullmatch(folder.name):
        return "a season of a TV show"
    pictures = (fold(stem) for stem, ending in endings if ending in IMAGE_ENDINGS)
    return "a TV show: it holds pictures of its seasons" if any(show_of(stem) == "" for stem in pictures) else None
