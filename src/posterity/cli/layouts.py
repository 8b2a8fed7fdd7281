"""The commands that lay posters out: walls and maps."""

from __future__ import annotations

import click

from posterity.cli.options import as_json, bars, catalogue, declared, panorama, quiet, registered, view, where
from posterity.cli.output import say, say_json, table
from posterity.serialise import plain


@click.command()
@catalogue
@click.option("--rows", type=click.IntRange(min=1), help="Rows of the grid; chosen if not given.")
@click.option("--cols", type=click.IntRange(min=1), help="Columns of the grid; chosen if not given.")
@click.option("--aspect", type=float, metavar="RATIO", default=1.0, show_default=True,
              help="Columns per row, if neither is given; 1.5 makes the picture square.")  # fmt: skip
@click.option("--order", metavar="NAME", callback=registered("posterity.layouts.orders:ORDERS"), default="content",
              show_default=True,
              help="What to place together: similar posters (content), colours (colour), films of one genre and time "
              "(time), or an order from another package.")  # fmt: skip
@click.option("--topology", type=click.Choice(["rectangular", "hexagonal"]), default="rectangular", show_default=True,
              help="Shape of the grid's cells.")  # fmt: skip
@click.option("--toroidal", is_flag=True, help="Join opposite edges, as on a torus.")
@click.option(
    "--pin",
    "pins",
    multiple=True,
    metavar="ID=ROW,COL",
    help="Keep a poster in this cell, counting from 0,0; repeatable.",
)
@click.option("--hole", "holes", multiple=True, metavar="ROW,COL", help="Keep this cell empty; repeatable.")
@click.option("--mask", metavar="FILE", help="Fill only the light part of this picture.")
@click.option("--fresh", is_flag=True, help="Start afresh, instead of leaving posters where they were.")
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
    """Arrange all posters on a wall, similar ones together, one poster a cell.

    The wall is kept in the catalogue. When posters are added, it is brought up to date: new ones are placed, and the
    others move by two cells at most.

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
    say(f"Picture: {out}" if out else "To see it, add --out wall.png")


def _drawable(out: str | None) -> None:
    """Refuse a file that cannot be drawn before minutes are spent on what to draw."""
    from posterity.render.raster import known_ending

    if out:
        known_ending(out)


def _place(text: str) -> tuple[int, int]:
    from posterity.errors import ArgumentError

    row, comma, col = text.partition(",")
    if not (comma and row.strip().isdecimal() and col.strip().isdecimal()):
        raise ArgumentError(f"invalid cell {text!r}", "Write row and column, counting from 0: 3,7")
    return int(row), int(col)


def _pin(text: str) -> tuple[str, tuple[int, int]]:
    from posterity.errors import ArgumentError

    identity, equals, cell = text.rpartition("=")
    if not equals:
        raise ArgumentError(f"invalid pin {text!r}", "Write --pin ID=ROW,COL")
    return identity, _place(cell)


@click.command("map")
@catalogue
@click.option("--method", metavar="NAME", callback=registered("posterity.numerics.projection.methods:METHODS"),
              default="tsne", show_default=True,
              help="Method of projection: pca, tsne, umap, or one from another package.")  # fmt: skip
@click.option("--pca", "n_components", type=click.IntRange(min=0), default=50, show_default=True,
              help="Principal components passed to t-SNE and UMAP; 0 passes the vectors themselves.")  # fmt: skip
@click.option(
    "--perplexity", type=float, default=30.0, show_default=True, help="Number of neighbours that count (t-SNE)."
)
@click.option("--neighbors", "n_neighbors", type=click.IntRange(min=2), default=15, show_default=True,
              help="Number of neighbours that count (UMAP).")  # fmt: skip
@click.option("--min-dist", type=float, default=0.1, show_default=True, help="Smallest distance between points (UMAP).")
@click.option("--landmarks", type=click.IntRange(min=0), default=0, metavar="N",
              help="Lay out N posters, then place the rest among them.  "
                   "[default: all, or 25,000 of over 100,000]")  # fmt: skip
@click.option("--fresh", is_flag=True, help="Start afresh, instead of leaving posters where they were.")
@declared("encoder")
@where
@view
@declared("seed")
@click.option("--side", type=click.IntRange(min=256), default=4096, show_default=True, metavar="PIXELS",
              help="Longer side of the picture, in pixels.")  # fmt: skip
@click.option("--overlap", type=click.Choice(["none", "density"]), default="none", show_default=True,
              help="none: a place for each poster; density: at their points, smaller where crowded.")  # fmt: skip
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
    """Arrange all posters in the plane, similar ones near each other, and name the clusters.

    t-SNE and UMAP need the extra: pip install 'posterity[maps]'. The map is kept in the catalogue; added posters
    are placed on it, and no other moves.

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
    say(f"Picture: {out}" if out else "To see it, add --out map.png")


layout_commands = [map_, wall]
