"""The teacher of the first training: MobileNetV2 (Apache-2.0, ONNX model zoo) sees several views of a poster, once.

The whole poster is seen at three scales and in five overlapping parts: more than the student can see at once, which is
what makes a small network learn more from it than from labels alone.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from safetensors.torch import load_file

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)

VIEWS: dict[str, tuple[tuple[float, float, float, float], tuple[int, int]]] = {
    "small": ((0, 0, 1, 1), (192, 128)),
    "whole": ((0, 0, 1, 1), (240, 160)),
    "large": ((0, 0, 1, 1), (336, 224)),
    "top": ((0, 0, 2 / 3, 1), (208, 208)),
    "bottom": ((1 / 3, 0, 1, 1), (208, 208)),
    "middle": ((1 / 6, 1 / 8, 5 / 6, 7 / 8), (240, 176)),
}
"""View -> (top, left, bottom, right) as shares of the poster, and the height and width it is shown at."""


def mobilenet_v2(x: torch.Tensor, weights: dict[str, torch.Tensor]) -> torch.Tensor:
    """Run MobileNetV2 (Sandler et al. 2018), batch norms folded: (n, 3, h, w) normalised -> (n, 1280, h/32, w/32)."""
    number = iter(range(len(weights) // 2))

    def conv(x: torch.Tensor, stride: int = 1, groups: int = 1, act: bool = True) -> torch.Tensor:
        k = next(number)
        kernel = weights[f"conv{k}.weight"]
        x = F.conv2d(x, kernel, weights[f"conv{k}.bias"], stride, kernel.shape[-1] // 2, 1, groups)
        return x.clamp(0, 6) if act else x

    x = conv(conv(conv(x, 2), 1, 32), act=False)
    for stride in (2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1):
        y = conv(x)
        y = conv(conv(y, stride, y.shape[1]), act=False)
        x = x + y if y.shape == x.shape else y
    return conv(x)


def view(image: NDArray[np.uint8], name: str) -> NDArray[np.float32]:
    """Cut a view out of a poster: (3, h, w) normalised."""
    (top, left, bottom, right), (height, width) = VIEWS[name]
    h, w = image.shape[:2]
    part = image[round(top * h) : round(bottom * h), round(left * w) : round(right * w)]
    sized = cv2.resize(
        part, (width, height), interpolation=cv2.INTER_AREA if part.shape[0] > height else cv2.INTER_LINEAR
    )
    return np.ascontiguousarray(((sized.astype(np.float32) / 255 - MEAN) / STD).transpose(2, 0, 1))


def features(
    pixels: NDArray[np.uint8], weights_file: Path, folder: Path, batch: int = 32
) -> dict[str, NDArray[np.float16]]:
    """Compute, or read where they are kept, the teacher's features: view -> (n, 1280) float16."""
    weights = {name: value.float() for name, value in load_file(weights_file).items()}
    found = {}
    for name in VIEWS:
        file = folder / f"teacher_{name}.npy"
        if not file.exists():
            rows = []
            with torch.inference_mode():
                for start in range(0, len(pixels), batch):
                    x = torch.from_numpy(np.stack([view(image, name) for image in pixels[start : start + batch]]))
                    x = x.contiguous(memory_format=torch.channels_last)
                    with torch.autocast("cpu", torch.bfloat16):
                        rows.append(mobilenet_v2(x, weights).float().mean((2, 3)).numpy().astype(np.float16))
                    if start % (batch * 50) == 0:
                        print(f"teacher {name}: {start}/{len(pixels)}", flush=True)
            np.save(folder / f"part_{name}.npy", np.concatenate(rows))
            (folder / f"part_{name}.npy").rename(file)
        found[name] = np.load(file)
    return found


def maps(
    looks: Callable[[int, int], NDArray[np.uint8]],
    n: int,
    variants: int,
    weights_file: Path,
    folder: Path,
    directions: int,
) -> tuple[NDArray[np.float16], int]:
    """Compute, or read where they are kept, what the teacher sees in each place of each look at each picture.

    The teacher sees the very look that the student will see (a "consistent teacher", Beyer et al. 2022), and answers
    for each of 6×4 places: much more to learn from than one answer a picture. Answers are reduced to the principal
    directions of a sample of them.

    Args:
        looks: (picture, variant) -> uint8 (192, 128, 3).
        n: How many pictures.
        variants: How many looks at each.
        weights_file: The teacher's.
        folder: Where they are kept.
        directions: How many principal directions.

    Returns:
        float16 (n, variants, 24, directions), mapped into memory, and how many places a picture has.
    """
    file, places = folder / "maps.npy", 24
    if not file.exists():
        weights = {name: value.float() for name, value in load_file(weights_file).items()}

        def answer(images: list[NDArray[np.uint8]]) -> torch.Tensor:
            x = (
                torch.from_numpy(np.stack(images))
                .float()
                .div_(255)
                .sub_(torch.from_numpy(MEAN))
                .div_(torch.from_numpy(STD))
            )
            x = x.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
            with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
                return mobilenet_v2(x, weights).float().flatten(2).transpose(1, 2)

        rng = np.random.default_rng(0)
        sample = torch.cat([answer([looks(int(i), 0)]) for i in rng.choice(n, min(n, 1500), replace=False)]).flatten(
            0, 1
        )
        mean = sample.mean(0)
        _, spread, basis = torch.pca_lowrank(sample - mean, directions, center=False, niter=4)
        scale = spread / len(sample) ** 0.5
        kept = np.lib.format.open_memmap(folder / "maps.part.npy", "w+", np.float16, (n, variants, places, directions))
        with ThreadPoolExecutor(2) as pool:
            waiting: list[tuple[int, list[Future[NDArray[np.uint8]]]]] = []
            for i in range(n + 8):
                if i < n:
                    waiting.append((i, [pool.submit(looks, i, v) for v in range(variants)]))
                if i >= 8:
                    row, drawn = waiting.pop(0)
                    # Half-whitened: large directions count for more than small ones, but not for all.
                    seen = ((answer([look.result() for look in drawn]) - mean) @ basis) / (scale * scale[0]) ** 0.5
                    kept[row] = seen.numpy().astype(np.float16)
                    if row % 1000 == 0:
                        print(f"teacher's maps: {row}/{n}", flush=True)
        kept.flush()
        (folder / "maps.part.npy").rename(file)
    return np.load(file, mmap_mode="r"), places
