"""What the posters of a catalogue can be compared by: an encoder, facets, and how much each counts at first."""

from __future__ import annotations

from collections.abc import Iterable

from posterity.catalogue import Store
from posterity.search.facets import CONTENT, OF_ENCODERS, OF_FILMS
from posterity.settings import setting

DEFAULT_WEIGHTS = {CONTENT: 1.0, "colour": 0.5, "composition": 0.5}
"""How much facets count where nobody says so."""


def encoder_of(store: Store) -> str:
    """Name what compares posters: the encoder of the settings, or else one that there are vectors of."""
    here, wanted = store.encoders, str(setting("encoder"))
    return wanted if wanted in here or not here else sorted(here)[0]


def facets_of(store: Store) -> list[str]:
    """Name the facets by which similarity can be steered."""
    here = store.encoders
    content = [CONTENT] if encoder_of(store) in here else []
    return [*content, *(name for name in OF_ENCODERS if name in here), *OF_FILMS]


def default_weights(facets: Iterable[str]) -> str:
    """Write down the usual weights of those of some facets that have one.

    >>> default_weights(["colour", "content", "era"])
    'content=1,colour=0.5'
    """
    here = set(facets)
    return ",".join(f"{name}={weight:g}" for name, weight in DEFAULT_WEIGHTS.items() if name in here)
