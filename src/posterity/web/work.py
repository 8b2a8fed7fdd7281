"""The page's long work as jobs for the queue: what each computes, and what its result depends on."""

from __future__ import annotations

from typing import Any

from posterity.search import duplicates, evaluation, pairs
from posterity.search.available import default_weights
from posterity.web.answers import Evaluation
from posterity.web.gallery import Gallery
from posterity.web.jobs import Job

PAIRS = (200, 1000)
"""Numbers of pairs to find: the smallest that suffices is used. The page uses the first; the last is the maximum."""


def pairs_job(gallery: Gallery, n: int = 200, hide_franchise: bool = False, hide_duplicates: bool = False) -> Job:
    """Find the closest pairs, as many as :data:`PAIRS` says, and return n of them."""
    most = next(tier for tier in PAIRS if n <= tier)
    asked: dict[str, Any] = {"n": most, "hide_franchise": hide_franchise, "hide_duplicates": hide_duplicates}
    asked["encoder"] = gallery.encoder()

    def cut(found: dict[str, Any]) -> dict[str, Any]:
        return found | {"pairs": found["pairs"][:n]}

    return Job(
        "pairs", asked, lambda: gallery.catalogue.pairs(**asked), long=True, kept=True, cut=cut, reads=pairs.READS,
        encoders=(asked["encoder"],),
    )  # fmt: skip


def duplicates_job(gallery: Gallery, mirrored: bool = False) -> Job:
    """Find the posters that show the same artwork."""
    asked: dict[str, Any] = {"mirrored": mirrored, "encoder": gallery.encoder()}
    return Job(
        "duplicates", asked, lambda: gallery.catalogue.duplicates(**asked), long=True, kept=True,
        reads=duplicates.READS, encoders=(asked["encoder"],),
    )  # fmt: skip


def evaluation_job(gallery: Gallery) -> Job:
    """Score all encoders, and the current walls and maps."""
    films, store = gallery.catalogue, gallery.store
    return Job(
        "evaluation", {}, lambda: Evaluation(films.evaluate(), evaluation.layout_scores(store)), long=True, kept=True,
        reads=evaluation.READS, encoders=tuple(store.encoders), layouts=True,
    )  # fmt: skip


def why_job(gallery: Gallery, a: str, b: str, weights: str | None) -> Job:
    """Explain why two posters are alike, by default with the usual weights.

    Raises:
        NoSuchPosterError: There is no such poster.
    """
    snap = gallery.snapshot()
    for identity in (a, b):
        snap.number(identity)
    shares = default_weights(gallery.facets()) if weights is None else weights
    asked = {"a": a, "b": b, "weights": shares, "encoder": gallery.encoder(), "state": snap.state}
    return Job("why", asked, lambda: gallery.why(a, b, shares))


def layout_job(gallery: Gallery, name: str) -> Job:
    """Return a map or wall in the order of the collection, made if there is none.

    Raises:
        UnknownNameError: There is no layout with that name.
    """
    kind = gallery.layouts.kind_of(name)
    asked = {"name": name, "encoder": gallery.encoder(), "state": gallery.snapshot().state}
    return Job("layout", asked, lambda: gallery.layout(name, kind))


def whole_layout_job(gallery: Gallery, kind: str, name: str | None) -> Job:
    """Return a map or wall like the Python interface, made if there is none.

    Raises:
        UnknownNameError: There is no layout of that name and kind.
    """
    found = gallery.layouts.name_of(kind, name)
    asked = {"kind": kind, "name": found, "encoder": gallery.encoder(), "state": gallery.snapshot().state}
    return Job("whole layout", asked, lambda: gallery.layouts.find(kind, found))


def preparation_job(gallery: Gallery) -> Job:
    """Make and store the map and the wall that visitors see first."""
    return Job("preparation", {}, gallery.layouts.prepare, long=True)
