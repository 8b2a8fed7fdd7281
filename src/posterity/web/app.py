"""The server: addresses, what they take, and what they answer."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from importlib.resources import files
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import FastAPI, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.responses import JSONResponse, Response

from posterity.api import Report
from posterity.errors import (
    ArgumentError,
    CatalogueError,
    ImageError,
    MissingExtraError,
    NoSuchPosterError,
    PosterityError,
    StorageError,
    UnknownNameError,
)
from posterity.maps import Map
from posterity.plain import dumps, plain
from posterity.search import Matches
from posterity.walls import Wall
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
from posterity.web.clinic import MOST_BYTES, examine_poster
from posterity.web.gallery import Gallery
from posterity.web.guard import LOOPBACK, Guard
from posterity.web.jobs import Jobs, duplicates_job, evaluation_job, pairs_job
from posterity.web.metrics import CONTENT_TYPE, Measured, Metrics

FOREVER = "private, max-age=31536000, immutable"
ASK_AGAIN = "private, no-cache"
"""What is addressed by its content never changes; all else is asked for again, and mostly answered with 304."""

COLLECTION, LAYOUT = "collection.json", "layout.json"
"""What packed answers are held under."""

DEFAULT_WEIGHTS = "content=1,colour=0.5,composition=0.5"
MOST = 1000
"""Films or matches that one answer may hold."""

Identity = Annotated[str, Path(description="The poster's id.", examples=["tt0113277"])]
Weights = Annotated[
    str | None, Query(description="Facet=weight, ...; see /api/collection for the facets.", max_length=200)
]
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The request is not allowed; it says why."},
    401: {"model": Problem, "description": "A token is asked for."},
    404: {"model": Problem, "description": "There is no such thing."},
    409: {"model": Problem, "description": "The catalogue lacks what that needs; it says what to do."},
    422: {"model": Problem, "description": "An argument is not allowed."},
}


def create_app(gallery: Gallery, *, hosts: tuple[str, ...] = LOOPBACK, token: str | None = None) -> FastAPI:
    """Make the server of a catalogue.

    Args:
        gallery: The catalogue.
        hosts: Names that it may be asked for by; empty allows any.
        token: What requests must bring; None asks for none.
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
    app.add_middleware(Guard, hosts=hosts, token=token)
    app.add_middleware(Measured, metrics=metrics)
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]
    _handle_errors(app)
    _films(app, gallery)
    _metrics(app, metrics)
    _layouts(app, gallery)
    _pictures(app, gallery)
    _reports(app, gallery, Jobs(gallery.store))
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


def _films(app: FastAPI, gallery: Gallery) -> None:
    @app.get("/healthz", response_model=Health, tags=["server"])
    def healthz() -> Response:
        """Tell whether the server is well."""
        return _json(Health("ok", version("posterity"), gallery.store.count()))

    @app.get("/api/collection", response_model=Collection, tags=["collection"])
    def collection(request: Request) -> Response:
        """What the page knows of every poster, in columns."""
        snap = gallery.snapshot()
        return _large(request, snap.answers, COLLECTION, gallery.collection)

    @app.get("/api/films", response_model=Films, tags=["films"])
    def films(
        search: Annotated[str, Query(description="Words of titles, a year, an id; slips are forgiven.",
                                     max_length=200)] = "",
        limit: Annotated[int, Query(ge=1, le=MOST)] = 20,
        offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
    ) -> Response:  # fmt: skip
        """Films by title, year or id, the best first."""
        return _json(gallery.films(search, limit, offset))

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
        return _json(gallery.catalogue.similar(identity, k=k, weights=weights, encoder=encoder, diversity=diversity))

    @app.get("/api/films/{identity:path}/why", response_model=Why, tags=["films"])
    def why(
        identity: Identity,
        other: Annotated[str, Query(description="Another poster's id.", max_length=2000)],
        weights: Weights = None,
    ) -> Response:
        """Why two posters are alike: facets, regions, palettes."""
        here = set(gallery.facets())
        usual = ",".join(part for part in DEFAULT_WEIGHTS.split(",") if part.split("=")[0] in here)
        return _json(gallery.why(identity, other, weights or usual))

    @app.get("/api/films/{identity:path}", response_model=FilmPage, tags=["films"])
    def film(identity: Identity) -> Response:
        """All that is known of a poster."""
        return _json(gallery.film(identity))

    @app.get("/api/colours", response_model=Matches, tags=["films"])
    def colours(
        colours: Annotated[
            str, Query(description="As 'aa0000,101010'.", pattern="^#?[0-9a-fA-F]{6}(,#?[0-9a-fA-F]{6}){0,7}$")
        ],
        k: Annotated[int, Query(ge=1, le=MOST)] = 12,
    ) -> Response:
        """The posters that consist of some colours."""
        return _json(gallery.catalogue.similar(colours=colours, k=k))


