// The left side: what is wanted, what there is of each kind, the legend, and the chosen posters as files.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import type { Sort } from "../address";
import { hex } from "../colours";
import { FACETS, FACET_LABELS, type FacetName, LEGENDS, type LegendBy, REST } from "../filters";
import {
  address, clearFilters, facets, films, filtered, flipLasso, focused, go, hits, lasso, lassoing, narrowed, openFilm, order, shownLegend,
  stage, swatches, titleOf, toggle,
} from "../state";
import { asCsv, asJson, asZip, save } from "./export";
import { all, count } from "./bits";

const SHORT = 8;

export function Drawer(): JSX.Element {
  return (
    <aside class="drawer" aria-label="Filters">
      <Chosen />
      <Years />
      {FACETS.filter((name) => facets.value?.[name].of.some((own) => own.length)).filter((name) => name !== "colour")
        .map((name) => <FacetBox key={name} name={name} />)}
      <PaletteBox />
      <LegendBox />
      <Results />
    </aside>
  );
}

function Chosen(): JSX.Element {
  const busy = useSignal<string | null>(null);
  const numbers = (): number[] => Array.from(order.value.subarray(0, filtered.value?.count ?? 0));
  const zip = async (): Promise<void> => {
    busy.value = "0%";
    try {
      save("posters.zip", await asZip(numbers(), (share) => (busy.value = `${Math.round(100 * share)}%`)));
    } finally {
      busy.value = null;
    }
  };
  const n = filtered.value?.count ?? 0;
  return (
    <section class="chosen" aria-label="Selection">
      <p class="tally" aria-live="polite"><strong data-testid="count">{n.toLocaleString("en")}</strong> of {count(all(), "poster")}</p>
      <div class="buttons">
        <button type="button" disabled={!narrowed.value} onClick={clearFilters}>Show all</button>
        <LassoButton />
      </div>
      <div class="buttons" role="group" aria-label="Save the selection as">
        <button type="button" disabled={!n} onClick={() => save("posters.csv", asCsv(numbers()), "text/csv")}>CSV</button>
        <button type="button" disabled={!n} onClick={() => save("posters.json", asJson(numbers()), "application/json")}>JSON</button>
        <button type="button" disabled={!n || busy.value !== null} onClick={() => void zip()}>{busy.value ?? "ZIP"}</button>
      </div>
    </section>
  );
}

function LassoButton(): JSX.Element {
  if (lasso.value) return <button type="button" onClick={() => (lasso.value = null)}>Undo lasso</button>;
  return <button type="button" aria-pressed={lassoing.value} onClick={flipLasso} title="Draw around posters; or hold Shift and drag">Lasso</button>;
}

function Years(): JSX.Element | null {
  const known = films.value!.years.filter((year): year is number => year !== null);
  const bounds = useMemo(() => known.length ? [known.reduce((a, b) => Math.min(a, b)), known.reduce((a, b) => Math.max(a, b))] : null, [films.value]);
  if (!bounds || bounds[0] === bounds[1]) return null;
  const [first, last] = bounds;
  const [from, to] = address.value.years ?? [first, last];
  const byYear = filtered.value!.byYear;
  const most = Math.max(1, ...byYear.values());
  const set = (low: number, high: number): void =>
    go({ years: low <= first && high >= last ? null : [Math.min(low, high), Math.max(low, high)] }, false);
  return (
    <section class="years">
      <h2>Year <small>{from}–{to}</small></h2>
      <div class="histogram" aria-hidden="true">
        {Array.from({ length: last - first + 1 }, (_, at) => (
          <span key={at} class={first + at >= from && first + at <= to ? "in" : ""} style={{ height: `${(100 * (byYear.get(first + at) ?? 0)) / most}%` }} />
        ))}
      </div>
      <div class="range">
        <input type="range" aria-label="From year" min={first} max={last} value={from} onInput={(e) => set(Number(e.currentTarget.value), to)} />
        <input type="range" aria-label="To year" min={first} max={last} value={to} onInput={(e) => set(from, Number(e.currentTarget.value))} />
      </div>
    </section>
  );
}

function FacetBox({ name }: { name: FacetName }): JSX.Element {
  const text = useSignal("");
  const long = useSignal(false);
  const facet = facets.value![name];
  const counts = filtered.value!.counts[name];
  const chosen = address.value.picked[name] ?? [];
  const shown = facet.names.map((value, at) => ({ value, n: counts[at], on: chosen.includes(value) }))
    .filter(({ value, n, on }) => (n || on) && value.toLowerCase().includes(text.value.toLowerCase()))
    .sort((a, b) => Number(b.on) - Number(a.on) || (name === "money" ? 0 : b.n - a.n));
  const list = long.value || text.value ? shown.slice(0, 200) : shown.slice(0, SHORT);
  return (
    <details class="facet" open={name === "genre" || chosen.length > 0}>
      <summary>{FACET_LABELS[name]}{chosen.length > 0 && <small>{chosen.length} chosen</small>}</summary>
      {facet.names.length > SHORT && (
        <input type="search" placeholder={`Find in ${facet.names.length}`} aria-label={`Find a ${FACET_LABELS[name].toLowerCase()}`}
          value={text.value} onInput={(e) => (text.value = e.currentTarget.value)} />
      )}
      <ul>
        {list.map(({ value, n, on }) => (
          <li key={value}>
            <label><input type="checkbox" checked={on} onChange={() => toggle(name, value)} /> <span>{value}</span><small>{n.toLocaleString("en")}</small></label>
          </li>
        ))}
      </ul>
      {shown.length > SHORT && !text.value && (
        <button type="button" class="link" onClick={() => (long.value = !long.value)}>{long.value ? "Fewer" : `All ${shown.length}`}</button>
      )}
    </details>
  );
}

