"""The page as a folder of files, for any web server or none.

A page opened from disk may load scripts and pictures, but may not fetch anything. So all data are in scripts that pass
their value on by name, including sprites as base64; only pictures that are merely shown are separate files.
"""

from __future__ import annotations

import base64
import glob
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from posterity.api.catalogue import Catalogue
from posterity.errors import ArgumentError, PosterityError, StorageError
from posterity.runtime.filenames import below, escape, exchange, writing
from posterity.runtime.locks import held
from posterity.runtime.parallel import chunked
from posterity.runtime.progress import progress
from posterity.runtime.storage import cache_folder
from posterity.search.facets import load_facets
from posterity.search.nearby import Nearby, nearby
from posterity.serialise import encode, plain
from posterity.web.built import PAGE_FILES, page_file
from posterity.web.gallery import Gallery
from posterity.web.jobs import Jobs
from posterity.web.work import duplicates_job, evaluation_job, pairs_job

CHUNK = 64
"""Films per file."""

MARK = "posterity-site.json"
"""The file that marks a folder as an earlier export, which may be replaced."""


@dataclass(frozen=True)
class Site:
    """What was written.

    Attributes:
        folder: The folder written.
        index: The page to open.
        posters: Number of posters on it.
        files: Number of files.
        bytes: Total size of the files.
    """

    folder: str
    index: str
    posters: int
    files: int
    bytes: int


def export_site(
    catalogue: Catalogue,
    out: str | os.PathLike[str],
    *,
    full: bool = False,
    neighbours: int = 12,
    show_progress: bool | None = False,
) -> Site:
    """Write a catalogue's page as files.

    Args:
        catalogue: The catalogue to export.
        out: A new or empty folder, or an earlier export, which is replaced.
        full: Copy the posters' files too.
        neighbours: Number of similar posters by each facet.
        show_progress: True and False force the bars; None shows them on a terminal.

    Raises:
        ArgumentError: The folder contains other files.
        StorageError: The page was not built, the folder cannot be written, or another export is writing it.
    """
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise ArgumentError(f"{folder} is not a folder", "Name a new one.")
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).is_file():
        raise ArgumentError(f"{folder} contains other files", "Name a new or empty folder.")
    page_file("index.html")
    # Written beside and moved into place: until then visitors see the old page, and a killed run leaves it.
    with writing(folder), _alone(folder):
        folder.absolute().parent.mkdir(parents=True, exist_ok=True)
        _tidy(folder)
        new = _new_folder(folder)
        try:
            posters = _write(catalogue, new, full, neighbours, show_progress)
            _replace(folder, new)
        finally:
            shutil.rmtree(new, ignore_errors=True)
    sizes = [file.stat().st_size for file in folder.rglob("*") if file.is_file()]
    return Site(str(folder), str(folder / "index.html"), posters, len(sizes), sum(sizes))


