"""The Python interface: one object that does with a catalogue all that the command line does.

It joins the parts and holds what is worth holding between calls (vectors once loaded); it computes nothing itself.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from posterity import doctor as _doctor
from posterity.catalogue import FORMAT_VERSION, Artefact, Claim, Finding, Poster, Store, quoted
from posterity.catalogue.pictures import Upload
from posterity.catalogue.provenance import current
from posterity.catalogue.rescue import put_back
from posterity.catalogue.schema import film_part
from posterity.embedding.pipeline import EmbedReport, is_current, load_vectors
from posterity.embedding.pipeline import embed as _embed
from posterity.encoders import ENCODERS, Encoder
from posterity.errors import ArgumentError, PosterityError, SourceError, UnknownNameError
from posterity.images import Limits, decode
from posterity.ingest.claims import precedence
from posterity.ingest.leaving import KEPT
from posterity.ingest.reports import BuildReport, DryRun, EnrichReport
from posterity.ingest.run import Intake, ingest, of_folder
from posterity.layouts.atlas import Atlas, make_atlas
from posterity.layouts.maps import Map, make_map, remake_map
from posterity.layouts.shapes import Shape, masked
from posterity.layouts.walls import Wall, make_wall, remake_wall
from posterity.numerics.projection.methods import Layout
from posterity.runtime.engines import Engine, engine_of
from posterity.runtime.parallel import n_workers
from posterity.runtime.storage import Place, Remote, is_remote, listed, place_of, stand_in
from posterity.search.duplicates import Duplicates
from posterity.search.duplicates import duplicates as _duplicates
from posterity.search.evaluation import EncoderScores, LayoutScores, evaluate
from posterity.search.evaluation import layout_scores as _layout_scores
from posterity.search.explain import Explanation
from posterity.search.explain import explain as _explain
from posterity.search.facets import parse_weights
from posterity.search.held import Held
from posterity.search.matching import similar as _similar
from posterity.search.matching import steered
from posterity.search.pairs import Pairs
from posterity.search.pairs import pairs as _pairs
from posterity.search.query import Matches, Wanted, parse_colours, years_filter
from posterity.search.text import PROMPT, ZeroShot, knowing_text, zero_shot
from posterity.search.views import View, make_view, members, refresh, views
from posterity.settings import names_in, setting
from posterity.sources.folder import Skipped, check_listable
from posterity.sources.genres import GENRES
from posterity.sources.honoured import check_metadata, check_rules, check_terms
from posterity.sources.metadata import Metadata, read_metadata
from posterity.sources.rules import Rules
from posterity.sources.terms import Terms, host_of

if TYPE_CHECKING:
    from PIL.Image import Image

    from posterity.api.learner import Learner
    from posterity.ingest.rows import Fetching
    from posterity.sources._http import Politeness
    from posterity.sources.listing import Listing

PathLike = str | os.PathLike[str]
Drawable = Wall | Map | Matches | Pairs | Duplicates | Explanation | list[EncoderScores]


@dataclass(frozen=True)
class EncoderInfo:
    """An encoder's vectors in a catalogue: how many there are, and whether the encoder installed now made them."""

    name: str
    dimension: int
    vectors: int
    current: bool


@dataclass(frozen=True)
class Info:
    """What a catalogue holds.

    Attributes:
        folder: Where it lies.
        format: The version of its format.
        version: Of its posters; every change raises it.
        posters: How many.
        flagged: How many of them carry a flag.
        dropped: How many files were dropped.
        sources: Folder -> how many posters came from it.
        encoders: Whose vectors it holds.
        years: The first and the last, where any is known.
        genres: Genre -> how many posters, the commonest first.
        bytes: Size on the disk.
    """

    folder: str
    format: int
    version: int
    posters: int
    flagged: int
    dropped: int
    sources: dict[str, int]
    encoders: tuple[EncoderInfo, ...]
    years: tuple[int, int] | None
    genres: dict[str, int]
    bytes: int


@dataclass(frozen=True)
class Flagged:
    """A poster that was kept and flagged."""

    id: str
    path: str
    flag: str
    detail: str


@dataclass(frozen=True)
class Report:
    """Everything that was dropped, kept or flagged, and why: seen = posters + dropped.

    Attributes:
        seen: Files found in the sources.
        posters: Those that are in the catalogue.
        dropped: Those that are not, with the reasons.
        flagged: One entry for each flag of each poster.
        kept: Files that could not be read, or are no picture any more, and folders from which files are gone, whose
            posters are kept all the same.
        rows: Rows of tables that no file belongs to, or that could not be read in full.
        runs: The counts of each build, oldest first.
    """

    seen: int
    posters: int
    dropped: tuple[Finding, ...]
    flagged: tuple[Flagged, ...]
    rows: tuple[Finding, ...]
    runs: tuple[dict[str, object], ...]
    kept: tuple[Finding, ...] = ()


