"""File names as text on one line that can be turned back; places below a root; files that are written whole."""

from __future__ import annotations

import ctypes
import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from threading import get_ident
from urllib.parse import unquote_to_bytes

from posterity.errors import StorageError

_AT_CWD, _RENAME_EXCHANGE, _RENAME_SWAP = -100, 2, 2

# Control characters, line and paragraph separators, bytes that are not UTF-8 (surrogates), and the escape sign itself.
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
        OSError: It cannot be opened, or is not a regular file.
    """
    file = open(locate(source, path), "rb", buffering=0, opener=_without_waiting)  # noqa: SIM115
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "not a regular file")
    return file


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def locate(source: str, path: str) -> str:
    """Give the path to open of a file stored as (source, path), both in escaped form."""
    return f"{unescape(source)}/{unescape(path)}"


def leads_out(name: str) -> bool:
    r"""Tell whether a name, joined to a folder, would lead out of it, or to the folder itself.

    >>> [leads_out(name) for name in ("a/b.jpg", "../b", "/etc/b", "a/../../b", "", "c:\\b", "..")]
    [False, True, True, True, True, True, True]
    """
    if "\0" in name or re.match(r"[A-Za-z]:", name):
        return True
    return any(part in ("", ".", "..") for part in re.split(r"[/\\]", name))


def below(root: str | os.PathLike[str], *names: str) -> Path:
    """Give the place of a file below a folder; the one way to join names that were read from somewhere.

    Args:
        root: The folder.
        names: Names, or paths with ``/`` between, of other people's making.

    Raises:
        StorageError: The place would lie outside, by its name or through a link.
    """
    folder = Path(root)
    target = folder.joinpath(*names) if not any(leads_out(name) for name in names) else None
    if target is None or not Path(os.path.realpath(target)).is_relative_to(os.path.realpath(folder)):
        raise StorageError(
            f"{escape('/'.join(names))!r} is not inside {escape(str(folder))}",
            "Nothing was written there. The table or journal that names it is damaged, or was tampered with.",
        )
    return target


def exchange(one: Path, other: Path) -> bool:
    """Swap two folders in one step, so that whoever looks sees the one or the other; False where that cannot be done.

    Linux's ``renameat2`` with ``RENAME_EXCHANGE`` and macOS' ``renamex_np`` with ``RENAME_SWAP``.
    """
    if os.name != "posix":
        return False
    library, names = ctypes.CDLL(None, use_errno=True), (os.fsencode(one), os.fsencode(other))
    if hasattr(library, "renameat2"):
        return bool(library.renameat2(_AT_CWD, names[0], _AT_CWD, names[1], _RENAME_EXCHANGE) == 0)
    if hasattr(library, "renamex_np"):
        return bool(library.renamex_np(*names, _RENAME_SWAP) == 0)
    return False


_ELSEWHERE = "Choose another place with --out."


@contextmanager
def whole(path: str | os.PathLike[str], remedy: str = _ELSEWHERE) -> Iterator[Path]:
    """Write a file whole or not at all: gives a temporary path beside it, which takes its place at the end.

    Folders on the way are made. Whatever goes wrong, nothing is left behind. Nobody writes whole files otherwise.

    Args:
        path: Where the file is to be.
        remedy: What to do where it cannot be written.

    Raises:
        StorageError: The place cannot be written.
    """
    target = Path(path)
    # Two threads may write the same file, as two processes may.
    temporary = target.with_name(f".{target.name[:100]}.{os.getpid()}-{get_ident()}.part")
    with writing(target, remedy):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            temporary.replace(target)
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def write_whole(path: str | os.PathLike[str], content: bytes, remedy: str = _ELSEWHERE) -> None:
    """Write a file's content whole or not at all, as :func:`whole` does."""
    with whole(path, remedy) as temporary:
        temporary.write_bytes(content)


@contextmanager
def writing(target: Path, remedy: str = _ELSEWHERE) -> Iterator[None]:
    """Turn the system's error about a place that cannot be written into a :class:`StorageError`.

    Raises:
        StorageError: The place cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise StorageError(f"{escape(str(target))} cannot be written: {error.strerror or error}", remedy) from error
