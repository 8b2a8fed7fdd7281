"""What another source knows of the films that are here already: claims are added, pictures are not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from posterity.catalogue import Claim, Store
from posterity.catalogue.schema import film_names
from posterity.ingest.claims import ORIGINS, Claims, settle
from posterity.ingest.reports import EnrichReport
from posterity.runtime.progress import progress
from posterity.sources.listing import Entry, Skipped

BATCH = 4096


def imdb_ids_of(store: Store) -> frozenset[str]:
    """Give the IMDb ids of the films of a catalogue."""
    return frozenset(filter(None, _film_ids(store)[0]))


def _film_ids(store: Store) -> tuple[list[str | None], list[int | None]]:
    rows = store.read(["imdb_id", "tmdb_id"])
    return rows["imdb_id"].to_pylist(), rows["tmdb_id"].to_pylist()


def enrich(
    store: Store,
    entries: Iterable[Entry | Skipped],
    origin: str,
    label: str,
    *,
    imdb_ids: Mapping[int, str] | None = None,
    notes: Iterable[str] = (),
    precedence: tuple[str, ...] = ORIGINS,
    show_progress: bool | None = None,
) -> EnrichReport:
    """Take down what a source claims of the films in a catalogue; films that are not there are passed over.

    Args:
        store: The catalogue.
        entries: The source's films, in any number: they are read one at a time.
        origin: What kind of source it is.
        label: What reports call it.
        imdb_ids: TMDb id -> IMDb id, as far as known.
        notes: What is guessed of the source; all said once the entries are read.
        precedence: Which kind of source decides where two disagree.
        show_progress: True and False force the bar; None shows it on a terminal.

    Raises:
        StorageError: The catalogue cannot be written.
    """
    with store.writing():
        here = {name for row in zip(*_film_ids(store), strict=True) for name in film_names(*row)}
        claims = Claims(store, label)
        claims.link(imdb_ids or {})
        rows = new = 0
        with progress("Reading films", None, show_progress) as bar:
            for entry in entries:
                bar.update(1)
                if isinstance(entry, Skipped):
                    continue
                film = claims.linked(entry.film)
                names = film_names(film.imdb_id, film.tmdb_id)
                if here.isdisjoint(names):
                    continue
                rows += 1
                new += claims.claim(Claim(names[0], origin, f"{label}: {entry.item}", film, ""))
                if len(claims.new) >= BATCH:
                    claims.commit()
        claims.commit()
        return EnrichReport(label, rows, new, settle(store, precedence), tuple(notes))
