// A film's page: the poster, what is known, what is like it and why, what is predicted, and where it hangs.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { FilmPage as Page, Why } from "../data/api";
import {
  captionOf, closeFilm, compared, film, filmPage, films, go, numberOf, said, setView, shownWeights, similarPosters, source, stage,
  titleOf, weights,
} from "../state";
import { Interval, Notice, Swatches, Thumb, ThumbById, money, percent } from "./bits";

const FACET_NAMES: Record<string, string> = {
  content: "Content", colour: "Colour", composition: "Composition", genre: "Genre", era: "Era",
};

export function FilmPanel(): JSX.Element | null {
  const number = film.value;
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), [number]);
  if (number === null || !films.value) return null;
  const page = filmPage.value.number === number ? filmPage.value : { value: null, trouble: null };
  return (
    <aside class="film" aria-label={captionOf(number)} data-testid="film">
      <div class="film-head">
        <h1 ref={heading} tabIndex={-1}>{titleOf(number)}{films.value.years[number] && <small> {films.value.years[number]}</small>}</h1>
        <button type="button" class="close" aria-label="Close" onClick={closeFilm}>×</button>
      </div>
      <img class="poster" src={source.poster(number)} alt={`Poster of ${captionOf(number)}`} />
      {page.trouble && <Notice bad>{page.trouble}</Notice>}
      {page.value && <Known page={page.value} number={number} />}
      <Similar number={number} />
      {page.value && <Predicted page={page.value} />}
      {page.value && page.value.relatives.length > 0 && (
        <section>
          <h2>Versions and near duplicates</h2>
          <div class="thumbs">{page.value.relatives.map(({ id, kind }) => <ThumbById key={id} id={id} note={kind} />)}</div>
        </section>
      )}
    </aside>
  );
}

