"""The commands that train models, and predict with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from posterity.cli.options import as_json, bars, catalogue, declared, listed, quiet, report_out
from posterity.cli.output import say, say_json, table

if TYPE_CHECKING:
    from posterity.numerics.scores.classification import Score


features = declared("features", "--encoder", help="Encoders whose vectors to learn from, comma-separated.")


@click.group()
def train() -> None:
    """Train models on a catalogue's posters, and compare them with baselines.

    \b
    Examples:
      posterity train genres -c films
      posterity train boxoffice -c films
    """


@train.command("genres")
@catalogue
@click.option("--split", metavar="NAME", help="Split to train and test on.  [default: genres, made if needed]")
@features
@click.option("--no-balance", is_flag=True, help="Let common genres weigh more than rare ones.")
@click.option(
    "--network", metavar="NAME", help="Train this network end to end instead (needs the extra train); names below."
)
@click.option("--weights", metavar="FILE", help="Pretrained weights, .safetensors (networks).")
@click.option("--epochs", type=click.IntRange(min=1), help="Number of epochs (networks).")
@click.option("--batch", type=click.IntRange(min=2), help="Posters per step (networks).")
@click.option("--rate", "learning_rate", type=float, help="Learning rate (networks).")
@click.option(
    "--fit", metavar="HOW", help="How to fit posters (networks): stretch, center-crop, pad, random-crop, native."
)
@click.option("--augmentation", type=click.Choice(["none", "seed", "strong"]), help="Augmentation (networks).")
@click.option(
    "--patience", type=click.IntRange(min=0), help="Stop after this many epochs without improvement (networks)."
)
@click.option("--freeze", is_flag=True, help="Train only the head (networks).")
@click.option(
    "--limit", type=click.IntRange(min=1), default=None, help="Learn from at most this many posters (networks)."
)
@declared("seed")
@report_out
@as_json
@quiet
def train_genres(
    folder: str,
    split: str | None,
    features: str | None,
    no_balance: bool,
    network: str | None,
    weights: str | None,
    learning_rate: float | None,
    freeze: bool,
    limit: int | None,
    seed: int | None,
    out: str | None,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Train a genre model: a calibrated probe on stored vectors, in seconds, or a network, in hours.

    Networks: seed-cnn, vgg16, resnet18, resnet18-mish, resnet18d, resnet18d-mish, deep-wide, poster. An interrupted
    one continues after its last epoch; its log is in the catalogue's folder networks.

    \b
    Examples:
      posterity train genres -c films
      posterity train genres -c films --split ten --out report.html
      posterity train genres -c films --network resnet18 --weights resnet18.safetensors --epochs 5
    """
    import posterity
    from posterity.settings import setting

    learn = posterity.open(folder).learn
    if network is not None:
        more = options | {"rate": learning_rate, "freeze": freeze or None, "seed": setting("seed", seed)}
        _train_network(learn, network, split, "genres", weights, limit, more, out, as_json, quiet)
        return
    if given := [name for name, value in (options | {"weights": weights}).items() if value is not None]:
        raise click.UsageError(f"--{given[0]} applies to networks only: name one with --network.")
    wanted = listed(setting("features", features), "features")
    report = learn.genres(split, encoders=wanted, balance=not no_balance, random_state=seed)
    if _delivered(learn, report, out, as_json):
        return
    say(
        f"trained on {report.n_train:,} posters in {report.seconds:.1f} s, tested on {report.n_test:,} "
        f"({report.n_test_seen:,} of films that the bundled encoder was trained with); split {report.split}"
    )
    if report.n_outside:
        say(
            f"{report.n_outside:,} posters are in no part of the split, which was made by time or before they came; "
            f"to split again: posterity split -c {folder} {report.split}"
        )
    _say_figures({f"probe on {'+'.join(report.encoders)}": report.figures} | report.baselines)
    say()
    rows = [
        (row.label, row.n_test, str(row.average_precision), str(row.auc), str(row.f1), round(row.prior, 3))
        for row in report.per_label
    ]
    table(["label", "test posters", "average precision", "AUC", "F1", "share"], rows)
    if out:
        say(f"Report: {out}")
    if report.task == "genres":
        say(f"Next: posterity predict -c {folder} FILE")


def _delivered(learn: Any, report: Any, out: str | None, as_json: bool) -> bool:
    """Write a report into ``out`` and, as JSON, print it; tell whether it has been printed."""
    if out:
        learn.write(report, out)
    if as_json:
        say_json(report.flat() | ({"out": out} if out else {}))
    return as_json


