"""What the name of a film's file or folder tells: ids, title, year, edition, and which part of a film it is."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from posterity.catalogue.schema import Film
from posterity.sources import values
from posterity.sources.release_names import plain, title_and_year

_VIDEOS = (
    "3g2 3gp asf avi disc divx dvr-ms f4v flv img iso m1v m2ts m2v m4v mk3d mkv mov mp4 mpe mpeg mpg mts ogm "
    "ogv qt rm rmvb strm ts vob webm wmv wtv xvid"
)
VIDEO_ENDINGS = frozenset(_VIDEOS.split())
"""Endings of videos, of their stand-ins (``.strm``, ``.disc``) and of images of discs."""

DISC_FOLDERS = frozenset({"video_ts", "bdmv"})
"""Folders that are a film's insides."""

EXTRAS_FOLDERS = frozenset(
    {
        "behind the scenes", "behindthescenes", "bonus", "deleted scenes", "deletedscenes", "deleted", "extra",
        "extras", "featurette", "featurettes", "interview", "interviews", "sample", "samples", "trailer", "trailers",
        "backdrops", "theme-music", "extrafanart", "extrathumbs", "extraposter", "metadata",
    }
)  # fmt: skip
"""Folders that never hold a film nor its poster, wherever they are."""

INNER_EXTRAS = EXTRAS_FOLDERS | {"clip", "clips", "other", "scene", "scenes", "short", "shorts", "special", "specials"}
"""Beside a film, those too; where there is none, "Shorts" may well be a shelf of short films."""

_EXTRA = re.compile(
    r"(?:^|[-._])(?:trailer|sample)[0-9]{0,2}$"
    r"|-(?:behindthescenes|deleted(?:scene)?|featurette|interview|scene|short|other|clip|extra)$",
    re.IGNORECASE,
)
_EDITION = re.compile(r"\{edition-([^{}]+)\}", re.IGNORECASE)
_PART = re.compile(
    r"(.*[^ ._\-\[(])[ ._\-\[(]+(?:cd|dvd|part|pt|disc|disk)[ ._-]*([0-9]{1,2}|[a-f])[\])]?", re.IGNORECASE
)
_PART_FOLDER = re.compile(r"(?:cd|dvd|part|pt|disc|disk)[ ._-]*[0-9]{1,2}", re.IGNORECASE)
_SHARED = re.compile(
    r"(.*?[(\[](?:1[89][0-9]{2}|20[0-9]{2})[)\]])((?:\s*[\[{][^\[\]{}]*(?:imdb|tmdb|tvdb)[^\[\]{}]*[\]}])*)", re.I
)
_SAYS_NOTHING = frozenset({"movie", "video_ts", "index", "main", "disc", "poster", "folder", "cover"})


@dataclass(frozen=True)
class Named:
    """What a name tells.

    Attributes:
        title: As far as it reaches before year and tags.
        year: Of release.
        imdb_id: Like ``tt0113277``.
        tmdb_id: TMDb's number.
        edition: As Plex writes it: ``{edition-Final Cut}``.
    """

    title: str | None = None
    year: int | None = None
    imdb_id: str | None = None
    tmdb_id: int | None = None
    edition: str | None = None

    @property
    def known(self) -> bool:
        """Whether it is surely the name of a film: it tells a year or an id."""
        return bool(self.year or self.imdb_id or self.tmdb_id)

    @property
    def film(self) -> Film:
        """The same as a film."""
        return Film(imdb_id=self.imdb_id, tmdb_id=self.tmdb_id, title=self.title, year=self.year)


def parse_name(stem: str) -> Named:
    """Read the name of a film's file (without its ending) or folder.

    >>> parse_name("Cloud Atlas (2012) [tmdbid-83542] [imdbid-tt1371111] - 4K")
    Named(title='Cloud Atlas', year=2012, imdb_id='tt1371111', tmdb_id=83542, edition=None)
    >>> parse_name("Blade.Runner.1982.1080p.BluRay.x264-GRP {edition-Final Cut}")
    Named(title='Blade Runner', year=1982, imdb_id=None, tmdb_id=None, edition='Final Cut')
    """
    edition = _EDITION.search(stem)
    imdb, tmdb = values.imdb_id_in_name(stem), values.tmdb_id_in_name(stem)
    title, year = title_and_year(stem)
    return Named(
        None if year is None and (title or "").lower() in _SAYS_NOTHING else title,
        year,
        imdb if imdb and int(imdb[2:]) else None,
        tmdb or None,
        plain(edition[1]) or None if edition else None,
    )


def fold(name: str) -> str:
    """Give the form in which names are compared: neither case nor the composition of accents matters."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def title_key(title: str | None) -> str:
    """Give the form in which titles are compared: letters and digits alone."""
    folded = fold(title or "")
    return " ".join(re.sub(r"[\W_]+", " ", folded).split()) or folded


def split_ending(name: str) -> tuple[str, str]:
    """Part a file's name into stem and lower-case ending.

    >>> split_ending("Film (2018).MKV"), split_ending("no ending")
    (('Film (2018)', 'mkv'), ('no ending', ''))
    """
    stem, dot, ending = name.rpartition(".")
    return (stem, ending.lower()) if dot and stem else (name, "")


def is_extra(stem: str) -> bool:
    """Whether it is a video beside the film: a trailer, a sample, an interview.

    >>> is_extra("Film (2018)-trailer"), is_extra("sample"), is_extra("Trailer Park (2008)")
    (True, True, False)
    """
    return bool(_EXTRA.search(stem))


def part_of(stem: str) -> tuple[str, str] | None:
    """Part the name of a film's part into the film's and the part's number.

    >>> part_of("Film (2018) - cd2"), part_of("Dune Part Two (2024)")
    (('Film (2018)', '2'), None)
    """
    found = _PART.fullmatch(stem)
    return (found[1], found[2].lower()) if found else None


def is_part_folder(name: str) -> bool:
    """Whether a folder is named as a part of the film that it stands in: ``CD1``."""
    return bool(_PART_FOLDER.fullmatch(name))


def is_labelled(stem: str, name: str) -> bool:
    """Whether a name is another with a label after it, or that name itself.

    >>> is_labelled("Heat - 4K", "heat"), is_labelled("Heathers", "Heat")
    (True, False)
    """
    whole, start = fold(stem), fold(name)
    return bool(start) and whole.startswith(start) and not whole[len(start) : len(start) + 1].isalnum()


def shared_stems(stem: str) -> tuple[str, ...]:
    """Give the beginnings of a name that all versions of the film have in common.

    >>> shared_stems("Film (2018) [tmdbid-1] - 4K")
    ('Film (2018)', 'Film (2018) [tmdbid-1]')
    """
    found = _SHARED.match(stem)
    return tuple(dict.fromkeys((found[1], found[0]))) if found else ()
