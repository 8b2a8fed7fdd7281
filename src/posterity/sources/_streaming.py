"""An asynchronous generator of items, read from ordinary code while it goes on in a thread of its own."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TypeVar

T = TypeVar("T")

_AHEAD = 256


def streamed(make: Callable[[], AsyncIterator[T]]) -> Iterator[T]:
    """Give what an asynchronous generator gives; its loop runs in a thread, and ends when the reader stops reading."""
    items: queue.Queue[tuple[bool, T | BaseException | None]] = queue.Queue(_AHEAD)
    stop = threading.Event()

    def put(item: tuple[bool, T | BaseException | None]) -> bool:
        while not stop.is_set():
            try:
                items.put(item, timeout=0.05)
            except queue.Full:
                continue
            return True
        return False

    async def pump() -> None:
        source = make()
        try:
            async for item in source:
                if not await asyncio.to_thread(put, (True, item)):
                    return
        finally:
            if hasattr(source, "aclose"):
                await source.aclose()

    async def until_stopped() -> None:
        work = asyncio.create_task(pump())
        while not work.done():
            await asyncio.wait([work], timeout=0.1)
            if stop.is_set():
                work.cancel()
        await work

    def inside() -> None:
        try:
            asyncio.run(until_stopped())
        except BaseException as error:
            put((False, error))
        else:
            put((False, None))

    thread = threading.Thread(target=inside, daemon=True)
    thread.start()
    try:
        while True:
            more, item = items.get()
            if more:
                yield item  # type: ignore[misc]
            elif isinstance(item, BaseException):
                raise item
            else:
                return
    finally:
        stop.set()
        thread.join()
