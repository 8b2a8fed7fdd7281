"""Write pip's constraints that pin every declared dependency to its lower bound: ``lowest.py [EXTRA ...] > FILE``.

pip takes the newest release that is allowed, so that lower bounds are never tested by an ordinary installation.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def lowest(project: Path, extras: Sequence[str]) -> list[str]:
    """Give a constraint for each dependency of the package and of these extras.

    Raises:
        ValueError: A dependency has no lower bound, or there is no such extra.
    """
    with project.open("rb") as file:
        table = tomllib.load(file)["project"]
    declared = list(table["dependencies"])
    for extra in extras:
        if extra not in table["optional-dependencies"]:
            raise ValueError(f"{project} has no extra {extra!r}: it has {', '.join(table['optional-dependencies'])}")
        declared += table["optional-dependencies"][extra]
    found: dict[str, Version] = {}
    for requirement in map(Requirement, declared):
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        bounds = [Version(each.version) for each in requirement.specifier if each.operator in (">=", "==", "~=")]
        if not bounds:
            raise ValueError(f"{requirement} has no lower bound in {project}: write {requirement.name}>=VERSION")
        name = canonicalize_name(requirement.name)
        found[name] = max(*bounds, found.get(name, bounds[0]))
    return [f"{name}=={version}" for name, version in sorted(found.items())]


if __name__ == "__main__":
    try:
        print("\n".join(lowest(PROJECT, sys.argv[1:])))
    except ValueError as error:
        sys.exit(f"lowest.py: {error}")
