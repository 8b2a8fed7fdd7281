"""The teacher's answers: what each of several known networks sees in each poster, computed once, kept on disk.

    python -m training.teacher --material DIR --out DIR [--looks NAME ...]

A *look* is a network, the size that it sees a poster at, and whether it sees it mirrored: :data:`LOOKS`, in the order
of their worth. Each has a folder of its own, with

- ``look.json``: what made the answers: the network, its weights' SHA-256, the size, and how posters were fitted;
- ``files.csv``: the pictures' names and sizes in bytes, a row each;
- ``00000.npy``, ``00001.npy``, …: float16 (64, d), the answers to rows 0 to 63, 64 to 127 and so on; the last may
  be shorter.

Every file is written whole or not at all, so a run may be killed at any time, loses the chunk under way (about a
second), and goes on where it stopped when it is started again. Pictures that came since are added at the end. Where a
picture, the weights or a size is another than before, it stops and says so: answers of two kinds are never mixed.

Features are the network's pooled last map, neither centred nor scaled, in full precision (bf16, twice as fast, is off
by a cosine of up to .003 with these weights), and stored as float16. Posters are decoded and fitted as
``posterity embed`` does.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import os
import time
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from posterity.encoders import runtime
from posterity.encoders.known import KNOWN
from posterity.encoders.networks import building, weights
from posterity.images import decode, fit, tier
from training.data import DATA

CHUNK, BATCH = 64, 8
FIT = "native"

FOLDERS = ("posters", "extra", "versions", "large")
"""Of pictures, below the data folder."""
MORE = ("more", "more_versions")
"""Of pictures, below the folder that ``extract_more.py`` wrote."""


@dataclass(frozen=True)
class Look:
    """How a poster is looked at.

    Attributes:
        network: A name in ``KNOWN``.
        height: Of the picture that the network sees.
        width: Of it.
        mirrored: Whether it sees the poster mirrored, left to right.
    """

    network: str
    height: int
    width: int
    mirrored: bool = False

    @property
    def name(self) -> str:
        """Its folder's name."""
        return f"{self.network}-{self.width}x{self.height}{'-mirrored' if self.mirrored else ''}"

    @cached_property
    def file(self) -> Path:
        """The network's weights."""
        network = KNOWN[self.network]
        shared = DATA.parent / "weights" / f"{self.network}.safetensors"
        found = shared if shared.is_file() else weights.find(network)
        return found or weights.fetch(network)

    def model(self) -> bytes:
        """The network as ONNX."""
        return building.written(KNOWN[self.network], self.file, (self.height, self.width), crops=False)


_PLAIN = (
    Look("efficientnet_lite2", 384, 256),
    Look("mobilenet_v2", 240, 160),
    Look("efficientnet_lite0", 288, 192),
    Look("efficientnet_lite1", 288, 192),
    Look("efficientnet_lite2", 288, 192),
)

LOOKS = {
    look.name: look for look in (*_PLAIN, *(Look(one.network, one.height, one.width, mirrored=True) for one in _PLAIN))
}
"""The looks, by name, in the order that they are computed in."""


def pictures(material: Path | None) -> dict[str, Path]:
    """List all pictures, as ``posters/tt….jpg``, and where they lie."""
    found = {}
    for root, folders in ((DATA, FOLDERS), *([(material, MORE)] if material else [])):
        for folder in folders:
            found |= {f"{folder}/{path.name}": path for path in sorted((root / folder).iterdir())}
    return found


def compute(look: Look, found: dict[str, Path], folder: Path, by: str) -> None:
    """Answer for all pictures that have no answer yet.

    Args:
        look: How they are looked at.
        found: The pictures, by name.
        folder: Where all looks' answers lie.
        by: The runtime: ``openvino`` or ``onnxruntime``, which agree to five decimals.

    Raises:
        SystemExit: The answers that are there were made from something else.
    """
    here = folder / look.name
    here.mkdir(parents=True, exist_ok=True)
    names = _listed(look, found, here)
    run, size = None, (look.height, look.width)
    for number in range(-(-len(names) // CHUNK)):
        wanted, kept = names[number * CHUNK : (number + 1) * CHUNK], here / f"{number:05}.npy"
        if kept.is_file() and len(np.load(kept, mmap_mode="r")) == len(wanted):
            continue
        started, run = time.monotonic(), run or runtime.load(look.model(), by, "the teacher")
        images = np.empty((len(wanted), *size, 3), np.uint8)
        for row, name in enumerate(wanted):
            image = fit(decode(found[name].read_bytes(), tier(size)), size, FIT)
            images[row] = image[:, ::-1] if look.mirrored else image
        rows = runtime.batched(run, images, BATCH, KNOWN[look.network].dimension)
        out = io.BytesIO()
        np.save(out, rows.astype(np.float16))
        _write(kept, out.getvalue())
        done, rate = number * CHUNK + len(wanted), len(wanted) / (time.monotonic() - started)
        if number % 16 == 15 or done == len(names):
            print(f"{time.strftime('%H:%M:%S')} {look.name}: {done:,} of {len(names):,}, {rate:.0f}/s", flush=True)


def answers(look: Look, folder: Path) -> tuple[list[str], NDArray[np.float16]]:
    """Read a look's answers: the pictures' names, and float16 (n, d).

    Raises:
        SystemExit: They are not complete.
    """
    here = folder / look.name
    names = list(_read_list(here))
    chunks = [here / f"{number:05}.npy" for number in range(-(-len(names) // CHUNK))]
    read = [np.load(chunk) for chunk in chunks if chunk.is_file()]
    if not names or sum(map(len, read)) != len(names):
        raise SystemExit(f"{here}: answers for {sum(map(len, read))} of {len(names)} pictures: run training.teacher")
    return names, np.concatenate(read)


def _listed(look: Look, found: dict[str, Path], here: Path) -> list[str]:
    """Give the names in their order, after making sure that the answers there are of this look at these pictures."""
    made = asdict(look) | {
        "weights": hashlib.sha256(look.file.read_bytes()).hexdigest(), "fit": FIT, "precision": "float32",
    }  # fmt: skip
    note = here / "look.json"
    if not note.is_file():
        _write(note, json.dumps(made, indent=1).encode())
    elif json.loads(note.read_text(encoding="utf-8")) != made:
        raise SystemExit(f"{note} says that the answers were made otherwise: delete {here}, or name another folder")
    before = _read_list(here)
    sizes = {name: path.stat().st_size for name, path in found.items()}
    for name, size in before.items():
        if sizes.get(name) != size:
            raise SystemExit(f"{here}: {name} is gone or another picture than before: delete that folder")
    if set(sizes) - set(before):
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows((before | sizes).items())
        _write(here / "files.csv", out.getvalue().encode())
    return list(before | sizes)


def _read_list(here: Path) -> dict[str, int]:
    try:
        with (here / "files.csv").open(encoding="utf-8", newline="") as file:
            return {name: int(size) for name, size in csv.reader(file)}
    except FileNotFoundError:
        return {}


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_bytes(content)
    part.replace(path)


def main() -> None:
    """Compute the answers of the looks that are named, or of all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--material", type=Path, help="folder that extract_more.py wrote; without it, data alone")
    parser.add_argument("--out", type=Path, required=True, help="folder for the answers")
    parser.add_argument("--looks", nargs="+", choices=list(LOOKS), default=list(LOOKS), metavar="NAME")
    parser.add_argument("--runtime", choices=list(runtime.RUNTIMES), default="openvino")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    found = pictures(args.material)
    for name in args.looks:
        compute(LOOKS[name], found, args.out, args.runtime)


if __name__ == "__main__":
    main()
