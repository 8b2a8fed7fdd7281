"""The base of the interface: an opened catalogue, and what is kept in memory between calls."""

from __future__ import annotations

from typing import Self

from posterity.catalogue import Store, quoted
from posterity.encoders import ENCODERS, Encoder
from posterity.runtime.storage import Place
from posterity.search.held import Held
from posterity.search.views import members
from posterity.settings import setting


class Opened:
    """A catalogue that has been opened."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._held = Held(store)
        self._keeps = True

    def __repr__(self) -> str:
        return f"<posterity.Catalogue {str(self.folder)!r}>"

    def __len__(self) -> int:
        return self.store.count()

    def reading(self) -> Self:
        """Give the same catalogue, what is held of it too, but keeping nothing that is derived on the way."""
        other = type(self)(self.store)
        other._held, other._keeps = self._held, False
        return other

    @property
    def _keep(self) -> bool:
        """Whether walls, maps, sprites and indexes that were made are kept."""
        return self._keeps and self.store.writable

    @property
    def folder(self) -> Place:
        """Where it lies."""
        return self.store.folder

    def _within(self, where: str | None, view: str | None) -> str | None:
        """Join a filter and a view into one filter."""
        if view is None:
            return where
        ids = members(self.store, view)
        if where:
            self.store.count(where)  # so that an error speaks of the filter as given
        within = f"id IN ({', '.join(map(quoted, ids))})" if ids else "id IS NULL"
        return f"({where}) AND {within}" if where else within

    def _encoder(self, encoder: str | Encoder | None) -> Encoder:
        return ENCODERS.get(setting("encoder") if encoder is None else encoder)
