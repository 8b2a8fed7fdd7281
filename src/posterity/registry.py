"""Name -> implementation, imported when first used.

Built-in implementations are listed as ``"module:attribute"`` strings, so that listing names imports nothing. Other
packages register theirs as entry points, the same strings, in the plug point's group; a built-in's name stays its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar, cast

from posterity.errors import PosterityError, UnknownNameError

T = TypeVar("T")


class PlugInError(PosterityError):
    """What another package registers cannot be used: it cannot be imported, or two packages register one name."""


class Registry(Generic[T]):
    """The implementations of one plug point.

    Args:
        kind: What is registered, in the singular, for messages ("encoder").
        builtin: Name -> ``"module:attribute"`` of an object, or of a class, of which one is made.
        group: The entry-point group in which other packages register theirs.
        families: ``"module:function"`` of families of implementations, which make one of a name, or None; and the names
            of theirs that are listed.
        factories: Whether what is registered is called with arguments by whoever uses it, and so is given as it is,
            also where it is a class.

    >>> codecs = Registry[object]("codec", {"json": "json:loads"}, group="posterity.no_such_group")
    >>> list(codecs)
    ['json']
    >>> codecs.get("xml")
    Traceback (most recent call last):
    posterity.errors.UnknownNameError: unknown codec 'xml'. Known: json
    """

    def __init__(
        self,
        kind: str,
        builtin: Mapping[str, str],
        group: str,
        families: Mapping[str, Sequence[str]] | None = None,
        *,
        factories: bool = False,
    ) -> None:
        self.kind = kind
        self.group = group
        self.factories = factories
        self._builtin = dict(builtin)
        self._families = dict(families or {})
        self._listed = {name for names in self._families.values() for name in names}
        self._loaded: dict[str, T] = {}

    def _outside(self) -> dict[str, list[EntryPoint]]:
        """Give what other packages register, by name: usually one each."""
        found: dict[str, list[EntryPoint]] = {}
        for point in entry_points(group=self.group):
            found.setdefault(point.name, []).append(point)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*self._builtin, *self._outside(), *self._loaded, *self._listed}))

    def add(self, name: str, implementation: T) -> None:
        """Register ``implementation`` under ``name`` for this process."""
        self._loaded[name] = implementation

    def get(self, name: str | T) -> T:
        """Give the implementation of that name; anything that is not a string is given back as it is.

        Raises:
            UnknownNameError: No implementation has that name; the message lists the names there are.
            PlugInError: Another package registers it, and it cannot be used.
        """
        if not isinstance(name, str):
            return name
        if name not in self._loaded:
            self._loaded[name] = self._found(name)
        return self._loaded[name]

    def _found(self, name: str) -> T:
        if name in self._builtin:
            return self._made(_imported(self._builtin[name]))
        points = [] if name in self._listed else self._outside().get(name, [])
        if len({point.value for point in points}) > 1:
            packages = sorted(_package(point) for point in points)
            raise PlugInError(
                f"the {self.kind} {name!r} is registered by {' and '.join(packages)}", "Uninstall all but one of them."
            )
        if points:
            try:
                return self._made(points[0].load())
            except (ImportError, AttributeError) as error:
                if isinstance(error, PosterityError):
                    raise
                raise PlugInError(
                    f"the {self.kind} {name!r} of {_package(points[0])} cannot be loaded: {error}",
                    "Reinstall or uninstall that package.",
                ) from error
        made = self._of_a_family(name)
        if made is None:
            raise UnknownNameError(self.kind, name, self)
        return made

    def _made(self, found: Any) -> T:
        return cast("T", found() if isinstance(found, type) and not self.factories else found)

    def _of_a_family(self, name: str) -> T | None:
        for target in self._families:
            made = _imported(target)(name)
            if made is not None:
                return cast("T", made)
        return None


def _imported(target: str) -> Any:
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)


def _package(point: EntryPoint) -> str:
    return "an unknown package" if point.dist is None else f"the package {point.dist.name}"
