"""Sprites, thumbnails, sheets of thumbnails, and posters as their original files."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

from fastapi import FastAPI, Path, Request
from starlette.responses import Response

from posterity.web.pictures import Pictures
from posterity.web.responses import ASK_AGAIN, as_bytes
from posterity.web.routes.parameters import Identity

_JPEG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}}, 304: {"description": "Not changed."}}
_ANY: dict[int | str, dict[str, Any]] = {
    200: {"content": {f"image/{kind}": {} for kind in ("jpeg", "png", "webp", "gif")}},
    304: {"description": "Not changed."},
}


def add_pictures(app: FastAPI, pictures: Pictures) -> None:
    """Add the addresses of pictures."""

    @app.get("/api/atlas/{key}.jpg", response_class=Response, responses=_JPEG, tags=["pictures"])
    def atlas(request: Request, key: Annotated[str, Path(max_length=64)]) -> Response:
        """A page of sprites."""
        return as_bytes(request, pictures.page(key), "image/jpeg", key)

    @app.get("/api/sheets/{key}.jpg", response_class=Response, responses=_JPEG, tags=["pictures"])
    def sheets(request: Request, key: Annotated[str, Path(max_length=64)]) -> Response:
        """A sheet of thumbnails."""
        return as_bytes(request, pictures.sheet(key), "image/jpeg", key)

    @app.get("/api/thumbnails/{digest}.jpg", response_class=Response, responses=_JPEG, tags=["pictures"])
    def thumbnails(request: Request, digest: Annotated[str, Path(max_length=64)]) -> Response:
        """A poster's thumbnail."""
        return as_bytes(request, pictures.thumbnail(digest), "image/jpeg", digest)

    @app.get("/api/posters/{identity:path}", response_class=Response, responses=_ANY, tags=["pictures"])
    def posters(request: Request, identity: Identity) -> Response:
        """A poster as its file has it."""
        data, kind = pictures.poster(identity)
        response = as_bytes(request, data, kind, hashlib.sha256(data).hexdigest()[:32], ASK_AGAIN)
        # Whatever a file contains, it is only shown as a picture.
        response.headers["content-security-policy"] = "default-src 'none'; sandbox"
        return response
