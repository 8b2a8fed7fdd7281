"""Finding films, and the details of one film."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from posterity.catalogue import Poster
from posterity.layouts.palettes import written
from posterity.learning.current import genre_views, money_view
from posterity.search.relatives import relatives
from posterity.settings import setting
from posterity.web.answers import FilmPage, Films, Found, Relative
from posterity.web.snapshot import Snapshot

N_PREDICTED = 8
"""Number of genres whose probabilities a film's page shows."""


def find_films(snap: Snapshot, search: str, limit: int, offset: int = 0) -> Films:
    """Find films by title, year or id; an empty search lists all of them by id."""
    if search.strip():
        found = snap.titles.search(search, len(snap.ids))
    else:
        found = [(number, 1.0) for number in range(len(snap.ids))]
    shown = found[offset : offset + limit]
    columns = snap.rows.select(["id", "title", "year", "genres"])
    rows = columns.take(pa.array([number for number, _ in shown], pa.int64())).to_pylist()
    films = [
        Found(row["id"], row["title"] or row["id"], row["year"], tuple(row["genres"] or ()), score)
        for row, (_, score) in zip(rows, shown, strict=True)
    ]
    return Films(len(found), films)


def film_page(snap: Snapshot, identity: str, notes: Sequence[str]) -> FilmPage:
    """Collect all that is known of a poster.

    Args:
        snap: The catalogue.
        identity: The poster's id.
        notes: What is missing, and how to get it.

    Raises:
        NoSuchPosterError: There is no such poster.
    """
    number = snap.number(identity)
    poster = snap.poster(number)
    near = relatives(snap.kin, number, int(setting("near_duplicate_bits")))
    return FilmPage(
        # Visitors of the page must not see the path on this machine.
        poster=replace(poster, source=Path(poster.source).name),
        links=links_of(poster),
        palette=written(snap.palettes[number]),
        predicted=genre_views(snap.models, identity, N_PREDICTED),
        money=money_view(snap.models, identity),
        relatives=[Relative(snap.ids[other], snap.title(other), kind) for other, kind in near],
        notes=list(notes),
    )


def links_of(poster: Poster) -> dict[str, str]:
    """Return links to a film's pages on other sites; only ids of the usual form become links."""
    links = {}
    if poster.film.imdb_id and poster.film.imdb_id.removeprefix("tt").isdigit():
        links["IMDb"] = f"https://www.imdb.com/title/{poster.film.imdb_id}/"
    if poster.film.tmdb_id is not None:
        links["TMDb"] = f"https://www.themoviedb.org/movie/{poster.film.tmdb_id}"
        links["Letterboxd"] = f"https://letterboxd.com/tmdb/{poster.film.tmdb_id}"
    return links
