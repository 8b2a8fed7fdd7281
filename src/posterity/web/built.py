"""The page's own files, built from frontend/ into the wheel."""

from __future__ import annotations

from importlib.resources import files

from posterity.errors import StorageError

PAGE_FILES = ("index.html", "page.js", "page.css", "icon.svg")
"""The page's files, as named in index.html."""


def page_file(name: str) -> bytes:
    """Read a file of the page.

    Raises:
        StorageError: The page was not built.
    """
    try:
        return files("posterity.web").joinpath("page", name).read_bytes()
    except FileNotFoundError as error:
        raise StorageError(
            "the page was not built into this installation", "Build it: pip install -e . in the repository"
        ) from error
