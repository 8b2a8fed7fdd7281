"""Catalogue + encoders -> vectors, streamed: reading, decoding, fitting, encoding and storing all overlap.

Threads, or the workers of an engine, read and decode a chunk of posters once, fit it for each encoder and encode it;
meanwhile this thread stores the previous results. Memory holds a few chunks, however large the catalogue is. Each batch
is one transaction, and only posters without a vector are processed, so a run that is killed resumes where it stopped.
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
"""The least number of posters per commit, about a second of work: a commit costs some 20 ms, whatever its size."""

SHARE, MOST = 128, 32_768
"""Large catalogues have one SHARE-th of their posters per commit, since each commit scans all ids, but at most MOST."""

CHUNK = 64
"""Posters per task."""

_TAKEN = Limits(max_pixels=2**40, min_side=1)
"""Hardly any limits: posters in the catalogue were checked when they were added, by the limits of that time."""


@dataclass(frozen=True)
class EmbedReport:
    """What an embedding run did.

    Attributes:
        encoded: Encoder -> number of posters that got a vector.
        kept: Encoder -> number of posters that already had one.
        failed: Poster id -> why it has no vector: its file is missing, changed or unreadable.
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
    """A chunk's vectors, one array per encoder, and the posters that could not be read."""

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
    """Give every poster a vector of each encoder, if it has none yet.

    Args:
        store: The catalogue.
        encoders: Names or instances.
        workers: Number of threads; 0 uses one per core.
        engine: Where posters are read and encoded; None uses threads of this process.
        show_progress: True and False force the bar; None shows it on a terminal.

    Raises:
        UnknownNameError: An encoder is unknown.
        StorageError: The catalogue cannot be written; earlier commits are kept.
    """
    found = [ENCODERS.get(encoder) for encoder in encoders]
    with store.writing():
        return _embed(store, found, engine or Local(workers), show_progress)


def _embed(store: Store, found: Sequence[Encoder], engine: Engine, show_progress: bool | None) -> EmbedReport:
    for encoder in found:
        if prepare := getattr(encoder, "prepare", None):
            prepare()  # downloads what the encoder needs to run; its spec includes it from then on
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
    """Encode one file's content: (d,) float32, by the same steps as a catalogue's vectors.

    Raises:
        ImageError: It is not a picture that can be read.
    """
    return encode_pixels(encoder, decode(data, tier(encoder.spec.size)))


def encode_pixels(encoder: Encoder, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Encode one picture, decoded at :func:`posterity.images.tier` of the encoder's size: (d,) float32."""
    spec = encoder.spec
    return np.asarray(encoder.encode(fit(pixels, spec.size, spec.fit)[None])[0])


def provenance(store: Store, encoder: Encoder) -> Artefact:
    """Describe how an encoder's vectors are made."""
    spec = encoder.spec
    parameters = {"size": spec.size, "fit": spec.fit, "metric": spec.metric, "weights": spec.weights}
    # No key: each vector is tied to its poster's content instead.
    return artefact(
        store, VECTOR_PREFIX + spec.name, "vectors", encoders={spec.name: spec.fingerprint}, parameters=parameters
    )


def is_current(encoder: Encoder, made_by: Artefact) -> bool:
    """Tell whether stored vectors are those that the encoder would make now.

    If a network's weights are not on this machine, everything but the weights is compared.
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
        CatalogueError: The encoder has no vectors, or another version of it made them.
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
    """Read an encoder's vectors as :func:`load_vectors` does, and make sure that all ``total`` posters have one.

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
    """Group the posters that lack vectors by the encoders they lack, so that each poster is decoded once."""
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
    """Encode chunks and join them into batches for one commit each, of about ``size`` posters."""
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
    """The task for a chunk of posters, in this process or another."""

    encoders: tuple[Encoder | str, ...]

    def __call__(self, jobs: Sequence[_Job]) -> _Encoded:
        """Read, fit and encode."""
        return _encode(jobs, [ENCODERS.get(encoder) for encoder in self.encoders])

    def __reduce__(self) -> tuple[type[_Encode], tuple[tuple[Encoder | str, ...]]]:
        """Pickle for another process: registered encoders by name, without their weights."""
        return _Encode, (tuple(_named(encoder) for encoder in self.encoders),)

    def cut(self, jobs: Sequence[_Job]) -> list[Sequence[_Job]]:
        """Split a chunk that crashed its process into single posters."""
        return [[job] for job in jobs]

    def join(self, parts: Sequence[_Encoded]) -> _Encoded:
        """Undo :meth:`cut`."""
        return _joined(parts)

    def crashed(self, jobs: Sequence[_Job]) -> _Encoded:
        """Report that reading a poster crashed every process that tried."""
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
    """Read a poster's file, and make sure that it is still the one in the catalogue.

    As in a build, it is if its size and modification time have not changed since it was hashed.
    """
    found = read(job.source, job.path)
    unchanged = job.mtime_ns and Status(job.bytes, job.mtime_ns) == found.status
    if not unchanged and hashlib.sha256(found.data).hexdigest() != job.sha256:
        raise ImageError("changed", "the file has changed since it was catalogued; run the build again")
    return found.data
