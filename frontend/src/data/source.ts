// Where the page's data comes from: the server, or, on exported pages, scripts that lie beside the page.

import type {
  Clinic, Collection, DuplicatesJob, EvaluationJob, FilmPage, LayoutAnswer, Match, Matches, PairsJob, Report, Why,
} from "./api";

/** What went wrong, in words for people. */
export class Trouble extends Error {}

export type Weights = Record<string, number>;
export type PairsAsked = { hideFranchise: boolean; hideDuplicates: boolean };

export interface Source {
  /** Whether it is the server; else some things are told in less detail. */
  readonly live: boolean;
  collection(): Promise<Collection>;
  layout(name: string): Promise<LayoutAnswer>;
  /** Pictures for the graphics card: a page of sprites, a sheet of thumbnails. */
  atlas(key: string): Promise<ImageBitmap>;
  sheet(key: string): Promise<ImageBitmap>;
  thumbnail(number: number): string;
  poster(number: number): string;
  film(number: number): Promise<FilmPage>;
  similar(number: number, k: number, weights: Weights): Promise<Matches>;
  why(a: number, b: number, weights: Weights): Promise<Why | null>;
  pairs(asked: PairsAsked): Promise<PairsJob>;
  duplicates(): Promise<DuplicatesJob>;
  evaluation(): Promise<EvaluationJob>;
  report(): Promise<Report>;
  clinic(file: File): Promise<Clinic>;
}

const written = (weights: Weights): string =>
  Object.entries(weights).filter(([, w]) => w !== 0).map(([name, w]) => `${name}=${w}`).join(",");

const bitmap = (blob: Blob): Promise<ImageBitmap> =>
  createImageBitmap(blob, { premultiplyAlpha: "none", colorSpaceConversion: "none" });

export class Server implements Source {
  readonly live = true;
  private known: Collection | null = null;

  constructor(private readonly base = "api/") {}

  async collection(): Promise<Collection> {
    this.known = await this.json<Collection>("collection");
    return this.known;
  }
  layout(name: string): Promise<LayoutAnswer> {
    return this.json(`layouts/${encodeURIComponent(name)}`);
  }
  async atlas(key: string): Promise<ImageBitmap> {
    return bitmap(await (await this.ask(`atlas/${key}.jpg`)).blob());
  }
  async sheet(key: string): Promise<ImageBitmap> {
    return bitmap(await (await this.ask(`sheets/${key}.jpg`)).blob());
  }
  thumbnail(number: number): string {
    return `${this.base}thumbnails/${this.known!.digests[number]}.jpg`;
  }
  poster(number: number): string {
    return `${this.base}posters/${this.id(number)}`;
  }
  film(number: number): Promise<FilmPage> {
    return this.json(`films/${this.id(number)}`);
  }
  similar(number: number, k: number, weights: Weights): Promise<Matches> {
    return this.json(`films/${this.id(number)}/similar?k=${k}&weights=${encodeURIComponent(written(weights))}`);
  }
  why(a: number, b: number, weights: Weights): Promise<Why | null> {
    const other = encodeURIComponent(this.known!.ids[b]);
    return this.json(`films/${this.id(a)}/why?other=${other}&weights=${encodeURIComponent(written(weights))}`);
  }
  pairs({ hideFranchise, hideDuplicates }: PairsAsked): Promise<PairsJob> {
    return this.json(`pairs?n=200&hide_franchise=${hideFranchise}&hide_duplicates=${hideDuplicates}`);
  }
  duplicates(): Promise<DuplicatesJob> {
    return this.json("duplicates");
  }
  evaluation(): Promise<EvaluationJob> {
    return this.json("evaluation");
  }
  report(): Promise<Report> {
    return this.json("report");
  }
  async clinic(file: File): Promise<Clinic> {
    const form = new FormData();
    form.append("file", file, file.name);
    return (await this.ask("clinic", { method: "POST", body: form })).json() as Promise<Clinic>;
  }

  private id(number: number): string {
    return this.known!.ids[number].split("/").map(encodeURIComponent).join("/");
  }
  private async json<T>(path: string): Promise<T> {
    return (await this.ask(path)).json() as Promise<T>;
  }
  private async ask(path: string, init?: RequestInit): Promise<Response> {
    const response = await this.patiently(path, init);
    if (!response.ok) {
      const said = (await response.json().catch(() => ({}))) as { detail?: string; remedy?: string };
      throw new Trouble([said.detail ?? `The server answered ${response.status}`, said.remedy].filter(Boolean).join(". "));
    }
    return response;
  }
  /** Ask again as long as the server says when to: it is busy, or what was asked for is being made. */
  private async patiently(path: string, init?: RequestInit): Promise<Response> {
    for (let again = 0; ; again++) {
      let response: Response;
      try {
        response = await fetch(this.base + path, init);
      } catch {
        throw new Trouble("The server does not answer. Is posterity serve still running?");
      }
      const seconds = Number(response.headers.get("retry-after"));
      if (response.status !== 503 || !seconds || again >= 300) return response;
      await new Promise((done) => setTimeout(done, 1000 * seconds));
    }
  }
}

interface Near {
  of: number[];
  parts: Record<string, number[]>;
}

/** What `posterity export` wrote: each script calls `posterity(name, value)`. */
export class Files implements Source {
  readonly live = false;
  private known: (Collection & { full: boolean }) | null = null;
  private readonly asked = new Map<string, Promise<unknown>>();
  private readonly waiting = new Map<string, (value: unknown) => void>();
  private static readonly CHUNK = 64;

