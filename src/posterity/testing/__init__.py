"""Generated posters of invented films, for tests, demonstrations and documentation."""

from __future__ import annotations

from posterity.testing.artwork import draw_poster
from posterity.testing.films import GeneratedFilm, generate_films
from posterity.testing.sample import Sample, write_sample

__all__ = ["GeneratedFilm", "Sample", "draw_poster", "generate_films", "write_sample"]
