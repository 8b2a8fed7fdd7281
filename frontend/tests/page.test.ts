import { describe, expect, test } from "vitest";
import { START, read, write } from "../src/address";
import { Palettes, lab } from "../src/colours";
import type { Collection } from "../src/data/api";
import { NOTHING, facetsOf, filter, legend } from "../src/filters";
import { listScene, mapScene, timelineScene, wallScene } from "../src/layouts";
import { TitleIndex, folded, slips, value } from "../src/search";
import { address, at, held, posterWidth, whole, zoomed } from "../src/stage/camera";
import { Grid } from "../src/stage/grid";
import { inside } from "../src/stage/stage";
import cases from "./titles.json";

describe("search", () => {
  test("counts as the server does", () => {
    for (const { typed, word, score } of cases.words) expect(value(typed, word), `${typed} ${word}`).toBeCloseTo(score, 9);
    for (const { text, folds } of cases.folds) expect(folded(text)).toBe(folds);
    const { ids, titles, years, weights } = cases.films;
    const index = new TitleIndex(ids, titles, years, weights);
    for (const { typed, found } of cases.searches) {
      expect(index.search(typed).map((hit) => hit.number), typed).toEqual(found);
    }
  });

  test("forgives slips by length", () => {
    expect(["abc", "abcd", "abcdefgh", "1999"].map(slips)).toEqual([0, 1, 2, 0]);
  });
});

describe("addresses", () => {
  test("lead back to what they were written from", () => {
    const some = {
      ...START, view: "timeline" as const, camera: { x: 0.25, y: 0.5, zoom: 12 }, search: "a&b=c #1", years: [1980, 1989] as [number, number],
      picked: { genre: ["Science Fiction", "War"], flag: ["near duplicate"] }, palette: ["#aa0000"], legend: "year" as const,
      sort: "year" as const, film: "file:odd/ä b", weights: { colour: -0.5, content: 1 }, panel: "pairs" as const,
    };
    expect(read("#" + write(some))).toEqual(some);
    expect(read("#" + write(START))).toEqual(START);
  });

  test("that make no sense show the usual", () => {
    expect(read("#view=moon&at=a,b,c&years=x&palette=zz&by=none&panel=attic&weights=a:b")).toEqual(START);
    expect(read("#at=0.5,0.5,-1").camera).toBeNull();
  });
});

describe("the camera", () => {
  const canvas = { width: 1000, height: 700 };
  const scene = { width: 80, height: 120, crowded: false };

  test("finds its place by its address", () => {
    const view = zoomed(whole(canvas, scene), 3.7, 200, 650, canvas, scene);
    const again = at(canvas, scene, address(view, canvas, scene));
    expect(again.scale).toBeCloseTo(view.scale, 6);
    expect(Math.abs(again.left - view.left)).toBeLessThanOrEqual(1);
  });

  test("keeps the place under the pointer", () => {
    const view = whole(canvas, scene);
    const next = zoomed(view, 2.5, 300, 200, canvas, scene);
    expect((300 - next.left) / next.scale).toBeCloseTo((300 - view.left) / view.scale, 1);
  });

  test("never loses the scene", () => {
    const lost = held({ scale: 5, left: 99_999, top: -99_999 }, canvas, scene);
    expect(lost.left).toBeLessThan(canvas.width);
    expect(lost.top + 5 * scene.height).toBeGreaterThan(0);
  });

  test("lets crowded posters grow slower than their distances", () => {
    const crowded = { ...scene, crowded: true };
    const view = whole(canvas, crowded);
    const near = { ...view, scale: view.scale * 16 };
    expect(posterWidth(view, canvas, crowded)).toBeCloseTo(view.scale);
    expect(posterWidth(near, canvas, crowded)).toBeLessThan(near.scale / 2);
  });
});

test("the grid finds all that is in a rectangle", () => {
  let seed = 1;
  const random = (): number => (seed = (seed * 16807) % 2147483647) / 2147483647;
  const points = Float32Array.from({ length: 2000 }, () => random() * 50);
  const grid = new Grid(points);
  for (let round = 0; round < 30; round++) {
    const [x0, y0] = [random() * 50, random() * 50];
    const [x1, y1] = [x0 + random() * 20, y0 + random() * 20];
    const found = new Set(grid.within(x0, y0, x1, y1));
    for (let i = 0; i < 1000; i++) {
      const [x, y] = [points[2 * i], points[2 * i + 1]];
      if (x >= x0 && x <= x1 && y >= y0 && y <= y1) expect(found.has(i)).toBe(true);
    }
  }
  expect(grid.within(-10, -10, 99, 99)).toHaveLength(1000);
  expect(grid.within(60, 60, 70, 70)).toHaveLength(0);
  expect(new Grid(new Float32Array(0)).within(0, 0, 1, 1)).toHaveLength(0);
});

test("a polygon holds what is inside it", () => {
  const star = [[0, 0], [4, 0], [4, 4], [2, 1], [0, 4]] as const;
  expect([[1, 1], [3, 1], [2, 3], [5, 1]].map(([x, y]) => inside(x, y, star))).toEqual([true, true, false, false]);
});

// --- a small collection ----------------------------------------------------------------------------------------------

const n = 6;
const palettes = new Palettes(btoa(String.fromCharCode(...Array.from({ length: n }, (_, i) => [
  i % 2 ? 205 : 35, i % 2 ? 25 : 90, i % 2 ? 30 : 180, 200, 10, 10, 10, 55, 0, 0, 0, 0, 0, 0, 0, 0]).flat())));
