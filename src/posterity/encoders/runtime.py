"""Running a network in ONNX format: by ONNX Runtime, which comes with Posterity, or by OpenVINO, an extra.

A network reads pictures as decoded, uint8 (n, h, w, 3), and does everything else itself, so that nothing is computed in
Python. Each call uses one thread: the pipeline calls from several threads at once, which also decode, so the cores stay
busy without competing. On a GPU, if ONNX Runtime finds one, calls run one after another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posterity.errors import MissingExtraError, PosterityError, one_line
from posterity.registry import Registry
from posterity.runtime.filenames import escape
from posterity.runtime.parallel import n_workers

Run = Callable[[NDArray[Any]], NDArray[np.float32]]
"""A network ready to run: inputs of one batch -> float32 (n, d)."""


class BadNetworkError(PosterityError):
    """A file is not a usable network: it is truncated or damaged, or expects a different input."""


def onnxruntime(model: bytes) -> Run:
    """Load a model of one input and one output into ONNX Runtime.

    Raises:
        ValueError: The model cannot be loaded, or, when run, rejects its input.
    """
    import onnxruntime as ort
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    wanted = [
        name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in ort.get_available_providers()
    ]
    # These exceptions have no base class of their own.
    refusals = (state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf, state.NoModel,
                state.NoSuchFile, state.NotImplemented, state.RuntimeException)  # fmt: skip
    try:
        session = ort.InferenceSession(model, options, providers=wanted)
    except refusals as error:
        raise ValueError(str(error)) from error
    if len(session.get_inputs()) != 1 or not session.get_outputs():
        n_inputs, n_outputs = len(session.get_inputs()), len(session.get_outputs())
        raise ValueError(f"it has {n_inputs} inputs and {n_outputs} outputs, not one each")
    name = session.get_inputs()[0].name

    def run(batch: NDArray[Any]) -> NDArray[np.float32]:
        try:
            return np.asarray(session.run(None, {name: batch})[0], np.float32)
        except refusals as error:
            raise ValueError(str(error)) from error

    return run


def openvino(model: bytes) -> Run:
    """Load a model of one input and one output into OpenVINO, in full precision, so that both runtimes' vectors agree.

    Raises:
        MissingExtraError: OpenVINO is not installed.
        RuntimeError: The model cannot be loaded, or, when run, rejects its input.
    """
    try:
        import openvino as ov
    except ImportError as error:
        raise MissingExtraError("the runtime openvino", "openvino") from error
    import threading

    settings = {
        "INFERENCE_NUM_THREADS": 1,
        "NUM_STREAMS": n_workers(),
        "INFERENCE_PRECISION_HINT": "f32",
    }
    compiled = ov.Core().compile_model(ov.Core().read_model(model, b""), "CPU", settings)
    local = threading.local()

    def run(batch: NDArray[Any]) -> NDArray[np.float32]:
        if not hasattr(local, "request"):
            local.request = compiled.create_infer_request()  # cannot be shared between threads
        found = local.request.infer([np.ascontiguousarray(batch)], share_inputs=True)
        return np.array(found[0], np.float32)

    return run


RUNTIMES: Registry[Callable[[bytes], Run]] = Registry(
    "runtime",
    {name: f"posterity.encoders.runtime:{name}" for name in ("onnxruntime", "openvino")},
    group="posterity.runtimes",
    factories=True,
)
"""The runtimes, by name."""


def load(model: bytes, runtime: str, file: str, remedy: str = "Fetch or write it again.") -> Run:
    """Make a model ready to run.

    Args:
        model: The model, as ONNX.
        runtime: A name in :data:`RUNTIMES`.
        file: The file it came from, for error messages.
        remedy: What to do if it cannot be run, for error messages.

    Raises:
        UnknownNameError: There is no such runtime.
        MissingExtraError: The runtime is not installed.
        BadNetworkError: The model cannot be loaded, or, when run, rejects its input.
    """
    make = RUNTIMES.get(runtime)
    with _naming(file, remedy):
        found = make(model)

    def run(batch: NDArray[Any]) -> NDArray[np.float32]:
        with _naming(file, remedy):
            return found(batch)

    return run


@contextmanager
def _naming(file: str, remedy: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, RuntimeError) as error:
        if isinstance(error, PosterityError):
            raise
        why = one_line(error)
        raise BadNetworkError(f"{escape(file)} is not a usable network: {why}", remedy) from error


def batched(run: Run, rows: NDArray[Any], batch: int, dimension: int) -> NDArray[np.float32]:
    """Run rows in batches: float32 (n, d).

    Every batch is full, the last one by repeating a row, because libraries choose their arithmetic by the batch size:
    so a picture's vector does not depend on how many others are encoded with it.
    """
    out = np.empty((len(rows), dimension), np.float32)
    for start in range(0, len(rows), batch):
        some = rows[start : start + batch]
        n = len(some)
        if n < batch:
            some = np.concatenate([some, np.repeat(some[-1:], batch - n, axis=0)])
        out[start : start + n] = run(np.ascontiguousarray(some))[:n]
    return out


def unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale rows to unit length; a row of zeros becomes the unit vector with equal components."""
    length = np.sqrt(np.einsum("nd,nd->n", rows, rows, dtype=np.float64))[:, None]
    even = np.float32(1 / np.sqrt(rows.shape[1]))
    return np.where(length > 1e-20, rows / np.maximum(length, 1e-20), even).astype(np.float32)
