"""Files that vanish or change while a build looks at them are reported with the reason, and stop nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import posterity
from faults.support import ENCODERS, age, check_all_vectors, check_consistent, check_sums, draw, picture
from posterity.catalogue import Film, Store
from posterity.embedding.pipeline import embed
from posterity.encoders import EncoderSpec
from posterity.ingest.reports import BuildReport
from posterity.ingest.run import ingest, of_folder
from posterity.sources.metadata import Metadata


class MeddlingTable(Metadata):
    """A table that does something to a file when asked about it: after it was listed, before it is read."""

    def __init__(self, deeds: dict[str, Callable[[], object]]) -> None:
        super().__init__([], [], "none")
        self.deeds = deeds

    def match(self, path: str) -> Film | None:
        if path in self.deeds:
            self.deeds.pop(path)()
        return super().match(path)


class MeddlingEncoder:
    """An encoder that does something to the files when it gets the first posters."""

    def __init__(self, deed: Callable[[], object]) -> None:
        self.spec = EncoderSpec("meddling", 3, (8, 8), "stretch", "euclidean", 1, "the mean colour")
        self.deeds = [deed]

    def encode(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        for deed in [self.deeds.pop() for _ in self.deeds]:
            deed()
        return images.mean(axis=(1, 2), dtype=np.float32)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    for shelf in ("a", "b", "c", "d"):
        (folder / shelf).mkdir(parents=True)
        for number in range(6):
            draw(folder / shelf / f"{number}.jpg", 100 * ord(shelf) + number)
    return folder


def _reasons(store: Store) -> dict[str, tuple[str, str]]:
    return {f.item: (f.reason, f.detail) for f in store.findings() if f.kind == "dropped"}


def _replaced_by_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _replaced_by_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _open_in(folder: Path, descriptor: str) -> bool:
    try:
        return str(folder) in os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115
    except OSError:  # the listing's own, gone by now
        return False


def _longer(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def _ingested(source: Path, store: Store, deeds: dict[str, Callable[[], object]]) -> BuildReport:
    report = ingest(store, of_folder(source, MeddlingTable(deeds)), workers=1).report
    assert not deeds
    check_sums(report)
    assert report.added + report.updated + report.unchanged == sum(
        path in {p.path for p in store.posters()} for path in _listed(source)
    )
    return report


def _listed(source: Path) -> set[str]:
    return {f"{shelf}/{n}.jpg" for shelf in "abcd" for n in range(6)}


def _deeds(source: Path, other: Path) -> dict[str, Callable[[], object]]:
    """What happens to files, by path: all but a/5.jpg and b/3.jpg hold no picture afterwards."""
    return {
        "a/0.jpg": (source / "a/0.jpg").unlink,
        "a/1.jpg": lambda: _replaced_by_a_folder(source / "a/1.jpg"),
        "a/2.jpg": lambda: _replaced_by_a_pipe(source / "a/2.jpg"),
        "a/3.jpg": lambda: (source / "a/3.jpg").write_bytes(b""),
        "a/4.jpg": lambda: os.truncate(source / "a/4.jpg", 1000),
        "a/5.jpg": lambda: shutil.copy(other, source / "a/5.jpg"),
        "b/0.jpg": lambda: (source / "b/0.jpg").write_bytes(b"not a picture"),
        "b/1.jpg": lambda: ((source / "b/1.jpg").unlink(), (source / "b/1.jpg").symlink_to("nowhere")),
        "b/2.jpg": lambda: ((source / "b/2.jpg").unlink(), (source / "b/2.jpg").symlink_to("2.jpg")),
        "b/3.jpg": lambda: _longer(source / "b/3.jpg"),
        "c/5.jpg": lambda: shutil.rmtree(source / "c"),
    }


def test_known_posters_stay_when_their_files_change_between_listing_and_reading(source: Path, tmp_path: Path) -> None:
    store = Store.create(tmp_path / "films")
    assert ingest(store, of_folder(source)).report.added == 24
    embed(store, ENCODERS)
    before = {poster.path: poster for poster in store.posters()}
    for file in source.rglob("*.jpg"):  # as if changed, so that each is read again
        age(file, 1_600_000_000)
    report = _ingested(source, store, _deeds(source, draw(tmp_path / "other.jpg", 5)))
    assert (report.seen, report.added, report.updated, report.unchanged, report.dropped) == (24, 0, 2, 22, 0)
    assert report.kept_by == {"empty": 1, "not_an_image": 2, "truncated": 1, "unreadable": 2}
    assert report.gone == 8  # a/0.jpg, b/1.jpg and all of c
    assert report.in_doubt
    after = {poster.path: poster for poster in store.posters()}
    assert {path for path in after if after[path].sha256 != before[path].sha256} == {"a/5.jpg", "b/3.jpg"}
    assert after.keys() == before.keys()
    said = {f.item: (f.kind, f.reason) for f in store.findings()}
    assert said == {
        "a/": ("kept", "vanished"),
        "a/1.jpg": ("kept", "unreadable"),
        "a/2.jpg": ("kept", "not_an_image"),
        "a/3.jpg": ("kept", "empty"),
        "a/4.jpg": ("kept", "truncated"),
        "b/": ("kept", "vanished"),
        "b/0.jpg": ("kept", "not_an_image"),
        "b/2.jpg": ("kept", "unreadable"),
        "c/": ("kept", "vanished"),
    }
    assert set(store.without_vector("pixels")["path"].to_pylist()) == {"a/5.jpg", "b/3.jpg"}
    check_consistent(store.folder)


def test_files_that_change_between_listing_and_reading(source: Path, tmp_path: Path) -> None:
    store = Store.create(tmp_path / "films")
    report = _ingested(source, store, _deeds(source, draw(tmp_path / "other.jpg", 5)))
    assert report.seen == 24
    reasons = _reasons(store)
    gone = ("vanished", "gone after it was listed")
    assert all(reasons[path] == gone for path in ("a/0.jpg", "b/1.jpg", *(f"c/{n}.jpg" for n in range(6))))
    assert {path: reasons[path][0] for path in reasons if path[0] in "ab" and reasons[path] != gone} == {
        "a/1.jpg": "unreadable",
        "a/2.jpg": "not_an_image",
        "a/3.jpg": "empty",
        "a/4.jpg": "truncated",
        "b/0.jpg": "not_an_image",
        "b/2.jpg": "unreadable",
    }
    assert report.dropped == len(reasons) == 14
    if Path("/proc/self/fd").exists():
        left_open = [fd for fd in os.listdir("/proc/self/fd") if _open_in(source, fd)]  # noqa: PTH208
        assert not left_open
    assert {poster.path for poster in store.posters()} == _listed(source) - reasons.keys()
    embed(store, ENCODERS)
    check_all_vectors(store.folder)


def test_file_that_vanishes_while_it_is_opened(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store.create(tmp_path / "films")
    real = os.open

    def open_too_late(path: str, *arguments: int) -> int:
        if str(path).endswith("d/3.jpg"):
            Path(path).unlink()
        return real(path, *arguments)

    monkeypatch.setattr(os, "open", open_too_late)
    report = ingest(store, of_folder(source)).report
    check_sums(report)
    assert (report.seen, report.added, report.dropped_by) == (24, 23, {"vanished": 1})


def test_entries_that_vanish_while_they_are_listed(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.create(tmp_path / "films")
    real = os.scandir

    def listed_before(folder: str) -> object:
        entries = real(folder)
        if str(folder).endswith("/source/a"):
            found = list(entries)
            (source / "a" / "2.jpg").unlink()
            shutil.rmtree(source / "c")
            shutil.rmtree(source / "d")
            (source / "d").touch()
            entries.close()
            return _Listing(found)
        return entries

    monkeypatch.setattr(os, "scandir", listed_before)
    report = ingest(store, of_folder(source), show_progress=False).report
    check_sums(report)
    assert (report.added, report.dropped) == (11, 3)
    assert {path: reason for path, (reason, _) in _reasons(store).items()} == {
        "a/2.jpg": "vanished",
        "c": "vanished",
        "d": "empty",
    }


class _Listing(list[os.DirEntry[str]]):
    """What a folder held a moment ago."""

    def __enter__(self) -> _Listing:
        return self

    def __exit__(self, *_: object) -> None:
        return None


def test_file_that_the_disk_cannot_give(tmp_path: Path) -> None:
    """/proc/self/mem is a regular file whose first byte cannot be read: an input/output error, as of a failing disk."""
    if not Path("/proc/self/mem").is_file():
        pytest.skip("no /proc here, so no file that can be opened and not read")
    source = tmp_path / "source"
    source.mkdir()
    (source / "failing.jpg").symlink_to("/proc/self/mem")
    draw(source / "good.jpg", 1)
    report = posterity.build(source, tmp_path / "films")
    assert (report.seen, report.added, report.dropped_by) == (2, 1, {"unreadable": 1})
    (finding,) = posterity.open(tmp_path / "films").report().dropped
    assert finding.detail == "Input/output error"


def test_whole_source_vanishes_between_listing_and_reading_and_comes_back(source: Path, tmp_path: Path) -> None:
    store = Store.create(tmp_path / "films")
    away = tmp_path / "away"
    report = _ingested(source, store, {"a/0.jpg": lambda: source.rename(away)})
    assert report.seen == report.dropped >= 6
    assert report.dropped_by.keys() == {"vanished"}
    away.rename(source)
    report = ingest(store, of_folder(source)).report
    check_sums(report)
    assert (report.seen, report.added, report.dropped) == (24, 24, 0)
    assert not _reasons(store)
    embed(store, ENCODERS)
    check_all_vectors(store.folder)


def _embedded_while(deed: Callable[[], object], store: Store) -> dict[str, str]:
    encoder = MeddlingEncoder(deed)
    done = embed(store, [encoder, *ENCODERS], workers=1)
    total = store.count()
    for name in ("meddling", *ENCODERS):
        assert done.encoded[name] + done.kept[name] + len(done.failed) == total
        assert set(store.without_vector(name)["id"].to_pylist()) == set(done.failed)
    check_consistent(store.folder)
    return done.failed


def test_files_that_change_between_ingest_and_embedding(source: Path, tmp_path: Path) -> None:
    for number in range(100):
        draw(source / "d" / f"more {number}.jpg", number)  # so that there is a second chunk, read after the first
    store = Store.create(tmp_path / "films")
    ingest(store, of_folder(source))
    late = sorted(source.glob("d/more*.jpg"), key=lambda path: f"file:d/{path.name}")[-8:]

    def deed() -> None:
        late[0].unlink()
        late[1].write_bytes(b"")
        picture(77_777).save(late[2])
        os.truncate(late[3], 700)
        _replaced_by_a_folder(late[4])
        late[5].unlink()
        late[5].symlink_to("nowhere")
        age(late[6])  # the same content at another time is no change
        shutil.copy(late[7], late[0].with_name("copy"))
        late[7].unlink()
        late[0].with_name("copy").rename(late[7])  # the same content in another file neither

    failed = _embedded_while(deed, store)
    assert failed.keys() == {f"file:d/{path.name}" for path in late[:6]}
    assert all(why.startswith(f"d/{path.name}: ") for why, path in zip(failed.values(), late, strict=False))
    gone = [failed[f"file:d/{late[n].name}"] for n in (0, 5)]
    assert all(why.endswith("No such file or directory") for why in gone)
    assert failed[f"file:d/{late[4].name}"].endswith("Is a directory")
    for n in (1, 2, 3):
        assert "changed since" in failed[f"file:d/{late[n].name}"]
    shutil.rmtree(late[4])
    report = posterity.open(store.folder).build(source)
    check_sums(report)
    assert report.dropped == 0
    assert report.kept_by == {"empty": 1, "truncated": 1}
    assert report.updated == 1
    assert report.gone == 3
    lacking = {name: set(store.without_vector(name)["id"].to_pylist()) for name in ENCODERS}
    assert all(ids == {f"file:d/{late[n].name}" for n in (0, 1, 3, 4, 5)} for ids in lacking.values())
    diagnosis = posterity.open(store.folder).doctor()
    missing = {p.about for p in diagnosis.problems if p.kind == "file_missing"}
    assert missing == {f"file:d/{late[n].name}" for n in (0, 4)}
    (doubt,) = (p.detail for p in diagnosis.problems if p.kind == "file_in_doubt")
    assert "broken link" in doubt  # its drive may be away


def test_whole_source_vanishes_between_ingest_and_embedding(source: Path, tmp_path: Path) -> None:
    for number in range(100):
        draw(source / "d" / f"more {number}.jpg", number)
    store = Store.create(tmp_path / "films")
    ingest(store, of_folder(source))
    failed = _embedded_while(lambda: source.rename(tmp_path / "away"), store)
    assert len(failed) == 124 - 64
    (tmp_path / "away").rename(source)
    again = embed(store, [MeddlingEncoder(lambda: None), *ENCODERS])
    assert not again.failed
    assert again.encoded["pixels"] == 60
    check_all_vectors(store.folder)
