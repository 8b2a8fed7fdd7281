"""Large pictures, decoded one at a time in a separate process, which can be ended and returns its memory.

Run as ``python -m posterity.images.apart``: a line of JSON and the file's content come in, a line of JSON and the
pixels go out.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from dataclasses import asdict
from typing import Any

import numpy as np

from posterity.errors import ImageError
from posterity.images.decoders import Decoded, Limits, check_size, decoded_here

SECONDS = 60
"""Time limit for decoding a picture; one within all limits takes a few seconds."""

MEMORY = 3 * 2**30
"""Limit on the address space of the process, as a last resort."""

ENOUGH = (512, 512)
"""The least size that a large picture is decoded to, so that the same copy can serve the next request too."""

_MOST_HELD = 16 * 2**20

_one = threading.Lock()
_last: tuple[str, Decoded] | None = None


def decoded_apart(data: bytes, kind: str, at_least: tuple[int, int] | None, limits: Limits) -> Decoded:
    """Decode a picture in a separate process; arguments and errors are those of :func:`posterity.images.examine`.

    A reduced copy of the last picture is kept, since a poster is inspected and then encoded at several sizes in turn.
    """
    global _last
    if at_least is None or max(at_least) > min(ENOUGH):
        with _one:
            return _decoded(data, kind, at_least, limits)
    digest = hashlib.sha256(data).hexdigest()
    with _one:
        if _last is not None and _last[0] == digest:
            check_size(_last[1].width, _last[1].height, limits)
            return _last[1]
        found = _decoded(data, kind, ENOUGH, limits)
        if found.pixels.nbytes <= _MOST_HELD:
            _last = digest, found
        return found


def _decoded(data: bytes, kind: str, at_least: tuple[int, int] | None, limits: Limits) -> Decoded:
    asked = json.dumps({"kind": kind, "at_least": at_least, "limits": asdict(limits)}).encode()
    command = [sys.executable, "-P", "-W", "ignore", "-m", "posterity.images.apart"]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    try:
        ended = subprocess.run(  # noqa: S603
            command, input=asked + b"\n" + data, capture_output=True, timeout=SECONDS, env=environment, check=False
        )
    except subprocess.TimeoutExpired:
        raise ImageError("too_costly", f"decoding it took longer than {SECONDS} s") from None
    head, _, rest = ended.stdout.partition(b"\n")
    try:
        header: dict[str, Any] = json.loads(head)
    except ValueError:
        raise ImageError("too_costly", f"the process that decoded it ended ({ended.returncode})") from None
    if "reason" in header:
        raise ImageError(header["reason"], header["detail"])
    pixels = np.frombuffer(rest, np.uint8).reshape(header.pop("shape"))
    return Decoded(pixels, **header | {"flags": tuple((code, detail) for code, detail in header["flags"])})


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def main() -> None:
    """Decode the picture on standard input."""
    _limit_memory()
    asked = json.loads(sys.stdin.buffer.readline())
    at_least = None if asked["at_least"] is None else tuple(asked["at_least"])
    header: dict[str, Any]
    try:
        found = decoded_here(sys.stdin.buffer.read(), asked["kind"], at_least, Limits(**asked["limits"]))
        header = {name: value for name, value in vars(found).items() if name != "pixels"}
        pixels = found.pixels.tobytes()
        header["shape"] = found.pixels.shape
    except ImageError as error:
        header, pixels = {"reason": error.reason, "detail": error.detail}, b""
    sys.stdout.buffer.write(json.dumps(header).encode() + b"\n" + pixels)


if __name__ == "__main__":
    main()
