"""The network that ships with Posterity, trained on posters from random initialisation.

``training/`` has the code that trained it, and its model card. It reads a whole poster in its native 2:3 shape,
192×128, so that nothing is cropped or padded.
"""

from __future__ import annotations

import hashlib
import threading
from functools import cached_property
from importlib.resources import files
from typing import final

import numpy as np
from numpy.typing import NDArray

from posterity.encoders import runtime
from posterity.encoders._check import check_images
from posterity.encoders.base import EncoderSpec
from posterity.runtime.filenames import escape
from posterity.settings import setting

BATCH = 16
"""Pictures per run: the fastest measured, with one thread and with two; larger batches do not fit in the cache."""


WEIGHTS = "564fc6650079d444bef1ea804938690199742e3608af2d099ade6b0fba52bb63"
"""SHA-256 of the network that ships."""

AGAIN = "Install it again: pip install --force-reinstall --no-deps posterity"


@final
class Poster:
    """Posters -> what a network trained on posters sees in them; d = 384, unit length.

    Args:
        by: Name of a runtime in :mod:`posterity.encoders.runtime`; None uses the setting ``runtime``.
    """

    def __init__(self, by: str | None = None) -> None:
        self._by = by
        self._lock = threading.Lock()

    @cached_property
    def _model(self) -> bytes:
        return files("posterity.encoders").joinpath("poster.onnx").read_bytes()

    @cached_property
    def spec(self) -> EncoderSpec:
        """What the encoder declares about itself."""
        return EncoderSpec(
            name="poster",
            dimension=384,
            size=(192, 128),
            fit="native",
            metric="cosine",
            version=1,
            summary="The network in the box, trained on posters: content, genre, style",
            licence="MIT",
            weights=hashlib.sha256(self._model).hexdigest(),
            bytes=len(self._model),
        )

    @cached_property
    def _run(self) -> runtime.Run:
        file = str(files("posterity.encoders").joinpath("poster.onnx"))
        # A file with damaged weights could still run, and would give meaningless vectors.
        if (found := hashlib.sha256(self._model).hexdigest()) != WEIGHTS:
            raise runtime.BadNetworkError(
                f"{escape(file)} is damaged: it has the SHA-256 {found[:16]}… instead of {WEIGHTS[:16]}…", AGAIN
            )
        return runtime.load(self._model, self._by or setting("runtime"), file, AGAIN)

    def encode(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Turn uint8 RGB pictures (n, 192, 128, 3) into float32 vectors (n, 384) of unit length.

        Raises:
            ArgumentError: ``images`` has another type or shape.
            MissingExtraError: The runtime is not installed.
            BadNetworkError: The file of the network is damaged.
        """
        check_images(images, self.spec)
        with self._lock:
            run = self._run
        return runtime.unit(runtime.batched(run, images, BATCH, self.spec.dimension))
