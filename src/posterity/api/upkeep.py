"""Maintaining a catalogue: its contents, its findings, its health, and restoring removed posters."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING

from posterity.api.opened import Opened
from posterity.api.results import Info, Report, info_of, report_of
from posterity.settings import setting

if TYPE_CHECKING:
    from posterity.doctor import Diagnosis


class Upkeep(Opened):
    """Methods that report on a catalogue and repair it."""

    def info(self) -> Info:
        """Summarise the catalogue's contents."""
        return info_of(self.store)

    def report(self) -> Report:
        """Return everything that was dropped, kept or flagged, and why."""
        return report_of(self.store)

    def doctor(
        self,
        *,
        repair: bool = False,
        remove_missing: bool = False,
        older_than: timedelta = timedelta(hours=1),
        show_progress: bool | None = False,
    ) -> Diagnosis:
        """Examine the catalogue, and repair it if asked to; see :func:`posterity.doctor.examine`."""
        from posterity.doctor import examine
        from posterity.ingest.inspection import limits_set

        return examine(
            self.store,
            repair=repair,
            remove_missing=remove_missing,
            older_than=older_than,
            limits=limits_set(),
            workers=setting("workers"),
            show_progress=show_progress,
        )

    def put_back(self, rescued: str | os.PathLike[str]) -> int:
        """Restore posters that doctor removed: ``rescued`` is the folder of copies that it named.

        Returns:
            Number of restored posters; a poster whose id exists again is left as it is.

        Raises:
            CatalogueError: The folder contains no copies of posters.
            StorageError: The copies cannot be read, or the catalogue cannot be written.
        """
        from posterity.catalogue.rescue import put_back

        return put_back(self.store, rescued)
