"""One build under way: what is known, what is decided of each item of a source, and the batch to be committed.

Files are read elsewhere, in the order of the source; what they are is taken in that same order, so that which of
two equal files stays does not depend on timing. Each batch is committed whole.

Nothing is lost: a poster whose file cannot be read, or holds no picture any more, stays as it was; a file of its very
content elsewhere is that poster, moved; and those that were not met at all are decided on at the end
(:mod:`posterity.ingest.leaving`).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from posterity.catalogue import Claim, Film, Finding, Poster, Store
from posterity.catalogue.schema import film_part
from posterity.images import Limits
from posterity.ingest.claims import Claims
from posterity.ingest.inspection import JUDGING, Dropped, File, Picture, Same
from posterity.ingest.intake import Intake, findings_of_table
from posterity.ingest.known import COLUMNS, Index, Known
from posterity.ingest.leaving import KEPT, decide, findings_of, look
from posterity.ingest.naming import Naming
from posterity.ingest.renewing import Renewal, renewed
from posterity.ingest.reports import BuildReport
from posterity.ingest.withdrawing import Withdrawals
from posterity.runtime.leftovers import lies_in_leftovers
from posterity.runtime.presence import Presence, Sighting, too_many_missing
from posterity.runtime.storage import is_remote
from posterity.sources.folder import Skipped
from posterity.sources.metadata import completed
from posterity.sources.records import Record, place_of
from posterity.sources.rules import CHOICE, RULES

BATCH = 512
"""Posters a commit, at least: about a third of a second of work is lost at most when a run is killed."""

SHARE = 256
"""Of a large catalogue a commit takes one part in so many: each looks through all ids that there are, so that commits
of a fixed size would cost the square of the posters."""


_REFUSED = frozenset({*RULES, *CHOICE})
"""Reasons for which rules take a poster out."""


@dataclass(frozen=True)
class _Held:
    """A file that is dropped although a poster is known of it: what becomes of that is decided at the end."""

    item: str
    verdict: Dropped
    poster_id: str | None


class Builder:
    """One build under way: what is known, what has been decided, and the batch that is not yet committed."""

    def __init__(self, store: Store, intake: Intake, limits: Limits, *, remove_missing: bool = False) -> None:
        self.store = store
        self.source = intake.label
        self.root = intake.root
        self.table = intake.table
        self.notes = intake.notes
        self.from_rows = intake.from_rows
        self.partial = intake.partial
        self.remove_missing = remove_missing
        self.rules = hashlib.sha256(repr((limits, JUDGING)).encode()).hexdigest()[:16]
        self.counts: Counter[str] = Counter()
        self.dropped_by: Counter[str] = Counter()
        self.kept_by: Counter[str] = Counter()
        self.unwanted: set[str] = set()
        self.held: dict[str, _Held] = {}
        self.repeatable = True
        self.disturbed = False
        self.stood = True
        self.known = Index(self.root, frozenset(intake.others))
        self.seen = self.known.met
        for batch in store.read(COLUMNS).select(COLUMNS).to_batches(4096):
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                self.known.learn(Known(*row))
        self.n_before = sum(map(len, self.known.by_place.values()))
        self.findings = {(f.kind, f.item): f for f in store.findings(self.source)}
        self.claims = Claims(store, self.source, self.table.origin if self.table else "")
        self.withdrawals = Withdrawals(self.table)
        self.wrong: list[Claim] = []
        self.claims.link(intake.imdb_ids)
        self.naming = Naming(self.known, self.claims)
        self.kept_findings: set[tuple[str, str]] = set()
        self._clear_batch()

    def _clear_batch(self) -> None:
        self.pictures: dict[str, Poster] = {}
        self.thumbnails: dict[str, bytes] = {}
        self.renewals: list[Renewal] = []
        self.touched: list[tuple[Known, Same]] = []
        self.removed: list[str] = []
        self.new_findings: list[Finding] = []

    # --- judging ---------------------------------------------------------------------------------------------------

    def judge(self, found: Record | Skipped) -> Same | Dropped | File:
        """Tell what a file is, or that it must be read, as its size or time says that it may have changed."""
        if isinstance(found, Skipped):
            return Dropped(found.reason, found.detail)
        at = self.known.at(found.place)
        for known in at:
            if (known.bytes, known.mtime_ns) == (found.size, found.mtime_ns):
                return Same(known.sha256, known.bytes, known.mtime_ns)
        before = self.findings.get(("dropped", found.named)) or self.findings.get((KEPT, found.named))
        if (
            before
            and (before.bytes, before.mtime_ns, before.rules) == (found.size, found.mtime_ns, self.rules)
            and before.reason != "duplicate"  # may no longer be one
        ):
            return Dropped(before.reason, before.detail, before.bytes, before.mtime_ns)
        return File(found.path, at[0].sha256 if at else None, found.root)

    # --- taking: in order, one at a time ---------------------------------------------------------------------------

    def take(self, found: Record | Skipped, verdict: Picture | Same | Dropped) -> None:
        """Decide what becomes of an item of the source, and commit when a batch is full."""
        self.counts["seen"] += 1
        if isinstance(found, Skipped) or isinstance(verdict, Dropped):
            assert isinstance(verdict, Dropped)  # noqa: S101
            self._take_dropped(found, verdict)
        else:
            self.seen.add(found.place)
            self._compare(found, verdict)
            found = replace(found, film=self.claims.linked(found.film))
            self._note_faults(found)
            if isinstance(verdict, Same):
                self._take_same(found, verdict)
            else:
                self._take_picture(found, verdict)
        if len(self.pictures) + len(self.renewals) + len(self.new_findings) >= max(
            BATCH, len(self.known.by_id) // SHARE
        ):
            self._commit()

    def _compare(self, listed: Record, read: Picture | Same | Dropped) -> None:
        """Note where a file was another when it was read than when it was listed."""
        self.stood &= (read.size, read.mtime_ns) == (listed.size, listed.mtime_ns)

    def _take_dropped(self, found: Record | Skipped, verdict: Dropped) -> None:
        if isinstance(found, Record):
            item, place, poster_id = found.named, found.place, found.poster_id
            self._compare(found, verdict)
            self.disturbed |= not verdict.lasting
        else:
            item, place, poster_id = found.path, "" if self.from_rows else found.path, None
            self.unwanted.update([found.picture] if found.picture is not None else [])
            self.disturbed |= verdict.reason == "unreadable"
        if verdict.reason in _REFUSED:  # the user's rules do not want it: that casts no doubt on its file
            self.unwanted.add(place)
            self._drop(item, verdict, poster_id)
        elif self.known.at(place):
            self.held[place] = _Held(item, verdict, poster_id)
        else:
            self._drop(item, verdict, poster_id)

    def _drop(self, item: str, verdict: Dropped, poster_id: str | None = None, sha256: str | None = None) -> None:
        """Count an item as dropped."""
        self.counts["dropped"] += 1
        self.dropped_by[verdict.reason] += 1
        self._find_file("dropped", item, verdict, verdict.detail, poster_id, sha256)

    def _find_file(
        self, kind: str, item: str, verdict: Dropped, detail: str, poster_id: str | None, sha256: str | None = None
    ) -> None:
        mtime_ns = verdict.mtime_ns if verdict.lasting else 0
        self.repeatable &= verdict.lasting
        self._find(
            Finding(
                self.source, item, kind, verdict.reason, detail, poster_id, verdict.size, mtime_ns, sha256, self.rules
            )
        )

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
        at = self.known.at(record.place)
        known = next((each for each in at if each.sha256 == same.sha256), None)
        if known is None:  # its poster was met elsewhere meanwhile, where it has moved to
            self._drop(record.named, Dropped("vanished", "it changed while it was being read"), record.poster_id)
            return
        for other in at:
            if other.sha256 != same.sha256:
                self.known.displace(other)
            elif other != known:  # left by a run that was killed while it gave a poster its new id
                self._remove(other)
        differs = record.metadata_digest != known.metadata_digest
        wrong = self._wrong_claim(record, known) if differs else None
        changed = wrong is not None or (record.matched and differs)
        if wrong:
            identity, version_of = self.naming.afresh(record, known)
        else:
            identity, version_of = self.naming.again(record, [known]) if changed else (known.id, None)
        self.claims.add(record, identity)
        if changed:
            self.counts["updated"] += 1
            self._renew(Renewal(known, identity, self._root(record), record, same, version_of, withdrawn=bool(wrong)))
            return
        self.counts["unchanged"] += 1
        if (known.bytes, known.mtime_ns) != (same.size, same.mtime_ns):
            self.touched.append((known, same))

    def _wrong_claim(self, record: Record, known: Known) -> Claim | None:
        """Find the claim that the table made about a poster, and now makes about another file: it is withdrawn."""
        if record.matched is not False:
            return None
        claim = self.claims.of_table(film_part(known.id))
        if claim is None or not self.withdrawals.wrong(claim):
            return None
        self.wrong.append(claim)
        return claim

    def _take_picture(self, record: Record, picture: Picture) -> None:
        before, twins = self.known.at(record.place), self.known.twins(picture.sha256)
        if any(known in before for known in twins):
            self._take_same(record, Same(picture.sha256, picture.size, picture.mtime_ns))
        elif known := self._moved_here(record, before, twins):
            for other in before:
                self.known.displace(other)
            identity, version_of = self.naming.again(record, [known])
            self.claims.add(record, identity)
            self.counts["updated"] += 1
            self.counts["moved"] += 1
            self._renew(Renewal(known, identity, self._root(record), record, picture, version_of))
        elif twins and not before:
            twin = twins[0]
            self.repeatable &= self.known.holds(twin)
            if record.identified:
                self.claims.add(record, record.poster_id)
            what = Dropped("duplicate", f"the same as {twin.id} ({twin.path})", picture.size, picture.mtime_ns)
            self._drop(record.named, what, record.poster_id, picture.sha256)
        else:
            self._put(record, picture, before)

    def _moved_here(self, record: Record, before: Sequence[Known], twins: Sequence[Known]) -> Known | None:
        """Find the poster of a file's very content that was elsewhere and is not there any more.

        Where the file's name was known before, its film's id, if it has one, tells whose picture this is.
        """
        if before:
            twins = () if record.identified else [twin for twin in twins if self.known.holds(twin)]
        return self.known.lost(twins, record.path)

    def _put(self, record: Record, picture: Picture, before: Sequence[Known]) -> None:
        """Put in a poster that is new, or whose picture is."""
        naming = self.naming
        identity, version_of = naming.again(record, before) if before else naming.first(record, picture.sha256)
        self.claims.add(record, identity)
        flags = list(picture.flags)
        if version_of:
            flags.append(("another_version", f"another picture of {version_of.id} ({version_of.path})"))
        if record.matched is False:
            flags.append(("no_metadata", "no row of the table matches this file"))
        poster = Poster(
            id=identity,
            source=self._root(record),
            path=record.path,
            film=self._film_of(record, identity),
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
        self.counts["updated" if before or identity in self.known.by_id else "added"] += 1
        self._replace(before, Known(*(getattr(poster, name) for name in COLUMNS)))
        self.pictures[identity] = poster
        self.thumbnails[picture.sha256] = picture.thumbnail

    def _renew(self, renewal: Renewal) -> None:
        self._replace([renewal.known], renewal.after)
        self.renewals.append(renewal)

    def _replace(self, before: Sequence[Known], new: Known) -> None:
        for known in before:
            self.known.forget(known)
            if known.id != new.id:
                self.removed.append(known.id)
        if owner := self.known.by_id.get(new.id):  # its file is gone, and its film's picture is here now
            self.known.forget(owner)
        self.known.learn(new)

    def _root(self, record: Record) -> str:
        return self.root if record.root is None else record.root

    def _remove(self, known: Known) -> None:
        self.removed.append(known.id)
        self.known.forget(known)

    def _film_of(self, record: Record, identity: str) -> Film:
        """Give what is known of a new picture's film; a poster that moved here before keeps what it brought along."""
        brought = not record.identified and film_part(identity) != record.poster_id
        old = self.store.get([identity]).get(identity) if brought else None
        return completed(record.film, old.film) if old else record.film

    # --- committing ------------------------------------------------------------------------------------------------

    def _commit(self) -> None:
        """Write the batch. After a kill between two of its steps, the next run repairs what is left half done."""
        self.store.put_findings(self.new_findings)
        self.claims.commit()
        self.store.put_posters(list(self.pictures.values()), self.thumbnails)
        self._commit_renewals()
        touched = {known.id: same for known, same in self.touched}
        self.store.update_columns(
            list(touched),
            bytes=[same.size for same in touched.values()],
            mtime_ns=[same.mtime_ns for same in touched.values()],
        )
        written = self.pictures.keys() | {renewal.id for renewal in self.renewals}
        self.store.remove_posters(identity for identity in self.removed if identity not in written)
        self._clear_batch()

    def _commit_renewals(self) -> None:
        """Write changed places and metadata; a poster whose id changes with it is written again, and embedded later."""
        posters = self.store.get(renewal.known.id for renewal in self.renewals)
        new = [
            (renewal, renewed(posters[renewal.known.id], renewal))
            for renewal in self.renewals
            if renewal.known.id in posters  # else removed by another process; the next build finds the file again
        ]
        self.store.put_posters([poster for renewal, poster in new if renewal.id != renewal.known.id], {})
        self.store.update_posters([poster for renewal, poster in new if renewal.id == renewal.known.id])

    # --- the end ---------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Decide on what was not met, commit the rest, and bring the findings up to date."""
        if self.table:
            for finding in findings_of_table(self.table, self.source):
                self._find(finding)
        # Taken by an earlier version, which knew fewer of the names that systems and programs use.
        self.unwanted.update(path for path in self.known.by_place if lies_in_leftovers(path.rpartition("\0")[2]))
        # Only now, for a picture that one row was refused for may be another row's.
        for path in sorted(self.unwanted - self.seen - self.held.keys()):
            for known in self.known.at(path):
                self._remove(known)
        self._leave(self._settle_held())
        for claim in self.wrong:  # only now it is known which claims were made again
            self.claims.withdraw(claim)
        self._commit()
        for kind in {kind for kind, _ in self.findings}:
            gone = [item for k, item in self.findings if k == kind and (k, item) not in self.kept_findings]
            if gone and (
                self.table or self.from_rows or kind in ("dropped", KEPT)
            ):  # a build without the table says nothing of its rows
                self.store.remove_findings(self.source, kind, gone)

    def _settle_held(self) -> list[Known]:
        """Keep the posters whose files were dropped; give those whose files vanished."""
        vanished: list[Known] = []
        for path, held in self.held.items():
            if not (known := self.known.at(path)):  # its poster has moved
                self._drop(held.item, held.verdict, held.poster_id)
                continue
            self.counts["unchanged"] += 1
            if held.verdict.reason == "vanished":
                vanished += known
                self.repeatable = False
                continue
            self.kept_by[held.verdict.reason] += len(known)
            self._find_file(KEPT, held.item, held.verdict, held.verdict.detail, known[0].id)
        return vanished

    def _leave(self, vanished: Sequence[Known]) -> None:
        """Decide on the posters that were not met, or whose files vanished since they were listed."""
        met = self.seen | self.held.keys()
        unmet = [known for path in self.known.by_place.keys() - met for known in self.known.at(path)]
        # An object store leaves nothing out of its listing, so that it need not be asked for each poster.
        listed = is_remote(self.root) and not (self.from_rows or self.partial)
        sightings = [(known, Sighting(Presence.GONE, "no such object") if listed else look(known)) for known in unmet]
        sightings += [(known, look(known)) for known in vanished]
        # A file that is present came after the listing.
        self.stood &= all(at.presence is not Presence.PRESENT for _, at in sightings)
        left = decide(sightings, remove_missing=self.remove_missing, disturbed=self.disturbed)
        for finding in findings_of(left, self.source):
            self._find(finding)
        for known, _ in left.removed:
            self._remove(known)
        self.counts["removed"] += len(left.removed)
        self.counts["gone"] += len(left.gone)
        if left.kept:
            self.repeatable = False
            self.kept_by["unreadable"] += len(left.kept)
        if not self.disturbed:  # else their pictures may be where nobody could look
            for known in list(self.known.displaced.values()):
                why = "removed: its file now holds another poster's picture, and its own cannot be found"
                self._find(Finding(self.source, known.path, "dropped", "vanished", why, known.id, sha256=known.sha256))
                self._remove(known)
                self.counts["removed"] += 1

    def report(self) -> BuildReport:
        """Count up."""
        table = self.table
        flagged_by: Counter[str] = Counter()
        flagged = 0
        rows = self.store.read(["source", "path", "flags"], "array_length(flags) > 0").to_pylist()
        for row in rows:
            place = place_of(None if row["source"] == self.root else row["source"], row["path"])
            if place in self.seen or place in self.held:
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
            moved=self.counts["moved"],
            kept=self.kept_by.total(),
            kept_by=dict(sorted(self.kept_by.items())),
            gone=self.counts["gone"],
            removed=self.counts["removed"],
            in_doubt=too_many_missing(self.counts["gone"], self.n_before),
            repeatable=self.repeatable,
            notes=tuple(self.notes),
        )
