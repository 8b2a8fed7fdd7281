"""The server: addresses, what they take, and what they answer."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import mimetypes
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from typing import Annotated, Any

from fastapi import FastAPI, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.responses import Response

from posterity.api.results import Report
from posterity.errors import (
    PosterityError,
)
from posterity.layouts.maps import Map
from posterity.layouts.walls import Wall
from posterity.search.query import Matches
from posterity.web.answers import (
    Clinic,
    Collection,
    DuplicatesJob,
    EvaluationJob,
    FilmPage,
    Films,
    Health,
    LayoutAnswer,
    PairsJob,
    Problem,
    Why,
)
from posterity.web.built import PAGE_FILES, page_file
from posterity.web.clinic import examine_poster
from posterity.web.gallery import Gallery
from posterity.web.guard import LOOPBACK, Guard
from posterity.web.heads import Heads
from posterity.web.health import Wellbeing
from posterity.web.jobs import (
    PAIRS,
    Job,
    Jobs,
    cut_text,
    duplicates_job,
    evaluation_job,
    layout_job,
    pairs_job,
    whole_layout_job,
    why_job,
)
from posterity.web.lanes import Lanes, busy
from posterity.web.metrics import CONTENT_TYPE, Measured, Metrics
from posterity.web.problems import handle_errors, public, status_of, unavailable
from posterity.web.results import Made
from posterity.web.sending import ASK_AGAIN, as_bytes, as_json, as_made, written
from posterity.web.uploads import read_upload

DEFAULT_WEIGHTS = "content=1,colour=0.5,composition=0.5"
MOST = 1000
"""Films or matches that one answer may hold."""

PATIENCE = 0.7
"""Seconds that a request waits for long work; then it is to ask again."""

Identity = Annotated[str, Path(description="The poster's id.", examples=["tt0113277"])]
Weights = Annotated[
    str | None, Query(description="Facet=weight, ...; see /api/collection for the facets.", max_length=200)
]
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The request is not allowed; it says why."},
    401: {"model": Problem, "description": "A token is asked for."},
    404: {"model": Problem, "description": "There is no such thing."},
    409: {"model": Problem, "description": "The catalogue lacks what that needs; it says what to do."},
    403: {"model": Problem, "description": "Another site's page asks."},
    422: {"model": Problem, "description": "An argument is not allowed."},
}
_UNAVAILABLE: dict[int | str, dict[str, Any]] = {
    503: {"model": Problem, "description": "Not now; with Retry-After, ask again then."}
}


def create_app(
    gallery: Gallery, *, hosts: tuple[str, ...] = LOOPBACK, token: str | None = None, jobs: Jobs | None = None
) -> FastAPI:
    """Make the server of a catalogue.

    Args:
        gallery: The catalogue.
        hosts: Names that it may be asked for by; empty allows any.
        token: What requests must bring; None asks for none.
        jobs: Where long work is done; None makes a queue of its own.
    """
    app = FastAPI(
        title="Posterity",
        version=version("posterity"),
        summary="A collection of movie posters: search it, walk through it, learn from it.",
        docs_url=None,  # Swagger's page would load its scripts from elsewhere
        redoc_url=None,
        responses=_PROBLEMS,
        generate_unique_id_function=lambda route: route.name,
    )
    metrics = Metrics(gallery)
    jobs = jobs or Jobs(gallery.store)
    app.add_middleware(Lanes)
    app.add_middleware(Heads)
    app.add_middleware(Guard, hosts=hosts, token=token)
    app.add_middleware(Measured, metrics=metrics)
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]
    handle_errors(app, gallery.catalogue.folder)
    _films(app, gallery, jobs)
    _metrics(app, metrics)
    _layouts(app, gallery, jobs)
    _pictures(app, gallery)
    _reports(app, gallery, jobs)
    _clinic(app, gallery)
    _page(app)
    return app


def _metrics(app: FastAPI, metrics: Metrics) -> None:
    @app.get(
        "/metrics",
        response_class=Response,
        tags=["server"],
        responses={200: {"content": {"text/plain": {}}, "description": "Prometheus' text format."}},
    )
    def metrics_() -> Response:
        """What the server does, for Prometheus."""
        return Response(metrics.told(), media_type=CONTENT_TYPE)


def _films(app: FastAPI, gallery: Gallery, jobs: Jobs) -> None:
    wellbeing = Wellbeing(gallery)

    @app.get("/healthz", response_model=Health, responses=_UNAVAILABLE, tags=["server"])
    async def healthz() -> Response:
        """Tell whether the server is well, and could read the catalogue a second ago."""
        found = await wellbeing.now()
        # What is wrong, and where, is nobody's business who asks this.
        return unavailable() if found is None else as_json(found)

    @app.get("/api/collection", response_model=Collection, tags=["collection"])
    def collection(request: Request) -> Response:
        """What the page knows of every poster, in columns."""
        return as_made(request, gallery.packed_collection())

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

    @app.get("/api/films/{identity:path}/why", response_model=Why, responses=_UNAVAILABLE, tags=["films"])
    async def why(
        request: Request,
        identity: Identity,
        other: Annotated[str, Query(description="Another poster's id.", max_length=2000)],
        weights: Weights = None,
    ) -> Response:
        """Why two posters are alike: facets, regions, palettes; 503 while that is worked out."""

        def job() -> Job:
            here = set(gallery.facets())
            usual = ",".join(part for part in DEFAULT_WEIGHTS.split(",") if part.split("=")[0] in here)
            return why_job(gallery, identity, other, usual if weights is None else weights)

        made = await _made(jobs, job)
        return busy("why these are alike is being worked out") if made is None else as_made(request, made)

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


def _layouts(app: FastAPI, gallery: Gallery, jobs: Jobs) -> None:
    async def answer(request: Request, job: Callable[[], Job]) -> Response:
        made = await _made(jobs, job)
        return busy("it is being laid out") if made is None else as_made(request, made)

    @app.get("/api/map", response_model=Map, responses=_UNAVAILABLE, tags=["layouts"])
    async def map(request: Request, name: Annotated[str | None, Query(max_length=200)] = None) -> Response:
        """A map: every poster a point. It is made where there is none; 503 until it is."""
        return await answer(request, lambda: whole_layout_job(gallery, "map", name))

    @app.get("/api/wall", response_model=Wall, responses=_UNAVAILABLE, tags=["layouts"])
    async def wall(request: Request, name: Annotated[str | None, Query(max_length=200)] = None) -> Response:
        """A wall: every poster in a cell of its own. It is made where there is none; 503 until it is."""
        return await answer(request, lambda: whole_layout_job(gallery, "wall", name))

    @app.get("/api/layouts/{name}", response_model=LayoutAnswer, responses=_UNAVAILABLE, tags=["layouts"])
    async def layout(request: Request, name: Annotated[str, Path(max_length=200)]) -> Response:
        """A map or wall as the page draws it: in the order of the collection."""
        return await answer(request, lambda: layout_job(gallery, name))


_JPEG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}}, 304: {"description": "Not changed."}}
_ANY: dict[int | str, dict[str, Any]] = {
    200: {"content": {f"image/{kind}": {} for kind in ("jpeg", "png", "webp", "gif")}},
    304: {"description": "Not changed."},
}


def _pictures(app: FastAPI, gallery: Gallery) -> None:
    @app.get("/api/atlas/{key}.jpg", response_class=Response, responses=_JPEG, tags=["pictures"])
    def atlas(request: Request, key: Annotated[str, Path(max_length=64)]) -> Response:
        """A page of sprites."""
        return as_bytes(request, gallery.page(key), "image/jpeg", key)

    @app.get("/api/sheets/{key}.jpg", response_class=Response, responses=_JPEG, tags=["pictures"])
    def sheets(request: Request, key: Annotated[str, Path(max_length=64)]) -> Response:
        """A sheet of thumbnails."""
        return as_bytes(request, gallery.sheet(key), "image/jpeg", key)

    @app.get("/api/thumbnails/{digest}.jpg", response_class=Response, responses=_JPEG, tags=["pictures"])
    def thumbnails(request: Request, digest: Annotated[str, Path(max_length=64)]) -> Response:
        """A poster's thumbnail."""
        return as_bytes(request, gallery.thumbnail(digest), "image/jpeg", digest)

    @app.get("/api/posters/{identity:path}", response_class=Response, responses=_ANY, tags=["pictures"])
    def posters(request: Request, identity: Identity) -> Response:
        """A poster as its file has it."""
        data, kind = gallery.picture(identity)
        response = as_bytes(request, data, kind, hashlib.sha256(data).hexdigest()[:32], ASK_AGAIN)
        # Whatever a file holds, it is shown as a picture and nothing else.
        response.headers["content-security-policy"] = "default-src 'none'; sandbox"
        return response


