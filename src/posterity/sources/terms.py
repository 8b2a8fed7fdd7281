"""What a user asks of a build besides its source: declared once for the interface, the shortcut and the commands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from posterity.errors import ArgumentError


@dataclass(frozen=True)
class Web:
    """How pages and pictures are requested.

    Attributes:
        rate: Requests a second to one host; 0 sets no limit; None: 40 for TMDb's hosts, none for this very machine, and
            1 for every other.
        concurrency: Simultaneous requests to one host; None takes the setting.
        allow_private: Whether rows and redirects may lead to private addresses.
        max_total: Stop after so many bytes; the next run goes on. None sets no limit.
        refresh: Ask again for what is here already, whether it changed.
        size: Size of pictures, as the source names it (TMDb: w92 ... original; IMP Awards: thumbnail, standard, large).
        language: Of titles, where a source has several (ISO 639-1).
    """

    rate: float | None = None
    concurrency: int | None = None
    allow_private: bool = False
    max_total: int | None = None
    refresh: bool = False
    size: str | None = None
    language: str | None = None


def host_of(address: str) -> str | None:
    """Give the ``host:port`` or host of an http address; None for anything else.

    Raises:
        ArgumentError: It looks like an address and is invalid.

    >>> host_of("http://127.0.0.1:8000/x"), host_of("posters")
    ('127.0.0.1:8000', None)
    """
    if not re.match(r"https?://", address, re.IGNORECASE):
        return None
    from posterity.sources._http import FetchError
    from posterity.sources._http.addresses import host_and_port, parsed

    try:
        parts = parsed(address)
    except FetchError as error:
        raise ArgumentError(f"{error.detail}", "Write http://host/path.") from None
    host, port = host_and_port(parts)
    return f"{host}:{port}" if parts.port else host


@dataclass(frozen=True)
class Terms:
    """All that a build is asked for besides source, catalogue and metadata.

    Attributes:
        kind: Of the source; None guesses.
        images: Folder or address of the pictures, instead of where the source says they are.
        links: MovieLens' ``links.csv``, which tells IMDb ids and TMDb ids of the same films.
        limit: At most so many films.
        web: How pages and pictures are requested.
        columns: Field -> its column's name, for tables whose names are not known.
    """

    kind: str | None = None
    images: str | None = None
    links: str | None = None
    limit: int | None = None
    web: Web = field(default_factory=Web)
    columns: Mapping[str, str] = field(default_factory=dict)
