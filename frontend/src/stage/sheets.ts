// Which sheets of thumbnails are on the graphics card: those that most of the posters in sight are on.

import type { Source } from "../data/source";
import type { Renderer } from "./renderer";

const AT_ONCE = 4;
export const CELLS = 64;

export class Sheets {
  private readonly layerOf = new Map<number, number>();
  private readonly used: { sheet: number; at: number }[];
  private readonly loading = new Set<number>();
  private readonly failed = new Set<number>();
  private wanted: number[] = [];
  private clock = 0;

  constructor(
    private readonly source: Source, private readonly renderer: Renderer, private readonly keys: string[],
    private readonly layers: number, private readonly changed: () => void,
  ) {
    this.used = Array.from({ length: layers }, () => ({ sheet: -1, at: -1 }));
  }

  /** Asks for the sheets of some slots. */
  want(slots: Iterable<number>): void {
    const counts = new Map<number, number>();
    for (const slot of slots) counts.set(slot >> 6, (counts.get(slot >> 6) ?? 0) + 1);
    const ranked = [...counts].sort((a, b) => b[1] - a[1]).slice(0, this.layers).map(([sheet]) => sheet);
    this.clock++;
    for (const sheet of ranked) {
      const layer = this.layerOf.get(sheet);
      if (layer !== undefined) this.used[layer].at = this.clock;
    }
    this.wanted = ranked.filter((sheet) => !this.layerOf.has(sheet) && !this.failed.has(sheet));
    this.next();
  }

  get busy(): boolean {
    return this.loading.size > 0 || this.wanted.length > 0;
  }

  private next(): void {
    while (this.loading.size < AT_ONCE && this.wanted.length) {
      const sheet = this.wanted.shift()!;
      if (this.loading.has(sheet)) continue;
      this.loading.add(sheet);
      this.source.sheet(this.keys[sheet]).then((picture) => this.put(sheet, picture), () => this.failed.add(sheet))
        .finally(() => {
          this.loading.delete(sheet);
          this.next();
        });
    }
  }

  private put(sheet: number, picture: ImageBitmap): void {
    let layer = 0;
    this.used.forEach((each, at) => {
      if (each.at < this.used[layer].at) layer = at;
    });
    const old = this.used[layer].sheet;
    if (old >= 0) {
      this.layerOf.delete(old);
      this.renderer.setSheetLayer(old, -1);
    }
    this.renderer.putSheet(layer, picture);
    picture.close();
    this.used[layer] = { sheet, at: this.clock };
    this.layerOf.set(sheet, layer);
    this.renderer.setSheetLayer(sheet, layer);
    this.changed();
  }
}
