"""The approximate indexes of a catalogue: built for large collections, stored with them, rebuilt when outdated."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from posterity.catalogue import Artefact, Store
from posterity.catalogue.provenance import artefact, made_with
from posterity.catalogue.store import now
from posterity.encoders import Encoder
from posterity.errors import ArgumentError, StorageError
from posterity.numerics.neighbours.approximate import DUE, LARGE, Approximate, Made, make
from posterity.numerics.neighbours.exact import Index
from posterity.runtime.filenames import whole
from posterity.runtime.progress import progress
from posterity.runtime.storage import Remote, fetch_file, put_file

FOLDER = "indexes"
"""Subfolder of the catalogue. Its files can be deleted: they are rebuilt when needed."""

MODES = ("auto", "exact", "approximate")


def searchable(
    store: Store,
    encoder: Encoder,
    index: Index,
    mode: str = "auto",
    show_progress: bool | None = False,
    keep: bool = True,
) -> Index | Approximate:
    """Give what to search a catalogue by: the vectors themselves, or an approximate index if there are many.

    Args:
        store: The catalogue.
        encoder: The encoder whose vectors ``index`` holds.
        index: The exact index.
        mode: "exact"; "approximate"; or "auto", which is approximate from
            :data:`posterity.numerics.neighbours.approximate.LARGE` numbers on, if FAISS is installed.
        show_progress: True and False force the bar; None shows it on a terminal.
        keep: Whether to store a new index in the catalogue.

    Raises:
        ArgumentError: There is no such mode.
        MissingExtraError: The mode is "approximate", and FAISS is not installed.
    """
    if mode not in MODES:
        raise ArgumentError(f"unknown index mode {mode!r}", f"Known: {', '.join(MODES)}.")
    if mode == "exact" or (mode == "auto" and (index.vectors.size < LARGE or find_spec("faiss") is None)):
        return index
    known = store.artefact(f"index_{encoder.spec.name}")
    if known is not None and made_with(known, {encoder.spec.name: encoder.spec.fingerprint}):
        made = _read(store, encoder, known) or (_fetch(store, encoder) and _read(store, encoder, known))
        if made and (found := Approximate(index, made)).stale <= DUE:
            return found
    with progress("Making an index", None, show_progress):
        made = make(index)
    if keep:
        with suppress(StorageError, OSError):  # a read-only catalogue works without one
            _write(store, encoder, made)
    return Approximate(index, made)


def _paths(store: Store, encoder: Encoder) -> tuple[Path, Path]:
    folder = store.scratch / FOLDER
    return folder / f"{encoder.spec.name}.faiss", folder / f"{encoder.spec.name}.npz"


def _fetch(store: Store, encoder: Encoder) -> bool:
    """Fetch an index from the catalogue's object store, where another machine may have put it."""
    if not isinstance(store.folder, Remote):
        return False
    try:
        for file in _paths(store, encoder):
            with whole(file) as temporary:
                fetch_file(store.folder / FOLDER / file.name, temporary)
    except (OSError, StorageError):
        return False
    return True


def _read(store: Store, encoder: Encoder, known: Artefact) -> Made | None:
    """Read an index; None if it is missing, damaged or not the one described by the artefact."""
    import faiss

    lists, rows = _paths(store, encoder)
    try:
        with np.load(rows, allow_pickle=False) as kept:
            ids, prints, made_at = kept["ids"].tolist(), kept["prints"], str(kept["made_at"])
        found = faiss.read_index(os.fspath(lists))
    except (OSError, ValueError, KeyError, RuntimeError, EOFError):
        return None
    fits = found.ntotal == len(ids) and found.d - encoder.spec.dimension in (0, 1)
    if made_at != known.created_at.isoformat() or not fits:
        return None  # a kill fell between the files, or someone copied one of them
    return Made(found, ids, prints, json.loads(known.parameters)["probes"], json.loads(known.scores)["recall@10"])


def _write(store: Store, encoder: Encoder, made: Made) -> None:
    import faiss

    lists, rows = _paths(store, encoder)
    made_at = now()
    for target in (lists, rows):
        with whole(target) as temporary:
            if target == lists:
                faiss.write_index(made.faiss, os.fspath(temporary))
            else:
                ids, when = np.array(list(made.ids)), np.array(made_at.isoformat())
                with temporary.open("wb") as file:
                    np.savez(file, ids=ids, prints=made.prints, made_at=when)
        if isinstance(store.folder, Remote):
            put_file(store.folder / FOLDER / target.name, target)
    parameters = {"lists": made.faiss.nlist, "probes": made.n_probes, "bits": 2}
    store.put_artefact(
        artefact(
            store, f"index_{encoder.spec.name}", "index", encoders={encoder.spec.name: encoder.spec.fingerprint},
            parameters=parameters, scores={"recall@10": made.recall}, created_at=made_at,
        )
    )  # fmt: skip
