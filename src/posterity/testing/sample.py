"""A sample collection on disk: posters, the table of their films, and a note that everything is generated."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from posterity.runtime.filenames import write_whole
from posterity.runtime.parallel import n_workers, ordered_map
from posterity.testing.artwork import draw_poster
from posterity.testing.films import GeneratedFilm, generate_films

COLUMNS = (
    "file",
    "imdb_id",
    "title",
    "year",
    "genres",
    "budget",
    "revenue",
    "popularity",
    "vote_average",
    "vote_count",
    "runtime",
    "release_date",
    "collection",
)

_NOTE = """These posters and the films on them are invented. Posterity drew them (`posterity sample`); no studio's
artwork is among them. Do with them as you like.
"""

_ELSEWHERE = "Make room there, or name another folder."


@dataclass(frozen=True)
class Sample:
    """The paths of a sample collection.

    Attributes:
        directory: The folder that holds it.
        posters: The folder of its pictures.
        metadata: The table of its films.
        n_films: Number of films.
    """

    directory: Path
    posters: Path
    metadata: Path
    n_films: int


def write_sample(
    directory: str | os.PathLike[str],
    n_films: int = 240,
    *,
    seed: int = 0,
    size: tuple[int, int] = (400, 600),
    progress: Callable[[int], object] | None = None,
) -> Sample:
    """Draw a sample collection, one poster at a time; the same arguments give the same files.

    Args:
        directory: The folder to write, made if it does not exist.
        n_films: Number of films.
        seed: Seed of the films.
        size: (width, height) of the posters in pixels.
        progress: Called with 1 after each poster.

    Raises:
        ArgumentError: A number is out of range.
        StorageError: The folder cannot be written.
    """
    films = generate_films(n_films, seed)
    target = Path(directory)
    posters, metadata = target / "posters", target / "metadata.csv"

    def draw(film: GeneratedFilm) -> bytes:
        data = io.BytesIO()
        draw_poster(film, size).save(data, "JPEG", quality=88)
        return data.getvalue()

    for film, drawn in zip(films, ordered_map(draw, films, n_workers()), strict=True):
        write_whole(posters / f"{film.imdb_id}.jpg", drawn, _ELSEWHERE)
        if progress:
            progress(1)
    write_whole(target / "README.txt", _NOTE.encode(), _ELSEWHERE)
    write_whole(metadata, _table(films).encode(), _ELSEWHERE)  # last: with it the sample is complete
    return Sample(target, posters, metadata, n_films)


def _table(films: list[GeneratedFilm]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for film in films:
        cells = {"file": f"{film.imdb_id}.jpg", "genres": "|".join(film.genres)}
        writer.writerow([cells[c] if c in cells else getattr(film, c) for c in COLUMNS])
    return out.getvalue()
