"""Everything that determines a training run: two runs with the same configuration and split are the same run."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from posterity.errors import ArgumentError, UnknownNameError
from posterity.images.fit import FITS

AUGMENTATIONS = ("none", "seed", "strong")
OPTIMIZERS = ("adam", "adamw", "rmsprop", "sgd")


@dataclass(frozen=True)
class TrainConfig:
    """A training run.

    Attributes:
        network: A name in :data:`NETWORKS`.
        size: Height and width of its input.
        fit: How posters are fitted to that size; see :data:`posterity.images.FITS`.
        augmentation: "none"; "seed", as published in the article (crops of .8 to 1, turns of 15°, mirrored); "strong"
            (crops of .5 to 1, turns, mirrored, colours, erased regions).
        mixup: Parameter of the Beta distribution for mixing pairs of posters; 0 does not mix. H. Zhang et al.,
            *mixup: Beyond Empirical Risk Minimization*, 2018.
        epochs: Maximum number of epochs.
        batch: Posters per step.
        optimizer: "adam", "adamw", "rmsprop" or "sgd" (momentum .9).
        rate: Learning rate.
        weight_decay: Weight decay of AdamW and SGD.
        schedule: "constant", or "cosine", which falls to 0.
        warmup: Number of epochs in which the rate rises from 0.
        label_smoothing: Share of each label that is spread over the others.
        freeze: Train only the head.
        patience: Stop after this many epochs without a better validation loss; 0 never stops early.
        amp: Mixed precision: "auto" (on GPUs, and on CPUs that support bfloat16), "on" or "off".
        seed: Seed of weights, order, dropout and augmentation.
    """

    network: str = "resnet18"
    size: tuple[int, int] = (224, 224)
    fit: str = "stretch"
    augmentation: str = "none"
    mixup: float = 0.0
    epochs: int = 5
    batch: int = 32
    optimizer: Literal["adam", "adamw", "rmsprop", "sgd"] = "adamw"
    rate: float = 3e-4
    weight_decay: float = 0.01
    schedule: Literal["constant", "cosine"] = "cosine"
    warmup: float = 0.5
    label_smoothing: float = 0.0
    freeze: bool = False
    patience: int = 0
    amp: Literal["auto", "on", "off"] = "auto"
    seed: int = 0


NETWORKS: dict[str, tuple[str, TrainConfig]] = {
    "seed-cnn": (
        "the multi-label seed's own: 5×5 convolutions 16-32-64-64, two dense layers, dropout",
        TrainConfig(
            "seed-cnn", (200, 150), epochs=30, optimizer="adam", rate=1e-3, schedule="constant", warmup=0.0
        ),
    ),
    "vgg16": (
        "VGG-16, all but its last four layers frozen, as the multi-label seed fine-tuned it",
        TrainConfig(
            "vgg16", (200, 150), augmentation="seed", epochs=50, optimizer="rmsprop", rate=1e-4, schedule="constant",
            warmup=0.0,
        ),
    ),
    "resnet18": ("ResNet18, fine-tuned, as the article did", TrainConfig()),
    "resnet18-mish": ("ResNet18 with Mish for ReLU (D. Misra 2019)", TrainConfig("resnet18-mish")),
    "resnet18d": (
        "ResNet18-D with the bag of tricks (T. He et al. 2019): label smoothing, mixup, cosine, warm-up, no bias decay",
        TrainConfig("resnet18d", label_smoothing=0.1, mixup=0.2, warmup=1.0),
    ),
    "resnet18d-mish": (
        "both: the bag of tricks and Mish", TrainConfig("resnet18d-mish", label_smoothing=0.1, mixup=0.2, warmup=1.0)
    ),
    "deep-wide": (
        "the article's deep and wide: ResNet18 beside Wide-ResNet-50-2, joined by a 3×3 convolution",
        TrainConfig("deep-wide", batch=16),
    ),
    "poster": (
        "the encoder in the box, fine-tuned in full precision",
        TrainConfig("poster", (192, 128), "native", augmentation="seed", rate=1e-4),
    ),
}  # fmt: skip
"""The networks, by name: a description of each, and its default configuration."""


def config_for(network: str, **changes: Any) -> TrainConfig:
    """Return a network's configuration with some values changed; None leaves a value as it is.

    Raises:
        ArgumentError: A value is out of range.
        UnknownNameError: There is no such network, option, fit, augmentation or optimiser.
    """
    if network not in NETWORKS:
        raise UnknownNameError("network", network, NETWORKS)
    known = {item.name for item in fields(TrainConfig)}
    for name in changes:
        if name not in known:
            raise UnknownNameError("training option", name, known)
    made = replace(NETWORKS[network][1], **{name: value for name, value in changes.items() if value is not None})
    made = replace(made, size=(int(made.size[0]), int(made.size[1])))
    for kind, name, allowed in (
        ("fit", made.fit, FITS), ("augmentation", made.augmentation, AUGMENTATIONS),
        ("optimiser", made.optimizer, OPTIMIZERS), ("schedule", made.schedule, ("constant", "cosine")),
        ("amp", made.amp, ("auto", "on", "off")),
    ):  # fmt: skip
        if name not in allowed:
            raise UnknownNameError(kind, name, allowed)
    for name, least in (("epochs", 1), ("batch", 2), ("warmup", 0), ("mixup", 0), ("patience", 0)):
        if getattr(made, name) < least:
            raise ArgumentError(f"invalid {name}: {getattr(made, name)}", f"Choose {least} or more.")
    if not 0 <= made.label_smoothing < 1 or made.rate <= 0 or min(made.size) < 32:
        raise ArgumentError(
            f"invalid label_smoothing {made.label_smoothing}, rate {made.rate} or size {made.size}",
            "Choose a smoothing from 0 to below 1, a rate above 0, and sides of 32 or more.",
        )
    if network in ("seed-cnn", "poster") and made.size != NETWORKS[network][1].size:
        raise ArgumentError(
            f"the network {network!r} does not read {made.size[0]}×{made.size[1]}",
            f"Use {NETWORKS[network][1].size[0]}×{NETWORKS[network][1].size[1]}.",
        )
    return made
