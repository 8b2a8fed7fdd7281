"""Vectors, indexes and facets of a catalogue, kept in memory between searches until the catalogue changes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable

from posterity.catalogue import Store
from posterity.embedding.held import held_vectors
from posterity.encoders import Encoder
from posterity.numerics.neighbours.approximate import Approximate
from posterity.numerics.neighbours.exact import Index
from posterity.search.facets import Facet, load_facets
from posterity.search.indexes import searchable
from posterity.settings import setting

_BLENDS = 8
"""Sets of facets kept in memory. They share vectors; where posters lack some, each set has a copy without those."""


class Held:
    """What is kept in memory for one catalogue; safe to share between threads.

    Each item is loaded once, even if several threads request it at the same time.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._lock = threading.RLock()
        self._version = -1
        self._indexes: dict[str, Index] = {}
        self._searchable: dict[tuple[str, str], Index | Approximate] = {}
        self._blends: OrderedDict[tuple[str, ...], dict[str, Facet]] = OrderedDict()

    def index(self, encoder: Encoder) -> Index:
        """Give an encoder's vectors.

        Raises:
            CatalogueError: The encoder has no vectors, or another version of it made them.
        """
        with self._lock:
            self._forget_if_changed()
            key = encoder.spec.fingerprint
            if key not in self._indexes:
                self._indexes[key] = held_vectors(self.store, encoder)
            return self._indexes[key]

    def searchable(self, encoder: Encoder, *, keep: bool = True) -> Index | Approximate:
        """Give what to search an encoder's vectors by: the vectors, or an approximate index if there are many.

        Args:
            encoder: The encoder.
            keep: Whether to store a new index in the catalogue.
        """
        with self._lock:
            self._forget_if_changed()
            key = encoder.spec.fingerprint, setting("index")
            if key not in self._searchable:
                self._searchable[key] = searchable(self.store, encoder, self.index(encoder), key[1], keep=keep)
            return self._searchable[key]

    def facets(self, names: Iterable[str], content: Encoder) -> dict[str, Facet]:
        """Give the named facets, for the posters that have vectors for all of them.

        See :func:`posterity.search.facets.load_facets`.
        """
        with self._lock:
            self._forget_if_changed()
            key = (content.spec.fingerprint, *sorted(names))
            if key not in self._blends:
                alike = [facet for other, some in self._blends.items() if other[0] == key[0] for facet in some.values()]
                self._blends[key] = load_facets(self.store, key[1:], content, self.index, alike)
                while len(self._blends) > _BLENDS:
                    self._blends.popitem(last=False)
            self._blends.move_to_end(key)
            return self._blends[key]

    def _forget_if_changed(self) -> None:
        """Discard everything if the catalogue has changed."""
        version = self.store.version
        if version != self._version:
            self._indexes.clear()
            self._searchable.clear()
            self._blends.clear()
            self._version = version
