"""Walls and maps as scenes: where each thumbnail goes on the sheet, with titles, labels and a legend."""

from __future__ import annotations

import colorsys
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from posterity.catalogue import Store
from posterity.errors import ArgumentError, UnknownNameError
from posterity.images.fonts import shortened
from posterity.layouts.maps import Map
from posterity.layouts.walls import Wall
from posterity.numerics.grid.assign import assign
from posterity.render.raster import MAX_SIDE, Box, Label, Scene, Thumb

DARK = (18, 18, 20)
LIGHT = (240, 238, 232)
DIM = (150, 148, 142)

OVERLAPS = ("none", "density")
"""How thumbnails of a map share the sheet: each moved to its own cell nearby; or all at their exact positions, smaller
where they are dense."""

MAP_SIDE = 4_096
"""Default length of a map's longer side, in pixels."""

_ROOM = 1.9
"""Cells per poster of a map without overlap; empty cells show the gaps between clusters."""

_LEGEND = 24
"""Maximum number of clusters in a legend."""


def wall_scene(store: Store, wall: Wall, cell_width: int = 0, title: str = "") -> Scene:
    """Lay a wall out on a sheet, every poster whole in its 2:3 cell; odd rows of a hexagonal wall shift by half a cell.

    Args:
        store: The catalogue.
        wall: The wall to draw.
        cell_width: Cell width in pixels; 0 chooses one for a picture of at most about 4,000 pixels wide.
        title: Title above the wall; "" leaves it out.

    Raises:
        ArgumentError: The picture would be longer than :data:`posterity.render.raster.MAX_SIDE` on a side.
    """
    width = cell_width or int(np.clip(4096 // wall.cols, 24, 128))
    height = round(width * 1.5)
    aside = width // 2 if wall.topology == "hexagonal" else 0
    full_width = wall.cols * width + aside
    size = _title_size(full_width)
    head = 2 * size if title else 0
    rows_named = _genres_of_rows(store, wall) if wall.order == "time" else {}
    side = 7 * size if rows_named else 0
    foot = 2 * size if rows_named else 0
    full_width += side
    if max(full_width, wall.rows * height + head + foot) > MAX_SIDE:
        most = max(1, min(MAX_SIDE // wall.cols, int(MAX_SIDE / wall.rows / 1.5)))
        raise ArgumentError(
            f"{wall.rows}×{wall.cols} cells of {width}×{height} make a picture over {MAX_SIDE} pixels a side",
            f"Choose a cell width of {most} or less.",
        )
    known = _known(store)
    thumbs = [
        Thumb(
            known[name][0], side + col * width + aside * (row % 2), head + row * height, width, height, known[name][1]
        )
        for name, (row, col) in wall.cells.items()
    ]
    labels = [Label(shortened(title, full_width - size, size), size // 2, size // 2, size, LIGHT)] if title else []
    free = 0
    for row, genre in rows_named.items():
        top = head + row * height
        if top >= free:  # labels of genres with few posters would overlap
            labels.append(
                Label(shortened(genre, side - size, round(0.8 * size)), size // 2, top, round(0.8 * size), LIGHT)
            )
            free = top + size
    if rows_named:
        labels.append(Label("each row from early to late", side, head + wall.rows * height + size // 2, size, DIM))
    return Scene(full_width, head + wall.rows * height + foot, DARK, thumbs, labels, title=title)


def _genres_of_rows(store: Store, wall: Wall) -> dict[int, str]:
    """Return the rows in which a genre begins."""
    genres = {row["id"]: (row["genres"] or ["?"])[0] for row in store.read(["genres"]).to_pylist()}
    rows: dict[int, Counter[str]] = {}
    for name, (row, _) in wall.cells.items():
        rows.setdefault(row, Counter())[genres.get(name, "?")] += 1
    found: dict[int, str] = {}
    last = ""
    for row in sorted(rows):
        genre = rows[row].most_common(1)[0][0]
        if genre != last:
            found[row] = last = genre
    return found


def map_scene(
    store: Store,
    found: Map,
    side: int = 0,
    *,
    overlap: str = "none",
    title: str | None = None,
    legend: bool = True,
) -> Scene:
    """Lay a map out on a sheet, with the clusters' names.

    Args:
        store: The catalogue.
        found: The map to draw.
        side: Longer side of the sheet in pixels; 0 uses :data:`MAP_SIDE`.
        overlap: A name in :data:`OVERLAPS`.
        title: Title above the map; None describes the map, "" leaves it out.
        legend: Whether to list the clusters beside the map and frame their posters in their colours.

    Raises:
        ArgumentError: The sheet is too small or too large.
        UnknownNameError: ``overlap`` is unknown.
    """
    if overlap not in OVERLAPS:
        raise UnknownNameError("overlap", overlap, OVERLAPS)
    side = side or MAP_SIDE
    if not 256 <= side <= MAX_SIDE:
        raise ArgumentError(f"invalid longer side of a map: {side} pixels", f"Choose 256 to {MAX_SIDE} pixels.")
    if title is None:
        title = (
            f"{len(found.positions):,} posters by {found.encoder}, {found.method}: "
            f"trustworthiness {found.trustworthiness:.2f}, {found.knn_preservation:.0%} of neighbours kept"
        )
    points = np.array(list(found.positions.values())) * (1, -1)
    points -= points.min(axis=0)
    reach = np.maximum(points.max(axis=0), 1e-9)
    listed = [cluster for cluster in found.clusters if cluster.label][:_LEGEND] if legend else []
    size = _title_size(side)
    beside = round(0.2 * side) if listed else 0
    head = 2 * size if title else 0
    ratio = float(np.clip(reach[1] / reach[0], 0.4, 1.6))
    # The plot fills what is left of the longer side beside the legend and the title.
    width = min(side - beside, round((side - head) / ratio))
    height = max(1, round(width * ratio))
    cells = _cells(points / reach, width, height, overlap)
    colours = {name: _tint(i) for i, cluster in enumerate(found.clusters) for name in cluster.members} if legend else {}
    known = _known(store)
    order = np.argsort(-cells[:, 2], kind="stable")
    names = list(found.positions)
    thumbs = [
        Thumb(
            known[names[i]][0], int(cells[i, 0]), head + int(cells[i, 1]), int(cells[i, 2]), int(cells[i, 3]),
            known[names[i]][1], colours.get(names[i]),
        )
        for i in order.tolist() if names[i] in known
    ]  # fmt: skip
    labels, boxes = [], []
    if title:
        labels.append(Label(shortened(title, width + beside - size, size), size // 2, size // 2, size, LIGHT))
    place = {name: i for i, name in enumerate(names)}
    letters = max(11, round(0.7 * size))
    if legend:
        for cluster in found.clusters:
            if cluster.label:
                x, y = np.median(cells[[place[name] for name in cluster.members], :2], axis=0)
                words = cluster.label.split(" · ")[0]
                labels.append(Label(words, int(x), head + int(y), letters, LIGHT, DARK, centred=True))
    for row, cluster in enumerate(listed):
        top = head + round(1.5 * letters) * (2 * row + 1)
        boxes.append(Box(width + letters, top, letters, letters, _tint(found.clusters.index(cluster))))
        room = beside - 3 * letters
        labels.append(Label(shortened(cluster.label, room, letters), width + round(2.5 * letters), top, letters, LIGHT))
        about = f"{cluster.size:,} posters"
        labels.append(Label(about, width + round(2.5 * letters), top + round(1.3 * letters), round(0.8 * letters), DIM))
    return Scene(width + beside, head + height, DARK, thumbs, labels, boxes, title)


def _cells(points: NDArray[np.float64], width: int, height: int, overlap: str) -> NDArray[np.int64]:
    """Return left, top, width and height of each poster of a map: (n, 4)."""
    n = len(points)
    if overlap == "none":
        wide = min((width * height / (1.5 * _ROOM * n)) ** 0.5, width, height / 1.5)
        cols, rows = max(1, int(width / wide)), max(1, int(height / (1.5 * wide)))
        while rows * cols < n:  # with very few posters, rounding gives too few cells
            rows, cols = (rows + 1, cols) if height / rows > 1.5 * width / cols else (rows, cols + 1)
        across, down = width / cols, height / rows
        # In units of a cell's sides, whose ratio is 2:3.
        x, y = np.meshgrid(np.arange(cols) + 0.5, 1.5 * (np.arange(rows) + 0.5))
        target = (points * (cols, 1.5 * rows)).astype(np.float32)
        grid = assign(target, np.stack([x, y], axis=2).astype(np.float32)).cells
        left, top = (grid[:, 1] * across).astype(int), (grid[:, 0] * down).astype(int)
        gap = max(1, round(0.06 * across))
        return np.column_stack([left, top, np.full(n, max(2, int(across) - gap)), np.full(n, max(3, int(down) - gap))])
    from scipy.spatial import cKDTree

    base = (width * height / (1.5 * n)) ** 0.5
    margin = np.minimum((base, 1.5 * base), (0.15 * width, 0.15 * height))
    inner = points * ((width, height) - 2 * margin) + margin
    k = min(8, n - 1)
    near = cKDTree(inner).query(inner, k + 1)[0][:, -1] if k else np.full(n, base)
    # Within the circle to the k-th neighbour, k posters of 2:3 would just fill the area.
    wide = np.clip(near * (np.pi / k / 1.5) ** 0.5 if k else near, 0.3 * base, 1.6 * base)
    tall = 1.5 * wide
    corner = np.clip(inner - np.column_stack([wide, tall]) / 2, 0, None)
    return np.column_stack([corner, np.maximum(wide, 4), np.maximum(tall, 6)]).astype(np.int64)


def _known(store: Store) -> dict[str, tuple[str, str]]:
    """Return the thumbnail key and title of posters: id -> (SHA-256, title)."""
    rows = store.read(["sha256", "title", "year"]).to_pylist()
    return {row["id"]: (row["sha256"], _named(row["title"] or row["id"], row["year"])) for row in rows}


def _named(title: str, year: int | None) -> str:
    return f"{title} ({year})" if year else title


def _title_size(width: int) -> int:
    return max(12, round(width / 90))


def _tint(number: int) -> tuple[int, int, int]:
    """Return a colour for a cluster: hues are a golden angle apart, so that any few of them are distinct."""
    r, g, b = colorsys.hsv_to_rgb(number * 0.61803398875 % 1, 0.62 if number % 2 else 0.8, 0.95)
    return round(255 * r), round(255 * g), round(255 * b)
