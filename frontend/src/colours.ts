// Colours as an eye sees them: CIELAB, and how well a poster's palette answers colours that were picked.

export type RGB = readonly [number, number, number];
export type Lab = readonly [number, number, number];

const linear = (v: number): number => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
const f = (t: number): number => (t > (6 / 29) ** 3 ? Math.cbrt(t) : t / (3 * (6 / 29) ** 2) + 4 / 29);

/** sRGB (0 to 255) to CIELAB, white D65: IEC 61966-2-1 and CIE 15:2004. */
export function lab([r, g, b]: RGB): Lab {
  const [R, G, B] = [linear(r / 255), linear(g / 255), linear(b / 255)];
  const x = f((0.4124564 * R + 0.3575761 * G + 0.1804375 * B) / 0.95047);
  const y = f(0.2126729 * R + 0.7151522 * G + 0.072175 * B);
  const z = f((0.0193339 * R + 0.119192 * G + 0.9503041 * B) / 1.08883);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

export const hex = ([r, g, b]: RGB): string => "#" + [r, g, b].map((v) => v.toString(16).padStart(2, "0")).join("");

export const parse = (text: string): RGB | null => {
  const found = /^#?([0-9a-f]{6})$/i.exec(text);
  if (!found) return null;
  const number = parseInt(found[1], 16);
  return [number >> 16, (number >> 8) & 255, number & 255];
};

/** Distance at which a colour still counts as the one that was picked. */
export const NEAR = 24;
/** Share of a poster that the colour must have. */
export const LEAST = 0.12;

export class Palettes {
  /** (n, 4) shares, 0 to 1, and (n, 4, 3) Lab. */
  readonly shares: Float32Array;
  readonly labs: Float32Array;
  readonly rgb: Uint8Array;
  readonly n: number;

  constructor(base64: string) {
    const text = atob(base64);
    this.n = text.length / 16;
    this.shares = new Float32Array(this.n * 4);
    this.labs = new Float32Array(this.n * 12);
    this.rgb = new Uint8Array(this.n * 12);
    const known = new Map<number, Lab>();
    for (let at = 0; at < this.n * 4; at++) {
      const [r, g, b, share] = [0, 1, 2, 3].map((c) => text.charCodeAt(at * 4 + c));
      const key = (r << 16) | (g << 8) | b;
      let found = known.get(key);
      if (!found) known.set(key, (found = lab([r, g, b])));
      this.shares[at] = share / 255;
      this.labs.set(found, at * 3);
      this.rgb.set([r, g, b], at * 3);
    }
  }

  /** What share of a poster is near a colour. */
  share(number: number, wanted: Lab): number {
    let share = 0;
    for (let at = number * 4; at < number * 4 + 4; at++) {
      const d = Math.hypot(this.labs[at * 3] - wanted[0], this.labs[at * 3 + 1] - wanted[1], this.labs[at * 3 + 2] - wanted[2]);
      if (d < NEAR) share += this.shares[at];
    }
    return share;
  }

  /** The number of the word whose example is nearest to a poster's largest colour. */
  main(number: number, examples: Lab[]): number {
    const [L, a, b] = this.labs.subarray(number * 12, number * 12 + 3);
    let best = 0;
    let least = Infinity;
    examples.forEach((example, at) => {
      const d = (example[0] - L) ** 2 + (example[1] - a) ** 2 + (example[2] - b) ** 2;
      if (d < least) [best, least] = [at, d];
    });
    return best;
  }
}
