"""Posters ready for training: decoded once into a mapped file, read and augmented in threads while the network runs.

Only a few batches are in memory: the file is mapped, and the system may drop its pages at any time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from posterity.catalogue import Poster, Store
from posterity.catalogue.pictures import picture_of
from posterity.catalogue.provenance import digest
from posterity.errors import CatalogueError, ImageError
from posterity.images import fit, tier
from posterity.runtime.filenames import whole
from posterity.runtime.parallel import chunked, n_workers, ordered_map
from posterity.runtime.progress import progress

Batch = NDArray[np.uint8]
_CHUNK = 64


@dataclass(frozen=True)
class Packed:
    """Posters of one size in a mapped file: ``pictures`` is uint8 (n, h, w, 3), one row per id."""

    ids: tuple[str, ...]
    pictures: NDArray[np.uint8]


def pack(
    store: Store,
    posters: Sequence[Poster],
    size: tuple[int, int],
    how: str,
    *,
    folder: Path | None = None,
    workers: int = 0,
    show_progress: bool | None = None,
) -> Packed:
    """Decode posters into a file in the catalogue's folder ``cache``, or reuse the one there.

    Args:
        store: The catalogue.
        posters: Posters of the catalogue.
        size: Height and width.
        how: How posters are fitted to the size.
        folder: Folder for the file, instead of ``cache``.
        workers: Number of threads; 0 uses one per core.
        show_progress: True and False force the bar; None shows it on a terminal.

    Raises:
        CatalogueError: Neither a poster's file nor its thumbnail can be read.
        StorageError: The file cannot be written.
    """
    content = digest(["pack 1", size, how, [poster.sha256 for poster in posters]])
    name = f"{content[:24]}.pictures"
    path = (folder or store.scratch / "cache") / name
    shape = (len(posters), *size, 3)
    ids = tuple(poster.id for poster in posters)
    if not path.exists():
        with whole(path) as temporary:
            rows = np.memmap(temporary, np.uint8, "w+", shape=shape)
            at = 0
            with progress("Decoding", len(posters), show_progress) as bar:
                work = chunked(posters, _CHUNK)
                for chunk in ordered_map(lambda some: _decoded(store, some, size, how), work, n_workers(workers)):
                    rows[at : at + len(chunk)] = chunk
                    at += len(chunk)
                    bar.update(len(chunk))
            rows.flush()
            del rows
    return Packed(ids, np.memmap(path, np.uint8, "r", shape=shape))


def _decoded(store: Store, posters: Sequence[Poster], size: tuple[int, int], how: str) -> NDArray[np.uint8]:
    enough = tier(size) or size
    made = np.empty((len(posters), *size, 3), np.uint8)
    for row, poster in enumerate(posters):
        try:
            made[row] = fit(picture_of(store, poster, enough), size, how)
        except (KeyError, ImageError) as error:
            raise CatalogueError(
                f"neither the file nor the thumbnail of the poster {poster.id} can be read",
                f"Run: posterity doctor {store.folder} --repair",
            ) from error
    return made


def batches(
    packed: Packed,
    rows: NDArray[np.int64],
    size: int,
    *,
    augmentation: str = "none",
    seed: int = 0,
    shuffle: bool = False,
    workers: int = 1,
) -> Iterator[tuple[NDArray[np.int64], Batch]]:
    """Yield batches of pictures, read and augmented a few batches ahead in threads.

    Args:
        packed: The pictures.
        rows: Rows of the pictures to read.
        size: Pictures per batch.
        augmentation: "none", "seed" or "strong"; depends only on ``seed`` and the row of the picture.
        seed: Seed of order and augmentation; a different one each epoch.
        shuffle: Whether to shuffle ``rows``.
        workers: Number of threads.

    Yields:
        (b,) rows, and uint8 (b, h, w, 3).
    """
    order = np.random.default_rng(seed).permutation(rows) if shuffle else rows

    def read(some: NDArray[np.int64]) -> tuple[NDArray[np.int64], Batch]:
        taken = np.sort(some)  # in the order of the file
        pictures = packed.pictures[taken]
        if augmentation != "none":
            for at, row in enumerate(taken.tolist()):
                pictures[at] = augmented(pictures[at], augmentation, np.random.default_rng((seed, row)))
        return taken, pictures

    cuts = [order[start : start + size] for start in range(0, len(order), size)]
    if shuffle and len(cuts) > 1 and len(cuts[-1]) < 2:
        cuts.pop()  # batch norm needs more than one picture
    yield from ordered_map(read, cuts, workers, ahead=3)


def augmented(picture: NDArray[np.uint8], how: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Augment a picture (h, w, 3).

    Crop, turn and mirror are one warp. "seed" is what the article lists: crops of .8 to 1 of the area, with an aspect
    from 3/4 to 4/3 of the picture's, turned by at most 15°, mirrored half of the time (its ColorJitter, with default
    arguments, changes nothing).
    """
    strong = how == "strong"
    height, width = picture.shape[:2]
    area, stretch = rng.uniform(0.5 if strong else 0.8, 1), np.exp(rng.uniform(-1, 1) * np.log(4 / 3))
    w, h = min(1.0, float(np.sqrt(area * stretch))), min(1.0, float(np.sqrt(area / stretch)))
    left, top = rng.uniform(0, 1 - w), rng.uniform(0, 1 - h)
    matrix = cv2.getRotationMatrix2D(((left + w / 2) * width, (top + h / 2) * height), rng.uniform(-15, 15), 1.0)
    matrix[:, 2] += (0.5 - left - w / 2) * width, (0.5 - top - h / 2) * height
    zoom = np.diag([1 / w, 1 / h])
    centre = np.array([width / 2, height / 2])
    matrix = np.column_stack([zoom @ matrix[:, :2], zoom @ (matrix[:, 2] - centre) + centre])
    if rng.random() < 0.5:
        matrix[0] *= -1
        matrix[0, 2] += width
    made = cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    if strong:
        made = _recoloured(np.asarray(made, np.uint8), rng)
        if rng.random() < 0.25:  # Z. Zhong et al., Random Erasing Data Augmentation, 2020
            y, x = rng.integers(0, height * 3 // 4), rng.integers(0, width * 3 // 4)
            hole = made[y : y + rng.integers(height // 8, height // 3), x : x + rng.integers(width // 8, width // 3)]
            hole[:] = rng.integers(0, 256, 3)
    return np.asarray(made, np.uint8)


def _recoloured(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Change contrast, brightness and saturation."""
    gain, shift, colour = rng.uniform(0.75, 1.25), rng.uniform(-25, 25), rng.uniform(0.6, 1.4)
    grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return np.asarray(cv2.addWeighted(picture, gain * colour, grey, gain * (1 - colour), shift), np.uint8)
