// Everything has an address: what is shown, as the part of the address after #, and back again.

import { FACETS, LEGENDS, type FacetName, type LegendBy } from "./filters";

export const VIEWS = ["map", "wall", "timeline", "list"] as const;
export type View = (typeof VIEWS)[number];
export const PANELS = ["clinic", "pairs", "duplicates", "report", "evaluation", "help"] as const;
export type Panel = (typeof PANELS)[number];
export const SORTS = ["title", "year", "rating", "revenue", "popularity", "relevance"] as const;
export type Sort = (typeof SORTS)[number];
export const ROWS = ["genre", "colour"] as const;
export type Rows = (typeof ROWS)[number];

/** The camera: the middle of the window in the scene's width and height (0 to 1), and how much larger than whole. */
export interface Camera {
  x: number;
  y: number;
  zoom: number;
}

export interface Address {
  view: View;
  layout: string;
  camera: Camera | null;
  search: string;
  years: [number, number] | null;
  picked: Partial<Record<FacetName, string[]>>;
  palette: string[];
  legend: LegendBy;
  sort: Sort;
  rows: Rows;
  film: string | null;
  why: string | null;
  weights: Record<string, number>;
  panel: Panel | null;
}

export const START: Address = {
  view: "map", layout: "", camera: null, search: "", years: null, picked: {}, palette: [], legend: "none",
  sort: "title", rows: "genre", film: null, why: null, weights: {}, panel: null,
};

const one = <T extends string>(value: string | null, known: readonly T[], otherwise: T): T =>
  known.includes(value as T) ? (value as T) : otherwise;

export function write(address: Address): string {
  const query = new URLSearchParams();
  const put = (name: string, value: string, usual: string): void => {
    if (value !== usual) query.set(name, value);
  };
  put("view", address.view, START.view);
  put("layout", address.layout, "");
  if (address.camera) {
    const { x, y, zoom } = address.camera;
    query.set("at", [x.toFixed(5), y.toFixed(5), zoom.toPrecision(5)].join(","));
  }
  put("q", address.search, "");
  if (address.years) query.set("years", address.years.join("-"));
  for (const name of FACETS) for (const value of address.picked[name] ?? []) query.append(name, value);
  put("palette", address.palette.map((colour) => colour.replace("#", "")).join(","), "");
  put("by", address.legend, START.legend);
  put("sort", address.sort, START.sort);
  put("rows", address.rows, START.rows);
  if (address.film !== null) query.set("film", address.film);
  if (address.why !== null) query.set("why", address.why);
  put("weights", Object.entries(address.weights).map(([name, w]) => `${name}:${w}`).join(","), "");
  if (address.panel) query.set("panel", address.panel);
  return query.toString();
}

export function read(text: string): Address {
  const query = new URLSearchParams(text.replace(/^#/, ""));
  const numbers = (query.get("at") ?? "").split(",").map(Number);
  const years = /^(\d{1,4})-(\d{1,4})$/.exec(query.get("years") ?? "");
  const picked: Partial<Record<FacetName, string[]>> = {};
  for (const name of FACETS) {
    const values = query.getAll(name);
    if (values.length) picked[name] = values;
  }
  const weights: Record<string, number> = {};
  for (const part of (query.get("weights") ?? "").split(",")) {
    const [name, value] = part.split(":");
    if (name && Number.isFinite(Number(value))) weights[name] = Number(value);
  }
  const panel = query.get("panel");
  return {
    view: one(query.get("view"), VIEWS, START.view),
    layout: query.get("layout") ?? "",
    camera: numbers.length === 3 && numbers.every(Number.isFinite) && numbers[2] > 0
      ? { x: numbers[0], y: numbers[1], zoom: numbers[2] } : null,
    search: query.get("q") ?? "",
    years: years ? [Number(years[1]), Number(years[2])] : null,
    picked,
    palette: (query.get("palette") ?? "").split(",").filter((c) => /^[0-9a-f]{6}$/i.test(c)).map((c) => `#${c}`),
    legend: one(query.get("by"), LEGENDS, START.legend),
    sort: one(query.get("sort"), SORTS, START.sort),
    rows: one(query.get("rows"), ROWS, START.rows),
    film: query.get("film"),
    why: query.get("why"),
    weights,
    panel: PANELS.includes(panel as Panel) ? (panel as Panel) : null,
  };
}
