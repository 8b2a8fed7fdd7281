// Where each poster goes. A poster is 1 wide and 1.5 high in the world's units; y grows downwards.

import type { LayoutAnswer } from "./data/api";

export interface Tick {
  text: string;
  at: number;
}

export interface Scene {
  /** (n, 2) the middle of each poster. */
  points: Float32Array;
  width: number;
  height: number;
  /** Whether posters lie over each other, so that they shrink against the distances as one comes closer. */
  crowded: boolean;
  /** Names along the edges. */
  columns: Tick[];
  rows: Tick[];
  /** Whether it is read from top to bottom, as wide as the window, with a title below each poster. */
  tall: boolean;
}

const CELL = 1.5;
const GAP = 1.06;
/** Share of the world that a map's posters would fill if none lay over another. */
const FILLED = 1.1;

export function mapScene(layout: LayoutAnswer): Scene {
  const n = layout.x.length;
  const aspect = Math.min(2.5, Math.max(0.4, layout.aspect || 1));
  const height = Math.sqrt((n * CELL) / FILLED / aspect) + 2;
  const width = height * aspect;
  const points = new Float32Array(n * 2);
  for (let i = 0; i < n; i++) {
    // A poster without a place waits below the map.
    const out = layout.x[i] < 0;
    points[2 * i] = out ? (i * 7.3) % width : 0.5 + (layout.x[i] / 65535) * (width - 1);
    points[2 * i + 1] = out ? height + 2 : 0.75 + (layout.y[i] / 65535) * (height - 1.5);
  }
  return { points, width, height, crowded: true, columns: [], rows: [], tall: false };
}

export function wallScene(layout: LayoutAnswer): Scene {
  const n = layout.x.length;
  const points = new Float32Array(n * 2);
  const aside = layout.topology === "hexagonal" ? 0.5 : 0;
  let left = 0;
  for (let i = 0; i < n; i++) {
    const out = layout.x[i] < 0;
    const col = out ? left % layout.cols : layout.x[i];
    const row = out ? layout.rows + 1 + Math.floor(left++ / layout.cols) : layout.y[i];
    points[2 * i] = (col + 0.5 + aside * (row % 2)) * GAP;
    points[2 * i + 1] = (row * CELL + 0.75) * GAP;
  }
  return { points, width: (layout.cols + aside) * GAP, height: layout.rows * CELL * GAP,
           crowded: false, columns: [], rows: [], tall: false };
}

/** Posters in reading order, `order` first to last, in so many columns; shaped for a window of that aspect. */
export function listScene(order: Uint32Array, cols: number): Scene {
  const n = order.length;
  const points = new Float32Array(n * 2);
  const high = 1.5 + 0.36;
  order.forEach((number, at) => {
    points[2 * number] = (at % cols) * 1.12 + 0.56;
    points[2 * number + 1] = Math.floor(at / cols) * (high + 0.08) + 0.8;
  });
  return { points, width: cols * 1.12, height: Math.ceil(n / cols) * (high + 0.08),
           crowded: false, columns: [], rows: [], tall: true };
}

/** Years from left to right, groups (genres, colours) from top to bottom; each year's posters stacked in its column. */
export function timelineScene(
  years: (number | null)[], groups: Int16Array, names: string[], aspect: number, order: Uint32Array,
): Scene {
  const n = years.length;
  const known = years.filter((year): year is number => year !== null);
  const counts = new Int32Array(names.length);
  groups.forEach((group) => counts[group]++);
  const shown = names.map((_, group) => group).filter((group) => counts[group]);
  const first = known.length ? known.reduce((a, b) => Math.min(a, b)) : 0;
  const last = known.length ? known.reduce((a, b) => Math.max(a, b)) : 0;
  const unknown = known.length < n;
  const start = unknown ? 2 : 0;
  const columns = last - first + 1 + start;
  const column = (i: number): number => (years[i] === null ? 0 : (years[i] as number) - first + start);

  const cells = new Map<number, number[]>();
  order.forEach((i) => {
    const key = groups[i] * columns + column(i);
    const cell = cells.get(key);
    if (cell) cell.push(i);
    else cells.set(key, [i]);
  });
  // The column's width in posters that makes the whole nearest to the window's shape.
  const heights = (wide: number): number[] => {
    const tall = new Array<number>(names.length).fill(0);
    for (const [key, cell] of cells) {
      const group = Math.floor(key / columns);
      tall[group] = Math.max(tall[group], Math.ceil(cell.length / wide));
    }
    return tall;
  };
  let best = 1;
  let least = Infinity;
  for (let wide = 1; wide <= 24; wide++) {
    const tall = heights(wide).reduce((sum, rows) => sum + rows * CELL * GAP + (rows ? 1.2 : 0), 0);
    const off = Math.abs(Math.log((columns * (wide * GAP + 0.5)) / Math.max(tall, 1) / aspect));
    if (off < least) [best, least] = [wide, off];
  }
  const tall = heights(best);
  const step = best * GAP + 0.5;
  const points = new Float32Array(n * 2);
  const rows: Tick[] = [];
  let top = 0;
  for (const group of shown) {
    const bottom = top + tall[group] * CELL * GAP;
    rows.push({ text: names[group], at: (top + bottom) / 2 });
    for (let at = 0; at < columns; at++) {
      (cells.get(group * columns + at) ?? []).forEach((i, place) => {
        points[2 * i] = at * step + (place % best + 0.5) * GAP;
        points[2 * i + 1] = bottom - (Math.floor(place / best) + 0.5) * CELL * GAP;
      });
    }
    top = bottom + 1.2;
  }
  const ticks: Tick[] = unknown ? [{ text: "?", at: step / 2 }] : [];
  for (let year = first; year <= last && known.length; year++) {
    ticks.push({ text: String(year), at: (year - first + start) * step + step / 2 });
  }
  return { points, width: columns * step, height: Math.max(top - 1.2, 1), crowded: false, columns: ticks, rows,
           tall: false };
}
