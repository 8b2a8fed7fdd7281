"""One training loop for every network: checkpoints, resuming, early stopping, mixed precision, logs.

A killed run resumes after its last complete epoch, with the same result: order, augmentation and dropout of an epoch
depend only on the seed and the epoch's number. Checkpoints are safetensors and JSON, never pickles.
"""

from __future__ import annotations

import csv
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posterity.catalogue import provenance
from posterity.encoders.networks.building import libraries
from posterity.encoders.networks.weights import digest
from posterity.learning.networks.architectures import colours_of, make, measure_norms, parameter_groups
from posterity.learning.networks.config import TrainConfig
from posterity.learning.networks.pictures import Packed, batches
from posterity.runtime.filenames import whole
from posterity.runtime.memory import peak_memory
from posterity.runtime.parallel import n_workers
from posterity.runtime.progress import progress
from posterity.settings import setting

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Epoch:
    """The figures of an epoch.

    Attributes:
        epoch: Number of the epoch, from 1.
        loss: Mean training loss.
        validation_loss: Mean validation loss, without smoothing; None without a validation part.
        rate: Learning rate at its end.
        seconds: Time taken, including validation.
        posters_per_second: Training speed.
    """

    epoch: int
    loss: float
    validation_loss: float | None
    rate: float
    seconds: float
    posters_per_second: float


@dataclass(frozen=True)
class Trained:
    """A trained network.

    Attributes:
        config: Its training configuration.
        net: The network of its best epoch.
        history: Figures of each epoch.
        best: The best epoch, from 1.
        parameters: Number of parameters.
        trained_parameters: Number of parameters that were trained.
        peak_memory: Peak memory of this process so far, or of the GPU, in bytes; None if the system does not report it.
        device: "cpu" or "cuda".
    """

    config: TrainConfig
    net: Any
    history: tuple[Epoch, ...]
    best: int
    parameters: int
    trained_parameters: int
    peak_memory: int | None
    device: str


