"""The commands. Each parses, calls the API once or twice, and prints; what they need is imported when they run."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from posterity.cli.options import (
    as_json,
    bars,
    catalogue,
    catalogue_first,
    declared,
    listed,
    out,
    quiet,
    rule_options,
    source_options,
    view,
    where,
)
from posterity.cli.output import duration, one_line, plain, say, say_json, table

if TYPE_CHECKING:
    from posterity.reports import DryRun
    from posterity.selection import Rules
    from posterity.sources.terms import Terms


@click.command()
@click.argument("source")
@catalogue
@click.option("--metadata", metavar="FILE", help="For a folder: a CSV, TSV or Parquet table of the films.")
@source_options
@rule_options
@declared("encoders", help="Encoders to compute, comma-separated.")
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
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Bring posters into a catalogue, and encode them.

    SOURCE is a folder of pictures, searched at any depth; a media library (Jellyfin, Plex, Kodi, Kometa); a table of
    films (TMDb's movies_metadata.csv, IMDb's MovieGenre.csv, one of your own); tmdb:QUERY for TMDb itself, with your
    key in TMDB_API_KEY or TMDB_TOKEN; or impawards:YEARS. Pictures that are not here are downloaded, politely.
    Run it again to add what is new and update what changed; a run that was interrupted goes on where it stopped.

    \b
    Examples:
      posterity build posters -c films
      posterity build posters -c films --metadata films.csv --json
      posterity build /media/films -c films --from library
      posterity build movies_metadata.csv -c films --images posters
      posterity build movies_metadata.csv -c films --genres-top 10 --per-genre 1000 --dry-run
      posterity build "tmdb:discover?primary_release_year=1999&with_genres=27" -c films --limit 200
      posterity build impawards:1999 -c films
    """
    import posterity

    if dry_run:
        _say_dry_run(posterity.dry_run(source, folder, terms=terms, rules=rules), as_json)
        return
    wanted = None if encoders is None else listed(encoders)
    report = posterity.build(
        source, folder, metadata, terms=terms, rules=rules, encoders=wanted, show_progress=bars(quiet)
    )
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
    for identity, why in report.not_encoded.items():
        say(f"  not encoded: {identity}: {why}")
    if report.gone:
        say(f"  {report.gone:,} posters of this source have no file any more: posterity doctor {folder}")
    if report.dropped or report.flagged or report.unmatched_rows or report.faulty_rows:
        say(f"What and why: posterity report {folder}")
    if report.added:
        say(f"Next: posterity wall -c {folder} --out wall.png")


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


@click.command()
@catalogue
@click.argument("identity", metavar="ID")
@as_json
def film(folder: str, identity: str, as_json: bool) -> None:
    """Tell what is known of a poster's film, and which source says what.

    \b
    Example:
      posterity film -c films tt0113277
    """
    import posterity
    from posterity.catalogue.schema import FILM_FIELDS

    cat = posterity.open(folder)
    claims = cat.claims(identity)
    poster = cat.store.get([identity])[identity]
    if as_json:
        say_json({"id": identity, "film": poster.film, "claims": claims})
        return
    rows = [
        (name, *(_cell(getattr(film, name)) for film in (poster.film, *(c.film for c in claims))))
        for name in FILM_FIELDS
    ]
    table(["", identity, *(claim.origin for claim in claims)], [row for row in rows if any(row[1:])])
    for claim in claims:
        say(f"{claim.origin}: {claim.item}")


def _cell(value: object) -> object:
    return ", ".join(value) if isinstance(value, tuple) else value


@click.command()
@catalogue
@click.argument("name")
@where
@rule_options
@as_json
def select(folder: str, name: str, where: str | None, rules: Rules | None, as_json: bool) -> None:
    """Choose posters, and keep the choice as the view NAME, for --view of other commands.

    \b
    Rules for --drop: no_genre, no_budget, no_revenue, blank_title, duplicate_id (one poster a film).

    Examples:
      posterity select -c films top10 --genres-top 10 --per-genre 1000 --first-genre
      posterity select -c films money --drop no_budget,no_revenue --where "year >= 1980"
      posterity wall -c films --view top10 --out top10.png
    """
    import posterity

    found = posterity.open(folder).select(name, where, rules=rules)
    if as_json:
        say_json(found)
        return
    say(f"view {found.name}: {found.posters:,} posters")
    for title, counts in (("not taken", found.dropped_by), ("labels", found.labels)):
        if counts:
            say(f"  {title}: " + ", ".join(f"{count:,} {name}" for name, count in counts.items()))


