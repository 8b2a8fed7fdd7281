"""Posters -> vectors: the registered encoders, by name.

Other packages register theirs in the entry-point group ``posterity.encoders``.
"""

from __future__ import annotations

from pathlib import Path

from posterity.encoders.base import Encoder, EncoderSpec
from posterity.encoders.known import KNOWN
from posterity.errors import ArgumentError
from posterity.registry import Registry

__all__ = ["ENCODERS", "Encoder", "EncoderSpec", "Metric", "available", "configured"]

ENCODERS: Registry[Encoder] = Registry(
    "encoder",
    {
        "colour": "posterity.encoders.colour:Colour",
        "composition": "posterity.encoders.composition:Composition",
        "pixels": "posterity.encoders.pixels:Pixels",
        "poster": "posterity.encoders.poster:Poster",
    },
    group="posterity.encoders",
    families={"posterity.encoders.networks:named": tuple(KNOWN)},
)


def available(encoder: Encoder) -> bool:
    """Tell whether an encoder can run here without downloading anything."""
    return bool(getattr(encoder, "available", True))


def configured(name: str, *, fit: str | None = None, weights: str | None = None, runtime: str | None = None) -> Encoder:
    """Make an encoder with the options of the command line.

    Args:
        name: Name of an encoder.
        fit: How posters are fitted for a network: one of ``posterity.encoders.networks.FITS``.
        weights: File of a network's weights; once verified, it is remembered for later runs.
        runtime: Name of the runtime that runs networks.

    Raises:
        UnknownNameError: There is no encoder of that name.
        ArgumentError: The encoder does not accept another fit or weights.
        WeightsError: The weights belong to another network.
        BadNetworkError: The weights are not a usable network.
    """
    if fit is None and weights is None and runtime is None:
        return ENCODERS.get(name)
    from posterity.encoders.networks import Net, named
    from posterity.encoders.networks.weights import remember
    from posterity.encoders.poster import Poster

    found = named(name)
    if found is None:
        encoder = ENCODERS.get(name)
        if fit is not None or weights is not None:
            raise ArgumentError(
                f"the encoder {name!r} takes neither weights nor another fit", f"These do: {', '.join(KNOWN)}."
            )
        return Poster(runtime) if isinstance(encoder, Poster) else encoder
    made = Net(found.network, fit or found.fit, None if weights is None else Path(weights), runtime)
    if weights is not None:
        made.prove()  # verify first: what is remembered applies to every later run
        remember(found.network.shares or found.network.name, Path(weights))
    ENCODERS.add(made.spec.name, made)
    return made
