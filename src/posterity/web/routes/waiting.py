"""Waiting for long work, but only for a moment; after that the visitor must ask again."""

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
    """Return the result of a job, started if necessary; None if it is still running after a moment.

    Raises:
        BusyError: The queue is full.
        PosterityError: The job failed.
    """
    done = await run_in_threadpool(lambda: jobs.begin(make()))
    if not done.done():
        loop, finished = asyncio.get_running_loop(), asyncio.Event()

        def finish(_: object) -> None:
            with suppress(RuntimeError):  # the server has stopped meanwhile
                loop.call_soon_threadsafe(finished.set)

        done.add_done_callback(finish)
        with suppress(TimeoutError):
            await asyncio.wait_for(finished.wait(), PATIENCE)
    return done.result() if done.done() else None
