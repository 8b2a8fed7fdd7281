"""Embedding with ``colour`` beside decoding alone: the same files, decoder, sizes, threads and chunks.

Each measurement is a process of its own, so that its peak memory is its own: ``python -m benchmarks.embedding`` runs
itself with the arguments of one. The larger collection is the real one four times, each copy with bytes after the
picture's end, so that no two files are the same.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.harness import data, peak_mb, seconds, tell
from posterity.catalogue import Store
from posterity.embedding.pipeline import CHUNK, embed
from posterity.encoders import ENCODERS
from posterity.images import decode, tier
from posterity.ingest.run import ingest, of_folder
from posterity.runtime.parallel import chunked, n_workers, ordered_map

ROUNDS = 5


def decode_alone(folder: Path) -> float:
    """Read and decode every file as embedding does, and do nothing with it; gives seconds."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    enough = tier(ENCODERS.get("colour").spec.size)

    def work(chunk: Sequence[Path]) -> None:
        for path in chunk:
            with open(path, "rb") as file:  # noqa: PTH123
                decode(file.read(), enough)

    return seconds(lambda: list(ordered_map(work, chunked(files, CHUNK), n_workers(), ahead=8)))


def one(what: str, folder: Path, catalogue: str) -> None:
    """Run one measurement in this process and print its seconds and peak memory."""
    if what == "decode":
        spent = decode_alone(folder)
    else:
        store = Store.open(catalogue)
        store.remove_artefact("vector_colour")
        spent = seconds(lambda: embed(store, ["colour"], show_progress=False))
    print(json.dumps([spent, peak_mb()]))


def measured(what: str, folder: Path, catalogue: Path) -> tuple[float, float]:
    """Run :func:`one` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.embedding", what, str(folder), str(catalogue)]
    spent, peak = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return spent, peak


def main() -> None:
    """Measure both sizes, alternating with decoding alone so that whatever else runs hits both."""
    posters = data("posters")
    files = sorted(posters.iterdir())
    with tempfile.TemporaryDirectory() as scratch:
        for copies in (1, 4):
            folder = posters
            if copies > 1:
                folder = Path(scratch, "copies")
                for copy in range(copies):
                    (folder / str(copy)).mkdir(parents=True)
                    for file in files:
                        (folder / str(copy) / file.name).write_bytes(file.read_bytes() + bytes([copy]))
            catalogue = Path(scratch, f"films{copies}")
            store = Store.create(catalogue)
            ingest(store, of_folder(folder), show_progress=False)
            n = store.count()
            embed(store, ["colour"], show_progress=False)
            runs = [
                (measured("decode", folder, catalogue), measured("embed", folder, catalogue)) for _ in range(ROUNDS)
            ]
            decoding, embedding = (n / statistics.median(run[i][0] for run in runs) for i in (0, 1))
            share = statistics.median(run[0][0] / run[1][0] for run in runs)
            goal = {"ratio": share, "goal": ">= 0.8", "met": share >= 0.8}
            tell(f"embed {n}", embedding, "posters/s", "decode alone", decoding, **goal)
            peak = max(run[1][1] for run in runs)
            tell(f"peak {n}", peak, "MB", goal="< 700 MB", met=peak < 700)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        one(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
    else:
        main()
