"""Source -> catalogue: what is new is added, what changed is updated, the rest is left alone, and nothing is lost.

Files are read, judged and hashed by threads, in the order of their paths; their answers are taken in that same order,
so that which of two equal files stays does not depend on timing. Each batch is committed whole. A run that is killed
leaves its last batch, and the next run needs to read only what came after.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from posterity.catalogue import Artefact, Finding, Poster, Store
from posterity.catalogue.provenance import versions
from posterity.catalogue.store import now
from posterity.cleaning import Dropped, Picture, Same, look_at
from posterity.images import Limits, near_pairs
from posterity.parallel import chunked, n_workers, ordered_map
from posterity.progress import progress
from posterity.reports import BuildReport
from posterity.sources.folder import Skipped, walk
from posterity.sources.metadata import Metadata
from posterity.sources.paths import escape, locate, unescape
from posterity.sources.records import Record, records

BATCH = 512
"""Posters a commit: about a third of a second of work is lost at most when a run is killed."""

CHUNK = 32
"""Files a task: enough that handing them over costs nothing, few enough that all threads stay busy."""


def ingest(
    store: Store,
    source: str | os.PathLike[str],
    table: Metadata | None = None,
    *,
    limits: Limits = Limits(),
    near_duplicate_bits: int = 8,
    workers: int = 0,
    show_progress: bool | None = None,
) -> BuildReport:
    """Bring a folder of posters into a catalogue.

    Args:
        store: The catalogue.
        source: The folder.
        table: What a table tells of the films (:func:`posterity.sources.read_metadata`).
        limits: What is too big or too small.
        near_duplicate_bits: Posters whose perceptual hashes differ in at most so many bits are flagged.
        workers: Threads; 0 takes one per core.
        show_progress: True and False force the bar; None shows it on a terminal.

    Raises:
        SourceError: The folder cannot be read.
        StorageError: The catalogue cannot be written; what was committed before is kept.
    """
    with store.writing():
        return _ingest(store, os.path.realpath(source), table, limits, near_duplicate_bits, workers, show_progress)


def _ingest(
    store: Store,
    root: str,
    table: Metadata | None,
    limits: Limits,
    near_duplicate_bits: int,
    workers: int,
    show_progress: bool | None,
) -> BuildReport:
    own = [str(store.folder), *([unescape(table.origin)] if table else [])]
    # Counted beforehand for the progress bar: listing costs a hundredth of reading.
    total = None if show_progress is False else sum(1 for _ in walk(root, own))
    builder = _Builder(store, escape(root), limits)

    def judge(chunk: list[Record | Skipped]) -> list[tuple[Record | Skipped, Picture | Same | Dropped]]:
        return [(found, builder.judge(found)) for found in chunk]

    with progress("Reading posters", total, show_progress) as bar:
        chunks = chunked(records(root, table, own), CHUNK)
        for judged in ordered_map(judge, chunks, n_workers(workers)):
            for found, verdict in judged:
                builder.take(found, verdict)
            bar.update(len(judged))
    builder.finish(table)
    _flag_near_duplicates(store, near_duplicate_bits)
    report = builder.report(table)
    store.add_run(report.source, json.dumps(asdict(report)))
    return report


@dataclass(frozen=True)
class _Known:
    """What the catalogue holds of a file: enough to tell whether it changed."""

    id: str
    source: str
    path: str
    bytes: int
    mtime_ns: int
    sha256: str
    metadata_digest: str


class _Builder:
    """One build under way: what is known, what has been decided, and the batch that is not yet committed."""

    def __init__(self, store: Store, source: str, limits: Limits) -> None:
        self.store = store
        self.source = source
        self.limits = limits
        self.rules = hashlib.sha256(repr(limits).encode()).hexdigest()[:16]
        self.counts: Counter[str] = Counter()
        self.dropped_by: Counter[str] = Counter()
        self.seen: set[str] = set()
        self.repeatable = True
        columns = ["id", "source", "path", "bytes", "mtime_ns", "sha256", "metadata_digest"]
        self.by_path: dict[str, list[_Known]] = {}
        self.by_content: dict[str, _Known] = {}
        self.by_id: dict[str, _Known] = {}
        for batch in store.read(columns).select(columns).to_batches(4096):
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                self._learn(_Known(*row))
        self.findings = {(f.kind, f.item): f for f in store.findings(source)}
        self.kept_findings: set[tuple[str, str]] = set()
        self._clear_batch()

    def _learn(self, known: _Known) -> None:
        self.by_id[known.id] = known
        self.by_content.setdefault(known.sha256, known)
        if known.source == self.source:
            self.by_path.setdefault(known.path, []).append(known)

    def _forget(self, known: _Known) -> None:
        self.by_id.pop(known.id, None)
        if self.by_content.get(known.sha256) == known:
            del self.by_content[known.sha256]

    def _clear_batch(self) -> None:
        self.pictures: dict[str, Poster] = {}
        self.thumbnails: dict[str, bytes] = {}
        self.renewed: list[tuple[_Known, Record]] = []
        self.touched: list[tuple[_Known, Same]] = []
        self.removed: list[str] = []
        self.new_findings: list[Finding] = []

    # --- judging: called from several threads, changes nothing -------------------------------------------------------

    def judge(self, found: Record | Skipped) -> Picture | Same | Dropped:
        """Tell what a file is, reading it only where its size or time says that it may have changed."""
        if isinstance(found, Skipped):
            return Dropped(found.reason, found.detail)
        known = next(iter(self.by_path.get(found.path, ())), None)
        if known and (known.bytes, known.mtime_ns) == (found.size, found.mtime_ns):
            return Same(known.sha256, known.bytes, known.mtime_ns)
        before = self.findings.get(("dropped", found.path))
        if (
            before
            and (before.bytes, before.mtime_ns, before.rules) == (found.size, found.mtime_ns, self.rules)
            and before.reason != "duplicate"  # may no longer be one
        ):
            return Dropped(before.reason, before.detail, before.bytes, before.mtime_ns)
        return look_at(self.source, found.path, known.sha256 if known else None, self.limits)

    # --- taking: in order, one at a time ---------------------------------------------------------------------------

    def take(self, found: Record | Skipped, verdict: Picture | Same | Dropped) -> None:
        """Decide what becomes of a file, and commit when a batch is full."""
        self.seen.add(found.path)
        if isinstance(found, Skipped) or isinstance(verdict, Dropped):
            assert isinstance(verdict, Dropped)  # noqa: S101
            self._drop(found.path, verdict, found.poster_id if isinstance(found, Record) else None)
        elif isinstance(verdict, Same):
            self._take_same(found, verdict)
        else:
            self._take_picture(found, verdict)
        if len(self.pictures) + len(self.renewed) + len(self.new_findings) >= BATCH:
            self._commit()

    def _drop(self, path: str, verdict: Dropped, poster_id: str | None, sha256: str | None = None) -> None:
        self.counts["dropped"] += 1
        self.dropped_by[verdict.reason] += 1
        mtime_ns = verdict.mtime_ns if verdict.lasting else 0
        self.repeatable &= verdict.lasting
        self._find(
            Finding(
                self.source, path, "dropped", verdict.reason, verdict.detail, poster_id,
                verdict.size, mtime_ns, sha256, self.rules,
            )
        )  # fmt: skip
        for known in self.by_path.pop(path, ()):
            self.removed.append(known.id)
            self._forget(known)

    def _find(self, finding: Finding) -> None:
        key = (finding.kind, finding.item)
        self.kept_findings.add(key)
        if self.findings.get(key) != finding:
            self.new_findings.append(finding)

    def _take_same(self, record: Record, same: Same) -> None:
        known, *others = self.by_path[record.path]
        for other in others:  # left by a run that was killed while it gave a poster its new id
            self.removed.append(other.id)
            self._forget(other)
        if record.matched and record.metadata_digest != known.metadata_digest:
            self.counts["updated"] += 1
            self.renewed.append((known, record))
            return
        self.counts["unchanged"] += 1
        if (known.bytes, known.mtime_ns) != (same.size, same.mtime_ns):
            self.touched.append((known, same))

    def _take_picture(self, record: Record, picture: Picture) -> None:
        before = self.by_path.get(record.path, [])
        twin = self.by_content.get(picture.sha256)
        if not before and twin and self._there(twin):
            self.repeatable &= twin.source == self.source
            what = Dropped("duplicate", f"the same as {twin.id} ({twin.path})", picture.size, picture.mtime_ns)
            self._drop(record.path, what, record.poster_id, picture.sha256)
            return
        identity, version_of = self._choose_id(record, before)
        flags = list(picture.flags)
        if version_of:
            flags.append(("another_version", f"another picture of {version_of.id} ({version_of.path})"))
        if record.matched is False:
            flags.append(("no_metadata", "no row of the table belongs to this file"))
        poster = Poster(
            id=identity,
            source=self.source,
            path=record.path,
            film=record.film,
            format=picture.format,
            mode=picture.mode,
            width=picture.width,
            height=picture.height,
            bytes=picture.size,
            mtime_ns=picture.mtime_ns,
            sha256=picture.sha256,
            phash=picture.phash,
            flags=tuple(code for code, _ in flags),
            flag_details=tuple(detail for _, detail in flags),
            metadata_digest=record.metadata_digest,
        )
        self.counts["updated" if before or identity in self.by_id else "added"] += 1
        self._replace(before, poster)
        self.pictures[identity] = poster
        self.thumbnails[picture.sha256] = picture.thumbnail

    def _replace(self, before: Sequence[_Known], poster: Poster) -> None:
        for known in before:
            self._forget(known)
            if known.id != poster.id:
                self.removed.append(known.id)
        self.by_path.pop(poster.path, None)
        if owner := self.by_id.get(poster.id):  # its file is gone: the poster has moved here
            self._forget(owner)
            if owner.source == self.source:
                self.by_path.pop(owner.path, None)
        self._learn(
            _Known(
                poster.id, poster.source, poster.path, poster.bytes, poster.mtime_ns, poster.sha256,
                poster.metadata_digest,
            )
        )  # fmt: skip

    def _choose_id(self, record: Record, before: Sequence[_Known]) -> tuple[str, _Known | None]:
        """Give a poster its film's id; or, where another picture has that, one of its own, and the other picture."""
        base = record.poster_id
        owner = self.by_id.get(base)
        if owner is None or owner in before or not self._there(owner):
            return base, None
        place = record.path if owner.source == self.source else f"{self.source}\0{record.path}"
        return f"{base}@{hashlib.sha256(place.encode()).hexdigest()[:8]}", owner

    def _there(self, known: _Known) -> bool:
        return Path(locate(known.source, known.path)).exists()

    # --- committing ------------------------------------------------------------------------------------------------

    def _commit(self) -> None:
        """Write the batch. After a kill between two of its steps, the next run mends what is left half done."""
        self.store.put_findings(self.new_findings)
        self.store.put_posters(list(self.pictures.values()), self.thumbnails)
        self._commit_renewed()
        touched = {known.id: same for known, same in self.touched}
        self.store.update_columns(
            list(touched),
            bytes=[same.size for same in touched.values()],
            mtime_ns=[same.mtime_ns for same in touched.values()],
        )
        self.store.remove_posters(identity for identity in self.removed if identity not in self.pictures)
        self._clear_batch()

    def _commit_renewed(self) -> None:
        """Write changed metadata; a poster whose id changes with it is written anew, and embedded again later."""
        posters = self.store.get(known.id for known, _ in self.renewed)
        kept: list[Poster] = []
        moved: list[Poster] = []
        for known, record in self.renewed:
            old = posters.get(known.id)
            if old is None:  # removed by another process meanwhile; the next build finds the file again
                continue
            base = known.id.split("@")[0]
            identity = known.id if base == record.poster_id else self._choose_id(record, [known])[0]
            pairs = [
                pair for pair in zip(old.flags, old.flag_details, strict=True) if pair[0] != "no_metadata"
            ]  # fmt: skip
            new = replace(
                old,
                id=identity,
                film=record.film,
                flags=tuple(code for code, _ in pairs),
                flag_details=tuple(detail for _, detail in pairs),
                metadata_digest=record.metadata_digest,
            )
            (kept if identity == known.id else moved).append(new)
            self._replace([known], new)
        self.store.put_posters(moved, {})
        self.store.update_posters(kept)

    def finish(self, table: Metadata | None) -> None:
        """Commit the rest, and bring the findings up to date."""
        if table:
            for finding in _findings_of_table(table, self.source):
                self._find(finding)
        self._commit()
        for kind in {kind for kind, _ in self.findings}:
            gone = [item for k, item in self.findings if k == kind and (k, item) not in self.kept_findings]
            if gone and (table or kind == "dropped"):  # a build without the table says nothing of its rows
                self.store.remove_findings(self.source, kind, gone)

    def report(self, table: Metadata | None) -> BuildReport:
        """Count up."""
        flagged_by: Counter[str] = Counter()
        flagged = 0
        rows = self.store.read(["source", "path", "flags"], "array_length(flags) > 0").to_pylist()
        for row in rows:
            if row["source"] == self.source and row["path"] in self.seen:
                flagged += 1
                flagged_by.update(set(row["flags"]))
        return BuildReport(
            source=self.source,
            seen=len(self.seen),
            added=self.counts["added"],
            updated=self.counts["updated"],
            unchanged=self.counts["unchanged"],
            dropped=self.counts["dropped"],
            flagged=flagged,
            dropped_by=dict(sorted(self.dropped_by.items())),
            flagged_by=dict(sorted(flagged_by.items())),
            unmatched_files=flagged_by["no_metadata"] if table else 0,
            unmatched_rows=sum(1 for _ in table.unmatched()) if table else 0,
            faulty_rows=len({fault.number for fault in table.faults}) if table else 0,
            gone=len(self.by_path.keys() - self.seen),
            repeatable=self.repeatable,
        )


