"""Media libraries: one tree for each convention, every name, any NFO; and nothing in them is changed."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from conftest import real_data
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from posterity.catalogue.schema import Film
from posterity.errors import SourceError
from posterity.runtime.filenames import escape, locate, unescape
from posterity.sources.library import looks_like_library, read_library
from posterity.sources.library.names import Named, fold, parse_name, part_of
from posterity.sources.library.nfo import MAX_BYTES, Nfo, parse_nfo
from posterity.sources.library.pictures import is_never
from posterity.sources.listing import Entry, Skipped

Tree = dict[str, str | bytes]


def write(root: Path, tree: Tree) -> Path:
    """Write files by path; a path that ends in a slash is a folder."""
    for path, content in tree.items():
        file = root / path
        if path.endswith("/"):
            file.mkdir(parents=True)
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def read(root: Path, tree: Tree) -> tuple[list[Entry], dict[str, str]]:
    """Write a library and read it: its entries, and why each other item was passed over."""
    found = list(read_library(write(root, tree)))
    skipped = [item for item in found if isinstance(item, Skipped)]
    assert len({item.path for item in skipped}) == len(skipped), "an item is reported twice"
    entries = [item for item in found if isinstance(item, Entry)]
    assert len({entry.item for entry in entries} | {item.path for item in skipped}) == len(found), "an item twice"
    for entry in entries:
        assert entry.image is not None
        assert Path(locate(escape(str(root)), entry.image)).is_file()
    return entries, {item.path: item.reason for item in skipped}


def images(entries: list[Entry]) -> list[str | None]:
    return [entry.image for entry in entries]


NAMES = [
    ("Film (2018) [tmdbid-65567]", Named("Film", 2018, None, 65567)),
    ("Film (1994) [imdbid-tt0106145]", Named("Film", 1994, "tt0106145")),
    ("Film (2018) [tmdbid=65567]", Named("Film", 2018, None, 65567)),
    ("Dune Part Two (2024) {tmdb-693134}", Named("Dune Part Two", 2024, None, 693134)),
    ("Heat (1995) {imdb-tt0113277}", Named("Heat", 1995, "tt0113277")),
    ("Heat (1995) {tmdb-949} {imdb-tt0113277} [1080p]", Named("Heat", 1995, "tt0113277", 949)),
    ("Blade Runner (1982) {edition-Final Cut}", Named("Blade Runner", 1982, edition="Final Cut")),
    ("Heat {tmdb-949}", Named("Heat", None, None, 949)),
    ("Heat.1995.1080p.BluRay.x264-GRP", Named("Heat", 1995)),
    ("Heat 1995 1080p BluRay x264", Named("Heat", 1995)),
    ("Heat_1995_German_DL_720p", Named("Heat", 1995)),
    ("Heat.1995", Named("Heat", 1995)),
    ("Heat (1995) - 4K HDR", Named("Heat", 1995)),
    ("Heat [1080p] (1995)", Named("Heat", 1995)),
    ("2001.A.Space.Odyssey.1968.2160p.UHD", Named("2001 A Space Odyssey", 1968)),
    ("Blade.Runner.2049.2017.1080p", Named("Blade Runner 2049", 2017)),
    ("Blade.Runner.2049.1080p", Named("Blade Runner 2049", None)),
    ("Death Race 2000", Named("Death Race 2000", None)),
    ("1917 (2019)", Named("1917", 2019)),
    ("(500) Days of Summer (2009)", Named("(500) Days of Summer", 2009)),
    ("S.W.A.T. (2003)", Named("S.W.A.T.", 2003)),
    ("2012", Named("2012", None)),
    ("[REC] (2007)", Named("[REC]", 2007)),
    ("Film {tmdb-0} [imdbid-tt0000000]", Named("Film", None)),
    ("Film {tmdb-99999999999999999999}", Named("Film", None)),
    ("Film (2018) {tvdb-77}", Named("Film", 2018)),
    ("tt0113277", Named(None, None, "tt0113277")),
    ("movie", Named()),
    ("", Named()),
    ("Amélie (2001)", Named("Amélie", 2001)),
]


@pytest.mark.parametrize(("name", "named"), NAMES)
def test_names_are_read(name: str, named: Named) -> None:
    assert parse_name(name) == named


@given(st.binary(max_size=80))
@example(b"\xff (2018)\n{tmdb-5}")
def test_any_name_is_read_and_gives_titles_that_can_be_stored(name: bytes) -> None:
    named = parse_name(os.fsdecode(name))
    for written in (named.title, named.edition):
        if written is not None:
            written.encode("utf-8")
            assert written
            assert len(written.splitlines()) == 1


def test_parts_are_told_from_titles() -> None:
    assert part_of("Heat (1995)-cd1") == ("Heat (1995)", "1")
    assert part_of("Heat (1995) - Part B") == ("Heat (1995)", "b")
    assert part_of("Dune Part 2 (2024)") is None


KODI = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<movie>
  <title>Sunset Row</title><originaltitle>Avenue du soir</originaltitle><year>1974</year>
  <premiered>1974-05-03</premiered><genre>Crime</genre><genre>Drama / Thriller</genre>
  <ratings>
    <rating name="imdb" max="10" default="true"><value>8.1</value><votes>9,001</votes></rating>
    <rating name="themoviedb" max="100"><value>73.5</value><votes>1,234</votes></rating>
  </ratings>
  <runtime>131</runtime><set><name>Row Collection</name><overview>Two of them.</overview></set>
  <uniqueid type="tmdb" default="true">4321</uniqueid><uniqueid type="imdb">tt0071234</uniqueid>
  <uniqueid type="tvdb">5</uniqueid><thumb>https://www.imdb.com/title/tt9999999/</thumb>
  <actor><name>Someone</name><title>not this</title><tmdbid>77</tmdbid></actor>
  <fileinfo><streamdetails><video><runtime>1</runtime></video></streamdetails></fileinfo>
</movie>"""
SUNSET = Film(
    imdb_id="tt0071234",
    tmdb_id=4321,
    title="Sunset Row",
    year=1974,
    genres=("Crime", "Drama", "Thriller"),
    vote_average=7.35,
    vote_count=1234,
    runtime=131.0,
    release_date="1974-05-03",
    collection="Row Collection",
)


