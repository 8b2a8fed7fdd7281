// Which posters are near a place: a uniform grid over a scene, for culling and for what lies under the pointer.

export class Grid {
  private readonly side: number;
  private readonly cols: number;
  private readonly rows: number;
  private readonly left: number;
  private readonly top: number;
  private readonly starts: Uint32Array;
  private readonly items: Uint32Array;

  constructor(private readonly points: Float32Array, private readonly perCell = 8) {
    const n = points.length / 2;
    let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
    for (let i = 0; i < n; i++) {
      left = Math.min(left, points[2 * i]);
      right = Math.max(right, points[2 * i]);
      top = Math.min(top, points[2 * i + 1]);
      bottom = Math.max(bottom, points[2 * i + 1]);
    }
    if (!n) [left, top, right, bottom] = [0, 0, 1, 1];
    [this.left, this.top] = [left, top];
    const area = Math.max(right - left, 1) * Math.max(bottom - top, 1);
    this.side = Math.sqrt((area / Math.max(n, 1)) * this.perCell);
    this.cols = Math.floor((right - left) / this.side) + 1;
    this.rows = Math.floor((bottom - top) / this.side) + 1;
    this.starts = new Uint32Array(this.cols * this.rows + 1);
    for (let i = 0; i < n; i++) this.starts[this.cell(i) + 1]++;
    for (let at = 0; at < this.starts.length - 1; at++) this.starts[at + 1] += this.starts[at];
    const next = this.starts.slice();
    this.items = new Uint32Array(n);
    for (let i = 0; i < n; i++) this.items[next[this.cell(i)]++] = i;
  }

  private cell(i: number): number {
    return Math.floor((this.points[2 * i] - this.left) / this.side) +
      this.cols * Math.floor((this.points[2 * i + 1] - this.top) / this.side);
  }

  /** All posters whose middle is in a rectangle, and some that lie just beyond. */
  within(x0: number, y0: number, x1: number, y1: number): Uint32Array {
    const clamp = (v: number, most: number): number => Math.min(Math.max(v, 0), most);
    const c0 = clamp(Math.floor((x0 - this.left) / this.side), this.cols);
    const c1 = clamp(Math.floor((x1 - this.left) / this.side), this.cols - 1);
    const r0 = clamp(Math.floor((y0 - this.top) / this.side), this.rows);
    const r1 = clamp(Math.floor((y1 - this.top) / this.side), this.rows - 1);
    if (c0 === 0 && r0 === 0 && c1 === this.cols - 1 && r1 === this.rows - 1) return this.items;
    let count = 0;
    for (let row = r0; row <= r1; row++) {
      if (c1 >= c0) count += this.starts[row * this.cols + c1 + 1] - this.starts[row * this.cols + c0];
    }
    const found = new Uint32Array(count);
    let at = 0;
    for (let row = r0; row <= r1 && c1 >= c0; row++) {
      const some = this.items.subarray(this.starts[row * this.cols + c0], this.starts[row * this.cols + c1 + 1]);
      found.set(some, at);
      at += some.length;
    }
    return found;
  }
}
