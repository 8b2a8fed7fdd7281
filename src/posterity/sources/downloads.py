"""Pictures -> a folder: each whole or not at all, none asked for twice, and what became of each written down.

A file is written under a name of its own and renamed when it is whole, so that what is there under its final name is
complete, whenever a run is killed. It is not forced to the disk: after a power cut the journal's size would tell.
"""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from posterity.errors import StorageError
from posterity.images import sniff
from posterity.runtime.filenames import below, escape
from posterity.runtime.locks import held
from posterity.runtime.progress import Bar, progress
from posterity.sources._http import AgainError, Client, FetchError, Politeness, Response, run
from posterity.sources._http.addresses import check_literal, host_and_port, is_loopback, may_be_private, parsed
from posterity.sources.journal import Journal, Line, existing

LASTING = frozenset({"missing", "forbidden", "not_an_image", "too_large", "bad_address", "empty", "redirect_refused"})
"""Reasons that would be the same the next time: such a picture is not asked for again, unless its address changed."""

ENDINGS = {
    "JPEG": ".jpg",
    "PNG": ".png",
    "WEBP": ".webp",
    "GIF": ".gif",
    "BMP": ".bmp",
    "TIFF": ".tif",
    "AVIF": ".avif",
}

_PART = ".part"
_REMEMBERED = 256 * 1024
"""A picture larger than this is noted in the journal when its download begins, for a later run to go on from."""

_ALL_CONNECTIONS = 128
"""Requests under way at all hosts together."""


