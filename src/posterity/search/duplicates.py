"""Which posters of a catalogue show the same artwork: resized, recompressed, cropped, re-titled, recoloured, mirrored.

Candidates come cheaply: pairs with similar perceptual hashes, and nearest neighbours by an encoder's vectors that are
closer than all but one in :data:`RARE` pairs of the catalogue. Each candidate is then checked closely: one poster is
aligned with the other by local features, and the parts that overlap are compared (:mod:`posterity.images.alignment`).
So a shared logo, palette or layout does not count as shared artwork, but a crop with a different title does. Nothing is
ever deleted: a person decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from posterity.catalogue import Poster, Store
from posterity.catalogue.pictures import file_of
from posterity.catalogue.provenance import CONTENT, Reads
from posterity.embedding.pipeline import load_vectors
from posterity.encoders import ENCODERS, Encoder
from posterity.errors import ImageError
from posterity.images import decode, fit, near_pairs, tier
from posterity.images.alignment import Alignment, Keypoints, align, keypoints
from posterity.numerics.components import groups
from posterity.numerics.neighbours.exact import Metric, nearest_to_all, pair_distances
from posterity.runtime.parallel import chunked, n_workers, ordered_map
from posterity.runtime.progress import progress

MIN_SCORE = 0.7
MIN_INLIERS = 20
MIN_OVERLAP = 0.5
"""The operating point, chosen on real posters; benchmarks/duplicates.py draws the curve that it lies on."""

HASH_BITS = 10
NEAREST = 8
RARE = 1_000
"""What makes a pair a candidate: its perceptual hashes differ in at most HASH_BITS bits; or one is among the NEAREST
neighbours of the other, at a distance that only one in RARE pairs of the catalogue stays below."""

READS = Reads((CONTENT, "phash", "title", "source", "path", "width", "height", "bytes"))
"""Columns read for each poster; the last ones describe its file."""

FEW = 100
"""Up to this many posters, all pairs are candidates."""

_CHUNK = 512
_KEPT = 4096
"""Number of posters whose keypoints are kept in memory, about 50 KB each."""


@dataclass(frozen=True)
class Copy:
    """A poster of a group of duplicates.

    Attributes:
        id: The poster's id.
        title: Its film's title, or the id if there is none.
        path: Path of its file below its source.
        width: Width in pixels.
        height: Height in pixels.
        bytes: Size of the file.
        sharpness: Standard deviation of the Laplacian at the size of the group's smallest copy, in grey levels; None
            if the file cannot be read.
        score: How well it matches the copy to keep, from 0 to 1; that copy has 1. None if the two were not compared
            directly, but both match a third copy.
    """

    id: str
    title: str
    path: str
    width: int
    height: int
    bytes: int
    sharpness: float | None
    score: float | None


@dataclass(frozen=True)
class DuplicateGroup:
    """Posters of the same artwork.

    Attributes:
        keep: The id of the best copy: the largest, then the sharpest, then the largest file, then the lowest id.
        members: All ids, the best copy's too, sorted.
        copies: All, the best first.
    """

    keep: str
    members: tuple[str, ...]
    copies: tuple[Copy, ...]


@dataclass(frozen=True)
class Duplicates:
    """All groups of duplicates of a catalogue, the largest first.

    Attributes:
        encoder: Name of the encoder whose vectors found the candidates.
        posters: Number of posters searched.
        candidates: Number of pairs that were compared closely.
        groups: The groups found.
        mirrored: Whether mirror images count as duplicates.
    """

    encoder: str
    posters: int
    candidates: int
    groups: tuple[DuplicateGroup, ...]
    mirrored: bool


def same_artwork(found: Alignment) -> bool:
    """Tell whether an alignment is that of the same artwork."""
    return (
        found.score >= MIN_SCORE and found.inliers >= MIN_INLIERS and found.overlap >= MIN_OVERLAP
    ) or found.plain >= MIN_PLAIN


MIN_PLAIN = 0.93
"""Correlation of two whole pictures that is enough by itself; it serves posters with hardly any detail to align."""


def duplicates(
    store: Store,
    encoder: str | Encoder,
    *,
    where: str | None = None,
    mirrored: bool = False,
    workers: int = 0,
    show_progress: bool | None = False,
) -> Duplicates:
    """Find the groups of posters that show the same artwork.

    Args:
        store: The catalogue.
        encoder: The encoder whose vectors find candidates; name or instance.
        where: An SQL condition on posters.
        mirrored: Whether a mirror image counts as the same artwork; this encodes the mirror image of every poster.
        workers: Number of threads; 0 uses one per core.
        show_progress: True and False force the bar; None shows it on a terminal.

    Raises:
        CatalogueError: There are no vectors of the encoder.
        FilterError: ``where`` is not SQL over the catalogue's columns.
    """
    found = ENCODERS.get(encoder)
    ids, vectors = load_vectors(store, found, where)
    rows = {row["id"]: row for row in store.read(["sha256", "phash"], where).to_pylist()}
    hashes = np.array([rows[identity]["phash"] for identity in ids], np.uint64)
    digests = [rows[identity]["sha256"] for identity in ids]
    metric = found.spec.metric
    pairs = candidates(vectors, metric, hashes)
    judged: dict[tuple[int, int], Alignment] = {}
    sides: list[tuple[NDArray[np.int64], bool]] = [(pairs, False)]
    if mirrored:
        sides.append((_mirror_candidates(store, found, digests, vectors), True))
    with progress("Comparing", sum(len(side) for side, _ in sides), show_progress) as bar:
        for side, flipped in sides:
            aligned = alignments(store, digests, side, flipped, workers)
            for (i, j), alignment in zip(side.tolist(), aligned, strict=True):
                bar.update(1)
                if same_artwork(alignment):
                    best = judged.get((i, j))
                    judged[i, j] = alignment if best is None or alignment.score > best.score else best
    joined = groups(np.array(list(judged), np.int64).reshape(-1, 2))
    made = [_group(store, [ids[i] for i in members], judged, ids) for members in joined]
    made.sort(key=lambda group: (-len(group.members), group.keep))
    return Duplicates(found.spec.name, len(ids), sum(len(side) for side, _ in sides), tuple(made), mirrored)


def candidates(vectors: NDArray[np.float32], metric: Metric, hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Find the pairs that are worth comparing closely: (m, 2) rows i < j, sorted."""
    near, distances = nearest_to_all(vectors, NEAREST if len(vectors) > FEW else len(vectors), metric)
    close = distances <= rare_distance(vectors, metric)
    i = np.repeat(np.arange(len(vectors)), near.shape[1]).reshape(near.shape)[close]
    listed = np.sort(np.stack([i, near[close]], 1), axis=1)
    return np.unique(np.concatenate([listed, near_pairs(hashes, HASH_BITS)]), axis=0)


