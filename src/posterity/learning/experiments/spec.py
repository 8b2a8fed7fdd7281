"""What an experiment is, and how it is declared: a matrix of runs in TOML; some come with Posterity."""

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
        encoder: Of a probe: one, or several with "+" between.
        fit: How posters are brought to the encoder's or network's size; "" is its own way.
        balance: Of a probe: whether labels weigh alike.
        network: Of a network: its name.
        options: Of a network: what differs from its configuration, as (name, value).
        limit: Of a network: at most so many posters to learn from; 0 takes all.
        seed: Of the split's folds, weights and order.
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
    """A figure that somebody published: the method, the figure's name, its value, and what else was told."""

    method: str
    figure: str
    value: float
    note: str = ""


@dataclass(frozen=True)
class Experiment:
    """A declared experiment.

    Attributes:
        name: Its name.
        title: One line.
        protocol: How the split is made.
        figure: What the leaderboard is sorted by.
        runs: Its cells.
        slow: Cells that train networks: minutes to hours each on a processor.
        published: What others reported.
        differs: What differs here from what they did.
        n_folds: Cross-validate in so many folds instead of judging on a test part; 0 does not.
        repeats: How often, each time with other folds.
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
    """Name the experiments that come with Posterity."""
    folder = files("posterity.learning.experiments").joinpath("presets")
    return sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))


def load_experiment(name: str) -> Experiment:
    """Read an experiment: one that comes with Posterity, by name, or a TOML file.

    Raises:
        SourceError: The file cannot be read, or is no declaration of an experiment.
        UnknownNameError: There is none of that name.
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
        SourceError: It is none; the message says what is wrong where.
    """
    origin = origin or name
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SourceError(f"{origin}: {error}", "It is TOML; see docs/learning.md.") from error
    allowed = {"title", "protocol", "figure", "matrix", "slow", "published", "differs", "n_folds", "repeats"}
    if wrong := set(told) - allowed:
        raise SourceError(f"{origin}: unknown key {min(wrong)!r}", f"Known: {', '.join(sorted(allowed))}.")
    try:
        protocol = _protocol(told.get("protocol", "genres"))
        figure = told.get("figure", SHOWN[protocol.task][0])
        runs, slow = (tuple(_expanded(told.get(key, []))) for key in ("matrix", "slow"))
        if not runs and not slow:
            raise ArgumentError("it declares no run", "Write at least one [[matrix]].")
        published = tuple(Published(**each) for each in told.get("published", []))
        return Experiment(
            name, told.get("title", name), protocol, figure, runs, slow, published, told.get("differs", ""),
            int(told.get("n_folds", 0)), int(told.get("repeats", 1)),
        )  # fmt: skip
    except (TypeError, KeyError, PosterityError) as error:
        raise SourceError(f"{origin}: {error}", "See docs/learning.md for what can be declared.") from error


def _protocol(told: Any) -> Protocol:
    if isinstance(told, str):
        return protocol_named(told)
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in told.items()}
    return Protocol(**values)


def _expanded(tables: Sequence[Mapping[str, Any]]) -> Iterator[Run]:
    """Give every combination of each table's lists."""
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
