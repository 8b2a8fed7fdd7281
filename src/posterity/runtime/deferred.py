"""Packages that another one imports and hardly ever uses: executed once something of theirs is asked for."""

from __future__ import annotations

import sys
import threading
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

_LOCK = threading.RLock()


def defer(name: str) -> None:
    """Let a top-level package be imported without being executed, until an attribute that it would set is asked for.

    Its submodules can be imported meanwhile. The standard library's ``LazyLoader`` does not allow that: to import a
    submodule, Python asks the package for ``__path__``, and ``LazyLoader`` executes it when anything is asked for.
    Nothing happens where the package is imported already, or is not installed.
    """
    with _LOCK:
        if name in sys.modules or (spec := find_spec(name)) is None or spec.loader is None:
            return
        module = module_from_spec(spec)
        module.__class__ = _Deferred
        sys.modules[name] = module


class _Deferred(ModuleType):
    """A module that is executed when an attribute is missing from it."""

    def __getattr__(self, name: str) -> Any:
        with _LOCK:  # other threads wait here until it has been executed
            if self.__class__ is _Deferred:
                if "__executing" in self.__dict__ or self.__spec__ is None or self.__spec__.loader is None:
                    raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}", name=name, obj=self)
                self.__dict__["__executing"] = True
                try:
                    self.__spec__.loader.exec_module(self)
                    module: ModuleType = self
                    module.__class__ = ModuleType
                finally:
                    del self.__dict__["__executing"]
        return getattr(self, name)
