"""Searching a catalogue: posters, vectors, similar posters, pairs, duplicates, explanations, scores."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from posterity.api.opened import Opened
from posterity.catalogue import Poster
from posterity.encoders import ENCODERS, Encoder
from posterity.ingest.request import PathLike
from posterity.search.text import PROMPT
from posterity.settings import setting
from posterity.sources.genres import GENRES

if TYPE_CHECKING:
    from posterity.embedding.picture import Picture
    from posterity.runtime.engines import Engine
    from posterity.search.duplicates import Duplicates
    from posterity.search.evaluation import EncoderScores
    from posterity.search.explain import Explanation
    from posterity.search.pairs import Pairs
    from posterity.search.query import Matches
    from posterity.search.text import ZeroShot


class Searching(Opened):
    """Methods that read, search and compare posters."""

    def posters(self, where: str | None = None, *, view: str | None = None) -> list[Poster]:
        """Read posters, sorted by id; ``where`` is an SQL condition such as ``"year < 1960"``, ``view`` names a view.

        Raises:
            FilterError: ``where`` is not a valid SQL condition on the catalogue's columns.
            UnknownNameError: There is no such view.
        """
        return self.store.posters(self._within(where, view))

    def vectors(
        self, encoder: str | Encoder | None = None, where: str | None = None
    ) -> tuple[list[str], NDArray[np.float32]]:
        """Read an encoder's vectors.

        Returns:
            The sorted ids, and float32 of shape (n, d).

        Raises:
            CatalogueError: There are no vectors, or another version of the encoder made them.
            FilterError: ``where`` is not a valid SQL condition on the catalogue's columns.
        """
        from posterity.embedding.pipeline import load_vectors

        return load_vectors(self.store, self._encoder(encoder), where)

    def similar(
        self,
        id: str | Sequence[str] | None = None,
        *,
        image: PathLike | Picture | Sequence[PathLike | Picture] | None = None,
        unlike: str | Sequence[str] = (),
        colours: str | Sequence[str] = (),
        text: str | None = None,
        k: int | None = None,
        encoder: str | Encoder | None = None,
        weights: str | Mapping[str, float] | None = None,
        where: str | None = None,
        view: str | None = None,
        years: str | None = None,
        min_score: float | None = None,
        diversity: float = 0.0,
    ) -> Matches:
        """Find the posters most similar to posters of the catalogue, pictures, colours or a text.

        Args:
            id: Id of a poster in the catalogue, or several ids; their mean is searched for.
            image: Path of a picture, a picture, or several of them; may be combined with ids.
            unlike: Ids or paths of posters that matches should differ from.
            colours: Colours that matches should consist of, such as "#aa0000,#101010" or a list.
            text: Words, for an encoder that supports text; ``encoder`` defaults to the first such one with vectors.
            k: Maximum number of matches.
            encoder: The encoder that compares posters, or gives the facet "content"; "colour" by default for colours.
            weights: Facet -> weight, or a text such as "colour=1,content=0.5", to compare by facets; see
                :mod:`posterity.search.facets`.
            where: An SQL condition that matches must meet.
            view: Name of the view that matches must be in.
            years: Years of their films: "1980s", "1984", "1980-1989".
            min_score: Minimum score of a match.
            diversity: From 0, the most similar matches, to 1, matches as different from each other as possible.

        Raises:
            ArgumentError: The query's parts cannot be combined, or an option is out of range.
            CatalogueError: A poster does not exist or has no vector.
            ImageError: A picture cannot be read.
            FilterError: ``where`` is not a valid SQL condition on the catalogue's columns.
            UnknownNameError: An encoder, facet or view is unknown.
        """
        from posterity.search.facets import parse_weights
        from posterity.search.matching import similar as _similar
        from posterity.search.matching import steered
        from posterity.search.query import Wanted, parse_colours, years_filter

        if years is not None:
            condition = years_filter(years)
            where = f"({where}) AND {condition}" if where else condition
        wanted = Wanted(
            ids=(id,) if isinstance(id, str) else tuple(id or ()),
            images=_images(image),
            unlike=(unlike,) if isinstance(unlike, str) else tuple(unlike),
            colours=parse_colours(colours if isinstance(colours, str) else ",".join(colours)) if colours else (),
            text=text,
            k=setting("k", k),
            where=self._within(where, view),
            min_score=min_score,
            diversity=diversity,
        )
        if weights is not None:
            shares = parse_weights(weights) if isinstance(weights, str) else dict(weights)
            content = self._encoder(encoder)
            return steered(self.store, self._held.facets(shares, content), content, wanted, shares)
        if encoder is None and colours:
            encoder = "colour"
        found = self._encoder(encoder if encoder is not None or text is None else self._knowing_text())
        return _similar(self.store, self._held.searchable(found, keep=self._keeps), found, wanted)

    def pairs(
        self,
        n: int = 200,
        *,
        encoder: str | Encoder | None = None,
        hide_franchise: bool = False,
        hide_duplicates: bool = False,
        where: str | None = None,
        view: str | None = None,
        engine: str | Engine | None = None,
        show_progress: bool | None = False,
    ) -> Pairs:
        """Find the n closest pairs of posters, exactly, each with its kind.

        See :func:`posterity.search.pairs.pairs`.
        """
        from posterity.runtime.engines import engine_of
        from posterity.search.pairs import pairs as _pairs

        with engine_of(engine) as runs:
            return _pairs(
                self.store, self._encoder(encoder), n, hide_franchise=hide_franchise, hide_duplicates=hide_duplicates,
                where=self._within(where, view), workers=setting("workers"), engine=runs, show_progress=show_progress,
            )  # fmt: skip

    def duplicates(
        self,
        *,
        encoder: str | Encoder | None = None,
        mirrored: bool = False,
        where: str | None = None,
        view: str | None = None,
        show_progress: bool | None = False,
    ) -> Duplicates:
        """Find the posters that show the same artwork; see :func:`posterity.search.duplicates.duplicates`."""
        from posterity.search.duplicates import duplicates as _duplicates

        return _duplicates(
            self.store, self._encoder(encoder), where=self._within(where, view), mirrored=mirrored,
            workers=setting("workers"), show_progress=show_progress,
        )  # fmt: skip

    def explain(
        self,
        a: str,
        b: str,
        *,
        encoder: str | Encoder | None = None,
        weights: str | Mapping[str, float] = "colour=1,composition=1,content=1",
    ) -> Explanation:
        """Explain why two posters are alike (facets, regions, palettes): :func:`posterity.search.explain.explain`."""
        from posterity.search.explain import explain as _explain
        from posterity.search.facets import parse_weights

        shares = parse_weights(weights) if isinstance(weights, str) else dict(weights)
        content = self._encoder(encoder)
        return _explain(self.store, self._held.facets(shares, content), content, a, b, shares)

    def zero_shot(
        self,
        labels: Sequence[str] | None = None,
        *,
        encoder: str | Encoder | None = None,
        prompt: str = PROMPT,
        where: str | None = None,
        view: str | None = None,
    ) -> ZeroShot:
        """Score how well each label, by its name alone, fits each poster.

        See :func:`posterity.search.text.zero_shot`.
        """
        from posterity.embedding.pipeline import load_vectors
        from posterity.search.text import zero_shot

        found = self._encoder(encoder if encoder is not None else self._knowing_text())
        ids, vectors = load_vectors(self.store, found, self._within(where, view))
        return zero_shot(found, ids, vectors, tuple(GENRES) if labels is None else labels, prompt)

    def evaluate(
        self,
        *encoders: str | Encoder,
        weights: str | Mapping[str, float] | None = None,
        where: str | None = None,
        view: str | None = None,
    ) -> list[EncoderScores]:
        """Score the vectors of the given encoders, or of all, and a mixture.

        See :mod:`posterity.search.evaluation`.
        """
        from posterity.search.evaluation import evaluate
        from posterity.search.facets import parse_weights

        shares = parse_weights(weights) if isinstance(weights, str) else weights
        return evaluate(self.store, encoders, self._within(where, view), shares, self._encoder(None))

    def _knowing_text(self) -> str:
        from posterity.search.text import knowing_text

        return next(iter(knowing_text(self.store.encoders)), knowing_text(ENCODERS)[0])


def _images(given: PathLike | Picture | Sequence[PathLike | Picture] | None) -> tuple[Path | Picture, ...]:
    from posterity.embedding.picture import Picture

    several = (given,) if isinstance(given, str | os.PathLike | Picture) else tuple(given or ())
    return tuple(each if isinstance(each, Picture) else Path(each) for each in several)
