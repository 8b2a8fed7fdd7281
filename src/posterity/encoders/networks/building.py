"""Networks with their weights, exported as ONNX.

Architectures come from their libraries (timm, torchvision, open_clip); networks whose weights come in a package are
exported by :mod:`posterity.encoders.networks.lite`, without PyTorch.
"""

from __future__ import annotations

import io
import sys
import warnings
from pathlib import Path
from typing import Any

from posterity.encoders.known import Network
from posterity.encoders.networks import lite
from posterity.encoders.networks.tensors import TensorsError, read_tensors
from posterity.encoders.networks.weights import WeightsError
from posterity.errors import MissingExtraError
from posterity.runtime.filenames import escape

_HEADS = ("fc.", "head.", "classifier.", "AuxLogits.", "pre_logits.", "last_linear.")
"""Prefixes of the classifier's tensors: they may be missing, and are ignored."""


def libraries(*names: str) -> list[Any]:
    """Import PyTorch and libraries that build networks with it.

    Raises:
        MissingExtraError: One of them is not installed.
    """
    try:
        import torch

        _complete_torchvision(torch)
        return [torch, *(__import__(name) for name in names)]
    except ImportError as error:
        raise MissingExtraError("running this network the first time", "networks") from error


def _complete_torchvision(torch: Any) -> None:
    """Declare torchvision's binary operators, if its binaries do not match this version of PyTorch.

    Without them torchvision cannot even be imported; no network here uses them.
    """
    if hasattr(torch.ops.torchvision, "nms") or "torchvision" in sys.modules:
        return
    try:
        import torchvision  # noqa: F401
    except (RuntimeError, AttributeError):
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "DEF")
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.define(
            "roi_align(Tensor input, Tensor rois, float spatial_scale, int pooled_height, int pooled_width, "
            "int sampling_ratio, bool aligned) -> Tensor"
        )
        _kept.append(library)  # the declarations disappear with the object


_kept: list[Any] = []


def build(network: Network, size: tuple[int, int]) -> Any:
    """Build a network, with random weights, that turns normalised pictures of a size into features.

    Raises:
        MissingExtraError: A library is not installed.
    """
    library = libraries(network.library)[1]
    if network.library == "open_clip":
        return library.create_model(network.architecture, pretrained=None, force_image_size=size[0]).eval()
    if network.library == "torchvision":
        return library.models.get_model(network.architecture, weights=None).eval()
    more = {"img_size": size} if network.architecture.startswith("vit_") else {}
    classes = 1000 if network.architecture.startswith("vgg") else 0
    return library.create_model(network.architecture, pretrained=False, num_classes=classes, **more).eval()


def features(network: Network, module: Any, x: Any) -> Any:
    """Run a network on normalised pictures (n, 3, h, w) and read its layer: (n, d)."""
    if network.library == "open_clip":
        return module.encode_image(x)
    if network.library == "torchvision":
        return module.features(x).mean((2, 3))
    if network.architecture.startswith("vgg"):
        maps = module.forward_features(x)
        return module.forward_head(maps, pre_logits=True).flatten(1) if network.layer == "fc2" else maps.mean((2, 3))
    return module(x)


def put_in(network: Network, module: Any, path: Path) -> None:
    """Load weights into a network.

    Keys may be the library's own, or ``conv<k>.weight`` and ``conv<k>.bias`` for the k-th convolution with its batch
    norm folded in, as converters from ONNX write them.

    Raises:
        WeightsError: The weights belong to another network.
    """
    torch, tensors = libraries("safetensors.torch")[0], _read(path)
    state = {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}
    if "conv0.weight" in state:
        state = _unfolded(network, module, state, torch, path)
    prepare = getattr(sys.modules[type(module).__module__], "checkpoint_filter_fn", None)
    if prepare is not None:
        state = prepare(state, module)
    try:
        missing, unexpected = module.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise _other(network, path, str(error).splitlines()[-1].strip()) from error
    wrong = [name for name in (*missing, *unexpected) if not name.startswith(_HEADS) and "num_batches" not in name]
    if network.layer == "fc2":
        wrong += [name for name in missing if name.startswith("pre_logits.")]
    if wrong:
        raise _other(network, path, f"{len(wrong)} of its tensors do not fit, the first {wrong[0]}")


def _read(path: Path) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(load_file(path))
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{escape(str(path))} is not a safetensors file: {error}", "Download it again.") from error


