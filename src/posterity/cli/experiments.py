"""The commands of experiments, and of what models show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from posterity.cli.options import as_json, bars, catalogue, quiet, report_out, where
from posterity.cli.output import say, say_json, table

if TYPE_CHECKING:
    from posterity.learning.experiments.leaderboard import Leaderboard


@click.command()
@catalogue
@click.argument("name", required=False)
@click.option("--full", is_flag=True, help="Also train its networks: minutes to hours each on a CPU.")
@click.option("--epochs", type=click.IntRange(min=1), default=None, help="Number of epochs (networks).")
@click.option(
    "--limit", type=click.IntRange(min=1), default=None, help="Learn from at most this many posters (networks)."
)
@click.option("--fresh", is_flag=True, help="Repeat runs that were done before.")
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
    """Run a declared experiment, NAME or FILE.toml, and print its leaderboard; without a name, list the experiments.

    Every run is kept as soon as it is done: finished runs are not repeated, and an interrupted one continues.

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
    say(f"trained on {board.n_train:,} posters, tested on {board.n_test:,} ({board.judged})")
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
@click.option("--id", "identity", metavar="ID", help="Poster to explain (occlusion).")
@click.option("--genre", metavar="GENRE", help="Only films of this genre (disguised); genre to explain (occlusion).")
@click.option(
    "-k", "k", type=click.IntRange(min=1), default=40, show_default=True, help="Number of posters (disguised)."
)
@where
@click.option("--out", metavar="FILE", help="Write the report to this page (.html).")
@as_json
@quiet
def insight(
    folder: str, what: str, identity: str | None, genre: str | None, k: int, where: str | None, out: str | None,
    as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Show what posters reveal: those that look like other genres, colours by genre and decade, what predictions see.

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
        maps = learn.occlusion(identity, [genre] if genre else ())
        if out:
            learn.write(learn.predict(identity), out)
        if as_json:
            say_json({"id": identity, "occlusion": maps} | ({"out": out} if out else {}))
            return
        for each in maps:
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


experiment_commands = [experiment, insight]