@dataclass(frozen=True, slots=True)
class Job:
    """A picture to be downloaded.

    Attributes:
        key: What names it, the same in every run.
        url: Its address.
        path: Where to, below the folder: safe names with ``/`` between, without an ending, which its content decides.
    """

    key: str
    url: str
    path: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job.

    Attributes:
        key: Of the job.
        status: "ok" (fetched), "kept" (it was there), or the reason why it is not there.
        detail: What happened.
        path: Of the file below the folder; None where there is none.
        bytes: Its size.
    """

    key: str
    status: str
    detail: str
    path: str | None
    bytes: int


@dataclass(frozen=True)
class DownloadReport:
    """What a run did: one outcome a job, by its key."""

    outcomes: dict[str, Outcome]
    bytes: int
    seconds: float


@dataclass(frozen=True)
class Plan:
    """What a run would do.

    Attributes:
        total: Jobs.
        to_fetch: Of these, how many would be asked for.
        have: How many are there.
        known_dead: How many are known to be gone.
        hosts: Host -> requests.
        seconds: How long it takes at least, by the rates in force; a guess where there is no rate.
    """

    total: int
    to_fetch: int
    have: int
    known_dead: int
    hosts: dict[str, int]
    seconds: float


def plan(jobs: Sequence[Job], folder: Path, politeness: Politeness, *, refresh: bool = False) -> Plan:
    """Tell what :func:`download` would do, without a single request."""
    known = existing(folder)
    settled = {job.key: _settled(job, known.get(job.key), folder, politeness, refresh) for job in jobs}
    hosts: Counter[str] = Counter()
    seconds = 0.0
    for job in jobs:
        if settled[job.key] is None:
            with suppress(FetchError):
                hosts[host_and_port(parsed(job.url))[0]] += 1
    for host, n in hosts.items():
        rate = politeness.rate_of(host, is_loopback(host))
        seconds = max(seconds, n / rate if rate else n * 0.1 / politeness.concurrency)
    have = sum(outcome is not None and outcome.path is not None for outcome in settled.values())
    to_fetch = sum(outcome is None for outcome in settled.values())
    return Plan(len(jobs), to_fetch, have, len(jobs) - have - to_fetch, dict(hosts.most_common()), seconds)


def check_address(url: str, politeness: Politeness) -> None:
    """Refuse an address that no build would ask, as far as it can be told without a look-up of its host.

    Raises:
        FetchError: "bad_address".
    """
    check_literal(politeness, parsed(url))


def _settled(job: Job, line: Line | None, folder: Path, politeness: Politeness, refresh: bool) -> Outcome | None:
    """Tell what is known to be the outcome of a job; None where it must be asked for."""
    if line is not None and line.url != job.url:
        return None
    if refresh:
        return None
    if line is not None and line.status == "bad_address" and _now_allowed(job, politeness):
        return None
    if line is None or line.status not in (*LASTING, "ok") or line.detail.startswith("HTTP 416 "):
        return _found(job, folder)  # 416: earlier versions took it for lasting
    if line.status == "ok":
        there = line.path and _size(folder / line.path) == line.bytes
        return Outcome(job.key, "kept", "", line.path, line.bytes) if there else None
    return Outcome(job.key, line.status, line.detail, None, 0)


def _now_allowed(job: Job, politeness: Politeness) -> bool:
    """Tell whether an address that was refused may be private by now: the user named its host, or allows all."""
    try:
        return may_be_private(politeness, *host_and_port(parsed(job.url)))
    except FetchError:
        return False


def _found(job: Job, folder: Path) -> Outcome | None:
    """Find a file that is there although the journal does not say so: a run was killed before it was written."""
    for ending in ENDINGS.values():
        path = f"{job.path}{ending}"
        if size := _size(folder / path):
            return Outcome(job.key, "kept", "", path, size)
    return None


def _size(file: Path) -> int | None:
    try:
        return os.stat(file).st_size  # noqa: PTH116
    except OSError:
        return None


def download(
    jobs: Sequence[Job],
    folder: Path,
    politeness: Politeness,
    *,
    refresh: bool = False,
    show_progress: bool | None = None,
) -> DownloadReport:
    """Download pictures; what is there already is kept, and what is known to be gone is not asked for again.

    Args:
        jobs: Of distinct keys and paths.
        folder: Where to; made where it is not there.
        politeness: How requests are made.
        refresh: Ask for everything again, with what tells the server which version is here.
        show_progress: True and False force the bar; None shows it on a terminal.

    Raises:
        StorageError: The folder cannot be written; what was downloaded before is kept.
    """
    started = time.monotonic()
    with _translate_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with held(folder / "journal.lock"), Journal(folder) as journal:
            known = {line.key: line for line in journal.lines()}
            outcomes: dict[str, Outcome] = {}
            todo = []
            for job in jobs:
                outcome = _settled(job, known.get(job.key), folder, politeness, refresh)
                if outcome is None:
                    todo.append(job)
                else:
                    outcomes[job.key] = outcome
            with progress("Downloading posters", len(todo), show_progress if todo else False) as bar:
                session = _Run(folder, politeness, journal, known, bar)
                if todo:
                    run(session.work(todo))
            outcomes |= session.outcomes
    ordered = {job.key: outcomes[job.key] for job in jobs}
    return DownloadReport(ordered, session.bytes, time.monotonic() - started)


@contextmanager
def _translate_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO):
            raise
        raise StorageError(
            f"{escape(str(folder))} cannot be written: {error.strerror}",
            "What was downloaded before is kept; mend that and run the same command again.",
        ) from error


class _Run:
    """One run of downloads, inside an event loop."""

    def __init__(
        self, folder: Path, politeness: Politeness, journal: Journal, known: Mapping[str, Line], bar: Bar
    ) -> None:
        self.folder = folder
        self.politeness = politeness
        self.journal = journal
        self.known = known
        self.bar = bar
        self.outcomes: dict[str, Outcome] = {}
        self.bytes = 0

    async def work(self, jobs: Sequence[Job]) -> None:
        """Do all jobs: each host has its own queue and workers, so that a slow one holds up no other."""
        queues: dict[str, deque[Job]] = {}
        for job in jobs:
            try:
                host = host_and_port(parsed(job.url))
            except FetchError as error:
                self._done(job, Line(job.key, job.url, None, error.reason, error.detail, 0))
                continue
            queues.setdefault(f"{host[0]}:{host[1]}", deque()).append(job)
        self.everywhere = asyncio.Semaphore(max(_ALL_CONNECTIONS, self.politeness.concurrency))
        try:
            async with Client(self.politeness) as self.client, asyncio.TaskGroup() as tasks:
                for queue in queues.values():
                    for _ in range(min(self.politeness.concurrency, len(queue))):
                        tasks.create_task(self._take(queue))
        except BaseExceptionGroup as group:  # the disk's errors, which end all of them: one says it
            raise group.exceptions[0] from None

    async def _take(self, queue: deque[Job]) -> None:
        while queue:
            job = queue.popleft()
            cap = self.politeness.max_total
            if cap is not None and self.bytes >= cap:
                line = Line(job.key, job.url, None, "over_total", f"{cap:,} bytes were downloaded before it", 0)
            else:
                async with self.everywhere:
                    line = await self._fetch(job)
            self._done(job, line)

    def _done(self, job: Job, line: Line) -> None:
        kept = line.status == "ok" and line.detail == "unchanged"
        self.outcomes[job.key] = Outcome(
            job.key, "kept" if kept else line.status, "" if kept else line.detail, line.path, line.bytes
        )
        self.journal.write(replace(line, fetched_at=time.time()))
        self.bar.update(1)

    async def _fetch(self, job: Job) -> Line:
        """Download one picture; where it fails, an older version that is there stays."""
        before = self.known.get(job.key)
        picture = _Picture(self, job, before if before and before.url == job.url else None)
        try:
            return await self.client.fetch(job.url, picture.read, picture.headers)
        except FetchError as error:
            if before and before.status == "ok" and before.path and _size(self.folder / before.path) == before.bytes:
                return replace(before, detail="unchanged")
            if error.reason in LASTING:
                picture.forget()
            return Line(job.key, job.url, None, error.reason, error.detail, 0, picture.etag, picture.modified)


class _Picture:
    """One picture being downloaded, over as many tries as it takes."""

    def __init__(self, work: _Run, job: Job, before: Line | None) -> None:
        self.work = work
        self.job = job
        self.before = before
        self.part = below(work.folder, f"{job.path}{_PART}")
        # What the part that is there belongs to: known from this run, or from the journal's note of an earlier one.
        partial = before is not None and before.status != "ok"
        self.etag = before.etag if before and partial else None
        self.modified = before.modified if before and partial else None

    def headers(self) -> dict[str, str]:
        """Ask for the rest of a part, or whether what is there has changed, or for all of it."""
        asked = {"Accept": "image/*,*/*;q=0.5", "Accept-Encoding": "identity"}
        validator = self.etag if self.etag and not self.etag.startswith("W/") else self.modified
        if validator and (size := _size(self.part)):
            return asked | {"Range": f"bytes={size}-", "If-Range": validator}
        before = self.before
        if before and before.status == "ok" and before.path and _size(self.work.folder / before.path) == before.bytes:
            if before.etag:
                asked["If-None-Match"] = before.etag
            if before.modified:
                asked["If-Modified-Since"] = before.modified
        return asked

    async def read(self, response: Response) -> Line:
        """Write an answer's content, and give the picture its name once it is whole."""
        if response.status == 304 and self.before:
            return replace(self.before, detail="unchanged")
        if response.status == 416:
            return self._whole_already(response)
        offset = self._offset(response)
        self.etag, self.modified = response.headers.get("ETag"), response.headers.get("Last-Modified")
        cap = self.work.politeness.max_bytes
        length = response.headers.get("Content-Length", "")
        if length.isdecimal() and int(length) > _REMEMBERED and (self.etag or self.modified):
            note = Line(self.job.key, self.job.url, None, "partial", "", 0, self.etag, self.modified, time.time())
            self.work.journal.write(note)
        self.part.parent.mkdir(parents=True, exist_ok=True)
        start = self.part.read_bytes()[:32] if offset else b""
        size = offset
        with self.part.open("ab" if offset else "wb") as file:
            async for piece in response.chunks(cap - offset):
                if len(start) < 32:
                    start += piece[:32]
                    if len(start) >= 16:
                        self._check(start, response)
                file.write(piece)
                size += len(piece)
                self.work.bytes += len(piece)
        if not size:
            self.forget()
            raise FetchError("empty", "the answer holds nothing", response.status)
        return self._named(start, size, response)

    def _whole_already(self, response: Response) -> Line:
        """Take a part with nothing after it: a run was killed between the last byte and giving the picture its name.

        The server has the version that the part is of, or it would have sent all of it (If-Range, RFC 9110, 13.1.5).

        Raises:
            AgainError: The part is not as long as what the server has; it is dropped, and all is asked for.
        """
        size = _size(self.part) or 0
        said = response.headers.get("Content-Range", "")
        if not size or said.replace(" ", "") != f"bytes*/{size}":
            self.forget()
            raise AgainError("incomplete", f"the part that was here is no part of it: {said[:60]!r}", 416)
        with self.part.open("rb") as file:
            start = file.read(32)
        return self._named(start, size, response)

    def _named(self, start: bytes, size: int, response: Response) -> Line:
        """Give a picture that is whole its name."""
        ending = ENDINGS[self._check(start, response)]
        path = f"{self.job.path}{ending}"
        self.part.replace(below(self.work.folder, path))
        if self.before and self.before.path and self.before.path != path:
            below(self.work.folder, self.before.path).unlink(missing_ok=True)
        return Line(self.job.key, self.job.url, path, "ok", "", size, self.etag, self.modified)

    def _offset(self, response: Response) -> int:
        """Tell how much of the part that is there the answer goes on from; 0 begins anew."""
        size = _size(self.part) or 0
        said = response.headers.get("Content-Range", "")
        if response.status == 206 and size and said.startswith(f"bytes {size}-") and not response.packed:
            return size
        if response.status == 206:
            self.forget()
            raise AgainError("incomplete", f"the server gave another range than was asked for: {said[:60]!r}", 206)
        return 0

    def _check(self, start: bytes, response: Response) -> str:
        """Tell the format of a picture by its first bytes.

        Raises:
            FetchError: "not_an_image".
        """
        if (kind := sniff(start[:32])) is None:
            self.forget()
            said = response.headers.get("Content-Type", "no type")[:60]
            raise FetchError("not_an_image", f"the content is no picture ({said}, {start[:16]!r})", response.status)
        return kind

    def forget(self) -> None:
        """Remove the part that is there."""
        self.etag = self.modified = None
        self.part.unlink(missing_ok=True)
