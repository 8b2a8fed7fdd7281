"""A real HTTP server on loopback that misbehaves on purpose: each path has its fault."""

from __future__ import annotations

import asyncio
import gzip
import io
import math
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

import numpy as np
from aiohttp import web
from PIL import Image
from waiting import PATIENCE

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def jpeg(seed: int = 0, size: tuple[int, int] = (60, 90)) -> bytes:
    """Make a small JPEG."""
    rng = np.random.default_rng(seed)
    out = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (*size[::-1], 3), dtype=np.uint8)).save(out, "JPEG")
    return out.getvalue()


class Server:
    """Serves ``handler`` in a thread of its own.

    Attributes:
        asked: Path -> how many requests.
        seen: (path, headers) of each request, in order.
    """

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.asked: Counter[str] = Counter()
        self.seen: list[tuple[str, dict[str, str]]] = []

    async def _count(self, request: web.Request) -> web.StreamResponse:
        self.asked[request.path] += 1
        self.seen.append((request.path_qs, dict(request.headers)))
        return await self.handler(request)

    def __enter__(self) -> Self:
        ready = threading.Event()
        self.loop = asyncio.new_event_loop()

        async def start() -> None:
            app = web.Application(client_max_size=2**30)
            app.router.add_route("*", "/{tail:.*}", self._count)
            self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
            await self.runner.setup()
            site = web.TCPSite(self.runner, "127.0.0.1", 0)
            await site.start()
            self.port = site._server.sockets[0].getsockname()[1]
            ready.set()

        def serve() -> None:
            asyncio.set_event_loop(self.loop)
            self.loop.create_task(start())
            self.loop.run_forever()

        self.thread = threading.Thread(target=serve, daemon=True)
        self.thread.start()
        assert ready.wait(PATIENCE)
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self.runner.cleanup(), self.loop).result(PATIENCE)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(PATIENCE)
        self.loop.close()


class Held:
    """Lets so many requests through, and holds the others until more are let through or the client is gone.

    Attributes:
        left: How many more may pass.
        waiting: How many are held.
    """

    def __init__(self) -> None:
        self.left = math.inf
        self.waiting = 0

    async def turn(self, request: web.Request) -> None:
        """Wait until a request may pass."""
        self.waiting += 1
        try:
            while self.left <= 0:
                await asyncio.sleep(0.01)
                if request.transport is None or request.transport.is_closing():
                    raise web.HTTPServiceUnavailable
            self.left -= 1
        finally:
            self.waiting -= 1


