"""The one key of every derived thing, and its artefact. Nobody else makes either.

Each kind of derived thing declares, beside the code that makes it, what it reads (:class:`Reads`): columns of the
posters, and the version of its method. :func:`key` digests just these, with the posters' ids, the encoders whose
vectors are read, the parameters, and the versions of the packages that decide numbers. So a thing is behind as soon as
anything that it shows has changed, and stays current when something changes that it does not read.

A key names its columns: ``sha256,year 1 3f2a9c01...``, so that whoever finds it can tell whether it still holds without
knowing what made it. A digest from an older Posterity is not such a key; anything with one counts as out of date.

Who makes a thing takes its :func:`key` first, asks :func:`current` whether the one that is kept will do, and else makes
it and writes down with :func:`artefact` what it was made of. As the key was taken before, or of a :class:`Moment`
before, a change meanwhile leaves the thing behind, never wrong.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import version

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from posterity.catalogue.schema import VECTOR_PREFIX, Artefact, Result
from posterity.catalogue.store import Store, now
from posterity.serialise import dumps

DECISIVE = ("posterity", "numpy", "opencv-python-headless", "scipy", "simplejpeg")
"""The packages whose versions may change numbers."""

CONTENT = "sha256"
"""The column that stands for a poster's picture, and so for its vectors, hashes and thumbnail."""


@dataclass(frozen=True)
class Reads:
    """What a kind of derived thing reads, declared where it is made.

    Attributes:
        columns: Of the posters, besides their ids.
        code: Version of the method; raised when the same inputs would give another result.
        packages: Whether another version of a package in :data:`DECISIVE` makes it stale. False for what takes long to
            make and is compared by its own method's version alone: models and experiments.
    """

    columns: tuple[str, ...] = ()
    code: int = 1
    packages: bool = True

    def __add__(self, other: Reads) -> Reads:
        """Join what two steps read, for a thing made by both."""
        columns = tuple(dict.fromkeys((*self.columns, *other.columns)))
        return Reads(columns, self.code * 1000 + other.code, self.packages and other.packages)


@cache
def versions() -> str:
    """Give the versions of what decides the numbers of an artefact, as JSON."""
    return json.dumps({name: version(name) for name in DECISIVE})


def digest(*parts: object) -> str:
    """Digest values that JSON can hold: SHA-256 in hexadecimal. For what is kept by the content of some posters."""
    found = hashlib.sha256()
    for number, part in enumerate(parts):
        found.update(b"\n" if number else b"")
        found.update(json.dumps(part, default=str).encode())
    return found.hexdigest()


class Moment:
    """What keys are made of, as it was when this was made: for what is known only while a thing is being made.

    Args:
        store: The catalogue.
        columns: Of posters that will be asked for.
        encoders: Names of those whose vectors are read.
    """

    def __init__(self, store: Store, columns: Iterable[str], encoders: Iterable[str] = ()) -> None:
        self._rows = store.read(list(dict.fromkeys(columns)))
        self.vectors = vectors_read(store, encoders)

    def read(self, columns: Collection[str]) -> pa.Table:
        """Give columns as :meth:`~posterity.catalogue.Store.read` does."""
        return self._rows.select(["id", *columns])


def key(
    store: Store | Moment,
    reads: Reads,
    *,
    encoders: Mapping[str, str] | None = None,
    parameters: object = None,
    ids: Collection[str] | None = None,
) -> str:
    """Give the key of a thing as it would be made now.

    Args:
        store: The catalogue, as it is now or was at a moment.
        reads: What is read of posters.
        encoders: Name -> fingerprint of those whose vectors are read.
        parameters: All else that decides the result, as JSON can hold it.
        ids: The posters that it is made of; None is all of them. Those that have left the catalogue count as gone.
    """
    rows = store.read(reads.columns)
    if ids is not None:
        rows = rows.filter(pc.is_in(rows["id"], pa.array(sorted({*ids}), pa.string())))
    made_by = [versions() if reads.packages else "", sorted((encoders or {}).items()), parameters]
    found = hashlib.sha256(digest(made_by, len(rows)).encode())
    for column in rows.columns:
        for part in _content(pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)):
            found.update(part)
    return f"{','.join(reads.columns)} {reads.code} {found.hexdigest()}"


