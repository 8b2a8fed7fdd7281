"""Media libraries, folders, names and pictures that were read wrongly: the cases' files, and their essentials."""

from __future__ import annotations

import io
import os
import re
import shutil
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import picture
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import posterity
from posterity.catalogue.schema import Film
from posterity.errors import ImageError
from posterity.images import Limits, examine
from posterity.ingest import builder
from posterity.ingest.inspection import FLAGS, REASONS
from posterity.runtime.filenames import escape
from posterity.sources import folder
from posterity.sources.folder import File, Skipped, walk
from posterity.sources.library import looks_like_library, read_library
from posterity.sources.library.names import parse_name
from posterity.sources.library.nfo import Nfo, parse_nfo
from posterity.sources.listing import Entry
from posterity.sources.metadata import film_of_file
from posterity.sources.release_names import title_and_year

DAMAGED = "damaged_metadata"


def case(name: str) -> Path:
    """Give the folder of a case, or skip the test and say why."""
    root = Path(os.environ.get("POSTERITY_DATA", Path(__file__).parents[2] / ".." / "shared")).resolve() / "cases"
    found = sorted(root.glob(f"{name}*"))
    if not found:
        pytest.skip(f"the cases are not here: no {root}/{name}*; set POSTERITY_DATA to the folder that holds cases/")
    return found[0]


def encoded(format_: str, image: Image.Image | None = None, **options: object) -> bytes:
    out = io.BytesIO()
    (image or picture(1, (120, 180))).save(out, format_, **options)
    return out.getvalue()


def exif(orientation: int | None = 6, *entries: bytes) -> bytes:
    """Write an EXIF block of an orientation and of further entries, as they are."""
    stated = [] if orientation is None else [struct.pack("<HHLHH", 0x0112, 3, 1, orientation, 0)]
    every = [*stated, *entries]
    return b"Exif\0\0II*\0" + struct.pack("<LH", 8, len(every)) + b"".join(every) + bytes(4)


def chunk(kind: bytes, data: bytes, crc: int | None = None) -> bytes:
    right = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", right if crc is None else crc)


def png_with(*chunks: bytes, data: bytes | None = None) -> bytes:
    """Put chunks behind the header of a PNG."""
    data = encoded("PNG") if data is None else data
    return data[:33] + b"".join(chunks) + data[33:]


def jpeg_with(*segments: tuple[int, bytes], jfif: bool = True) -> bytes:
    """Put segments at the start of a JPEG, in place of its JFIF heading or before it."""
    data = encoded("JPEG")
    parts = (struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body for marker, body in segments)
    return data[:2] + b"".join(parts) + data[2 if jfif else 20 :]


def codes(data: bytes) -> list[str]:
    return [code for code, _ in examine(data).flags]


# --- 14: pixels decide whether a picture is kept ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "size"),
    [("b-", (120, 180)), ("d-", (120, 180)), ("e-", (120, 180)), ("f-", (120, 180)), ("g-", (180, 120))],
)
@pytest.mark.parametrize("at_least", [None, (60, 40)])
def test_case_14_good_pixels_with_bad_metadata(start: str, size: tuple[int, int], at_least: tuple[int, int]) -> None:
    (file,) = case("14").glob(f"{start}*")
    found = examine(file.read_bytes(), at_least)
    assert (found.width, found.height) == size
    assert [code for code, _ in found.flags] == [DAMAGED]


FAR = struct.pack("<HHLL", 0x010F, 2, 500, 9000)  # a text that lies outside the block
NOWHERE = struct.pack("<HHLL", 0x011A, 10, 1, 4)  # a fraction, read from the directory's own bytes
ZERO = struct.pack("<HHLL", 0x011A, 5, 1, 38)

BAD_PNG = {
    "too much text": chunk(b"zTXt", b"a\0\0" + zlib.compress(b"x" * 1_200_000)),
    "text of a wrong sum": chunk(b"tEXt", b"a\0b", 7),
    "too large a profile": chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(2_000_000))),
    "a profile packed in no known way": chunk(b"iCCP", b"x\0\x01junk"),
    "no EXIF": chunk(b"eXIf", b"garbage!"),
    "EXIF of a wrong sum": chunk(b"eXIf", exif()[6:], 7),
    "half a gamma": chunk(b"gAMA", b"x"),
    "half a resolution": chunk(b"pHYs", b"x"),
    "half an animation": chunk(b"acTL", b"junk"),
    "a frame out of turn": chunk(b"fcTL", b"j" * 30),
    "EXIF in hexadecimal that is none": chunk(b"tEXt", b"Raw profile type exif\0\nexif\n4\nzz\n"),
}


