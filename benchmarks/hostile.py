"""A hundred pictures that are small to send and dear to decode: in a build, and sent to the clinic at once.

A fifth each: progressive JPEGs of 2,000 scans, 16-bit PNGs of 79 megapixels and TIFFs of floating-point numbers of 67,
which are refused; flat PNGs of 79 megapixels and 16-bit ones of 40, which are just within the caps and decoded. What is
measured is the whole tree of processes.
"""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import numpy as np
import psutil
from PIL import Image

import posterity
from benchmarks.harness import Watch, tell
from benchmarks.load import begin, p99
from posterity.images.cost import MOST_BYTES, MOST_DEEP

N = 100
AT_ONCE = 42
"""Uploads on their way at a time, as in the attack that this remakes."""


def weighed(pid: int) -> Watch:
    """Watch the bytes that a process and its children hold together, fifty times a second."""
    process = psutil.Process(pid)

    def held() -> float:
        try:
            return sum(each.memory_info().rss for each in (process, *process.children(recursive=True)))
        except psutil.NoSuchProcess:  # one ended between two of these steps
            return 0

    return Watch(held, 0.02)


def hostile() -> list[tuple[str, bytes]]:
    """Make them, no two alike."""
    deep = np.zeros((8900, 8900), np.uint16)
    side = int((MOST_BYTES / 8) ** 0.5)
    kinds = {
        "scans.jpg": _scans(2000),
        "deep.png": _saved(Image.fromarray(deep), "PNG"),
        "float.tif": _saved(Image.fromarray(np.zeros((side, side), np.float32)), "TIFF", compression="tiff_lzw"),
        "flat.png": _saved(Image.new("RGB", (8900, 8900), (200, 30, 30)), "PNG"),
        "within.png": _saved(Image.fromarray(deep[:6000, : MOST_DEEP // 6000]), "PNG"),
    }
    # What comes after a picture's end makes another file of it, and does not hurt.
    return [(f"{i}{name}", kinds[name] + b"%d" % i) for i, name in zip(range(N), itertools.cycle(kinds))]


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _scans(n: int) -> bytes:
    data = _saved(Image.new("RGB", (1000, 1500), (200, 30, 30)), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * (n - data.count(b"\xff\xda")) + b"\xff\xd9"


async def _sent(port: int, pictures: list[tuple[str, bytes]]) -> tuple[dict[str, int], list[float]]:
    """Send them to the clinic, again where it is busy; gives counts by status, and what ``/healthz`` took meanwhile."""
    seen: dict[str, int] = {}
    health: list[float] = []
    gate = asyncio.Semaphore(AT_ONCE)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=120) as client:

        async def send(name: str, data: bytes) -> None:
            async with gate:
                while True:
                    answer = await client.post("/api/clinic", files={"file": (name, data)})
                    if answer.status_code != 503:
                        break
                    seen["refused (503)"] = seen.get("refused (503)", 0) + 1
                    await asyncio.sleep(float(answer.headers["retry-after"]))
            seen[str(answer.status_code)] = seen.get(str(answer.status_code), 0) + 1

        async def watch() -> None:
            while True:
                began = time.perf_counter()
                await client.get("/healthz")
                health.append(time.perf_counter() - began)
                await asyncio.sleep(0.1)

        watching = asyncio.create_task(watch())
        await asyncio.gather(*(send(*picture) for picture in pictures))
        watching.cancel()
    return seen, health


def main() -> None:
    """Run both."""
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        pictures = hostile()
        (place / "posters").mkdir()
        for name, data in pictures:
            (place / "posters" / name).write_bytes(data)
        tell("pictures", len(pictures), f"kB together {sum(len(data) for _, data in pictures) // 1000}")
        began = time.perf_counter()
        films = str(place / "films")
        command = [sys.executable, "-m", "posterity", "build", str(place / "posters"), "-c", films, "--json"]
        building = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        with weighed(building.pid) as memory:
            told, _ = building.communicate()
        took = time.perf_counter() - began
        tell("build: time", round(took, 1), "s", goal="< 60", met=took < 60)
        tell("build: most memory", round(memory.most / 1e6), "MB", goal="< 1000", met=memory.most < 1e9)
        report = json.loads(told)
        tell("build: kept", report["added"], "", "dropped", report["dropped"])

        sample = posterity.write_sample(place / "sample", 60).posters
        posterity.build(sample, place / "served")
        server, port = begin(place / "served", place / "errors")
        try:
            began = time.perf_counter()
            with weighed(server.pid) as memory:
                seen, health = asyncio.run(_sent(port, pictures))
            took = time.perf_counter() - began
            tell("clinic: time", round(took, 1), "s", goal="< 60", met=took < 60)
            tell("clinic: most memory", round(memory.most / 1e6), "MB", goal="< 1000", met=memory.most < 1e9)
            tell("clinic: answers", sum(seen.values()), json.dumps(seen))
            worst = p99(health)
            tell("clinic: p99 of /healthz", worst, "ms", goal="< 250", met=worst < 250)
        finally:
            server.kill()
            server.wait()


if __name__ == "__main__":
    main()
