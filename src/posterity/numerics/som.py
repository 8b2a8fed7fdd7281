"""The self-organising map: a sheet of units, each with a vector, laid through the data so that neighbours are alike.

T. Kohonen, *Essentials of the self-organizing map*, Neural Networks 37 (2013). Symbols are the paper's: mᵢ the vector
of unit i, x̄ⱼ the mean of the nⱼ rows that match unit j best, hⱼᵢ how near j is to i.

:func:`batch_map` (:func:`stream_map` of rows in batches) and :func:`online_map` are the whole of the training, as
functions of arrays; :class:`SelfOrganizingMap` chooses where they start, how the neighbourhood shrinks, and the
coordinates they work in.
"""

from __future__ import annotations

import inspect
import itertools
import json
import os
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from posterity.errors import ArgumentError, UnknownNameError
from posterity.numerics.grid.lattice import NEIGHBOURHOODS, Lattice, smoother
from posterity.numerics.principal import principal_axes, span
from posterity.numerics.scores import metrics
from posterity.numerics.scores.metrics import Floats, Indices
from posterity.runtime.filenames import whole
from posterity.serialise import dumps

Doubles = NDArray[np.float64]

_REACHED = 1e-30
"""A unit whose neighbourhood holds less weight than this keeps its vector."""

_TABLE = 1 << 24
"""Distances between units that online training keeps at hand; on larger maps they are computed step by step."""

ALGORITHMS = ("auto", "batch", "online")

FEW_ROWS = 300
FEW_UNITS = 1_000
"""Rows and units up to which "auto" trains online: where units are about as many as rows, batches leave a third of them
without a row; and so little work is soon done."""

_EPOCHS = {"batch": 20, "online": 40}
_LAST_SIGMA = {"batch": 0.5, "online": 0.4}

_KIND = "posterity.numerics.som.SelfOrganizingMap/1"
"""What tells a saved map from other files."""


