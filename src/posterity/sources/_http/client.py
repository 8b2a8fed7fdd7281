"""A polite client: turns, retries of what may pass, redirects followed with care, bodies of bounded size."""

from __future__ import annotations

import asyncio
import random
import ssl
import threading
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlencode, urljoin

import aiohttp
from yarl import URL

from posterity.sources._http.addresses import (
    PrivateAddressError,
    check_literal,
    connecting,
    connector,
    host_and_port,
    is_loopback,
    parsed,
    refusal,
    shown,
)
from posterity.sources._http.pace import Pace
from posterity.sources.politeness import FetchError, Politeness, user_agent

T = TypeVar("T")

REDIRECTS = 5
"""How many redirects are followed."""

_PASSING = {408: "timeout", 425: "server_error", 429: "rate_limited"}
_FINAL = {401: "forbidden", 403: "forbidden", 404: "missing", 410: "missing", 451: "forbidden"}
_CHUNK = 64 * 1024


@dataclass(frozen=True)
class Page:
    """A whole answer: the address it came from in the end, its status, headers, content and type of content."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    content_type: str


class Response:
    """An answer whose content has yet to be read.

    Attributes:
        url: The address that it came from in the end.
        status: 200, 206, 304 or 416.
        headers: Of the answer.
    """

    def __init__(self, url: str, raw: aiohttp.ClientResponse) -> None:
        self.url = url
        self.raw = raw
        self.status = raw.status
        self.headers: Mapping[str, str] = raw.headers

    @property
    def packed(self) -> bool:
        """Whether the content is sent compressed."""
        return self.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity")

    async def chunks(self, limit: int) -> AsyncIterator[bytes]:
        """Give the content, unpacked, in pieces.

        Raises:
            FetchError: "too_large": it is longer than ``limit`` bytes.
        """
        length = self.headers.get("Content-Length", "")
        if not self.packed and length.isdecimal() and int(length) > limit:
            raise FetchError("too_large", f"{int(length):,} bytes, over the cap of {limit:,}", self.status)
        # Unpacked by ourselves, a piece at a time: a few bytes may unpack to more than memory holds.
        unpack = zlib.decompressobj(47) if self.packed else None
        total = 0
        async for piece in self.raw.content.iter_chunked(_CHUNK):
            part = piece
            while True:
                try:
                    out = unpack.decompress(part, _CHUNK * 4) if unpack else part
                except zlib.error as error:
                    raise FetchError("corrupt", f"its compression is broken: {error}", self.status) from None
                total += len(out)
                if total > limit:
                    raise FetchError("too_large", f"more than the cap of {limit:,} bytes", self.status)
                if out:
                    yield out
                if unpack is None or not unpack.unconsumed_tail:
                    break
                part = unpack.unconsumed_tail


class AgainError(Exception):
    """A request failed in a way that may pass; whoever reads an answer may say so too."""

    def __init__(self, reason: str, detail: str, status: int | None = None, wait: float | None = None) -> None:
        self.reason, self.detail, self.status, self.wait = reason, detail, status, wait


class Client:
    """Makes requests; an asynchronous context manager, for one event loop.

    Args:
        politeness: How.
        headers: Sent to the first host that is asked, and never to another.
    """

    def __init__(self, politeness: Politeness = Politeness(), *, headers: Mapping[str, str] | None = None) -> None:
        self.politeness = politeness
        self.headers = dict(headers or {})
        self._paces: dict[str, Pace] = {}
        self._home: str | None = None
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        polite = self.politeness
        self._session = aiohttp.ClientSession(
            connector=connector(polite),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(
                total=polite.longest, connect=None, sock_connect=polite.timeout, sock_read=polite.timeout
            ),
            headers={"User-Agent": user_agent()},
            auto_decompress=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    def pace(self, url: str) -> Pace:
        """Give the turns of an address's host."""
        host, port = host_and_port(parsed(url))
        key = f"{host}:{port}"
        if key not in self._paces:
            rate = self.politeness.rate_of(host, is_loopback(host))
            self._paces[key] = Pace(rate, self.politeness.concurrency)
        return self._paces[key]

    def slow_down(self, url: str, seconds: float) -> None:
        """Leave at least so many seconds between requests to an address's host, as its robots.txt asks."""
        pace = self.pace(url)
        pace.interval = max(pace.interval, seconds)

    async def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        limit: int = 16 * 2**20,
    ) -> Page:
        """Get a whole page.

        Raises:
            FetchError: It could not be had; the reason is a code.
        """

        async def read(response: Response) -> Page:
            body = b"".join([piece async for piece in response.chunks(limit)])
            kind = response.headers.get("Content-Type", "").split(";")[0].strip().lower()
            return Page(response.url, response.status, response.headers, body, kind)

        full = f"{url}{'&' if '?' in url else '?'}{urlencode(params)}" if params else url
        asked = {"Accept-Encoding": "gzip, deflate", **(headers or {})}
        return await self.fetch(full, read, lambda: asked)

    async def fetch(
        self, url: str, handle: Callable[[Response], Awaitable[T]], headers: Callable[[], Mapping[str, str]]
    ) -> T:
        """Ask for an address and hand the answer over; both again where it fails in a way that may pass.

        Args:
            url: The address.
            handle: Reads the answer: of status 200, or 206, 304 or 416 where ``headers`` asked for that.
            headers: Gives the headers of each try.

        Raises:
            FetchError: It could not be had, or ``handle`` said so.
        """
        pace = self.pace(url)
        for attempt in range(self.politeness.retries + 1):
            if pace.out_of_reach:
                raise FetchError("unreachable", f"{parsed(url).hostname} cannot be reached")
            try:
                async with pace.slots:
                    await pace.turn()
                    return await self._once(url, handle, headers())
            except AgainError as error:
                if error.reason == "unreachable":
                    pace.failed()
                last = attempt == self.politeness.retries or pace.out_of_reach
                if last or (error.wait or 0) > self.politeness.longest_wait:
                    raise FetchError(error.reason, error.detail, error.status) from None
                wait = error.wait
                if wait is None:
                    wait = random.uniform(0, min(30.0, 0.5 * 2**attempt))  # noqa: S311
                elif error.status == 429:
                    pace.pause(wait)
            await asyncio.sleep(wait)
        raise AssertionError("unreachable")

    async def _once(self, url: str, handle: Callable[[Response], Awaitable[T]], headers: Mapping[str, str]) -> T:
        """Make one request, its redirects followed."""
        assert self._session is not None  # noqa: S101
        here = url
        for hop in range(REDIRECTS + 1):
            parts = parsed(here)
            host = "{}:{}".format(*host_and_port(parts))
            try:
                check_literal(self.politeness, parts)
                self._home = self._home or host
                own = self.headers if host == self._home else {}
                with _translate_errors(here), connecting(self.politeness, parts):
                    async with self._session.get(
                        URL(here, encoded=_is_quoted(here)), allow_redirects=False, headers={**own, **headers}
                    ) as raw:
                        self.pace(here).answered()
                        target = raw.headers.get("Location") if raw.status in (301, 302, 303, 307, 308) else None
                        if target is None:
                            _check_status(raw, here, ranged="Range" in headers)
                            return await handle(Response(here, raw))
            except FetchError as error:
                if hop and error.reason == "bad_address":
                    raise FetchError("redirect_refused", error.detail) from None
                raise
            if parts.scheme.lower() == "https" and urljoin(here, target).lower().startswith("http:"):
                raise FetchError("redirect_refused", f"{shown(here)} leads from https to http")
            here = urljoin(here, target)
            await self._following(here)
        raise FetchError("redirect_refused", f"{shown(url)} leads on more than {REDIRECTS} times")

    async def _following(self, url: str) -> None:
        """Wait for the turn of the host that a redirect leads to; an address that is none is told of later."""
        try:
            pace = self.pace(url)
        except FetchError as error:
            raise FetchError("redirect_refused", error.detail) from None
        await pace.turn()


