"""Write down which films the encoder `poster` was trained with, so that scores can be of films that it never saw.

python -m training.films
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data import pictures

LIST = Path(__file__).parents[1] / "src" / "posterity" / "encoders" / "poster_films.npy"


def trained_with() -> NDArray[np.uint32]:
    """Give the numbers of the IMDb ids of the training side, sorted."""
    return np.unique([int(p.film.removeprefix("tt")) for p in pictures() if not p.test]).astype(np.uint32)


if __name__ == "__main__":
    films = trained_with()
    np.save(LIST, films)
    print(f"{len(films):,} films in {LIST}")
