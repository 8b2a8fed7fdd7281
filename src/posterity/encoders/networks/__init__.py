"""The well-known networks as encoders: ``resnet18``, ``vgg16_fc2``, ``dinov2_small``, ``clip_vit_b32`` and others.

The first time a network is used with certain weights, its own library (the extra ``networks``) builds it, and it is
exported as ONNX into the cache; from then on it runs like the built-in encoder ``poster``, without loading PyTorch.
Networks whose weights come in a package (the extra ``imagenet``) are exported without PyTorch.

A name with the suffix of a fit, such as ``resnet18_pad``, is the same network with posters fitted in another way; its
vectors are stored separately from those of ``resnet18``.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posterity.encoders import runtime
from posterity.encoders._check import check_images
from posterity.encoders.base import EncoderSpec
from posterity.encoders.known import KNOWN, Network
from posterity.encoders.networks import weights
from posterity.encoders.networks.weights import WeightsError
from posterity.errors import ArgumentError
from posterity.runtime.filenames import escape, write_whole
from posterity.runtime.storage import cache_folder
from posterity.settings import setting

__all__ = ["FITS", "KNOWN", "Net", "Network", "WeightsError", "named"]

FITS = ("stretch", "center-crop", "pad", "random-crop", "native", "multi-crop")
"""The ways of fitting a poster to a network: the article's four, its native shape, and the mean over three squares."""

BATCH = 8
"""Pictures per run: on a CPU, networks of this size gain nothing from larger batches."""

_EXPORT = 1
"""Raised when the way networks are exported as ONNX changes."""


