"""The page's own files."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from posterity.web.built import PAGE_FILES, page_file
from posterity.web.responses import ASK_AGAIN, as_bytes


def add_page(app: FastAPI) -> None:
    """Add the page itself, last: it takes every address that no other route does."""
    held: dict[str, tuple[bytes, bytes]] = {}

    @app.get("/{path:path}", include_in_schema=False)
    def page(request: Request, path: str) -> Response:
        name = path or "index.html"
        if name not in PAGE_FILES:
            raise HTTPException(404, "there is no such page")
        if name not in held:
            data = page_file(name)
            held[name] = data, gzip.compress(data, 6)
        data, gzipped = held[name]
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return as_bytes(request, data, kind, hashlib.sha256(data).hexdigest()[:32], ASK_AGAIN, gzipped)