class SelfOrganizingMap:
    """A map of rows × cols units.

    Training is deterministic: the same rows, options and seed give the same map. It works on coordinates along the
    rows' principal axes, which changes no distance (:func:`posterity.numerics.principal.span`); vectors of the rows'
    own length are formed when they are first asked for.

    Of units that are equally near to a row the first, row by row, matches it best, whichever of them a processor's way
    of rounding favours: squared distances count as equal where they differ by less than
    :data:`posterity.numerics.scores.metrics.TIE`, a millionth, of the squared lengths of row and unit.

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
        learning_rate: Of online training, at the beginning.
        decay: How σ and the rate shrink, a name in :data:`DECAYS`.
        init: "pca" spreads the units evenly on the plane of the first two principal components; "sample" puts each on
            a row; "random" draws each from a normal distribution as wide as the data. Or an array (rows, cols, d).
        shuffle: Whether online training shows the rows in random order.
        random_state: Seed of the initialisation and the order.

    Attributes:
        n_features_in_: d.
        sigmas_: The width of each epoch or step.
        order_: Online: the row shown at each step.

    Raises:
        ArgumentError: An option is out of range.
        UnknownNameError: There is no algorithm, topology, neighbourhood, decay or initialisation of a name.

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
            raise ArgumentError(f"n_epochs {n_epochs} is not allowed", "It is 0 (no training) or more.")
        if n_steps is not None and n_steps < 0:
            raise ArgumentError(f"n_steps {n_steps} is not allowed", "It is 0 (no training) or more.")
        for name, width in (("sigma", sigma), ("sigma_end", sigma_end)):
            if width is not None and not 0 < width < np.inf:
                raise ArgumentError(f"{name} {width} is not allowed", "It is a positive number of units.")
        if not 0 < learning_rate <= 1:
            raise ArgumentError(f"learning_rate {learning_rate} is not allowed", "It is above 0 and at most 1.")
        for what, chosen, known in (
            ("algorithm", algorithm, ALGORITHMS),
            ("neighbourhood", neighbourhood, tuple(NEIGHBOURHOODS)),
            ("decay", decay, tuple(DECAYS)),
            ("initialisation", init if isinstance(init, str) else "pca", tuple(_INITS)),
        ):
            if chosen not in known:
                raise UnknownNameError(what, str(chosen), known)
        if algorithm != "online" and neighbourhood == "mexican_hat":
            raise ArgumentError(
                "a mexican hat cannot train in batches: its weights sum to nothing", "Say algorithm='online'."
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

    # --- scikit-learn's manners ------------------------------------------------------------------------------------

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Give the options by name, as scikit-learn's estimators do."""
        return {name: getattr(self, name) for name in _options()}

    def set_params(self, **params: Any) -> SelfOrganizingMap:
        """Change options, checked as at the beginning; what was fitted is forgotten.

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
        """Train on ``X`` (n, d), afresh.

        Args:
            X: The rows.
            y: Not used; scikit-learn's estimators take it.
            order: For online training, the index of the row of each step, instead of the seed's.

        Raises:
            ArgumentError: ``X`` is empty, no matrix, or holds NaN or infinities; or ``order`` names no rows.
        """
        X = metrics.as_matrix(X)
        rng = np.random.default_rng(self.random_state)
        if isinstance(self.init, str):
            Z, lift = span(X)
            start = _INITS[self.init](Z, self.rows, self.cols, rng)
        else:
            given = metrics.as_codebook(self.init)
            if given.shape != (self.rows, self.cols, X.shape[1]):
                raise ArgumentError(
                    f"init has the shape {given.shape}", f"It is {(self.rows, self.cols, X.shape[1])}, as the map is."
                )
            # Training leaves the span of the rows and the units' first vectors together as little.
            Z, lift = span(X, given.reshape(self.lattice.size, -1))
            start, Z = Z[len(X) :].reshape(self.rows, self.cols, -1), Z[: len(X)]
        algorithm = self.algorithm
        if algorithm == "auto":
            algorithm = "online" if len(X) <= FEW_ROWS and self.lattice.size <= FEW_UNITS else "batch"
        if order is not None and algorithm == "batch":
            raise ArgumentError("order is for online training", "Say algorithm='online', or leave it out.")
        n_epochs = _EPOCHS[algorithm] if self.n_epochs is None else self.n_epochs
        last = _LAST_SIGMA[algorithm] if self.sigma_end is None else self.sigma_end
        widest = self.sigma if self.sigma is not None else max(last, max(self.rows, self.cols) / 4)
        if algorithm == "batch":
            self.sigmas_ = DECAYS[self.decay](widest, last, n_epochs)
            trained = batch_map(Z, start, self.sigmas_, self.lattice, self.neighbourhood)
        else:
            steps = n_epochs * len(X) if self.n_steps is None else self.n_steps
            self.order_ = _shown(len(X), steps, order, rng if self.shuffle else None)
            self.sigmas_ = DECAYS[self.decay](widest, last, len(self.order_))
            rates = _RATES[self.decay](self.learning_rate, len(self.order_))
            trained = online_map(Z, start, self.order_, self.sigmas_, rates, self.lattice, self.neighbourhood)
        self._lift: Callable[[], Floats] | None = lambda: lift(trained.reshape(self.lattice.size, -1))
        self.n_features_in_ = X.shape[1]
        return self

    def fit_batches(self, batches: Callable[[], Iterable[Floats]], *, every: int = 1) -> SelfOrganizingMap:
        """Train afresh by the batch map on rows that come in batches and are never in memory together.

        With ``every`` 1 the map is that of :meth:`fit` on all rows, but for the last digits. With more, an epoch sees
        one row in so many, others each time: mini-batches, spread evenly over the rows in whatever order they come.

        Args:
            batches: Gives all rows anew each time it is called: (m, d) arrays, in the same order.
            every: One row in so many is seen in an epoch.

        Raises:
            ArgumentError: There are no rows; or the map was to start from rows, or to be trained online.
        """
        if self.algorithm == "online" or self.init != "pca":
            raise ArgumentError(
                f"algorithm={self.algorithm!r}, init={self.init!r} need all rows", "Batches take 'batch' and 'pca'."
            )
        mean, basis, deviations = principal_axes(batches)
        start = _plane(deviations, self.rows, self.cols)
        last = _LAST_SIGMA["batch"] if self.sigma_end is None else self.sigma_end
        widest = self.sigma if self.sigma is not None else max(last, max(self.rows, self.cols) / 4)
        self.sigmas_ = DECAYS[self.decay](widest, last, _EPOCHS["batch"] if self.n_epochs is None else self.n_epochs)
        epoch = itertools.count()

        def seen() -> Iterator[Floats]:
            offset = next(epoch) % every
            for batch in batches():
                if len(some := metrics.as_matrix(batch)[offset::every]):
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
            self._lift = None  # and with it the rows
        return self._codebook

    def __getstate__(self) -> dict[str, Any]:
        if self.__dict__.get("_lift") is not None:
            _ = self.codebook_  # a closure cannot be copied to another process; the vectors can
        return self.__dict__

    # --- what it tells ---------------------------------------------------------------------------------------------

    def best_matching_units(self, X: ArrayLike) -> Indices:
        """Find the unit nearest to each row; of equally near ones the first, row by row.

        Returns:
            (n, 2) int64, (row, column) on the map.

        Raises:
            ArgumentError: The map is not fitted, or ``X`` does not fit it.
        """
        return np.stack(np.divmod(self.predict(X), self.cols), axis=1)

    def predict(self, X: ArrayLike) -> Indices:
        """Find the unit nearest to each row, as one number: row · cols + column."""
        return metrics.nearest_units(X, self.codebook_)[:, 0]

    def transform(self, X: ArrayLike) -> Floats:
        """Compute the Euclidean distance of each row to each unit: (n, rows · cols) float32."""
        units = self.codebook_.reshape(self.lattice.size, -1)
        centre = units.mean(axis=0)
        X = metrics.as_matrix(X, n_features=units.shape[1])
        return np.asarray(np.sqrt(metrics.squared_distances(X - centre, units - centre)))

    def quantization_error(self, X: ArrayLike) -> float:
        """Compute :func:`posterity.numerics.scores.metrics.quantization_error` of ``X`` on this map."""
        return metrics.quantization_error(X, self.codebook_)

    def topographic_error(self, X: ArrayLike) -> float:
        """Compute the topographic error of ``X`` on this map (8 neighbours, or 6)."""
        return metrics.topographic_error(X, self.codebook_, self.lattice)

    def distortion(self, X: ArrayLike) -> float:
        """Compute the distortion of ``X`` with the neighbourhood that training ended with."""
        codebook = self.codebook_
        last = _LAST_SIGMA["batch"] if self.sigma_end is None else self.sigma_end
        sigma = float(self.sigmas_[-1]) if len(self.sigmas_) else last
        return metrics.distortion(X, codebook, self.lattice, sigma, self.neighbourhood)

    def u_matrix(self) -> Floats:
        """Compute each unit's mean distance to its neighbours (8, or 6): (rows, cols). High values are borders.

        A. Ultsch, H. P. Siemon, *Kohonen's self organizing feature maps for exploratory data analysis*, INNC 1990.
        """
        units = self.codebook_.reshape(self.lattice.size, -1)
        edges = self.lattice.edges()
        apart = np.concatenate(
            [
                np.sqrt(metrics.squared_lengths(units[edges[block, 0]] - units[edges[block, 1]]))
                for block in metrics.row_blocks(len(edges), units.shape[1])
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
        """List for each (row, column) that has any the indices of the rows that match it best."""
        found: dict[tuple[int, int], list[int]] = {}
        for item, (row, col) in enumerate(self.best_matching_units(X).tolist()):
            found.setdefault((row, col), []).append(item)
        return found

    def label_map(self, X: ArrayLike, labels: Sequence[Hashable]) -> dict[tuple[int, int], Counter[Hashable]]:
        """Count for each (row, column) that has any the labels of the rows that match it best.

        Raises:
            ArgumentError: There is not one label a row.
        """
        units = self.unit_map(X)
        n = sum(map(len, units.values()))
        if len(labels) != n:
            raise ArgumentError(f"{len(labels)} labels for {n} rows", "Give one label a row.")
        return {unit: Counter(labels[item] for item in items) for unit, items in units.items()}

    # --- keeping it ------------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the map into a file (.npz of arrays and JSON; nothing that could run), whole or not at all.

        Raises:
            ArgumentError: The map is not fitted.
            StorageError: The file cannot be written.
        """
        target = Path(path)
        codebook = self.codebook_
        options = self.get_params() | {"init": self.init if isinstance(self.init, str) else "pca"}
        with whole(target, "Name another place.") as temporary, temporary.open("wb") as file:
            np.savez(
                file, kind=np.array(_KIND), options=np.array(dumps(options)), codebook=codebook, sigmas=self.sigmas_
            )
        return target

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> SelfOrganizingMap:
        """Read a map that :meth:`save` wrote.

        Raises:
            ArgumentError: It is no such file, or a damaged one.
        """
        try:
            with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as kept:
                if str(kept["kind"]) != _KIND:
                    raise ValueError
                options, codebook, sigmas = json.loads(str(kept["options"])), kept["codebook"], kept["sigmas"]
            som = cls(**options)
            codebook = metrics.as_codebook(codebook)
            if codebook.shape[:2] != (som.rows, som.cols):
                raise ValueError
        except OSError as error:
            raise ArgumentError(f"{path} cannot be read: {error.strerror or error}", "Name a saved map.") from error
        except Exception as error:  # whatever a damaged file makes of the readers of arrays, JSON and options
            raise ArgumentError(f"{path} is no saved map, or a damaged one", "Save it anew: som.save(path).") from error
        som._codebook, som._lift, som.sigmas_ = codebook, None, np.asarray(sigmas, np.float64)
        som.n_features_in_ = codebook.shape[2]
        return som


