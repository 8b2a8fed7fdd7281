"""Real S3-compatible servers on loopback: moto, which honours conditional writes, and rclone, which ignores them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret-key"}
BUCKET = "archive"


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _program(name: str) -> str:
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"OBJECT STORES ARE NOT TESTED HERE: {name} is not installed; pip install 'posterity[dev]'")
    return found


def _answers(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server ended"
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the server does not answer")


def variables(port: int, host: str = "127.0.0.1") -> dict[str, str]:
    """Give what a process needs to reach a server."""
    return KEYS | {"POSTERITY_S3_ENDPOINT": f"http://{host}:{port}"}


class Moto:
    """moto's server."""

    def __init__(self, host: str = "127.0.0.1", wrapper: tuple[str, ...] = ()) -> None:
        self.port = free_port()
        self.variables = variables(self.port, host)
        self.process = subprocess.Popen(
            [*wrapper, _program("moto_server"), "-H", host, "-p", str(self.port)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        if not wrapper:
            _answers(self.port, self.process)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


class Rclone:
    """rclone's server of a folder: it ignores conditions."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / BUCKET).mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.variables = variables(self.port) | {"POSTERITY_S3_CONDITIONAL_WRITES": "off"}
        keys = f"{KEYS['AWS_ACCESS_KEY_ID']},{KEYS['AWS_SECRET_ACCESS_KEY']}"
        self.process = subprocess.Popen(
            [_program("rclone"), "serve", "s3", "--addr", f"127.0.0.1:{self.port}", "--auth-key", keys,
             "--vfs-cache-mode", "off", str(self.folder)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=os.environ | {"HOME": str(self.folder.parent), "RCLONE_CONFIG": ""},
        )  # fmt: skip
        _answers(self.port, self.process)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


FRONT = """
import asyncio, sys
async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()
async def serve(reader, writer):
    there = await asyncio.open_connection("127.0.0.1", int(sys.argv[2]))
    await asyncio.gather(copy(reader, there[1]), copy(there[0], writer))
async def main():
    async with await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1])) as server:
        await server.serve_forever()
asyncio.run(main())
"""


class Front:
    """The process through which a store is reached, as a large store's gateway: it can be killed, and begin anew.

    (moto keeps objects in its memory, so it cannot be killed itself; and rclone's server, begun anew, answers ranges of
    what is there with a status that no client takes.)
    """

    def __init__(self, store: Moto) -> None:
        self.store = store
        self.port = free_port()
        self.variables = variables(self.port)
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-c", FRONT, str(self.port), str(self.store.port)])
        _answers(self.port, self.process)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def turn_away(self, n: int) -> None:
        """While it is killed: end the next connections as soon as they are made, and come back when n have come."""
        with socket.create_server(("127.0.0.1", self.port)) as door:
            door.settimeout(120)
            for _ in range(n):
                door.accept()[0].close()


@contextmanager
def moto() -> Iterator[Moto]:
    """Run moto's server, with an empty bucket, and this process reaching it."""
    server = Moto()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.variables.items():
            patch.setenv(name, value)
        make_bucket(server.port)
        try:
            yield server
        finally:
            server.close()


def make_bucket(port: int, host: str = "127.0.0.1") -> None:
    """Make the bucket, as its owner would by any client."""
    import boto3

    boto3.client(
        "s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1",
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"], aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
    ).create_bucket(Bucket=BUCKET)  # fmt: skip


def upload(folder: Path, address: str) -> None:
    """Copy a folder's files to an address."""
    from posterity.runtime.storage import Remote, place_of, put_file

    place = place_of(address)
    assert isinstance(place, Remote)
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            put_file(place / file.relative_to(folder).as_posix(), file)
