"""Running the server until it is stopped."""

from __future__ import annotations

import ipaddress
import os
import secrets
import socket
from collections.abc import Callable
from contextlib import suppress

import uvicorn

from posterity.api import Catalogue
from posterity.errors import ArgumentError
from posterity.web.app import create_app, page_file, warm
from posterity.web.gallery import Gallery
from posterity.web.guard import LOOPBACK

GRACE = 3
"""Seconds that requests under way have when the server is stopped."""


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
        catalogue: Which.
        host: The address to listen at; one that other machines reach gets a token.
        port: 0 takes any that is free.
        token: What requests must bring; None makes one up where other machines reach the server.
        clinic: Whether posters can be dropped in.
        ready: Called with the page's address, and the token if there is one, once it can be opened.
        show_progress: True and False force the bars; None shows them on a terminal.

    Raises:
        ArgumentError: The port is taken, or the host is no address of this machine.
        StorageError: The page was not built.
    """
    page_file("index.html")
    local = is_loopback(host)
    if not local and token is None:
        token = secrets.token_urlsafe(24)
    listening = _listen(host, port)
    with listening:
        gallery = Gallery(catalogue, clinic=clinic)
        gallery.snapshot(show_progress=show_progress)
        warm(gallery)
        app = create_app(gallery, hosts=(*LOOPBACK, host) if local else (), token=token)
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, timeout_graceful_shutdown=GRACE, backlog=2048,
            server_header=False, lifespan="off",
        )  # fmt: skip
        server = _Server(config, lambda: ready(_address(host, listening.getsockname()[1]), token))
        with suppress(KeyboardInterrupt):  # it is how people stop it
            server.run(sockets=[listening])


class _Server(uvicorn.Server):
    """Tells when it answers."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], object]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        if self.started:
            self._ready()


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches an address.

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
            "Choose another with --port; --port 0 takes any that is free.",
        ) from error
    listening.set_inheritable(True)
    return listening


def _address(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"
