"""The server's health: answered at once, however busy the server is."""

from __future__ import annotations

import asyncio
import time
from importlib.metadata import version

from fastapi.concurrency import run_in_threadpool

from posterity.errors import PosterityError
from posterity.web.answers import Health
from posterity.web.gallery import LOOK_AGAIN, Gallery

PATIENCE = 0.1
"""Seconds that a request waits for a check of the catalogue; after that it gets the result of the last check."""

TOO_LONG = 10.0
"""Seconds without a successful check after which the catalogue counts as unreachable."""


class HealthCheck:
    """The last check of the catalogue; for one event loop.

    Args:
        gallery: The catalogue.
    """

    def __init__(self, gallery: Gallery) -> None:
        self.gallery = gallery
        self._seen: Health | None = None
        self._at = float("-inf")
        self._looking: asyncio.Task[None] | None = None

    async def now(self) -> Health | None:
        """Return the server's health; None if the catalogue cannot be read."""
        if time.monotonic() - self._at >= LOOK_AGAIN:
            if self._looking is None or self._looking.done():
                self._looking = asyncio.create_task(self._look())
            known = time.monotonic() - self._at < TOO_LONG
            await asyncio.wait({self._looking}, timeout=PATIENCE if known else TOO_LONG)
        return self._seen if time.monotonic() - self._at < TOO_LONG else None

    async def _look(self) -> None:
        try:
            count = await run_in_threadpool(self.gallery.store.count)
        except PosterityError:
            self._seen = None
        else:
            self._seen = Health("ok", version("posterity"), count)
        self._at = time.monotonic()
