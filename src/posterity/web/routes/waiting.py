"""Waiting for long work, but only for a moment: then the visitor is to ask again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from fastapi.concurrency import run_in_threadpool

from posterity.web.jobs import Job, Jobs
from posterity.web.results import Packed

PATIENCE = 0.7
"""Seconds that a request waits for long work."""


async def result_of(jobs: Jobs, make: Callable[[], Job]) -> Packed | None:
    """Give the result of a job, which is begun unless it was; None where it is still worked on after a moment.

    Raises:
        BusyError: There is no room in the queue.
        PosterityError: It cannot be done.
    """
    done = await run_in_threadpool(lambda: jobs.begin(make()))
    if not done.done():
        loop, finished = asyncio.get_running_loop(), asyncio.Event()

        def finish(_: object) -> None:
            with suppress(RuntimeError):  # the server has ended meanwhile
                loop.call_soon_threadsafe(finished.set)

        done.add_done_callback(finish)
        with suppress(TimeoutError):
            await asyncio.wait_for(finished.wait(), PATIENCE)
    return done.result() if done.done() else None
