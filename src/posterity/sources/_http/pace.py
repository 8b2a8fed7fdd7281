"""One host's turns: requests evenly spaced, all paused when the host asks for it, and none when it is not there."""

from __future__ import annotations

import asyncio

OUT_OF_REACH = 8
"""Failures to connect, one after another and none but failures, after which a host counts as out of reach."""


class Pace:
    """Gives the turns of one host.

    Args:
        rate: Requests per second; 0 for no limit.
        concurrency: Requests under way.
    """

    def __init__(self, rate: float, concurrency: int) -> None:
        self.interval = 1 / rate if rate else 0.0
        self.slots = asyncio.Semaphore(concurrency)
        self.next_at = 0.0
        self.paused_until = 0.0
        self.failures = 0
        self.reached = False

    @property
    def out_of_reach(self) -> bool:
        """Whether the host has only ever failed to answer."""
        return not self.reached and self.failures >= OUT_OF_REACH

    async def turn(self) -> None:
        """Wait for the next turn."""
        loop = asyncio.get_running_loop()
        while True:
            now = loop.time()
            at = max(now, self.paused_until)
            if self.interval:
                at = max(at, self.next_at)
                self.next_at = at + self.interval
            if at > now:
                await asyncio.sleep(at - now)
            if self.paused_until <= loop.time() + 1e-6:
                return

    def pause(self, seconds: float) -> None:
        """Let nobody have a turn for a while."""
        self.paused_until = max(self.paused_until, asyncio.get_running_loop().time() + seconds)

    def answered(self) -> None:
        """Take note that the host answers."""
        self.reached, self.failures = True, 0

    def failed(self) -> None:
        """Take note that the host could not be connected to."""
        self.failures += 1
