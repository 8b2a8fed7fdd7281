"""Work in the processes of a Ray cluster: a pool of actors, each of which loads its networks once.

Ray's own actors, rather than Ray Data or Daft: in a trial beside threads of one process (encoding 20,000 posters, two
cores) actors took 8% more time, Ray Data 28%, Daft 20% by itself and 32% on Ray; and results come in order, while
items stream in, without a listing held as a table.

A worker that dies takes nothing with it: what it had is done again by another. An item that killed every process it was
given to is told apart from its neighbours, and named.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar, cast

from posterity.errors import EngineError, MissingExtraError
from posterity.runtime.engines import Shared
from posterity.settings import environment, setting

In = TypeVar("In")
Out = TypeVar("Out")
T = TypeVar("T")

log = logging.getLogger(__name__)

TRIES = 3
"""How many processes an item may cost before it is taken for the cause."""

_PASSED_ON = ("AWS_", "POSTERITY_", "HF_", "XDG_CACHE_HOME")
"""Variables that workers need: how an object store is reached, and where weights are."""


class _Worker:
    """What runs in a process of its own."""

    def __init__(self, variables: dict[str, str]) -> None:
        import cv2

        os.environ.update(variables)
        cv2.setNumThreads(1)  # each process has one core
        self._works: dict[str, Callable[[Any], Any]] = {}

    def run(self, work: list[Any], item: Any) -> Any:
        """Apply work, which comes as a reference so that it is sent once, to an item."""
        import ray

        key = work[0].hex()
        if key not in self._works:
            self._works = {key: ray.get(work[0])}
        return self._works[key](item)


@dataclass(frozen=True)
class _Sent(Generic[T]):
    """A value in Ray's store of objects."""

    ref: Any

    def get(self) -> T:
        import ray

        return cast("T", ray.get(self.ref))


@dataclass
class _Task:
    item: Any
    worker: int
    ref: Any