def _shown(n: int, steps: int, order: ArrayLike | None, rng: np.random.Generator | None) -> Indices:
    """Give the row of each step: as ordered, or each row as often as any other, shuffled if there is what shuffles."""
    if order is None:
        rows = np.arange(steps) % n
        return rows if rng is None else rng.permutation(rows)
    given = np.asarray(order)
    if given.ndim != 1 or not np.issubdtype(given.dtype, np.integer) or ((given < 0) | (given >= n)).any():
        raise ArgumentError(f"order names no rows of {n}", f"It is one index of 0 to {n - 1} a step.")
    return given.astype(np.int64)


def _options() -> list[str]:
    return [name for name in inspect.signature(SelfOrganizingMap.__init__).parameters if name != "self"]


def batch_map(
    X: Floats,
    codebook: Floats,
    sigmas: ArrayLike,
    lattice: Lattice | None = None,
    neighbourhood: str = "gaussian",
) -> Floats:
    """Train a codebook by Kohonen's batch map, one epoch for each neighbourhood width.

    mᵢ ← Σⱼ nⱼ hⱼᵢ x̄ⱼ / Σⱼ nⱼ hⱼᵢ (Kohonen 2013, eq. 8); the gaussian is hⱼᵢ = exp(−‖rⱼ − rᵢ‖² / 2σ²). Neighbourhoods
    that are products of one along the rows and one along the columns make a step cost units · (rows + cols) · d, not
    units² · d.

    Args:
        X: (n, d) float32.
        codebook: (rows, cols, d) float32 to start from; left as it is.
        sigmas: σ of each epoch, in units.
        lattice: Where the units stand; by default on a rectangular lattice.
        neighbourhood: A name in :data:`posterity.numerics.grid.lattice.NEIGHBOURHOODS`.

    Returns:
        (rows, cols, d) float32. A unit that no row's neighbourhood reaches keeps its vector.
    """
    return stream_map(lambda: (X,), codebook, sigmas, lattice, neighbourhood)


