"""Reports on learning as pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import cv2
from markupsafe import Markup

from posterity.catalogue import Store
from posterity.images import decode, shrink
from posterity.learning.boxoffice import BoxOfficeReport
from posterity.learning.experiments.leaderboard import Leaderboard
from posterity.learning.genres import GenreReport
from posterity.learning.insight import ColourReport, Disguised, Occlusion, Shade, picture_for
from posterity.learning.networks.running import NetworkReport
from posterity.learning.predicting import Prediction, Witness
from posterity.numerics.scores.classification import Score
from posterity.render.canvas import lit
from posterity.render.charts import Bar, bars, heat_map
from posterity.render.reports.frame import Pictures, jpeg, page
from posterity.runtime.memory import megabytes

SHOWN = ("mAP", "auc", "f1_macro", "hit_at_3", "top_1", "top_3", "balanced_top_1", "accuracy", "balanced_accuracy")
"""Figures shown as charts, in this order."""


def genre_page(report: GenreReport) -> str:
    """Write a report on genres: every figure beside its baselines, each genre's scores, and the confusion table."""
    precision = bars(
        "Average precision of each label; blue: how common it is",
        [bar for row in report.per_label for bar in (
            _bar(row.label, row.average_precision), Bar("", row.prior, mark=True),
        )],
    )  # fmt: skip
    rows = [
        (r.label, r.n_test, r.average_precision, r.auc, r.f1, f"{r.threshold:.2f}", f"{r.prior:.2f}")
        for r in report.per_label
    ]
    confusion = heat_map(
        "Which labels are taken for which", report.labels, report.confusion.tolist(),
        rows="true label", columns="claimed label",
    )  # fmt: skip
    charts = [*_figure_charts(report.figures, report.baselines, "probe"), precision]
    title = f"Genres from posters: {report.task}"
    return page("genres", title, report=report, charts=charts, rows=rows, confusion=confusion)


def network_page(report: NetworkReport) -> str:
    """Write a report on a network's training."""
    losses = [Bar(f"epoch {e.epoch}", e.loss) for e in report.history]
    held = [Bar(f"epoch {e.epoch}", e.validation_loss) for e in report.history if e.validation_loss is not None]
    charts = [
        *_figure_charts(report.figures, report.baselines, report.config.network),
        bars("Training loss", losses),
        bars("Validation loss", held),
    ]
    return page("network", f"{report.config.network} on {report.task}", report=report, charts=charts)


def box_office_page(report: BoxOfficeReport) -> str:
    """Write a report on box office: the base rate first, then the scores on metadata, poster and both."""

    def chart(title: str, figure: str, chance: float, zero: float = 0.0) -> Markup:
        rows = [_bar(name, scores[figure]) for name, scores in report.ablation.items()]
        rows += [_bar(name, scores[figure], mark=True) for name, scores in report.baselines.items()]
        return bars(title, rows, chance=chance, zero=zero)

    charts = [
        chart("AUC of success; chance is .5", "auc", 0.5, 0.5),
        chart("Accuracy, beside the base rate", "accuracy", report.base_rate),
    ]
    rows = [(n, r.r2, r.spearman, r.error, r.coverage, f"{r.width:.2f}") for n, r in report.revenue.items()]
    return page("box_office", "Box office from posters", report=report, charts=charts, rows=rows)


def leaderboard_page(board: Leaderboard) -> str:
    """Write an experiment's leaderboard with the published figures."""
    own = [_bar(row.method, row.figures[board.figure], mark=row.run.head == "prior") for row in board.rows]
    others = [Bar(f"published: {p.method} ({p.figure})", p.value, mark=True) for p in board.published]
    rows = [
        (r.method, *(r.figures[name] for name in board.shown), r.difference or "", "" if r.p is None else f"{r.p:.3f}",
         f"{r.seconds:.1f}", megabytes(r.peak_memory), f"{r.parameters:,}")
        for r in board.rows
    ]  # fmt: skip
    published = [(p.method, p.figure, f"{p.value:.4g}", p.note) for p in board.published]
    return page(
        "leaderboard", board.title, board=board, chart=bars(board.figure, [*own, *others]), shown=list(board.shown),
        rows=rows, published=published, failed=list(board.failed.items()),
    )  # fmt: skip


