// Pages that take the middle: the clinic, pairs and duplicates to be reviewed, the cleaning report, the scores, help.

import { useSignal, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Panel } from "../address";
import type { Clinic, Duplicates, Evaluation, Pairs, Report, Score } from "../data/api";
import { clinicSpot, dropped, films, go, numberOf, openFilm, panel, said, source } from "../state";
import { Interval, Notice, Swatches, ThumbById, count } from "./bits";
import { csv, save } from "./export";
import { Predicted } from "./FilmPanel";

export const TITLES: Record<Panel, string> = {
  clinic: "Poster clinic", pairs: "Closest pairs", duplicates: "Duplicates", report: "Cleaning report",
  evaluation: "How good it is", help: "Help",
};

export function PanelPage(): JSX.Element | null {
  const name = panel.value;
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => box.current?.focus(), [name]);
  if (!name || !films.value) return null;
  const pages: Record<Panel, () => JSX.Element> = {
    clinic: ClinicPage, pairs: PairsPage, duplicates: DuplicatesPage, report: ReportPage, evaluation: EvaluationPage, help: HelpPage,
  };
  const Body = pages[name];
  return (
    <div class="panel" role="dialog" aria-modal="false" aria-labelledby="panel-title" tabIndex={-1} ref={box} data-testid={`panel-${name}`}>
      <header><h1 id="panel-title">{TITLES[name]}</h1><button type="button" class="close" aria-label="Close" onClick={() => go({ panel: null })}>×</button></header>
      <div class="panel-body"><Body /></div>
    </div>
  );
}

// --- the clinic ------------------------------------------------------------------------------------------------------

const MOST_BYTES = 32 * 2 ** 20;

function ClinicPage(): JSX.Element {
  const state = useSignal<{ clinic: Clinic | null; trouble: string | null; busy: boolean; url: string | null }>(
    { clinic: null, trouble: null, busy: false, url: null });
  const over = useSignal(false);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => { clinicSpot.value = null; }, []);
  const take = async (file: File | null | undefined): Promise<void> => {
    if (!file) return;
    if (state.value.url) URL.revokeObjectURL(state.value.url);
    if (file.size > MOST_BYTES) {
      state.value = { clinic: null, trouble: `${file.name} is larger than 32 MB.`, busy: false, url: null };
      return;
    }
    const url = URL.createObjectURL(file);
    state.value = { clinic: null, trouble: null, busy: true, url };
    try {
      const clinic = await source.clinic(file);
      clinicSpot.value = clinic.spots[0] ?? null;
      state.value = { clinic, trouble: null, busy: false, url };
    } catch (error) {
      state.value = { clinic: null, trouble: said(error), busy: false, url: null };
    }
  };
  useSignalEffect(() => {
    const file = dropped.value;
    if (!file) return;
    dropped.value = null;
    void take(file);
  });
  const { clinic, trouble, busy, url } = state.value;
  if (!films.value!.clinic) return <Notice>This page takes no posters in. Where <code>posterity serve</code> runs, it does.</Notice>;
  return (
    <>
      <div class={over.value ? "drop over" : "drop"}
        onDragOver={(e) => { e.preventDefault(); over.value = true; }} onDragLeave={() => (over.value = false)}
        onDrop={(e) => { e.preventDefault(); e.stopPropagation(); over.value = false; void take(e.dataTransfer?.files[0]); }}>
        <p>Drop a poster here, or <button type="button" onClick={() => input.current?.click()}>choose a file</button></p>
        <input ref={input} type="file" accept="image/*" class="hidden" aria-label="Poster file" onChange={(e) => void take(e.currentTarget.files?.[0])} />
        <p class="hint">It is looked at and forgotten: nothing of it is stored.</p>
      </div>
      {busy && <Notice>Looking at it…</Notice>}
      {trouble && <Notice bad>{trouble}</Notice>}
      {clinic && (
        <div class="clinic" data-testid="clinic">
          <div class="clinic-own">
            {url && <img src={url} alt="The poster you dropped" />}
            <Swatches colours={clinic.palette} />
            <p>{clinic.name}, {clinic.width}×{clinic.height}</p>
            {clinic.known && <p>This very file is in the collection: <ThumbById id={clinic.known} /></p>}
            {clinic.spots.length > 0 && (
              <button type="button" onClick={() => { const spot = clinic.spots[0]; go({ panel: null, view: "map", layout: spot.layout, camera: { x: spot.x / 65535, y: spot.y / 65535, zoom: 5 } }); }}>
                Its place on the map</button>
            )}
          </div>
          <div>
            <h2>Nearest</h2>
            <div class="thumbs">{clinic.matches.matches.map((match) => <ThumbById key={match.id} id={match.id} note={match.score.toFixed(2)} />)}</div>
            <Predicted page={clinic} />
          </div>
        </div>
      )}
    </>
  );
}

