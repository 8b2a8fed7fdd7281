"""Write the trained student as ONNX: ``python -m training.export --work DIR``.

The averaged weights of the last checkpoint become ``DIR/poster.onnx``, of which :mod:`training.quantise` makes the
encoder in the box: uint8 pictures (n, 192, 128, 3) in, vectors (n, 384) out. The vectors are the network's pooled
features in their first 384 principal directions on the training side, partly whitened (:data:`WHITENING`): the head
that training used has learned the training films too well. They are then turned at random, which changes no distance
and no angle, but spreads what counts over all dimensions: a probe that standardises each dimension would otherwise blow
up the last directions. Batch norms are folded into convolutions, and weights are stored as float16, to be widened when
the network is loaded: half the size, and the same vectors to three decimals.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import cv2
import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from training import data
from training.network import DIMENSION, HEIGHT, WIDTH, PosterNet

EXPORTED = "poster.onnx"
TARGET = Path(__file__).parents[1] / "src" / "posterity" / "encoders" / "poster.onnx"
"""The encoder in the box."""

WHITENING = 0.25
"""Directions are divided by this power of their deviation: 0 leaves the large ones large, 1 makes all count alike."""


class Whole(nn.Module):
    """The student as it is shipped: from decoded pixels to vectors, the projection as a 1×1 convolution.

    A convolution computes each picture on its own, whatever the batch; a matrix product may not.
    """

    def __init__(self, net: PosterNet, weight: torch.Tensor, bias: torch.Tensor) -> None:
        super().__init__()
        self.net = net
        self.project = nn.Conv2d(weight.shape[1], weight.shape[0], 1)
        self.project.weight.data = weight[:, :, None, None].clone()
        self.project.bias.data = bias.clone()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """uint8 (n, 192, 128, 3) -> (n, 384), of any length."""
        x = images.permute(0, 3, 1, 2).float()
        x = self.net.body((x - self.net.mean) * self.net.scale)
        return self.project(x.mean((2, 3), keepdim=True)).flatten(1)


def averaged(checkpoint: Path) -> PosterNet:
    """Read the averaged weights of a checkpoint."""
    state = torch.load(checkpoint, weights_only=True, map_location="cpu")["averaged"]
    net = PosterNet()
    net.load_state_dict({name.removeprefix("module."): value for name, value in state.items() if name != "n_averaged"})
    return net.eval()


def projection(net: PosterNet, pixels: NDArray[np.uint8], rows: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Find the partly whitened, turned principal directions of pooled features: weight (384, 768), bias (384,)."""
    found = []
    with torch.inference_mode():
        for start in range(0, len(rows), 32):
            some = [np.asarray(pixels[i]) for i in rows[start : start + 32]]
            images = np.stack([cv2.resize(one, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA) for one in some])
            x = torch.from_numpy(images).permute(0, 3, 1, 2).float()
            found.append(net.features(x.contiguous(memory_format=torch.channels_last)))
    features = torch.cat(found).double()
    mean = features.mean(0)
    _, spread, directions = torch.linalg.svd(features - mean, full_matrices=False)
    weight = directions[:DIMENSION] / (spread[:DIMENSION, None] / len(rows) ** 0.5) ** WHITENING
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(DIMENSION, DIMENSION)))
    weight = torch.from_numpy(turn) @ weight
    return weight.float(), -(weight @ mean).float()


def to_onnx(net: PosterNet, weight: torch.Tensor, bias: torch.Tensor) -> onnx.ModelProto:
    """Write the network as ONNX, its large weights as float16."""
    out = io.BytesIO()
    torch.onnx.export(
        Whole(net, weight, bias).eval(), torch.zeros(2, HEIGHT, WIDTH, 3, dtype=torch.uint8), out, dynamo=False,
        opset_version=17,
        input_names=["images"], output_names=["vectors"], dynamic_axes={"images": {0: "n"}, "vectors": {0: "n"}},
    )  # fmt: skip
    model = onnx.load_from_string(out.getvalue())
    model.doc_string = "Posterity's own poster network; training/MODEL_CARD.md"
    widened, kept = [], []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < 256:
            kept.append(tensor)
            continue
        kept.append(numpy_helper.from_array(values.astype(np.float16), f"{tensor.name}.half"))
        widened.append(helper.make_node("Cast", [f"{tensor.name}.half"], [tensor.name], to=TensorProto.FLOAT))
    nodes = [*widened, *model.graph.node]
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return model


def main() -> None:
    """Write the encoder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    args = parser.parse_args()
    items = data.pictures()
    net = averaged(args.work / "checkpoint.pt").to(memory_format=torch.channels_last)
    learned = [i for i, item in enumerate(items) if not item.test]
    model = to_onnx(net, *projection(net, data.pack(items, args.work), learned)).SerializeToString()
    (args.work / EXPORTED).write_bytes(model)
    print(f"{args.work / EXPORTED}: {len(model) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
