"""Reports of learning as HTML pages that need nothing else: charts and posters are in them, and all text is escaped."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape

import cv2

from posterity.catalogue import Store
from posterity.images import decode, shrink
from posterity.learning.boxoffice import BoxOfficeReport
from posterity.learning.experiments.leaderboard import Leaderboard
from posterity.learning.genres import GenreReport
from posterity.learning.insight import ColourReport, Disguised, Occlusion, Shade, picture_for
from posterity.learning.networks.running import NetworkReport
from posterity.learning.predicting import Prediction
from posterity.numerics.scores.classification import Score
from posterity.render.charts import Bar, bars, heat_map
from posterity.render.sheets import lit
from posterity.runtime.memory import megabytes

SHOWN = ("mAP", "auc", "f1_macro", "hit_at_3", "top_1", "top_3", "balanced_top_1", "accuracy", "balanced_accuracy")
"""Figures that have a chart, in this order."""


def genre_page(report: GenreReport) -> str:
    """Write a report of genres: every figure beside its baselines, each genre, and which are taken for which."""
    parts = [
        f"<p>{report.n_train:,} posters learned from, {report.n_test:,} judged by (split {escape(report.split)}), of "
        f"which the bundled encoder was trained with {report.n_test_seen:,}. "
        f"Vectors: {escape(', '.join(report.encoders))}. "
        f"Intervals are 95%, by resampling whole franchises.</p>",
        *_figure_charts(report.figures, report.baselines, "probe"),
        bars(
            "Average precision of each label; blue: how common it is",
            [bar for row in report.per_label for bar in (
                Bar(row.label, row.average_precision.value, row.average_precision.low, row.average_precision.high),
                Bar("", row.prior, mark=True),
            )],
        ),
        _table(
            ["label", "test posters", "average precision", "AUC", "F1", "threshold", "share"],
            [(r.label, r.n_test, r.average_precision, r.auc, r.f1, f"{r.threshold:.2f}", f"{r.prior:.2f}")
             for r in report.per_label],
        ),
        heat_map(
            "Which labels are taken for which", report.labels, report.confusion.tolist(),
            rows="true label", columns="claimed label",
        ),
    ]  # fmt: skip
    return _page(f"Genres from posters: {report.task}", parts)


def network_page(report: NetworkReport) -> str:
    """Write a report of a network's training."""
    losses = [Bar(f"epoch {e.epoch}", e.loss) for e in report.history]
    held = [Bar(f"epoch {e.epoch}", e.validation_loss) for e in report.history if e.validation_loss is not None]
    parts = [
        f"<p>{escape(report.config.network)}, {'pretrained' if report.pretrained else 'from random weights'}: "
        f"{report.parameters[0]:,} parameters, {report.parameters[1]:,} of them learned, from {report.n_train:,} "
        f"posters "
        f"in {report.seconds:.0f} s; epoch {report.best} was kept. Judged by {report.n_test:,} posters.</p>",
        *_figure_charts(report.figures, report.baselines, report.config.network),
        bars("Training loss", losses),
        bars("Validation loss", held),
    ]
    return _page(f"{report.config.network} on {report.task}", parts)


def box_office_page(report: BoxOfficeReport) -> str:
    """Write a report of box office: the base rate first, then what metadata, poster and both are worth."""
    when = f" Films of {report.years[0]} to {report.years[1]} tell of later ones." if report.years else ""
    rows = [
        *(Bar(name, s["auc"].value, s["auc"].low, s["auc"].high) for name, s in report.ablation.items()),
        *(Bar(name, s["auc"].value, s["auc"].low, s["auc"].high, True) for name, s in report.baselines.items()),
    ]
    rate, others = report.base_rate, report.baselines.items()
    accuracy = [
        *(Bar(name, s["accuracy"].value, s["accuracy"].low, s["accuracy"].high) for name, s in report.ablation.items()),
        *(Bar(n, s["accuracy"].value, s["accuracy"].low, s["accuracy"].high, True) for n, s in others),
    ]
    parts = [
        f"<p><strong>{escape(report.sentence)}</strong></p>",
        f"<p>{rate:.1%} of the {report.n_test:,} test films earned more than {report.threshold:g} times "
        f"their budget: that is the accuracy of saying yes to all. {report.n_train:,} films were learned from.{when} "
        f"Metadata: "
        f"{escape(', '.join(report.fields))}, all known before the release.</p>",
        bars("AUC of success; chance is .5", rows, chance=0.5, zero=0.5),
        bars("Accuracy, beside the base rate", accuracy, chance=rate),
        _table(
            ["revenue by", "R²", "rank correlation", "mean error (powers of ten)", "90% interval held", "its width"],
            [(n, r.r2, r.spearman, r.error, r.coverage, f"{r.width:.2f}") for n, r in report.revenue.items()],
        ),
    ]
    return _page("Box office from posters", parts)


