"""Vectors of posters fitted in another way than the encoder's own, to compare fits; cached beside the store.

The bundled encoder reads 2:3 pictures of 192×128. It reads squares at 160×160, nearly as many pixels, in PyTorch
(extra ``train``): its convolutions accept any size, but the ONNX file that ships does not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from posterity.catalogue import Poster, Store
from posterity.catalogue.provenance import digest
from posterity.encoders import ENCODERS, Encoder
from posterity.encoders.known import KNOWN
from posterity.errors import MissingExtraError
from posterity.learning.networks.pictures import pack
from posterity.runtime.filenames import whole
from posterity.runtime.parallel import chunked, n_workers, ordered_map
from posterity.runtime.progress import progress
from posterity.settings import setting

SQUARE = (160, 160)
_CHUNK = 16

Encode = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def fitted_vectors(
    store: Store, posters: Sequence[Poster], encoder: str, how: str, *, show_progress: bool | None = None
) -> NDArray[np.float32]:
    """Return the vectors of posters fitted in a given way, cached or encoded now: (n, d).

    Args:
        store: The catalogue; the vectors lie in its folder ``cache``.
        posters: Posters of the catalogue.
        encoder: A network's name, or "poster".
        how: The fit, a name in :data:`posterity.images.FITS`; "" is the encoder's own way.
        show_progress: True and False force the bar; None shows it on a terminal.

    Raises:
        ArgumentError: The encoder cannot read posters fitted that way.
        MissingExtraError: PyTorch is needed but not installed.
    """
    size, fit, encode, key = _reader(encoder, how)
    content = digest(["vectors 1", key, size, fit, [poster.sha256 for poster in posters]])
    path = store.scratch / "cache" / f"{content[:24]}.npy"
    if path.exists():
        return np.asarray(np.load(path, allow_pickle=False))
    packed = pack(store, posters, size, fit, show_progress=show_progress)
    parts = []
    with progress(f"Encoding with {encoder}", len(posters), show_progress) as bar:
        rows = chunked(range(len(posters)), _CHUNK)
        for part in ordered_map(lambda some: encode(packed.pictures[some]), rows, n_workers(setting("workers"))):
            parts.append(part)
            bar.update(len(part))
    vectors = np.concatenate(parts)
    with whole(path) as temporary, temporary.open("wb") as file:
        np.save(file, vectors)
    return vectors


def _reader(name: str, how: str) -> tuple[tuple[int, int], str, Encode, str]:
    """Return the size and fit of the pictures, the function that encodes them, and its fingerprint."""
    own: Encoder = ENCODERS.get(name)
    if not how or how == own.spec.fit:
        return own.spec.size, own.spec.fit, own.encode, own.spec.fingerprint
    if name == "poster":
        return SQUARE, how, _square_poster(), f"{own.spec.fingerprint} square"
    if name in KNOWN:
        made: Encoder = ENCODERS.get(f"{name}_{how.replace('-', '_')}")
        return made.spec.size, made.spec.fit, made.encode, made.spec.fingerprint
    return own.spec.size, how, own.encode, own.spec.fingerprint


def _square_poster() -> Encode:
    from posterity.encoders.networks.building import libraries
    from posterity.learning.networks.architectures import OWN, from_onnx

    try:
        torch = libraries()[0]
    except MissingExtraError as error:
        raise MissingExtraError("reading squares with the bundled encoder", "train") from error
    net = from_onnx(files("posterity.encoders").joinpath("poster.onnx").read_bytes()).eval()
    mean, deviation = (torch.tensor(each).view(1, 3, 1, 1) * 255 for each in OWN)

    def encode(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.inference_mode():
            x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float()
            vectors = net((x - mean) / deviation).numpy()
        return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float32)

    return encode
