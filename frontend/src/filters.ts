// Which posters are wanted, and how many more there would be of each kind: live counts.

import type { Collection } from "./data/api";
import { LEAST, type Palettes, hex, lab, parse } from "./colours";

export const FACETS = ["genre", "predicted", "language", "franchise", "money", "flag", "colour"] as const;
export type FacetName = (typeof FACETS)[number];

export const FACET_LABELS: Record<FacetName, string> = {
  genre: "Genre", predicted: "Predicted genre", language: "Language", franchise: "Franchise",
  money: "Revenue / budget", flag: "Cleaning flag", colour: "Main colour",
};

const MONEY: [string, (ratio: number) => boolean][] = [
  ["Below 1: a loss", (ratio) => ratio < 1], ["1 to 2", (ratio) => ratio >= 1 && ratio < 2],
  ["2 to 5", (ratio) => ratio >= 2 && ratio < 5], ["5 and more", (ratio) => ratio >= 5],
];

/** What one facet says of every poster: names, and the numbers of those that a poster has. */
export interface Facet {
  names: string[];
  of: number[][];
}

export function facetsOf(films: Collection, palettes: Palettes): Record<FacetName, Facet> {
  const one = (names: string[], of: number[]): Facet => ({ names, of: of.map((at) => (at < 0 ? [] : [at])) });
  const money = films.ratios.map((ratio) => (ratio === null ? MONEY.length : MONEY.findIndex(([, fits]) => fits(ratio))));
  const words = Object.keys(films.colours);
  const examples = words.map((word) => lab(films.colours[word]));
  const languages = films.languages.map(languageName);
  return {
    genre: { names: films.genres, of: films.genre_of },
    predicted: { names: films.predicted, of: films.predicted.length ? films.predicted_of : films.ids.map(() => []) },
    language: one(languages, films.language_of),
    franchise: one(films.franchises, films.franchise_of),
    money: one([...MONEY.map(([name]) => name), "Not known"], money),
    flag: { names: films.flags.map((flag) => flag.replaceAll("_", " ")), of: films.flag_of },
    colour: one(words, films.ids.map((_, i) => palettes.main(i, examples))),
  };
}

let names: Intl.DisplayNames | null = null;
function languageName(code: string): string {
  try {
    names ??= new Intl.DisplayNames(["en"], { type: "language" });
    return names.of(code) ?? code;
  } catch {
    return code; // no code that is known
  }
}

export interface Wanted {
  search: string;
  years: [number, number] | null;
  picked: Partial<Record<FacetName, string[]>>;
  palette: string[];
  lasso: Uint8Array | null;
}

export const NOTHING: Wanted = { search: "", years: null, picked: {}, palette: [], lasso: null };

export interface Filtered {
  /** (n,) 1 for posters that are wanted. */
  mask: Uint8Array;
  count: number;
  /** How many posters each name of a facet would show, all other filters standing. */
  counts: Record<FacetName, Int32Array>;
  /** Year -> how many, all other filters standing. */
  byYear: Map<number, number>;
  /** Of a palette: how well each poster answers it. */
  colourScore: Float32Array | null;
}

export function filter(
  films: Collection, facets: Record<FacetName, Facet>, palettes: Palettes, wanted: Wanted, hits: Set<number> | null,
): Filtered {
  const n = films.ids.length;
  // Bit by bit: which of the filters a poster fails.
  const fails = new Uint16Array(n);
  const bits: Partial<Record<FacetName | "years", number>> = {};
  let bit = 1;
  for (const name of FACETS) {
    const chosen = wanted.picked[name];
    if (!chosen?.length) continue;
    const numbers = new Set(chosen.map((each) => facets[name].names.indexOf(each)));
    facets[name].of.forEach((own, i) => {
      if (!own.some((at) => numbers.has(at))) fails[i] |= bit;
    });
    bits[name] = bit;
    bit <<= 1;
  }
  if (wanted.years) {
    const [from, to] = wanted.years;
    films.years.forEach((year, i) => {
      if (year === null || year < from || year > to) fails[i] |= bit;
    });
    bits.years = bit;
    bit <<= 1;
  }
  let colourScore: Float32Array | null = null;
  const colours = wanted.palette.map(parse).filter((each) => each !== null).map(lab);
  if (colours.length) {
    colourScore = new Float32Array(n);
    for (let i = 0; i < n; i++) {
      const shares = colours.map((each) => palettes.share(i, each));
      colourScore[i] = shares.every((share) => share >= LEAST) ? shares.reduce((a, b) => a + b, 0) : 0;
      if (!colourScore[i]) fails[i] |= bit;
    }
    bit <<= 1;
  }
  if (hits || wanted.lasso) {
    for (let i = 0; i < n; i++) {
      if ((hits && !hits.has(i)) || (wanted.lasso && !wanted.lasso[i])) fails[i] |= bit;
    }
  }
  const mask = new Uint8Array(n);
  let count = 0;
  const counts = Object.fromEntries(FACETS.map((name) => [name, new Int32Array(facets[name].names.length)])) as
    Record<FacetName, Int32Array>;
  const byYear = new Map<number, number>();
  for (let i = 0; i < n; i++) {
    if (!fails[i]) {
      mask[i] = 1;
      count++;
    }
    const year = films.years[i];
    if (year !== null && !(fails[i] & ~(bits.years ?? 0))) byYear.set(year, (byYear.get(year) ?? 0) + 1);
  }
  for (const name of FACETS) {
    const others = ~(bits[name] ?? 0);
    const counted = counts[name];
    const { of } = facets[name];
    for (let i = 0; i < n; i++) if (!(fails[i] & others)) for (const at of of[i]) counted[at]++;
  }
  return { mask, count, counts, byYear, colourScore };
}