def test_an_nfo_tells_all_it_holds() -> None:
    assert parse_nfo(KODI.encode()) == Nfo(SUNSET)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_an_nfo_is_read_in_any_encoding(encoding: str) -> None:
    assert parse_nfo(KODI.encode(encoding)) == Nfo(SUNSET)
    assert parse_nfo("<movie><title>Amélie</title></movie>".encode(encoding)).film.title == "Amélie"


@pytest.mark.parametrize("declared", ["ISO-8859-1", "windows-1252", "no-such", "UTF-8", "punycode", "hex"])
def test_latin_1_is_read_whatever_the_nfo_declares(declared: str) -> None:
    told = parse_nfo(
        f'<?xml version="1.0" encoding="{declared}"?><movie><title>Amélie</title></movie>'.encode("latin-1")
    )
    assert told == Nfo(Film(title="Amélie"))


NFOS = [
    ("https://www.imdb.com/title/tt0113277/", Film(imdb_id="tt0113277")),
    ("https://www.themoviedb.org/movie/603-the-matrix\r\n", Film(tmdb_id=603)),
    ("some text http://imdb.com/de/title/tt0113277 end", Film(imdb_id="tt0113277")),
    ("<movie><title>A</title></movie>\nhttps://www.themoviedb.org/movie/603", Film(title="A", tmdb_id=603)),
    ("\n\n  <?xml version='1.0'?>\n<movie><title>A</title></movie>", Film(title="A")),
    ("<movie><title>Tom & Jerry</title><year>1992</year></movie>", Film(title="Tom & Jerry", year=1992)),
    ("<movie><title>Tom &amp; &lt;Jerry&gt;</title></movie>", Film(title="Tom & <Jerry>")),
    ("<movie><title><![CDATA[Tom & Jerry]]></title></movie>", Film(title="Tom & Jerry")),
    ("<movie xmlns='urn:x'><Title> A\n B </Title></movie>", Film(title="A B")),
    ("<movie><originaltitle>A</originaltitle></movie>", Film(title="A")),
    ("<movie><title>A</title><id>tt0113277</id></movie>", Film(title="A", imdb_id="tt0113277")),
    ("<movie><title>A</title><id>603</id></movie>", Film(title="A", tmdb_id=603)),
    ("<movie><id>5</id><uniqueid type='tvdb'>5</uniqueid><title>A</title></movie>", Film(title="A")),
    ("<movie><imdbid>tt0113277</imdbid><tmdbid>949</tmdbid></movie>", Film(imdb_id="tt0113277", tmdb_id=949)),
    ("<movie><title>A</title><genre>Action, Crime|Drama;War</genre></movie>",
     Film(title="A", genres=("Action", "Crime", "Drama", "War"))),
    ("<movie><title>A</title><set>Saga</set><rating>7,5</rating><votes>1 204</votes></movie>",
     Film(title="A", collection="Saga", vote_average=7.5, vote_count=1204)),
    ("<movie><title>A</title><runtime>2h 16m</runtime><releasedate>1999-03-31T00:00:00</releasedate></movie>",
     Film(title="A", runtime=136.0, release_date="1999-03-31", year=1999)),
    ("<movie><title>A</title><year>0</year><rating>0</rating><runtime>0</runtime><set/><tmdbid/></movie>",
     Film(title="A")),
]  # fmt: skip


