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
@click.option(
    "--metadata", metavar="FILE", help="Table of the films (CSV, TSV or Parquet), where SOURCE is a folder of pictures."
)
@source_options
@rule_options
@declared("encoders", help="Encoders to compute, comma-separated.")
@engine_options
@click.option(
    "--remove-missing",
    is_flag=True,
    help="Remove the posters of SOURCE whose file no longer exists, however many there are.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be downloaded and dropped, and how long it would take.")
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
    """Add posters to a catalogue and encode them.

    SOURCE is a folder of pictures, searched at any depth; a media library (Jellyfin, Plex, Kodi, Kometa); a table of
    films (TMDb's movies_metadata.csv, IMDb's MovieGenre.csv, or your own); tmdb:QUERY for TMDb itself, with your key in
    TMDB_API_KEY or TMDB_TOKEN; or impawards:YEARS. The folder of pictures and the catalogue may both be in object
    storage (s3://BUCKET/FOLDER, see docs/operations.md). Pictures that are not here are downloaded at a polite rate.
    Run it again to add what is new and update what changed; an interrupted run continues where it stopped.
    A file that was renamed or moved keeps its poster's id. Posters whose file cannot be read or found are kept, and the
    command says how many; --remove-missing removes those whose file is not found.

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
        say(f"  {report.faulty_rows:,} rows with a faulty cell, which was left unknown")
    for note in report.notes:
        say(f"  note: {note}")
    for identity, why in report.not_encoded.items():
        say(f"  not encoded: {identity}: {why}")
    _say_absent(report, folder)
    if report.kept or report.dropped or report.flagged or report.unmatched_rows or report.faulty_rows:
        say(f"Details: posterity report {folder}")
    if report.added:
        say(f"Next: posterity wall -c {folder} --out wall.png")


def _say_absent(report: BuildReport, folder: str) -> None:
    """Say which posters' files were not found, and what became of the posters."""
    if report.moved:
        say(f"  moved: {report.moved:,} files that were elsewhere before; their posters keep their ids")
    if report.kept:
        why = ", ".join(f"{count:,} {reason}" for reason, count in report.kept_by.items())
        say(f"  kept: {report.kept:,} posters unchanged, although their files cannot be read as pictures now ({why})")
    if report.removed:
        say(f"  removed: {report.removed:,} posters whose files no longer exist")
    if report.in_doubt:
        say(
            f"  the files of {report.gone:,} posters of this source are missing, more than a tenth: is a drive not "
            "mounted? The posters are kept. If the files are gone for good, build again with --remove-missing."
        )
    elif report.gone:
        say(
            f"  the files of {report.gone:,} posters of this source are missing; the posters are kept. To remove them: "
            f"posterity doctor {folder}, or build again with --remove-missing"
        )


def _say_dry_run(found: DryRun, as_json: bool) -> None:
    if as_json:
        say_json(found)
        return
    say(f"{found.source}: {found.rows:,} films")
    say(f"  would download {found.to_fetch:,} pictures, taking at least {duration(found.seconds)}")
    for host, n in found.hosts.items():
        say(f"    {n:,} from {host}")
    say(f"  {found.here:,} are already here; {found.known_dead:,} are known to be gone")
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
    """Add another source's metadata to the films in a catalogue; adds no posters.

    SOURCE is anything that posterity build takes except a plain folder, or IMDb's datasets: title.basics.tsv.gz,
    title.ratings.tsv.gz, or the folder that holds them. Where two sources disagree, both values are kept (see
    posterity film).

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
    say(
        f"metadata of {found.rows:,} films read; {found.claims:,} with something new; {found.updated:,} posters updated"
    )
    for note in found.notes:
        say(f"  note: {note}")


@click.command()
@catalogue
@declared("encoders", "--encoder", help="Encoders to compute, comma-separated (see posterity encoders).")
@click.option(
    "--weights", metavar="FILE", help="Weights file of a network (.safetensors or .onnx); remembered for later runs."
)
@click.option(
    "--fit",
    metavar="HOW",
    help="How to fit posters to a network's input: stretch, center-crop, pad, random-crop, native, multi-crop.",
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
    """Compute the vectors that a catalogue's posters lack, for each encoder.

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
        raise click.UsageError("--weights FILE applies to a single network: name it with --encoder.")
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
@click.option("-n", "n_films", type=int, default=240, show_default=True, help="Number of films.")
@declared("seed")
@as_json
@quiet
def sample(folder: str, n_films: int, seed: int | None, as_json: bool, quiet: bool) -> None:
    """Generate posters of invented films, with a metadata table, to try things out.

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
