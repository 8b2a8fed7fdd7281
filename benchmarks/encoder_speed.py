"""The encoder in the box: from files to stored vectors beside the bare network, and beside the seeds' pattern.

- the bare network: the same ONNX file, on all cores at once, one thread a call, at the best of several batch sizes, on
  pictures that are in memory already: the limit;
- the seeds' pattern: one picture at a time through ResNet-18 in eager PyTorch (224×224), with PIL and torchvision's
  steps written out.

Measurements alternate, and medians are given.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

import posterity
from benchmarks.harness import data, peak_mb, seconds, tell
from posterity.encoders import runtime
from posterity.encoders.poster import Poster
from posterity.runtime.parallel import n_workers

ROUNDS = 3
PICTURES = 7_000
SEED_PICTURES = 60


def bare(model: bytes, by: str, batch: int) -> float:
    """Run the network alone on all cores: posters a second."""
    run, workers = runtime.load(model, by, "the network"), n_workers()
    images = np.random.default_rng(0).integers(0, 256, (batch, 192, 128, 3), dtype=np.uint8)
    run(images)
    calls = max(4, 1500 // batch // workers)

    def work(_: int) -> None:
        for _ in range(calls):
            run(images)

    with ThreadPoolExecutor(workers) as pool:
        return calls * batch * workers / seconds(lambda: list(pool.map(work, range(workers))))


def seeds_pattern(files: list[Path], weights: Path) -> float:
    """Encode one picture at a time through ResNet-18 in eager PyTorch: posters a second."""
    from posterity.encoders.known import KNOWN
    from posterity.encoders.networks import building

    (torch,) = building.libraries()
    module = building.build(KNOWN["resnet18"], (224, 224))
    building.put_in(KNOWN["resnet18"], module, weights)
    mean, deviation = (torch.tensor(values).view(1, 3, 1, 1) for values in KNOWN["resnet18"].colours)

    def one(file: Path) -> object:
        with Image.open(file) as image:
            picture = np.asarray(image.convert("RGB").resize((224, 224), Image.Resampling.BILINEAR))
        x = (torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255 - mean) / deviation
        with torch.no_grad():
            return module(x).numpy()

    one(files[0])
    return len(files) / seconds(lambda: [one(file) for file in files])


def main() -> None:
    """Measure, alternating."""
    posters = data("posters")
    files = sorted(posters.glob("*.jpg"))[:PICTURES]
    weights = posters.parents[1] / "weights" / "resnet18.safetensors"
    model = Poster()._model
    by_batch = {batch: bare(model, "onnxruntime", batch) for batch in (1, 4, 8, 16, 32)}
    best = max(by_batch, key=lambda batch: by_batch[batch])
    for batch, rate in by_batch.items():
        tell(f"bare network, batch {batch}", rate, "posters/s")
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "posters"
        source.mkdir()
        for file in files:
            shutil.copyfile(file, source / file.name)
        films = Path(scratch) / "films"
        posterity.build(source, films, encoders=["pixels"])
        rates: dict[str, list[float]] = {"end": [], "bare": [], "seed": []}
        for _ in range(ROUNDS):
            rates["bare"].append(bare(model, "onnxruntime", best))
            store = posterity.open(films).store
            store.remove_artefact("vector_poster")
            start = time.perf_counter()
            posterity.open(films).embed("poster")
            rates["end"].append(len(files) / (time.perf_counter() - start))
            if weights.exists():
                rates["seed"].append(seeds_pattern(files[:SEED_PICTURES], weights))
    end, limit = statistics.median(rates["end"]), statistics.median(rates["bare"])
    name = f"files to stored vectors, {len(files):,}"
    tell(name, end, "posters/s", f"bare, batch {best}", limit, ratio=end / limit, goal=">= 0.9", met=end >= 0.9 * limit)
    tell(name, end, "posters/s", "600", 600.0, ratio=end / 600, goal=">= 600/s", met=end >= 600)
    if rates["seed"]:
        seed = statistics.median(rates["seed"])
        tell(name, end, "posters/s", "seeds' pattern", seed, ratio=end / seed, goal=">= 30×", met=end >= 30 * seed)
    tell("peak memory", peak_mb(), "MB")
    try:
        tell(
            "bare network by OpenVINO, batch 16", bare(model, "openvino", 16), "posters/s", "ONNX Runtime", by_batch[16]
        )
    except posterity.PosterityError as error:
        print(f"skipped OpenVINO: {error}")


if __name__ == "__main__":
    main()
