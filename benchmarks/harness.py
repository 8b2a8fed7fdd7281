"""What the cases share: where the data is, how to tell a measurement, how to time and weigh."""

from __future__ import annotations

import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from posterity.runtime.memory import peak_memory


def data(*parts: str) -> Path:
    """Give a path in the real data; without it, end the case and say why."""
    root = Path(os.environ.get("POSTERITY_DATA", Path(__file__).parents[2] / "shared"))
    path = root.joinpath("data", *parts)
    if not path.exists():
        print(f"skipped: no {path}; set POSTERITY_DATA to the folder that holds data/")
        sys.exit(0)
    return path


def tell(
    measure: str, value: float, unit: str, beside: str = "", beside_value: float | None = None, *,
    ratio: float | None = None, goal: str = "", met: bool | None = None,
) -> None:  # fmt: skip
    """Print one measurement as a row, beside its limit or peer, and whether it reached its goal."""
    row = {"measure": measure, "value": value, "unit": unit, "beside": beside, "beside_value": beside_value}
    row |= {"ratio": ratio, "goal": goal, "met": met}
    print(json.dumps({key: item for key, item in row.items() if item is not None}), flush=True)


def seconds(work: Callable[[], object]) -> float:
    """Time one run."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def median_seconds(work: Callable[[], object], runs: int) -> float:
    """Time several runs and give the median."""
    return statistics.median(seconds(work) for _ in range(runs))


class Watch:
    """The most that something reaches while this is open.

    Args:
        look: Measures it now.
        every: Seconds between two looks.
    """

    def __init__(self, look: Callable[[], float], every: float) -> None:
        self.most = 0.0
        self._look, self._every = look, every
        self._over = threading.Event()
        self._looking = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._looking.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._looking.join()

    def _watch(self) -> None:
        while not self._over.wait(self._every):
            self.most = max(self.most, self._look())


def peak_mb() -> float:
    """Give the most memory this process has held so far, in MB."""
    return (peak_memory() or 0) / 2**20
