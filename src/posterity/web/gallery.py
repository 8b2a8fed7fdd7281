"""A catalogue held ready for many small questions.

What is held belongs to one version of the catalogue; when that has changed, the next question sees the new one.
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
"""Seconds for which the catalogue is taken not to have changed."""


class Gallery:
    """A catalogue for the page; safe to share between threads. Answering writes nothing into it.

    Args:
        catalogue: The catalogue.
        clinic: Whether posters can be sent to it.
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
        """Give the catalogue as it is now, or was a second ago."""
        held = self._snapshot
        if held is not None and time.monotonic() - self._looked < LOOK_AGAIN:
            return held
        # While one visitor waits for what is new, the others see what was.
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
        """Name the encoder that compares posters here."""
        return encoder_of(self.store)

    def facets(self) -> list[str]:
        """Name the facets by which similarity can be steered here."""
        return facets_of(self.store)

    def notes(self) -> list[str]:
        """Say which models are not here, why, and how they are trained."""
        snap = self.snapshot()
        return [*model_notes(snap.models, snap.refused, name_of(self.catalogue.folder))]

    # --- the whole collection --------------------------------------------------------------------------------------

    def collection(self) -> Collection:
        """Give what the page shows of every poster."""
        return self._collected(self.snapshot())

    def packed_collection(self) -> Packed:
        """Give the same as JSON."""
        snap = self.snapshot()
        if snap.packed is None:
            collection = self._collected(snap)
            with self._collecting:
                snap.packed = snap.packed or pack(collection)
        return snap.packed

    def _collected(self, snap: Snapshot) -> Collection:
        if snap.collection is None:
            with self._collecting:  # once, however many ask
                snap.collection = snap.collection or collection_of(
                    snap, name=name_of(self.catalogue.folder), layouts=self.layouts.names(), facets=self.facets(),
                    encoder=self.encoder(), clinic=self.clinic,
                )  # fmt: skip
        return snap.collection

    def layout(self, name: str, kind: str | None = None, *, keep: bool = False) -> LayoutAnswer:
        """Give a map or wall in the order of the collection; errors as of :meth:`Layouts.find`."""
        kind = kind or self.layouts.kind_of(name)
        found = self.layouts.find(kind, name, keep=keep)
        known = {each.name: each for each in self.layouts.names()}
        named = known.get(name) or LayoutName(name, kind, name.title())  # asked for by its kind, and made meanwhile
        return in_columns(found, named, self.snapshot().place)

    def report(self) -> Report:
        """Give what was dropped or flagged, and why; of this machine's folders only the last name."""
        found = self.catalogue.report()

        def public(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
            return tuple(replace(each, source=Path(each.source).name or each.source) for each in findings)

        runs = tuple({**run, "source": Path(str(run["source"])).name} for run in found.runs)
        return replace(found, dropped=public(found.dropped), rows=public(found.rows), runs=runs)

    # --- films -----------------------------------------------------------------------------------------------------

    def films(self, search: str, limit: int, offset: int = 0) -> Films:
        """Find films by title, year or id; without words, all of them by id."""
        return find_films(self.snapshot(), search, limit, offset)

    def film(self, identity: str) -> FilmPage:
        """Give all that is known of a poster.

        Raises:
            NoSuchPosterError: There is none.
        """
        return film_page(self.snapshot(), identity, self.notes())

    def genre_views(self, identity: str) -> list[GenreView]:
        """Give what the model of genres says of a poster, the likeliest first."""
        return genre_views(self.snapshot().models, identity, N_PREDICTED)

    def why(self, a: str, b: str, weights: str) -> Why:
        """Explain why two posters are alike; errors as of :meth:`posterity.Catalogue.explain`."""
        known = plain(self.catalogue.explain(a, b, weights=weights, encoder=self.encoder()))
        return Why(**{name: known[name] for name in Why.__dataclass_fields__})
