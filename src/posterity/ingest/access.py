"""How a source is reached: its kind, how it is opened, and where its pages and pictures are kept."""

from __future__ import annotations

import os
from pathlib import Path

from posterity.errors import ArgumentError
from posterity.ingest.request import PathLike, Request
from posterity.ingest.rows import Fetching
from posterity.runtime.storage import Remote, place_of, stand_in
from posterity.settings import setting
from posterity.sources.folder import check_listable
from posterity.sources.honoured import check_metadata, check_rules, check_terms
from posterity.sources.listing import Listing
from posterity.sources.metadata import Metadata, read_metadata
from posterity.sources.opening import SOURCES, Ask, guess, open_source
from posterity.sources.politeness import Politeness
from posterity.sources.rules import Rules
from posterity.sources.terms import Terms, host_of


def kind_of(source: PathLike, terms: Terms) -> str:
    """Give a source's kind: the one that was named, or else a guess.

    Raises:
        SourceError: It is neither a file nor a folder, nor the name of a source.
        UnknownNameError: There is no such kind.
    """
    kind = guess(source) if terms.kind is None else terms.kind
    if kind != "folder":
        SOURCES.get(kind)  # an unknown one fails before any work
    return kind


def checked(request: Request) -> tuple[str, Metadata | None]:
    """Give a source's kind, and read the table of films; nothing that is asked for may be ignored.

    Raises:
        ArgumentError: A term or a rule means nothing for this source.
        SourceError: The source or the table cannot be read.
        UnknownNameError: There is no such kind of source.
    """
    source, terms, metadata = request.source, request.terms, request.metadata
    kind, name = kind_of(source, terms), os.fspath(source)
    check_terms(name, kind, terms)
    if metadata is not None:
        check_metadata(name, kind)
    if kind == "folder":
        check_listable(source)
        if terms.columns and metadata is None:
            raise ArgumentError("a folder has no columns to map", "--column is for tables: name one with --metadata.")
    columns = terms.columns
    table = metadata if metadata is None or isinstance(metadata, Metadata) else read_metadata(metadata, columns)
    if kind == "folder":
        check_rules(name, table, request.rules or Rules())
    return kind, table


def open_listing(source: PathLike, kind: str, terms: Terms, folder: PathLike | Remote) -> Listing:
    """Open a source that is no plain folder; its pages are kept in the catalogue's folder.

    Raises:
        ArgumentError: It is a plain folder.
        SourceError: It cannot be read.
    """
    if kind == "folder":
        raise ArgumentError(f"{source} is a plain folder", "Its pictures come in by: posterity build FOLDER -c DIR")
    ask = Ask(
        politeness=_politeness(terms),
        cache=_downloads(folder) / "pages",
        images=terms.images,
        size=terms.web.size,
        language=terms.web.language,
        limit=terms.limit,
        refresh=terms.web.refresh,
        columns=terms.columns,
    )
    return open_source(os.fspath(source), kind, ask)


def fetching(folder: PathLike | Remote, listing: Listing, terms: Terms, show_progress: bool | None) -> Fetching:
    """Give how a listing's pictures are downloaded."""
    place = place_of(folder)
    return Fetching(
        folder=_downloads(folder) / listing.origin,
        mirror=place / "downloads" / listing.origin if isinstance(place, Remote) else None,
        politeness=_politeness(terms),
        override=terms.images is not None,
        refresh=terms.web.refresh,
        show_progress=show_progress,
    )


def links(terms: Terms) -> dict[int, str]:
    """Read which TMDb id is which IMDb id, where a table of links is named."""
    if terms.links is None:
        return {}
    from posterity.sources.imdb import read_links

    return dict(read_links(Path(terms.links)).imdb_of)


def _politeness(terms: Terms) -> Politeness:
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
    """Give the folder of a catalogue's downloads: in its folder; or here, where it lies in an object store.

    From there pictures are copied to the store (:func:`posterity.ingest.rows.of_remote`).
    """
    place = place_of(folder)
    return stand_in(place, "downloads") if isinstance(place, Remote) else place / "downloads"
