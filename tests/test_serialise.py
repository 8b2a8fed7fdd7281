"""JSON holds what results hold: NumPy's numbers as numbers, and null for what is none."""

from __future__ import annotations

import json
import logging
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from posterity.cli.output import say_json
from posterity.runtime.logs import JSONLines
from posterity.serialise import dumps, encode, plain


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
    assert json.loads(encode(value), parse_constant=pytest.fail) == wanted


@dataclass(frozen=True)
class Remembers:
    """Has a field that begins with an underscore, and remembers what it worked out."""

    _first: Any
    second: int = 2

    @cached_property
    def third(self) -> int:
        return 3


@dataclass(frozen=True, slots=True)
class Slotted:
    b: Any
    a: int = 1


class Pair(NamedTuple):
    left: Any
    right: float


class Name(str):
    """Text that is more than text."""


REMEMBERS = Remembers([np.float32(0.1), Slotted(Pair("x", np.nan))])
assert REMEMBERS.third == 3

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=[])),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers() | st.booleans() | st.none(), inner)
    ),
    max_leaves=20,
)


@given(JSON)
@example(REMEMBERS)
@example([REMEMBERS, {"z": Slotted({3, 1}), "a": Counter("aab"), "m": MappingProxyType({"k": Name("ü")})}])
@example({"float32": np.float32(0.1), "array": np.array([0.1, 1e-7, 1e30], np.float32), "wide": 2**64, "low": -(2**63)})
@example([1e16, 1e-7, -0.0, 5e-324, 1 / 3, 123456789012345680.0, 0.1 + 0.2])
@example(["\ud800", "\u2028\u2029", "\x7f\x00", "😀"])
@example({2: "a", True: "b", None: "c", 1.5: "d"})
@example([datetime(2024, 1, 2, 3, 4, 5, 600, UTC), datetime(1, 1, 1), date(2024, 1, 2), time(1, 2, tzinfo=UTC)])
def test_both_ways_of_writing_say_the_same(value: Any) -> None:
    wanted = json.loads(dumps(value))
    for text in (encode(value), encode(value, ascii_only=True)):
        found = json.loads(text, parse_constant=pytest.fail)
        assert found == wanted
        assert json.dumps(found) == json.dumps(wanted)  # also the order of keys, and −0
    assert encode(value, ascii_only=True).isascii()


def test_what_json_has_no_form_for_is_refused() -> None:
    with pytest.raises(TypeError, match="JSON has no object"):
        plain({"a": object()})
    for write in (dumps, encode):
        with pytest.raises(TypeError, match="JSON has no object"):
            write([{"a": object()}])


def test_what_is_printed_and_logged_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    say_json({"score": np.float32("nan"), "rows": np.arange(2)})
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail) == {"score": None, "rows": [0, 1]}
    record = logging.makeLogRecord({"msg": "measured", "value": float("nan"), "what": object})
    told = json.loads(JSONLines().format(record), parse_constant=pytest.fail)
    assert (told["value"], told["what"]) == (None, "<class 'object'>")
