"""The server under load, on loopback: mixed requests at three rates, half-sent ones, Ctrl-C in the midst of it.

Requests come at their times, whether or not others are answered (an open loop), and what they take is counted from
then. Where there are four cores or more, the server has half of them to itself.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

import posterity
from benchmarks.harness import tell
from benchmarks.page import generate
from posterity.images import decode, thumbnail

POSTERS = 2_753
RATES = (60, 150, 300)
SECONDS = 10
LIMIT = 10.0
"""Seconds after which a request counts as one that was not answered."""

HALF_SENT = 1_100


@dataclass
class Seen:
    """What became of some requests: seconds of those answered, counts of the rest by what it was."""

    accepted: list[float] = field(default_factory=list)
    health: list[float] = field(default_factory=list)
    refused: int = 0
    errors: Counter[str] = field(default_factory=Counter)


class Client:
    """Asks over connections that are used again, as a browser does."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self, path: str) -> tuple[int, bytes]:
        """Give the status and the content."""
        while self.idle:
            pair = self.idle.pop()
            try:
                return await self._over(pair, path)
            except (ConnectionError, asyncio.IncompleteReadError):
                pair[1].close()  # it was closed for being idle: asked again over another
        return await self._over(await asyncio.open_connection("127.0.0.1", self.port), path)

    async def _over(self, pair: tuple[asyncio.StreamReader, asyncio.StreamWriter], path: str) -> tuple[int, bytes]:
        reader, writer = pair
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.split("content-length: ")[1].split("\r\n")[0]) if "content-length" in head else 0
        body = await reader.readexactly(length)
        self.idle.append(pair)
        return int(head.split(" ")[1]), body

    def close(self) -> None:
        """Hang up."""
        for _, writer in self.idle:
            writer.close()


def mixture(collection: dict[str, list[str]], rng: random.Random) -> Callable[[], str]:
    """Give what makes up addresses as visitors ask for them."""
    ids, digests, titles = collection["ids"], collection["digests"], collection["titles"]
    kinds: list[tuple[int, Callable[[], str]]] = [
        (8, lambda: f"/api/thumbnails/{rng.choice(digests)}.jpg"),
        (2, lambda: "/page.js"),
        (1, lambda: "/api/collection"),
        (3, lambda: f"/api/films?search={rng.choice(titles).split()[0]}"),
        (2, lambda: f"/api/films/{rng.choice(ids)}"),
        (2, lambda: f"/api/films/{rng.choice(ids)}/similar?weights=content=1,colour={rng.random():.2f}"),
        (1, lambda: f"/api/films/{rng.choice(ids)}/why?other={rng.choice(ids)}"),
        (1, lambda: f"/api/pairs?n={rng.randint(1, 1000)}"),
    ]
    makers = [make for weight, make in kinds for _ in range(weight)]
    return lambda: rng.choice(makers)()


async def asked(client: Client, path: str, seen: Seen, into: list[float], due: float) -> None:
    """Ask for something, and note what became of it."""
    try:
        status, _ = await asyncio.wait_for(client.ask(path), LIMIT)
    except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
        seen.errors[type(error).__name__] += 1
        return
    if status == 503:
        seen.refused += 1
    elif status == 200:
        into.append(time.perf_counter() - due)
    else:
        seen.errors[str(status)] += 1


async def load(port: int, rate: int, seconds: float, make: Callable[[], str]) -> Seen:
    """Ask so often a second, and how the server is ten times a second."""
    client, seen, tasks = Client(port), Seen(), []
    began = time.perf_counter()
    plan = [(number / rate, make(), seen.accepted) for number in range(round(rate * seconds))]
    plan += [(number / 10, "/healthz", seen.health) for number in range(round(10 * seconds))]
    for due, path, into in sorted(plan, key=lambda each: each[0]):
        if (wait := began + due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.create_task(asked(client, path, seen, into, began + due)))
    await asyncio.gather(*tasks)
    client.close()
    return seen


async def half_sent(port: int) -> Seen:
    """Leave many requests half-sent, and ask how the server is meanwhile."""
    seen = Seen()

    async def leave() -> asyncio.StreamWriter:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: 127")
        return writer

    left = await asyncio.gather(*(leave() for _ in range(HALF_SENT)), return_exceptions=True)
    for _ in range(20):
        await asked(Client(port), "/healthz", seen, seen.health, time.perf_counter())
    for each in left:
        if isinstance(each, asyncio.StreamWriter):
            each.close()
    return seen


