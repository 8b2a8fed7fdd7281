"""Opening a catalogue, or making one."""

from __future__ import annotations

from posterity.api.catalogue import Catalogue
from posterity.catalogue import Store
from posterity.ingest.request import PathLike
from posterity.runtime.storage import Remote


def open(folder: PathLike | Remote) -> Catalogue:
    """Open a catalogue.

    Raises:
        CatalogueError: There is no catalogue in that folder.
        FormatVersionError: A newer Posterity wrote it.
    """
    return Catalogue(Store.open(folder))


def create(folder: PathLike | Remote) -> Catalogue:
    """Open a catalogue, making an empty one if there is none.

    Raises:
        CatalogueError: The folder contains other files.
        StorageError: The folder cannot be written.
    """
    return Catalogue(Store.create(folder))
