"""Answers to errors: what is wrong, and what to do; never a path on this machine."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

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
from posterity.runtime.storage import Place, name_of
from posterity.serialise import plain
from posterity.web.answers import Problem
from posterity.web.jobs import BusyError
from posterity.web.lanes import busy

log = logging.getLogger(__name__)


def problem(status: int, detail: str, remedy: str = "") -> JSONResponse:
    """Answer with what is wrong, and what to do."""
    return JSONResponse(plain(Problem(detail, remedy)), status)


def unavailable() -> JSONResponse:
    """Answer that the catalogue is unreachable or damaged."""
    return problem(503, "the catalogue cannot be read", "Whoever serves it learns why from posterity doctor.")


def public(text: str, folder: Place) -> str:
    """Replace the catalogue's folder in a text by its name."""
    return text.replace(str(folder), name_of(folder))


def status_of(error: PosterityError) -> int:
    """Return the HTTP status of an error."""
    if isinstance(error, BusyError):
        return 503
    if isinstance(error, UnknownNameError | NoSuchPosterError):
        return 404
    if isinstance(error, MissingExtraError):
        return 409
    if isinstance(error, ArgumentError | ImageError):
        return 400
    if isinstance(error, CatalogueError):
        # The store's own failures: it is unreachable or damaged. Something missing in a catalogue is different.
        failed = isinstance(error, StorageError) or isinstance(error.__cause__, OSError | RuntimeError | ValueError)
        return 503 if failed else 409
    return 400


def handle_errors(app: FastAPI, folder: Place) -> None:
    """Make an application answer errors in this way."""

    @app.exception_handler(PosterityError)
    async def ours(_request: Request, error: PosterityError) -> JSONResponse:
        if isinstance(error, BusyError):
            return busy(error.problem)
        status = status_of(error)
        if status == 503:
            log.warning("the catalogue cannot be read: %s", error)
            return unavailable()
        return problem(status, public(error.problem, folder), public(error.remedy, folder))

    @app.exception_handler(HTTPException)
    async def known(_request: Request, error: HTTPException) -> JSONResponse:
        return problem(error.status_code, str(error.detail))

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        return problem(422, f"{'.'.join(map(str, first['loc']))}: {first['msg']}", "See /openapi.json.")