def stream_map(
    batches: Callable[[], Iterable[Floats]],
    codebook: Floats,
    sigmas: ArrayLike,
    lattice: Lattice | None = None,
    neighbourhood: str = "gaussian",
) -> Floats:
    """Train a codebook by the batch map as :func:`batch_map` does, on rows that come in batches.

    Args:
        batches: Called once an epoch; gives (m, d) float32 arrays.
        codebook: As for :func:`batch_map`, and so the rest.
        sigmas: Likewise.
        lattice: Likewise.
        neighbourhood: Likewise.
    """
    rows, cols, d = codebook.shape
    lattice = lattice or Lattice(rows, cols)
    codebook = codebook.copy()
    for sigma in np.asarray(sigmas, np.float64).tolist():
        smooth = smoother(lattice, neighbourhood, sigma)
        hits, sums = np.zeros(rows * cols, np.int64), np.zeros((rows * cols, d), np.float32)
        for X in batches():
            best = metrics.nearest_units(X, codebook)[:, 0]
            hits += np.bincount(best, minlength=rows * cols)
            sums += _sums(X, best, rows * cols)
        weight = smooth(hits.astype(np.float32).reshape(rows, cols, 1))[..., 0]
        total = smooth(sums.reshape(rows, cols, d))
        reached = weight > _REACHED
        codebook[reached] = total[reached] / weight[reached][:, None]
    return codebook


