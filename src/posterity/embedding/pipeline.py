"""Catalogue + encoders -> vectors, streamed: reading, decoding, fitting, encoding and storing all overlap.

Threads, or the workers of an engine, read and decode a chunk of posters once, fit it for each encoder and encode it;
meanwhile this thread stores what came before. Memory holds a few chunks, however large the catalogue is. Each batch is
one transaction, and only posters without a vector are looked at, so a run that is killed goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from posterity.catalogue import Artefact, Store
from posterity.catalogue.provenance import artefact, made_with
from posterity.catalogue.schema import VECTOR_PREFIX
from posterity.encoders import ENCODERS, Encoder
from posterity.errors import CatalogueError, ImageError, UnknownNameError
from posterity.images import Limits, decode, fit, tier
from posterity.runtime.engines import Engine, Local
from posterity.runtime.parallel import chunked
from posterity.runtime.progress import progress
from posterity.runtime.storage import Status, read

log = logging.getLogger(__name__)

BATCH = 4096
"""Posters a commit, at least, about a second of work: a commit costs some 20 ms whatever it holds."""

SHARE, MOST = 128, 32_768
"""Of a large catalogue a commit takes one part in so many, for each looks through all ids; but no more than so many."""

CHUNK = 64
"""Posters a task."""

_TAKEN = Limits(max_pixels=2**40, min_side=1)
"""What is in the catalogue was judged when it was taken in, by the limits of then."""


@dataclass(frozen=True)
class EmbedReport:
    """What an embedding run did.

    Attributes:
        encoded: Encoder -> how many posters got a vector.
        kept: Encoder -> how many had theirs already.
        failed: Poster id -> why it has no vector: its file is gone, changed or unreadable.
    """

    encoded: dict[str, int] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


class _Job(NamedTuple):
    """A poster to encode."""

    id: str
    source: str
    path: str
    bytes: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True)
class _Encoded:
    """A chunk's vectors, one array an encoder, and the posters that could not be read."""

    jobs: list[_Job]
    vectors: dict[str, NDArray[np.float32]]
    failed: dict[str, str]


def embed(
    store: Store,
    encoders: Sequence[str | Encoder],
    *,
    workers: int = 0,
    engine: Engine | None = None,
    show_progress: bool | None = None,
) -> EmbedReport:
    """Give every poster that lacks one a vector of each encoder.

    Args:
        store: The catalogue.
        encoders: Names or instances.
        workers: Threads; 0 takes one per core.
        engine: What reads and encodes; None is this process's threads.
        show_progress: True and False force the bar; None shows it on a terminal.

    Raises:
        UnknownNameError: An encoder is unknown.
        StorageError: The catalogue cannot be written; what was committed before is kept.
    """
    found = [ENCODERS.get(encoder) for encoder in encoders]
    with store.writing():
        return _embed(store, found, engine or Local(workers), show_progress)


