"""Where work runs: in this process's threads, or in the processes of a Ray cluster. Results are the same, in order.

Work is a function of one item that can be sent to another process. An engine applies it to items and gives the results
in the items' order, a bounded number under way, so that which of two equal posters stays never depends on timing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from posterity.registry import Registry
from posterity.runtime.parallel import n_workers, ordered_map
from posterity.settings import setting

In = TypeVar("In")
Out = TypeVar("Out")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Shared(Protocol[T_co]):
    """A value that many items speak of: it is sent to each machine once."""

    def get(self) -> T_co:
        """Give the value; an array may be read-only."""
        ...


class Engine(Protocol):
    """What applies work to items."""

    @property
    def workers(self) -> int:
        """How many items are worked on at a time."""
        ...

    def map(self, work: Callable[[In], Out], items: Iterable[In], ahead: int = 4) -> Iterator[Out]:
        """Apply ``work`` to items and give the results in the items' order.

        Items are taken, and results held, at most ``workers * ahead`` at a time.
        """
        ...

    def share(self, value: T) -> Shared[T]:
        """Make a value ready to be part of items."""
        ...

    def close(self) -> None:
        """Release what was started."""
        ...


@dataclass(frozen=True)
class _Here(Generic[T]):
    value: T

    def get(self) -> T:
        return self.value


class Local:
    """The threads of this process.

    Args:
        workers: How many; 0 takes one per core.
    """

    def __init__(self, workers: int = 0) -> None:
        self.workers = n_workers(workers)

    def map(self, work: Callable[[In], Out], items: Iterable[In], ahead: int = 4) -> Iterator[Out]:
        """Apply ``work`` to items in threads; see :meth:`Engine.map`."""
        return ordered_map(work, items, self.workers, ahead)

    def share(self, value: T) -> Shared[T]:
        """Give the value as it is."""
        return _Here(value)

    def close(self) -> None:
        """Nothing was started."""


ENGINES: Registry[Callable[[int], Engine]] = Registry(
    "engine",
    {"local": "posterity.runtime.engines:Local", "ray": "posterity.runtime.engines._ray:open_ray"},
    group="posterity.engines",
    factories=True,
)
"""Name -> what opens an engine, given how many workers it is to have; 0 leaves that to the engine."""


@contextmanager
def engine_of(wanted: str | Engine | None = None, workers: int | None = None) -> Iterator[Engine]:
    """Open an engine by its name, and close it at the end; one that is given open stays so.

    Args:
        wanted: A name, an engine, or None for the setting ``engine``.
        workers: How many; None takes the setting ``workers``.

    Raises:
        UnknownNameError: There is no such engine.
        MissingExtraError: It is not installed.
        EngineError: Its cluster cannot be reached.
    """
    if wanted is not None and not isinstance(wanted, str):
        yield wanted
        return
    name, n = setting("engine", wanted), setting("workers", workers)
    engine = ENGINES.get(name)(n)
    try:
        yield engine
    finally:
        engine.close()
