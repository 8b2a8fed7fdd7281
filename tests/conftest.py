"""What the tests share: small posters made on the spot, and the real ones where they are at hand."""

from __future__ import annotations

import csv
import fcntl
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

import posterity

# A shell's background jobs ignore Ctrl-C, and so would all that they start; those that tests interrupt must not.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests run beside each other, so how long one example takes says nothing of the code.
settings.register_profile("posterity", deadline=None)
settings.load_profile("posterity")


def real_data(*parts: str) -> Path:
    """Give a path in the real data, or skip the test and say why."""
    root = Path(os.environ.get("POSTERITY_DATA", Path(__file__).parents[1] / ".." / "shared")).resolve()
    path = root.joinpath("data", *parts)
    if not path.exists():
        pytest.skip(f"real data is not here: no {path}; set POSTERITY_DATA to the folder that holds data/")
    return path


def picture(seed: int, size: tuple[int, int] = (60, 90), hue: int | None = None) -> Image.Image:
    """Make a smooth random picture, (width, height), which survives JPEG and resizing as posters do."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 4, 3), dtype=np.uint8)
    if hue is not None:
        coarse[..., hue] = 255 - coarse[..., hue] // 8
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


@pytest.fixture
def make_posters(tmp_path: Path) -> Callable[..., Path]:
    """Write ``n`` posters named by IMDb id into a folder, with a table of their films beside it."""

    def make(n: int = 12, name: str = "posters") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        with (tmp_path / f"{name}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["Image File", "imdbId", "Title", "Release Year", "Genre", "Budget", "Gross", "Franchise"])
            for i in range(n):
                picture(i).save(folder / f"tt{i + 1:07d}.jpg", quality=90)
                genres = "Horror|Thriller" if i % 2 else '["Comedy"]'
                row = [
                    f"tt{i + 1:07d}.jpg",
                    i + 1,
                    f"Film, {i}",
                    1950 + i,
                    genres,
                    i * 1000,
                    "",
                    "Saga" if i < 2 else "",
                ]
                writer.writerow(row)
        return folder

    return make


@pytest.fixture
def films(make_posters: Callable[..., Path], tmp_path: Path) -> posterity.Catalogue:
    """Build a catalogue of twelve posters with metadata and all vectors."""
    posters = make_posters()
    posterity.build(posters, tmp_path / "films", tmp_path / "posters.csv")
    return posterity.open(tmp_path / "films")


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Have something made once for all processes of a test run, and give this one a copy of its own."""
    several = "PYTEST_XDIST_WORKER" in os.environ
    shared = factory.getbasetemp().parent if several else factory.getbasetemp()
    place, done = shared / f"once {name}", shared / f"{name}.done"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            place.mkdir()
            make(place)
            done.touch()
    own = factory.mktemp(name)
    shutil.copytree(place, own, dirs_exist_ok=True)
    return own


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> posterity.Catalogue:
    """Build a catalogue of 240 generated posters, with franchises, money and years; tests may add to it."""

    def make(folder: Path) -> None:
        made = posterity.write_sample(folder / "demo", 240)
        posterity.build(made.posters, folder / "films", made.metadata, encoders=["poster", "colour", "pixels"])

    return posterity.open(once(tmp_path_factory, "studio", make) / "films")


NASTY = '<img src=x onerror="document.title=1">'
"""The title of a film that means harm."""


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a catalogue of 90 generated posters with a map and a wall, for the page; the first film is called NASTY."""

    def make(place: Path) -> None:
        made = posterity.write_sample(place / "sample", 90)
        with made.metadata.open(newline="", encoding="utf-8") as file:
            header, *rows = csv.reader(file)
        rows[0][header.index("title")] = NASTY
        with made.metadata.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([header, *rows])
        posterity.build(made.posters, place / "films", made.metadata, encoders=["poster", "colour", "composition"])
        films = posterity.open(place / "films")
        films.map("pca")
        films.wall()

    return once(tmp_path_factory, "served", make) / "films"
