"""The page: a large collection from a server on loopback, in Chromium; beside PixPlot in the same browser.

Generated posters: 500 drawn ones in twelve colourings, each as often as it takes, with vectors around 300 centres; only
the pictures' number and size matter here. Chromium draws by software (SwiftShader) where there is no graphics card, and
says which. PixPlot 0.0.112 is fetched from PyPI for its page alone; its data is written as its own program writes it.
"""

from __future__ import annotations

import asyncio
import functools
import gzip
import hashlib
import http.server
import json
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

import posterity
from benchmarks.harness import tell
from posterity.catalogue import Artefact, Film, Poster, Store
from posterity.catalogue.provenance import key, versions
from posterity.catalogue.store import now
from posterity.embedding.pipeline import provenance
from posterity.encoders import ENCODERS
from posterity.images import decode, thumbnail
from posterity.layouts.atlas import make_atlas
from posterity.layouts.maps import READS

MANY, SOME = 100_000, 20_000
ENCODERS_USED = ("poster", "colour", "composition")
WINDOW = {"width": 1280, "height": 760}
FLAGS = ("--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync")  # fmt: skip
WORDS = (
    "night", "river", "winter", "city", "last", "king", "red", "house", "lost", "star",
    "long", "road", "blue", "dream", "stone", "heart", "glass", "fire", "secret", "moon",
    "silent", "garden", "iron", "summer", "golden", "mirror", "paper", "dark", "sea", "hidden",
)  # fmt: skip
GENRES = ("Action", "Comedy", "Drama", "Horror", "Romance", "Thriller", "War", "Western")


def pictures(folder: Path) -> list[bytes]:
    """Draw 6,000 different thumbnails."""
    made = posterity.write_sample(folder / "sample", 500)
    found = []
    for file in sorted(made.posters.iterdir()):
        picture = decode(file.read_bytes(), (192, 128))
        for order in ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)):
            other = np.ascontiguousarray(picture[..., order])
            found += [thumbnail(other), thumbnail(np.ascontiguousarray(other[:, ::-1]))]
    return found


