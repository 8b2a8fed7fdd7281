"""What the posters of a catalogue can be compared by: an encoder, the facets, and their default weights."""

from __future__ import annotations

from collections.abc import Iterable

from posterity.catalogue import Store
from posterity.search.facets import CONTENT, OF_ENCODERS, OF_FILMS
from posterity.settings import setting

DEFAULT_WEIGHTS = {CONTENT: 1.0, "colour": 0.5, "composition": 0.5}
"""Weights of the facets by default."""


def encoder_of(store: Store) -> str:
    """Name the encoder that compares posters: the one in the settings, or else the first one that has vectors."""
    here, wanted = store.encoders, str(setting("encoder"))
    return wanted if wanted in here or not here else sorted(here)[0]


def facets_of(store: Store) -> list[str]:
    """Name the facets by which similarity can be steered."""
    here = store.encoders
    content = [CONTENT] if encoder_of(store) in here else []
    return [*content, *(name for name in OF_ENCODERS if name in here), *OF_FILMS]


def default_weights(facets: Iterable[str]) -> str:
    """Write the default weights of these facets, leaving out facets that have none.

    >>> default_weights(["colour", "content", "era"])
    'content=1,colour=0.5'
    """
    here = set(facets)
    return ",".join(f"{name}={weight:g}" for name, weight in DEFAULT_WEIGHTS.items() if name in here)
