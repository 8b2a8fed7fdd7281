"""A media library -> entries: each film with what its NFO and names tell, and its posters."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace

from posterity.catalogue.schema import Film
from posterity.runtime.filenames import escape
from posterity.sources.folder import passed_over
from posterity.sources.library.choice import Posters, choose, posters_of
from posterity.sources.library.films import Found, Version, films_of
from posterity.sources.library.names import is_labelled, parse_name
from posterity.sources.library.nfo import read_nfo
from posterity.sources.library.shows import why_a_show
from posterity.sources.library.tree import Folder, Tree
from posterity.sources.listing import Entry, Skipped
from posterity.sources.metadata import completed


def read_library(root: str | os.PathLike[str]) -> Iterator[Entry | Skipped]:
    """Read a media library, folder by folder, sorted by name; nothing in it is changed.

    An entry is a film and its poster; versions with posters of their own, and numbered posters, are further entries of
    the same film. Of what it passes over it says: films without a poster ("no_poster"), shows and collections
    ("not_a_film"), pictures that another comes before ("superseded") or is the same as ("duplicate"), that are no
    film's in particular ("ambiguous"). Fanart, extras, trailers and their like are passed over in silence.

    Args:
        root: The library's folder, or one film's.

    Raises:
        SourceError: ``root`` is not a folder that can be listed.
    """
    tree = Tree(root)
    source = escape(tree.root)
    waiting = [""]
    while waiting:
        folder = tree.open(waiting.pop())
        if isinstance(folder, Skipped):
            yield folder
            continue
        yield from folder.troubles
        if why := why_a_show(folder):
            yield Skipped(folder.item, "not_a_film", why)
            continue
        contents = films_of(folder)
        posters, nobodys = posters_of(folder, contents)
        for film, pictures in zip(contents.films, posters, strict=True):
            yield from _entries(source, folder, film, pictures)
        yield from contents.skipped
        yield from nobodys
        waiting += [folder.inside(name) for name in reversed(contents.further)]
    yield from passed_over(tree.passed)


@dataclass(frozen=True)
class _Known:
    film: Film
    faults: tuple[str, ...]
    no_film: str | None


def _entries(source: str, folder: Folder, film: Found, posters: Posters) -> Iterator[Entry | Skipped]:
    known = [_known(source, folder, film, version) for version in film.versions]
    for version, each in zip(film.versions, known, strict=True):
        if each.no_film:
            yield Skipped(_item(folder, version), "not_a_film", each.no_film)
    if all(each.no_film for each in known):
        return
    place = next(place for place, each in enumerate(known) if not each.no_film)
    choice = choose(source, folder, film, posters)
    if not choice.first:
        if film.versions[place].only_nfo and known[place].film == Film(title=known[place].film.title):
            detail = "; ".join(known[place].faults) or "its NFO describes no film"
            yield Skipped(_item(folder, film.versions[place]), "not_a_film", detail)
        else:
            yield Skipped(_item(folder, film.versions[place]), "no_poster", "no picture is named as this film's poster")
        return
    for place, image in choice.first.items():
        if not known[place].no_film:
            version = film.versions[place]
            path = escape(folder.inside(image))
            others = [("another version", each.film) for each in known if each is not known[place] and not each.no_film]
            whole, _ = _joined([("", known[place].film), *others])
            yield Entry(_item(folder, version, image), whole, path, faults=known[place].faults)
    for image in choice.more:
        path = escape(folder.inside(image))
        whole, _ = _joined([("", each.film) for each in known if not each.no_film])
        yield Entry(path, whole, path)
    yield from choice.skipped


def _item(folder: Folder, version: Version, image: str = "") -> str:
    return escape(folder.inside(image) if version.item is None else version.item) or "."


def _known(source: str, folder: Folder, film: Found, version: Version) -> _Known:
    """Join what the NFO, the file's name and the folder's name tell, the nearer before the farther."""
    layers: list[tuple[str, Film]] = []
    faults: list[str] = []
    for file in dict.fromkeys(version.nfos + film.nfos):
        nfo = read_nfo(source, escape(folder.inside(file)))
        if nfo.other_kind:
            return _Known(Film(), (), f"{escape(file)} describes {nfo.other_kind}")
        faults += [f"{escape(file)} {fault}" for fault in nfo.faults]
        if nfo.film != Film():
            layers.append((escape(file), nfo.film))
            break
    by_file = version.named
    by_folder = parse_name(folder.name) if film.own else None
    if by_folder and not by_file.known and (by_folder.known or is_labelled(version.stem, folder.name)):
        by_file = replace(by_file, title=None)  # "heat-x264.mkv" in "Heat" or "Heat (1995)"
    layers.append(("the file's name", by_file.film))
    if by_folder:
        layers.append(("the folder's name", by_folder.film))
    whole, differences = _joined(layers)
    return _Known(whole, (*faults, *differences), None)


def _joined(layers: list[tuple[str, Film]]) -> tuple[Film, tuple[str, ...]]:
    """Complete the first by those after it, and say where they disagree."""
    film = layers[0][1]
    faults: list[str] = []
    for origin, more in layers[1:]:
        differs = {
            name: f"{shown}: {taken} is taken; {origin} says {other}"
            for name, shown in (("imdb_id", "IMDb id"), ("tmdb_id", "TMDb id"), ("year", "year"))
            if None not in (taken := getattr(film, name), other := getattr(more, name)) and taken != other
        }
        faults += differs.values()
        if differs.keys() & {"imdb_id", "tmdb_id"}:
            more = replace(more, imdb_id=None, tmdb_id=None)  # its other id is of that other film
        film = completed(film, more)
    return film, tuple(faults)
