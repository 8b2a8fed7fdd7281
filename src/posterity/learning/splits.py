"""Named splits of a catalogue's posters, kept in it: for training here, and for export to other training code.

Films of one franchise, posters of one film and posters of the same artwork stay on one side, and every use of a split
checks it again (:func:`check`). A split by time may cut a franchise, as in reality: its first film is known when its
second comes out.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posterity.catalogue import Artefact, Poster, Store
from posterity.catalogue.provenance import Moment, Reads, artefact, current, digest, key
from posterity.encoders.seen import seen
from posterity.errors import ArgumentError, CatalogueError, PosterityError, SourceError, UnknownNameError
from posterity.learning.kinship import Kinship, film_of, kinship
from posterity.learning.splitting import by_time, folds, stratified
from posterity.learning.targets import (
    ENOUGH,
    Targets,
    class_targets,
    first_genre_targets,
    genre_targets,
    relabelled,
    success_targets,
)
from posterity.runtime.filenames import escape, leads_out
from posterity.sources.notes import Notes
from posterity.sources.tables import open_table

PREFIX = "split_"

_NAME = r"[\w.-]{1,100}"
TRAIN, VALIDATION, TEST = "train", "validation", "test"


DATES = Reads(("year", "release_date"), packages=False)
"""The columns that decide a film's place in a split by time."""


class LeakError(PosterityError):
    """Posters that belong together are in different parts of a split."""


@dataclass(frozen=True)
class Protocol:
    """How to make a split.

    Attributes:
        task: The task: "genres", "first_genre", "classes" or "success".
        shares: Part -> its share, in order.
        n_folds: Number of folds; 0 makes parts instead.
        by: "strata" (each part has its share of each label) or "time" (the past first).
        classes: Genres to tell apart, for the task "classes".
        n_genres: Number of genres, for the task "first_genre".
        per_genre: Maximum number of posters per genre, the most popular ones, for the task "first_genre".
        enough: Minimum number of posters for a genre to be included.
        threshold: Revenue / budget above which a film is a success, for the task "success".
        unseen: Encoders; the test part prefers films that none of them was trained on.
        seed: Seed of random choices.
    """

    task: str = "genres"
    shares: Mapping[str, float] = field(default_factory=lambda: {TRAIN: 0.7, VALIDATION: 0.1, TEST: 0.2})
    n_folds: int = 0
    by: str = "strata"
    classes: tuple[str, ...] = ()
    n_genres: int = 10
    per_genre: int = 1000
    enough: int = ENOUGH
    threshold: float = 1.0
    unseen: tuple[str, ...] = ("poster",)
    seed: int = 0


_TWO = {TRAIN: 0.8, TEST: 0.2}
PROTOCOLS: dict[str, Protocol] = {
    "genres": Protocol(),
    "boxoffice": Protocol("success", _TWO, by="time"),
    "time": Protocol(by="time"),
    "classes": Protocol("classes", _TWO, classes=("Comedy", "Horror")),
    "folds": Protocol(n_folds=5),
    "seed-multilabel": Protocol(shares={TRAIN: 25_842, VALIDATION: 9_967, TEST: 1_108}, enough=1),
    "seed-ten-genres": Protocol("first_genre", _TWO),
    "seed-squares": Protocol("classes", _TWO, classes=("Comedy", "Horror")),
    "seed-box-office": Protocol("success", _TWO),
}
"""Protocols by name: the default of each task, and published proportions."""


@dataclass(frozen=True)
class Split:
    """A split.

    Attributes:
        name: Its name.
        protocol: How it was made.
        targets: The labels of its posters.
        parts: Part -> its poster ids, sorted.
        seen: Part -> number of its posters whose films the bundled encoder was trained on.
        fingerprint: Digest of the posters in each part.
    """

    name: str
    protocol: Protocol
    targets: Targets
    parts: dict[str, tuple[str, ...]]
    seen: dict[str, int]
    fingerprint: str

    @property
    def train(self) -> tuple[str, ...]:
        """The ids of the training part."""
        return self.parts.get(TRAIN, ())

    @property
    def validation(self) -> tuple[str, ...]:
        """The ids of the validation part."""
        return self.parts.get(VALIDATION, ())

    @property
    def test(self) -> tuple[str, ...]:
        """The ids of the test part."""
        return self.parts.get(TEST, ())


