"""What the tests of faults share: the real command line in a subprocess, and what a sound catalogue must hold."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import posterity
from posterity.catalogue import Store
from posterity.ingest.run import BuildReport


@dataclass(frozen=True)
class Undisturbed:
    """A source, and what its catalogue holds when nothing goes wrong."""

    source: Path
    catalogue: Path
    content: dict[str, Any]


ENCODERS = ("colour", "composition", "pixels")
LONG_AGO = 1_700_000_000
"""A time of change old enough to be trusted, so that the same file gives the same row whenever it is read."""

ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith("POSTERITY_")} | {"PYTHONDONTWRITEBYTECODE": "1"}
CLI = [sys.executable, "-m", "posterity"]
CHILD = Path(__file__).with_name("child.py")
SMALL: dict[str, Any] = {
    "posterity.ingest.builder:BATCH": 48,
    "posterity.ingest.run:CHUNK": 16,
    "posterity.embedding.pipeline:BATCH": 64,
    "posterity.embedding.pipeline:CHUNK": 16,
}
"""So small batches that a few hundred posters take many commits, as many thousands would."""


def changed(values: dict[str, Any]) -> list[str]:
    """Give the command line with some of Posterity's numbers changed, by "module:name"."""
    return [sys.executable, str(CHILD), json.dumps({"set": values})]


SMALL_BATCHES = changed(SMALL)


def draw(path: Path, seed: int, size: tuple[int, int] = (120, 180), **options: Any) -> Path:
    """Save a smooth random picture, the same for the same seed, so far from all others that no two look alike."""
    picture(seed, size).save(path, **options)
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def picture(seed: int, size: tuple[int, int] = (120, 180)) -> Image.Image:
    """Draw a smooth random picture."""
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 6, 3), np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def age(path: Path, seconds: float = LONG_AGO) -> None:
    """Set a file's time of change."""
    os.utime(path, (seconds, seconds))


