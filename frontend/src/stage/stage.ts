// The canvas as a whole: a scene of posters, the camera over it, and what hands do with it.

import type { Collection } from "../data/api";
import type { Source } from "../data/source";
import type { Scene } from "../layouts";
import { type Size, type View, address, at, held, posterWidth, whole, zoomed } from "./camera";
import { Grid } from "./grid";
import { Renderer, type Shot } from "./renderer";
import { CELLS, Sheets } from "./sheets";

export interface Seen {
  view: View;
  size: Size;
  posterWidth: number;
  ratio: number;
}

export interface Listener {
  /** After every frame in which something has moved. */
  seen(seen: Seen): void;
  /** Once the camera rests. */
  rested(camera: { x: number; y: number; zoom: number }): void;
  hovered(number: number | null): void;
  picked(number: number): void;
  lassoed(numbers: number[]): void;
  /** When the system has taken the graphics card away. */
  lost(): void;
}

const MORPH_MS = 900;
const FLIGHT_MS = 650;
const PATIENCE_MS = 3000;
/** Of sheets of thumbnails, on the graphics card, with sprites: all that the page takes for posters. */
const BUDGET = 380e6;
/** Where posters are larger than so many sprites, thumbnails are shown. */
const COARSE = 1.15;

export const reducedMotion = (): boolean => matchMedia("(prefers-reduced-motion: reduce)").matches;

export class Stage {
  readonly renderer: Renderer;
  scene: Scene | null = null;
  view: View = { scale: 1, left: 0, top: 0 };
  lassoing = false;
  /** Frames drawn and posters on the graphics card in bytes: for benchmarks. */
  frames = 0;
  bytes = 0;
  ready = false;
  /** When all posters had been drawn for the first time, in ms after the page was asked for. */
  painted = 0;
  private complete = false;
  private readonly begun = performance.now();
  private whenPainted: () => void = () => undefined;
  private readonly n: number;
  private grid: Grid | null = null;
  private morph: { start: number } | null = null;
  private flight: { start: number; from: View; to: View } | null = null;
  private sheets: Sheets | null = null;
  private readonly slots: Uint32Array;
  private mask: Uint8Array;
  private asked = false;
  private resting: ReturnType<typeof setTimeout> | undefined;
  private pointers = new Map<number, { x: number; y: number }>();
  private pressed: { x: number; y: number; moved: boolean } | null = null;
  private lasso: [number, number][] = [];
  private fitted = true;
  private spriteWidth = 16;

  constructor(
    readonly canvas: HTMLCanvasElement, private readonly overlay: SVGPolygonElement, private readonly films: Collection,
    private readonly source: Source, private readonly listener: Listener,
  ) {
    this.n = films.ids.length;
    this.slots = Uint32Array.from(films.atlas.slots);
    this.mask = new Uint8Array(this.n).fill(1);
    this.renderer = new Renderer(canvas, this.n, { slots: this.slots, shapes: Uint16Array.from(films.shapes, (s) => Math.min(s, 65535)) },
      films.atlas.sheets.length);
    this.listen();
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.resize();
  }

  get ratio(): number {
    return Math.min(devicePixelRatio || 1, 2);
  }

  get size(): Size {
    return { width: this.canvas.width, height: this.canvas.height };
  }

