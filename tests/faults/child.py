"""The command line for tests: with some of Posterity's numbers changed, telling of each write, and halting at some.

Run as ``python child.py PLAN ARGUMENTS...``; PLAN is JSON: ``set`` (dotted name -> value), ``told`` and ``go`` (file
descriptors), ``halt`` (numbers of writes, from 1) and ``moment``.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any


def change(name: str, value: Any) -> Any:
    """Set an attribute of a module or class, and give what it was; a name that there is not any more is an error."""
    module, *rest = name.split(":")
    owner = importlib.import_module(module)
    for part in rest[:-1]:
        owner = getattr(owner, part)
    before = getattr(owner, rest[-1])
    setattr(owner, rest[-1], value)
    return before


def main() -> None:
    """Do as the plan says."""
    plan = json.loads(sys.argv.pop(1))
    for name, value in plan["set"].items():
        change(name, value)

    if "told" in plan:
        writes = 0

        def write(*arguments: Any, **options: Any) -> Any:
            """Do one write, as the catalogue does, and say so: before it, while it is under way, or when it is done."""
            nonlocal writes
            writes += 1
            here = writes in plan["halt"]
            if plan["moment"] != "after":
                os.write(plan["told"], b".")
            if here and plan["moment"] == "before":
                os.read(plan["go"], 1)
            done = write_as_ever(*arguments, **options)
            if plan["moment"] == "after":
                os.write(plan["told"], b".")
                if here:
                    os.read(plan["go"], 1)
            return done

        write_as_ever = change("posterity.catalogue.tables:Tables:_write", write)

    importlib.import_module("posterity.cli").main()


if __name__ == "__main__":
    main()