def disguised_page(store: Store, found: Sequence[Disguised]) -> str:
    """Write the posters whose look contradicts their genres, with pictures."""
    pictures = Pictures(store, [each.id for each in found])
    return page("disguised", f"{len(found)} posters in disguise", found=found, picture=pictures)


def colours_page(report: ColourReport) -> str:
    """Write a report on brightness and colour by genre and decade."""

    def chart(title: str, shades: Iterable[Shade], measure: str) -> Markup:
        own = sorted((s for s in shades if s.measure == measure), key=lambda s: s.effect.value)
        return bars(title, [_bar(f"{s.name} ({s.posters:,})", s.effect) for s in own])

    genres = [
        chart(f"{measure.capitalize()} of genres against all others (Cohen's d)", report.genres, measure)
        for measure in ("brightness", "colourfulness", "warmth")
    ]
    by_decade = [
        chart(f"{name}: brightness of genres", shades, "brightness") for name, shades in report.genres_by_decade.items()
    ]
    rows = [(s.name, s.measure, s.posters, f"{s.mean:.1f}", f"{s.others:.1f}", s.effect) for s in report.genres]
    return page(
        "colours", f"Brightness and colour of {report.posters:,} posters", report=report, genres=genres,
        decades=chart("Brightness of decades (mean against all others)", report.decades, "brightness"),
        by_decade=by_decade, rows=rows,
    )  # fmt: skip


def predictions_page(store: Store, found: Sequence[Prediction], occlusions: Sequence[Sequence[Occlusion]]) -> str:
    """Write predictions, the posters that speak for and against them, and the regions they rely on.

    Args:
        store: The catalogue.
        found: The predictions.
        occlusions: For each prediction, the effect of covering each region.
    """
    shown = [
        (each, _probabilities(each), [(what, _lit(store, each, what)) for what in regions])
        for each, regions in zip(found, occlusions, strict=True)
    ]
    ids = [w.id for p in found for g in p.genres for w in (*g.speaking_for, *g.speaking_against)]
    return page("predictions", "What the posters say", found=shown, picture=Pictures(store, ids), named=_named)


def _named(witness: Witness) -> str:
    return f"{witness.title} ({witness.weight:+.2f})"


def _probabilities(prediction: Prediction) -> Markup:
    return bars(
        "Probability of each genre; blue: how common it is",
        [bar for g in prediction.genres[:8] for bar in (
            Bar(g.genre, g.probability, g.low, g.high), Bar("", g.prior, mark=True))],
    )  # fmt: skip


def _lit(store: Store, prediction: Prediction, found: Occlusion) -> Markup:
    picture = decode(prediction.file.data) if prediction.id is None else picture_for(store, prediction.id)
    made = lit(shrink(picture, (450, 300)), found.regions)
    ok, data = cv2.imencode(".jpg", cv2.cvtColor(made, cv2.COLOR_RGB2BGR))
    return jpeg(data.tobytes()) if ok else Markup()


def _figure_charts(
    figures: Mapping[str, Score], baselines: Mapping[str, Mapping[str, Score]], name: str
) -> list[Markup]:
    charts = []
    for figure in SHOWN:
        if figure in figures:
            beside = [_bar(other, scores[figure], mark=True) for other, scores in baselines.items()]
            charts.append(bars(figure, [_bar(name, figures[figure]), *beside]))
    return charts


def _bar(name: str, score: Score, *, mark: bool = False) -> Bar:
    return Bar(name, score.value, score.low, score.high, mark)
