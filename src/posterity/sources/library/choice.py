"""Which of a folder's pictures are whose posters, and which of several comes first."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from posterity.runtime.filenames import escape, open_at_once
from posterity.sources.folder import Skipped
from posterity.sources.library.films import Contents, Found
from posterity.sources.library.names import fold, split_ending
from posterity.sources.library.pictures import IMAGE_ENDINGS, WORDS, Role, is_never, preference, role_of, show_of
from posterity.sources.library.tree import Folder

_CHUNK = 1 << 16

Place = tuple[int, int, int, str]
"""Where a picture stands among those of a film: number, rank, ending, name; the least is the best."""


@dataclass
class Posters:
    """The pictures of one film, by the names of their files.

    Attributes:
        own: Of each version, by its place in the film's versions.
        shared: Of all versions.
    """

    own: dict[int, list[tuple[Place, str]]] = field(default_factory=dict)
    shared: list[tuple[Place, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Choice:
    """What was chosen for a film.

    Attributes:
        first: The pictures of versions, by their place in the film's versions; empty if it has no poster.
        more: Further posters of the film: ``poster-2``.
        skipped: Those passed over.
    """

    first: dict[int, str]
    more: tuple[str, ...]
    skipped: tuple[Skipped, ...]


def posters_of(folder: Folder, contents: Contents) -> tuple[list[Posters], list[Skipped]]:
    """Give each film of a folder its pictures, in the order of ``contents.films``, and say which are nobody's."""
    posters = [Posters() for _ in contents.films]
    whose: dict[str, tuple[int, int | None] | None] = {}
    for index, film in enumerate(contents.films):
        whose |= {stem: (index, place) for place, version in enumerate(film.versions) for stem in version.stems}
    for index, film in enumerate(contents.films):
        for stem in film.shared:
            other = whose.setdefault(stem, (index, None))
            if other and other[0] != index:
                whose[stem] = None if other[1] is None else other  # two films share it: it is neither's
    owner = next((index for index, film in enumerate(contents.films) if film.own), None)
    skipped = []
    for file in folder.files:
        stem, ending = split_ending(file)
        if ending not in IMAGE_ENDINGS:
            continue
        stem = fold(stem)
        role = None if whose.get(stem) else role_of(stem)
        found = whose.get(stem) or (whose.get(role.base) if role and role.base else None)
        if role and not role.base and owner is not None:
            found = owner, None
        if found is None:
            if why := _nobodys(stem, role, contents):
                skipped.append(Skipped(escape(folder.inside(file)), *why))
            continue
        rank = 0 if role is None else role.rank + 1 + (0 if role.base else len(WORDS))
        number = 0 if role is None or role.number is None else 1 + role.number
        pictures = posters[found[0]]
        into = pictures.shared if found[1] is None else pictures.own.setdefault(found[1], [])
        into.append(((number, rank, *preference(file)), file))
    return posters, skipped


def _nobodys(stem: str, role: Role | None, contents: Contents) -> tuple[str, str] | None:
    """Say why a picture is not a film's poster; None where its name makes that plain."""
    if role is None:
        aside = stem in contents.asides or show_of(stem) in contents.asides or is_never(stem)
        return None if aside else ("ambiguous", "its name is neither a poster's nor that of a film here")
    if role.base:
        aside = role.base in contents.asides or is_never(role.base)
        return None if aside else ("ambiguous", "it is named after a film that is not here")
    if contents.films:
        return "ambiguous", "films are here, or in folders below, and it does not say which one it belongs to"
    return "not_a_film", "it belongs to a folder or collection: there is no film beside it"


def choose(source: str, folder: Folder, film: Found, posters: Posters) -> Choice:
    """Choose the poster of each version that has its own, and of all others together.

    Args:
        source: The library, escaped.
        folder: Where the pictures are.
        film: The film.
        posters: Its pictures.
    """
    slots = {place: sorted(pictures) for place, pictures in sorted(posters.own.items())}
    shared = sorted(posters.shared)
    rest: list[tuple[Place, str]] = []
    without = [place for place in range(len(film.versions)) if not _has_poster(slots.get(place, []))]
    if len(film.versions) == 1:
        slots = {0: _merged(slots.get(0, []), shared)}
    elif without and shared:
        slots[without[0]] = _merged(slots.get(without[0], []), shared)
    else:
        rest = shared
    first: dict[int, str] = {}
    more: list[str] = []
    kept: list[str] = []
    skipped: list[Skipped] = []
    for place, pictures in [*slots.items(), (None, rest)]:
        for position, file in _with_content_first(folder, pictures, skipped):
            twin = next((other for other in kept if _same(source, folder, file, other)), None)
            if twin:
                detail = f"the same picture as {escape(folder.inside(twin))}"
                skipped.append(Skipped(escape(folder.inside(file)), "duplicate", detail))
                continue
            if place is not None and place not in first:
                first[place] = file
            elif position[0]:
                more.append(file)
            else:
                best = first[place] if place is not None else kept[0]
                detail = f"{escape(folder.inside(best))} takes precedence"
                skipped.append(Skipped(escape(folder.inside(file)), "superseded", detail))
                continue
            kept.append(file)
    return Choice(first, tuple(more), tuple(skipped))


def _merged(own: list[tuple[Place, str]], shared: list[tuple[Place, str]]) -> list[tuple[Place, str]]:
    """Put what is named after the version before what is named after the folder, but alternatives last."""
    later = 2 * len(WORDS) + 1
    return sorted(own + [((number, rank + later, ending, name), name) for (number, rank, ending, name), _ in shared])


def _has_poster(pictures: list[tuple[Place, str]]) -> bool:
    return any(not place[0] for place, _ in pictures)


def _with_content_first(
    folder: Folder, pictures: list[tuple[Place, str]], skipped: list[Skipped]
) -> list[tuple[Place, str]]:
    """Leave out empty files, which programs leave behind when a download fails, where there is a better one."""
    if len(pictures) < 2:
        return pictures
    full = [picture for picture in pictures if _size(folder, picture[1]) != 0]
    for _, file in pictures if full else []:
        if not any(file == other for _, other in full):
            skipped.append(Skipped(escape(folder.inside(file)), "empty", "the file has no content"))
    return full or pictures


def _size(folder: Folder, file: str) -> int | None:
    try:
        return os.stat(f"{folder.path}/{file}").st_size  # noqa: PTH116
    except OSError:
        return None


def _same(source: str, folder: Folder, one: str, other: str) -> bool:
    """Whether two files hold the same bytes; no, where that cannot be found out."""
    size = _size(folder, one)
    if size is None or size != _size(folder, other):
        return False
    try:
        with (
            open_at_once(source, escape(folder.inside(one))) as left,
            open_at_once(source, escape(folder.inside(other))) as right,
        ):
            if os.path.samestat(os.fstat(left.fileno()), os.fstat(right.fileno())):
                return True
            while chunk := left.read(_CHUNK):
                if chunk != right.read(_CHUNK):
                    return False
            return True
    except OSError:
        return False
