"""Pairs, duplicates, scores, and the report of what was dropped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import FastAPI, Query
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from posterity.api.results import Report
from posterity.errors import PosterityError
from posterity.web.answers import DuplicatesJob, EvaluationJob, PairsJob
from posterity.web.gallery import Gallery
from posterity.web.jobs import Job, Jobs, cut_text
from posterity.web.problems import public, status_of
from posterity.web.responses import as_json, as_written
from posterity.web.routes.parameters import UNAVAILABLE
from posterity.web.routes.waiting import result_of
from posterity.web.work import PAIRS, duplicates_job, evaluation_job, pairs_job


def add_reports(app: FastAPI, gallery: Gallery, jobs: Jobs) -> None:
    """Add the addresses of results computed over the whole collection."""

    async def answer(job: Callable[[], Job]) -> Response:
        begun = await run_in_threadpool(job)
        try:
            made = await result_of(jobs, lambda: begun)
        except PosterityError as error:
            if status_of(error) == 503:
                raise
            detail = public(str(error), gallery.catalogue.folder)
            return as_json({"state": "failed", "detail": detail, "result": None})
        if made is None:
            return as_json({"state": "working", "detail": "Computing; this is done once.", "result": None})
        text = made.text
        if begun.cut is not None:
            text = await run_in_threadpool(lambda: cut_text(begun, made))
        return as_written(b'{"state":"ready","detail":"","result":' + text + b"}")

    @app.get("/api/pairs", response_model=PairsJob, responses=UNAVAILABLE, tags=["reports"])
    async def pairs(
        n: Annotated[int, Query(ge=1, le=PAIRS[-1])] = 200,
        hide_franchise: bool = False,
        hide_duplicates: bool = False,
    ) -> Response:
        """The closest pairs of the whole collection; ask again while they are worked on."""
        return await answer(lambda: pairs_job(gallery, n, hide_franchise, hide_duplicates))

    @app.get("/api/duplicates", response_model=DuplicatesJob, responses=UNAVAILABLE, tags=["reports"])
    async def duplicates(mirrored: bool = False) -> Response:
        """The posters that show the same artwork; ask again while they are worked on."""
        return await answer(lambda: duplicates_job(gallery, mirrored))

    @app.get("/api/evaluation", response_model=EvaluationJob, responses=UNAVAILABLE, tags=["reports"])
    async def evaluation() -> Response:
        """Scores of encoders, maps and walls beside chance; ask again while they are worked on."""
        return await answer(lambda: evaluation_job(gallery))

    @app.get("/api/report", response_model=Report, tags=["reports"])
    def report() -> Response:
        """What was dropped or flagged, and why."""
        return as_json(gallery.report())
