"""A catalogue's page on loopback, for tests: the real server in a thread of its own."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from waiting import PATIENCE

import posterity
from posterity.web.app import create_app
from posterity.web.gallery import Gallery
from posterity.web.guard import LOOPBACK
from posterity.web.jobs import Jobs
from posterity.web.serving import Server


@contextmanager
def serving(
    folder: Path,
    *,
    hosts: tuple[str, ...] = LOOPBACK,
    token: str | None = None,
    gallery: Gallery | None = None,
    jobs: Jobs | None = None,
    most: int | None = None,
) -> Iterator[str]:
    """Serve a catalogue while the block runs; gives its address, without a slash at the end."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    app = create_app(gallery or Gallery(posterity.open(folder)), hosts=hosts, token=token, jobs=jobs)
    ready = threading.Event()
    server = Server(app, ready.set, most)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    assert ready.wait(PATIENCE)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        listening.close()


def settled(client: httpx.Client, path: str, **parameters: str) -> httpx.Response:
    """Ask again while the server is to be asked again: something is being made."""
    for _ in range(600):
        answer = client.get(path, params=parameters or None)
        if answer.status_code != 503 or "retry-after" not in answer.headers:
            return answer
        time.sleep(0.1)
    raise AssertionError(path)
