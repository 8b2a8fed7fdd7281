"""The commands that bring posters in: build, enrich, embed, sample."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from posterity.cli.options import (
    as_json,
    bars,
    catalogue,
    catalogue_first,
    declared,
    engine_options,
    listed,
    quiet,
    rule_options,
    source_options,
)
from posterity.cli.output import duration, one_line, say, say_json, table

if TYPE_CHECKING:
    from posterity.ingest.reports import BuildReport, DryRun
    from posterity.sources.rules import Rules
    from posterity.sources.terms import Terms


@click.command()
@click.argument("source")
@catalogue
@click.option("--metadata", metavar="FILE", help="For a folder: a CSV, TSV or Parquet table of the films.")
@source_options
@rule_options
@declared("encoders", help="Encoders to compute, comma-separated.")
@engine_options
@click.option(
    "--remove-missing",
    is_flag=True,
    help="Remove the posters of SOURCE whose file is not there any more, however many they are.",
)
@click.option("--dry-run", is_flag=True, help="Tell what would be downloaded and dropped, and how long it takes.")
@as_json
@quiet
def build(
    source: str,
    folder: str,
    metadata: str | None,
    terms: Terms,
    rules: Rules | None,
    encoders: str | None,
    engine: str | None,
    remove_missing: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Bring posters into a catalogue, and encode them.

    SOURCE is a folder of pictures, searched at any depth; a media library (Jellyfin, Plex, Kodi, Kometa); a table of
    films (TMDb's movies_metadata.csv, IMDb's MovieGenre.csv, one of your own); tmdb:QUERY for TMDb itself, with your
    key in TMDB_API_KEY or TMDB_TOKEN; or impawards:YEARS. A folder of pictures, and the catalogue, may lie in object
    storage (s3://BUCKET/FOLDER, see docs/operations.md). Pictures that are not here are downloaded, politely.
    Run it again to add what is new and update what changed; a run that was interrupted goes on where it stopped.
    A file that was renamed or moved keeps its poster's id. Posters whose file cannot be read or found stay, and the
    command says how many; --remove-missing removes those that are not found.

    \b
    Examples:
      posterity build posters -c films
      posterity build posters -c films --metadata films.csv --json
      posterity build /media/films -c films --from library
      posterity build movies_metadata.csv -c films --images posters
      posterity build movies_metadata.csv -c films --genres-top 10 --per-genre 1000 --dry-run
      posterity build "tmdb:discover?primary_release_year=1999&with_genres=27" -c films --limit 200
      posterity build impawards:1999 -c films
      posterity build posters -c films --remove-missing
      posterity build s3://archive/posters -c s3://archive/catalogue --engine ray --address 10.0.0.1:6379
    """
    import posterity

    if dry_run:
        _say_dry_run(posterity.dry_run(source, folder, metadata, terms=terms, rules=rules), as_json)
        return
    wanted = None if encoders is None else listed(encoders, "encoders")
    report = posterity.build(
        source, folder, metadata, terms=terms, rules=rules, encoders=wanted, engine=engine,
        remove_missing=remove_missing, show_progress=bars(quiet),
    )  # fmt: skip
    if as_json:
        say_json(report)
        return
    say(
        f"{report.seen:,} seen: {report.added:,} added, {report.updated:,} updated, {report.unchanged:,} unchanged, "
        f"{report.dropped:,} dropped; {report.flagged:,} flagged"
    )
    for title, counts in (("dropped", report.dropped_by), ("flagged", report.flagged_by)):
        if counts:
            say(f"  {title}: " + ", ".join(f"{count:,} {reason}" for reason, count in counts.items()))
    if metadata:
        say(
            f"  table: {report.unmatched_rows:,} rows without a file, {report.unmatched_files:,} files without a row, "
            f"{report.faulty_rows:,} rows with faults"
        )
    elif report.faulty_rows:
        say(f"  {report.faulty_rows:,} rows with faults in a cell, which was left unknown")
    for note in report.notes:
        say(f"  note: {note}")
    for identity, why in report.not_encoded.items():
        say(f"  not encoded: {identity}: {why}")
    _say_absent(report, folder)
    if report.kept or report.dropped or report.flagged or report.unmatched_rows or report.faulty_rows:
        say(f"What and why: posterity report {folder}")
    if report.added:
        say(f"Next: posterity wall -c {folder} --out wall.png")


def _say_absent(report: BuildReport, folder: str) -> None:
    """Say which posters' files were not met, and what became of the posters."""
    if report.moved:
        say(f"  moved: {report.moved:,} files that lay elsewhere before; their posters keep their ids")
    if report.kept:
        why = ", ".join(f"{count:,} {reason}" for reason, count in report.kept_by.items())
        say(f"  kept: {report.kept:,} posters as they were, though their files cannot be read as pictures now ({why})")
    if report.removed:
        say(f"  removed: {report.removed:,} posters whose files are not there any more")
    if report.in_doubt:
        say(
            f"  {report.gone:,} posters of this source have no file, more than a tenth: is a drive not mounted? "
            "They are kept. If the files are gone for good, build again with --remove-missing."
        )
    elif report.gone:
        say(
            f"  {report.gone:,} posters of this source have no file any more, and are kept: posterity doctor {folder}, "
            "or build again with --remove-missing"
        )