def _reports(app: FastAPI, gallery: Gallery, jobs: Jobs) -> None:
    async def answer(job: Callable[[], Job]) -> Response:
        begun = await run_in_threadpool(job)
        try:
            made = await _made(jobs, lambda: begun)
        except PosterityError as error:
            if status_of(error) == 503:
                raise
            detail = public(str(error), gallery.catalogue.folder)
            return as_json({"state": "failed", "detail": detail, "result": None})
        if made is None:
            return as_json({"state": "working", "detail": "Computing; this is done once.", "result": None})
        text = made.text
        if begun.cut is not None:
            text = await run_in_threadpool(lambda: cut_text(begun, made))
        return written(b'{"state":"ready","detail":"","result":' + text + b"}")

    @app.get("/api/pairs", response_model=PairsJob, responses=_UNAVAILABLE, tags=["reports"])
    async def pairs(
        n: Annotated[int, Query(ge=1, le=PAIRS[-1])] = 200,
        hide_franchise: bool = False,
        hide_duplicates: bool = False,
    ) -> Response:
        """The closest pairs of the whole collection; ask again while they are worked on."""
        return await answer(lambda: pairs_job(gallery, n, hide_franchise, hide_duplicates))

    @app.get("/api/duplicates", response_model=DuplicatesJob, responses=_UNAVAILABLE, tags=["reports"])
    async def duplicates(mirrored: bool = False) -> Response:
        """The posters that show the same artwork; ask again while they are worked on."""
        return await answer(lambda: duplicates_job(gallery, mirrored))

    @app.get("/api/evaluation", response_model=EvaluationJob, responses=_UNAVAILABLE, tags=["reports"])
    async def evaluation() -> Response:
        """Scores of encoders, maps and walls beside chance; ask again while they are worked on."""
        return await answer(lambda: evaluation_job(gallery))

    @app.get("/api/report", response_model=Report, tags=["reports"])
    def report() -> Response:
        """What was dropped or flagged, and why."""
        return as_json(gallery.report())


