"""One module alone makes keys and artefacts, and answers whether a kept thing is current."""

from __future__ import annotations

import ast
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

import posterity
from posterity.catalogue import Store
from posterity.catalogue.provenance import Reads, artefact, current, key, made_with
from posterity.catalogue.schema import Result

SOURCES = Path(posterity.__file__).parent

OWN = {"catalogue/provenance.py": "makes them", "catalogue/derived.py": "reads them from their table"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "films")


def _calls(name: str) -> set[str]:
    """Name the modules that call something of a name."""
    found = set()
    for file in SOURCES.rglob("*.py"):
        calls = (node.func for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Call))
        if any(name in (getattr(call, "id", None), getattr(call, "attr", None)) for call in calls):
            found.add(file.relative_to(SOURCES).as_posix())
    return found


def test_nobody_else_puts_an_artefact_together() -> None:
    assert _calls("Artefact") == OWN.keys()


def test_nobody_else_compares_what_a_thing_was_made_of() -> None:
    comparing = set()
    for file in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            sides = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
            if any(isinstance(side, ast.Attribute) and side.attr == "inputs" for side in sides):
                comparing.add(file.relative_to(SOURCES).as_posix())
    assert comparing <= {"catalogue/provenance.py"}


def test_an_artefact_tells_all_that_a_thing_was_made_of(store: Store) -> None:
    when = datetime(2026, 1, 2, tzinfo=UTC)
    inputs = key(store, Reads(("year",)), encoders={"a": "1", "b": "2"})
    made = artefact(
        store, "thing", "model", inputs, encoders={"a": "1", "b": "2"}, parameters={"k": (1, 2)},
        scores={"auc": 0.5}, created_at=when,
    )  # fmt: skip
    assert (made.name, made.kind, made.encoder, made.fingerprint) == ("thing", "model", "a,b", "1+2")
    assert (json.loads(made.parameters), json.loads(made.scores)) == ({"k": [1, 2]}, {"auc": 0.5})
    assert (made.inputs, made.created_at, made.catalogue_version) == (inputs, when, store.version)
    assert "numpy" in json.loads(made.versions)
    bare = artefact(store, "thing", "split", fingerprint="who is where")
    assert (bare.encoder, bare.fingerprint, bare.parameters, bare.scores) == ("", "who is where", "{}", "{}")


def test_made_with_tells_encoders_by_name_and_fingerprint(store: Store) -> None:
    made = artefact(store, "thing", "grid", encoders={"colour": "1"})
    assert made_with(made, {"colour": "1"})
    assert not made_with(made, {"colour": "2"})
    assert not made_with(made, {"pixels": "1"})
    assert not made_with(None, {"colour": "1"})


def test_the_one_question_takes_artefacts_results_and_kept_keys(store: Store) -> None:
    inputs = key(store, Reads(("year",)), encoders={"colour": "1"})
    made = artefact(store, "wall", "grid", inputs, encoders={"colour": "1"})
    result = Result(inputs, "", "{}", "{}", b"", made.created_at)
    assert all(current(store, kept, inputs) for kept in (made, result, inputs))
    assert not any(current(store, kept, "another") for kept in (made, result, inputs))
    assert not current(store, None, inputs)
    assert current(store, made)  # by what its own key says that it reads
    assert not current(store, artefact(store, "wall", "grid", "3f2a9c01", encoders={"colour": "1"}))


def test_what_has_no_key_is_never_current(store: Store) -> None:
    vectors = artefact(store, "vector_colour", "vectors", encoders={"colour": "1"})
    assert not current(store, vectors)
    assert not current(store, vectors, "")
