"""One build under way: what is known, what is decided of each item of a source, and the batch to be committed.

Files are read elsewhere, in the order of the source; what they are is taken in that same order, so that which of
two equal files stays does not depend on timing. Each batch is committed whole.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from posterity.building.claims import Claims
from posterity.building.intake import Intake
from posterity.catalogue import Finding, Poster, Store
from posterity.cleaning import JUDGING, Dropped, File, Picture, Same
from posterity.images import Limits
from posterity.leftovers import lies_in_leftovers
from posterity.places import is_remote, status_of
from posterity.reports import BuildReport
from posterity.sources.folder import Skipped
from posterity.sources.metadata import Metadata
from posterity.sources.records import Record

BATCH = 512
"""Posters a commit, at least: about a third of a second of work is lost at most when a run is killed."""

SHARE = 256
"""Of a large catalogue a commit takes one part in so many: each looks through all ids that there are, so that commits
of a fixed size would cost the square of the posters."""


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


class Builder:
    """One build under way: what is known, what has been decided, and the batch that is not yet committed."""

    def __init__(self, store: Store, intake: Intake, limits: Limits) -> None:
        self.store = store
        self.source = intake.label
        self.root = intake.root
        self.table = intake.table
        self.notes = intake.notes
        self.from_rows = intake.from_rows
        self.partial = intake.partial
        self.limits = limits
        self.rules = hashlib.sha256(repr((limits, JUDGING)).encode()).hexdigest()[:16]
        self.counts: Counter[str] = Counter()
        self.dropped_by: Counter[str] = Counter()
        self.seen: set[str] = set()
        self.unwanted: set[str] = set()
        self.repeatable = True
        columns = ["id", "source", "path", "bytes", "mtime_ns", "sha256", "metadata_digest"]
        self.by_path: dict[str, list[_Known]] = {}
        self.by_content: dict[str, _Known] = {}
        self.by_id: dict[str, _Known] = {}
        for batch in store.read(columns).select(columns).to_batches(4096):
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                self._learn(_Known(*row))
        self.findings = {(f.kind, f.item): f for f in store.findings(self.source)}
        self.claims = Claims(store)
        self.claims.link(intake.imdb_ids)
        self.kept_findings: set[tuple[str, str]] = set()
        self._clear_batch()

    def _learn(self, known: _Known) -> None:
        self.by_id[known.id] = known
        self.by_content.setdefault(known.sha256, known)
        if known.source == self.root:
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

    # --- judging ---------------------------------------------------------------------------------------------------

    def judge(self, found: Record | Skipped) -> Same | Dropped | File:
        """Tell what a file is, or that it must be read, as its size or time says that it may have changed."""
        if isinstance(found, Skipped):
            return Dropped(found.reason, found.detail)
        known = next(iter(self.by_path.get(found.path, ())), None)
        if known and (known.bytes, known.mtime_ns) == (found.size, found.mtime_ns):
            return Same(known.sha256, known.bytes, known.mtime_ns)
        before = self.findings.get(("dropped", found.named))
        if (
            before
            and (before.bytes, before.mtime_ns, before.rules) == (found.size, found.mtime_ns, self.rules)
            and before.reason != "duplicate"  # may no longer be one
        ):
            return Dropped(before.reason, before.detail, before.bytes, before.mtime_ns)
        return File(found.path, known.sha256 if known else None)

    # --- taking: in order, one at a time ---------------------------------------------------------------------------

    def take(self, found: Record | Skipped, verdict: Picture | Same | Dropped) -> None:
        """Decide what becomes of an item of the source, and commit when a batch is full."""
        self.counts["seen"] += 1
        if isinstance(found, Skipped) or isinstance(verdict, Dropped):
            assert isinstance(verdict, Dropped)  # noqa: S101
            if isinstance(found, Record):
                self._drop(found.named, found.path, verdict, found.poster_id)
            else:
                self._drop(found.path, None if self.from_rows else found.path, verdict)
                self.unwanted.update([found.picture] if found.picture is not None else [])
        else:
            self.seen.add(found.path)
            found = replace(found, film=self.claims.linked(found.film))
            self.claims.add(found, self.source)
            self._note_faults(found)
            if isinstance(verdict, Same):
                self._take_same(found, verdict)
            else:
                self._take_picture(found, verdict)
        if len(self.pictures) + len(self.renewed) + len(self.new_findings) >= max(BATCH, len(self.by_id) // SHARE):
            self._commit()

    def _drop(
        self, item: str, path: str | None, verdict: Dropped, poster_id: str | None = None, sha256: str | None = None
    ) -> None:
        """Count an item as dropped; the poster that was its picture's, if any, goes."""
        self.counts["dropped"] += 1
        self.dropped_by[verdict.reason] += 1
        mtime_ns = verdict.mtime_ns if verdict.lasting else 0
        self.repeatable &= verdict.lasting
        self._find(
            Finding(
                self.source, item, "dropped", verdict.reason, verdict.detail, poster_id,
                verdict.size, mtime_ns, sha256, self.rules,
            )
        )  # fmt: skip
        for known in self.by_path.pop(path, ()) if path is not None else ():
            self.removed.append(known.id)
            self._forget(known)

    def _note_faults(self, record: Record) -> None:
        if record.faults:
            self.counts["faulty"] += 1
            what = "; ".join(record.faults)
            self._find(Finding(self.source, record.named, "bad_value", "bad_value", what, record.poster_id))

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
            self.repeatable &= twin.source == self.root
            what = Dropped("duplicate", f"the same as {twin.id} ({twin.path})", picture.size, picture.mtime_ns)
            self._drop(record.named, None, what, record.poster_id, picture.sha256)
            return
        identity, version_of = self._choose_id(record, before)
        flags = list(picture.flags)
        if version_of:
            flags.append(("another_version", f"another picture of {version_of.id} ({version_of.path})"))
        if record.matched is False:
            flags.append(("no_metadata", "no row of the table belongs to this file"))
        poster = Poster(
            id=identity,
            source=self.root,
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
            if owner.source == self.root:
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
        place = record.path if owner.source == self.root else f"{self.root}\0{record.path}"
        return f"{base}@{hashlib.sha256(place.encode()).hexdigest()[:8]}", owner

    def _there(self, known: _Known) -> bool:
        """Tell whether a poster's file is there; one that cannot be looked at now is taken to be."""
        try:
            status_of(known.source, known.path)
        except FileNotFoundError:
            return False
        except OSError:
            return is_remote(known.source)
        return True

    # --- committing ------------------------------------------------------------------------------------------------

    def _commit(self) -> None:
        """Write the batch. After a kill between two of its steps, the next run mends what is left half done."""
        self.store.put_findings(self.new_findings)
        self.claims.commit()
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

    def finish(self) -> None:
        """Commit the rest, and bring the findings up to date."""
        if self.table:
            for finding in _findings_of_table(self.table, self.source):
                self._find(finding)
        # Taken by an earlier version, which knew fewer of the names that systems and programs use.
        self.unwanted.update(path for path in self.by_path if lies_in_leftovers(path))
        # Only now, for a picture that one row was refused for may be another row's.
        for path in sorted(self.unwanted - self.seen):
            for known in self.by_path.pop(path, ()):
                self.removed.append(known.id)
                self._forget(known)
        self._commit()
        for kind in {kind for kind, _ in self.findings}:
            gone = [item for k, item in self.findings if k == kind and (k, item) not in self.kept_findings]
            if gone and (
                self.table or self.from_rows or kind == "dropped"
            ):  # a build without the table says nothing of its rows
                self.store.remove_findings(self.source, kind, gone)

    def report(self) -> BuildReport:
        """Count up."""
        table = self.table
        flagged_by: Counter[str] = Counter()
        flagged = 0
        rows = self.store.read(["source", "path", "flags"], "array_length(flags) > 0").to_pylist()
        for row in rows:
            if row["source"] == self.root and row["path"] in self.seen:
                flagged += 1
                flagged_by.update(set(row["flags"]))
        return BuildReport(
            source=self.source,
            seen=self.counts["seen"],
            added=self.counts["added"],
            updated=self.counts["updated"],
            unchanged=self.counts["unchanged"],
            dropped=self.counts["dropped"],
            flagged=flagged,
            dropped_by=dict(sorted(self.dropped_by.items())),
            flagged_by=dict(sorted(flagged_by.items())),
            unmatched_files=flagged_by["no_metadata"] if table else 0,
            unmatched_rows=sum(1 for _ in table.unmatched()) if table else 0,
            faulty_rows=len({fault.number for fault in table.faults}) if table else self.counts["faulty"],
            gone=self._gone(),
            repeatable=self.repeatable,
            notes=tuple(self.notes),
        )

    def _gone(self) -> int:
        unseen = [self.by_path[path][0] for path in self.by_path.keys() - self.seen]
        return sum(not ((self.from_rows or self.partial) and self._there(known)) for known in unseen)


def _findings_of_table(table: Metadata, source: str) -> Iterator[Finding]:
    faults: dict[tuple[str, int], list[str]] = {}
    for fault in table.faults:
        faults.setdefault((fault.reason, fault.number), []).append(fault.detail)
    for (reason, number), details in faults.items():
        yield Finding(source, f"{table.origin}: row {number}", reason, reason, "; ".join(details))
    for row, detail in table.unmatched():
        item = f"{table.origin}: row {row.number}"
        yield Finding(source, item, "unmatched_row", "unmatched_row", detail, row.film.imdb_id)
