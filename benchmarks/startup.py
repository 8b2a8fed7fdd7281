"""How long a user waits before anything happens. Each beside bare Python's own start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.harness import median_seconds, tell

RUNS = 15


def ran(*command: str) -> float:
    """Time a command, in milliseconds: the median of several, after one that warms the disk's cache."""

    def once() -> object:
        return subprocess.run(command, check=True, capture_output=True)

    once()
    return median_seconds(once, RUNS) * 1000


bare = ran(sys.executable, "-c", "pass")
package = ran(sys.executable, "-c", "import posterity")
tell("import posterity", package, "ms", "bare Python", bare, goal="< 150 ms more", met=package - bare < 150)
help_ = ran(str(Path(sys.executable).with_name("posterity")), "--help")
tell("posterity --help", help_, "ms", "bare Python", bare, goal="< 400 ms", met=help_ < 400)
store = ran(sys.executable, "-c", "import lancedb")
tell("import lancedb", store, "ms", "bare Python", bare)
