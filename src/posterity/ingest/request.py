"""A build as it is asked for. It imports nothing heavy, because recognising an unchanged folder needs no more."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from posterity.encoders import ENCODERS
from posterity.runtime.storage import Remote, place_of
from posterity.settings import names_in, setting
from posterity.sources.terms import Terms

if TYPE_CHECKING:
    from posterity.encoders import Encoder
    from posterity.sources.metadata import Metadata
    from posterity.sources.rules import Rules

PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class Request:
    """A build as it is asked for.

    Attributes:
        source: A folder, a file, an address or a query.
        folder: The catalogue's.
        metadata: For a folder: its table of films, or the path of one.
        terms: The source's kind, where its pictures are, and how they are requested.
        rules: Which films to drop, and how to choose by genre; None takes the default ones.
        encoders: What gives posters their vectors.
        remove_missing: Whether posters whose file is not there any more are removed.
    """

    source: PathLike
    folder: PathLike | Remote
    metadata: PathLike | Metadata | None = None
    terms: Terms = field(default_factory=Terms)
    rules: Rules | None = None
    encoders: tuple[Encoder, ...] = ()
    remove_missing: bool = False

    @property
    def table(self) -> str | None:
        """The path of the table of films, where one is named by its path."""
        given = self.metadata
        return os.fspath(given) if isinstance(given, str | os.PathLike) else None

    @property
    def own(self) -> tuple[str, ...]:
        """What the source's listing passes over: the catalogue and the table, should they lie in it."""
        return (str(place_of(self.folder)), *([self.table] if self.table is not None else []))


def chosen_encoders(encoders: Sequence[str | Encoder] | None) -> tuple[Encoder, ...]:
    """Give the encoders asked for, or those of the settings.

    Raises:
        UnknownNameError: There is no encoder of a name.
    """
    names = names_in(setting("encoders"), "encoders") if encoders is None else encoders
    return tuple(ENCODERS.get(name) for name in names)