def _layouts(app: FastAPI, gallery: Gallery) -> None:
    @app.get("/api/map", response_model=Map, tags=["layouts"])
    def map(request: Request, name: Annotated[str | None, Query(max_length=200)] = None) -> Response:
        """A map: every poster a point. It is made where there is none, which takes its time."""
        return _large(request, gallery.snapshot().answers, f"map {name}", lambda: gallery.find_layout("map", name))

    @app.get("/api/wall", response_model=Wall, tags=["layouts"])
    def wall(request: Request, name: Annotated[str | None, Query(max_length=200)] = None) -> Response:
        """A wall: every poster in a cell of its own. It is made where there is none, which takes its time."""
        return _large(request, gallery.snapshot().answers, f"wall {name}", lambda: gallery.find_layout("wall", name))

    @app.get("/api/layouts/{name}", response_model=LayoutAnswer, tags=["layouts"])
    def layout(request: Request, name: Annotated[str, Path(max_length=200)]) -> Response:
        """A map or wall as the page draws it: in the order of the collection."""
        return _large(request, gallery.snapshot().answers, f"{LAYOUT} {name}", lambda: gallery.layout(name))


_JPEG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}}, 304: {"description": "Not changed."}}
_ANY: dict[int | str, dict[str, Any]] = {
    200: {"content": {f"image/{kind}": {} for kind in ("jpeg", "png", "webp", "gif")}},
    304: {"description": "Not changed."},
}


def _pictures(app: FastAPI, gallery: Gallery) -> None:
    @app.get("/api/atlas/{key}.jpg", response_class=Response, responses=_JPEG, tags=["pictures"])
    def atlas(request: Request, key: Annotated[str, Path(max_length=64)]) -> Response:
        """A page of sprites."""
        return _bytes(request, gallery.page(key), "image/jpeg", key)

    @app.get("/api/sheets/{key}.jpg", response_class=Response, responses=_JPEG, tags=["pictures"])
    def sheets(request: Request, key: Annotated[str, Path(max_length=64)]) -> Response:
        """A sheet of thumbnails."""
        return _bytes(request, gallery.sheet(key), "image/jpeg", key)

    @app.get("/api/thumbnails/{digest}.jpg", response_class=Response, responses=_JPEG, tags=["pictures"])
    def thumbnails(request: Request, digest: Annotated[str, Path(max_length=64)]) -> Response:
        """A poster's thumbnail."""
        return _bytes(request, gallery.thumbnail(digest), "image/jpeg", digest)

    @app.get("/api/posters/{identity:path}", response_class=Response, responses=_ANY, tags=["pictures"])
    def posters(request: Request, identity: Identity) -> Response:
        """A poster as its file has it."""
        data, kind = gallery.picture(identity)
        response = _bytes(request, data, kind, hashlib.sha256(data).hexdigest()[:32], ASK_AGAIN)
        # Whatever a file holds, it is shown as a picture and nothing else.
        response.headers["content-security-policy"] = "default-src 'none'; sandbox"
        return response


def _reports(app: FastAPI, gallery: Gallery, jobs: Jobs) -> None:
    @app.get("/api/pairs", response_model=PairsJob, tags=["reports"])
    def pairs(
        n: Annotated[int, Query(ge=1, le=MOST)] = 200,
        hide_franchise: bool = False,
        hide_duplicates: bool = False,
    ) -> Response:
        """The closest pairs of the whole collection; ask again while they are worked on."""
        return _json(jobs.get(pairs_job(gallery, n, hide_franchise, hide_duplicates)))

    @app.get("/api/duplicates", response_model=DuplicatesJob, tags=["reports"])
    def duplicates(mirrored: bool = False) -> Response:
        """The posters that show the same artwork; ask again while they are worked on."""
        return _json(jobs.get(duplicates_job(gallery, mirrored)))

    @app.get("/api/evaluation", response_model=EvaluationJob, tags=["reports"])
    def evaluation() -> Response:
        """Scores of encoders, maps and walls beside chance; ask again while they are worked on."""
        return _json(jobs.get(evaluation_job(gallery)))

    @app.get("/api/report", response_model=Report, tags=["reports"])
    def report() -> Response:
        """What was dropped or flagged, and why."""
        return _json(gallery.report())


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

    @app.post(
        "/api/clinic",
        response_model=Clinic,
        responses={413: {"model": Problem, "description": "The file is too large."}},
        openapi_extra={"requestBody": body},
        tags=["clinic"],
    )
    async def clinic(request: Request) -> Response:
        """What can be said of a poster: its nearest, predictions, place on the map. It is kept nowhere."""
        if not gallery.clinic:
            raise HTTPException(404, "there is no clinic here")
        name, data = await _upload(request)
        return _json(await run_in_threadpool(examine_poster, gallery, name, data))


class _InMemory(MultiPartParser):
    """Keeps what is sent in memory, where others would write it to the disk."""

    spool_max_size = 2 * MOST_BYTES