def leaderboard_page(board: Leaderboard) -> str:
    """Write an experiment's leaderboard, the published figures beside it."""
    own = [
        Bar(row.method, (s := row.figures[board.figure]).value, s.low, s.high, row.run.head == "prior")
        for row in board.rows
    ]
    others = [Bar(f"published: {p.method} ({p.figure})", p.value, mark=True) for p in board.published]
    parts = [
        f"<p>{board.n_train:,} posters learned from, {board.n_test:,} judged by ({escape(board.judged)}).</p>",
        bars(board.figure, [*own, *others]),
        _table(
            ["method", *board.shown, "from the best", "p", "seconds", "memory (MB)", "parameters"],
            [
                (r.method, *(r.figures[name] for name in board.shown), r.difference or "",
                 "" if r.p is None else f"{r.p:.3f}", f"{r.seconds:.1f}", megabytes(r.peak_memory),
                 f"{r.parameters:,}")
                for r in board.rows
            ],
        ),
        _table(
            ["published", "figure", "value", ""],
            [(p.method, p.figure, f"{p.value:.4g}", p.note) for p in board.published],
        ),
        f"<p>{escape(board.differs)}</p>",
        _table(["not run", "why"], list(board.failed.items())),
    ]  # fmt: skip
    return _page(board.title, parts)


def disguised_page(store: Store, found: Sequence[Disguised]) -> str:
    """Write the posters whose look contradicts their genres, with their pictures."""
    items = _Pictures(store, [each.id for each in found])
    cards = [
        f"<li>{items(each.id, each.title)}<p>{escape(each.title)} ({each.year or 'year unknown'})</p>"
        f"<small>is {escape(', '.join(each.genres))}<br>looks like "
        f"{escape(', '.join(f'{name} {p:.0%}' for name, p in each.looks_like))}<br>"
        f"{escape(each.hidden[0])} only {each.hidden[1]:.0%}</small></li>"
        for each in found
    ]
    return _page(f"{len(found)} posters in disguise", [f"<ol>{''.join(cards)}</ol>"])


def colours_page(report: ColourReport) -> str:
    """Write brightness and colour by genre and decade."""

    def chart(title: str, shades: Iterable[Shade], measure: str) -> str:
        own = sorted((s for s in shades if s.measure == measure), key=lambda s: s.effect.value)
        rows = [Bar(f"{s.name} ({s.posters:,})", s.effect.value, s.effect.low, s.effect.high) for s in own]
        return bars(title, rows)

    parts = [f"<p><strong>{escape(report.claim)}</strong></p>"]
    parts += [
        chart(f"{measure.capitalize()} of genres against all others (Cohen's d)", report.genres, measure)
        for measure in ("brightness", "colourfulness", "warmth")
    ]
    parts += [
        f"<section>{chart('Brightness of decades (mean against all others)', report.decades, 'brightness')}</section>"
    ]
    parts += [
        chart(f"{name}: brightness of genres", shades, "brightness") for name, shades in report.genres_by_decade.items()
    ]
    rows = [(s.name, s.measure, s.posters, f"{s.mean:.1f}", f"{s.others:.1f}", s.effect) for s in report.genres]
    parts.append(_table(["genre", "measure", "posters", "mean", "others", "Cohen's d"], rows))
    return _page(f"Brightness and colour of {report.posters:,} posters", parts)