def open(folder: PathLike | Remote) -> Catalogue:
    """Open a catalogue.

    Raises:
        CatalogueError: There is none in that folder.
        FormatVersionError: A newer Posterity wrote it.
    """
    return Catalogue(Store.open(folder))


def create(folder: PathLike | Remote) -> Catalogue:
    """Open a catalogue, making an empty one where there is none.

    Raises:
        CatalogueError: The folder holds other things.
        StorageError: It cannot be written.
    """
    return Catalogue(Store.create(folder))


def build_catalogue(
    source: PathLike,
    folder: PathLike,
    metadata: PathLike | None = None,
    *,
    terms: Terms = Terms(),
    rules: Rules | None = None,
    encoders: Sequence[str | Encoder] | None = None,
    engine: str | Engine | None = None,
    remove_missing: bool = False,
    show_progress: bool | None = False,
) -> BuildReport:
    """Do what :func:`posterity.build` promises, whether or not there is anything to do."""
    wanted = [ENCODERS.get(encoder) for encoder in _encoders(encoders)]  # unknown names fail before any work
    # A source that cannot be read, or asked so, says so before a catalogue is made for nothing.
    kind, table = _checked(source, metadata, terms, rules)
    if kind == "folder":
        return create(folder).build(
            source, table, terms=terms, rules=rules, encoders=wanted, engine=engine, remove_missing=remove_missing,
            show_progress=show_progress,
        )  # fmt: skip
    listing = _open_listing(source, replace(terms, kind=kind), _pages(folder))
    if not is_remote(source) and Path(source).exists():
        listing = listing.begun()
    catalogue = create(folder)
    intake = catalogue._found(listing, terms, rules or Rules(), show_progress)
    return catalogue._take_in(intake, wanted, engine, remove_missing, show_progress)


def dry_run(
    source: PathLike,
    folder: PathLike,
    metadata: PathLike | None = None,
    *,
    terms: Terms = Terms(),
    rules: Rules | None = None,
) -> DryRun:
    """Tell what a build would download and drop. It asks for pages where only they tell that, but for no picture.

    Of a folder it tells which files the rules would drop; whether the others are pictures is seen when they are read.

    Raises:
        ArgumentError: A term or a rule means nothing for this source.
        SourceError: The source cannot be read.
    """
    from posterity.ingest.rows import planned

    kind, table = _checked(source, metadata, terms, rules)
    if kind == "folder":
        own = (os.fspath(folder),)
        intake = of_folder(source, table, own, count=False, rules=rules or Rules(), limit=terms.limit)
        reasons = Counter(item.reason if isinstance(item, Skipped) else "" for item in intake.items)
        here, n = reasons.pop("", 0), reasons.total()
        return DryRun(intake.label, here + n, dict(sorted(reasons.items())), 0, here, 0, {}, 0.0)
    listing = _open_listing(source, terms, _pages(folder))
    made, dropped = planned(listing, rules or Rules(), _fetching(folder, listing, terms, False), _links(terms))
    return DryRun(
        source=listing.label,
        rows=made.total + sum(dropped.values()),
        dropped_by=dropped,
        to_fetch=made.to_fetch,
        here=made.have,
        known_dead=made.known_dead,
        hosts=made.hosts,
        seconds=made.seconds,
        notes=tuple(listing.notes),
    )


