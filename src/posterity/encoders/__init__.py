"""Posters -> vectors: the registered encoders, by name.

Other packages register theirs in the entry-point group ``posterity.encoders``.
"""

from __future__ import annotations

from posterity.encoders.base import Encoder, EncoderSpec, Metric
from posterity.registry import Registry

__all__ = ["ENCODERS", "Encoder", "EncoderSpec", "Metric"]

ENCODERS: Registry[Encoder] = Registry(
    "encoder",
    {
        "colour": "posterity.encoders.colour:Colour",
        "composition": "posterity.encoders.composition:Composition",
        "pixels": "posterity.encoders.pixels:Pixels",
    },
    group="posterity.encoders",
)