def _other(network: Network, path: Path, why: str) -> WeightsError:
    return WeightsError(
        f"{escape(str(path))} does not hold the weights of {network.name} "
        f"({network.library}'s {network.architecture}): {why}",
        "Give the file of that network's weights.",
    )


def _unfolded(network: Network, module: Any, state: dict[str, Any], torch: Any, path: Path) -> dict[str, Any]:
    """Turn folded weights into those of a batch norm that only adds the bias: the architecture stays as it is."""
    nn = torch.nn
    layers = [(name, m) for name, m in module.named_modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d)]
    convolutions = [i for i, (_, layer) in enumerate(layers) if isinstance(layer, nn.Conv2d)]
    out: dict[str, Any] = {}
    for k, i in enumerate(convolutions):
        if f"conv{k}.weight" not in state:
            if layers[i][0].startswith(_HEADS):
                continue
            raise _other(network, path, f"conv{k}.weight is missing")
        (name, _), bias = layers[i], state[f"conv{k}.bias"]
        out[f"{name}.weight"] = state[f"conv{k}.weight"]
        follower = layers[i + 1] if i + 1 < len(layers) else None
        if follower is not None and isinstance(follower[1], nn.BatchNorm2d):
            norm, ones = follower, torch.ones_like(bias)
            out |= {
                f"{norm[0]}.weight": ones,
                f"{norm[0]}.bias": bias,
                f"{norm[0]}.running_mean": torch.zeros_like(bias),
                f"{norm[0]}.running_var": ones - norm[1].eps,
            }
        else:
            out[f"{name}.bias"] = bias
    return out


def written(network: Network, file: Path, size: tuple[int, int], crops: bool) -> bytes:
    """Export a network with the weights of a file as ONNX: uint8 pictures (n, *size, 3) in, features (n, d) out.

    Args:
        network: The network.
        file: Its weights: safetensors, or the file of its package.
        size: Height and width of the pictures.
        crops: Whether to average features over three squares.

    Raises:
        WeightsError: The weights belong to another network.
        MissingExtraError: A library that builds it is not installed.
    """
    if file.suffix != ".pth":
        module = build(network, (network.square, network.square) if crops else size)
        put_in(network, module, file)
        return pictures_to_onnx(network, module, size, crops)
    try:
        tensors = read_tensors(file.read_bytes())
        return lite.pictures_to_onnx(network.architecture, tensors, size, network.colours, crops)
    except TensorsError as error:
        raise _other(network, file, str(error)) from error
    except KeyError as error:
        raise _other(network, file, f"{error} is missing") from error


def pictures_to_onnx(network: Network, module: Any, size: tuple[int, int], crops: bool) -> bytes:
    """Export a network as ONNX: uint8 pictures (n, h, w, 3) in, features (n, d) out; ``crops`` averages squares."""
    (torch,) = libraries()
    mean, deviation = (torch.tensor(values).view(1, 3, 1, 1) * 255 for values in network.colours)

    class Whole(torch.nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.module = module

        def forward(self, images: Any) -> Any:
            x = (images.permute(0, 3, 1, 2).float() - mean) / deviation
            if not crops:
                return features(network, self.module, x)
            height, side = x.shape[2], x.shape[3]
            parts = [x[:, :, top : top + side] for top in (0, (height - side) // 2, height - side)]
            return sum(features(network, self.module, part) for part in parts) / len(parts)

    return _to_onnx(torch, Whole(), torch.zeros(2, *size, 3, dtype=torch.uint8))


def text_to_onnx(module: Any, length: int) -> bytes:
    """Export the text side of an image–text network as ONNX: tokens (n, length) in, features (n, d) out."""
    (torch,) = libraries()

    class Text(torch.nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.module = module

        def forward(self, tokens: Any) -> Any:
            return self.module.encode_text(tokens)

    return _to_onnx(torch, Text(), torch.zeros(2, length, dtype=torch.int64))


def _to_onnx(torch: Any, module: Any, example: Any) -> bytes:
    out = io.BytesIO()
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # ONNX has no operator for it
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module.eval(), example, out, dynamo=False, opset_version=17,
                input_names=["input"], output_names=["vectors"],
                dynamic_axes={"input": {0: "n"}, "vectors": {0: "n"}},
            )  # fmt: skip
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    return out.getvalue()
