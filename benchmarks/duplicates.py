"""Telling the same artwork: ours beside perceptual hashes and the cosine of a network, on real posters.

Each query is searched for among all 7,056 posters, and every pair that a method would call duplicates is counted:

- *versions*: the 700 other pictures of ``versions.csv`` of the same artwork. A perceptual hash made that list (none of
  them differs in more than 12 of 64 bits of pHash, none of the others in fewer than 18): there it cannot be beaten.
- *altered*: copies of 250 posters, made here: small and recompressed, cropped, with a band of another title, framed,
  grey, mirrored.

A pair is right if it is the query's own film, wrong if it is another film; but films that share one artwork (the
collection holds some, told by equal pixels or by hand, :data:`SHARED`) count for neither. Of the 700 other pictures of
``other_art``, how many each method takes for the same artwork is told beside: many are the same artwork, cropped.

Average precision sums the curve up; "recall at precision .99" is the operating point that a person would want. The
method's own operating point is told with both.
"""

from __future__ import annotations

import csv
import io
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.encoder_quality import encode
from benchmarks.harness import data, tell
from posterity.encoders import ENCODERS, available
from posterity.images import decode, hamming, perceptual_hash
from posterity.images.alignment import Alignment, align, keypoints
from posterity.numerics.neighbours.exact import Index
from posterity.numerics.scores.classification import average_precision
from posterity.runtime.parallel import n_workers, ordered_map
from posterity.search.duplicates import (
    HASH_BITS,
    MIN_INLIERS,
    MIN_OVERLAP,
    MIN_PLAIN,
    MIN_SCORE,
    NEAREST,
    rare_distance,
)

N_ALTERED = 250


