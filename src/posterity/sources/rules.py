"""Which films of a source are taken: the seeds' cleaning rules, each with a name, and the choice of genres.

Pure functions over films. A build applies them to the rows of a source before anything is downloaded; a view applies
them to what a catalogue holds. Rules are applied in the order of :data:`RULES`, and the first that a film breaks is the
reason it is counted under. Which of two rows of the same film stays is decided among those that break no other rule.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields

from posterity.catalogue.schema import Film
from posterity.errors import ArgumentError, UnknownNameError


@dataclass(frozen=True)
class Rule:
    """A cleaning rule.

    Attributes:
        help: When it drops a film.
        default: Whether a build applies it by default.
        breaks: Gives a sentence on how a film breaks it, or None; None itself for rules that need more than one film.
    """

    help: str
    default: bool
    breaks: Callable[[Film], str | None] | None = None


def _blank(film: Film) -> str | None:
    if film.title and any(letter.isalnum() for letter in film.title):  # of any script
        return None
    return f"the title {film.title!r} contains no letter or digit" if film.title else "it has no title"


RULES: dict[str, Rule] = {
    "null_required": Rule("a column that --require names is empty", True),
    "blank_title": Rule("the title contains no letter or digit", True, _blank),
    "no_genre": Rule("no genre is known", False, lambda film: None if film.genres else "no genre is known"),
    "no_budget": Rule("no budget is known", False, lambda film: None if film.budget else "no budget is known"),
    "no_revenue": Rule("no revenue is known", False, lambda film: None if film.revenue else "no revenue is known"),
    "duplicate_id": Rule("an earlier row is of the same film", True),
}
"""The rules that can be switched on and off, in the order in which they are applied."""

CHOICE = {
    "not_top_genre": "none of its genres is among the most common ones",
    "not_popular_enough": "more popular films fill the places of each of its genres",
}
"""Why a film is not chosen by genre: the codes that reports count by."""

COLUMNS = tuple(item.name for item in fields(Film))


@dataclass(frozen=True)
class Rules:
    """What is asked of films.

    Attributes:
        drop: Names of rules to apply besides the default ones.
        keep: Names of rules not to apply.
        required: Columns that must not be empty (rule ``null_required``).
        genres_top: Only films of so many genres, the most frequent ones; None takes all.
        per_genre: Only so many films of each genre, the most popular ones; None takes all.
        first_genre: Count a film for the first of its genres alone, not for each.

    Raises:
        UnknownNameError: A rule or column is unknown.
        ArgumentError: A number is below 1.
    """

    drop: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    genres_top: int | None = None
    per_genre: int | None = None
    first_genre: bool = False

    def __post_init__(self) -> None:
        for kind, names, known in (
            ("rule", self.drop + self.keep, RULES),
            ("column", self.required, dict.fromkeys(COLUMNS)),
        ):
            for name in names:
                if name not in known:
                    raise UnknownNameError(kind, name, known)
        for name in ("genres_top", "per_genre"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ArgumentError(f"{name} is {value}", "It must be 1 or more.")

    def active(self, defaults: bool = True) -> tuple[str, ...]:
        """Name the rules in force, in their order; ``defaults`` tells whether those of a build are among them."""
        asked = {*self.drop, *(["null_required"] if self.required else [])}
        return tuple(
            name
            for name, rule in RULES.items()
            if name not in self.keep and (name in asked or (defaults and rule.default))
        )

    @property
    def chooses(self) -> bool:
        """Whether films are chosen by genre, for which all of them must be known first."""
        return self.genres_top is not None or self.per_genre is not None


def broken(film: Film, rules: Rules, active: Iterable[str]) -> tuple[str, str] | None:
    """Find the first rule that a film breaks by itself, and how; None if it breaks none.

    >>> broken(Film(title="???"), Rules(), Rules().active())
    ('blank_title', "the title '???' contains no letter or digit")
    """
    for name in active:
        if name == "null_required":
            if empty := [column for column in rules.required if getattr(film, column) in (None, ())]:
                return name, f"these columns are empty: {', '.join(empty)}"
        elif (breaks := RULES[name].breaks) and (how := breaks(film)):
            return name, how
    return None


@dataclass(frozen=True)
class Chosen:
    """What became of one film: the genres that it counts for, or why it was not chosen."""

    labels: tuple[str, ...]
    reason: str | None = None
    detail: str = ""


def choose(films: Sequence[Film], rules: Rules) -> list[Chosen]:
    """Choose films by genre: those of the most frequent genres, and of each the most popular.

    A film counts for each of its genres, or for the first alone, and stays if one of them has room for it. Popularity
    is TMDb's, then the number of votes, then the order given. How frequent genres are is counted over all films given.

    >>> films = [Film(genres=("Drama", "War"), popularity=1.0), Film(genres=("Drama",), popularity=2.0)]
    >>> [chosen.reason for chosen in choose(films, Rules(genres_top=1, per_genre=1))]
    ['not_popular_enough', None]
    """
    genres = [film.genres[:1] if rules.first_genre else film.genres for film in films]
    frequency = Counter(genre for of_film in genres for genre in dict.fromkeys(of_film))
    ranked = sorted(frequency, key=lambda genre: (-frequency[genre], genre))
    top = set(ranked[: rules.genres_top])
    labels = [tuple(genre for genre in of_film if genre in top) for of_film in genres]
    placed = [bool(of_film) for of_film in labels]
    if rules.per_genre is not None:
        room = Counter(dict.fromkeys(top, rules.per_genre))
        for index in sorted(range(len(films)), key=lambda index: _by_popularity(films[index])):
            free = [genre for genre in labels[index] if room[genre]]
            placed[index] = bool(free)
            room.subtract(free)
    return [_chosen(*each, rules) for each in zip(genres, labels, placed, strict=True)]


def _by_popularity(film: Film) -> tuple[float, int]:
    return -(film.popularity if film.popularity is not None else -1.0), -(film.vote_count or 0)


def _chosen(genres: tuple[str, ...], labels: tuple[str, ...], placed: bool, rules: Rules) -> Chosen:
    if placed or not rules.chooses:
        return Chosen(labels)  # all that it counts for, also where another genre had no room left: they are the truth
    if labels:
        return Chosen((), "not_popular_enough", f"{rules.per_genre} more popular films of {', '.join(labels)}")
    return Chosen((), "not_top_genre", f"its genres are {', '.join(genres)}" if genres else "it has no genre")