@pytest.mark.parametrize("what", sorted(BAD_PNG))
def test_a_png_is_kept_whatever_its_metadata(what: str) -> None:
    good, found = examine(encoded("PNG")), examine(png_with(BAD_PNG[what]))
    assert [code for code, _ in found.flags] == [DAMAGED]
    assert (found.pixels == good.pixels).all()


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_exif_is_read_as_far_as_it_can_be(format_: str) -> None:
    upright = examine(encoded(format_, picture(1, (120, 180)).transpose(Image.Transpose.ROTATE_270)))
    for wrong in (FAR, ZERO, struct.pack("<HHLL", 0x010F, 99, 1, 0)):
        found = examine(encoded(format_, exif=exif(6, wrong) + bytes(20)))
        assert [code for code, _ in found.flags] == [DAMAGED]
        assert (found.width, found.height, *found.pixels.shape[:2]) == (180, 120, 120, 180)
        assert np.abs(found.pixels.astype(int) - upright.pixels).mean() < 6
    assert codes(encoded(format_, exif=b"Exif\0\0garbage!")) == [DAMAGED]
    assert codes(encoded(format_, exif=exif(6)[:-12])) == [DAMAGED]  # ends within an entry


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
@pytest.mark.parametrize("orientation", range(9))
def test_every_orientation_is_honoured(format_: str, orientation: int) -> None:
    mark = Image.Exif()
    mark[0x0112] = orientation
    stored = picture(1, (120, 180))
    turns = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # of Image.Transpose
    expected = stored.transpose(Image.Transpose(turns[orientation])) if orientation in turns else stored
    data = encoded(format_, stored, exif=mark)
    for at_least in (None, (50, 50)):
        found = examine(data, at_least)
        assert ((found.width, found.height), found.flags) == (expected.size, ())
        shown = np.asarray(Image.fromarray(found.pixels).resize((40, 40))).astype(int)
        assert np.abs(shown - np.asarray(expected.resize((40, 40)))).mean() < 8


def test_orientation_survives_other_damage() -> None:
    for data, flags in (
        (png_with(chunk(b"eXIf", exif()[6:]), chunk(b"tEXt", b"a\0b", 7)), [DAMAGED]),
        (jpeg_with((0xE0, b"JFIF\0\1"), (0xE1, exif()), jfif=False), []),  # a heading that is too short
        (jpeg_with((0xE1, exif()))[:-2], [DAMAGED]),
    ):
        found = examine(data)
        assert (found.width, found.height, [code for code, _ in found.flags]) == (180, 120, flags)


def test_avif_with_exif_that_is_none_is_kept_and_turned() -> None:
    mark = Image.Exif()
    mark[0x0112], mark[0x010F] = 6, "a maker"
    data = encoded("AVIF", exif=mark)
    at = data.index(b"MM\0*")
    found = examine(data[:at] + b"garb" + data[at + 4 :])
    assert (found.width, found.height, [code for code, _ in found.flags]) == (180, 120, [DAMAGED])


def test_webp_cut_off_within_its_metadata_is_kept_and_within_its_pixels_is_not() -> None:
    data = encoded("WEBP", exif=exif(1))
    at = data.index(b"EXIF")
    assert codes(data[: at + 12]) == [DAMAGED]
    assert codes(data[: at + 4] + b"\xff\xff\xff\x7f" + data[at + 8 :]) == [DAMAGED]
    with pytest.raises(ImageError):
        examine(data[: at - 30])