def train(
    config: TrainConfig,
    packed: Packed,
    Y: Floats,
    rows: NDArray[np.int64],
    validation: NDArray[np.int64],
    *,
    single: bool,
    weights: Path | None = None,
    folder: Path | None = None,
    show_progress: bool | None = None,
) -> Trained:
    """Train a network.

    Args:
        config: The training configuration.
        packed: The pictures.
        Y: (n, l) of 0 and 1, one row per picture.
        rows: Rows of the training pictures.
        validation: Rows of the pictures that choose the best epoch; if empty, the last epoch is kept.
        single: Whether each picture has one label (softmax), or any number (one sigmoid each).
        weights: File of pretrained weights; None starts from random ones.
        folder: Folder for checkpoints and logs (``log.csv`` and, with TensorBoard installed, its events); None keeps
            none. An unfinished run of the same configuration in it is resumed.
        show_progress: True and False force the bar; None shows it on a terminal.

    Raises:
        MissingExtraError: PyTorch is not installed.
        StorageError: The folder cannot be written.
    """
    torch = libraries()[0]
    torch.set_num_threads(n_workers(setting("workers")))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    net = make(config, Y.shape[1], weights).to(device, memory_format=torch.channels_last)
    learner = _Learner(torch, config, net, device, single, -(-len(rows) // config.batch))
    if weights is not None:
        measure_norms(net, learner.normalise(packed.pictures[np.sort(rows[:: max(1, len(rows) // 64)])[:64]]))
    history: list[Epoch] = []
    best: tuple[float, int, dict[str, Any]] = (math.inf, 0, {})
    keeper = _Keeper(torch, folder, _decides(config, packed, Y, rows, validation, weights)) if folder else None
    if keeper is not None:
        history, best = keeper.resume(net, learner)
    targets = torch.from_numpy(Y.astype(np.float32))
    with progress("Training", config.epochs * len(rows), show_progress) as bar:
        bar.update(len(history) * len(rows))
        for number in range(len(history) + 1, config.epochs + 1):
            if config.patience and number - 1 - best[1] >= config.patience:
                break
            began = time.perf_counter()
            loss = _epoch(learner, packed, targets, rows, number, bar.update)
            trained_in = time.perf_counter() - began
            held = None
            if len(validation):
                held = log_loss(logits(net, config, packed, validation), Y[validation], single)
            done = Epoch(number, loss, held, learner.rate, time.perf_counter() - began, len(rows) / trained_in)
            history.append(done)
            if held is None or held < best[0]:
                state = {name: value.detach().cpu().clone() for name, value in net.state_dict().items()}
                best = (math.inf if held is None else held, number, state)
            if keeper is not None:
                keeper.keep(net, learner, history, best)
    if best[2]:
        net.load_state_dict(best[2])
    parameters = list(net.parameters())
    return Trained(
        config, net, tuple(history), best[1], sum(p.numel() for p in parameters),
        sum(p.numel() for p in parameters if p.requires_grad), _peak(torch, device), device,
    )  # fmt: skip


def _decides(
    config: TrainConfig,
    packed: Packed,
    Y: Floats,
    rows: NDArray[np.int64],
    validation: NDArray[np.int64],
    weights: Path | None,
) -> dict[str, Any]:
    """Return everything that determines a run: other posters, labels or weights make it a different run."""
    ids = [[packed.ids[row] for row in part.tolist()] for part in (rows, validation)]
    content = [ids, Y[rows].tolist(), Y[validation].tolist(), weights and digest(weights)]
    return asdict(config) | {"content": provenance.digest(content)}


class _Learner:
    """The optimiser with its schedule, and one step of it."""

    def __init__(self, torch: Any, config: TrainConfig, net: Any, device: str, single: bool, steps: int) -> None:
        self.torch, self.config, self.net, self.device, self.single = torch, config, net, device, single
        self.steps, self.step_number = steps, 0
        groups = list(parameter_groups(net, config.weight_decay))
        optim = torch.optim
        self.optimizer = {
            "adam": lambda: optim.Adam([p for g in groups for p in g["params"]], config.rate),
            "adamw": lambda: optim.AdamW(groups, config.rate),
            "rmsprop": lambda: optim.RMSprop([p for g in groups for p in g["params"]], config.rate),
            "sgd": lambda: optim.SGD(groups, config.rate, momentum=0.9, nesterov=True),
        }[config.optimizer]()
        kind = autocast_type(torch, config, device)
        self.context: Callable[[], Any] = (lambda: torch.autocast(device, kind)) if kind else nullcontext
        self.scaler = torch.amp.GradScaler(device) if kind is torch.float16 else None
        self.normalise = normaliser(torch, config, device)

    @property
    def rate(self) -> float:
        """The learning rate of the next step."""
        config, done = self.config, self.step_number / max(1, self.steps)
        if done < config.warmup:
            return config.rate * (self.step_number + 1) / (config.warmup * self.steps + 1)
        if config.schedule == "constant":
            return config.rate
        share = (done - config.warmup) / max(1e-9, config.epochs - config.warmup)
        return config.rate * 0.5 * (1 + math.cos(math.pi * min(1.0, share)))

    def step(self, pictures: NDArray[np.uint8], targets: Any) -> Any:
        """Train on a batch; return its loss."""
        torch, config = self.torch, self.config
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate
        x, y = self.normalise(pictures), targets.to(self.device)
        y = smoothed(y, config.label_smoothing, self.single)
        if config.mixup:
            share = float(np.random.default_rng((config.seed, self.step_number)).beta(config.mixup, config.mixup))
            x, y = share * x + (1 - share) * x.flip(0), share * y + (1 - share) * y.flip(0)
        with self.context():
            scores = self.net(x)
        loss = loss_of(torch, scores.float(), y, self.single)
        self.optimizer.zero_grad(set_to_none=True)
        if self.scaler is None:
            loss.backward()
            self.optimizer.step()
        else:
            self.scaler.scale(loss).backward()
            self.scaler.step(self.optimizer)
            self.scaler.update()
        self.step_number += 1
        return loss.detach()


def _epoch(
    learner: _Learner, packed: Packed, targets: Any, rows: NDArray[np.int64], number: int, done: Callable[[int], object]
) -> float:
    config, torch = learner.config, learner.torch
    seed = config.seed * 100_003 + number
    torch.manual_seed(seed)
    learner.net.train()
    if config.freeze:
        learner.net.body.eval()  # frozen batch norms keep their statistics too
    total, n = torch.zeros((), device=learner.device), 0
    looks = batches(packed, rows, config.batch, augmentation=config.augmentation, seed=seed, shuffle=True)
    for taken, pictures in looks:
        total += learner.step(pictures, targets[taken]) * len(taken)
        n += len(taken)
        done(len(taken))
    return float(total) / max(1, n)


def loss_of(torch: Any, scores: Any, y: Any, single: bool) -> Any:
    """Compute the mean cross-entropy of scores (n, l) with soft labels (n, l)."""
    if single:
        return torch.nn.functional.cross_entropy(scores, y)
    return torch.nn.functional.binary_cross_entropy_with_logits(scores, y)


def smoothed(y: Any, share: float, single: bool) -> Any:
    """Spread a share of each label over the others (C. Szegedy et al. 2016); with several labels, towards a half."""
    if not share:
        return y
    return y * (1 - share) + share / (y.shape[1] if single else 2)


def normaliser(torch: Any, config: TrainConfig, device: str) -> Callable[[NDArray[np.uint8]], Any]:
    """Return a function that turns uint8 pictures (n, h, w, 3) into a network's input (n, 3, h, w)."""
    mean, deviation = (torch.tensor(each, device=device).view(1, 3, 1, 1) * 255 for each in colours_of(config.network))

    def normalise(pictures: NDArray[np.uint8]) -> Any:
        x = torch.from_numpy(pictures).to(device, non_blocking=True).permute(0, 3, 1, 2).float()
        return x.sub_(mean).div_(deviation)

    return normalise


def autocast_type(torch: Any, config: TrainConfig, device: str) -> Any:
    """Return the type for mixed precision; None for full precision."""
    if config.amp == "off":
        return None
    if device == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    with suppress(AttributeError, RuntimeError):
        if config.amp == "on" or torch.ops.mkldnn._is_mkldnn_bf16_supported():
            return torch.bfloat16
    return None


def logits(net: Any, config: TrainConfig, packed: Packed, rows: NDArray[np.int64]) -> Floats:
    """Return a network's scores for pictures: (n, l), in the order of ``rows``."""
    torch = libraries()[0]
    device = next(net.parameters()).device.type
    normalise, kind = normaliser(torch, config, device), autocast_type(torch, config, device)
    net.eval()
    found: dict[int, Floats] = {}
    with torch.inference_mode(), torch.autocast(device, kind) if kind else nullcontext():
        for taken, pictures in batches(packed, rows, 2 * config.batch):
            scores = net(normalise(pictures).contiguous(memory_format=torch.channels_last)).float().cpu().numpy()
            found |= dict(zip(taken.tolist(), scores.astype(np.float64), strict=True))
    return np.stack([found[row] for row in rows.tolist()])


def log_loss(scores: Floats, Y: Floats, single: bool) -> float:
    """Compute the mean log loss of scores (n, l)."""
    if single:
        return float((np.logaddexp.reduce(scores, axis=1) - (Y * scores).sum(1)).mean())
    return float((np.logaddexp(0, scores) - Y * scores).mean())


class _Keeper:
    """The checkpoint and logs of a run, in its folder."""

    def __init__(self, torch: Any, folder: Path, decides: Mapping[str, Any]) -> None:
        self.torch, self.folder, self.decides = torch, folder, json.loads(json.dumps(decides))

    def resume(self, net: Any, learner: _Learner) -> tuple[list[Epoch], tuple[float, int, dict[str, Any]]]:
        """Resume the run of the same configuration in this folder, if there is one."""
        from safetensors.torch import load_file

        path = self.folder / "checkpoint.json"
        try:
            checkpoint = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return [], (math.inf, 0, {})
        if checkpoint["decides"] != self.decides:
            return [], (math.inf, 0, {})
        tensors = load_file(self.folder / checkpoint["file"])
        parts: dict[str, dict[str, Any]] = {"net": {}, "best": {}, "optimizer": {}}
        for name, value in tensors.items():
            part, _, key = name.partition("/")
            parts[part][key] = value
        net.load_state_dict(parts["net"])
        state = learner.optimizer.state_dict()
        state["state"] = {}
        for key, value in parts["optimizer"].items():
            at, _, what = key.partition("/")
            state["state"].setdefault(int(at), {})[what] = value
        learner.optimizer.load_state_dict(state)
        learner.step_number = checkpoint["step"]
        history = [Epoch(**each) for each in checkpoint["history"]]
        loss = math.inf if checkpoint["best_loss"] is None else checkpoint["best_loss"]
        return history, (loss, checkpoint["best"], parts["best"])

    def keep(self, net: Any, learner: _Learner, history: list[Epoch], best: tuple[float, int, dict[str, Any]]) -> None:
        """Write the checkpoint and the logs; the old ones stay until the new ones are complete."""
        from safetensors.torch import save_file

        tensors = {f"net/{k}": v.detach().cpu().contiguous() for k, v in net.state_dict().items()}
        tensors |= {f"best/{k}": v.contiguous() for k, v in best[2].items()}
        for at, state in learner.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer/{at}/{k}": self.torch.as_tensor(v).cpu().contiguous() for k, v in state.items()}
        name = f"checkpoint-{len(history) % 2}.safetensors"
        with whole(self.folder / name) as temporary:
            save_file({key: value.clone() for key, value in tensors.items()}, temporary)
        checkpoint = {
            "decides": self.decides, "file": name, "step": learner.step_number, "best": best[1],
            "best_loss": best[0] if math.isfinite(best[0]) else None, "history": [asdict(each) for each in history],
        }  # fmt: skip
        with whole(self.folder / "checkpoint.json") as temporary:
            temporary.write_text(json.dumps(checkpoint), encoding="utf-8")
        with whole(self.folder / "log.csv") as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(asdict(history[0])))
            writer.writeheader()
            writer.writerows(asdict(each) for each in history)
        for line in _tensorboard(self.folder, history[-1]):
            line()


def _tensorboard(folder: Path, epoch: Epoch) -> Iterator[Callable[[], object]]:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return
    with SummaryWriter(str(folder / "tensorboard")) as writer:
        for name, value in asdict(epoch).items():
            if name != "epoch" and value is not None:
                yield lambda name=name, value=value: writer.add_scalar(name, value, epoch.epoch)  # type: ignore[misc]


def _peak(torch: Any, device: str) -> int | None:
    if device == "cuda":
        return int(torch.cuda.max_memory_allocated())
    return peak_memory()
