"""The Python interface for learning from a catalogue's posters, ``posterity.open(folder).learn``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from posterity.catalogue import Store
from posterity.catalogue.pictures import Shown
from posterity.embedding.picture import Picture
from posterity.learning.boxoffice import BoxOfficeReport, train_boxoffice
from posterity.learning.experiments.leaderboard import Leaderboard
from posterity.learning.experiments.run import run_experiment
from posterity.learning.experiments.spec import load_experiment
from posterity.learning.exporting import Exported, export_split
from posterity.learning.genres import GenreReport, train_genres
from posterity.learning.insight import ColourReport, Disguised, Occlusion, colours, disguised, occlusion
from posterity.learning.model import load_model
from posterity.learning.networks.config import config_for
from posterity.learning.networks.running import NetworkReport, train_network
from posterity.learning.predicting import Prediction, look, predict
from posterity.learning.premises import FIELDS
from posterity.learning.splits import (
    PREFIX,
    PROTOCOLS,
    Protocol,
    Split,
    SplitInfo,
    import_split,
    load_split,
    make_split,
    protocol_named,
    splits,
)
from posterity.settings import names_in, setting

PathLike = str | os.PathLike[str]
Report = GenreReport | BoxOfficeReport | NetworkReport | Leaderboard | ColourReport | list[Disguised] | list[Prediction]


class Learner:
    """Learning from a catalogue's posters; get one as ``posterity.open(folder).learn``."""

    def __init__(self, store: Store) -> None:
        self.store = store

    # --- splits ----------------------------------------------------------------------------------------------------

    def split(
        self, name: str, protocol: str | Protocol | None = None, *, where: str | None = None, **changes: Any
    ) -> Split:
        """Split the posters into parts, and keep these under a name; see :func:`posterity.learning.splits.make_split`.

        Args:
            name: Name of the split.
            protocol: A protocol or its name; None uses the one with the split's name, or else "genres".
            where: An SQL condition that posters must meet.
            changes: Values of the protocol to change, such as ``seed=1``.
        """
        if protocol is None:
            protocol = name if name in PROTOCOLS else "genres"
        base = protocol_named(protocol) if isinstance(protocol, str) else protocol
        return make_split(self.store, name, replace(base, **changes), where)

    def splits(self) -> list[SplitInfo]:
        """List the splits, by name."""
        return splits(self.store)

    def remove_split(self, name: str) -> None:
        """Remove a split.

        Raises:
            UnknownNameError: There is no split with that name.
        """
        load_split(self.store, name)
        self.store.remove_artefact(PREFIX + name)

    def import_split(self, name: str, path: PathLike, protocol: str | Protocol = "genres") -> Split:
        """Import a split from a CSV file with the columns ``id`` and ``part``; one that leaks is refused."""
        base = protocol_named(protocol) if isinstance(protocol, str) else protocol
        return import_split(self.store, name, Path(path), base)

    def export_split(
        self, name: str, folder: PathLike, format: str = "csv", *, show_progress: bool | None = False
    ) -> Exported:
        """Export a split for other training code; see :func:`posterity.learning.exporting.export_split`."""
        return export_split(self.store, load_split(self.store, name), folder, format, show_progress=show_progress)

    # --- models ----------------------------------------------------------------------------------------------------

    def genres(
        self,
        split: str | None = None,
        *,
        encoders: Sequence[str] | None = None,
        protocol: Protocol | None = None,
        balance: bool = True,
        random_state: int | None = None,
    ) -> GenreReport:
        """Train a genre probe, in seconds; see :func:`posterity.learning.genres.train_genres`."""
        return train_genres(
            self.store, split, encoders=_names(encoders), protocol=protocol, balance=balance,
            seed=setting("seed", random_state),
        )  # fmt: skip

    def box_office(
        self,
        split: str | None = None,
        *,
        encoders: Sequence[str] | None = None,
        fields: Sequence[str] = FIELDS,
        threshold: float | None = None,
        random_state: int | None = None,
    ) -> BoxOfficeReport:
        """Train box-office models; see :func:`posterity.learning.boxoffice.train_boxoffice`."""
        return train_boxoffice(
            self.store, split, encoders=_names(encoders), fields=fields, threshold=threshold,
            seed=setting("seed", random_state),
        )  # fmt: skip

    def network(
        self,
        network: str,
        split: str | None = None,
        *,
        task: str = "genres",
        weights: PathLike | None = None,
        limit: int = 0,
        show_progress: bool | None = False,
        **options: Any,
    ) -> NetworkReport:
        """Train a network end to end (extra ``train``).

        Args:
            network: A name in :data:`posterity.learning.networks.config.NETWORKS`.
            split: Name of the split; None uses the one named like ``task``.
            task: Protocol of the split, if it has to be made.
            weights: File of pretrained weights.
            limit: Maximum number of training posters.
            show_progress: True and False force the bars; None shows them on a terminal.
            options: Values of :class:`posterity.learning.networks.config.TrainConfig` to change.
        """
        config = config_for(network, **({"seed": setting("seed")} | options))
        start = None if weights is None else Path(weights)
        return train_network(
            self.store, config, split, task=task, weights=start, limit=limit, show_progress=show_progress
        ).report

    def predict(self, *files: PathLike | Picture, task: str = "genres") -> list[Prediction]:
        """Predict posters, by file, picture or id; see :func:`posterity.learning.predicting.predict`."""
        return predict(self.store, files, task=task)

    def occlusion(self, file: PathLike | Picture, genres: Sequence[str] = (), task: str = "genres") -> list[Occlusion]:
        """Show which regions of a poster, given by file or id, its predictions rely on."""
        model = load_model(self.store, task, f"posterity train genres -c {self.store.folder}")
        _, picture = look(file, {} if isinstance(file, Picture | Shown) else self.store.get([os.fspath(file)]), {})
        return occlusion(model, picture.decoded().pixels, genres)

    # --- experiments and insight -------------------------------------------------------------------------------------

    def experiment(
        self,
        name: PathLike,
        *,
        full: bool = False,
        limit: int = 0,
        epochs: int = 0,
        fresh: bool = False,
        show_progress: bool | None = False,
    ) -> Leaderboard:
        """Run a declared experiment; see :func:`posterity.learning.experiments.run.run_experiment`."""
        return run_experiment(
            self.store, load_experiment(os.fspath(name)), full=full, limit=limit, epochs=epochs, fresh=fresh,
            show_progress=show_progress,
        )  # fmt: skip

    def disguised(self, k: int = 40, genre: str | None = None) -> list[Disguised]:
        """Find the posters whose look contradicts their genres; see :func:`posterity.learning.insight.disguised`."""
        return disguised(self.store, k, genre)

    def colours(self, where: str | None = None, *, show_progress: bool | None = False) -> ColourReport:
        """Measure brightness and colour by genre and decade; see :func:`posterity.learning.insight.colours`."""
        return colours(self.store, where, show_progress=show_progress)

    def write(self, report: Report, path: PathLike) -> Path:
        """Write a report as an HTML page.

        Raises:
            StorageError: The file cannot be written.
        """
        from posterity.render.sheets import write_text

        return write_text(self.page(report), path)

    def page(self, report: Report) -> str:
        """Return a report as HTML."""
        from posterity.render.reports import learning as pages

        if isinstance(report, GenreReport):
            return pages.genre_page(report)
        if isinstance(report, BoxOfficeReport):
            return pages.box_office_page(report)
        if isinstance(report, NetworkReport):
            return pages.network_page(report)
        if isinstance(report, Leaderboard):
            return pages.leaderboard_page(report)
        if isinstance(report, ColourReport):
            return pages.colours_page(report)
        predictions = [each for each in report if isinstance(each, Prediction)]
        if predictions:
            occlusions = [self.occlusion(each.id or each.file) for each in predictions]
            return pages.predictions_page(self.store, predictions, occlusions)
        return pages.disguised_page(self.store, [each for each in report if isinstance(each, Disguised)])


def _names(encoders: Sequence[str] | None) -> tuple[str, ...]:
    if encoders is not None:
        return tuple(encoders)
    return names_in(setting("features"), "features")
