// Small pieces that several parts of the page are made of.

import type { ComponentChildren, JSX } from "preact";
import { captionOf, films, numberOf, openFilm, source, titleOf } from "../state";

export function Thumb({ number, onClick, label, note }: {
  number: number; onClick?: () => void; label?: string; note?: ComponentChildren;
}): JSX.Element {
  return (
    <button type="button" class="thumb" onClick={onClick ?? (() => openFilm(number))} aria-label={label ?? captionOf(number)}>
      <img src={source.thumbnail(number)} alt="" loading="lazy" width={128} height={192} />
      <span class="thumb-title">{titleOf(number)}</span>
      {note !== undefined && <span class="thumb-note">{note}</span>}
    </button>
  );
}

export function ThumbById({ id, ...rest }: { id: string; note?: ComponentChildren }): JSX.Element {
  const number = numberOf.value.get(id);
  return number === undefined ? <span class="missing">{id}</span> : <Thumb number={number} {...rest} />;
}

export function Swatches({ colours }: { colours: [string, number][] }): JSX.Element {
  return (
    <div class="palette" role="img" aria-label={`Main colours: ${colours.map(([c, s]) => `${c} ${percent(s)}`).join(", ")}`}>
      {colours.map(([colour, share]) => (
        <span key={colour} title={`${colour}, ${percent(share)}`} style={{ background: colour, flexGrow: share }} />
      ))}
    </div>
  );
}

export const percent = (share: number): string => `${Math.round(100 * share)}%`;

/** A probability with its interval, beside how common the thing is. */
export function Interval({ name, value, low, high, base, strong }: {
  name: string; value: number; low: number; high: number; base: number; strong: boolean;
}): JSX.Element {
  const at = (share: number): string => `${(100 * Math.min(1, Math.max(0, share))).toFixed(1)}%`;
  return (
    <div class={strong ? "interval strong" : "interval"}>
      <span class="interval-name">{name}</span>
      <span class="interval-bar" aria-hidden="true">
        <span class="interval-value" style={{ width: at(value) }} />
        <span class="interval-range" style={{ left: at(low), width: at(high - low) }} />
        <span class="interval-base" style={{ left: at(base) }} title={`usual: ${percent(base)}`} />
      </span>
      <span class="interval-text">{percent(value)} <small>[{percent(low)}, {percent(high)}]</small></span>
    </div>
  );
}

export function Notice({ children, bad }: { children: ComponentChildren; bad?: boolean }): JSX.Element {
  return <p class={bad ? "notice bad" : "notice"} role={bad ? "alert" : "status"}>{children}</p>;
}

export const count = (n: number, what: string): string => `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;

export const money = (value: number | null, currency: string | null): string =>
  value ? `${currency ?? "$"}${currency ? " " : ""}${value.toLocaleString("en")}` : "not known";

export const all = (): number => films.value?.ids.length ?? 0;
