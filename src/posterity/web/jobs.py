"""Work that takes longer than a request should: in one bounded queue, done once, its result held in memory.

Asking writes nothing: results are held as there is room for them, and made again when they were let go of. What an
export computed lies in the catalogue, and is taken from there. Work that takes minutes (pairs of a large collection)
does not stand before what a visitor waits for (a map, a reason): there is a thread for each, and no more, so that
answering goes on beside them.
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
from posterity.search import duplicates, evaluation, pairs
from posterity.serialise import dumps, encode, plain
from posterity.web.answers import Evaluation
from posterity.web.gallery import Gallery
from posterity.web.results import Made, Recent, made_of

PAIRS = (200, 1000)
"""Pairs that are found: the first of these that is enough; the page asks for the first. More may not be asked for."""

MOST_WAITING = 24
"""Jobs that may wait."""

ROOM = 64 * 2**20
"""Bytes of results that are held."""

_FAILED = 32
"""Failures that are kept until they are told."""

_KEYS = 64
"""Keys that are held."""

_EXPERIMENT = "page:"
"""Results of the page stand among those of experiments under names that no experiment can have."""


class BusyError(PosterityError):
    """There is more work than the queue takes."""

    def __init__(self) -> None:
        super().__init__("the server has more work than it takes on", "Ask again in a while.")


_NOTHING = Reads(())


@dataclass(frozen=True)
class Job:
    """A piece of work.

    Attributes:
        name: What it is.
        parameters: All that is asked of it.
        work: What does it.
        long: Whether it may take minutes.
        kept: Whether an export keeps its result in the catalogue.
        cut: Makes of the result what was asked for: of all pairs, some.
        reads: What it reads of the posters.
        encoders: Whose vectors it reads.
        layouts: Whether it tells of the walls and maps that there are.
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


def pairs_job(gallery: Gallery, n: int = 200, hide_franchise: bool = False, hide_duplicates: bool = False) -> Job:
    """Find the closest pairs: as many as :data:`PAIRS` says, whatever n is, of which n are given."""
    most = next(tier for tier in PAIRS if n <= tier)
    asked: dict[str, Any] = {"n": most, "hide_franchise": hide_franchise, "hide_duplicates": hide_duplicates}
    asked["encoder"] = gallery.encoder()

    def cut(found: dict[str, Any]) -> dict[str, Any]:
        return found | {"pairs": found["pairs"][:n]}

    return Job(
        "pairs", asked, lambda: gallery.catalogue.pairs(**asked), long=True, kept=True, cut=cut, reads=pairs.READS,
        encoders=(asked["encoder"],),
    )  # fmt: skip


def duplicates_job(gallery: Gallery, mirrored: bool = False) -> Job:
    """Find the posters that show the same artwork."""
    asked: dict[str, Any] = {"mirrored": mirrored, "encoder": gallery.encoder()}
    return Job(
        "duplicates", asked, lambda: gallery.catalogue.duplicates(**asked), long=True, kept=True,
        reads=duplicates.READS, encoders=(asked["encoder"],),
    )  # fmt: skip


def evaluation_job(gallery: Gallery) -> Job:
    """Score all that can be scored; of walls and maps those that are current."""
    films, store = gallery.catalogue, gallery.store
    return Job(
        "evaluation", {}, lambda: Evaluation(films.evaluate(), evaluation.layout_scores(store)), long=True, kept=True,
        reads=evaluation.READS, encoders=tuple(store.encoders), layouts=True,
    )  # fmt: skip


def why_job(gallery: Gallery, a: str, b: str, weights: str) -> Job:
    """Tell why two posters are alike.

    Raises:
        NoSuchPosterError: There is no such poster.
    """
    snap = gallery.snapshot()
    for identity in (a, b):
        snap.number(identity)
    asked = {"a": a, "b": b, "weights": weights, "encoder": gallery.encoder(), "state": snap.state}
    return Job("why", asked, lambda: gallery.why(a, b, weights))


def layout_job(gallery: Gallery, name: str) -> Job:
    """Give a map or wall in the order of the collection, made where there is none.

    Raises:
        UnknownNameError: There is none of that name.
    """
    kind = gallery.layouts.kind_of(name)
    asked = {"name": name, "encoder": gallery.encoder(), "state": gallery.snapshot().state}
    return Job("layout", asked, lambda: gallery.layout(name, kind))