@pytest.mark.parametrize(("written", "film"), NFOS)
def test_nfos_as_they_are_found(written: str, film: Film) -> None:
    assert parse_nfo(written.encode()) == Nfo(film)


@pytest.mark.parametrize(
    ("written", "film", "said"),
    [
        ("<movie><title>A</title><year>1999</year>", Film(title="A", year=1999), "damaged"),
        ("<movie><title>A</title><year>19", Film(title="A"), "damaged"),
        ("<movie><title>A</title><year>soon</year></movie>", Film(title="A"), "year: 'soon'"),
        ("<movie><title>A</title><runtime>long</runtime></movie>", Film(title="A"), "runtime: 'long'"),
        ("<movie><title>A</title><tmdbid>-4</tmdbid></movie>", Film(title="A"), "TMDb id: '-4'"),
        ("<movie><title>A</title><rating>11</rating></movie>", Film(title="A"), "rating: '11'"),
        ("<movie><title>A</title><premiered>1999-13-31</premiered></movie>", Film(title="A"), "release date"),
        ("<movie></movie>", Film(), "describes no film"),
        ("<movie><title>A</title></movie><movie><title>B</title><year>1999</year></movie>", Film(title="A"), "several"),
        ("release notes of a group", Film(), "neither XML"),
        ("< < <", Film(), "neither XML"),
        ("<movie", Film(), "neither XML"),
        (" \n", Film(), "empty"),
        ("<movie>" + "x" * MAX_BYTES, Film(), "over the limit"),
    ],
)
def test_what_an_nfo_lacks_is_said(written: str, film: Film, said: str) -> None:
    told = parse_nfo(written.encode())
    assert told.film == film
    assert len(told.faults) == 1
    assert said in told.faults[0]


LAUGHS = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
BOMBS = [
    f'<?xml version="1.0"?><!DOCTYPE movie [<!ENTITY l0 "ha">{LAUGHS}]><movie><title>&l9;</title></movie>',
    f'<!DOCTYPE movie [<!ENTITY a "{"a" * 50_000}">]><movie><title>{"&a;" * 50_000}</title></movie>',
    '<!DOCTYPE movie [<!ENTITY a SYSTEM "file:///etc/passwd">]><movie><title>&a;</title></movie>',
    '<!DOCTYPE movie SYSTEM "http://127.0.0.1:9/x.dtd"><movie><title>A</title></movie>',
    '<!DOCTYPE movie [<!ENTITY % a SYSTEM "http://127.0.0.1:9/x"> %a;]><movie><title>A</title></movie>',
]


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entity_bombs_are_refused(bomb: str, encoding: str) -> None:
    told = parse_nfo(bomb.encode(encoding))
    assert told.film == Film()
    assert told.faults == ("refused: it declares a document type or entities",)


def test_nothing_is_fetched_for_an_nfo(tmp_path: Path) -> None:
    asked: list[str] = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Server) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            at = f"http://127.0.0.1:{server.server_port}/x"
            for document in (
                f'<!DOCTYPE movie SYSTEM "{at}.dtd"><movie/>',
                f'<!DOCTYPE movie [<!ENTITY a SYSTEM "{at}">]><movie><title>&a;</title></movie>',
                f'<movie xmlns:xi="http://www.w3.org/2001/XInclude"><title>A</title><xi:include href="{at}"/></movie>',
                f"{at} https://www.imdb.com/title/tt0113277/",
            ):
                parse_nfo(document.encode())
        finally:
            server.shutdown()
            serving.join()
    assert asked == []