const films = {
  ids: ["a", "b", "c", "d", "e", "f"], titles: ["One", "Two", "Three", "Four", "Five", "Six"], years: [1980, 1981, 1990, null, 1999, 1980],
  genres: ["Comedy", "Drama"], genre_of: [[0], [1], [0, 1], [], [1], [0]], languages: ["de", "en"], language_of: [0, 1, 1, -1, 1, 0],
  franchises: ["Saga"], franchise_of: [0, -1, -1, -1, -1, 0], ratings: [5, 7, null, 6, 8, 9], popularity: [1, 2, 3, 4, 5, 6],
  revenues: [1, 2, 0, null, 5, 6], ratios: [0.5, 1.5, null, null, 6, 3], flags: ["near_duplicate"], flag_of: [[], [0], [], [], [], []],
  predicted: [], predicted_of: [], shapes: [667, 667, 667, 667, 667, 667], colours: { red: [205, 25, 30], blue: [35, 90, 180] },
} as unknown as Collection;
const facets = facetsOf(films, palettes);
const select = (changes: Partial<typeof NOTHING>, hits: Set<number> | null = null) => filter(films, facets, palettes, { ...NOTHING, ...changes }, hits);

describe("filters", () => {
  test("count what each more would show, all others standing: as a plain count has it", () => {
    const wanted = { picked: { genre: ["Comedy"], language: ["German"] }, years: [1980, 1989] as [number, number] };
    const found = select(wanted);
    expect(Array.from(found.mask)).toEqual([1, 0, 0, 0, 0, 1]);
    for (const [at, name] of facets.genre.names.entries()) {
      expect(found.counts.genre[at]).toBe(select({ ...wanted, picked: { ...wanted.picked, genre: [name] } }).count);
    }
    for (const [at, name] of facets.language.names.entries()) {
      expect(found.counts.language[at]).toBe(select({ ...wanted, picked: { ...wanted.picked, language: [name] } }).count);
    }
    expect([...found.byYear]).toEqual([[1980, 2]]);
  });

  test("are met together: search, lasso, palette", () => {
    expect(select({}, new Set([1, 2])).count).toBe(2);
    expect(select({ lasso: Uint8Array.from([1, 1, 0, 0, 0, 0]) }, new Set([1, 2])).count).toBe(1);
    expect(Array.from(select({ palette: ["#cd191e"] }).mask)).toEqual([0, 1, 0, 1, 0, 1]);
    expect(select({ palette: ["#00ff00"] }).count).toBe(0);
    expect(select({ picked: { money: ["Below 1: a loss"] } }).count).toBe(1);
  });

  test("legends name every poster, the rest as Other", () => {
    for (const by of ["genre", "year", "rating", "revenue", "colour", "language"] as const) {
      const shown = legend(films, facets, by)!;
      expect(shown.entries.reduce((sum, each) => sum + each.count, 0), by).toBe(n);
      expect(Array.from(shown.of).every((at) => at >= 0 && at < shown.entries.length)).toBe(true);
    }
  });
});

describe("scenes", () => {
  const apart = (points: Float32Array): number => {
    let least = Infinity;
    for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) {
      least = Math.min(least, Math.max(Math.abs(points[2 * i] - points[2 * j]), Math.abs(points[2 * i + 1] - points[2 * j + 1]) / 1.5));
    }
    return least;
  };
  const order = Uint32Array.from([5, 4, 3, 2, 1, 0]);

  test("a list is in its order, a wall in its cells, and nothing lies over another", () => {
    const list = listScene(order, 3);
    expect(list.points[2 * 5]).toBeLessThan(list.points[2 * 4]);
    expect(list.points[2 * 2 + 1]).toBeGreaterThan(list.points[2 * 3 + 1]);
    const wall = wallScene({ name: "w", kind: "wall", label: "", x: [0, 1, 2, 0, 1, -1], y: [0, 0, 0, 1, 1, -1], aspect: 1, rows: 2, cols: 3,
                             topology: "rectangular", clusters: [], scores: {}, chance: {} });
    const line = timelineScene(films.years, Int16Array.from([0, 1, 0, 1, 1, 0]), ["Comedy", "Drama"], 1.5, order);
    for (const scene of [list, wall, line]) expect(apart(scene.points)).toBeGreaterThanOrEqual(1);
    expect(line.columns[0]).toMatchObject({ text: "?" });
    expect(line.rows.map((row) => row.text)).toEqual(["Comedy", "Drama"]);
  });

  test("a map keeps places, and puts those without one outside", () => {
    const map = mapScene({ name: "m", kind: "map", label: "", x: [0, 65535, 30000, -1, 100, 200], y: [0, 65535, 30000, -1, 5, 7], aspect: 1.2,
                           rows: 0, cols: 0, topology: "", clusters: [], scores: {}, chance: {} });
    expect(map.points[0]).toBeLessThan(map.points[4]);
    expect(map.points[7]).toBeGreaterThan(map.height);
    expect(map.points[2]).toBeLessThan(map.width);
  });
});

test("colours are CIELAB", () => {
  expect(lab([255, 255, 255])[0]).toBeCloseTo(100, 2);
  const [L, a, b] = lab([255, 0, 0]);
  expect([L, a, b].map(Math.round)).toEqual([53, 80, 67]);
});
