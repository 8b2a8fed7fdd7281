"""A fitted map in a file: arrays and JSON, nothing that could run."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posterity.errors import ArgumentError
from posterity.numerics.distances import Floats
from posterity.numerics.som.decay import Doubles
from posterity.runtime.filenames import whole
from posterity.serialise import dumps

_KIND = "posterity.som.SelfOrganizingMap/1"
"""Name of the file format, which stays the same wherever the class moves."""


@dataclass(frozen=True)
class Kept:
    """The contents of a saved map: its options by name, the units' vectors, and the widths of its training."""

    options: dict[str, Any]
    codebook: NDArray[Any]
    sigmas: NDArray[Any]


def write(target: Path, options: Mapping[str, Any], codebook: Floats, sigmas: Doubles) -> Path:
    """Write a map into a file, whole or not at all.

    Raises:
        StorageError: The file cannot be written.
    """
    with whole(target, "Choose another path.") as temporary, temporary.open("wb") as file:
        np.savez(file, kind=np.array(_KIND), options=np.array(dumps(options)), codebook=codebook, sigmas=sigmas)
    return target


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[Kept]:
    """Read a file; any failure while its contents are being used means that it is not a saved map.

    Raises:
        ArgumentError: The file cannot be read, is not a saved map, or is damaged.
    """
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as kept:
            if str(kept["kind"]) != _KIND:
                raise ValueError
            found = Kept(json.loads(str(kept["options"])), kept["codebook"], kept["sigmas"])
        yield found
    except OSError as error:
        raise ArgumentError(f"{path} cannot be read: {error.strerror or error}", "Give a saved map.") from error
    except Exception as error:  # a damaged file can make the readers of arrays, JSON and options raise anything
        raise ArgumentError(f"{path} is not a saved map, or is damaged", "Save it again: som.save(path).") from error
