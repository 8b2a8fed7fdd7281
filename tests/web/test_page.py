"""The page in a real browser: from the server, and exported and opened from the disk."""

from __future__ import annotations

import csv
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import browsing, settle, until, visiting
from conftest import NASTY, real_data
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from serving import serving

import posterity
from posterity.images import decode
from posterity.web.site import export_site

ROOT = Path(__file__).parents[2]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as found:
        yield found


@pytest.fixture(scope="module")
def site(served: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("exported") / "site"
    made = export_site(posterity.open(served), out)
    assert (made.posters, made.files) == (90, sum(file.is_file() for file in out.rglob("*")))
    return out


@pytest.fixture(scope="module")
def address(served: Path) -> Iterator[str]:
    with serving(served) as found:
        yield f"{found}/"


@pytest.fixture(scope="module", params=["served", "from the disk"])
def anywhere(request: pytest.FixtureRequest) -> str:
    """The page's address: the server's, and that of the exported page's file."""
    if request.param == "served":
        return str(request.getfixturevalue("address"))
    return f"{(request.getfixturevalue('site') / 'index.html').as_uri()}"


def shown(page: Page) -> int:
    return int(page.get_by_test_id("count").inner_text().replace(",", ""))


# --- walking through -------------------------------------------------------------------------------------------------


def test_a_walk_through_the_collection(browser: Browser, anywhere: str, served: Path) -> None:
    films = posterity.open(served)
    with visiting(browser, anywhere) as page:
        assert shown(page) == 90
        # Every view shows every poster.
        for key, view in (("2", "wall"), ("3", "timeline"), ("4", "list"), ("1", "map")):
            page.locator("canvas").focus()
            page.keyboard.press(key)
            settle(page)
            assert f"view={view}" in page.url or view == "map"
            inside = "Array.from({length: 90}, (_, i) => stage.box(i)).filter(([x, y, w, h]) => w > 1 && h > 1).length"
            assert page.evaluate(f"() => {inside}") == 90
        # Pan and zoom change the address; it leads to the same place again.
        before = page.evaluate("() => stage.view")
        page.mouse.move(700, 400)
        page.mouse.wheel(0, -800)
        page.mouse.down()
        page.mouse.move(760, 460, steps=4)
        page.mouse.up()
        settle(page)
        view = page.evaluate("() => stage.view")
        assert view["scale"] > 2 * before["scale"]
        until(page, "location.hash.includes('at=')")
        with visiting(browser, page.url) as other:
            again = other.evaluate("() => stage.view")
            assert again == pytest.approx(view, rel=1e-3, abs=3)
        # A film: by its sprite; its neighbours are those of the Python interface; back leads back.
        page.keyboard.press("0")
        settle(page)
        place = page.evaluate("() => { const b = stage.box(4); return [b[0] + b[2] / 2, b[1] + b[3] / 2]; }")
        left = page.locator("canvas").bounding_box()
        assert left is not None
        number = page.evaluate("([x, y]) => stage.pick(x, y)", place)
        page.mouse.click(left["x"] + place[0], left["y"] + place[1])
        identity = page.evaluate("(i) => films.ids[i]", number)
        expect(page.get_by_test_id("film")).to_be_visible()
        assert f"film={identity.replace(':', '%3A')}" in page.url
        items = page.locator("[data-testid=matches] > li")
        expect(items).to_have_count(12)
        wanted = films.similar(identity, k=12, weights="content=1,colour=0.5,composition=0.5")
        listed = items.evaluate_all("all => all.map((each) => each.dataset.id)")
        if "http" in anywhere:
            assert listed == [match.id for match in wanted.matches]
        else:  # re-ranked from the nearest by each facet, in hundredths
            assert len({*listed} & {match.id for match in wanted.matches}) >= 9
        # Other weights, other neighbours.
        page.get_by_role("slider", name="Content").fill("0")
        page.get_by_role("slider", name="Colour").fill("1")
        page.get_by_role("slider", name="Composition").fill("0")
        colour = films.similar(identity, k=12, weights="colour=1")
        nearest = json.dumps(colour.matches[0].id)
        until(page, f"document.querySelector('[data-testid=matches] > li')?.dataset.id === {nearest}")
        assert "weights=" in page.url
        page.get_by_role("button", name="Why?").first.click()
        expect(page.get_by_test_id("why")).to_contain_text("Colour")
        page.go_back()
        page.go_back()
        expect(page.get_by_test_id("film")).to_have_count(0)


def test_search_filters_and_facets(browser: Browser, anywhere: str, served: Path) -> None:
    films = posterity.open(served)
    with visiting(browser, anywhere) as page:
        some = next(p for p in films.posters()[1:] if p.film.title and len(p.film.title.split()[-1]) > 6)
        assert some.film.title
        word = some.film.title.split()[-1]
        slip = word[:2] + word[3] + word[2] + word[4:]  # two letters exchanged
        page.keyboard.press("/")
        page.keyboard.type(slip)
        expect(page.get_by_role("option").filter(has_text=some.film.title).first).to_be_visible()
        assert 1 <= shown(page) < 90
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        assert shown(page) == 90
        # Facets count what they would show; a filter counts for all others.
        horror = len(films.posters("array_has(genres, 'Horror')"))
        old = len(films.posters("array_has(genres, 'Horror') AND year < 1990"))
        box = page.locator("details", has_text="Genre").first.locator("label", has_text="Horror").first
        expect(box).to_contain_text(str(horror))
        box.click()
        assert shown(page) == horror
        page.get_by_label("To year").fill("1989")
        assert shown(page) == old
        drama = len(films.posters("array_has(genres, 'Drama') AND year < 1990"))
        counts = page.locator("details", has_text="Genre").first.locator("label", has_text="Drama").first
        expect(counts).to_contain_text(str(drama))
        mask = page.evaluate("() => location.hash")
        assert "genre=Horror" in mask
        assert "years=" in mask
        # What was found, as files.
        with page.expect_download() as saved:
            page.get_by_role("button", name="CSV").click()
        rows = list(csv.DictReader(io.StringIO(Path(saved.value.path()).read_text(encoding="utf-8"))))
        assert {row["id"] for row in rows} == {
            poster.id for poster in films.posters("array_has(genres, 'Horror') AND year < 1990")
        }
        with page.expect_download() as saved:
            page.get_by_role("button", name="JSON").click()
        assert len(json.loads(Path(saved.value.path()).read_text(encoding="utf-8"))) == old
        with page.expect_download() as saved:
            page.get_by_role("button", name="ZIP").click()
        with zipfile.ZipFile(saved.value.path()) as archive:
            assert archive.testzip() is None
            assert len(archive.namelist()) == old + 1
        page.get_by_role("button", name="Show all").click()
        assert shown(page) == 90
        # A lasso around the left half.
        page.keyboard.press("l")
        canvas = page.locator("canvas").bounding_box()
        assert canvas is not None
        x, y, w, h = canvas["x"], canvas["y"], canvas["width"], canvas["height"]
        page.mouse.move(x + 2, y + 2)
        page.mouse.down()
        for px, py in ((x + w / 2, y + 2), (x + w / 2, y + h - 2), (x + 2, y + h - 2)):
            page.mouse.move(px, py, steps=3)
        page.mouse.up()
        half = page.evaluate(
            "() => films.ids.filter((_, i) => stage.scene.points[2 * i] * stage.view.scale + stage.view.left"
            " < stage.size.width / 2).length"
        )
        assert shown(page) == half
        # A palette: those that are shown hold the colour.
        page.get_by_role("button", name="Show all").click()
        page.locator(".swatches").get_by_label("black", exact=True).click()
        assert 0 < shown(page) < 90
        assert "palette=" in page.url


def test_keys_alone_lead_to_a_film(browser: Browser, address: str) -> None:
    with visiting(browser, address) as page:
        page.locator("canvas").focus()
        page.keyboard.press("ArrowRight")
        first = page.locator("p.sr").inner_text()
        page.keyboard.press("ArrowRight")
        assert page.locator("p.sr").inner_text() != first
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("film")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_test_id("film")).to_have_count(0)
        page.keyboard.press("?")
        expect(page.get_by_test_id("panel-help")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_test_id("panel-help")).to_have_count(0)


