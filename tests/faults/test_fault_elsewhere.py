"""Names that were read from somewhere never lead out of the folder that they belong below; and keys stay at home."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urljoin

import pytest
from faulty_server import Faults, Server
from filelock import FileLock

import posterity
from posterity.catalogue import Store
from posterity.cli import run
from posterity.errors import ArgumentError, PosterityError, SourceError, StorageError
from posterity.runtime.filenames import below, exchange
from posterity.settings import setting
from posterity.sources.downloads import Job, download
from posterity.sources.politeness import Politeness
from posterity.sources.tmdb_api import read_tmdb
from posterity.web import site
from posterity.web.guard import Guard
from posterity.web.site import export_site


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("elsewhere")
    made = posterity.write_sample(folder / "sample", 17, seed=3)
    posterity.build(made.posters, folder / "films", made.metadata, encoders=["colour"])
    return folder / "films"


@pytest.fixture
def films(sample: Path, tmp_path: Path) -> Path:
    shutil.copytree(sample, tmp_path / "work" / "films")
    return tmp_path / "work" / "films"


@pytest.mark.parametrize("name", ["../x", "/abs/x", "a/../../x", "", ".", "..", "a\\..\\..\\x", "c:x", "a\0b"])
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(StorageError, match="is not inside"):
        below(tmp_path / "root", name)


def test_a_link_that_leads_out_is_refused(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link").symlink_to(tmp_path)
    with pytest.raises(StorageError):
        below(tmp_path / "root", "link", "x.jpg")
    assert below(tmp_path / "root", "a", "b.jpg") == tmp_path / "root" / "a" / "b.jpg"


@pytest.mark.parametrize("part", ["../../x", "/abs/x", "..", "a/b", ""])
def test_parts_of_an_imported_split_have_plain_names(films: Path, tmp_path: Path, part: str) -> None:
    ids = [poster.id for poster in Store.open(films).posters()]
    table = tmp_path / "split.csv"
    rows = [f"{identity},{part if n < 2 else 'train'}" for n, identity in enumerate(ids)]
    table.write_text("\n".join(["id,part", *rows]))
    with pytest.raises(SourceError, match="line 2: invalid part name"):
        posterity.open(films).learn.import_split("mine", table)


def test_a_tampered_content_hash_does_not_make_an_export_write_elsewhere(films: Path, tmp_path: Path) -> None:
    store = Store.open(films)
    poster = store.posters()[0]
    evil = "../../../../evil" + poster.sha256[16:]
    thumbnail = store.thumbnails([poster.sha256])[poster.sha256]
    store.put_posters([replace(poster, sha256=evil)], {evil: thumbnail})
    before = everything(tmp_path)
    with pytest.raises(PosterityError):
        export_site(posterity.open(films), tmp_path / "site")
    new = {path for path in everything(tmp_path) if path not in before and not path.startswith("work/films")}
    assert not new


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(Faults()) as running:
        yield running


@pytest.mark.parametrize("outside", ["../mine.jpg", "{}/mine.jpg"])
def test_a_tampered_journal_does_not_make_a_refresh_delete_elsewhere(
    server: Server, tmp_path: Path, outside: str
) -> None:
    polite = Politeness(rate=0, retries=0, named_hosts=frozenset({"127.0.0.1"}))
    job = Job("1", f"http://127.0.0.1:{server.port}/ok/1.jpg", "1")
    folder = tmp_path / "downloads"
    assert download([job], folder, polite).outcomes["1"].status == "ok"
    mine = tmp_path / "mine.jpg"
    mine.write_bytes(b"mine")
    with sqlite3.connect(folder / "journal.sqlite") as journal:
        journal.execute("UPDATE downloads SET path = ?, bytes = 4", [outside.format(tmp_path)])
    journal.close()
    assert download([job], folder, polite).outcomes["1"].path == "1.jpg"
    assert download([job], folder, polite, refresh=True).outcomes["1"].path == "1.jpg"
    assert mine.read_bytes() == b"mine"


def test_what_lies_beside_an_export_is_left_alone(films: Path, tmp_path: Path) -> None:
    for name in (".site.new", ".site.old", ".site.mine.new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "kept.txt").write_text("mine")
    left = tmp_path / ".site.killed.new"  # what a killed export leaves bears our mark
    left.mkdir()
    (left / site.MARK).write_text("{}")
    for _ in range(2):
        export_site(posterity.open(films), tmp_path / "site", neighbours=2)
    kept = sorted(path.parent.name for path in tmp_path.glob(".site.*/kept.txt"))
    assert kept == [".site.mine.new", ".site.new", ".site.old"]
    assert not left.exists()
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.endswith(".new")) == [
        ".site.mine.new",
        ".site.new",
    ]


def test_a_second_export_to_the_same_place_is_refused(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with site._alone(tmp_path / "site"), pytest.raises(StorageError, match="another export"):
        export_site(posterity.open(films), tmp_path / "site")
    with FileLock(tmp_path / "unrelated.lock"):
        assert export_site(posterity.open(films), tmp_path / "site", neighbours=0).posters == 17


@pytest.mark.skipif(os.name != "posix", reason="Windows cannot swap two folders")
def test_a_page_is_replaced_in_one_step(films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill at any moment leaves the old page or the new: there is no moment at which there is none."""
    export_site(posterity.open(films), tmp_path / "site", neighbours=0)
    seen: list[bool] = []

    def watched(one: Path, other: Path) -> bool:
        seen.append((one / "index.html").is_file() and (other / "index.html").is_file())
        swapped = exchange(one, other)
        seen.append((one / "index.html").is_file() and (other / "index.html").is_file())
        return swapped

    def no_rename(self: Path, target: Path) -> Path:
        raise AssertionError(f"{self} was moved to {target}")

    monkeypatch.setattr(site, "exchange", watched)
    monkeypatch.setattr(Path, "rename", no_rename)
    export_site(posterity.open(films), tmp_path / "site", neighbours=0)
    assert seen == [True, True]


