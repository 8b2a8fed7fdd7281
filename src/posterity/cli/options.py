"""Flags made from the declared options, so that a flag, its help and its default are never written twice."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import wraps
from importlib import import_module
from typing import Any, TypeVar, cast

import click

from posterity.settings import OPTIONS, names_in

F = TypeVar("F", bound=Callable[..., Any])


def registered(registry: str) -> Callable[[click.Context, click.Parameter, str], str]:
    """Make what checks that an option's value is a name in a registry.

    Args:
        registry: ``"module:attribute"``, imported when the command runs, so that help is quick.
    """

    def checked(_context: click.Context, _option: click.Parameter, value: str) -> str:
        module, _, attribute = registry.partition(":")
        known = getattr(import_module(module), attribute)
        if value not in known:
            raise click.BadParameter(f"{value!r} is not one of {', '.join(map(repr, known))}.")
        return value

    return checked


def declared(name: str, *flags: str, help: str | None = None, metavar: str | None = None) -> Callable[[F], F]:
    """Make a flag of the declared option ``name``; if not given, it is None and the setting in force decides."""
    option = OPTIONS[name]
    kind: Any = option.kind
    if option.least is not None:
        kind = click.IntRange(min=int(option.least)) if option.kind is int else click.FloatRange(min=option.least)
    text = help or option.help
    if option.default not in (None, ""):
        text = f"{text}  [default: {option.default}]"
    return click.option(
        *(flags or (f"--{name.replace('_', '-')}",)), name, type=kind, default=None, help=text, metavar=metavar
    )


catalogue = click.option(
    "-c", "--catalogue", "folder", required=True, metavar="DIR", help="Catalogue folder, or s3://BUCKET/FOLDER."
)  # fmt: skip


def catalogue_first(command: F) -> F:
    """Let a command take the catalogue's folder as its argument, or with ``-c`` as the others do."""

    @wraps(command)
    def with_folder(*args: Any, folder: str | None, by_flag: str | None, **others: Any) -> Any:
        if (folder is None) == (by_flag is None):
            raise click.UsageError("Give the catalogue's folder once, as DIR or with -c DIR.")
        return command(*args, folder=folder or by_flag, **others)

    flags = (
        click.argument("folder", metavar="DIR", required=False),
        click.option("-c", "--catalogue", "by_flag", metavar="DIR", help="Same as DIR."),
    )
    return cast("F", _with_flags(flags, with_folder))


as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
quiet = click.option("-q", "--quiet", is_flag=True, help="Hide progress bars.")
where = click.option(
    "--where",
    metavar="SQL",
    help="Only posters that match this SQL condition, e.g. \"year < 1970 AND array_has(genres, 'Horror')\".",
)
out = click.option("--out", metavar="FILE", help="Save a picture of the result (.png, .jpg, .webp).")
report_out = click.option("--out", metavar="FILE.html", help="Write the report, with charts, to this HTML page.")


def engine_options(command: F) -> F:
    """Add the flags that say where work runs; the command gets them as ``engine``."""

    @wraps(command)
    def with_engine(*args: Any, engine: str | None, address: str | None, **others: Any) -> Any:
        if address is not None:
            os.environ["POSTERITY_ADDRESS"] = address
        return command(*args, engine=engine, **others)

    return cast("F", _with_flags((declared("engine"), declared("address", metavar="HOST:PORT")), with_engine))


_PANORAMA = (
    click.option(
        "--out", metavar="FILE",
        help="Save a picture: .png, .jpg, .webp, .tif, .svg, or .dzi with tiles to zoom into.",
    ),
    click.option("--title", metavar="TEXT", help="Title above the picture."),
    click.option("--dpi", type=click.FloatRange(min=1), help="Resolution in pixels per inch, for printing."),
)  # fmt: skip


def panorama(command: F) -> F:
    """Add the flags of commands that draw large pictures."""
    return cast("F", _with_flags(_PANORAMA, command))


view = click.option("--view", metavar="NAME", help="Only posters in this view (see posterity select).")