// --- pairs and duplicates --------------------------------------------------------------------------------------------

/** Asks until the work is done. */
function useJob<T>(ask: () => Promise<{ state: string; detail: string; result: T | null }>, key: string): { result: T | null; trouble: string | null } {
  const state = useSignal<{ result: T | null; trouble: string | null }>({ result: null, trouble: null });
  useEffect(() => {
    let open = true;
    state.value = { result: null, trouble: null };
    const again = async (): Promise<void> => {
      try {
        const job = await ask();
        if (!open) return;
        if (job.state === "working") setTimeout(() => void again(), 1000);
        else state.value = job.result ? { result: job.result, trouble: null } : { result: null, trouble: job.detail };
      } catch (error) {
        if (open) state.value = { result: null, trouble: said(error) };
      }
    };
    void again();
    return () => { open = false; };
  }, [key]);
  return state.value;
}

type Verdict = "same" | "different";
interface Case {
  key: string;
  left: string;
  right: string;
  text: string;
}

/** Two posters at a time, judged by keys; verdicts stay in this browser until they are saved as a file. */
function Review({ cases, name }: { cases: Case[]; name: string }): JSX.Element {
  const at = useSignal(0);
  const kept = `posterity-${name}-${films.value!.name}`;
  const verdicts = useSignal<Record<string, Verdict>>(load(kept));
  const box = useRef<HTMLDivElement>(null);
  const now = cases[Math.min(at.value, cases.length - 1)];
  const move = (by: number): void => { at.value = Math.min(Math.max(at.value + by, 0), cases.length - 1); };
  const judge = (verdict: Verdict | null): void => {
    const next = { ...verdicts.value };
    if (verdict) next[now.key] = verdict;
    else delete next[now.key];
    verdicts.value = next;
    try { localStorage.setItem(kept, JSON.stringify(next)); } catch { /* a browser that keeps nothing keeps them until the page is left */ }
    if (verdict) move(1);
  };
  const keys = (e: KeyboardEvent): void => {
    if (e.target instanceof HTMLSelectElement || e.ctrlKey || e.metaKey || e.altKey) return;
    const act: Record<string, () => void> = {
      ArrowRight: () => move(1), ArrowLeft: () => move(-1), j: () => move(1), k: () => move(-1),
      s: () => judge("same"), d: () => judge("different"), u: () => judge(null),
    };
    const found = act[e.key];
    if (!found) return;
    e.preventDefault();
    e.stopPropagation();
    found();
  };
  if (!cases.length) return <Notice>There are none.</Notice>;
  const number = (id: string): number | undefined => numberOf.value.get(id);
  const done = cases.filter((each) => verdicts.value[each.key]).length;
  return (
    <div class="review" tabIndex={0} role="group" aria-label={`Review, ${at.value + 1} of ${cases.length}`} ref={box} onKeyDown={keys} data-testid="review">
      <p class="review-bar">
        <strong data-testid="review-at">{at.value + 1} of {cases.length}</strong> · {now.text} · {done} judged
        {verdicts.value[now.key] && <em> · {verdicts.value[now.key]}</em>}
      </p>
      <div class="side-by-side">
        {[now.left, now.right].map((id) => {
          const known = number(id);
          return known === undefined ? <span key={id} class="missing">{id}</span> : (
            <figure key={id}>
              <button type="button" onClick={() => openFilm(known)} aria-label={`Open ${films.value!.titles[known] || id}`}><img src={source.poster(known)} alt={`Poster of ${films.value!.titles[known] || id}`} /></button>
              <figcaption>{films.value!.titles[known] || id} <small>{films.value!.years[known] ?? ""} · {id}</small></figcaption>
            </figure>
          );
        })}
      </div>
      <div class="buttons">
        <button type="button" onClick={() => move(-1)}>← Back <kbd>K</kbd></button>
        <button type="button" onClick={() => judge("same")}>Same <kbd>S</kbd></button>
        <button type="button" onClick={() => judge("different")}>Different <kbd>D</kbd></button>
        <button type="button" onClick={() => judge(null)}>Undo <kbd>U</kbd></button>
        <button type="button" onClick={() => move(1)}>Next → <kbd>J</kbd></button>
        <button type="button" disabled={!done} onClick={() => save(`${name}.csv`, csv([["a", "b", "verdict"], ...cases.filter((each) => verdicts.value[each.key]).map((each) => [each.left, each.right, verdicts.value[each.key]])]), "text/csv")}>Save verdicts</button>
      </div>
      <ol class="cases">
        {cases.slice(0, 400).map((each, i) => (
          <li key={each.key}><button type="button" class="link" aria-current={i === at.value} onClick={() => (at.value = i)}>
            {titled(each.left)} / {titled(each.right)}</button> <small>{each.text}{verdicts.value[each.key] ? ` · ${verdicts.value[each.key]}` : ""}</small></li>
        ))}
      </ol>
    </div>
  );
}