@pytest.mark.parametrize("name", ["tmdb_api", "impawards_site", "s3_endpoint", "address"])
def test_a_settings_file_of_the_working_folder_cannot_say_where_things_are_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "posterity.toml").write_text(f'k = 7\n{name} = "http://other.example"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(f"POSTERITY_{name.upper()}", raising=False)
    with pytest.raises(ArgumentError, match=f"sets {name}"):
        setting("k")
    monkeypatch.setenv("POSTERITY_SETTINGS", str(tmp_path / "posterity.toml"))  # the user's own word
    assert (setting("k"), setting(name)) == (7, "http://other.example")


@pytest.mark.parametrize(
    "base", ["http://api.themoviedb.org/3", "https://api.themoviedb.org.evil.example/3", "http://10.0.0.1/"]
)
def test_the_key_goes_to_tmdb_over_tls_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, base: str) -> None:
    monkeypatch.setenv("TMDB_API_KEY", "secret")
    with pytest.raises(ArgumentError, match="would be sent your key"):
        list(read_tmdb("popular", Politeness(), base=base, cache=tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", ["//other.example/", "/\\\\other.example/", "///other.example/x", "/films"])
def test_a_token_in_the_address_does_not_lead_to_another_site(path: str) -> None:
    """What is redirected to, once the token has become a cookie, is a place on this server."""
    sent: list[dict[str, object]] = []

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    async def nothing(*_: object) -> None:
        raise AssertionError("the request went through without a redirect")

    scope = {
        "type": "http", "method": "GET", "path": path, "query_string": b"token=a%26b", "headers": [(b"host", b"h")],
    }  # fmt: skip
    asyncio.run(Guard(nothing, hosts=(), token="a&b")(scope, nothing, send))  # type: ignore[arg-type]
    headers = dict(sent[0]["headers"])  # type: ignore[call-overload]
    target = urljoin("https://here.example/any/page", headers[b"location"].decode())
    assert target.startswith("https://here.example/")


def test_a_token_is_quoted_in_the_address_that_is_printed(
    films: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def ready_at_once(cat: object, *, token: str, ready: Callable[[str, str], None], **_: object) -> None:
        ready("http://127.0.0.1:1/", token)

    monkeypatch.setattr("posterity.web.serving.serve", ready_at_once)
    assert run(["serve", str(films), "--token", "a&b #c"]) == 0
    assert "http://127.0.0.1:1/?token=a%26b+%23c" in capsys.readouterr().out
