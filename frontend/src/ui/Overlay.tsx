// What lies over the canvas: names of regions, years and genres, titles, posters in full size, what the pointer is on.

import { useComputed } from "@preact/signals";
import type { JSX } from "preact";
import { captionOf, clinicSpot, drawn, films, hovered, labelsAt, layout, layoutName, scene, seen, source, stage, view } from "../state";
import { Trouble } from "../data/source";
import { whole } from "../stage/camera";

/** Posters wider than this, in CSS pixels, are shown by their own picture, and have their title below. */
const FULL = 170;
const CAPTION = 84;
const MOST_FULL = 24;

interface Placed {
  key: string;
  x: number;
  y: number;
}

export function Overlay(): JSX.Element | null {
  const shown = seen.value;
  const current = scene.value;
  if (!shown || !current || !stage.value || !drawn.value) return null;
  const { ratio, size } = shown;
  const [width, height] = [size.width / ratio, size.height / ratio];
  return (
    <>
      <Regions width={width} height={height} />
      <Axes width={width} height={height} />
      <Posters />
      <ClinicSpot />
      <Hover width={width} />
    </>
  );
}

const place = (x: number, y: number): { x: number; y: number } => {
  const { view: camera, ratio } = seen.value!;
  return { x: (x * camera.scale + camera.left) / ratio, y: (y * camera.scale + camera.top) / ratio };
};

function Regions({ width, height }: { width: number; height: number }): JSX.Element | null {
  if (view.value !== "map") return null;
  const { view: camera, size, ratio } = seen.value!;
  const zoom = camera.scale / whole(size, scene.value!).scale;
  const taken: [number, number, number, number][] = [];
  const labels: (Placed & { text: string; number: number; count: number })[] = [];
  for (const label of labelsAt(zoom)) {
    const { x, y } = place(label.x, label.y);
    if (x < 60 || y < 30 || x > width - 60 || y > height - 40) continue;
    const half = Math.min(130, 28 + label.text.length * 3.4);
    const box: [number, number, number, number] = [x - half - 12, y - 34, x + half + 12, y + 34];
    if (taken.some((other) => box[0] < other[2] && box[2] > other[0] && box[1] < other[3] && box[3] > other[1])) continue;
    taken.push(box);
    labels.push({ key: `${label.text}${label.representative}`, x, y, text: label.text, number: label.representative, count: label.count });
    if (labels.length >= 14) break;
  }
  const wide = seen.value!.posterWidth / ratio;
  if (wide > FULL) return null;
  return (
    <div class="regions">
      {labels.map((label) => (
        <button type="button" key={label.key} class="region" style={{ transform: `translate(${label.x}px, ${label.y}px) translate(-50%, -50%)` }}
          onClick={() => nearer(label.number)} title={`${label.text}: ${label.count} posters; go closer`}>
          <img src={source.thumbnail(label.number)} alt="" width={18} height={27} />
          <span>{label.text}<small>{label.count.toLocaleString("en")}</small></span>
        </button>
      ))}
    </div>
  );
}

function nearer(number: number): void {
  const on = stage.value!;
  const [x, y] = [scene.value!.points[2 * number], scene.value!.points[2 * number + 1]];
  const scale = on.view.scale * 2.2;
  on.fly({ scale, left: Math.round(on.size.width / 2 - x * scale), top: Math.round(on.size.height / 2 - y * scale) });
}