const titled = (id: string): string => {
  const number = numberOf.value.get(id);
  return number === undefined ? id : films.value!.titles[number] || id;
};

function load(key: string): Record<string, Verdict> {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "{}") as Record<string, Verdict>;
  } catch {
    return {};
  }
}

function PairsPage(): JSX.Element {
  const hideFranchise = useSignal(false);
  const hideDuplicates = useSignal(false);
  const asked = { hideFranchise: hideFranchise.value, hideDuplicates: hideDuplicates.value };
  const { result, trouble } = useJob<Pairs>(() => source.pairs(asked), JSON.stringify(asked));
  return (
    <>
      <p class="options">
        <label><input type="checkbox" checked={hideFranchise.value} onChange={(e) => (hideFranchise.value = e.currentTarget.checked)} /> Hide pairs of one film or franchise</label>
        <label><input type="checkbox" checked={hideDuplicates.value} onChange={(e) => (hideDuplicates.value = e.currentTarget.checked)} /> Hide the same artwork</label>
      </p>
      {trouble && <Notice bad>{trouble}</Notice>}
      {!result && !trouble && <Notice><span class="spinner" /> Comparing all posters with all others. This is done once.</Notice>}
      {result && <Review key={JSON.stringify(asked)} name="pairs" cases={result.pairs.map((pair) => ({
        key: `${pair.a} ${pair.b}`, left: pair.a, right: pair.b, text: `${pair.score.toFixed(3)} · ${pair.kind}` }))} />}
    </>
  );
}

function DuplicatesPage(): JSX.Element {
  const { result, trouble } = useJob<Duplicates>(() => source.duplicates(), "");
  if (trouble) return <Notice bad>{trouble}</Notice>;
  if (!result) return <Notice><span class="spinner" /> Looking for the same artwork. This is done once, and may take minutes.</Notice>;
  const cases = result.groups.flatMap((group) => group.copies.filter((copy) => copy.id !== group.keep).map((copy) => ({
    key: `${group.keep} ${copy.id}`, left: group.keep, right: copy.id,
    text: `${copy.width}×${copy.height}, ${copy.score === null ? "by a third one" : `fits by ${copy.score.toFixed(2)}`}; left is the best copy` })));
  return (
    <>
      <p>{count(result.groups.length, "group")} of posters with the same artwork, of {count(result.posters, "poster")}; {count(result.candidates, "pair")} looked at closely.</p>
      <Review name="duplicates" cases={cases} />
    </>
  );
}

// --- report and scores -----------------------------------------------------------------------------------------------

function ReportPage(): JSX.Element {
  const state = useSignal<{ report: Report | null; trouble: string | null }>({ report: null, trouble: null });
  useEffect(() => {
    source.report().then((report) => (state.value = { report, trouble: null }), (error: unknown) => (state.value = { report: null, trouble: said(error) }));
  }, []);
  const { report, trouble } = state.value;
  if (trouble) return <Notice bad>{trouble}</Notice>;
  if (!report) return <Notice>Reading…</Notice>;
  return (
    <>
      <p>{count(report.seen, "file")} seen, {count(report.posters, "poster")} kept, {report.dropped.length.toLocaleString("en")} dropped, {count(report.flagged.length, "flag")} set.</p>
      <Bars title="Dropped, by reason" values={tally(report.dropped.map((each) => each.reason))} />
      <Bars title="Flagged" values={tally(report.flagged.map((each) => each.flag))} />
      <Listed title="Dropped" head={["file", "reason", "what exactly"]} rows={report.dropped.map((each) => [each.item, each.reason, each.detail])} />
      <Listed title="Flagged" head={["poster", "flag", "what exactly"]} rows={report.flagged.map((each) => [each.id, each.flag, each.detail])} />
      <Listed title="Rows of tables" head={["row", "reason", "what exactly"]} rows={report.rows.map((each) => [each.item, each.reason, each.detail])} />
    </>
  );
}

