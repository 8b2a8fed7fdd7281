// Titles found as they are typed; counts exactly as src/posterity/titles.py does, which says how.

const SLIP = 0.25;
const UNFINISHED = 0.1;
const EXTRA = 0.02;
const LONGEST = 24;
/** How what was typed must begin to be the beginning of an id; else it is an id only as a whole. */
const BEGUN = /^(?:tt[0-9]{2}|tmdb:[0-9]|file:.)/s;

export const folded = (text: string): string =>
  (text.toLowerCase().replaceAll("ß", "ss").normalize("NFKD").replace(/\p{M}/gu, "").replace(/[_]/g, " ").replace(/['’]/g, "")
    .match(/[\p{L}\p{N}]+/gu) ?? []).join(" ");

export const slips = (word: string): number =>
  word.length < 4 || /^\d+$/.test(word) ? 0 : word.length < 8 ? 1 : 2;

/** How well a typed word fits a known one: 1 as it stands, 0 not at all. */
export function value(typed: string, word: string): number {
  const most = slips(typed);
  const a = typed.slice(0, LONGEST);
  const b = word.slice(0, LONGEST);
  const wide = Math.min(a.length + most, LONGEST);
  let before: number[] = [];
  let last = Array.from({ length: wide + 1 }, (_, j) => j);
  for (let i = 0; i < a.length; i++) {
    const row = [i + 1];
    let least = i + 1;
    for (let j = 0; j < wide; j++) {
      let best = Math.min(last[j + 1] + 1, row[j] + 1, last[j] + (b[j] === a[i] ? 0 : 1));
      if (i && j && b[j - 1] === a[i] && b[j] === a[i - 1]) best = Math.min(best, before[j - 1] + 1);
      row.push(best);
      if (best < least) least = best;
    }
    if (least > most + 1) return 0;
    before = last;
    last = row;
  }
  const reach = Math.min(b.length, wide);
  let begun = 99;
  for (let j = 0; j <= reach; j++) begun = Math.min(begun, last[j]);
  if (begun > most || !a.length) return 0;
  const whole = b.length <= wide ? last[b.length] : 99;
  return Math.max(1 - SLIP * whole, 1 - UNFINISHED - SLIP * begun);
}

export interface Hit {
  number: number;
  score: number;
}

export class TitleIndex {
  private readonly places = new Map<string, number[]>();
  private readonly nWords: Uint16Array;

  constructor(
    private readonly ids: string[], titles: string[], years: (number | null)[],
    private readonly weights: (number | null)[],
  ) {
    this.nWords = new Uint16Array(ids.length);
    titles.forEach((title, row) => {
      const words = new Set(folded(title).split(" ").filter(Boolean));
      this.nWords[row] = words.size;
      if (years[row]) words.add(String(years[row]));
      for (const word of words) {
        const rows = this.places.get(word);
        if (rows) rows.push(row);
        else this.places.set(word, [row]);
      }
    });
  }

  search(text: string): Hit[] {
    const typed = folded(text).split(" ").filter(Boolean);
    const wanted = text.trim().toLowerCase();
    const begun = BEGUN.test(wanted);
    const n = this.ids.length;
    const total = new Float64Array(n);
    const matched = new Uint8Array(n);
    for (const word of typed) {
      const best = new Float64Array(n);
      for (const [known, rows] of this.places) {
        const fits = value(word, known);
        if (fits > 0) for (const row of rows) best[row] = Math.max(best[row], fits);
      }
      for (let row = 0; row < n; row++) {
        if (best[row] > 0) {
          matched[row]++;
          total[row] += best[row];
        }
      }
    }
    const hits: Hit[] = [];
    for (let number = 0; number < n; number++) {
      let score = typed.length && matched[number] === typed.length
        ? total[number] / typed.length - EXTRA * Math.max(this.nWords[number] - typed.length, 0) : -1;
      const id = this.ids[number].toLowerCase();
      if (wanted && (id === wanted || (begun && id.startsWith(wanted)))) score = id === wanted ? 2 : 1.5;
      if (score >= 0) hits.push({ number, score });
    }
    const weight = (row: number): number => this.weights[row] ?? 0;
    return hits.sort((a, b) => Math.abs(b.score - a.score) > 1e-9 ? b.score - a.score
      : weight(b.number) - weight(a.number) || a.number - b.number);
  }
}
