"""The server's answers as plain values; the OpenAPI description and the page's TypeScript types are made from them.

If a lower package has a result type (:class:`posterity.search.query.Matches`,
:class:`posterity.layouts.columns.LayoutAnswer` and others), the answer is that.
"""

from __future__ import annotations

from dataclasses import dataclass

from posterity.api.results import Report
from posterity.catalogue import Poster
from posterity.layouts.columns import LayoutAnswer, Spot
from posterity.layouts.kept import LayoutName
from posterity.learning.current import GenreView, MoneyView
from posterity.search.duplicates import Duplicates
from posterity.search.evaluation import EncoderScores, LayoutScores
from posterity.search.pairs import Pairs
from posterity.search.query import Matches


@dataclass(frozen=True)
class Health:
    """Whether the server is well: ``status`` is "ok"."""

    status: str
    version: str
    posters: int


@dataclass(frozen=True)
class Problem:
    """Why a request failed, and what to do about it."""

    detail: str
    remedy: str = ""


@dataclass(frozen=True)
class Sprites:
    """The atlas.

    Attributes:
        sprite: Height and width of a sprite in pixels.
        grid: Rows and columns of a page.
        pages: Keys of the pages, in order.
        slots: Slot of each poster's sprite, in the order of the collection.
        sheet: Rows and columns of a sheet of thumbnails; sheet s starts at slot s · rows · columns.
        sheets: Keys of the sheets, in order.
    """

    sprite: tuple[int, int]
    grid: tuple[int, int]
    pages: list[str]
    slots: list[int]
    sheet: tuple[int, int]
    sheets: list[str]


@dataclass(frozen=True)
class Collection:
    """What the page shows of every poster; all lists are in the same order, by id, and null means "not known".

    Attributes:
        name: The catalogue's name.
        state: Changes whenever the catalogue does.
        ids: The posters' ids.
        titles: The films' titles, or "".
        years: The films' years.
        genres: All genres; ``genre_of`` gives their numbers.
        genre_of: Each film's genres.
        languages: All languages, ISO 639-1.
        language_of: Each film's language, -1 if unknown.
        franchises: All franchises.
        franchise_of: Each film's franchise, -1 if none.
        ratings: Mean votes, 0 to 10.
        popularity: TMDb's popularity.
        revenues: As given.
        ratios: Revenue / budget.
        flags: All flags from cleaning.
        flag_of: Each poster's flags.
        predicted: The genres that a trained model predicts, or empty.
        predicted_of: The genres predicted for each poster.
        digests: The names of the posters' thumbnails.
        shapes: Width · 1000 / height.
        palettes: Base64 of 16 bytes per poster: red, green, blue, and share out of 255, of its four main colours.
        colours: Names of colours, with an example.
        atlas: The sprites.
        layouts: The available maps and walls.
        facets: The facets by which similarity can be weighted.
        encoder: The encoder behind the facet "content".
        models: The models trained here.
        clinic: Whether posters can be dropped in; never on exported pages.
    """

    name: str
    state: str
    ids: list[str]
    titles: list[str]
    years: list[int | None]
    genres: list[str]
    genre_of: list[list[int]]
    languages: list[str]
    language_of: list[int]
    franchises: list[str]
    franchise_of: list[int]
    ratings: list[float | None]
    popularity: list[float | None]
    revenues: list[int | None]
    ratios: list[float | None]
    flags: list[str]
    flag_of: list[list[int]]
    predicted: list[str]
    predicted_of: list[list[int]]
    digests: list[str]
    shapes: list[int]
    palettes: str
    colours: dict[str, tuple[int, int, int]]
    atlas: Sprites
    layouts: list[LayoutName]
    facets: list[str]
    encoder: str
    models: list[str]
    clinic: bool


@dataclass(frozen=True)
class Found:
    """A film found by its title, year or id; ``score`` is 1 if all words match exactly, 2 if the id does."""

    id: str
    title: str
    year: int | None
    genres: tuple[str, ...]
    score: float


@dataclass(frozen=True)
class Films:
    """Films found, the best first, and their total number."""

    total: int
    films: list[Found]


@dataclass(frozen=True)
class Relative:
    """Another poster of the same film ("version"), or nearly the same picture ("near duplicate")."""

    id: str
    title: str
    kind: str


@dataclass(frozen=True)
class FilmPage:
    """All that is known of a poster.

    Attributes:
        poster: The poster and its film.
        links: Site -> address.
        palette: Its main colours: "#rrggbb" and share.
        predicted: Predicted genres, the likeliest first; empty if no model was trained.
        money: The box-office prediction; None if no model was trained.
        relatives: Versions and near duplicates.
        notes: What is missing, and how to get it.
    """

    poster: Poster
    links: dict[str, str]
    palette: list[tuple[str, float]]
    predicted: list[GenreView]
    money: MoneyView | None
    relatives: list[Relative]
    notes: list[str]


@dataclass(frozen=True)
class Why:
    """Why two posters are alike; see :class:`posterity.search.explain.Explanation`.

    Attributes:
        a: The first.
        b: The second.
        score: Sum of the contributions; 0 is a random pair.
        contributions: Facet -> its contribution.
        weights: Facet -> its share of the weights.
        regions: Facet -> for each poster, 9 rows of 6: each region's share of the facet's contribution.
        palettes: Main colours of each poster: "#rrggbb" and share.
        same_artwork: Whether they show the same artwork.
    """

    a: str
    b: str
    score: float
    contributions: dict[str, float]
    weights: dict[str, float]
    regions: dict[str, tuple[list[list[float]], list[list[float]]]]
    palettes: tuple[list[tuple[str, float]], list[tuple[str, float]]]
    same_artwork: bool


@dataclass(frozen=True)
class Clinic:
    """The analysis of an uploaded poster, which is not stored.

    Attributes:
        name: Name of the file.
        width: Width in pixels.
        height: Height in pixels.
        known: Id of the poster with identical content, if there is one.
        matches: The most similar posters.
        palette: Its main colours: "#rrggbb" and share.
        predicted: Predicted genres, the likeliest first.
        money: The box-office prediction.
        spots: Its positions on the maps.
        notes: What is missing, and how to get it.
    """

    name: str
    width: int
    height: int
    known: str | None
    matches: Matches
    palette: list[tuple[str, float]]
    predicted: list[GenreView]
    money: MoneyView | None
    spots: list[Spot]
    notes: list[str]


@dataclass(frozen=True)
class Evaluation:
    """Scores of all encoders, and of the walls and maps."""

    encoders: list[EncoderScores]
    layouts: list[LayoutScores]


@dataclass(frozen=True)
class PairsJob:
    """The closest pairs, once they are found: ``state`` is "working", "ready" or "failed"."""

    state: str
    detail: str
    result: Pairs | None


@dataclass(frozen=True)
class DuplicatesJob:
    """The duplicates, once they are found: ``state`` is "working", "ready" or "failed"."""

    state: str
    detail: str
    result: Duplicates | None


@dataclass(frozen=True)
class EvaluationJob:
    """The scores, once they are computed: ``state`` is "working", "ready" or "failed"."""

    state: str
    detail: str
    result: Evaluation | None


ANSWERS = (
    Health, Problem, Collection, LayoutAnswer, Films, FilmPage, Matches, Why, Clinic, PairsJob, DuplicatesJob,
    EvaluationJob, Report,
)  # fmt: skip
"""All answers that the page may receive."""