function Axes({ width, height }: { width: number; height: number }): JSX.Element | null {
  const { rows, columns } = scene.value!;
  if (!rows.length) return null;
  const years: (Placed & { text: string })[] = [];
  let free = 90;
  const step = columns.length > 2 ? place(columns[columns.length - 1].at, 0).x - place(columns[columns.length - 2].at, 0).x : 50;
  const every = step >= 40 ? 1 : step * 5 >= 40 ? 5 : step * 10 >= 40 ? 10 : 20;
  for (const { text, at } of columns) {
    const { x } = place(at, 0);
    if ((text !== "?" && Number(text) % every) || x < free || x > width - 20) continue;
    years.push({ key: text, x, y: 0, text });
    free = x + 38;
  }
  let low = 8;
  const names: (Placed & { text: string })[] = [];
  for (const { text, at } of rows) {
    const { y } = place(0, at);
    if (y < low || y > height - 30) continue;
    names.push({ key: text, x: 0, y, text });
    low = y + 18;
  }
  return (
    <div class="axes" aria-hidden="true">
      {years.map(({ key, x, text }) => <span key={key} class="year" style={{ transform: `translate(${x}px, 0) translateX(-50%)` }}>{text}</span>)}
      {names.map(({ key, y, text }) => <span key={key} class="row-name" style={{ transform: `translate(0, ${y}px) translateY(-50%)` }}>{text}</span>)}
    </div>
  );
}

function Posters(): JSX.Element | null {
  const on = stage.value!;
  const { posterWidth, ratio, size } = seen.value!;
  const wide = posterWidth / ratio;
  const captions = scene.value!.tall && wide > CAPTION;
  const large = wide > FULL;
  if (!captions && !large) return null;
  const numbers = Array.from(on.inRectangle(0, 0, size.width, size.height, posterWidth));
  const boxes = numbers.map((i) => ({ i, box: on.box(i) }));
  return (
    <div class="posters" aria-hidden="true">
      {large && numbers.length <= MOST_FULL && !scene.value!.crowded && boxes.map(({ i, box: [x, y, w, h] }) => (
        <img key={i} class="full" src={source.poster(i)} alt="" loading="eager" decoding="async"
          style={{ transform: `translate(${x / ratio}px, ${y / ratio}px)`, width: `${w / ratio}px`, height: `${h / ratio}px` }} />
      ))}
      {captions && boxes.slice(0, 160).map(({ i, box: [x, y, w, h] }) => (
        <span key={`c${i}`} class="caption"
          style={{ transform: `translate(${(x + w / 2) / ratio}px, ${(y + h) / ratio + 3}px) translateX(-50%)`, width: `${wide}px` }}>
          {captionOf(i)}
        </span>
      ))}
    </div>
  );
}

function ClinicSpot(): JSX.Element | null {
  const spot = clinicSpot.value;
  const shown = scene.value!;
  if (!spot || spot.layout !== layoutName.value || view.value !== "map") return null;
  const { x, y } = place(0.5 + (spot.x / 65535) * (shown.width - 1), 0.75 + (spot.y / 65535) * (shown.height - 1.5));
  return <span class="spot" style={{ transform: `translate(${x}px, ${y}px) translate(-50%, -50%)` }}>your poster</span>;
}

function Hover({ width }: { width: number }): JSX.Element | null {
  const number = hovered.value;
  if (number === null) return null;
  const { ratio } = seen.value!;
  const [x, y, w, h] = stage.value!.box(number).map((v) => v / ratio);
  const known = films.value!;
  return (
    <>
      <span class="outline" style={{ transform: `translate(${x}px, ${y}px)`, width: `${w}px`, height: `${h}px` }} />
      <div class="tip" style={{ transform: `translate(${Math.min(Math.max(x + w / 2, 110), width - 110)}px, ${y + h + 6}px) translateX(-50%)` }}>
        {captionOf(number)}
        <small>{known.genre_of[number].map((g) => known.genres[g]).join(", ")}</small>
      </div>
    </>
  );
}

export function LayoutState(): JSX.Element | null {
  const state = useComputed(() => {
    const answer = layout.value;
    if (!films.value || (view.value !== "map" && view.value !== "wall")) return null;
    return answer instanceof Trouble ? answer.message : answer === "loading" || answer === null ? "" : null;
  });
  if (state.value === null) return null;
  return (
    <div class="layout-state" role="status">
      {state.value || <><span class="spinner" /> {view.value === "map" ? "The map is being made. The list and the timeline are there already." : "The wall is being made. The list and the timeline are there already."}</>}
    </div>
  );
}