async def _upload(request: Request) -> tuple[str, bytes]:
    """Read the part ``file`` of a form, refusing what is too large as soon as that is known."""
    too_large = HTTPException(413, f"the file is larger than {MOST_BYTES >> 20} MB")
    if int(request.headers.get("content-length") or 0) > MOST_BYTES + 4096:
        raise too_large
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise HTTPException(400, "the request is no form: send the poster as the file of multipart/form-data")
    received = 0

    async def capped() -> Any:
        nonlocal received
        async for chunk in request.stream():
            received += len(chunk)
            if received > MOST_BYTES + 4096:
                raise too_large
            yield chunk

    try:
        form = await _InMemory(request.headers, capped(), max_files=1, max_fields=8).parse()
    except MultiPartException as error:
        raise HTTPException(400, f"the form cannot be read: {error.message}") from error
    except (KeyError, ValueError, UnicodeError) as error:
        raise HTTPException(400, "the form cannot be read") from error
    try:
        sent = form.get("file")
        if sent is None or isinstance(sent, str):
            raise HTTPException(400, "the form has no file named 'file'")
        return sent.filename or "poster", await sent.read()
    finally:
        await form.close()


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
        return _bytes(request, data, kind, hashlib.sha256(data).hexdigest()[:32], ASK_AGAIN, packed)


PAGE_FILES = ("index.html", "page.js", "page.css", "icon.svg")
"""What the page is made of; built from frontend/ into the wheel."""


def page_file(name: str) -> bytes:
    """Read a file of the page.

    Raises:
        StorageError: The page was not built.
    """
    try:
        return files("posterity.web").joinpath("page", name).read_bytes()
    except FileNotFoundError as error:
        raise StorageError(
            "the page was not built into this installation", "Build it: pip install -e . in the repository"
        ) from error


# --- answers ---------------------------------------------------------------------------------------------------------


def _dumped(value: object) -> bytes:
    return dumps(value, compact=True).encode()


def _json(value: object) -> Response:
    return Response(_dumped(value), media_type="application/json", headers={"cache-control": ASK_AGAIN})


def _packed(held: dict[str, Any], key: str, make: Callable[[], object]) -> tuple[bytes, bytes, str]:
    if key not in held:
        data = _dumped(make())
        held[key] = data, gzip.compress(data, 5), hashlib.sha256(data).hexdigest()[:32]
    found: tuple[bytes, bytes, str] = held[key]
    return found


def warm(gallery: Gallery) -> None:
    """Do now what the first visitor would wait for, as far as it is quick."""
    answers = gallery.snapshot().answers
    _packed(answers, COLLECTION, gallery.collection)
    kept = [each.name for each in gallery.collection().layouts if each.kind == "map" and each.name != "map"]
    if kept:
        with suppress(PosterityError):  # it is told when it is asked for
            _packed(answers, f"{LAYOUT} {kept[0]}", lambda: gallery.layout(kept[0]))


def _large(request: Request, held: dict[str, Any], key: str, make: Callable[[], object]) -> Response:
    """Answer with what is large and stays the same for a while: packed once, and not sent where it is known."""
    data, packed, etag = _packed(held, key, make)
    return _bytes(request, data, "application/json", etag, ASK_AGAIN, packed)


def _bytes(
    request: Request, data: bytes, kind: str, etag: str, caching: str = FOREVER, packed: bytes | None = None
) -> Response:
    headers = {"etag": f'"{quote(etag)}"', "cache-control": caching}
    if packed is not None:
        headers["vary"] = "accept-encoding"
    known = request.headers.get("if-none-match", "")
    if headers["etag"] in [each.strip().removeprefix("W/") for each in known.split(",")]:
        return Response(status_code=304, headers=headers)
    if packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        data, headers["content-encoding"] = packed, "gzip"
    return Response(data, media_type=kind, headers=headers)


def _handle_errors(app: FastAPI) -> None:
    def problem(status: int, detail: str, remedy: str = "") -> JSONResponse:
        return JSONResponse(plain(Problem(detail, remedy)), status)

    @app.exception_handler(PosterityError)
    async def ours(_request: Request, error: PosterityError) -> JSONResponse:
        return problem(status_of(error), error.problem, error.remedy)

    @app.exception_handler(HTTPException)
    async def known(_request: Request, error: HTTPException) -> JSONResponse:
        return problem(error.status_code, str(error.detail))

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        return problem(422, f"{'.'.join(map(str, first['loc']))}: {first['msg']}", "See /openapi.json.")


def status_of(error: PosterityError) -> int:
    """Tell the HTTP status of an error."""
    if isinstance(error, UnknownNameError | NoSuchPosterError):
        return 404
    if isinstance(error, MissingExtraError):
        return 409
    if isinstance(error, ArgumentError | ImageError):
        return 400
    if isinstance(error, StorageError):
        return 500
    return 409 if isinstance(error, CatalogueError) else 400


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
