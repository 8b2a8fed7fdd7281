"""The poster clinic."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from posterity.web.answers import Clinic, Problem
from posterity.web.clinic import examine_poster
from posterity.web.gallery import Gallery
from posterity.web.responses import as_json
from posterity.web.routes.parameters import UNAVAILABLE
from posterity.web.uploads import read_upload


def add_clinic(app: FastAPI, gallery: Gallery) -> None:
    """Add the address for uploads; they are analysed one at a time."""
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
            **UNAVAILABLE,
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
