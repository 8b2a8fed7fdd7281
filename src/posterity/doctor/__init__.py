"""Is a catalogue well, and what repairs it: rows without files, missing vectors, stale artefacts, old versions.

It undoes nothing that cannot be restored: what it takes out is copied first (:mod:`posterity.catalogue.rescue`).
What it could not look at is reported, and changes nothing.
"""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta

from posterity.catalogue import Store
from posterity.catalogue.rescue import Rescue
from posterity.doctor import parts
from posterity.doctor.derived import layouts, models, thumbnails, upkeep, vectors
from posterity.doctor.files import DOUBT, absent_files
from posterity.doctor.problems import KINDS, Diagnosis, Kind, Problem
from posterity.doctor.tables import damaged, doubles
from posterity.errors import CatalogueError
from posterity.images import Limits

__all__ = ["KINDS", "Diagnosis", "Kind", "Problem", "examine"]


def examine(
    store: Store,
    *,
    repair: bool = False,
    remove_missing: bool = False,
    older_than: timedelta = timedelta(hours=1),
    limits: Limits = Limits(),
    workers: int = 0,
    show_progress: bool | None = None,
) -> Diagnosis:
    """Check a catalogue, and repair it if asked to; meanwhile builds wait.

    Posters whose file is certainly gone are taken out, copied to ``rescued/`` in the catalogue, and kept as findings
    (``posterity report``). Those whose file cannot be checked stay; and so do all of a source, where more than a
    tenth of its files are absent at once: an unmounted drive is no reason to forget its posters.

    Args:
        store: The catalogue.
        repair: Repair what can be repaired.
        remove_missing: When mending, take out posters whose files are absent however many they are, and absent tables'
            rows; never those that cannot be checked.
        older_than: When compacting, versions younger than this are spared for readers at work.
        limits: What is too big or too small to make a thumbnail of.
        workers: Threads for encoding.
        show_progress: As for :func:`posterity.embedding.pipeline.embed`.

    Raises:
        StorageError: Mending was asked for and the catalogue cannot be written, or no copy of what is to be taken out.
    """
    with store.writing() if repair else nullcontext():
        rescue = Rescue(store) if repair else None
        problems = [*damaged(store, rescue, remove_missing)]
        if any(not problem.repaired for problem in problems):
            return Diagnosis(_count(store), tuple(problems))  # the rest could not be read
        went_back = bool(problems)
        problems += doubles(store, rescue)
        problems += absent_files(store, rescue, remove_missing)
        in_doubt = any(problem.kind in DOUBT for problem in problems)
        problems += thumbnails(store, repair, limits)
        problems += parts.thumbnails(store, repair, limits)
        problems += parts.vectors(store, repair and not in_doubt, workers, show_progress)
        problems += vectors(store, repair and not in_doubt, repair, workers, show_progress)
        problems += [*parts.kept(store, rescue), *parts.results(store, rescue), *parts.sprites(store, repair)]
        problems += [*layouts(store, rescue), *models(store, rescue)]
        if not went_back:  # else thumbnails, and old versions, may belong to rows that were undone
            problems += upkeep(store, repair, older_than)
        rescued = str(rescue.place) if rescue is not None and rescue.used else ""
        return Diagnosis(store.count(), tuple(problems), rescued)


def _count(store: Store) -> int | None:
    try:
        return store.count()
    except CatalogueError:
        return None
