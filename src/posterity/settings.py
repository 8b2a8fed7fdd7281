"""Every option, declared once: name, kind, default and help.

The command line's flags, the documentation and the values themselves all derive from :data:`OPTIONS`. A value is looked
for in this order: the argument given; the environment variable ``POSTERITY_<NAME>``; the file named by
``POSTERITY_SETTINGS``, or else ``posterity.toml`` in the working folder or ``~/.config/posterity.toml``; the default.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from posterity.errors import ArgumentError, UnknownNameError


@dataclass(frozen=True)
class Option:
    """One option.

    Attributes:
        name: In lower case with underscores; the flag is ``--name-with-dashes``.
        kind: The type of its value.
        default: The value where nothing else is said.
        help: One sentence for people, without the default.
        least: The smallest value allowed, for numbers.
        own: Only the user's own file or environment may set it, as it decides where keys, posters or work are sent: a
            ``posterity.toml`` in the working folder may have come with the folder.
    """

    name: str
    kind: type[int] | type[float] | type[str]
    default: Any
    help: str
    least: float | None = None
    own: bool = False

    def parse(self, value: object, origin: str) -> Any:
        """Turn a value of whatever origin into this option's kind.

        Raises:
            ArgumentError: It is of another kind, or below the least allowed.
        """
        if value is None:
            return None
        try:
            if isinstance(value, bool) or (self.kind is int and isinstance(value, float)):
                raise ValueError
            parsed: Any = self.kind(str(value))
        except (TypeError, ValueError):
            raise ArgumentError(
                f"{origin}: {value!r} is no {self.kind.__name__}", f"{self.name}: {self.help}"
            ) from None
        if self.least is not None and parsed < self.least:
            raise ArgumentError(f"{origin}: {value!r} is too small", f"{self.name} is {self.least} or more.")
        return parsed


_HERE = "posterity.toml"

OPTIONS: dict[str, Option] = {
    option.name: option
    for option in (
        Option("encoder", str, "poster", "The encoder that searches and walls use: see `posterity encoders`."),
        Option(
            "encoders", str, "poster,colour,composition,pixels", "The encoders that a build computes, comma-separated."
        ),
        Option("features", str, "poster,colour", "The encoders that models learn from, comma-separated."),
        Option("runtime", str, "onnxruntime", "What networks are run by: onnxruntime, or openvino (an extra)."),
        Option("weights", str, "", "Folder in which networks' weights are looked for first."),
        Option("k", int, 5, "How many matches to give.", least=1),
        Option("index", str, "auto", "How vectors are searched: exact, approximate, or auto, by their number."),
        Option("workers", int, 0, "Threads that read and decode; 0 takes one per core.", least=0),
        Option("engine", str, "local", "Where reading and encoding run: local, or ray (an extra)."),
        Option(
            "address",
            str,
            "",
            "Of a Ray cluster's head, HOST:6379, or auto; without, Ray begins on this machine.",
            own=True,
        ),
        Option("worker_gpus", float, 0.0, "The part of a GPU that each of Ray's workers has.", least=0),
        Option("log", str, "off", "Events on standard error, for machines: off, text, or json, one object a line."),
        Option("seed", int, 0, "Seed of everything random.", least=0),
        Option("max_pixels", int, 80_000_000, "Pictures of more pixels are dropped undecoded.", least=1),
        Option("min_side", int, 16, "Pictures with a shorter side below this many pixels are dropped.", least=1),
        Option("max_bytes", int, 256 * 2**20, "Files larger than this many bytes are dropped unread.", least=1),
        Option("near_duplicate_bits", int, 8, "Flag pictures whose 64-bit hashes differ in at most so many.", least=0),
        Option("rate", float, None, "Requests a second to one host; 0 sets no limit.  Without: 1, TMDb 40.", least=0),
        Option("concurrency", int, 16, "Requests under way at one host.", least=1),
        Option(
            "precedence",
            str,
            "table,tmdb,imdb,library,movielens,impawards",
            "Kinds of sources, the one first that decides where two disagree.",
        ),
        Option("tmdb_api", str, "https://api.themoviedb.org/3", "Where TMDb's API is.", own=True),
        Option("impawards_site", str, "http://www.impawards.com/", "Where IMP Awards is.", own=True),
        Option("s3_endpoint", str, "", "Address of an S3-compatible object store; without, AWS's own.", own=True),
        Option("s3_region", str, "", "Region of the object store; without, AWS_REGION's, or us-east-1."),
        Option(
            "s3_conditional_writes",
            str,
            "required",
            "required: the object store must honour them; off: it does not, and one process writes at a time.",
        ),
        Option("s3_lease", float, 30.0, "Seconds after which a writer that is gone is taken for gone.", least=1),
        Option("cell_width", int, 0, "Width in pixels of a poster on a wall's picture; 0 chooses by number.", least=0),
    )
}


def setting(name: str, argument: object = None) -> Any:
    """Give the value in force of the option ``name``, an argument that is not None first.

    Raises:
        UnknownNameError: There is no such option.
        ArgumentError: The value found is not allowed; the message says where it stands.

    >>> setting("k"), setting("k", 9)
    (5, 9)
    """
    if name not in OPTIONS:
        raise UnknownNameError("setting", name, OPTIONS)
    option = OPTIONS[name]
    variable = f"POSTERITY_{name.upper()}"
    found = option.parse(argument, f"argument {name}")
    if found is None:
        found = option.parse(os.environ.get(variable), f"environment variable {variable}")
    if found is None:
        path, values = _settings_file()
        found = option.parse(values.get(name), f"{path}")
    return option.default if found is None else found


def names_in(text: str, what: str) -> tuple[str, ...]:
    """Split what is written with commas between; spaces around names, and names that are empty, are passed over.

    Args:
        text: As it was written.
        what: What the names are of, for the message.

    Raises:
        ArgumentError: There is none.

    >>> names_in("colour, pixels,", "encoders")
    ('colour', 'pixels')
    """
    names = tuple(name for part in text.split(",") if (name := part.strip()))
    if not names:
        raise ArgumentError(f"the list of {what} is empty: {text!r}", "Write names with commas between.")
    return names


def environment() -> dict[str, str]:
    """Give the settings in force that are not the defaults, as the variables that set them in another process."""
    found = {name: setting(name) for name in OPTIONS}
    return {f"POSTERITY_{name.upper()}": str(value) for name, value in found.items() if value != OPTIONS[name].default}


def _settings_file() -> tuple[str, Mapping[str, object]]:
    named = os.environ.get("POSTERITY_SETTINGS")
    candidates = [named] if named else [_HERE, os.path.expanduser("~/.config/posterity.toml")]  # noqa: PTH111
    for candidate in candidates:
        if os.path.isfile(candidate):  # noqa: PTH113
            values = _read(candidate, os.stat(candidate).st_mtime_ns)  # noqa: PTH116
            if candidate == _HERE:
                _refuse_foreign(values)
            return candidate, values
    if named:
        raise ArgumentError(f"POSTERITY_SETTINGS names {named!r}, which is no file", "Correct or unset it.")
    return "", {}


def _refuse_foreign(values: Mapping[str, object]) -> None:
    for name in values:
        if OPTIONS[name].own:
            raise ArgumentError(
                f"{_HERE} in the working folder sets {name}, which decides where data or keys are sent",
                f"Only your own settings may: move it to ~/.config/posterity.toml, or set POSTERITY_{name.upper()}.",
            )


@cache
def _read(path: str, _changed: int) -> Mapping[str, object]:
    try:
        values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ArgumentError(f"settings file {path}: {error}", "It is TOML: lines of name = value.") from None
    for name in values:
        if name not in OPTIONS:
            raise UnknownNameError(f"setting in {path}", name, OPTIONS)
    return values
