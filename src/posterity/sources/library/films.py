"""Which films a folder holds, in which versions: by the names of its files, nothing opened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from posterity.catalogue.schema import film_names
from posterity.runtime.filenames import escape
from posterity.sources.folder import Skipped
from posterity.sources.library import names
from posterity.sources.library.names import Named, fold, parse_name, split_ending, title_key
from posterity.sources.library.pictures import IMAGE_ENDINGS, is_never, role_of, show_of
from posterity.sources.library.shows import is_episode
from posterity.sources.library.tree import Folder, holds

_DISC_NFOS = ("video_ts", "index")
_NO_FILMS_NFOS = frozenset({"tvshow", "season", "artist", "album", "collection", "set"})


@dataclass(frozen=True)
class Version:
    """One version of a film.

    Attributes:
        item: Its video, its NFO or its folder: a path below the library, not escaped; None where a picture is all
            there is.
        stem: Its name; "" where that is the folder's.
        stems: The folded names by which pictures and NFOs belong to it.
        named: What its name tells.
        nfos: The files' names of its NFOs, the nearest first.
        only_nfo: Whether there is no video.
    """

    item: str | None
    stem: str
    stems: tuple[str, ...]
    named: Named
    nfos: tuple[str, ...] = ()
    only_nfo: bool = False


@dataclass(eq=False)
class Found:
    """A film in a folder.

    Attributes:
        versions: At least one.
        own: Whether the folder is the film's own, so that its name, ``movie.nfo`` and ``poster.jpg`` belong to it.
        shared: The folded names by which a picture belongs to all versions.
        nfos: File names of the NFOs that describe all versions.
    """

    versions: list[Version]
    own: bool = False
    shared: frozenset[str] = frozenset()
    nfos: tuple[str, ...] = ()


@dataclass
class Contents:
    """What a folder holds.

    Attributes:
        films: In the order of their first files.
        further: The folders in it that may hold films of their own.
        skipped: Files that belong to no film.
        asides: The folded names of trailers, samples and episodes, whose pictures are passed over with them.
    """

    films: list[Found]
    further: list[str]
    skipped: list[Skipped] = field(default_factory=list)
    asides: set[str] = field(default_factory=set)


def films_of(folder: Folder) -> Contents:
    """Find a folder's films; it is taken not to be a TV show's."""
    videos: dict[str, str] = {}
    nfos: dict[str, str] = {}
    pictures: list[str] = []
    contents = Contents([], [])
    for file in folder.files:
        stem, ending = split_ending(file)
        if ending in names.VIDEO_ENDINGS:
            if names.is_extra(stem):
                contents.asides.add(fold(stem))
            elif is_episode(stem):
                contents.asides.add(fold(stem))
                contents.skipped.append(Skipped(escape(folder.inside(file)), "not_a_film", "an episode of a TV show"))
            else:
                videos.setdefault(stem, file)
        elif ending == "nfo":
            nfos.setdefault(fold(stem), file)
        elif ending in IMAGE_ENDINGS:
            pictures.append(stem)
    disc = any(fold(name) in names.DISC_FOLDERS for name in folder.folders)
    if any(fold(name) == "video_ts.ifo" for name in folder.files):
        disc, videos = True, {stem: file for stem, file in videos.items() if not file.lower().endswith(".vob")}
    parts = [] if videos or disc else [name for name in folder.folders if _is_part(folder, name)]
    inside = names.INNER_EXTRAS if videos or disc or parts else names.EXTRAS_FOLDERS
    contents.further = [
        name
        for name in folder.folders
        if fold(name) not in inside and fold(name) not in names.DISC_FOLDERS and name not in parts
    ]
    named = parse_name(folder.name)
    whole = [Version(folder.below, "", (fold(folder.name),), Named())]
    versions = whole if disc or parts else []
    versions = versions + list(_videos(folder, videos))
    if not versions:
        versions = _without_video(folder, named, nfos, pictures, contents)
        if any(not version.stem for version in versions):  # the folder itself is a film: "Specials" beside are its
            contents.further = [name for name in contents.further if fold(name) not in names.INNER_EXTRAS]
    contents.films = _grouped(folder, named, versions, nfos)
    if len(contents.films) > 1 and any(version.stem and not version.only_nfo for version in versions):
        versions = versions + list(_lone_nfos(folder, versions, nfos))
        contents.films = _grouped(folder, named, versions, nfos)
    for film in contents.films:
        film.own = _is_own(film, folder, named, contents)
        _complete(film, nfos, folder)
    return contents


def holds_films(folder: Folder, further: Iterable[str]) -> bool:
    """Whether films lie in one of the folders directly below a folder."""

    def is_film(name: str) -> bool:
        stem, ending = split_ending(name)
        video = ending in names.VIDEO_ENDINGS and not names.is_extra(stem)
        return video or ending == "nfo" or fold(name) in names.DISC_FOLDERS

    def is_asset(name: str) -> bool:
        stem, ending = split_ending(name)
        role = role_of(fold(stem)) if ending in IMAGE_ENDINGS else None
        return bool(role and not role.base)

    return any(
        holds(f"{folder.path}/{name}", is_film) or (parse_name(name).known and holds(f"{folder.path}/{name}", is_asset))
        for name in further
    )


def _is_part(folder: Folder, name: str) -> bool:
    def is_inside(inner: str) -> bool:
        return split_ending(inner)[1] in names.VIDEO_ENDINGS or fold(inner) in names.DISC_FOLDERS

    return names.is_part_folder(name) and holds(f"{folder.path}/{name}", is_inside)


def _videos(folder: Folder, videos: dict[str, str]) -> Iterator[Version]:
    """Give a version for each video, and one for all parts of a film together."""
    stacks: dict[str, list[tuple[str, str]]] = {}
    for stem in videos:
        if part := names.part_of(stem):
            stacks.setdefault(fold(part[0]), []).append((stem, part[1]))
    whole = {key for key, parts in stacks.items() if len({number for _, number in parts}) > 1}
    for stem, file in videos.items():
        part = names.part_of(stem)
        if part is None or fold(part[0]) not in whole:
            yield Version(folder.inside(file), stem, (fold(stem),), parse_name(stem))
        elif stem == stacks[fold(part[0])][0][0]:
            stems = (fold(part[0]), *(fold(other) for other, _ in stacks[fold(part[0])]))
            yield Version(folder.inside(file), part[0], stems, parse_name(part[0]))


def _without_video(
    folder: Folder, named: Named, nfos: dict[str, str], pictures: list[str], contents: Contents
) -> list[Version]:
    """Find the films of a folder that holds no video: by its NFOs, else by pictures named by film, as Kometa's are."""
    itself = Version(folder.below, "", (fold(folder.name),), Named(), only_nfo=True)
    telling = {stem: file for stem, file in nfos.items() if stem not in _NO_FILMS_NFOS and not show_of(stem)}
    if "movie" in telling or fold(folder.name) in telling or (named.known and len(telling) == 1):
        return [] if holds_films(folder, contents.further) else [itself]  # else it describes a collection
    if telling:
        pairs = ((split_ending(file)[0], file) for file in telling.values())
        return [
            Version(folder.inside(file), stem, (fold(stem),), parse_name(stem), only_nfo=True) for stem, file in pairs
        ]
    shows = {show for stem in pictures if (show := show_of(fold(stem)))}
    for show in sorted(shows):
        contents.asides.add(show)
        item = escape(folder.inside(next(stem for stem in pictures if show_of(fold(stem)) == show)))
        contents.skipped.append(Skipped(item, "not_a_film", "pictures of a TV show and its seasons"))
    versions = []
    stems = {}
    for stem in pictures:
        role = role_of(fold(stem))
        base = stem[: len(role.base)] if role else stem
        if fold(base) in shows or show_of(fold(stem)) or (not role and is_never(fold(stem))):
            continue
        if named.known and (fold(base) == fold(folder.name) or not base):
            stems[fold(folder.name)] = ""
        elif parse_name(base).known:
            stems.setdefault(fold(base), base)
    for key, base in stems.items():
        if base:
            versions.append(Version(None, base, (key,), parse_name(base)))
        elif not holds_films(folder, contents.further):
            versions.insert(0, Version(folder.below, "", (key,), Named()))
    return versions


