"""Running the server until it is stopped."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import secrets
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

import uvicorn
from starlette.types import ASGIApp

from posterity.api.catalogue import Catalogue
from posterity.errors import ArgumentError
from posterity.web.app import create_app
from posterity.web.brief_logs import log_briefly
from posterity.web.built import page_file
from posterity.web.connections import Bounded, accept, most_connections
from posterity.web.gallery import Gallery
from posterity.web.guard import LOOPBACK
from posterity.web.jobs import Jobs
from posterity.web.work import preparation_job

GRACE = 1
"""Seconds that current requests have to finish when the server is stopped."""

HANDOVER = 0.001
"""Seconds for which a computing thread may hold Python's lock while the thread of the event loop waits for it."""

BACKLOG = 1024
"""Connections that the system queues until they are accepted."""


def serve(
    catalogue: Catalogue,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    token: str | None = None,
    clinic: bool = True,
    ready: Callable[[str, str | None], object] = lambda address, token: None,
    show_progress: bool | None = False,
) -> None:
    """Serve a catalogue's page until interrupted.

    Args:
        catalogue: The catalogue to serve.
        host: The address to listen at; one that other machines can reach gets a token.
        port: The port; 0 uses any free one.
        token: Token that requests must carry; None makes one if other machines can reach the server.
        clinic: Whether posters can be uploaded.
        ready: Called with the page's address, and the token if any, once the page can be opened.
        show_progress: True and False force the bars; None shows them on a terminal.

    Raises:
        ArgumentError: The port is taken, or the host is not an address of this machine.
        StorageError: The page was not built.
    """
    page_file("index.html")
    local = is_loopback(host)
    if not local and token is None:
        token = secrets.token_urlsafe(24)
    listening = _listen(host, port)
    with listening:
        catalogue.atlas(show_progress=show_progress)  # made and stored, so that later requests write nothing
        gallery = Gallery(catalogue, clinic=clinic)
        gallery.packed_collection()
        jobs = Jobs(gallery.store)
        jobs.begin(preparation_job(gallery))
        app = create_app(gallery, hosts=(*LOOPBACK, host) if local else (), token=token, jobs=jobs)
        server = Server(app, lambda: ready(_address(host, listening.getsockname()[1]), token))
        sys.setswitchinterval(HANDOVER)
        with suppress(KeyboardInterrupt):  # the usual way to stop it
            server.run(sockets=[listening])


class Server(uvicorn.Server):
    """A server with a bounded number of connections, which reports when it is ready.

    Args:
        app: The application.
        ready: Called once the server accepts requests.
        most: Maximum number of connections; None goes by the files that this process may open.
    """

    def __init__(self, app: ASGIApp, ready: Callable[[], object] = lambda: None, most: int | None = None) -> None:
        config = uvicorn.Config(
            app, http=Bounded, ws="none", loop="asyncio", log_level="warning", access_log=False,
            timeout_graceful_shutdown=GRACE, server_header=False, lifespan="off",
        )  # fmt: skip
        super().__init__(config)
        log_briefly()
        self._ready = ready
        self._most = most_connections() if most is None else most
        self._accepting: list[asyncio.Task[None]] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening."""
        await self.lifespan.startup()
        self.servers = []

        def make() -> asyncio.Protocol:
            return Bounded(self.config, self.server_state, self.lifespan.state)

        for each in sockets or ():
            each.setblocking(False)
            each.listen(BACKLOG)
            taking = accept(each, make, self.server_state.connections, self._most)
            self._accepting.append(asyncio.create_task(taking))
        self.started = True
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more connections, and close the open ones."""
        for each in self._accepting:
            each.cancel()
        await asyncio.gather(*self._accepting, return_exceptions=True)
        await super().shutdown(sockets)


def end_now() -> None:
    """End this process although threads may still work on answers that nobody waits for.

    Python would wait for the web framework's threads, and the decoding of a picture, say, cannot be interrupted.
    """
    if all(thread.daemon or thread is threading.main_thread() for thread in threading.enumerate()):
        return
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    if os.name == "posix":
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except (OSError, OverflowError) as error:
        listening.close()
        raise ArgumentError(
            f"cannot listen at {host}:{port}: {getattr(error, 'strerror', None) or error}",
            "Choose another with --port; --port 0 uses any free one.",
        ) from error
    listening.set_inheritable(True)
    return listening


def _address(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"