  constructor(private readonly base = "data/") {
    (window as unknown as { posterity: (name: string, value: unknown) => void }).posterity = (name, value) => {
      this.waiting.get(name)?.(value);
      this.waiting.delete(name);
    };
  }

  async collection(): Promise<Collection> {
    this.known = await this.load<Collection & { full: boolean }>("collection");
    return this.known;
  }
  async layout(name: string): Promise<LayoutAnswer> {
    const found = await this.load<LayoutAnswer & { problem?: string }>(`layout-${name}`);
    if (found.problem) throw new Trouble(found.problem);
    return found;
  }
  async atlas(key: string): Promise<ImageBitmap> {
    return this.picture(`atlas-${key}`);
  }
  async sheet(key: string): Promise<ImageBitmap> {
    return this.picture(`sheet-${key}`);
  }
  thumbnail(number: number): string {
    const digest = this.known!.digests[number];
    return `thumbs/${digest.slice(0, 2)}/${digest}.jpg`;
  }
  poster(number: number): string {
    return this.known!.full ? `posters/${number}.jpg` : this.thumbnail(number);
  }
  async film(number: number): Promise<FilmPage> {
    const films = await this.load<FilmPage[]>(`films-${Math.floor(number / Files.CHUNK)}`);
    return films[number % Files.CHUNK];
  }
  async similar(number: number, k: number, weights: Weights): Promise<Matches> {
    const films = await this.load<Near[]>(`near-${Math.floor(number / Files.CHUNK)}`);
    const near = films[number % Files.CHUNK];
    const whole = Object.values(weights).reduce((sum, w) => sum + Math.abs(w), 0) || 1;
    const shares = Object.entries(weights).filter(([name, w]) => w !== 0 && near.parts[name]);
    const matches: Match[] = near.of.map((other, at) => {
      const contributions = Object.fromEntries(
        shares.map(([name, w]) => [name, ((w / whole) * near.parts[name][at]) / 100]));
      const score = Object.values(contributions).reduce((sum, part) => sum + part, 0);
      return this.match(other, score, contributions);
    });
    matches.sort((a, b) => b.score - a.score);
    return { query: this.query(number), encoder: "facets", matches: matches.slice(0, k), weights };
  }
  async why(a: number, b: number, weights: Weights): Promise<Why | null> {
    const { matches } = await this.similar(a, 1000, weights);
    const known = this.known!;
    const match = matches.find((each) => each.id === known.ids[b]);
    if (!match) return null;
    const [one, other] = [await this.film(a), await this.film(b)];
    return {
      a: known.ids[a], b: known.ids[b], score: match.score, contributions: match.contributions ?? {}, weights,
      regions: {}, palettes: [one.palette, other.palette],
      same_artwork: one.relatives.some((each) => each.id === known.ids[b] && each.kind === "near duplicate"),
    };
  }
  async pairs(asked: PairsAsked): Promise<PairsJob> {
    const job = await this.load<PairsJob>("pairs");
    if (!job.result) return job;
    const hidden = [...(asked.hideFranchise ? ["same franchise", "another version"] : []),
                    ...(asked.hideDuplicates ? ["same picture"] : [])];
    return { ...job, result: { ...job.result, hidden,
                               pairs: job.result.pairs.filter((pair) => !hidden.includes(pair.kind)) } };
  }
  duplicates(): Promise<DuplicatesJob> {
    return this.load("duplicates");
  }
  evaluation(): Promise<EvaluationJob> {
    return this.load("evaluation");
  }
  report(): Promise<Report> {
    return this.load("report");
  }
  async clinic(): Promise<Clinic> {
    throw new Trouble("Exported pages have no clinic. It needs the server: posterity serve");
  }

  private match(number: number, score: number, contributions: Record<string, number>): Match {
    const known = this.known!;
    return {
      id: known.ids[number], title: known.titles[number] || known.ids[number], score, distance: -score,
      year: known.years[number], genres: known.genre_of[number].map((g) => known.genres[g]), contributions,
    };
  }
  private query(number: number): Matches["query"] {
    const id = this.known!.ids[number];
    return { id, title: this.known!.titles[number] || id, file: null, text: null, likes: [id], unlikes: [], colours: [] };
  }
  private async picture(name: string): Promise<ImageBitmap> {
    const text = atob(await this.load<string>(name, false));
    return bitmap(new Blob([Uint8Array.from(text, (c) => c.charCodeAt(0))], { type: "image/jpeg" }));
  }
  private load<T>(name: string, keep = true): Promise<T> {
    let found = this.asked.get(name) as Promise<T> | undefined;
    if (!found) {
      found = new Promise<T>((resolve, reject) => {
        this.waiting.set(name, resolve as (value: unknown) => void);
        const script = document.createElement("script");
        script.src = `${this.base}${encodeURIComponent(name)}.js`;
        script.onload = () => {
          script.remove();
          // Its call has come by now; if none has, the file is none of ours.
          if (this.waiting.delete(name)) reject(new Trouble(`${script.src} is no file of this page.`));
        };
        script.onerror = () => {
          script.remove();
          this.waiting.delete(name);
          this.asked.delete(name);
          reject(new Trouble(`${script.src} is missing. Was the whole folder copied?`));
        };
        document.head.append(script);
      });
      this.asked.set(name, found);
      if (!keep) void found.finally(() => this.asked.delete(name)).catch(() => undefined);
    }
    return found;
  }
}
