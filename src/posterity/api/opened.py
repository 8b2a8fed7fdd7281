"""The base of the interface: an open catalogue, and what stays in memory between calls."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Self

from posterity.catalogue import Store, quoted
from posterity.encoders import ENCODERS, Encoder
from posterity.runtime.storage import Place
from posterity.settings import setting

if TYPE_CHECKING:
    from posterity.search.held import Held


class Opened:
    """An open catalogue."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._keeps = True

    @cached_property
    def _held(self) -> Held:
        from posterity.search.held import Held

        return Held(self.store)

    def __repr__(self) -> str:
        return f"<posterity.Catalogue {str(self.folder)!r}>"

    def __len__(self) -> int:
        return self.store.count()

    def reading(self) -> Self:
        """Return the same catalogue, sharing what is in memory, but storing nothing that it derives."""
        other = type(self)(self.store)
        other._held, other._keeps = self._held, False
        return other

    @property
    def _keep(self) -> bool:
        """Whether walls, maps, sprites and indexes that are made are stored."""
        return self._keeps and self.store.writable

    @property
    def folder(self) -> Place:
        """The catalogue's folder."""
        return self.store.folder

    def _within(self, where: str | None, view: str | None) -> str | None:
        """Combine a filter and a view into one filter."""
        if view is None:
            return where
        from posterity.search.views import members

        ids = members(self.store, view)
        if where:
            self.store.count(where)  # so that an error quotes the filter as given
        within = f"id IN ({', '.join(map(quoted, ids))})" if ids else "id IS NULL"
        return f"({where}) AND {within}" if where else within

    def _encoder(self, encoder: str | Encoder | None) -> Encoder:
        return ENCODERS.get(setting("encoder") if encoder is None else encoder)