class Catalogue:
    """An open catalogue; get one from :func:`posterity.open`.

    Safe to share between threads. Vectors, once searched, are held until the catalogue changes.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._held = Held(store)
        self._keeps = True

    def __repr__(self) -> str:
        return f"<posterity.Catalogue {str(self.folder)!r}>"

    def __len__(self) -> int:
        return self.store.count()

    def reading(self) -> Catalogue:
        """Give the same catalogue, what is held of it too, but keeping nothing that is derived on the way."""
        other = Catalogue(self.store)
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

    @property
    def learn(self) -> Learner:
        """What can be learned from its posters: splits, models, experiments.

        See :class:`posterity.api.learner.Learner`.
        """
        from posterity.api.learner import Learner

        return Learner(self.store)

    # --- filling it ------------------------------------------------------------------------------------------------

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
        """Bring the posters of a source in, and encode them; see :func:`posterity.build`."""
        wanted = [ENCODERS.get(encoder) for encoder in _encoders(encoders)]
        kind, table = _checked(source, metadata, terms, rules)
        if kind != "folder":
            listing = _open_listing(source, replace(terms, kind=kind), _pages(self.folder))
            intake = self._found(listing, terms, rules or Rules(), show_progress)
        else:
            intake = of_folder(
                source, table, (str(self.folder),), count=show_progress is not False, imdb_ids=_links(terms),
                rules=rules or Rules(), limit=terms.limit,
            )  # fmt: skip
        return self._take_in(intake, wanted, engine, remove_missing, show_progress)

    def _take_in(
        self,
        intake: Intake,
        wanted: Sequence[Encoder],
        engine: str | Engine | None,
        remove_missing: bool,
        show_progress: bool | None,
    ) -> BuildReport:
        with engine_of(engine) as runs:
            report = ingest(
                self.store,
                intake,
                limits=_limits(),
                near_duplicate_bits=setting("near_duplicate_bits"),
                precedence=precedence(setting("precedence")),
                engine=runs,
                remove_missing=remove_missing,
                show_progress=show_progress,
            )
            failed = _embed(self.store, wanted, engine=runs, show_progress=show_progress).failed
        refresh(self.store)
        return replace(report, not_encoded=failed)

    def _found(self, listing: Listing, terms: Terms, rules: Rules, show_progress: bool | None) -> Intake:
        """Find or download the pictures of the films that a source lists."""
        from posterity.ingest.rows import of_local, of_remote

        if listing.images is not None and host_of(listing.images) is None:
            fetching = _fetching(self.folder, listing, terms, show_progress) if listing.fetches else None
            return of_local(listing, rules, fetching, _links(terms))
        return of_remote(listing, rules, _fetching(self.folder, listing, terms, show_progress), _links(terms))

    def enrich(self, source: PathLike, *, terms: Terms = Terms(), show_progress: bool | None = False) -> EnrichReport:
        """Add what another source knows of the films that are here; it brings no posters in.

        Args:
            source: A table of TMDb's, IMDb's or MovieLens', or of the user's own; a media library; a query to TMDb.
                Also IMDb's datasets: ``title.basics.tsv.gz``, ``title.ratings.tsv.gz``, or the folder they lie in.
            terms: The source's kind, and how it is asked.
            show_progress: True and False force the bar; None shows it on a terminal.

        Raises:
            SourceError: The source cannot be read.
            StorageError: The catalogue cannot be written.
        """
        from posterity.ingest.enriching import enrich, film_ids
        from posterity.sources.opening import imdb_datasets, open_imdb_datasets

        if paths := imdb_datasets(source):
            if terms.columns:
                raise ArgumentError("IMDb's datasets have no columns to map", "--column is for tables of your own.")
            listing = open_imdb_datasets(paths, film_ids(self.store)[0])
        else:
            listing = _open_listing(source, terms, _pages(self.folder))
        report = enrich(
            self.store,
            listing.entries,
            listing.origin,
            listing.label,
            imdb_ids=_links(terms),
            notes=listing.notes,
            precedence=precedence(setting("precedence")),
            show_progress=show_progress,
        )
        refresh(self.store)
        return report

    def select(self, name: str, where: str | None = None, *, rules: Rules | None = None) -> View:
        """Choose posters and keep the choice under a name; see :func:`posterity.search.views.make_view`."""
        return make_view(self.store, name, where, rules or Rules())

    def views(self) -> list[View]:
        """Tell the views there are, by name."""
        return views(self.store)

    def remove_view(self, name: str) -> None:
        """Forget a view; its posters stay.

        Raises:
            UnknownNameError: There is none of that name.
        """
        self.store.view(name)
        self.store.remove_view(name)

    def claims(self, id: str) -> list[Claim]:
        """Tell what each kind of source says of a poster's film.

        Raises:
            ArgumentError: No poster has that id.
        """
        found = self.store.get([id])
        if id not in found:
            raise ArgumentError(f"no poster has the id {id!r}", f"List them: posterity list -c {self.folder}")
        film = found[id].film
        tmdb = f"tmdb:{film.tmdb_id}" if film.tmdb_id is not None else ""
        return self.store.claims(name for name in (film_part(id), film.imdb_id, tmdb) if name)

    def embed(
        self, *encoders: str | Encoder, engine: str | Engine | None = None, show_progress: bool | None = False
    ) -> EmbedReport:
        """Give every poster that lacks one a vector of each encoder; without names, of those of the settings.

        Raises:
            UnknownNameError: There is no encoder of a name.
            StorageError: The catalogue cannot be written; what was committed before is kept.
        """
        wanted = _encoders(encoders or None)
        with engine_of(engine) as runs:
            return _embed(self.store, wanted, engine=runs, show_progress=show_progress)

    # --- reading it ------------------------------------------------------------------------------------------------

    def posters(self, where: str | None = None, *, view: str | None = None) -> list[Poster]:
        """Read posters, sorted by id; ``where`` is an SQL condition such as ``"year < 1960"``, ``view`` names a view.

        Raises:
            FilterError: ``where`` is not SQL over the catalogue's columns.
            UnknownNameError: There is no such view.
        """
        return self.store.posters(self._within(where, view))

    def vectors(
        self, encoder: str | Encoder | None = None, where: str | None = None
    ) -> tuple[list[str], NDArray[np.float32]]:
        """Read an encoder's vectors.

        Returns:
            The sorted ids, and float32 of shape (n, d).

        Raises:
            CatalogueError: There are none, or another version of the encoder made them.
            FilterError: ``where`` is not SQL over the catalogue's columns.
        """
        return load_vectors(self.store, self._encoder(encoder), where)

    def similar(
        self,
        id: str | Sequence[str] | None = None,
        *,
        image: PathLike | Upload | Sequence[PathLike | Upload] | None = None,
        unlike: str | Sequence[str] = (),
        colours: str | Sequence[str] = (),
        text: str | None = None,
        k: int | None = None,
        encoder: str | Encoder | None = None,
        weights: str | Mapping[str, float] | None = None,
        where: str | None = None,
        view: str | None = None,
        years: str | None = None,
        min_score: float | None = None,
        diversity: float = 0.0,
    ) -> Matches:
        """Find the posters most like one of the catalogue, several, pictures, colours or a text.

        Args:
            id: A poster of the catalogue, or several: then their mean is searched for.
            image: A picture, or several, by path or as they are; they may be mixed with ids.
            unlike: Ids or paths of what matches are to be unlike.
            colours: Colours that matches are to consist of, as "#aa0000,#101010" or a list.
            text: Words, for an encoder of pictures and text; without a name, the first one that there are vectors of.
            k: How many.
            encoder: What compares them, or what the facet "content" is; for colours, without a name, "colour".
            weights: Facet -> weight, or as "colour=1,content=0.5": compares by facets; see
                :mod:`posterity.search.facets`.
            where: An SQL condition that matches must meet.
            view: The view that they must be in.
            years: Of their films: "1980s", "1984", "1980-1989".
            min_score: Matches of less are left out.
            diversity: From 0, the most alike, to 1, as unlike each other as can be.

        Raises:
            ArgumentError: What is searched for does not go together, or an option is out of range.
            CatalogueError: There is no such poster, or it has no vector.
            ImageError: A picture cannot be read.
            FilterError: ``where`` is not SQL over the catalogue's columns.
            UnknownNameError: There is no such encoder, facet or view.
        """
        if years is not None:
            condition = years_filter(years)
            where = f"({where}) AND {condition}" if where else condition
        wanted = Wanted(
            ids=(id,) if isinstance(id, str) else tuple(id or ()),
            images=_images(image),
            unlike=(unlike,) if isinstance(unlike, str) else tuple(unlike),
            colours=parse_colours(colours if isinstance(colours, str) else ",".join(colours)) if colours else (),
            text=text,
            k=setting("k", k),
            where=self._within(where, view),
            min_score=min_score,
            diversity=diversity,
        )
        if weights is not None:
            shares = parse_weights(weights) if isinstance(weights, str) else dict(weights)
            content = self._encoder(encoder)
            return steered(self.store, self._held.facets(shares, content), content, wanted, shares)
        if encoder is None and colours:
            encoder = "colour"
        found = self._encoder(encoder if encoder is not None or text is None else self._knowing_text())
        return _similar(self.store, self._held.searchable(found, keep=self._keeps), found, wanted)

    def pairs(
        self,
        n: int = 200,
        *,
        encoder: str | Encoder | None = None,
        hide_franchise: bool = False,
        hide_duplicates: bool = False,
        where: str | None = None,
        view: str | None = None,
        engine: str | Engine | None = None,
        show_progress: bool | None = False,
    ) -> Pairs:
        """Find the n closest pairs of posters, exactly, each with its kind.

        See :func:`posterity.search.pairs.pairs`.
        """
        with engine_of(engine) as runs:
            return _pairs(
                self.store, self._encoder(encoder), n, hide_franchise=hide_franchise, hide_duplicates=hide_duplicates,
                where=self._within(where, view), workers=setting("workers"), engine=runs, show_progress=show_progress,
            )  # fmt: skip

    def duplicates(
        self,
        *,
        encoder: str | Encoder | None = None,
        mirrored: bool = False,
        where: str | None = None,
        view: str | None = None,
        show_progress: bool | None = False,
    ) -> Duplicates:
        """Find the posters that show the same artwork; see :func:`posterity.search.duplicates.duplicates`."""
        return _duplicates(
            self.store, self._encoder(encoder), where=self._within(where, view), mirrored=mirrored,
            workers=setting("workers"), show_progress=show_progress,
        )  # fmt: skip

    def explain(
        self,
        a: str,
        b: str,
        *,
        encoder: str | Encoder | None = None,
        weights: str | Mapping[str, float] = "colour=1,composition=1,content=1",
    ) -> Explanation:
        """Tell why two posters are alike: facets, regions, palettes; see :func:`posterity.search.explain.explain`."""
        shares = parse_weights(weights) if isinstance(weights, str) else dict(weights)
        content = self._encoder(encoder)
        return _explain(self.store, self._held.facets(shares, content), content, a, b, shares)

    def zero_shot(
        self,
        labels: Sequence[str] | None = None,
        *,
        encoder: str | Encoder | None = None,
        prompt: str = PROMPT,
        where: str | None = None,
        view: str | None = None,
    ) -> ZeroShot:
        """Tell how well each label, by its name alone, fits each poster.

        See :func:`posterity.search.text.zero_shot`.
        """
        found = self._encoder(encoder if encoder is not None else self._knowing_text())
        ids, vectors = load_vectors(self.store, found, self._within(where, view))
        return zero_shot(found, ids, vectors, tuple(GENRES) if labels is None else labels, prompt)

    def evaluate(
        self,
        *encoders: str | Encoder,
        weights: str | Mapping[str, float] | None = None,
        where: str | None = None,
        view: str | None = None,
    ) -> list[EncoderScores]:
        """Score the vectors of encoders, or of all that there are, and a mixture.

        See :mod:`posterity.search.evaluation`.
        """
        shares = parse_weights(weights) if isinstance(weights, str) else weights
        return evaluate(self.store, encoders, self._within(where, view), shares, self._encoder(None))

    def layout_scores(self) -> list[LayoutScores]:
        """Tell the scores of the walls and maps kept here, brought up to date where they are behind.

        Those that cannot be (posters lack vectors, or the catalogue cannot be written) are left out; see
        :func:`posterity.search.evaluation.layout_scores`.
        """
        for kept in self.store.artefacts():
            if kept.kind in ("grid", "layout") and self.store.writable and not current(self.store, kept):
                with suppress(PosterityError):
                    self.layout(kept.name)
        return _layout_scores(self.store)

    def _knowing_text(self) -> str:
        return next(iter(knowing_text(self.store.encoders)), knowing_text(ENCODERS)[0])

    def wall(
        self,
        rows: int | None = None,
        cols: int | None = None,
        *,
        shape: Shape | None = None,
        mask: PathLike | None = None,
        order: str = "content",
        encoder: str | Encoder | None = None,
        where: str | None = None,
        view: str | None = None,
        random_state: int | None = None,
        fresh: bool = False,
        show_progress: bool | None = False,
    ) -> Wall:
        """Lay all posters, or those of a view, out on a wall, one a cell.

        See :func:`posterity.layouts.walls.make_wall`.

        Args:
            rows: Of the grid; None chooses, from ``cols`` where that is given.
            cols: Likewise.
            shape: All that can be asked of the grid: topology, pinned posters, holes; instead of ``rows`` and ``cols``.
            mask: A picture whose light part the wall fills.
            order: "content" (an encoder's vectors), "colour", "time" (a row a genre, from early to late), or one that
                another package registers.
            encoder: Name or instance.
            where: An SQL condition that posters must meet.
            view: The view that they must be in.
            random_state: Seed.
            fresh: Make it anew, rather than bring the one that was kept up to date.
            show_progress: True and False force the bar; None shows it on a terminal.

        Raises:
            ArgumentError: The posters do not fit on so small a grid, or a pin or hole lies outside it.
            CatalogueError: There are no posters, or some lack a vector, or a pinned one is not there.
            FilterError: ``where`` is not SQL over the catalogue's columns.
            ImageError: The mask cannot be read.
        """
        within = self._within(where, view)
        if mask is not None:
            n = max(1, self.store.count(within))
            shape = shape or Shape(rows, cols)
            shape = _with_holes(shape, masked(_picture(mask), n, shape.rows, shape.cols))
        return make_wall(
            self.store, self._encoder(encoder), rows, cols, shape=shape, order=order, where=within,
            random_state=setting("seed", random_state), fresh=fresh, keep=self._keep,
            show_progress=show_progress,
        )  # fmt: skip

    def map(
        self,
        method: str = "tsne",
        *,
        encoder: str | Encoder | None = None,
        n_components: int = 50,
        perplexity: float = 30.0,
        n_neighbors: int = 15,
        min_dist: float = 0.1,
        where: str | None = None,
        view: str | None = None,
        random_state: int | None = None,
        landmarks: int = 0,
        fresh: bool = False,
        show_progress: bool | None = False,
    ) -> Map:
        """Lay all posters, or those of a view, out in the plane; see :func:`posterity.layouts.maps.make_map`.

        Args:
            method: "pca", "tsne", "umap", or one that another package registers.
            encoder: Name or instance.
            n_components: Principal components that t-SNE, UMAP and others see; 0 shows them the vectors themselves.
            perplexity: Of t-SNE: about how many neighbours a poster cares for.
            n_neighbors: Of UMAP: likewise.
            min_dist: Of UMAP: how near posters may come.
            where: An SQL condition that posters must meet.
            view: The view that they must be in.
            random_state: Seed.
            landmarks: How many posters are laid out, the rest being placed among them; 0 goes by number; not of PCA.
            fresh: Make it anew, even if there is one.
            show_progress: True and False force the bar; None shows it on a terminal.

        Raises:
            ArgumentError: An option is out of range.
            CatalogueError: There are no posters, or some lack a vector.
            FilterError: ``where`` is not SQL over the catalogue's columns.
            MissingExtraError: The method's library is not installed.
        """
        seed = setting("seed", random_state)
        layout = Layout(method, n_components, perplexity, n_neighbors, min_dist, seed, landmarks)
        return make_map(
            self.store, self._encoder(encoder), layout, where=self._within(where, view), fresh=fresh,
            keep=self._keep, workers=n_workers(setting("workers")), show_progress=show_progress,
        )  # fmt: skip

    def layout(self, name: str, *, show_progress: bool | None = False) -> Wall | Map:
        """Give a wall or map that is kept, by its artefact's name, brought up to date as it was asked for.

        Raises:
            CatalogueError: Some posters lack a vector.
            UnknownNameError: There is none of that name.
        """
        kept = {each.name: each for each in self.store.artefacts() if each.kind in ("grid", "layout")}
        if name not in kept:
            raise UnknownNameError("wall or map", name, kept)
        again = remake_wall if kept[name].kind == "grid" else remake_map
        return again(self.store, kept[name], keep=self._keep, show_progress=show_progress)

    def atlas(self, *, show_progress: bool | None = False) -> tuple[Atlas, dict[str, bytes]]:
        """Give every poster's sprite, many to a page; see :func:`posterity.layouts.atlas.make_atlas`."""
        return make_atlas(self.store, keep=self._keep, workers=setting("workers"), show_progress=show_progress)

    def draw(
        self,
        what: Drawable,
        out: PathLike | None = None,
        *,
        cell_width: int | None = None,
        side: int = 0,
        overlap: str = "none",
        title: str | None = None,
        dpi: float | None = None,
        show_progress: bool | None = False,
    ) -> Image | None:
        """Draw a wall, a map, matches, pairs, duplicates, an explanation or scores; ``out`` saves it, by its ending.

        Walls and maps may be as large as 30,000 pixels a side, and are written as they are drawn, in bounded memory.

        Args:
            what: What to draw.
            out: .png, .jpg or .webp; walls and maps also .svg, .tif and .dzi (a folder of tiles to zoom into).
            cell_width: Of a wall's cells, in pixels; without, the setting, which may choose by number.
            side: Of a map's longer side, in pixels; 0 takes 4,096.
            overlap: Of a map's posters: "none", each moved a little to a place of its own, or "density".
            title: A line above a wall or map; without, a map says what it shows.
            dpi: Pixels an inch, for printers, in .png, .jpg and .tif.
            show_progress: True and False force the bar; None shows it on a terminal.

        Returns:
            The picture; None for a wall or map that was written into a file, and was never whole in memory.

        Raises:
            ArgumentError: The ending names no format, or the picture would be too large.
            StorageError: ``out`` cannot be written.
        """
        from posterity.render import matches, sheets

        if isinstance(what, Wall | Map):
            return self._draw_scene(what, out, cell_width, side, overlap, title, dpi, show_progress)
        if isinstance(what, Matches):
            image = matches.draw_matches(self.store, what)
        elif isinstance(what, Pairs):
            image = sheets.draw_pairs(self.store, what)
        elif isinstance(what, Duplicates):
            image = sheets.draw_duplicates(self.store, what)
        elif isinstance(what, list):
            image = sheets.draw_scores(what)
        else:
            image = sheets.draw_explanation(self.store, what)
        if out is not None:
            matches.save(image, out)
        return image

    def _draw_scene(
        self,
        what: Wall | Map,
        out: PathLike | None,
        cell_width: int | None,
        side: int,
        overlap: str,
        title: str | None,
        dpi: float | None,
        show_progress: bool | None,
    ) -> Image | None:
        from posterity.render.raster import preview, write
        from posterity.render.scenes import map_scene, wall_scene

        if isinstance(what, Wall):
            scene = wall_scene(self.store, what, setting("cell_width", cell_width), title or "")
        else:
            scene = map_scene(self.store, what, side, overlap=overlap, title=title)
        fetch, workers = self.store.thumbnails, setting("workers")
        if out is None:
            return preview(scene, fetch, workers=workers)
        write(scene, fetch, out, dpi=dpi, workers=workers, show_progress=show_progress)
        return None

    # --- looking after it ------------------------------------------------------------------------------------------

    def info(self) -> Info:
        """Tell what it holds."""
        store = self.store
        rows = store.read(["source", "year", "genres", "flags"])
        genres = Counter(genre for genres in rows["genres"].to_pylist() for genre in genres or ())
        years = [year for year in rows["year"].to_pylist() if year is not None]
        made_by = {artefact.encoder: artefact for artefact in store.artefacts() if artefact.kind == "vectors"}
        encoders = tuple(
            EncoderInfo(name, dimension, len(rows) - len(store.without_vector(name)), _current(name, made_by.get(name)))
            for name, dimension in sorted(store.encoders.items())
        )
        return Info(
            folder=str(self.folder),
            format=FORMAT_VERSION,
            version=store.version,
            posters=len(rows),
            flagged=sum(bool(flags) for flags in rows["flags"].to_pylist()),
            dropped=sum(finding.kind == "dropped" for finding in store.findings()),
            sources=dict(sorted(Counter(rows["source"].to_pylist()).items())),
            encoders=encoders,
            years=(min(years), max(years)) if years else None,
            genres=dict(genres.most_common()),
            bytes=_bytes(self.folder),
        )

    def report(self) -> Report:
        """Tell everything that was dropped, kept or flagged, and why."""
        findings = self.store.findings()
        dropped = tuple(finding for finding in findings if finding.kind == "dropped")
        rows = self.store.read(["path", "flags", "flag_details"], "array_length(flags) > 0").to_pylist()
        flagged = tuple(
            Flagged(row["id"], row["path"], flag, detail)
            for row in rows
            for flag, detail in zip(row["flags"], row["flag_details"], strict=True)
        )
        posters = self.store.count()
        return Report(
            seen=posters + len(dropped),
            posters=posters,
            dropped=dropped,
            flagged=flagged,
            rows=tuple(finding for finding in findings if finding.kind not in ("dropped", KEPT)),
            runs=tuple(self.store.runs()),
            kept=tuple(finding for finding in findings if finding.kind == KEPT),
        )

    def doctor(
        self,
        *,
        repair: bool = False,
        remove_missing: bool = False,
        older_than: timedelta = timedelta(hours=1),
        show_progress: bool | None = False,
    ) -> _doctor.Diagnosis:
        """Look it over, and mend what can be mended if asked to; see :func:`posterity.doctor.examine`."""
        return _doctor.examine(
            self.store,
            repair=repair,
            remove_missing=remove_missing,
            older_than=older_than,
            limits=_limits(),
            workers=setting("workers"),
            show_progress=show_progress,
        )

    def put_back(self, rescued: str | os.PathLike[str]) -> int:
        """Put posters back that doctor took out: ``rescued`` is the folder of copies that it named.

        Returns:
            How many; a poster whose id is there by now is left as it is.

        Raises:
            CatalogueError: There are no copies of posters there.
            StorageError: The copies cannot be read, or the catalogue cannot be written.
        """
        return put_back(self.store, rescued)

    # --- helpers ---------------------------------------------------------------------------------------------------

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


def _picture(path: PathLike) -> NDArray[np.uint8]:
    try:
        return decode(Path(path).read_bytes())
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}", "Name a picture.") from error


