"""A catalogue's page on loopback, for tests: the real server in a thread of its own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import uvicorn
from waiting import PATIENCE, wait_for

import posterity
from posterity.web.app import create_app
from posterity.web.gallery import Gallery
from posterity.web.guard import LOOPBACK


def _answers(address: str) -> bool:
    try:
        httpx.get(f"{address}/healthz", timeout=PATIENCE)
    except httpx.TransportError:
        return False
    return True


@contextmanager
def serving(folder: Path, *, hosts: tuple[str, ...] = LOOPBACK, token: str | None = None) -> Iterator[str]:
    """Serve a catalogue while the block runs; gives its address, without a slash at the end."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    app = create_app(Gallery(posterity.open(folder)), hosts=hosts, token=token)
    config = uvicorn.Config(app, log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    wait_for(lambda: _answers(address))
    try:
        yield address
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        listening.close()
