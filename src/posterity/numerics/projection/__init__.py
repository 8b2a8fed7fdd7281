"""Vectors as points in the plane: PCA, t-SNE and UMAP, each with its defaults; new points on an existing map.

t-SNE and UMAP come from openTSNE and umap-learn (the extra ``maps``). The rest is our own: nearest neighbours, exact
and as fast as a matrix product; a start from the principal plane, which keeps the map's large-scale order (D. Kobak, P.
Berens, *The art of using t-SNE for single-cell transcriptomics*, Nature Communications 10, 2019); and
:func:`~posterity.numerics.projection.places.aligned`, so that a map laid out again does not come out rotated or
mirrored.
"""
