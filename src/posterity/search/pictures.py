"""The pictures that are searched by, read once: their content, and the posters of the very same content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from posterity.catalogue import Store
from posterity.catalogue.pictures import Shown, Upload
from posterity.errors import ImageError
from posterity.runtime.filenames import escape
from posterity.search.query import Query, Wanted


@dataclass(frozen=True)
class Picture:
    """A picture that is searched by: what it is called, its content, and the posters of the very same content."""

    shown: Shown
    title: str
    own: tuple[str, ...]


@dataclass(frozen=True)
class Pictures:
    """The pictures among what is wanted: those to be like, in order, and those to be unlike, by their paths as given.

    An upload is known by its place alone: its name says nothing, two may have the same, and it may be that of a file.
    """

    likes: tuple[Picture, ...]
    unlikes: Mapping[str, Picture]

    def own(self) -> Iterator[str]:
        """Give the posters of the very same content."""
        for picture in (*self.likes, *self.unlikes.values()):
            yield from picture.own


def read_pictures(store: Store, wanted: Wanted) -> Pictures:
    """Read the pictures among what is wanted."""
    place = set(store.get(wanted.unlike))
    away = [name for name in wanted.unlike if name not in place and Path(name).is_file()]
    return Pictures(
        tuple(_read_picture(store, image) for image in wanted.images),
        {name: _read_picture(store, Path(name)) for name in away},
    )


def _read_picture(store: Store, image: Path | Upload) -> Picture:
    name = escape(str(image))
    try:
        data = image.data if isinstance(image, Upload) else image.read_bytes()
    except OSError as error:
        raise ImageError("unreadable", f"{name} cannot be read: {error.strerror}") from error
    digest = hashlib.sha256(data).hexdigest()
    own = tuple(store.read(["id"], f"sha256 = '{digest}'")["id"].to_pylist())
    return Picture(Shown(name, data), name if isinstance(image, Upload) else escape(image.name), own)


def described(store: Store, wanted: Wanted, pictures: Pictures) -> Query:
    """Describe what was searched for."""
    if wanted.text is not None:
        return Query(None, wanted.text, text=wanted.text)
    if wanted.colours:
        return Query(None, ", ".join(wanted.colours), colours=wanted.colours)
    known = store.get((*wanted.ids, *wanted.unlike))

    def titled(like: str | Picture) -> str:
        if isinstance(like, Picture):
            return like.title
        return (known[like].film.title if like in known else None) or like

    likes: list[str | Picture] = [*wanted.ids, *pictures.likes]
    unlikes = [pictures.unlikes.get(name, name) for name in wanted.unlike]
    title = " + ".join(map(titled, likes))
    if unlikes:
        title += " − " + " − ".join(map(titled, unlikes))
    own, file = None, None
    if len(likes) == 1:
        (only,) = likes
        own = next(iter(only.own), None) if isinstance(only, Picture) else only
        if isinstance(only, Picture) and not isinstance(wanted.images[0], Upload):
            file = str(only.shown)
    shown, away = (
        tuple(each.shown if isinstance(each, Picture) else each for each in some) for some in (likes, unlikes)
    )
    return Query(own, title, file, None, shown, away)
