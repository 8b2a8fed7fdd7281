"""Which ids an NFO states for a film, the clearest first; ids of sites other than IMDb and TMDb are nobody's here."""

from __future__ import annotations

import re
from collections.abc import Iterator

from posterity.sources import values
from posterity.sources.library.markup import Element

_LIKE_IMDB = re.compile(r"tt[0-9]{6,9}", re.IGNORECASE)
_SITES = {"imdb": "imdb", "tmdb": "tmdb", "themoviedb": "tmdb"}


def stated_ids(root: Element) -> tuple[list[str], list[str]]:
    """Give what is written for the IMDb id and for the TMDb id.

    An id that looks like IMDb's is one, whatever its type says. Any other belongs to the site that its type or
    attribute names; a number without either is TMDb's, unless the film has an id of some third site: then it may be of
    that.
    """
    every = [(site, value) for site, value in _stated(root) if values.text(value)]
    third = any(site not in ("imdb", "tmdb", "") for site, _ in every)
    imdb = [value for site, value in every if site == "imdb"]
    imdb += [value for site, value in every if site != "imdb" and _LIKE_IMDB.fullmatch(value)]
    tmdb = [value for site, value in every if site == "tmdb" and not _LIKE_IMDB.fullmatch(value)]
    tmdb += [value for site, value in every if not site and value.isdigit() and not third]
    return imdb, tmdb


def _stated(root: Element) -> Iterator[tuple[str, str]]:
    """Give site and id: of elements that name the site, of those marked as default first, and then of plain ones."""
    by_default = sorted(root.all("uniqueid"), key=lambda item: _attributes(item).get("default", "").lower() != "true")
    for item in by_default:
        kind = _attributes(item).get("type", "").strip().lower()
        yield _SITES.get(kind, kind or "unknown"), item.text
    for site, names in (("imdb", ("imdbid", "imdb_id", "imdb")), ("tmdb", ("tmdbid", "tmdb_id", "tmdb"))):
        yield from ((site, item.text) for item in root.all(*names))
    for item in root.all("id"):
        named = _attributes(item)
        yield from ((_SITES[name], value.strip()) for name, value in named.items() if name in _SITES)
        sites = [_SITES.get(value.strip().lower(), value) for name, value in named.items() if name not in _SITES]
        # <id moviedb="allocine"> is that site's; <id IMDB="tt0113277" TMDB="949"> has all it tells in its attributes,
        # and what it encloses is of some third site.
        yield (sites[0] or "unknown") if sites else ("unknown" if named else ""), item.text


def _attributes(item: Element) -> dict[str, str]:
    return {name.rpartition("}")[2].lower(): value for name, value in item.attributes.items()}