class Faults:
    """Answers ``/KIND/NAME.jpg`` with the fault of its kind, at the first request or always."""

    def __init__(self) -> None:
        self.times: Counter[str] = Counter()
        self.content = {f"{n}": jpeg(n) for n in range(4)}
        self.large = jpeg(9, (900, 1300))
        self.bomb = gzip.compress(self.content["1"] + bytes(64 * 2**20), 1)
        self.etag = '"v1"'
        self.held = Held()

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        kind = request.path.split("/")[1]
        self.times[request.path] += 1
        first = self.times[request.path] == 1
        return await getattr(self, f"do_{kind}", self.do_missing)(request, first)

    async def do_ok(self, request: web.Request, first: bool) -> web.StreamResponse:
        number = request.path.rsplit("/", 1)[-1].split(".")[0]
        return web.Response(body=self.content.get(number[-1], self.content["0"]), content_type="image/jpeg")

    async def do_missing(self, request: web.Request, first: bool) -> web.StreamResponse:
        return web.Response(status=404)

    async def do_forbidden(self, request: web.Request, first: bool) -> web.StreamResponse:
        return web.Response(status=403)

    async def do_html(self, request: web.Request, first: bool) -> web.StreamResponse:
        return web.Response(text="<html><body>Sorry, moved.</body></html>", content_type="text/html")

    async def do_liar(self, request: web.Request, first: bool) -> web.StreamResponse:
        return web.Response(body=b"<html>I am no picture at all</html>", content_type="image/jpeg")

    async def do_empty(self, request: web.Request, first: bool) -> web.StreamResponse:
        return web.Response(body=b"", content_type="image/jpeg")

    async def do_busy(self, request: web.Request, first: bool) -> web.StreamResponse:
        if first:
            return web.Response(status=429, headers={"Retry-After": "1"})
        return await self.do_ok(request, False)

    async def do_later(self, request: web.Request, first: bool) -> web.StreamResponse:
        return web.Response(status=429, headers={"Retry-After": "86400"})

    async def do_flaky(self, request: web.Request, first: bool) -> web.StreamResponse:
        return web.Response(status=503) if first else await self.do_ok(request, False)

    async def do_broken(self, request: web.Request, first: bool) -> web.StreamResponse:
        return web.Response(status=500)

    async def do_loop(self, request: web.Request, first: bool) -> web.StreamResponse:
        raise web.HTTPFound(request.path)

    async def do_chain(self, request: web.Request, first: bool) -> web.StreamResponse:
        left = int(request.query.get("n", "3"))
        raise web.HTTPFound(f"{request.path}?n={left - 1}" if left else "/ok/1.jpg")

    async def do_inside(self, request: web.Request, first: bool) -> web.StreamResponse:
        raise web.HTTPFound(request.query["to"])

    async def do_silent(self, request: web.Request, first: bool) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response(status=200)

    async def do_held(self, request: web.Request, first: bool) -> web.StreamResponse:
        await self.held.turn(request)
        return await self.do_ok(request, False)

    async def do_short(self, request: web.Request, first: bool) -> web.StreamResponse:
        """Promise more than there is, and break off."""
        body = self.content["2"]
        response = web.StreamResponse(headers={"Content-Length": str(len(body) + (100 if first else 0))})
        await response.prepare(request)
        await response.write(body)
        if first:
            assert request.transport is not None
            request.transport.abort()
        return response

    async def do_reset(self, request: web.Request, first: bool) -> web.StreamResponse:
        """Break off in the middle; go on from there when asked to."""
        body = self.large
        asked = request.headers.get("Range", "")
        start = int(asked[6:-1]) if asked and request.headers.get("If-Range") == self.etag else 0
        headers = {"ETag": self.etag, "Content-Length": str(len(body) - start), "Accept-Ranges": "bytes"}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        response = web.StreamResponse(status=206 if start else 200, headers=headers)
        await response.prepare(request)
        half = len(body) // 2
        if first:
            await response.write(body[:half])
            await asyncio.sleep(0.05)
            assert request.transport is not None
            request.transport.abort()
        else:
            await response.write(body[start:])
        return response

    async def do_ranged(self, request: web.Request, first: bool) -> web.StreamResponse:
        """Answer ranges by the book; of those beyond the end, ``?bare`` does not say where that is."""
        body, asked = self.large, request.headers.get("Range", "")
        start = int(asked[6:-1]) if asked and request.headers.get("If-Range") == self.etag else 0
        headers = {"ETag": self.etag}
        if start >= len(body):
            return web.Response(
                status=416, headers=headers if "bare" in request.query else {"Content-Range": f"bytes */{len(body)}"}
            )
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        return web.Response(status=206 if start else 200, body=body[start:], headers=headers)

    async def do_unranged(self, request: web.Request, first: bool) -> web.StreamResponse:
        """Break off in the middle; know nothing of ranges."""
        body = self.large
        response = web.StreamResponse(headers={"ETag": self.etag, "Content-Length": str(len(body))})
        await response.prepare(request)
        await response.write(body[: len(body) // 2] if first else body)
        if first:
            await asyncio.sleep(0.05)
            assert request.transport is not None
            request.transport.abort()
        return response

    async def do_misranged(self, request: web.Request, first: bool) -> web.StreamResponse:
        """Break off in the middle; answer a range with another one, once."""
        body = self.large
        if "Range" in request.headers and self.times[request.path] == 2:
            headers = {"Content-Range": f"bytes 7-{len(body) - 1}/{len(body)}", "ETag": self.etag}
            return web.Response(status=206, body=body[7:], headers=headers)
        return await self.do_unranged(request, first)

    async def do_tagged(self, request: web.Request, first: bool) -> web.StreamResponse:
        if request.headers.get("If-None-Match") == self.etag:
            return web.Response(status=304)
        number = "1" if self.etag == '"v1"' else "2"
        return web.Response(body=self.content[number], headers={"ETag": self.etag})

    async def do_endless(self, request: web.Request, first: bool) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(self.large)
        while True:
            await response.write(bytes(65536))

    async def do_bomb(self, request: web.Request, first: bool) -> web.StreamResponse:
        return web.Response(body=self.bomb, headers={"Content-Encoding": "gzip"})

    async def do_packed(self, request: web.Request, first: bool) -> web.StreamResponse:
        return web.Response(body=gzip.compress(self.content["3"]), headers={"Content-Encoding": "gzip"})

    async def do_mispacked(self, request: web.Request, first: bool) -> web.StreamResponse:
        return web.Response(body=self.content["3"], headers={"Content-Encoding": "gzip"})

    async def do_huge(self, request: web.Request, first: bool) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(10**12)})
        await response.prepare(request)
        await response.write(self.content["1"])
        return response
