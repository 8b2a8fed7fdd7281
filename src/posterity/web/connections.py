"""Connections: their number, and how long each may keep the server waiting.

The underlying web server takes any number of connections and waits for requests, bodies and readers for ever. Here the
number is bounded, well below the files that the process may open; further ones wait in the system's queue. A connection
is closed if its request is not complete after a while, its body stalls, or it stops reading the answer. When all places
are taken, the connection that has waited longest without a request is closed for a new one.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

try:
    import resource
except ImportError:  # Windows has none, and no such limit
    resource = None  # type: ignore[assignment]

MOST = 512
"""Maximum number of connections, if the process may open enough files."""

REQUEST_SECONDS = 10.0
"""Seconds in which a request's head must arrive."""

IDLE_SECONDS = 1.0
"""Seconds after which an idle connection makes room for another, when all places are taken."""

SILENCE_SECONDS = 20.0
"""Seconds for which a body may stall, or an answer stay unread."""

log = logging.getLogger(__name__)


def most_connections() -> int:
    """Return the number of connections to take, leaving half of the files that this process may open for other uses."""
    if resource is None:
        return MOST
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST if limit == resource.RLIM_INFINITY else max(16, min(MOST, limit // 2))


async def accept(
    listening: socket.socket,
    make: Callable[[], asyncio.Protocol],
    connections: set[Any],
    most: int,
    idle_seconds: float = IDLE_SECONDS,
) -> None:
    """Take connections for ever, a bounded number at a time.

    Args:
        listening: The listening socket.
        make: Makes the protocol of a connection.
        connections: The open connections.
        most: Maximum number of connections.
        idle_seconds: Seconds after which an idle connection makes room for another.
    """
    loop = asyncio.get_running_loop()
    while True:
        try:
            taken, _ = await loop.sock_accept(listening)
        except OSError as error:
            log.warning("no connection can be taken: %s", error.strerror)
            await asyncio.sleep(0.1)
            continue
        try:
            # An answer's head and content are two packets; without this the second waits 40 ms for the first's ACK.
            taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while len(connections) >= most and not _make_room(connections, loop.time() - idle_seconds):
                await asyncio.sleep(0.02)
            await loop.connect_accepted_socket(make, taken)
        except OSError:  # the peer has disconnected
            taken.close()
        except BaseException:
            taken.close()
            raise


def _make_room(connections: set[Any], since: float) -> bool:
    """Close the connection that has been idle longest, if for long enough; return whether one was closed."""
    idle = [each for each in connections if isinstance(each, Bounded) and not each.busy and each.since <= since]
    if not idle:
        return False
    log.warning("all %d connections are taken; those that are idle make room for others", len(connections))
    ended = min(idle, key=lambda each: each.since)
    connections.discard(ended)
    ended.transport.abort()
    return True


class Bounded(H11Protocol):
    """A connection with time limits.

    Attributes:
        request_seconds: Seconds in which a request's head must arrive.
        silence_seconds: Seconds for which a body may stall, or an answer stay unread.
    """

    request_seconds = REQUEST_SECONDS
    silence_seconds = SILENCE_SECONDS

    _patience: asyncio.TimerHandle | None = None
    _stall: asyncio.TimerHandle | None = None
    since = 0.0
    """When it began to wait for a request."""

    @property
    def busy(self) -> bool:
        """Whether a request is being answered."""
        return self.cycle is not None and not self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection."""
        super().connection_made(transport)
        self.since = self.loop.time()
        self._wait(self.request_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        self._stop_waiting()
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        super().data_received(data)
        if self.transport.is_closing() or (self.busy and not self.cycle.more_body):
            self._stop_waiting()
        elif self.busy:
            self._wait(self.silence_seconds)
        elif self._patience is None:  # a request begins; trickling does not extend its time
            self._wait(self.request_seconds)

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self.since = self.loop.time()
        self._stop_waiting()
        super().on_response_complete()
        self._watch()

    def pause_writing(self) -> None:
        """Make sure that the answer is being read."""
        super().pause_writing()
        self._watch()

    def shutdown(self) -> None:
        """Close after the current request is answered; at once if there is none."""
        if self.busy:
            super().shutdown()
        elif self.transport.get_write_buffer_size():
            self.transport.close()
        else:
            self.transport.abort()

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._patience = self.loop.call_later(seconds, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _watch(self) -> None:
        """Check from time to time that written data are being read, until all are."""
        if self._stall is None:
            self._stall = self.loop.call_later(self.silence_seconds, self._look, self.transport.get_write_buffer_size())

    def _look(self, before: int) -> None:
        self._stall = None
        unread = self.transport.get_write_buffer_size()
        if unread and unread >= before:
            self.transport.abort()
        elif unread:
            self._watch()
