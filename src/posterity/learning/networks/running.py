"""Training a network on a split of a catalogue, and scoring it as probes are scored."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posterity.catalogue import Store
from posterity.encoders.known import KNOWN
from posterity.encoders.networks.building import libraries
from posterity.encoders.networks.weights import checked, find
from posterity.errors import MissingExtraError
from posterity.learning.genres import groups_of, intervals, judged, ready_split, values
from posterity.learning.networks.config import TrainConfig
from posterity.learning.networks.pictures import pack
from posterity.learning.networks.training import Epoch, Floats, logits, train
from posterity.learning.splits import Split
from posterity.learning.splitting import stratified
from posterity.numerics.linear.calibration import best_thresholds, calibrate
from posterity.numerics.scores.classification import Score, resamples

PRETRAINED = {
    "vgg16": "vgg16", "resnet18": "resnet18", "resnet18-mish": "resnet18", "resnet18d": "resnet18",
    "resnet18d-mish": "resnet18", "deep-wide": "resnet18",
}  # fmt: skip
"""Network -> the encoder whose weights it can start from."""

VALIDATION = 0.1
"""Share of the training part held out for validation if a split has no validation part."""


@dataclass(frozen=True)
class NetworkReport:
    """The scores of a network and how it was trained.

    Attributes:
        task: The task it learned.
        split: The split's name.
        config: Its training configuration.
        pretrained: Whether it started from pretrained weights.
        figures: Figure -> score on the test part.
        baselines: "prior" -> figure -> score.
        history: Figures of each epoch.
        best: The epoch that was kept, from 1.
        n_train: Number of training posters.
        n_validation: Number of validation posters, which chose the epoch, calibration and thresholds.
        n_test: Number of test posters.
        parameters: Number of parameters, and of trained ones.
        peak_memory: Peak memory in bytes; None if the system does not report it.
        seconds: Training time.
        device: "cpu" or "cuda".
        folder: Folder of checkpoint and logs, or None.
    """

    task: str
    split: str
    config: TrainConfig
    pretrained: bool
    figures: dict[str, Score]
    baselines: dict[str, dict[str, Score]]
    history: tuple[Epoch, ...]
    best: int
    n_train: int
    n_validation: int
    n_test: int
    parameters: tuple[int, int]
    peak_memory: int | None
    seconds: float
    device: str
    folder: str | None

    def flat(self) -> dict[str, Any]:
        """Return the report as JSON values: each figure a number, its interval beside it."""
        return {
            "task": self.task, "split": self.split, "network": self.config.network, **values(self.figures),
            "intervals": intervals(self.figures),
            "baselines": {name: values(figures) for name, figures in self.baselines.items()},
            "n_train": self.n_train, "n_validation": self.n_validation, "n_test": self.n_test, "best": self.best,
            "history": [asdict(epoch) for epoch in self.history], "config": asdict(self.config),
            "pretrained": self.pretrained, "parameters": self.parameters[0], "trained_parameters": self.parameters[1],
            "peak_memory": self.peak_memory, "seconds": round(self.seconds, 3), "device": self.device,
            "folder": self.folder,
        }  # fmt: skip


@dataclass(frozen=True)
class Ran:
    """A trained network on the test part: calibrated (n, l) probabilities, predicted labels, and the report."""

    probabilities: Floats
    claimed: NDArray[np.bool_]
    report: NetworkReport


def train_network(
    store: Store,
    config: TrainConfig,
    split: str | Split | None = None,
    *,
    task: str = "genres",
    weights: Path | None = None,
    limit: int = 0,
    keep: bool = True,
    n_resamples: int = 500,
    show_progress: bool | None = None,
) -> Ran:
    """Train a network on the posters of a split, and score it on the test part.

    Args:
        store: The catalogue.
        config: The training configuration.
        split: A split or its name; None uses the one named like ``task``, made if it does not exist.
        task: Protocol of the split, if it has to be made.
        weights: File of pretrained weights; None uses those known on this machine, or else random ones.
        limit: Maximum number of training posters; 0 uses all.
        keep: Whether to keep checkpoint and logs, in the catalogue's folder ``networks``.
        n_resamples: Number of resamples for intervals.
        show_progress: True and False force the bars; None shows them on a terminal.

    Raises:
        CatalogueError: There are too few posters, or some cannot be read.
        LeakError: The split leaks.
        MissingExtraError: PyTorch is not installed.
        WeightsError: The file does not contain that network's weights.
    """
    try:
        libraries("timm")
    except MissingExtraError as error:
        raise MissingExtraError("training a network", "train") from error
    cut = split if isinstance(split, Split) else ready_split(store, split, task)
    groups = groups_of(store, [i for ids in cut.parts.values() for i in ids])
    learned, held = _validation(cut, groups, config.seed)
    if limit:
        chosen = np.random.default_rng(config.seed).permutation(len(learned))[:limit]
        learned = [learned[i] for i in sorted(chosen.tolist())]
    everybody = sorted({*learned, *held, *cut.test})
    found = store.get(everybody)
    packed = pack(store, [found[i] for i in everybody], config.size, config.fit, show_progress=show_progress)
    place = {identity: row for row, identity in enumerate(packed.ids)}
    rows = {name: np.array([place[i] for i in ids], np.int64) for name, ids in
            (("train", learned), ("held", held), ("test", cut.test))}  # fmt: skip
    Y, single = cut.targets.matrix(packed.ids), cut.targets.single
    start = _start(config, weights)
    folder = store.scratch / "networks" / f"{cut.name}-{config.network}" if keep else None
    began = time.perf_counter()
    trained = train(
        config, packed, Y, rows["train"], rows["held"], single=single, weights=start, folder=folder,
        show_progress=show_progress,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    held_logits = logits(trained.net, config, packed, rows["held"])
    calibration = calibrate(held_logits, Y[rows["held"]], single=single)
    thresholds = best_thresholds(calibration(held_logits), Y[rows["held"]])
    p = calibration(logits(trained.net, config, packed, rows["test"]))
    drawn = resamples([groups[i] for i in cut.test], n_resamples, config.seed)
    truth, share = Y[rows["test"]], Y[rows["train"]].mean(0)
    prior = np.tile(share, (len(truth), 1))
    report = NetworkReport(
        task=cut.targets.task, split=cut.name, config=config,
        pretrained=start is not None or config.network == "poster",
        figures=judged(p, truth, p >= thresholds, drawn, share, single),
        baselines={"prior": judged(prior, truth, prior >= 0.5, drawn, share, single)},
        history=trained.history, best=trained.best, n_train=len(learned), n_validation=len(held), n_test=len(cut.test),
        parameters=(trained.parameters, trained.trained_parameters), peak_memory=trained.peak_memory, seconds=seconds,
        device=trained.device, folder=str(folder) if folder else None,
    )  # fmt: skip
    return Ran(p, p >= thresholds, report)


def _validation(cut: Split, groups: dict[str, int], seed: int) -> tuple[list[str], list[str]]:
    """Return the training and validation ids, keeping groups together."""
    if cut.validation:
        return list(cut.train), list(cut.validation)
    ids = list(cut.train)
    own = np.array([groups[i] for i in ids], np.int64)
    part = stratified(cut.targets.matrix(ids), own, [1 - VALIDATION, VALIDATION], seed).tolist()
    learned, held = ([i for i, p in zip(ids, part, strict=True) if p == side] for side in (0, 1))
    return learned, held


def _start(config: TrainConfig, weights: Path | None) -> Path | None:
    return checked(weights) if weights is not None else starting_weights(config.network)


def starting_weights(network: str) -> Path | None:
    """Find the pretrained weights that a network starts from by default; None if it starts from random ones."""
    known = PRETRAINED.get(network)
    return find(KNOWN[known]) if known else None
