"""Ten thousand, a hundred thousand, a million: what each step costs in time, memory and disk, and what ten times would.

``python -m benchmarks scale`` measures 10,000 and 100,000; ``python -m benchmarks.scale 1000000`` more. Each step runs
in a process of its own, so that its peak memory is its own. Where the picture does not matter, catalogues are filled
with vectors alone (clustered, of 256 numbers) and a few thousand thumbnails over and over; builds read real files.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing as mp
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

import posterity
from benchmarks.harness import peak_mb, tell
from posterity.catalogue import Film, Poster, Store
from posterity.embedding.pipeline import BATCH, MOST, provenance
from posterity.embedding.pipeline import SHARE as PART
from posterity.encoders import ENCODERS, EncoderSpec
from posterity.ingest.builder import SHARE

D = 256
SIZES = (10_000, 100_000)
CLUSTERS = 5_000


@dataclass(frozen=True)
class Synthetic:
    """Stands for an encoder of 256 numbers: its vectors are made up, and only stored and searched here."""

    spec: EncoderSpec

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Not needed: all vectors are there."""
        raise NotImplementedError


ENCODERS.add("synthetic", Synthetic(EncoderSpec("synthetic", D, (8, 8), "stretch", "cosine", 1, "made up")))


def vectors(start: int, stop: int) -> np.ndarray:
    """Draw vectors of unit length, the same whichever part is asked for."""
    centres = np.random.default_rng(0).standard_normal((CLUSTERS, D), dtype=np.float32)
    rng = np.random.default_rng(1 + start)
    rows = centres[rng.integers(0, CLUSTERS, stop - start)]
    rows += 0.8 * rng.standard_normal(rows.shape, dtype=np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def posters(folder: Path, start: int, stop: int) -> list[Poster]:
    """Make up rows of posters."""
    made = []
    for i in range(start, stop):
        identity = f"tt{i:08d}"
        digest = hashlib.sha256(identity.encode()).hexdigest()
        film = Film(
            imdb_id=identity, title=f"Film {i}", year=1930 + i % 96, genres=("Drama", "Comedy", "Horror")[i % 3 :]
        )
        made.append(Poster(identity, str(folder), f"{identity}.jpg", film, "JPEG", "RGB", 128, 192, 8000, 0, digest,
                           int(digest[:16], 16)))  # fmt: skip
    return made


def store_vectors(folder: Path, n: int) -> dict[str, float]:
    """Fill a catalogue with posters and vectors, in commits as a build's and an embedding run's."""
    jpegs = _jpegs()
    store = Store.create(folder)
    encoder = ENCODERS.get("synthetic")
    start = 0
    while start < n:
        some = posters(folder, start, min(n, start + max(512, start // SHARE)))
        store.put_posters(some, {p.sha256: jpegs[(start + k) % len(jpegs)] for k, p in enumerate(some)})
        start += len(some)
    store.prepare_vectors("synthetic", D, provenance(store, encoder))
    size = max(BATCH, min(MOST, n // PART))
    for start in range(0, n, size):
        some = posters(folder, start, min(n, start + size))
        rows = vectors(start, start + len(some))
        store.put_vectors([p.id for p in some], [p.sha256 for p in some], {"synthetic": rows})
    return {}


def _jpegs() -> list[bytes]:
    from posterity.images import thumbnail
    from posterity.testing import draw_poster, generate_films

    return [thumbnail(np.asarray(draw_poster(film, (240, 360)))) for film in generate_films(200)]


def compacted(folder: Path, n: int) -> dict[str, float]:
    """Merge small files, as ``posterity doctor --repair`` does."""
    from datetime import timedelta

    Store.open(folder).compact(timedelta(0))
    return {}


def indexed(folder: Path, n: int) -> dict[str, float]:
    """Make an approximate index and search by it."""
    os.environ["POSTERITY_INDEX"] = "approximate"
    films = posterity.open(folder)
    films.similar(f"tt{n // 2:08d}", encoder="synthetic")
    times = []
    for i in range(0, n, max(1, n // 40)):
        began = time.perf_counter()
        films.similar(f"tt{i:08d}", encoder="synthetic")
        times.append(time.perf_counter() - began)
    artefact = films.store.artefact("index_synthetic")
    assert artefact is not None
    return {"a search": float(np.median(times)) * 1000, "recall@10": json.loads(artefact.scores)["recall@10"]}


def searched(folder: Path, n: int) -> dict[str, float]:
    """Open it anew, with the index there, and search once."""
    os.environ["POSTERITY_INDEX"] = "approximate"
    posterity.open(folder).similar(f"tt{n // 3:08d}", encoder="synthetic")
    return {}


def paired(folder: Path, n: int) -> dict[str, float]:
    """Find the 200 closest pairs, exactly."""
    posterity.open(folder).pairs(200, encoder="synthetic")
    return {}


def mapped(folder: Path, n: int) -> dict[str, float]:
    """Draw a t-SNE map."""
    found = posterity.open(folder).map(encoder="synthetic")
    return {"trustworthiness": found.trustworthiness}


def walled(folder: Path, n: int) -> dict[str, float]:
    """Lay out a wall, one poster a cell."""
    found = posterity.open(folder).wall(encoder="synthetic")
    return {"DPQ16": found.dpq16}


def trained(folder: Path, n: int) -> dict[str, float]:
    """Train a self-organising map of 50 × 50 units out of core, in mini-batches."""
    from posterity.embedding.pipeline import load_vectors
    from posterity.numerics.som import SelfOrganizingMap

    X = load_vectors(Store.open(folder), ENCODERS.get("synthetic"))[1]

    def batches() -> Iterator[np.ndarray]:
        for start in range(0, n, 16_384):
            yield X[start : start + 16_384]

    som = SelfOrganizingMap(50, 50).fit_batches(batches, every=max(1, n // 100_000))
    return {"quantization error": som.quantization_error(X[: min(n, 20_000)])}


def paged(folder: Path, n: int) -> dict[str, float]:
    """Read all that the page shows, and draw the sprites."""
    from posterity.web.gallery import Gallery

    gallery = Gallery(posterity.open(folder))
    gallery.snapshot()
    gallery.collection()
    began = time.perf_counter()
    gallery.film(f"tt{n // 2:08d}")
    return {"a film's page": (time.perf_counter() - began) * 1000}


def project(points: dict[str, dict[str, dict[str, float]]]) -> None:
    """Fit time to powers of n, memory and disk to a + b n, and tell what ten and a hundred million would take.

    As many of the largest sizes are fitted as there are coefficients, for methods change with size (maps have landmarks
    from 100,001 on); no coefficient is below 0, and errors are relative.
    """
    from scipy.optimize import nnls

    for step, (_, of_time) in STEPS.items():
        known = {int(n): found for n, found in points.get(step, {}).items()}
        for what, powers in (("seconds", of_time), ("mb", (0, 1)), ("disk", (0, 1))):
            sizes = sorted(known)[-len(powers) :]
            if len(sizes) < len(powers):
                continue
            values = np.array([known[n][what] for n in sizes])
            terms = np.array([[float(n) ** power for power in powers] for n in sizes])
            scale = terms.max(axis=0)
            factors = nnls(terms / scale / values[:, None], np.ones(len(sizes)))[0] / scale
            for size in (1_000_000, 10_000_000, 100_000_000):
                guess = sum(f * float(size) ** power for f, power in zip(factors, powers, strict=True))
                tell(f"{size}: {step}, projected from {', '.join(map(str, sizes))}", float(guess), what)


STEPS: dict[str, tuple[Callable[[Path, int], dict[str, float]], tuple[int, ...]]] = {
    "vectors stored": (store_vectors, (0, 1, 2)),
    "compacted": (compacted, (0, 1)),
    "indexed": (indexed, (0, 1)),
    "opened and searched": (searched, (0, 1)),
    "self-organising map": (trained, (0, 1)),
    "map": (mapped, (0, 1)),
    "page made ready": (paged, (0, 1)),
    "wall": (walled, (0, 1)),
    "closest pairs": (paired, (0, 2)),
}
"""Name -> the step, and the powers of the size that its time is made of."""


def _run(step: str, folder: Path, n: int, answer: Any) -> None:
    began = time.perf_counter()
    told = STEPS[step][0](folder, n)
    answer.send({"seconds": time.perf_counter() - began, "mb": peak_mb(), **told})


def measured(step: str, folder: Path, n: int) -> dict[str, float]:
    """Run a step in a process of its own."""
    ours, theirs = mp.get_context("spawn").Pipe()
    process = mp.get_context("spawn").Process(target=_run, args=(step, folder, n, theirs))
    process.start()
    theirs.close()
    try:
        found: dict[str, float] = ours.recv()
    except EOFError:
        found = {"seconds": float("nan"), "mb": float("nan")}
    process.join()
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return found | {"disk": size / 1e6}


def _joined(file: Path, points: dict[str, dict[int, dict[str, float]]]) -> dict[str, Any]:
    """Give what was measured now and before, the newest of each."""
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    for step, sizes in points.items():
        found.setdefault(step, {}).update({str(n): figures for n, figures in sizes.items()})
    return found


def main() -> None:
    """Measure each size, step by step."""
    sizes = [int(each) for each in sys.argv[1:] if each.isdigit()] or list(SIZES)
    wanted = [each for each in sys.argv[1:] if not each.isdigit()] or list(STEPS)
    if wanted == ["project"]:
        sizes, wanted = [], []
    points: dict[str, dict[int, dict[str, float]]] = {}
    place = Path(os.environ.get("POSTERITY_SCALE", tempfile.gettempdir())) / "posterity-scale"
    for n in sizes:
        folder = place / f"{n}"
        if "vectors stored" in wanted:
            shutil.rmtree(folder, ignore_errors=True)
        total = 0.0
        for step in wanted:
            found = measured(step, folder, n)
            total += found["seconds"]
            points.setdefault(step, {})[n] = found
            (place / "points.json").write_text(json.dumps(_joined(place / "points.json", points)))
            tell(f"{n}: {step}", found["seconds"], "s")
            tell(f"{n}: {step}, peak memory", found["mb"], "MB")
            tell(f"{n}: {step}, catalogue on disk", found["disk"], "MB")
            for name in found.keys() - {"seconds", "mb", "disk"}:
                tell(f"{n}: {step}, {name}", found[name], "")
            if step == "opened and searched" and n == 1_000_000:
                tell("1,000,000 x 256 stored, indexed, searched", total / 60, "min", goal="< 30", met=total < 1800)
    project(_joined(place / "points.json", points))
    tell("memory of this machine", psutil.virtual_memory().total / 1e9, "GB")


if __name__ == "__main__":
    main()
