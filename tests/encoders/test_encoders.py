"""Every encoder keeps the contract, and each means what it says."""

from __future__ import annotations

import csv
import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posterity.encoders import ENCODERS, Encoder, EncoderSpec, available
from posterity.encoders.colour import ANCHORS, BANDWIDTH, Colour, anchors
from posterity.encoders.composition import COLUMNS, ORIENTATIONS, ROWS, SCALES, Composition, oriented_gradients
from posterity.encoders.known import KNOWN
from posterity.encoders.palette import palette
from posterity.encoders.pixels import Pixels
from posterity.errors import ArgumentError
from posterity.images.fit import fit
from posterity.numerics.lab import LEVELS, code_lab, count_codes, rgb_to_lab
from posterity.numerics.neighbours.exact import Metric

DATA = Path(os.environ.get("POSTERITY_DATA", Path(__file__).parents[3] / "shared" / "data"))


def posters(size: tuple[int, int], n: int = 70) -> np.ndarray:
    """Pictures with structure and noise, each its own, uint8 (n, h, w, 3)."""
    rng = np.random.default_rng(7)
    coarse = rng.integers(0, 256, (n, 6, 4, 3), dtype=np.uint8)
    noise = rng.integers(-20, 21, (n, *size, 3))
    large = [cv2.resize(c, size[::-1], interpolation=cv2.INTER_CUBIC) for c in coarse]
    return np.clip(np.stack(large) + noise, 0, 255).astype(np.uint8)


def plain(colour: tuple[int, int, int], size: tuple[int, int] = (96, 64)) -> np.ndarray:
    return np.full((1, *size, 3), colour, np.uint8)


QUICK = ("squeezenet1_1",)
"""Networks without bundled weights that every test run sees; EfficientNet-Lite has test_lite.py."""