  /** Takes the sprites of all posters in; resolves once all of them can be seen. */
  async load(pages: Promise<ImageBitmap>[]): Promise<void> {
    const { atlas } = this.films;
    this.spriteWidth = atlas.sprite[1];
    this.renderer.setAtlas(atlas.sprite, atlas.grid, atlas.pages.length);
    const page = atlas.sprite[0] * atlas.grid[0] * atlas.sprite[1] * atlas.grid[1] * 4;
    this.bytes = page * atlas.pages.length * 1.3125;
    const [height, width] = [atlas.sheet[0] * 192, atlas.sheet[1] * 128];
    const layers = Math.max(1, Math.min(32, atlas.sheets.length, Math.floor((BUDGET - this.bytes) / (width * height * 4))));
    this.bytes += layers * width * height * 4;
    const waiting = pages.map(async (page, layer) => {
      const picture = await page;
      this.renderer.putPage(layer, picture);
      picture.close();
      this.ask();
    });
    await Promise.all(waiting);
    this.ready = true;
    this.ask();
    await new Promise<void>((resolve) => (this.whenPainted = resolve));
    this.renderer.finishPages();
    this.renderer.setSheets(width, height, layers);
    this.sheets = new Sheets(this.source, this.renderer, atlas.sheets, layers, () => this.ask());
    this.complete = true;
    this.ask();
  }

  // --- what is shown -------------------------------------------------------------------------------------------------

  /** Shows another scene; posters go to their places there. */
  show(scene: Scene, camera: { x: number; y: number; zoom: number } | null): void {
    // What was seen before keeps its place on the screen while posters move: only then does the movement tell anything.
    const before = this.view;
    const old = this.scene;
    this.scene = scene;
    this.grid = new Grid(scene.points);
    const target = camera ? at(this.size, scene, camera) : whole(this.size, scene);
    this.fitted = camera === null;
    if (old && !reducedMotion() && this.renderer.fast(this.n)) {
      const from = new Float32Array(this.n * 2);
      for (let i = 0; i < this.n; i++) {
        from[2 * i] = (old.points[2 * i] * before.scale + before.left - target.left) / target.scale;
        from[2 * i + 1] = (old.points[2 * i + 1] * before.scale + before.top - target.top) / target.scale;
      }
      this.renderer.setPlaces(from, scene.points);
      this.morph = { start: performance.now() };
    } else {
      this.renderer.setPlaces(scene.points, scene.points);
      this.morph = null;
    }
    this.flight = null;
    this.view = target;
    this.ask();
  }

  setLooks(mask: Uint8Array, tints: Uint32Array | null): void {
    this.mask = mask;
    this.renderer.setLooks(mask, tints);
    this.ask();
  }

  setBackground(rgb: [number, number, number]): void {
    this.renderer.setBackground([rgb[0] / 255, rgb[1] / 255, rgb[2] / 255]);
    this.ask();
  }

  // --- the camera ----------------------------------------------------------------------------------------------------

  /** Moves the camera, or jumps there where motion is not wanted. */
  fly(to: View): void {
    this.fitted = false;
    if (reducedMotion()) {
      this.view = to;
      this.flight = null;
    } else {
      this.flight = { start: performance.now(), from: this.view, to };
    }
    this.ask();
  }

  fit(): void {
    if (!this.scene) return;
    this.fly(whole(this.size, this.scene));
    this.fitted = true;
  }

  goTo(camera: { x: number; y: number; zoom: number } | null): void {
    if (!this.scene) return;
    if (camera) this.fly(at(this.size, this.scene, camera));
    else this.fit();
  }

  /** Brings a poster into the middle, and near enough to be made out. */
  focus(number: number, nearer = true): void {
    if (!this.scene) return;
    const wide = 120 * this.ratio;
    let scale = this.view.scale;
    if (nearer) {
      const base = whole(this.size, this.scene).scale;
      const now = posterWidth(this.view, this.size, this.scene);
      if (now < wide) scale = this.scene.crowded ? base * Math.pow(Math.max(wide / base, 1), 1 / 0.72) : wide;
    }
    const [x, y] = [this.scene.points[2 * number], this.scene.points[2 * number + 1]];
    this.fly({ scale, left: Math.round(this.size.width / 2 - x * scale), top: Math.round(this.size.height / 2 - y * scale) });
  }

  zoomBy(factor: number, x = this.size.width / 2, y = this.size.height / 2, smooth = false): void {
    if (!this.scene) return;
    const to = held(zoomed(this.flight?.to ?? this.view, factor, x, y, this.size, this.scene), this.size, this.scene);
    if (smooth) this.fly(to);
    else {
      this.flight = null;
      this.fitted = false;
      this.view = to;
      this.ask();
    }
  }

