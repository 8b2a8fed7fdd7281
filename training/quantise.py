"""Make the encoder in the box of the network in whole numbers: ``python -m training.quantise --work DIR [--write]``.

Static quantisation by ONNX Runtime, calibrated on posters of the training side: activations of 8 bits, weights of 7
bits a channel, with which no processor's sums of products overflow (with 8 those of processors without VNNI do). The
first layer, which sees the pixels, stays as it is. Prints what it costs (figures on held-out films, cosine to the full
network) and gains (speed, size), and with ``--write`` makes it the encoder in the box.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from posterity.encoders import runtime
from posterity.encoders.poster import BATCH
from posterity.search.evaluation import score_vectors
from training import data
from training.export import EXPORTED, TARGET
from training.network import HEIGHT, WIDTH

CALIBRATION = 320


class Posters(CalibrationDataReader):  # type: ignore[misc]
    """Gives batches of pictures to calibrate on."""

    def __init__(self, pictures: NDArray[np.uint8]) -> None:
        self.batches: Iterator[NDArray[np.uint8]] = (pictures[i : i + BATCH] for i in range(0, len(pictures), BATCH))

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        """Give the next batch, None after the last."""
        batch = next(self.batches, None)
        return None if batch is None else {"images": batch}


def widened(model: onnx.ModelProto) -> onnx.ModelProto:
    """Turn weights stored as float16 into plain float32 ones, which the quantiser looks for."""
    halves = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer if t.name.endswith(".half")}
    kept = [t for t in model.graph.initializer if t.name not in halves]
    for node in [n for n in model.graph.node if n.op_type == "Cast" and n.input[0] in halves]:
        kept.append(onnx.numpy_helper.from_array(halves[node.input[0]].astype(np.float32), node.output[0]))
        model.graph.node.remove(node)
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    return model


def speed(model: bytes) -> float:
    """Run a model on two threads: posters a second."""
    run = runtime.load(model, "onnxruntime", "the network")
    images = np.random.default_rng(0).integers(0, 256, (BATCH, HEIGHT, WIDTH, 3), dtype=np.uint8)
    run(images)
    with ThreadPoolExecutor(2) as pool:
        start = time.perf_counter()
        list(pool.map(lambda _: [run(images) for _ in range(25)], range(2)))
        return 2 * 25 * BATCH / (time.perf_counter() - start)


def main() -> None:
    """Quantise, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder of the training, with what export wrote")
    parser.add_argument("--write", action="store_true", help=f"write it to {TARGET}")
    args = parser.parse_args()
    items = data.pictures()
    pixels = data.pack(items, args.work)

    def shown(rows: list[int]) -> NDArray[np.uint8]:
        return np.stack(
            [cv2.resize(np.asarray(pixels[i]), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA) for i in rows]
        )

    learned = [i for i, item in enumerate(items) if not item.test]
    held = [i for i, item in enumerate(items) if item.test and item.kind == "poster"]
    with tempfile.TemporaryDirectory() as scratch:
        whole, small = Path(scratch) / "whole.onnx", Path(scratch) / "small.onnx"
        model = widened(onnx.load(args.work / EXPORTED))
        onnx.save(model, whole)
        first = next(node.name for node in model.graph.node if node.op_type == "Conv")
        quantize_static(
            whole, small, Posters(shown(learned[:: len(learned) // CALIBRATION][:CALIBRATION])),
            quant_format=QuantFormat.QDQ, per_channel=True, activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8, reduce_range=True, nodes_to_exclude=[first],
        )  # fmt: skip
        models = {"float32": (args.work / EXPORTED).read_bytes(), "int8": small.read_bytes()}
    pictures = shown(held)
    vectors = {
        name: runtime.unit(runtime.batched(runtime.load(model, "onnxruntime", "the network"), pictures, BATCH, 384))
        for name, model in models.items()
    }
    for name, model in models.items():
        scores = score_vectors(
            name, vectors[name], "cosine", [items[i].genres for i in held], [items[i].collection for i in held],
            [items[i].film for i in held],
        )  # fmt: skip
        cosine = float((vectors[name] * vectors["float32"]).sum(1).mean())
        line = {"bytes": len(model), "posters_a_second": round(speed(model)), "cosine": round(cosine, 4)}
        print(json.dumps({"model": name} | line | {k: str(v) for k, v in vars(scores).items()}))
    if args.write:
        TARGET.write_bytes(models["int8"])
        print(f"{TARGET}: {len(models['int8']) / 1e6:.2f} MB, SHA-256 {hashlib.sha256(models['int8']).hexdigest()}")


if __name__ == "__main__":
    main()
