"""Posters and catalogues in object storage: the same as in folders, by a real S3-compatible server."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import obstore
import pytest
from conftest import picture, real_data
from object_store import BUCKET, Moto, Rclone, moto, upload
from waiting import PATIENCE, wait_for

import posterity
from posterity.catalogue._lease import NAME, leased
from posterity.catalogue.pictures import file_of, picture_of
from posterity.errors import ArgumentError, CatalogueError, SourceError, StorageError
from posterity.runtime.storage import Remote, is_remote, listed, may_write, place_of, read, status_of
from posterity.sources.folder import File, Skipped, walk

ARCHIVE = f"s3://{BUCKET}"
ENCODERS = ["poster", "pixels"]


@pytest.fixture(scope="module")
def server() -> Iterator[Moto]:
    with moto() as found:
        yield found


def _same(here: posterity.Catalogue, there: posterity.Catalogue) -> None:
    """All that two catalogues say of posters is the same, but for where the files are."""

    def told(films: posterity.Catalogue) -> list[object]:
        return [replace(poster, source="", mtime_ns=0) for poster in films.posters()]

    assert told(here) == told(there)
    for name in here.store.encoders:
        (ids, vectors), (others, theirs) = here.vectors(name), there.vectors(name)
        assert ids == others
        np.testing.assert_array_equal(vectors, theirs)
    digests = [poster.sha256 for poster in here.posters()]
    assert here.store.thumbnails(digests) == there.store.thumbnails(digests)


def test_a_place_is_a_folder_or_an_address() -> None:
    assert place_of("films") == Path("films")
    place = place_of("s3://archive/a/b/")
    assert place == Remote("archive", "a/b")
    assert (str(place), str(place / "c"), place.name) == ("s3://archive/a/b", "s3://archive/a/b/c", "b")
    assert not is_remote(Path("s3:/archive"))
    with pytest.raises(ArgumentError, match="has no bucket name"):
        place_of("s3://")


def test_an_address_is_listed_as_a_folder_is(server: Moto, tmp_path: Path) -> None:
    for name in (
        "b.jpg",
        "a/z.jpg",
        "a.jpg",
        "a-b/1.jpg",
        "Café 100%.jpg",
        ".hidden/x.jpg",
        ".hidden/y.jpg",
        "ä/ö.jpg",
        "a/@eaDir/z.jpg/thumb.jpg",
        "a/@eaDir/z.jpg/other.jpg",
        "ä/._ö.jpg",
    ):
        file = tmp_path / "posters" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode())
    upload(tmp_path / "posters", f"{ARCHIVE}/listed")
    here, there = list(walk(tmp_path / "posters")), list(walk(f"{ARCHIVE}/listed"))
    assert [(type(e), e.path) for e in here] == [(type(e), e.path) for e in there]
    assert [e.size for e in here if isinstance(e, File)] == [e.size for e in there if isinstance(e, File)]
    assert [e for e in here if isinstance(e, Skipped)] == [e for e in there if isinstance(e, Skipped)]
    assert [e.reason for e in there if isinstance(e, Skipped)] == ["hidden", "leftover"]
    left = [e.path for e in walk(f"{ARCHIVE}/listed", [f"{ARCHIVE}/listed/a"])]
    assert [e.path for e in here if not e.path.startswith("a/")] == left[:-1]
    assert left[-1] == "ä/._ö.jpg"  # of what is passed over, the first is named
    with pytest.raises(SourceError, match="does not exist"):
        list(walk(f"{ARCHIVE}/nothing here"))


def test_an_objects_status_changes_with_its_content_and_with_nothing_else(server: Moto) -> None:
    place = place_of(f"{ARCHIVE}/status/a.jpg")
    assert isinstance(place, Remote)
    seen = []
    for content in (b"one", b"two", b"one"):
        obstore.put(place.objects, place.key, content)
        time.sleep(1.1)  # the store's clock has moved on
        seen.append(status_of(f"{ARCHIVE}/status", "a.jpg"))
        assert read(f"{ARCHIVE}/status", "a.jpg").status == seen[-1]
    assert seen[0] == seen[2] != seen[1]
    with pytest.raises(FileNotFoundError):
        status_of(f"{ARCHIVE}/status", "b.jpg")


def test_of_what_is_no_picture_only_the_start_is_read(server: Moto) -> None:
    place = place_of(f"{ARCHIVE}/start/film.mkv")
    assert isinstance(place, Remote)
    obstore.put(place.objects, place.key, os.urandom(20 * 2**20))
    found = read(f"{ARCHIVE}/start", "film.mkv", worth=lambda start: False)
    assert found.status.size == 20 * 2**20
    assert 32 <= len(found.data) < 20 * 2**20
    assert read(f"{ARCHIVE}/start", "film.mkv", most=1000).data == b""


def test_posters_and_catalogue_in_a_store_are_those_in_folders(
    server: Moto, make_posters: Callable[..., Path], tmp_path: Path
) -> None:
    posters = make_posters(24)
    (posters / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    (posters / "twin.jpg").write_bytes((posters / "tt0000003.jpg").read_bytes())
    upload(posters, f"{ARCHIVE}/posters")
    table, address = tmp_path / "posters.csv", f"{ARCHIVE}/catalogue"
    local = posterity.build(posters, tmp_path / "films", table, encoders=ENCODERS)
    report = posterity.build(f"{ARCHIVE}/posters", address, table, encoders=ENCODERS)
    assert (report.added, report.dropped_by) == (local.added, local.dropped_by) == (24, {"corrupt": 1, "duplicate": 1})
    here, there = posterity.open(tmp_path / "films"), posterity.open(address)
    _same(here, there)
    again = posterity.build(f"{ARCHIVE}/posters", address, table, encoders=ENCODERS)
    assert (again.added, again.updated, again.unchanged) == (0, 0, 24)

    assert [m.id for m in there.similar("tt0000001").matches] == [m.id for m in here.similar("tt0000001").matches]
    assert there.wall().cells == here.wall().cells
    assert there.wall().cells == there.wall().cells
    np.testing.assert_allclose(
        list(there.map("pca").positions.values()), list(here.map("pca").positions.values()), atol=1e-6
    )
    assert there.doctor().well
    assert there.info().bytes > 10_000
    (poster,) = there.posters("id = 'tt0000001'")
    np.testing.assert_array_equal(picture_of(there.store, poster), picture_of(here.store, poster))
    assert file_of(poster, (90, 60)).shape == (90, 60, 3)

    # A poster changes, one goes, one comes: the same follows.
    picture(99).save(posters / "tt0000002.jpg", quality=90)
    picture(98).save(posters / "tt0000099.jpg", quality=90)
    upload(posters, f"{ARCHIVE}/posters")
    local = posterity.build(posters, tmp_path / "films", table, encoders=ENCODERS)
    report = posterity.build(f"{ARCHIVE}/posters", address, table, encoders=ENCODERS)
    assert (report.added, report.updated) == (local.added, local.updated) == (1, 1)
    _same(here, there)


@pytest.mark.long
def test_real_posters_in_a_store(server: Moto, tmp_path: Path) -> None:
    files = sorted(real_data("posters").iterdir())[:60]
    for file in files:
        target = tmp_path / "some" / file.name
        target.parent.mkdir(exist_ok=True)
        target.symlink_to(file)
    upload(tmp_path / "some", f"{ARCHIVE}/real/posters")
    posterity.build(tmp_path / "some", tmp_path / "films", encoders=["poster", "colour"])
    posterity.build(f"{ARCHIVE}/real/posters", f"{ARCHIVE}/real/films", encoders=["poster", "colour"])
    _same(posterity.open(tmp_path / "films"), posterity.open(f"{ARCHIVE}/real/films"))


def test_a_catalogue_inside_its_source_is_passed_over(server: Moto, make_posters: Callable[..., Path]) -> None:
    upload(make_posters(6), f"{ARCHIVE}/both")
    for added in (6, 0):
        report = posterity.build(f"{ARCHIVE}/both", f"{ARCHIVE}/both/films", encoders=["colour"])
        assert (report.seen, report.added) == (6, added)


def test_who_may_write_is_told_by_writing(server: Moto, monkeypatch: pytest.MonkeyPatch) -> None:
    place = place_of(f"{ARCHIVE}/probed")
    assert isinstance(place, Remote)
    assert may_write(place)
    assert list(listed(place)) == []  # nothing is left of it
    assert not may_write(Remote("no-such-bucket", "films"))


def test_what_is_not_there_is_said(server: Moto, make_posters: Callable[..., Path]) -> None:
    with pytest.raises(CatalogueError, match="does not exist"):
        posterity.open(f"{ARCHIVE}/none")
    obstore.put(place_of(f"{ARCHIVE}/other/a.txt").objects, "other/a.txt", b"x")  # type: ignore[union-attr]
    with pytest.raises(CatalogueError, match="holds other files"):
        posterity.create(f"{ARCHIVE}/other")
    with pytest.raises(CatalogueError, match=r"bucket|reached"):
        posterity.open("s3://no-such-bucket/films")


def test_an_index_is_kept_in_the_store_and_found_from_elsewhere(
    server: Moto, make_posters: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("faiss")
    address = f"{ARCHIVE}/indexed"
    posterity.build(make_posters(40), address, encoders=["colour"])
    monkeypatch.setenv("POSTERITY_INDEX", "approximate")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "one machine"))
    films = posterity.open(address)
    found = films.similar("tt0000001", encoder="colour")
    made = films.store.artefact("index_colour")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another"))
    assert posterity.open(address).similar("tt0000001", encoder="colour") == found
    assert (films.store.artefact("index_colour")) == made
    files = {path.name for path in (tmp_path / "another").rglob("*") if path.is_file()}
    assert files == {"colour.faiss", "colour.npz"}


def test_what_a_table_names_is_downloaded_into_the_store(server: Moto, tmp_path: Path) -> None:
    import http.server

    (tmp_path / "site").mkdir()
    rows = ["Poster,imdbId,Title,Genre"]
    handler = lambda *a: http.server.SimpleHTTPRequestHandler(*a, directory=str(tmp_path / "site"))  # noqa: E731
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as site:  # type: ignore[arg-type]
        threading.Thread(target=site.serve_forever, daemon=True).start()
        for i in range(5):
            picture(i).save(tmp_path / "site" / f"{i}.jpg")
            rows.append(f"http://127.0.0.1:{site.server_port}/{i}.jpg,{i + 1},Film {i},Drama")
        (tmp_path / "films.csv").write_text("\n".join(rows) + "\n")
        address = f"{ARCHIVE}/downloaded"
        for added in (5, 0):
            from posterity.sources.terms import Terms, Web

            terms = Terms(kind="imdb", web=Web(allow_private=True))
            report = posterity.build(tmp_path / "films.csv", address, terms=terms, encoders=["colour"])
            assert (report.added, report.dropped) == (added, 0), report
        site.shutdown()
    films = posterity.open(address)
    assert {poster.source for poster in films.posters()} == {f"{address}/downloads/imdb"}
    assert films.doctor().well


# --- one writer at a time ------------------------------------------------------------------------------------------


def _lease(name: str) -> Remote:
    place = place_of(f"{ARCHIVE}/{name}")
    assert isinstance(place, Remote)
    return place


def test_a_lease_is_held_by_one_at_a_time(server: Moto, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTERITY_S3_LEASE", "60")
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        with leased(_lease("held")) as lease:
            assert lease is not None
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.2)
            lease.check()
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert most == [1, 1, 1, 1]


def test_a_lease_outlasts_its_patience_while_it_is_renewed(server: Moto, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTERITY_S3_LEASE", "3")
    with leased(_lease("renewed")) as lease:
        assert lease is not None
        taken = threading.Event()

        def other() -> None:
            with leased(_lease("renewed")):
                taken.set()

        thread = threading.Thread(target=other)
        thread.start()
        wait_for(lambda: lease._beats >= 8)  # of six in the time that the other has patience for
        lease.check()
        assert not taken.is_set()
    thread.join(PATIENCE)
    assert taken.is_set()


def test_the_lease_of_a_holder_that_is_gone_is_taken_over_and_the_old_holder_stops(
    server: Moto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTERITY_S3_LEASE", "3")
    place = _lease("gone")
    with leased(place) as lease:
        assert lease is not None
        lease._over.set()  # as if the process had been stopped, and its clock with it
        began = time.monotonic()
        with leased(place) as next_:
            assert next_ is not None
            assert time.monotonic() - began >= 3
            next_.check()
            with pytest.raises(StorageError, match="may no longer write"):
                lease.check()
        lease._lost = "seen above"


def test_a_writer_that_lost_its_lease_commits_nothing_more(
    server: Moto, make_posters: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTERITY_S3_LEASE", "3")
    films = posterity.create(f"{ARCHIVE}/lost")
    with films.store.writing():
        films.store.add_run("before", "{}")
        place = _lease("lost") / NAME
        obstore.put(place.objects, place.key, json.dumps({"holder": "someone else", "beats": 0}).encode())
        held = films.store._lease
        assert held is not None
        wait_for(lambda: held._lost)
        with pytest.raises(StorageError, match="another process has taken over"):
            films.store.add_run("after", "{}")
    assert [run["source"] for run in films.store.runs()] == ["before"]
    # What the other one holds is not ended by the one that lost it.
    assert b"someone else" in bytes(obstore.get(place.objects, place.key).bytes())


def test_a_store_that_ignores_conditions_is_refused_unless_allowed(
    tmp_path: Path, make_posters: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Rclone(tmp_path / "served")
    try:
        for name, value in server.variables.items():
            monkeypatch.setenv(name, value)
        posters = make_posters(6)
        monkeypatch.delenv("POSTERITY_S3_CONDITIONAL_WRITES")
        with pytest.raises(StorageError, match="ignores conditional writes"):
            posterity.build(posters, f"{ARCHIVE}/films", encoders=["colour"])
        monkeypatch.setenv("POSTERITY_S3_CONDITIONAL_WRITES", "off")
        assert posterity.build(posters, f"{ARCHIVE}/films", encoders=["colour"]).added == 6
        digest = hashlib.sha256((posters / "tt0000001.jpg").read_bytes()).hexdigest()
        assert posterity.open(f"{ARCHIVE}/films").posters("id = 'tt0000001'")[0].sha256 == digest
    finally:
        server.close()
