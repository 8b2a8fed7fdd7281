"""How long a user waits before anything happens. Each beside bare Python's own start."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.harness import median_seconds, tell
from benchmarks.page import generate, pictures

RUNS = 15
MANY = 7_000


def ran(*command: str) -> float:
    """Time a command, in milliseconds: the median of several, after one that warms the disk's cache."""

    def once() -> object:
        return subprocess.run(command, check=True, capture_output=True)

    once()
    return median_seconds(once, RUNS) * 1000


bare = ran(sys.executable, "-c", "pass")
package = ran(sys.executable, "-c", "import posterity")
tell("import posterity", package, "ms", "bare Python", bare, goal="< 40 ms more", met=package - bare < 40)
program = str(Path(sys.executable).with_name("posterity"))
help_ = ran(program, "--help")
tell("posterity --help", help_, "ms", "bare Python", bare, goal="< 400 ms", met=help_ < 400)
store = ran(sys.executable, "-c", "import lancedb")
tell("import lancedb", store, "ms", "bare Python", bare)

with tempfile.TemporaryDirectory() as folder:
    films = Path(folder, "films")
    generate(films, MANY, pictures(Path(folder)))
    for words in (("info", str(films)), ("similar", "-c", str(films), "--id", "tt0000005"), ("list", "-c", str(films))):
        waited = ran(program, *words)
        measure = " ".join(("posterity", *words)).replace(str(films), "films")
        tell(f"{measure}, {MANY:,} posters", waited, "ms", "import lancedb", store, goal="< 1000 ms", met=waited < 1000)