def _content(values: pa.Array) -> Iterator[bytes]:
    """Give the bytes that tell a column from every other, whatever buffers it lies in."""
    yield np.packbits(values.is_null().to_numpy(zero_copy_only=False)).tobytes()
    if pa.types.is_list(values.type):
        yield pc.fill_null(pc.list_value_length(values), 0).to_numpy(zero_copy_only=False).tobytes()
        yield from _content(values.flatten())
    elif pa.types.is_string(values.type):
        yield pc.fill_null(pc.binary_length(values), 0).to_numpy(zero_copy_only=False).tobytes()
        yield "".join(filter(None, values.to_pylist())).encode()
    else:
        yield pc.fill_null(values, 0).to_numpy(zero_copy_only=False).tobytes()


def artefact(
    store: Store,
    name: str,
    kind: str,
    inputs: str = "",
    *,
    encoders: Mapping[str, str] | None = None,
    fingerprint: str | None = None,
    parameters: object = None,
    scores: object = None,
    created_at: datetime | None = None,
) -> Artefact:
    """Write down what a thing was made of.

    Args:
        store: The catalogue.
        name: Of the thing.
        kind: As in :class:`~posterity.catalogue.schema.Artefact`.
        inputs: Its :func:`key`, taken before it was made. Empty for what is bound to the posters' contents one by one:
            vectors and indexes.
        encoders: Name -> fingerprint of those whose vectors are read.
        fingerprint: Of something else than encoders.
        parameters: What it was asked for with, as JSON can hold it.
        scores: Its quality measures, likewise.
        created_at: When; by default now.
    """
    encoders = encoders or {}
    return Artefact(
        name=name,
        kind=kind,
        encoder=",".join(encoders),
        fingerprint=_fingerprint(encoders) if fingerprint is None else fingerprint,
        parameters=dumps({} if parameters is None else parameters),
        versions=versions(),
        catalogue_version=store.version,
        inputs=inputs,
        scores=json.dumps({} if scores is None else scores),  # what is no number stays so, and is none when read again
        created_at=created_at or now(),
    )


def made_with(made: Artefact | None, encoders: Mapping[str, str]) -> bool:
    """Tell whether a thing was made with the very encoders of those names and fingerprints."""
    return made is not None and (made.encoder, made.fingerprint) == (",".join(encoders), _fingerprint(encoders))


def _fingerprint(encoders: Mapping[str, str]) -> str:
    return "+".join(encoders.values())


def current(store: Store, made: Artefact | Result | str | None, inputs: str | None = None) -> bool:
    """Tell whether a thing that is kept is what would be made now, asked for as it was.

    Args:
        store: The catalogue.
        made: What is kept of it: its artefact, a run's result, or a key alone; None where nothing is.
        inputs: Its key as it would be now. None works it out from what the kept key says that it reads, for walls and
            maps, which are made of all posters and one encoder.
    """
    kept = made.inputs if isinstance(made, Artefact) else made.key if isinstance(made, Result) else made
    if inputs is None and isinstance(made, Artefact) and (reads := read_by(made)):
        inputs = key(store, reads, encoders={made.encoder: made.fingerprint})
    return bool(kept) and kept == inputs


def read_by(made: Artefact) -> Reads | None:
    """Give what a thing's key says that it reads of posters; None of the digest that an older Posterity made."""
    try:
        columns, code, _ = made.inputs.split(" ")
        return Reads(tuple(filter(None, columns.split(","))), int(code))
    except ValueError:
        return None


def vectors_read(store: Store | Moment, names: Iterable[str]) -> dict[str, str]:
    """Give, of encoders by name, what tells their stored vectors from others: fingerprint, and which posters lack one.

    It is what :func:`key` takes as ``encoders``, of things that are made of the posters that have a vector.
    """
    if isinstance(store, Moment):
        return {name: store.vectors[name] for name in sorted(set(names))}
    made_by = {each.name: each.fingerprint for each in store.artefacts() if each.kind == "vectors"}
    here = store.encoders
    return {
        name: digest(made_by.get(VECTOR_PREFIX + name), store.lacking(name) if name in here else None)
        for name in sorted(set(names))
    }
