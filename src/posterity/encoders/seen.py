"""Which films an encoder was trained with: a score on those flatters it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import as_file, files

import numpy as np


@cache
def _trained_with(encoder: str) -> frozenset[int]:
    if encoder != "poster":
        return frozenset()
    with as_file(files("posterity.encoders").joinpath("poster_films.npy")) as path:
        return frozenset(np.load(path, allow_pickle=False).tolist())


def seen(encoders: Iterable[str], imdb_id: str | None) -> bool:
    """Tell whether any of some encoders was trained with the posters of a film.

    Networks trained on photographs have seen no posters as far as is known; of encoders that others register nothing is
    known.
    """
    number = (imdb_id or "").removeprefix("tt")
    return number.isdigit() and any(int(number) in _trained_with(name) for name in encoders)