class Ray:
    """The processes of a Ray cluster.

    Args:
        address: Of its head, such as "10.0.0.1:6379", or "auto" for the one that this machine belongs to; "" begins
            one on this machine, which ends with this process.
        workers: How many; 0 takes as many as the cluster has cores, or GPUs' parts.
        gpus: Share of a GPU for each worker; 0 for none.

    Raises:
        MissingExtraError: Ray is not installed.
        EngineError: The cluster cannot be reached.
    """

    def __init__(self, address: str = "", workers: int = 0, gpus: float = 0.0) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Posterity tells nobody what it does
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        try:
            import ray
        except ImportError as error:
            raise MissingExtraError("the engine ray", "ray") from error
        self._ray = ray
        if not ray.is_initialized():
            known: dict[str, Any] = {"address": address} if address else {"include_dashboard": False}
            if not address and workers:
                known["num_cpus"] = workers
            try:
                _knock(address)
                with warnings.catch_warnings():
                    # Ray forks only to run its own programs: LanceDB's warning is of forks that go on using it.
                    warnings.filterwarnings("ignore", "lancedb fork", RuntimeWarning)
                    ray.init(log_to_driver=False, logging_level=logging.ERROR, **known)
            except (ConnectionError, RuntimeError, ValueError, OSError) as error:
                raise EngineError(
                    f"Ray cannot be reached at {address or 'this machine'}: {' '.join(str(error).split())[:200]}",
                    "Start it (ray start --head) and give its address: --address HOST:6379.",
                ) from error
        there: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        self._gpus = gpus
        if gpus and not there.get("GPU"):
            raise EngineError("the cluster has no GPU", "Leave worker_gpus at 0, or start Ray on machines with GPUs.")
        most = int(there["GPU"] / gpus) if gpus else int(there.get("CPU", 1))
        self.workers = max(1, workers or most)
        # More processes than there are places would wait for ever.
        if self.workers > most:
            raise EngineError(
                f"{self.workers} workers do not fit: the cluster has room for {most}", "Set workers lower."
            )
        self._pool: list[Any] = []
        self._aside: Any = None

    def _start(self, alone: bool = False) -> Any:
        variables = {k: v for k, v in os.environ.items() if k.startswith(_PASSED_ON)} | environment()
        kind = self._ray.remote(_Worker)
        # One that takes up what is suspected has no place of its own: all may be taken.
        places = {"num_cpus": 0} if alone else {"num_cpus": 1, "num_gpus": self._gpus, "max_restarts": -1}
        return kind.options(**places).remote(variables)

    def map(self, work: Callable[[In], Out], items: Iterable[In], ahead: int = 4) -> Iterator[Out]:
        """Apply ``work`` to items in the cluster; see :meth:`posterity.runtime.engines.Engine.map`.

        Where ``work`` has a method ``crashed(item)``, an item that killed every process it was given to, cut down by
        ``work.cut(item)``, gets its answer from there.

        Raises:
            EngineError: An item killed every process that it was given to.
        """
        while len(self._pool) < self.workers:
            self._pool.append(self._start())
        sent = [self._ray.put(work)]
        source, pending = iter(items), deque[_Task]()
        load = [0] * len(self._pool)

        def submit() -> None:
            for item in islice(source, 1):
                least = min(range(len(load)), key=load.__getitem__)
                load[least] += 1
                pending.append(_Task(item, least, self._pool[least].run.remote(sent, item)))

        try:
            for _ in range(self.workers * ahead):
                submit()
            while pending:
                task = pending.popleft()
                result = self._result(work, sent, task)
                load[task.worker] -= 1
                submit()
                yield result
        finally:
            for task in pending:
                self._ray.cancel(task.ref)

    def _result(self, work: Any, sent: list[Any], task: _Task) -> Any:
        try:
            return self._get(task.ref)
        except _died(self._ray):
            log.warning("a worker was lost; its work is repeated", extra={"worker": task.worker})
            return self._again(work, sent, task.item)

    def _get(self, ref: Any) -> Any:
        try:
            return self._ray.get(ref)
        except self._ray.exceptions.RayTaskError as error:  # what the work itself raised
            raise error.cause from None

    def _again(self, work: Any, sent: list[Any], item: Any) -> Any:
        """Do again what was lost, by itself, so that what kills a process is not confused with its neighbours."""
        for _ in range(TRIES):
            self._aside = self._aside or self._start(alone=True)
            try:
                return self._get(self._aside.run.remote(sent, item))
            except _died(self._ray):
                self._aside = None
        parts = work.cut(item) if hasattr(work, "cut") else [item]
        if len(parts) > 1:
            return work.join([self._again(work, sent, part) for part in parts])
        if hasattr(work, "crashed"):
            return work.crashed(item)
        raise EngineError(f"work on {str(item)[:100]} ended {TRIES} processes", "See Ray's logs in /tmp/ray.")

    def share(self, value: T) -> Shared[T]:
        """Put a value into Ray's store, from which each machine fetches it once."""
        return _Sent(self._ray.put(value))

    def close(self) -> None:
        """End the processes; the cluster, if it was there before, stays."""
        for worker in [*self._pool, *([self._aside] if self._aside else [])]:
            self._ray.kill(worker)
        self._pool, self._aside = [], None


def open_ray(workers: int) -> Ray:
    """Open the engine as the settings say: at which address, and with which part of a GPU for each worker.

    Raises:
        MissingExtraError: Ray is not installed.
        EngineError: The cluster cannot be reached.
    """
    return Ray(setting("address"), workers, setting("worker_gpus"))


def _knock(address: str) -> None:
    """Make sure that somebody listens at an address, for Ray would try for minutes.

    Raises:
        OSError: Nobody does.
    """
    found = re.fullmatch(r"(?:ray://)?(.+):(\d+)", address)
    if found:
        socket.create_connection((found[1].strip("[]"), int(found[2])), timeout=5).close()


def _died(ray: Any) -> tuple[type[Exception], ...]:
    errors = ray.exceptions
    return (errors.RayActorError, errors.WorkerCrashedError, errors.OutOfMemoryError, errors.ObjectLostError)
