"""Which id a poster gets, and when it gets another."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from posterity.catalogue.schema import film_part
from posterity.ingest.claims import Claims
from posterity.ingest.known import Index, Known
from posterity.sources.records import Record

Named = tuple[str, Known | None]
"""An id; and, where it is that of another version, the poster that has the film's own."""


@dataclass(frozen=True)
class Naming:
    """Gives ids, by what a build knows so far of posters and of what sources claim."""

    known: Index
    claims: Claims

    def first(self, record: Record, sha256: str) -> Named:
        """Name a poster that is new."""
        return self._choose(record, (), sha256)

    def afresh(self, record: Record, known: Known) -> Named:
        """Name a poster whose id came from a row that belongs to another film."""
        return self._choose(record, (known,), known.sha256)

    def again(self, record: Record, before: Sequence[Known]) -> Named:
        """Name a poster that is known and changed: it gets another id only where the source names another film.

        One whose source gave its id before, and no longer does, is named after its file again.

        Args:
            record: Its file now, and what the source says about it.
            before: The posters known at its place, itself the first.
        """
        known = before[0]
        has_id = record.identified or (film_part(known.id), record.origin) in self.claims.identified
        if not has_id or film_part(known.id) == record.poster_id:
            return known.id, None
        return self._choose(record, before, known.sha256)

    def _choose(self, record: Record, before: Sequence[Known], sha256: str) -> Named:
        """Give a poster its film's id; or, where another picture has that, one of its own, and the other picture."""
        base = record.poster_id
        owner = self.known.by_id.get(base)
        if owner is None or owner in before or self.known.makes_way(owner):
            return base, None
        if not record.identified and owner.path != record.path:  # moved away, and another file has its name now
            return f"{base}~{sha256[:8]}", None
        root = self.known.root if record.root is None else record.root
        place = record.path if owner.source == root else f"{root}\0{record.path}"
        return f"{base}@{hashlib.sha256(place.encode()).hexdigest()[:8]}", owner
