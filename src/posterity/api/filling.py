"""Filling a catalogue: building, enriching, encoding, views."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from posterity.api.building import carry_out
from posterity.api.opened import Opened
from posterity.catalogue import Claim
from posterity.catalogue.schema import film_names
from posterity.encoders import Encoder
from posterity.errors import ArgumentError
from posterity.ingest.reports import BuildReport, EnrichReport
from posterity.ingest.request import PathLike, Request, chosen_encoders
from posterity.settings import setting
from posterity.sources.rules import Rules
from posterity.sources.terms import Terms

if TYPE_CHECKING:
    from posterity.embedding.pipeline import EmbedReport
    from posterity.runtime.engines import Engine
    from posterity.search.views import View
    from posterity.sources.metadata import Metadata


class Filling(Opened):
    """Methods that add posters to a catalogue, and metadata to its posters."""

    def build(
        self,
        source: PathLike,
        metadata: PathLike | Metadata | None = None,
        *,
        terms: Terms = Terms(),
        rules: Rules | None = None,
        encoders: Sequence[str | Encoder] | None = None,
        engine: str | Engine | None = None,
        remove_missing: bool = False,
        show_progress: bool | None = False,
    ) -> BuildReport:
        """Add the posters of a source, and encode them; see :func:`posterity.build`."""
        # An unknown encoder fails before any work.
        request = Request(source, self.folder, metadata, terms, rules, chosen_encoders(encoders), remove_missing)
        return carry_out(request, lambda: self.store, engine, show_progress)

    def enrich(self, source: PathLike, *, terms: Terms = Terms(), show_progress: bool | None = False) -> EnrichReport:
        """Add metadata from another source to the films in the catalogue, without adding posters.

        Args:
            source: A table from TMDb, IMDb or MovieLens, or your own; a media library; a query to TMDb. Also IMDb's
                datasets: ``title.basics.tsv.gz``, ``title.ratings.tsv.gz``, or the folder that contains them.
            terms: The source's kind, and how to request it.
            show_progress: True and False force the bar; None shows it on a terminal.

        Raises:
            SourceError: The source cannot be read.
            StorageError: The catalogue cannot be written.
        """
        from posterity.ingest.access import kind_of, links, open_listing
        from posterity.ingest.claims import precedence
        from posterity.ingest.enriching import enrich, imdb_ids_of
        from posterity.search.views import refresh
        from posterity.sources.opening import imdb_datasets, open_imdb_datasets

        if paths := imdb_datasets(source):
            if terms.columns:
                raise ArgumentError("IMDb's datasets have no columns to map", "Use --column only with your own tables.")
            listing = open_imdb_datasets(paths, imdb_ids_of(self.store))
        else:
            listing = open_listing(source, kind_of(source, terms), terms, self.folder)
        report = enrich(
            self.store,
            listing.entries,
            listing.origin,
            listing.label,
            imdb_ids=links(terms),
            notes=listing.notes,
            precedence=precedence(setting("precedence")),
            show_progress=show_progress,
        )
        refresh(self.store)
        return report

    def select(self, name: str, where: str | None = None, *, rules: Rules | None = None) -> View:
        """Select posters and keep the selection under a name; see :func:`posterity.search.views.make_view`."""
        from posterity.search.views import make_view

        return make_view(self.store, name, where, rules or Rules())

    def views(self) -> list[View]:
        """List the views, by name."""
        from posterity.search.views import views

        return views(self.store)

    def remove_view(self, name: str) -> None:
        """Remove a view; its posters stay.

        Raises:
            UnknownNameError: There is no view with that name.
        """
        self.store.view(name)
        self.store.remove_view(name)

    def claims(self, id: str) -> list[Claim]:
        """Return what each kind of source says about a poster's film.

        Raises:
            ArgumentError: No poster has that id.
        """
        found = self.store.get([id])
        if id not in found:
            raise ArgumentError(f"no poster has the id {id!r}", f"List them: posterity list -c {self.folder}")
        film = found[id].film
        return self.store.claims(film_names(film.imdb_id, film.tmdb_id, id))

    def embed(
        self, *encoders: str | Encoder, engine: str | Engine | None = None, show_progress: bool | None = False
    ) -> EmbedReport:
        """Encode the posters that lack vectors, with the named encoders or those in the settings.

        Raises:
            UnknownNameError: An encoder is unknown.
            StorageError: The catalogue cannot be written; what was committed before is kept.
        """
        from posterity.embedding.pipeline import embed as _embed
        from posterity.runtime.engines import engine_of

        wanted = chosen_encoders(encoders or None)
        with engine_of(engine) as runs:
            return _embed(self.store, wanted, engine=runs, show_progress=show_progress)
