"""What the kinds of sources claim of films: all of it is kept, and a precedence decides what a poster shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from posterity.catalogue import Claim, Film, Poster, Store, provenance
from posterity.catalogue.provenance import Reads, artefact, current, key
from posterity.catalogue.schema import film_names, film_part
from posterity.errors import UnknownNameError
from posterity.settings import names_in
from posterity.sources.genres import normalised
from posterity.sources.metadata import completed, film_of_file
from posterity.sources.records import Record

ORIGINS = ("table", "tmdb", "imdb", "library", "movielens", "impawards")
"""The kinds of sources, in the default order of precedence: what the user wrote, then the fullest source first.
What a file's name tells comes last of all."""


READS = Reads(("metadata_digest", "imdb_id", "tmdb_id", "path"), code=1)
"""What of posters decides how claims settle; ``code`` is raised when the same claims would settle otherwise."""


def precedence(text: str) -> tuple[str, ...]:
    """Read an order of precedence; kinds of sources that it leaves out follow in the default order.

    Raises:
        UnknownNameError: It names another kind.
    """
    named = names_in(text, "kinds of sources in the setting precedence")
    for name in named:
        if name not in ORIGINS:
            raise UnknownNameError("source in the setting precedence", name, ORIGINS)
    return (*named, *(name for name in ORIGINS if name not in named))


class Claims:
    """The claims of a build under way: those that are known, and those to be committed with the batch.

    One claim is kept of a film and a kind of source. Where another source of the same kind described it before (IMDb's
    two datasets, two tables), what the new one leaves open stays as that said.

    Args:
        store: The catalogue.
        source: What reports call the source.
        table: What reports call the table that is joined with its files, where there is one.

    Attributes:
        identified: Films, each with the kind of source that gave its id before this build.
    """

    def __init__(self, store: Store, source: str, table: str = "") -> None:
        self.store = store
        self.source = source
        self.table = f"{source}: {table}" if table else source
        self.digests: dict[tuple[str, str], str] = {}
        self.imdb_ids: dict[int, str] = {}
        self.identified: set[tuple[str, str]] = set()
        keys = store.claim_keys()
        for film, origin, digest, imdb_id, tmdb_id in zip(*(c.to_pylist() for c in keys.columns), strict=True):
            self.digests[film, origin] = digest
            if imdb_id or tmdb_id is not None:
                self.identified.add((film, origin))
            if imdb_id and tmdb_id is not None:
                self.imdb_ids.setdefault(tmdb_id, imdb_id)
        self.stored = set(self.digests)
        self.made: set[tuple[str, str]] = set()
        self.new: dict[tuple[str, str], Claim] = {}

    def link(self, imdb_ids: Mapping[int, str]) -> None:
        """Learn which IMDb id a TMDb id belongs to."""
        self.imdb_ids |= imdb_ids

    def linked(self, film: Film) -> Film:
        """Complete a film with its IMDb id, where any source has given it."""
        if film.imdb_id is None and film.tmdb_id in self.imdb_ids:
            return replace(film, imdb_id=self.imdb_ids[film.tmdb_id])
        return film

    def add(self, record: Record, poster: str) -> None:
        """Take down what a record's source claims of a poster's film, if it has not been."""
        if record.given is not None:
            item = self.table if record.origin == "table" else f"{self.source}: {record.named}"
            film = record.poster_id if record.identified else film_part(poster)
            self.made.add((film, record.origin))
            self.claim(Claim(film, record.origin, item, record.given, ""))

    @cached_property
    def _of_tables(self) -> dict[str, Claim]:
        """What tables claimed, by film: read at once and when first asked for, as a read for each film would add up."""
        return {claim.film_id: claim for claim in self.store.claims() if claim.origin == "table"}

    def of_table(self, film: str) -> Claim | None:
        """Give what a table claimed of a film before this build."""
        return self._of_tables.get(film) if (film, "table") in self.stored else None

    def withdraw(self, wrong: Claim) -> None:
        """Take a claim back, unless this build makes it again for another poster."""
        if (wrong.film_id, wrong.origin) not in self.made:
            self.claim(replace(wrong, film=Film()))

    def claim(self, claim: Claim) -> bool:
        """Take down a claim; tell whether it is new."""
        content = provenance.digest(repr((claim.item, claim.film)))[:16]
        place = claim.film_id, claim.origin
        if self.digests.get(place) == content:
            return False
        self.digests[place] = content
        self.new[place] = replace(claim, digest=content)
        return True

    def commit(self) -> None:
        """Write the new claims."""
        films = [film for film, _ in self.new.keys() & self.stored]
        before = {(old.film_id, old.origin): old for old in (self.store.claims(films) if films else ())}
        self.store.put_claims([self._beside(claim, before.get(key)) for key, claim in self.new.items()])
        self.new = {}

    def _beside(self, claim: Claim, before: Claim | None) -> Claim:
        """Complete a claim with what another source of the same kind said before."""
        if before is None or before.item in (claim.item, self.source):
            return claim
        if claim.origin != "table" and before.item.startswith(f"{self.source}: "):
            return claim
        return replace(claim, film=completed(claim.film, before.film)) if claim.film != Film() else claim


