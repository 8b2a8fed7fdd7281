"""The self-organising map: a sheet of units, each with a vector, laid through the data so that neighbours are alike.

T. Kohonen, *Essentials of the self-organizing map*, Neural Networks 37 (2013). Symbols are the paper's: mᵢ the vector
of unit i, x̄ⱼ the mean of the nⱼ rows that match unit j best, hⱼᵢ how near j is to i.

:mod:`~posterity.numerics.som.training` is the whole of the training, as functions of arrays; :class:`SelfOrganizingMap`
chooses where it starts (:mod:`~posterity.numerics.som.initialisation`), how the neighbourhood shrinks
(:mod:`~posterity.numerics.som.decay`), and the coordinates it works in.
"""

from posterity.numerics.som.estimator import SelfOrganizingMap
from posterity.numerics.som.training import batch_map, online_map, stream_map

__all__ = ["SelfOrganizingMap", "batch_map", "online_map", "stream_map"]
