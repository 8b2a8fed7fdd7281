"""Which of a build's terms and rules mean something for which kind of source; what does not is refused, not ignored."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from posterity.errors import ArgumentError
from posterity.sources.listing import Entry
from posterity.sources.metadata import Metadata, read_table
from posterity.sources.rules import Rules
from posterity.sources.terms import Terms, Web, host_of
from posterity.sources.values import is_address

_FETCHING = frozenset({"rate", "concurrency", "allow_private", "max_total", "refresh"})
"""How pictures and pages are requested: means nothing where none are."""

_TABLE = frozenset({"images", *_FETCHING})
HONOURED: dict[str, frozenset[str]] = {
    "folder": frozenset(),
    "library": frozenset(),
    "table": _TABLE,
    "imdb": _TABLE,
    "movielens": _TABLE,
    "tmdb": _TABLE | {"size", "language"},
    "impawards": _TABLE | {"size"},
}
"""Kind of source -> the fields of :class:`Terms` and its :class:`Web` that it honours, besides ``kind``, ``links`` and
``limit``, which all do. Kinds that are not listed, of others' packages, get everything."""

_FLAGS = {name: f"--{name.replace('_', '-')}" for name in ("images", *(item.name for item in fields(Web)))}
_WHY = {
    "images": "its pictures are the files in it",
    "size": "its pictures come in one size",
    "language": "it has titles in one language",
}
_TOLD_BY_NAMES = ("imdb_id", "tmdb_id", "title", "year")
"""What files' names may say about films; everything else takes a table."""

_NEEDS = {"no_genre": "genres", "no_budget": "budget", "no_revenue": "revenue"}


def check_terms(source: str, kind: str, terms: Terms) -> None:
    """Make sure that all that is asked for means something for a source of a kind.

    Raises:
        ArgumentError: A term would be ignored.
    """
    honoured = HONOURED.get(kind)
    if honoured is None:
        return
    asks_itself = kind == "impawards" or source.startswith("tmdb:")
    fetching = any(getattr(terms.web, name) not in (None, False) for name in _FETCHING)
    beside = kind == "table" and terms.images is None and fetching and not _names_addresses(source, terms)
    here = beside or (terms.images is not None and host_of(terms.images) is None)
    if kind == "tmdb" and not asks_itself:
        honoured -= {"language"}
    if here:
        honoured -= {"size"} if asks_itself else {"size", *_FETCHING}
    asked = {"images": terms.images} | {item.name: getattr(terms.web, item.name) for item in fields(Web)}
    for name, value in asked.items():
        if value not in (None, False) and name not in honoured:
            why = _WHY.get(name, "nothing is downloaded for it")
            if here and name != "language":
                why = "none of its rows names an address" if beside else f"its pictures are in {terms.images}"
            what = {"folder": "a plain folder", "library": "a media library"}.get(kind, f"a source of the kind {kind}")
            raise ArgumentError(
                f"{name} has no effect on {source}: it is {what}, and {why}", f"Leave {_FLAGS[name]} out."
            )


def _names_addresses(source: str, terms: Terms) -> bool:
    """Tell whether any row of a table of the user's own names an address."""
    entries = read_table(Path(source), terms.columns)
    return any(is_address(entry.image) for entry in entries if isinstance(entry, Entry) and entry.image is not None)


def check_metadata(source: str, kind: str) -> None:
    """Refuse a table of films for a source that is not a plain folder.

    Raises:
        ArgumentError: It is not one.
    """
    if kind != "folder":
        what = "a media library" if kind == "library" else f"a source of the kind {kind}"
        raise ArgumentError(
            f"a table of films (metadata) is for a plain folder, and {source} is {what}",
            "Use --from folder if it is one; or build it, and then: posterity enrich TABLE -c DIR",
        )


def check_rules(source: str, table: Metadata | None, rules: Rules) -> None:
    """Make sure that what rules ask of a folder's films can be known: from its table, or its files' names.

    Raises:
        ArgumentError: It cannot.
    """
    needed = [("genres", "genres_top and per_genre")] if rules.chooses else []
    needed += [(_NEEDS[name], name) for name in rules.drop if name in _NEEDS and name not in rules.keep]
    if "null_required" not in rules.keep:
        needed += [(column, f"require {column}") for column in rules.required if column not in _TOLD_BY_NAMES]
    for column, what in needed:
        if table is None:
            raise ArgumentError(
                f"the {column} of the films in {source} is unknown, so {what} cannot be applied",
                "Give a table of the films: --metadata FILE; or leave that rule out.",
            )
        if not any(getattr(row.film, column) not in (None, ()) for row in table.rows):
            raise ArgumentError(
                f"the table {table.origin} has no {column} for any film, so {what} cannot be applied",
                "Use a table that has it; or leave that rule out.",
            )