def settled(claims: Sequence[Claim], order: Sequence[str]) -> Film:
    """Merge what sources claim of one film: of each column, the first of the order that knows it decides.

    >>> a = Claim("tt1", "imdb", "", Film(title="Heat", genres=("Sci-Fi",)), "")
    >>> b = Claim("tt1", "tmdb", "", Film(title="Heat!", budget=5), "")
    >>> film = settled([a, b], ORIGINS)
    >>> film.title, film.budget, film.genres
    ('Heat!', 5, ('Science Fiction',))
    """
    rank = {origin: place for place, origin in enumerate(order)}
    film = Film()
    for claim in sorted(claims, key=lambda claim: (rank.get(claim.origin, len(rank)), claim.origin, claim.film_id)):
        film = completed(film, replace(claim.film, genres=normalised(claim.film.genres, claim.origin)))
    return film


def settle(store: Store, order: Sequence[str]) -> int:
    """Bring every poster's film up to what the claims, settled, say; tell how many changed.

    It works from what is stored alone, so that a run that was killed before it is made good by the next.
    """
    if current(store, store.artefact("films"), _inputs(store, order)) or not len(store.claim_keys()):
        return 0
    by_id: dict[str, list[Claim]] = {}
    for claim in store.claims():
        for identity in film_names(claim.film.imdb_id, claim.film.tmdb_id, claim.film_id):
            by_id.setdefault(identity, []).append(claim)
    n_changed = 0
    for posters in store.poster_batches():
        changed = [new for old in posters if (new := _settled(old, by_id, order)) != old]
        store.update_posters(changed)
        n_changed += len(changed)
    store.put_artefact(
        # What is settled are columns that the key reads, so it is taken when they have their new values.
        artefact(store, "films", "films", _inputs(store, order), parameters={"precedence": list(order)})
    )
    return n_changed


def _inputs(store: Store, order: Sequence[str]) -> str:
    """Digest all that decides how claims settle."""
    keys = store.claim_keys().sort_by([("film_id", "ascending"), ("origin", "ascending")])
    claims = provenance.digest(*(column.to_pylist() for column in keys.columns))
    return key(store, READS, parameters=[list(order), claims])


def _settled(poster: Poster, by_id: dict[str, list[Claim]], order: Sequence[str]) -> Poster:
    ids = film_names(poster.film.imdb_id, poster.film.tmdb_id, poster.id)
    claims = {(claim.film_id, claim.origin): claim for identity in ids for claim in by_id.get(identity, ())}
    if not claims:
        return poster
    return replace(poster, film=completed(settled(list(claims.values()), order), film_of_file(poster.path)))
