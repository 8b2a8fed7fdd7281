"""Walls: the hundred covers of the article, and the whole collection; time beside quality."""

from __future__ import annotations

import tempfile
from pathlib import Path

import posterity
from benchmarks.harness import data, peak_mb, seconds, tell

with tempfile.TemporaryDirectory() as scratch:
    for name in ("covers", "posters"):
        folder = Path(scratch, name)
        posterity.build(data(name), folder)
        cat = posterity.open(folder)
        spent = seconds(lambda cat=cat: cat.wall())
        wall = cat.wall()
        tell(f"wall of {wall.placed}", spent, "s")
        tell("quantisation error", wall.quantization_error, "")
        tell("topographic error", wall.topographic_error, "")
        spent = seconds(lambda cat=cat, wall=wall: cat.draw(wall, Path(scratch, "wall.png")))
        tell("drawing it", spent, "s")
    tell("peak memory", peak_mb(), "MB")
