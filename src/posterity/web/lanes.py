"""Limits on concurrent requests: lanes, each with a bounded number at work and waiting; the rest get 503.

A server that accepts every request serves nobody once there are too many. So cheap requests (pictures, the page) do not
queue behind expensive ones (searches, films' pages), requests that only wait for long work queue behind neither, and
the health check comes before everything else.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from posterity.runtime.parallel import n_workers

RETRY_AFTER = "1"
"""Seconds after which a refused request may be sent again."""


@dataclass(frozen=True)
class Width:
    """The limits of a lane.

    Attributes:
        at_work: Maximum number of requests at work.
        waiting: Maximum number of waiting requests.
        patience: Maximum seconds of waiting.
    """

    at_work: int
    waiting: int
    patience: float


HEALTH, LIGHT, HEAVY, JOBS, CLINIC = "health", "light", "heavy", "jobs", "clinic"

# In total, no more requests are at work than the web framework has threads: 40.
WIDTHS: Mapping[str, Width] = {
    # Answered without a thread, except for one that checks the catalogue.
    HEALTH: Width(64, 64, 0.6),
    LIGHT: Width(4, 256, 0.6),
    HEAVY: Width(min(8, max(2, n_workers())), 48, 0.6),
    # These wait for long work, mostly without a thread.
    JOBS: Width(16, 16, 0.2),
    # Uploads are received here, and analysed one at a time.
    CLINIC: Width(4, 4, 0.6),
}

_JOBS = ("/api/pairs", "/api/duplicates", "/api/evaluation", "/api/map", "/api/wall", "/api/layouts/")
_LIGHT = ("/api/thumbnails/", "/api/atlas/", "/api/sheets/", "/api/collection", "/metrics", "/openapi.json")


def lane_of(path: str) -> str:
    """Choose the lane of an address.

    >>> lane_of("/healthz"), lane_of("/api/thumbnails/a.jpg"), lane_of("/api/films/tt1/why"), lane_of("/api/films")
    ('health', 'light', 'jobs', 'heavy')
    """
    if path == "/healthz":
        return HEALTH
    if path == "/api/clinic":
        return CLINIC
    if path.startswith(_JOBS) or (path.startswith("/api/films/") and path.endswith("/why")):
        return JOBS
    return HEAVY if path.startswith("/api/") and not path.startswith(_LIGHT) else LIGHT


class Lane:
    """A lane of one event loop: a semaphore whose queue is bounded, in length and in time.

    Attributes:
        free: Number of free places.
        waiting: Waiting requests, in order.
    """

    def __init__(self, width: Width) -> None:
        self.width = width
        self.free = width.at_work
        self.waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> bool:
        """Wait for a place; return whether there was one in time."""
        if self.free:
            self.free -= 1
            return True
        if len(self.waiting) >= self.width.waiting:
            return False
        place = asyncio.get_running_loop().create_future()
        self.waiting.append(place)
        try:
            async with asyncio.timeout(self.width.patience):
                await place
        except TimeoutError:
            return place.done() and not place.cancelled()  # it may have been given at this moment
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.leave()
            raise
        finally:
            if place in self.waiting:
                self.waiting.remove(place)
        return True

    def leave(self) -> None:
        """Release a place to the request that has waited longest."""
        while self.waiting:
            place = self.waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        self.free += 1


class Lanes:
    """ASGI middleware that lets requests through when there is room in their lanes.

    A place is released when the answer begins, so that a slow reader does not hold up others.

    Args:
        app: The application that answers them.
        widths: Limits of each lane.
    """

    def __init__(self, app: ASGIApp, widths: Mapping[str, Width] = WIDTHS) -> None:
        self.app = app
        self.lanes = {name: Lane(width) for name, width in widths.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        lane = self.lanes[lane_of(scope["path"])]
        if not await lane.enter():
            await busy()(scope, receive, send)
            return
        held = True

        async def answering(message: Message) -> None:
            nonlocal held
            if held and message["type"] == "http.response.start":
                held = False
                lane.leave()
            await send(message)

        try:
            await self.app(scope, receive, answering)
        finally:
            if held:
                lane.leave()


def busy(detail: str = "the server has more to do than it can") -> JSONResponse:
    """Answer 503: the request may be sent again in a moment."""
    headers = {"retry-after": RETRY_AFTER, "cache-control": "no-store"}
    return JSONResponse({"detail": detail, "remedy": f"Ask again in {RETRY_AFTER} s."}, 503, headers)
