"""Splits: what belongs together stays together, labels are spread evenly, the past comes first, leaks are refused."""

from __future__ import annotations

import csv
import json
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import posterity
from posterity.errors import ArgumentError, CatalogueError, SourceError, StorageError, UnknownNameError
from posterity.learning.kinship import kinship
from posterity.learning.splits import PROTOCOLS, LeakError, check, load_split, make_split, when_of
from posterity.learning.splitting import by_time, folds, stratified
from posterity.learning.targets import class_targets, first_genre_targets, revenue_ratio, success_targets


@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.integers(20, 200))
def test_groups_stay_whole_and_labels_are_spread(seed: int, n_labels: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, max(2, n // 2), n)
    groups = np.unique(groups, return_inverse=True)[1]
    Y = (rng.random((n, n_labels)) < np.linspace(0.1, 0.5, n_labels)).astype(float)
    part = stratified(Y, groups, [0.8, 0.2], seed % 1000)
    for group in np.unique(groups):
        assert len(set(part[groups == group])) == 1
    # No label may be further from its share than its largest group makes inevitable, with some slack.
    for j in range(n_labels):
        largest = max(Y[groups == group, j].sum() for group in np.unique(groups))
        assert abs(Y[part == 1, j].sum() - 0.2 * Y[:, j].sum()) <= largest + 0.15 * Y[:, j].sum() + 2


def test_a_group_goes_only_where_it_may() -> None:
    groups = np.arange(40)
    allowed = np.ones((40, 2), bool)
    allowed[:30, 1] = False
    part = stratified(np.ones((40, 1)), groups, [0.8, 0.2], 0, allowed)
    assert (part[:30] == 0).all()
    assert (part == 1).sum() == 8
    with pytest.raises(ArgumentError, match="shares"):
        stratified(np.ones((4, 1)), np.arange(4), [1, 0])


def test_by_time_the_past_comes_first_and_a_group_goes_where_its_latest_goes() -> None:
    when = np.array([1990, 1991, 1992, 1993, 1994, 1995, 1996, 1997, 1998, 1999.0])
    groups = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 0])  # the first and the last belong together
    part = by_time(when, groups, [0.7, 0.3])
    assert part[9] == 1
    assert part[0] == -1, "what is of the past and has kin in the future takes no part"
    others = np.arange(1, 9)
    assert when[others][part[others] == 0].max() < when[others][part[others] == 1].min()


def test_folds_are_even_and_whole() -> None:
    groups = np.repeat(np.arange(30), 2)
    Y = np.repeat(np.eye(3)[np.arange(30) % 3], 2, axis=0)
    fold = folds(Y, groups, 5)
    assert [int((fold == k).sum()) for k in range(5)] == [12] * 5
    assert all(Y[fold == k].sum(0).tolist() == [4, 4, 4] for k in range(5))
    with pytest.raises(ArgumentError, match="folds"):
        folds(Y, groups, 31)


@pytest.mark.parametrize("name", sorted(set(PROTOCOLS) - {"seed-squares"}))
def test_every_protocol_keeps_kin_on_one_side(studio: posterity.Catalogue, name: str) -> None:
    split = studio.learn.split(name)
    again = load_split(studio.store, name)
    assert again.parts == split.parts
    assert again.targets == split.targets
    assert again.protocol == split.protocol
    check(studio.store, again)
    assert not set.intersection(*(set(ids) for ids in split.parts.values()))
    posters = {poster.id: poster for poster in studio.posters()}
    if split.protocol.by == "time":
        latest = max(when_of(posters[i]) for i in split.train)
        early = [i for i in split.test if when_of(posters[i]) < latest]
        assert not early, "nothing of the test part is older than what was learned from"
    else:
        sides = [{posters[i].film.collection for i in ids} - {None} for ids in split.parts.values()]
        assert sum(map(len, sides)) == len(set.union(*sides))
    share = len(split.test) / sum(map(len, split.parts.values())) if split.test else 0.2
    meant = split.protocol.shares.get("test", 0.2) / sum(split.protocol.shares.values())
    assert abs(share - meant) < 0.15


