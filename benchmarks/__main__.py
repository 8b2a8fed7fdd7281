"""``make bench``: runs every case in a process of its own and prints one row a measurement.

Rows go to ``benchmarks/results/bench.csv`` as they come, so a run that is cut short keeps what it had. Name cases to
run only those: ``python -m benchmarks startup search``.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

CASES = (
    "startup",
    "embedding",
    "search",
    "rebuild",
    "som",
    "wall",
    "maps",
    "encoder_speed",
    "encoder_quality",
    "pairs",
    "duplicates",
    "facets",
    "approximate",
    "clothing",
    "learning",
    "training",
    "download",
    "tables",
    "library",
    "page",
    "load",
    "hostile",
    "engines",
    "scale",
)
COLUMNS = ("case", "measure", "value", "unit", "beside", "beside_value", "ratio", "goal", "met")


def main(wanted: list[str]) -> int:
    """Run the cases named, or all."""
    if unknown := set(wanted) - set(CASES):
        print(f"no such case: {', '.join(sorted(unknown))}. There are: {', '.join(CASES)}", file=sys.stderr)
        return 2
    results = Path(__file__).parent / "results"
    results.mkdir(exist_ok=True)
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print("  ".join(f"{name:>12}" for name in COLUMNS))
    failed = []
    with (results / "bench.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for case in wanted or CASES:
            command = [sys.executable, "-m", f"benchmarks.{case}"]
            done = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            for line in done.stdout or ():
                if not line.startswith("{"):
                    print(line, end="", flush=True)
                    continue
                row = {"case": case} | json.loads(line)
                writer.writerow(row)
                file.flush()
                print("  ".join(f"{_shown(row.get(name, '')):>12}" for name in COLUMNS), flush=True)
            if done.wait():
                failed.append(case)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return bool(failed)


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
