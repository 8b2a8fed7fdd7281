"""The networks, in PyTorch: from timm if it has them, else written here from their publication.

Each takes float32 RGB pictures (n, 3, h, w), normalised by its :data:`COLOURS`, and returns (n, l) scores.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from posterity.encoders.known import IMAGENET, KNOWN
from posterity.encoders.networks.building import libraries, put_in
from posterity.errors import ArgumentError, MissingExtraError
from posterity.learning.networks.config import TrainConfig

OWN = ((0.4851, 0.4561, 0.4059), (58 / 255, 58 / 255, 58 / 255))
"""Mean and deviation that the bundled encoder normalises by."""

COLOURS = {"poster": OWN, "seed-cnn": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))}
"""Network -> mean and deviation of colours from 0 to 1; ImageNet's for networks not listed."""

_TRAINED_LAST = 4


def colours_of(network: str) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Return the mean and deviation that a network's pictures are normalised by."""
    return COLOURS.get(network, IMAGENET)


def make(config: TrainConfig, n_labels: int, weights: Path | None = None) -> Any:
    """Build a network.

    Args:
        config: The network's configuration, with the seed of its random weights.
        n_labels: Number of labels, l.
        weights: A file of pretrained weights; None starts from random ones.

    Raises:
        ArgumentError: The network does not accept weights.
        MissingExtraError: PyTorch or timm is not installed.
        WeightsError: The file does not contain that network's weights.
    """
    torch = libraries()[0]
    torch.manual_seed(config.seed)
    if weights is not None and config.network in ("seed-cnn", "poster"):
        raise ArgumentError(
            f"the network {config.network!r} does not accept weights", "Leave them out; it uses its own or random ones."
        )
    name = config.network
    if name == "seed-cnn":
        net = _seed_cnn(torch, n_labels)
    elif name == "vgg16":
        net = _vgg16(torch, n_labels, config.size, weights)
    elif name == "deep-wide":
        net = _deep_wide(torch, n_labels, weights)
    elif name == "poster":
        net = _poster(torch, n_labels)
    else:
        net = _resnet(torch, name, n_labels, weights)
    if config.freeze:
        for parameter in net.parameters():
            parameter.requires_grad = False
        for parameter in net.head.parameters():
            parameter.requires_grad = True
    return net


def _seed_cnn(torch: Any, n_labels: int) -> Any:
    """Build the network of the multi-label article's Keras code: 200×150 input, valid convolutions."""
    nn = torch.nn
    layers: list[Any] = []
    for i, o in ((3, 16), (16, 32), (32, 64), (64, 64)):
        layers += [nn.Conv2d(i, o, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25)]
    dense = [nn.Flatten(), nn.Linear(64 * 8 * 5, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 64), nn.ReLU()]
    return _named(torch, nn.Sequential(*layers, *dense, nn.Dropout(0.5)), nn.Linear(64, n_labels))


