"""One writer at a time in an object store, where there are no locks: a lease, kept by conditional writes alone.

The lease is an object that names its holder and is rewritten every few seconds, each time on condition that it is
still the one that this holder wrote last (``If-Match``). Who finds one that is there waits; only where it has not
changed for the whole of ``patience`` *as the waiting one's own clock measures it* is it taken over, again on condition.
No two machines' clocks are ever compared. A holder that cannot renew it in time stops writing before others may begin.

After: C. Gray, D. Cheriton, *Leases: an efficient fault-tolerant mechanism for distributed file cache consistency*,
SOSP 1989.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from posterity.errors import MissingExtraError, StorageError
from posterity.runtime.storage import Remote, as_os_errors, unreachable
from posterity.settings import setting

NAME = "writer.lease"

log = logging.getLogger(__name__)


class Lease:
    """A lease that is held.

    Args:
        place: The catalogue.
        tag: The ETag of the lease as it was written.
        holder: What names this holder.
        patience: Seconds after which others may take over.
    """

    def __init__(self, place: Remote, tag: str, holder: str, patience: float) -> None:
        self._place, self._tag, self._holder, self._patience = place / NAME, tag, holder, patience
        self._renewed = time.monotonic()
        self._over = threading.Event()
        self._lost = ""
        self._beats = 0
        self._thread = threading.Thread(target=self._renew, name="posterity-lease", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Make sure that it is still held.

        Raises:
            StorageError: It is not: another process writes, or may.
        """
        # Two thirds: the rest is for a write that is under way when this is asked.
        if not self._lost and time.monotonic() - self._renewed > self._patience * 2 / 3:
            self._lost = "the object store could not be reached in time to renew its lease"
        if self._lost:
            raise StorageError(
                f"catalogue {self._place}: this process may no longer write: {self._lost}",
                "What it committed is kept; run the same command again.",
            )

    def _renew(self) -> None:
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        while not self._over.wait(self._patience / 6):
            self._beats += 1
            asked = time.monotonic()
            body = _body(self._holder, self._beats)
            try:
                with as_os_errors_but_conditions():
                    answer = obstore.put(self._place.objects, self._place.key, body, mode={"e_tag": self._tag})
            except (PreconditionError, AlreadyExistsError, FileNotFoundError):
                if tag := self._written(body):  # only the answer was lost
                    self._tag, self._renewed = tag, asked
                    continue
                self._lost = "another process has taken over"
                log.error("lease lost", extra={"lease": str(self._place)})
                return
            except OSError:
                continue
            # What counts is when it was asked for: others may have seen it from then on.
            self._tag, self._renewed = str(answer["e_tag"]), asked

    def _written(self, body: bytes) -> str | None:
        """Give the ETag of what was written, where that is what lies there."""
        import obstore

        with suppress(OSError), as_os_errors():
            found = obstore.get(self._place.objects, self._place.key)
            if bytes(found.bytes()) == body:
                return str(found.meta["e_tag"])
        return None

    def release(self) -> None:
        """Let go of it, so that nobody has to wait."""
        import obstore

        self._over.set()
        self._thread.join()
        if not self._lost:
            with suppress(OSError), as_os_errors():  # else it runs out
                obstore.delete(self._place.objects, self._place.key)


@contextmanager
def as_os_errors_but_conditions() -> Iterator[None]:
    """As :func:`posterity.runtime.storage.as_os_errors`, but a failed condition is raised as it is."""
    from obstore.exceptions import AlreadyExistsError, PreconditionError

    held: Exception | None = None
    with as_os_errors():
        try:
            yield
        except (AlreadyExistsError, PreconditionError) as error:
            held = error
    if held is not None:
        raise held


def _body(holder: str, beats: int) -> bytes:
    return json.dumps({"holder": holder, "beats": beats}).encode()


@contextmanager
def leased(place: Remote) -> Iterator[Lease | None]:
    """Hold a catalogue's lease, waiting for whoever holds it; None where the setting says to do without.

    Raises:
        StorageError: The store cannot be reached, or takes no notice of conditions.
    """
    if setting("s3_conditional_writes") == "off":
        yield None
        return
    try:
        import obstore  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("an object store", "s3") from error
    patience = float(setting("s3_lease"))
    holder = f"{platform.node()} {os.getpid()} {uuid.uuid4().hex[:8]}"
    try:
        lease = Lease(place, _acquire(place / NAME, _body(holder, 0), patience), holder, patience)
    except OSError as error:
        raise unreachable(place, error) from error
    try:
        yield lease
    finally:
        lease.release()


def _acquire(place: Remote, body: bytes, patience: float) -> str:
    import obstore
    from obstore.exceptions import AlreadyExistsError, PreconditionError

    seen, since, waited = "", time.monotonic(), False
    while True:
        mode: Any = "create"
        try:
            with as_os_errors():
                seen, since = _observe(place, seen, since)
        except FileNotFoundError:
            seen = ""
        if seen:
            if not waited:
                log.info("waiting for another writer", extra={"lease": str(place)})
                waited = True
            if time.monotonic() - since < patience:
                time.sleep(min(0.5, patience / 10))
                continue
            mode = {"e_tag": seen}
            log.warning("taking over the lease of a writer that is gone", extra={"lease": str(place)})
        try:
            with as_os_errors_but_conditions():
                answer = obstore.put(place.objects, place.key, body, mode=mode)
        except (AlreadyExistsError, PreconditionError, FileNotFoundError):
            continue
        _probe(place, body)
        return str(answer["e_tag"])


def _observe(place: Remote, seen: str, since: float) -> tuple[str, float]:
    import obstore

    tag = str(obstore.head(place.objects, place.key)["e_tag"])
    return (seen, since) if tag == seen else (tag, time.monotonic())


def _probe(place: Remote, body: bytes) -> None:
    """Make sure that the store refuses to make what is there already: without that, commits would be lost in silence.

    (So they were: of 30 commits by three writers beside each other, a server that ignores conditions kept 25.)
    """
    import obstore
    from obstore.exceptions import AlreadyExistsError, PreconditionError

    try:
        with as_os_errors_but_conditions():
            obstore.put(place.objects, place.key, body, mode="create")
    except (AlreadyExistsError, PreconditionError):
        return
    obstore.delete(place.objects, place.key)
    raise StorageError(
        f"the object store of {place} ignores conditional writes (If-None-Match), so commits could be lost",
        "Use one that honours them (AWS S3, MinIO, Ceph, R2); or, if you make sure that only one process writes at "
        'a time, set s3_conditional_writes = "off".',
    )
