"""Source -> catalogue: what is new is added, what changed is updated, the rest is left alone, and nothing is lost.

A run that is killed leaves its last batch, and the next run needs to read only what came after.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from posterity.catalogue import Store
from posterity.images import Limits
from posterity.ingest.builder import Builder
from posterity.ingest.claims import ORIGINS, settle
from posterity.ingest.flags import flag_near_duplicates
from posterity.ingest.inspection import Dropped, File, Inspect, Same
from posterity.ingest.intake import Intake, of_folder
from posterity.ingest.reports import BuildReport
from posterity.runtime.engines import Engine, Local
from posterity.runtime.parallel import chunked
from posterity.runtime.progress import progress
from posterity.serialise import dumps
from posterity.sources.folder import Skipped
from posterity.sources.records import Record

__all__ = ["ORIGINS", "Ingested", "Intake", "ingest", "of_folder", "settle"]

log = logging.getLogger(__name__)

CHUNK = 32
"""Files a task: enough that handing them over costs nothing, few enough that all threads stay busy."""


@dataclass(frozen=True)
class Ingested:
    """What bringing a source in did.

    Attributes:
        report: Its counts.
        as_listed: Whether every file was still, when it was read or looked for, as it had been listed.
    """

    report: BuildReport
    as_listed: bool


def ingest(
    store: Store,
    intake: Intake,
    *,
    limits: Limits = Limits(),
    near_duplicate_bits: int = 8,
    precedence: tuple[str, ...] = ORIGINS,
    workers: int = 0,
    engine: Engine | None = None,
    remove_missing: bool = False,
    show_progress: bool | None = None,
) -> Ingested:
    """Bring the posters of a source into a catalogue.

    Args:
        store: The catalogue.
        intake: The source.
        limits: What is too big or too small.
        near_duplicate_bits: Posters whose perceptual hashes differ in at most so many bits are flagged.
        precedence: Which kind of source decides where two disagree, the first of them first.
        workers: Threads; 0 takes one per core.
        engine: What reads and decodes; None is this process's threads.
        remove_missing: Remove the source's posters whose file is not there any more.
        show_progress: True and False force the bar; None shows it on a terminal.

    Raises:
        SourceError: The source cannot be read.
        StorageError: The catalogue cannot be written; what was committed before is kept.
    """
    log.info("building", extra={"catalogue": str(store.folder), "source": intake.label, "items": intake.total})
    with store.writing():
        builder = Builder(store, intake, limits, remove_missing=remove_missing)

        # What a file is called and known as stays here; only what must be read of it is handed out.
        waiting: deque[list[tuple[Record | Skipped, Same | Dropped | File]]] = deque()

        def files() -> Iterator[list[File]]:
            for chunk in chunked(intake.items, CHUNK):
                judged = [(found, builder.judge(found)) for found in chunk]
                waiting.append(judged)
                yield [verdict for _, verdict in judged if isinstance(verdict, File)]

        with progress("Reading posters", intake.total, show_progress) as bar:
            for inspected in (engine or Local(workers)).map(Inspect(intake.root, limits), files()):
                pictures = iter(inspected)
                judged = waiting.popleft()
                for found, verdict in judged:
                    builder.take(found, next(pictures) if isinstance(verdict, File) else verdict)
                bar.update(len(judged))
        builder.finish()
        flag_near_duplicates(store, near_duplicate_bits)
        settle(store, precedence)
        report = builder.report()
        store.add_run(report.source, dumps(report))
        counts = {
            name: getattr(report, name)
            for name in ("seen", "added", "updated", "unchanged", "dropped", "kept", "gone", "removed")
        }
        log.info("built", extra={"catalogue": str(store.folder), "source": report.source, **counts})
        return Ingested(report, as_listed=builder.stood and not builder.known.overtaken)
