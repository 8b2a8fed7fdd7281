"""Work that takes longer than a request should: done once, one at a time, kept in the catalogue, told of until done."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future

from posterity.catalogue import Store
from posterity.catalogue.provenance import inputs_digest, versions
from posterity.catalogue.schema import Result
from posterity.catalogue.store import now
from posterity.errors import PosterityError
from posterity.plain import plain

_EXPERIMENT = "page:"
"""Results of the page stand among those of experiments under names that no experiment can have."""


class Jobs:
    """Jobs of one catalogue."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._one = threading.Lock()
        self._running: dict[str, Future[str]] = {}

    def get(self, name: str, parameters: object, work: Callable[[], object]) -> dict[str, object]:
        """Give the state of a job, begun if it was not: ``state``, ``detail`` and, when ready, ``result`` as JSON."""
        key = self._key(name, parameters)
        with self._lock:
            job = self._running.get(key)
            if job is None:
                job = self._running[key] = self._begin(lambda: self._do(key, name, parameters, work))
        if not job.done():
            # Most small collections are done in a moment: then one answer is enough.
            try:
                job.exception(timeout=0.5)
            except TimeoutError:
                return {"state": "working", "detail": "Computing; this is done once.", "result": None}
        error = job.exception()
        if error is not None:
            with self._lock:
                self._running.pop(key, None)  # so that it is tried again once the cause is gone
            if not isinstance(error, PosterityError):
                raise error
            return {"state": "failed", "detail": str(error), "result": None}
        return {"state": "ready", "detail": "", "result": json.loads(job.result())}

    def wait(self, name: str, parameters: object, work: Callable[[], object]) -> object:
        """Give a job's result, waiting for it.

        Raises:
            PosterityError: It cannot be done.
        """
        return json.loads(self._do(self._key(name, parameters), name, parameters, work))

    def _begin(self, work: Callable[[], str]) -> Future[str]:
        """Do work once none other is under way, in a thread that does not keep a server from stopping."""
        job: Future[str] = Future()

        def run() -> None:
            with self._one:
                try:
                    job.set_result(work())
                except BaseException as error:
                    job.set_exception(error)

        threading.Thread(target=run, name=f"posterity-job-{id(job)}", daemon=True).start()
        return job

    def _key(self, name: str, parameters: object) -> str:
        made_from = [name, parameters, versions(), inputs_digest(self.store), sorted(self.store.encoders)]
        return hashlib.sha256(json.dumps(made_from).encode()).hexdigest()

    def _do(self, key: str, name: str, parameters: object, work: Callable[[], object]) -> str:
        experiment = _EXPERIMENT + name
        for kept in self.store.results(experiment):
            if kept.key == key:
                return kept.figures
        figures = json.dumps(plain(work()))
        if os.access(self.store.folder, os.W_OK):
            self.store.put_result(Result(key, experiment, json.dumps(parameters), figures, b"", now()))
        return figures
