"""Write the page's TypeScript types from what the server answers: python scripts/page_types.py [FILE]."""

from __future__ import annotations

import sys
import types
import typing
from dataclasses import fields, is_dataclass
from datetime import datetime
from pathlib import Path

from posterity.web.answers import ANSWERS

OUT = Path(__file__).parents[1] / "frontend" / "src" / "data" / "api.ts"


def typescript() -> str:
    """Give the whole file."""
    done: dict[str, str] = {}
    for answer in ANSWERS:
        _declare(answer, done)
    head = "// Made from src/posterity/web/answers.py by scripts/page_types.py; a test keeps the two alike.\n"
    return head + "".join(f"\n{text}" for _, text in sorted(done.items()))


def _declare(kind: type, done: dict[str, str]) -> None:
    if kind.__name__ in done:
        return
    done[kind.__name__] = ""
    hints = typing.get_type_hints(kind)
    lines = [f"  {item.name}: {_type(hints[item.name], done)};\n" for item in fields(kind)]  # type: ignore[arg-type]
    done[kind.__name__] = f"export interface {kind.__name__} {{\n{''.join(lines)}}}\n"


def _type(kind: typing.Any, done: dict[str, str]) -> str:
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if is_dataclass(kind):
        _declare(typing.cast("type", kind), done)
        return kind.__name__  # type: ignore[union-attr]
    if origin in (typing.Union, types.UnionType):
        return " | ".join("null" if each is type(None) else _type(each, done) for each in args)
    if origin is tuple and args[-1] is not ...:
        return f"[{', '.join(_type(each, done) for each in args)}]"
    if origin in (list, tuple):
        inner = _type(args[0], done)
        return f"({inner})[]" if "|" in inner else f"{inner}[]"
    if origin is dict:
        return f"Record<string, {_type(args[1], done)}>"
    # Numbers that are not known are null (NaN has no JSON), but only those that may be are declared so.
    simple = {str: "string", int: "number", float: "number", bool: "boolean", datetime: "string", object: "unknown"}
    return simple.get(kind, "unknown")


if __name__ == "__main__":
    Path(sys.argv[1] if len(sys.argv) > 1 else OUT).write_text(typescript())