def _clinic(app: FastAPI, gallery: Gallery) -> None:
    body = {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary", "description": "A poster."}},
                }
            }
        },
    }

    one = asyncio.Semaphore(1)

    @app.post(
        "/api/clinic",
        response_model=Clinic,
        responses={
            408: {"model": Problem, "description": "The file did not come in time."},
            413: {"model": Problem, "description": "The file is too large."},
            **_UNAVAILABLE,
        },
        openapi_extra={"requestBody": body},
        tags=["clinic"],
    )
    async def clinic(request: Request) -> Response:
        """What can be said of a poster: its nearest, predictions, place on the map. It is kept nowhere."""
        if not gallery.clinic:
            raise HTTPException(404, "there is no clinic here")
        name, data = await read_upload(request)
        async with one:
            return as_json(await run_in_threadpool(examine_poster, gallery, name, data))


def _page(app: FastAPI) -> None:
    held: dict[str, tuple[bytes, bytes]] = {}

    @app.get("/{path:path}", include_in_schema=False)
    def page(request: Request, path: str) -> Response:
        name = path or "index.html"
        if name not in PAGE_FILES:
            raise HTTPException(404, "there is no such page")
        if name not in held:
            data = page_file(name)
            held[name] = data, gzip.compress(data, 6)
        data, packed = held[name]
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return as_bytes(request, data, kind, hashlib.sha256(data).hexdigest()[:32], ASK_AGAIN, packed)


async def _made(jobs: Jobs, make: Callable[[], Job]) -> Made | None:
    """Give the result of a job, begun unless it was; None where it is still worked on after a moment.

    Raises:
        BusyError: There is no room in the queue.
        PosterityError: It cannot be done.
    """
    done = await run_in_threadpool(lambda: jobs.begin(make()))
    if not done.done():
        loop, told = asyncio.get_running_loop(), asyncio.Event()

        def tell(_: object) -> None:
            with suppress(RuntimeError):  # the server has ended meanwhile
                loop.call_soon_threadsafe(told.set)

        done.add_done_callback(tell)
        with suppress(TimeoutError):
            await asyncio.wait_for(told.wait(), PATIENCE)
    return done.result() if done.done() else None


def _described(app: FastAPI) -> dict[str, Any]:
    """Describe the server, once: as FastAPI does, saying of numbers that those that are not known are null."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
        for component in schema.get("components", {}).get("schemas", {}).values():
            _nullable(component)
        app.openapi_schema = schema
    return app.openapi_schema


def _nullable(schema: Any) -> None:
    if isinstance(schema, list):
        for each in schema:
            _nullable(each)
    elif isinstance(schema, dict):
        for each in schema.values():
            _nullable(each)
        if schema.get("type") == "number":
            schema["type"] = ["number", "null"]
        items = schema.get("prefixItems", [])
        if items and all(each == items[0] for each in items):  # pairs of one kind, in words that every reader knows
            schema["items"] = schema.pop("prefixItems")[0]
