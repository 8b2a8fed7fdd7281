"""What an image in a media library is meant as, by its name alone."""

from __future__ import annotations

import re
from dataclasses import dataclass

from posterity.sources.library.names import fold

IMAGE_ENDINGS = ("jpg", "jpeg", "png", "webp", "tbn", "gif", "bmp", "avif", "tif", "tiff")
"""In order of preference between files that are otherwise equal."""

WORDS = ("poster", "folder", "cover", "default", "movie")
"""The names of a poster in a film's own folder, the best first."""

_WORD = re.compile(rf"({'|'.join(WORDS)})(?:[- ]?([0-9]{{1,3}}))?")
_SUFFIX = re.compile(rf"(.+)-({'|'.join(WORDS)})(?:[- ]?([0-9]{{1,3}}))?", re.DOTALL)
_NEVER = re.compile(
    r"(?:.*[-._ ])?(?:fanart|background|backdrop|art|banner|logo|clearlogo|clearart|thumb|landscape|disc|discart"
    r"|keyart|characterart|square_?art)[-_ ]?[0-9]{0,4}",
    re.DOTALL,
)
_SEASON = re.compile(
    r"(?:(.*)[-_ ])?(?:season[-_ ]?(?:[0-9]{1,4}|all|specials)|s[0-9]{1,2}e[0-9]{1,3})(?:-.*)?", re.DOTALL
)


@dataclass(frozen=True)
class Role:
    """What the name of an image claims.

    Attributes:
        base: Of whose: the folded name of a film's file; "" where it is the folder's.
        rank: Its place in :data:`WORDS`.
        number: Of an alternative, such as 2 in ``poster-2``; None for the poster itself.
    """

    base: str
    rank: int
    number: int | None


def role_of(stem: str) -> Role | None:
    """Read what an image's folded name claims to be a poster of; None if it claims nothing.

    >>> role_of("poster-2"), role_of("film (2018)-cover"), role_of("film (2018)")
    (Role(base='', rank=0, number=2), Role(base='film (2018)', rank=2, number=None), None)
    """
    if found := _WORD.fullmatch(stem):
        return Role("", WORDS.index(found[1]), int(found[2]) if found[2] else None)
    if found := _SUFFIX.fullmatch(stem):
        return Role(found[1], WORDS.index(found[2]), int(found[3]) if found[3] else None)
    return None


def is_never(stem: str) -> bool:
    """Whether a folded name is that of an image that is not a poster.

    >>> is_never("film (2018)-fanart"), is_never("backdrop3"), is_never("heart"), is_never("the art of war (2000)")
    (True, True, False, False)
    """
    return bool(_NEVER.fullmatch(stem))


def show_of(stem: str) -> str | None:
    """Give the show that a folded name claims to be a season's or episode's picture of; "" is the folder's."""
    found = _SEASON.fullmatch(stem)
    return (found[1] or "") if found else None


def preference(name: str) -> tuple[int, str]:
    """Order files that claim the same: by ending, then by name."""
    ending = fold(name).rpartition(".")[2]
    return (IMAGE_ENDINGS.index(ending) if ending in IMAGE_ENDINGS else len(IMAGE_ENDINGS)), name
