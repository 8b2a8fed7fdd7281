"""Metadata that went to the wrong film are taken back once their table says so.

A row that is no longer in the table takes nothing back: absent is not gone. But where the table still describes a film,
and no longer for this file, its claim about this file's poster was wrong.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from posterity.catalogue import Claim, Film
from posterity.catalogue.schema import film_names
from posterity.sources.metadata import Metadata


class Withdrawals:
    """Finds which films a table describes.

    Args:
        table: The table of a build; None where there is none.
    """

    def __init__(self, table: Metadata | None) -> None:
        self.item = "" if table is None else table.origin
        self._told = {key for row in (table.rows if table else ()) for key in _keys(row.film)}

    def wrong(self, claim: Claim | None) -> bool:
        """Tell whether a claim of a poster that no row belongs to came from a row that belongs elsewhere.

        Args:
            claim: What tables said of the poster's film before this build.
        """
        if claim is None or claim.origin != "table" or (": " in claim.item and not claim.item.endswith(self.item)):
            return False
        return any(key in self._told for key in _keys(claim.film))


def _keys(film: Film) -> Iterator[Hashable]:
    """Give what names a film: its ids; or title and year where it has none."""
    names = film_names(film.imdb_id, film.tmdb_id)
    if names:
        yield from names
    elif film.title:
        yield film.title, film.year
