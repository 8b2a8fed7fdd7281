"""The memory that this process has held, by the three systems' ways of telling it."""

from __future__ import annotations

from types import SimpleNamespace

import psutil
import pytest

from posterity.runtime import memory


def test_it_is_what_the_system_says() -> None:
    held = psutil.Process().memory_info().rss
    found = memory.peak_memory()
    assert found is not None
    assert held * 0.9 <= found < 100 * held


@pytest.mark.parametrize(("platform", "unit"), [("linux", 1024), ("darwin", 1), ("freebsd14", 1024)])
def test_each_system_counts_in_its_own_unit(platform: str, unit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = SimpleNamespace(RUSAGE_SELF=0, getrusage=lambda _who: SimpleNamespace(ru_maxrss=5000))
    monkeypatch.setattr(memory, "resource", usage)
    monkeypatch.setattr(memory.sys, "platform", platform)
    assert memory.peak_memory() == 5000 * unit


def test_where_it_is_not_told_it_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "resource", None)
    assert memory.peak_memory() is None
    assert memory.megabytes(memory.peak_memory()) == "unknown"
