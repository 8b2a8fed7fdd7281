"""What the server answers, as plain values: the OpenAPI description and the page's TypeScript types come from them.

Where a package below has a result of its own (:class:`posterity.search.query.Matches`,
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
    """Why there is no answer, and what to do about it."""

    detail: str
    remedy: str = ""


@dataclass(frozen=True)
class Sprites:
    """The atlas.

    Attributes:
        sprite: Height and width of a sprite in pixels.
        grid: Rows and columns of a page.
        pages: Keys of the pages, in order.
        slots: Where each poster's sprite is, in the order of the collection.
        sheet: Rows and columns of a sheet of thumbnails; sheet s holds the slots from s · rows · columns on.
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
    """What the page shows of every poster; all lists are in the same order, by id, and null is "not known".

    Attributes:
        name: The catalogue's name.
        state: Changes whenever the catalogue does.
        ids: The posters' ids.
        titles: The films' titles, or "".
        years: The films' years.
        genres: All genres; ``genre_of`` has their numbers.
        genre_of: Each film's genres.
        languages: All languages, ISO 639-1.
        language_of: Each film's language, -1 where not known.
        franchises: All franchises.
        franchise_of: Each film's franchise, -1 where there is none.
        ratings: Mean votes, 0 to 10.
        popularity: TMDb's popularity.
        revenues: As given.
        ratios: Revenue / budget.
        flags: All flags of the cleaning.
        flag_of: Each poster's flags.
        predicted: The genres that a trained model predicts, or empty.
        predicted_of: The genres that the model claims for each poster.
        digests: The names of the posters' thumbnails.
        shapes: Width · 1000 / height.
        palettes: Base64 of 16 bytes a poster: red, green, blue, share of 255 of its four main colours.
        colours: Words for colours, with an example.
        atlas: Where the sprites are.
        layouts: The maps and walls there are.
        facets: By which similarity can be steered here.
        encoder: What the facet "content" is.
        models: The models that were trained here.
        clinic: Whether posters can be dropped in: not on exported pages.
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
    """A film found by its title, year or id; ``score`` is 1 for all words as typed, 2 for the very id."""

    id: str
    title: str
    year: int | None
    genres: tuple[str, ...]
    score: float


@dataclass(frozen=True)
class Films:
    """Films found, the best first, and how many there are in all."""

    total: int
    films: list[Found]


@dataclass(frozen=True)
class Relative:
    """Another poster of the same film ("version"), or one that is nearly the same picture ("near duplicate")."""

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
        predicted: The likeliest genres first; empty where no model was trained.
        money: None where no model was trained.
        relatives: Versions and near duplicates.
        notes: What is missing, and how it is had.
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
        contributions: Facet -> its part.
        weights: Facet -> its share.
        regions: Facet -> of each poster, 9 rows of 6: how much of the facet's part a region makes.
        palettes: Of each poster: "#rrggbb" and share.
        same_artwork: Whether they show the same.
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
    """What is said of a poster that was sent, and kept nowhere.

    Attributes:
        name: Of the file.
        width: In pixels.
        height: Likewise.
        known: The id of the poster with the very same content, if there is one.
        matches: The nearest posters.
        palette: Its main colours: "#rrggbb" and share.
        predicted: The likeliest genres first.
        money: The box-office view.
        spots: Its places on the maps.
        notes: What is missing, and how it is had.
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
"""All that the page may get."""
