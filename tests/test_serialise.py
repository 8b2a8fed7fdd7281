"""JSON holds what results hold: NumPy's numbers as numbers, and null for what is none."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posterity.cli.output import say_json
from posterity.runtime.logs import JSONLines
from posterity.serialise import dumps, plain


@dataclass(frozen=True)
class Row:
    name: str
    scores: Any


class Kind(Enum):
    MAP = "map"


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (np.float32("nan"), None), (np.float64("inf"), None), (float("-inf"), None), (np.float16(0.5), 0.5),
        (np.longdouble(0.25), 0.25), (np.longdouble("nan"), None),
        (np.array([[1.5, np.nan], [-np.inf, 0]]), [[1.5, None], [None, 0.0]]), (np.array(3), 3),
        (np.int64(3), 3), (np.uint8(255), 255), (np.bool_(True), True), (np.array([True, False]), [True, False]),
        (np.str_("a"), "a"), ({1: (2, np.int32(3))}, {"1": [2, 3]}), ({np.int64(7): 1}, {"7": 1}),
        (Row("a", np.array([np.nan])), {"name": "a", "scores": [None]}), ([Row("b", {"x": float("nan")})],
         [{"name": "b", "scores": {"x": None}}]),
        (Path("a/b"), "a/b"), (b"\xff\x00", "/wA="), ({"b", "a"}, ["a", "b"]), (Kind.MAP, "map"),
        (datetime(2024, 1, 2, tzinfo=UTC), "2024-01-02T00:00:00+00:00"), (timedelta(minutes=1), 60.0),
        (np.datetime64("2024-01-02"), "2024-01-02"), (None, None), (True, True), ("ü", "ü"),
    ],
)  # fmt: skip
def test_json_has_the_right_value(value: object, wanted: object) -> None:
    assert plain(value) == wanted
    assert type(plain(value)) is type(wanted)
    assert json.loads(dumps(value), parse_constant=pytest.fail) == wanted


def test_what_json_has_no_form_for_is_refused() -> None:
    with pytest.raises(TypeError, match="JSON has no object"):
        plain({"a": object()})


def test_what_is_printed_and_logged_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    say_json({"score": np.float32("nan"), "rows": np.arange(2)})
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail) == {"score": None, "rows": [0, 1]}
    record = logging.makeLogRecord({"msg": "measured", "value": float("nan"), "what": object})
    told = json.loads(JSONLines().format(record), parse_constant=pytest.fail)
    assert (told["value"], told["what"]) == (None, "<class 'object'>")
