"""Every option, declared once: name, kind, default and help.

The command line's flags, the documentation and the values themselves all derive from :data:`OPTIONS`. A value is taken
from the first of these that has one: the argument given; the environment variable ``POSTERITY_<NAME>``; the file named
by ``POSTERITY_SETTINGS``, or else ``posterity.toml`` in the working folder or in ``~/.config``; the default.
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
        default: The value where nothing else sets it.
        help: One sentence for people, without the default.
        least: The smallest value allowed, for numbers.
        own: Only the user's own file or environment may set it, because it decides where keys, posters or work go: a
            ``posterity.toml`` in the working folder may have come with the folder.
    """

    name: str
    kind: type[int] | type[float] | type[str]
    default: Any
    help: str
    least: float | None = None
    own: bool = False

    def parse(self, value: object, origin: str) -> Any:
        """Turn a value from any origin into this option's kind.

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
                f"{origin}: {value!r} is not {_KINDS[self.kind]}", f"{self.name}: {self.help}"
            ) from None
        if self.least is not None and parsed < self.least:
            raise ArgumentError(f"{origin}: {value!r} is too small", f"{self.name} must be {self.least} or more.")
        return parsed


_HERE = "posterity.toml"
_KINDS: Mapping[type, str] = {int: "a whole number", float: "a number", str: "text"}

OPTIONS: dict[str, Option] = {
    option.name: option
    for option in (
        Option("encoder", str, "poster", "Encoder for searches and walls (see `posterity encoders`)."),
        Option("encoders", str, "poster,colour,composition,pixels", "Encoders to compute in a build, comma-separated."),
        Option("features", str, "poster,colour", "Encoders that models learn from, comma-separated."),
        Option("runtime", str, "onnxruntime", "Runtime for networks: onnxruntime, or openvino (an extra)."),
        Option("weights", str, "", "Folder to search first for networks' weights."),
        Option("k", int, 5, "Number of matches.", least=1),
        Option("index", str, "auto", "Kind of search: exact, approximate, or auto (by the number of vectors)."),
        Option("workers", int, 0, "Threads for reading and decoding; 0 takes one per core.", least=0),
        Option("engine", str, "local", "Where reading and encoding run: local, or ray (an extra)."),
        Option(
            "address",
            str,
            "",
            "Ray cluster's head: HOST:6379, or auto; if empty, Ray starts on this machine.",
            own=True,
        ),
        Option("worker_gpus", float, 0.0, "Share of a GPU for each Ray worker.", least=0),
        Option("log", str, "off", "Log of events on standard error: off, text, or json (one object per line)."),
        Option("seed", int, 0, "Random seed.", least=0),
        Option("max_pixels", int, 80_000_000, "Drop pictures of more pixels than this, without decoding.", least=1),
        Option("min_side", int, 16, "Drop pictures whose shorter side has fewer pixels than this.", least=1),
        Option("max_bytes", int, 256 * 2**20, "Drop files of more bytes than this, without reading.", least=1),
        Option(
            "near_duplicate_bits",
            int,
            8,
            "Flag pictures whose 64-bit hashes differ in at most this many bits.",
            least=0,
        ),
        Option(
            "rate", float, None, "Requests per second to one host; 0 for no limit.  [default: 1; TMDb: 40]", least=0
        ),
        Option("concurrency", int, 16, "Simultaneous requests to one host.", least=1),
        Option(
            "precedence",
            str,
            "table,tmdb,imdb,library,movielens,impawards",
            "Kinds of sources in order of precedence, for where two disagree.",
        ),
        Option("tmdb_api", str, "https://api.themoviedb.org/3", "Address of TMDb's API.", own=True),
        Option("impawards_site", str, "http://www.impawards.com/", "Address of IMP Awards.", own=True),
        Option("s3_endpoint", str, "", "Address of an S3-compatible object store; if empty, AWS's own.", own=True),
        Option("s3_region", str, "", "Region of the object store; if empty, AWS_REGION, or us-east-1."),
        Option(
            "s3_conditional_writes",
            str,
            "required",
            "required: the object store must honour them; off: it need not, and only one process may write at a time.",
        ),
        Option("s3_lease", float, 30.0, "Seconds of silence after which another writer counts as gone.", least=1),
        Option("cell_width", int, 0, "Cell width in pixels (walls); 0 chooses by the number of posters.", least=0),
    )
}


def setting(name: str, argument: object = None) -> Any:
    """Give the value in force of the option ``name``, an argument that is not None first.

    Raises:
        UnknownNameError: There is no such option.
        ArgumentError: The value found is not allowed; the message says where it was set.

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
    """Split a comma-separated list; spaces around names, and empty names, are ignored.

    Args:
        text: The list.
        what: What the names stand for, for the message.

    Raises:
        ArgumentError: There is no name.

    >>> names_in("colour, pixels,", "encoders")
    ('colour', 'pixels')
    """
    names = tuple(name for part in text.split(",") if (name := part.strip()))
    if not names:
        raise ArgumentError(f"the list of {what} is empty: {text!r}", "Separate names with commas.")
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
        raise ArgumentError(f"POSTERITY_SETTINGS names {named!r}, which is not a file", "Correct or unset it.")
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
        raise ArgumentError(
            f"settings file {path}: {error}", "Settings files are TOML: lines of name = value."
        ) from None
    for name in values:
        if name not in OPTIONS:
            raise UnknownNameError(f"setting in {path}", name, OPTIONS)
    return values