@pytest.fixture(params=[pytest.param(n, marks=pytest.mark.long if n in {*KNOWN} - {*QUICK} else ()) for n in ENCODERS])
def encoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, cache: Path) -> Encoder:
    """Every encoder whose weights are here: in the box, in a package, or as files beside the real posters."""
    name = str(request.param)
    folder = DATA.parent / "weights"
    if (folder / f"{name}.safetensors").exists():
        monkeypatch.setenv("POSTERITY_WEIGHTS", str(folder))
        if find_spec("torch") is None:
            pytest.skip("the extra networks is not installed: PyTorch is missing")
    elif name.startswith("efficientnet_lite"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    found = ENCODERS.get(name)
    if not available(found):
        pytest.skip(f"the weights of {name} are not here, or what builds it is not installed: see posterity encoders")
    return found


@pytest.fixture(params=list(ENCODERS))
def declared(request: pytest.FixtureRequest) -> Encoder:
    """Every encoder, whether or not its weights are here."""
    return ENCODERS.get(str(request.param))


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


class TestDeclared:
    """The part of the contract that needs no weights: every registered encoder keeps it."""

    def test_is_registered_by_its_own_name(self, declared: Encoder) -> None:
        assert isinstance(declared, Encoder)
        assert ENCODERS.get(declared.spec.name) is declared
        assert declared.spec.summary
        assert declared.spec.version >= 1

    def test_refuses_other_arrays_and_says_what_it_takes(self, declared: Encoder) -> None:
        height, width = declared.spec.size
        good = np.zeros((2, height, width, 3), np.uint8)
        turned = [good.swapaxes(1, 2)] if height != width else []
        for bad in (good[0], good[..., :1], good[:, 1:], *turned, good.astype(np.float32), good.tolist()):
            with pytest.raises(ArgumentError, match=rf"{declared.spec.name}.*uint8.*\(n, {height}, {width}, 3\)"):
                declared.encode(bad)  # type: ignore[arg-type]

    def test_its_fingerprint_is_stable_and_changes_with_what_decides_the_vectors(self, declared: Encoder) -> None:
        spec = declared.spec
        assert spec.fingerprint == replace(spec, summary="another").fingerprint
        assert spec.fingerprint != replace(spec, version=spec.version + 1).fingerprint
        assert spec.fingerprint != replace(spec, weights="0" * 64).fingerprint

    def test_declares_what_the_pipeline_needs(self, declared: Encoder) -> None:
        spec = declared.spec
        assert re.fullmatch(r"[a-z][a-z0-9_]*", spec.name)
        assert spec.dimension >= 1
        assert min(spec.size) >= 1
        assert spec.metric in get_args(Metric)
        assert fit(np.zeros((30, 20, 3), np.uint8), spec.size, spec.fit).shape == (*spec.size, 3)
        assert spec.weights is None or re.fullmatch(r"[0-9a-f]{64}", spec.weights)
        assert (spec.weights is None and spec.bytes == 0) or spec.licence
        assert isinstance(available(declared), bool)


class TestContract:
    """What the pipeline relies on, whichever encoder it is given."""

    def test_gives_float32_rows_of_its_dimension(self, encoder: Encoder) -> None:
        images = posters(encoder.spec.size, 5)
        before = images.copy()
        vectors = encoder.encode(images)
        assert vectors.dtype == np.float32
        assert vectors.shape == (5, encoder.spec.dimension)
        np.testing.assert_array_equal(images, before)

    def test_no_pictures_give_no_vectors(self, encoder: Encoder) -> None:
        vectors = encoder.encode(np.empty((0, *encoder.spec.size, 3), np.uint8))
        assert vectors.dtype == np.float32
        assert vectors.shape == (0, encoder.spec.dimension)

    @pytest.mark.parametrize("chunk", [1, 3, 64])
    def test_a_vector_is_the_same_to_the_bit_in_any_batch(self, encoder: Encoder, chunk: int) -> None:
        images = posters(encoder.spec.size)
        whole = encoder.encode(images)
        parts = [encoder.encode(images[start : start + chunk]) for start in range(0, len(images), chunk)]
        np.testing.assert_array_equal(np.concatenate(parts), whole)

    def test_a_vector_is_the_same_to_the_bit_in_any_place(self, encoder: Encoder) -> None:
        images = posters(encoder.spec.size)
        order = np.random.default_rng(0).permutation(len(images))
        np.testing.assert_array_equal(encoder.encode(images[order]), encoder.encode(images)[order])

    def test_a_vector_is_the_same_whatever_its_memory_layout(self, encoder: Encoder) -> None:
        images = posters(encoder.spec.size, 5)
        as_decoded = images[..., ::-1].copy()[..., ::-1]
        every_other = np.repeat(images, 2, axis=0)[::2]
        np.testing.assert_array_equal(encoder.encode(as_decoded), encoder.encode(images))
        np.testing.assert_array_equal(encoder.encode(every_other), encoder.encode(images))

    def test_four_threads_give_the_same_as_one(self, encoder: Encoder) -> None:
        images = posters(encoder.spec.size)
        expected = encoder.encode(images)
        with ThreadPoolExecutor(4) as pool:
            for vectors in pool.map(encoder.encode, [images] * 8):
                np.testing.assert_array_equal(vectors, expected)

    def test_extreme_pictures_give_finite_vectors_of_the_promised_length(self, encoder: Encoder) -> None:
        size = encoder.spec.size
        noise = np.random.default_rng(1).integers(0, 256, (1, *size, 3), dtype=np.uint8)
        checks = ((np.indices(size).sum(axis=0) % 2)[None, :, :, None] * np.full(3, 255)).astype(np.uint8)
        blank = [plain(colour, size) for colour in [(0, 0, 0), (255, 255, 255), (255, 0, 0), (1, 2, 3)]]
        vectors = encoder.encode(np.concatenate([noise, checks, *blank]))
        assert np.isfinite(vectors).all()
        if encoder.spec.metric == "cosine":
            np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_fingerprints_stay_the_same_from_release_to_release() -> None:
    """Stored vectors are found stale by it, so its own formula must not drift."""
    spec = EncoderSpec("x", 1, (2, 3), "stretch", "cosine", 1, "")
    assert spec.fingerprint == "bd4de8ab4090a5e9"


class TestPixels:
    def test_is_the_plain_expression(self) -> None:
        images = posters((24, 16), 4)
        expected = np.array([[float(v) / 255 for v in image.ravel()] for image in images], np.float32)
        np.testing.assert_array_equal(Pixels().encode(images), expected)


class TestLab:
    @pytest.mark.parametrize(
        ("rgb", "lab"),
        [  # Known values of sRGB's corners under D65, CIE 1931 2° observer.
            ((0, 0, 0), (0, 0, 0)),
            ((255, 255, 255), (100, 0, 0)),
            ((255, 0, 0), (53.24, 80.09, 67.20)),
            ((0, 255, 0), (87.73, -86.18, 83.18)),
            ((0, 0, 255), (32.30, 79.19, -107.86)),
            ((119, 119, 119), (50.03, 0, 0)),
        ],
    )
    def test_known_values(self, rgb: tuple[int, ...], lab: tuple[float, ...]) -> None:
        np.testing.assert_allclose(rgb_to_lab(np.array(rgb, np.uint8)), lab, atol=0.02)

    def test_agrees_with_opencv(self) -> None:
        rgb = np.random.default_rng(2).integers(0, 256, (50, 40, 3), dtype=np.uint8)
        theirs = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
        np.testing.assert_allclose(rgb_to_lab(rgb), theirs, atol=0.5)

    def test_refuses_other_arrays(self) -> None:
        for bad in (np.zeros((2, 3)), np.zeros((2, 4), np.uint8), np.zeros((), np.uint8), [1, 2, 3]):
            with pytest.raises(ArgumentError, match="uint8 array of shape"):
                rgb_to_lab(bad)  # type: ignore[arg-type]

    def test_counts_each_pixel_under_its_code(self) -> None:
        image = posters((9, 7), 1)[0]
        expected = np.zeros(LEVELS**3)
        for red, green, blue in image.reshape(-1, 3).tolist():
            expected[red // 16 * 256 + green // 16 * 16 + blue // 16] += 1
        np.testing.assert_array_equal(count_codes(image), expected)


class TestColour:
    def test_agrees_with_a_kernel_evaluated_pixel_by_pixel(self) -> None:
        image = posters(Colour.spec.size, 1)[0]
        mass = np.zeros(ANCHORS)
        for pixel in image.reshape(-1, 3):
            centre = rgb_to_lab(pixel // 16 * 16 + 8).astype(float)
            kernel = np.exp(-((centre - anchors()) ** 2).sum(axis=1) / (2 * BANDWIDTH**2))
            mass += kernel / kernel.sum()
        expected = mass**0.25 / np.linalg.norm(mass**0.25)
        found = Colour().encode(image[None])[0]
        # Weights below 1/4096 count as none, and a fourth root makes much of what is next to none.
        assert found @ expected > 0.999

    def test_moving_pixels_about_changes_nothing(self) -> None:
        images = posters(Colour.spec.size, 3)
        shuffled = np.random.default_rng(3).permuted(images.reshape(3, -1, 3).view("V3"), axis=1)
        np.testing.assert_array_equal(
            Colour().encode(shuffled.view(np.uint8).reshape(images.shape)), Colour().encode(images)
        )

    @settings(max_examples=60, deadline=None)
    @given(
        st.tuples(*[st.integers(20, 235)] * 3),
        st.tuples(*[st.integers(-8, 8)] * 3),
        st.tuples(*[st.integers(0, 255)] * 3),
    )
    def test_a_slightly_shifted_colour_is_nearer_than_another(
        self, colour: tuple[int, int, int], shift: tuple[int, int, int], other: tuple[int, int, int]
    ) -> None:
        shifted = tuple(int(c + s) for c, s in zip(colour, shift, strict=True))
        lab = rgb_to_lab(np.array([colour, shifted, other], np.uint8))
        if np.linalg.norm(lab[2] - lab[0]) < 3 * np.linalg.norm(lab[1] - lab[0]) + 15:
            return
        vectors = Colour().encode(
            np.concatenate(
                [plain(colour, Colour.spec.size), plain(shifted, Colour.spec.size), plain(other, Colour.spec.size)]
            )
        )
        assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]

    def test_similarity_falls_with_the_share_of_another_colour(self) -> None:
        images = np.repeat(plain((200, 30, 30), Colour.spec.size), 5, axis=0)
        for share, image in enumerate(images):
            image[: 10 * share] = (30, 30, 200)
        similarity = Colour().encode(images) @ Colour().encode(images[:1])[0]
        assert (np.diff(similarity) < 0).all()

    def test_anchors_reach_every_colour(self) -> None:
        distance = np.linalg.norm(code_lab()[:, None] - anchors()[None], axis=2).min(axis=1)
        assert distance.max() < 2.5 * BANDWIDTH
        assert len(np.unique(anchors(), axis=0)) == ANCHORS


class TestPalette:
    def test_finds_the_colours_that_were_painted_with_their_shares(self) -> None:
        image = np.zeros((10, 10, 3), np.uint8)
        image[:5], image[5:8], image[8:] = (250, 240, 10), (10, 20, 200), (200, 0, 0)
        colours, shares = palette(image)
        assert colours.dtype == np.uint8
        assert colours.tolist() == [[250, 240, 10], [10, 20, 200], [200, 0, 0]]
        np.testing.assert_allclose(shares, [0.5, 0.3, 0.2])

    def test_is_deterministic_and_ordered_and_sums_to_one(self) -> None:
        image = posters((60, 40), 1)[0]
        colours, shares = palette(image, 6)
        again = palette(image.copy(), 6)
        assert colours.shape == (6, 3)
        np.testing.assert_array_equal(colours, again[0])
        np.testing.assert_array_equal(shares, again[1])
        assert (np.diff(shares) <= 0).all()
        assert shares.sum() == pytest.approx(1)

    def test_more_colours_describe_a_picture_better(self) -> None:
        image = posters((60, 40), 1)[0]
        pixels = rgb_to_lab(image).reshape(-1, 1, 3)
        error = [((pixels - rgb_to_lab(palette(image, k)[0])) ** 2).sum(axis=2).min(axis=1).mean() for k in (1, 3, 9)]
        assert error[0] > error[1] > error[2]

    def test_refuses_what_has_no_palette(self) -> None:
        with pytest.raises(ArgumentError, match="shape \\(h, w, 3\\)"):
            palette(np.zeros((4, 4), np.uint8))
        with pytest.raises(ArgumentError, match="empty picture"):
            palette(np.zeros((0, 4, 3), np.uint8))
        with pytest.raises(ArgumentError, match="n_colours is 0"):
            palette(np.zeros((4, 4, 3), np.uint8), 0)


class TestComposition:
    @staticmethod
    def edges(image: np.ndarray) -> np.ndarray:
        """The edges of one picture at its finest scale, (rows, columns, orientations)."""
        vector = Composition().encode(image[None])[0, : SCALES * ROWS * COLUMNS * ORIENTATIONS]
        return vector.reshape(SCALES, ROWS, COLUMNS, ORIENTATIONS)[0]

    @pytest.mark.parametrize(("angle", "orientation"), [(0, 0), (45, 2), (67.5, 3), (90, 4), (135, 6), (180, 0)])
    def test_an_edge_speaks_for_its_orientation(self, angle: float, orientation: int) -> None:
        y, x = np.indices((96, 64))
        towards = np.deg2rad(angle)
        ramp = np.cos(towards) * x + np.sin(towards) * y
        luma = (2 * ramp).astype(np.float32)
        total = {k: float(share.sum()) for k, share in oriented_gradients(luma[None])}
        assert len(total) == ORIENTATIONS
        assert max(total, key=lambda k: total[k]) == orientation

    def test_an_edge_lands_in_its_cell(self) -> None:
        image = plain((40, 40, 40))[0]
        image[:24, 40:] = 200  # an upright edge through cell (0, 2), a level one through cell (1, 3)
        edges = self.edges(image)
        upright, level = edges[..., 0], edges[..., ORIENTATIONS // 2]
        assert np.unravel_index(upright.argmax(), upright.shape) == (0, 2)
        assert np.unravel_index(level.argmax(), level.shape) == (1, 3)

    def test_light_is_laid_out_row_by_row(self) -> None:
        image = plain((20, 20, 20))[0]
        image[16:32, 48:] = 220
        light = Composition().encode(image[None])[0, -1 - ROWS * COLUMNS : -1].reshape(ROWS, COLUMNS)
        assert np.unravel_index(light.argmax(), light.shape) == (1, 3)
        assert light.sum() == pytest.approx(0, abs=1e-6)

    def test_another_palette_hardly_changes_it_and_a_mirror_does(self) -> None:
        images = posters((96, 64), 8) // 4 + 96
        y, r, b = (
            plane.astype(float) for plane in cv2.split(cv2.cvtColor(images.reshape(-1, 64, 3), cv2.COLOR_RGB2YCrCb))
        )
        opposite = cv2.merge([y, 256 - r, 256 - b]).round().clip(0, 255).astype(np.uint8)
        recoloured = cv2.cvtColor(opposite, cv2.COLOR_YCrCb2RGB).reshape(images.shape)
        encode = Composition().encode
        assert np.abs(recoloured.astype(int) - images).mean() > 15
        assert (encode(images) * encode(recoloured)).sum(axis=1).min() > 0.95
        assert (encode(images) * encode(images[:, :, ::-1].copy())).sum(axis=1).max() < 0.6

    def test_brighter_or_with_less_contrast_is_the_same_composition(self) -> None:
        images = posters((96, 64), 8)
        faded = images // 2 + 60
        assert (Composition().encode(images) * Composition().encode(faded)).sum(axis=1).min() > 0.95

    def test_a_flat_picture_is_like_flat_pictures_only(self) -> None:
        vectors = Composition().encode(np.concatenate([plain((9, 9, 9)), plain((255, 0, 80)), posters((96, 64), 1)]))
        flat = np.zeros(Composition.spec.dimension)
        flat[-1] = 1
        np.testing.assert_array_equal(vectors[:2], [flat, flat])
        assert vectors[2] @ flat < 0.2


def test_real_posters_find_their_other_scan_first() -> None:
    """Another file of the same artwork is the nearest of 400 posters, nearly always, for every built-in encoder."""
    table = DATA / "versions.csv"
    if not table.exists():
        pytest.skip(f"no real posters: {table} is not there (set POSTERITY_DATA)")
    with table.open(newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["relation"] == "same_art"][:400]
    files = [DATA / "versions" / row["file"] for row in rows[:60]]
    files += [DATA / "posters" / f"{row['imdb_id']}.jpg" for row in rows]
    pictures = [cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_COLOR_RGB) for file in files]
    for name, least in (("pixels", 0.95), ("colour", 0.85), ("composition", 0.95)):
        encoder = ENCODERS.get(name)
        size = encoder.spec.size[::-1]
        vectors = encoder.encode(np.stack([cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in pictures]))
        distance = ((vectors[:60, None] - vectors[None, 60:]) ** 2).sum(axis=2)
        assert (distance.argmin(axis=1) == np.arange(60)).mean() >= least, name
