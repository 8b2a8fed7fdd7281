"""The server's health and metrics."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.responses import Response

from posterity.web.answers import Health
from posterity.web.gallery import Gallery
from posterity.web.health import HealthCheck
from posterity.web.metrics import CONTENT_TYPE, Metrics
from posterity.web.problems import unavailable
from posterity.web.responses import as_json
from posterity.web.routes.parameters import UNAVAILABLE


def add_health(app: FastAPI, gallery: Gallery) -> None:
    """Add ``/healthz``."""
    check = HealthCheck(gallery)

    @app.get("/healthz", response_model=Health, responses=UNAVAILABLE, tags=["server"])
    async def healthz() -> Response:
        """Whether the server is well, and could read the catalogue a second ago."""
        found = await check.now()
        # Callers of this address must not learn what is wrong, or where.
        return unavailable() if found is None else as_json(found)


def add_metrics(app: FastAPI, metrics: Metrics) -> None:
    """Add ``/metrics``."""

    @app.get(
        "/metrics",
        response_class=Response,
        tags=["server"],
        responses={200: {"content": {"text/plain": {}}, "description": "Prometheus' text format."}},
    )
    def metrics_() -> Response:
        """What the server does, for Prometheus."""
        return Response(metrics.text(), media_type=CONTENT_TYPE)
