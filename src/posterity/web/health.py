"""Whether the server is well: answered at once, whatever else it does."""

from __future__ import annotations

import asyncio
import time
from importlib.metadata import version

from fastapi.concurrency import run_in_threadpool

from posterity.errors import PosterityError
from posterity.web.answers import Health
from posterity.web.gallery import LOOK_AGAIN, Gallery

PATIENCE = 0.1
"""Seconds that one who asks waits for a look at the catalogue; then what the last look saw is given."""

TOO_LONG = 10.0
"""Seconds without a look at the catalogue after which it counts as away."""


class HealthCheck:
    """What was last seen of the catalogue; for one event loop.

    Args:
        gallery: The catalogue.
    """

    def __init__(self, gallery: Gallery) -> None:
        self.gallery = gallery
        self._seen: Health | None = None
        self._at = float("-inf")
        self._looking: asyncio.Task[None] | None = None

    async def now(self) -> Health | None:
        """Say how the server is; None where the catalogue cannot be read."""
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
