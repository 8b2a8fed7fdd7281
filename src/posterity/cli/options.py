"""Flags made from the declared options, so that a flag, its help and its default are never written twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from posterity.settings import OPTIONS

F = TypeVar("F", bound=Callable[..., Any])


def declared(name: str, *flags: str, help: str | None = None) -> Callable[[F], F]:
    """Make a flag of the declared option ``name``; ungiven, it is None and the setting in force decides."""
    option = OPTIONS[name]
    kind: Any = option.kind
    if option.least is not None:
        kind = click.IntRange(min=int(option.least)) if option.kind is int else click.FloatRange(min=option.least)
    text = f"{help or option.help}  [default: {option.default}]"
    return click.option(*(flags or (f"--{name.replace('_', '-')}",)), name, type=kind, default=None, help=text)


catalogue = click.option(
    "-c", "--catalogue", "folder", required=True, metavar="DIR", help="The catalogue's folder."
)  # fmt: skip
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
quiet = click.option("-q", "--quiet", is_flag=True, help="No progress bars.")
where = click.option(
    "--where", metavar="SQL", help="Only posters that meet this, e.g. \"year < 1970 AND array_has(genres, 'Horror')\"."
)
out = click.option("--out", metavar="FILE", help="Draw it into this picture (.png, .jpg, .webp).")


def bars(quiet: bool) -> bool | None:
    """Tell whether to show progress: not when told not to, else on a terminal."""
    return False if quiet else None
