"""Posterity turns a collection of movie posters into something you can search, see and learn from.

    import posterity

    posterity.build("posters", "films", metadata="films.csv")
    films = posterity.open("films")
    films.similar(id="tt0113277").matches

Importing it is light: what a name needs is loaded when the name is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from posterity.api.building import build, dry_run
    from posterity.api.catalogue import Catalogue
    from posterity.api.learner import Learner
    from posterity.api.opening import create, open
    from posterity.api.results import Info, Report
    from posterity.catalogue import Claim, Film, Finding, Poster
    from posterity.doctor import Diagnosis, Problem
    from posterity.embedding.pipeline import EmbedReport
    from posterity.encoders import Encoder, EncoderSpec
    from posterity.errors import PosterityError
    from posterity.ingest.reports import BuildReport, DryRun, EnrichReport
    from posterity.layouts.clusters import Cluster
    from posterity.layouts.maps import Map
    from posterity.layouts.shapes import Shape
    from posterity.layouts.walls import Wall
    from posterity.learning.boxoffice import BoxOfficeReport
    from posterity.learning.experiments.leaderboard import Leaderboard
    from posterity.learning.genres import GenreReport
    from posterity.learning.predicting import Prediction
    from posterity.learning.splits import Split
    from posterity.numerics.scores.classification import Score
    from posterity.numerics.som import SelfOrganizingMap
    from posterity.search.duplicates import DuplicateGroup, Duplicates
    from posterity.search.evaluation import EncoderScores, LayoutScores
    from posterity.search.explain import Explanation
    from posterity.search.pairs import Pair, Pairs
    from posterity.search.query import Match, Matches, Query
    from posterity.search.text import ZeroShot
    from posterity.search.views import View
    from posterity.sources.rules import Rules
    from posterity.sources.terms import Terms, Web
    from posterity.testing import write_sample

__all__ = [
    "BoxOfficeReport",
    "BuildReport",
    "Catalogue",
    "Claim",
    "Cluster",
    "Diagnosis",
    "DryRun",
    "DuplicateGroup",
    "Duplicates",
    "EmbedReport",
    "Encoder",
    "EncoderScores",
    "EncoderSpec",
    "EnrichReport",
    "Explanation",
    "Film",
    "Finding",
    "GenreReport",
    "Info",
    "LayoutScores",
    "Leaderboard",
    "Learner",
    "Map",
    "Match",
    "Matches",
    "Pair",
    "Pairs",
    "Poster",
    "PosterityError",
    "Prediction",
    "Problem",
    "Query",
    "Report",
    "Rules",
    "Score",
    "SelfOrganizingMap",
    "Shape",
    "Split",
    "Terms",
    "View",
    "Wall",
    "Web",
    "ZeroShot",
    "__version__",
    "build",
    "create",
    "dry_run",
    "open",
    "write_sample",
]

_HOMES = {
    "BoxOfficeReport": "learning.boxoffice",
    "GenreReport": "learning.genres",
    "Leaderboard": "learning.experiments.leaderboard",
    "Learner": "api.learner",
    "Prediction": "learning.predicting",
    "Split": "learning.splits",
    "BuildReport": "ingest.reports",
    "Catalogue": "api.catalogue",
    "Claim": "catalogue",
    "Diagnosis": "doctor",
    "DryRun": "ingest.reports",
    "DuplicateGroup": "search.duplicates",
    "Duplicates": "search.duplicates",
    "EmbedReport": "embedding.pipeline",
    "Encoder": "encoders",
    "EncoderScores": "search.evaluation",
    "EncoderSpec": "encoders",
    "EnrichReport": "ingest.reports",
    "Explanation": "search.explain",
    "Film": "catalogue",
    "Finding": "catalogue",
    "Cluster": "layouts.clusters",
    "Info": "api.results",
    "LayoutScores": "search.evaluation",
    "Map": "layouts.maps",
    "Shape": "layouts.shapes",
    "Match": "search.query",
    "Matches": "search.query",
    "Pair": "search.pairs",
    "Pairs": "search.pairs",
    "Poster": "catalogue",
    "PosterityError": "errors",
    "Problem": "doctor",
    "Query": "search.query",
    "Report": "api.results",
    "Rules": "sources.rules",
    "Score": "numerics.scores.classification",
    "SelfOrganizingMap": "numerics.som",
    "Terms": "sources.terms",
    "View": "search.views",
    "Wall": "layouts.walls",
    "Web": "sources.terms",
    "ZeroShot": "search.text",
    "build": "api.building",
    "create": "api.opening",
    "dry_run": "api.building",
    "open": "api.opening",
    "write_sample": "testing",
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("posterity")
    if name in _HOMES:
        return getattr(import_module(f"posterity.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'posterity' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