def _embed(store: Store, found: Sequence[Encoder], engine: Engine, show_progress: bool | None) -> EmbedReport:
    for encoder in found:
        if prepare := getattr(encoder, "prepare", None):
            prepare()  # what it cannot run without is downloaded now; its spec knows it from then on
        store.prepare_vectors(encoder.spec.name, encoder.spec.dimension, provenance(store, encoder))
    lacking, kept = _lacking(store, found)
    encoded = dict.fromkeys(kept, 0)
    failed: dict[str, str] = {}
    n_jobs = sum(len(jobs) for jobs in lacking.values())
    with progress("Encoding", n_jobs, show_progress) as bar:
        for names, jobs in lacking.items():
            wanted = [encoder for encoder in found if encoder.spec.name in names]
            size = max(BATCH, min(MOST, len(jobs) // SHARE))
            for batch in _batches(jobs, wanted, engine, size):
                if batch.jobs:
                    ids, digests = [job.id for job in batch.jobs], [job.sha256 for job in batch.jobs]
                    store.put_vectors(ids, digests, batch.vectors)
                for name in names:
                    encoded[name] += len(batch.jobs)
                failed |= batch.failed
                bar.update(len(batch.jobs) + len(batch.failed))
    log.info("embedded", extra={"catalogue": str(store.folder), "encoded": encoded, "failed": len(failed)})
    return EmbedReport(encoded, kept, failed)


def encode_file(encoder: Encoder, data: bytes) -> NDArray[np.float32]:
    """Encode one file's content: (d,) float32, by the very steps that a catalogue's vectors are made by.

    Raises:
        ImageError: It is not a picture that can be read.
    """
    return encode_pixels(encoder, decode(data, tier(encoder.spec.size)))


def encode_pixels(encoder: Encoder, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Encode one picture that was decoded at :func:`posterity.images.tier` of the encoder's size: (d,) float32."""
    spec = encoder.spec
    return np.asarray(encoder.encode(fit(pixels, spec.size, spec.fit)[None])[0])


def provenance(store: Store, encoder: Encoder) -> Artefact:
    """Write down what makes an encoder's vectors."""
    spec = encoder.spec
    parameters = {"size": spec.size, "fit": spec.fit, "metric": spec.metric, "weights": spec.weights}
    # It has no key: each vector is bound to its poster's content instead.
    return artefact(
        store, VECTOR_PREFIX + spec.name, "vectors", encoders={spec.name: spec.fingerprint}, parameters=parameters
    )


def is_current(encoder: Encoder, made_by: Artefact) -> bool:
    """Tell whether stored vectors are those that the encoder would make now.

    For a network whose weights are not on this machine, this is as much as can be known without them.
    """
    spec = encoder.spec
    if made_with(made_by, {spec.name: spec.fingerprint}):
        return True
    stored = json.loads(made_by.parameters).get("weights")
    as_stored = replace(spec, weights=stored)
    return not getattr(encoder, "available", True) and made_with(made_by, {spec.name: as_stored.fingerprint})


def load_vectors(store: Store, encoder: Encoder, where: str | None = None) -> tuple[list[str], NDArray[np.float32]]:
    """Read an encoder's vectors: sorted ids, and float32 (n, d).

    Raises:
        CatalogueError: There are none, or another version of the encoder made them.
        FilterError: ``where`` is not SQL over the catalogue's columns.
    """
    spec = encoder.spec
    made_by = store.artefact(VECTOR_PREFIX + spec.name)
    again = f"Run: posterity embed -c {store.folder} --encoder {spec.name}"
    if spec.name not in store.encoders or made_by is None:
        raise CatalogueError(f"catalogue {store.folder} has no vectors of the encoder {spec.name!r}", again)
    if not is_current(encoder, made_by):
        raise CatalogueError(f"the vectors of {spec.name!r} were made by another version of that encoder", again)
    return store.vectors(spec.name, where)


def load_every_vector(
    store: Store, encoder: Encoder, where: str | None, total: int
) -> tuple[list[str], NDArray[np.float32]]:
    """Read an encoder's vectors of posters, as :func:`load_vectors` does, all ``total`` of them or none.

    Raises:
        CatalogueError: Some posters have no vector, or another version of the encoder made them.
        FilterError: ``where`` is not SQL over the catalogue's columns.
    """
    ids, vectors = load_vectors(store, encoder, where)
    if len(ids) < total:
        name = encoder.spec.name
        raise CatalogueError(
            f"{total - len(ids)} of {total} posters have no vector of {name!r}",
            f"Run: posterity embed -c {store.folder} --encoder {name}; "
            f"if files are gone: posterity doctor {store.folder} --repair",
        )
    return ids, vectors


def _lacking(store: Store, encoders: Sequence[Encoder]) -> tuple[dict[tuple[str, ...], list[_Job]], dict[str, int]]:
    """Sort the posters that lack vectors by the encoders that they lack, so that each is decoded once."""
    total = store.count()
    jobs: dict[str, _Job] = {}
    lacks: dict[str, tuple[str, ...]] = {}
    kept = {}
    for encoder in encoders:
        name = encoder.spec.name
        rows = store.without_vector(name)
        kept[name] = total - len(rows)
        for cells in zip(*(column.to_pylist() for column in rows.columns), strict=True):
            identity = cells[0]
            jobs.setdefault(identity, _Job(*cells))
            lacks[identity] = (*lacks.get(identity, ()), name)
    groups: dict[tuple[str, ...], list[_Job]] = {}
    for identity, names in lacks.items():
        groups.setdefault(names, []).append(jobs[identity])
    return groups, kept


def _batches(jobs: list[_Job], encoders: Sequence[Encoder], engine: Engine, size: int) -> Iterator[_Encoded]:
    """Encode chunks and join them into batches worth a commit, of about so many posters."""
    done: list[_Encoded] = []
    for chunk in engine.map(_Encode(tuple(encoders)), chunked(jobs, CHUNK), ahead=8):
        done.append(chunk)
        if sum(len(part.jobs) for part in done) >= size:
            yield _joined(done)
            done = []
    if done:
        yield _joined(done)


def _joined(parts: Sequence[_Encoded]) -> _Encoded:
    vectors = {name: np.concatenate([part.vectors[name] for part in parts]) for name in parts[0].vectors}
    failed = {identity: why for part in parts for identity, why in part.failed.items()}
    return _Encoded([job for part in parts for job in part.jobs], vectors, failed)


@dataclass(frozen=True)
class _Encode:
    """What is done with a chunk of posters, wherever that is."""

    encoders: tuple[Encoder | str, ...]

    def __call__(self, jobs: Sequence[_Job]) -> _Encoded:
        """Read, fit and encode."""
        return _encode(jobs, [ENCODERS.get(encoder) for encoder in self.encoders])

    def __reduce__(self) -> tuple[type[_Encode], tuple[tuple[Encoder | str, ...]]]:
        """Travel to another process: what is known there by name by its name, without its weights."""
        return _Encode, (tuple(_named(encoder) for encoder in self.encoders),)

    def cut(self, jobs: Sequence[_Job]) -> list[Sequence[_Job]]:
        """Cut a chunk that ended its process into single posters."""
        return [[job] for job in jobs]

    def join(self, parts: Sequence[_Encoded]) -> _Encoded:
        """Undo :meth:`cut`."""
        return _joined(parts)

    def crashed(self, jobs: Sequence[_Job]) -> _Encoded:
        """Say of a poster that reading it ended every process that tried."""
        specs = [ENCODERS.get(encoder).spec for encoder in self.encoders]
        nothing = {spec.name: np.empty((0, spec.dimension), np.float32) for spec in specs}
        return _Encoded([], nothing, {job.id: f"{job.path}: reading it crashed the process" for job in jobs})


def _named(encoder: Encoder | str) -> Encoder | str:
    if isinstance(encoder, str):
        return encoder
    try:
        known = ENCODERS.get(encoder.spec.name)
    except UnknownNameError:
        return encoder
    return encoder.spec.name if type(known) is type(encoder) and known.spec == encoder.spec else encoder


def _encode(jobs: Sequence[_Job], encoders: Sequence[Encoder]) -> _Encoded:
    specs = [encoder.spec for encoder in encoders]
    inputs = [np.empty((len(jobs), *spec.size, 3), np.uint8) for spec in specs]
    plan = [(array, tier(spec.size), spec.size, spec.fit) for array, spec in zip(inputs, specs, strict=True)]
    tiers = {enough for _, enough, _, _ in plan}
    read: list[_Job] = []
    failed: dict[str, str] = {}
    for job in jobs:
        try:
            data = _content(job)
            pictures = {enough: decode(data, enough, _TAKEN) for enough in tiers}
        except (OSError, ImageError) as error:
            failed[job.id] = f"{job.path}: {error.strerror if isinstance(error, OSError) else error}"
            continue
        for array, enough, size, how in plan:
            array[len(read)] = fit(pictures[enough], size, how)
        read.append(job)
    vectors = {e.spec.name: e.encode(array[: len(read)]) for e, array in zip(encoders, inputs, strict=True)}
    return _Encoded(read, vectors, failed)


def _content(job: _Job) -> bytes:
    """Read a poster's file, and make sure that it still is the one in the catalogue.

    Where its size and time of change are those of when it was hashed, that is enough, as it is for a build.
    """
    found = read(job.source, job.path)
    unchanged = job.mtime_ns and Status(job.bytes, job.mtime_ns) == found.status
    if not unchanged and hashlib.sha256(found.data).hexdigest() != job.sha256:
        raise ImageError("changed", "the file has changed since it was catalogued; run the build again")
    return found.data
