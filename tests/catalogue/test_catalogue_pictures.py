"""A poster's own file, as long as it still is what was catalogued."""

from __future__ import annotations

from pathlib import Path

import posterity
from posterity.catalogue.pictures import unchanged_content


def test_only_what_was_catalogued_is_given(films: posterity.Catalogue) -> None:
    poster = films.posters()[0]
    file = Path(poster.source, poster.path)
    data = file.read_bytes()
    assert unchanged_content(poster) == data
    file.write_bytes(data + b"x")
    assert unchanged_content(poster) is None
    file.unlink()
    assert unchanged_content(poster) is None
