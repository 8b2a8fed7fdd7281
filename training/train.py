"""Train the student from random initialisation: ``python -m training.train --work DIR``; run again, it goes on.

Three things are learned at once from the training side of :mod:`training.data`:

- **the teacher's eyes**: in each of 6×4 places, what MobileNetV2 sees in the very same look at the poster; from the
  vector, by linear heads, what it sees in each of six views of the clean poster (its features, standardised, in their
  first 256 principal directions); and within a batch, which posters it finds alike, softly (Passalis & Tefas 2018);
- **what posters teach**: pictures of one film, two looks at one poster, and films of one franchise are near (supervised
  contrastive loss, Khosla et al. 2020);
- **genres**, from labels.

Looks at a poster are cropped, skewed, recoloured, blurred and damaged: :data:`Config.variants` looks at each, drawn
once and kept with the teacher's answers to them; each epoch takes another of them. Most epochs see them at half their
size, where an epoch costs a quarter, the last ones at their full size (progressive resizing, as in Tan & Le 2021).
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import nn

from training import data, first_teacher
from training.network import HEIGHT, WIDTH, PosterNet


@dataclass(frozen=True)
class Config:
    """Everything that decides the result, but for the rounding of another machine."""

    seed: int = 7
    stages: tuple[tuple[int, float], ...] = ((52, 0.5), (9, 0.75), (9, 1.0))
    batch: int = 64
    pairs: int = 8
    rate: float = 2e-3
    warm_up: float = 0.03
    weight_decay: float = 0.05
    directions: int = 256
    variants: int = 8
    map_directions: int = 160
    map_weight: float = 2.0
    views_weight: float = 0.5
    relation_weight: float = 0.5
    relation_temperature: float = 0.1
    contrast_weight: float = 0.1
    contrast_temperature: float = 0.1
    genre_weight: float = 0.5
    average: float = 0.998


@dataclass(frozen=True)
class Targets:
    """What the student learns of each picture."""

    views: dict[str, torch.Tensor]
    alike: torch.Tensor
    genres: torch.Tensor
    names: tuple[str, ...]


def make_targets(
    items: list[data.Picture], seen: dict[str, NDArray[np.float16]], train: NDArray[np.int64], n: int
) -> Targets:
    """Standardise the teacher's features by the training side, and turn genres into 0 and 1."""
    views = {}
    alike = []
    for name, rows in seen.items():
        rows = rows.astype(np.float32)
        mean, deviation = rows[train].mean(0), rows[train].std(0) + 1e-3
        rows = (rows - mean) / deviation
        _, _, directions = torch.pca_lowrank(torch.from_numpy(rows[train]), n, niter=4)
        views[name] = F.normalize(torch.from_numpy(rows) @ directions, dim=1)
        alike.append(views[name])
    names = tuple(sorted({genre for i in train for genre in items[i].genres}))
    genres = torch.tensor([[float(name in item.genres) for name in names] for item in items])
    return Targets(views, F.normalize(torch.cat(alike, 1), dim=1), genres, names)