# --- what is drawn ---------------------------------------------------------------------------------------------------


def test_every_sprite_is_the_poster_under_the_pointer(browser: Browser, tmp_path: Path) -> None:
    """After filtering, sorting anew and resizing, what is drawn at a poster's place is that poster and no other."""
    folder = tmp_path / "posters"
    folder.mkdir()
    for file in sorted(real_data("posters").iterdir())[:600]:
        (folder / file.name).symlink_to(file)
    posterity.build(folder, tmp_path / "films", real_data("posters.csv"), encoders=["colour"])
    films = posterity.open(tmp_path / "films")
    posters = films.posters()
    jpegs = films.store.thumbnails(poster.sha256 for poster in posters)
    small = np.stack([tiny(decode(jpegs[poster.sha256])) for poster in posters])
    looked = 0
    rng = np.random.default_rng(0)
    with serving(tmp_path / "films") as address, visiting(browser, f"{address}/#view=list") as page:
        for change in ("filter", "sort", "resize"):
            if change == "filter":
                page.locator("details", has_text="Genre").first.locator("label", has_text="Drama").first.click()
            elif change == "sort":
                page.get_by_label("Sorted by").select_option("year")
            else:
                page.set_viewport_size({"width": 1020, "height": 700})
                # The stage hears of it by an event of its own, and until then is as settled as it was.
                until(page, "innerWidth === 1020 && stage.size.width === document.querySelector('canvas').clientWidth")
            settle(page)
            page.evaluate("() => stage.fit()")
            settle(page)
            page.evaluate("() => stage.zoomBy(0.2)")
            settle(page)
            box = page.locator("canvas").bounding_box()
            assert box is not None
            drawn = picture_of(page)
            # Those that are not wanted let the ground through.
            ground, shade = drawn[2, 2], page.evaluate("() => Array.from(stage.mask, (on) => on ? 1 : 0.13)")
            boxes = page.evaluate(
                """() => Array.from(films.ids, (_, i) => [i, ...stage.box(i)]).filter(([, x, y, w, h]) =>
                   x >= 0 && y >= 0 && x + w <= stage.size.width && y + h <= stage.size.height)"""
            )
            assert len(boxes) >= 70, change
            for number, x, y, w, h in (boxes[i] for i in rng.permutation(len(boxes))[:70]):
                assert page.evaluate(f"() => stage.pick({x + w / 2}, {y + h / 2})") == number
                seen = tiny(drawn[y + 1 : y + h - 1, x + 1 : x + w - 1])
                away = np.abs(small - (seen - ground * (1 - shade[number])) / shade[number]).mean(axis=(1, 2, 3))
                same = np.flatnonzero(away <= away[number] + 1e-9)
                # Nothing but a copy of the very same artwork may look as much like what is drawn.
                assert np.abs(small[same] - small[number]).mean(axis=(1, 2, 3)).max() < 12, (change, number)
                looked += 1
        page.mouse.move(box["x"] + x + w / 2, box["y"] + y + h / 2)
        expect(page.locator(".tip")).to_contain_text(posters[number].film.title or posters[number].id)
    assert looked >= 200


