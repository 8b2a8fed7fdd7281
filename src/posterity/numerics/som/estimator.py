"""The self-organising map as an estimator in the style of scikit-learn: options, ``fit``, and queries of the map."""

from __future__ import annotations

import inspect
import itertools
import os
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from posterity.errors import ArgumentError, UnknownNameError
from posterity.numerics.distances import (
    Floats,
    Indices,
    as_codebook,
    as_matrix,
    nearest_units,
    row_blocks,
    squared_distances,
    squared_lengths,
)
from posterity.numerics.grid.lattice import NEIGHBOURHOODS, Lattice
from posterity.numerics.principal import principal_axes, span
from posterity.numerics.scores import maps
from posterity.numerics.som import storage
from posterity.numerics.som.decay import DECAYS, RATES, Doubles
from posterity.numerics.som.initialisation import INITS, principal_plane
from posterity.numerics.som.training import batch_map, online_map, shown, stream_map

ALGORITHMS = ("auto", "batch", "online")

FEW_ROWS = 300

FEW_UNITS = 1_000
"""Rows and units up to which "auto" trains online: if there are about as many units as rows, batches leave a third of
the units without a row; and with so few, online training is quick."""

_EPOCHS = {"batch": 20, "online": 40}

_LAST_SIGMA = {"batch": 0.5, "online": 0.4}


