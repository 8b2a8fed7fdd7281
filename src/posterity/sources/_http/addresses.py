"""Which addresses may be asked: http and https, and no private network unless the user named the host.

Tables and redirects are other people's words, and may lead to a router's or a cloud's inner addresses (server-side
request forgery). A host is read as the client library reads it, so that no other spelling of it passes
(``①②⑦.⓪.⓪.①`` is 127.0.0.1). And the address is checked once more when its connection is opened, whatever name or
redirect led there.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import SplitResult, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from posterity.sources.politeness import FetchError, Politeness

_PORTS = {"http": 80, "https": 443}

_CARRIES_IPV4 = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "::ffff:0:0:0/96", "::/96")))
"""Networks whose addresses end in an IPv4 address: NAT64 (RFC 6052), translated (RFC 7915), compatible."""

_NEVER_PUBLIC = tuple(map(ipaddress.IPv6Network, ("64:ff9b:1::/48", "fec0::/10", "3fff::/20", "5f00::/16")))
"""Networks that older versions of Python take for public: local NAT64 (RFC 8215), site-local (RFC 3879),
documentation (RFC 9637), segment routing (RFC 9602)."""

_may_be_private: ContextVar[bool] = ContextVar("posterity_may_be_private", default=False)
"""Whether the request under way in this context may open connections to private addresses."""


class PrivateAddressError(OSError):
    """A host's addresses are all of private networks."""


def shown(url: str) -> str:
    """Write an address for messages: without name, password and keys.

    >>> shown("https://me:secret@h/x?api_key=123&q=1")
    'https://h/x?api_key=…&q=1'
    """
    bare = re.sub(r"(?<=//)[^/@]*@", "", url)
    return re.sub(r"(?i)((?:api_key|token|key)=)[^&#]*", r"\1…", bare)[:300]


def parsed(url: str) -> SplitResult:
    """Take an address apart.

    Raises:
        FetchError: "bad_address": it is invalid, or not http or https.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
        if parts.scheme.lower() not in _PORTS:
            raise ValueError("only http and https are supported")
        if not host:
            raise ValueError("it has no host")
        if re.search(r"[\x00-\x1f\x7f]", url) or " " in host:
            raise ValueError("it contains control characters")
        normalised = URL(url)  # stricter than the standard library, and what requests are made with
        if not normalised.raw_host:
            raise ValueError("it has no host")
    except ValueError as error:
        reason = "its host is invalid" if isinstance(error, UnicodeError) else str(error).splitlines()[0][:120]
        raise FetchError("bad_address", f"invalid address {shown(url)!r}: {reason}") from None
    return parts


def host_and_port(parts: SplitResult) -> tuple[str, int]:
    """Give host and port as they will be connected to: the host in lower case, in the one spelling that stands for all.

    >>> host_and_port(urlsplit("http://①②⑦。⓪.⓪.①:8080/")), host_and_port(urlsplit("https://Faß.de"))
    (('127.0.0.1', 8080), ('xn--fa-hia.de', 443))
    """
    host = URL(parts.geturl()).raw_host or ""
    return host.lower().rstrip("."), parts.port or _PORTS[parts.scheme.lower()]


def is_public(address: str) -> bool:
    """Tell whether an IP address is of the public internet.

    >>> [is_public(a) for a in ("8.8.8.8", "10.0.0.1", "::ffff:127.0.0.1", "169.254.169.254", "2606:4700::1111")]
    [True, False, False, False, True]
    """
    ip = ipaddress.ip_address(address.split("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if any(ip in network for network in _CARRIES_IPV4):
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None and not is_public(str(inner)):
            return False
        if ip.is_site_local or any(ip in network for network in _NEVER_PUBLIC):
            return False
    return ip.is_global and not ip.is_multicast


def is_loopback(host: str) -> bool:
    """Tell whether a host, by its name alone, is this very machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def may_be_private(politeness: Politeness, host: str, port: int) -> bool:
    """Tell whether a host may have private addresses: the user named it, or allowed all."""
    return politeness.allow_private or host in politeness.named_hosts or f"{host}:{port}" in politeness.named_hosts


def check_literal(politeness: Politeness, parts: SplitResult) -> None:
    """Refuse an address whose host is a private IP address; hosts with names are checked when they are resolved.

    Raises:
        FetchError: "bad_address".
    """
    host, port = host_and_port(parts)
    try:
        public = is_public(host)
    except ValueError:
        return
    if not public and not may_be_private(politeness, host, port):
        raise FetchError("bad_address", refusal(parts.geturl()))


def refusal(url: str) -> str:
    """Say why an address of a private network is not asked."""
    return f"{shown(url)} is in a private network; give its host with --images, or use --allow-private"


class GuardedResolver(AbstractResolver):
    """Resolves names, and leaves out addresses that may not be asked."""

    def __init__(self, politeness: Politeness) -> None:
        self.politeness = politeness
        self.inner = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Resolve a name.

        Raises:
            PrivateAddressError: All its addresses are private, and may not be.
        """
        found = await self.inner.resolve(host, port, family)
        if may_be_private(self.politeness, host.lower(), port):
            return found
        allowed = [result for result in found if is_public(result["host"])]
        if found and not allowed:
            raise PrivateAddressError(f"{host} is an address of a private network")
        return allowed

    async def close(self) -> None:
        """Let go of what it holds."""
        await self.inner.close()


@contextmanager
def connecting(politeness: Politeness, parts: SplitResult) -> Iterator[None]:
    """Say, for the connections opened inside, whether private addresses are allowed.

    Args:
        politeness: How requests are made.
        parts: The address that is asked.
    """
    token = _may_be_private.set(may_be_private(politeness, *host_and_port(parts)))
    try:
        yield
    finally:
        _may_be_private.reset(token)


def _checked_socket(address: tuple[Any, ...]) -> socket.socket:
    """Open the socket for an address, as ``getaddrinfo`` gives it: the last moment at which it can be refused."""
    family, kind, protocol, _, where = address
    if not _may_be_private.get() and not is_public(str(where[0])):
        raise PrivateAddressError(f"{where[0]} is an address of a private network")
    return socket.socket(family=family, type=kind, proto=protocol)


def connector(politeness: Politeness) -> aiohttp.TCPConnector:
    """Make what opens connections: kept open for reuse, TLS verified, addresses checked."""
    opened: Callable[[Any], socket.socket] = _checked_socket
    return aiohttp.TCPConnector(resolver=GuardedResolver(politeness), limit=0, ttl_dns_cache=300, socket_factory=opened)
