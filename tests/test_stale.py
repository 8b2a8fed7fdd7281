"""Stale things are never served: each derived thing knows all that it was made of, and nothing that it was not."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from conftest import picture
from hypothesis import given
from hypothesis import strategies as st

import posterity
from posterity.catalogue import provenance
from posterity.catalogue.provenance import Reads, _content, key
from posterity.catalogue.store import Store
from posterity.errors import CatalogueError
from posterity.learning import genres
from posterity.learning.splits import LeakError, load_split
from posterity.search.evaluation import layout_scores
from posterity.web.gallery import Gallery
from posterity.web.jobs import Job, Jobs
from posterity.web.work import duplicates_job, evaluation_job, pairs_job

Change = Callable[[dict[str, str]], dict[str, str]]


class Collection:
    """A folder of twelve posters with its table, both of which change, and the catalogue built of them."""

    def __init__(self, folder: Path, posters: Path) -> None:
        self.posters, self.table, self.place = posters, folder / "posters.csv", folder / "films"
        self.films = posterity.create(self.place)
        self.build()

    def build(self) -> None:
        self.films.build(self.posters, self.table, encoders=["colour"])

    def change(self, column: str, values: Callable[[int], object]) -> None:
        """Write another value into a column of each row of the table, and build again."""
        with self.table.open(newline="") as file:
            header, *rows = csv.reader(file)
        for number, row in enumerate(rows):
            row[header.index(column)] = str(values(number))
        with self.table.open("w", newline="") as file:
            csv.writer(file).writerows([header, *rows])
        self.build()

    def replace(self, name: str, seed: int) -> None:
        """Put another picture into a file's place, and build again."""
        picture(seed).save(self.posters / name, quality=90)
        os.utime(self.posters / name, (1, 1))
        self.build()


@pytest.fixture
def shelf(tmp_path: Path, make_posters: Callable[..., Path]) -> Collection:
    return Collection(tmp_path, make_posters())


# --- keys ----------------------------------------------------------------------------------------------------------


def test_a_key_is_of_just_what_is_read(shelf: Collection) -> None:
    store = shelf.films.store
    reads = {name: Reads(columns) for name, columns in {
        "nothing": (), "years": ("year",), "genres": ("genres",), "pictures": ("sha256",)}.items()}  # fmt: skip
    before = {name: key(store, each) for name, each in reads.items()}
    assert len(set(before.values())) == 4
    shelf.change("Release Year", lambda n: 2000 - n)
    after = {name: key(store, each) for name, each in reads.items()}
    assert [name for name in reads if before[name] != after[name]] == ["years"]
    shelf.replace("tt0000003.jpg", 77)
    last = {name: key(store, each) for name, each in reads.items()}
    assert [name for name in reads if after[name] != last[name]] == ["pictures"]
    (shelf.posters / "tt0000012.jpg").unlink()
    store.remove_posters(["tt0000012"])
    assert all(key(store, each) != last[name] for name, each in reads.items())


