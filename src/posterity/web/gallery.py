"""A catalogue held ready for many small questions: its rows, titles, sprites and predictions in memory.

What is held belongs to one version of the catalogue; when that has changed, the next question sees the new one.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from posterity.api import Catalogue, Report
from posterity.atlases import SHEET, Atlas, sheet
from posterity.catalogue import Finding, Poster, provenance
from posterity.catalogue.schema import POSTERS, film_key, row_to_poster
from posterity.clusters import COLOURS
from posterity.errors import MissingExtraError, NoSuchPosterError, PosterityError, UnknownNameError
from posterity.facets import OF_ENCODERS, OF_FILMS
from posterity.images import THUMBNAIL_SIZE
from posterity.maps import Map
from posterity.places import name_of, read_bytes
from posterity.plain import plain
from posterity.settings import setting
from posterity.titles import TitleIndex
from posterity.walls import Wall
from posterity.web.answers import (
    Collection,
    FilmPage,
    Films,
    Found,
    GenreView,
    LayoutAnswer,
    LayoutName,
    MoneyView,
    Place,
    Relative,
    Sprites,
    Why,
)

FULL = 65_535
"""Coordinates of maps are from 0 to this."""

LOOK_AGAIN = 1.0
"""Seconds for which the catalogue is taken not to have changed."""

N_PREDICTED = 8
"""Genres that a film's page tells the probabilities of."""

_THUMBNAILS_HELD, _SHEETS_HELD = 4096, 64
_DIGEST = 12
"""Letters of a SHA-256 that tell a collection's posters apart."""

_MODELS = ("genres", "boxoffice", "boxoffice_both")

_LABELS = {"tsne": "t-SNE", "umap": "UMAP", "pca": "Principal plane"}


@dataclass
class Snapshot:
    """One version of a catalogue, in memory.

    Attributes:
        version: Of its posters.
        state: Digest of all that the page shows of it.
        rows: Of the table of posters, sorted by id.
        ids: Of the posters.
        place: Id -> its number.
        titles: To search.
        hashes: (n,) perceptual hashes.
        films: Film -> the numbers of its posters.
        atlas: The sprites.
        pages: Of the atlas, by key.
        slots: (n,) of each poster.
        digests: SHA-256 by its first letters.
        models: Name -> labels, what the model says, and its scores.
        thumbnail_rows: SHA-256 -> row of the table of thumbnails.
    """

    version: int
    state: str
    rows: pa.Table
    ids: list[str]
    place: dict[str, int]
    titles: TitleIndex
    hashes: NDArray[np.uint64]
    films: dict[str, list[int]]
    atlas: Atlas
    pages: dict[str, bytes]
    slots: NDArray[np.int64]
    digests: dict[str, str]
    models: dict[str, _Said]
    thumbnail_rows: dict[str, int]
    answers: dict[str, Any] = field(default_factory=dict)

    def poster(self, number: int) -> Poster:
        """Give a poster by its number."""
        return row_to_poster(self.rows.slice(number, 1).to_pylist()[0])

    def number(self, identity: str) -> int:
        """Give a poster's number.

        Raises:
            NoSuchPosterError: There is none.
        """
        if identity not in self.place:
            raise NoSuchPosterError(identity)
        return self.place[identity]


@dataclass(frozen=True)
class _Said:
    names: list[str]
    prior: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    place: dict[str, int]
    values: NDArray[np.float32]
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    scores: dict[str, Any]


