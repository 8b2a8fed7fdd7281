"""The student: a small convolutional network that reads a whole poster, 192×128, in its native 2:3 shape.

Plain 3×3 convolutions where the picture is large and channels are few, inverted residuals (Sandler et al. 2018) where
it is small and channels are many, in the spirit of EfficientNetV2 (Tan & Le 2021): depthwise convolutions and wide
layers over large pictures cost a CPU more time than their operations suggest, in training above all. Normalisation of
the input is part of the network, which reads plain RGB from 0 to 255.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

HEIGHT, WIDTH = 192, 128
DIMENSION = 384


class ConvNorm(nn.Sequential):
    """Convolution, batch norm and, if asked for, ReLU."""

    def __init__(self, i: int, o: int, kernel: int = 3, stride: int = 1, groups: int = 1, act: bool = True) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(i, o, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(o),
        ]
        super().__init__(*layers, *([nn.ReLU(inplace=True)] if act else []))


class Residual(nn.Module):
    """Two 3×3 convolutions beside a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(ConvNorm(channels, channels), ConvNorm(channels, channels, act=False))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, c, h, w) -> the same shape."""
        return F.relu(x + self.body(x))


class Inverted(nn.Module):
    """Widen, filter each channel, narrow, beside a shortcut."""

    def __init__(self, channels: int, widen: int = 4) -> None:
        super().__init__()
        hidden = channels * widen
        self.body = nn.Sequential(
            ConvNorm(channels, hidden, 1),
            ConvNorm(hidden, hidden, 3, 1, hidden),
            ConvNorm(hidden, channels, 1, act=False),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, c, h, w) -> the same shape."""
        return x + self.body(x)


class PosterNet(nn.Module):
    """(n, 3, 192, 128) RGB from 0 to 255 -> (n, 384), of unit length."""

    def __init__(self, dimension: int = DIMENSION) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([123.7, 116.3, 103.5]).view(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor(1 / 58.0))
        self.body = nn.Sequential(
            ConvNorm(3, 24, 3, 2),
            ConvNorm(24, 48, 3, 2),
            Residual(48),
            ConvNorm(48, 96, 3, 2),
            Residual(96),
            ConvNorm(96, 144, 3, 2),
            *(Inverted(144) for _ in range(3)),
            ConvNorm(144, 224, 3, 2),
            *(Inverted(224) for _ in range(3)),
            ConvNorm(224, 768, 1),
        )
        self.project = nn.Linear(768, dimension)

    def places(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 3, h, w) -> (n, 768, h / 32, w / 32)."""
        return self.body((x - self.mean) * self.scale)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 3, h, w) -> (n, 768), pooled."""
        return self.places(x).mean((2, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 3, 192, 128) -> (n, 384), of unit length."""
        return F.normalize(self.project(self.features(x)), dim=1)
