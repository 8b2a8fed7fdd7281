"""Work that takes longer than a request should: one bounded queue, each job done once, results held in memory.

Requests write nothing: results stay in memory while there is room, and are computed again after they were dropped.
Results that an export stored in the catalogue are read from there. Work that takes minutes (pairs of a large
collection) does not delay what a visitor waits for (a map, an explanation): each kind has one thread, and no more, so
that requests are still answered.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from posterity.catalogue import Store
from posterity.catalogue.provenance import Reads, current, digest, key, vectors_read
from posterity.catalogue.schema import Result
from posterity.catalogue.store import now
from posterity.errors import PosterityError
from posterity.serialise import dumps, encode, plain
from posterity.web.results import Packed, Recent, pack

MOST_WAITING = 24
"""Maximum number of waiting jobs."""

ROOM = 64 * 2**20
"""Maximum bytes of results in memory."""

_FAILED = 32
"""Maximum number of failures kept until they are requested again."""

_ROOM_FOR_KEYS = 4096
"""Maximum bytes of keys in memory: 64 keys."""

_EXPERIMENT = "page:"
"""Results of the page are stored with those of experiments, under names that no experiment can have."""


class BusyError(PosterityError):
    """The queue is full."""

    def __init__(self) -> None:
        super().__init__("the server has more work than it takes on", "Ask again in a while.")


_NOTHING = Reads(())


@dataclass(frozen=True)
class Job:
    """A piece of work.

    Attributes:
        name: Name of the job.
        parameters: All its parameters.
        work: The function that does it.
        long: Whether it may take minutes.
        kept: Whether an export stores its result in the catalogue.
        cut: Cuts the requested part out of the result, such as some of all pairs.
        reads: What it reads of the posters.
        encoders: Encoders whose vectors it reads.
        layouts: Whether it reads the stored walls and maps.
    """

    name: str
    parameters: dict[str, Any]
    work: Callable[[], object]
    long: bool = False
    kept: bool = False
    cut: Callable[[Any], object] | None = None
    reads: Reads = _NOTHING
    encoders: tuple[str, ...] = ()
    layouts: bool = False


def cut_text(job: Job, result: Packed) -> bytes:
    """Return the requested part of a result as JSON."""
    return result.text if job.cut is None else encode(job.cut(json.loads(result.text)))


@dataclass
class _Task:
    """A job in the queue."""

    key: str
    job: Job
    done: Future[Packed] = field(default_factory=Future)


class Jobs:
    """The queue of one catalogue's jobs; safe to share between threads.

    Args:
        store: The catalogue.
        keep: Whether to store results in it.
        most_waiting: Maximum number of waiting jobs.
        room: Maximum bytes of results in memory.
    """

    def __init__(self, store: Store, *, keep: bool = False, most_waiting: int = MOST_WAITING, room: int = ROOM) -> None:
        self.store = store
        self.keep = keep
        self.most_waiting = most_waiting
        self.results: Recent[Packed] = Recent(room)
        self._lock = threading.Lock()
        self._under_way: dict[str, _Task] = {}
        self._failed: OrderedDict[str, _Task] = OrderedDict()
        self._lines: dict[bool, deque[_Task]] = {False: deque(), True: deque()}
        self._keys: Recent[str] = Recent(_ROOM_FOR_KEYS)
        self._working: set[bool] = set()

    def begin(self, job: Job) -> Future[Packed]:
        """Return a job's present or future result; a failure is returned once, and the next request tries again.

        Raises:
            BusyError: There is no result yet, and the queue is full.
        """
        key = self._held_key(job)
        with self._lock:
            if (found := self.results.get(key)) is not None:
                done: Future[Packed] = Future()
                done.set_result(found)
                return done
            task = self._under_way.get(key) or self._failed.pop(key, None)
            if task is None:
                if sum(map(len, self._lines.values())) >= self.most_waiting:
                    raise BusyError
                task = self._under_way[key] = _Task(key, job)
                self._lines[job.long].append(task)
                self._start()
            return task.done

    def wait(self, job: Job) -> object:
        """Wait for a job's result and return it.

        Raises:
            PosterityError: The job failed.
        """
        return json.loads(cut_text(job, self._do(self._key(job), job)))

    def _start(self) -> None:
        """Start a thread for each queue with work and no thread; they do not keep the server from stopping."""
        for long, line in self._lines.items():
            if line and long not in self._working:
                self._working.add(long)
                threading.Thread(target=self._work, args=(long,), name="posterity-job", daemon=True).start()

    def _work(self, long: bool) -> None:
        """Work until the queue is empty."""
        while True:
            with self._lock:
                if not self._lines[long]:
                    self._working.discard(long)
                    return
                task = self._lines[long].popleft()
            try:
                result = self._do(task.key, task.job)
            except BaseException as error:
                with self._lock:
                    self._failed[task.key] = self._under_way.pop(task.key)
                    while len(self._failed) > _FAILED:
                        self._failed.popitem(last=False)
                task.done.set_exception(error)
            else:
                with self._lock:
                    self.results.put(task.key, result)
                    del self._under_way[task.key]
                task.done.set_result(result)

    def _held_key(self, job: Job) -> str:
        """Return a job's key; one that takes long to compute is kept until the catalogue changes."""
        short = digest(job.name, job.parameters, self.store.versions_now)
        if not job.kept:
            return short
        key = self._keys.get(short)
        if key is None:
            key = self._key(job)
            self._keys.put(short, key)
        return key

    def _key(self, job: Job) -> str:
        layouts = [
            [each.name, current(self.store, each), each.parameters, str(each.created_at)]
            for each in (self.store.artefacts() if job.layouts else ()) if each.kind in ("grid", "layout")
        ]  # fmt: skip
        asked = [job.name, job.parameters, layouts]
        return key(self.store, job.reads, encoders=vectors_read(self.store, job.encoders), parameters=asked)

    def _do(self, key: str, job: Job) -> Packed:
        if not job.kept:
            return pack(job.work())
        experiment = _EXPERIMENT + job.name
        for kept in self.store.results(experiment):
            if current(self.store, kept, key):
                with suppress(ValueError):  # a damaged result is computed again
                    return pack(json.loads(kept.figures))
        found = plain(job.work())
        if self.keep and self.store.writable:
            self.store.put_result(Result(key, experiment, dumps(job.parameters), dumps(found), b"", now()))
        return pack(found)
