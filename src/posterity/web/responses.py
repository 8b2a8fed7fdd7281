"""Responses: JSON, compressed if large, and not sent again if the browser has it."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from posterity.serialise import encode
from posterity.web.results import Packed

FOREVER = "private, max-age=31536000, immutable"
ASK_AGAIN = "private, no-cache"
"""For addresses made from content, which never changes; all else is requested again, and mostly answered with 304."""


def as_json(value: object) -> Response:
    """Answer with a value."""
    return as_written(encode(value))


def as_written(text: bytes) -> Response:
    """Answer with ready-made JSON."""
    return Response(text, media_type="application/json", headers={"cache-control": ASK_AGAIN})


def as_packed(request: Request, answer: Packed) -> Response:
    """Answer with a large value that stays the same for a while."""
    return as_bytes(request, answer.text, "application/json", answer.etag, ASK_AGAIN, answer.gzipped)


def as_bytes(
    request: Request, data: bytes, kind: str, etag: str, caching: str = FOREVER, gzipped: bytes | None = None
) -> Response:
    """Answer with content, or that it has not changed."""
    headers = {"etag": f'"{quote(etag)}"', "cache-control": caching}
    if gzipped is not None:
        headers["vary"] = "accept-encoding"
    known = request.headers.get("if-none-match", "")
    if headers["etag"] in [each.strip().removeprefix("W/") for each in known.split(",")]:
        return Response(status_code=304, headers=headers)
    if gzipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
        data, headers["content-encoding"] = gzipped, "gzip"
    return Response(data, media_type=kind, headers=headers)