def whole_layout_job(gallery: Gallery, kind: str, name: str | None) -> Job:
    """Give a map or wall as the Python interface does, made where there is none.

    Raises:
        UnknownNameError: There is none of that name and kind.
    """
    found = gallery.layouts.name_of(kind, name)
    asked = {"kind": kind, "name": found, "encoder": gallery.encoder(), "state": gallery.snapshot().state}
    return Job("whole layout", asked, lambda: gallery.layouts.find(kind, found))


def preparation_job(gallery: Gallery) -> Job:
    """Make and keep the map and the wall that visitors see first."""
    return Job("preparation", {}, gallery.layouts.prepare, long=True)


def cut_text(job: Job, made: Made) -> bytes:
    """Give of a result, as JSON, what was asked for."""
    return made.text if job.cut is None else encode(job.cut(json.loads(made.text)))


@dataclass
class _Task:
    """A job in the queue."""

    key: str
    job: Job
    done: Future[Made] = field(default_factory=Future)


class Jobs:
    """The queue of one catalogue's jobs; safe to share between threads.

    Args:
        store: The catalogue.
        keep: Whether results are kept in it.
        most_waiting: Jobs that may wait.
        room: Bytes of results that are held.
    """

    def __init__(self, store: Store, *, keep: bool = False, most_waiting: int = MOST_WAITING, room: int = ROOM) -> None:
        self.store = store
        self.keep = keep
        self.most_waiting = most_waiting
        self.results: Recent[Made] = Recent(room)
        self._lock = threading.Lock()
        self._under_way: dict[str, _Task] = {}
        self._failed: OrderedDict[str, _Task] = OrderedDict()
        self._lines: dict[bool, deque[_Task]] = {False: deque(), True: deque()}
        self._keys: OrderedDict[str, str] = OrderedDict()
        self._working: set[bool] = set()

    def begin(self, job: Job) -> Future[Made]:
        """Give the result that a job has, or will have; a failure is told once, and then tried again.

        Raises:
            BusyError: It has none, and there is no room in the queue.
        """
        key = self._held_key(job)
        with self._lock:
            if (found := self.results.get(key)) is not None:
                done: Future[Made] = Future()
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
        """Give a job's result, waiting for it.

        Raises:
            PosterityError: It cannot be done.
        """
        return json.loads(cut_text(job, self._do(self._key(job), job)))

    def _start(self) -> None:
        """See to it that somebody works, in threads that do not keep a server from stopping."""
        for long, line in self._lines.items():
            if line and long not in self._working:
                self._working.add(long)
                threading.Thread(target=self._work, args=(long,), name="posterity-job", daemon=True).start()

    def _work(self, long: bool) -> None:
        """Work until there is nothing to do."""
        while True:
            with self._lock:
                if not self._lines[long]:
                    self._working.discard(long)
                    return
                task = self._lines[long].popleft()
            try:
                made = self._do(task.key, task.job)
            except BaseException as error:
                with self._lock:
                    self._failed[task.key] = self._under_way.pop(task.key)
                    while len(self._failed) > _FAILED:
                        self._failed.popitem(last=False)
                task.done.set_exception(error)
            else:
                with self._lock:
                    self.results.put(task.key, made)
                    del self._under_way[task.key]
                task.done.set_result(made)

    def _held_key(self, job: Job) -> str:
        """Give a job's key; one that takes long to make is held until the catalogue changes."""
        short = digest(job.name, job.parameters, self.store.versions_now)
        if not job.kept:
            return short
        with self._lock:
            key = self._keys.get(short)
        if key is None:
            key = self._key(job)
            with self._lock:
                self._keys[short] = key
                while len(self._keys) > _KEYS:
                    self._keys.popitem(last=False)
        return key

    def _key(self, job: Job) -> str:
        layouts = [
            [each.name, current(self.store, each), each.parameters, str(each.created_at)]
            for each in (self.store.artefacts() if job.layouts else ()) if each.kind in ("grid", "layout")
        ]  # fmt: skip
        asked = [job.name, job.parameters, layouts]
        return key(self.store, job.reads, encoders=vectors_read(self.store, job.encoders), parameters=asked)

    def _do(self, key: str, job: Job) -> Made:
        if not job.kept:
            return made_of(job.work())
        experiment = _EXPERIMENT + job.name
        for kept in self.store.results(experiment):
            if kept.key == key:
                with suppress(ValueError):  # it is damaged, and computed anew
                    return made_of(json.loads(kept.figures))
        found = plain(job.work())
        if self.keep and self.store.writable:
            self.store.put_result(Result(key, experiment, dumps(job.parameters), dumps(found), b"", now()))
        return made_of(found)
