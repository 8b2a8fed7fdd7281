"""The engine ray beside this process's threads: a build of 20,000 posters, and one worker beside two.

The posters are the real ones, each three times with a few bytes more at the end, so that no two files are equal. Both
engines have the same cores. Workers are pinned to a core each for the second part, and their memory is watched.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil

import posterity
from benchmarks.harness import Watch, data, tell
from posterity.runtime.engines import Engine, Local
from posterity.runtime.engines._ray import Ray

N = int(os.environ.get("POSTERITY_BENCH_POSTERS", "20000"))
ENCODERS_USED = ["poster", "colour", "composition", "pixels"]


def copies(folder: Path) -> Path:
    """Write N files of distinct content."""
    real = sorted(data("posters").iterdir())
    folder.mkdir()
    for i in range(N):
        (folder / f"{i:06d}.jpg").write_bytes(real[i % len(real)].read_bytes() + b"\0" * (i // len(real)))
    return folder


def held() -> float:
    """Give the most memory that any process of Ray's pool holds of its own now, in MB."""
    most = 0.0
    for process in workers():
        with suppress(psutil.Error):
            most = max(most, process.memory_full_info().uss / 2**20)
    return most


def workers() -> list[psutil.Process]:
    """Find the processes of Ray's pool."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if "_Worker" in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def built(posters: Path, folder: Path, engine: Engine) -> float:
    """Build, and time it."""
    shutil.rmtree(folder, ignore_errors=True)
    began = time.perf_counter()
    posterity.build(posters, folder, encoders=ENCODERS_USED, engine=engine)
    return time.perf_counter() - began


def encoded(folder: Path, n: int, cores: list[int], confined: bool) -> float:
    """Encode anew by n workers pinned to a core each, which have encoded before.

    The process that hands out and stores, and Ray's own, take what cores are left; or, confined, have the same n.
    """
    engine = Ray(workers=n)
    films = posterity.open(folder)
    films.store.remove_artefact("vector_poster")
    films.embed("poster", engine=engine)  # all processes are there, with their network loaded
    films.store.remove_artefact("vector_poster")
    everybody = [psutil.Process(), *psutil.Process().children(recursive=True)]
    for process in everybody if confined else ():
        process.cpu_affinity(cores[:n])
    for process, core in zip(workers(), cores, strict=False):
        process.cpu_affinity([core])
    began = time.perf_counter()
    films.embed("poster", engine=engine)
    took = time.perf_counter() - began
    engine.close()
    for process in everybody if confined else ():
        if process.is_running():
            process.cpu_affinity(cores)
    return took


def main() -> None:
    """Compare."""
    with tempfile.TemporaryDirectory() as place:
        posters = copies(Path(place, "posters"))
        cores = os.sched_getaffinity(0)
        local = built(posters, Path(place, "local"), Local(len(cores)))
        with Watch(held, 0.5) as memory:
            began = time.perf_counter()
            engine = Ray(workers=len(cores))
            list(engine.map(abs, range(64)))
            start = time.perf_counter() - began
            ray = built(posters, Path(place, "ray"), engine)
        tell("start of Ray and its workers", start, "s")
        tell(f"build of {N} on ray, start included", start + ray, "s", "threads", local, ratio=(start + ray) / local,
             goal="<= 1.15", met=(start + ray) / local <= 1.15)  # fmt: skip
        tell("memory of a worker", memory.most, "MB", goal="< 1500", met=memory.most < 1500)
        one, other = (posterity.open(Path(place, name)) for name in ("local", "ray"))
        same = one.posters() == other.posters() and all(
            (one.vectors(name)[1] == other.vectors(name)[1]).all() for name in ENCODERS_USED
        )
        tell("posters and vectors that are the same", float(same), "", goal="1", met=same)
        engine.close()
        if len(cores) > 1:
            alone = Path(place, "alone")  # no other vectors, which would be written anew beside
            posterity.build(posters, alone, encoders=["poster"])
            for confined in (True, False):
                one, two = (encoded(alone, n, sorted(cores), confined) for n in (1, 2))
                which = "the driver on the same cores" if confined else "the driver on what is left"
                goal = {"goal": ">= 1.8", "met": one / two >= 1.8} if confined else {}
                tell(f"encoding by two workers, a core each; {which}", two, "s", "one", one, ratio=one / two, **goal)


if __name__ == "__main__":
    main()
