"""The contract of sources, which every registered one keeps: what is not there is refused by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from posterity.errors import PosterityError
from posterity.sources._http import Politeness
from posterity.sources.opening import SOURCES, Ask


@pytest.fixture(params=list(SOURCES))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_what_is_not_there_is_refused_by_its_name(kind: str, tmp_path: Path) -> None:
    """At once, or with the first entry; and nothing is written for it."""
    with pytest.raises(PosterityError, match="no such source"):
        SOURCES.get(kind)(str(tmp_path / "no such source"), Ask(Politeness(), tmp_path / "cache")).begun()
    assert not list(tmp_path.iterdir())


def test_a_name_that_would_move_the_cursor_is_escaped(kind: str, tmp_path: Path) -> None:
    with pytest.raises(PosterityError) as refused:
        SOURCES.get(kind)(str(tmp_path / "no\x1b[2Jsuch"), Ask(Politeness(), tmp_path / "cache")).begun()
    assert "\x1b" not in str(refused.value)
