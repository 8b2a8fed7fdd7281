"""Sprites: each in the slot that it is said to be in, and only what changed is drawn anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import picture

import posterity
from posterity.images import decode
from posterity.layouts.atlas import Atlas, hilbert, make_atlas, palettes_of, sprite_size


def sprite(atlas: Atlas, pages: dict[str, bytes], identity: str) -> np.ndarray:
    slot = atlas.slots.index(identity)
    page = decode(pages[atlas.keys[slot // atlas.per_page]])
    row, col = divmod(slot % atlas.per_page, atlas.grid[1])
    height, width = atlas.sprite
    return page[row * height : (row + 1) * height, col * width : (col + 1) * width].astype(float)


def test_every_sprite_is_its_posters(films: posterity.Catalogue) -> None:
    films.map("pca", encoder="pixels")
    atlas, pages = make_atlas(films.store)
    assert atlas.basis == "map_pca_pixels"
    assert sorted(filter(None, atlas.slots)) == [poster.id for poster in films.posters()]
    small = {
        poster.id: decode(films.store.thumbnails([poster.sha256])[poster.sha256], atlas.sprite)
        for poster in films.posters()
    }
    for identity in small:
        own = sprite(atlas, pages, identity)
        away = {other: np.abs(own - np.asarray(picture_of(seen, atlas.sprite))).mean() for other, seen in small.items()}
        assert min(away, key=away.__getitem__) == identity
        assert away[identity] < 12


def picture_of(seen: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    import cv2

    return cv2.resize(seen, (size[1], size[0]), interpolation=cv2.INTER_AREA).astype(float)


def test_what_has_not_changed_is_not_drawn_again(
    films: posterity.Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, pages = make_atlas(films.store)
    drawn: list[int] = []
    from posterity.layouts import atlas as atlases

    original = atlases._page
    monkeypatch.setattr(
        atlases, "_page", lambda store, digests, *rest: (drawn.append(len(digests)), original(store, digests, *rest))[1]
    )
    again, same = make_atlas(films.store)
    assert (again.slots, same, drawn) == (before.slots, pages, [])
    # One goes, another comes and takes its slot: the others stay where they were.
    gone = before.slots[3]
    films.store.remove_posters([gone])
    picture(99).save(tmp_path / "posters" / "tt9999999.jpg", quality=90)
    (tmp_path / "posters" / f"{gone}.jpg").unlink()
    films.build(tmp_path / "posters")
    after, _ = make_atlas(films.store)
    assert len(drawn) == 1
    assert after.slots[3] == "tt9999999"
    assert [*after.slots[:3], *after.slots[4:]] == [*before.slots[:3], *before.slots[4:]]
    assert len(films.store.atlas_pages([*before.keys, *after.keys])) == 1  # the old page is forgotten


def test_an_empty_catalogue_has_an_atlas_of_nothing(tmp_path: Path) -> None:
    atlas, pages = make_atlas(posterity.create(tmp_path / "none").store)
    assert (atlas.slots, pages, atlas.palettes.shape) == ((), {}, (0, 4, 4))


def test_a_hilbert_curve_never_jumps() -> None:
    side = 32
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2).astype(float)
    along = hilbert(grid)
    assert len(set(along.tolist())) == side * side
    steps = np.abs(np.diff(grid[np.argsort(along)], axis=0)).sum(axis=1)
    assert (steps == 1).all()


def test_palettes_are_the_means_of_the_colours_that_are_there() -> None:
    sprites = np.zeros((2, 24, 16, 3), np.uint8)
    sprites[0, :18] = (205, 25, 30)
    sprites[0, 18:] = (240, 240, 240)
    sprites[1] = (35, 90, 180)
    found = palettes_of(sprites)
    assert found[0, :2].tolist() == [[205, 25, 30, 191], [240, 240, 240, 64]]
    assert found[1].tolist() == [[35, 90, 180, 255], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_sprites_of_any_collection_take_less_than_200_mb() -> None:
    for n in (1, 20_000, 20_001, 200_000, 1_000_000):
        height, width = sprite_size(n)
        assert n * height * width * 4 * (4 / 3) < 520e6 if n > 200_000 else 420e6
        assert height * 2 == width * 3
