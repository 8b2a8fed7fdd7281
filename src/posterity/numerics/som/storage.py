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
"""What tells a saved map from other files: a name of the format, wherever the class has moved to since."""


@dataclass(frozen=True)
class Kept:
    """What a file holds of a map: its options by name, the units' vectors, and the widths of its training."""

    options: dict[str, Any]
    codebook: NDArray[Any]
    sigmas: NDArray[Any]


def write(target: Path, options: Mapping[str, Any], codebook: Floats, sigmas: Doubles) -> Path:
    """Write a map into a file, whole or not at all.

    Raises:
        StorageError: The file cannot be written.
    """
    with whole(target, "Name another place.") as temporary, temporary.open("wb") as file:
        np.savez(file, kind=np.array(_KIND), options=np.array(dumps(options)), codebook=codebook, sigmas=sigmas)
    return target


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[Kept]:
    """Read a file; whatever fails while its contents are put to use means that it is no saved map.

    Raises:
        ArgumentError: It cannot be read, or is no saved map, or a damaged one.
    """
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as kept:
            if str(kept["kind"]) != _KIND:
                raise ValueError
            found = Kept(json.loads(str(kept["options"])), kept["codebook"], kept["sigmas"])
        yield found
    except OSError as error:
        raise ArgumentError(f"{path} cannot be read: {error.strerror or error}", "Name a saved map.") from error
    except Exception as error:  # whatever a damaged file makes of the readers of arrays, JSON and options
        raise ArgumentError(f"{path} is no saved map, or a damaged one", "Save it anew: som.save(path).") from error
