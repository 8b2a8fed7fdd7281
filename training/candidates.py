"""What students of other shapes would cost: ``python -m training.candidates [--only NAME ...]``.

A table of networks that could take the place of :class:`training.network.PosterNet`: their size in whole numbers, their
multiplications, how many posters a second of one core's time they encode (ONNX Runtime and OpenVINO, in whole numbers
and in floating point), and how many they are trained with. Weights are random: they decide none of this. Times are
processor time of one thread, the best of several, so that other work on the machine disturbs them little.
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
from torch import nn

from posterity.encoders import runtime
from posterity.encoders.networks.building import libraries
from training.network import DIMENSION, ConvNorm, Inverted, Residual
from training.quantise import Posters

SIZES = ((192, 128), (240, 160), (288, 192))
BATCH, TRAINED = 16, 32


def convolutional(
    early: tuple[int, int, int], middle: tuple[int, int], late: tuple[int, int], head: int
) -> nn.Sequential:
    """Build a network of the shipped one's shape: 3×3 convolutions early, inverted residuals late.

    Args:
        early: Channels at a half, a quarter and an eighth of the picture's size.
        middle: Channels and blocks at a sixteenth.
        late: Channels and blocks at a thirty-second.
        head: Channels that are pooled.
    """
    first, second, third = early
    return nn.Sequential(
        ConvNorm(3, first, 3, 2), ConvNorm(first, second, 3, 2), Residual(second),
        ConvNorm(second, third, 3, 2), Residual(third),
        ConvNorm(third, middle[0], 3, 2), *(Inverted(middle[0]) for _ in range(middle[1])),
        ConvNorm(middle[0], late[0], 3, 2), *(Inverted(late[0]) for _ in range(late[1])),
        ConvNorm(late[0], head, 1),
    )  # fmt: skip


def from_timm(name: str) -> Callable[[], nn.Module]:
    """Give what builds one of timm's networks up to its last feature map, with random weights."""

    def build() -> nn.Module:
        class Maps(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.net = libraries("timm")[1].create_model(name, pretrained=False, num_classes=0)

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                """(n, 3, h, w) -> (n, c, h / 32, w / 32)."""
                maps: torch.Tensor = self.net.forward_features(x)
                return maps

        return Maps()

    return build


CANDIDATES: dict[str, Callable[[], nn.Module]] = {
    "shipped": lambda: convolutional((24, 48, 96), (144, 3), (224, 3), 768),
    "medium": lambda: convolutional((24, 48, 96), (192, 5), (288, 4), 960),
    "large": lambda: convolutional((32, 64, 128), (224, 6), (336, 5), 1280),
    "efficientnet_lite0": from_timm("tf_efficientnet_lite0"),
    "mobilenetv4_small": from_timm("mobilenetv4_conv_small"),
    "mobilenetv4_medium": from_timm("mobilenetv4_conv_medium"),
    "regnetx_006": from_timm("regnetx_006"),
    "resnet18": from_timm("resnet18"),
}


class Whole(nn.Module):
    """A candidate as it would ship: from decoded pixels to vectors."""

    def __init__(self, body: nn.Module, size: tuple[int, int]) -> None:
        super().__init__()
        self.body = body
        for norm in (layer for layer in body.modules() if isinstance(layer, nn.BatchNorm2d)):
            nn.init.uniform_(norm.weight, 0.5, 1.0)  # as after training: what is alike, or 0, the exporter shares,
            nn.init.normal_(norm.bias, std=0.1)  # and a bias that is shared stays a float
        with torch.no_grad():
            channels = body.eval()(torch.zeros(1, 3, *size)).shape[1]
        self.project = nn.Conv2d(channels, DIMENSION, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """uint8 (n, h, w, 3) -> (n, 384)."""
        return self.vectors((images.permute(0, 3, 1, 2).float() - 115) / 58)

    def vectors(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 3, h, w), normalised -> (n, 384)."""
        projected: torch.Tensor = self.project(self.body(x).mean((2, 3), keepdim=True))
        return projected.flatten(1)


def multiplications(net: Whole, size: tuple[int, int]) -> int:
    """Count the multiplications that a poster takes."""
    found = 0

    def count(layer: Any, _: Any, out: torch.Tensor) -> None:
        nonlocal found
        found += layer.weight[0].numel() * out[0].numel()

    hooks = [layer.register_forward_hook(count) for layer in net.modules() if isinstance(layer, nn.Conv2d)]
    with torch.no_grad():
        net.eval().vectors(torch.zeros(1, 3, *size))
    for hook in hooks:
        hook.remove()
    return found


def exported(net: Whole, pictures: NDArray[np.uint8]) -> tuple[bytes, bytes]:
    """Write a candidate as ONNX: in floating point, and in whole numbers as the shipped network is."""
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net.eval(), torch.from_numpy(pictures[:2]), out, dynamo=False, opset_version=17, input_names=["images"],
            output_names=["vectors"], dynamic_axes={"images": {0: "n"}, "vectors": {0: "n"}},
        )  # fmt: skip
    model = onnx.load_from_string(out.getvalue())
    first = next(node.name for node in model.graph.node if node.op_type == "Conv")
    with tempfile.TemporaryDirectory() as scratch:
        whole, small = Path(scratch) / "whole.onnx", Path(scratch) / "small.onnx"
        onnx.save(model, whole)
        quantize_static(
            whole, small, Posters(pictures), quant_format=QuantFormat.QDQ, per_channel=True, reduce_range=True,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, nodes_to_exclude=[first],
        )  # fmt: skip
        return out.getvalue(), small.read_bytes()


def rate(step: Callable[[], Any], posters: int, seconds: float = 1.0) -> float:
    """Run a step again and again, and give the posters a second of processor time of the best one."""
    step()
    best, started = 0.0, time.process_time()
    while time.process_time() - started < seconds:
        before = time.process_time()
        step()
        best = max(best, posters / (time.process_time() - before))
    return best


def training_rate(net: Whole, size: tuple[int, int]) -> float:
    """Train with random pictures, in bf16: posters a second of one core."""
    net = net.train().to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-4, fused=True)
    x = torch.randn(TRAINED, 3, *size).contiguous(memory_format=torch.channels_last)

    def step() -> None:
        optimiser.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            loss = net.vectors(x).float().square().mean()
        loss.backward()
        optimiser.step()

    return rate(step, TRAINED, 3.0)


def measured(name: str, size: tuple[int, int]) -> dict[str, Any]:
    """Measure one candidate at one size."""
    net = Whole(CANDIDATES[name](), size)
    pictures = np.random.default_rng(0).integers(0, 256, (BATCH, *size, 3), dtype=np.uint8)
    line: dict[str, Any] = {
        "candidate": name, "size": f"{size[1]}x{size[0]}",
        "million_multiplications": multiplications(net, size) / 1e6,
    }  # fmt: skip
    whole, small = exported(net, pictures)
    line |= {"float32_megabytes": len(whole) / 1e6, "int8_megabytes": len(small) / 1e6}
    for label, model, by in (
        ("int8", small, "onnxruntime"), ("float32", whole, "onnxruntime"), ("int8_openvino", small, "openvino"),
        ("float32_openvino", whole, "openvino"),
    ):  # fmt: skip
        run = runtime.load(model, by, "the network")
        line[label] = rate(lambda run=run: run(pictures), BATCH)  # type: ignore[misc]
    line["training"] = training_rate(net, size)
    return {key: round(value, 2) if isinstance(value, float) else value for key, value in line.items()}


def main() -> None:
    """Measure the candidates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(CANDIDATES), default=list(CANDIDATES), metavar="NAME")
    parser.add_argument("--sizes", nargs="+", type=int, choices=[w for _, w in SIZES], default=[w for _, w in SIZES])
    parser.add_argument("--out", type=Path, help="file to which a line of JSON is added for each")
    args = parser.parse_args()
    torch.set_num_threads(1)
    for name in args.only:
        for size in (size for size in SIZES if size[1] in args.sizes):
            line = json.dumps(measured(name, size))
            print(line, flush=True)
            if args.out:
                with args.out.open("a", encoding="utf-8") as out:
                    out.write(line + "\n")


if __name__ == "__main__":
    main()
