"""How much memory this process has held."""

from __future__ import annotations

import sys

try:
    import resource
except ImportError:  # Windows has none
    resource = None  # type: ignore[assignment]


def peak_memory() -> int | None:
    """Give the most memory that this process has held so far, in bytes; None where the system does not tell."""
    if resource is None:
        return None
    # macOS counts bytes, Linux and the BSDs kibibytes.
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * (1 if sys.platform == "darwin" else 1024)


def megabytes(size: int | None) -> str:
    """Write a size for people.

    >>> megabytes(1_234_000_000), megabytes(None)
    ('1,234', 'unknown')
    """
    return "unknown" if size is None else f"{size / 1e6:,.0f}"
