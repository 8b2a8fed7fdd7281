"""The Python interface: one object that does everything with a catalogue that the command line does.

It joins the parts and caches what is worth keeping between calls (loaded vectors); it computes nothing itself. Its
methods are grouped by purpose: :mod:`~posterity.api.filling`, :mod:`~posterity.api.searching`,
:mod:`~posterity.api.layouts`, :mod:`~posterity.api.upkeep`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from posterity.api.filling import Filling
from posterity.api.layouts import Layouts
from posterity.api.searching import Searching
from posterity.api.upkeep import Upkeep

if TYPE_CHECKING:
    from posterity.api.learner import Learner


class Catalogue(Filling, Searching, Layouts, Upkeep):
    """An open catalogue; get one from :func:`posterity.open`.

    Safe to share between threads. Vectors stay in memory after the first search until the catalogue changes.
    """

    @property
    def learn(self) -> Learner:
        """Learning from the catalogue's posters: splits, models, experiments.

        See :class:`posterity.api.learner.Learner`.
        """
        from posterity.api.learner import Learner

        return Learner(self.store)
