"""The commands. Each parses, calls the API once or twice, and prints; what they need is imported when they run."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from posterity.cli.learning import learning_commands
from posterity.cli.options import (
    as_json,
    bars,
    catalogue,
    catalogue_first,
    declared,
    engine_options,
    listed,
    out,
    panorama,
    quiet,
    registered,
    rule_options,
    source_options,
    view,
    where,
)
from posterity.cli.output import duration, one_line, say, say_json, table
from posterity.cli.page import page_commands
from posterity.serialise import plain

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
@catalogue
@click.option("--id", "ids", metavar="ID", multiple=True, help="Search for the posters most like this one; repeatable.")
@click.option("--image", "images", metavar="FILE", multiple=True, help="... most like this picture; repeatable.")
@click.option(
    "--unlike", metavar="ID", multiple=True, help="... and unlike this poster (an id, or a file); repeatable."
)
@click.option("--colour", metavar="COLOURS", help="Search by a palette, e.g. '#aa0000,#101010'.")
@click.option("--text", metavar="WORDS", help="Search for the posters that these words describe (image-text encoders).")
@declared("k", "-k")
@declared("encoder")
@click.option(
    "--weights",
    metavar="FACETS",
    help="Weigh facets, e.g. colour=1,content=0.5: colour, composition, content, genre, era.",
)
@where
@view
@click.option("--years", metavar="YEARS", help="Only films of these years: 1980s, 1984, 1980-1989.")
@click.option("--min-score", type=float, metavar="S", help="Leave out matches of a lower score.")
@click.option(
    "--diversity", type=click.FloatRange(0, 1), default=0.0, help="From 0, the most alike, to 1, the most varied."
)
@out
@as_json
def similar(
    folder: str,
    ids: tuple[str, ...],
    images: tuple[str, ...],
    unlike: tuple[str, ...],
    colour: str | None,
    text: str | None,
    k: int | None,
    encoder: str | None,
    weights: str | None,
    where: str | None,
    view: str | None,
    years: str | None,
    min_score: float | None,
    diversity: float,
    out: str | None,
    as_json: bool,
) -> None:
    """Find the posters most like a given one, like several, like a picture, of some colours, or as words describe.

    \b
    Examples:
      posterity similar -c films --id tt0113277
      posterity similar -c films --image poster.jpg -k 10 --encoder composition
      posterity similar -c films --id tt0113277 --weights colour=1,content=0.5 --out similar.png
      posterity similar -c films --id tt0113277 --years 1980s --diversity 0.3
      posterity similar -c films --id tt0113277 --id tt0114369 --unlike tt0088763
      posterity similar -c films --colour "#aa0000,#101010"
      posterity similar -c films --text "red skull on black" --encoder clip_vit_b32
    """
    import posterity

    if [bool(ids or images), colour is not None, text is not None].count(True) != 1:
        raise click.UsageError("Give --id and --image, or --colour, or --text.")
    cat = posterity.open(folder)
    found = cat.similar(
        ids, image=images, unlike=unlike, colours=colour or (), text=text, k=k, encoder=encoder, weights=weights,
        where=where, view=view, years=years, min_score=min_score, diversity=diversity,
    )  # fmt: skip
    if out:
        cat.draw(found, out)
    if as_json:
        told = plain(found) | ({"out": out} if out else {})
        say_json({name: value for name, value in told.items() if name != "weights" or value is not None})
        return
    say(f"Most like {found.query.title} by {found.encoder}:")
    facets = list(found.weights or ())
    rows = [
        (place, f"{m.score:.4f}", *(f"{(m.contributions or {})[name]:+.3f}" for name in facets), m.id, m.title,
         m.year or "", ", ".join(m.genres))
        for place, m in enumerate(found.matches, 1)
    ]  # fmt: skip
    table(["#", "score", *facets, "id", "title", "year", "genres"], rows)
    if out:
        say(f"Picture: {out}")


@click.command()
@catalogue
@click.option("-n", type=click.IntRange(min=1), default=200, show_default=True, help="How many pairs.")
@declared("encoder")
@click.option("--hide-franchise", is_flag=True, help="Leave out pairs of one film or franchise.")
@click.option("--hide-duplicates", is_flag=True, help="Leave out pairs that show the same artwork.")
@where
@view
@click.option(
    "--out", metavar="FILE", multiple=True, help="Draw them side by side: .png, .jpg, .webp or .html; repeatable."
)
@engine_options
@as_json
@quiet
def pairs(
    folder: str,
    n: int,
    encoder: str | None,
    hide_franchise: bool,
    hide_duplicates: bool,
    where: str | None,
    view: str | None,
    out: tuple[str, ...],
    engine: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Find the closest pairs of a whole collection, each with its kind.

    Kinds: same picture, another version of the same film, same franchise, look-alike.

    \b
    Examples:
      posterity pairs -c films -n 200 --out pairs.png --out pairs.html
      posterity pairs -c films --hide-franchise --hide-duplicates --encoder composition
    """
    import posterity
    from posterity.render.sheets import pairs_page, write_text

    cat = posterity.open(folder)
    found = cat.pairs(
        n, encoder=encoder, hide_franchise=hide_franchise, hide_duplicates=hide_duplicates, where=where, view=view,
        engine=engine, show_progress=bars(quiet),
    )  # fmt: skip
    for file in out:
        if file.lower().endswith((".html", ".htm")):
            write_text(pairs_page(cat.store, found), file)
        else:
            cat.draw(found, file)
    if as_json:
        say_json(plain(found) | ({"out": list(out)} if out else {}))
        return
    rows = [(at, f"{p.score:.4f}", p.kind, p.a, p.b, p.title_a, p.title_b) for at, p in enumerate(found.pairs, 1)]
    table(["#", "score", "kind", "a", "b", "", ""], rows)
    for file in out:
        say(f"Written: {file}")


