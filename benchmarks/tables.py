"""Reading a ``movies_metadata.csv`` of 45,466 rows into films, beside pandas' bare ``read_csv`` of the same file.

The real table's rows, over and over with ids, titles and popularities of their own, until there are as many as in the
published one, and each with an overview and production companies of the published length, which the real table lacks.
"""

from __future__ import annotations

import csv
import gzip
import tempfile
from pathlib import Path

import pandas as pd

from benchmarks.harness import data, median_seconds, peak_mb, seconds, tell
from posterity.sources.imdb import read_imdb_datasets
from posterity.sources.listing import Entry
from posterity.sources.tmdb_table import read_tmdb_table

ROWS = 45_466
OVERVIEW = "Led by Somebody, who lives happily in a room until a birthday brings another onto the scene. " * 3
COMPANIES = "[{'name': 'A Studio', 'id': 3}, {'name': 'Another Studio', 'id': 4}]"
TITLES = 1_000_000


def write(path: Path) -> None:
    """Write the table."""
    with data("formats", "movies_metadata.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    place = {name: i for i, name in enumerate(header)}
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(header)
        for n in range(ROWS):
            row = list(rows[n % len(rows)])
            if row[place["id"]].isdigit():
                row[place["id"]] = str(n + 1)
                row[place["imdb_id"]] = f"tt{n + 1:07d}"
                row[place["title"]] += f" {n}"
                row[place["popularity"]] = f"{n / 997:.6f}"
                row[place["overview"]] = f"{n} {OVERVIEW}"
                row[place["production_companies"]] = COMPANIES
            out.writerow(row)


def write_imdb(path: Path) -> None:
    """Write a million titles as IMDb's own dataset has them."""
    with gzip.open(path, "wt", compresslevel=1, encoding="utf-8") as file:
        file.write(
            "tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear\truntimeMinutes\tgenres\n"
        )
        for n in range(TITLES):
            file.write(
                f"tt{n:07d}\tmovie\tThe Title of {n}\tThe Title of {n}\t0\t{1950 + n % 70}\t\\N\t90\tDrama,Comedy\n"
            )


with tempfile.TemporaryDirectory() as scratch:
    table = Path(scratch) / "movies_metadata.csv"
    write(table)

    def ours() -> None:
        """Read it into films."""
        films = sum(isinstance(item, Entry) for item in read_tmdb_table(table))
        if not 0.99 * ROWS < films <= ROWS:
            raise SystemExit(f"{films} films of {ROWS} rows")

    ours()
    peer = median_seconds(lambda: pd.read_csv(table, low_memory=False), 7)
    took = median_seconds(ours, 7)
    name = f"movies_metadata.csv, {ROWS:,} rows, {table.stat().st_size / 2**20:.0f} MB"
    tell(name, took, "s", f"pandas {pd.__version__} read_csv", peer, ratio=took / peer, goal="< 3", met=took < 3 * peer)
    titles = Path(scratch) / "title.basics.tsv.gz"
    write_imdb(titles)
    before = peak_mb()
    wanted = {f"tt{n:07d}" for n in range(0, TITLES, 100)}
    took = seconds(lambda: sum(1 for _ in read_imdb_datasets([titles], wanted)))
    tell(f"title.basics.tsv.gz, {TITLES:,} rows, {len(wanted):,} wanted", TITLES / took / 1e6, "M rows/s")
    tell("its memory", peak_mb() - before, "MB more")