  panBy(dx: number, dy: number): void {
    if (!this.scene) return;
    this.flight = null;
    this.fitted = false;
    const { scale, left, top } = this.view;
    this.view = held({ scale, left: left + Math.round(dx), top: top + Math.round(dy) }, this.size, this.scene);
    this.ask();
  }

  get camera(): { x: number; y: number; zoom: number } | null {
    return this.scene && !this.fitted ? address(this.flight?.to ?? this.view, this.size, this.scene) : null;
  }

  // --- what is where -------------------------------------------------------------------------------------------------

  /** The posters whose middle is in a rectangle of the canvas, in device pixels. */
  inRectangle(x0: number, y0: number, x1: number, y1: number, margin = 0): Uint32Array {
    if (!this.grid) return new Uint32Array(0);
    const { scale, left, top } = this.view;
    return this.grid.within((x0 - left - margin) / scale, (y0 - top - margin) / scale, (x1 - left + margin) / scale,
      (y1 - top + margin) / scale);
  }

  /** The poster drawn at a place of the canvas (device pixels): of those that lie there, the one on top. */
  pick(x: number, y: number): number | null {
    if (!this.scene) return null;
    const width = posterWidth(this.view, this.size, this.scene);
    const order = this.inRectangle(x, y, x, y, width);
    let found: number | null = null;
    for (const i of order) {
      const [left, top, wide, high] = this.box(i);
      if (x >= left && x < left + wide && y >= top && y < top + high) {
        // As drawn: those that are wanted lie over those that are not; of equals, the first drawn is on top.
        if (found === null || this.mask[i] > this.mask[found]) found = i;
      }
    }
    return found;
  }

  /** Left, top, width and height of a poster on the canvas, in device pixels. */
  box(i: number): [number, number, number, number] {
    const { scale, left, top } = this.view;
    const width = posterWidth(this.view, this.size, this.scene!);
    const shape = this.films.shapes[i] / 1000;
    const [w, h] = shape > 2 / 3 ? [width, width / shape] : [1.5 * width * shape, 1.5 * width];
    const [x, y] = [this.scene!.points[2 * i] * scale + left, this.scene!.points[2 * i + 1] * scale + top];
    return [Math.floor(x - w / 2 + 0.5), Math.floor(y - h / 2 + 0.5), Math.max(1, Math.floor(w + 0.5)), Math.max(1, Math.floor(h + 0.5))];
  }

  /** The wanted poster nearest to another in a direction, for walking by keys. */
  neighbour(from: number, dx: number, dy: number): number | null {
    if (!this.scene) return null;
    const { points } = this.scene;
    let best: number | null = null;
    let least = Infinity;
    for (let i = 0; i < this.n; i++) {
      const [x, y] = [points[2 * i] - points[2 * from], points[2 * i + 1] - points[2 * from + 1]];
      const along = x * dx + y * dy;
      const aside = Math.abs(x * dy) + Math.abs(y * dx);
      if (i === from || !this.mask[i] || along <= 1e-6 || aside > 2 * along) continue;
      const off = along + 2 * aside;
      if (off < least) [best, least] = [i, off];
    }
    return best;
  }

  // --- frames --------------------------------------------------------------------------------------------------------