@click.command()
@catalogue
@click.option("--remove", metavar="NAME", help="Forget this view; its posters stay.")
@as_json
def views(folder: str, remove: str | None, as_json: bool) -> None:
    """List the views of a catalogue.

    \b
    Example:
      posterity views -c films
    """
    import posterity

    cat = posterity.open(folder)
    if remove is not None:
        cat.remove_view(remove)
    found = cat.views()
    if as_json:
        say_json({"views": found})
        return
    table(["view", "posters", "where"], [(view.name, view.posters, view.where or "") for view in found])


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
@as_json
@quiet
def embed(
    folder: str,
    encoders: str | None,
    weights: str | None,
    fit: str | None,
    runtime: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Give every poster of a catalogue that lacks one a vector of each encoder.

    \b
    Examples:
      posterity embed -c films --encoder colour,composition
      posterity embed -c films --encoder resnet18 --weights resnet18.safetensors
      posterity embed -c films --encoder dinov2_small --fit pad --runtime openvino
    """
    import posterity
    from posterity.encoders import configured
    from posterity.settings import setting

    cat = posterity.open(folder)
    names = listed(setting("encoders", encoders))
    if weights is not None and len(names) != 1:
        raise click.UsageError("--weights FILE belongs to one network: name it with --encoder.")
    report = cat.embed(
        *(configured(name, fit=fit, weights=weights, runtime=runtime) for name in names), show_progress=bars(quiet)
    )
    if as_json:
        say_json(report)
        return
    table(["encoder", "encoded", "kept"], [(name, n, report.kept[name]) for name, n in report.encoded.items()])
    for identity, why in report.failed.items():
        say(f"not encoded: {identity}: {why}")


@click.command()
@catalogue
@click.option("--id", "identity", metavar="ID", help="Search for the posters most like this one.")
@click.option("--image", metavar="FILE", help="Search for the posters most like this picture.")
@click.option("--text", metavar="WORDS", help="Search for the posters that these words describe (image-text encoders).")
@declared("k", "-k")
@declared("encoder")
@where
@view
@out
@as_json
def similar(
    folder: str,
    identity: str | None,
    image: str | None,
    text: str | None,
    k: int | None,
    encoder: str | None,
    where: str | None,
    view: str | None,
    out: str | None,
    as_json: bool,
) -> None:
    """Find the posters most like a given one, like a picture, or as words describe.

    \b
    Examples:
      posterity similar -c films --id tt0113277
      posterity similar -c films --image poster.jpg -k 10 --encoder composition
      posterity similar -c films --id tt0113277 --where "year < 1970" --out similar.png
      posterity similar -c films --text "red skull on black" --encoder clip_vit_b32
    """
    import posterity

    if [identity, image, text].count(None) != 2:
        raise click.UsageError("Give one of --id, --image and --text.")
    cat = posterity.open(folder)
    found = cat.similar(identity, image=image, text=text, k=k, encoder=encoder, where=where, view=view)
    if out:
        cat.draw(found, out)
    if as_json:
        say_json(plain(found) | ({"out": out} if out else {}))
        return
    say(f"Most like {found.query.title} by {found.encoder}:")
    rows = [
        (place, f"{m.score:.4f}", m.id, m.title, m.year or "", ", ".join(m.genres))
        for place, m in enumerate(found.matches, 1)
    ]
    table(["#", "score", "id", "title", "year", "genres"], rows)
    if out:
        say(f"Picture: {out}")


@click.command()
@catalogue
@click.option("--rows", type=click.IntRange(min=1), help="Rows of the grid; chosen where not given.")
@click.option("--cols", type=click.IntRange(min=1), help="Columns of the grid; chosen where not given.")
@declared("encoder")
@where
@view
@declared("seed")
@declared("cell_width")
@out
@as_json
def wall(
    folder: str,
    rows: int | None,
    cols: int | None,
    encoder: str | None,
    where: str | None,
    view: str | None,
    seed: int | None,
    cell_width: int | None,
    out: str | None,
    as_json: bool,
) -> None:
    """Lay all posters out on a wall, alike ones together, each in a cell of its own.

    \b
    Examples:
      posterity wall -c films --out wall.png
      posterity wall -c films --rows 10 --cols 10 --json
    """
    import posterity

    cat = posterity.open(folder)
    laid = cat.wall(rows, cols, encoder=encoder, where=where, view=view, random_state=seed)
    if out:
        cat.draw(laid, out, cell_width=cell_width)
    if as_json:
        say_json(plain(laid) | {"placed": laid.placed} | ({"out": out} if out else {}))
        return
    say(
        f"{laid.placed:,} posters on {laid.rows}×{laid.cols} cells by {laid.encoder}; "
        f"quantisation error {laid.quantization_error:.4f}, topographic error {laid.topographic_error:.4f}"
    )
    say(f"Picture: {out}" if out else "See it: add --out wall.png")


@click.command()
@catalogue_first
@as_json
def info(folder: str, as_json: bool) -> None:
    """Tell what a catalogue holds.

    \b
    Example:
      posterity info films
    """
    import posterity

    found = posterity.open(folder).info()
    if as_json:
        say_json(found)
        return
    say(f"{found.folder}: {found.posters:,} posters, {found.bytes / 1e6:,.1f} MB, format {found.format}")
    if found.years:
        say(f"  years     {found.years[0]}–{found.years[1]}")
    commonest = list(found.genres.items())[:6]
    if commonest:
        say("  genres    " + ", ".join(f"{name} {n:,}" for name, n in commonest))
    for source, n in found.sources.items():
        say(f"  source    {source} ({n:,})")
    for e in found.encoders:
        state = "" if e.current else "  (stale: posterity doctor)"
        say(f"  vectors   {e.name}: {e.vectors:,} × {e.dimension}{state}")
    say(f"  cleaning  {found.dropped:,} dropped, {found.flagged:,} flagged (posterity report {folder})")


@click.command()
@catalogue_first
@click.option("--limit", type=click.IntRange(min=0), default=50, show_default=True, help="Lines a section; 0: all.")
@as_json
def report(folder: str, limit: int, as_json: bool) -> None:
    """List every file that was dropped or flagged, and every row that fits no file, and why.

    \b
    Example:
      posterity report films --limit 0
    """
    import posterity

    found = posterity.open(folder).report()
    if as_json:
        say_json(plain(found) | {"dropped_by": _count(d.reason for d in found.dropped)})
        return
    say(f"{found.seen:,} seen = {found.posters:,} posters + {len(found.dropped):,} dropped")
    _section("Dropped", [(d.reason, d.item, d.detail) for d in found.dropped], limit)
    _section("Flagged", [(f.flag, f.id, f.path, f.detail) for f in found.flagged], limit)
    _section("Rows of tables", [(f.reason, f.item, f.detail) for f in found.rows], limit)


def _count(reasons: Any) -> dict[str, int]:
    from collections import Counter

    return dict(sorted(Counter(reasons).items()))


def _section(title: str, rows: list[tuple[str, ...]], limit: int) -> None:
    if not rows:
        return
    say()
    say(
        f"{title}: {len(rows):,} (" + ", ".join(f"{n:,} {code}" for code, n in _count(r[0] for r in rows).items()) + ")"
    )
    for row in sorted(rows)[: limit or None]:
        say("  " + "  ".join(row))
    if limit and len(rows) > limit:
        say(f"  … and {len(rows) - limit:,} more: --limit 0 lists all")


@click.command()
@catalogue_first
@click.option("--repair", is_flag=True, help="Mend what can be mended.")
@click.option(
    "--older-than",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="When compacting, spare versions younger than so many hours, for readers at work.",
)
@as_json
@quiet
def doctor(folder: str, repair: bool, older_than: float, as_json: bool, quiet: bool) -> None:
    """Look a catalogue over: files that are gone, missing vectors, stale artefacts, old versions.

    Exit status 1 where something is wrong and was not mended.

    \b
    Examples:
      posterity doctor films
      posterity doctor films --repair
    """
    from datetime import timedelta

    import posterity

    cat = posterity.open(folder)
    found = cat.doctor(repair=repair, older_than=timedelta(hours=older_than), show_progress=bars(quiet))
    if as_json:
        say_json(plain(found) | {"well": found.well})
    elif not found.problems:
        say(f"{found.posters:,} posters, all well")
    else:
        for p in found.problems:
            state = "mended" if p.repaired else ("--repair would " if p.repairable else "") + p.remedy
            say(f"{p.kind}  {p.about}: {p.detail}  → {state}")
        say(f"{found.posters:,} posters, {'all mended' if found.well else 'not well'}")
    if not found.well:
        raise click.exceptions.Exit(1)


@click.command("zero-shot")
@catalogue
@click.option("--labels", metavar="NAMES", help="Comma-separated; without: TMDb's genres.")
@click.option("--prompt", metavar="TEXT", help="What a label is put into, with {} for it.")
@declared("encoder", help="An encoder of pictures and text; without: the one there is.")
@where
@view
@as_json
def zero_shot(
    folder: str,
    labels: str | None,
    prompt: str | None,
    encoder: str | None,
    where: str | None,
    view: str | None,
    as_json: bool,
) -> None:
    """Tell which labels fit each poster by their names alone, with an encoder of pictures and text.

    \b
    Examples:
      posterity embed -c films --encoder clip_vit_b32
      posterity zero-shot -c films
      posterity zero-shot -c films --labels "photograph,painting,drawing" --prompt "a poster made of a {}"
    """
    import posterity
    from posterity.text import PROMPT

    found = posterity.open(folder).zero_shot(
        listed(labels) or None, encoder=encoder, prompt=prompt or PROMPT, where=where, view=view
    )
    first = found.first()
    if as_json:
        rows = [{"id": identity, "labels": dict(best)} for identity, best in first]
        say_json({"encoder": found.encoder, "labels": list(found.labels), "posters": rows})
        return
    table(["id", "labels"], [(i, ", ".join(f"{name} {share:.2f}" for name, share in best)) for i, best in first])


@click.command()
@catalogue
@click.option("--encoder", "encoders", metavar="NAMES", help="Comma-separated; without: all that have vectors.")
@where
@view
@as_json
def evaluate(folder: str, encoders: str | None, where: str | None, view: str | None, as_json: bool) -> None:
    """Score the encoders by what the catalogue knows of its films, beside what chance gives.

    Franchise recall at 1 and 5, how many of the five nearest share a genre, and a linear probe of genres (mAP, AUC, one
    of three right), each with its 95% interval. Films are scored by a probe that has not seen their franchise.

    \b
    Example:
      posterity evaluate -c films
      posterity evaluate -c films --encoder poster,pixels --json
    """
    import posterity

    found = posterity.open(folder).evaluate(*listed(encoders), where=where, view=view)
    if as_json:
        say_json({"encoders": [plain(row) for row in found]})
        return
    say(f"{found[0].posters:,} posters, {found[0].queries:,} of them with a sibling in their franchise")
    names = ["franchise_at_1", "franchise_at_5", "genre_at_5", "genre_map", "genre_auc", "genre_top3"]
    table(
        ["encoder", "dimension", "franchise@1", "franchise@5", "genre@5", "genre mAP", "AUC", "1 of 3"],
        [(row.encoder, row.dimension or "", *(str(getattr(row, name) or "") for name in names)) for row in found],
    )


@click.command()
@as_json
def encoders(as_json: bool) -> None:
    """List the encoders there are: dimension, weights and their licence, and whether they can run here as it is.

    \b
    Example:
      posterity encoders --json
    """
    from posterity.encoders import ENCODERS, available

    found = [(ENCODERS.get(name).spec, available(ENCODERS.get(name))) for name in ENCODERS]
    if as_json:
        say_json([
            asdict(spec) | {"fingerprint": spec.fingerprint, "open_licence": spec.open_licence, "available": here}
            for spec, here in found
        ])  # fmt: skip
        return
    rows = [
        (
            s.name, s.dimension, f"{s.size[0]}×{s.size[1]}", f"{s.bytes / 1e6:.1f} MB" if s.bytes else "",
            (s.licence or "") + ("" if s.open_licence else " (!)"), "yes" if here else "", s.summary,
        )
        for s, here in found
    ]  # fmt: skip
    table(["encoder", "dimension", "reads", "weights", "licence", "here", ""], rows)
    if not all(spec.open_licence for spec, _ in found):
        say("(!) This licence limits use, commercial use above all: read it first.")
    if not all(here for _, here in found):
        say("Weights that are not here are fetched when first used: pip install 'posterity[networks]'")


@click.command("list")
@catalogue
@where
@view
@as_json
def list_(folder: str, where: str | None, view: str | None, as_json: bool) -> None:
    """List the posters of a catalogue.

    \b
    Example:
      posterity list -c films --where "array_has(genres, 'Western')"
    """
    import posterity

    found = posterity.open(folder).posters(where, view=view)
    if as_json:
        say_json({"posters": found})
        return
    rows = ((p.id, p.film.title, p.film.year or "", ", ".join(p.film.genres), ", ".join(p.flags)) for p in found)
    table(["id", "title", "year", "genres", "flags"], rows)


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
    from posterity.progress import progress
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


commands = [
    build,
    doctor,
    embed,
    encoders,
    enrich,
    evaluate,
    film,
    info,
    list_,
    report,
    sample,
    select,
    similar,
    views,
    wall,
    zero_shot,
]