PIECES = st.sampled_from(
    ["<movie>", "</movie>", "<title>", "</title>", "<year>", "</year>", "<set>", "<name>", "<ratings>",
     "<rating max='0'>", "<value>", "<uniqueid type='imdb'>", "<id>", "<runtime>", "<premiered>", "<genre>", "</",
     "<!--", "<![CDATA[", "]]>", "<?xml version='1.0' encoding='utf-16'?>", "&", "&amp;", "&#0;", "&#xD800;",
     "tt0113277", "1999", "1e999", "nan", "inf", "-1", "²", "٣", "9" * 30, "\x00", "\ufffe",
     "imdb.com/title/tt0113277", "themoviedb.org/movie/603", " ", "/", ">"]
)  # fmt: skip


@given(st.binary(max_size=200) | st.lists(PIECES, max_size=30).map(lambda parts: "".join(parts).encode("utf-8")))
@example(b"<a>" * 100_000)
@example(b"\xff\xfe<")
@example(b"<movie><runtime>\xd9\xa3</runtime><rating>1/0</rating></movie>")
def test_any_bytes_make_a_film_or_a_reason(data: bytes) -> None:
    told = parse_nfo(data)
    assert told.film != Film() or told.faults or told.other_kind
    for written in (told.film.title, told.film.collection, *told.film.genres, *told.faults):
        if written is not None:
            written.encode("utf-8")
            assert len(written.splitlines()) == 1


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.tuples(
            st.binary(min_size=1, max_size=12) | st.sampled_from([b"A (1999)", b"A (1999) - 4K", b"poster", b"movie"]),
            st.sampled_from(
                [b".mkv", b".nfo", b".jpg", b"-poster.jpg", b"-2.png", b".tbn", b"/x.mkv", b"/VIDEO_TS/a.vob"]
            ),
        ),
        max_size=8,
    ),
    st.binary(max_size=40),
)
def test_any_tree_is_read_to_its_end(tmp_path: Path, names: list[tuple[bytes, bytes]], content: bytes) -> None:
    root = tmp_path / "library"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    expected = []
    for start, end in names:
        plain = start.replace(b"/", b"_").replace(b"\0", b"_").lstrip(b".") or b"x"
        path = root / os.fsdecode(plain + end)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError:  # one of the others made a folder of that name
            continue
        if end in (b".mkv", b"/x.mkv"):
            expected.append(path)
    found = list(read_library(root))
    paths = [item.item if isinstance(item, Entry) else item.path for item in found]
    assert len(set(paths)) == len(paths)
    for item in found:
        for written in (*paths, item.film.title or "" if isinstance(item, Entry) else item.detail):
            written.encode("utf-8")
        if isinstance(item, Entry):
            assert Path(locate(escape(str(root)), item.image or "")).is_file()
    assert found or not expected


def test_jellyfin(tmp_path: Path) -> None:
    entries, skipped = read(
        tmp_path,
        {
            "Heat (1995) [tmdbid-949]/Heat (1995).mkv": "v",
            "Heat (1995) [tmdbid-949]/movie.nfo": "<movie><title>Heat</title><imdbid>tt0113277</imdbid></movie>",
            "Heat (1995) [tmdbid-949]/folder.jpg": "the poster",
            "Heat (1995) [tmdbid-949]/Poster.JPG": "the poster",
            "Heat (1995) [tmdbid-949]/backdrop.jpg": "b",
            "Heat (1995) [tmdbid-949]/backdrop2.jpg": "b",
            "Heat (1995) [tmdbid-949]/logo.png": "b",
            "Heat (1995) [tmdbid-949]/landscape.jpg": "b",
            "Heat (1995) [tmdbid-949]/trailers/Heat (1995).mkv": "v",
            "Heat (1995) [tmdbid-949]/trailers/poster.jpg": "b",
            "Heat (1995) [tmdbid-949]/behind the scenes/Making of (1996).mkv": "v",
            "Heat (1995) [tmdbid-949]/Heat (1995)-trailer.mp4": "v",
            "Heat (1995) [tmdbid-949]/Heat (1995)-trailer.jpg": "b",
            "Alien (1979)/Alien (1979).mkv": "v",
        },
    )
    film = Film(imdb_id="tt0113277", tmdb_id=949, title="Heat", year=1995)
    below = "Heat (1995) [tmdbid-949]"
    assert entries == [Entry(f"{below}/Heat (1995).mkv", film, f"{below}/Poster.JPG")]
    assert skipped == {f"{below}/folder.jpg": "duplicate", "Alien (1979)/Alien (1979).mkv": "no_poster"}


