"""Reading a media library of 20,000 films, with the page cache dropped where that is allowed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from benchmarks.harness import peak_mb, seconds, tell
from posterity.sources.library import looks_like_library, read_library
from posterity.sources.listing import Entry

FILMS = 20_000
LIMIT_S = 60.0


def nfo(number: int) -> str:
    """Write an NFO of the size that programs write: a plot, twenty actors, the streams of the video."""
    actors = "".join(
        f"  <actor>\n    <name>Person {number + i}</name>\n    <role>Role {i}</role>\n    <order>{i}</order>\n"
        f"    <thumb>https://image.example/{number}/{i}.jpg</thumb>\n  </actor>\n"
        for i in range(20)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<movie>\n'
        f"  <title>Film {number}</title>\n  <originaltitle>Film {number}</originaltitle>\n"
        f"  <year>{year(number)}</year>\n"
        f'  <ratings>\n    <rating name="themoviedb" max="10" default="true">\n'
        f"      <value>{number % 90 / 10 + 1}</value>\n"
        f"      <votes>{number}</votes>\n    </rating>\n  </ratings>\n  <plot>{'It goes on. ' * 60}</plot>\n"
        f'  <runtime>{80 + number % 60}</runtime>\n  <uniqueid type="tmdb" default="true">{number + 1}</uniqueid>\n'
        f'  <uniqueid type="imdb">tt{number + 1:07d}</uniqueid>\n  <genre>Drama</genre>\n  <genre>Comedy</genre>\n'
        f"{actors}  <fileinfo><streamdetails><video><codec>h264</codec></video></streamdetails></fileinfo>\n</movie>\n"
    )


def year(number: int) -> int:
    """Give a film's year."""
    return 1920 + number % 100


def write(root: Path) -> None:
    """Write the library; every third film's folder.jpg is its poster.jpg over again."""
    for number in range(FILMS):
        name = f"Film {number} ({year(number)}) [tmdbid-{number + 1}]"
        folder = root / name
        (folder / "extras").mkdir(parents=True)
        poster = b"\xff\xd8\xff" + number.to_bytes(4, "big") * 8
        (folder / f"{name}.mkv").write_bytes(b"")
        (folder / f"{name}.nfo").write_text(nfo(number), encoding="utf-8")
        (folder / "poster.jpg").write_bytes(poster)
        (folder / "folder.jpg").write_bytes(poster if number % 3 == 0 else poster[::-1])
        (folder / "fanart.jpg").write_bytes(poster + b"fanart")
        (folder / "extras" / "interview.mkv").write_bytes(b"")
        (folder / "extras" / "poster.jpg").write_bytes(poster)


def drop_page_cache() -> bool:
    """Forget what was read from the disk; only root may."""
    os.sync()
    try:
        Path("/proc/sys/vm/drop_caches").write_text("3\n")
    except OSError:
        return False
    return True


def read(root: Path) -> None:
    """Read it, holding nothing, and see that every film is there."""
    entries = sum(isinstance(found, Entry) and found.film.runtime is not None for found in read_library(root))
    if entries != FILMS:
        raise SystemExit(f"{entries} of {FILMS} films found")


with tempfile.TemporaryDirectory() as scratch:
    root = Path(scratch)
    write(root)
    before = peak_mb()
    cold = "cold" if drop_page_cache() else "cache not dropped (not root)"
    took = seconds(lambda: read(root))
    tell(f"library, {FILMS:,} films, {cold}", took, "s", "limit", LIMIT_S, goal="< 60", met=took < LIMIT_S)
    tell(f"library, films a second, {cold}", FILMS / took, "films/s")
    again = seconds(lambda: read(root))
    tell("library, again, warm", again, "s", "cold", took, ratio=again / took)
    tell("library, peak memory", peak_mb(), "MB", "before reading", before)
    tell("library, guessing", seconds(lambda: looks_like_library(root)) * 1000, "ms")
