"""What made a derived thing: versions of the code, and digests of what went in."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version

from posterity.catalogue.store import Store

DECISIVE = ("posterity", "numpy", "opencv-python-headless", "scipy", "simplejpeg")
"""The packages whose versions may change numbers."""


def versions() -> str:
    """Give the versions of what decides the numbers of an artefact, as JSON."""
    return json.dumps({name: version(name) for name in DECISIVE})


def inputs_digest(store: Store, fingerprint: str = "") -> str:
    """Digest the ids and contents of all posters, and an encoder's fingerprint: what a layout or grid is made from."""
    rows = store.read(["sha256"])
    everything = [fingerprint, rows["id"].to_pylist(), rows["sha256"].to_pylist()]
    return hashlib.sha256(json.dumps(everything).encode()).hexdigest()
