"""Is a catalogue well, and what mends it: rows without files, missing vectors, stale artefacts, old versions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from posterity.catalogue import Artefact, Finding, Store
from posterity.catalogue.provenance import current
from posterity.catalogue.schema import TABLES
from posterity.cleaning import Picture, look_at
from posterity.embedding import embed, is_current
from posterity.encoders import ENCODERS
from posterity.errors import UnknownNameError
from posterity.images import Limits
from posterity.places import folder_is_there, status_of

OLD_VERSIONS = 64
"""So many versions on the disk are worth compacting."""

KINDS = {
    "damaged_table": "a file of the store cannot be read: the disk failed, or something wrote into it",
    "source_missing": "the folder that posters came from is not there: not mounted, or moved",
    "file_missing": "a poster's file is not there any more",
    "file_changed": "a poster's file has changed since it was catalogued",
    "thumbnail_missing": "posters lack their thumbnail",
    "vector_missing": "posters lack a vector of an encoder that others have",
    "stale_vectors": "vectors were made by another version of an encoder",
    "unknown_encoder": "there are vectors of an encoder that is not installed",
    "stale_layout": "a wall or map was made by another version of an encoder, or by one that is not installed",
    "layout_behind": "posters, or what a wall or map tells of them, have changed since it was made",
    "orphan_thumbnails": "thumbnails belong to no poster any more",
    "old_versions": "old versions of the tables take room on the disk",
}
"""What can be wrong."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        kind: A code of :data:`KINDS`.
        about: The poster's id, the encoder's name, ...
        detail: What exactly was found.
        remedy: What ``--repair`` does about it, or what a person must do.
        repaired: Whether it has been mended.
    """

    kind: str
    about: str
    detail: str
    remedy: str
    repaired: bool = False

    @property
    def minor(self) -> bool:
        """Whether a catalogue with it is well all the same: it takes room, or mends itself when next needed."""
        return self.kind in ("layout_behind", "orphan_thumbnails", "old_versions")

    @property
    def repairable(self) -> bool:
        """Whether ``--repair`` does what ``remedy`` says; else a person must."""
        return self.kind not in ("source_missing", "file_changed", "unknown_encoder", "layout_behind")


@dataclass(frozen=True)
class Diagnosis:
    """What was found, and whether the catalogue is well now."""

    posters: int
    problems: tuple[Problem, ...]

    @property
    def well(self) -> bool:
        """Whether nothing is wrong that matters, or everything that was has been mended."""
        return all(problem.repaired or problem.minor for problem in self.problems)


def examine(
    store: Store,
    *,
    repair: bool = False,
    older_than: timedelta = timedelta(hours=1),
    limits: Limits = Limits(),
    workers: int = 0,
    show_progress: bool | None = None,
) -> Diagnosis:
    """Look a catalogue over, and mend it if asked to.

    Posters whose file is gone are taken out and kept as findings (``posterity report``); but only where the folder
    they came from is there, for a drive that is not mounted is no reason to forget its posters. Mend a catalogue while
    no build is under way: thumbnails that a build has just written, and whose posters it has not, look like orphans.

    Args:
        store: The catalogue.
        repair: Mend what can be mended.
        older_than: When compacting, versions younger than this are spared for readers at work.
        limits: What is too big or too small to make a thumbnail of.
        workers: Threads for encoding.
        show_progress: As for :func:`posterity.embedding.embed`.

    Raises:
        StorageError: Mending was asked for and the catalogue cannot be written.
    """
    problems = [*_damaged(store, repair)]
    if any(not problem.repaired for problem in problems):
        return Diagnosis(0, tuple(problems))  # the rest could not be read
    problems += [*_files(store, repair), *_thumbnails(store, repair, limits)]
    problems += [*_vectors(store, repair, workers, show_progress), *_layouts(store, repair)]
    problems += _models(store, repair)
    problems += _upkeep(store, repair, older_than)
    return Diagnosis(store.count(), tuple(problems))


def _damaged(store: Store, repair: bool) -> Iterator[Problem]:
    gone_back = set()
    for name in TABLES:
        if (why := store.damage(name)) is None:
            continue
        remedy = "go back to its newest version that can be read; then build and embed again"
        if repair:
            version = store.go_back(name)
            gone_back.add(name)
            why += f"; it is {'empty' if version is None else f'as it was at version {version}'} now"
        yield Problem("damaged_table", name, why, remedy, repair)
    if "posters" in gone_back:  # flags went with the rows; the next build sets them again
        store.remove_artefact("near_duplicates")


def _files(store: Store, repair: bool) -> Iterator[Problem]:
    rows = store.read(["source", "path", "bytes", "mtime_ns", "sha256"]).to_pylist()
    for source in sorted({row["source"] for row in rows} - {None}):
        if not folder_is_there(source):
            n = sum(row["source"] == source for row in rows)
            remedy = "Mount it, or build again from where it is now: posterity build NEW_PLACE -c CATALOGUE"
            yield Problem("source_missing", source, f"{n} posters came from it", remedy)
            rows = [row for row in rows if row["source"] != source]
    gone = []
    for row in rows:
        try:
            status = status_of(row["source"], row["path"])
        except OSError as error:
            gone.append(row)
            detail = f"{row['path']}: {error.strerror}"
            yield Problem("file_missing", row["id"], detail, "take the poster out, and keep a finding of it", repair)
            continue
        if status.size != row["bytes"] or (row["mtime_ns"] and status.mtime_ns != row["mtime_ns"]):
            remedy = f"Build again: posterity build {row['source']} -c {store.folder}"
            yield Problem("file_changed", row["id"], row["path"], remedy)
    if repair and gone:
        store.put_findings(
            [
                Finding(
                    r["source"], r["path"], "dropped", "vanished", "taken out by doctor", r["id"], sha256=r["sha256"]
                )
                for r in gone
            ]
        )
        store.remove_posters([row["id"] for row in gone])


def _thumbnails(store: Store, repair: bool, limits: Limits) -> Iterator[Problem]:
    rows = store.read(["source", "path", "sha256"]).to_pylist()
    stored = set(store.thumbnail_digests())
    lacking = [row for row in rows if row["sha256"] not in stored]
    if not lacking:
        return
    made: dict[str, bytes] = {}
    for row in lacking if repair else ():
        found = look_at(row["source"], row["path"], None, limits)
        if isinstance(found, Picture) and found.sha256 == row["sha256"]:
            made[found.sha256] = found.thumbnail
    store.put_thumbnails(made)
    left = sum(row["sha256"] not in made for row in lacking)
    about = f"{len(lacking)} posters, {lacking[0]['id']} among them"
    yield Problem("thumbnail_missing", "thumbnails", about, "make them from the posters' files", repair and not left)


def _vectors(store: Store, repair: bool, workers: int, show_progress: bool | None) -> Iterator[Problem]:
    made_by = {artefact.encoder: artefact for artefact in store.artefacts() if artefact.kind == "vectors"}
    for name in sorted(store.encoders):
        try:
            encoder = ENCODERS.get(name)
        except UnknownNameError:
            yield Problem("unknown_encoder", name, "its vectors are kept", "Install the package that brings it.")
            continue
        known = made_by.get(name)
        if known is None or not is_current(encoder, known):
            kind, detail = "stale_vectors", f"all {store.count()} are to be made anew"
        elif lacking := len(store.without_vector(name)):
            kind, detail = "vector_missing", f"{lacking} posters lack one"
        else:
            continue
        problem = Problem(kind, name, detail, f"encode them: posterity embed -c {store.folder} --encoder {name}")
        if repair:
            failed = embed(store, [encoder], workers=workers, show_progress=show_progress).failed
            left = f"; {len(failed)} could not be encoded: {next(iter(failed.values()))}" if failed else ""
            problem = replace(problem, detail=detail + left, repaired=not failed)
        yield problem


def _models(store: Store, repair: bool) -> Iterator[Problem]:
    """Find models that read vectors of another version of an encoder; they are refused where they are asked for."""
    for artefact in store.artefacts():
        if artefact.kind != "model" or not artefact.encoder:
            continue
        try:
            now = "+".join(ENCODERS.get(name).spec.fingerprint for name in artefact.encoder.split(","))
        except UnknownNameError:
            continue
        if now != artefact.fingerprint:
            if repair:
                store.remove_artefact(artefact.name)
            why = f"it reads vectors of another version of {artefact.encoder}"
            remedy = f"discard it; train it anew: posterity train genres -c {store.folder} (or boxoffice)"
            yield Problem("stale_model", artefact.name, why, remedy, repair)


def _layouts(store: Store, repair: bool) -> Iterator[Problem]:
    for artefact in store.artefacts():
        command = {"grid": "wall", "layout": "map"}.get(artefact.kind)
        if command is None:
            continue
        if why := _stale(artefact):
            if repair:
                store.remove_artefact(artefact.name)
            remedy = f"discard it; draw it anew: posterity {command} -c {store.folder}"
            yield Problem("stale_layout", artefact.name, why, remedy, repair)
        elif not current(store, artefact):
            # Never discarded: what it holds is what lets the next one leave posters where they are.
            remedy = f"nothing; posterity {command} -c {store.folder} brings it up to date"
            yield Problem("layout_behind", artefact.name, "what it shows has changed since it was made", remedy)


def _stale(artefact: Artefact) -> str:
    try:
        fingerprint = ENCODERS.get(artefact.encoder).spec.fingerprint
    except UnknownNameError:
        return f"its encoder {artefact.encoder!r} is not installed"
    if fingerprint != artefact.fingerprint:
        return f"its encoder {artefact.encoder!r} is another version now"
    return ""


def _upkeep(store: Store, repair: bool, older_than: timedelta) -> Sequence[Problem]:
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