def online_map(
    X: Floats,
    codebook: Floats,
    order: Indices,
    sigmas: ArrayLike,
    rates: ArrayLike,
    lattice: Lattice | None = None,
    neighbourhood: str = "gaussian",
) -> Floats:
    """Train a codebook one row at a time: mᵢ ← mᵢ + α(t) hⱼᵢ(t) (x(t) − mᵢ) (Kohonen 2013, eq. 3).

    The unit j that matches a row best is the lowest of those whose squared distances differ from the least by no more
    than :data:`posterity.numerics.scores.metrics.TIE` of the squared lengths, as in
    :func:`posterity.numerics.scores.metrics.nearest_units`.

    Args:
        X: (n, d) float32.
        codebook: (rows, cols, d) float32 to start from; left as it is.
        order: (steps,) the row of each step.
        sigmas: (steps,) σ, in units.
        rates: (steps,) the learning rate α.
        lattice: Where the units stand; by default on a rectangular lattice.
        neighbourhood: A name in :data:`posterity.numerics.grid.lattice.NEIGHBOURHOODS`.

    Returns:
        (rows, cols, d) float32.
    """
    rows, cols, d = codebook.shape
    lattice = lattice or Lattice(rows, cols)
    units = codebook.reshape(-1, d).copy()
    at_hand = lattice.size**2 <= _TABLE
    dx, dy = lattice.offsets(np.arange(lattice.size)) if at_hand else (np.empty(0), np.empty(0))
    shape = NEIGHBOURHOODS[neighbourhood]
    apart, lengths = np.empty_like(units), metrics.squared_lengths(X)
    steps = zip(
        np.asarray(order).tolist(), np.asarray(sigmas, float).tolist(), np.asarray(rates, float).tolist(), strict=True
    )
    for row, sigma, rate in steps:
        np.subtract(X[row], units, out=apart)
        squares = metrics.squared_lengths(apart)
        nearest = squares.argmin()
        # Of units that float32 cannot tell apart the lowest, as in metrics.nearest_units.
        tie = squares[nearest] + metrics.TIE * (lengths[row] + units[nearest] @ units[nearest])
        best = int((squares <= tie).argmax())
        if at_hand:
            near = shape(dx[best], dy[best], sigma, lattice.hexagonal)
        else:
            near = lattice.near(neighbourhood, sigma, np.array([best]))[0]
        pull = (rate * near).astype(np.float32)
        reached = np.flatnonzero(pull)
        if 2 * len(reached) < len(pull):
            units[reached] += pull[reached, None] * apart[reached]
        else:
            apart *= pull[:, None]
            units += apart
    return units.reshape(rows, cols, d)


