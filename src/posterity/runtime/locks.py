"""One process at a time: a lock on a file, which a process that ends, however it ends, lets go.

No lock, no write: where it cannot be taken, nothing is written. Two writers that do not wait for each other leave two
rows of one id, and neither can tell.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from posterity.errors import StorageError
from posterity.runtime.filenames import escape

log = logging.getLogger(__name__)

_PLAIN = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)
"""Errors of the place as a whole; whoever writes there reports them."""


@contextmanager
def held(path: Path, *, busy: StorageError | None = None) -> Iterator[None]:
    """Hold the lock on a file, which is made where it is not there.

    Args:
        path: The file.
        busy: Raised where another process holds it; None waits until that one lets go.

    Raises:
        OSError: The file cannot be opened: the disk is full or read-only, or permission is lacking.
        StorageError: The disk does not support locks, or ``busy``.
    """
    # Not the library's stand-in by a file's mere existence: a killed process would leave that behind for ever.
    lock = FileLock(path, fallback_to_soft=False)
    try:
        try:
            lock.acquire(blocking=False)
        except Timeout:
            if busy is not None:
                raise busy from None
            log.info("waiting for another writer", extra={"lock": str(path)})
            lock.acquire()
    except OSError as error:
        if error.errno in _PLAIN:
            raise
        raise StorageError(
            f"{escape(str(path))} cannot be locked: {error.strerror or error}; nothing was written",
            "Two writers at once would damage it. Use a disk that supports locks (flock).",
        ) from error
    try:
        yield
    finally:
        lock.release()