KINDS: dict[str, tuple[str, dict[str, object]]] = {
    "plain": ("RGB", {}),
    "grey": ("L", {}),
    "four colours": ("CMYK", {}),
    "progressive": ("RGB", {"progressive": True}),
    "progressive grey": ("L", {"progressive": True}),
}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_jpeg_that_lacks_its_end_mark_alone_is_kept(kind: str) -> None:
    mode, options = KINDS[kind]
    data = encoded("JPEG", picture(1, (120, 180)).convert(mode), **options)
    for lacking in (1, 2):
        found = examine(data[:-lacking])
        assert [code for code, _ in found.flags] == [DAMAGED]
        assert (found.pixels == examine(data).pixels).all()
    for lacking in (3, 4, 5, 20, 200):
        with pytest.raises(ImageError) as caught:
            examine(data[:-lacking])
        assert caught.value.reason == "truncated"


def test_a_progressive_jpeg_that_ends_between_two_scans_is_truncated() -> None:
    data = encoded("JPEG", progressive=True)
    scans = [found.start() for found in re.finditer(rb"\xff\xda", data)]
    tables = [found.start() for found in re.finditer(rb"\xff\xc4", data) if found.start() > scans[0]]
    assert len(tables) >= 5
    for end in tables:
        with pytest.raises(ImageError, match="truncated"):
            examine(data[:end])


def test_junk_that_no_decoder_minds_is_no_fault() -> None:
    for data in (
        encoded("JPEG") + b"more" * 50,
        encoded("JPEG", icc_profile=b"junk" * 50),
        encoded("WEBP", icc_profile=b"junk" * 50),
        jpeg_with((0xEE, b"Adobe\0"), (0xED, b"Photoshop 3.0\x008BIM"), (0xFE, b"\xff\xfe")),
        encoded("PNG") + b"more",
    ):
        assert codes(data) == []


def test_what_pixels_need_is_never_left_out() -> None:
    palette = encoded("PNG", picture(1, (120, 180)).convert("P"))
    for data in (
        palette.replace(b"PLTE", b"pLTE"),  # a palette under a damaged name
        png_with(chunk(b"tRNS", b"x")),
        png_with(data=encoded("PNG")[:-200]),
    ):
        with pytest.raises(ImageError) as caught:
            examine(data)
        assert caught.value.reason in REASONS


def test_caps_hold_without_metadata_too(monkeypatch: pytest.MonkeyPatch) -> None:
    png, jpeg = png_with(BAD_PNG["half a gamma"]), encoded("JPEG")[:-2]
    monkeypatch.setattr(Image.Image, "load", lambda _: pytest.fail("decoded"))
    for data in (png, jpeg):
        with pytest.raises(ImageError, match="21,600 pixels, over the limit of 1,000"):
            examine(data, limits=Limits(max_pixels=1000))


def test_the_flag_is_declared() -> None:
    assert DAMAGED in FLAGS


# --- 13: what an NFO states is taken for what it is -------------------------------------------------------------------

NFOS = {
    "A Radarr (2016)": Film(imdb_id="tt5462326", tmdb_id=409109, title="A"),
    "B Moviedb (2013)": Film(imdb_id="tt0816711", title="B"),
    "C Allocine (2013)": Film(title="C"),
    "D UrlOnly (2019)": Film(imdb_id="tt10083340"),
    "E UrlAfter (2002)": Film(imdb_id="tt0145487", title="E", collection="Spider Trilogy"),
    "F Entities (2001)": Film(title="Amélie × Café & Tom & Jerry", year=2001, genres=("Comédie",)),
    "G Unknown (1995)": Film(imdb_id="tt0113277", title="G"),
    "H BareId (1995)": Film(imdb_id="tt0113277"),
    "I Locale (1995)": Film(imdb_id="tt0113277"),
    "J Cp1252 (1993)": Film(title="Schindler’s List – Director’s Cut…"),
    "K TwoRoots (1995)": Film(imdb_id="tt0000011", title="K one"),
    "L Junk (1995)": Film(imdb_id="tt0113277", title="L"),
    "M DateDmy": Film(title="M", year=1995, release_date="1995-12-15"),
    "N Runtime (1995)": Film(title="N", runtime=142.0),
    "O DefaultTwice (1995)": Film(tmdb_id=949, title="O"),
    "P Utf16 (1995)": Film(title="Ünïcode", year=1995),
    "Q Sets (1979)": Film(title="Q", genres=("Sci-Fi", "Horror"), collection="Alien Collection"),
}
SAID = {"K TwoRoots (1995)": ("describes several films; the first is taken",)}