def test_plex(tmp_path: Path) -> None:
    below = "Blade Runner (1982) {tmdb-78}"
    entries, skipped = read(
        tmp_path,
        {
            f"{below}/Blade Runner (1982) {{edition-Final Cut}}.mkv": "v",
            f"{below}/Blade Runner (1982) {{edition-Final Cut}}.jpg": "final",
            f"{below}/Blade Runner (1982) {{edition-Theatrical}}.mkv": "v",
            f"{below}/Blade Runner (1982) {{edition-Theatrical}}.jpg": "theatrical",
            "Heat (1995)/Heat (1995) - 4K.mkv": "v",
            "Heat (1995)/Heat (1995) - 1080p {tmdb-949}.mkv": "v",
            "Heat (1995)/poster.jpg": "one",
            "Heat (1995)/poster-2.png": "two",
            "Heat (1995)/poster-3.png": "one",
            "Heat (1995)/cover.png": "three",
        },
    )
    assert [(entry.item, entry.film.tmdb_id, entry.image) for entry in entries] == [
        (f"{below}/{stem}.mkv", 78, f"{below}/{stem}.jpg")
        for stem in ("Blade Runner (1982) {edition-Final Cut}", "Blade Runner (1982) {edition-Theatrical}")
    ] + [
        ("Heat (1995)/Heat (1995) - 1080p {tmdb-949}.mkv", 949, "Heat (1995)/poster.jpg"),
        ("Heat (1995)/poster-2.png", 949, "Heat (1995)/poster-2.png"),
    ]
    assert {entry.film.title for entry in entries} == {"Blade Runner", "Heat"}
    assert skipped == {"Heat (1995)/poster-3.png": "duplicate", "Heat (1995)/cover.png": "superseded"}


def test_versions_share_what_one_of_them_tells_and_the_folders_poster(tmp_path: Path) -> None:
    entries, skipped = read(
        tmp_path,
        {
            "Heat (1995)/Heat (1995) - 4K.mkv": "v",
            "Heat (1995)/Heat (1995) - 4K.nfo": KODI,
            "Heat (1995)/Heat (1995) - 4K-poster.jpg": "own",
            "Heat (1995)/Heat (1995) - DVD.mkv": "v",
            "Heat (1995)/folder.jpg": "shared",
        },
    )
    assert images(entries) == ["Heat (1995)/Heat (1995) - 4K-poster.jpg", "Heat (1995)/folder.jpg"]
    assert {entry.film.imdb_id for entry in entries} == {"tt0071234"}
    assert skipped == {}


def test_kodi_and_a_flat_library(tmp_path: Path) -> None:
    entries, skipped = read(
        tmp_path,
        {
            "A (1999).mkv": "v",
            "A (1999).nfo": KODI,
            "A (1999)-poster.jpg": "a",
            "A (1999)-fanart.jpg": "f",
            "A (1999)-thumb.jpg": "f",
            "B (2000)-cd1.avi": "v",
            "B (2000)-cd2.avi": "v",
            "B (2000).tbn": "b",
            "C (2001).mkv": "v",
            "D (2002).nfo": "https://www.themoviedb.org/movie/44",
            "D (2002)-poster.png": "d",
            "E (2003)-poster.png": "e",
            "poster.jpg": "p",
            "scan.jpg": "p",
            ".actors/Someone.jpg": "p",
        },
    )
    assert [(entry.item, entry.image, entry.film.title, entry.film.year) for entry in entries] == [
        ("A (1999).mkv", "A (1999)-poster.jpg", "Sunset Row", 1974),
        ("B (2000)-cd1.avi", "B (2000).tbn", "B", 2000),
        ("D (2002).nfo", "D (2002)-poster.png", "D", 2002),
    ]
    assert entries[0].faults == ("year: 1974 is taken; the file's name says 1999",)
    assert entries[2].film.tmdb_id == 44
    assert skipped == {
        "C (2001).mkv": "no_poster",
        "E (2003)-poster.png": "ambiguous",
        "poster.jpg": "ambiguous",
        "scan.jpg": "ambiguous",
    }