// --- colours of the legend -------------------------------------------------------------------------------------------

export const LEGENDS = ["none", "genre", "predicted", "year", "rating", "revenue", "colour", "language"] as const;
export type LegendBy = (typeof LEGENDS)[number];

export interface Legend {
  entries: { name: string; colour: string; count: number }[];
  /** (n,) the number of each poster's entry. */
  of: Int16Array;
}

/** Twelve hues that stay apart for most eyes, light enough for dark ground and dark enough for light. */
const HUES = ["#e6914a", "#4f8fd9", "#59b36b", "#d95f6e", "#a07ad6", "#c2b13d", "#4fb5b5", "#d87fc0", "#8aa04b", "#b5805a",
              "#7d8fb8", "#e0c070"];
export const REST = "#8a8a90";
export const MOST_ENTRIES = 11;

export function legend(films: Collection, facets: Record<FacetName, Facet>, by: LegendBy): Legend | null {
  if (by === "none") return null;
  if (by === "year") return binned(films.years, decades(films.years), "Year not known");
  if (by === "rating") {
    return binned(films.ratings, [[-1, 4, "below 4"], [4, 5, "4 to 5"], [5, 6, "5 to 6"], [6, 7, "6 to 7"],
                                  [7, 8, "7 to 8"], [8, 11, "8 and more"]], "No rating");
  }
  if (by === "revenue") {
    return binned(films.revenues.map((each) => each || null), [
      [0, 1e6, "below 1 million"], [1e6, 1e7, "1 to 10 million"], [1e7, 1e8, "10 to 100 million"],
      [1e8, 5e8, "100 to 500 million"], [5e8, Infinity, "500 million and more"]], "Revenue not known");
  }
  const facet = facets[by];
  const total = new Int32Array(facet.names.length);
  facet.of.forEach((own) => own.length && total[own[0]]++);
  const ranked = [...total.keys()].filter((at) => total[at]).sort((a, b) => total[b] - total[a] || a - b);
  const kept = ranked.slice(0, by === "colour" ? ranked.length : MOST_ENTRIES);
  const place = new Map(kept.map((at, rank) => [at, rank]));
  const of = Int16Array.from(facet.of, (own) => (own.length ? place.get(own[0]) ?? kept.length : kept.length));
  const examples = Object.values(films.colours);
  const entries = kept.map((at, rank) => ({
    name: facet.names[at], count: total[at],
    colour: by === "colour" ? hex(examples[at]) : HUES[rank % HUES.length],
  }));
  const rest = of.reduce((sum, at) => sum + (at === kept.length ? 1 : 0), 0);
  entries.push({ name: "Other", colour: REST, count: rest });
  return { entries, of };
}

function decades(years: (number | null)[]): [number, number, string][] {
  const known = [...new Set(years.filter((year) => year !== null).map((year) => Math.floor((year as number) / 10) * 10))];
  return known.sort((a, b) => a - b).map((start) => [start, start + 10, `${start}s`]);
}

/** From blue to yellow, evenly lighter, as viridis does (S. van der Walt, N. Smith, 2015). */
const RAMP = ["#46327e", "#365c8d", "#277f8e", "#1fa187", "#4ac16d", "#a0da39", "#fde725"];

function binned(values: (number | null)[], bins: [number, number, string][], missing: string): Legend {
  const of = Int16Array.from(values, (value) => {
    const at = value === null ? -1 : bins.findIndex(([low, high]) => value >= low && value < high);
    return at < 0 ? bins.length : at;
  });
  const counts = new Int32Array(bins.length + 1);
  of.forEach((at) => counts[at]++);
  const entries = bins.map(([, , name], at) => ({
    name, colour: RAMP[Math.round((at / Math.max(bins.length - 1, 1)) * (RAMP.length - 1))], count: counts[at],
  }));
  entries.push({ name: missing, colour: REST, count: counts[bins.length] });
  return { entries, of };
}
