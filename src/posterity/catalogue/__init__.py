"""The store: one folder that holds every poster, what is known of it, and all that was derived.

It is a LanceDB database. Every write is one transaction, readers see the last committed version, and several processes
may read while one writes.
"""

from __future__ import annotations

from posterity.catalogue._lance import quoted
from posterity.catalogue.schema import FORMAT_VERSION, Artefact, Claim, Film, Finding, Poster
from posterity.catalogue.store import Store, is_catalogue

__all__ = ["FORMAT_VERSION", "Artefact", "Claim", "Film", "Finding", "Poster", "Store", "is_catalogue", "quoted"]