def picture_of(page: Page) -> np.ndarray:
    """What the canvas shows, without what lies over it."""
    clip = page.locator("canvas").bounding_box()
    over = "document.querySelectorAll('.overlay, .zoom').forEach((each) => { each.style.visibility = 'HOW'; })"
    page.evaluate(over.replace("HOW", "hidden"))
    shot = page.screenshot(clip=clip)
    page.evaluate(over.replace("HOW", ""))
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))


def tiny(picture: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).resize((16, 24), Image.Resampling.BOX)).astype(float)


def test_what_is_moved_along_is_what_would_be_drawn_anew(browser: Browser, address: str) -> None:
    with visiting(browser, f"{address}#view=wall") as page:
        for dx, dy in ((37, 0), (-90, 41), (13, -120)):
            page.evaluate(f"() => stage.panBy({dx}, {dy})")
            settle(page)
        moved = picture_of(page)
        page.evaluate("() => { stage.renderer.changed(); stage.ask(); }")
        settle(page)
        assert moved.std() > 20
        np.testing.assert_array_equal(moved, picture_of(page))


# --- the other pages -------------------------------------------------------------------------------------------------


def test_the_clinic_takes_a_poster(browser: Browser, address: str, served: Path) -> None:
    (poster, *_) = posterity.open(served).posters("year > 1990")
    with visiting(browser, f"{address}#panel=clinic") as page:
        page.get_by_label("Poster file").set_input_files(Path(poster.source, poster.path))
        clinic = page.get_by_test_id("clinic")
        expect(clinic).to_contain_text("This very file is in the collection")
        expect(clinic.locator(".thumbs").first.locator("button")).to_have_count(12)
        expect(clinic).to_contain_text("posterity train boxoffice")
        page.get_by_role("button", name="Its place on the map").click()
        settle(page)
        expect(page.locator(".spot")).to_be_visible()
    with visiting(browser, f"{address}#panel=clinic", expected="status of 400") as page:
        page.get_by_label("Poster file").set_input_files({"name": "x.jpg", "mimeType": "image/jpeg", "buffer": b"none"})
        expect(page.get_by_role("alert")).to_contain_text("not a supported picture format")


def test_pairs_are_reviewed_by_keys(browser: Browser, anywhere: str) -> None:
    with visiting(browser, f"{anywhere}#panel=pairs") as page:
        review = page.get_by_test_id("review")
        expect(review).to_be_visible()
        review.focus()
        page.keyboard.press("s")
        page.keyboard.press("d")
        page.keyboard.press("j")
        expect(page.get_by_test_id("review-at")).to_have_text("4 of 200")
        with page.expect_download() as saved:
            page.get_by_role("button", name="Save verdicts").click()
        rows = list(csv.DictReader(io.StringIO(Path(saved.value.path()).read_text(encoding="utf-8"))))
        assert [row["verdict"] for row in rows] == ["same", "different"]
        page.get_by_role("button", name="Scores").click()
        expect(page.get_by_test_id("scores")).to_contain_text("random")
        page.get_by_role("button", name="Report").click()
        expect(page.get_by_test_id("panel-report")).to_contain_text("90 posters kept")