def test_parameters_encoders_method_and_packages_are_in_the_key(
    shelf: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, reads = shelf.films.store, Reads(("year",))
    keys = [
        key(store, reads), key(store, reads, parameters={"k": 1}), key(store, reads, encoders={"colour": "a"}),
        key(store, reads, encoders={"colour": "b"}), key(store, Reads(("year",), code=2)),
        key(store, reads, ids=["tt0000001"]),
    ]  # fmt: skip
    assert len(set(keys)) == len(keys)
    assert key(store, reads) == keys[0]
    slow = Reads(("year",), packages=False)
    lasting = key(store, slow)
    monkeypatch.setattr(provenance, "versions", lambda: "another")
    assert key(store, reads) != keys[0]
    assert key(store, slow) == lasting


def test_what_lacks_a_vector_is_in_the_key_of_what_reads_vectors(shelf: Collection) -> None:
    store = shelf.films.store
    before = provenance.vectors_read(store, ["colour"])
    assert provenance.vectors_read(store, ["colour"]) == before
    store.put_posters([store.posters()[0]], {})  # as a build does with a new picture: its vector is cleared
    assert provenance.vectors_read(store, ["colour"]) != before
    shelf.films.embed("colour")
    assert provenance.vectors_read(store, ["colour"]) == before


@given(
    st.lists(st.one_of(st.none(), st.lists(st.text(max_size=3), max_size=3)), max_size=5),
    st.lists(st.one_of(st.none(), st.lists(st.text(max_size=3), max_size=3)), max_size=5),
)
def test_columns_are_told_apart_whatever_they_hold_and_however_they_lie_in_memory(
    one: list[list[str] | None], other: list[list[str] | None]
) -> None:
    kind = pa.list_(pa.string())

    def content(values: list[list[str] | None], before: int = 0) -> list[bytes]:
        padded = pa.array([["x", "yy"]] * before + values, kind)
        return [*_content(padded.slice(before))]

    assert (content(one) == content(other)) == (one == other)
    assert content(one, 3) == content(one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pa.array([1, None]), pa.array([1, 0])),
        (pa.array(["ab", "c"]), pa.array(["a", "bc"])),
        (pa.array(["", None]), pa.array([None, ""])),
        (pa.array([0.5, 1.5]), pa.array([1.5, 0.5])),
        (pa.array([["a"], ["b"]]), pa.array([["a", "b"], []])),
        (pa.array([["a"], None]), pa.array([["a"], []])),
    ],
)
def test_near_columns_are_told_apart(one: pa.Array, other: pa.Array) -> None:
    assert [*_content(one)] != [*_content(other)]


# --- walls and maps ------------------------------------------------------------------------------------------------


def by_row(wall: posterity.Wall) -> list[list[str]]:
    rows: dict[int, list[tuple[int, str]]] = {}
    for identity, (row, col) in wall.cells.items():
        rows.setdefault(row, []).append((col, identity))
    return [[identity for _, identity in sorted(cells)] for _, cells in sorted(rows.items())]


def test_a_wall_by_time_follows_the_years_and_genres(shelf: Collection) -> None:
    def in_order(wall: posterity.Wall) -> bool:
        year = {poster.id: poster.film.year or 0 for poster in shelf.films.posters()}
        return all([year[i] for i in row] == sorted(year[i] for i in row) for row in by_row(wall))

    first = shelf.films.wall(order="time", encoder="colour")
    assert in_order(first)
    shelf.change("Release Year", lambda n: 1990 - 3 * n)
    second = shelf.films.wall(order="time", encoder="colour")
    assert second.cells != first.cells
    assert in_order(second)
    assert second == shelf.films.wall(order="time", encoder="colour", fresh=True)
    shelf.change("Genre", lambda n: "Western" if n < 6 else "Comedy")
    third = shelf.films.wall(order="time", encoder="colour")
    genre = {poster.id: poster.film.genres[0] for poster in shelf.films.posters()}
    assert sum(len({genre[i] for i in row}) > 1 for row in by_row(third)) <= 1


def test_what_a_wall_or_map_does_not_read_leaves_it_current(shelf: Collection) -> None:
    films = shelf.films
    films.wall(encoder="colour")
    films.wall(order="time", encoder="colour")
    films.map("pca", encoder="colour")
    before = films.store.artefacts()
    shelf.change("Title", lambda n: f"Another {n}")
    shelf.change("Budget", lambda n: 5)
    films.wall(encoder="colour")
    films.wall(order="time", encoder="colour")
    films.map("pca", encoder="colour")
    kept = {each.name: each for each in films.store.artefacts() if each.kind in ("grid", "layout")}
    assert kept == {each.name: each for each in before if each.kind in ("grid", "layout")}
    assert all(provenance.current(films.store, each) for each in kept.values())
    shelf.change("Release Year", lambda n: 1900 + n)
    behind = {name for name, each in kept.items() if not provenance.current(films.store, each)}
    assert behind == {"wall_time_colour", "map_pca_colour"}
    said = [problem for problem in films.doctor().problems if problem.kind == "layout_behind"]
    assert {problem.about for problem in said} == behind


