"""Name -> implementation, imported when first used.

Built-in implementations are listed as ``"module:attribute"`` strings, so that listing names imports nothing. Others
register through an entry-point group of the same name, exactly as a built-in would.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar, cast

from posterity.errors import UnknownNameError

T = TypeVar("T")


class Registry(Generic[T]):
    """The implementations of one plug point.

    Args:
        kind: What is registered, in the singular, for messages ("encoder").
        builtin: Name -> ``"module:attribute"`` of an object, or of a callable without arguments that makes one.
        group: The entry-point group in which other packages register theirs.
        families: ``"module:function"`` of families of implementations, which make one of a name, or None; and the names
            of theirs that are listed.

    >>> codecs = Registry[object]("codec", {"json": "json:loads"}, group="posterity.no_such_group")
    >>> list(codecs)
    ['json']
    >>> codecs.get("xml")
    Traceback (most recent call last):
    posterity.errors.UnknownNameError: unknown codec 'xml'. Known: json
    """

    def __init__(
        self, kind: str, builtin: Mapping[str, str], group: str, families: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self.kind = kind
        self.group = group
        self._builtin = dict(builtin)
        self._families = dict(families or {})
        self._loaded: dict[str, T] = {}

    def _targets(self) -> dict[str, str]:
        outside = {point.name: point.value for point in entry_points(group=self.group)}
        return {**outside, **self._builtin}

    def __iter__(self) -> Iterator[str]:
        listed = {name for names in self._families.values() for name in names}
        return iter(sorted({*self._targets(), *self._loaded, *listed}))

    def add(self, name: str, implementation: T) -> None:
        """Register ``implementation`` under ``name`` for this process."""
        self._loaded[name] = implementation

    def get(self, name: str | T) -> T:
        """Give the implementation of that name; anything that is not a string is given back as it is.

        Raises:
            UnknownNameError: No implementation has that name; the message lists the names there are.
        """
        if not isinstance(name, str):
            return name
        if name not in self._loaded:
            target = self._targets().get(name)
            made = self._of_a_family(name) if target is None else None
            if made is not None:
                self._loaded[name] = made
                return made
            if target is None:
                raise UnknownNameError(self.kind, name, self)
            found = _imported(target)
            self._loaded[name] = cast("T", found() if isinstance(found, type) else found)
        return self._loaded[name]

    def _of_a_family(self, name: str) -> T | None:
        for target in self._families:
            made = _imported(target)(name)
            if made is not None:
                return cast("T", made)
        return None


def _imported(target: str) -> Any:
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)
