"""The Python interface: one object that does with a catalogue all that the command line does.

It joins the parts and holds what is worth holding between calls (vectors once loaded); it computes nothing itself. Its
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

    Safe to share between threads. Vectors, once searched, are held until the catalogue changes.
    """

    @property
    def learn(self) -> Learner:
        """What can be learned from its posters: splits, models, experiments.

        See :class:`posterity.api.learner.Learner`.
        """
        from posterity.api.learner import Learner

        return Learner(self.store)