def _with_holes(shape: Shape, found: Shape) -> Shape:
    """Join what was asked of a wall with the size and holes that a mask gives it."""
    return replace(shape, rows=found.rows, cols=found.cols, holes=(*shape.holes, *found.holes))


def _images(given: PathLike | Upload | Sequence[PathLike | Upload] | None) -> tuple[Path | Upload, ...]:
    several = (given,) if isinstance(given, str | os.PathLike | Upload) else tuple(given or ())
    return tuple(each if isinstance(each, Upload) else Path(each) for each in several)


def _limits() -> Limits:
    return Limits(setting("max_pixels"), setting("min_side"), setting("max_bytes"))


def _kind(source: PathLike, terms: Terms) -> str:
    """Tell a source's kind: as it was said, or as it looks."""
    from posterity.sources.opening import SOURCES, guess

    kind = guess(source) if terms.kind is None else terms.kind
    if kind != "folder":
        SOURCES.get(kind)  # an unknown one fails before any work
    return kind


def _check_columns(terms: Terms, metadata: object) -> None:
    if terms.columns and metadata is None:
        raise ArgumentError("a folder has no columns to map", "--column is for tables: name one with --metadata.")


def _checked(
    source: PathLike, metadata: PathLike | Metadata | None, terms: Terms, rules: Rules | None
) -> tuple[str, Metadata | None]:
    """Tell a source's kind, and read the table of films; nothing that is asked for may be ignored."""
    kind, name = _kind(source, terms), os.fspath(source)
    check_terms(name, kind, terms)
    if metadata is not None:
        check_metadata(name, kind)
    if kind == "folder":
        check_listable(source)
        _check_columns(terms, metadata)
    columns = terms.columns
    table = metadata if metadata is None or isinstance(metadata, Metadata) else read_metadata(metadata, columns)
    if kind == "folder":
        check_rules(name, table, rules or Rules())
    return kind, table


