"""Invented films: titles, years, genres, franchises and money, plausible and partly missing, as in real tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from posterity.errors import ArgumentError
from posterity.testing.genres import GENRES, NAMES, PLACES

FRANCHISES = (
    ("Nightfall Hollow", "Horror", ("Nightfall Hollow", "Nightfall Hollow II", "Nightfall Hollow: The Cellar",
                                    "Nightfall Hollow: Reckoning", "Nightfall Hollow V: Dawn")),
    ("Captain Meridian", "Science Fiction", ("Captain Meridian", "Captain Meridian Returns",
                                             "Captain Meridian: Edge of the Map", "Captain Meridian Forever")),
    ("Brass Knuckle Road", "Action", ("Brass Knuckle Road", "Brass Knuckle Road 2", "Brass Knuckle Road 3: Overdrive")),
)  # fmt: skip
"""Name, genre and films of each series of sequels."""

_ODD_ONES = (
    ("Drama", 'She Said "Perhaps"'),
    ("Comedy", "Eat, Sleep, Apologise, Repeat"),
    ("Documentary", "An Exceedingly Long and Mostly Accurate Account of the Lighthouse Keepers of Port Winnow"),
    ("Romance", "Crème Brûlée & Señor Núñez"),
    ("Thriller", "100% Proof"),
)
"""Titles that are hard for tables and pictures: with quotes, commas, accents, signs, or very long."""

N_FIXED = sum(len(films) for _, _, films in FRANCHISES) + len(_ODD_ONES)


@dataclass(frozen=True)
class GeneratedFilm:
    """An invented film.

    Attributes:
        imdb_id: Id in IMDb's form, in a range that no real film uses.
        title: Unique within a sample.
        year: Year, from 1925 to 2024.
        genres: One to three genres; the first determines its poster.
        collection: The series it belongs to.
        part: Its place in the series, from 0.
        seed: Seed of everything random about its poster except the series' look.
        look: Seed of the look that a series shares; equal to ``seed`` outside a series.
        budget: Budget in US dollars, or None.
        revenue: Revenue in US dollars, or None.
        popularity: Popularity, 0 or more.
        vote_average: Mean vote, from 0 to 10.
        vote_count: Number of votes.
        runtime: Runtime in minutes.
        release_date: Release date in ISO format.
    """

    imdb_id: str
    title: str
    year: int
    genres: tuple[str, ...]
    collection: str | None
    part: int
    seed: int
    look: int
    budget: int | None
    revenue: int | None
    popularity: float
    vote_average: float
    vote_count: int
    runtime: int
    release_date: str


def generate_films(n: int, seed: int = 0) -> list[GeneratedFilm]:
    """Invent ``n`` films: first those of the series, then those with difficult titles, then films of all genres.

    Raises:
        ArgumentError: ``n`` is too small for the series, or larger than the number of ids.
    """
    if not N_FIXED <= n <= 99_999:
        raise ArgumentError(f"invalid number of films: {n}", f"Choose {N_FIXED} to 99,999.")
    rng = np.random.default_rng([seed, 0])
    used: set[str] = set()
    films = []
    for index, (title, genre, collection, part, look) in enumerate(_plans(n, rng, used)):
        films.append(_film(index, title, genre, collection, part, seed, look))
    return films


def _plans(n: int, rng: np.random.Generator, used: set[str]) -> Iterator[tuple[str, str, str | None, int, int | None]]:
    """Return title, genre, series, part and the number of the look of each film."""
    for number, (name, genre, titles) in enumerate(FRANCHISES):
        for part, title in enumerate(titles):
            used.add(title)
            yield title, genre, f"{name} Collection", part, number
    for genre, title in _ODD_ONES:
        used.add(title)
        yield title, genre, None, 0, None
    names = list(GENRES)
    weights = np.array([GENRES[name].weight for name in names])
    for genre in rng.choice(names, n - N_FIXED, p=weights / weights.sum()).tolist():
        title = _title(genre, rng, used)
        yield title, genre, None, 0, None


def _title(genre: str, rng: np.random.Generator, used: set[str]) -> str:
    """Make up a title that is not taken yet; when the words run out, add a number."""
    rules = GENRES[genre]
    for attempt in range(1000):
        first, second = rng.choice(NAMES, 2, replace=False).tolist()
        title = str(rng.choice(rules.patterns)).format(
            adjective=rng.choice(rules.adjectives),
            noun=rng.choice(rules.nouns),
            place=rng.choice(PLACES),
            name=first,
            name2=second,
        )
        if attempt >= 20:
            title = f"{title} {int(rng.integers(2, 10_000))}"
        if title not in used:
            break
    used.add(title)
    return title


def _film(
    index: int, title: str, genre: str, collection: str | None, part: int, seed: int, look: int | None
) -> GeneratedFilm:
    rng = np.random.default_rng([seed, 1, index])
    rules = GENRES[genre]
    n_more = int(rng.choice(3, p=[0.4, 0.45, 0.15]))
    more = [str(name) for name in rng.permutation(rules.also)[:n_more]]
    year = 1972 + 4 * part + index % 7 if collection else int(rng.choice(np.arange(1925, 2025), p=_YEARS))
    popularity = float(np.round(rng.lognormal(1.0, 1.0), 3))
    budget = float(rng.lognormal(np.log(rules.budget * 1e6), 0.7)) * (0.1 + (year - 1925) / 110)
    revenue = budget * float(rng.lognormal(0.25, 0.9)) * (0.6 + min(popularity, 20) / 8)
    own = int(np.random.default_rng([seed, 2, index]).integers(2**31))
    shared = own if look is None else int(np.random.default_rng([seed, 3, look]).integers(2**31))
    month, day = int(rng.integers(1, 13)), int(rng.integers(1, 29))
    return GeneratedFilm(
        imdb_id=f"tt99{index + 1:05d}",
        title=title,
        year=year,
        genres=(genre, *more),
        collection=collection,
        part=part,
        seed=own,
        look=shared,
        budget=None if rng.random() < 0.3 else int(round(budget, -4)),
        revenue=None if rng.random() < 0.35 else int(round(revenue, -3)),
        popularity=popularity,
        vote_average=float(np.clip(np.round(rng.normal(6.2, 1.0), 1), 1, 9.5)),
        vote_count=int(rng.lognormal(4 + min(popularity, 10) / 4, 1)),
        runtime=int(np.clip(rng.normal(104, 16), 62, 190)),
        release_date=f"{year}-{month:02d}-{day:02d}",
    )


_YEARS = np.linspace(1, 4, 100) / np.linspace(1, 4, 100).sum()
"""Later years have more films."""
