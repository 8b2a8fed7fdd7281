"""Work that takes longer than a request should: done once, one at a time, kept in the catalogue, told of until done."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from posterity import duplicates, evaluation, pairs
from posterity.catalogue import Store
from posterity.catalogue.provenance import Reads, current, key, vectors_read
from posterity.catalogue.schema import Result
from posterity.catalogue.store import now
from posterity.errors import PosterityError
from posterity.plain import plain
from posterity.web.answers import Evaluation
from posterity.web.gallery import Gallery

_EXPERIMENT = "page:"
"""Results of the page stand among those of experiments under names that no experiment can have."""


@dataclass(frozen=True)
class Job:
    """A piece of work.

    Attributes:
        name: Its name.
        parameters: All that is asked of it.
        work: What does it.
        reads: What it reads of the posters.
        encoders: Whose vectors it reads.
        layouts: Whether it tells of the walls and maps that there are.
    """

    name: str
    parameters: dict[str, Any]
    work: Callable[[], object]
    reads: Reads
    encoders: tuple[str, ...]
    layouts: bool = False


def pairs_job(gallery: Gallery, n: int = 200, hide_franchise: bool = False, hide_duplicates: bool = False) -> Job:
    """Find the closest pairs."""
    asked: dict[str, Any] = {"n": n, "hide_franchise": hide_franchise, "hide_duplicates": hide_duplicates}
    asked["encoder"] = gallery.encoder()
    return Job("pairs", asked, lambda: gallery.catalogue.pairs(**asked), pairs.READS, (asked["encoder"],))


def duplicates_job(gallery: Gallery, mirrored: bool = False) -> Job:
    """Find the posters that show the same artwork."""
    asked: dict[str, Any] = {"mirrored": mirrored, "encoder": gallery.encoder()}
    return Job(
        "duplicates", asked, lambda: gallery.catalogue.duplicates(**asked), duplicates.READS, (asked["encoder"],)
    )


def evaluation_job(gallery: Gallery) -> Job:
    """Score all that can be scored; of walls and maps those that are current."""
    films, store = gallery.catalogue, gallery.store
    return Job(
        "evaluation", {}, lambda: Evaluation(films.evaluate(), evaluation.layout_scores(store)), evaluation.READS,
        tuple(store.encoders), layouts=True,
    )  # fmt: skip


class Jobs:
    """Jobs of one catalogue."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._one = threading.Lock()
        self._running: dict[str, Future[str]] = {}

    def get(self, job: Job) -> dict[str, object]:
        """Give the state of a job, begun if it was not: ``state``, ``detail`` and, when ready, ``result`` as JSON."""
        key = self._key(job)
        with self._lock:
            running = self._running.get(key)
            if running is None:
                running = self._running[key] = self._begin(lambda: self._do(key, job))
        if not running.done():
            # Most small collections are done in a moment: then one answer is enough.
            try:
                running.exception(timeout=0.5)
            except TimeoutError:
                return {"state": "working", "detail": "Computing; this is done once.", "result": None}
        error = running.exception()
        if error is not None:
            with self._lock:
                self._running.pop(key, None)  # so that it is tried again once the cause is gone
            if not isinstance(error, PosterityError):
                raise error
            return {"state": "failed", "detail": str(error), "result": None}
        return {"state": "ready", "detail": "", "result": json.loads(running.result())}

    def wait(self, job: Job) -> object:
        """Give a job's result, waiting for it.

        Raises:
            PosterityError: It cannot be done.
        """
        return json.loads(self._do(self._key(job), job))

    def _begin(self, work: Callable[[], str]) -> Future[str]:
        """Do work once none other is under way, in a thread that does not keep a server from stopping."""
        running: Future[str] = Future()

        def run() -> None:
            with self._one:
                try:
                    running.set_result(work())
                except BaseException as error:
                    running.set_exception(error)

        threading.Thread(target=run, name="posterity-job", daemon=True).start()
        return running

    def _key(self, job: Job) -> str:
        layouts = [
            [each.name, current(self.store, each), each.parameters, str(each.created_at)]
            for each in (self.store.artefacts() if job.layouts else ()) if each.kind in ("grid", "layout")
        ]  # fmt: skip
        asked = [job.name, job.parameters, layouts]
        return key(self.store, job.reads, encoders=vectors_read(self.store, job.encoders), parameters=asked)

    def _do(self, key: str, job: Job) -> str:
        experiment = _EXPERIMENT + job.name
        for kept in self.store.results(experiment):
            if kept.key == key:
                return kept.figures
        figures = json.dumps(plain(job.work()))
        if self.store.writable:
            self.store.put_result(Result(key, experiment, json.dumps(job.parameters), figures, b"", now()))
        return figures