def rare_distance(vectors: NDArray[np.float32], metric: Metric, sample: int = 200_000) -> float:
    """Estimate from a sample the distance that one in :data:`RARE` pairs stays below; infinite for few posters."""
    n = len(vectors)
    if n < 2:
        return 0.0
    if n * (n - 1) // 2 <= RARE * 50:
        return np.inf
    rng = np.random.default_rng(0)
    i = rng.integers(0, n, sample)
    j = (i + rng.integers(1, n, sample)) % n
    return float(np.quantile(pair_distances(vectors, i, j, metric), 1 / RARE))


def alignments(
    store: Store, digests: Sequence[str], pairs: NDArray[np.int64], mirrored: bool = False, workers: int = 0
) -> Iterator[Alignment]:
    """Align the first poster of each pair with the second, or with its mirror image, by thumbnails, in bounded memory.

    Args:
        store: The catalogue.
        digests: SHA-256 of each poster's content.
        pairs: (m, 2) indices into ``digests``; sorted, for speed.
        mirrored: Whether to mirror the second poster of each pair.
        workers: Number of threads; 0 uses one per core.
    """
    known: dict[tuple[int, bool], Keypoints] = {}
    workers = n_workers(workers)
    for chunk in chunked(map(tuple, pairs.tolist()), _CHUNK):
        wanted = sorted({(i, False) for i, _ in chunk} | {(j, mirrored) for _, j in chunk})
        missing = [each for each in wanted if each not in known]
        thumbnails = store.thumbnails(digests[i] for i, _ in missing)
        pictures = [(thumbnails[digests[i]], flipped) for i, flipped in missing]
        known.update(zip(missing, ordered_map(_keypoints_of, pictures, workers), strict=True))
        yield from ordered_map(lambda pair: align(known[pair[0], False], known[pair[1], mirrored]), chunk, workers)
        for old in [each for each in known if each not in wanted][: max(0, len(known) - _KEPT)]:
            del known[old]


