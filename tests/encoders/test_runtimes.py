"""The contract of runtimes, which every registered one keeps: the numbers are the network's, whoever runs it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files

import numpy as np
import pytest

from posterity.encoders.runtime import RUNTIMES, BadNetworkError, Run, load
from posterity.errors import MissingExtraError, UnknownNameError


@pytest.fixture(scope="module")
def model() -> bytes:
    return files("posterity.encoders").joinpath("poster.onnx").read_bytes()


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, 192, 128, 3), dtype=np.uint8)


@pytest.fixture(scope="module", params=list(RUNTIMES))
def named(request: pytest.FixtureRequest, model: bytes) -> tuple[str, Run]:
    """Each runtime with the network in the box; of one that is not installed, only that it says so."""
    name = str(request.param)
    try:
        return name, load(model, name, "poster.onnx")
    except MissingExtraError as error:
        assert "pip install 'posterity[" in str(error)
        pytest.skip(str(error))


class TestContract:
    """What encoders rely on, whichever runtime they are run by."""

    def test_vectors_are_those_of_any_other_runtime(
        self, named: tuple[str, Run], model: bytes, pictures: np.ndarray
    ) -> None:
        vectors = named[1](pictures)
        assert vectors.dtype == np.float32
        assert vectors.shape == (3, 384)
        reference = load(model, "onnxruntime", "poster.onnx")(pictures)
        # The network is quantised, and runtimes round to steps otherwise: the directions are one.
        cosines = (vectors * reference).sum(1) / np.linalg.norm(vectors, axis=1) / np.linalg.norm(reference, axis=1)
        assert cosines.min() > 0.998

    def test_the_same_batch_gives_the_same_to_the_bit_from_any_thread(
        self, named: tuple[str, Run], pictures: np.ndarray
    ) -> None:
        once = named[1](pictures).copy()
        with ThreadPoolExecutor(4) as pool:
            for vectors in pool.map(named[1], [pictures] * 8):
                np.testing.assert_array_equal(vectors, once)

    def test_a_file_that_is_no_network_is_named(self, named: tuple[str, Run], model: bytes) -> None:
        for damaged in (b"", b"no network", model[: len(model) // 2]):
            with pytest.raises(BadNetworkError, match=r"it\.onnx is not a usable network.*Do this"):
                load(damaged, named[0], "it.onnx", "Do this.")

    def test_an_array_that_it_does_not_read_is_refused(self, named: tuple[str, Run]) -> None:
        with pytest.raises(BadNetworkError, match=r"poster\.onnx is not a usable network"):
            named[1](np.zeros((2, 5), np.uint8))


def test_unknown_runtimes_are_refused(model: bytes) -> None:
    with pytest.raises(UnknownNameError, match="unknown runtime 'abacus'. Known: onnxruntime, openvino"):
        load(model, "abacus", "poster.onnx")
