"""Sprites: every poster very small, many to a picture, so that a whole collection loads in a few requests.

A page of the atlas holds a grid of sprites, each stretched to a 2:3 cell; the program that draws them restores their
shapes. The order of posters follows a Hilbert curve (D. Hilbert, 1891) over a map of them, so that posters that are
near each other on the map are near each other in the pages too. :mod:`posterity.layouts.sheets` has the same posters as
thumbnails, a few to a sheet, so that zooming in on a place of the map needs only a few sheets.

Pages are stored in the catalogue, each under a digest of what it shows. Posters keep their slots and new ones take free
slots, so that only the pages that changed are drawn again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from posterity.catalogue import Store, provenance
from posterity.images import decode
from posterity.layouts.clusters import COLOURS
from posterity.numerics.lab import rgb_to_lab
from posterity.runtime.parallel import n_workers, ordered_map
from posterity.runtime.progress import progress

RGB = NDArray[np.uint8]

PAGE = (2016, 2048)
"""(height, width) in pixels of a page of sprites; every WebGL 2 device supports 2,048."""

SPRITES = ((20_000, (48, 32)), (200_000, (24, 16)), (None, (12, 8)))
"""Up to how many posters, and (height, width) of a sprite: all sprites take less than 200 MB of graphics memory."""

QUALITY = 80
N_COLOURS = 4
"""The most colours in a palette."""

_METHOD = 1
"""Raised when the same thumbnails would be drawn differently, or get different palettes."""

_CURVE = 10
"""Order of the Hilbert curve, which has 4 to the power of this many cells."""


@dataclass(frozen=True)
class Atlas:
    """Where each poster's sprite is, and the pages.

    Attributes:
        sprite: (height, width) of a sprite in pixels.
        grid: Rows and columns of a page.
        slots: The id in each slot, "" in free ones; slot s is on page s // (rows · cols), row by row.
        digests: SHA-256 of what each slot shows, "" in free ones.
        keys: Key of each page, a digest of its content.
        palettes: (slots, 4, 4) uint8: red, green, blue and share (of 255) of each slot's main colours, the largest
            first; a share of 0 means no colour.
        basis: What the order follows: the name of a layout, or "ids".
    """

    sprite: tuple[int, int]
    grid: tuple[int, int]
    slots: tuple[str, ...]
    digests: tuple[str, ...]
    keys: tuple[str, ...]
    palettes: NDArray[np.uint8]
    basis: str

    @property
    def per_page(self) -> int:
        """How many sprites a page holds."""
        return self.grid[0] * self.grid[1]


def make_atlas(
    store: Store, *, keep: bool = True, workers: int = 0, show_progress: bool | None = False
) -> tuple[Atlas, dict[str, bytes]]:
    """Make the atlas of a catalogue, or bring the stored one up to date.

    Args:
        store: The catalogue.
        keep: Store the pages in it.
        workers: Number of threads; 0 uses one per core.
        show_progress: True and False force the bar; None shows it on a terminal.

    Returns:
        The atlas, and its pages (JPEG) by key.
    """
    rows = store.read(["sha256"])
    content = dict(zip(rows["id"].to_pylist(), rows["sha256"].to_pylist(), strict=True))
    sprite = sprite_size(len(content))
    grid = PAGE[0] // sprite[0], PAGE[1] // sprite[1]
    basis, ranked = _ranked(store, content)
    slots = _slots(store, ranked, basis, sprite)
    digests = [content.get(identity, "") for identity in slots]
    per_page = grid[0] * grid[1]
    parts = [digests[start : start + per_page] for start in range(0, len(slots), per_page)]
    keys = [_key(sprite, part) for part in parts]
    sizes = dict(zip(keys, map(len, parts), strict=True))
    kept = store.atlas_pages(keys)
    known = {key: page for key, page in kept.items() if len(page[1]) == sizes[key] and whole_jpeg(page[0])}
    missing = [(key, part) for key, part in zip(keys, parts, strict=True) if key not in known]
    # Read thumbnails by row: a search by content reads the whole table each time.
    row_of = {digest: row for row, digest in enumerate(store.thumbnail_digests())} if missing else {}
    with progress("Drawing sprites", sum(len(part) for _, part in missing), show_progress) as bar:
        for key, part in missing:
            known[key] = _page(store, row_of, part, sprite, grid, workers)
            bar.update(len(part))
    atlas = Atlas(
        sprite, grid, tuple(slots), tuple(digests), tuple(keys),
        np.concatenate([known[key][1] for key in keys] or [np.empty((0, N_COLOURS, 4), np.uint8)]), basis,
    )  # fmt: skip
    if keep and (missing or not slots or store.atlas_order() is None):
        order = json.dumps({"sprite": sprite, "basis": basis, "slots": slots}).encode()
        store.put_atlas({key: known[key] for key, _ in missing}, order, keys)
    return atlas, {key: jpeg for key, (jpeg, _) in known.items()}


def sprite_size(n: int) -> tuple[int, int]:
    """Give the size of a sprite for n posters: (height, width)."""
    return next(size for most, size in SPRITES if most is None or n <= most)


def hilbert(points: NDArray[np.floating]) -> NDArray[np.int64]:
    """Give the position of each point along a Hilbert curve over the points' bounds: (n, 2) -> (n,).

    J. Skilling, *Programming the Hilbert curve*, 2004, in two dimensions.

    >>> hilbert(np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0]])).argsort().tolist()
    [0, 1, 2, 3]
    """
    low, high = points.min(axis=0), points.max(axis=0)
    side = 1 << _CURVE
    cells = np.clip((points - low) / np.maximum(high - low, 1e-12) * side, 0, side - 1).astype(np.int64)
    x, y = cells[:, 0].copy(), cells[:, 1].copy()
    found = np.zeros(len(points), np.int64)
    step = side >> 1
    while step:
        right, up = (x & step) > 0, (y & step) > 0
        found += step * step * ((3 * right) ^ up)
        turned = ~up
        flipped = turned & right
        x[flipped], y[flipped] = side - 1 - x[flipped], side - 1 - y[flipped]
        x[turned], y[turned] = y[turned], x[turned]
        step >>= 1
    return found


def _ranked(store: Store, content: Mapping[str, str]) -> tuple[str, list[str]]:
    """Order the ids so that neighbours on a map, or else on a wall, come near each other; also name that layout."""
    kept = {artefact.name: artefact.kind for artefact in store.artefacts() if artefact.kind in ("layout", "grid")}
    for name in sorted(kept, key=lambda name: (not name.startswith(("map_tsne", "map_umap")), name)):
        ids, points = store.layout(name)[:2] if kept[name] == "layout" else store.grid(name)
        if ids:
            along = hilbert(np.asarray(points, np.float64))
            ordered = [ids[i] for i in np.argsort(along, kind="stable") if ids[i] in content]
            placed = set(ordered)
            return name, [*ordered, *(identity for identity in content if identity not in placed)]
    return "ids", list(content)


def _slots(store: Store, ranked: Sequence[str], basis: str, sprite: tuple[int, int]) -> list[str]:
    """Give the id in each slot: as before, with new posters in free slots; or all in order, if few would be kept."""
    old = read_order(store.atlas_order()) or {}
    here = set(ranked)
    if old.get("sprite") != list(sprite) or (old["basis"] == "ids" and basis != "ids"):
        return list(ranked)
    kept = [identity if identity in here else "" for identity in old["slots"]]
    if kept.count("") + len(ranked) > 2 * len(ranked) or not kept:
        return list(ranked)
    settled = set(kept)
    new = iter([identity for identity in ranked if identity not in settled])
    filled = [identity or next(new, "") for identity in kept]
    return [*filled, *new]


def read_order(written: bytes | None) -> dict[str, Any] | None:
    """Read which poster is in which slot, as stored; None if that is damaged or missing."""
    try:
        found: dict[str, Any] = json.loads(written or b"")
        fits = len(found["sprite"]) == 2 and isinstance(found["basis"], str)
        return found if fits and all(isinstance(slot, str) for slot in found["slots"]) else None
    except (ValueError, TypeError, KeyError):
        return None


def whole_jpeg(jpeg: bytes) -> bool:
    """Tell whether a JPEG that Posterity wrote decodes without any warning."""
    try:
        simplejpeg.decode_jpeg(jpeg, "RGB", fastdct=True, strict=True, min_height=1, min_width=1, min_factor=8)
    except ValueError:
        return False
    return True


def _key(sprite: tuple[int, int], digests: Sequence[str]) -> str:
    return provenance.digest(_METHOD, sprite, QUALITY, N_COLOURS, COLOURS, list(digests))[:32]


def _page(
    store: Store,
    row_of: Mapping[str, int],
    digests: Sequence[str],
    sprite: tuple[int, int],
    grid: tuple[int, int],
    workers: int,
) -> tuple[bytes, NDArray[np.uint8]]:
    """Draw a page of sprites, no taller than needed, and give the palette of each sprite."""
    height, width = sprite
    n_rows = -(-len(digests) // grid[1])
    canvas = np.full((n_rows * height, grid[1] * width, 3), 18, np.uint8)
    palettes = np.zeros((len(digests), N_COLOURS, 4), np.uint8)
    for start, some in _chunks(digests, 1024):
        thumbnails = store.thumbnails_at([row_of[digest] for digest in some if digest in row_of])
        if moved := [digest for digest in some if digest and digest not in thumbnails]:
            thumbnails |= store.thumbnails(moved)
        wanted = [(start + i, thumbnails[digest]) for i, digest in enumerate(some) if digest in thumbnails]
        jpegs = [jpeg for _, jpeg in wanted]
        pictures = list(ordered_map(lambda jpeg: _small(jpeg, sprite), jpegs, n_workers(workers)))
        if not pictures:
            continue
        for (at, _), picture in zip(wanted, pictures, strict=True):
            top, left = at // grid[1] * height, at % grid[1] * width
            canvas[top : top + height, left : left + width] = picture
        palettes[[at for at, _ in wanted]] = palettes_of(np.stack(pictures))
    return bytes(simplejpeg.encode_jpeg(canvas, QUALITY, "RGB", "420")), palettes


def _small(jpeg: bytes, sprite: tuple[int, int]) -> RGB:
    picture = decode(jpeg, sprite)
    return np.asarray(cv2.resize(picture, (sprite[1], sprite[0]), interpolation=cv2.INTER_AREA), np.uint8)


def palettes_of(sprites: RGB) -> NDArray[np.uint8]:
    """Find the main colours of sprites (n, h, w, 3): (n, 4, 4) uint8 of red, green, blue and share of 255.

    Pixels are counted by the name of their colour (:data:`posterity.layouts.clusters.COLOURS`); each colour returned is
    the mean of the pixels with one name.
    """
    n = len(sprites)
    examples = rgb_to_lab(np.array(list(COLOURS.values()), np.uint8))
    pixels = sprites.reshape(n, -1, 3)
    step = max(1, pixels.shape[1] // 384)
    pixels = pixels[:, ::step]
    m, k = pixels.shape[1], len(examples)
    lab = rgb_to_lab(np.ascontiguousarray(pixels)).reshape(-1, 3)
    # |a - b|² minus |a|², which is the same for all b.
    nearest = ((examples**2).sum(1) - 2 * lab @ examples.T).argmin(1)
    at = np.repeat(np.arange(n), m) * k + nearest
    counts = np.bincount(at, minlength=n * k).reshape(n, k)
    sums = np.stack([np.bincount(at, pixels[..., c].ravel(), n * k) for c in range(3)], axis=-1).reshape(n, k, 3)
    best = np.argsort(-counts, axis=1, kind="stable")[:, :N_COLOURS]
    rows = np.arange(n)[:, None]
    found = np.zeros((n, N_COLOURS, 4), np.uint8)
    found[..., :3] = np.rint(sums[rows, best] / np.maximum(counts[rows, best], 1)[..., None])
    found[..., 3] = np.rint(counts[rows, best] / m * 255)
    return found


def _chunks(items: Sequence[str], size: int) -> Iterator[tuple[int, Sequence[str]]]:
    for start in range(0, len(items), size):
        yield start, items[start : start + size]