@pytest.mark.parametrize("name", sorted(NFOS))
def test_case_13_nfos(name: str) -> None:
    file = case("13") / "lib" / name / f"{name}.nfo"
    assert parse_nfo(file.read_bytes()) == Nfo(NFOS[name], SAID.get(name, ()))


def test_case_13_is_read_as_a_library(tmp_path: Path) -> None:
    library = tmp_path / "lib"
    shutil.copytree(case("13") / "lib", library)
    for name in NFOS:
        (library / name / "poster.jpg").write_bytes(encoded("JPEG"))
    found = {item.item.partition("/")[0]: item.film for item in read_library(library) if isinstance(item, Entry)}
    assert {name: (film.imdb_id, film.tmdb_id) for name, film in found.items()} == {
        name: (film.imdb_id, film.tmdb_id) for name, film in NFOS.items()
    }
    assert {name: film.year for name, film in found.items()} == {
        name: film.year or (int(name[-5:-1]) if name.endswith(")") else None) for name, film in NFOS.items()
    }


STATED: list[tuple[str, dict[str, object]]] = [
    # Ids of other sites, however they are marked, are nobody's here.
    ("<id moviedb='tmdb'>949</id>", {"tmdb_id": 949}),
    ("<id moviedb='TheMovieDB'>949</id>", {"tmdb_id": 949}),
    ("<id provider='kinopoisk'>949</id>", {}),
    ("<id IMDB='tt0113277' TMDB='949'>77</id>", {"imdb_id": "tt0113277", "tmdb_id": 949}),
    ("<id tvdb='77'>949</id>", {}),
    ("<id>949</id><uniqueid type='tvdb'>77</uniqueid>", {}),
    ("<uniqueid type='tvdb' default='true'>77</uniqueid><tmdbid>949</tmdbid>", {"tmdb_id": 949}),
    ("<uniqueid type='tmdbSet'>8091</uniqueid>", {}),
    ("<uniqueid>949</uniqueid>", {}),
    ("<uniqueid Type='IMDB'> tt0113277\n</uniqueid>", {"imdb_id": "tt0113277"}),
    ("<uniqueid type='tmdb'>tt0113277</uniqueid>", {"imdb_id": "tt0113277"}),
    # The first that can be read is taken; "unknown" in many spellings is no fault.
    ("<uniqueid type='imdb'>N/A</uniqueid><imdb_id>-</imdb_id><imdbid>tt0113277</imdbid>", {"imdb_id": "tt0113277"}),
    ("<tmdbid>0</tmdbid><uniqueid type='tmdb'>949</uniqueid>", {"tmdb_id": 949}),
    # Dates, durations, sets, text.
    ("<premiered>1995/12/15</premiered>", {"release_date": "1995-12-15", "year": 1995}),
    ("<premiered>12/15/1995</premiered>", {"release_date": "1995-12-15", "year": 1995}),
    ("<premiered>3.4.1995</premiered>", {"release_date": "1995-04-03", "year": 1995}),
    ("<runtime>2時間22分</runtime>", {"runtime": 142.0}),
    ("<runtime>142 мин.</runtime>", {"runtime": 142.0}),
    ("<runtime>PT2H22M</runtime>", {"runtime": 142.0}),
    ("<runtime>02:22:00</runtime>", {"runtime": 142.0}),
    ("<runtime>2 Std. 22 Min.</runtime>", {"runtime": 142.0}),
    ("<sets><set order='1'>Saga</set></sets>", {"collection": "Saga"}),
    ("<genre>Com&amp;eacute;die / Drame</genre>", {"genres": ("Comédie", "Drame")}),
    ("<genre>R&B</genre><set>&nosuch; &hellip;</set>", {"genres": ("R&B",), "collection": "&nosuch; …"}),
]


