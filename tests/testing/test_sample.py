"""Generated posters: the same every time, labelled, and with looks that mean something."""

from __future__ import annotations

import csv
import hashlib
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from posterity.errors import ArgumentError
from posterity.sources.metadata import read_metadata
from posterity.testing import Sample, draw_poster, generate_films, write_sample
from posterity.testing.genres import GENRES
from posterity.testing.motifs import MOTIFS


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return write_sample(tmp_path_factory.mktemp("sample"), 72, seed=3, size=(120, 180))


def digest(folder: Path) -> str:
    content = [(path.name, path.read_bytes()) for path in sorted(folder.rglob("*")) if path.is_file()]
    return hashlib.sha256(repr(content).encode()).hexdigest()


def test_the_same_seed_gives_the_same_bytes_in_another_process(sample: Sample, tmp_path: Path) -> None:
    code = (
        "import sys; from posterity.testing import write_sample; write_sample(sys.argv[1], 72, seed=3, size=(120, 180))"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, env={"PYTHONHASHSEED": "7"})
    assert digest(tmp_path) == digest(sample.directory)


def test_another_seed_gives_other_films() -> None:
    assert {film.title for film in generate_films(60, 1)} != {film.title for film in generate_films(60, 2)}
    one, two = (draw_poster(generate_films(60, seed)[40], (100, 150)) for seed in (1, 2))
    assert one.tobytes() != two.tobytes()


def test_the_table_fits_the_files(sample: Sample) -> None:
    with sample.metadata.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sample.n_films == 72
    assert sorted(row["file"] for row in rows) == sorted(path.name for path in sample.posters.iterdir())
    assert len({row["title"] for row in rows}) == 72
    assert all(row["imdb_id"].startswith("tt99") and len(row["imdb_id"]) == 9 for row in rows)
    assert all(1925 <= int(row["year"]) <= 2024 for row in rows)
    assert 5 < sum(not row["budget"] for row in rows) < 50, "some budgets are unknown, as in real tables"
    table = read_metadata(sample.metadata)
    assert table.faults == []
    assert any('"' in (row.film.title or "") for row in table.rows)


def small(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.resize((16, 24)), float)


def test_sequels_resemble_each_other(sample: Sample) -> None:
    films = generate_films(72, 3)
    pictures = {film.imdb_id: small(sample.posters / f"{film.imdb_id}.jpg") for film in films}
    series = defaultdict(list)
    for film in films:
        series[film.collection].append(film.imdb_id)
    others = series.pop(None)
    assert [len(ids) for ids in series.values()] == [5, 4, 3]
    for ids in series.values():
        for one in ids:
            within = max(np.abs(pictures[one] - pictures[two]).mean() for two in ids)
            beyond = np.median([np.abs(pictures[one] - pictures[two]).mean() for two in others])
            assert within < beyond


def test_horror_is_darker_than_comedy(sample: Sample) -> None:
    light = defaultdict(list)
    for film in generate_films(72, 3):
        light[film.genres[0]].append(small(sample.posters / f"{film.imdb_id}.jpg").mean())
    assert np.mean(light["Horror"]) + 60 < np.mean(light["Comedy"])


def test_every_genre_and_motif_is_used_and_drawn() -> None:
    used = {motif for genre in GENRES.values() for motif in genre.motifs}
    assert used <= set(MOTIFS)
    for name, motif in MOTIFS.items():
        canvas = Image.new("RGB", (200, 300), (90, 120, 150))
        motif(canvas, GENRES["Drama"].palettes[0], np.random.default_rng(0))
        assert np.asarray(canvas).std() > 3, name


@pytest.mark.parametrize("n", [0, 3, 100_000])
def test_impossible_numbers_are_refused(tmp_path: Path, n: int) -> None:
    with pytest.raises(ArgumentError, match="invalid number of films"):
        write_sample(tmp_path / "never", n)
    assert not (tmp_path / "never").exists()


def test_impossible_sizes_are_refused() -> None:
    with pytest.raises(ArgumentError, match="10×15"):
        draw_poster(generate_films(20)[0], (10, 15))
