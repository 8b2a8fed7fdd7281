"""Where files lie: in a folder, or in an object store that speaks S3 (``s3://bucket/key``).

Everything that reads a poster's file goes through here, so that the rest need not know which of the two it is.
Objects are read by ``obstore``, the very library (``object_store``) that the catalogue's own store reads them by, and
so with the same options and the same retries: a server that is away for less than a minute is waited for.

An object's "time of change" is a number made of its ETag: it changes when the content does, whatever any clock says.
"""

from __future__ import annotations

import errno
import hashlib
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from posterity.errors import ArgumentError, MissingExtraError, StorageError
from posterity.runtime.filenames import locate, open_at_once
from posterity.settings import setting

SCHEME = "s3://"

RETRY_SECONDS = 60
"""How long a request that fails is tried again: longer than a server takes to restart."""

_CREDENTIALS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")


@dataclass(frozen=True)
class Remote:
    """A place in an object store.

    Attributes:
        bucket: Its bucket.
        key: The prefix of the keys below it, without slashes at its ends.
    """

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.key}".rstrip("/")

    def __truediv__(self, name: str) -> Remote:
        return Remote(self.bucket, f"{self.key}/{name}".lstrip("/"))

    @property
    def name(self) -> str:
        """The last part of its key."""
        return self.key.rsplit("/", 1)[-1] or self.bucket

    @property
    def objects(self) -> Any:
        """The bucket, as obstore opens it."""
        return _bucket(self.bucket, tuple(sorted(connection().items())))


Place = Path | Remote


def is_remote(place: object) -> bool:
    """Tell whether a path is an address in an object store.

    >>> is_remote("s3://films/catalogue"), is_remote("films")
    (True, False)
    """
    return isinstance(place, Remote) or (isinstance(place, str) and place.startswith(SCHEME))


def place_of(name: str | os.PathLike[str] | Remote) -> Place:
    """Turn a name into a place.

    Raises:
        ArgumentError: It is an address without a bucket.
    """
    if isinstance(name, Remote):
        return name
    return remote(str(name)) if is_remote(name) else Path(name)


def remote(address: str) -> Remote:
    """Turn an address into the place that it names.

    Raises:
        ArgumentError: It has no bucket name.
    """
    bucket, _, key = address.removeprefix(SCHEME).partition("/")
    if not bucket:
        raise ArgumentError(f"{address} has no bucket name", "Write s3://bucket/folder.")
    return Remote(bucket, key.strip("/"))


def absolute(name: str | os.PathLike[str] | Remote) -> str:
    """Give a place's name that means the same everywhere: an absolute path without links, or an address."""
    place = place_of(name)
    return str(place) if isinstance(place, Remote) else os.path.realpath(place)


def name_of(place: Place) -> str:
    """Give the last part of a place's name."""
    return place.name if isinstance(place, Remote) else place.resolve().name


def cache_folder() -> Path:
    """Give the folder on this machine for what can be made again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "posterity"


def stand_in(place: Remote, what: str) -> Path:
    """Give the folder on this machine for what is not kept in an object store: ``what`` names its kind."""
    return cache_folder() / what / hashlib.sha256(str(place).encode()).hexdigest()[:16]


def connection() -> dict[str, str]:
    """Give what an object store is reached by: the settings ``s3_endpoint`` and ``s3_region``, and AWS's variables.

    Raises:
        ArgumentError: The endpoint is invalid.
    """
    endpoint = setting("s3_endpoint") or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    region = setting("s3_region") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    found = {"aws_region": region or "us-east-1"}
    for name in _CREDENTIALS:
        if value := os.environ.get(name.upper()):
            found[name] = value
    if endpoint:
        if not endpoint.startswith(("http://", "https://")):
            raise ArgumentError(f"invalid s3_endpoint {endpoint!r}", "Write https://host:port.")
        found["aws_endpoint"] = endpoint.rstrip("/")
    return found


def storage_options(place: Place) -> dict[str, str] | None:
    """Give LanceDB's options for a place; None for a folder."""
    if not isinstance(place, Remote):
        return None
    found = connection()
    plain = found.get("aws_endpoint", "").startswith("http://")
    waiting = {"client_max_retries": "20", "client_retry_timeout": str(RETRY_SECONDS), "connect_timeout": "5s"}
    return {**found, **waiting, "timeout": "30s", "allow_http": str(plain).lower()}


@lru_cache(maxsize=8)
def _bucket(name: str, options: tuple[tuple[str, str], ...]) -> Any:
    try:
        from obstore.store import S3Store
    except ImportError as error:
        raise MissingExtraError("an object store", "s3") from error
    config: Any = dict(options)
    plain = config.get("aws_endpoint", "").startswith("http://")
    return S3Store(
        name,
        config=config,
        client_options={"allow_http": plain, "timeout": "30s", "connect_timeout": "5s"},
        retry_config={"max_retries": 20, "retry_timeout": timedelta(seconds=RETRY_SECONDS)},
    )


