"""How requests are made, and how one that fails says so."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import version

from posterity.errors import PosterityError

DEFAULT_RATE = 1.0
"""Requests a second to a host that nothing is known of."""

KNOWN_RATES = {"api.themoviedb.org": 40.0, "image.tmdb.org": 40.0}
"""Hosts that say themselves what they bear: TMDb, about 40 requests a second."""


@cache
def user_agent() -> str:
    """Say who asks."""
    return f"Posterity/{version('posterity')} (a program that catalogues movie posters; one user's own copy)"


@dataclass(frozen=True)
class Politeness:
    """How requests are made.

    Attributes:
        rate: Requests a second to one host; 0 sets no limit; None: what TMDb bears for its hosts, no limit for this
            very machine, and 1 for every other host.
        concurrency: Simultaneous requests to one host.
        timeout: Seconds without any progress after which a request is given up.
        longest: Seconds after which any one request is given up.
        retries: How often a request that failed in a way that may pass is made again.
        longest_wait: Seconds; a server that asks to wait for longer is not waited for.
        max_bytes: Largest file, unpacked.
        max_total: Bytes of a whole run; None sets no limit.
        allow_private: Whether addresses may be of private networks and of this machine.
        named_hosts: ``host`` or ``host:port`` that the user named: these may be.
    """

    rate: float | None = None
    concurrency: int = 16
    timeout: float = 30.0
    longest: float = 900.0
    retries: int = 4
    longest_wait: float = 120.0
    max_bytes: int = 64 * 2**20
    max_total: int | None = None
    allow_private: bool = False
    named_hosts: frozenset[str] = frozenset()

    def rate_of(self, host: str, loopback: bool) -> float:
        """Give the requests per second allowed to a host; 0 for no limit."""
        if self.rate is not None:
            return self.rate
        return 0.0 if loopback else KNOWN_RATES.get(host, DEFAULT_RATE)


class FetchError(PosterityError):
    """A request failed, and failed again where that could have helped.

    Args:
        reason: A code that reports count by: "missing", "forbidden", "unreachable", ...
        detail: What happened, without secrets.
        status: The HTTP status, where one came.
    """

    def __init__(self, reason: str, detail: str, status: int | None = None) -> None:
        self.reason = reason
        self.detail = detail
        self.status = status
        super().__init__(detail)