  ask(): void {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => this.frame());
  }

  private frame(): void {
    this.asked = false;
    const { scene } = this;
    const now = performance.now();
    // All at once is sooner than bit by bit, unless the sprites are long in coming.
    if (!scene || (!this.ready && now < this.begun + PATIENCE_MS)) return;
    this.frames++;
    let moved = 1;
    if (this.morph) {
      const t = Math.min(1, (now - this.morph.start) / MORPH_MS);
      moved = t < 1 ? ease(t) : 1;
      if (t >= 1) {
        this.morph = null;
        this.renderer.changed();
      }
    }
    if (this.flight) {
      const t = Math.min(1, (now - this.flight.start) / FLIGHT_MS);
      this.view = between(this.flight.from, this.flight.to, ease(t));
      if (t >= 1) this.flight = null;
    }
    const width = posterWidth(this.view, this.size, scene);
    this.renderer.setNear(width > COARSE * this.spriteWidth);
    const all = (): Uint32Array => Uint32Array.from({ length: this.n }, (_, i) => i);
    const shot: Shot = {
      view: this.view, posterWidth: width, moved,
      within: moved < 1 ? all : (x0, y0, x1, y1) => this.inRectangle(x0, y0, x1, y1, width),
    };
    if (moved < 1) this.renderer.changed();
    const more = this.renderer.draw(shot);
    if (!this.painted && this.ready && !more && this.renderer.done) {
      this.painted = performance.now();
      this.whenPainted();
    }
    if (more || this.morph || this.flight) this.ask();
    this.listener.seen({ view: this.view, size: this.size, posterWidth: width, ratio: this.ratio });
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      this.resting = undefined;
      this.rest();
    }, 140);
  }

  private rest(): void {
    const { scene } = this;
    if (!scene || this.morph || this.flight) return;
    const width = posterWidth(this.view, this.size, scene);
    if (this.sheets && width > COARSE * this.spriteWidth) {
      const shown = this.inRectangle(0, 0, this.size.width, this.size.height, width);
      if (shown.length <= 40 * CELLS) this.sheets.want(Array.from(shown, (i) => this.slots[i]));
    }
    const camera = this.camera;
    this.listener.rested(camera ?? { x: 0.5, y: 0.5, zoom: 1 });
  }

  /** Whether nothing is under way: for tests, which look at what is drawn. */
  get settled(): boolean {
    return this.complete && !this.asked && !this.morph && !this.flight && this.resting === undefined && !this.sheets?.busy;
  }

  private resize(): void {
    const { clientWidth, clientHeight } = this.canvas;
    if (!clientWidth || !clientHeight) return;
    const camera = this.scene ? address(this.view, this.size, this.scene) : null;
    this.renderer.resize(Math.round(clientWidth * this.ratio), Math.round(clientHeight * this.ratio));
    if (this.scene && camera) this.view = this.fitted ? whole(this.size, this.scene) : at(this.size, this.scene, camera);
    this.ask();
  }

  // --- hands ---------------------------------------------------------------------------------------------------------

  private listen(): void {
    const { canvas } = this;
    canvas.addEventListener("webglcontextlost", () => this.listener.lost());
    const place = (event: MouseEvent): { x: number; y: number } => {
      const box = canvas.getBoundingClientRect();
      return { x: (event.clientX - box.left) * this.ratio, y: (event.clientY - box.top) * this.ratio };
    };
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const unit = event.deltaMode === 1 ? 32 : event.deltaMode === 2 ? 400 : 1;
      const { x, y } = place(event);
      // Two fingers on a touchpad pan; a wheel, or a pinch (which browsers report as Ctrl and wheel), zooms.
      const pans = event.deltaX !== 0 || this.scene?.tall;
      if (pans && !event.ctrlKey) this.panBy(-event.deltaX * unit * this.ratio, -event.deltaY * unit * this.ratio);
      else this.zoomBy(Math.exp(-event.deltaY * unit * (event.ctrlKey ? 0.01 : 0.0016)), x, y);
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      const p = place(event);
      this.pointers.set(event.pointerId, p);
      this.pressed = { ...p, moved: this.pointers.size > 1 };
      if (this.lassoing || event.shiftKey) this.lasso = [[p.x, p.y]];
    });
    canvas.addEventListener("pointermove", (event) => {
      const p = place(event);
      const old = this.pointers.get(event.pointerId);
      if (!old) {
        if (event.pointerType !== "touch") this.listener.hovered(this.pick(p.x, p.y));
        return;
      }
      if (this.pressed && Math.hypot(p.x - this.pressed.x, p.y - this.pressed.y) > 5 * this.ratio) this.pressed.moved = true;
      if (this.lasso.length) this.draw(p);
      else if (this.pointers.size === 1) {
        if (this.pressed?.moved) this.panBy(p.x - old.x, p.y - old.y);
        else return;
      } else if (this.pointers.size === 2) this.pinch(event.pointerId, old, p);
      this.pointers.set(event.pointerId, p);
    });
    const up = (event: PointerEvent): void => {
      if (!this.pointers.delete(event.pointerId)) return;
      if (this.pointers.size) {
        if (this.pressed) this.pressed.moved = true;
        return;
      }
      const { pressed } = this;
      this.pressed = null;
      if (this.lasso.length) this.finishLasso();
      else if (pressed && !pressed.moved && event.type === "pointerup") {
        const number = this.pick(pressed.x, pressed.y);
        if (number !== null) this.listener.picked(number);
      }
    };
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", up);
    canvas.addEventListener("pointerleave", () => this.listener.hovered(null));
    canvas.addEventListener("dblclick", (event) => {
      const { x, y } = place(event);
      if (this.pick(x, y) === null) this.zoomBy(2, x, y, true);
    });
  }

  private pinch(id: number, old: { x: number; y: number }, now: { x: number; y: number }): void {
    const [other] = [...this.pointers].filter(([each]) => each !== id).map(([, p]) => p);
    const before = Math.hypot(old.x - other.x, old.y - other.y);
    const after = Math.hypot(now.x - other.x, now.y - other.y);
    this.panBy((now.x - old.x) / 2, (now.y - old.y) / 2);
    if (before > 1) this.zoomBy(after / before, (now.x + other.x) / 2, (now.y + other.y) / 2);
  }

  private draw(p: { x: number; y: number }): void {
    this.lasso.push([p.x, p.y]);
    this.overlay.setAttribute("points", this.lasso.map(([x, y]) => `${x / this.ratio},${y / this.ratio}`).join(" "));
  }

  private finishLasso(): void {
    const { scale, left, top } = this.view;
    const shape = this.lasso.map(([x, y]) => [(x - left) / scale, (y - top) / scale] as const);
    this.lasso = [];
    this.overlay.setAttribute("points", "");
    if (shape.length < 3 || !this.scene) return;
    const { points } = this.scene;
    const found: number[] = [];
    for (let i = 0; i < this.n; i++) if (inside(points[2 * i], points[2 * i + 1], shape)) found.push(i);
    this.listener.lassoed(found);
  }
}

/** Whether a point is inside a polygon: a ray to the right crosses its edges an odd number of times. */
export function inside(x: number, y: number, polygon: readonly (readonly [number, number])[]): boolean {
  let odd = false;
  polygon.forEach(([x1, y1], at) => {
    const [x0, y0] = polygon[(at + polygon.length - 1) % polygon.length];
    if (y1 > y !== y0 > y && x < ((x0 - x1) * (y - y1)) / (y0 - y1) + x1) odd = !odd;
  });
  return odd;
}

const ease = (t: number): number => (t < 0.5 ? 4 * t ** 3 : 1 - (2 - 2 * t) ** 3 / 2);

/** A view on the way: scales in even ratios, and the same point of the world in the same place relative to both. */
function between(from: View, to: View, t: number): View {
  if (t >= 1) return to;
  const scale = from.scale * Math.pow(to.scale / from.scale, t);
  // The fixed point of the movement, if the scale changes; else a straight line.
  const share = Math.abs(to.scale / from.scale - 1) < 1e-6 ? t : (scale - from.scale) / (to.scale - from.scale);
  return { scale, left: Math.round(from.left + (to.left - from.left) * share), top: Math.round(from.top + (to.top - from.top) * share) };
}
