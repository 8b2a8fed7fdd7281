"""Pairs as an HTML page."""

from __future__ import annotations

from collections import Counter

from posterity.catalogue import Store
from posterity.render.reports.frame import Pictures, page
from posterity.render.sheets import pairs_title, titles_of
from posterity.search.pairs import Pairs


def pairs_page(store: Store, pairs: Pairs) -> str:
    """Write pairs with their pictures, and a checkbox for each kind to hide it."""
    pictures = Pictures(store, (identity for pair in pairs.pairs for identity in (pair.a, pair.b)))
    return page(
        "pairs", pairs_title(pairs), picture=pictures, pairs=[(pair, titles_of(pair)) for pair in pairs.pairs],
        kinds=dict(sorted(Counter(pair.kind for pair in pairs.pairs).items())),
    )  # fmt: skip