def test_a_replaced_picture_finds_a_place_anew_on_map_and_wall(tmp_path: Path) -> None:
    """Of two groups of pictures, one poster changes sides: so does its place, and the others stay."""
    posters = tmp_path / "posters"
    posters.mkdir()
    for n in range(30):
        picture(n, hue=0 if n < 15 else 2).save(posters / f"tt{n + 1:07d}.jpg", quality=90)
    films = posterity.create(tmp_path / "films")
    films.build(posters, encoders=["colour"])
    map_, wall = films.map("pca", encoder="colour"), films.wall(encoder="colour")
    moving = "tt0000001"
    picture(99, hue=2).save(posters / f"{moving}.jpg", quality=90)
    os.utime(posters / f"{moving}.jpg", (1, 1))
    films.build(posters, encoders=["colour"])
    map_after, wall_after = films.map("pca", encoder="colour"), films.wall(encoder="colour")

    def nearer_the_others(places: dict[str, tuple[float, float]]) -> bool:
        own = places[moving]
        apart = {
            name: (place[0] - own[0]) ** 2 + (place[1] - own[1]) ** 2
            for name, place in places.items()
            if name != moving
        }
        nearest = sorted(apart, key=lambda name: apart[name])[:5]
        return sum(name >= "tt0000016" for name in nearest) >= 3

    assert not nearer_the_others(map_.positions)
    assert nearer_the_others(map_after.positions)
    assert map_after.new == 1
    assert {n: p for n, p in map_after.positions.items() if n != moving} == {
        n: p for n, p in map_.positions.items() if n != moving
    }
    assert not nearer_the_others({n: (float(r), float(c)) for n, (r, c) in wall.cells.items()})
    assert nearer_the_others({n: (float(r), float(c)) for n, (r, c) in wall_after.cells.items()})
    assert (wall_after.rows, wall_after.cols) == (wall.rows, wall.cols)
    # Told once: asked for again, both are as they were left.
    assert films.map("pca", encoder="colour") == map_after
    assert films.wall(encoder="colour") == wall_after


def test_a_pinned_poster_stays_pinned_when_its_picture_is_replaced(shelf: Collection) -> None:
    shape = posterity.Shape(4, 4, pins={"tt0000003": (2, 2)})
    assert shelf.films.wall(shape=shape, encoder="colour").cells["tt0000003"] == (2, 2)
    shelf.replace("tt0000003.jpg", 77)
    wall = shelf.films.wall(shape=shape, encoder="colour")
    assert wall.cells["tt0000003"] == (2, 2)
    assert len(set(wall.cells.values())) == 12