@pytest.mark.parametrize(("inside", "known"), STATED)
def test_nfos_state_what_they_mean(inside: str, known: dict[str, object]) -> None:
    told = parse_nfo(f"<movie><title>A</title>{inside}</movie>".encode())
    assert told == Nfo(replace(Film(title="A"), **known))


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        ("<premiered>03/04/1995</premiered>", "release date: '03/04/1995'"),  # which is the month?
        ("<runtime>8520 s</runtime>", "runtime: '8520 s'"),
        ("<imdbid>soon</imdbid>", "IMDb id: 'soon'"),
    ],
)
def test_what_may_mean_several_things_is_left_unknown_and_said(inside: str, said: str) -> None:
    told = parse_nfo(f"<movie><title>A</title>{inside}</movie>".encode())
    assert (told.film, told.faults) == (Film(title="A"), (f"{said} left as unknown",))


@pytest.mark.parametrize(
    ("written", "imdb", "tmdb"),
    [
        ("tt0113277", "tt0113277", None),
        ("\ufefftt0113277\r\n", "tt0113277", None),
        ("https://m.imdb.com/pt-br/title/tt0113277/", "tt0113277", None),
        ("http://us.imdb.com/Title?0113277", "tt0113277", None),
        ("https://www.themoviedb.org/movie/949-heat?language=de-DE", None, 949),
        ("https://imdb.com/title/tt0113277 https://www.imdb.com/de/title/tt0113277/", "tt0113277", None),
        ("https://imdb.com/title/tt0113277 https://imdb.com/title/tt0106145", None, None),  # whose?
        ("https://imdb.com/name/nm0000199", None, None),
        ("tt0113277 tt0106145", None, None),
    ],
)
def test_addresses_and_ids_that_stand_for_an_nfo(written: str, imdb: str | None, tmdb: int | None) -> None:
    told = parse_nfo(written.encode())
    assert (told.film.imdb_id, told.film.tmdb_id) == (imdb, tmdb)
    assert bool(told.faults) == (not imdb and not tmdb)


def test_windows_1252_is_read_where_latin_1_is_declared() -> None:
    for declared in ("", '<?xml version="1.0" encoding="iso-8859-1"?>'):
        data = f"{declared}<movie><title>Schindler\x92s List \x96 Caf\xe9\x81</title></movie>".encode("latin-1")
        assert parse_nfo(data).film.title == "Schindler’s List – Café"


# --- 09: what systems and programs leave among the files is no poster -------------------------------------------------

LEFTOVERS = (
    "@eaDir/Heat (1995).jpg/SYNOPHOTO_THUMB_XL.jpg",
    "#recycle/Ran (1985).jpg",
    "$RECYCLE.BIN/$R1.jpg",
    "lost+found/1.jpg",
    ".@__thumb/default1.jpg",
    ".stversions/Heat~1.jpg",
    "._Heat (1995).jpg",
)
SAID_ONCE = (
    "7 files and folders of systems and programs were skipped: "
    "1 #recycle, 1 $RECYCLE.BIN, 1 .@__thumb, 1 ._*, 1 .stversions, 1 @eaDir, 1 lost+found"
)


def shelf(root: Path, *leftovers: str, inside: str = "") -> Path:
    """Write two posters, and leftovers, each a picture of its own."""
    for seed, name in enumerate(("Heat (1995).jpg", "Ran (1985).jpg", *(f"{inside}{name}" for name in leftovers))):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        picture(seed).save(file, "JPEG")
    return root


@pytest.mark.parametrize("inside", ["", "drama/1990s/"])
def test_case_09_two_posters_and_the_rest_is_said_once(tmp_path: Path, inside: str) -> None:
    shelf(tmp_path / "posters", *LEFTOVERS, inside=inside)
    report = posterity.build(tmp_path / "posters", tmp_path / "films", encoders=["pixels"])
    assert (report.added, report.dropped_by) == (2, {"leftover": 1})
    catalogue = posterity.open(tmp_path / "films")
    (finding,) = catalogue.store.findings(report.source)
    assert (finding.item, finding.reason, finding.detail) == (f"{inside}#recycle", "leftover", SAID_ONCE)
    assert posterity.build(tmp_path / "posters", tmp_path / "films", encoders=["pixels"]).unchanged == 2


