"""Which films an encoder was trained on: its scores on those are too good."""

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
    """Tell whether any of these encoders was trained on the posters of a film.

    As far as is known, networks trained on photographs have seen no posters. Nothing is known about encoders that other
    packages register.
    """
    number = (imdb_id or "").removeprefix("tt")
    return number.isdigit() and any(int(number) in _trained_with(name) for name in encoders)