def _train_network(
    learn: Any, network: str, split: str | None, task: str, weights: str | None, limit: int | None,
    options: dict[str, Any], out: str | None, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    report = learn.network(
        network, split, task=task, weights=weights, limit=limit or 0, show_progress=bars(quiet), **options
    )
    if _delivered(learn, report, out, as_json):
        return
    say(
        f"{network}: {report.n_train:,} posters, {len(report.history)} epochs in {report.seconds:.0f} s "
        f"on {report.device}, epoch {report.best} kept; log in {report.folder}"
    )
    rows = [
        (e.epoch, round(e.loss, 4), "" if e.validation_loss is None else round(e.validation_loss, 4),
         round(e.posters_per_second, 1)) for e in report.history
    ]  # fmt: skip
    table(["epoch", "loss", "validation loss", "posters/s"], rows)
    say()
    _say_figures({network: report.figures} | report.baselines)


def _say_figures(rows: Mapping[str, Mapping[str, Score]]) -> None:
    names = list(next(iter(rows.values())))
    table(["", *names], [(row, *(str(scores[name]) for name in names)) for row, scores in rows.items()])


@train.command("boxoffice")
@catalogue
@click.option("--split", metavar="NAME", help="Split to train and test on.  [default: boxoffice, made by time]")
@features
@click.option(
    "--fields", metavar="NAMES", help="Fields known before release: budget,year,month,runtime,genres,language,sequel."
)
@click.option("--threshold", type=float, help="Revenue / budget above which a film is a success.  [default: 1]")
@click.option(
    "--network", metavar="NAME", help="Train this network end to end on the posters instead (needs the extra train)."
)
@click.option("--weights", metavar="FILE", help="Pretrained weights, .safetensors (networks).")
@click.option("--epochs", type=click.IntRange(min=1), help="Number of epochs (networks).")
@click.option("--augmentation", type=click.Choice(["none", "seed", "strong"]), help="Augmentation (networks).")
@click.option(
    "--limit", type=click.IntRange(min=1), default=None, help="Learn from at most this many posters (networks)."
)
@declared("seed")
@report_out
@as_json
@quiet
def train_boxoffice(
    folder: str,
    split: str | None,
    features: str | None,
    fields: str | None,
    threshold: float | None,
    network: str | None,
    weights: str | None,
    limit: int | None,
    seed: int | None,
    out: str | None,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Train box-office models, and test whether the poster adds anything to what is known before release.

    Success is revenue above the budget. Models learn from the past and are tested on later films. Popularity and votes
    are refused: they are counted after the release.

    \b
    Examples:
      posterity train boxoffice -c films
      posterity train boxoffice -c films --threshold 2 --fields budget,genres --out money.html
    """
    import posterity
    from posterity.learning.premises import FIELDS
    from posterity.settings import setting

    learn = posterity.open(folder).learn
    if network is not None:
        more = options | {"seed": setting("seed", seed)}
        _train_network(learn, network, split, "boxoffice", weights, limit, more, out, as_json, quiet)
        return
    report = learn.box_office(
        split, encoders=listed(setting("features", features), "features"),
        fields=FIELDS if fields is None else listed(fields, "fields"),
        threshold=threshold, random_state=seed,
    )  # fmt: skip
    if _delivered(learn, report, out, as_json):
        return
    past, later = (f" of {report.years[0]} to {report.years[1]}", " later ones") if report.years else ("", "")
    say(f"trained on {report.n_train:,} films{past}, tested on {report.n_test:,}{later}")
    say(f"{report.base_rate:.1%} of the test films succeeded: the accuracy of always saying yes")
    _say_figures(report.ablation | report.baselines)
    say()
    rows = [
        (name, str(r.r2), str(r.spearman), str(r.error), str(r.coverage), round(r.width, 2))
        for name, r in report.revenue.items()
    ]
    table(["log10 revenue by", "R²", "rank correlation", "mean error", "in 90% interval", "its width"], rows)
    say()
    say(report.sentence)
    if out:
        say(f"Report: {out}")


@click.command()
@catalogue
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--model", type=click.Choice(["genres", "first_genre", "classes"]), default="genres", show_default=True,
              help="Model to predict with.")  # fmt: skip
@report_out
@as_json
def predict(folder: str, files: tuple[str, ...], model: str, out: str | None, as_json: bool) -> None:
    """Predict genres, and box office if that was trained, for posters: files, or ids in the catalogue.

    With --out, also show which posters speak for and against each genre, and what the predictions looked at.

    \b
    Examples:
      posterity predict -c films poster.jpg
      posterity predict -c films tt0113277 --out heat.html
    """
    import posterity

    learn = posterity.open(folder).learn
    found = learn.predict(*files, task=model)
    if out:
        learn.write(found, out)
    if as_json:
        say_json(found[0] if len(found) == 1 else {"predictions": found})
        return
    for each in found:
        known = f" (known: {', '.join(each.actual)})" if each.actual else ""
        say(f"{each.title or each.file}{known}")
        rows = [
            (g.genre, f"{g.probability:.2f}", f"{g.low:.2f} to {g.high:.2f}", f"{g.prior:.2f}",
             ", ".join(w.title for w in g.speaking_for), ", ".join(w.title for w in g.speaking_against))
            for g in each.genres if g.claimed or g.speaking_for
        ]  # fmt: skip
        table(["genre", "probability", "95%", "share", "speaking for it", "speaking against it"], rows)
        if each.box_office is not None:
            b = each.box_office
            say(
                f"earns more than it costs: {b.probability:.2f} ({b.low:.2f} to {b.high:.2f}), by {b.based_on}; "
                f"of all films {b.base_rate:.2f}"
            )
    if out:
        say(f"Report: {out}")


training_commands = [predict, train]
