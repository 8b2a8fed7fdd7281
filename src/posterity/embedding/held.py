"""Shared vectors: search, facets and learning of one catalogue load each encoder's vectors only once.

Vectors stay in memory as long as something uses them: search keeps its own until the catalogue changes, and vectors
that are used only once are released afterwards.
"""

from __future__ import annotations

import threading
from weakref import WeakKeyDictionary, WeakValueDictionary

from posterity.catalogue import Store
from posterity.embedding.pipeline import load_vectors
from posterity.encoders import Encoder
from posterity.numerics.neighbours.exact import Index


class _Shared:
    """The vectors in use of one open catalogue."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.version = -1
        self.by_fingerprint: WeakValueDictionary[str, Index] = WeakValueDictionary()


_of_store: WeakKeyDictionary[Store, _Shared] = WeakKeyDictionary()
_lock = threading.Lock()


def held_vectors(store: Store, encoder: Encoder) -> Index:
    """Give an encoder's current vectors; they are shared, so do not write to them.

    They are loaded once, even if several threads request them at the same time.

    Raises:
        CatalogueError: The encoder has no vectors, or another version of it made them.
    """
    with _lock:
        shared = _of_store.setdefault(store, _Shared())
    with shared.lock:
        version = store.version
        if version != shared.version:
            shared.by_fingerprint.clear()
            shared.version = version
        found = shared.by_fingerprint.get(encoder.spec.fingerprint)
        if found is None:
            ids, vectors = load_vectors(store, encoder)
            found = Index(ids, vectors, encoder.spec.metric)
            shared.by_fingerprint[encoder.spec.fingerprint] = found
        return found
