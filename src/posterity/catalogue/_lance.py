"""What LanceDB says when something goes wrong, as errors of ours; and trying again, or waiting, where that helps.

LanceDB raises plain ``OSError``, ``RuntimeError`` and ``ValueError`` whose text carries the cause, so the text is what
there is to go by. This is the one place that reads it.
"""

from __future__ import annotations

import errno
import logging
import os
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from posterity.catalogue._lease import Lease, leased
from posterity.errors import CatalogueError, PosterityError, StorageError, one_line
from posterity.runtime.locks import held
from posterity.runtime.storage import Place, Remote

T = TypeVar("T")

log = logging.getLogger(__name__)

_AWAY = ("generic s3 error", "error sending request", "connection refused", "error decoding response body")

_CAUSES = (
    (("os error 28", "no space left"), "the disk is full", "Free some space and run the same command again"),
    (("os error 122", "quota exceeded"), "the disk quota is used up", "Free some space and run the command again"),
    (
        ("os error 30", "read-only file system"),
        "the disk is read-only",
        "Copy the catalogue to a disk you can write to",
    ),
    (("os error 13", "permission denied"), "no permission", "Give this user access to it, or copy it elsewhere"),
    (
        ("failed to parse path", "surrogates not allowed"),
        "the store does not support this name",
        "Choose another folder",
    ),
    (
        ("accessdenied", "access denied", "invalidaccesskeyid", "signaturedoesnotmatch", "credential"),
        "the object store rejected the credentials",
        "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    ),
    (("nosuchbucket", "bucket does not exist"), "the bucket does not exist", "Create it, or use another"),
    (
        _AWAY,
        "the object store cannot be reached",
        "Check it and s3_endpoint; then run the same command again",
    ),
    (("os error 5", "input/output error"), "the disk failed", "Check the disk; then run `posterity doctor`"),
)
_OF_DAMAGE = frozenset({errno.ENOENT, errno.EINVAL, errno.EISDIR, errno.ENOTDIR, errno.EOVERFLOW})
"""What the system says of a file that was reached: it is not there, or was asked for what it cannot hold. All other
numbers say that it could not be accessed."""

_CONFLICTS = ("commit conflict", "concurrent writers", "concurrent modification", "retryable")


@contextmanager
def translate_errors(folder: str) -> Iterator[None]:
    """Turn the store's errors about ``folder`` into :class:`StorageError` or :class:`CatalogueError`."""
    try:
        yield
    except PosterityError:
        raise
    except (OSError, RuntimeError, ValueError) as error:
        text = str(error).lower()
        for signs, cause, remedy in _CAUSES:
            if any(sign in text for sign in signs):
                raise StorageError(
                    f"catalogue {folder}: {cause}", f"{remedy}; everything committed before is kept."
                ) from error
        if why := not_reached(error):
            raise StorageError(
                f"catalogue {folder}: {why}",
                "Check the disk or network drive that holds it; everything committed before is kept.",
            ) from error
        first = one_line(error, 300)
        raise CatalogueError(
            f"catalogue {folder}: the store failed: {first}", f"Check it with `posterity doctor {folder}`."
        ) from error


def not_reached(error: BaseException) -> str:
    """Tell why the store could not look at a file; empty where it could, and what it found there was wrong.

    >>> not_reached(RuntimeError("lance error: LanceError(IO): Permission denied (os error 13), local.rs:274"))
    'permission denied'
    >>> not_reached(RuntimeError("lance error: LanceError(IO): failed to fill whole buffer"))
    ''
    """
    text = str(error).lower()
    numbers = [int(found) for found in re.findall(r"os error (\d+)", text)]
    if isinstance(error, OSError) and error.errno is not None:
        numbers.append(error.errno)
    for number in numbers:
        if number not in _OF_DAMAGE:
            return os.strerror(number).lower()
    if isinstance(error, MemoryError):
        return "there is not enough memory"
    for signs, cause, _ in _CAUSES:
        if any(sign in text for sign in signs):
            return cause
    return ""


def retried(write: Callable[[], T], attempts: int = 6, patience: float = 0.0) -> T:
    """Run a write, and again, with growing random pauses, where another writer's commit came between.

    Args:
        write: What to run.
        attempts: How often at most.
        patience: Seconds for which it is also run again where the object store was not reached, or broke off: only for
            writes that come to the same when they are done twice, as it is not known whether the first was done.
    """
    until = time.monotonic() + patience
    attempt = 0
    while True:
        try:
            return write()
        except (OSError, RuntimeError, ValueError) as error:
            text = str(error).lower()
            if any(sign in text for sign in _AWAY) and time.monotonic() < until:
                log.warning(
                    "the object store cannot be reached; trying again", extra={"error": " ".join(text.split())[:200]}
                )
                time.sleep(random.uniform(0.5, 1.0))  # noqa: S311
                continue
            attempt += 1
            if attempt == attempts or not any(sign in text for sign in _CONFLICTS):
                raise
            time.sleep(random.uniform(0.02, 0.1) * 2**attempt)  # noqa: S311


@contextmanager
def one_writer(folder: Place) -> Iterator[Lease | None]:
    """Wait until no other process holds this for the catalogue: of two builds at once, both would choose the same ids.

    The store does not mind two rows of one id, nor can it tell; so where the lock cannot be taken, nothing is written.
    A process that ends, however it ends, lets go. In an object store a lease takes the lock's place.

    Raises:
        StorageError: The lock cannot be taken; or the object store cannot be reached, or takes no notice of conditions.
    """
    if isinstance(folder, Remote):
        with leased(folder) as lease:
            yield lease
        return
    with ExitStack() as locked:
        with translate_errors(str(folder)):
            locked.enter_context(held(folder / "writer.lock"))
        yield None


def quoted(text: str) -> str:
    """Write a string as an SQL literal.

    >>> print(quoted("Rosemary's Baby"))
    'Rosemary''s Baby'
    """
    return "'" + text.replace("'", "''") + "'"
