"""The assembled server: the middleware before every request, and its addresses by group."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import FastAPI

from posterity.web.gallery import Gallery
from posterity.web.guard import LOOPBACK, Guard
from posterity.web.heads import Heads
from posterity.web.jobs import Jobs
from posterity.web.lanes import Lanes
from posterity.web.metrics import Measured, Metrics
from posterity.web.openapi import described
from posterity.web.problems import handle_errors
from posterity.web.routes.clinic import add_clinic
from posterity.web.routes.films import add_films
from posterity.web.routes.layouts import add_layouts
from posterity.web.routes.page import add_page
from posterity.web.routes.parameters import PROBLEMS
from posterity.web.routes.pictures import add_pictures
from posterity.web.routes.reports import add_reports
from posterity.web.routes.server import add_health, add_metrics


def create_app(
    gallery: Gallery, *, hosts: tuple[str, ...] = LOOPBACK, token: str | None = None, jobs: Jobs | None = None
) -> FastAPI:
    """Make the server of a catalogue.

    Args:
        gallery: The catalogue.
        hosts: Host names that it answers to; empty allows any.
        token: Token that requests must carry; None requires none.
        jobs: The queue of long jobs; None makes one.
    """
    app = FastAPI(
        title="Posterity",
        version=version("posterity"),
        summary="A collection of movie posters: search it, walk through it, learn from it.",
        docs_url=None,  # Swagger's page would load its scripts from elsewhere
        redoc_url=None,
        responses=PROBLEMS,
        generate_unique_id_function=lambda route: route.name,
    )
    metrics = Metrics(gallery)
    jobs = jobs or Jobs(gallery.store)
    app.add_middleware(Lanes)
    app.add_middleware(Heads)
    app.add_middleware(Guard, hosts=hosts, token=token)
    app.add_middleware(Measured, metrics=metrics)
    app.openapi = lambda: described(app)  # type: ignore[method-assign]
    handle_errors(app, gallery.catalogue.folder)
    add_health(app, gallery)
    add_films(app, gallery, jobs)
    add_metrics(app, metrics)
    add_layouts(app, gallery, jobs)
    add_pictures(app, gallery.pictures)
    add_reports(app, gallery, jobs)
    add_clinic(app, gallery)
    add_page(app)
    return app