def alterations(image: Image.Image) -> dict[str, Image.Image]:
    """Make what happens to posters."""
    w, h = image.size
    titled, framed = image.copy(), Image.new("RGB", (round(w * 1.16), round(h * 1.12)), (245, 245, 240))
    draw = ImageDraw.Draw(titled)
    draw.rectangle([0, round(h * 0.74), w, h], fill=(20, 20, 30))
    draw.text((w * 0.2, h * 0.82), "ANOTHER TITLE", fill=(240, 220, 60))
    framed.paste(image, (round(w * 0.08), round(h * 0.04)))
    return {
        "small": image.resize((max(1, w // 2), max(1, h // 2)), Image.Resampling.LANCZOS),
        "cropped": image.crop((round(w * 0.07), round(h * 0.1), round(w * 0.96), round(h * 0.93))),
        "titled": titled,
        "framed": framed,
        "grey": image.convert("L").convert("RGB"),
        "mirrored": image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    }


def jpeg(image: Image.Image, quality: int = 60) -> bytes:
    """Write a picture as a JPEG."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def value_of(found: Alignment) -> float:
    """Order alignments as :func:`same_artwork` decides them: what it accepts comes before what it refuses."""
    if found.inliers >= MIN_INLIERS and found.overlap >= MIN_OVERLAP:
        return found.score
    return found.plain - MIN_PLAIN + MIN_SCORE if found.plain >= MIN_PLAIN else found.score / 10


class Truth:
    """Queries, posters, and which pairs are right, wrong, or neither."""

    def __init__(self, kinds: list[str], films: list[str], own: list[str], shared: set[frozenset[str]]) -> None:
        self.kinds, self.films, self.own, self.shared = np.array(kinds), films, own, shared

    def curve(self, pairs: list[tuple[int, int, float]], kind: str) -> tuple[float, float, float]:
        """Compute average precision, the best recall at a precision of .99, and the score it is reached at."""
        rows = np.flatnonzero(self.kinds == kind)
        asked = set(rows.tolist())
        scores, right = [], []
        for query, poster, score in pairs:
            if query in asked and frozenset((self.films[query], self.own[poster])) not in self.shared:
                scores.append(score)
                right.append(self.films[query] == self.own[poster])
        truth, values = np.array(right, float), np.array(scores)
        if not truth.sum():
            return 0.0, 0.0, np.inf
        found = truth.sum() / len(rows)  # pairs that a method never gives are misses
        order = np.argsort(-values, kind="stable")
        hits, ranks = np.cumsum(truth[order]), np.arange(1, len(order) + 1)
        last = np.append(np.diff(values[order]) != 0, True)
        good = np.flatnonzero((hits / ranks >= 0.99) & last)
        recall = hits[good[-1]] / len(rows) if len(good) else 0.0
        return average_precision(values, truth) * found, recall, values[order][good[-1]] if len(good) else np.inf


def main() -> None:
    """Compare the methods."""
    import imagehash

    root = data()
    os.environ.setdefault("POSTERITY_WEIGHTS", str(root.parent / "weights"))
    files = sorted((root / "posters").glob("*.jpg"))
    own = [file.stem for file in files]
    place = {film: at for at, film in enumerate(own)}
    with (root / "versions.csv").open(encoding="utf-8") as file:
        listed = list(csv.DictReader(file))
    kinds, films, contents = [], [], []
    for row in listed:
        kinds.append("versions" if row["relation"] == "same_art" else "other_art")
        films.append(row["imdb_id"])
        contents.append((root / "versions" / row["file"]).read_bytes())
    for at in np.random.default_rng(0).choice(len(files), N_ALTERED, replace=False).tolist():
        for kind, image in alterations(Image.open(files[at]).convert("RGB")).items():
            kinds.append(kind)
            films.append(own[at])
            contents.append(jpeg(image))
    with tempfile.TemporaryDirectory() as folder:
        copies = []
        for at, content in enumerate(contents):
            copies.append(Path(folder) / f"{at:05}.jpg")
            copies[-1].write_bytes(content)
        truth = Truth(kinds, films, own, shared_artwork(files, own))
        methods = {
            "Posterity": lambda: ours(files, copies, False),
            "Posterity, mirrored too": lambda: ours(files, copies, True),
            "pHash (imagehash)": lambda: hashes(files, copies, imagehash.phash),
            "dHash (imagehash)": lambda: hashes(files, copies, imagehash.dhash),
        }
        if available(ENCODERS.get("mobilenet_v2")):
            methods["cosine of MobileNetV2 (imagededup's idea)"] = lambda: cosine("mobilenet_v2", files, copies)
        for name, method in methods.items():
            start = time.perf_counter()
            pairs = method()
            took = time.perf_counter() - start
            for kind in ("versions", "small", "cropped", "titled", "framed", "grey", "mirrored"):
                precision, recall, _ = truth.curve(pairs, kind)
                tell(f"{name}: {kind}", precision, "average precision", "recall at precision .99", recall)
            report_point(name, pairs, truth, place)
            tell(f"{name}: time", took, "s")


def report_point(name: str, pairs: list[tuple[int, int, float]], truth: Truth, place: dict[str, int]) -> None:
    """Tell recall and wrong pairs at the operating point: ours, and for others the one of precision .99."""
    every = [kind for kind in np.unique(truth.kinds) if kind not in ("other_art", "mirrored")]
    bar = (
        MIN_SCORE
        if name.startswith("Posterity")
        else max(truth.curve(pairs, kind)[2] for kind in ("versions", "titled"))
    )
    taken = [(q, p) for q, p, score in pairs if score >= bar]
    right = {q for q, p in taken if truth.films[q] == truth.own[p]}
    wrong = [
        (q, p) for q, p in taken
        if truth.films[q] != truth.own[p] and frozenset((truth.films[q], truth.own[p])) not in truth.shared
    ]  # fmt: skip
    recall = float(np.mean([np.isin(np.flatnonzero(truth.kinds == kind), list(right)).mean() for kind in every]))
    tell(f"{name}: operating point {bar:.3g}", recall, "mean recall", "pairs of other films", len(wrong))
    others = np.flatnonzero(truth.kinds == "other_art")
    tell(f"{name}: of other_art taken for the same", float(np.isin(others, list(right)).mean()), "share")


def shared_artwork(files: list[Path], own: list[str]) -> set[frozenset[str]]:
    """List the films of the collection whose posters show the same artwork, as far as they do so pixel by pixel."""
    prints = np.array([perceptual_hash(decode(file.read_bytes())) for file in files], np.uint64)
    found = set()
    for at in range(len(files)):
        for other in np.flatnonzero(hamming(prints[at], prints) <= 10).tolist():
            if other > at:
                found.add(frozenset((own[at], own[other])))
    return found


def ours(files: list[Path], copies: list[Path], mirrored: bool) -> list[tuple[int, int, float]]:
    """Find candidates, lay them over each other, and give the values."""
    encoder = ENCODERS.get("poster")
    posters = encode(encoder, files)
    index = Index([str(i) for i in range(len(files))], posters, "cosine")
    radius = rare_distance(posters, "cosine")
    prints = np.array([perceptual_hash(decode(file.read_bytes())) for file in files], np.uint64)
    looks = [encode(encoder, copies)]
    if mirrored:
        with tempfile.TemporaryDirectory() as folder:
            turned = []
            for file in copies:
                turned.append(Path(folder) / file.name)
                Image.open(file).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(turned[-1], quality=95)
            looks.append(encode(encoder, turned))
    known: dict[int, object] = {}

    def one(query: int) -> list[tuple[int, int, float]]:
        picture = decode(copies[query].read_bytes(), (192, 128))
        best: dict[int, float] = {}
        for turn, vectors in enumerate(looks):
            rows, distances = index.nearest(vectors[query], NEAREST)
            candidates = set(rows[distances <= radius].tolist())
            if turn == 0:
                own = perceptual_hash(picture)
                candidates |= set(np.flatnonzero(hamming(np.uint64(own), prints) <= HASH_BITS).tolist())
            points = keypoints(np.ascontiguousarray(picture[:, ::-1]) if turn else picture)
            for poster in candidates:
                if poster not in known:
                    known[poster] = keypoints(decode(files[poster].read_bytes(), (192, 128)))
                value = value_of(align(points, known[poster]))
                best[poster] = max(best.get(poster, 0.0), value)
        return [(query, poster, value) for poster, value in best.items()]

    return [pair for pairs in ordered_map(one, range(len(copies)), n_workers()) for pair in pairs]


def hashes(files: list[Path], copies: list[Path], method: Callable[..., object]) -> list[tuple[int, int, float]]:
    """Give the pairs that differ in at most 20 bits, and minus the number of bits."""

    def bits(file: Path) -> np.uint64:
        return np.uint64(int(str(method(Image.open(file))), 16))

    posters = np.array(list(ordered_map(bits, files, n_workers())), np.uint64)
    pairs = []
    for query, own in enumerate(ordered_map(bits, copies, n_workers())):
        apart = hamming(own, posters)
        pairs += [(query, poster, -float(apart[poster])) for poster in np.flatnonzero(apart <= 20).tolist()]
    return pairs


def cosine(name: str, files: list[Path], copies: list[Path]) -> list[tuple[int, int, float]]:
    """Give the ten nearest posters of each by a network's features, and their cosine similarities."""
    encoder = ENCODERS.get(name)
    posters, looks = encode(encoder, files), encode(encoder, copies)
    near = looks @ posters.T
    order = np.argsort(-near, axis=1)[:, :10]
    return [(q, int(p), float(near[q, p])) for q in range(len(copies)) for p in order[q]]


if __name__ == "__main__":
    main()