def _links(terms: Terms) -> dict[int, str]:
    if terms.links is None:
        return {}
    from posterity.sources.imdb import read_links

    return dict(read_links(Path(terms.links)).imdb_of)


def _politeness(terms: Terms) -> Politeness:
    from posterity.sources._http import Politeness

    web = terms.web
    named = terms.images, setting("tmdb_api"), setting("impawards_site")
    return Politeness(
        rate=setting("rate", web.rate),
        concurrency=setting("concurrency", web.concurrency),
        allow_private=web.allow_private,
        max_total=web.max_total,
        max_bytes=setting("max_bytes"),
        named_hosts=frozenset(host for address in named if address and (host := host_of(address))),
    )


def _downloads(folder: PathLike | Remote) -> Path:
    """Tell where a catalogue's downloads lie: in its folder; or here, where it lies in an object store.

    From there pictures are copied to the store (:func:`posterity.ingest.rows.of_remote`).
    """
    place = place_of(folder)
    return stand_in(place, "downloads") if isinstance(place, Remote) else place / "downloads"


def _pages(folder: PathLike | Remote) -> Path:
    """Tell where pages that were asked for are kept."""
    return _downloads(folder) / "pages"


def _open_listing(source: PathLike, terms: Terms, cache: Path) -> Listing:
    from posterity.sources.opening import Ask, open_source

    kind = _kind(source, terms)
    if kind == "folder":
        raise ArgumentError(f"{source} is a plain folder", "Its pictures come in by: posterity build FOLDER -c DIR")
    ask = Ask(
        politeness=_politeness(terms),
        cache=cache,
        images=terms.images,
        size=terms.web.size,
        language=terms.web.language,
        limit=terms.limit,
        refresh=terms.web.refresh,
        columns=terms.columns,
    )
    return open_source(os.fspath(source), kind, ask)


def _fetching(folder: PathLike | Remote, listing: Listing, terms: Terms, show_progress: bool | None) -> Fetching:
    from posterity.ingest.rows import Fetching

    place = place_of(folder)
    return Fetching(
        folder=_downloads(folder) / listing.origin,
        mirror=place / "downloads" / listing.origin if isinstance(place, Remote) else None,
        politeness=_politeness(terms),
        override=terms.images is not None,
        refresh=terms.web.refresh,
        show_progress=show_progress,
    )


def _bytes(folder: Place) -> int:
    """Add up the sizes of a folder's files; files that go while it is counted do not count."""
    if isinstance(folder, Remote):
        return sum(status.size for _, status in listed(folder))
    total = 0
    for file in folder.rglob("*"):
        with suppress(FileNotFoundError):
            total += file.stat().st_size if file.is_file() else 0
    return total


def _current(name: str, made_by: Artefact | None) -> bool:
    try:
        return made_by is not None and is_current(ENCODERS.get(name), made_by)
    except UnknownNameError:
        return False


def _encoders(encoders: Sequence[str | Encoder] | None) -> Sequence[str | Encoder]:
    if encoders is not None:
        return encoders
    return names_in(setting("encoders"), "encoders")
