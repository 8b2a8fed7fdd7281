"""Another name of :mod:`posterity.numerics.som`, which scripts have imported from here since the first version."""

from posterity.numerics.som import SelfOrganizingMap

__all__ = ["SelfOrganizingMap"]
