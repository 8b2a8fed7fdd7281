"""How long work tells how far it is: a bar on a terminal, silence elsewhere."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol


class Bar(Protocol):
    """What a piece of long work needs of its progress bar."""

    def update(self, n: int = 1) -> object:
        """Say that ``n`` more items are done."""
        ...


def progress(description: str, total: int | None, show: bool | None = None) -> AbstractContextManager[Bar]:
    """Open a progress bar on standard error with rate and time left.

    Args:
        description: What is going on.
        total: How many items there are; None where that is not known.
        show: True and False force it; None shows it where standard error is a terminal.
    """
    from tqdm import tqdm

    return tqdm(
        total=total,
        desc=description,
        unit=" posters",
        disable=None if show is None else not show,
        dynamic_ncols=True,
        leave=True,
        smoothing=0.1,
    )