def _vgg16(torch: Any, n_labels: int, size: tuple[int, int], weights: Path | None) -> Any:
    """Build VGG-16's convolutions, with the last four layers trainable, and a dense classifier."""
    nn = torch.nn
    (timm,) = libraries("timm")[1:]
    whole = timm.create_model("vgg16", pretrained=False, num_classes=1000)
    if weights is not None:
        put_in(KNOWN["vgg16"], whole, weights)
    convolutions = whole.features
    layers = [
        m for m in convolutions if isinstance(m, nn.Conv2d | nn.MaxPool2d)
    ]  # ReLU is not a separate layer in Keras
    for layer in layers[:-_TRAINED_LAST]:
        for parameter in layer.parameters():
            parameter.requires_grad = False
    width = 512 * (size[0] // 32) * (size[1] // 32)
    classifier = nn.Sequential(nn.Flatten(), nn.Linear(width, 256), nn.ReLU(), nn.Dropout(0.5))
    return _named(torch, nn.Sequential(convolutions, classifier), nn.Linear(256, n_labels))


def _resnet(torch: Any, name: str, n_labels: int, weights: Path | None) -> Any:
    """Build ResNet18 (K. He et al. 2015), with D's stem and shortcuts (T. He et al. 2019), or with Mish, or both."""
    (timm,) = libraries("timm")[1:]
    body = timm.create_model(name.removesuffix("-mish"), pretrained=False, num_classes=0)
    if weights is not None:
        if name.startswith("resnet18d"):
            _fitting(torch, body, weights)
        else:
            put_in(KNOWN["resnet18"], body, weights)
    elif name.startswith("resnet18d"):
        body.init_weights(zero_init_last=True)  # one of the tricks: each block starts as its shortcut
    if name.endswith("-mish"):
        _replace(torch, body, torch.nn.ReLU, torch.nn.Mish)
    return _named(torch, body, torch.nn.Linear(body.num_features, n_labels))


def _fitting(torch: Any, body: Any, path: Path) -> None:
    """Load ResNet18's weights into ResNet18-D where they fit; its stem and shortcuts start from random weights."""
    from safetensors.torch import load_file

    own = body.state_dict()
    state = {k: v.float() for k, v in load_file(path).items() if k in own and own[k].shape == v.shape}
    if len(state) < len(own) // 2:
        raise ArgumentError(f"{path} does not hold the weights of ResNet18", "Name a file that does.")
    body.load_state_dict(state, strict=False)


def _deep_wide(torch: Any, n_labels: int, weights: Path | None) -> Any:
    """Build the article's pair: a 3×3 convolution before both, another after both are joined, and a dense layer."""
    nn = torch.nn
    (timm,) = libraries("timm")[1:]

    class DeepWide(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1, bias=False), nn.BatchNorm2d(3), nn.ReLU())
            self.deep = timm.create_model("resnet18", pretrained=False, num_classes=0)
            self.wide = timm.create_model("wide_resnet50_2", pretrained=False, num_classes=0)
            self.join = nn.Sequential(
                nn.Conv2d(512 + 2048, 512, 3, padding=1, bias=False), nn.BatchNorm2d(512), nn.ReLU()
            )
            self.head = nn.Linear(512, n_labels)

        def forward(self, x: Any) -> Any:
            """(n, 3, h, w) -> (n, l)."""
            x = self.stem(x)
            maps = torch.cat([self.deep.forward_features(x), self.wide.forward_features(x)], 1)
            return self.head(self.join(maps).mean((2, 3)))

    net = DeepWide()
    if weights is not None:
        put_in(KNOWN["resnet18"], net.deep, weights)  # there are no weights for the wide one: it starts random
    return net


def _poster(torch: Any, n_labels: int) -> Any:
    """Build the bundled encoder, in full precision, from its ONNX file."""
    return _named(
        torch,
        from_onnx(files("posterity.encoders").joinpath("poster.onnx").read_bytes()),
        torch.nn.Linear(384, n_labels),
    )