EVERY = [
    *("@eaDir/", "@EADIR/", "@SynoResource/", "@tmp/", "#recycle/", "#snapshot/", "@Recycle/", "@Recently-Snapshot/"),
    *(".@__thumb/", ".AppleDouble/", "Network Trash Folder/", "$RECYCLE.BIN/", "RECYCLER/", "__MACOSX/", ".Trashes/"),
    *("System Volume Information/", ".Spotlight-V100/", ".fseventsd/", "lost+found/", ".Trash-1000/", ".thumbnails/"),
    *(".snapshots/", ".zfs/", ".stversions/", ".sync/", ".dropbox.cache/", ".picasaoriginals/", "found.000/"),
    *("._Heat.jpg", "Thumbs.db", "thumbs.DB", "ehthumbs.db", "desktop.ini", ".DS_Store", ".directory", "Icon\r"),
    *("SYNOPHOTO_THUMB_XL.jpg", "AlbumArtSmall.jpg", "AlbumArt_{0A-1}_Large.jpg"),
]


def test_the_names_of_leftovers_at_any_depth(tmp_path: Path) -> None:
    shelf(tmp_path, *(f"{name}a/1.jpg" if name.endswith("/") else name for name in EVERY), inside="a/b/")
    found = list(walk(tmp_path))
    assert [item.path for item in found if isinstance(item, File)] == ["Heat (1995).jpg", "Ran (1985).jpg"]
    (said,) = (item for item in found if isinstance(item, Skipped))
    assert said.reason == "leftover"
    assert said.detail.startswith(f"{len(EVERY)} files and folders of systems and programs were skipped: ")


def test_titles_that_sound_like_leftovers_are_posters(tmp_path: Path) -> None:
    names = ("Recycled (2007)/Lost and Found (1999).jpg", "Thumbs (2001).jpg", "Trash (1970).jpg", "Icon.jpg")
    shelf(tmp_path, *names)
    assert {item.path for item in walk(tmp_path) if isinstance(item, File)} == {
        "Heat (1995).jpg", "Ran (1985).jpg", *names,
    }  # fmt: skip


def test_a_library_passes_over_leftovers_too(tmp_path: Path) -> None:
    film = tmp_path / "Heat (1995)"
    shelf(film, "poster.jpg", *LEFTOVERS)
    for name in (
        "Heat (1995).mkv",
        "._Heat (1995).mkv",
        "@eaDir/Heat (1995).mkv",
        "#recycle/Ran (1985)/Ran (1985).mkv",
    ):
        (film / name).parent.mkdir(parents=True, exist_ok=True)
        (film / name).write_bytes(b"v")
    found = list(read_library(tmp_path))
    assert [item.image for item in found if isinstance(item, Entry)] == ["Heat (1995)/Heat (1995).jpg"]
    said = [item.detail for item in found if isinstance(item, Skipped) and item.reason == "leftover"]
    assert len(said) == 1
    assert said[0].startswith("8 files and folders")
    shutil.rmtree(film)
    shelf(tmp_path / "posters", "._clip.mkv", "@eaDir/movie.nfo")
    assert not looks_like_library(tmp_path)


def test_leftovers_that_were_taken_for_posters_once_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf(tmp_path / "posters", *LEFTOVERS)
    with monkeypatch.context() as before:
        for module in (folder, builder):
            name = "is_leftover" if module is folder else "lies_in_leftovers"
            before.setattr(module, name, lambda *_: False)
        earlier = posterity.build(tmp_path / "posters", tmp_path / "films", encoders=["pixels"])
    assert earlier.added == 7  # two of the folders were hidden before, too
    posterity.build(tmp_path / "posters", tmp_path / "films", encoders=["pixels"])
    kept = {poster.path for poster in posterity.open(tmp_path / "films").posters()}
    assert kept == {"Heat (1995).jpg", "Ran (1985).jpg"}


# --- 20: names --------------------------------------------------------------------------------------------------------