_SOURCE = (
    click.option(
        "--from", "kind", metavar="KIND",
        help="Kind of source: tmdb, imdb, movielens, impawards, library, table or folder; guessed if not given.",
    ),
    click.option(
        "--images", metavar="PLACE",
        help="Folder or http address of the pictures, if not where the source says.",
    ),
    click.option("--links", metavar="FILE", help="MovieLens' links.csv, which pairs IMDb ids with TMDb ids."),
    click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Read at most N films from the source."),
    declared("rate"),
    declared("concurrency"),
    click.option("--size", metavar="SIZE", help="Picture size: TMDb w92 … w780 or original (default w342); IMP Awards "
                 "thumbnail, standard or large."),
    click.option("--language", metavar="CODE", help="Language of titles, where a source has several, e.g. de."),
    click.option("--max-total", type=click.IntRange(min=1), metavar="BYTES",
                 help="Stop downloading after this many bytes."),
    click.option("--allow-private", is_flag=True, help="Allow rows and redirects to lead to private addresses."),
    click.option(
        "--column", "columns", multiple=True, metavar="NAME=HEADER",
        help="Read the field NAME from the table column HEADER, e.g. title=Series_Title; repeatable.",
    ),
    click.option("--refresh", is_flag=True, help="Check again whether what is already here has changed."),
)  # fmt: skip
_RULES = (
    click.option("--drop", metavar="RULES", help="Also apply these rules for dropping films, comma-separated."),
    click.option("--keep", metavar="RULES", help="Do not apply these rules for dropping films, comma-separated."),
    click.option(
        "--require", metavar="COLUMNS", help="Drop films that lack a value in any of these columns, comma-separated."
    ),
    click.option(
        "--genres-top", type=click.IntRange(min=1), metavar="N", help="Only films of the N most common genres."
    ),
    click.option(
        "--per-genre", type=click.IntRange(min=1), metavar="M", help="Only the M most popular films of each genre."
    ),
    click.option("--first-genre", is_flag=True, help="Count each film under its first genre only."),
)


def source_options(command: F) -> F:
    """Add the flags that say what a source is; the command gets them as ``terms``."""

    @wraps(command)
    def with_terms(
        *args: Any,
        kind: str | None,
        images: str | None,
        links: str | None,
        limit: int | None,
        allow_private: bool,
        refresh: bool,
        rate: float | None,
        concurrency: int | None,
        size: str | None,
        language: str | None,
        max_total: int | None,
        columns: tuple[str, ...],
        **others: Any,
    ) -> Any:
        from posterity.sources.terms import Terms, Web

        web = Web(rate, concurrency, allow_private, max_total, refresh, size, language)
        return command(*args, terms=Terms(kind, images, links, limit, web, _mapped(columns)), **others)

    return cast("F", _with_flags(_SOURCE, with_terms))


def _mapped(columns: Sequence[str]) -> dict[str, str]:
    """Read the column mappings given on the command line."""
    found: dict[str, str] = {}
    for text in columns:
        name, mark, header = (part.strip() for part in text.partition("="))
        if not (name and mark and header):
            raise click.UsageError(f"invalid --column {text!r}: write NAME=HEADER, e.g. title=Series_Title.")
        if found.setdefault(name, header) != header:
            raise click.UsageError(f"--column maps {name!r} twice.")
    return found


def rule_options(command: F) -> F:
    """Add the flags that say which films are taken; the command gets them as ``rules``, None where none is given."""

    @wraps(command)
    def with_rules(
        *args: Any,
        drop: str | None,
        keep: str | None,
        require: str | None,
        genres_top: int | None,
        per_genre: int | None,
        first_genre: bool,
        **others: Any,
    ) -> Any:
        asked = drop, keep, require, genres_top, per_genre, first_genre or None
        rules = None
        if any(value is not None for value in asked):
            from posterity.sources.rules import Rules

            rules = Rules(
                listed(drop, "--drop"),
                listed(keep, "--keep"),
                listed(require, "--require"),
                genres_top,
                per_genre,
                first_genre,
            )
        return command(*args, rules=rules, **others)

    return cast("F", _with_flags(_RULES, with_rules))


def _with_flags(flags: Sequence[Callable[[Any], Any]], command: Callable[..., Any]) -> Any:
    for flag in reversed(flags):
        command = flag(command)
    return command


def listed(text: str | None, what: str = "names") -> tuple[str, ...]:
    """Split a comma-separated list of names; None gives none.

    Raises:
        ArgumentError: The list was given and is empty.

    >>> listed("no_budget, no_genre"), listed(None)
    (('no_budget', 'no_genre'), ())
    """
    return () if text is None else names_in(text, what)


def bars(quiet: bool) -> bool | None:
    """Decide whether to show progress: never where ``quiet``, else on a terminal only."""
    return False if quiet else None
