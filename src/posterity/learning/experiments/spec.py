"""Experiments and their declaration: a matrix of runs in TOML; some come with Posterity."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any

from posterity.errors import ArgumentError, PosterityError, SourceError, UnknownNameError
from posterity.learning.networks.config import config_for
from posterity.learning.splits import Protocol, protocol_named
from posterity.runtime.filenames import escape

HEADS = ("prior", "probe", "network")

SHOWN = {
    "genres": ("mAP", "auc", "f1_macro", "hit_at_3"),
    "first_genre": ("top_1", "top_3", "balanced_top_1", "balanced_top_3"),
    "classes": ("balanced_top_1", "top_1", "auc"),
    "success": ("auc", "accuracy", "balanced_accuracy"),
}


@dataclass(frozen=True)
class Run:
    """One cell of a matrix.

    Attributes:
        head: "prior", "probe" or "network".
        encoder: For a probe: one encoder, or several joined by "+".
        fit: How posters are fitted to the encoder's or network's size; "" uses its own fit.
        balance: For a probe: whether labels have equal weight.
        network: For a network: its name.
        options: For a network: changes to its configuration, as (name, value).
        limit: For a network: maximum number of training posters; 0 uses all.
        seed: Seed of the split's folds, the weights and the order.
    """

    head: str = "probe"
    encoder: str = ""
    fit: str = ""
    balance: bool = True
    network: str = ""
    options: tuple[tuple[str, Any], ...] = ()
    limit: int = 0
    seed: int = 0

    @property
    def method(self) -> str:
        """Its name on the leaderboard."""
        if self.head == "prior":
            return "prior"
        parts = [f"probe on {self.encoder}" if self.head == "probe" else self.network]
        parts += [self.fit] if self.fit else []
        parts += [] if self.balance else ["unweighted"]
        parts += [f"{name} {value}" for name, value in self.options if name != "epochs"]
        return ", ".join(parts)


@dataclass(frozen=True)
class Published:
    """A published figure: the method, the figure's name, its value, and notes."""

    method: str
    figure: str
    value: float
    note: str = ""


@dataclass(frozen=True)
class Experiment:
    """A declared experiment.

    Attributes:
        name: Its name.
        title: A one-line title.
        protocol: How the split is made.
        figure: The figure that sorts the leaderboard.
        runs: Cells that are always run.
        slow: Cells that train networks: minutes to hours each on a CPU.
        published: Figures that others reported.
        differs: How this experiment differs from theirs.
        n_folds: Number of cross-validation folds; 0 uses a test part instead.
        repeats: Number of cross-validations, each with different folds.
    """

    name: str
    title: str
    protocol: Protocol
    figure: str
    runs: tuple[Run, ...]
    slow: tuple[Run, ...] = ()
    published: tuple[Published, ...] = ()
    differs: str = ""
    n_folds: int = 0
    repeats: int = 1


def presets() -> list[str]:
    """List the experiments that come with Posterity."""
    folder = files("posterity.learning.experiments").joinpath("presets")
    return sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))


def load_experiment(name: str) -> Experiment:
    """Read an experiment: one that comes with Posterity, by its name, or a TOML file.

    Raises:
        SourceError: The file cannot be read, or does not declare an experiment.
        UnknownNameError: There is no experiment with that name.
    """
    if not name.endswith(".toml"):
        if name not in presets():
            raise UnknownNameError("experiment", name, presets())
        return parsed(
            name,
            files("posterity.learning.experiments").joinpath("presets", f"{name}.toml").read_text(encoding="utf-8"),
        )
    try:
        text = Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f"{escape(name)} cannot be read: {error}", "Name a TOML file, or one of the presets."
        ) from error
    return parsed(Path(name).stem, text, escape(name))


def parsed(name: str, text: str, origin: str = "") -> Experiment:
    """Turn a TOML declaration into an experiment.

    Raises:
        SourceError: The declaration is invalid; the message says what is wrong and where.
    """
    origin = origin or name
    try:
        declared = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SourceError(f"{origin}: {error}", "Write valid TOML; see docs/learning.md.") from error
    allowed = {"title", "protocol", "figure", "matrix", "slow", "published", "differs", "n_folds", "repeats"}
    if wrong := set(declared) - allowed:
        raise SourceError(f"{origin}: unknown key {min(wrong)!r}", f"Known: {', '.join(sorted(allowed))}.")
    try:
        protocol = _protocol(declared.get("protocol", "genres"))
        figure = declared.get("figure", SHOWN[protocol.task][0])
        runs, slow = (tuple(_expanded(declared.get(key, []))) for key in ("matrix", "slow"))
        if not runs and not slow:
            raise ArgumentError("no run is declared", "Write at least one [[matrix]].")
        published = tuple(Published(**each) for each in declared.get("published", []))
        return Experiment(
            name, declared.get("title", name), protocol, figure, runs, slow, published, declared.get("differs", ""),
            int(declared.get("n_folds", 0)), int(declared.get("repeats", 1)),
        )  # fmt: skip
    except (TypeError, KeyError, PosterityError) as error:
        raise SourceError(f"{origin}: {error}", "See docs/learning.md for the keys and values.") from error


def _protocol(declared: Any) -> Protocol:
    if isinstance(declared, str):
        return protocol_named(declared)
    values: dict[str, Any] = {k: tuple(value) if isinstance(value, list) else value for k, value in declared.items()}
    return Protocol(**values)


def _expanded(tables: Sequence[Mapping[str, Any]]) -> Iterator[Run]:
    """Yield a run for every combination of values in each table's lists."""
    own = {item.name for item in fields(Run)} - {"options"}
    for table in tables:
        lists = {key: value if isinstance(value, list) else [value] for key, value in table.items()}
        if isinstance(table.get("size"), list):
            lists["size"] = [tuple(table["size"])]
        for cell in product(*lists.values()):
            values = dict(zip(lists, cell, strict=True))
            mine = {key: value for key, value in values.items() if key in own}
            rest = {key: value for key, value in values.items() if key not in own}
            run = Run(**mine, options=tuple(sorted(rest.items())))
            if run.head not in HEADS:
                raise UnknownNameError("head", run.head, HEADS)
            if run.head == "network":
                config_for(run.network, fit=run.fit or None, seed=run.seed, **rest)
            elif rest:
                raise UnknownNameError("key", min(rest), own)
            elif run.head == "probe" and not run.encoder:
                raise ArgumentError("a probe has no encoder", 'Name one: encoder = "poster".')
            yield run
