// Names for places of a map: its clusters from afar, and, closer, what sets the posters of a smaller region apart.

import type { Collection, LayoutAnswer } from "./data/api";
import type { Facet, FacetName } from "./filters";
import type { Scene } from "./layouts";

export interface Label {
  text: string;
  x: number;
  y: number;
  count: number;
  representative: number;
}

const LEAST = 8;
const LIFT = 1.5;
const SURE = 3;

/** The clusters that the map was stored with, the largest first. */
export function clusterLabels(layout: LayoutAnswer, scene: Scene): Label[] {
  return layout.clusters.filter((cluster) => cluster.label).map((cluster) => ({
    text: cluster.label.split(" · ").slice(0, 2).join(" · "), count: cluster.size, representative: cluster.representative,
    x: scene.points[2 * cluster.representative], y: scene.points[2 * cluster.representative + 1],
  }));
}

/** Labels of the square regions of one level of zoom; level 1 cuts the map's longer side into 6, each further into 2. */
export function regionLabels(films: Collection, facets: Record<FacetName, Facet>, scene: Scene, level: number): Label[] {
  const side = Math.max(scene.width, scene.height) / (6 * 2 ** (level - 1));
  const cells = new Map<number, number[]>();
  const cols = Math.ceil(scene.width / side) + 1;
  for (let i = 0; i < films.ids.length; i++) {
    const key = Math.floor(scene.points[2 * i] / side) + cols * Math.floor(scene.points[2 * i + 1] / side);
    const cell = cells.get(key);
    if (cell) cell.push(i);
    else cells.set(key, [i]);
  }
  const kinds = [facets.genre, decadeFacet(films), facets.colour];
  const bases = kinds.map((kind) => tally(kind, null));
  const labels: Label[] = [];
  for (const members of cells.values()) {
    if (members.length < LEAST) continue;
    const words = kinds.map((kind, at) => telling(kind, members, bases[at], films.ids.length)).filter(Boolean);
    if (!words.length) continue;
    let [x, y] = [0, 0];
    for (const i of members) {
      x += scene.points[2 * i] / members.length;
      y += scene.points[2 * i + 1] / members.length;
    }
    const off = (i: number): number => (scene.points[2 * i] - x) ** 2 + (scene.points[2 * i + 1] - y) ** 2;
    const representative = members.reduce((best, i) => (off(i) < off(best) ? i : best));
    labels.push({ text: words.slice(0, 2).join(" · "), x, y, count: members.length, representative });
  }
  return labels.sort((a, b) => b.count - a.count);
}

function decadeFacet(films: Collection): Facet {
  const starts = films.years.map((year) => (year === null ? -1 : Math.floor(year / 10)));
  const known = [...new Set(starts)].filter((start) => start >= 0).sort((a, b) => a - b);
  const place = new Map(known.map((start, at) => [start, at]));
  return { names: known.map((start) => `${start}0s`), of: starts.map((start) => (start < 0 ? [] : [place.get(start)!])) };
}

function tally(facet: Facet, members: number[] | null): Int32Array {
  const counts = new Int32Array(facet.names.length);
  if (members) for (const i of members) for (const at of facet.of[i]) counts[at]++;
  else for (const own of facet.of) for (const at of own) counts[at]++;
  return counts;
}

/** The word that members have so much oftener than all that chance hardly makes it so; as clusters.py has it. */
function telling(facet: Facet, members: number[], base: Int32Array, n: number): string {
  const m = members.length;
  let best = "";
  let most = 0;
  tally(facet, members).forEach((count, at) => {
    const [share, usual] = [count / m, base[at] / n];
    const error = Math.sqrt(Math.max(usual * (1 - usual), 1e-12) / m);
    const bits = share * Math.log(share / usual);
    if (count > 1 && share >= LIFT * usual && share - usual >= SURE * error && bits > most) [best, most] = [facet.names[at], bits];
  });
  return best;
}
