"""What hangs on posters: thumbnails, vectors, walls, maps, models; and old versions of the tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from posterity.catalogue import Artefact, Store
from posterity.catalogue.provenance import current, made_with
from posterity.catalogue.rescue import Rescue
from posterity.doctor.problems import Problem
from posterity.embedding.pipeline import embed, is_current
from posterity.encoders import ENCODERS
from posterity.errors import UnknownNameError
from posterity.images import Limits
from posterity.ingest.inspection import Picture, inspect

OLD_VERSIONS = 64
"""So many versions on the disk are worth compacting."""


def thumbnails(store: Store, repair: bool, limits: Limits) -> Iterator[Problem]:
    """Find posters without a thumbnail, and make it from their file."""
    rows = store.read(["source", "path", "sha256"]).to_pylist()
    stored = set(store.thumbnail_digests())
    lacking = [row for row in rows if row["sha256"] not in stored]
    if not lacking:
        return
    made: dict[str, bytes] = {}
    for row in lacking if repair else ():
        found = inspect(row["source"], row["path"], None, limits)
        if isinstance(found, Picture) and found.sha256 == row["sha256"]:
            made[found.sha256] = found.thumbnail
    store.put_thumbnails(made)
    left = sum(row["sha256"] not in made for row in lacking)
    about = f"{len(lacking)} posters, {lacking[0]['id']} among them"
    yield Problem("thumbnail_missing", "thumbnails", about, "make them from the posters' files", repair and not left)


def vectors(store: Store, renew: bool, repair: bool, workers: int, show_progress: bool | None) -> Iterator[Problem]:
    """Find vectors that are missing or stale, and make them.

    Stale ones are computed again only with ``renew``: where files are away, they could not be, and would be lost.
    """
    made_by = {artefact.encoder: artefact for artefact in store.artefacts() if artefact.kind == "vectors"}
    for name in sorted(store.encoders):
        try:
            encoder = ENCODERS.get(name)
        except UnknownNameError:
            yield Problem("unknown_encoder", name, "its vectors are kept", "Install the package that provides it.")
            continue
        known = made_by.get(name)
        if known is None or not is_current(encoder, known):
            kind, detail, repairing = "stale_vectors", f"all {store.count()} must be computed again", renew
            detail += "; they are kept until posters' files can be read again" if repair and not renew else ""
        elif lacking := len(store.without_vector(name)):
            kind, detail, repairing = "vector_missing", f"{lacking} posters lack one", repair
        else:
            continue
        problem = Problem(kind, name, detail, f"encode them: posterity embed -c {store.folder} --encoder {name}")
        if repairing:
            failed = embed(store, [encoder], workers=workers, show_progress=show_progress).failed
            left = f"; {len(failed)} could not be encoded: {next(iter(failed.values()))}" if failed else ""
            problem = replace(problem, detail=detail + left, repaired=not failed)
        yield problem


def layouts(store: Store, rescue: Rescue | None) -> Iterator[Problem]:
    """Find walls and maps that are stale, which are discarded, or behind, which are not."""
    for artefact in store.artefacts():
        command = {"grid": "wall", "layout": "map"}.get(artefact.kind)
        if command is None:
            continue
        try:
            stale = not made_with(artefact, {artefact.encoder: ENCODERS.get(artefact.encoder).spec.fingerprint})
        except UnknownNameError:
            detail = f"it was made with the encoder {artefact.encoder!r}; it is kept"
            yield Problem("unknown_encoder", artefact.name, detail, "Install the package that provides it.")
            continue
        if stale:
            discard(store, rescue, artefact)
            why = f"its encoder {artefact.encoder!r} is another version now"
            remedy = f"discard it, keeping a copy; then: posterity {command} -c {store.folder}"
            yield Problem("stale_layout", artefact.name, why, remedy, rescue is not None)
        elif not current(store, artefact):
            # Never discarded: what it holds is what lets the next one leave posters where they are.
            remedy = f"nothing; posterity {command} -c {store.folder} brings it up to date"
            yield Problem("layout_behind", artefact.name, "what it shows has changed since it was made", remedy)


def discard(store: Store, rescue: Rescue | None, artefact: Artefact) -> None:
    """Take a derived thing out, keeping a copy; without ``rescue``, leave it."""
    if rescue is not None:
        rescue.artefact(artefact)
        store.remove_artefact(artefact.name)


def models(store: Store, rescue: Rescue | None) -> Iterator[Problem]:
    """Find models that read vectors of another version of an encoder; they are refused where they are asked for."""
    for artefact in store.artefacts():
        if artefact.kind != "model" or not artefact.encoder:
            continue
        try:
            now = {name: ENCODERS.get(name).spec.fingerprint for name in artefact.encoder.split(",")}
        except UnknownNameError:
            continue
        if not made_with(artefact, now):
            discard(store, rescue, artefact)
            why = f"it reads vectors of another version of {artefact.encoder}"
            remedy = f"discard it, keeping a copy; then: posterity train genres -c {store.folder} (or boxoffice)"
            yield Problem("stale_model", artefact.name, why, remedy, rescue is not None)


def upkeep(store: Store, repair: bool, older_than: timedelta) -> Sequence[Problem]:
    """Find what takes room and is not needed."""
    problems = []
    if orphans := store.orphans():
        if repair:
            store.remove_thumbnails(orphans)
        problems.append(Problem("orphan_thumbnails", "thumbnails", f"{len(orphans)} of them", "remove them", repair))
    if (before := store.versions()) > OLD_VERSIONS:
        if repair:
            store.compact(older_than)
        left = f"; {store.versions()} are left, younger than {older_than}" if repair else ""
        problems.append(Problem("old_versions", "tables", f"{before} versions{left}", "compact the tables", repair))
    return problems
