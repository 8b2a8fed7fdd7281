"""Title and year out of a name, as people write it, "Heat (1995)", or as releases do, "Heat.1995.1080p.BluRay-GRP".

Our own, because the library for it, guessit, takes 16 ms a name, so that ten thousand posters would take minutes, and
takes titles for tags and years: "1917", "2012", "The Good German", "Mission Impossible - Fallout". Nothing is known of
films here: what the name alone leaves open (is "2002.Heat.1080p" of 2002?) follows how most releases are named.
"""

from __future__ import annotations

import os
import re
from typing import Literal

_LEFT, _RIGHT = r"(?<![^\W_])(?:", r")(?![^\W_])"
_TAG = re.compile(
    _LEFT + r"[0-9]{3,4}x[0-9]{3,4}|[0-9]{3,4}[pi]|[48]k|hdr(?:10)?\+?|uhd|dolby ?vision|10 ?bit|8bit|hsbs|half-?sbs"
    r"|blu-?ray|b[dr]-?rip|bd-?remux|remux|bd(?:25|50)|web-?rip|web-?dl|web-?hd|hd-?rip|hd-?tv|hdtv-?rip|pdtv|dsr|tv-?rip"
    r"|dvd(?:-?rip|-?r|-?scr|5|9)?|vhs-?rip|telesync|telecine|hd-?cam|hd-?ts|cam-?rip|amzn"
    r"|[xh] ?26[45]|hevc|avc|xvid|divx|av1|vp9|vc-?1|mpeg-?[24]"
    r"|dts(?:-?(?:hd|x|es))?|e?-?ac-?3|aac|flac|truehd|atmos|dd[p+]?[0-9]|repack|rerip" + _RIGHT,
    re.IGNORECASE,
)
"""Words that no title holds: resolution, medium, codec, sound."""

_CUT = r"(?:director'?s'?|extended|theatrical|unrated|uncut|special|ultimate|collector'?s'?) (?:cut|edition|version)"
_EDITION = rf"{_CUT}|extended|unrated|uncut|remastered|restored|theatrical"
_LOOSE = re.compile(
    _LEFT
    + rf"{_EDITION}|proper|internal|limited|festival|retail|complete|imax|open matte|hybrid|criterion|web|hd|3d|dc"
    r"|multi|dual(?: audio)?|dl|ml|(?:true|sub)?french|vostfr|vff|vfq|vfi|vf2|dubbed|subbed|subs?|german|english"
    r"|italian|spanish|castellano|latino|japanese|korean|chinese|mandarin|cantonese|hindi|tamil|telugu|russian|polish|czech"
    r"|hungarian|turkish|dutch|flemish|swedish|norwegian|danish|finnish|nordic|portuguese|greek|hebrew|arabic|thai"
    + _RIGHT,
    re.IGNORECASE,
)
"""Words that titles hold too ("The Good German", "Uncut Gems"): tags only where others stand behind them."""

_LOOSE_END = re.compile(rf"(?:[ (\[-]+(?:{_LOOSE.pattern})[)\]]?|\s*\[[^\[\]]*\])\s*$", re.IGNORECASE)
_EDITION_END = re.compile(
    rf"[ (\[-]+(?:(?i:(?:the )?(?:{_CUT}|remastered))|EXTENDED|UNRATED|UNCUT|RESTORED|THEATRICAL)[)\]]?\s*$"
)
_GOES_ON = re.compile(r"(?:^|[\s&])(?:and|or|of|the|an?|in|to|with|by|for|der|die|das|la|le|les|el|il)?$", re.I)
"""The end of an incomplete title: "Bigger, Longer &", "The"."""

_YEAR = r"(1[89][0-9]{2}|20[0-9]{2})"
_IN_BRACKETS = re.compile(rf"[(\[]{_YEAR}(?:[ ,][^()\[\]]*)?[)\]]")
# A bare number up to 2039 only: "Blade.Runner.2049.1080p" does not tell its year.
_BARE = re.compile(r"(?<![0-9a-z])(1[89][0-9]{2}|20[0-3][0-9])(?![0-9a-z])", re.IGNORECASE)
_FIRST = re.compile(rf"(?:{_YEAR}\s*[-–]\s+|[(\[]{_YEAR}[)\]]\s*(?:[-–]\s*)?)(?=\S)")
_FIRST_OF_RELEASE = re.compile(rf"{_YEAR} (?=\S)")
_NUMBERED = re.compile(r"(?:2001 a space odyssey|2010 the year we make contact|1492 conquest of paradise)\b", re.I)
"""Titles that begin with a year: releases that begin with their own year are far more."""