def test_kometa(tmp_path: Path) -> None:
    entries, skipped = read(
        tmp_path,
        {
            "assets/Heat (1995)/poster.png": "a",
            "assets/Heat (1995)/background.png": "b",
            "assets/Alien (1979) {tmdb-348}.jpg": "c",
            "assets/Alien (1979) {tmdb-348}_background.jpg": "d",
            "assets/Show (2010).jpg": "e",
            "assets/Show (2010)_Season01.jpg": "f",
            "assets/Other Show (2011)/poster.jpg": "g",
            "assets/Other Show (2011)/Season01.jpg": "h",
            "assets/Bond/poster.jpg": "i",
        },
    )
    assert [(entry.image, entry.film.title, entry.film.year, entry.film.tmdb_id) for entry in entries] == [
        ("assets/Alien (1979) {tmdb-348}.jpg", "Alien", 1979, 348),
        ("assets/Heat (1995)/poster.png", "Heat", 1995, None),
    ]
    assert set(skipped.values()) == {"not_a_film"}
    assert len(skipped) == 3


def test_shows_collections_and_discs(tmp_path: Path) -> None:
    entries, skipped = read(
        tmp_path,
        {
            "Show/tvshow.nfo": "<tvshow/>",
            "Show/poster.jpg": "s",
            "Show/Season 1/Show S01E01.mkv": "v",
            "Second Show (2010)/Season 01/a.mkv": "v",
            "Second Show (2010)/Specials/b.mkv": "v",
            "Second Show (2010)/poster.jpg": "s",
            "Heat (1995)/Third S01E04.mkv": "v",
            "Alien Collection (1979)/poster.jpg": "c",
            "Alien Collection (1979)/Alien (1979)/Alien (1979).mkv": "v",
            "Alien Collection (1979)/Alien (1979)/poster.jpg": "d",
            "On Disc (2001)/VIDEO_TS/VTS_01_1.VOB": "v",
            "On Disc (2001)/poster.jpg": "e",
            "On Discs (2002)/CD1/a.avi": "v",
            "On Discs (2002)/CD2/a.avi": "v",
            "On Discs (2002)/folder.jpg": "f",
            "On Blu-ray (2003)/BDMV/STREAM/0.m2ts": "v",
            "On Blu-ray (2003)/movie.jpg": "g",
            "Shorts/Short (1950)/Short (1950).mkv": "v",
            "Shorts/Short (1950)/default.webp": "h",
        },
    )
    assert [(entry.item, entry.film.title) for entry in entries] == [
        ("Alien Collection (1979)/Alien (1979)/Alien (1979).mkv", "Alien"),
        ("On Blu-ray (2003)", "On Blu-ray"),
        ("On Disc (2001)", "On Disc"),
        ("On Discs (2002)", "On Discs"),
        ("Shorts/Short (1950)/Short (1950).mkv", "Short"),
    ]
    assert skipped == {
        "Show": "not_a_film",
        "Second Show (2010)": "not_a_film",
        "Heat (1995)": "not_a_film",
        "Alien Collection (1979)/poster.jpg": "not_a_film",
    }


PRECEDENCE = [
    f"{stem}.jpg"
    for stem in ("V", "V-poster", "V-folder", "V-cover", "V-default", "V-movie",
                 "poster", "folder", "cover", "default", "movie")
]  # fmt: skip


@pytest.mark.parametrize("best", range(len(PRECEDENCE)))
def test_of_several_posters_the_first_by_precedence_is_taken(tmp_path: Path, best: int) -> None:
    tree: Tree = {f"F (2018)/{name}": name for name in PRECEDENCE[best:]}
    entries, skipped = read(tmp_path, {"F (2018)/V.mkv": "v", **tree})
    assert images(entries) == [f"F (2018)/{PRECEDENCE[best]}"]
    assert skipped == {f"F (2018)/{name}": "superseded" for name in PRECEDENCE[best + 1 :]}


def test_an_empty_poster_gives_way_to_one_with_content(tmp_path: Path) -> None:
    entries, skipped = read(tmp_path, {"F (2018)/f.mkv": "", "F (2018)/poster.jpg": "", "F (2018)/folder.jpg": "x"})
    assert images(entries) == ["F (2018)/folder.jpg"]
    assert skipped == {"F (2018)/poster.jpg": "empty"}


@pytest.mark.parametrize(
    "name",
    ["fanart", "fanart2", "background", "backdrop3", "art", "banner", "logo", "clearlogo", "clearart", "thumb",
     "landscape", "disc", "discart", "keyart", "V-fanart", "V-Logo", "V_background", "extrafanart/poster",
     "extrathumbs/poster", ".actors/poster", "Extras/poster", "Trailers/V", "deleted scenes/poster",
     "Featurettes/poster", "interviews/poster", "scenes/poster", "shorts/poster", "samples/poster", "specials/poster",
     "other/poster"],
)  # fmt: skip
def test_what_is_never_a_poster_is_none_even_where_there_is_no_other(tmp_path: Path, name: str) -> None:
    entries, skipped = read(tmp_path, {"F (2018)/V.mkv": "v", f"F (2018)/{name}.jpg": "x"})
    assert entries == []
    assert skipped == {"F (2018)/V.mkv": "no_poster"}


