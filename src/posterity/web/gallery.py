"""A catalogue held ready for many small questions: its rows, titles, sprites and predictions in memory.

What is held belongs to one version of the catalogue; when that has changed, the next question sees the new one.
"""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from posterity.api.catalogue import Catalogue
from posterity.api.results import Report
from posterity.catalogue import Finding, Poster, provenance
from posterity.catalogue.schema import POSTERS, film_key
from posterity.errors import UnknownNameError
from posterity.layouts.atlas import SHEET, sheet
from posterity.layouts.clusters import COLOURS
from posterity.runtime.storage import name_of, read_bytes
from posterity.search.facets import OF_ENCODERS, OF_FILMS
from posterity.search.titles import TitleIndex
from posterity.serialise import plain
from posterity.settings import setting
from posterity.web.answers import (
    Collection,
    FilmPage,
    Films,
    Found,
    GenreView,
    LayoutAnswer,
    LayoutName,
    MoneyView,
    Relative,
    Why,
)
from posterity.web.columns import claimed, numbers, sets, sprites
from posterity.web.layouts import Layouts, laid
from posterity.web.models import model_notes, said_by_models
from posterity.web.results import Made, Recent, made_of
from posterity.web.snapshot import Snapshot

LOOK_AGAIN = 1.0
"""Seconds for which the catalogue is taken not to have changed."""

N_PREDICTED = 8
"""Genres that a film's page tells the probabilities of."""

_THUMBNAILS_HELD, _SHEETS_HELD = 32 * 2**20, 24 * 2**20
"""Bytes."""

_DIGEST = 12
"""Letters of a SHA-256 that tell a collection's posters apart."""


class Gallery:
    """A catalogue for the page; safe to share between threads. Answering writes nothing into it.

    Args:
        catalogue: Which.
        clinic: Whether posters can be sent to it.
    """

    def __init__(self, catalogue: Catalogue, *, clinic: bool = True) -> None:
        self.catalogue = catalogue.reading()
        self.store = catalogue.store
        self.layouts = Layouts(catalogue, self.encoder)
        self.clinic = clinic
        self._reading = threading.Lock()
        self._snapshot: Snapshot | None = None
        self._versions = (-1, -1)
        self._looked = -1e9
        self._collecting = threading.Lock()
        self._thumbnails: Recent[bytes] = Recent(_THUMBNAILS_HELD)
        self._sheets: Recent[bytes] = Recent(_SHEETS_HELD)

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
        models, refused = said_by_models(self.store)
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
            models=models,
            refused=refused,
            thumbnail_rows={digest: row for row, digest in enumerate(self.store.thumbnail_digests())},
        )

    # --- the whole collection --------------------------------------------------------------------------------------

    def collection(self) -> Collection:
        """Tell what the page knows of every poster."""
        return self._collected(self.snapshot())

    def packed_collection(self) -> Made:
        """Give the same as JSON."""
        snap = self.snapshot()
        if snap.packed is None:
            collection = self._collected(snap)
            with self._collecting:
                snap.packed = snap.packed or made_of(collection)
        return snap.packed

    def _collected(self, snap: Snapshot) -> Collection:
        if snap.collection is None:
            with self._collecting:  # once, however many ask
                snap.collection = snap.collection or self._collection(snap)
        return snap.collection

    def _collection(self, snap: Snapshot) -> Collection:
        column = {name: snap.rows[name].to_pylist() for name in snap.rows.schema.names}
        genres, genre_of = sets(column["genres"])
        flags, flag_of = sets(column["flags"])
        languages, language_of = numbers(column["original_language"])
        franchises, franchise_of = numbers(column["collection"])
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
            predicted_of=claimed(snap.ids, said) if said else [],
            digests=[digest[:_DIGEST] for digest in column["sha256"]],
            shapes=[
                round(1000 * width / height) for width, height in zip(column["width"], column["height"], strict=True)
            ],
            palettes=base64.b64encode(snap.atlas.palettes[snap.slots].tobytes()).decode(),
            colours={name: (r, g, b) for name, (r, g, b) in COLOURS.items()},
            atlas=sprites(snap),
            layouts=self.layouts.names(),
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

    def layout(self, name: str, kind: str | None = None, *, keep: bool = False) -> LayoutAnswer:
        """Give a map or wall in the order of the collection; errors as of :meth:`find_layout`."""
        kind = kind or self.layouts.kind_of(name)
        found = self.layouts.find(kind, name, keep=keep)
        known = {each.name: each for each in self.layouts.names()}
        named = known.get(name) or LayoutName(name, kind, name.title())  # asked for as such, and made meanwhile
        return laid(self.snapshot(), named, found)

    # --- films -----------------------------------------------------------------------------------------------------

    def films(self, search: str, limit: int, offset: int = 0) -> Films:
        """Find films by title, year or id; without words, all of them by id."""
        snap = self.snapshot()
        if search.strip():
            found = snap.titles.search(search, len(snap.ids))
        else:
            found = [(number, 1.0) for number in range(len(snap.ids))]
        shown = found[offset : offset + limit]
        columns = snap.rows.select(["id", "title", "year", "genres"])
        rows = columns.take(pa.array([number for number, _ in shown], pa.int64())).to_pylist()
        films = [
            Found(row["id"], row["title"] or row["id"], row["year"], tuple(row["genres"] or ()), score)
            for row, (_, score) in zip(rows, shown, strict=True)
        ]
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
        """Say which models are not here, why, and how they are trained."""
        snap = self.snapshot()
        return [*model_notes(snap.models, snap.refused, name_of(self.catalogue.folder))]

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
