"""Cells as long as a line may be: none takes the square of its length, and what is too long for its kind is a fault.

A pattern that does would take hours for a line of some megabytes; the child that reads it is given two minutes.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

_CHILD = """
import sys
from contextlib import suppress
from posterity.sources import imdb, impawards, release_names, values
from posterity.sources.library import cells

BEGINNINGS = ("", "0", "a", "1h", "['", "{'name': '", "array(")
PIECES = (
    " ", "\\t", "0", "0,", "0 ", "a ", "(", "[", "{", "'a', ", "a/", "19", "[imdb", "imdb", "-", ".", "1 ", "part ",
)
N = 200_000

READERS = {
    "values": (
        values.text, values.number, values.whole, values.money, values.amount, values.minutes, values.rating,
        values.year, values.date, values.names, values.name, values.imdb_id, values.imdb_id_in_name,
        values.tmdb_id_in_name, values.language, values.shape, values.day_stands_first, imdb._title_and_year,
        impawards._title, release_names.title_and_year,
    ),
    "library": (
        cells.imdb, cells.tmdb, cells.year, cells.day, cells.out_of_ten, cells.count, cells.minutes, cells.language,
    ),
}
for begins in BEGINNINGS:
    for piece in PIECES:
        for ends in ("", "!"):
            cell = (begins + piece * (N // len(piece)))[:N] + ends
            for read in READERS[sys.argv[1]]:
                with suppress(ValueError):
                    read(cell)
print("read")
"""


@pytest.mark.parametrize("readers", ["values", "library"])
def test_no_cell_takes_the_square_of_its_length(readers: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, readers], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.strip() == "read", done.stderr[-2000:]
