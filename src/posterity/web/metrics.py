"""Metrics for Prometheus at ``/metrics``: of the server's requests, its catalogue and its process.

Requests are counted by the route that answered them, never by the address: there are few routes, but any number of
addresses.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from posterity.web.gallery import Gallery

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Upper bounds of the histogram's buckets."""

log = logging.getLogger(__name__)


class Metrics:
    """The server's metrics.

    Args:
        gallery: The served catalogue.
    """

    def __init__(self, gallery: Gallery) -> None:
        self.gallery = gallery
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.requests = Counter(
            "posterity_requests", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "posterity_request_seconds", "How long answers took.", ["route"], buckets=SECONDS, registry=self.registry
        )
        self.under_way = Gauge("posterity_requests_under_way", "Requests being answered.", registry=self.registry)
        self.posters = Gauge("posterity_posters", "Posters in the catalogue.", registry=self.registry)
        self.version = Gauge("posterity_catalogue_version", "The catalogue's version.", registry=self.registry)
        self.reachable = Gauge(
            "posterity_catalogue_reachable", "1 where the catalogue could be read just now.", registry=self.registry
        )

    def text(self) -> bytes:
        """Write all metrics in Prometheus' text format."""
        try:
            store = self.gallery.store
            self.posters.set(store.count())
            self.version.set(store.version)
            self.reachable.set(1)
        except Exception:  # whatever is wrong with the catalogue, write the rest
            self.reachable.set(0)
        return generate_latest(self.registry)


class Measured:
    """ASGI middleware that counts, times and logs requests.

    Args:
        app: The application that answers them.
        metrics: The metrics that count them.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status, size, began = 500, 0, time.perf_counter()

        async def counted(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "http.response.body":
                size += len(message.get("body", b""))
            await send(message)

        self.metrics.under_way.inc()
        try:
            await self.app(scope, receive, counted)
        finally:
            took = time.perf_counter() - began
            route = _route(scope)
            self.metrics.under_way.dec()
            self.metrics.requests.labels(_method(scope), route, str(status)).inc()
            self.metrics.seconds.labels(route).observe(took)
            fields = {
                "method": _method(scope),
                "route": route,
                "status": status,
                "bytes": size,
                "seconds": round(took, 4),
            }
            log.info("request", extra=fields)


def _route(scope: Scope) -> str:
    route: Any = scope.get("route")
    return str(getattr(route, "path", "")) or "(none)"


def _method(scope: Scope) -> str:
    method = str(scope["method"])
    return method if method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS") else "other"
