"""What the encoder in the box was trained on: nothing of the held-out side is on the training side."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import real_data

from posterity.encoders.poster import Poster
from posterity.images import decode, near_pairs, perceptual_hash

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def pictures() -> list:  # type: ignore[type-arg]
    real_data("versions.csv")
    sys.path.insert(0, str(ROOT))
    from training.data import pictures as listed

    return listed()


@pytest.mark.long
def test_films_franchises_and_artwork_are_on_one_side(pictures: list) -> None:  # type: ignore[type-arg]
    with real_data("posters.csv").open(encoding="utf-8") as file:
        names = {row["imdb_id"] for row in csv.DictReader(file)}
    assert {item.film for item in pictures if item.kind == "poster"} == names
    for key in ("film", "collection"):
        sides: dict[str, set[bool]] = {}
        for item in pictures:
            if getattr(item, key):
                sides.setdefault(getattr(item, key), set()).add(item.test)
        assert all(len(side) == 1 for side in sides.values())
    few = [item for item in pictures if item.kind == "same_art"][:150]
    few += [item for item in pictures if item.kind == "poster" and item.film in {other.film for other in few}]
    hashes = np.array([perceptual_hash(decode((real_data() / item.file).read_bytes())) for item in few], np.uint64)
    pairs = list(near_pairs(hashes, 8))
    assert len(pairs) > 100
    assert all(few[i].test == few[j].test for i, j in pairs)


def test_enough_is_held_out_to_tell_by(pictures: list) -> None:  # type: ignore[type-arg]
    held = [item for item in pictures if item.test]
    assert 0.2 < len(held) / len(pictures) < 0.45
    franchises = [item.collection for item in held if item.kind == "poster" and item.collection]
    assert sum(franchises.count(name) > 1 for name in franchises) > 200


def test_what_is_shipped_is_small_and_has_its_papers() -> None:
    assert Poster().spec.bytes <= 6_000_000
    card = (ROOT / "training" / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert Poster().spec.weights is not None
    assert Poster().spec.weights[:16] in card


def test_the_table_of_candidates_begins_with_what_ships() -> None:
    torch = pytest.importorskip("torch", reason="the extra train is not installed")
    pytest.importorskip("onnx", reason="the extra train is not installed")
    sys.path.insert(0, str(ROOT))
    from training.candidates import CANDIDATES, Whole, multiplications
    from training.network import HEIGHT, WIDTH, PosterNet

    shipped, net = Whole(CANDIDATES["shipped"](), (HEIGHT, WIDTH)), PosterNet()
    shipped.body.load_state_dict(net.body.state_dict())
    images = torch.randint(0, 256, (2, 3, HEIGHT, WIDTH)).float()
    with torch.inference_mode():
        found = shipped.eval().body((images - net.mean) * net.scale)
        torch.testing.assert_close(found, net.eval().places(images))
    # The first convolution alone: 24 channels of 3×3×3 weights at half the size.
    stem = Whole(torch.nn.Sequential(torch.nn.Conv2d(3, 24, 3, 2, 1)), (HEIGHT, WIDTH))
    assert multiplications(stem, (HEIGHT, WIDTH)) == 24 * 27 * 96 * 64 + 24 * 384