def _say_dry_run(found: DryRun, as_json: bool) -> None:
    if as_json:
        say_json(found)
        return
    say(f"{found.source}: {found.rows:,} films")
    say(f"  would download {found.to_fetch:,} pictures, in at least {duration(found.seconds)}")
    for host, n in found.hosts.items():
        say(f"    {n:,} from {host}")
    say(f"  {found.here:,} are here already, {found.known_dead:,} are known to be gone")
    if found.dropped_by:
        say("  would drop: " + ", ".join(f"{count:,} {reason}" for reason, count in found.dropped_by.items()))
    for note in found.notes:
        say(f"  note: {note}")


@click.command()
@click.argument("source")
@catalogue
@source_options
@as_json
@quiet
def enrich(source: str, folder: str, terms: Terms, as_json: bool, quiet: bool) -> None:
    """Add what another source knows of the films that a catalogue holds; no posters are added.

    SOURCE is any that posterity build takes (but no plain folder), or IMDb's datasets: title.basics.tsv.gz,
    title.ratings.tsv.gz, or the folder they lie in. Where two sources disagree, both are kept (posterity film).

    \b
    Examples:
      posterity enrich title.ratings.tsv.gz -c films
      posterity enrich ml-latest/links.csv -c films --from movielens
    """
    import posterity

    found = posterity.open(folder).enrich(source, terms=terms, show_progress=bars(quiet))
    if as_json:
        say_json(found)
        return
    say(f"{found.rows:,} films told of; {found.claims:,} said something new; {found.updated:,} posters show it")
    for note in found.notes:
        say(f"  note: {note}")


@click.command()
@catalogue
@declared("encoders", "--encoder", help="Encoders to compute, comma-separated (see posterity encoders).")
@click.option(
    "--weights", metavar="FILE", help="A network's weights, .safetensors or .onnx; remembered for later runs."
)
@click.option(
    "--fit",
    metavar="HOW",
    help="How a network's posters are fitted: stretch, center-crop, pad, random-crop, native, multi-crop.",
)
@declared("runtime")
@engine_options
@as_json
@quiet
def embed(
    folder: str,
    encoders: str | None,
    weights: str | None,
    fit: str | None,
    runtime: str | None,
    engine: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Give every poster of a catalogue that lacks one a vector of each encoder.

    \b
    Examples:
      posterity embed -c films --encoder colour,composition
      posterity embed -c films --encoder resnet18 --weights resnet18.safetensors
      posterity embed -c films --encoder dinov2_small --fit pad --runtime openvino
      posterity embed -c s3://archive/catalogue --engine ray --address 10.0.0.1:6379
    """
    import posterity
    from posterity.encoders import configured
    from posterity.settings import setting

    cat = posterity.open(folder)
    names = listed(setting("encoders", encoders), "encoders")
    if weights is not None and len(names) != 1:
        raise click.UsageError("--weights FILE belongs to one network: name it with --encoder.")
    report = cat.embed(
        *(configured(name, fit=fit, weights=weights, runtime=runtime) for name in names), engine=engine,
        show_progress=bars(quiet),
    )  # fmt: skip
    if as_json:
        say_json(report)
        return
    table(["encoder", "encoded", "kept"], [(name, n, report.kept[name]) for name, n in report.encoded.items()])
    for identity, why in report.failed.items():
        say(f"not encoded: {identity}: {why}")


@click.command()
@catalogue_first
@click.option("-n", "n_films", type=int, default=240, show_default=True, help="How many films.")
@declared("seed")
@as_json
@quiet
def sample(folder: str, n_films: int, seed: int | None, as_json: bool, quiet: bool) -> None:
    """Draw generated posters of invented films, with a table of metadata, to try things with.

    \b
    Example:
      posterity sample demo -n 300
    """
    import posterity
    from posterity.runtime.progress import progress
    from posterity.settings import setting

    with progress("Drawing posters", n_films, bars(quiet)) as bar:
        made = posterity.write_sample(
            folder, n_films, seed=setting("seed", seed), progress=lambda done: bar.update(done) and None
        )
    if as_json:
        say_json({name: str(value) if name != "n_films" else value for name, value in asdict(made).items()})
        return
    say(f"{made.n_films:,} generated posters in {one_line(made.posters)}, their films in {one_line(made.metadata)}")
    say(f"Next: posterity build {made.posters} -c films --metadata {made.metadata}")


ingest_commands = [build, embed, enrich, sample]
