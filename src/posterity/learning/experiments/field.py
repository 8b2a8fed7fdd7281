"""The data that all runs of an experiment share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posterity.catalogue import Store
from posterity.learning.experiments.spec import Experiment
from posterity.learning.splits import Split
from posterity.learning.splitting import folds
from posterity.numerics.linear.scaling import Floats


@dataclass(frozen=True)
class Field:
    """The catalogue, the experiment, its split, and all posters of the split with their film groups."""

    store: Store
    experiment: Experiment
    split: Split
    ids: tuple[str, ...]
    groups: dict[str, int]
    show_progress: bool | None


def folds_of(field_: Field, Y: Floats, numbers: NDArray[np.int64], repeat: int) -> NDArray[np.int64]:
    """Return the fold of each poster in one of the experiment's repeats: (n,); kin are in the same fold."""
    return folds(Y, numbers, field_.experiment.n_folds, field_.experiment.protocol.seed + repeat)