@click.command()
@catalogue
@declared("encoder", help="Whose vectors find candidates.")
@click.option("--mirrored", is_flag=True, help="A mirror image is the same artwork too.")
@where
@view
@click.option("--fixes", metavar="FILE", help="Write what could be tidied up, a line a copy: .csv or .json.")
@out
@as_json
@quiet
def duplicates(
    folder: str,
    encoder: str | None,
    mirrored: bool,
    where: str | None,
    view: str | None,
    fixes: str | None,
    out: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Find the posters that show the same artwork, however resized, cropped or re-titled, and name the best copy.

    Nothing is deleted: --fixes lists what could be, for you to decide.

    \b
    Examples:
      posterity duplicates -c films --out duplicates.png
      posterity duplicates -c films --mirrored --fixes fixes.csv
    """
    import posterity
    from posterity.render.sheets import fix_list, write_text

    cat = posterity.open(folder)
    found = cat.duplicates(encoder=encoder, mirrored=mirrored, where=where, view=view, show_progress=bars(quiet))
    if fixes:
        write_text(fix_list(found, fixes), fixes)
    if out:
        cat.draw(found, out)
    if as_json:
        say_json(plain(found) | ({"fixes": fixes} if fixes else {}) | ({"out": out} if out else {}))
        return
    extra = sum(len(group.members) - 1 for group in found.groups)
    say(f"{len(found.groups):,} groups of the same artwork among {found.posters:,} posters; {extra:,} copies too many")
    rows = [
        (at, "keep" if copy.id == group.keep else "", copy.id, f"{copy.width}×{copy.height}",
         "" if copy.score is None else f"{copy.score:.2f}", copy.title, copy.path)
        for at, group in enumerate(found.groups, 1) for copy in group.copies
    ]  # fmt: skip
    table(["group", "", "id", "size", "alike", "title", "file"], rows)
    for file in (fixes, out):
        if file:
            say(f"Written: {file}")


@click.command()
@catalogue
@click.argument("a", metavar="ID_A")
@click.argument("b", metavar="ID_B")
@declared("encoder", help="What the facet content is.")
@click.option(
    "--weights",
    metavar="FACETS",
    default="colour=1,composition=1,content=1",
    show_default=True,
    help="The facets, weighed: colour, composition, content, genre, era.",
)
@out
@as_json
def explain(folder: str, a: str, b: str, encoder: str | None, weights: str, out: str | None, as_json: bool) -> None:
    """Tell why two posters are alike: each facet's part in the score, the regions that make it, and the palettes.

    \b
    Example:
      posterity explain -c films tt0113277 tt0114369 --out why.png
    """
    import posterity

    cat = posterity.open(folder)
    found = cat.explain(a, b, encoder=encoder, weights=weights)
    if out:
        cat.draw(found, out)
    if as_json:
        say_json(plain(found) | ({"out": out} if out else {}))
        return
    say(f"{found.titles[0]} and {found.titles[1]}: {found.score:+.3f}; a random pair has 0")
    table(
        ["facet", "weight", "part"],
        [(n, f"{found.weights[n]:.2f}", f"{v:+.3f}") for n, v in found.contributions.items()],
    )
    for title, palette in zip(found.titles, found.palettes, strict=True):
        say(f"  {title}: " + ", ".join(f"{colour} {share:.0%}" for colour, share in palette))
    if found.same_artwork:
        say("They show the same artwork.")
    say(f"Picture: {out}" if out else "See the regions: add --out why.png")


@click.command()
@catalogue
@click.option("--rows", type=click.IntRange(min=1), help="Rows of the grid; chosen where not given.")
@click.option("--cols", type=click.IntRange(min=1), help="Columns of the grid; chosen where not given.")
@click.option("--aspect", type=float, metavar="RATIO", default=1.0, show_default=True,
              help="Columns per row, where both are chosen; 1.5 makes the picture square.")  # fmt: skip
@click.option("--order", metavar="NAME", callback=registered("posterity.layouts.orders:ORDERS"), default="content",
              show_default=True,
              help="What stands near: alike posters (content), like colours (colour), a genre's films of one time "
              "(time), or an order that another package registers.")  # fmt: skip
@click.option("--topology", type=click.Choice(["rectangular", "hexagonal"]), default="rectangular", show_default=True)
@click.option("--toroidal", is_flag=True, help="Let opposite sides belong together.")
@click.option(
    "--pin", "pins", multiple=True, metavar="ID=ROW,COL", help="Keep a poster in a cell, from 0,0; repeatable."
)
@click.option("--hole", "holes", multiple=True, metavar="ROW,COL", help="Keep a cell empty; repeatable.")
@click.option("--mask", metavar="FILE", help="Fill the light part of this picture.")
@click.option("--fresh", is_flag=True, help="Make it anew; otherwise posters stay where they were.")
@declared("encoder")
@where
@view
@declared("seed")
@declared("cell_width")
@panorama
@as_json
@quiet
def wall(
    folder: str,
    rows: int | None,
    cols: int | None,
    aspect: float,
    order: str,
    topology: str,
    toroidal: bool,
    pins: tuple[str, ...],
    holes: tuple[str, ...],
    mask: str | None,
    fresh: bool,
    encoder: str | None,
    where: str | None,
    view: str | None,
    seed: int | None,
    cell_width: int | None,
    out: str | None,
    title: str | None,
    dpi: float | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Lay all posters out on a wall, alike ones together, each in a cell of its own.

    The wall is kept in the catalogue. When posters are added, it is brought up to date: new ones find their places, and
    the others move by two cells at the most.

    \b
    Examples:
      posterity wall -c films --out wall.png
      posterity wall -c films --rows 10 --cols 10 --json
      posterity wall -c films --order colour --out wall.dzi
      posterity wall -c films --mask heart.png --pin tt0113277=12,20 --out heart.png
    """
    import posterity
    from posterity.layouts.shapes import Shape

    cat = posterity.open(folder)
    _drawable(out)
    shape = Shape(rows, cols, aspect, topology, toroidal, dict(map(_pin, pins)), [_place(hole) for hole in holes])
    laid = cat.wall(
        rows, cols, shape=shape, mask=mask, order=order, encoder=encoder, where=where, view=view, random_state=seed,
        fresh=fresh, show_progress=bars(quiet),
    )  # fmt: skip
    if out:
        cat.draw(laid, out, cell_width=cell_width, title=title, dpi=dpi, show_progress=bars(quiet))
    if as_json:
        say_json(plain(laid) | {"placed": laid.placed} | ({"out": out} if out else {}))
        return
    say(
        f"{laid.placed:,} posters on {laid.rows}×{laid.cols} cells by {laid.encoder}; "
        f"quantisation error {laid.quantization_error:.4f}, topographic error {laid.topographic_error:.4f}"
    )
    by_chance = laid.baselines["random"]["dpq16"][0]
    plain_map = ""
    if "som" in laid.baselines:
        plain_map = (
            f", a plain self-organising map {laid.baselines['som']['dpq16'][0]:.3f} with {laid.collisions} collisions"
        )
    say(f"distance preservation quality (DPQ₁₆) {laid.dpq16:.3f}; at random {by_chance:.3f}{plain_map}")
    if laid.moved is not None:
        say(f"brought up to date; {laid.moved:.1%} of the posters moved by more than two cells")
    say(f"Picture: {out}" if out else "See it: add --out wall.png")


def _drawable(out: str | None) -> None:
    """Refuse a file that cannot be drawn before minutes go into what would be drawn."""
    from posterity.render.raster import known_ending

    if out:
        known_ending(out)


def _place(text: str) -> tuple[int, int]:
    from posterity.errors import ArgumentError

    row, comma, col = text.partition(",")
    if not (comma and row.strip().isdecimal() and col.strip().isdecimal()):
        raise ArgumentError(f"{text!r} is no cell", "Write row and column, from 0: 3,7")
    return int(row), int(col)


def _pin(text: str) -> tuple[str, tuple[int, int]]:
    from posterity.errors import ArgumentError

    identity, equals, cell = text.rpartition("=")
    if not equals:
        raise ArgumentError(f"{text!r} pins nothing", "Write --pin ID=ROW,COL")
    return identity, _place(cell)


@click.command("map")
@catalogue
@click.option("--method", metavar="NAME", callback=registered("posterity.numerics.projection.methods:METHODS"),
              default="tsne", show_default=True,
              help="pca, tsne, umap, or a method that another package registers.")  # fmt: skip
@click.option("--pca", "n_components", type=click.IntRange(min=0), default=50, show_default=True,
              help="Principal components that t-SNE and UMAP see; 0: the vectors themselves.")  # fmt: skip
@click.option("--perplexity", type=float, default=30.0, show_default=True, help="Of t-SNE: neighbours that count.")
@click.option("--neighbors", "n_neighbors", type=click.IntRange(min=2), default=15, show_default=True,
              help="Of UMAP: neighbours that count.")  # fmt: skip
@click.option("--min-dist", type=float, default=0.1, show_default=True, help="Of UMAP: how near points may come.")
@click.option("--landmarks", type=click.IntRange(min=0), default=0, metavar="N",
              help="Lay out N, and place the rest among them.  [default: all, or 25,000 of over 100,000]")  # fmt: skip
@click.option("--fresh", is_flag=True, help="Make it anew; otherwise posters stay where they were.")
@declared("encoder")
@where
@view
@declared("seed")
@click.option("--side", type=click.IntRange(min=256), default=4096, show_default=True, metavar="PIXELS",
              help="The longer side of the picture.")  # fmt: skip
@click.option("--overlap", type=click.Choice(["none", "density"]), default="none", show_default=True,
              help="Posters each in a place of its own; or at their points, smaller where they are dense.")  # fmt: skip
@panorama
@as_json
@quiet
def map_(
    folder: str,
    method: str,
    n_components: int,
    perplexity: float,
    n_neighbors: int,
    min_dist: float,
    landmarks: int,
    fresh: bool,
    encoder: str | None,
    where: str | None,
    view: str | None,
    seed: int | None,
    side: int,
    overlap: str,
    out: str | None,
    title: str | None,
    dpi: float | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Lay all posters out in the plane, alike ones near each other, and name the clusters.

    t-SNE and UMAP need the extra: pip install 'posterity[maps]'. The map is kept in the catalogue; posters that are
    added find their places on it, and no other moves.

    \b
    Examples:
      posterity map -c films --out map.png
      posterity map -c films --method umap --encoder colour --out map.svg
      posterity map -c films --method pca --json
    """
    import posterity

    cat = posterity.open(folder)
    _drawable(out)
    found = cat.map(
        method, encoder=encoder, n_components=n_components, perplexity=perplexity, n_neighbors=n_neighbors,
        min_dist=min_dist, landmarks=landmarks, where=where, view=view, random_state=seed, fresh=fresh,
        show_progress=bars(quiet),
    )  # fmt: skip
    if out:
        cat.draw(found, out, side=side, overlap=overlap, title=title, dpi=dpi, show_progress=bars(quiet))
    if as_json:
        say_json(plain(found) | ({"out": out} if out else {}))
        return
    say(
        f"{len(found.positions):,} posters by {found.encoder}, {found.method}"
        + (f"; {found.new} new" if found.new else "")
    )
    rows = [(found.method, found.scores), *found.baselines.items()]
    table(
        ["", "trustworthiness", "continuity", "neighbours kept"],
        [
            (name, *(f"{own[key][0]:.3f}" for key in ("trustworthiness", "continuity", "knn_preservation")))
            for name, own in rows if own
        ],
    )  # fmt: skip
    if found.clusters:
        say()
        table(
            ["cluster", "posters", "stands for it"],
            [
                (cluster.label or "(nothing in common)", cluster.size, cluster.representative)
                for cluster in found.clusters
            ],
        )
    say(f"Picture: {out}" if out else "See it: add --out map.png")


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
    """List every file that was dropped, kept or flagged, and every row that fits no file, and why.

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
    _section("Kept as they were", [(k.reason, k.item, k.detail) for k in found.kept], limit)
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
    "--remove-missing",
    is_flag=True,
    help="With --repair: take out posters whose files are absent, however many they are at once.",
)
@click.option(
    "--older-than",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="When compacting, spare versions younger than so many hours, for readers at work.",
)
@click.option(
    "--put-back", metavar="RESCUED", help="Put back the posters that an earlier run took out: the folder it named."
)
@as_json
@quiet
def doctor(
    folder: str,
    repair: bool,
    remove_missing: bool,
    older_than: float,
    put_back: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Look a catalogue over: files that are gone, missing vectors, stale artefacts, old versions.

    Posters are taken out only where their file is certainly gone, and copied to rescued/ in the catalogue first. What
    cannot be looked at is reported and left alone. Exit status 1 where something is wrong and was not mended.

    \b
    Examples:
      posterity doctor films
      posterity doctor films --repair
      posterity doctor films --put-back films/rescued/2026-11-22T02-14-58Z-3f2a
    """
    from datetime import timedelta

    import posterity

    if remove_missing and not repair:
        raise click.UsageError("--remove-missing goes with --repair")
    if put_back is not None and repair:
        raise click.UsageError("--put-back and --repair are two different runs")
    cat = posterity.open(folder)
    if put_back is not None:
        n = cat.put_back(put_back)
        say_json({"put_back": n}) if as_json else say(f"{n:,} {'poster' if n == 1 else 'posters'} put back")
        return
    found = cat.doctor(
        repair=repair,
        remove_missing=remove_missing,
        older_than=timedelta(hours=older_than),
        show_progress=bars(quiet),
    )
    if as_json:
        say_json(plain(found) | {"well": found.well})
    else:
        for p in found.problems:
            state = "mended" if p.repaired else ("--repair would " if p.repairable and not repair else "") + p.remedy
            say(f"{p.kind}  {p.about}: {p.detail}  → {state}")
        if found.rescued:
            say(f"What was taken out was copied to {found.rescued}")
        say(found.verdict)
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
    from posterity.search.text import PROMPT

    found = posterity.open(folder).zero_shot(
        None if labels is None else listed(labels, "labels"),
        encoder=encoder,
        prompt=prompt or PROMPT,
        where=where,
        view=view,
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
@click.option(
    "--weights",
    metavar="ENCODERS",
    default="colour=1,composition=1,content=1",
    show_default=True,
    help="Score a mixture too; '' for none.",
)
@where
@view
@out
@as_json
def evaluate(
    folder: str,
    encoders: str | None,
    weights: str,
    where: str | None,
    view: str | None,
    out: str | None,
    as_json: bool,
) -> None:
    """Score the encoders by what the catalogue knows of its films, beside what chance gives.

    Franchise recall at 1, 5 and 10, same film at 1 and 5 (where films have several posters), how many of the five
    nearest share a genre, and a linear probe of genres (mAP, AUC, one of three right), each with its 95% interval.
    Films are scored by a probe that has not seen their franchise. Below stand the scores of the walls and maps that the
    catalogue holds, beside those of random ones.

    \b
    Example:
      posterity evaluate -c films --out scores.png
      posterity evaluate -c films --encoder poster,pixels --json
    """
    import posterity
    from posterity.search.evaluation import FIGURES, LAYOUT_FIGURES, baselines

    cat = posterity.open(folder)
    found = cat.evaluate(*listed(encoders, "encoders"), weights=_mixable(cat, weights), where=where, view=view)
    layouts = cat.layout_scores()
    if out:
        cat.draw(found, out)
    if as_json:
        rows = []
        for row in found:
            figures: dict[str, Any] = {}
            for name, attribute in FIGURES.items():
                score = getattr(row, attribute)
                figures[name] = None if score is None else score.value
                figures[f"{name} interval"] = None if score is None else [score.low, score.high]
            known = {"encoder": row.encoder, "dimension": row.dimension, "posters": row.posters}
            counts = {"queries": row.queries, "versions": row.versions, "baselines": baselines(found)}
            rows.append(known | counts | figures)
        say_json({"encoders": rows, "layouts": layouts} | ({"out": out} if out else {}))
        return
    first = found[0]
    say(
        f"{first.posters:,} posters, {first.queries:,} films with a sibling in their franchise, "
        f"{first.versions:,} posters with another of their film"
    )
    shown = {name: attribute for name, attribute in FIGURES.items() if any(getattr(row, attribute) for row in found)}
    table(
        ["encoder", *shown],
        [(row.encoder, *(str(getattr(row, attribute) or "") for attribute in shown.values())) for row in found],
    )
    if layouts:
        names = [name for name in LAYOUT_FIGURES if any(name in row.scores for row in layouts)]
        say()
        table(
            ["layout", "posters", *names],
            [(row.name, row.posters, *(_figure(row.scores.get(name)) for name in names)) for row in layouts],
        )
    if out:
        say(f"Picture: {out}")


def _figure(score: Any) -> str:
    """Write a score with its interval, if it has one."""
    if score is None:
        return ""
    return f"{score.value:.4g}" if score.low == score.high else str(score)


def _mixable(cat: Any, weights: str) -> str | None:
    """Leave the mixture out where the catalogue has no vectors of one of its encoders and nobody asked for it."""
    from click.core import ParameterSource

    from posterity.search.facets import CONTENT, parse_weights
    from posterity.settings import setting

    if not weights.strip():
        return None
    context = click.get_current_context()
    names = {setting("encoder") if name == CONTENT else name for name in parse_weights(weights)}
    if context.get_parameter_source("weights") is ParameterSource.DEFAULT and not names <= set(cat.store.encoders):
        return None
    return weights


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


commands = [
    build,
    doctor,
    duplicates,
    embed,
    encoders,
    enrich,
    evaluate,
    explain,
    film,
    info,
    list_,
    map_,
    pairs,
    report,
    sample,
    select,
    similar,
    views,
    wall,
    zero_shot,
    *learning_commands,
    *page_commands,
]
