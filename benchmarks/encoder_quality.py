"""How well each encoder's nearest posters fit, on real posters: ``python benchmarks/encoder_quality.py DATA``.

DATA is a folder with posters/, posters.csv (file, imdb_id, genres, collection), versions/ and versions.csv (file,
imdb_id, relation). Prints one row an encoder, each figure with its 95% bootstrap interval over the queries:

- franchise@1, @5: films with a sibling in the same collection that find one among their 1 or 5 nearest;
- genre@5: how many of the 5 nearest share a genre, and ``chance``, how many of all posters do;
- same art, other art: another file of the same artwork, or another poster of the film, has the film's poster nearest;
- µs: one thread, encoding alone, for each poster.
"""

from __future__ import annotations

import argparse
import csv
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from posterity.encoders import ENCODERS, Encoder

CHUNK = 64


def read_table(path: Path) -> list[dict[str, str]]:
    """Read a CSV file, one dictionary a line."""
    with path.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def read_pictures(files: list[Path], sizes: set[tuple[int, int]]) -> dict[tuple[int, int], np.ndarray]:
    """Decode each file once and shrink it to every size."""

    def read(file: Path) -> list[np.ndarray]:
        picture = cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_COLOR_RGB)
        return [cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA) for size in sizes]

    with ThreadPoolExecutor() as pool:
        columns = zip(*pool.map(read, files), strict=True)
    return {size: np.stack(column) for size, column in zip(sizes, columns, strict=True)}


def encode(encoder: Encoder, pictures: np.ndarray) -> tuple[np.ndarray, float]:
    """Give the vectors, and the best of three times in µs a poster."""
    took = []
    for _ in range(3):
        start = time.perf_counter()
        vectors = np.concatenate([encoder.encode(pictures[i : i + CHUNK]) for i in range(0, len(pictures), CHUNK)])
        took.append(time.perf_counter() - start)
    return vectors, min(took) / len(pictures) * 1e6


def interval(hits: np.ndarray) -> str:
    """Format a mean with its 95% bootstrap interval over 1,000 resamples."""
    rng = np.random.default_rng(0)
    means = [hits[rng.integers(0, len(hits), len(hits))].mean() for _ in range(1000)]
    low, high = np.quantile(means, [0.025, 0.975])
    return f"{hits.mean():.3f} [{low:.3f}, {high:.3f}]"


def main() -> None:
    """Measure every registered encoder and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    films = read_table(data / "posters.csv")
    versions = read_table(data / "versions.csv")
    encoders = [ENCODERS.get(name) for name in ENCODERS]
    files = [data / "posters" / film["file"] for film in films] + [data / "versions" / v["file"] for v in versions]
    pictures = read_pictures(files, {encoder.spec.size for encoder in encoders})

    collection = np.array([film["collection"] for film in films])
    named, counts = np.unique(collection[collection != ""], return_counts=True)
    siblings = np.flatnonzero(np.isin(collection, named[counts > 1]))
    genres = sorted({genre for film in films for genre in film["genres"].split("|")} - {""})
    has = np.array([[genre in film["genres"].split("|") for genre in genres] for film in films], np.float32)
    shared = has @ has.T > 0
    with_genre = np.flatnonzero(has.any(axis=1))
    row_of = {film["imdb_id"]: row for row, film in enumerate(films)}
    own = np.array([row_of[version["imdb_id"]] for version in versions])
    chance = shared[np.ix_(with_genre, with_genre)].mean()
    print(f"{len(films)} posters, {len(siblings)} with a sibling, {len(versions)} versions; genre chance {chance:.3f}")
    print("encoder | d | franchise@1 | franchise@5 | genre@5 | same art@1 | other art@1 | µs")
    for encoder in encoders:
        vectors, took = encode(encoder, pictures[encoder.spec.size])
        stored = vectors[: len(films)]
        # Squared Euclidean distance less the query's own length: ranks cosine and Euclidean encoders alike.
        distance = (stored**2).sum(axis=1) - 2 * vectors @ stored.T
        nearest_to_version = distance[len(films) :].argmin(axis=1)
        among = distance[: len(films)]
        np.fill_diagonal(among, np.inf)
        near = np.argsort(among, axis=1)[:, :5]
        kin = collection[near[siblings]] == collection[siblings, None]
        agree = np.take_along_axis(shared, near, axis=1)[with_genre].mean(axis=1)
        art = [nearest_to_version == own, np.array([version["relation"] for version in versions])]
        same, other = (art[0][art[1] == relation].astype(float) for relation in ("same_art", "other_art"))
        figures = [kin[:, 0].astype(float), kin.any(axis=1).astype(float), agree, same, other]
        row = [encoder.spec.name, str(encoder.spec.dimension), *map(interval, figures), f"{took:.0f}"]
        print(" | ".join(row), flush=True)


if __name__ == "__main__":
    main()