function Known({ page, number }: { page: Page; number: number }): JSX.Element {
  const { poster, links } = page;
  const { film: facts } = poster;
  const rows: [string, string | null][] = [
    ["Genres", facts.genres.join(", ") || null],
    ["Franchise", facts.collection],
    ["Released", facts.release_date ?? (facts.year ? String(facts.year) : null)],
    ["Runtime", facts.runtime ? `${Math.round(facts.runtime)} min` : null],
    ["Rating", facts.vote_average ? `${facts.vote_average.toFixed(1)}${facts.vote_count ? ` (${facts.vote_count.toLocaleString("en")} votes)` : ""}` : null],
    ["Budget", facts.budget ? money(facts.budget, facts.currency) : null],
    ["Revenue", facts.revenue ? money(facts.revenue, facts.currency) : null],
    ["File", `${poster.path}, ${poster.width}×${poster.height} ${poster.format}`],
    ["Flags", poster.flags.map((flag, at) => `${flag.replaceAll("_", " ")}: ${poster.flag_details[at] ?? ""}`).join("; ") || null],
  ];
  return (
    <section>
      <Swatches colours={page.palette} />
      <p class="places">
        <button type="button" onClick={() => show("map", number)}>On the map</button>
        <button type="button" onClick={() => show("wall", number)}>On the wall</button>
        <button type="button" onClick={() => show("timeline", number)}>On the timeline</button>
      </p>
      <dl>{rows.filter(([, value]) => value).map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
      {Object.keys(links).length > 0 && (
        <p class="links">{Object.entries(links).map(([site, address]) => <a key={site} href={address} target="_blank" rel="noopener noreferrer">{site}</a>)}</p>
      )}
    </section>
  );
}

function show(view: "map" | "wall" | "timeline", number: number): void {
  const begun = performance.now();
  if (stage.value?.scene && location.hash.includes(`view=${view}`)) {
    stage.value.focus(number);
    return;
  }
  const before = stage.value?.scene;
  setView(view);
  // The scene may have to be fetched, or made, first.
  const wait = (): void => {
    const on = stage.value;
    if (on?.scene && on.scene !== before) on.focus(number);
    else if (performance.now() - begun < 60_000) setTimeout(wait, 100);
  };
  setTimeout(wait, 50);
}

function Similar({ number }: { number: number }): JSX.Element {
  const state = similarPosters.value;
  const matches = state.number === number ? state.value?.matches ?? [] : [];
  const set = (name: string, value: number): void => go({ weights: { ...shownWeights.value, [name]: value } }, false);
  return (
    <section>
      <h2>Most like it</h2>
      <fieldset class="weights">
        <legend>What counts</legend>
        {Object.entries(shownWeights.value).map(([name, value]) => (
          <label key={name}><span>{FACET_NAMES[name] ?? name}</span>
            <input type="range" min={-1} max={1} step={0.05} value={value} onInput={(e) => set(name, Number(e.currentTarget.value))} />
            <output>{value.toFixed(2)}</output></label>
        ))}
        {Object.keys(weights.value).length > 0 && <button type="button" class="link" onClick={() => go({ weights: {} }, false)}>As usual</button>}
      </fieldset>
      {state.trouble && <Notice bad>{state.trouble}</Notice>}
      {!matches.length && state.busy && <Notice>Looking…</Notice>}
      <ol class="matches" data-testid="matches" aria-busy={state.busy}>
        {matches.map((match) => {
          const other = numberOf.value.get(match.id);
          if (other === undefined) return null;
          return (
            <li key={match.id} data-id={match.id}>
              <Thumb number={other} note={<span title="0 is a random pair">{match.score.toFixed(2)}</span>} />
              <Parts parts={match.contributions ?? {}} />
              <button type="button" class="link" aria-expanded={compared.value === other}
                onClick={() => go({ why: compared.value === other ? null : match.id })}>Why?</button>
            </li>
          );
        })}
      </ol>
      {compared.value !== null && <Reasons a={number} b={compared.value} />}
    </section>
  );
}

function Parts({ parts }: { parts: Record<string, number> }): JSX.Element {
  const whole = Math.max(1e-9, Object.values(parts).reduce((sum, part) => sum + Math.abs(part), 0));
  return (
    <div class="parts" role="img" aria-label={Object.entries(parts).map(([name, part]) => `${FACET_NAMES[name] ?? name} ${part.toFixed(2)}`).join(", ")}>
      {Object.entries(parts).map(([name, part]) => (
        <span key={name} class={`part ${name}${part < 0 ? " against" : ""}`} style={{ flexGrow: Math.abs(part) / whole }} title={`${FACET_NAMES[name] ?? name} ${part.toFixed(2)}`} />
      ))}
    </div>
  );
}

function Reasons({ a, b }: { a: number; b: number }): JSX.Element {
  const state = useSignal<{ key: string; why: Why | null; trouble: string | null; busy: boolean }>({ key: "", why: null, trouble: null, busy: true });
  const facet = useSignal<string | null>(null);
  const asked = shownWeights.value;
  const key = `${a} ${b} ${JSON.stringify(asked)}`;
  useEffect(() => {
    state.value = { key, why: null, trouble: null, busy: true };
    const timer = setTimeout(() => {
      source.why(a, b, asked).then(
        (why) => state.peek().key === key && (state.value = { key, why, trouble: null, busy: false }),
        (error: unknown) => state.peek().key === key && (state.value = { key, why: null, trouble: said(error), busy: false }),
      );
    }, 250);
    return () => clearTimeout(timer);
  }, [key]);
  const { why, trouble, busy } = state.value;
  if (trouble) return <Notice bad>{trouble}</Notice>;
  if (!why) return <Notice>{busy ? "Comparing…" : "These two were not compared when this page was exported."}</Notice>;
  const names = Object.keys(why.regions);
  const shown = facet.value && names.includes(facet.value) ? facet.value : names[0];
  return (
    <section class="why" aria-label="Why these two are alike" data-testid="why">
      <h3>Why these two are alike</h3>
      {why.same_artwork && <p>They show the same artwork.</p>}
      <ul class="contributions">
        {Object.entries(why.contributions).map(([name, part]) => (
          <li key={name}>{FACET_NAMES[name] ?? name}: <strong>{part >= 0 ? "+" : "−"}{Math.abs(part).toFixed(2)}</strong></li>
        ))}
        <li>Together: <strong>{why.score.toFixed(2)}</strong> <small>(a random pair has 0)</small></li>
      </ul>
      {shown && (
        <>
          <div class="buttons" role="group" aria-label="Regions by">
            {names.map((name) => <button type="button" key={name} aria-pressed={name === shown} onClick={() => (facet.value = name)}>{FACET_NAMES[name] ?? name}</button>)}
          </div>
          <div class="two">
            {[a, b].map((number, side) => <Regions key={number} number={number} grid={why.regions[shown][side]} />)}
          </div>
          <p class="hint">Bright: what makes them alike. Covered, they would be less so.</p>
        </>
      )}
      <div class="two">{why.palettes.map((palette, side) => <Swatches key={side} colours={palette} />)}</div>
    </section>
  );
}

function Regions({ number, grid }: { number: number; grid: number[][] }): JSX.Element {
  const most = Math.max(1e-9, ...grid.flat());
  return (
    <div class="region-map" role="img" aria-label={`Regions of ${captionOf(number)} that make them alike`}>
      <img src={source.thumbnail(number)} alt="" />
      <svg viewBox={`0 0 ${grid[0].length} ${grid.length}`} preserveAspectRatio="none" aria-hidden="true">
        {grid.flatMap((row, y) => row.map((value, x) => (
          <rect key={`${x} ${y}`} x={x} y={y} width={1.01} height={1.01} fill="#0b0b0e" fill-opacity={(0.82 * (1 - Math.max(0, value) / most)).toFixed(2)} />
        )))}
      </svg>
    </div>
  );
}

export function Predicted({ page }: { page: Pick<Page, "predicted" | "money" | "notes"> }): JSX.Element {
  return (
    <section data-testid="predicted">
      <h2>What models see</h2>
      {page.predicted.length > 0 && (
        <>
          <h3>Genres</h3>
          {page.predicted.map((each) => (
            <Interval key={each.genre} name={each.genre} value={each.probability} low={each.low} high={each.high} base={each.prior} strong={each.claimed} />
          ))}
          <p class="hint">Bold: claimed by the model. The tick is how common the genre is; the band is the 95% interval.</p>
        </>
      )}
      {page.money && (
        <>
          <h3>Box office</h3>
          <Interval name="Earns more than it cost" value={page.money.probability} low={page.money.low} high={page.money.high} base={page.money.base_rate} strong={false} />
          <p class="caveat">{page.money.caveat} Told from {page.money.based_on}; {percent(page.money.base_rate)} of the films learned from did.</p>
        </>
      )}
      {page.notes.map((note) => <Notice key={note}>{note}</Notice>)}
    </section>
  );
}