class _Recent:
    """What was last asked for, up to a number of things."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._held: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> bytes | None:
        """Give a thing, if it is held."""
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
            return self._held.get(key)

    def put(self, key: str, value: bytes) -> None:
        """Hold a thing, and let go of what has not been asked for the longest."""
        with self._lock:
            self._held[key] = value
            while len(self._held) > self.most:
                self._held.popitem(last=False)


class Gallery:
    """A catalogue for the page; safe to share between threads.

    Args:
        catalogue: Which.
        clinic: Whether posters can be sent to it.
    """

    def __init__(self, catalogue: Catalogue, *, clinic: bool = True) -> None:
        self.catalogue = catalogue
        self.store = catalogue.store
        self.clinic = clinic
        self._reading = threading.Lock()
        self._layout_lock = threading.Lock()
        self._snapshot: Snapshot | None = None
        self._versions = (-1, -1)
        self._looked = -1e9
        self._thumbnails = _Recent(_THUMBNAILS_HELD)
        self._sheets = _Recent(_SHEETS_HELD)

    # --- what is held ----------------------------------------------------------------------------------------------

    def snapshot(self, *, show_progress: bool | None = False) -> Snapshot:
        """Give the catalogue as it is now, or was a second ago."""
        held = self._snapshot
        if held is not None and time.monotonic() - self._looked < LOOK_AGAIN:
            return held
        # While one visitor waits for what is new, the others see what was.
        if not self._reading.acquire(blocking=held is None) and held is not None:
            return held
        try:
            versions = self.store.versions_now
            if self._snapshot is None or versions != self._versions:
                words = [*versions, str(self.catalogue.folder)]
                state = provenance.digest(words)[:16]
                self._snapshot, self._versions = self._read(state, show_progress), versions
            self._looked = time.monotonic()
            return self._snapshot
        finally:
            self._reading.release()

    def _read(self, state: str, show_progress: bool | None) -> Snapshot:
        version = self.store.version
        rows = self.store.read(POSTERS.names)
        ids = rows["id"].to_pylist()
        old = self._snapshot
        if old is not None and old.version == version:
            atlas, pages = old.atlas, old.pages
        else:
            atlas, pages = self.catalogue.atlas(show_progress=show_progress)
        slot_of = {identity: slot for slot, identity in enumerate(atlas.slots) if identity}
        titles = [title or "" for title in rows["title"].to_pylist()]
        popularity = [value or 0.0 for value in rows["popularity"].to_pylist()]
        films: dict[str, list[int]] = defaultdict(list)
        known_ids = zip(ids, rows["imdb_id"].to_pylist(), rows["tmdb_id"].to_pylist(), strict=True)
        for number, (identity, imdb, tmdb) in enumerate(known_ids):
            films[film_key(identity, imdb, tmdb)].append(number)
        digests = rows["sha256"].to_pylist()
        return Snapshot(
            version=version,
            state=state,
            rows=rows,
            ids=ids,
            place={identity: number for number, identity in enumerate(ids)},
            titles=TitleIndex(ids, titles, rows["year"].to_pylist(), popularity),
            hashes=np.array(rows["phash"].to_pylist(), np.uint64),
            films=dict(films),
            atlas=atlas,
            pages=pages,
            slots=np.array([slot_of.get(identity, -1) for identity in ids], np.int64),
            digests={digest[:_DIGEST]: digest for digest in digests},
            models=self._models(),
            thumbnail_rows={digest: row for row, digest in enumerate(self.store.thumbnail_digests())},
        )

    def _models(self) -> dict[str, _Said]:
        """Read what trained models say; one that is stale counts as none."""
        from posterity.learning.model import PREFIX, load_model
        from posterity.learning.said import predictions

        found = {}
        kept = {artefact.name: artefact for artefact in self.store.artefacts()}
        for name in _MODELS:
            artefact = kept.get(PREFIX + name)
            if artefact is None:
                continue
            try:
                model = load_model(self.store, name, "")
                ids, told = predictions(self.store, name, model)
            except PosterityError:
                continue
            values, low, high = (each.astype(np.float32) for each in (told.probabilities, told.low, told.high))
            place = {identity: row for row, identity in enumerate(ids)}
            scores = json.loads(artefact.scores)
            found[name] = _Said(list(model.names), model.prior, model.thresholds, place, values, low, high, scores)
        return found

    # --- the whole collection --------------------------------------------------------------------------------------

    def collection(self) -> Collection:
        """Tell what the page knows of every poster."""
        return self._collected(self.snapshot())

    def _collected(self, snap: Snapshot) -> Collection:
        if "collection" not in snap.answers:
            snap.answers["collection"] = self._collection(snap)
        found: Collection = snap.answers["collection"]
        return found

    def _collection(self, snap: Snapshot) -> Collection:
        column = {name: snap.rows[name].to_pylist() for name in snap.rows.schema.names}
        genres, genre_of = _sets(column["genres"])
        flags, flag_of = _sets(column["flags"])
        languages, language_of = _numbers(column["original_language"])
        franchises, franchise_of = _numbers(column["collection"])
        money = zip(column["revenue"], column["budget"], strict=True)
        said = snap.models.get("genres")
        return Collection(
            name=name_of(self.catalogue.folder),
            state=snap.state,
            ids=snap.ids,
            titles=[title or "" for title in column["title"]],
            years=column["year"],
            genres=genres,
            genre_of=genre_of,
            languages=languages,
            language_of=language_of,
            franchises=franchises,
            franchise_of=franchise_of,
            ratings=column["vote_average"],
            popularity=[None if value is None else round(value, 3) for value in column["popularity"]],
            revenues=column["revenue"],
            ratios=[round(revenue / budget, 3) if revenue and budget else None for revenue, budget in money],
            flags=flags,
            flag_of=flag_of,
            predicted=said.names if said else [],
            predicted_of=_claimed(snap.ids, said) if said else [],
            digests=[digest[:_DIGEST] for digest in column["sha256"]],
            shapes=[
                round(1000 * width / height) for width, height in zip(column["width"], column["height"], strict=True)
            ],
            palettes=base64.b64encode(snap.atlas.palettes[snap.slots].tobytes()).decode(),
            colours={name: (r, g, b) for name, (r, g, b) in COLOURS.items()},
            atlas=_sprites(snap),
            layouts=self.layout_names(),
            facets=self.facets(),
            encoder=self.encoder(),
            models=sorted(snap.models),
            clinic=self.clinic,
        )

    def facets(self) -> list[str]:
        """Name the facets by which similarity can be steered here."""
        here = self.store.encoders
        content = ["content"] if self.encoder() in here else []
        return [*content, *(name for name in OF_ENCODERS if name in here), *OF_FILMS]

    def encoder(self) -> str:
        """Name what compares posters here: the setting, or an encoder that there are vectors of."""
        here, wanted = self.store.encoders, str(setting("encoder"))
        return wanted if wanted in here or not here else sorted(here)[0]

    def page(self, key: str) -> bytes:
        """Give a page of the atlas, JPEG.

        Raises:
            UnknownNameError: There is none of that key.
        """
        pages = self.snapshot().pages
        if key not in pages:
            raise UnknownNameError("page", key, [])
        return pages[key]

    def sheet(self, key: str) -> bytes:
        """Give a sheet of thumbnails, JPEG; drawn when it is first asked for.

        Raises:
            UnknownNameError: There is none of that key.
        """
        if (held := self._sheets.get(key)) is not None:
            return held
        snap = self.snapshot()
        sheets = self._collected(snap).atlas.sheets
        if key not in sheets:
            raise UnknownNameError("sheet", key, [])
        number, per_sheet = sheets.index(key), SHEET[0] * SHEET[1]
        digests = snap.atlas.digests[number * per_sheet : (number + 1) * per_sheet]
        drawn = sheet(self.thumbnails(snap, [digest for digest in digests if digest]), digests)
        self._sheets.put(key, drawn)
        return drawn

    def thumbnail(self, short: str) -> bytes:
        """Give a thumbnail, JPEG, by the first letters of the SHA-256 of what it shows.

        Raises:
            UnknownNameError: There is none.
        """
        if (held := self._thumbnails.get(short)) is not None:
            return held
        snap = self.snapshot()
        digest = snap.digests.get(short)
        found = self.thumbnails(snap, [digest]) if digest else {}
        if not found:
            raise UnknownNameError("thumbnail", short, [])
        (jpeg,) = found.values()
        self._thumbnails.put(short, jpeg)
        return jpeg

    def thumbnails(self, snap: Snapshot, digests: Sequence[str]) -> dict[str, bytes]:
        """Read thumbnails by their rows, which takes 2 ms where a search of the table takes 15."""
        places = [(digest, snap.thumbnail_rows[digest]) for digest in dict.fromkeys(digests)
                  if digest in snap.thumbnail_rows]  # fmt: skip
        found = self.store.thumbnails_at([row for _, row in places])
        if all(digest in found for digest, _ in places):
            return found
        return self.store.thumbnails(digests)  # the table was written anew meanwhile

    # --- maps and walls --------------------------------------------------------------------------------------------

    def layout_names(self) -> list[LayoutName]:
        """Name the maps and walls there are; where there is none of a kind, the one that is made when asked for."""
        found = []
        for artefact in self.store.artefacts():
            if artefact.kind == "layout":
                method = json.loads(artefact.parameters)["method"]
                label = f"{_LABELS.get(method, method)} by {artefact.encoder}"
                found.append(LayoutName(artefact.name, "map", label))
            elif artefact.kind == "grid":
                order = json.loads(artefact.parameters)["order"]
                what = {"content": f"by {artefact.encoder}", "colour": "by colour", "time": "by time"}[order]
                found.append(LayoutName(artefact.name, "wall", f"Wall {what}"))
        preferred = {f"map_tsne_{self.encoder()}": 0, f"map_umap_{self.encoder()}": 1,
                     f"wall_content_{self.encoder()}": 0}  # fmt: skip
        found.sort(key=lambda each: (each.kind, preferred.get(each.name, 9), each.name))
        kinds = {each.kind for each in found}
        if "map" not in kinds:
            found.insert(0, LayoutName("map", "map", "Map"))
        if "wall" not in kinds:
            found.append(LayoutName("wall", "wall", "Wall"))
        return found

    def find_layout(self, kind: str, name: str | None = None) -> Map | Wall:
        """Give a map or wall, by default the first of its kind; made where there is none.

        Raises:
            CatalogueError: Some posters lack a vector, or the catalogue has none.
            UnknownNameError: There is none of that name.
        """
        with self._layout_lock:
            if name is None or name == kind:
                name = next(each.name for each in self.layout_names() if each.kind == kind)
            if name == "wall":
                return self.catalogue.wall(encoder=self.encoder())
            if name == "map":
                try:
                    return self.catalogue.map("tsne", encoder=self.encoder())
                except MissingExtraError:
                    return self.catalogue.map("pca", encoder=self.encoder())
            return self.catalogue.layout(name)

    def layout(self, name: str) -> LayoutAnswer:
        """Give a map or wall in the order of the collection; errors as of :meth:`find_layout`."""
        snap = self.snapshot()
        key = f"layout {name}"
        if key not in snap.answers:
            known = {each.name: each for each in self.layout_names()}
            if name not in known:
                if name not in ("map", "wall"):
                    raise UnknownNameError("map or wall", name, known)
                known[name] = LayoutName(name, name, name.title())  # asked for as such, and made meanwhile
            found = self.find_layout(known[name].kind, name)
            snap = self.snapshot()
            snap.answers[key] = _laid(snap, known[name], found)
        answer: LayoutAnswer = snap.answers[key]
        return answer

    # --- films -----------------------------------------------------------------------------------------------------

    def films(self, search: str, limit: int, offset: int = 0) -> Films:
        """Find films by title, year or id; without words, all of them by id."""
        snap = self.snapshot()
        if search.strip():
            found = snap.titles.search(search, len(snap.ids))
        else:
            found = [(number, 1.0) for number in range(len(snap.ids))]
        columns = snap.rows.select(["id", "title", "year", "genres"])
        films = []
        for number, score in found[offset : offset + limit]:
            row = columns.slice(number, 1).to_pylist()[0]
            films.append(Found(row["id"], row["title"] or row["id"], row["year"], tuple(row["genres"] or ()), score))
        return Films(len(found), films)

    def film(self, identity: str) -> FilmPage:
        """Tell all that is known of a poster.

        Raises:
            NoSuchPosterError: There is none.
        """
        snap = self.snapshot()
        number = snap.number(identity)
        poster = snap.poster(number)
        return FilmPage(
            # Where on this machine it lies is nobody's business who looks at the page.
            poster=replace(poster, source=Path(poster.source).name),
            links=_links(poster),
            palette=palette_view(snap.atlas.palettes[snap.slots[number]]),
            predicted=self.genre_views(identity),
            money=self._money(identity),
            relatives=self._relatives(snap, number, poster),
            notes=self.notes(),
        )

    def notes(self) -> list[str]:
        """Say which models were not trained, and how they are."""
        models, folder = self.snapshot().models, name_of(self.catalogue.folder)
        return [
            f"No current model of {what} is here. Run: posterity train {name} -c {folder}"
            for name, what in (("genres", "genres"), ("boxoffice", "box office"))
            if name not in models
        ]

    def genre_views(self, identity: str) -> list[GenreView]:
        """Give what the model of genres says of a poster, the likeliest first."""
        said = self.snapshot().models.get("genres")
        row = said.place.get(identity) if said else None
        if said is None or row is None:
            return []
        order = np.argsort(-said.values[row], kind="stable")[:N_PREDICTED]
        return [
            GenreView(
                said.names[j], float(said.values[row, j]), float(said.low[row, j]), float(said.high[row, j]),
                float(said.prior[j]), bool(said.values[row, j] >= said.thresholds[j]),
            )
            for j in order.tolist()
        ]  # fmt: skip

    def _money(self, identity: str) -> MoneyView | None:
        models = self.snapshot().models
        for name, based_on in (("boxoffice_both", "poster and metadata"), ("boxoffice", "poster")):
            said = models.get(name)
            row = said.place.get(identity) if said else None
            if said is not None and row is not None:
                yes = said.names.index("success") if "success" in said.names else 0
                value, low, high = (float(each[row, yes]) for each in (said.values, said.low, said.high))
                return MoneyView(value, low, high, float(said.prior[yes]), based_on, self.caveat())
        return None

    def caveat(self) -> str:
        """Say how little a poster tells of money, by the scores of the model trained here."""
        said = self.snapshot().models.get("boxoffice")
        scores = said.scores.get("poster", {}) if said else {}
        if not scores:
            return "No score of this model is known; take it as a guess."
        auc = scores["auc"]
        how = "no better than a coin" if auc < 0.53 else "hardly better than a coin" if auc < 0.6 else "a little"
        return (
            f"On films it had not seen, the poster alone told successes from the rest {how} (AUC {auc:.2f}; .50 is "
            "chance). Success here means to earn more than it cost, which most films that state both do."
        )

    def _relatives(self, snap: Snapshot, number: int, poster: Poster) -> list[Relative]:
        film = poster.film
        key = film_key(poster.id, film.imdb_id, film.tmdb_id)
        versions = [other for other in snap.films[key] if other != number]
        apart = np.bitwise_count(snap.hashes ^ snap.hashes[number])
        near = np.flatnonzero(apart <= int(setting("near_duplicate_bits"))).tolist()
        found = [(other, "version") for other in versions]
        found += [(other, "near duplicate") for other in near if other != number and other not in versions]
        titles = snap.rows["title"]
        return [Relative(snap.ids[other], titles[other].as_py() or snap.ids[other], kind) for other, kind in found[:24]]

    def why(self, a: str, b: str, weights: str) -> Why:
        """Tell why two posters are alike; errors as of :meth:`posterity.Catalogue.explain`."""
        snap = self.snapshot()
        for identity in (a, b):
            snap.number(identity)
        found = self.catalogue.explain(a, b, weights=weights, encoder=self.encoder())
        known = plain(found)
        return Why(**{name: known[name] for name in Why.__dataclass_fields__})

    def report(self) -> Report:
        """Tell what was dropped or flagged, and why; of this machine's folders only the last name."""
        found = self.catalogue.report()

        def public(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
            return tuple(replace(each, source=Path(each.source).name or each.source) for each in findings)

        runs = tuple({**run, "source": Path(str(run["source"])).name} for run in found.runs)
        return replace(found, dropped=public(found.dropped), rows=public(found.rows), runs=runs)

    def picture(self, identity: str) -> tuple[bytes, str]:
        """Give a poster's own picture and its media type; its thumbnail where the file is gone or no browser reads it.

        Raises:
            NoSuchPosterError: There is none.
        """
        snap = self.snapshot()
        poster = snap.poster(snap.number(identity))
        kind = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif"}.get(poster.format)
        if kind is not None:
            try:
                data = read_bytes(poster.source, poster.path)
            except OSError:
                data = b""
            # Only what was catalogued is shown, whatever has come into the file's place since.
            if hashlib.sha256(data).hexdigest() == poster.sha256:
                return data, kind
        return self.thumbnails(snap, [poster.sha256])[poster.sha256], "image/jpeg"


# --- helpers --------------------------------------------------------------------------------------------------------


def _numbers(values: Sequence[str | None]) -> tuple[list[str], list[int]]:
    """Number the values, sorted: the names, and each one's number or -1."""
    names = sorted({value for value in values if value})
    place: dict[str | None, int] = {name: i for i, name in enumerate(names)}
    return names, [place.get(value or None, -1) for value in values]


def _sets(values: Sequence[Sequence[str] | None]) -> tuple[list[str], list[list[int]]]:
    names = sorted({name for some in values for name in some or ()})
    place = {name: i for i, name in enumerate(names)}
    return names, [[place[name] for name in dict.fromkeys(some or ())] for some in values]


def _claimed(ids: Sequence[str], said: _Said) -> list[list[int]]:
    claims = said.values >= said.thresholds
    return [np.flatnonzero(claims[said.place[identity]]).tolist() if identity in said.place else [] for identity in ids]


def _sprites(snap: Snapshot) -> Sprites:
    per_sheet = SHEET[0] * SHEET[1]
    digests = snap.atlas.digests
    sheets = [
        provenance.digest(THUMBNAIL_SIZE, digests[start : start + per_sheet])[:32]
        for start in range(0, len(digests), per_sheet)
    ]
    return Sprites(snap.atlas.sprite, snap.atlas.grid, list(snap.atlas.keys), snap.slots.tolist(), SHEET, sheets)


def _laid(snap: Snapshot, name: LayoutName, found: Map | Wall) -> LayoutAnswer:
    n = len(snap.ids)
    x, y = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    places: Mapping[str, tuple[float, float]] = found.cells if isinstance(found, Wall) else found.positions
    numbers = np.array([snap.place.get(identity, -1) for identity in places], np.int64)
    points = np.array(list(places.values()), np.float64).reshape(-1, 2)[numbers >= 0]
    numbers = numbers[numbers >= 0]
    if isinstance(found, Wall):
        x[numbers], y[numbers] = points[:, 1].astype(int), points[:, 0].astype(int)
        return LayoutAnswer(
            name.name, "wall", name.label, x.tolist(), y.tolist(), 1.0, found.rows, found.cols, found.topology, [],
            found.scores, found.baselines.get("random", {}),
        )  # fmt: skip
    x[numbers], y[numbers] = on_page(points, points).T
    reach = np.maximum(np.ptp(points, axis=0), 1e-9)
    clusters = [
        Place(cluster.label, cluster.size, at, int(x[at]), int(y[at]))
        for cluster in found.clusters
        if (at := snap.place.get(cluster.representative, -1)) >= 0
    ]
    return LayoutAnswer(
        name.name, "map", name.label, x.tolist(), y.tolist(), float(reach[0] / reach[1]), 0, 0, "", clusters,
        found.scores, found.baselines.get("random", {}),
    )  # fmt: skip


def on_page(points: NDArray[np.float64], everything: NDArray[np.float64]) -> NDArray[np.int64]:
    """Give places of a map as the page has them: (n, 2) from 0 to FULL across all points' bounds, y downwards."""
    low = everything.min(axis=0)
    reach = np.maximum(np.ptp(everything, axis=0), 1e-9)
    scaled = np.rint((points - low) / reach * FULL).astype(np.int64)
    return np.column_stack([scaled[:, 0], FULL - scaled[:, 1]])


def _links(poster: Poster) -> dict[str, str]:
    """Give where else to read of a film; only ids of the known form become addresses."""
    links = {}
    if poster.film.imdb_id and poster.film.imdb_id.removeprefix("tt").isdigit():
        links["IMDb"] = f"https://www.imdb.com/title/{poster.film.imdb_id}/"
    if poster.film.tmdb_id is not None:
        links["TMDb"] = f"https://www.themoviedb.org/movie/{poster.film.tmdb_id}"
        links["Letterboxd"] = f"https://letterboxd.com/tmdb/{poster.film.tmdb_id}"
    return links


def palette_view(colours: NDArray[np.uint8]) -> list[tuple[str, float]]:
    """Give a palette (4, 4) of the atlas as "#rrggbb" and shares."""
    return [(f"#{r:02x}{g:02x}{b:02x}", share / 255) for r, g, b, share in colours.tolist() if share]