class SelfOrganizingMap:
    """A map of rows × cols units.

    Training is deterministic: the same rows, options and seed give the same map. It works on coordinates along the
    rows' principal axes, which changes no distance (:func:`posterity.numerics.principal.span`); vectors of the rows'
    own length are computed when first needed.

    Among units that are equally near to a row, the first (row by row) matches it best, regardless of how a processor
    rounds: squared distances count as equal if they differ by less than
    :data:`posterity.numerics.distances.TIE`, a millionth, of the squared lengths of row and unit.

    Args:
        rows: Units from top to bottom.
        cols: Units from left to right.
        algorithm: "batch" (Kohonen's batch map) or "online" (one row a step, as MiniSom trains); "auto" is online for
            up to :data:`FEW_ROWS` rows and :data:`FEW_UNITS` units.
        topology: "rectangular" or "hexagonal".
        toroidal: Whether opposite sides of the map touch.
        neighbourhood: "gaussian", "bubble", "triangle" or, online only, "mexican_hat".
        n_epochs: Passes over the data, by default 20 of batches and 40 online; 0 leaves the map as initialised.
        n_steps: For online training, how many rows are shown; by default ``n_epochs`` passes.
        sigma: Width of the neighbourhood at the beginning, in units; a gaussian's standard deviation. By default a
            quarter of the longer side: the initial plane has already ordered the map at large.
        sigma_end: The same at the end, where the decay is geometric; by default 0.5 in batches and 0.4 online. Lower
            fits the posters more closely, higher keeps the map smoother.
        learning_rate: Initial learning rate of online training.
        decay: How σ and the rate shrink, a name in :data:`DECAYS`.
        init: "pca" spreads the units evenly on the plane of the first two principal components; "sample" puts each on
            a row; "random" draws each from a normal distribution as wide as the data. Or an array (rows, cols, d).
        shuffle: Whether online training shows the rows in random order.
        random_state: Seed for the initialisation and the order.

    Attributes:
        n_features_in_: d.
        sigmas_: The width of each epoch or step.
        order_: Online: the row shown at each step.

    Raises:
        ArgumentError: An option is out of range.
        UnknownNameError: An algorithm, topology, neighbourhood, decay or initialisation is unknown.

    >>> som = SelfOrganizingMap(1, 2).fit([[0.0], [0.1], [0.9], [1.0]])
    >>> som.best_matching_units([[0.2], [0.8]])[:, 1].tolist()
    [0, 1]
    """

    n_features_in_: int
    sigmas_: Doubles
    order_: Indices

    def __init__(
        self,
        rows: int,
        cols: int,
        *,
        algorithm: str = "auto",
        topology: str = "rectangular",
        toroidal: bool = False,
        neighbourhood: str = "gaussian",
        n_epochs: int | None = None,
        n_steps: int | None = None,
        sigma: float | None = None,
        sigma_end: float | None = None,
        learning_rate: float = 0.5,
        decay: str = "geometric",
        init: str | ArrayLike = "pca",
        shuffle: bool = True,
        random_state: int = 0,
    ) -> None:
        self.lattice = Lattice(rows, cols, topology, toroidal)
        if n_epochs is not None and n_epochs < 0:
            raise ArgumentError(f"n_epochs {n_epochs} is not allowed", "Give 0 (no training) or more.")
        if n_steps is not None and n_steps < 0:
            raise ArgumentError(f"n_steps {n_steps} is not allowed", "Give 0 (no training) or more.")
        for name, width in (("sigma", sigma), ("sigma_end", sigma_end)):
            if width is not None and not 0 < width < np.inf:
                raise ArgumentError(f"{name} {width} is not allowed", "Give a positive number of units.")
        if not 0 < learning_rate <= 1:
            raise ArgumentError(f"learning_rate {learning_rate} is not allowed", "Give a number above 0 and at most 1.")
        for what, chosen, known in (
            ("algorithm", algorithm, ALGORITHMS),
            ("neighbourhood", neighbourhood, tuple(NEIGHBOURHOODS)),
            ("decay", decay, tuple(DECAYS)),
            ("initialisation", init if isinstance(init, str) else "pca", tuple(INITS)),
        ):
            if chosen not in known:
                raise UnknownNameError(what, str(chosen), known)
        if algorithm != "online" and neighbourhood == "mexican_hat":
            raise ArgumentError(
                "the mexican hat cannot train in batches, since its weights sum to 0", "Use algorithm='online'."
            )
        self.rows = rows
        self.cols = cols
        self.algorithm = algorithm
        self.topology = topology
        self.toroidal = toroidal
        self.neighbourhood = neighbourhood
        self.n_epochs = n_epochs
        self.n_steps = n_steps
        self.sigma = sigma
        self.sigma_end = sigma_end
        self.learning_rate = learning_rate
        self.decay = decay
        self.init = init
        self.shuffle = shuffle
        self.random_state = random_state

    # --- as in scikit-learn ----------------------------------------------------------------------------------------

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Give the options by name, as scikit-learn's estimators do."""
        return {name: getattr(self, name) for name in _options()}

    def set_params(self, **params: Any) -> SelfOrganizingMap:
        """Change options, with the same checks as the constructor; the fitted map is discarded.

        Raises:
            UnknownNameError: There is no such option.
        """
        for name in params:
            if name not in _options():
                raise UnknownNameError("option", name, _options())
        fresh = SelfOrganizingMap(**(self.get_params() | params))
        self.__dict__.clear()
        self.__dict__.update(fresh.__dict__)
        return self

    # --- training --------------------------------------------------------------------------------------------------

    def fit(self, X: ArrayLike, y: object = None, *, order: ArrayLike | None = None) -> SelfOrganizingMap:
        """Train a new map on ``X`` (n, d).

        Args:
            X: The rows.
            y: Not used; scikit-learn's estimators take it.
            order: For online training, the index of the row to show at each step, instead of a random order.

        Raises:
            ArgumentError: ``X`` is empty, not a matrix, or holds NaN or infinities; or ``order`` does not index rows.
        """
        X = as_matrix(X)
        rng = np.random.default_rng(self.random_state)
        if isinstance(self.init, str):
            Z, lift = span(X)
            start = INITS[self.init](Z, self.rows, self.cols, rng)
        else:
            given = as_codebook(self.init)
            if given.shape != (self.rows, self.cols, X.shape[1]):
                raise ArgumentError(
                    f"init has the shape {given.shape}",
                    f"Give the shape of the map, {(self.rows, self.cols, X.shape[1])}.",
                )
            # Training stays in the joint span of the rows and the units' initial vectors.
            Z, lift = span(X, given.reshape(self.lattice.size, -1))
            start, Z = Z[len(X) :].reshape(self.rows, self.cols, -1), Z[: len(X)]
        algorithm = self.algorithm
        if algorithm == "auto":
            algorithm = "online" if len(X) <= FEW_ROWS and self.lattice.size <= FEW_UNITS else "batch"
        if order is not None and algorithm == "batch":
            raise ArgumentError("order is for online training", "Use algorithm='online', or leave it out.")
        n_epochs = _EPOCHS[algorithm] if self.n_epochs is None else self.n_epochs
        last = _LAST_SIGMA[algorithm] if self.sigma_end is None else self.sigma_end
        widest = self.sigma if self.sigma is not None else max(last, max(self.rows, self.cols) / 4)
        if algorithm == "batch":
            self.sigmas_ = DECAYS[self.decay](widest, last, n_epochs)
            trained = batch_map(Z, start, self.sigmas_, self.lattice, self.neighbourhood)
        else:
            steps = n_epochs * len(X) if self.n_steps is None else self.n_steps
            self.order_ = shown(len(X), steps, order, rng if self.shuffle else None)
            self.sigmas_ = DECAYS[self.decay](widest, last, len(self.order_))
            rates = RATES[self.decay](self.learning_rate, len(self.order_))
            trained = online_map(Z, start, self.order_, self.sigmas_, rates, self.lattice, self.neighbourhood)
        self._lift: Callable[[], Floats] | None = lambda: lift(trained.reshape(self.lattice.size, -1))
        self.n_features_in_ = X.shape[1]
        return self

    def fit_batches(self, batches: Callable[[], Iterable[Floats]], *, every: int = 1) -> SelfOrganizingMap:
        """Train a new map by the batch map on rows that come in batches and are never all in memory.

        With ``every`` 1, the map is that of :meth:`fit` on all rows, except for the last digits. With a larger number,
        each epoch sees one row in ``every``, different ones each time: mini-batches, spread evenly over the rows.

        Args:
            batches: Gives all rows each time it is called: (m, d) arrays, always in the same order.
            every: Each epoch sees one row in this many.

        Raises:
            ArgumentError: There are no rows; or the options ask for initialisation from rows, or for online training.
        """
        if self.algorithm == "online" or self.init != "pca":
            raise ArgumentError(
                f"algorithm={self.algorithm!r}, init={self.init!r} need all rows at once",
                "For batches, use algorithm='batch' and init='pca'.",
            )
        mean, basis, deviations = principal_axes(batches)
        start = principal_plane(deviations, self.rows, self.cols)
        last = _LAST_SIGMA["batch"] if self.sigma_end is None else self.sigma_end
        widest = self.sigma if self.sigma is not None else max(last, max(self.rows, self.cols) / 4)
        self.sigmas_ = DECAYS[self.decay](widest, last, _EPOCHS["batch"] if self.n_epochs is None else self.n_epochs)
        epoch = itertools.count()

        def seen() -> Iterator[Floats]:
            offset = next(epoch) % every
            for batch in batches():
                if len(some := as_matrix(batch)[offset::every]):
                    yield np.asarray((some - mean) @ basis, np.float32)

        trained = stream_map(seen, start, self.sigmas_, self.lattice, self.neighbourhood)
        self._lift = lambda: trained.reshape(self.lattice.size, -1) @ basis.T + mean
        self.n_features_in_ = len(mean)
        return self

    @property
    def codebook_(self) -> Floats:
        """The vectors of the units: (rows, cols, d) float32."""
        if "_lift" not in self.__dict__:
            raise ArgumentError("the map is not fitted", "Call fit(X) first.")
        if self._lift is not None:
            self._codebook = self._lift().reshape(self.rows, self.cols, -1)
            self._lift = None  # also releases the rows
        return self._codebook

    def __getstate__(self) -> dict[str, Any]:
        if self.__dict__.get("_lift") is not None:
            _ = self.codebook_  # a closure cannot be pickled; the vectors can
        return self.__dict__

    # --- queries ---------------------------------------------------------------------------------------------------

    def best_matching_units(self, X: ArrayLike) -> Indices:
        """Find the unit nearest to each row; among equally near ones the first, row by row.

        Returns:
            (n, 2) int64, (row, column) on the map.

        Raises:
            ArgumentError: The map is not fitted, or ``X`` does not fit it.
        """
        return np.stack(np.divmod(self.predict(X), self.cols), axis=1)

    def predict(self, X: ArrayLike) -> Indices:
        """Find the unit nearest to each row, as one number: row · cols + column."""
        return nearest_units(X, self.codebook_)[:, 0]

    def transform(self, X: ArrayLike) -> Floats:
        """Compute the Euclidean distance of each row to each unit: (n, rows · cols) float32."""
        units = self.codebook_.reshape(self.lattice.size, -1)
        centre = units.mean(axis=0)
        X = as_matrix(X, n_features=units.shape[1])
        return np.asarray(np.sqrt(squared_distances(X - centre, units - centre)))

    def quantization_error(self, X: ArrayLike) -> float:
        """Compute :func:`posterity.numerics.scores.maps.quantization_error` of ``X`` on this map."""
        return maps.quantization_error(X, self.codebook_)

    def topographic_error(self, X: ArrayLike) -> float:
        """Compute the topographic error of ``X`` on this map (8 neighbours, or 6)."""
        return maps.topographic_error(X, self.codebook_, self.lattice)

    def distortion(self, X: ArrayLike) -> float:
        """Compute the distortion of ``X`` with the neighbourhood that training ended with."""
        codebook = self.codebook_
        last = _LAST_SIGMA["batch"] if self.sigma_end is None else self.sigma_end
        sigma = float(self.sigmas_[-1]) if len(self.sigmas_) else last
        return maps.distortion(X, codebook, self.lattice, sigma, self.neighbourhood)

    def u_matrix(self) -> Floats:
        """Compute each unit's mean distance to its neighbours (8, or 6): (rows, cols). High values mark borders.

        A. Ultsch, H. P. Siemon, *Kohonen's self organizing feature maps for exploratory data analysis*, INNC 1990.
        """
        units = self.codebook_.reshape(self.lattice.size, -1)
        edges = self.lattice.edges()
        apart = np.concatenate(
            [
                np.sqrt(squared_lengths(units[edges[block, 0]] - units[edges[block, 1]]))
                for block in row_blocks(len(edges), units.shape[1])
            ]
            or [np.empty(0, np.float32)]
        )
        ends = edges.T.ravel()
        total = np.bincount(ends, np.tile(apart, 2), self.lattice.size)
        count = np.bincount(ends, minlength=self.lattice.size)
        return (total / np.maximum(count, 1)).astype(np.float32).reshape(self.rows, self.cols)

    def activation_response(self, X: ArrayLike) -> Indices:
        """Count the rows that match each unit best: (rows, cols)."""
        return np.bincount(self.predict(X), minlength=self.lattice.size).reshape(self.rows, self.cols)

    def unit_map(self, X: ArrayLike) -> dict[tuple[int, int], list[int]]:
        """List, for each (row, column) that has any, the indices of the rows that match it best."""
        found: dict[tuple[int, int], list[int]] = {}
        for item, (row, col) in enumerate(self.best_matching_units(X).tolist()):
            found.setdefault((row, col), []).append(item)
        return found

    def label_map(self, X: ArrayLike, labels: Sequence[Hashable]) -> dict[tuple[int, int], Counter[Hashable]]:
        """Count, for each (row, column) that has any, the labels of the rows that match it best.

        Raises:
            ArgumentError: The number of labels is not the number of rows.
        """
        units = self.unit_map(X)
        n = sum(map(len, units.values()))
        if len(labels) != n:
            raise ArgumentError(f"{len(labels)} labels for {n} rows", "Give one label per row.")
        return {unit: Counter(labels[item] for item in items) for unit, items in units.items()}

    # --- saving ----------------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Save the map to a file (.npz of arrays and JSON, without executable code), completely or not at all.

        Raises:
            ArgumentError: The map is not fitted.
            StorageError: The file cannot be written.
        """
        codebook = self.codebook_
        options = self.get_params() | {"init": self.init if isinstance(self.init, str) else "pca"}
        return storage.write(Path(path), options, codebook, self.sigmas_)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> SelfOrganizingMap:
        """Read a map that :meth:`save` wrote.

        Raises:
            ArgumentError: The file is not a saved map, or is damaged.
        """
        with storage.opened(path) as kept:
            som = cls(**kept.options)
            codebook = as_codebook(kept.codebook)
            if codebook.shape[:2] != (som.rows, som.cols):
                raise ValueError
        som._codebook, som._lift, som.sigmas_ = codebook, None, np.asarray(kept.sigmas, np.float64)
        som.n_features_in_ = codebook.shape[2]
        return som


def _options() -> list[str]:
    return [name for name in inspect.signature(SelfOrganizingMap.__init__).parameters if name != "self"]