def _keypoints_of(thumbnail: tuple[bytes, bool]) -> Keypoints:
    picture = decode(thumbnail[0])
    return keypoints(np.ascontiguousarray(picture[:, ::-1]) if thumbnail[1] else picture)


def _mirror_candidates(
    store: Store, encoder: Encoder, digests: Sequence[str], vectors: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Find pairs in which one poster is near the other's mirror image, which is encoded from its thumbnail."""
    from posterity.numerics.neighbours.exact import Index

    spec = encoder.spec
    index = Index([str(i) for i in range(len(digests))], vectors, spec.metric)
    radius = rare_distance(vectors, spec.metric)
    found: set[tuple[int, int]] = set()

    def mirror_vectors(some: list[int]) -> NDArray[np.float32]:
        thumbnails = store.thumbnails(digests[i] for i in some)
        pictures = [decode(thumbnails[digests[i]], tier(spec.size))[:, ::-1] for i in some]
        return encoder.encode(np.stack([fit(np.ascontiguousarray(each), spec.size, spec.fit) for each in pictures]))

    for some in chunked(range(len(digests)), 256):
        for i, vector in zip(some, mirror_vectors(some), strict=True):
            rows, distances = index.nearest(vector, NEAREST + 1)
            found |= {(min(i, j), max(i, j)) for j in rows[distances <= radius].tolist() if j != i}
    return np.array(sorted(found), np.int64).reshape(-1, 2)


def _group(
    store: Store, members: list[str], judged: dict[tuple[int, int], Alignment], ids: Sequence[str]
) -> DuplicateGroup:
    posters = store.get(members)
    sharp = _sharpness([posters[identity] for identity in members])
    best = sorted(
        members,
        key=lambda i: (-posters[i].width * posters[i].height, -(sharp[i] or 0), -posters[i].bytes, i),
    )
    place = {identity: i for i, identity in enumerate(ids)}
    copies = []
    for identity in best:
        i, j = sorted((place[identity], place[best[0]]))
        score = 1.0 if i == j else max(judged[i, j].score, judged[i, j].plain) if (i, j) in judged else None
        poster = posters[identity]
        title = poster.film.title or identity
        copies.append(
            Copy(identity, title, poster.path, poster.width, poster.height, poster.bytes, sharp[identity], score)
        )
    return DuplicateGroup(best[0], tuple(members), tuple(copies))


def _sharpness(posters: Sequence[Poster]) -> dict[str, float | None]:
    """Measure how much fine detail each file holds, all at the size of the smallest."""
    width, height = min((poster.width, poster.height) for poster in posters)
    found: dict[str, float | None] = {}
    for poster in posters:
        try:
            picture = file_of(poster, (height, width))
        except (OSError, ImageError):
            found[poster.id] = None
            continue
        small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        found[poster.id] = float(cv2.Laplacian(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), cv2.CV_32F).std())
    return found