def _findings_of_table(table: Metadata, source: str) -> Iterator[Finding]:
    faults: dict[tuple[str, int], list[str]] = {}
    for fault in table.faults:
        faults.setdefault((fault.reason, fault.number), []).append(fault.detail)
    for (reason, number), details in faults.items():
        yield Finding(source, f"{table.origin}: row {number}", reason, reason, "; ".join(details))
    for row in table.unmatched():
        name = row.film.title or row.film.imdb_id or row.file or "a film without a name"
        detail = f"no file of the source belongs to {name!r}"
        item = f"{table.origin}: row {row.number}"
        yield Finding(source, item, "unmatched_row", "unmatched_row", detail, row.film.imdb_id)


def _flag_near_duplicates(store: Store, bits: int) -> None:
    """Flag, of posters that look the same, all but the one of the lowest id, and name the most alike before it."""
    rows = store.read(["phash", "flags", "flag_details"])
    ids: list[str] = rows["id"].to_pylist()
    hashes = rows["phash"].to_numpy()
    inputs = hashlib.sha256(json.dumps([ids, bits]).encode() + hashes.tobytes()).hexdigest()
    known = store.artefact("near_duplicates")
    if known and known.inputs == inputs:
        return
    old = [
        list(zip(codes, details, strict=True))
        for codes, details in zip(rows["flags"].to_pylist(), rows["flag_details"].to_pylist(), strict=True)
    ]
    blank = np.array([any(code == "blank" for code, _ in pairs) for pairs in old], bool)
    closest: dict[int, tuple[int, int]] = {}
    for i, j in near_pairs(hashes, bits):
        if not (blank[i] or blank[j]):
            distance = (int(hashes[i]) ^ int(hashes[j])).bit_count()
            closest[j] = min(closest.get(j, (bits + 1, 0)), (distance, int(i)))
    changed: dict[str, list[tuple[str, str]]] = {}
    for index, pairs in enumerate(old):
        new = [pair for pair in pairs if pair[0] != "near_duplicate"]
        if index in closest:
            distance, other = closest[index]
            new.append(("near_duplicate", f"looks like {ids[other]} ({distance} of 64 bits differ)"))
        if new != pairs:
            changed[ids[index]] = new
    store.update_columns(
        list(changed),
        flags=[[code for code, _ in pairs] for pairs in changed.values()],
        flag_details=[[detail for _, detail in pairs] for pairs in changed.values()],
    )
    store.put_artefact(
        Artefact(
            name="near_duplicates",
            kind="flags",
            encoder="",
            fingerprint="",
            parameters=json.dumps({"bits": bits}),
            versions=versions(),
            catalogue_version=store.version,
            inputs=inputs,
            scores="{}",
            created_at=now(),
        )
    )