class Net:
    """Posters -> features of a known network, of unit length.

    Args:
        network: The network.
        fit: One of :data:`FITS`; None uses the network's default.
        file: File of its weights; None looks for them, and downloads them on first use.
        by: Name of a runtime in :mod:`posterity.encoders.runtime`; None uses the setting ``runtime``.

    Raises:
        ArgumentError: The network does not support that fit.
    """

    def __init__(
        self, network: Network, fit: str | None = None, file: Path | None = None, by: str | None = None
    ) -> None:
        self.network = network
        self.fit = fit or network.fit
        if self.fit not in FITS or (self.fit == "native" and network.native is None):
            raise ArgumentError(f"{network.name} does not support the fit {self.fit!r}", f"Fits: {', '.join(FITS)}.")
        self._file = file and weights.checked(file)
        self._by = by
        self._lock = threading.Lock()
        self._runs: dict[str, runtime.Run] = {}

    def __repr__(self) -> str:
        return f"<posterity encoder {self.spec.name}>"

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of its input pictures."""
        if self.fit == "native" and self.network.native:
            return self.network.native
        side = self.network.square
        return (side * 3 // 2, side) if self.fit == "multi-crop" else (side, side)

    @property
    def file(self) -> Path | None:
        """The file of its weights on this machine, or None."""
        return self._file or weights.find(self.network)

    @property
    def available(self) -> bool:
        """Whether it can run here without downloading anything."""
        file = self.file
        if file is None:
            return False
        return self._export("pictures").is_file() or find_spec("onnx" if file.suffix == ".pth" else "torch") is not None

    @cached_property
    def _name(self) -> str:
        return (
            self.network.name if self.fit == self.network.fit else f"{self.network.name}_{self.fit.replace('-', '_')}"
        )

    @property
    def spec(self) -> EncoderSpec:
        """What the encoder declares about itself, with the weights on this machine or else those to be downloaded."""
        network, file = self.network, self.file
        published = network.weights
        return EncoderSpec(
            name=self._name,
            dimension=network.dimension,
            size=self.size,
            fit=self.fit,
            metric="cosine",
            version=1,
            summary=network.summary,
            licence=network.licence,
            weights=weights.digest(file) if file else published.sha256 if published else None,
            bytes=file.stat().st_size if file else published.bytes if published else 0,
        )

    def prepare(self) -> None:
        """Download its weights if they are not on this machine, and make it ready to run.

        Raises:
            WeightsError: The weights are not available, or belong to another network.
            MissingExtraError: A library that builds or runs it is not installed.
        """
        self._ready("pictures")

    def prove(self) -> None:
        """Make sure that the weights belong to this network: by their SHA-256 if that is known, else by a test run.

        Raises:
            WeightsError: The weights are not available, or belong to another network.
            BadNetworkError: The weights are not a usable network.
            MissingExtraError: A library that builds or runs it is not installed.
        """
        file, published = self.file, self.network.weights
        if file is not None and published is not None and weights.digest(file) == published.sha256:
            return
        self.encode(np.zeros((1, *self.size, 3), np.uint8))

    def encode(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Turn uint8 RGB pictures (n, *size, 3) into float32 vectors (n, d) of unit length.

        Raises:
            ArgumentError: ``images`` has another type or shape.
            WeightsError: The weights are not available, or belong to another network.
            MissingExtraError: A library that builds or runs it is not installed.
        """
        check_images(images, self.spec)
        run = self._ready("pictures")
        return runtime.unit(runtime.batched(run, images, BATCH, self.network.dimension))

    @property
    def reads_text(self) -> bool:
        """Whether it encodes text and pictures into one space."""
        return self.network.library == "open_clip"

    def encode_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Turn texts into float32 vectors (n, d) of unit length, in the same space as pictures.

        Raises:
            ArgumentError: This network does not support text.
            WeightsError: The weights are not available, or belong to another network.
            MissingExtraError: A library that builds or runs it is not installed.
        """
        if not self.reads_text:
            raise ArgumentError(f"{self._name} does not support text", f"These do: {', '.join(image_text())}.")
        from posterity.encoders.networks.building import libraries

        run = self._ready("text")
        tokens = np.asarray(libraries("open_clip")[1].get_tokenizer(self.network.architecture)(list(texts)), np.int64)
        return runtime.unit(runtime.batched(run, tokens, 1, self.network.dimension))

    def _export(self, side: str) -> Path:
        """Give the path of the network's ONNX file in the cache."""
        file = self.file
        held = weights.digest(file)[:16] if file else "none"
        return cache_folder() / "networks" / f"{self._name}-{side}-{held}-{_EXPORT}.onnx"

    def _ready(self, side: str) -> runtime.Run:
        with self._lock:
            if side not in self._runs:
                self._runs[side] = self._load(side)
            return self._runs[side]

    def _load(self, side: str) -> runtime.Run:
        file = self.file
        if file is None:
            file = self._file = weights.fetch(self.network)
        by = self._by or setting("runtime")
        if file.suffix.lower() == ".onnx":
            return self._published(file, by)
        kept = self._export(side)
        if kept.is_file():
            with suppress(runtime.BadNetworkError):  # if it is damaged, export it again from the weights
                return runtime.load(kept.read_bytes(), by, str(kept))
        self._write(file, side, kept)
        return runtime.load(kept.read_bytes(), by, str(kept))

    def _write(self, file: Path, side: str, kept: Path) -> None:
        from posterity.encoders.networks import building

        if side == "text":
            module = building.build(self.network, (self.network.square,) * 2)
            building.put_in(self.network, module, file)
            model = building.text_to_onnx(module, module.context_length)
        else:
            model = building.written(self.network, file, self.size, self.fit == "multi-crop")
        write_whole(kept, model, weights.ROOM)

    def _published(self, file: Path, by: str) -> runtime.Run:
        """Run a published ONNX file: normalised float pictures (n, 3, h, w) in, features or a feature map out."""
        run = runtime.load(file.read_bytes(), by, str(file), "Name an ONNX file of that network, or fetch it again.")
        mean, deviation = (np.array(values, np.float32) * 255 for values in self.network.colours)
        dimension = self.network.dimension

        def features(images: NDArray[np.uint8]) -> NDArray[np.float32]:
            x = (images.astype(np.float32) - mean) / deviation
            rows = run(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))
            if rows.ndim < 2 or len(rows) != len(images):
                raise WeightsError(
                    f"{escape(str(file))} gives an array of shape {rows.shape} for {len(images)} pictures",
                    "Name an ONNX file of that network without its classifier.",
                )
            rows = rows.reshape(*rows.shape[:2], -1).mean(2)
            if rows.shape[1] != dimension:
                raise WeightsError(
                    f"{escape(str(file))} gives {rows.shape[1]} features where {self.network.name} has {dimension}",
                    "Name an ONNX file of that network without its classifier.",
                )
            return np.asarray(rows, np.float32)

        return features


def image_text() -> list[str]:
    """Name the networks that support text."""
    return [name for name, network in KNOWN.items() if network.library == "open_clip"]


def named(name: str) -> Net | None:
    """Make the encoder of that name, with or without the suffix of a fit; None if there is none.

    >>> named("resnet18_pad").spec.fit, named("resnet18").spec.size, named("alexnet")
    ('pad', (240, 160), None)
    """
    if name in KNOWN:
        return Net(KNOWN[name])
    for fit in FITS:
        base = re.sub(rf"_{fit.replace('-', '_')}$", "", name)
        if base != name and base in KNOWN and KNOWN[base].fit != fit and (fit != "native" or KNOWN[base].native):
            return Net(KNOWN[base], fit)
    return None
