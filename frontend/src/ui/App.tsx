// The page as a whole: the bar, the canvas with what lies over it, the sides, and the keys.

import { useSignal, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { VIEWS, type View } from "../address";
import { Stage } from "../stage/stage";
import {
  address, announcement, asked, aspect, begin, captionOf, clearFilters, closeFilm, dark, drawer, drawn, dropped, embedded, film, films, filtered, flipLasso, focused, go,
  hits, hovered, lasso, layoutName, openFilm, panel, rest, said, scene, search, seen, setTheme, setView, source, sprites, stage, tints, trouble, view,
} from "../state";
import { Drawer } from "./Drawer";
import { FilmPanel } from "./FilmPanel";
import { LayoutState, Overlay } from "./Overlay";
import { PanelPage, TITLES } from "./Panels";

const VIEW_NAMES: Record<View, string> = { map: "Map", wall: "Wall", timeline: "Timeline", list: "List" };

export function App(): JSX.Element {
  useEffect(() => { void begin(); }, []);
  useSignalEffect(() => { document.documentElement.dataset.theme = dark.value ? "dark" : "light"; });
  useKeys();
  if (trouble.value) return <main class="trouble"><h1>Posterity</h1><p role="alert">{trouble.value}</p><button type="button" onClick={() => location.reload()}>Try again</button></main>;
  if (!films.value) return <main class="trouble"><p role="status"><span class="spinner" /> Opening the collection…</p></main>;
  if (!films.value.ids.length) return <main class="trouble"><h1>{films.value.name}</h1><p>There are no posters here yet. Bring some in: <code>posterity build FOLDER -c {films.value.name}</code></p></main>;
  if (embedded) return <div class="page bare"><Canvas /></div>;
  return (
    <div onDragOver={(e) => e.preventDefault()} onDrop={receive} class={`page${drawer.value ? " with-drawer" : ""}${film.value !== null ? " with-film" : ""}`}>
      <a class="skip" href="#results" onClick={(e) => { e.preventDefault(); drawer.value = true; setTimeout(() => document.querySelector<HTMLElement>(".results a")?.focus(), 0); }}>Skip to the list of posters</a>
      <Bar />
      {drawer.value && (drawn.value ? <Drawer /> : <aside class="drawer" aria-label="Filters" aria-busy="true" />)}
      <Canvas />
      <FilmPanel />
      <PanelPage />
      <p class="sr" aria-live="polite">{announcement.value}</p>
    </div>
  );
}

/** A poster that is dropped anywhere on the page goes to the clinic. */
function receive(e: DragEvent): void {
  e.preventDefault();
  const file = e.dataTransfer?.files[0];
  if (!file) return;
  dropped.value = file;
  go({ panel: "clinic" });
}

function Bar(): JSX.Element {
  const known = films.value!;
  const layouts = known.layouts.filter((each) => each.kind === view.value);
  return (
    <header class="bar">
      <button type="button" class="icon" aria-label="Filters" aria-expanded={drawer.value} onClick={() => (drawer.value = !drawer.value)}>☰</button>
      <strong class="name" title={known.name}>{known.name}</strong>
      <SearchBox />
      <nav class="views" aria-label="Views">
        {VIEWS.map((each) => (
          <button type="button" key={each} aria-current={view.value === each ? "page" : undefined} onClick={() => setView(each)}>{VIEW_NAMES[each]}</button>
        ))}
      </nav>
      {layouts.length > 1 && (
        <select aria-label="Which one" value={layoutName.value ?? ""} onChange={(e) => go({ layout: e.currentTarget.value, camera: null })}>
          {layouts.map((each) => <option key={each.name} value={each.name}>{each.label}</option>)}
        </select>
      )}
      {view.value === "timeline" && (
        <select aria-label="Rows by" value={address.value.rows} onChange={(e) => go({ rows: e.currentTarget.value as "genre" | "colour", camera: null })}>
          <option value="genre">by genre</option><option value="colour">by colour</option>
        </select>
      )}
      <nav class="tools" aria-label="Tools">
        {(["clinic", "pairs", "duplicates", "report", "evaluation", "help"] as const).filter((each) => each !== "clinic" || known.clinic).map((each) => (
          <button type="button" key={each} aria-current={panel.value === each ? "page" : undefined} onClick={() => go({ panel: panel.value === each ? null : each })}>{each === "evaluation" ? "Scores" : TITLES[each].replace("Poster clinic", "Clinic").replace("Closest pairs", "Pairs").replace("Cleaning report", "Report")}</button>
        ))}
        <button type="button" class="icon" aria-label={dark.value ? "Light" : "Dark"} title={dark.value ? "Light" : "Dark"} onClick={() => setTheme(!dark.value)}>{dark.value ? "☀" : "☾"}</button>
      </nav>
    </header>
  );
}

/** Suggestions as one types; what is typed filters at once. */
function SearchBox(): JSX.Element {
  const open = useSignal(false);
  const at = useSignal(-1);
  const found = hits.value?.slice(0, 8) ?? [];
  const typed = (text: string): void => {
    at.value = -1;
    open.value = true;
    go({ search: text, ...(text && !search.value ? { sort: "relevance" as const } : {}), ...(text ? {} : { sort: "title" as const }) }, !search.value);
  };
  const take = (number: number): void => {
    open.value = false;
    openFilm(number);
    stage.value?.focus(number);
  };
  const keys = (e: KeyboardEvent): void => {
    if (e.key === "ArrowDown" || e.key === "ArrowUp") {
      e.preventDefault();
      open.value = true;
      at.value = Math.min(Math.max(at.value + (e.key === "ArrowDown" ? 1 : -1), -1), found.length - 1);
    } else if (e.key === "Enter" && found.length) take(found[Math.max(at.value, 0)].number);
    else if (e.key === "Escape") {
      if (open.value && found.length) open.value = false;
      else go({ search: "" });
    }
  };
  return (
    <div class="search" role="search">
      <input id="search" type="text" role="combobox" aria-label="Search titles, years, ids" placeholder="Search" autocomplete="off" value={search.value}
        aria-expanded={open.value && found.length > 0} aria-controls="suggestions" aria-autocomplete="list"
        aria-activedescendant={at.value >= 0 ? `hit-${at.value}` : undefined}
        onInput={(e) => typed(e.currentTarget.value)} onKeyDown={keys} onFocus={() => (open.value = true)} onBlur={() => setTimeout(() => (open.value = false), 150)} />
      <ul id="suggestions" role="listbox" aria-label="Films" class={open.value && found.length ? "" : "hidden"}>
        {found.map(({ number }, i) => (
          <li key={number} id={`hit-${i}`} role="option" aria-selected={i === at.value} onMouseDown={(e) => { e.preventDefault(); take(number); }}>
            <img src={source.thumbnail(number)} alt="" width={24} height={36} />{captionOf(number)}
          </li>
        ))}
      </ul>
      {search.value && open.value && !found.length && <p class="none" role="status">Nothing is called so.</p>}
    </div>
  );
}

function Canvas(): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const polygon = useRef<SVGPolygonElement>(null);
  const failed = useSignal<string | null>(null);
  useEffect(() => {
    try {
      const made = new Stage(canvas.current!, polygon.current!, films.value!, source, {
        seen: (now) => (seen.value = now),
        rested: (camera) => rest(camera),
        hovered: (number) => (hovered.value = number),
        picked: (number) => openFilm(number),
        lost: () => (failed.value = "The graphics card was taken away. Load the page again: it comes back to where you are."),
        lassoed: (numbers) => {
          const mask = new Uint8Array(films.value!.ids.length);
          numbers.forEach((number) => (mask[number] = 1));
          lasso.value = mask;
          announcement.value = `${numbers.length} posters in the lasso`;
        },
      });
      stage.value = made;
      // What tests and curious people look at.
      Object.assign(window, { stage: made, film: (id: string) => films.value!.ids.indexOf(id), films: films.value });
      made.load(sprites).catch((error: unknown) => (failed.value = said(error))).finally(() => (drawn.value = true));
    } catch (error) {
      drawn.value = true;
      failed.value = error instanceof Error ? error.message : String(error);
    }
    const resized = (): void => { aspect.value = (canvas.current?.clientWidth ?? 1) / Math.max(canvas.current?.clientHeight ?? 1, 1); };
    resized();
    addEventListener("resize", resized);
    return () => removeEventListener("resize", resized);
  }, []);
  useSignalEffect(() => {
    if (scene.value && stage.value) {
      // The very scene with other contents keeps the camera; another one is shown as the address has it.
      stage.value.show(scene.value, address.peek().camera);
      hovered.value = null;
    }
  });
  useSignalEffect(() => { 
    // All posters as they are is what is drawn without being told, and telling costs a while.
    if (!stage.value || (!drawn.value && !asked.value && tints.value === null)) return;
    if (filtered.value) stage.value.setLooks(filtered.value.mask, tints.value);
  });
  useSignalEffect(() => { stage.value?.setBackground(dark.value ? [18, 18, 21] : [240, 238, 233]); });
  const n = films.value!.ids.length;
  return (
    <main class="canvas">
      <canvas ref={canvas} tabIndex={0} role="application" aria-roledescription="poster canvas"
        aria-label={`${n} posters, ${VIEW_NAMES[view.value].toLowerCase()} view. Arrow keys walk, Enter opens, plus and minus zoom. The list of posters is in the filters.`} />
      <div class="overlay">{!failed.value && <Overlay />}</div>
      <svg class="lasso" aria-hidden="true"><polygon ref={polygon} points="" /></svg>
      <LayoutState />
      {failed.value && <p class="layout-state bad" role="alert">{failed.value} The list of posters in the filters works without it.</p>}
      <div class="zoom" role="group" aria-label="Zoom">
        <button type="button" aria-label="Closer" onClick={() => stage.value?.zoomBy(1.6, undefined, undefined, true)}>+</button>
        <button type="button" aria-label="Away" onClick={() => stage.value?.zoomBy(1 / 1.6, undefined, undefined, true)}>−</button>
        <button type="button" aria-label="Whole view" onClick={() => { stage.value?.fit(); go({ camera: null }, false); }}>⤢</button>
      </div>
    </main>
  );
}