def from_onnx(model: bytes) -> Any:
    """Turn the encoder's quantised ONNX into a trainable network: (n, 3, 192, 128) -> (n, 384).

    Quantisation of activations is dropped; where it replaced a ReLU by clipping at zero, the ReLU is restored.

    Raises:
        MissingExtraError: onnx is not installed.
    """
    torch = libraries()[0]
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError as error:
        raise MissingExtraError("fine-tuning the bundled encoder", "train") from error
    nn = torch.nn
    graph = onnx.load_model_from_string(model).graph
    known = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in known:
            values, scale, zero = (known[name] for name in node.input)
            axis = next((a.i for a in node.attribute if a.name == "axis"), 1) if scale.ndim else 0
            shape = [-1 if i == axis else 1 for i in range(values.ndim)] if scale.ndim else []
            known[node.output[0]] = (values.astype(np.float32) - zero.reshape(shape)) * scale.reshape(shape)

    class Encoder(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.steps: list[tuple[str, str, tuple[str, ...], str]] = []
            self.layers = nn.ModuleDict()
            same: dict[str, str] = {}
            for at, node in enumerate(graph.node):
                reads = tuple(same.get(name, name) for name in node.input)
                out, kind = node.output[0], node.op_type
                if kind in ("QuantizeLinear", "DequantizeLinear", "Transpose", "Cast", "Sub", "Mul"):
                    same[out] = reads[0]  # pictures arrive normalised, channels first
                    continue
                if kind == "Conv":
                    self.layers[str(at)] = _convolution(torch, node, known)
                if kind in ("Conv", "Add", "Relu") and "Relu_output" in out:
                    kind += "+Relu"
                self.steps.append((kind, str(at), tuple(name for name in reads if name not in known), out))

        def forward(self, x: Any) -> Any:
            held: dict[str, Any] = {}
            for kind, at, reads, out in self.steps:
                inputs = [held.get(name, x) for name in reads]
                if kind.startswith("Conv"):
                    y = self.layers[at](inputs[0])
                elif kind.startswith("Add"):
                    y = inputs[0] + inputs[1]
                elif kind == "ReduceMean":
                    y = inputs[0].mean((2, 3), keepdim=True)
                else:
                    y = inputs[0].flatten(1) if kind == "Flatten" else inputs[0]
                held[out] = torch.relu(y) if "Relu" in kind else y
            return y

    return Encoder()


def _convolution(torch: Any, node: Any, known: dict[str, Any]) -> Any:
    weight, bias = (torch.from_numpy(np.array(known[name], np.float32)) for name in node.input[1:])
    options = {attribute.name: attribute for attribute in node.attribute}
    layer = torch.nn.Conv2d(
        weight.shape[1] * options["group"].i, weight.shape[0], weight.shape[2], options["strides"].ints[0],
        options["pads"].ints[0] if "pads" in options else 0, groups=options["group"].i,
    )  # fmt: skip
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
    return layer


def _named(torch: Any, body: Any, head: Any) -> Any:
    """Join a body and a head, under these two names."""

    class Network(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = body, head

        def forward(self, x: Any) -> Any:
            """(n, 3, h, w) -> (n, l)."""
            return self.head(self.body(x))

    return Network()


def _replace(torch: Any, module: Any, old: type, new: type) -> None:
    for name, child in module.named_children():
        if isinstance(child, old):
            setattr(module, name, new(inplace=True))
        else:
            _replace(torch, child, old, new)


def measure_norms(net: Any, x: Any) -> int:
    """Set the statistics of folded batch norms from some pictures, without changing what the network computes.

    Weights released folded have every variance at 1: their output is right, but would change at the first training
    step, when a norm uses the statistics of its batch.

    Args:
        net: The pretrained network.
        x: (n, 3, h, w), normalised; a few dozen pictures.

    Returns:
        Number of norms whose statistics were set.
    """
    torch = libraries()[0]
    norms = [m for m in net.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    folded = [m for m in norms if bool((m.running_var + m.eps - 1).abs().max() < 1e-3)]

    def measure(norm: Any, inputs: tuple[Any, ...]) -> None:
        y = inputs[0].detach().float()
        mean, variance = y.mean((0, 2, 3)), y.var((0, 2, 3), unbiased=False)
        old = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        norm.bias.add_((mean - norm.running_mean) * old)
        norm.weight.copy_(old * torch.sqrt(variance + norm.eps))
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)

    handles = [norm.register_forward_pre_hook(measure) for norm in folded]
    net.eval()
    with torch.no_grad():
        net(x)
    for handle in handles:
        handle.remove()
    return len(folded)


def parameter_groups(net: Any, weight_decay: float) -> Iterator[dict[str, Any]]:
    """Group the trainable parameters: weights decay, biases and norms do not (T. He et al. 2019)."""
    learning = [p for p in net.parameters() if p.requires_grad]
    yield {"params": [p for p in learning if p.ndim > 1], "weight_decay": weight_decay}
    yield {"params": [p for p in learning if p.ndim <= 1], "weight_decay": 0.0}
