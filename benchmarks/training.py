"""An epoch of each seed network beside a bare PyTorch loop, the posters already in memory, decoded and as floats."""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch

import posterity
from benchmarks.harness import data, peak_mb, tell
from posterity.learning.networks.architectures import colours_of, make
from posterity.learning.networks.config import NETWORKS, TrainConfig, config_for
from posterity.learning.networks.pictures import pack
from posterity.learning.networks.training import autocast_type, train
from posterity.runtime.parallel import n_workers

STEPS = {"seed-cnn": 40, "poster": 40, "vgg16": 6, "deep-wide": 4}
ROUNDS = 2
"""Each of both loops, in turn; the faster counts."""


def bare(config: TrainConfig, x: torch.Tensor, y: torch.Tensor) -> float:
    """Train as anybody would write it down; give posters a second."""
    torch.manual_seed(0)
    net = make(config, y.shape[1]).to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], config.rate)
    kind = autocast_type(torch, config, "cpu")
    start = time.perf_counter()
    for at in range(0, len(x), config.batch):
        with torch.autocast("cpu", kind) if kind else nullcontext():
            scores = net(x[at : at + config.batch])
        loss = torch.nn.functional.binary_cross_entropy_with_logits(scores.float(), y[at : at + config.batch])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    return len(x) / (time.perf_counter() - start)


with tempfile.TemporaryDirectory() as folder:
    # Its catalogue needs no vectors: pixels are the cheapest.
    posterity.build(data("posters"), Path(folder) / "films", data("posters.csv"), encoders=["pixels"])
    films = posterity.open(Path(folder) / "films")
    posters = [poster for poster in films.posters() if poster.film.genres]
    names = sorted({genre for poster in posters for genre in poster.film.genres})
    torch.set_num_threads(n_workers())
    for network in sys.argv[1:] or NETWORKS:
        for augmentation in ("none", "seed"):
            config = config_for(network, epochs=1, optimizer="adamw", augmentation=augmentation, mixup=0.0)
            some = posters[: STEPS.get(network, 16) * config.batch]
            packed = pack(films.store, some, config.size, config.fit, show_progress=False)
            Y = np.array([[name in poster.film.genres for name in names] for poster in some], float)
            mean, deviation = (torch.tensor(each).view(1, 3, 1, 1) * 255 for each in colours_of(network))
            x = (torch.from_numpy(np.array(packed.pictures)).permute(0, 3, 1, 2).float() - mean) / deviation
            y = torch.from_numpy(Y).float()
            rates: dict[str, list[float]] = {"own": [], "bare": []}
            for _ in range(ROUNDS):
                rates["bare"].append(bare(config, x, y))
                rows = np.arange(len(some))
                done = train(config, packed, Y, rows, rows[:0], single=False, show_progress=False)
                rates["own"].append(done.history[0].posters_per_second)
            own, peer = max(rates["own"]), max(rates["bare"])
            tell(
                f"an epoch of {network}, augmentation {augmentation}", round(own, 1), "posters/s", "bare loop",
                round(peer, 1), ratio=round(own / peer, 2), goal=">= .87", met=own >= 0.87 * peer,
            )  # fmt: skip
    tell("peak memory, the bare loop's floats included", round(peak_mb()), "MB")
