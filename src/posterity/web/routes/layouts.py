"""Maps and walls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import FastAPI, Path, Query, Request
from starlette.responses import Response

from posterity.layouts.columns import LayoutAnswer
from posterity.layouts.maps import Map
from posterity.layouts.walls import Wall
from posterity.web.gallery import Gallery
from posterity.web.jobs import Job, Jobs
from posterity.web.lanes import busy
from posterity.web.responses import as_packed
from posterity.web.routes.parameters import UNAVAILABLE
from posterity.web.routes.waiting import result_of
from posterity.web.work import layout_job, whole_layout_job


def add_layouts(app: FastAPI, gallery: Gallery, jobs: Jobs) -> None:
    """Add the addresses of maps and walls."""

    async def answer(request: Request, job: Callable[[], Job]) -> Response:
        made = await result_of(jobs, job)
        return busy("it is being laid out") if made is None else as_packed(request, made)

    @app.get("/api/map", response_model=Map, responses=UNAVAILABLE, tags=["layouts"])
    async def map(request: Request, name: Annotated[str | None, Query(max_length=200)] = None) -> Response:
        """A map: every poster a point. It is made where there is none; 503 until it is."""
        return await answer(request, lambda: whole_layout_job(gallery, "map", name))

    @app.get("/api/wall", response_model=Wall, responses=UNAVAILABLE, tags=["layouts"])
    async def wall(request: Request, name: Annotated[str | None, Query(max_length=200)] = None) -> Response:
        """A wall: every poster in a cell of its own. It is made where there is none; 503 until it is."""
        return await answer(request, lambda: whole_layout_job(gallery, "wall", name))

    @app.get("/api/layouts/{name}", response_model=LayoutAnswer, responses=UNAVAILABLE, tags=["layouts"])
    async def layout(request: Request, name: Annotated[str, Path(max_length=200)]) -> Response:
        """A map or wall as the page draws it: in the order of the collection."""
        return await answer(request, lambda: layout_job(gallery, name))
