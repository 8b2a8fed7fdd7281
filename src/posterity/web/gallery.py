"""A catalogue held in memory for many small requests.

The data belong to one version of the catalogue; after a change, the next request sees the new version.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

from posterity.api.catalogue import Catalogue
from posterity.api.results import Report
from posterity.api.showing import ShownLayouts
from posterity.catalogue import Finding, provenance
from posterity.layouts.columns import LayoutAnswer, in_columns
from posterity.layouts.kept import LayoutName
from posterity.learning.current import GenreView, genre_views, model_notes
from posterity.runtime.storage import name_of
from posterity.search.available import encoder_of, facets_of
from posterity.serialise import plain
from posterity.web.answers import Collection, FilmPage, Films, Why
from posterity.web.collection import collection_of
from posterity.web.films import N_PREDICTED, film_page, find_films
from posterity.web.pictures import Pictures
from posterity.web.results import Packed, pack
from posterity.web.snapshot import Snapshot, read_snapshot

LOOK_AGAIN = 1.0
"""Seconds for which the catalogue is assumed not to change."""


class Gallery:
    """A catalogue for the page; safe to share between threads. Answering never writes to it.

    Args:
        catalogue: The catalogue.
        clinic: Whether posters can be uploaded.
    """

    def __init__(self, catalogue: Catalogue, *, clinic: bool = True) -> None:
        self.catalogue = catalogue.reading()
        self.store = catalogue.store
        self.layouts = ShownLayouts(catalogue, self.encoder)
        self.pictures = Pictures(self.store, self.snapshot)
        self.clinic = clinic
        self._reading = threading.Lock()
        self._snapshot: Snapshot | None = None
        self._versions = (-1, -1)
        self._looked = -1e9
        self._collecting = threading.Lock()

    # --- the catalogue ---------------------------------------------------------------------------------------------

    def snapshot(self, *, show_progress: bool | None = False) -> Snapshot:
        """Return the catalogue as it is now, or was a second ago."""
        held = self._snapshot
        if held is not None and time.monotonic() - self._looked < LOOK_AGAIN:
            return held
        # While one visitor waits for the new version, the others see the old one.
        if not self._reading.acquire(blocking=held is None) and held is not None:
            return held
        try:
            versions = self.store.versions_now
            if self._snapshot is None or versions != self._versions:
                state = provenance.digest([*versions, str(self.catalogue.folder)])[:16]
                self._snapshot = read_snapshot(self.catalogue, state, self._snapshot, show_progress=show_progress)
                self._versions = versions
            self._looked = time.monotonic()
            return self._snapshot
        finally:
            self._reading.release()

    def encoder(self) -> str:
        """Return the name of the encoder that compares posters."""
        return encoder_of(self.store)

    def facets(self) -> list[str]:
        """List the facets by which similarity can be weighted."""
        return facets_of(self.store)

    def notes(self) -> list[str]:
        """List the missing models, with the reason and the command to train them."""
        snap = self.snapshot()
        return [*model_notes(snap.models, snap.refused, name_of(self.catalogue.folder))]

    # --- the whole collection --------------------------------------------------------------------------------------

    def collection(self) -> Collection:
        """Return what the page shows of every poster."""
        return self._collected(self.snapshot())

    def packed_collection(self) -> Packed:
        """Return the collection as JSON."""
        snap = self.snapshot()
        if snap.packed is None:
            collection = self._collected(snap)
            with self._collecting:
                snap.packed = snap.packed or pack(collection)
        return snap.packed

    def _collected(self, snap: Snapshot) -> Collection:
        if snap.collection is None:
            with self._collecting:  # computed once, however many requests wait
                snap.collection = snap.collection or collection_of(
                    snap, name=name_of(self.catalogue.folder), layouts=self.layouts.names(), facets=self.facets(),
                    encoder=self.encoder(), clinic=self.clinic,
                )  # fmt: skip
        return snap.collection

    def layout(self, name: str, kind: str | None = None, *, keep: bool = False) -> LayoutAnswer:
        """Return a map or wall in the order of the collection; raises what :meth:`Layouts.find` does."""
        kind = kind or self.layouts.kind_of(name)
        found = self.layouts.find(kind, name, keep=keep)
        known = {each.name: each for each in self.layouts.names()}
        named = known.get(name) or LayoutName(name, kind, name.title())  # requested by kind, and made meanwhile
        return in_columns(found, named, self.snapshot().place)

    def report(self) -> Report:
        """Return what was dropped or flagged, and why; folders of this machine are cut to their last name."""
        found = self.catalogue.report()

        def public(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
            return tuple(replace(each, source=Path(each.source).name or each.source) for each in findings)

        runs = tuple({**run, "source": Path(str(run["source"])).name} for run in found.runs)
        return replace(found, dropped=public(found.dropped), rows=public(found.rows), runs=runs)

    # --- films -----------------------------------------------------------------------------------------------------

    def films(self, search: str, limit: int, offset: int = 0) -> Films:
        """Find films by title, year or id; an empty search lists all of them by id."""
        return find_films(self.snapshot(), search, limit, offset)

    def film(self, identity: str) -> FilmPage:
        """Return all that is known of a poster.

        Raises:
            NoSuchPosterError: There is no such poster.
        """
        return film_page(self.snapshot(), identity, self.notes())

    def genre_views(self, identity: str) -> list[GenreView]:
        """Return the predicted genres of a poster, the likeliest first."""
        return genre_views(self.snapshot().models, identity, N_PREDICTED)

    def why(self, a: str, b: str, weights: str) -> Why:
        """Explain why two posters are alike; raises what :meth:`posterity.Catalogue.explain` does."""
        known = plain(self.catalogue.explain(a, b, weights=weights, encoder=self.encoder()))
        return Why(**{name: known[name] for name in Why.__dataclass_fields__})