def _is_quoted(url: str) -> bool:
    """Tell whether an address can be sent as it stands; else blanks and letters beyond ASCII are quoted."""
    return url.isascii() and " " not in url


def _check_status(raw: aiohttp.ClientResponse, url: str, *, ranged: bool) -> None:
    """Tell what an answer other than the expected means.

    That there is nothing after the part that is here (416) is expected where the rest was asked for.

    Raises:
        FetchError: It will not change.
        AgainError: It may pass.
    """
    status = raw.status
    if status in (200, 206, 304) or (status == 416 and ranged):
        return
    said = f"HTTP {status} from {shown(url)}"
    if status in _PASSING or status >= 500:
        raise AgainError(_PASSING.get(status, "server_error"), said, status, _retry_after(raw.headers))
    reason = _FINAL.get(status, "server_error" if status < 400 else "forbidden")
    raise FetchError(reason, said, status)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Read ``Retry-After``: seconds, or a date."""
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal() and len(text) < 10:
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


class _translate_errors:  # noqa: N801
    """Turns the client library's errors into ours."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, Exception) or isinstance(error, FetchError | AgainError):
            return
        at = shown(self.url)
        inner = getattr(error, "os_error", None)
        if isinstance(error, PrivateAddressError) or isinstance(inner, PrivateAddressError):
            raise FetchError("bad_address", refusal(self.url)) from None
        if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError | ssl.SSLError):
            raise FetchError("tls", f"{at}: its certificate is not accepted: {error}") from None
        if isinstance(error, aiohttp.InvalidURL | UnicodeError):
            raise FetchError("bad_address", f"{at} cannot be asked") from None
        if isinstance(error, aiohttp.ServerTimeoutError | TimeoutError):
            raise AgainError("timeout", f"{at}: nothing came in time") from None
        if isinstance(error, aiohttp.ClientConnectorError):
            raise AgainError("unreachable", f"{at}: {inner or error}") from None
        if isinstance(error, aiohttp.ClientPayloadError):
            raise AgainError("incomplete", f"{at}: the answer broke off") from None
        if isinstance(error, aiohttp.ClientError | ConnectionError):
            raise AgainError("server_error", f"{at}: {type(error).__name__}: {error}") from None


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, also where an event loop is running already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    found: list[T] = []
    failed: list[BaseException] = []

    def inside() -> None:
        try:
            found.append(asyncio.run(work))
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return found[0]