def protocol_named(name: str) -> Protocol:
    """Return a protocol by name.

    Raises:
        UnknownNameError: There is none.
    """
    if name not in PROTOCOLS:
        raise UnknownNameError("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]


def make_split(store: Store, name: str, protocol: Protocol, where: str | None = None, *, keep: bool = True) -> Split:
    """Split the posters of a catalogue, or those that match a filter, into parts, and keep the split under a name.

    Args:
        store: The catalogue.
        name: Letters, digits, dots, dashes and underscores; a split with that name is replaced.
        protocol: How to make the split.
        where: An SQL condition that posters must meet.
        keep: Whether to keep the split.

    Raises:
        ArgumentError: The name or the protocol is invalid.
        CatalogueError: There are too few posters.
        FilterError: ``where`` is not a valid SQL condition on the catalogue's columns.
    """
    _check_name(name)
    before = Moment(store, DATES.columns)
    posters = store.posters(where)
    if protocol.by == "time":  # leave out films without a date
        posters = [poster for poster in posters if _dated(poster)]
    targets = targets_of(posters, protocol)
    posters = [poster for poster in posters if poster.id in targets.labels]
    kin = kinship(store, posters)
    number, labels = _cut(posters, targets, kin, protocol)
    parts = {label: tuple(p.id for p, n in zip(posters, number.tolist(), strict=True) if n == k)
             for k, label in enumerate(labels)}  # fmt: skip
    posters = [poster for poster, part in zip(posters, number.tolist(), strict=True) if part >= 0]
    if empty := [label for label, ids in parts.items() if not ids]:
        raise CatalogueError(
            f"{len(posters)} posters are too few for this split: its part {empty[0]!r} is empty",
            "Add posters, or give the part a larger share.",
        )
    split = _split(name, protocol, targets, parts, posters)
    if keep:
        store.put_split(_artefact(store, split, before), split.parts, targets.labels)
    return split


def import_split(store: Store, name: str, path: Path, protocol: Protocol) -> Split:
    """Import a split from a CSV file with the columns ``id`` and ``part``.

    Raises:
        SourceError: The file cannot be read, or names unknown posters or invalid parts.
        LeakError: Posters that belong together are in different parts.
    """
    _check_name(name)
    rows = _rows(path)
    before = Moment(store, DATES.columns)
    posters = store.posters()
    targets = targets_of(posters, protocol)
    known = {poster.id: poster for poster in posters}
    parts: dict[str, list[str]] = {}
    for line, identity, part in rows:
        if identity not in known:
            raise SourceError(
                f"{escape(str(path))}, line {line}: no poster has the id {identity!r}", "Correct the row."
            )
        if identity in targets.labels:
            parts.setdefault(part, []).append(identity)
    chosen = [known[identity] for identity in sorted(i for ids in parts.values() for i in ids)]
    if len({p.id for p in chosen}) < len(chosen):
        twice = next(i for i, n in Counter(p.id for p in chosen).items() if n > 1)
        raise SourceError(f"{escape(str(path))}: the poster {twice!r} is listed twice", "List each id once.")
    split = _split(name, protocol, targets, {part: tuple(sorted(ids)) for part, ids in parts.items()}, chosen)
    _refuse_leaks(split, chosen, kinship(store, chosen))
    store.put_split(_artefact(store, split, before), split.parts, targets.labels)
    return split


def load_split(store: Store, name: str) -> Split:
    """Read a split: its parts as they were made, its labels from the current metadata.

    Posters that have left the catalogue, or have no label any more, are left out.

    Raises:
        UnknownNameError: There is no split with that name.
    """
    artefact = store.artefact(PREFIX + name)
    if artefact is None:
        raise UnknownNameError("split", name, [split.name for split in splits(store)])
    known = json.loads(artefact.parameters)
    parts, _ = store.split(PREFIX + name)
    protocol = Protocol(**known["protocol"] | {key: tuple(known["protocol"][key]) for key in ("classes", "unseen")})
    posters = list(store.get(sorted({identity for ids in parts.values() for identity in ids})).values())
    if protocol.by == "time":
        posters = [poster for poster in posters if _dated(poster)]
    asked = Targets(protocol.task, tuple(known["names"]), {}, known["single"])
    targets = relabelled(asked, posters, protocol.threshold)
    parts = {part: tuple(i for i in ids if i in targets.labels) for part, ids in parts.items()}
    return Split(name, protocol, targets, parts, known["seen"], fingerprint_of(targets, parts))


def check(store: Store, split: Split) -> None:
    """Check that posters that belong together are in one part of a split and, if by time, that the past comes first.

    Raises:
        LeakError: They are not; the message names two posters.
    """
    ids = {identity for part in split.parts.values() for identity in part}
    posters = [poster for poster in store.posters() if poster.id in ids]
    _refuse_leaks(split, posters, kinship(store, posters))
    made = store.artefact(PREFIX + split.name)
    by_time = split.protocol.by == "time" and not split.protocol.n_folds
    if by_time and made and not current(store, made, _dates(store, split.parts)):
        _refuse_the_future(split, {poster.id: when_of(poster) for poster in posters})


@dataclass(frozen=True)
class SplitInfo:
    """A split in numbers: its name, task, method, and for each part the number of posters, and of seen ones."""

    name: str
    task: str
    by: str
    labels: int
    parts: dict[str, int]
    seen: dict[str, int]


def splits(store: Store) -> list[SplitInfo]:
    """List the splits of a catalogue, by name."""
    return [
        SplitInfo(**json.loads(artefact.parameters)["info"])
        for artefact in store.artefacts()
        if artefact.kind == "split"
    ]


def info_of(split: Split) -> SplitInfo:
    """Summarise a split in numbers."""
    by = f"{split.protocol.n_folds} folds" if split.protocol.n_folds else split.protocol.by
    parts = {part: len(ids) for part, ids in split.parts.items()}
    return SplitInfo(split.name, split.targets.task, by, len(split.targets.names), parts, split.seen)


def targets_of(posters: Sequence[Poster], protocol: Protocol) -> Targets:
    """Return the labels that a protocol gives to posters.

    Raises:
        ArgumentError: There is no such task.
    """
    makers: dict[str, Any] = {
        "genres": lambda: genre_targets(posters, protocol.enough),
        "first_genre": lambda: first_genre_targets(posters, protocol.n_genres, protocol.per_genre),
        "classes": lambda: class_targets(posters, protocol.classes),
        "success": lambda: success_targets(posters, protocol.threshold),
    }
    if protocol.task not in makers:
        raise UnknownNameError("task", protocol.task, makers)
    targets: Targets = makers[protocol.task]()
    return targets


def _cut(
    posters: Sequence[Poster], targets: Targets, kin: Kinship, protocol: Protocol
) -> tuple[NDArray[np.int64], list[str]]:
    Y = targets.matrix([poster.id for poster in posters])
    if protocol.n_folds:
        labels = [str(k) for k in range(protocol.n_folds)]
        return folds(Y, kin.groups(), protocol.n_folds, protocol.seed), labels
    shares = list(protocol.shares.values())
    if protocol.by == "time":
        when = np.array([when_of(poster) for poster in posters])
        return by_time(when, kin.groups(franchises=False), shares), list(protocol.shares)
    if protocol.by != "strata":
        raise UnknownNameError("way of splitting", protocol.by, ("strata", "time"))
    groups = kin.groups()
    allowed = _allowed(posters, groups, protocol)
    return stratified(Y, groups, shares, protocol.seed, allowed), list(protocol.shares)


def _allowed(posters: Sequence[Poster], groups: NDArray[np.int64], protocol: Protocol) -> NDArray[np.bool_] | None:
    """Keep films that an encoder was trained on out of the test part, if enough others are left."""
    if TEST not in protocol.shares:
        return None
    known = np.array([seen(protocol.unseen, film_of(poster)) for poster in posters])
    tainted = np.zeros(int(groups.max()) + 1, bool)
    tainted[groups[known]] = True
    if (~tainted[groups]).mean() < 1.2 * protocol.shares[TEST] / sum(protocol.shares.values()):
        return None
    allowed = np.ones((len(tainted), len(protocol.shares)), bool)
    allowed[tainted, list(protocol.shares).index(TEST)] = False
    return allowed


def _dated(poster: Poster) -> bool:
    """Return whether a film's year or date is known; films without either are left out of splits by time."""
    return poster.film.year is not None or bool(poster.film.release_date)


def when_of(poster: Poster) -> float:
    """Return a film's release date in years; the middle of its year if the day is unknown."""
    found = re.match(r"(\d{4})-(\d\d)-(\d\d)", poster.film.release_date or "")
    if found:
        return int(found[1]) + (int(found[2]) - 1) / 12 + (int(found[3]) - 1) / 372
    return (poster.film.year or 0) + 0.5


def _split(
    name: str, protocol: Protocol, targets: Targets, parts: dict[str, tuple[str, ...]], posters: Sequence[Poster]
) -> Split:
    film = {poster.id: film_of(poster) for poster in posters}
    taught = {part: sum(seen(("poster",), film[i]) for i in ids) for part, ids in parts.items()}
    own = replace(targets, labels={i: targets.labels[i] for ids in parts.values() for i in ids})
    return Split(name, protocol, own, parts, taught, fingerprint_of(own, parts))


def fingerprint_of(targets: Targets, parts: Mapping[str, Sequence[str]]) -> str:
    """Compute a digest of a split's parts and labels."""
    return digest([targets.names, {p: [[i, targets.labels[i]] for i in ids] for p, ids in parts.items()}])


def _dates(store: Store | Moment, parts: Mapping[str, Sequence[str]]) -> str:
    return key(store, DATES, ids={identity for ids in parts.values() for identity in ids})


def _refuse_leaks(split: Split, posters: Sequence[Poster], kin: Kinship) -> None:
    side = {identity: part for part, ids in split.parts.items() for identity in ids}
    for i, j in kin.artwork.tolist():
        _same_side(split, side, posters[i], posters[j], "the same artwork")
    ties = [(kin.films, "the same film")]
    if split.protocol.by != "time":
        ties.append((kin.franchises, "the same franchise"))
    for names, what in ties:
        first: dict[str, int] = {}
        for row, own in enumerate(names):
            if own:
                _same_side(split, side, posters[first.setdefault(own, row)], posters[row], what)


def _refuse_the_future(split: Split, when: Mapping[str, float]) -> None:
    """Refuse a split by time if dates have changed so that a training film is now later than a test film."""
    latest = ""
    for ids in (split.parts.get(part, ()) for part in split.protocol.shares):
        early = min(ids, key=lambda identity: when[identity], default="")
        if latest and early and when[early] < when[latest]:
            raise LeakError(
                f"the split {split.name!r} was cut by time, and dates have changed since: {early} now comes before "
                f"{latest}, which is in an earlier part",
                f"Make it again: posterity split {split.name}",
            )
        latest = max([*ids, *([latest] if latest else [])], key=lambda identity: when[identity], default="")


def _same_side(split: Split, side: Mapping[str, str], a: Poster, b: Poster, what: str) -> None:
    if side[a.id] != side[b.id]:
        raise LeakError(
            f"the split {split.name!r} leaks: {what} is in two parts, "
            f"{a.id} in {side[a.id]} and {b.id} in {side[b.id]}",
            "Put both into one part, or let posterity split make the split.",
        )


def _rows(path: Path) -> list[tuple[int, str, str]]:
    table = open_table(path, Notes())
    if not {"id", "part"} <= set(table.header):
        raise SourceError(f"{escape(str(path))} lacks the columns 'id' and 'part'", "Use a CSV file with these two.")
    places = [table.header.index(name) for name in ("id", "part")]
    rows = []
    for line, cells in table.rows:
        if isinstance(cells, str):
            raise SourceError(f"{escape(str(path))}, line {line}: {cells}", "Correct the row.")
        identity, part = ("" if cells[place] is None else str(cells[place]) for place in places)
        rows.append((line, identity, part))
    for line, _, part in rows:  # parts become files' names when the split is exported
        if not re.fullmatch(_NAME, part) or leads_out(part):
            raise SourceError(
                f"{escape(str(path))}, line {line}: invalid part name {part!r}",
                "Use letters, digits, dots, dashes and underscores.",
            )
    return rows


def _check_name(name: str) -> None:
    if not re.fullmatch(_NAME, name) or leads_out(name):
        raise ArgumentError(f"invalid split name {name!r}", "Use letters, digits, dots, dashes and underscores.")


def _artefact(store: Store, split: Split, before: Moment) -> Artefact:
    protocol = asdict(split.protocol) | {"shares": dict(split.protocol.shares)}
    known = {
        "protocol": protocol, "names": split.targets.names, "single": split.targets.single, "seen": split.seen,
        "info": asdict(info_of(split)),
    }  # fmt: skip
    return artefact(
        store,
        PREFIX + split.name,
        "split",
        _dates(before, split.parts),
        fingerprint=split.fingerprint,
        parameters=known,
    )
