"""The vectors that are in use, shared: search, facets and learning of one catalogue read those of an encoder once.

They are held as long as somebody uses them: search keeps what it has asked for until the catalogue changes, and what is
used once is let go after that.
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
    """Give an encoder's vectors as they are now; they are shared, and not to be written to.

    They are read once, however many ask for them at the same time.

    Raises:
        CatalogueError: There are none, or another version of the encoder made them.
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