def test_the_same_seed_gives_the_same_split_and_another_another(studio: posterity.Catalogue) -> None:
    one, two, three = (studio.learn.split("s", "genres", seed=seed) for seed in (1, 1, 2))
    assert one.parts == two.parts
    assert one.fingerprint == two.fingerprint != three.fingerprint


def planted(films: posterity.Catalogue, folder: Path) -> list[str]:
    """Add a recompressed copy of a poster under another film's id, and give both ids."""
    from PIL import Image

    poster = films.posters()[5]
    image = Image.open(Path(poster.source) / poster.path)
    folder.mkdir()
    image.resize((image.width * 3 // 4, image.height * 3 // 4)).save(folder / "tt7654321.jpg", quality=70)
    table = folder / "table.csv"
    table.write_text("file,imdb_id,title,year,genres\ntt7654321.jpg,tt7654321,Another film,2001,Drama|Thriller\n")
    films.build(folder, table)
    return [poster.id, "tt7654321"]


def test_the_same_artwork_on_both_sides_is_refused(tmp_path: Path) -> None:
    """A planted leak: another film's poster that is a smaller copy of one in the other part."""
    made = posterity.write_sample(tmp_path / "demo", 60)
    posterity.build(made.posters, tmp_path / "films", made.metadata, encoders=["poster"])
    films = posterity.open(tmp_path / "films")
    a, b = planted(films, tmp_path / "more")
    protocol = replace(PROTOCOLS["genres"], enough=5)
    split = films.learn.split("good", protocol)
    side = {identity: part for part, ids in split.parts.items() for identity in ids}
    assert side[a] == side[b], "a split that is made here keeps them together"
    rows = [("id", "part")] + [(i, "test" if i == b else "train" if i == a else part) for i, part in side.items()]
    path = tmp_path / "mine.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    with pytest.raises(LeakError, match="the same artwork is in two parts") as refused:
        films.learn.import_split("mine", path, protocol)
    assert a in str(refused.value)
    assert b in str(refused.value)
    # One that was written past the check is refused when it is used.
    parts = {"train": tuple(i for i in side if i != b), "test": (b,)}
    artefact = films.store.artefact("split_good")
    assert artefact is not None
    films.store.put_split(artefact, parts, split.targets.labels)
    with pytest.raises(LeakError, match="artwork"):
        films.learn.genres("good")
    with pytest.raises(LeakError, match="artwork"):
        films.learn.export_split("good", tmp_path / "out")


def test_a_split_of_ones_own_is_read_or_refused(studio: posterity.Catalogue, tmp_path: Path) -> None:
    split = studio.learn.split("genres")
    path = tmp_path / "own.csv"
    lines = [f"{identity},{part}" for part, ids in split.parts.items() for identity in ids]
    path.write_text("id,part\n" + "\n".join(lines))
    assert studio.learn.import_split("own", path).parts == split.parts
    # As any table is read: what separates its cells, and how it is encoded, is told of the file.
    path.write_text("id;part\n" + "\n".join(lines).replace(",", ";"), encoding="utf-16")
    assert studio.learn.import_split("own", path).parts == split.parts
    studio.learn.remove_split("own")
    with pytest.raises(UnknownNameError, match="own"):
        load_split(studio.store, "own")
    twice = f"id,part\n{lines[0]}\n{lines[0]}\n"
    short = f"id,part,labels\n{lines[0]},\n{lines[1]}\n"
    for text, why in (
        ("id,side\n", "lacks the columns"), ("id,part\nnobody,train\n", "line 2"), (twice, "twice"),
        (short, "line 3: has 2"), ("", "is empty"),
    ):  # fmt: skip
        path.write_text(text)
        with pytest.raises(SourceError, match=why):
            studio.learn.import_split("own", path)
    with pytest.raises(ArgumentError, match="invalid split name"):
        studio.learn.split("a/b")


def test_kin_are_found_by_film_franchise_and_artwork(films: posterity.Catalogue) -> None:
    posters = films.posters()
    kin = kinship(films.store, posters)
    together = kin.groups()
    assert together[0] == together[1], "one saga"
    assert kin.franchises[:3] == ("Saga", "Saga", "")
    # The rule is of two posters alone: what is kin among all is kin among some.
    some = posters[3:]
    pairs = {(posters[i].id, posters[j].id) for i, j in kin.artwork.tolist() if i >= 3}
    among = kinship(films.store, some)
    assert {(some[i].id, some[j].id) for i, j in among.artwork.tolist()} == pairs


def test_targets_are_what_they_say(studio: posterity.Catalogue) -> None:
    posters = studio.posters()
    classes = class_targets(posters, ["Comedy", "Horror"])
    known = {poster.id: poster for poster in posters}
    for identity, (label,) in classes.labels.items():
        assert {"Comedy", "Horror"} & set(known[identity].film.genres) == {label}
    ten = first_genre_targets(posters, 3, 5)
    assert len(ten.names) == 3
    for name in ten.names:
        own = [known[i] for i, (label,) in ten.labels.items() if label == name]
        rest = [p for p in posters if p.film.genres[:1] == (name,) and p.id not in ten.labels]
        assert len(own) == 5
        assert min(p.film.popularity or 0 for p in own) >= max((p.film.popularity or 0 for p in rest), default=0)
    for identity, (label,) in success_targets(posters, 2.0).labels.items():
        ratio = revenue_ratio(known[identity])
        assert ratio is not None
        assert (label == "success") == (ratio > 2)
    film = posters[0].film
    assert revenue_ratio(replace(posters[0], film=replace(film, budget=999, revenue=10**6))) is None
    assert (
        revenue_ratio(replace(posters[0], film=replace(film, budget=10**6, revenue=2 * 10**6, currency="EUR"))) is None
    )
    with pytest.raises(CatalogueError, match="Nonsense"):
        class_targets(posters, ["Comedy", "Nonsense"])
    with pytest.raises(CatalogueError, match="fewer than two genres"):
        make_split(studio.store, "x", replace(PROTOCOLS["genres"], enough=10_000))


def test_an_export_can_be_read_by_other_code(studio: posterity.Catalogue, tmp_path: Path) -> None:
    split = studio.learn.split("genres")
    posters = {poster.id: poster for poster in studio.posters()}
    told = studio.learn.export_split("genres", tmp_path / "csv")
    assert told.parts == {part: len(ids) for part, ids in split.parts.items()}
    with (tmp_path / "csv" / "test.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == list(split.test)
    for row in rows:
        assert Path(row["file"]).is_file()
        assert {name for name in split.targets.names if row[name] == "1"} == set(split.targets.labels[row["id"]])
    studio.learn.export_split("genres", tmp_path / "shards", "webdataset")
    with tarfile.open(tmp_path / "shards" / "test-000000.tar") as tar:
        members = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    assert len(members) == 2 * len(split.test)
    for identity in split.test:
        about = json.loads(members[f"{identity}.json"])
        assert about["labels"] == list(split.targets.labels[identity])
        poster = posters[identity]
        assert members[f"{identity}.jpg"] == (Path(poster.source) / poster.path).read_bytes()
    ten = studio.learn.split("seed-ten-genres")
    studio.learn.export_split("seed-ten-genres", tmp_path / "folders", "folders")
    found = {path.stem: (path.parent.name, path.parts[-3]) for path in (tmp_path / "folders").glob("*/*/*")}
    assert found == {i: (ten.targets.labels[i][0], part) for part, ids in ten.parts.items() for i in ids}
    with pytest.raises(StorageError, match="not empty"):
        studio.learn.export_split("genres", tmp_path / "csv")
    with pytest.raises(ArgumentError, match="several labels"):
        studio.learn.export_split("genres", tmp_path / "never", "folders")
    assert not (tmp_path / "never").exists()


def test_a_poster_whose_file_is_gone_is_left_out_and_named(make_posters: Callable[..., Path], tmp_path: Path) -> None:
    folder = make_posters(40)
    posterity.build(folder, tmp_path / "films", tmp_path / "posters.csv", encoders=["pixels"])
    films = posterity.open(tmp_path / "films")
    split = films.learn.split("c", "classes")
    gone = split.train[0]
    (folder / f"{gone}.jpg").unlink()
    told = films.learn.export_split("c", tmp_path / "out", "folders")
    assert list(told.failed) == [gone]
    assert told.parts["train"] == len(split.train) - 1
    assert len(list((tmp_path / "out").glob("*/*/*.jpg"))) == 39
