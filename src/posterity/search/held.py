"""What a catalogue is searched by, held between searches until the catalogue changes: vectors, indexes, facets."""

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
"""Sets of facets that are held. All share the vectors, but where posters lack some, each has a copy without those."""


class Held:
    """What is held of one catalogue; safe to share between threads.

    Each thing is loaded once, however many ask for it at the same time.
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
            CatalogueError: There are none, or another version of the encoder made them.
        """
        with self._lock:
            self._look()
            key = encoder.spec.fingerprint
            if key not in self._indexes:
                self._indexes[key] = held_vectors(self.store, encoder)
            return self._indexes[key]

    def searchable(self, encoder: Encoder, *, keep: bool = True) -> Index | Approximate:
        """Give what an encoder's vectors are searched by: themselves, or, where they are many, an approximate index.

        Args:
            encoder: Whose.
            keep: Whether an index that is made is kept in the catalogue.
        """
        with self._lock:
            self._look()
            key = encoder.spec.fingerprint, setting("index")
            if key not in self._searchable:
                self._searchable[key] = searchable(self.store, encoder, self.index(encoder), key[1], keep=keep)
            return self._searchable[key]

    def facets(self, names: Iterable[str], content: Encoder) -> dict[str, Facet]:
        """Give some facets, of the posters that have all of their vectors.

        See :func:`posterity.search.facets.load_facets`.
        """
        with self._lock:
            self._look()
            key = (content.spec.fingerprint, *sorted(names))
            if key not in self._blends:
                alike = [facet for other, some in self._blends.items() if other[0] == key[0] for facet in some.values()]
                self._blends[key] = load_facets(self.store, key[1:], content, self.index, alike)
                while len(self._blends) > _BLENDS:
                    self._blends.popitem(last=False)
            self._blends.move_to_end(key)
            return self._blends[key]

    def _look(self) -> None:
        """Let go of everything where the catalogue has changed."""
        version = self.store.version
        if version != self._version:
            self._indexes.clear()
            self._searchable.clear()
            self._blends.clear()
            self._version = version
