"""The collection, its films, and searches among them."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Query, Request
from starlette.responses import Response

from posterity.search.query import Matches
from posterity.web.answers import Collection, FilmPage, Films, Why
from posterity.web.gallery import Gallery
from posterity.web.jobs import Jobs
from posterity.web.lanes import busy
from posterity.web.responses import as_json, as_packed
from posterity.web.routes.parameters import MOST, UNAVAILABLE, Identity, Weights
from posterity.web.routes.waiting import result_of
from posterity.web.work import why_job


def add_films(app: FastAPI, gallery: Gallery, jobs: Jobs) -> None:
    """Add the addresses of the collection, of films, and of searches among them."""

    @app.get("/api/collection", response_model=Collection, tags=["collection"])
    def collection(request: Request) -> Response:
        """What the page shows of every poster, in columns."""
        return as_packed(request, gallery.packed_collection())

    @app.get("/api/films", response_model=Films, tags=["films"])
    def films(
        search: Annotated[str, Query(description="Words of titles, a year, an id; slips are forgiven.",
                                     max_length=200)] = "",
        limit: Annotated[int, Query(ge=1, le=MOST)] = 20,
        offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
    ) -> Response:  # fmt: skip
        """Films by title, year or id, the best first."""
        return as_json(gallery.films(search, limit, offset))

    @app.get("/api/films/{identity:path}/similar", response_model=Matches, tags=["films"])
    def similar(
        identity: Identity,
        k: Annotated[int, Query(ge=1, le=MOST)] = 12,
        weights: Weights = None,
        encoder: Annotated[str | None, Query(max_length=100)] = None,
        diversity: Annotated[float, Query(ge=0, le=1)] = 0.0,
    ) -> Response:
        """The posters most like one: by one encoder, or with weights by facets, each with its part of the score."""
        gallery.snapshot().number(identity)
        encoder = encoder or gallery.encoder()
        return as_json(gallery.catalogue.similar(identity, k=k, weights=weights, encoder=encoder, diversity=diversity))

    @app.get("/api/films/{identity:path}/why", response_model=Why, responses=UNAVAILABLE, tags=["films"])
    async def why(
        request: Request,
        identity: Identity,
        other: Annotated[str, Query(description="Another poster's id.", max_length=2000)],
        weights: Weights = None,
    ) -> Response:
        """Why two posters are alike: facets, regions, palettes; 503 while that is worked out."""
        made = await result_of(jobs, lambda: why_job(gallery, identity, other, weights))
        return busy("why these are alike is being worked out") if made is None else as_packed(request, made)

    @app.get("/api/films/{identity:path}", response_model=FilmPage, tags=["films"])
    def film(identity: Identity) -> Response:
        """All that is known of a poster."""
        return as_json(gallery.film(identity))

    @app.get("/api/colours", response_model=Matches, tags=["films"])
    def colours(
        colours: Annotated[
            str, Query(description="As 'aa0000,101010'.", pattern="^#?[0-9a-fA-F]{6}(,#?[0-9a-fA-F]{6}){0,7}$")
        ],
        k: Annotated[int, Query(ge=1, le=MOST)] = 12,
    ) -> Response:
        """The posters that consist of some colours."""
        return as_json(gallery.catalogue.similar(colours=colours, k=k))