function tally(names: string[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
}

function Bars({ title, values }: { title: string; values: [string, number][] }): JSX.Element | null {
  if (!values.length) return null;
  const most = Math.max(...values.map(([, n]) => n));
  return (
    <section class="bars"><h2>{title}</h2>
      {values.map(([name, n]) => (
        <div key={name} class="bar"><span>{name.replaceAll("_", " ")}</span><span class="bar-line"><span style={{ width: `${(100 * n) / most}%` }} /></span><span>{n.toLocaleString("en")}</span></div>
      ))}
    </section>
  );
}

const LINES = 200;
function Listed({ title, head, rows }: { title: string; head: string[]; rows: (string | null)[][] }): JSX.Element | null {
  const shown = useSignal(LINES);
  if (!rows.length) return null;
  return (
    <details class="listed"><summary>{title}: {rows.length.toLocaleString("en")}</summary>
      <div class="scroll" tabIndex={0} role="region" aria-label={title}><table><thead><tr>{head.map((each) => <th key={each} scope="col">{each}</th>)}</tr></thead>
        <tbody>{rows.slice(0, shown.value).map((row, at) => <tr key={at}>{row.map((cell, i) => <td key={i}>{cell}</td>)}</tr>)}</tbody></table></div>
      {rows.length > shown.value && <button type="button" class="link" onClick={() => (shown.value += LINES)}>More</button>}
    </details>
  );
}

const SCORES: [keyof Evaluation["encoders"][number], string][] = [
  ["franchise_at_1", "sibling first"], ["franchise_at_5", "sibling in 5"], ["genre_at_5", "genre agreement in 5"],
  ["genre_map", "genre probe, mAP"], ["genre_auc", "genre probe, AUC"], ["genre_top3", "one of top 3 genres"],
];

function EvaluationPage(): JSX.Element {
  const { result, trouble } = useJob<Evaluation>(() => source.evaluation(), "");
  const chosen = useSignal<string>("genre_at_5");
  if (trouble) return <Notice bad>{trouble}</Notice>;
  if (!result) return <Notice><span class="spinner" /> Scoring every encoder. This is done once, and may take a minute.</Notice>;
  const figure = (score: Score | null | undefined): JSX.Element => score
    ? <>{score.value.toFixed(3)} <small>[{score.low.toFixed(3)}, {score.high.toFixed(3)}]</small></> : <>–</>;
  const kinds = [...new Set(result.layouts.flatMap((each) => Object.keys(each.scores)))];
  return (
    <>
      <h2>Encoders</h2>
      <div class="scroll" tabIndex={0} role="region" aria-label="Scores of encoders"><table data-testid="scores"><thead><tr><th scope="col">encoder</th>{SCORES.map(([key, name]) => <th key={key} scope="col">{name}</th>)}</tr></thead>
        <tbody>{result.encoders.map((each) => (
          <tr key={each.encoder}><th scope="row">{each.encoder}</th>{SCORES.map(([key]) => <td key={key}>{figure(each[key] as Score | null)}</td>)}</tr>
        ))}</tbody></table></div>
      <section class="bars">
        <h2><label>Chart of <select value={chosen.value} onChange={(e) => (chosen.value = e.currentTarget.value)}>{SCORES.map(([key, name]) => <option key={key} value={key}>{name}</option>)}</select></label></h2>
        {result.encoders.map((each) => {
          const score = each[chosen.value as "genre_at_5"];
          const chance = result.encoders.find((other) => other.encoder === "random")?.[chosen.value as "genre_at_5"]?.value ?? 0;
          return score && <Interval key={each.encoder} name={each.encoder} value={score.value} low={score.low} high={score.high} base={chance} strong={each.encoder !== "random"} />;
        })}
        <p class="hint">The band is the 95% interval, the tick what chance gives.</p>
      </section>
      <h2>Maps and walls</h2>
      <div class="scroll" tabIndex={0} role="region" aria-label="Scores of maps and walls"><table><thead><tr><th scope="col">layout</th>{kinds.map((kind) => <th key={kind} scope="col">{kind.replaceAll("_", " ")}</th>)}</tr></thead>
        <tbody>{result.layouts.map((each) => <tr key={each.name}><th scope="row">{each.name}</th>{kinds.map((kind) => <td key={kind}>{figure(each.scores[kind])}</td>)}</tr>)}</tbody></table></div>
    </>
  );
}

function HelpPage(): JSX.Element {
  const keys: [string, string][] = [
    ["Drag, or arrow keys with Shift", "move"], ["Wheel, pinch, + and −", "closer and away"], ["0", "show all"],
    ["Arrow keys", "walk from poster to poster"], ["Enter", "open the poster"], ["Esc", "close, or clear"],
    ["1 2 3 4", "map, wall, timeline, list"], ["/", "search"], ["F", "filters"], ["L", "lasso (or Shift and drag)"],
    ["C P R", "clinic, pairs, report"], ["?", "this page"],
  ];
  return (
    <>
      <p>Every poster is on this page: on a map by likeness, on a wall with one a cell, by year, or in a list. Choose some, and the others fade. Open one to see what is like it, and why. Whatever you see has an address that you can keep or share.</p>
      <table class="keys"><tbody>{keys.map(([key, what]) => <tr key={key}><th scope="row">{key}</th><td>{what}</td></tr>)}</tbody></table>
    </>
  );
}
