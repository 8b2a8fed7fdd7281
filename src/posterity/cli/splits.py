"""The commands of splits: making, listing and exporting them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from posterity.cli.exporting import export
from posterity.cli.options import as_json, bars, catalogue, declared, listed, quiet, where
from posterity.cli.output import say, say_json, table
from posterity.errors import ArgumentError
from posterity.settings import names_in

if TYPE_CHECKING:
    from posterity.learning.splits import Protocol, SplitInfo


@click.command()
@catalogue
@click.argument("name", required=False)
@click.option(
    "--protocol",
    metavar="NAME",
    help="Protocol: genres, boxoffice, time, classes, folds; published: seed-multilabel, seed-ten-genres, "
    "seed-squares, seed-box-office.  [default: the one named like the split, or genres]",
)
@click.option("--shares", metavar="PARTS", help="Parts and their shares, e.g. train=0.8,test=0.2.")
@click.option("--folds", "n_folds", type=click.IntRange(min=2), help="Number of folds, instead of parts.")
@click.option(
    "--by",
    type=click.Choice(["strata", "time"]),
    help="strata: equal shares of every label; time: the past is for training.",
)
@click.option("--classes", metavar="GENRES", help="Only films with exactly one of these genres, e.g. Comedy,Horror.")
@click.option("--threshold", type=float, help="Revenue / budget above which a film is a success.")
@click.option("--allow-seen", is_flag=True, help="Allow films that the encoder was trained with in the test part.")
@click.option("--from", "source", metavar="FILE", help="Read the split from a CSV of id and part; refused if it leaks.")
@click.option("--remove", is_flag=True, help="Remove the split NAME.")
@declared("seed")
@where
@as_json
def split(
    folder: str,
    name: str | None,
    protocol: str | None,
    shares: str | None,
    n_folds: int | None,
    by: str | None,
    classes: str | None,
    threshold: float | None,
    allow_seen: bool,
    source: str | None,
    remove: bool,
    seed: int | None,
    where: str | None,
    as_json: bool,
) -> None:
    """Split a catalogue's posters into parts for training and testing, as NAME; without NAME, list the splits.

    Posters of one film, of one franchise, and of the same or nearly the same artwork stay in one part; every use of a
    split checks this.

    \b
    Examples:
      posterity split -c films genres
      posterity split -c films ten --protocol seed-ten-genres
      posterity split -c films moods --classes Comedy,Horror --shares train=0.8,test=0.2
      posterity split -c films past --by time
      posterity split -c films mine --from split.csv
    """
    import posterity
    from posterity.learning.splits import info_of
    from posterity.settings import setting

    learn = posterity.open(folder).learn
    if name is None:
        _say_splits(learn.splits(), as_json)
        return
    if remove:
        learn.remove_split(name)
        _say_splits(learn.splits(), as_json)
        return
    changes: dict[str, Any] = {
        "shares": None if shares is None else _shares(shares), "n_folds": n_folds, "by": by, "threshold": threshold,
        "unseen": () if allow_seen else None,
    }  # fmt: skip
    if classes is not None:
        changes |= {"task": "classes", "classes": listed(classes, "classes")}
    changes = {key: value for key, value in changes.items() if value is not None} | {"seed": setting("seed", seed)}
    if source is not None:
        made = learn.import_split(name, source, _protocol(protocol, classes, changes))
    else:
        made = learn.split(name, _protocol(protocol, classes, changes) if protocol or classes else None,
                           where=where, **changes)  # fmt: skip
    _say_splits([info_of(made)], as_json, single=True)


def _protocol(name: str | None, classes: str | None, changes: Mapping[str, Any]) -> Protocol:
    from dataclasses import replace

    from posterity.learning.splits import protocol_named

    return replace(protocol_named(name or ("classes" if classes else "genres")), **changes)


def _shares(text: str) -> dict[str, float]:
    try:
        found = {part.strip(): float(share) for part, share in (each.split("=") for each in names_in(text, "shares"))}
    except ValueError:
        raise ArgumentError(f"invalid shares {text!r}", "Write parts and shares: train=0.8,test=0.2") from None
    if "train" not in found or "test" not in found:
        raise ArgumentError(f"shares {text!r} lack train or test", "Write parts and shares: train=0.8,test=0.2")
    return found


def _say_splits(found: list[SplitInfo], as_json: bool, *, single: bool = False) -> None:
    if as_json:
        say_json(found[0] if single else {"splits": found})
        return
    rows = [
        (each.name, each.task, each.by, each.labels, ", ".join(f"{part} {n:,}" for part, n in each.parts.items()),
         ", ".join(f"{part} {n:,}" for part, n in each.seen.items()))
        for each in found
    ]  # fmt: skip
    table(["split", "task", "by", "labels", "posters", "of these, films the encoder was trained with"], rows)


@export.command("split")
@catalogue
@click.argument("name")
@click.option("--out", metavar="DIR", required=True, help="New or empty folder.")
@click.option(
    "--format",
    type=click.Choice(["csv", "folders", "webdataset"]),
    default="csv",
    show_default=True,
    help="csv: multi-hot tables; folders: part/label/file, as ImageFolder reads; webdataset: shards.",
)
@as_json
@quiet
def export_split(folder: str, name: str, out: str, format: str, as_json: bool, quiet: bool) -> None:
    """Export the split NAME for other training code.

    \b
    Examples:
      posterity export split -c films genres --out genres
      posterity export split -c films classes --format folders --out classes
      posterity export split -c films genres --format webdataset --out shards
    """
    import posterity

    found = posterity.open(folder).learn.export_split(name, out, format, show_progress=bars(quiet))
    if as_json:
        say_json(found)
        return
    say(f"{', '.join(f'{part} {n:,}' for part, n in found.parts.items())}: {found.files:,} files in {found.folder}")
    for identity, why in found.failed.items():
        say(f"left out: {identity}: {why}")


split_commands = [split]