def _write(catalogue: Catalogue, new: Path, full: bool, neighbours: int, show_progress: bool | None) -> int:
    """Write the page into a folder; return the number of posters on it."""
    (new / "data").mkdir()
    catalogue.atlas(show_progress=show_progress)  # made and stored
    gallery = Gallery(catalogue, clinic=False)
    _data(gallery, new, full, neighbours, show_progress)
    _pictures(gallery, new, full)
    _reports(gallery, new)
    for name in PAGE_FILES:
        data = page_file(name)
        if name == "index.html":
            data = data.replace(b'data-source="server"', b'data-source="files"', 1)
        (new / name).write_bytes(data)
    posters = len(gallery.snapshot().ids)
    (new / MARK).write_text(json.dumps({"posters": posters, "state": gallery.snapshot().state}))
    return posters


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Make sure that no other process on this machine exports to the same folder."""
    locks = cache_folder() / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()[:16]
    busy = StorageError(
        f"{escape(str(folder))} is being written by another export",
        "Wait until it has finished, or name another folder.",
    )
    with held(locks / f"{name}.lock", busy=busy):
        yield


def _new_folder(folder: Path) -> Path:
    """Make an empty folder beside it, with a unique name, marked as ours."""
    new = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".new", dir=folder.absolute().parent))
    mask = os.umask(0)
    os.umask(mask)
    new.chmod(0o777 & ~mask)  # mkdtemp allows this user only, but a web server is another
    (new / MARK).write_text("{}")
    return new


def _tidy(folder: Path) -> None:
    """Remove what killed exports to this folder left; a folder without our mark is not touched."""
    for left in folder.absolute().parent.glob(f".{glob.escape(folder.name)}.*.new"):
        if (left / MARK).is_file():
            shutil.rmtree(left, ignore_errors=True)


def _replace(folder: Path, new: Path) -> None:
    """Replace the old page by the new one, in one step if the system can, and delete the old one."""
    if not folder.exists():
        new.rename(folder)
    elif not exchange(folder, new):
        # A kill between these two leaves no page but both folders; systems that can swap do not reach this.
        old = _new_folder(folder)
        folder.rename(old / "old")
        new.rename(folder)
        shutil.rmtree(old)


def _put(folder: Path, name: str, value: object) -> None:
    """Write a value as a script that passes it on; its JSON is ASCII, which is also valid JavaScript."""
    text = encode(value, ascii_only=True).decode()
    below(folder, "data", f"{name}.js").write_text(f"posterity({json.dumps(name)},{text});\n")


def _data(gallery: Gallery, new: Path, full: bool, neighbours: int, show_progress: bool | None) -> None:
    gallery.snapshot(show_progress=show_progress)
    for layout in gallery.collection().layouts:
        try:
            _put(new, f"layout-{layout.name}", gallery.layout(layout.name, keep=True))
        except PosterityError as error:
            _put(new, f"layout-{layout.name}", {"problem": str(error)})
    snap, collection = gallery.snapshot(), gallery.collection()
    _put(new, "collection", {**plain(collection), "full": full})
    for key, jpeg in snap.pages.items():
        _put(new, f"atlas-{key}", base64.b64encode(jpeg).decode())
    for key in collection.atlas.sheets:
        _put(new, f"sheet-{key}", base64.b64encode(gallery.pictures.sheet(key)).decode())
    near = _nearby(gallery, neighbours)
    with progress("Writing", len(snap.ids), show_progress) as bar:
        for number, some in enumerate(chunked(snap.ids, CHUNK)):
            _put(new, f"films-{number}", [gallery.film(identity) for identity in some])
            _put(new, f"near-{number}", [next(near) for _ in some])
            bar.update(len(some))


def _nearby(gallery: Gallery, k: int) -> Iterator[Nearby]:
    """Return each poster's neighbours, in order."""
    ids, names = gallery.snapshot().ids, gallery.facets()
    facets = load_facets(gallery.store, names, gallery.encoder()) if k and len(ids) > 1 else {}
    return nearby(facets, ids, k)


def _pictures(gallery: Gallery, folder: Path, full: bool) -> None:
    snap = gallery.snapshot()
    short = {digest: name for name, digest in snap.digests.items()}
    for some in chunked(sorted(short), 512):
        for digest, jpeg in gallery.pictures.thumbnails(snap, some).items():
            place = below(folder, "thumbs", short[digest][:2], f"{short[digest]}.jpg")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(jpeg)
    if full:
        (folder / "posters").mkdir()
        for number, identity in enumerate(snap.ids):
            # Browsers go by a picture's content, not by the name of its file.
            (folder / "posters" / f"{number}.jpg").write_bytes(gallery.pictures.poster(identity)[0])


def _reports(gallery: Gallery, folder: Path) -> None:
    """Write pairs, duplicates and evaluation, stored or computed now; a failed one is written with its reason."""
    jobs = Jobs(gallery.store, keep=True)
    for job in (pairs_job(gallery), duplicates_job(gallery), evaluation_job(gallery)):
        try:
            answer = {"state": "ready", "detail": "", "result": jobs.wait(job)}
        except PosterityError as error:
            answer = {"state": "failed", "detail": str(error), "result": None}
        _put(folder, job.name, answer)
    _put(folder, "report", gallery.report())