function useKeys(): void {
  useEffect(() => {
    const down = (e: KeyboardEvent): void => {
      const typing = e.target instanceof HTMLInputElement || e.target instanceof HTMLSelectElement || e.target instanceof HTMLTextAreaElement;
      const on = stage.value;
      if (e.ctrlKey || e.metaKey || e.altKey || !films.value) return;
      if (e.key === "Escape") {
        if (typing) return;
        if (panel.value) go({ panel: null });
        else if (film.value !== null) closeFilm();
        else if (focused.value !== null) focused.value = null;
        else clearFilters();
        return;
      }
      if (typing) return;
      const act: Record<string, () => void> = {
        "1": () => setView("map"), "2": () => setView("wall"), "3": () => setView("timeline"), "4": () => setView("list"),
        "/": () => document.getElementById("search")?.focus(), "?": () => go({ panel: "help" }),
        f: () => (drawer.value = !drawer.value), c: () => go({ panel: "clinic" }), p: () => go({ panel: "pairs" }), r: () => go({ panel: "report" }),
        l: () => flipLasso(),
        "+": () => on?.zoomBy(1.4, undefined, undefined, true), "=": () => on?.zoomBy(1.4, undefined, undefined, true),
        "-": () => on?.zoomBy(1 / 1.4, undefined, undefined, true), "0": () => { on?.fit(); go({ camera: null }, false); },
      };
      const arrows: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
      const arrow = arrows[e.key];
      if (arrow && e.target === on?.canvas) {
        e.preventDefault();
        if (e.shiftKey) on.panBy(-arrow[0] * 120, -arrow[1] * 120);
        else walk(on, arrow);
      } else if (e.key === "Enter" && e.target === on?.canvas && focused.value !== null) openFilm(focused.value);
      else if (act[e.key] && !embedded) {
        e.preventDefault();
        act[e.key]();
      }
    };
    addEventListener("keydown", down);
    return () => removeEventListener("keydown", down);
  }, []);
}

function walk(on: Stage, [dx, dy]: [number, number]): void {
  const from = focused.value ?? film.value;
  const { width, height } = on.size;
  const next = from === null
    ? on.inRectangle(width * 0.4, height * 0.4, width * 0.6, height * 0.6).find((i) => filtered.value!.mask[i] === 1) ?? order0()
    : on.neighbour(from, dx, dy);
  if (next === null || next === undefined) return;
  focused.value = next;
  announcement.value = captionOf(next);
  const [x, y, w, h] = on.box(next);
  if (x < 0 || y < 0 || x + w > width || y + h > height) on.focus(next, false);
}

const order0 = (): number => Math.max(0, filtered.value!.mask.indexOf(1));
