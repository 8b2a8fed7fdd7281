"""The rules applied to the films of any source, in its order: rows of a table, or files of a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

from posterity.catalogue.schema import Film, film_names
from posterity.errors import ArgumentError
from posterity.sources.folder import Skipped
from posterity.sources.rules import Rules, broken, choose


class Candidate(Protocol):
    """What rules judge: something that stands for a film, and what names it in reports."""

    @property
    def film(self) -> Film:
        """What is known of the film."""

    @property
    def named(self) -> str:
        """What names it."""


C = TypeVar("C", bound=Candidate)
Refuse = Callable[[C, str, str], Skipped]
"""Makes a finding from a film, a reason and a sentence."""


def sift(
    items: Iterable[C | Skipped], rules: Rules, active: Sequence[str], refuse: Refuse[C], source: str
) -> Iterator[C | Skipped]:
    """Apply rules: each item that they let through, and a reason for each other.

    Items are read one at a time, unless films are chosen by genre: then all must be known first.

    Args:
        items: Of the source; reasons are passed on.
        rules: What is asked of films.
        active: Which of the rules apply.
        refuse: Makes the reason.
        source: What messages call it.

    Raises:
        ArgumentError: Films are to be chosen by genre, and of none any is known.
    """
    if rules.first_genre and not rules.chooses:
        raise ArgumentError(
            "first_genre alone selects nothing", "It goes with genres_top or per_genre: give one of them."
        )
    if rules.chooses:
        items = _chosen(list(items), rules, active, refuse, source)
    seen: dict[str, str] = {}
    for item in items:
        if isinstance(item, Skipped):
            yield item
        elif fault := broken(item.film, rules, active):
            yield refuse(item, *fault)
        elif "duplicate_id" in active and (twin := _twin(item.film, seen)):
            yield refuse(item, "duplicate_id", f"the same film as {twin}")
        else:
            for identity in _ids(item.film):
                seen.setdefault(identity, item.named)
            yield item


def _chosen(
    items: Sequence[C | Skipped], rules: Rules, active: Sequence[str], refuse: Refuse[C], source: str
) -> Iterator[C | Skipped]:
    """Choose by genre among the items that break no rule, each film counted once; its other posters go with it."""
    first: dict[str, int] = {}
    films: list[Film] = []
    place_of: dict[int, int] = {}
    for place, item in enumerate(items):
        if isinstance(item, Skipped) or broken(item.film, rules, active):
            continue
        known = next((first[identity] for identity in _ids(item.film) if identity in first), None)
        if known is None:
            known = len(films)
            films.append(item.film)
        for identity in _ids(item.film):
            first.setdefault(identity, known)
        place_of[place] = known
    if films and not any(film.genres for film in films):
        raise ArgumentError(
            f"no film of {source} has a known genre, so none can be selected by genre",
            "Use a source that has them (for a folder: --metadata FILE), or leave out --genres-top, --per-genre.",
        )
    verdicts = choose(films, rules)
    for place, item in enumerate(items):
        verdict = verdicts[place_of[place]] if place in place_of else None
        if not isinstance(item, Skipped) and verdict and verdict.reason:
            yield refuse(item, verdict.reason, verdict.detail)
        else:
            yield item


def _ids(film: Film) -> tuple[str, ...]:
    """Give all names of a film that has none in the catalogue yet: rows may know its one id or its other."""
    return film_names(film.imdb_id, film.tmdb_id)


def _twin(film: Film, seen: Mapping[str, str]) -> str | None:
    return next((seen[identity] for identity in _ids(film) if identity in seen), None)