def predictions_page(store: Store, found: Sequence[Prediction], looked: Sequence[Sequence[Occlusion]]) -> str:
    """Write predictions, the posters that speak for and against them, and what they looked at.

    Args:
        store: The catalogue.
        found: The predictions.
        looked: What each of them looked at.
    """
    ids = [w.id for p in found for g in p.genres for w in (*g.speaking_for, *g.speaking_against)]
    pictures = _Pictures(store, ids)
    parts = []
    for each, seen_in in zip(found, looked, strict=True):
        parts.append(f"<h2>{escape(each.title or each.file)}</h2>")
        if each.actual:
            parts.append(f"<p>Genres known: {escape(', '.join(each.actual))}</p>")
        parts.append(bars(
            "Probability of each genre; blue: how common it is",
            [bar for g in each.genres[:8] for bar in (
                Bar(g.genre, g.probability, g.low, g.high), Bar("", g.prior, mark=True))],
        ))  # fmt: skip
        if each.box_office is not None:
            b = each.box_office
            parts.append(
                f"<p>Earns more than it costs: {b.probability:.0%} ({b.low:.0%} to {b.high:.0%}), "
                f"by {escape(b.based_on)}; "
                f"of all films {b.base_rate:.0%} do.</p>"
            )
        for g in each.genres:
            if g.speaking_for or g.speaking_against:
                rows = [("for", g.speaking_for), ("against", g.speaking_against)]
                lines = "".join(
                    f"<figure><figcaption>{side} {escape(g.genre)}</figcaption>"
                    + "".join(pictures(w.id, f"{w.title} ({w.weight:+.2f})") for w in witnesses) + "</figure>"
                    for side, witnesses in rows if witnesses
                )  # fmt: skip
                parts.append(f'<div class="row">{lines}</div>')
        seen = "".join(
            f"<figure><figcaption>what {escape(o.genre)} ({o.probability:.0%}) looked at</figcaption>"
            f"{_lit(store, each, o)}"
            "</figure>"
            for o in seen_in
        )
        parts.append(f'<div class="row">{seen}</div>')
    return _page("What the posters say", parts)


def _lit(store: Store, prediction: Prediction, found: Occlusion) -> str:
    picture = decode(prediction.file.data) if prediction.id is None else picture_for(store, prediction.id)
    made = lit(shrink(picture, (450, 300)), found.regions)
    ok, data = cv2.imencode(".jpg", cv2.cvtColor(made, cv2.COLOR_RGB2BGR))
    return f'<img src="data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}" alt="">' if ok else ""


class _Pictures:
    """The thumbnails of some posters, as tags."""

    def __init__(self, store: Store, ids: Iterable[str]) -> None:
        self.posters = store.get(set(ids))
        self.jpegs = store.thumbnails(poster.sha256 for poster in self.posters.values())

    def __call__(self, identity: str, title: str) -> str:
        poster = self.posters.get(identity)
        data = base64.b64encode(self.jpegs.get(poster.sha256, b"")).decode() if poster else ""
        return f'<img src="data:image/jpeg;base64,{data}" alt="{escape(title)}" title="{escape(title)}" loading="lazy">'


def _figure_charts(figures: Mapping[str, Score], baselines: Mapping[str, Mapping[str, Score]], name: str) -> list[str]:
    charts = []
    for figure in SHOWN:
        if figure in figures:
            rows = [Bar(name, (s := figures[figure]).value, s.low, s.high)]
            rows += [Bar(other, (b := f[figure]).value, b.low, b.high, True) for other, f in baselines.items()]
            charts.append(bars(figure, rows))
    return charts


def _table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _page(title: str, parts: Iterable[str]) -> str:
    return _PAGE.format(title=escape(title), body="\n".join(parts))


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
body {{ margin: 2rem auto; max-width: 1060px; padding: 0 1rem; background: #f6f4ef; color: #1c1c1e;
  font: 15px/1.4 system-ui, sans-serif; }}
h1 {{ font-size: 1.4rem; }}
svg {{ display: block; width: 100%; max-width: 860px; margin: 1.2rem 0; }}
table {{ border-collapse: collapse; margin: 1rem 0; font-size: 13px; display: block; overflow-x: auto; }}
th, td {{ padding: .25rem .7rem .25rem 0; text-align: left; border-bottom: 1px solid #d6d3cc; white-space: nowrap; }}
ol {{ display: grid; grid-template-columns: repeat(auto-fill, 180px); gap: 1.4rem; padding: 0; list-style: none; }}
li img {{ width: 180px; height: 270px; object-fit: contain; object-position: bottom left; }}
li p {{ margin: .4rem 0 0; font-weight: 600; }}
small {{ color: #706e6a; }}
.row {{ display: flex; flex-wrap: wrap; gap: 1.4rem; }}
figure {{ margin: 0 0 1rem; }}
figure img {{ height: 180px; margin-right: 4px; }}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""