def _grouped(folder: Folder, named: Named, versions: list[Version], nfos: dict[str, str]) -> list[Found]:
    """Put versions of the same film together."""
    films: list[Found] = []
    by_key: dict[object, list[Found]] = {}
    for version in versions:
        keys: list[object]
        if _is_folders(version, folder, named, nfos):
            keys = ["the folder's"]
        else:
            own = version.named
            title = title_key(own.title) or fold(version.stem), own.year
            keys = [*film_names(own.imdb_id, own.tmdb_id), title]
        found = next((film for key in keys for film in by_key.get(key, ()) if _agree(film, version)), None)
        if found:
            found.versions.append(version)
        else:
            films.append(found := Found([version]))
        for key in keys:
            if found not in by_key.setdefault(key, []):
                by_key[key].append(found)
    return films


def _is_folders(version: Version, folder: Folder, named: Named, nfos: dict[str, str]) -> bool:
    """Whether it is the film that the folder is named after."""
    own = version.named
    if not version.stem:
        return True
    if not folder.below:
        return False  # a library may be named as it likes
    if own.known:
        same = {*film_names(own.imdb_id, own.tmdb_id)} & {*film_names(named.imdb_id, named.tmdb_id)}
        year = own.year is None or named.year is None or own.year == named.year
        return bool(same or (year and not _differ(own, named) and title_key(own.title) == title_key(named.title)))
    if named.known:
        return not any(stem in nfos for stem in version.stems)
    return names.is_labelled(version.stem, folder.name)


