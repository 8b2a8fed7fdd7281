"""The common frame of all pages, and helpers for templates.

Templates escape all values. Only pictures and charts are markup, made by our own functions.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from posterity.catalogue import Store

_TEMPLATES = Environment(
    loader=PackageLoader("posterity.render.reports"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_TEMPLATES.filters["formatted"] = format


def page(template: str, title: str, **values: object) -> str:
    """Fill a template.

    Args:
        template: Name of the template, without the ending.
        title: Title of the page.
        values: Values for the template, by name.
    """
    return _TEMPLATES.get_template(f"{template}.html").render(title=title, **values)


def jpeg(data: bytes, alt: str = "", title: str | None = None) -> Markup:
    """Write a picture as a tag with its data."""
    encoded = base64.b64encode(data).decode()
    if title is None:
        return Markup('<img src="data:image/jpeg;base64,{}" alt="{}">').format(encoded, alt)
    return Markup('<img src="data:image/jpeg;base64,{}" alt="{}" title="{}" loading="lazy">').format(
        encoded, alt, title
    )


class Pictures:
    """The thumbnails of posters as tags; a missing poster has an empty tag."""

    def __init__(self, store: Store, ids: Iterable[str]) -> None:
        self.posters = store.get(set(ids))
        self.jpegs = store.thumbnails(poster.sha256 for poster in self.posters.values())

    def __call__(self, identity: str, alt: str, title: str) -> Markup:
        """Return a poster's picture as a tag: ``alt`` is its alternative text, ``title`` its tooltip."""
        poster = self.posters.get(identity)
        return jpeg(self.jpegs.get(poster.sha256, b"") if poster else b"", alt, title)