NAMES: list[tuple[str, str | None, int | None]] = [
    # (name, title, year)
    ("Heat.1080p.BluRay.x264-GRP", "Heat", None),
    ("Heat.German.DL.720p.BluRay.x264-GRP", "Heat", None),
    ("2002.Die.Another.Day.1920x804.BDRip.x264.DTS-HD.MA", "Die Another Day", 2002),
    ("1993 - Jurassic Park", "Jurassic Park", 1993),
    ("1997- The Lost World- Jurassic Park", "The Lost World: Jurassic Park", 1997),
    ("Akira.1988.[GRP].1080p", "Akira", 1988),
    ("Alien.Directors.Cut.1979.Remastered.1080p", "Alien", 1979),
    # plain names
    ("Heat (1995)", "Heat", 1995),
    ("Heat (1995) - 4K HDR", "Heat", 1995),
    ("Heat [1995]", "Heat", 1995),
    ("(1995) Heat", "Heat", 1995),
    ("Heat (1995 film)", "Heat", 1995),
    ("Heat", "Heat", None),
    ("Heat - Director's Cut (1995)", "Heat", 1995),
    ("The_Third_Man (1949)", "The Third Man", 1949),
    ("Star Wars- Episode IV - A New Hope (1977)", "Star Wars: Episode IV - A New Hope", 1977),
    ("1993 - Jurassic Park (1993)", "Jurassic Park", 1993),
    ("100% Wolf (2020)", "100% Wolf", 2020),
    ("Mission Impossible - Fallout (2018)", "Mission Impossible - Fallout", 2018),
    # scenes' names
    ("Heat.1995.1080p.BluRay.x264-GRP", "Heat", 1995),
    ("Heat 1995 1080p BluRay x264", "Heat", 1995),
    ("Heat_1995_German_DL_720p", "Heat", 1995),
    ("Heat.1995", "Heat", 1995),
    ("Heat.1995.German", "Heat", 1995),
    ("Heat.1080p.1995.BluRay", "Heat", 1995),
    ("Heat.[GRP].1080p", "Heat", None),
    ("Heat.EXTENDED.1995.720p.WEB-DL.DD5.1.H.264", "Heat", 1995),
    ("[GRP] Akira (1988) [1080p]", "Akira", 1988),
    ("www.site.org - Heat.1995.1080p", "Heat", 1995),
    ("Das.Boot.1981.Directors.Cut.German.DL.1080p.BluRay.AVC", "Das Boot", 1981),
    ("Avatar.3D.HSBS.2009.1080p", "Avatar", 2009),
    ("Dune.Part.Two.2024.IMAX.2160p.WEB-DL", "Dune Part Two", 2024),
    ("Blade.Runner.2049.2017.2160p.UHD.BluRay.x265.10bit.HDR.TrueHD.7.1.Atmos-GRP", "Blade Runner 2049", 2017),
    ("Lord of the Rings The Two Towers Extended Edition 2002 1080p", "Lord of the Rings The Two Towers", 2002),
    ("A.I.Artificial.Intelligence.2001.1080p", "A.I. Artificial Intelligence", 2001),
    ("S.W.A.T.2003.720p", "S.W.A.T.", 2003),
    ("Ran.1985.JAPANESE.REMASTERED.1080p.BluRay.H264.AAC-GRP", "Ran", 1985),
    ("Amelie.2001.FRENCH.DVDRip.XviD", "Amelie", 2001),
    ("The.Matrix.MULTi.VFF.2160p.HDR.x265", "The Matrix", None),
    ("Ponyo.1280x720.HEVC.FLAC", "Ponyo", None),
    # titles that are, or hold, numbers and years
    ("1917 (2019)", "1917", 2019),
    ("1917.2019.1080p", "1917", 2019),
    ("1917.1080p.BluRay.x264", "1917", None),
    ("2012 (2009)", "2012", 2009),
    ("2012.2009.720p.BluRay", "2012", 2009),
    ("2012", "2012", None),
    ("1984", "1984", None),
    ("2001 A Space Odyssey (1968)", "2001 A Space Odyssey", 1968),
    ("2001.A.Space.Odyssey.1968.2160p.UHD", "2001 A Space Odyssey", 1968),
    ("2001.A.Space.Odyssey.1080p.BluRay", "2001 A Space Odyssey", None),
    ("2001 A Space Odyssey", "2001 A Space Odyssey", None),
    ("Blade Runner 2049 (2017)", "Blade Runner 2049", 2017),
    ("Blade.Runner.2049.1080p", "Blade Runner 2049", None),
    ("300.2006.1080p.BluRay.x264", "300", 2006),
    ("10.Things.I.Hate.About.You.1999", "10 Things I Hate About You", 1999),
    ("Se7en", "Se7en", None),
    ("Se7en.1995.Remastered.1080p", "Se7en", 1995),
    ("(500) Days of Summer (2009)", "(500) Days of Summer", 2009),
    ("Death Race 2000", "Death Race 2000", None),
    ("Death.Race.2000.1975.1080p", "Death Race 2000", 1975),
    ("Wonder.Woman.1984.2020.1080p", "Wonder Woman 1984", 2020),
    ("12.Angry.Men.1957.1080p.BluRay.x264-GRP", "12 Angry Men", 1957),
    ("Apollo.13.1995.1080p", "Apollo 13", 1995),
    ("1408.2007.1080p", "1408", 2007),
    ("[REC] (2007)", "[REC]", 2007),
    ("[REC] 2 (2009)", "[REC] 2", 2009),
    ("S.W.A.T. (2003)", "S.W.A.T.", 2003),
    # titles that hold a tag's word
    ("Uncut.Gems.2019.1080p.NF.WEB-DL", "Uncut Gems", 2019),
    ("Uncut Gems", "Uncut Gems", None),
    ("The.Good.German.2006.1080p", "The Good German", 2006),
    ("The French Dispatch (2021)", "The French Dispatch", 2021),
    ("Charlottes.Web.2006.1080p", "Charlottes Web", 2006),
    ("Charlotte's Web", "Charlotte's Web", None),
    ("The.Final.Cut.2004.1080p", "The Final Cut", 2004),
    ("Cam.2018.1080p.WEB-DL", "Cam", 2018),
    ("The Italian Job", "The Italian Job", None),
    ("Proper Manners (2011)", "Proper Manners", 2011),
    ("Step Up 3D (2010)", "Step Up 3D", 2010),
    ("X-Men.2000.1080p", "X-Men", 2000),
    ("8 Bit Christmas (2021)", "8 Bit Christmas", 2021),
    ("DD.Returns.2023.1080p", "DD Returns", 2023),
    ("100%.Wolf.2020.1080p", "100% Wolf", 2020),
    ("South.Park.Bigger.Longer.and.Uncut.1999.1080p", "South Park Bigger Longer and Uncut", 1999),
    ("South Park Bigger Longer & Uncut (1999)", "South Park Bigger Longer & Uncut", 1999),
    ("South.Park.Bigger.Longer.and.Uncut.720p.BluRay", "South Park Bigger Longer and Uncut", None),
    ("The.Italian.720p.BluRay", "The Italian", None),
    ("On Blu-ray (2003)", "On Blu-ray", 2003),
    # nothing to tell
    ("tt0113277", None, None),
    ("", None, None),
    ("1080p", "1080p", None),
    ("2005.1080p", "2005", None),
    ("IMG_1234", "IMG 1234", None),
    ("Screenshot-2020-01-05", "Screenshot-2020-01-05", None),
    ("949", "949", None),
]


@pytest.mark.parametrize(("name", "title", "year"), NAMES)
def test_case_20_names(name: str, title: str | None, year: int | None) -> None:
    assert title_and_year(name) == (title, year)
    film = parse_name(name).film
    assert (film.title, film.year) == (title, year)
    if name:
        film = film_of_file(f"a/{escape(name)}.jpg")
        assert (film.title, film.year) == (title, year)


def test_a_poster_is_named_by_its_folder_where_its_own_name_says_nothing() -> None:
    film = film_of_file("Alien.Directors.Cut.1979.1080p {tmdb-348}/poster.jpg")
    assert (film.title, film.year, film.tmdb_id) == ("Alien", 1979, 348)


WORDS = ["1080p", "1984", "2049", "German", "(2001)", "[GRP]", "A", "BluRay", " ", "-", "Heat", "(", "[", "\n", "www"]


@given(st.text(max_size=60) | st.lists(st.sampled_from(WORDS), max_size=9).map(".".join))
def test_any_name_gives_a_title_that_can_be_shown(name: str) -> None:
    title, year = title_and_year(name)
    assert title is None or len(title.splitlines()) == 1
    assert year is None or 1800 <= year <= 2099
    assert title is not None or year is None
