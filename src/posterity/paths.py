"""File names as text that can be stored, shown and turned back, on one line; and files that are written whole."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from urllib.parse import unquote_to_bytes

from posterity.errors import StorageError

# Control characters, line and paragraph separators, bytes that are no UTF-8 (surrogates), and the escape sign itself.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff%]")


def escape(path: str) -> str:
    r"""Write a path so that it is valid, one-line Unicode: what is not is percent-encoded, byte by byte.

    >>> escape("Caf\u00e9 100%\n.jpg"), escape("\udcff.jpg")
    ('Café 100%25%0A.jpg', '%FF.jpg')
    """
    return _UNSAFE.sub(lambda found: "".join(f"%{byte:02X}" for byte in os.fsencode(found[0])), path)


def unescape(text: str) -> str:
    r"""Undo :func:`escape`.

    >>> unescape("Caf\u00e9 100%25%0A.jpg") == "Caf\u00e9 100%\n.jpg"
    True
    """
    return os.fsdecode(unquote_to_bytes(text.encode())) if "%" in text else text


def open_at_once(source: str, path: str) -> FileIO:
    """Open a file stored as (source, path) for reading, without waiting for anybody.

    What was a file when it was listed may by now be a pipe that nobody writes to, which would be waited for for ever.

    Raises:
        OSError: It cannot be opened, or is no regular file.
    """
    file = open(locate(source, path), "rb", buffering=0, opener=_without_waiting)  # noqa: SIM115
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "no regular file")
    return file


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def locate(source: str, path: str) -> str:
    """Give the path to open of a file stored as (source, path), both in escaped form."""
    return f"{unescape(source)}/{unescape(path)}"


@contextmanager
def whole(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Write a file whole or not at all: gives a temporary path beside it, which takes its place at the end.

    Folders on the way are made. Whatever goes wrong, nothing is left behind.

    Args:
        path: Where the file is to be.

    Raises:
        StorageError: The place cannot be written.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name[:100]}.{os.getpid()}.part")
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            temporary.replace(target)
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Turn what the system says of a place that cannot be written into an error of ours.

    Raises:
        StorageError: The place cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{escape(str(target))} cannot be written: {error.strerror or error}", "Name another place with --out."
        ) from error