def test_titles_that_contain_such_words_are_posters() -> None:
    for title in ("Heart (1999)", "The Art of War (2000)", "Thumbsucker (2005)"):
        assert not is_never(fold(title))


def test_the_nearer_name_wins_and_disagreement_is_noted(tmp_path: Path) -> None:
    entries, _ = read(
        tmp_path,
        {
            "Heat (1994) {tmdb-1} {imdb-tt0000001}/Heat (1995) {tmdb-2}.mkv": "v",
            "Heat (1994) {tmdb-1} {imdb-tt0000001}/poster.jpg": "p",
        },
    )
    assert entries[0].film == Film(tmdb_id=2, title="Heat", year=1995)  # the other film's IMDb id is not taken along
    assert entries[0].faults == (
        "TMDb id: 2 is taken; the folder's name says 1",
        "year: 1995 is taken; the folder's name says 1994",
    )


def test_a_folder_names_the_film_where_the_files_name_does_not(tmp_path: Path) -> None:
    entries, _ = read(
        tmp_path,
        {
            "Alien (1979)/a-x264.mkv": "v",
            "Alien (1979)/poster.jpg": "p",
            "Heat/heat-1080p.mkv": "v",
            "Heat/poster.jpg": "p",
            "Shelf/Solaris.mkv": "v",
            "Shelf/poster.jpg": "p",
        },
    )
    assert [(entry.film.title, entry.film.year) for entry in entries] == [
        ("Alien", 1979),
        ("Heat", None),
        ("Solaris", None),
    ]


def test_an_unreadable_nfo_does_not_lose_the_film(tmp_path: Path) -> None:
    tree: Tree = {"F (2018) {tmdb-7}/f.mkv": "v", "F (2018) {tmdb-7}/poster.jpg": "p"}
    entries, _ = read(tmp_path, {**tree, "F (2018) {tmdb-7}/movie.nfo": BOMBS[0]})
    assert entries[0].film == Film(tmdb_id=7, title="F", year=2018)
    assert entries[0].faults == ("movie.nfo refused: it declares a document type or entities",)


def test_nfos_alone_are_films_and_readmes_are_not(tmp_path: Path) -> None:
    entries, skipped = read(
        tmp_path,
        {
            "Heat/movie.nfo": "<movie><title>Heat</title><year>1995</year></movie>",
            "Heat/poster.jpg": "p",
            "Alien (1979)/anything.nfo": "https://www.imdb.com/title/tt0078748/",
            "notes/readme.nfo": "no film at all",
            "episode/x.nfo": "<episodedetails><title>x</title></episodedetails>",
        },
    )
    assert [(entry.item, entry.film.title) for entry in entries] == [("Heat", "Heat")]
    assert skipped == {"Alien (1979)": "no_poster", "notes/readme.nfo": "not_a_film", "episode/x.nfo": "not_a_film"}


def test_links_are_followed_without_loops_and_pipes_are_not_waited_for(tmp_path: Path) -> None:
    root = write(tmp_path / "library", {"F (2018)/f.mkv": "v", ".trash/g.mkv": "v"})
    (root / "F (2018)" / "poster.jpg").symlink_to(write(tmp_path / "else", {"p.jpg": "p"}) / "p.jpg")
    (root / "again").symlink_to(root / "F (2018)")
    (root / "loop").symlink_to(root)
    (root / "F (2018)" / "folder.jpg").symlink_to("nothing")
    os.mkfifo(root / "F (2018)" / "movie.nfo")
    found = list(read_library(root))
    assert images([item for item in found if isinstance(item, Entry)]) == ["F (2018)/poster.jpg"]
    assert {item.path: item.reason for item in found if isinstance(item, Skipped)} == {
        ".trash": "leftover",
        "F (2018)/folder.jpg": "vanished",
        "F (2018)/movie.nfo": "not_an_image",
        "again": "duplicate",
        "loop": "loop",
    }


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_reported_and_the_rest_is_read(tmp_path: Path) -> None:
    write(tmp_path, {"A (1999)/a.mkv": "v", "B (2000)/b.mkv": "v", "B (2000)/poster.jpg": "p"})
    (tmp_path / "A (1999)").chmod(0)
    try:
        found = list(read_library(tmp_path))
    finally:
        (tmp_path / "A (1999)").chmod(0o755)
    assert [(type(item), getattr(item, "reason", None)) for item in found] == [(Skipped, "unreadable"), (Entry, None)]


