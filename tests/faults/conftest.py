"""A few hundred posters, good and bad, and what an undisturbed build makes of them."""

from __future__ import annotations

import shutil

import pytest

import posterity
from faults.support import Undisturbed, age, check_all_vectors, content, draw


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A settings file in the working or home folder must not decide a test."""
    monkeypatch.setenv("HOME", str(tmp_path_factory.getbasetemp()))
    monkeypatch.chdir(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """Some 340 files: good, corrupt, equal and nearly equal ones."""
    place = tmp_path_factory.mktemp("undisturbed")
    source = place / "source"
    for number in range(4):
        (source / f"shelf {number}").mkdir(parents=True)
    for number in range(310):
        name = f"tt{number + 1:07d}.jpg" if number % 3 else f"Film {number} (19{number % 90 + 10}).jpg"
        draw(source / f"shelf {number % 4}" / name, number, quality=85)
    good = sorted(source.rglob("*.jpg"))
    for number, twin in enumerate(good[5:300:30]):
        shutil.copy2(twin, source / f"shelf {number % 4}" / f"twin {number}.jpg")
        for quality in (60, 90):
            draw(source / f"shelf {number % 4}" / f"near {number} at {quality}.jpg", 7_000 + number, quality=quality)
    for number in range(4):
        bad = source / "shelf 1" / f"bad {number}.jpg"
        bad.write_bytes([b"", b"no picture at all", good[3].read_bytes()[:300], b"\xff\xd8\xff" + b"\0" * 500][number])
        age(bad)
    catalogue = place / "catalogue"
    report = posterity.build(source, catalogue)
    assert report.dropped_by["duplicate"] == 10
    assert report.flagged_by["near_duplicate"] >= 10
    assert report.dropped == 14
    check_all_vectors(catalogue)
    return Undisturbed(source, catalogue, content(catalogue))
