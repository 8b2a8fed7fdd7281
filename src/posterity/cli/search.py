"""The commands that search: similar posters, pairs, duplicates, and why two are alike."""

from __future__ import annotations

import click

from posterity.cli.options import as_json, bars, catalogue, declared, engine_options, out, quiet, view, where
from posterity.cli.output import say, say_json, table
from posterity.serialise import plain


@click.command()
@catalogue
@click.option("--id", "ids", metavar="ID", multiple=True, help="Find posters similar to this one; repeatable.")
@click.option(
    "--image", "images", metavar="FILE", multiple=True, help="Find posters similar to this picture; repeatable."
)
@click.option("--unlike", metavar="ID", multiple=True, help="... but unlike this poster (an id or a file); repeatable.")
@click.option("--colour", metavar="COLOURS", help="Find posters by palette, e.g. '#aa0000,#101010'.")
@click.option("--text", metavar="WORDS", help="Find posters by description (image-text encoders).")
@declared("k", "-k")
@declared("encoder")
@click.option(
    "--weights",
    metavar="FACETS",
    help="Facet weights, e.g. colour=1,content=0.5; facets: colour, composition, content, genre, era.",
)
@where
@view
@click.option("--years", metavar="YEARS", help="Only films from these years: 1980s, 1984, 1980-1989.")
@click.option("--min-score", type=float, metavar="S", help="Leave out matches that score below S.")
@click.option(
    "--diversity", type=click.FloatRange(0, 1), default=0.0, help="Diversity, from 0 (most similar) to 1 (most varied)."
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
    """Find posters similar to other posters or pictures, or by palette or description.

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
        raise click.UsageError("Search in one way: by --id and --image, by --colour, or by --text.")
    cat = posterity.open(folder)
    found = cat.similar(
        ids, image=images, unlike=unlike, colours=colour or (), text=text, k=k, encoder=encoder, weights=weights,
        where=where, view=view, years=years, min_score=min_score, diversity=diversity,
    )  # fmt: skip
    if out:
        cat.draw(found, out)
    if as_json:
        answer = plain(found) | ({"out": out} if out else {})
        say_json({name: value for name, value in answer.items() if name != "weights" or value is not None})
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
@click.option("-n", type=click.IntRange(min=1), default=200, show_default=True, help="Number of pairs.")
@declared("encoder")
@click.option("--hide-franchise", is_flag=True, help="Leave out pairs from one film or franchise.")
@click.option("--hide-duplicates", is_flag=True, help="Leave out pairs that show the same artwork.")
@where
@view
@click.option(
    "--out", metavar="FILE", multiple=True, help="Save the pairs side by side: .png, .jpg, .webp or .html; repeatable."
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
    """Find the closest pairs in a collection, and say what kind each is.

    Kinds: same picture, another version of the same film, same franchise, look-alike.

    \b
    Examples:
      posterity pairs -c films -n 200 --out pairs.png --out pairs.html
      posterity pairs -c films --hide-franchise --hide-duplicates --encoder composition
    """
    import posterity
    from posterity.render.reports.pairs import pairs_page
    from posterity.render.sheets import write_text

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
@declared("encoder", help="Encoder that finds the candidates.")
@click.option("--mirrored", is_flag=True, help="Treat a mirror image as the same artwork.")
@where
@view
@click.option(
    "--fixes", metavar="FILE", help="Write a list of what could be tidied up, one line per copy (.csv or .json)."
)
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
    """Find posters that show the same artwork, even resized, cropped or re-titled, and name the best copy.

    Nothing is deleted: --fixes lists what could be deleted, for you to decide.

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
    say(f"{len(found.groups):,} groups of the same artwork among {found.posters:,} posters; {extra:,} surplus copies")
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
@declared("encoder", help="Encoder of the content facet.")
@click.option(
    "--weights",
    metavar="FACETS",
    default="colour=1,composition=1,content=1",
    show_default=True,
    help="Weights of the facets: colour, composition, content, genre, era.",
)
@out
@as_json
def explain(folder: str, a: str, b: str, encoder: str | None, weights: str, out: str | None, as_json: bool) -> None:
    """Explain why two posters are alike: each facet's part in the score, the regions behind it, and the palettes.

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
    say(f"{found.titles[0]} and {found.titles[1]}: {found.score:+.3f}; a random pair scores 0")
    table(
        ["facet", "weight", "part"],
        [(n, f"{found.weights[n]:.2f}", f"{v:+.3f}") for n, v in found.contributions.items()],
    )
    for title, palette in zip(found.titles, found.palettes, strict=True):
        say(f"  {title}: " + ", ".join(f"{colour} {share:.0%}" for colour, share in palette))
    if found.same_artwork:
        say("They show the same artwork.")
    say(f"Picture: {out}" if out else "To see the regions, add --out why.png")


search_commands = [duplicates, explain, pairs, similar]
