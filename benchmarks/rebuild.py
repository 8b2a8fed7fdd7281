"""Building again over a folder that has not changed, beside the first build: as a call, and as a command."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import posterity
from benchmarks.harness import data, seconds, tell

posters, table = data("posters"), data("posters.csv")
with tempfile.TemporaryDirectory() as scratch:
    films = Path(scratch, "films")
    first = seconds(lambda: posterity.build(posters, films))
    again = min(seconds(lambda: posterity.build(posters, films)) for _ in range(3))
    tell(
        "build again, call",
        again,
        "s",
        "first build",
        first,
        ratio=again / first,
        goal="< 0.05",
        met=again / first < 0.05,
    )
    command = [str(Path(sys.executable).with_name("posterity")), "build", str(posters), "-q", "-c"]

    def run(*more: str) -> float:
        """Time the command."""
        return seconds(lambda: subprocess.run([*command, *more], check=True, capture_output=True))

    for name, more in (("command", []), ("with table", ["--metadata", str(table)])):
        folder = str(Path(scratch, name))
        first = run(folder, *more)
        again = min(run(folder, *more) for _ in range(3))
        share = again / first
        tell(f"build again, {name}", again, "s", "first build", first, ratio=share, goal="< 0.05", met=share < 0.05)
