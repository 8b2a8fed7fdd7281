"""The commands that learn: splits, training, predictions, experiments, insight."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from posterity.cli.exporting import export
from posterity.cli.options import as_json, bars, catalogue, declared, listed, quiet, where
from posterity.cli.output import say, say_json, table
from posterity.errors import ArgumentError
from posterity.settings import names_in

if TYPE_CHECKING:
    from posterity.learning.experiments.leaderboard import Leaderboard
    from posterity.learning.splits import Protocol, SplitInfo
    from posterity.numerics.scores.classification import Score

report_out = click.option("--out", metavar="FILE.html", help="Write the report, with charts, into this page.")
features = declared("features", "--encoder", help="Encoders whose stored vectors are learned from, comma-separated.")


# --- splits ----------------------------------------------------------------------------------------------------------


@click.command()
@catalogue
@click.argument("name", required=False)
@click.option(
    "--protocol",
    metavar="NAME",
    help="genres, boxoffice, time, classes, folds; published: seed-multilabel, seed-ten-genres, seed-squares, "
    "seed-box-office. Without: that of the split's name, or genres.",
)
@click.option("--shares", metavar="PARTS", help="Parts and their shares, e.g. train=0.8,test=0.2.")
@click.option("--folds", "n_folds", type=click.IntRange(min=2), help="So many folds instead of parts.")
@click.option("--by", type=click.Choice(["strata", "time"]), help="Even shares of every label, or the past first.")
@click.option("--classes", metavar="GENRES", help="Films of exactly one of these, e.g. Comedy,Horror.")
@click.option("--threshold", type=float, help="Of success: revenue / budget above it.")
@click.option("--allow-seen", is_flag=True, help="Let films that the encoder was trained with into the test.")
@click.option("--from", "source", metavar="FILE", help="Take the split from a CSV of id and part; refused if it leaks.")
@click.option("--remove", is_flag=True, help="Forget the split NAME.")
@declared("seed")
@where
@as_json
def split(
    folder: str,
    name: str | None,
    protocol: str | None,
    shares: str | None,
    n_folds: int | None,
    by: str | None,
    classes: str | None,
    threshold: float | None,
    allow_seen: bool,
    source: str | None,
    remove: bool,
    seed: int | None,
    where: str | None,
    as_json: bool,
) -> None:
    """Cut a catalogue's posters into parts for training and testing, under NAME; without NAME, list the splits.

    Posters of one film, of one franchise, and of the same or nearly the same artwork stay in one part; every use of a
    split makes sure of it.

    \b
    Examples:
      posterity split -c films genres
      posterity split -c films ten --protocol seed-ten-genres
      posterity split -c films moods --classes Comedy,Horror --shares train=0.8,test=0.2
      posterity split -c films past --by time
      posterity split -c films mine --from split.csv
    """
    import posterity
    from posterity.learning.splits import info_of
    from posterity.settings import setting

    learn = posterity.open(folder).learn
    if name is None:
        _say_splits(learn.splits(), as_json)
        return
    if remove:
        learn.remove_split(name)
        _say_splits(learn.splits(), as_json)
        return
    changes: dict[str, Any] = {
        "shares": None if shares is None else _shares(shares), "n_folds": n_folds, "by": by, "threshold": threshold,
        "unseen": () if allow_seen else None,
    }  # fmt: skip
    if classes is not None:
        changes |= {"task": "classes", "classes": listed(classes, "classes")}
    changes = {key: value for key, value in changes.items() if value is not None} | {"seed": setting("seed", seed)}
    if source is not None:
        made = learn.import_split(name, source, _protocol(protocol, classes, changes))
    else:
        made = learn.split(name, _protocol(protocol, classes, changes) if protocol or classes else None,
                           where=where, **changes)  # fmt: skip
    _say_splits([info_of(made)], as_json, single=True)


def _protocol(name: str | None, classes: str | None, changes: Mapping[str, Any]) -> Protocol:
    from dataclasses import replace

    from posterity.learning.splits import protocol_named

    return replace(protocol_named(name or ("classes" if classes else "genres")), **changes)


def _shares(text: str) -> dict[str, float]:
    try:
        found = {part.strip(): float(share) for part, share in (each.split("=") for each in names_in(text, "shares"))}
    except ValueError:
        raise ArgumentError(f"shares {text!r} are not allowed", "Write parts and shares: train=0.8,test=0.2") from None
    if "train" not in found or "test" not in found:
        raise ArgumentError(f"shares {text!r} lack train or test", "Write parts and shares: train=0.8,test=0.2")
    return found


def _say_splits(found: list[SplitInfo], as_json: bool, *, single: bool = False) -> None:
    if as_json:
        say_json(found[0] if single else {"splits": found})
        return
    rows = [
        (each.name, each.task, each.by, each.labels, ", ".join(f"{part} {n:,}" for part, n in each.parts.items()),
         ", ".join(f"{part} {n:,}" for part, n in each.seen.items()))
        for each in found
    ]  # fmt: skip
    table(["split", "task", "by", "labels", "posters", "of these, films the encoder was trained with"], rows)


@export.command("split")
@catalogue
@click.argument("name")
@click.option("--out", metavar="DIR", required=True, help="A new or empty folder.")
@click.option(
    "--format",
    type=click.Choice(["csv", "folders", "webdataset"]),
    default="csv",
    show_default=True,
    help="Multi-hot tables; part/label/file as ImageFolder reads; or WebDataset shards.",
)
@as_json
@quiet
def export_split(folder: str, name: str, out: str, format: str, as_json: bool, quiet: bool) -> None:
    """Write the split NAME so that other training code can use it.

    \b
    Examples:
      posterity export split -c films genres --out genres
      posterity export split -c films classes --format folders --out classes
      posterity export split -c films genres --format webdataset --out shards
    """
    import posterity

    found = posterity.open(folder).learn.export_split(name, out, format, show_progress=bars(quiet))
    if as_json:
        say_json(found)
        return
    say(f"{', '.join(f'{part} {n:,}' for part, n in found.parts.items())}: {found.files:,} files in {found.folder}")
    for identity, why in found.failed.items():
        say(f"left out: {identity}: {why}")


# --- training and predicting -----------------------------------------------------------------------------------------


@click.group()
def train() -> None:
    """Train models on a catalogue's posters, and judge them beside baselines.

    \b
    Examples:
      posterity train genres -c films
      posterity train boxoffice -c films
    """


@train.command("genres")
@catalogue
@click.option("--split", metavar="NAME", help="Learn and judge by this split; without, by genres, made where needed.")
@features
@click.option("--no-balance", is_flag=True, help="Let common genres weigh more than rare ones.")
@click.option("--network", metavar="NAME", help="Train a network end to end instead (extra train): see --help.")
@click.option("--weights", metavar="FILE", help="Of a network: pretrained weights, .safetensors.")
@click.option("--epochs", type=click.IntRange(min=1), help="Of a network.")
@click.option("--batch", type=click.IntRange(min=2), help="Of a network: posters a step.")
@click.option("--rate", "learning_rate", type=float, help="Of a network: learning rate.")
@click.option("--fit", metavar="HOW", help="Of a network: stretch, center-crop, pad, random-crop, native.")
@click.option("--augmentation", type=click.Choice(["none", "seed", "strong"]), help="Of a network.")
@click.option("--patience", type=click.IntRange(min=0), help="Of a network: stop after so many epochs without gain.")
@click.option("--freeze", is_flag=True, help="Of a network: train its head alone.")
@click.option("--limit", type=click.IntRange(min=1), default=None, help="Of a network: learn from so many posters.")
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
    """Train a model of genres: a calibrated probe on stored vectors, in seconds; or a network, in hours.

    Networks: seed-cnn, vgg16, resnet18, resnet18-mish, resnet18d, resnet18d-mish, deep-wide, poster. One that is
    interrupted goes on after its last epoch; its log is in the catalogue's folder networks.

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
        raise click.UsageError(f"--{given[0]} belongs to a network: name one with --network.")
    wanted = listed(setting("features", features), "features")
    report = learn.genres(split, encoders=wanted, balance=not no_balance, random_state=seed)
    if out:
        learn.write(report, out)
    if as_json:
        say_json(report.flat() | ({"out": out} if out else {}))
        return
    say(
        f"{report.n_train:,} posters learned from in {report.seconds:.1f} s, {report.n_test:,} judged by "
        f"({report.n_test_seen:,} of films that the bundled encoder was trained with); split {report.split}"
    )
    if report.n_outside:
        say(
            f"{report.n_outside:,} posters are in no part of the split, which was made before them or by time; anew: "
            f"posterity split -c {folder} {report.split}"
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


def _train_network(
    learn: Any, network: str, split: str | None, task: str, weights: str | None, limit: int | None,
    options: dict[str, Any], out: str | None, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    report = learn.network(
        network, split, task=task, weights=weights, limit=limit or 0, show_progress=bars(quiet), **options
    )
    if out:
        learn.write(report, out)
    if as_json:
        say_json(report.flat() | ({"out": out} if out else {}))
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
@click.option("--split", metavar="NAME", help="Learn and judge by this split; without, by boxoffice, made by time.")
@features
@click.option("--fields", metavar="NAMES", help="Known before: budget,year,month,runtime,genres,language,sequel.")
@click.option("--threshold", type=float, help="Revenue / budget above it is success.  [default: 1]")
@click.option("--network", metavar="NAME", help="Train a network end to end on the posters instead (extra train).")
@click.option("--weights", metavar="FILE", help="Of a network: pretrained weights, .safetensors.")
@click.option("--epochs", type=click.IntRange(min=1), help="Of a network.")
@click.option("--augmentation", type=click.Choice(["none", "seed", "strong"]), help="Of a network.")
@click.option("--limit", type=click.IntRange(min=1), default=None, help="Of a network: learn from so many posters.")
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
    """Train models of box office, and tell whether the poster adds anything to what is known before a release.

    Success is revenue above the budget. The past is learned from, what came after is judged by. Popularity and votes
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
    if out:
        learn.write(report, out)
    if as_json:
        say_json(report.flat() | ({"out": out} if out else {}))
        return
    when = f", films of {report.years[0]} to {report.years[1]} for later ones" if report.years else ""
    say(f"{report.n_train:,} films learned from, {report.n_test:,} judged by{when}")
    say(f"{report.base_rate:.1%} of these succeeded: the accuracy of saying yes to all")
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
@click.option("--model", type=click.Choice(["genres", "first_genre", "classes"]), default="genres", show_default=True)
@report_out
@as_json
def predict(folder: str, files: tuple[str, ...], model: str, out: str | None, as_json: bool) -> None:
    """Predict genres, and box office where that was trained, of posters: files, or ids of the catalogue.

    With --out, also which posters speak for and against each genre, and what the predictions looked at.

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


# --- experiments and insight -----------------------------------------------------------------------------------------


@click.command()
@catalogue
@click.argument("name", required=False)
@click.option("--full", is_flag=True, help="Also train its networks: minutes to hours each on a processor.")
@click.option("--epochs", type=click.IntRange(min=1), default=None, help="Of networks: so many epochs.")
@click.option("--limit", type=click.IntRange(min=1), default=None, help="Of networks: learn from so many posters.")
@click.option("--fresh", is_flag=True, help="Run again what was run before.")
@report_out
@as_json
@quiet
def experiment(
    folder: str,
    name: str | None,
    full: bool,
    epochs: int | None,
    limit: int | None,
    fresh: bool,
    out: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Run a declared experiment, NAME or FILE.toml, and print its leaderboard; without a name, list those there are.

    Every run is kept as soon as it is done: what was run before is not run again; an interrupted one goes on.

    \b
    Examples:
      posterity experiment -c films preprocessing --out squares.html
      posterity experiment -c films seed-ten-genres --full --epochs 3
      posterity experiment -c films mine.toml
    """
    import posterity
    from posterity.learning.experiments.spec import load_experiment, presets

    if name is None:
        found = [load_experiment(each) for each in presets()]
        if as_json:
            say_json({"experiments": [{"name": each.name, "title": each.title} for each in found]})
        else:
            table(["experiment", ""], [(each.name, each.title) for each in found])
        return
    learn = posterity.open(folder).learn
    board = learn.experiment(
        name, full=full, limit=limit or 0, epochs=epochs or 0, fresh=fresh, show_progress=bars(quiet)
    )
    if out:
        learn.write(board, out)
    if as_json:
        say_json(board)
        return
    _say_leaderboard(board)
    if out:
        say(f"Report: {out}")


def _say_leaderboard(board: Leaderboard) -> None:
    from posterity.runtime.memory import megabytes

    say(board.title)
    say(f"{board.n_train:,} posters learned from, {board.n_test:,} judged by ({board.judged})")
    rows = [
        (
            row.method, *(str(row.figures[name]) for name in board.shown), "" if row.p is None else f"{row.p:.3f}",
            f"{row.seconds:.1f}", megabytes(row.peak_memory), f"{row.parameters:,}",
        )
        for row in board.rows
    ]  # fmt: skip
    table(["method", *board.shown, "p (as good as the best)", "seconds", "MB", "parameters"], rows)
    if board.published:
        say()
        table(["published", "figure", "value", ""], [(p.method, p.figure, p.value, p.note) for p in board.published])
    if board.differs:
        say(board.differs.strip())
    for method, why in board.failed.items():
        say(f"not run: {method}: {why}")


@click.command()
@catalogue
@click.argument("what", type=click.Choice(["disguised", "colours", "occlusion"]))
@click.option("--id", "identity", metavar="ID", help="Of occlusion: the poster.")
@click.option("--genre", metavar="GENRE", help="Of disguised: only films of it. Of occlusion: what it looked at.")
@click.option("-k", "k", type=click.IntRange(min=1), default=40, show_default=True, help="Of disguised: how many.")
@where
@click.option("--out", metavar="FILE", help="Write the report into this page (.html).")
@as_json
@quiet
def insight(
    folder: str, what: str, identity: str | None, genre: str | None, k: int, where: str | None, out: str | None,
    as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Tell what posters show: those that look like other genres, colours by genre and decade, what predictions see.

    \b
    Examples:
      posterity insight -c films disguised --genre Horror --out disguised.html
      posterity insight -c films colours --out colours.html
      posterity insight -c films occlusion --id tt0113277
    """
    import posterity

    learn = posterity.open(folder).learn
    if what == "occlusion":
        if identity is None:
            raise click.UsageError("Name the poster with --id.")
        looked = learn.occlusion(identity, [genre] if genre else ())
        if out:
            learn.write(learn.predict(identity), out)
        if as_json:
            say_json({"id": identity, "occlusion": looked} | ({"out": out} if out else {}))
            return
        for each in looked:
            say(f"{each.genre} {each.probability:.2f}: how far covering a region lowers its score")
            for line in each.regions.tolist():
                say("  " + " ".join(f"{cell:+.2f}" for cell in line))
    elif what == "disguised":
        found = learn.disguised(k, genre)
        if out:
            learn.write(found, out)
        if as_json:
            say_json({"disguised": found} | ({"out": out} if out else {}))
            return
        rows = [
            (d.id, d.title, d.year or "", ", ".join(d.genres), ", ".join(f"{n} {p:.2f}" for n, p in d.looks_like),
             round(d.score, 2)) for d in found
        ]  # fmt: skip
        table(["id", "title", "year", "is", "looks like", "score"], rows)
    else:
        report = learn.colours(where, show_progress=bars(quiet))
        if out:
            learn.write(report, out)
        if as_json:
            say_json(report)
            return
        shades = [
            (s.name, s.posters, round(s.mean, 1), round(s.others, 1), str(s.effect))
            for s in report.genres
            if s.measure == "brightness"
        ]
        table(["genre", "posters", "brightness", "others", "Cohen's d"], shades)
        say(report.claim)
    if out:
        say(f"Report: {out}")


learning_commands = [experiment, export, insight, predict, split, train]