def _geometric(start: float, end: float, n: int) -> Doubles:
    return np.geomspace(start, end, n)


def _asymptotic(start: float, _end: float, n: int) -> Doubles:
    return start / (1 + 2 * np.arange(n) / max(n, 1))


def _linear_to_one(start: float, _end: float, n: int) -> Doubles:
    return start + np.arange(n) * (1 - start) / max(n, 1)


def _inverse_to_one(start: float, _end: float, n: int) -> Doubles:
    return start / (1 + np.arange(n) * (start - 1) / max(n, 1))


DECAYS: dict[str, Callable[[float, float, int], Doubles]] = {
    "geometric": _geometric,
    "asymptotic": _asymptotic,
    "linear": _linear_to_one,
    "inverse": _inverse_to_one,
}
"""How a neighbourhood shrinks over n steps: by a constant factor to its end; to a third of its beginning; to 1, evenly
or hyperbolically. All but the first are MiniSom's."""

_RATES: dict[str, Callable[[float, int], Doubles]] = {
    "geometric": lambda start, n: np.full(n, start),
    "asymptotic": lambda start, n: _asymptotic(start, 0, n),
    "linear": lambda start, n: np.asarray(start * (1 - np.arange(n) / max(n, 1))),
    "inverse": lambda start, n: np.asarray(start * (n / 100) / (n / 100 + np.arange(n))),
}
"""How a learning rate shrinks over n steps: not at all (the narrowing neighbourhood settles the map); to a third; to 0,
evenly or hyperbolically. All but the first are MiniSom's."""


def _pca_plane(Z: Floats, rows: int, cols: int, _rng: np.random.Generator) -> Floats:
    """Spread the units within one standard deviation along the first two axes, the longer side along the first.

    The linear initialisation of J. Vesanto et al., *SOM Toolbox for Matlab 5*, Helsinki 2000.
    """
    return _plane(Z.std(axis=0), rows, cols)


def _plane(deviations: Floats, rows: int, cols: int) -> Floats:
    plane = np.zeros((rows, cols, len(deviations)), np.float32)
    across, down = np.meshgrid(_spread(cols), _spread(rows))
    sides = (across, down) if cols >= rows else (down, across)
    for axis, side in enumerate(sides[: len(deviations)]):
        plane[:, :, axis] = side * deviations[axis]
    return plane


def _spread(n: int) -> NDArray[np.float64]:
    return np.linspace(-1, 1, n) if n > 1 else np.zeros(1)


def _sample(Z: Floats, rows: int, cols: int, rng: np.random.Generator) -> Floats:
    chosen: Floats = Z[rng.choice(len(Z), rows * cols, replace=len(Z) < rows * cols)]
    return chosen.reshape(rows, cols, -1)


def _random(Z: Floats, rows: int, cols: int, rng: np.random.Generator) -> Floats:
    spread = rng.standard_normal((rows, cols, Z.shape[1])) * Z.std(axis=0) + Z.mean(axis=0)
    drawn: Floats = spread.astype(np.float32)
    return drawn


_INITS: dict[str, Callable[[Floats, int, int, np.random.Generator], Floats]] = {
    "pca": _pca_plane,
    "sample": _sample,
    "random": _random,
}


def _sums(X: Floats, best: Indices, n_units: int) -> Floats:
    """Add up the rows of each unit: (n_units, d). Rows are gathered unit by unit, far faster than ``np.add.at``."""
    sums = np.zeros((n_units, X.shape[1]), np.float32)
    order = np.argsort(best, kind="stable")
    for block in metrics.row_blocks(len(X), X.shape[1]):
        units, starts = np.unique(best[order[block]], return_index=True)
        sums[units] += np.add.reduceat(X[order[block]], starts, axis=0)
    return sums