def _agree(film: Found, version: Version) -> bool:
    return not any(_differ(other.named, version.named) for other in film.versions[:1])


def _differ(one: Named, other: Named) -> bool:
    """Whether two names tell different ids."""
    imdb = one.imdb_id and other.imdb_id and one.imdb_id != other.imdb_id
    return bool(imdb or (one.tmdb_id and other.tmdb_id and one.tmdb_id != other.tmdb_id))


def _lone_nfos(folder: Folder, versions: list[Version], nfos: dict[str, str]) -> Iterator[Version]:
    """Give the films of a flat library whose video is missing, but not their NFO."""
    claimed = {stem for version in versions for stem in version.stems}
    for key, file in nfos.items():
        stem = split_ending(file)[0]
        if key not in claimed and parse_name(stem).known:
            yield Version(folder.inside(file), stem, (key,), parse_name(stem), only_nfo=True)


def _is_own(film: Found, folder: Folder, named: Named, contents: Contents) -> bool:
    """Whether the folder is that film's own, and not a shelf with a single film on it."""
    itself = any(not version.stem for version in film.versions)
    if not itself and (len(contents.films) > 1 or film.versions[0].item is None):
        return False
    sure = bool(folder.below) and (itself or named.known)
    return sure or not contents.further or not holds_films(folder, contents.further)


def _complete(film: Found, nfos: dict[str, str], folder: Folder) -> None:
    """Give a film and its versions their NFOs, and the names that its versions share."""
    film.versions = [
        replace(version, nfos=tuple(nfos[stem] for stem in version.stems if stem in nfos)) for version in film.versions
    ]
    shared = {fold(stem) for version in film.versions for stem in names.shared_stems(version.stem)}
    if film.own:
        shared.add(fold(folder.name))
        film.nfos = tuple(nfos[stem] for stem in ("movie", fold(folder.name), *_DISC_NFOS) if stem in nfos)
        if not film.nfos and all(version.only_nfo and not version.nfos for version in film.versions):
            film.nfos = tuple(nfos.values())[:1]  # under whatever name: there is no other film it could describe
    film.shared = frozenset(shared)