def test_a_folder_that_is_gone_by_the_time_it_is_read_is_reported(tmp_path: Path) -> None:
    write(tmp_path, {"A (1999)/a.mkv": "v", "B (2000)/b.mkv": "v", "C (2001)/c.mkv": "v"})
    reading = read_library(tmp_path)
    assert next(reading) == Skipped("A (1999)/a.mkv", "no_poster", "no picture is named as this film's poster")
    shutil.rmtree(tmp_path / "B (2000)")
    assert [(item.path, item.reason) for item in reading if isinstance(item, Skipped)] == [
        ("B (2000)", "vanished"),
        ("C (2001)/c.mkv", "no_poster"),
    ]


def test_a_library_that_is_none_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere", write(tmp_path, {"file": "x"}) / "file"):
        with pytest.raises(SourceError):
            next(read_library(path))
        assert not looks_like_library(path)


@pytest.mark.parametrize(
    ("tree", "guess"),
    [
        ({"F (2018)/f.mkv": "v"}, True),
        ({"a/b/movie.nfo": "x"}, True),
        ({"F (2018)/VIDEO_TS/": ""}, True),
        ({"assets/F (2018) {tmdb-1}/poster.jpg": "p"}, True),
        ({"F (2018).jpg": "p", "tt0113277.jpg": "p", "poster.jpg": "p"}, False),
        ({"horror/tt0113277.jpg": "p", "comedy/Heat (1995).jpg": "p"}, False),
        ({"clip.mp4": "v", **{f"tt{number:07d}.jpg": "p" for number in range(50)}}, False),
        ({".hidden/f.mkv": "v"}, False),
        ({}, False),
    ],
)
def test_a_library_is_told_from_a_folder_of_images(tmp_path: Path, tree: Tree, guess: bool) -> None:
    assert looks_like_library(write(tmp_path, tree)) is guess


def digest(root: Path) -> str:
    """Digest every path, content, mode and time of change below a folder."""
    found = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        status = path.stat()
        found.update(f"{path}\0{status.st_mode}\0{status.st_mtime_ns}\0".encode())
        found.update(path.read_bytes() if path.is_file() else b"")
    return found.hexdigest()


def test_a_library_of_real_posters_is_read_and_left_as_it_is(tmp_path: Path) -> None:
    posters = sorted(real_data("posters").glob("tt*.jpg"))[:40]
    for number, poster in enumerate(posters):
        folder = tmp_path / f"Film {number} ({1950 + number}) [imdbid-{poster.stem}]"
        write(folder, {"film.mkv": "v", "extras/poster.jpg": "x", "fanart.jpg": "x"})
        shutil.copy(poster, folder / "poster.jpg")
        shutil.copy(poster, folder / "folder.jpg")
        (folder / "poster.jpg").chmod(0o444)
        folder.chmod(0o555)
    before = digest(tmp_path)
    found = list(read_library(tmp_path))
    assert digest(tmp_path) == before
    for folder in tmp_path.iterdir():
        folder.chmod(0o755)  # so that it can be removed
    entries = [item for item in found if isinstance(item, Entry)]
    assert {entry.film.imdb_id for entry in entries} == {poster.stem for poster in posters}
    for entry in entries:
        content = Path(locate(escape(str(tmp_path)), entry.image or "")).read_bytes()
        assert content == (real_data("posters") / f"{entry.film.imdb_id}.jpg").read_bytes()
    assert [item.reason for item in found if isinstance(item, Skipped)] == ["duplicate"] * len(posters)


def test_names_that_are_no_text_are_read(tmp_path: Path) -> None:
    folder = os.fsdecode(b"Caf\xe9 100% (2018)\n{tmdb-5}")
    picture = os.fsdecode(b"f\xff.jpg")
    write(tmp_path, {f"{folder}/{picture[:2]}.mkv": "v", f"{folder}/{picture}": "p"})
    (entry,) = read_library(tmp_path)
    assert isinstance(entry, Entry)
    assert entry.film.tmdb_id == 5
    assert entry.film.title == "Caf\ufffd 100%"
    assert unescape(entry.image or "") == f"{folder}/{picture}"