def test_clusters_are_named_by_the_genres_and_years_of_now(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    posters = tmp_path / "posters"
    posters.mkdir()
    for n in range(60):
        picture(n % 2, size=(60 + n, 90)).save(posters / f"tt{n + 1:07d}.jpg", quality=80 + n % 15)

    def told(genre: str, year: int) -> None:
        rows = ["imdb_id,title,genres,year"]
        rows += [f"tt{n + 1:07d},Film {n},{genre if n % 2 else 'Comedy'},{year if n % 2 else 1950}" for n in range(60)]
        (tmp_path / "films.csv").write_text("\n".join(rows))
        films.build(posters, tmp_path / "films.csv", encoders=["colour"])

    films = posterity.create(tmp_path / "films")
    told("Horror", 1985)
    labels = " ".join(cluster.label for cluster in films.map("pca", encoder="colour").clusters)
    assert "Horror" in labels
    assert "1980s" in labels
    told("Western", 2005)
    map_ = films.map("pca", encoder="colour")
    labels = " ".join(cluster.label for cluster in map_.clusters)
    assert "Horror" not in labels
    assert "1980s" not in labels
    assert "Western" in labels
    assert "2000s" in labels
    assert map_.new == 0


def test_an_older_posteritys_digest_counts_as_behind_and_is_brought_up_to_date(shelf: Collection) -> None:
    films, store = shelf.films, shelf.films.store
    wall, map_ = films.wall(encoder="colour"), films.map("pca", encoder="colour")
    for table in ("grids", "layouts"):
        store._table(table).drop_columns(["sha256"])
    store._table("artefacts").update(where="kind IN ('grid', 'layout')", values={"inputs": "3f" * 32})
    films = posterity.open(shelf.place)
    kept = [each for each in films.store.artefacts() if each.kind in ("grid", "layout")]
    assert not any(provenance.current(films.store, each) for each in kept)
    assert {problem.kind for problem in films.doctor().problems} >= {"layout_behind"}
    assert films.doctor().well
    assert films.wall(encoder="colour").cells == wall.cells
    assert films.map("pca", encoder="colour").positions == map_.positions
    kept = [each for each in films.store.artefacts() if each.kind in ("grid", "layout")]
    assert all(provenance.current(films.store, each) for each in kept)
    assert None not in films.store.shown(kept[0]).values()


def test_scores_are_told_of_layouts_as_they_are_now(shelf: Collection) -> None:
    shelf.films.wall(order="time", encoder="colour")
    shelf.change("Release Year", lambda n: 1990 - 3 * n)
    assert layout_scores(shelf.films.store) == []
    told = shelf.films.layout_scores()
    assert told[0].name == "wall_time_colour"
    wall = shelf.films.wall(order="time", encoder="colour")
    assert told[0].scores["dpq16"].value == wall.dpq16


# --- views, splits and models ----------------------------------------------------------------------------------------


def test_a_view_is_its_filter_and_rules(shelf: Collection) -> None:
    films = shelf.films
    films.select("early", "year < 1956", rules=posterity.Rules(drop=("no_genre",)))
    assert [poster.film.year for poster in films.posters(view="early")] == [*range(1950, 1956)]
    shelf.change("Release Year", lambda n: 1953 + n)
    assert [poster.film.year for poster in films.posters(view="early")] == [1953, 1954, 1955]
    assert films.views()[0].posters == 3
    kept = films.store.artefact("view_early")
    shelf.change("Title", lambda n: f"New {n}")
    # Without a build, too: somebody else has changed a poster, and nothing is written.
    films.store.update_columns(["tt0000012"], year=[1900])
    assert len(films.posters(view="early")) == 4
    assert kept is not None
    assert films.views()[0].posters == 4


def many(tmp_path: Path) -> tuple[posterity.Catalogue, Callable[[Callable[[int], tuple[str, int]]], None]]:
    """Build 90 posters, red ones of horror and blue ones of comedy; and give what tells otherwise of them."""
    posters = tmp_path / "posters"
    posters.mkdir()
    for n in range(90):
        picture(n, hue=0 if n % 2 else 2).save(posters / f"tt{n + 1:07d}.jpg", quality=90)

    def told(film: Callable[[int], tuple[str, int]]) -> None:
        rows = ["imdb_id,title,genres,year,budget"]
        rows += [f"tt{n + 1:07d},Film {n},{film(n)[0]},{film(n)[1]},{n}" for n in range(90)]
        (tmp_path / "films.csv").write_text("\n".join(rows))
        films.build(posters, tmp_path / "films.csv", encoders=["colour"])

    films = posterity.create(tmp_path / "films")
    told(lambda n: ("Horror" if n % 2 else "Comedy", 1950 + n // 2))
    return films, told


def test_a_split_keeps_who_is_where_and_tells_labels_as_they_are_now(tmp_path: Path) -> None:
    films, told = many(tmp_path)
    split = films.learn.split("genres")
    changed = split.train[0]
    told(lambda n: ("Western" if f"tt{n + 1:07d}" == changed else "Comedy" if n % 2 else "Horror", 1950 + n // 2))
    again = load_split(films.store, "genres")
    assert {part: tuple(i for i in ids if i != changed) for part, ids in split.parts.items()} == again.parts
    other = {"Horror": "Comedy", "Comedy": "Horror"}
    assert all(again.targets.labels[i] == (other[split.targets.labels[i][0]],) for i in again.targets.labels)
    assert again.fingerprint != split.fingerprint


def test_a_split_by_time_is_refused_once_dates_put_the_future_first(tmp_path: Path) -> None:
    films, told = many(tmp_path)
    films.learn.split("time")
    films.learn.genres("time", encoders=["colour"])
    told(lambda n: ("Horror" if n % 2 else "Comedy", 1960 + n // 2))  # all ten years later: the order is the same
    films.learn.genres("time", encoders=["colour"])
    told(lambda n: ("Horror" if n % 2 else "Comedy", 2020 - n // 2))
    with pytest.raises(LeakError, match="cut by time, and dates have changed.*posterity split time"):
        films.learn.genres("time", encoders=["colour"])
    films.learn.split("time")
    films.learn.genres("time", encoders=["colour"])


def test_a_model_is_refused_once_what_it_learned_has_changed(tmp_path: Path) -> None:
    films, told = many(tmp_path)
    report = films.learn.genres(encoders=["colour"])
    gallery = Gallery(films)
    labels = load_split(films.store, "genres").targets.labels
    learned = next(i for i in load_split(films.store, "genres").train if labels[i] == ("Horror",))
    number = int(learned[2:]) - 1
    assert films.learn.predict(learned)[0].genres
    assert gallery.genre_views(learned)

    def answers() -> bool:
        """Tell whether the command and the page use the model."""
        page = bool(Gallery(films).genre_views(learned))
        try:
            films.learn.predict(learned)
        except CatalogueError as error:
            assert "have changed since" in str(error)
            assert "posterity train genres" in str(error)
            with pytest.raises(CatalogueError, match="have changed since"):
                films.learn.disguised()
            assert not page
            return False
        assert page
        return True

    # What it does not read is a year.
    told(lambda n: ("Horror" if n % 2 else "Comedy", 1960))
    assert answers()
    told(lambda n: ("Comedy" if n == number or not n % 2 else "Horror", 1960))
    assert not answers()
    told(lambda n: ("Horror" if n % 2 else "Comedy", 1960))
    assert answers()
    told(lambda n: ("Horror|Western" if n == number else "Horror" if n % 2 else "Comedy", 1960))
    assert not answers()
    films.learn.genres(encoders=["colour"])
    assert answers()
    assert report.labels == ("Comedy", "Horror")
    # A picture that it learned from.
    file = tmp_path / "posters" / f"{learned}.jpg"
    picture(500, hue=1).save(file, quality=90)
    os.utime(file, (1, 1))
    told(lambda n: ("Horror" if n % 2 else "Comedy", 1960))
    films.learn.genres(encoders=["colour"])
    assert answers()
    picture(501, hue=1).save(file, quality=90)
    os.utime(file, (2, 2))
    told(lambda n: ("Horror" if n % 2 else "Comedy", 1960))
    assert not answers()


def test_a_model_is_refused_where_labels_changed_while_it_learned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    films, told = many(tmp_path)
    train = genres.train_probe

    def interrupted(*arguments: Any, **options: Any) -> Any:
        made = train(*arguments, **options)
        told(lambda n: ("Comedy" if n == 1 or not n % 2 else "Horror", 1950 + n // 2))  # another process builds
        return made

    monkeypatch.setattr(genres, "train_probe", interrupted)
    films.learn.genres(encoders=["colour"])
    with pytest.raises(CatalogueError, match="have changed since"):
        films.learn.disguised()
    monkeypatch.setattr(genres, "train_probe", train)
    films.learn.genres(encoders=["colour"])
    assert films.learn.predict("tt0000001")[0].genres


def test_what_a_model_says_follows_a_poster_that_it_did_not_learn_from(tmp_path: Path) -> None:
    films, told = many(tmp_path)
    films.learn.genres(encoders=["colour"])
    file = tmp_path / "posters" / "later.jpg"
    picture(400, hue=0).save(file, quality=90)
    os.utime(file, (1, 1))
    told(lambda n: ("Horror" if n % 2 else "Comedy", 1950 + n // 2))
    (identity,) = (poster.id for poster in films.posters() if poster.path == "later.jpg")

    def said() -> dict[str, float]:
        page = {view.genre: view.probability for view in Gallery(films).genre_views(identity)}
        (told,) = films.learn.predict(identity)
        assert page == pytest.approx({each.genre: each.probability for each in told.genres}, abs=1e-5)
        return page

    before = said()
    assert before["Horror"] > before["Comedy"]
    picture(401, hue=2).save(file, quality=90)
    os.utime(file, (2, 2))
    told(lambda n: ("Horror" if n % 2 else "Comedy", 1950 + n // 2))
    after = said()
    assert after["Comedy"] > after["Horror"]


def test_a_run_of_an_experiment_is_kept_until_labels_or_pictures_change(tmp_path: Path) -> None:
    films, told = many(tmp_path)
    declared = tmp_path / "own.toml"
    declared.write_text('protocol = "genres"\n[[matrix]]\nhead = "probe"\nencoder = "colour"\n')

    def cached() -> bool:
        return films.learn.experiment(declared).rows[0].cached

    assert not cached()
    assert cached()
    told(lambda n: ("Horror" if n % 2 else "Comedy", 1960))
    assert cached()
    told(lambda n: ("Comedy" if n % 2 else "Horror", 1960))
    assert not cached()
    file = tmp_path / "posters" / "tt0000001.jpg"
    picture(500).save(file, quality=90)
    os.utime(file, (1, 1))
    told(lambda n: ("Comedy" if n % 2 else "Horror", 1960))
    assert not cached()
    assert cached()


# --- the page's answers ----------------------------------------------------------------------------------------------


def test_the_pages_pairs_and_duplicates_follow_titles_and_franchises(shelf: Collection) -> None:
    gallery, jobs = Gallery(shelf.films), Jobs(shelf.films.store)

    def titles() -> set[str]:
        found = jobs.wait(pairs_job(gallery, 66))
        assert isinstance(found, dict)
        return {pair[side] for pair in found["pairs"] for side in ("title_a", "title_b")}

    assert titles() == {f"Film, {n}" for n in range(12)}
    shelf.change("Title", lambda n: f"New {n}")
    assert titles() == {f"New {n}" for n in range(12)}
    found = jobs.wait(pairs_job(gallery, 66))
    assert isinstance(found, dict)
    assert sum(pair["kind"] == "same franchise" for pair in found["pairs"]) == 1
    shelf.change("Franchise", lambda n: "Trilogy" if n < 3 else "")
    found = jobs.wait(pairs_job(gallery, 66))
    assert isinstance(found, dict)
    assert sum(pair["kind"] == "same franchise" for pair in found["pairs"]) == 3


def test_the_pages_answers_are_kept_until_something_they_read_changes(shelf: Collection) -> None:
    gallery, jobs, store = Gallery(shelf.films), Jobs(shelf.films.store), shelf.films.store
    made: dict[str, Callable[[Gallery], Job]] = {
        "pairs": pairs_job, "duplicates": duplicates_job, "evaluation": evaluation_job
    }  # fmt: skip

    def keys() -> dict[str, str]:
        return {name: jobs._key(job(gallery)) for name, job in made.items()}

    def changed() -> set[str]:
        nonlocal before
        now = keys()
        names = {name for name in now if now[name] != before[name]}
        before = now
        return names

    before = keys()
    shelf.change("Budget", lambda n: 7)
    assert changed() == set()
    shelf.change("Title", lambda n: f"New {n}")
    assert changed() == {"pairs", "duplicates"}
    shelf.change("Genre", lambda n: "Western")
    assert changed() == {"evaluation"}
    shelf.change("Franchise", lambda n: "Saga" if n < 4 else "")
    assert changed() == {"pairs", "evaluation"}
    shelf.films.map("pca", encoder="colour")
    assert changed() == {"evaluation"}
    shelf.change("Release Year", lambda n: 1900 + n)  # the map shows it, and is behind until it is next asked for
    assert changed() == {"evaluation"}
    shelf.films.map("pca", encoder="colour")
    assert changed() == {"evaluation"}
    store.put_posters([store.posters()[0]], {})
    assert changed() == set(made)
    shelf.films.embed("colour")
    assert changed() == set(made)
    shelf.replace("tt0000005.jpg", 55)
    assert changed() == set(made)


# --- builds --------------------------------------------------------------------------------------------------------


def test_a_flag_of_near_duplicates_outlives_a_new_picture_of_the_same_look(shelf: Collection) -> None:
    """The same hash is no reason to leave flags alone: a picture that is read anew has lost them."""
    twin = shelf.posters / "tt0000012.jpg"
    (picture(0).resize((120, 180))).save(twin, quality=95)
    os.utime(twin, (1, 1))
    shelf.build()
    flags = {poster.id: poster.flags for poster in shelf.films.posters()}
    assert "near_duplicate" in flags["tt0000012"]
    (picture(0).resize((120, 180))).save(twin, quality=94)
    os.utime(twin, (2, 2))
    shelf.build()
    assert "near_duplicate" in {poster.id: poster.flags for poster in shelf.films.posters()}["tt0000012"]


def told_otherwise(tmp_path: Path, posters: Path, place: Path) -> None:
    other = tmp_path / "links" / "movies.csv"
    other.parent.mkdir()
    other.write_text("movieId,title,genres\n1,Told Otherwise (1950),Drama\n")
    (other.parent / "links.csv").write_text("movieId,imdbId,tmdbId\n1,1,901\n")
    posterity.open(place).enrich(other)


def test_the_shortcut_knows_the_precedence_and_what_enriching_has_claimed(
    tmp_path: Path, make_posters: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    posters, table, place = make_posters(3), tmp_path / "posters.csv", tmp_path / "films"
    for file in (*posters.iterdir(), table):
        os.utime(file, (1, 1))

    def title() -> str | None:
        posterity.build(posters, place, table, encoders=["colour"])
        return posterity.open(place).posters("id = 'tt0000001'")[0].film.title

    assert title() == "Film, 0"
    told_otherwise(tmp_path, posters, place)
    assert title() == "Film, 0"
    assert title() == "Film, 0"  # by the shortcut
    monkeypatch.setenv("POSTERITY_PRECEDENCE", "movielens,table")
    assert title() == "Told Otherwise"
    monkeypatch.delenv("POSTERITY_PRECEDENCE")
    assert title() == "Film, 0"


def test_the_shortcut_knows_the_rules(tmp_path: Path, make_posters: Callable[..., Path]) -> None:
    posters, table, place = make_posters(6), tmp_path / "posters.csv", tmp_path / "films"
    for file in (*posters.iterdir(), table):
        os.utime(file, (1, 1))
    for _ in range(2):
        posterity.build(posters, place, table, encoders=["colour"])
    report = posterity.build(
        posters, place, table, encoders=["colour"], rules=posterity.Rules(genres_top=1), terms=posterity.Terms()
    )
    assert report.dropped_by == {"not_top_genre": 3}
    assert len(posterity.open(place)) == 3
    report = posterity.build(posters, place, table, encoders=["colour"])
    assert (report.added, len(posterity.open(place))) == (3, 6)


def test_keys_are_quick_to_make_of_few_columns(shelf: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key reads its own columns, once, and no vectors."""
    read: list[tuple[str, ...]] = []
    own = Store.read

    def counted(self: Store, columns: object, where: str | None = None) -> object:
        read.append(tuple(columns))  # type: ignore[call-overload]
        return own(self, columns, where)  # type: ignore[arg-type]

    monkeypatch.setattr(Store, "read", counted)
    key(shelf.films.store, Reads(("sha256", "year")))
    assert read == [("sha256", "year")]