def test_a_title_that_means_harm_is_only_a_title(browser: Browser, anywhere: str, served: Path) -> None:
    (poster,) = posterity.open(served).posters(f"title = '{NASTY}'")
    with visiting(browser, f"{anywhere}#film={poster.id}") as page:
        expect(page.get_by_role("heading", level=1)).to_contain_text(NASTY)
        page.get_by_label("Search titles").fill("onerror")
        expect(page.get_by_role("option").first).to_contain_text(NASTY)
        assert page.locator("img[src=x]").count() == 0
        assert page.title() != "1"


def test_nothing_is_asked_of_any_other_host(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 900, "height": 700})
    page = context.new_page()
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2] if "//" in request.url else "local"))
    page.goto(f"{address}#panel=evaluation&film={'x'}")
    settle(page)
    context.close()
    assert hosts == {address.split("/")[2]}


def test_an_exported_page_works_from_any_web_server(browser: Browser, site: Path) -> None:
    class Plain(SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(site))

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Plain) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with visiting(browser, f"http://127.0.0.1:{server.server_address[1]}/#view=wall&genre=Drama") as page:
            assert 0 < shown(page) < 90
            page.get_by_label("Search titles").fill("the")
            page.get_by_role("option").first.click()
            expect(page.locator("[data-testid=matches] > li")).to_have_count(12)
        server.shutdown()


def test_an_embedded_page_is_the_canvas_alone(browser: Browser, address: str) -> None:
    with visiting(browser, f"{address}?ui=0#view=wall", viewport={"width": 500, "height": 400}) as page:
        assert page.locator("header.bar").count() == 0
        assert page.locator("aside").count() == 0
        box = page.locator("canvas").bounding_box()
        assert box is not None
        assert (box["width"], box["height"]) == (500, 400)


@pytest.mark.parametrize(
    ("theme", "pages"),
    [("dark", ("view=map&by=genre&film=FILM", "panel=clinic", "panel=report")),
     ("light", ("view=timeline&by=year&film=FILM", "panel=pairs", "panel=evaluation"))],
)  # fmt: skip
def test_pages_are_accessible(browser: Browser, address: str, theme: str, pages: tuple[str, ...]) -> None:
    if not AXE.exists():
        pytest.skip(f"axe is not here: no {AXE}; npm ci in frontend/ (make test does so)")
    with visiting(browser, address, color_scheme=theme, bypass_csp=True) as page:
        page.add_script_tag(path=AXE)
        for hash_ in pages:
            identity = page.evaluate("() => films.ids[3]")
            page.evaluate(f"() => {{ location.hash = '{hash_.replace('FILM', identity)}'; }}")
            settle(page)
            if "film" in hash_:
                expect(page.locator("[data-testid=matches] > li")).to_have_count(12)
            found = page.evaluate(f"() => axe.run({{ runOnly: {RULES} }})")
            told = [f"{each['id']}: {node['html'][:160]} {node['failureSummary'][:200]}" for each in found["violations"]
                    for node in each["nodes"][:3]]  # fmt: skip
            assert told == [], hash_


def test_a_phone_shows_it_too(browser: Browser, address: str) -> None:
    options = {
        "viewport": {"width": 390, "height": 780},
        "has_touch": True,
        "is_mobile": True,
        "device_scale_factor": 2,
    }
    with visiting(browser, f"{address}#view=list", **options) as page:
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        x, y, w, h = page.evaluate(
            """() => Array.from(films.ids, (_, i) => stage.box(i)).find(([x, y, w, h]) =>
               x >= 0 && y >= 0 && x + w <= stage.size.width && y + h <= stage.size.height)"""
        )
        box = page.locator("canvas").bounding_box()
        assert box is not None
        page.touchscreen.tap(box["x"] + (x + w / 2) / 2, box["y"] + (y + h / 2) / 2)
        expect(page.get_by_test_id("film")).to_be_visible()


def test_an_exported_folder_is_replaced_and_nothing_else_is(served: Path, site: Path, tmp_path: Path) -> None:
    films = posterity.open(served)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(posterity.PosterityError, match="contains other files"):
        export_site(films, tmp_path / "mine")
    (site / "old.txt").write_text("of an older export")
    export_site(films, site, neighbours=2)
    assert not (site / "old.txt").exists()
    text = "".join(file.read_text() for file in (site / "data").glob("films-*.js"))
    assert str(served.parent) not in text  # where posters lie on this machine is not told