_IDS = re.compile(r"[\[{(][^\[\]{}()]*(?:imdb|tmdb|tvdb|edition-)[^\[\]{}()]*[\]})]", re.IGNORECASE)
_BARE_ID = re.compile(r"(?<![a-z0-9])tt[0-9]{6,9}(?![0-9])", re.IGNORECASE)
_SITE = re.compile(r"[\[( ]*www\.[^\s\[\]()]+[\]) ]*[- ]+(?=\S)", re.IGNORECASE)
_GROUP = re.compile(r"\[[^\[\]]*\]\s*(?=.*\w)")
_BRACKETED = re.compile(r"\[[^\[\]]*\]|\{[^{}]*\}|\([^()]*\)")
_ACRONYM = re.compile(r"(?<![^\W_])(?:[A-Z]\.){2,}")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_EDGES = " -–_"
_LONGEST = 300
"""Characters that are read: file systems allow 255 bytes."""


def title_and_year(name: str) -> tuple[str | None, int | None]:
    """Read a title, and a year if there is one, out of a file's name without its ending, or a folder's.

    >>> title_and_year("The_Third_Man (1949) {tmdb-1092}"), title_and_year("tt0041959")
    (('The Third Man', 1949), (None, None))
    >>> title_and_year("Heat.German.DL.720p.BluRay.x264-GRP"), title_and_year("1993 - Jurassic Park")
    (('Heat', None), ('Jurassic Park', 1993))
    """
    written = _SITE.sub("", _BARE_ID.sub(" ", _IDS.sub(" ", name[:_LONGEST])).strip(), count=1)
    scene = not re.search(r"\s", written)  # "Some.Film.2018.1080p": no spaces, so dots stand for them
    spaced = _undotted(written) if scene else re.sub(r"[_\s]+", " ", written)
    tagged = _TAG.search(spaced)
    if tagged and (group := _GROUP.match(spaced)) and re.search(r"[^\W\d_]", _title(spaced[group.end() :])):
        spaced = spaced[group.end() :]  # who made the release
    for found in _IN_BRACKETS.finditer(spaced):
        if before := _title(spaced[: found.start()], ended="by a year in brackets"):
            return before.removeprefix(f"{found[1]} - "), int(found[1])
    if (first := _FIRST.match(spaced)) and (title := _title(spaced[first.end() :])):
        return title, int(first[1] or first[2])
    for found in reversed(list(_BARE.finditer(spaced))):
        before, after = _title(spaced[: found.start()], ended="by a year"), spaced[found.end() :].strip(_EDGES)
        if before and (_TAG.search(after) or (scene and (not after or _LOOSE.match(after)))):
            return before, int(found[1])
    first = _FIRST_OF_RELEASE.match(spaced)
    if first and tagged and not _NUMBERED.match(spaced) and (title := _title(spaced[first.end() :])):
        return title, int(first[1])
    return _title(spaced) or plain(spaced) or None, None


def _undotted(name: str) -> str:
    """Put spaces for dots and underscores, but for those of acronyms."""
    kept = _ACRONYM.sub(lambda found: found[0].replace(".", "\0") + " ", name)
    return re.sub(r"[._\s]+", " ", kept).replace("\0", ".")


def _title(written: str, *, ended: Literal["", "by a year", "by a year in brackets"] = "") -> str:
    """Give the title that a name begins with; "" where it begins with tags.

    Args:
        written: The name, or a part of it.
        ended: What stands behind that part. Before a year in brackets, which people write, words are not tags.
    """
    title = _BRACKETED.sub(lambda group: " " if _TAG.search(group[0]) else group[0], written)
    found = _TAG.search(title)
    if found and ended != "by a year in brackets":
        title = title[: found.start()].rstrip(f"{_EDGES}[(")
        if _LOOSE.fullmatch(title.strip()):
            return ""
        title = _stripped(title, _LOOSE_END)
    elif ended:
        title = _stripped(title.rstrip(f"{_EDGES}[("), _EDITION_END)
    title = plain(title).lstrip(_EDGES).rstrip(f"{_EDGES}[(")
    return re.sub(r"(?<=\w)- (?=\S)", ": ", title)  # a colon may stand in no file's name on Windows


def _stripped(title: str, end: re.Pattern[str]) -> str:
    """Take off ends while something is left."""
    while (found := end.search(title)) and not _GOES_ON.search(title[: found.start()].strip(_EDGES)):
        title = title[: found.start()]
    return title


def plain(written: str) -> str:
    """Make valid Unicode on one line of it: a title is to be read, not to find a file by."""
    return " ".join(_CONTROL.sub(" ", os.fsencode(written).decode("utf-8", "replace")).split())
