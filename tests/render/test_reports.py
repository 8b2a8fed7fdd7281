"""Pages of reports show what they are given, and as text alone."""

from __future__ import annotations

import csv
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from conftest import picture

import posterity
from posterity.catalogue import Store
from posterity.catalogue.pictures import Shown
from posterity.learning.boxoffice import BoxOfficeReport, RevenueReport
from posterity.learning.experiments.leaderboard import Leaderboard, Row
from posterity.learning.experiments.spec import Published, Run
from posterity.learning.genres import GenreReport, LabelScores
from posterity.learning.insight import ColourReport, Disguised, Occlusion, Shade
from posterity.learning.networks.config import TrainConfig
from posterity.learning.networks.running import NetworkReport
from posterity.learning.networks.training import Epoch
from posterity.learning.predicting import BoxOfficePrediction, GenrePrediction, Prediction, Witness
from posterity.numerics.scores.classification import Score
from posterity.render.reports import learning as reports
from posterity.render.reports.pairs import pairs_page
from posterity.search.pairs import Pair, Pairs

EVIL = "<script>alert(1)</script>\"'&{{ 7 * 7 }}"
"""What a film could be called to run as a script, to leave an attribute, or to be taken for a template."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("reports")
    (folder / "posters").mkdir()
    for i in range(2):
        picture(i).save(folder / "posters" / f"{i}.jpg")
    with (folder / "films.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([["file", "title"], ["0.jpg", EVIL], ["1.jpg", EVIL]])
    posterity.build(folder / "posters", folder / "films", folder / "films.csv", encoders=["colour"])
    return posterity.open(folder / "films").store


def pages(store: Store, text: str = EVIL) -> dict[str, str]:
    """Write a page of each kind, with the text wherever it can stand."""
    a, b = sorted(poster.id for poster in store.posters())
    score = Score(0.5, 0.4, 0.6)
    figures = dict.fromkeys(("mAP", "auc", "accuracy", text), score)
    genres = GenreReport(
        text, text, (text, "colour"), figures, {text: figures},
        (LabelScores(text, 1200, score, score, score, 0.5, 0.1),), (text, "B"),
        np.array([[0.9, 0.1], [np.nan, 0.4]]), 12345, 678, 9, 0, 1.0, 2.0,
    )  # fmt: skip
    config = TrainConfig(network=text)
    history = (Epoch(1, 0.7, 0.8, 1e-3, 1.0, 2.0), Epoch(2, 0.6, None, 1e-3, 1.0, 2.0))
    network = NetworkReport(
        text, text, config, True, figures, {text: figures}, history, 1, 2000, 20, 20, (1_000_000, 10), None, 1.0, text,
        None,
    )  # fmt: skip
    revenue = RevenueReport(score, score, score, score, 1.25)
    money = BoxOfficeReport(
        text, text, (1990, 2000, 2010), 2.0, (text, "budget"), (text,), 0.6, 0.5, {text: figures}, {text: figures},
        score, text, {text: revenue}, 2000, 1000, 0, 1.0,
    )  # fmt: skip
    run = Row(text, Run(), {"auc": score, text: score}, None, None, 1.0, 10**9, 12345, False)
    other = Row("other", Run(head="prior"), {"auc": score, text: score}, score, 0.05, 1.0, None, 0, False)
    board = Leaderboard(
        text, text, text, "auc", ("auc", text), (run, other), {text: text}, (Published(text, text, 0.7, text),), text,
        2000, 1000, text,
    )  # fmt: skip
    disguised = [Disguised(a, text, 1999, (text, "B"), ((text, 0.4),), (text, 0.01), 2.0),
                 Disguised("unknown", text, None, (text,), ((text, 0.4),), (text, 0.01), 2.0)]  # fmt: skip
    shades = tuple(Shade(text, measure, 1234, 1.0, 2.0, score) for measure in ("brightness", "colourfulness", "warmth"))
    colours = ColourReport(2345, shades, {text: shades}, shades, text, None, None)
    genre = GenrePrediction(text, 0.4, 0.3, 0.5, 0.1, True, (Witness(a, text, 0.5),), (Witness(b, text, -0.5),))
    money_too = BoxOfficePrediction(0.6, 0.5, 0.7, 0.55, text)
    predictions = [
        Prediction(Shown(text, b""), a, text, (text, "B"), (genre,), money_too),
        Prediction(Shown(text, b""), b, None, (), (genre,), None),
    ]
    looked = [[Occlusion(text, 0.4, np.eye(9, 6))], []]
    pairs = Pairs(
        text, 2000, (), (Pair(a, b, 0.9, 0.1, text, text, text), Pair(a, b, 0.9, 0.1, "look-alike", text, "B"))
    )
    return {
        "genres": reports.genre_page(genres),
        "network": reports.network_page(network),
        "box office": reports.box_office_page(money),
        "leaderboard": reports.leaderboard_page(board),
        "disguised": reports.disguised_page(store, disguised),
        "colours": reports.colours_page(colours),
        "predictions": reports.predictions_page(store, predictions, looked),
        "pairs": pairs_page(store, pairs),
    }


class _Read(HTMLParser):
    """What a browser makes of a page: its text, its tags, and whether they are closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_every_page_shows_what_it_is_given_as_text(store: Store) -> None:
    allowed = {
        "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "strong", "small", "br", "ol", "li", "div",
        "section", "figure", "figcaption", "img", "table", "thead", "tbody", "tr", "th", "td", "form", "label", "input",
        "svg", "text", "rect", "path",
    }  # fmt: skip
    for name, page in pages(store).items():
        read = _Read(page)
        assert {tag for tag, _ in read.tags} <= allowed, name
        assert not [key for _, attributes in read.tags for key in attributes if key.startswith("on")], name
        assert EVIL in read.text, name
        assert "49" not in read.text, name
        sources = [attributes["src"] or "" for tag, attributes in read.tags if tag == "img"]
        assert all(re.fullmatch(r"data:image/jpeg;base64,[A-Za-z0-9+/=]*", source) for source in sources), name


def test_every_page_has_the_one_frame(store: Store) -> None:
    for name, page in pages(store, "Heat").items():
        assert page.startswith('<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'), name
        assert page.endswith("</html>\n"), name
        assert page.count("Content-Security-Policy") == page.count("<h1>") == page.count("<title>") == 1, name
        assert re.search(r"<title>(.*)</title>", page)[1] == re.search(r"<h1>(.*)</h1>", page)[1], name  # type: ignore[index]


def test_a_page_holds_the_figures_and_the_pictures(store: Store) -> None:
    made = pages(store, "Heat")
    assert "12,345 posters learned from, 678 judged by (split Heat)" in _Read(made["genres"]).text
    assert "Films of 1990 to 2000 tell of later ones." in _Read(made["box office"]).text
    assert re.findall(r"<td>(.*?)</td>", made["leaderboard"])[:2] == ["Heat", "0.500 [0.400, 0.600]"]
    assert "Heat (year unknown)" in _Read(made["disguised"]).text
    jpegs = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', made["pairs"])
    assert len(jpegs) == 4
    assert len(set(jpegs)) == 2
    # A kind is hidden by a rule alone, since the page runs no script.
    assert 'body:has(input[data-shows="look-alike"]:not(:checked)) li[data-kind="look-alike"]' in made["pairs"]
    assert re.search(r'data-shows="look-alike">\s*look-alike \(1\)', made["pairs"])
