"""What can go wrong, in words a person can act on.

Every error that a user's input, files or disk can cause is a :class:`PosterityError`. Its message says what was wrong,
names the value and says what is allowed or what to do next. The command line prints it on one line and exits with 1.
Anything else that escapes is a defect in Posterity.
"""

from __future__ import annotations

from collections.abc import Iterable


def one_line(error: BaseException, most: int = 200) -> str:
    """Give an error's text on one line, ``most`` characters at most; its kind where it has no text."""
    return " ".join(str(error).split())[:most] or type(error).__name__


class PosterityError(Exception):
    """Base of every error that is not a defect of Posterity itself.

    Args:
        problem: What was wrong, naming the value.
        remedy: What is allowed, or what to do next.
    """

    def __init__(self, problem: str, remedy: str = "") -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{problem}. {remedy}" if remedy else problem)


class CatalogueError(PosterityError):
    """A folder is not a catalogue, cannot be opened, or lacks what was asked for."""


class NoSuchPosterError(CatalogueError):
    """A catalogue has no poster with this id."""

    def __init__(self, identity: str) -> None:
        super().__init__(f"there is no poster {identity!r}", "List ids with `posterity list`, or at /api/films.")


class FormatVersionError(CatalogueError):
    """The catalogue was written by a newer Posterity than this one."""


class StorageError(CatalogueError):
    """The disk refused: full, read-only, or failing. What was committed before stays good."""


class FilterError(PosterityError):
    """A filter is not SQL over the catalogue's columns."""


class ArgumentError(PosterityError, ValueError):
    """An argument's value is not allowed."""


class UnknownNameError(ArgumentError):
    """A name is not registered.

    >>> str(UnknownNameError("encoder", "color", ["colour", "pixels"]))
    "unknown encoder 'color'. Known: colour, pixels"
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        super().__init__(f"unknown {kind} {name!r}", f"Known: {', '.join(sorted(known))}")


class MissingExtraError(PosterityError, ImportError):
    """An optional dependency is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs an optional dependency", f"Install it: pip install 'posterity[{extra}]'")


class SourceError(PosterityError):
    """A folder, table or service that posters should come from cannot be read."""


class EngineError(PosterityError):
    """The engine that work should run on cannot be reached, or lost the work for good."""


class ImageError(PosterityError):
    """A file could not be taken as a poster.

    Args:
        reason: One of :data:`posterity.ingest.inspection.REASONS`, the code that reports count by.
        detail: What exactly was wrong with this file.
    """

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(detail)
