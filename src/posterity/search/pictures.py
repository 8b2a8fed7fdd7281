"""The pictures in a query, read once: their content, and the posters with the very same content."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from posterity.catalogue import Store
from posterity.catalogue.pictures import Shown
from posterity.embedding.picture import Picture
from posterity.errors import ImageError
from posterity.runtime.filenames import escape
from posterity.search.query import Query, Wanted


@dataclass(frozen=True)
class Searched:
    """A picture in a query: what it is called, the posters with the very same content, and the picture."""

    shown: Shown
    title: str
    own: tuple[str, ...]
    picture: Picture


@dataclass(frozen=True)
class Pictures:
    """The pictures in a query: those to be like, in order, and those to be unlike, by their paths as given.

    An upload is identified by its position alone: its name means nothing, two may share one, and a file may have it.
    """

    likes: tuple[Searched, ...]
    unlikes: Mapping[str, Searched]

    def own(self) -> Iterator[str]:
        """Give the posters with the very same content."""
        for searched in (*self.likes, *self.unlikes.values()):
            yield from searched.own


def read_pictures(store: Store, wanted: Wanted) -> Pictures:
    """Read the pictures in a query."""
    place = set(store.get(wanted.unlike))
    away = [name for name in wanted.unlike if name not in place and Path(name).is_file()]
    return Pictures(
        tuple(_read_picture(store, image) for image in wanted.images),
        {name: _read_picture(store, Path(name)) for name in away},
    )


def _read_picture(store: Store, image: Path | Picture) -> Searched:
    name = escape(str(image))
    try:
        picture = image if isinstance(image, Picture) else Picture(name, image.read_bytes())
    except OSError as error:
        raise ImageError("unreadable", f"{name} cannot be read: {error.strerror}") from error
    own = tuple(store.read(["id"], f"sha256 = '{picture.sha256}'")["id"].to_pylist())
    title = name if isinstance(image, Picture) else escape(image.name)
    return Searched(Shown(name, picture.data), title, own, picture)


def described(store: Store, wanted: Wanted, pictures: Pictures) -> Query:
    """Describe the query."""
    if wanted.text is not None:
        return Query(None, wanted.text, text=wanted.text)
    if wanted.colours:
        return Query(None, ", ".join(wanted.colours), colours=wanted.colours)
    known = store.get((*wanted.ids, *wanted.unlike))

    def titled(like: str | Searched) -> str:
        if isinstance(like, Searched):
            return like.title
        return (known[like].film.title if like in known else None) or like

    likes: list[str | Searched] = [*wanted.ids, *pictures.likes]
    unlikes = [pictures.unlikes.get(name, name) for name in wanted.unlike]
    title = " + ".join(map(titled, likes))
    if unlikes:
        title += " − " + " − ".join(map(titled, unlikes))
    own, file = None, None
    if len(likes) == 1:
        (only,) = likes
        own = next(iter(only.own), None) if isinstance(only, Searched) else only
        if isinstance(only, Searched) and not isinstance(wanted.images[0], Picture):
            file = str(only.shown)
    shown, away = (
        tuple(each.shown if isinstance(each, Searched) else each for each in some) for some in (likes, unlikes)
    )
    return Query(own, title, file, None, shown, away)