def p99(values: list[float]) -> float:
    """Give the 99th percentile in milliseconds."""
    return round(1000 * sorted(values)[int(0.99 * (len(values) - 1))], 1) if values else float("nan")


def begin(folder: Path, errors: Path) -> tuple[subprocess.Popen[str], int]:
    """Serve a catalogue; gives the process and the port."""
    command = [sys.executable, "-m", "posterity", "serve", str(folder), "--port", "0", "--json"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors.open("w"), text=True)
    assert server.stdout is not None
    port = int(json.loads(server.stdout.readline())["address"].rsplit(":", 1)[1].strip("/"))
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) >= 4:
        os.sched_setaffinity(server.pid, cores[: len(cores) // 2])
        os.sched_setaffinity(0, cores[len(cores) // 2 :])
    return server, port


def say(what: str, seen: Seen) -> None:
    """Tell what became of requests."""
    if seen.accepted:
        tell(f"{what}: accepted", len(seen.accepted), "requests", "refused (503)", seen.refused)
        tell(f"{what}: p50 of what is accepted", round(1000 * statistics.median(seen.accepted), 1), "ms")
        worst = p99(seen.accepted)
        tell(f"{what}: p99 of what is accepted", worst, "ms", goal="< 1000", met=worst < 1000)
    health = p99(seen.health)
    tell(f"{what}: p99 of /healthz", health, "ms", goal="< 250", met=health < 250)
    wrong = ", ".join(f"{count} {name}" for name, count in seen.errors.items())
    tell(f"{what}: other errors", seen.errors.total(), wrong or "errors", goal="0", met=not seen.errors)


def main() -> None:
    """Run all of it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = HALF_SENT + 500
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        files = sorted(posterity.write_sample(place / "sample", 60).posters.iterdir())
        films = generate(place / "films", POSTERS, [thumbnail(decode(file.read_bytes(), (192, 128))) for file in files])
        tell("posters", len(films), "", "load of the machine", round(os.getloadavg()[0], 1))
        server, port = begin(place / "films", place / "errors")
        # The server keeps the usual limit of files; the client needs more.
        if hard == resource.RLIM_INFINITY or hard >= wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
        try:
            make = mixture(json.loads(asyncio.run(_whole(port, "/api/collection"))), random.Random(0))
            # So that what is held is held, and long work is done.
            for n in (200, 1000):
                while b'"state":"working"' in asyncio.run(_whole(port, f"/api/pairs?n={n}"))[:40]:
                    time.sleep(0.2)
            asyncio.run(load(port, RATES[-1], 2 * SECONDS, make))
            process = psutil.Process(server.pid)
            before = process.memory_info().rss
            for rate in RATES:
                say(f"{rate}/s", asyncio.run(load(port, rate, SECONDS, make)))
            after = process.memory_info().rss
            grown = after / before - 1
            tell(
                "memory after", round(after / 1e6), "MB", "before", round(before / 1e6), ratio=round(1 + grown, 3),
                goal="< 1.2", met=grown < 0.2,
            )  # fmt: skip
            say(f"{HALF_SENT} half-sent requests", asyncio.run(half_sent(port)))
            tell("most threads", process.num_threads(), "threads")
            tell(
                "Ctrl-C under attack", took := asyncio.run(_stopped(server, port, make)), "s", goal="< 3", met=took < 3
            )
            told = (place / "errors").stat().st_size
            tell("written to standard error", told, "bytes", goal="< 10000", met=told < 10_000)
        finally:
            server.kill()
            server.wait()


async def _whole(port: int, path: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
    _, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return body


async def _stopped(server: subprocess.Popen[str], port: int, make: Callable[[], str]) -> float:
    """Stop the server while it is asked for more than it can do; tell how long that takes."""
    attack = asyncio.create_task(load(port, RATES[-1], SECONDS, make))
    await asyncio.sleep(2)
    began = time.perf_counter()
    server.send_signal(signal.SIGINT)
    await asyncio.to_thread(server.wait, 60)
    took = time.perf_counter() - began
    attack.cancel()
    with suppress(asyncio.CancelledError):
        await attack
    return round(took, 2)


if __name__ == "__main__":
    main()