@contextmanager
def as_os_errors() -> Iterator[None]:
    """Turn an object store's errors into the system's: what reads files knows how to go on after those."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        if not type(error).__module__.startswith("obstore"):
            raise
        denied = "permission" in type(error).__name__.lower() or "unauthenticated" in type(error).__name__.lower()
        first = " ".join(str(error).split("\n")[0].split())[:200]
        raise OSError(errno.EACCES if denied else errno.EIO, f"the object store: {first}") from error


def _validator(meta: dict[str, Any]) -> int:
    """Make a number of an object's ETag (or, where there is none, its date): positive, and never that of a clock."""
    tag = (meta.get("e_tag") or f"{meta['last_modified']}").removeprefix("W/").strip('"')
    return int.from_bytes(hashlib.sha256(tag.encode()).digest()[:7], "big") + 1


@dataclass(frozen=True)
class Status:
    """What tells whether a file changed: its size in bytes, and its time of change, or a number that stands for it."""

    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Content:
    """What was read of a file.

    Attributes:
        data: Its bytes; empty where it is too large.
        status: Of the file when it was read.
        lasting: Whether ``status`` will differ once the content does, whatever the clocks.
    """

    data: bytes
    status: Status
    lasting: bool


def read(
    source: str, path: str, most: int | None = None, worth: Callable[[bytes], object] = lambda start: True
) -> Content:
    """Read a file stored as (source, path), both escaped, without waiting for anybody.

    Args:
        source: The folder or address that it lies below.
        path: Where.
        most: Files of more bytes are not read.
        worth: Called with the first bytes; where it says no, the rest is not read.

    Raises:
        OSError: It cannot be read, or is not a regular file.
    """
    if not is_remote(source):
        with open_at_once(source, path) as file:
            found = os.fstat(file.fileno())
            status = Status(found.st_size, found.st_mtime_ns)
            if most is not None and status.size > most:
                return Content(b"", status, False)
            data = file.read(32)
            if worth(data):
                data += file.read() if most is None else file.read(most)
            return Content(data, status, False)
    import obstore

    place = remote(locate(source, path))
    with as_os_errors():
        answer = obstore.get(place.objects, place.key)
        status = Status(answer.meta["size"], _validator(dict(answer.meta)))
        if most is not None and status.size > most:
            return Content(b"", status, True)
        data = bytearray()
        for piece in answer.stream():
            begun = not data
            data += bytes(piece)
            if begun and not worth(bytes(data[:32])):
                break
        return Content(bytes(data), status, True)


def read_bytes(source: str, path: str) -> bytes:
    """Read a file stored as (source, path), both escaped.

    Raises:
        OSError: It cannot be read.
    """
    return read(source, path).data


def status_of(source: str, path: str) -> Status:
    """Look at a file stored as (source, path), both escaped, without reading it.

    Raises:
        OSError: It does not exist, or cannot be accessed.
    """
    if not is_remote(source):
        found = os.stat(locate(source, path))  # noqa: PTH116
        return Status(found.st_size, found.st_mtime_ns)
    import obstore

    place = remote(locate(source, path))
    with as_os_errors():
        meta = obstore.head(place.objects, place.key)
    return Status(meta["size"], _validator(dict(meta)))


def listed(place: Remote) -> Iterator[tuple[str, Status]]:
    """List the objects below a place, in the order of their keys: the key's part below it, and its status.

    Raises:
        OSError: The store cannot be asked.
    """
    import obstore

    start = f"{place.key}/" if place.key else ""
    with as_os_errors():
        for some in obstore.list(place.objects, prefix=place.key or None, chunk_size=1000):
            for meta in some:
                key = meta["path"]
                if key.startswith(start) and len(key) > len(start):
                    yield key[len(start) :], Status(meta["size"], _validator(dict(meta)))


def has_any(place: Remote) -> bool:
    """Tell whether anything lies below a place.

    Raises:
        StorageError: The store cannot be asked.
    """
    try:
        return next(listed(place), None) is not None
    except OSError as error:
        raise unreachable(place, error) from error


def unreachable(place: Place | str, error: OSError) -> StorageError:
    """Say that an object store cannot be asked, and what to look at."""
    return StorageError(
        f"{place} cannot be reached: {error.strerror or error}",
        "Check the bucket, s3_endpoint, and AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
    )


def folder_is_there(source: str) -> bool:
    """Tell whether a source's folder (escaped) is there: an address is, where anything lies below it."""
    if not is_remote(source):
        return Path(locate(source, "")).is_dir()
    return has_any(remote(locate(source, "")))


def put_file(place: Remote, file: Path) -> None:
    """Copy a file of this machine to an object; it is there whole or not at all.

    Raises:
        OSError: It cannot be written.
    """
    import obstore

    with as_os_errors():
        obstore.put(place.objects, place.key, file)


def may_write(place: Remote) -> bool:
    """Tell whether objects below a place may be written: by writing one of a name of its own, and removing it."""
    import obstore

    probe = place / f"probe-{uuid.uuid4().hex}"
    try:
        with as_os_errors():
            obstore.put(probe.objects, probe.key, b"")
            obstore.delete(probe.objects, probe.key)
    except OSError:
        return False
    return True


def fetch_file(place: Remote, file: Path) -> None:
    """Copy an object to a file of this machine.

    Raises:
        OSError: It cannot be read.
    """
    import obstore

    with as_os_errors(), file.open("wb") as target:
        for piece in obstore.get(place.objects, place.key).stream(min_chunk_size=8 * 2**20):
            target.write(bytes(piece))
