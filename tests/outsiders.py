"""A package of somebody else's that plugs something into every plug point, as if it were installed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

PLUGS = {
    "posterity.encoders": {"brightness": "outsider:Brightness"},
    "posterity.sources": {"outsider": "outsider:open_outsider"},
    "posterity.layouts": {"circle": "outsider:CIRCLE"},
    "posterity.orders": {"title": "outsider:BY_TITLE"},
    "posterity.engines": {"backstage": "outsider:Backstage"},
    "posterity.runtimes": {"tenfold": "outsider:tenfold"},
}

CODE = """
import numpy as np

from posterity.catalogue.provenance import CONTENT, Reads
from posterity.encoders import EncoderSpec
from posterity.encoders.runtime import onnxruntime
from posterity.layouts.orders import Order
from posterity.numerics.projection.methods import Method
from posterity.runtime.engines import Local
from posterity.sources import opening


class Brightness:
    spec = EncoderSpec("brightness", 3, (8, 8), "stretch", "euclidean", 1, "How bright each colour is")

    def encode(self, images):
        return (images.mean(axis=(1, 2)) / 255).astype(np.float32).reshape(-1, 3)


def open_outsider(source, ask):
    return opening.open_table(source, ask)


def around(Z, plane, layout, threads, progress):
    angle = 2 * np.pi * np.arange(len(Z)) / len(Z)
    return np.column_stack([np.cos(angle), np.sin(angle)])


CIRCLE = Method("Circle", around)


def by_title(room):
    titles = {row["id"]: row["title"] or "" for row in room.store.read(["title"], room.where).to_pylist()}
    cells, fixed = room.start()
    free = sorted(np.flatnonzero(~fixed).tolist(), key=lambda i: titles[room.ids[i]])
    cells[free] = np.sort(cells[~fixed])
    return cells


BY_TITLE = Order(by_title, Reads((CONTENT, "title")))


class Backstage(Local):
    pass


def tenfold(model):
    run = onnxruntime(model)
    return lambda batch: 10 * run(batch)
"""


def install(
    folder: Path,
    plugs: Mapping[str, Mapping[str, str]] = PLUGS,
    *,
    name: str = "outsider",
    code: str | None = CODE,
) -> Path:
    """Write a package as an installer would lay it down; give the folder to be put on ``sys.path``."""
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = []
    for group, points in plugs.items():
        lines += [f"[{group}]", *(f"{key} = {value}" for key, value in points.items()), ""]
    (metadata / "entry_points.txt").write_text("\n".join(lines))
    if code is not None:
        (folder / f"{name}.py").write_text(code)
    return folder
