"""Downloading 2,000 posters from a loopback server that takes 20 ms for each, beside one-by-one ``requests``.

The peer does what the article's code does: a new session for each picture, read in pieces of 1,024 bytes; without its
pause of a second. The ideal is what latency and concurrency allow: pictures / concurrency × 20 ms. The server is a
process of its own, on the same cores. The rate limit is off.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import requests
from aiohttp import web

from benchmarks.harness import data, peak_mb, seconds, tell
from posterity.sources.downloads import Job, download
from posterity.sources.politeness import Politeness

POSTERS = 2000
LATENCY_S = 0.020


def serve(folder: Path) -> None:
    """Serve a folder, each answer after the latency; prints the port."""

    async def answer(request: web.Request) -> web.StreamResponse:
        file = folder / request.path.lstrip("/")
        await asyncio.sleep(LATENCY_S)
        return web.Response(body=file.read_bytes(), content_type="image/jpeg")

    async def start() -> None:
        app = web.Application()
        app.router.add_get("/{name}", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.Event().wait()

    asyncio.run(start())


def one_by_one(addresses: list[str], folder: Path) -> None:
    """Download as the article does."""
    for address in addresses:
        session = requests.Session()
        answer = session.get(address, stream=True)
        with (folder / address.rsplit("/", 1)[-1]).open("wb") as file:
            for piece in answer.iter_content(chunk_size=1024):
                file.write(piece)


def ours(jobs: list[Job], folder: Path, politeness: Politeness) -> None:
    """Download, and see that all is there."""
    download(jobs, folder, politeness, show_progress=False)
    if len(list(folder.glob("*.jpg"))) != len(jobs):
        raise SystemExit("not all were downloaded")


def main() -> None:
    """Measure both against one server, and the ideal."""
    posters = data("posters")
    names = sorted(path.name for path in posters.glob("*.jpg"))[:POSTERS]
    command = [sys.executable, "-m", "benchmarks.download", str(posters)]
    with (
        tempfile.TemporaryDirectory() as scratch,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server,
    ):
        assert server.stdout is not None
        port = int(server.stdout.readline())
        addresses = [f"http://127.0.0.1:{port}/{name}" for name in names]
        jobs = [Job(name, address, name[:-4]) for name, address in zip(names, addresses, strict=True)]
        (Path(scratch) / "peer").mkdir()
        try:
            peer = seconds(lambda: one_by_one(addresses, Path(scratch) / "peer"))
            for concurrency in (16, 64):
                politeness = Politeness(rate=0, concurrency=concurrency, allow_private=True)
                folders = [Path(scratch) / f"ours-{concurrency}-{run}" for run in range(3)]
                took = statistics.median(seconds(partial(ours, jobs, folder, politeness)) for folder in folders)
                ideal = POSTERS / concurrency * LATENCY_S
                name = f"{POSTERS:,} posters, {concurrency} at once"
                tell(name, took, "s", "one by one", peer, ratio=peer / took, goal=">= 10×", met=peer / took >= 10)
                goal = ("<= 1.25", took <= 1.25 * ideal) if concurrency == 16 else ("", None)
                tell(name, took, "s", "ideal", ideal, ratio=took / ideal, goal=goal[0], met=goal[1])
            again = seconds(partial(ours, jobs, Path(scratch) / "ours-16-0", Politeness(rate=0, allow_private=True)))
            tell("the same again: nothing is asked for", again, "s")
            tell("peak memory", peak_mb(), "MB")
        finally:
            server.terminate()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        serve(Path(sys.argv[1]))
    else:
        main()
