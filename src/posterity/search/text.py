"""Text and posters in one space: searching by words, and labelling by labels' names alone (zero-shot).

This needs an encoder that was trained on pictures together with their captions (Radford et al. 2021, *Learning
Transferable Visual Models From Natural Language Supervision*).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from posterity.encoders import ENCODERS, Encoder
from posterity.encoders.known import KNOWN
from posterity.errors import ArgumentError

PROMPT = "a movie poster of a {} film"
"""The text that a label is inserted into."""

SHARPNESS = 100.0
"""Factor on cosine similarities before they become shares: CLIP's own, at the end of its training."""


@runtime_checkable
class TextEncoder(Protocol):
    """An encoder of text into the space of its pictures."""

    def encode_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Turn texts into float32 vectors (n, d) of unit length."""
        ...


@dataclass(frozen=True)
class ZeroShot:
    """How well labels fit posters.

    Attributes:
        encoder: Name of the encoder.
        labels: The labels, in the order of the shares.
        ids: Ids of the posters.
        shares: (posters, labels) float64; a poster's shares sum to 1. They are not calibrated probabilities.
    """

    encoder: str
    labels: tuple[str, ...]
    ids: tuple[str, ...]
    shares: NDArray[np.float64]

    def first(self, k: int = 3) -> list[tuple[str, list[tuple[str, float]]]]:
        """Give each poster's k best labels with their shares."""
        order = np.argsort(-self.shares, axis=1, kind="stable")[:, :k]
        return [
            (identity, [(self.labels[j], float(row[j])) for j in best])
            for identity, row, best in zip(self.ids, self.shares, order, strict=True)
        ]


def knowing_text(encoders: Iterable[str]) -> list[str]:
    """Name the encoders that support text, out of those given."""
    known = {name for name, network in KNOWN.items() if network.library == "open_clip"}
    return sorted(name for name in encoders if name in known or (name not in KNOWN and _supports_text(name)))


def _supports_text(name: str) -> bool:
    try:
        return hasattr(ENCODERS.get(name), "encode_text") and getattr(ENCODERS.get(name), "reads_text", True)
    except ArgumentError:
        return False


def text_vectors(encoder: Encoder, texts: Sequence[str]) -> NDArray[np.float32]:
    """Encode texts.

    Raises:
        ArgumentError: The encoder does not support text, or there is nothing to encode.
        WeightsError: Its weights are not available.
    """
    if not isinstance(encoder, TextEncoder) or not getattr(encoder, "reads_text", True):
        raise ArgumentError(
            f"the encoder {encoder.spec.name!r} does not support text",
            f"These do: {', '.join(knowing_text(ENCODERS))}.",
        )
    if not texts or not all(text.strip() for text in texts):
        raise ArgumentError("the text is empty", "Describe what the poster shows, e.g. --text 'red skull on black'.")
    return encoder.encode_text(list(texts))


def zero_shot(
    encoder: Encoder, ids: Sequence[str], vectors: NDArray[np.float32], labels: Sequence[str], prompt: str = PROMPT
) -> ZeroShot:
    """Rate how well each label fits each poster: the softmax of cosine similarities with the label in a prompt.

    Args:
        encoder: An encoder of pictures and text.
        ids: Ids of the posters.
        vectors: (posters, d) vectors of that encoder.
        labels: Two or more labels.
        prompt: A text with ``{}`` where the label goes.

    Raises:
        ArgumentError: The encoder does not support text, there are fewer than two labels, or the prompt has no ``{}``.
    """
    if len(labels) < 2:
        raise ArgumentError("fewer than two labels", "Give two or more, separated by commas.")
    if "{}" not in prompt:
        raise ArgumentError(f"the prompt {prompt!r} has no place for the label", "Write {} where the label goes.")
    logits = SHARPNESS * (vectors @ text_vectors(encoder, [prompt.replace("{}", label) for label in labels]).T).astype(
        np.float64
    )
    logits -= logits.max(axis=1, keepdims=True)
    shares = np.exp(logits)
    return ZeroShot(encoder.spec.name, tuple(labels), tuple(ids), shares / shares.sum(axis=1, keepdims=True))
