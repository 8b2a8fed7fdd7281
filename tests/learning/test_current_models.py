"""What current models say of any poster, and how little that is worth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import posterity
from posterity.catalogue.pictures import Shown
from posterity.learning.current import (
    CurrentModel,
    MoneyView,
    caveat,
    current_models,
    genre_views,
    model_notes,
    money_view,
    views_of,
)
from posterity.learning.predicting import BoxOfficePrediction, GenrePrediction, Prediction
from posterity.learning.splits import Protocol


def a_model(names: list[str], values: list[list[float]], **scores: Any) -> CurrentModel:
    rows = np.array(values, np.float32)
    prior = np.full(len(names), 0.25)
    place = {f"p{row}": row for row in range(len(rows))}
    return CurrentModel(names, prior, np.full(len(names), 0.5), place, rows, rows - 0.125, rows + 0.125, scores)


def test_the_likeliest_genres_come_first_and_ties_in_the_models_order() -> None:
    models = {"genres": a_model(["Drama", "War", "Western"], [[0.25, 0.5, 0.25], [0.125, 0.25, 0.75]])}
    found = genre_views(models, "p0", 2)
    assert [(each.genre, each.probability, each.low, each.high, each.claimed) for each in found] == [
        ("War", 0.5, 0.375, 0.625, True), ("Drama", 0.25, 0.125, 0.375, False),
    ]  # fmt: skip
    assert found[0].prior == 0.25
    assert models["genres"].claimed(["p1", "unknown", "p0"]) == [[2], [], [1]]
    assert genre_views(models, "unknown", 2) == []
    assert genre_views({}, "p0", 2) == []


def test_money_is_told_from_poster_and_metadata_where_both_are_known() -> None:
    poster = a_model(["no success", "success"], [[0.5, 0.5], [0.25, 0.75]], poster={"auc": 0.55})
    both = replace(poster, values=poster.values[:, ::-1], place={"p1": 1})
    models = {"boxoffice": poster, "boxoffice_both": both}
    assert money_view(models, "p0") == MoneyView(0.5, 0.375, 0.625, 0.25, "poster", caveat(models))
    found = money_view(models, "p1")
    assert found is not None
    assert (found.probability, found.based_on) == (0.25, "poster and metadata")
    assert money_view(models, "unknown") is None


@pytest.mark.parametrize(
    ("auc", "words"), [(0.5, "no better than a coin"), (0.55, "hardly better than a coin"), (0.7, "rest a little")]
)
def test_the_caveat_goes_by_the_score(auc: float, words: str) -> None:
    text = caveat({"boxoffice": a_model(["success"], [[0.5]], poster={"auc": auc})})
    assert words in text
    assert f"AUC {auc:.2f}" in text


def test_without_a_score_the_caveat_says_so() -> None:
    assert "take it as a guess" in caveat({})
    assert "take it as a guess" in caveat({"boxoffice": a_model(["success"], [[0.5]])})


def test_a_poster_predicted_just_now_is_seen_alike() -> None:
    genre = GenrePrediction("War", 0.5, 0.25, 0.75, 0.1, True, (), ())
    money = BoxOfficePrediction(0.6, 0.5, 0.7, 0.55, "poster")
    found = Prediction(Shown("a.jpg", b""), None, None, (), (genre, replace(genre, genre="Drama")), money)
    genres, seen = views_of(found, {}, 1)
    assert [(each.genre, each.probability, each.claimed) for each in genres] == [("War", 0.5, True)]
    assert seen == MoneyView(0.6, 0.5, 0.7, 0.55, "poster", caveat({}))
    assert views_of(replace(found, box_office=None), {}, 1)[1] is None


def test_notes_name_what_is_missing_why_and_the_command() -> None:
    model = a_model(["a"], [[0.5]])
    assert [*model_notes({}, {}, "films")] == [
        "No current model of genres is here. Run: posterity train genres -c films",
        "No current model of box office is here. Run: posterity train boxoffice -c films",
    ]
    (note,) = model_notes({"boxoffice": model}, {"genres": "it is damaged"}, "films")
    assert "genres is here: it is damaged. Run" in note
    (note,) = model_notes({"boxoffice": model, "genres": model}, {"boxoffice_both": "it is stale"}, "films")
    assert "from the poster alone: it is stale. Run" in note
    assert [*model_notes({"boxoffice": model, "genres": model}, {}, "films")] == []


def test_a_trained_model_is_current_until_what_it_learned_from_changes(studio: posterity.Catalogue) -> None:
    report = studio.learn.genres(encoders=["colour"], protocol=Protocol(enough=12))
    models, refused = current_models(studio.store)
    assert report.task == "genres"
    assert refused == {}
    ids, _ = studio.vectors("colour")
    first = genre_views(models, ids[0], 3)
    assert [each.probability for each in first] == sorted((each.probability for each in first), reverse=True)
    (said,) = studio.learn.predict(ids[0])
    assert [(each.genre, pytest.approx(each.probability, abs=1e-5)) for each in first] == [
        (each.genre, each.probability) for each in said.genres[:3]
    ]
