"""Uploaded posters: read into memory, with limits on size and time."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser

from posterity.web.clinic import MOST_BYTES

SECONDS = 30
"""Seconds in which an upload must be complete."""


class _InMemory(MultiPartParser):
    """Keeps uploads in memory, where the default parser would write them to disk."""

    spool_max_size = 2 * MOST_BYTES


async def read_upload(request: Request) -> tuple[str, bytes]:
    """Read the part ``file`` of a form, refusing one that is too large as soon as that is known."""
    try:
        async with asyncio.timeout(SECONDS):
            return await _read(request)
    except TimeoutError as error:
        raise HTTPException(408, f"the poster did not come within {SECONDS} s") from error


async def _read(request: Request) -> tuple[str, bytes]:
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