function PaletteBox(): JSX.Element {
  const picked = address.value.palette;
  const flip = (colour: string): void =>
    go({ palette: picked.includes(colour) ? picked.filter((each) => each !== colour) : [...picked, colour].slice(-4), sort: "relevance" });
  const free = picked.find((colour) => !swatches.value.some(({ rgb }) => hex(rgb) === colour));
  return (
    <section class="palette-box">
      <h2 id="palette">Palette {picked.length > 0 && <button type="button" class="link" onClick={() => go({ palette: [] })}>clear</button>}</h2>
      <div class="swatches" role="group" aria-labelledby="palette">
        {swatches.value.map(({ name, rgb }) => (
          <button type="button" key={name} title={name} aria-label={name} aria-pressed={picked.includes(hex(rgb))}
            style={{ background: hex(rgb) }} onClick={() => flip(hex(rgb))} />
        ))}
        <input type="color" aria-label="Another colour" value={free ?? "#808080"} onChange={(e) => flip(e.currentTarget.value)} />
      </div>
    </section>
  );
}

const BY: Record<LegendBy, string> = {
  none: "nothing", genre: "genre", predicted: "predicted genre", year: "decade", rating: "rating", revenue: "revenue",
  colour: "main colour", language: "language",
};

function LegendBox(): JSX.Element {
  const text = useSignal("");
  const shown = shownLegend.value;
  const by = address.value.legend;
  const facet = by === "genre" || by === "predicted" || by === "language" || by === "colour" ? by : null;
  // The long list behind "Other" can be searched too.
  const listed = shown?.entries ?? [];
  const rest = facet && text.value ? facets.value![facet].names.filter((name) => !listed.some((entry) => entry.name === name)) : [];
  const fits = (name: string): boolean => name.toLowerCase().includes(text.value.toLowerCase());
  return (
    <section class="legend">
      <h2><label>Colour borders by{" "}
        <select value={by} onChange={(e) => go({ legend: e.currentTarget.value as LegendBy })}>
          {LEGENDS.filter((each) => each !== "predicted" || films.value!.predicted.length).map((each) => <option key={each} value={each}>{BY[each]}</option>)}
        </select></label></h2>
      {shown && listed.length > 8 && (
        <input type="search" placeholder="Find in the legend" aria-label="Find in the legend" value={text.value} onInput={(e) => (text.value = e.currentTarget.value)} />
      )}
      {shown && (
        <ul>
          {listed.filter((entry) => fits(entry.name)).map((entry) => (
            <li key={entry.name}>
              <span class="chip" style={{ background: entry.colour }} />
              {facet && entry.name !== "Other"
                ? <button type="button" class="link" aria-pressed={(address.value.picked[facet] ?? []).includes(entry.name)} onClick={() => toggle(facet, entry.name)}>{entry.name}</button>
                : <span>{entry.name}</span>}
              <small>{entry.count.toLocaleString("en")}</small>
            </li>
          ))}
          {rest.filter(fits).slice(0, 50).map((name) => (
            <li key={name}><span class="chip" style={{ background: REST }} /><button type="button" class="link" onClick={() => toggle(facet!, name)}>{name}</button><small>in Other</small></li>
          ))}
        </ul>
      )}
    </section>
  );
}

const SORT_NAMES: Record<Sort, string> = {
  title: "title", year: "year", rating: "rating", revenue: "revenue", popularity: "popularity", relevance: "relevance",
};
const PAGE = 50;

/** The chosen posters as a list of links: what the canvas shows, for those who read or tab. */
function Results(): JSX.Element {
  const shown = useSignal(PAGE);
  const n = filtered.value!.count;
  return (
    <section class="results" aria-label="Posters found">
      <h2><label>Sorted by{" "}
        <select value={address.value.sort} onChange={(e) => go({ sort: e.currentTarget.value as Sort })}>
          {Object.entries(SORT_NAMES).filter(([each]) => each !== "relevance" || hits.value || address.value.palette.length).map(([each, name]) => <option key={each} value={each}>{name}</option>)}
        </select></label></h2>
      <ol>
        {Array.from(order.value.subarray(0, Math.min(n, shown.value)), (i) => (
          <li key={i}><a href={`#film=${encodeURIComponent(films.value!.ids[i])}`} onFocus={() => (focused.value = i)} onBlur={() => (focused.value = null)}
            onClick={(e) => { e.preventDefault(); openFilm(i); stage.value?.focus(i); }}>{titleOf(i)}</a> <small>{films.value!.years[i] ?? ""}</small></li>
        ))}
      </ol>
      {n > shown.value && <button type="button" class="link" onClick={() => (shown.value += PAGE)}>More</button>}
    </section>
  );
}
