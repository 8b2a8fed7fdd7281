// What the page shows, as signals; all of it that has an address is written there, and read from there.

import { batch, computed, effect, signal } from "@preact/signals";
import { type Address, type Camera, type View, read, write } from "./address";
import { Palettes, lab } from "./colours";
import type { Collection, FilmPage, LayoutAnswer, Matches } from "./data/api";
import { Files, Server, type Source, Trouble, type Weights } from "./data/source";
import { type Facet, type FacetName, type Filtered, type Legend, type Wanted, facetsOf, filter, legend } from "./filters";
import { type Label, clusterLabels, regionLabels } from "./labels";
import { type Scene, listScene, mapScene, timelineScene, wallScene } from "./layouts";
import { type Hit, TitleIndex } from "./search";
import type { Seen, Stage } from "./stage/stage";

export const source: Source = document.documentElement.dataset.source === "files" ? new Files() : new Server();
export const embedded = /[?&]ui=0(&|$)/.test(location.search) || /[#&]ui=0(&|$)/.test(location.hash);

export const films = signal<Collection | null>(null);
export const trouble = signal<string | null>(null);
export const address = signal<Address>(read(location.hash));
export const layoutAnswers = signal<Record<string, LayoutAnswer | "loading" | Trouble>>({});
export const lasso = signal<Uint8Array | null>(null);
export const hovered = signal<number | null>(null);
export const focused = signal<number | null>(null);
export const seen = signal<Seen | null>(null);
export const stage = signal<Stage | null>(null);
export const lassoing = signal(false);
/** A file that was dropped on the page, for the clinic. */
export const dropped = signal<File | null>(null);
export const clinicSpot = signal<{ layout: string; x: number; y: number } | null>(null);
/** Whether the posters have been drawn: what can wait waits for that. */
export const drawn = signal(false);
/** The pages of sprites, asked for as soon as it is known which. */
export let sprites: Promise<ImageBitmap>[] = [];
export const announcement = signal("");
export const dark = signal(theme());
export const drawer = signal(innerWidth > 900);
export const aspect = signal(innerWidth / Math.max(innerHeight, 1));

export const index = computed(() => {
  const known = films.value;
  return known ? new TitleIndex(known.ids, known.titles, known.years, known.popularity) : null;
});
export const palettes = computed(() => (films.value ? new Palettes(films.value.palettes) : null));
export const facets = computed<Record<FacetName, Facet> | null>(() =>
  films.value && palettes.value ? facetsOf(films.value, palettes.value) : null);
export const numberOf = computed(() => new Map(films.value?.ids.map((id, i) => [id, i])));

const part = <K extends keyof Address>(name: K) => computed(() => address.value[name]);
export const view = part("view");
export const search = part("search");
export const panel = part("panel");
export const weights = part("weights");
export const film = computed(() => {
  const id = address.value.film;
  return id === null ? null : numberOf.value.get(id) ?? null;
});
export const compared = computed(() => {
  const id = address.value.why;
  return id === null ? null : numberOf.value.get(id) ?? null;
});

export const hits = computed<Hit[] | null>(() => (search.value.trim() && index.value ? index.value.search(search.value) : null));
export const wanted = computed<Wanted>(() => ({
  search: address.value.search, years: address.value.years, picked: address.value.picked, palette: address.value.palette,
  lasso: lasso.value,
}));
const wantedKey = computed(() => JSON.stringify([wanted.value.years, wanted.value.picked, wanted.value.palette]));
export const filtered = computed<Filtered | null>(() => {
  void wantedKey.value;
  if (!films.value || !facets.value || !palettes.value) return null;
  const found = hits.value ? new Set(hits.value.map((hit) => hit.number)) : null;
  return filter(films.value, facets.value, palettes.value, wanted.value, found);
});
const by = part("legend");
export const shownLegend = computed<Legend | null>(() =>
  films.value && facets.value ? legend(films.value, facets.value, by.value) : null);
/** Whether anything is asked for but all posters as they are. */
export const asked = computed(() =>
  hits.value !== null || lasso.value !== null || address.value.years !== null || Object.keys(address.value.picked).length > 0 ||
  address.value.palette.length > 0);
export const narrowed = computed(() => (filtered.value?.count ?? 0) < (films.value?.ids.length ?? 0));

// --- order and scenes ------------------------------------------------------------------------------------------------

const sort = part("sort");
/** All posters, those that are wanted first, in the order that was asked for. */
export const order = computed<Uint32Array>(() => {
  const known = films.value;
  if (!known) return new Uint32Array(0);
  const { mask, colourScore } = filtered.value!;
  const n = known.ids.length;
  const rank = new Float64Array(n);
  const missing = Infinity;
  const how = sort.value;
  if (how === "relevance" && (hits.value || colourScore)) {
    hits.value?.forEach((hit, at) => (rank[hit.number] = at));
    if (!hits.value) colourScore!.forEach((score, i) => (rank[i] = -score));
  } else if (how === "year") known.years.forEach((year, i) => (rank[i] = year ?? missing));
  else if (how === "rating") known.ratings.forEach((value, i) => (rank[i] = value === null ? missing : -value));
  else if (how === "revenue") known.revenues.forEach((value, i) => (rank[i] = value ? -value : missing));
  else if (how === "popularity") known.popularity.forEach((value, i) => (rank[i] = value === null ? missing : -value));
  else byTitle.value!.forEach((i, at) => (rank[i] = at));
  return Uint32Array.from({ length: n }, (_, i) => i).sort((a, b) =>
    mask[b] - mask[a] || (rank[a] < rank[b] ? -1 : rank[a] > rank[b] ? 1 : a - b));
});
const byTitle = computed(() => {
  const known = films.value;
  if (!known) return null;
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const names = known.titles.map((title, i) => (title || known.ids[i]).replace(/^(the|a|an) /i, ""));
  return Uint32Array.from({ length: names.length }, (_, i) => i).sort((a, b) => collator.compare(names[a], names[b]) || a - b);
});

/** Which map or wall is asked for: by name, or the first of its kind. */
export const layoutName = computed<string | null>(() => {
  const known = films.value;
  if (!known || view.value === "timeline" || view.value === "list") return null;
  const ofKind = known.layouts.filter((each) => each.kind === view.value);
  return (ofKind.find((each) => each.name === address.value.layout) ?? ofKind[0]).name;
});
export const layout = computed(() => (layoutName.value ? layoutAnswers.value[layoutName.value] ?? null : null));

const timelineGroups = computed(() => {
  const [known, all] = [films.value, facets.value];
  if (!known || !all) return null;
  const facet = address.value.rows === "colour" ? all.colour : all.genre;
  const total = new Int32Array(facet.names.length);
  facet.of.forEach((own) => own.length && total[own[0]]++);
  const ranked = [...total.keys()].filter((at) => total[at]).sort((a, b) => total[b] - total[a]).slice(0, 9);
  const place = new Map(ranked.map((at, rank) => [at, rank]));
  const of = Int16Array.from(facet.of, (own) => (own.length ? place.get(own[0]) ?? ranked.length : ranked.length));
  return { of, names: [...ranked.map((at) => facet.names[at]), "Other"] };
});
const byPopularity = computed(() => {
  const known = films.value;
  if (!known) return new Uint32Array(0);
  const rank = (i: number): number => known.popularity[i] ?? -1;
  return Uint32Array.from({ length: known.ids.length }, (_, i) => i).sort((a, b) => rank(b) - rank(a) || a - b);
});

export const scene = computed<Scene | null>(() => {
  const known = films.value;
  if (!known) return null;
  if (view.value === "list") {
    const cols = Math.max(3, Math.min(Math.round(aspect.value * 6), known.ids.length));
    return listScene(order.value, cols);
  }
  if (view.value === "timeline") {
    const groups = timelineGroups.value!;
    return timelineScene(known.years, groups.of, groups.names, aspect.value, byPopularity.value);
  }
  const answer = layout.value;
  if (!answer || answer === "loading" || answer instanceof Trouble) return null;
  return answer.kind === "wall" ? wallScene(answer) : mapScene(answer);
});

const held = new Map<string, Label[]>();
/** The labels of a map that fit how near the camera is. */
export function labelsAt(zoom: number): Label[] {
  const [answer, known] = [layout.value, films.value];
  const shown = scene.value;
  if (!known || !shown || !answer || answer === "loading" || answer instanceof Trouble || answer.kind !== "map") return [];
  const level = Math.max(0, Math.min(5, Math.floor(Math.log2(Math.max(zoom, 1) / 1.4) + 1)));
  const key = `${answer.name} ${known.state} ${level}`;
  let labels = held.get(key);
  if (!labels) {
    labels = level === 0 ? clusterLabels(answer, shown) : [];
    if (!labels.length) labels = regionLabels(known, facets.value!, shown, Math.max(level, 1));
    held.set(key, labels);
  }
  return labels;
}

// --- the address -----------------------------------------------------------------------------------------------------

/** Changes what is shown; `step` makes it one that "back" undoes. */
export function go(change: Partial<Address>, step = true): void {
  const next = { ...address.value, ...change };
  const text = write(next);
  batch(() => {
    address.value = next;
  });
  const url = `${location.pathname}${location.search}#${text}`;
  if (text === location.hash.replace(/^#/, "")) return;
  history[step ? "pushState" : "replaceState"](null, "", url);
}

export function rest(camera: Camera): void {
  const now = address.value.camera;
  const moved = stage.value?.camera === null ? null : camera;
  if (JSON.stringify(now) !== JSON.stringify(moved)) go({ camera: moved }, false);
}

addEventListener("popstate", () => {
  const before = address.value;
  address.value = read(location.hash);
  const { camera } = address.value;
  if (address.value.view === before.view && JSON.stringify(camera) !== JSON.stringify(before.camera)) stage.value?.goTo(camera);
});

export const setView = (next: View): void => go({ view: next, camera: null });
export const openFilm = (number: number): void => {
  go({ film: films.value!.ids[number], why: null, panel: null });
  announcement.value = `${titleOf(number)} opened`;
};
export const closeFilm = (): void => go({ film: null, why: null });
export const clearFilters = (): void => {
  lasso.value = null;
  go({ search: "", years: null, picked: {}, palette: [] });
};
export function toggle(facet: FacetName, value: string): void {
  const now = address.value.picked[facet] ?? [];
  const next = now.includes(value) ? now.filter((each) => each !== value) : [...now, value];
  const picked = { ...address.value.picked, [facet]: next };
  if (!next.length) delete picked[facet];
  go({ picked });
}

export function flipLasso(): void {
  lassoing.value = !lassoing.value;
  if (stage.value) stage.value.lassoing = lassoing.value;
}

export const titleOf = (number: number): string => films.value!.titles[number] || films.value!.ids[number];
export const captionOf = (number: number): string => {
  const year = films.value!.years[number];
  return titleOf(number) + (year ? ` (${year})` : "");
};

/** The weights in force: those of the address, or the usual ones of the facets that there are. */
export const shownWeights = computed<Weights>(() => {
  const usual: Weights = { content: 1, colour: 0.5, composition: 0.5, genre: 0, era: 0 };
  return Object.fromEntries((films.value?.facets ?? []).map((name) => [name, weights.value[name] ?? usual[name] ?? 0]));
});

// --- fetching --------------------------------------------------------------------------------------------------------

export function said(error: unknown): string {
  if (error instanceof Trouble) return error.message;
  console.error(error);
  return "Something went wrong on this page. Loading it again may help.";
}

export async function begin(): Promise<void> {
  try {
    const found = await source.collection();
    sprites = found.atlas.pages.map((key) => source.atlas(key));
    for (const page of sprites) page.catch(() => undefined); // whoever waits for it tells
    films.value = found;
    document.title = `${films.value.name}: ${films.value.ids.length.toLocaleString("en")} posters`;
  } catch (error) {
    trouble.value = said(error);
  }
}

effect(() => {
  const name = layoutName.value;
  if (!name || layoutAnswers.peek()[name]) return;
  layoutAnswers.value = { ...layoutAnswers.peek(), [name]: "loading" };
  source.layout(name).then(
    (answer) => (layoutAnswers.value = { ...layoutAnswers.peek(), [name]: answer }),
    (error: unknown) => (layoutAnswers.value = { ...layoutAnswers.peek(), [name]: new Trouble(said(error)) }),
  );
});

export interface Loaded<T> {
  value: T | null;
  trouble: string | null;
}
export const filmPage = signal<Loaded<FilmPage> & { number: number }>({ number: -1, value: null, trouble: null });
export const similarPosters = signal<Loaded<Matches> & { number: number; busy: boolean }>(
  { number: -1, value: null, trouble: null, busy: false });
export const K_SIMILAR = 12;

effect(() => {
  const number = film.value;
  if (number === null || !films.value) return;
  if (filmPage.peek().number !== number) filmPage.value = { number, value: null, trouble: null };
  source.film(number).then(
    (value) => film.peek() === number && (filmPage.value = { number, value, trouble: null }),
    (error: unknown) => film.peek() === number && (filmPage.value = { number, value: null, trouble: said(error) }),
  );
});

let question = 0;
effect(() => {
  const number = film.value;
  const asked = shownWeights.value;
  if (number === null || !films.value) return;
  const mine = ++question;
  const before = similarPosters.peek();
  similarPosters.value = { ...(before.number === number ? before : { value: null, trouble: null }), number, busy: true, trouble: null };
  if (!Object.values(asked).some((w) => w !== 0)) {
    similarPosters.value = { number, value: null, trouble: "All weights are 0: give at least one facet some.", busy: false };
    return;
  }
  source.similar(number, K_SIMILAR, asked).then(
    (value) => mine === question && (similarPosters.value = { number, value, trouble: null, busy: false }),
    (error: unknown) => mine === question && (similarPosters.value = { number, value: null, trouble: said(error), busy: false }),
  );
});

// --- looks -----------------------------------------------------------------------------------------------------------

function theme(): boolean {
  try {
    const kept = localStorage.getItem("posterity-theme");
    if (kept) return kept === "dark";
  } catch {
    // a page that may keep nothing asks the system each time
  }
  return !matchMedia("(prefers-color-scheme: light)").matches;
}

export function setTheme(next: boolean): void {
  dark.value = next;
  try {
    localStorage.setItem("posterity-theme", next ? "dark" : "light");
  } catch {
    // likewise
  }
}

/** Red, green, blue and alpha of each poster's border, as the renderer has them; null for none. */
export const tints = computed<Uint32Array | null>(() => {
  const [shown, n] = [shownLegend.value, films.value?.ids.length ?? 0];
  const marked = [film.value, focused.value].filter((each): each is number => each !== null);
  if (!shown && !marked.length) return null;
  const tint = new Uint32Array(n);
  const colours = shown?.entries.map((entry) => ((parseInt(entry.colour.slice(1), 16) << 8) | 0xff) >>> 0);
  if (shown && colours) shown.of.forEach((at, i) => (tint[i] = colours[at]));
  for (const number of marked) tint[number] = 0xffd54aff;
  return tint;
});

export const swatches = computed(() =>
  Object.entries(films.value?.colours ?? {}).map(([name, rgb]) => ({ name, rgb, lab: lab(rgb) })));