def look(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Look at a poster anew: a crop of most of it, slightly skewed, recoloured, blurred, re-compressed or covered."""
    h, w = image.shape[:2]
    share = rng.uniform(0.62, 1.0) ** 0.5
    ch, cw = h * share * rng.uniform(0.94, 1.0), w * share * rng.uniform(0.94, 1.0)
    top, left = rng.uniform(0, h - ch), rng.uniform(0, w - cw)
    angle = rng.normal(0, 0.02)
    # Output (x, y) -> source: scale to the crop, turn a little about its middle.
    sx, sy = cw / WIDTH, ch / HEIGHT
    c, s = np.cos(angle), np.sin(angle)
    matrix = np.array([[sx * c, -sy * s, 0], [sx * s, sy * c, 0]])
    middle = matrix[:, :2] @ np.array([WIDTH / 2, HEIGHT / 2])
    matrix[:, 2] = np.array([left + cw / 2, top + ch / 2]) - middle
    if rng.random() < 0.25:  # mirrored
        matrix = matrix @ np.array([[-1, 0, WIDTH], [0, 1, 0], [0, 0, 1]])
    out = cv2.warpAffine(
        image, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REFLECT
    )
    if rng.random() < 0.8:
        gain = rng.uniform(0.7, 1.3, 3) if rng.random() < 0.3 else np.full(3, rng.uniform(0.7, 1.3))
        table = np.clip(np.arange(256)[:, None] * gain + rng.uniform(-25, 25), 0, 255).astype(np.uint8)
        out = cv2.LUT(out, np.ascontiguousarray(table[None].reshape(1, 256, 3)))
    if rng.random() < 0.3:
        grey = cv2.cvtColor(cv2.cvtColor(out, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        out = cv2.addWeighted(out, keep := rng.uniform(0, 1), grey, 1 - keep, 0)
    if rng.random() < 0.2:
        small = rng.uniform(0.35, 0.8)
        out = cv2.resize(cv2.resize(out, None, fx=small, fy=small, interpolation=cv2.INTER_AREA), (WIDTH, HEIGHT))
    if rng.random() < 0.2:
        out = cv2.imdecode(cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 60))])[1], 1)
    if rng.random() < 0.3:
        bh, bw = int(rng.integers(15, 70)), int(rng.integers(15, 60))
        y, x = int(rng.integers(0, HEIGHT - bh)), int(rng.integers(0, WIDTH - bw))
        out[y : y + bh, x : x + bw] = rng.integers(0, 256, 3)
    return out


def batches(items: list[data.Picture], train: NDArray[np.int64], config: Config, epoch: int) -> list[NDArray[np.int64]]:
    """Draw an epoch: every picture once, and in each batch some pairs of pictures that belong together."""
    rng = np.random.default_rng([config.seed, epoch])
    kin: dict[str, list[int]] = {}
    for i in train:
        for key in {items[i].film, items[i].collection or items[i].film}:
            kin.setdefault(key, []).append(int(i))
    families = [members for members in kin.values() if len(members) > 1]
    order = rng.permutation(train)
    singles = config.batch - 2 * config.pairs
    drawn = []
    for start in range(0, len(order) - singles + 1, singles):
        pairs = []
        for _ in range(config.pairs - config.pairs // 4):
            family = families[rng.integers(len(families))]
            pairs += [int(i) for i in rng.choice(family, 2, replace=False)]
        for i in rng.choice(train, config.pairs // 4, replace=False):
            pairs += [int(i), int(i)]
        drawn.append(np.concatenate([order[start : start + singles], pairs]))
    return drawn


def all_looks(pixels: NDArray[np.uint8], train: NDArray[np.int64], config: Config, folder: Path) -> NDArray[np.uint8]:
    """Draw all looks once into ``folder/looks.npy``: uint8 (n, variants, 192, 128, 3), mapped into memory."""
    file = folder / "looks.npy"
    if not file.exists():
        shape = (len(train), config.variants, HEIGHT, WIDTH, 3)
        drawn = np.lib.format.open_memmap(folder / "looks.part.npy", "w+", np.uint8, shape)

        def draw(k: int) -> None:
            image = np.asarray(pixels[train[k]])
            for variant in range(config.variants):
                drawn[k, variant] = look(image, np.random.default_rng([config.seed, int(train[k]), variant]))

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(draw, range(len(train))))
        drawn.flush()
        (folder / "looks.part.npy").rename(file)
    return np.load(file, mmap_mode="r")


def loader(
    looks: NDArray[np.uint8], maps: NDArray[np.float16], drawn: list[NDArray[np.int64]], seed: tuple[int, int]
) -> Iterator[tuple[NDArray[np.int64], torch.Tensor, torch.Tensor]]:
    """Prepare batches one ahead of the training: places on the training side, looks, what the teacher sees in them.

    Half of the looks are mirrored, and the teacher's map with them.
    """

    def make(k: int) -> tuple[NDArray[np.int64], torch.Tensor, torch.Tensor]:
        rng = np.random.default_rng([*seed, k])
        chosen = rng.integers(0, looks.shape[1], len(drawn[k]))
        images = np.stack([looks[i, v] for i, v in zip(drawn[k], chosen, strict=True)])
        wanted = np.stack([maps[i, v] for i, v in zip(drawn[k], chosen, strict=True)]).astype(np.float32)
        wanted = wanted.reshape(len(wanted), HEIGHT // 32, WIDTH // 32, -1)
        mirrored = rng.random(len(images)) < 0.5
        images[mirrored] = images[mirrored, :, ::-1]
        wanted[mirrored] = wanted[mirrored, :, ::-1]
        return drawn[k], torch.from_numpy(images), torch.from_numpy(wanted).permute(0, 3, 1, 2)

    with ThreadPoolExecutor(1) as pool:
        waiting = [pool.submit(make, k) for k in range(min(3, len(drawn)))]
        for k in range(len(drawn)):
            found = waiting.pop(0).result()
            if k + 3 < len(drawn):
                waiting.append(pool.submit(make, k + 3))
            yield found


class Heads(nn.Module):
    """What is asked of a vector in training, and thrown away after."""

    def __init__(self, dimension: int, targets: Targets, width: int, map_directions: int) -> None:
        super().__init__()
        self.map = nn.Conv2d(width, map_directions, 1)
        n = next(iter(targets.views.values())).shape[1]
        self.views = nn.ModuleDict({name: nn.Linear(dimension, n) for name in targets.views})
        self.genres = nn.Linear(dimension, len(targets.names))


def losses(
    z: torch.Tensor, heads: Heads, targets: Targets, rows: torch.Tensor, kin: torch.Tensor, config: Config
) -> dict[str, torch.Tensor]:
    """Compute the parts of the loss of a batch: ``z`` (n, d) of unit length, ``kin`` (n, n) who belongs together."""
    scaled = z * z.shape[1] ** 0.5
    parts = {"views": torch.stack([
        (1 - F.cosine_similarity(head(scaled), targets.views[name][rows])).mean() for name, head in heads.views.items()
    ]).mean()}  # fmt: skip
    own = torch.eye(len(z), dtype=torch.bool)
    t = config.relation_temperature
    like = (targets.alike[rows] @ targets.alike[rows].T / t).masked_fill(own, -30)
    mine = (z @ z.T / t).masked_fill(own, -30)
    parts["relation"] = F.kl_div(mine.log_softmax(1), like.log_softmax(1), log_target=True, reduction="batchmean")
    sure = (z @ z.T / config.contrast_temperature).masked_fill(own, -30).log_softmax(1)
    positive = kin & ~own
    having = positive.any(1)
    parts["contrast"] = -((sure * positive).sum(1) / positive.sum(1).clamp(min=1))[having].mean()
    parts["genres"] = F.binary_cross_entropy_with_logits(heads.genres(scaled), targets.genres[rows])
    return parts


def total(parts: dict[str, torch.Tensor], config: Config) -> torch.Tensor:
    """Add the parts up."""
    return (
        config.map_weight * parts["map"]
        + config.views_weight * parts["views"]
        + config.relation_weight * parts["relation"]
        + config.contrast_weight * parts["contrast"]
        + config.genre_weight * 4 * parts["genres"]
    )


def main() -> None:
    """Train, keeping a checkpoint of each epoch."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for the packed posters and checkpoints")
    parser.add_argument("--weights", type=Path, default=data.DATA.parent / "weights" / "mobilenet_v2.safetensors")
    parser.add_argument("--start", type=Path, help="checkpoint whose averaged weights to begin with: a second leg")
    parser.add_argument("--config", type=json.loads, default={}, help="what differs from Config, as JSON")
    args = parser.parse_args()
    config = replace(Config(), **args.config)
    scales = [scale for n, scale in config.stages for _ in range(n)]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(config.seed)
    items = data.pictures()
    pixels = data.pack(items, args.work)
    seen = first_teacher.features(pixels, args.weights, args.work)
    train = np.array([i for i, item in enumerate(items) if not item.test])
    targets = make_targets(items, seen, train, config.directions)

    looks = all_looks(pixels, train, config, args.work)
    maps, _ = first_teacher.maps(lambda k, v: looks[k, v], len(train), config.variants, args.weights, args.work,
                           config.map_directions)  # fmt: skip
    place = np.full(len(items), -1)
    place[train] = np.arange(len(train))
    films = torch.tensor([hash_of(item.film) for item in items])
    sagas = torch.tensor([hash_of(item.collection or item.film) for item in items])
    net = PosterNet().to(device, memory_format=torch.channels_last)
    heads = Heads(
        net.project.out_features, targets, net.project.in_features, config.map_directions
    )  # small: they stay with the targets, off the GPU
    heads.map.to(device)
    if args.start:
        begin(net, heads, args.start)
    averaged = torch.optim.swa_utils.AveragedModel(
        net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(config.average), use_buffers=True
    )
    decayed = [p for p in [*net.parameters(), *heads.parameters()] if p.ndim > 1]
    plain = [p for p in [*net.parameters(), *heads.parameters()] if p.ndim <= 1]
    optimiser = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": config.weight_decay}, {"params": plain, "weight_decay": 0.0}],
        lr=config.rate,
        fused=True,
    )
    steps = len(scales) * len(batches(items, train, config, 0))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: share_of_rate(step / steps, config.warm_up))
    checkpoint, first = args.work / "checkpoint.pt", 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        for name, thing in (
            ("net", net),
            ("heads", heads),
            ("averaged", averaged),
            ("optimiser", optimiser),
            ("schedule", schedule),
        ):
            thing.load_state_dict(state[name])
        first = state["epoch"] + 1
    else:
        leg = {"start": args.start is not None, "config": asdict(config)}
        (args.work / "log.jsonl").write_text(json.dumps(leg) + "\n")
    for epoch in range(first, len(scales)):
        started, sums, n = time.time(), {}, 0
        net.train()
        drawn = [place[rows] for rows in batches(items, train, config, epoch)]
        size = (round(HEIGHT * scales[epoch]), round(WIDTH * scales[epoch]))
        for at, images, wanted in loader(looks, maps, drawn, (config.seed, epoch)):
            rows = torch.from_numpy(train[at])
            x = images.to(device).permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last)
            if scales[epoch] < 1:
                x = F.interpolate(x, size, mode="bilinear", antialias=True)
            with torch.autocast(device, torch.bfloat16):
                places = net.places(x)
                answers = heads.map(places)
            z = F.normalize(net.project(places.float().mean((2, 3))), dim=1)
            kin = (films[rows][:, None] == films[rows]) | (sagas[rows][:, None] == sagas[rows])
            parts = losses(z.cpu(), heads, targets, rows, kin, config)
            answers = answers.float().cpu()
            wanted = F.adaptive_avg_pool2d(wanted, answers.shape[2:])
            parts["map"] = ((answers - wanted) ** 2).mean() / (wanted**2).mean()
            optimiser.zero_grad()
            total(parts, config).backward()
            nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            optimiser.step()
            schedule.step()
            averaged.update_parameters(net)
            for name, part in parts.items():
                sums[name] = sums.get(name, 0.0) + float(part)
            n += 1
        line = {"epoch": epoch, "scale": scales[epoch], "seconds": round(time.time() - started, 1)} | {
            k: round(v / n, 4) for k, v in sums.items()
        }
        print(json.dumps(line), flush=True)
        with (args.work / "log.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")
        torch.save(
            {"epoch": epoch, "net": net.state_dict(), "heads": heads.state_dict(), "averaged": averaged.state_dict(),
             "optimiser": optimiser.state_dict(), "schedule": schedule.state_dict()},
            args.work / "checkpoint.part",
        )  # fmt: skip
        (args.work / "checkpoint.part").rename(checkpoint)


def begin(net: nn.Module, heads: nn.Module, checkpoint: Path) -> None:
    """Take the averaged weights, and the heads, of an earlier run."""
    state = torch.load(checkpoint, weights_only=True, map_location="cpu")
    weights = {k.removeprefix("module."): v for k, v in state["averaged"].items() if k != "n_averaged"}
    net.load_state_dict(weights)
    heads.load_state_dict(state["heads"])


def share_of_rate(progress: float, warm_up: float) -> float:
    """Give the share of the learning rate that is used: rising in the warm-up, then a cosine down to nothing."""
    if progress < warm_up:
        return 0.04 + 0.96 * progress / warm_up
    return 0.5 + 0.5 * float(np.cos(np.pi * min(1.0, (progress - warm_up) / (1 - warm_up))))


def hash_of(name: str) -> int:
    """Turn a name into a number, the same in every run."""
    import hashlib

    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:7], "big")


if __name__ == "__main__":
    main()