def start(*arguments: str | os.PathLike[str], command: Sequence[str] = CLI, **options: Any) -> subprocess.Popen[bytes]:
    """Start the command line."""
    environment = ENVIRONMENT | options.pop("env", {})
    return subprocess.Popen(
        [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, **options
    )


class Watched:
    """A command that tells of each of its writes to the catalogue, and halts at some of them.

    Args:
        arguments: Of the command.
        halt: The writes, counted from 1, where it halts until :meth:`go_on`.
        moment: "before" or "after" the write; at "during" it does not halt, so that a signal that is sent when
            :meth:`reach` returns falls into the write or soon after.
        values: As for :func:`changed`.
        wrapper: What the command is run by.
        options: As for :func:`start`.
    """

    def __init__(
        self,
        *arguments: str | os.PathLike[str],
        halt: Sequence[int] = (),
        moment: str = "before",
        values: dict[str, Any] = SMALL,
        wrapper: Sequence[str] = (),
        **options: Any,
    ) -> None:
        told, tell = os.pipe()
        hear, go = os.pipe()
        plan = {"set": values, "told": tell, "go": hear, "halt": list(halt), "moment": moment}
        self.process = start(
            *arguments, command=[*wrapper, sys.executable, str(CHILD), json.dumps(plan)], pass_fds=[tell, hear],
            **options,
        )  # fmt: skip
        os.close(tell)
        os.close(hear)
        self._told, self._go, self._writes = os.fdopen(told, "rb", buffering=0), os.fdopen(go, "wb", buffering=0), 0

    def reach(self, write: int) -> None:
        """Wait for a write."""
        while self._writes < write:
            if not self._told.read(1):
                raise AssertionError(f"it ended after {self._writes} writes: {self.end()}")
            self._writes += 1

    def go_on(self) -> None:
        """Let it go on from where it halts."""
        self._go.write(b".")

    def end(self, timeout: float = 300) -> tuple[bytes, bytes]:
        """Wait for its end, and give what it said."""
        said = self.process.communicate(timeout=timeout)
        self._close()
        return said

    def kill(self, sign: int = signal.SIGKILL) -> tuple[bytes, bytes]:
        """Send it a signal and reap it."""
        said = kill(self.process, sign)
        self._close()
        return said

    def _close(self) -> None:
        while self._told.read(4096):
            pass
        self._told.close()
        self._go.close()

    def count(self) -> int:
        """Wait for its end, which must be a good one, and give how many writes it made."""
        writes = len(self._told.readall())
        _, err = self.end()
        assert self.process.returncode == 0, err.decode()
        return writes


def cli(
    *arguments: str | os.PathLike[str], timeout: float = 300, command: Sequence[str] = CLI, **options: Any
) -> subprocess.CompletedProcess[bytes]:
    """Run the command line to its end."""
    environment = ENVIRONMENT | options.pop("env", {})
    return subprocess.run(
        [*command, *arguments], capture_output=True, timeout=timeout, env=environment, check=False, **options
    )


def cli_json(*arguments: str | os.PathLike[str], **options: Any) -> Any:
    """Run a command that must succeed, in silence on standard error, and read its JSON."""
    done = cli(*arguments, "--json", **options)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    return json.loads(done.stdout)


def assert_one_line(stderr: bytes, *words: str) -> None:
    """Standard error holds one line for a person, with each of the words, and no traceback."""
    text = stderr.decode()
    assert text.startswith("posterity: "), text
    assert text.count("\n") == 1, text
    assert text.endswith("\n"), text
    for word in words:
        assert word in text, text


def kill(process: subprocess.Popen[bytes], sign: int = signal.SIGKILL) -> tuple[bytes, bytes]:
    """Send a signal to a process and reap it."""
    process.send_signal(sign)
    return process.communicate(timeout=120)


def check_sums(report: BuildReport) -> None:
    """Every file seen has exactly one fate, and every dropped one a reason."""
    assert report.seen == report.added + report.updated + report.unchanged + report.dropped
    assert report.dropped == sum(report.dropped_by.values())


def check_consistent(folder: Path | str) -> Store:
    """Open a catalogue, whatever happened to its last build, and check that nothing in it is half done."""
    catalogue = posterity.open(folder)
    store = catalogue.store
    rows = store.read(["sha256", "flags", "flag_details"])
    ids = rows["id"].to_pylist()
    assert len(ids) == len(set(ids)) == store.count()
    digests = set(rows["sha256"].to_pylist())
    assert set(store.thumbnails(digests)) == digests, "a poster lacks its thumbnail"
    for flags, details in zip(rows["flags"].to_pylist(), rows["flag_details"].to_pylist(), strict=True):
        assert len(flags) == len(details)
    for name, dimension in store.encoders.items():
        have, vectors = store.vectors(name)
        assert vectors.dtype == np.float32
        assert vectors.shape == (len(have), dimension)
        assert np.isfinite(vectors).all()
        assert set(have) <= set(ids)
        assert len(have) + len(store.without_vector(name)) == len(ids)
    catalogue.info()
    catalogue.report()
    return store


def content(folder: Path | str, encoders: Sequence[str] = ENCODERS) -> dict[str, Any]:
    """All that a catalogue says of its posters, findings and vectors, fit to be compared with another's by ``==``."""
    store = check_consistent(folder)
    vectors = {}
    for name in encoders:
        ids, values = store.vectors(name)
        vectors[name] = {identity: value.tobytes() for identity, value in zip(ids, values, strict=True)}
    return {"posters": store.posters(), "findings": store.findings(), "vectors": vectors}


def check_equal(got: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Say which part of two catalogues differs, rather than print both."""
    assert [p.id for p in got["posters"]] == [p.id for p in wanted["posters"]]
    for mine, theirs in zip(got["posters"], wanted["posters"], strict=True):
        assert mine == theirs
    assert got["findings"] == wanted["findings"]
    for name, vectors in wanted["vectors"].items():
        assert got["vectors"][name].keys() == vectors.keys()
        assert not [identity for identity, v in vectors.items() if got["vectors"][name][identity] != v], name


def check_all_vectors(folder: Path, encoders: Sequence[str] = ENCODERS) -> None:
    """Every poster has a vector of every encoder."""
    store = check_consistent(folder)
    assert {name: len(store.without_vector(name)) for name in encoders} == dict.fromkeys(encoders, 0)
