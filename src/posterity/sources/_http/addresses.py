"""Which addresses may be asked: http and https, and no private network unless the user named the host.

Tables and redirects are other people's words, and may lead to a router's or a cloud's inner addresses (server-side
request forgery). The check is made on the address that is connected to, so that a name which resolves to something else
the second time changes nothing.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import SplitResult, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from posterity.sources._http.politeness import FetchError, Politeness

_PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


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
        FetchError: "bad_address": it is none, or not of http or https.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
        if parts.scheme.lower() not in _PORTS:
            raise ValueError("only http and https are asked")
        if not host:
            raise ValueError("it names no host")
        if re.search(r"[\x00-\x1f\x7f]", url) or " " in host:
            raise ValueError("it holds control characters")
        URL(url)  # stricter than the standard library, and what requests are made with
    except ValueError as error:
        said = "its host is none" if isinstance(error, UnicodeError) else str(error).splitlines()[0][:120]
        raise FetchError("bad_address", f"{shown(url)!r} cannot be asked: {said}") from None
    return parts


def host_and_port(parts: SplitResult) -> tuple[str, int]:
    """Give host, in lower case, and port."""
    return (parts.hostname or "").lower(), parts.port or _PORTS[parts.scheme.lower()]


def is_public(address: str) -> bool:
    """Tell whether an IP address is of the public internet.

    >>> [is_public(a) for a in ("8.8.8.8", "10.0.0.1", "::ffff:127.0.0.1", "169.254.169.254", "2606:4700::1111")]
    [True, False, False, False, True]
    """
    ip = ipaddress.ip_address(address.split("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None and not is_public(str(inner)):
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
    return f"{shown(url)} lies in a private network; name its host with --images, or say --allow-private"


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


def connector(politeness: Politeness) -> aiohttp.TCPConnector:
    """Make what opens connections: kept open for reuse, TLS verified, addresses checked."""
    return aiohttp.TCPConnector(resolver=GuardedResolver(politeness), limit=0, ttl_dns_cache=300)