def generate(folder: Path, n: int, jpegs: list[bytes]) -> posterity.Catalogue:
    """Fill a catalogue with n posters, their vectors, a map and a wall."""
    store = Store.create(folder)
    rng = np.random.default_rng(0)
    years = rng.integers(1930, 2026, n).tolist()
    words = rng.integers(0, len(WORDS), (n, 3)).tolist()
    genres = rng.integers(0, len(GENRES), (n, 2)).tolist()
    ids = [f"tt{i:07d}" for i in range(n)]
    digests = [hashlib.sha256(identity.encode()).hexdigest() for identity in ids]
    for start in range(0, n, 10_000):
        some = range(start, min(n, start + 10_000))
        posters = [
            Poster(
                ids[i], str(folder), f"{ids[i]}.jpg",
                Film(imdb_id=ids[i], title=" ".join(WORDS[w] for w in words[i]).title(), year=years[i],
                     genres=tuple(dict.fromkeys(GENRES[g] for g in genres[i])), popularity=float(i % 97)),
                "JPEG", "RGB", 128, 192, 8000, 0, digests[i], int(digests[i][:16], 16),
            )
            for i in some
        ]  # fmt: skip
        store.put_posters(posters, {digests[i]: jpegs[i % len(jpegs)] for i in some})
    centre = rng.integers(0, 300, n)
    vectors = {}
    for name in ENCODERS_USED:
        encoder = ENCODERS.get(name)
        rows = rng.standard_normal((300, encoder.spec.dimension)).astype(np.float32)[centre]
        rows += 0.6 * rng.standard_normal(rows.shape).astype(np.float32)
        if encoder.spec.metric == "cosine":
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        vectors[name] = rows
        store.prepare_vectors(name, encoder.spec.dimension, provenance(store, encoder))
    for start in range(0, n, 20_000):
        some_rows = slice(start, start + 20_000)
        store.put_vectors(ids[some_rows], digests[some_rows], {name: rows[some_rows] for name, rows in vectors.items()})
    places = rng.standard_normal((300, 2))[centre] * 20 + rng.standard_normal((n, 2))
    spec = ENCODERS.get("poster").spec
    inputs = key(store, READS, encoders={spec.name: spec.fingerprint})

    def artefact(name: str, kind: str, parameters: dict[str, Any], scores: dict[str, Any]) -> Artefact:
        return Artefact(name, kind, "poster", spec.fingerprint, json.dumps(parameters), versions(), store.version,
                        inputs, json.dumps(scores), now())  # fmt: skip

    layout = {"method": "pca", "n_components": 50, "perplexity": 30.0, "n_neighbors": 15, "min_dist": 0.1,
              "random_state": 0}  # fmt: skip
    nothing = {"scores": {}, "baselines": {}, "new": 0, "clusters": []}
    store.put_layout(artefact("map_pca_poster", "layout", layout, nothing), ids, digests, places, np.full(n, -1))
    return posterity.Catalogue(store)


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, float]]:
    """Run ``posterity serve`` in a process of its own; gives its address and how long it took to answer."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "posterity", "serve", str(folder), "--port", "0", "--json", "-q"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = json.loads(process.stdout.readline())["address"]
        try:
            yield address, time.perf_counter() - start
        finally:
            process.send_signal(signal.SIGINT)


# --- the browser -----------------------------------------------------------------------------------------------------


def visit(browser: Browser, address: str) -> Page:
    """Open a page in a browser window of its own."""
    page = browser.new_context(viewport=WINDOW).new_page()
    page.goto(address)
    return page


def wait(page: Page, expression: str, limit: float = 120) -> None:
    """Wait until an expression is true in the page."""
    end = time.monotonic() + limit
    while not page.evaluate(f"() => Boolean({expression})"):
        if time.monotonic() > end:
            raise TimeoutError(expression)
        time.sleep(0.02)


FRAMES = """() => new Promise((done) => {
  let frames = 0; const start = performance.now(); let longest = 0; let last = start;
  const next = () => {
    const now = performance.now(); longest = Math.max(longest, now - last); last = now;
    if (now - start > 6000) { done([1000 * frames / (now - start), longest]); return; }
    frames++; STEP requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
})"""


def frames(page: Page, step: str) -> tuple[float, float]:
    """Take a step each frame for six seconds: frames a second as the screen gets them, and the longest, in ms.

    A frame counts when the browser asks for the next; one that waits for the graphics process holds that up.
    """
    page.wait_for_timeout(1000)
    rate, longest = page.evaluate(FRAMES.replace("STEP", step))
    return rate, longest


def browse(browser: Browser, folder: Path) -> None:
    """Measure the page of many posters."""
    with serving(folder) as (address, started):
        tell(f"posterity serve, {MANY:,} posters, sprites there", started, "s")
        page = visit(browser, address)
        wait(page, "window.stage?.painted")
        painted = page.evaluate("() => stage.painted") / 1000
        tell("the whole collection painted, from loopback", painted, "s", goal="< 3", met=painted < 3)
        card = page.evaluate(
            "() => { const e = stage.renderer.gl.getExtension('WEBGL_debug_renderer_info');"
            " return stage.renderer.gl.getParameter(e ? e.UNMASKED_RENDERER_WEBGL : stage.renderer.gl.RENDERER); }"
        )
        print(f"drawn by: {card}")
        wait(page, "stage.settled")
        held = page.evaluate("() => stage.bytes") / 1e6
        tell("sprites and thumbnails on the graphics card, at most", held, "MB", goal="< 400", met=held < 400)
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        session.send("HeapProfiler.collectGarbage")
        metrics = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
        tell("JavaScript's memory of the page", metrics["JSHeapUsedSize"] / 1e6, "MB")
        for name, zoom in (("whole", 1.0), ("near", 12.0)):
            page.evaluate(f"() => {{ stage.fit(); stage.flight = null; stage.zoomBy({zoom}); }}")
            wait(page, "stage.settled")
            rate, longest = frames(page, "stage.panBy(frames % 120 < 60 ? 5 : -5, frames % 80 < 40 ? 2 : -2);")
            tell(f"panning over {MANY:,}, {name}", rate, "frames/s", goal="≥ 30 (with a graphics card)", met=rate >= 30)
            tell(f"its longest frame, {name}", longest, "ms")
        start = time.perf_counter()
        page.evaluate("() => document.querySelector('details.facet label').click()")
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        tell("a facet chosen, counted and faded", time.perf_counter() - start, "s")
        page.context.close()


def pixplot(browser: Browser, folder: Path, store: Store, jpegs: list[bytes]) -> float | None:
    """Measure PixPlot's own page with the same posters at like places; None where it cannot be had."""
    place = folder / "pixplot"
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(place), "pixplot==0.0.112"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    archive = next(place.glob("*.tar.gz"), None) if place.is_dir() else None
    if archive is None:
        print(f"PixPlot left out: {done.stderr.strip()[-200:]}")
        return None
    with tarfile.open(archive) as tar:
        tar.extractall(place, filter="data")
    web = next(place.glob("pixplot-*/pixplot/web"))
    data = web / "data"
    (data / "atlases").mkdir(parents=True)
    ids, points, _ = store.layout("map_pca_poster")
    low, high = points.min(axis=0), points.max(axis=0)
    scaled = (2 * (points - low) / (high - low) - 1).round(4).tolist()
    sizes: list[list[list[int]]] = []
    positions: list[list[list[int]]] = []
    cell, side, per_row, rows = 32, 2048, 2048 // 21, 2048 // 32
    for number, start in enumerate(range(0, len(ids), per_row * rows)):
        canvas = np.zeros((side, side, 3), np.uint8)
        sizes.append([])
        positions.append([])
        for at, i in enumerate(range(start, min(len(ids), start + per_row * rows))):
            x, y = at % per_row * 21, at // per_row * cell
            canvas[y : y + cell, x : x + 21] = cv2.resize(decode(jpegs[i % len(jpegs)], (32, 21)), (21, cell))
            sizes[-1].append([85, 128])
            positions[-1].append([x, y])
        cv2.imwrite(str(data / "atlases" / f"atlas-{number}.jpg"), canvas[..., ::-1])
    grid = 1 / np.ceil(len(ids) ** 0.5)
    file = "output/data/layout.json"
    layout = {"n_neighbors": 15, "min_dist": 0.01, "layout": file, "jittered": file}
    manifest = {
        "version": "0.0.112", "plot_id": "bench", "output_directory": "output", "initial_layout": "umap",
        "layouts": {"umap": {"variants": [layout]}, "grid": {"layout": file}},
        "point_sizes": {"min": 0, "grid": grid, "max": grid * 1.2, "scatter": grid * 0.2, "initial": grid * 0.2,
                        "categorical": grid * 0.6, "geographic": grid * 0.025},
        "imagelist": "output/data/imagelist.json", "atlas_dir": "output/data/atlases", "metadata": False,
        "default_hotspots": "output/data/hotspots.json", "custom_hotspots": "output/data/hotspots.json",
        "config": {"sizes": {"atlas": side, "cell": cell, "lod": 128}},
    }  # fmt: skip
    images = {"cell_sizes": sizes, "images": ids, "atlas": {"count": len(sizes), "positions": positions}}
    for name, value in (("manifest", manifest), ("imagelist", images), ("layout", scaled), ("hotspots", [])):
        (data / f"{name}.json").write_text(json.dumps(value))
    (data / "thumbs").mkdir()
    with at_loopback(web) as address:
        page = visit(browser, f"{address}/index.html")
        wait(page, "window.data?.loadedTextures === window.data?.textureCount && window.data?.textureCount")
        page.evaluate("() => document.querySelector('#enter-button')?.click()")
        wait(page, "window.world?.state?.displayed")
        page.wait_for_timeout(4000)
        rate, _ = frames(page, "world.camera.position.x += frames % 120 < 60 ? 0.002 : -0.002;")
        page.screenshot(path=str(folder / "pixplot.png"))
        page.context.close()
    return rate


THREE = """<!doctype html><body style="margin:0">
<script type="importmap">{"imports":{"three":"./three.module.js"}}</script>
<script type="module">
import * as THREE from "three";
const [w, h, n] = [1280, 760, COUNT];
const renderer = new THREE.WebGLRenderer({ antialias: false });
renderer.setSize(w, h); document.body.append(renderer.domElement);
const camera = new THREE.OrthographicCamera(-w / 2, w / 2, h / 2, -h / 2, -1, 1);
const scene = new THREE.Scene();
const quad = new THREE.InstancedBufferGeometry();
quad.setAttribute("position", new THREE.BufferAttribute(new Float32Array([0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 1, 0]), 3));
quad.setIndex([0, 1, 2, 2, 1, 3]);
const places = await (await fetch("places.json")).json();
quad.setAttribute("place", new THREE.InstancedBufferAttribute(new Float32Array(places.flat()), 2));
quad.setAttribute("slot", new THREE.InstancedBufferAttribute(Float32Array.from({ length: n }, (_, i) => i), 1));
const texture = await new THREE.TextureLoader().loadAsync("atlas.jpg");
texture.generateMipmaps = false; texture.minFilter = THREE.LinearFilter; texture.flipY = false;
const material = new THREE.ShaderMaterial({ uniforms: { map: { value: texture } },
  vertexShader: `attribute vec2 place; attribute float slot; varying vec2 at;
    void main() { vec2 cell = vec2(mod(slot, 256.0), floor(slot / 256.0));
      at = (cell + position.xy) * vec2(16.0, 24.0) / vec2(4096.0, 2048.0);
      vec2 spot = place + (position.xy - 0.5) * vec2(SIZE, SIZE * 1.5);
      gl_Position = projectionMatrix * viewMatrix * vec4(spot, 0.0, 1.0); }`,
  fragmentShader: `uniform sampler2D map; varying vec2 at; void main() { gl_FragColor = texture2D(map, at); }` });
const mesh = new THREE.Mesh(quad, material); mesh.frustumCulled = false; scene.add(mesh);
window.camera = camera;
const render = () => { requestAnimationFrame(render); renderer.render(scene, camera); window.ready = true; };
render();
</script>"""


def three(browser: Browser, folder: Path, store: Store, jpegs: list[bytes], width: float) -> float | None:
    """Measure a plain three.js scene of the same posters, as wide as ours; None where three.js cannot be had."""
    place = folder / "three"
    place.mkdir()
    npm = shutil.which("npm")
    command = [npm or "npm", "install", "--no-audit", "--no-fund", "--prefix", str(place), "three@0.187"]
    done = subprocess.run(command, capture_output=True, text=True, check=False) if npm else None
    module = place / "node_modules" / "three" / "build"
    if done is None or not (module / "three.module.js").exists():
        print("three.js left out: npm cannot fetch it")
        return None
    for file in module.glob("three.*.js"):
        (place / file.name).write_bytes(file.read_bytes())
    ids, points, _ = store.layout("map_pca_poster")
    low, high = points.min(axis=0), points.max(axis=0)
    (place / "places.json").write_text(
        json.dumps((((points - low) / (high - low) - 0.5) * (760, 715)).round(2).tolist())
    )
    canvas = np.zeros((2048, 4096, 3), np.uint8)
    for i in range(len(ids)):
        x, y = i % 256 * 16, i // 256 * 24
        canvas[y : y + 24, x : x + 16] = cv2.resize(decode(jpegs[i % len(jpegs)], (24, 16)), (16, 24))
    cv2.imwrite(str(place / "atlas.jpg"), canvas[..., ::-1])
    (place / "index.html").write_text(THREE.replace("COUNT", str(len(ids))).replace("SIZE", f"{width:.2f}"))
    with at_loopback(place) as address:
        page = visit(browser, f"{address}/index.html")
        wait(page, "window.ready")
        rate, _ = frames(page, "camera.position.x += frames % 120 < 60 ? 3 : -3;")
        page.context.close()
    return rate


@contextmanager
def at_loopback(folder: Path) -> Iterator[str]:
    """Serve a folder's files while the block runs."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


def beside_pixplot(browser: Browser, folder: Path, jpegs: list[bytes]) -> None:
    """Compare the rate of frames while moving over the same posters."""
    films = generate(folder / "some", SOME, jpegs)
    make_atlas(films.store)
    with serving(folder / "some") as (address, _):
        page = visit(browser, address)
        wait(page, "window.stage?.settled")
        own, _ = frames(page, "stage.panBy(frames % 120 < 60 ? 3 : -3, 0);")
        anew, _ = frames(page, "stage.renderer.changed(); stage.panBy(frames % 120 < 60 ? 3 : -3, 0);")
        width = page.evaluate("() => stage.box(0)[2]")
        page.screenshot(path=str(folder / "own.png"))
        page.context.close()
    for peer, other in (
        ("PixPlot 0.0.112, same posters and browser", pixplot(browser, folder, films.store, jpegs)),
        ("a plain three.js 0.187 scene, likewise", three(browser, folder, films.store, jpegs, width)),
    ):
        ratio = own / other if other else None
        goal, met = ("≥ 5×", ratio is not None and ratio >= 5) if "PixPlot" in peer else ("", None)
        tell(f"panning over {SOME:,} posters", own, "frames/s", peer, other, ratio=ratio, goal=goal, met=met)
    tell(f"panning over {SOME:,} posters, nothing kept from frame to frame", anew, "frames/s")


# --- the server ------------------------------------------------------------------------------------------------------


async def ask(port: int, path: str, times: list[float], failed: list[str]) -> None:
    """Ask for one thing over a connection of its own."""
    start = time.perf_counter()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        if not answer.startswith(b"HTTP/1.1 200"):
            failed.append(path)
    except OSError as error:
        failed.append(f"{path}: {error}")
    times.append(time.perf_counter() - start)


async def steady(port: int, path: Callable[[int], str], rate: int, seconds: int) -> tuple[list[float], list[str]]:
    """Ask so many times a second, whether or not answers have come."""
    times: list[float] = []
    failed: list[str] = []
    start = time.perf_counter()
    tasks = []
    for at in range(rate * seconds):
        await asyncio.sleep(max(0.0, start + at / rate - time.perf_counter()))
        tasks.append(asyncio.create_task(ask(port, path(at), times, failed)))
    await asyncio.gather(*tasks)
    return sorted(times), failed


def load(folder: Path) -> None:
    """Measure the server under load."""
    with serving(folder) as (address, _):
        port = int(address.rsplit(":", 1)[1].strip("/"))
        digests = json.load(urllib.request.urlopen(f"{address}api/collection"))["digests"]

        async def at_once() -> tuple[list[float], list[str]]:
            times: list[float] = []
            failed: list[str] = []
            paths = [f"/api/thumbnails/{digests[i * 97]}.jpg" for i in range(1000)]
            visits = [ask(port, path, times, failed) for path in paths]
            searches = steady(port, lambda at: f"/api/films?search={WORDS[at % 30]}%20{WORDS[at * 7 % 30][:4]}", 50, 5)
            (_, (slow, lost)) = await asyncio.gather(asyncio.gather(*visits), searches)
            tell("50 searches/s beside 1,000 thumbnails at once, p99", 1e3 * slow[int(0.99 * len(slow))], "ms")
            return times, failed + lost

        times, failed = asyncio.run(at_once())
        tell("1,000 thumbnails asked for at once, until the last", max(times), "s")
        tell("of these and the searches, not answered", len(failed), "", goal="0", met=not failed)
        for name, path in (
            ("film pages", lambda at: f"/api/films/tt{at * 331 % MANY:07d}"),
            ("searches", lambda at: f"/api/films?search={WORDS[at % 30][:-1]}%20{WORDS[at * 7 % 30]}"),
        ):
            slow, failed = asyncio.run(steady(port, path, 50, 10))
            p99 = 1e3 * slow[int(0.99 * len(slow))]
            tell(f"{name} at 50 a second, p99", p99, "ms", goal="< 50", met=p99 < 50 and not failed)

        def similar(identity: str, weights: str) -> float:
            start = time.perf_counter()
            urllib.request.urlopen(f"{address}api/films/{identity}/similar?k=12&weights={weights}").read()
            return 1e3 * (time.perf_counter() - start)

        first = similar("tt0000005", "content=1,colour=1")
        tell("the first re-ranking after the start (vectors are read)", first, "ms")
        weights = [f"content=1,colour={i / 10},composition=1,genre=.5,era=.2" for i in range(12)]
        similar("tt0000005", weights[0])
        others = [similar(f"tt{i * 7919:07d}", each) for i, each in enumerate(weights)]
        again = [similar("tt0000005", each) for each in weights]
        for name, values in (("another poster", others), ("another weight", again)):
            what = f"re-ranking {MANY:,} by five facets, {name}, slowest of 12"
            tell(what, max(values), "ms", goal="< 100", met=max(values) < 100)


def main() -> None:
    """Measure all of it."""
    script = len(gzip.compress((Path(posterity.__file__).parent / "web" / "page" / "page.js").read_bytes()))
    tell("script of the page, compressed", script / 1e3, "kB", goal="< 400", met=script < 400_000)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        jpegs = pictures(folder)
        start = time.perf_counter()
        films = generate(folder / "films", MANY, jpegs)
        print(f"{MANY:,} posters generated in {time.perf_counter() - start:.0f} s")
        start = time.perf_counter()
        make_atlas(films.store)
        tell(f"sprites of {MANY:,} posters, once", time.perf_counter() - start, "s")
        load(folder / "films")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=_chromium(), args=FLAGS)
            browse(browser, folder / "films")
            beside_pixplot(browser, folder, jpegs)
            for name in ("own", "pixplot"):
                if (folder / f"{name}.png").exists():
                    target = Path("benchmarks", "results", f"page-{name}.png")
                    target.parent.mkdir(exist_ok=True)
                    target.write_bytes((folder / f"{name}.png").read_bytes())
            browser.close()


def _chromium() -> str:
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        print("skipped: no chromium; on Debian: apt-get install chromium")
        sys.exit(0)
    return found


if __name__ == "__main__":
    main()
