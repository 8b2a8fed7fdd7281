// Draws posters with WebGL 2: a quad each, which reads from textures where it is and what it shows, so that any posters are
// drawn by a list of their numbers. Not by instancing: devices that draw by software do each instance as a call of its own,
// and graphics cards gain nothing from it with four corners.
//
// What is drawn goes into a picture of the window's size, and that onto the screen. Moving the window then costs a copy
// of that picture and the posters in the strips that come into sight; coming closer shows the picture enlarged until
// the new one is done. A new one is drawn in portions that take a few milliseconds each, however slow the device.
//
// Measured against three.js in benchmarks/page.py: see docs/measured.md.

import type { View } from "./camera";

const VERTEX = `#version 300 es
precision highp float;
precision highp int;
precision highp usampler2D;
in uint id;
uniform sampler2D places;
uniform usampler2D looks;
uniform usampler2D layers;
uniform vec2 size;
uniform vec3 view;
uniform float width;
uniform float moved;
uniform ivec4 atlas;
uniform vec2 page;
uniform bool near;
out vec2 at;
flat out vec4 cell;
flat out int layer;
flat out int kind;
flat out vec4 tint;
flat out float shade;
out vec2 inside;
flat out vec2 pixels;

void main() {
  ivec2 texel = ivec2(int(id) & 1023, int(id) >> 10);
  vec4 place = texelFetch(places, texel, 0);
  uvec4 look = texelFetch(looks, texel, 0);
  vec2 corner = vec2(gl_VertexID & 1, (gl_VertexID >> 1) & 1);
  float shape = float(look.y & 65535u) / 1000.0;
  vec2 box = shape > 2.0 / 3.0 ? vec2(width, width / shape) : vec2(1.5 * width * shape, 1.5 * width);
  box = max(box, vec2(1.0));
  vec2 middle = mix(place.xy, place.zw, moved) * view.x + view.yz;
  vec2 position = width >= 6.0 ? floor(middle - box / 2.0 + 0.5) + corner * floor(box + 0.5)
                               : middle + (corner - 0.5) * box;
  bool wanted = (look.y & 65536u) != 0u;
  float depth = wanted ? 0.2 : 0.8;
  gl_Position = vec4(position / size * vec2(2.0, -2.0) + vec2(-1.0, 1.0), depth, 1.0);
  int slot = int(look.x);
  int sheet = slot >> 6;
  int resident = near ? int(texelFetch(layers, ivec2(sheet & 1023, sheet >> 10), 0).r) : 0;
  if (resident > 0) {
    kind = 1;
    layer = resident - 1;
    int place = slot & 63;
    cell = vec4(float(place & 7), float(place >> 3), 1.0, 1.0) / 8.0;
  } else {
    kind = 0;
    int perPage = atlas.x * atlas.y;
    layer = slot / perPage;
    int place = slot % perPage;
    vec2 sprite = vec2(atlas.zw) / page;
    cell = vec4(vec2(float(place % atlas.y), float(place / atlas.y)) * sprite, sprite);
  }
  at = corner;
  inside = corner * box;
  pixels = box;
  tint = vec4(float(look.z >> 24), float((look.z >> 16) & 255u), float((look.z >> 8) & 255u), float(look.z & 255u)) / 255.0;
  shade = wanted ? 1.0 : 0.13;
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
precision mediump sampler2DArray;
in vec2 at;
in vec2 inside;
flat in vec4 cell;
flat in int layer;
flat in int kind;
flat in vec4 tint;
flat in float shade;
flat in vec2 pixels;
uniform sampler2DArray sprites;
uniform sampler2DArray sheets;
uniform highp vec2 page;
uniform highp vec2 sheetPage;
out vec4 colour;
void main() {
  // Half a texel from the edge, so that no neighbour shines in.
  highp vec2 half_ = 0.5 / (kind == 1 ? sheetPage : page);
  highp vec2 spot = cell.xy + clamp(at * cell.zw, half_, cell.zw - half_);
  vec3 rgb = kind == 1 ? texture(sheets, vec3(spot, float(layer))).rgb : texture(sprites, vec3(spot, float(layer))).rgb;
  if (tint.a > 0.0) {
    vec2 edge = min(inside, pixels - inside);
    float border = clamp(pixels.x * 0.07, 1.0, 5.0);
    if (min(edge.x, edge.y) < border) rgb = tint.rgb;
    else if (pixels.x < 10.0) rgb = mix(rgb, tint.rgb, 0.55);
  }
  colour = vec4(rgb, shade);
}`;

const LOOK_WIDTH = 1024;
/** Posters that are drawn at once: at first, at least and at most; more where that is done in two frames, fewer in six. */
const PORTION = { first: 4000, least: 500, most: 200_000 };
const QUICK_MS = 40;
const SLOW_MS = 100;

export interface Looks {
  /** (n,) slots in the atlas. */
  slots: Uint32Array;
  /** (n,) width · 1000 / height. */
  shapes: Uint16Array;
}

interface Target {
  buffer: WebGLFramebuffer;
  colour: WebGLTexture;
  depth: WebGLRenderbuffer;
  view: View | null;
  width: number;
}

export interface Shot {
  view: View;
  /** Width of a poster in device pixels. */
  posterWidth: number;
  /** How far posters have moved to their places, 0 to 1. */
  moved: number;
  /** Which posters are in a rectangle of the canvas. */
  within: (x0: number, y0: number, x1: number, y1: number) => Uint32Array;
}

export class Renderer {
  readonly gl: WebGL2RenderingContext;
  private readonly program: WebGLProgram;
  private readonly uniforms = new Map<string, WebGLUniformLocation | null>();
  private readonly ids: WebGLBuffer;
  private readonly corners: WebGLBuffer;
  private cornersFor = 0;
  private fourfold = new Uint32Array(0);
  private readonly vertices: WebGLVertexArrayObject;
  private readonly places: WebGLTexture;
  private readonly looks: WebGLTexture;
  private readonly layers: WebGLTexture;
  private readonly rows: number;
  private readonly lookData: Uint32Array;
  private readonly placeData: Float32Array;
  private sprites: WebGLTexture | null = null;
  private sheets: WebGLTexture | null = null;
  private front: Target | null = null;
  private back: Target | null = null;
  private job: { shot: Shot; ids: Uint32Array; done: number; target: Target } | null = null;
  private fence: { sync: WebGLSync; since: number; drawn: number } | null = null;
  private portionSize = PORTION.first;
  private background: [number, number, number] = [0, 0, 0];
  private stale = true;
  private near = false;
  private page: [number, number] = [1, 1];
  private grid: [number, number, number, number] = [1, 1, 1, 1];

  constructor(readonly canvas: HTMLCanvasElement, readonly n: number, looks: Looks, nSheets: number) {
    const gl = canvas.getContext("webgl2", { antialias: false, alpha: false, depth: false, powerPreference: "high-performance" });
    if (!gl) throw new Error("This browser has no WebGL 2, which draws the posters.");
    this.gl = gl;
    this.program = build(gl);
    gl.useProgram(this.program);
    this.rows = Math.max(1, Math.ceil(n / LOOK_WIDTH));
    this.placeData = new Float32Array(this.rows * LOOK_WIDTH * 4);
    this.lookData = new Uint32Array(this.rows * LOOK_WIDTH * 4);
    for (let i = 0; i < n; i++) {
      this.lookData[4 * i] = looks.slots[i];
      this.lookData[4 * i + 1] = Math.min(65535, looks.shapes[i]) | 65536;
    }
    this.places = this.texture(gl.RGBA32F, LOOK_WIDTH, this.rows);
    this.looks = this.texture(gl.RGBA32UI, LOOK_WIDTH, this.rows);
    this.layers = this.texture(gl.R8UI, LOOK_WIDTH, Math.max(1, Math.ceil(nSheets / LOOK_WIDTH)));
    this.sendLooks();
    this.vertices = gl.createVertexArray();
    this.ids = gl.createBuffer();
    gl.bindVertexArray(this.vertices);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.ids);
    const id = gl.getAttribLocation(this.program, "id");
    gl.enableVertexAttribArray(id);
    gl.vertexAttribIPointer(id, 1, gl.UNSIGNED_INT, 0, 0);
    this.corners = gl.createBuffer();
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.corners);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    for (const [unit, name] of ["places", "looks", "layers", "sprites", "sheets"].entries()) gl.uniform1i(this.uniform(name), unit);
  }

  // --- what is drawn -------------------------------------------------------------------------------------------------

  setBackground(rgb: [number, number, number]): void {
    this.background = rgb;
    this.changed();
  }

  /** Makes room for pages of sprites. */
  setAtlas(sprite: [number, number], grid: [number, number], pages: number): void {
    const { gl } = this;
    this.grid = [grid[0], grid[1], sprite[1], sprite[0]];
    this.page = [grid[1] * sprite[1], grid[0] * sprite[0]];
    this.sprites = this.array(this.page[0], this.page[1], Math.max(1, pages), 3);
    gl.texParameteri(gl.TEXTURE_2D_ARRAY, gl.TEXTURE_MAX_LEVEL, 0);
    this.sheets = this.array(1, 1, 1, 1);
  }

  putPage(layer: number, picture: ImageBitmap): void {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE3);
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, this.sprites);
    gl.texSubImage3D(gl.TEXTURE_2D_ARRAY, 0, 0, 0, layer, picture.width, picture.height, 1, gl.RGBA, gl.UNSIGNED_BYTE, picture);
    this.changed();
  }

  /** Makes the smaller copies of sprites that are read from afar, once all pages are here. */
  finishPages(): void {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE3);
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, this.sprites);
    gl.texParameteri(gl.TEXTURE_2D_ARRAY, gl.TEXTURE_MAX_LEVEL, 2);
    gl.texParameteri(gl.TEXTURE_2D_ARRAY, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_NEAREST);
    gl.generateMipmap(gl.TEXTURE_2D_ARRAY);
    this.changed();
  }

  /** Makes room for sheets of thumbnails. */
  setSheets(width: number, height: number, layers: number): void {
    this.gl.deleteTexture(this.sheets);
    this.sheets = this.array(width, height, layers, 1);
    this.use();
    this.gl.uniform2f(this.uniform("sheetPage"), width, height);
  }

  putSheet(layer: number, picture: ImageBitmap): void {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE4);
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, this.sheets);
    gl.texSubImage3D(gl.TEXTURE_2D_ARRAY, 0, 0, 0, layer, picture.width, picture.height, 1, gl.RGBA, gl.UNSIGNED_BYTE, picture);
  }

  /** Says which layer holds a sheet; -1 for none. */
  setSheetLayer(sheet: number, layer: number): void {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE2);
    gl.bindTexture(gl.TEXTURE_2D, this.layers);
    const value = new Uint8Array([layer + 1]);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, sheet % LOOK_WIDTH, Math.floor(sheet / LOOK_WIDTH), 1, 1, gl.RED_INTEGER, gl.UNSIGNED_BYTE, value);
    this.changed();
  }

  /** Whether posters are large enough for thumbnails. */
  setNear(near: boolean): void {
    if (near !== this.near) this.changed();
    this.near = near;
  }

  setPlaces(from: Float32Array, to: Float32Array): void {
    for (let i = 0; i < this.n; i++) {
      this.placeData[4 * i] = from[2 * i];
      this.placeData[4 * i + 1] = from[2 * i + 1];
      this.placeData[4 * i + 2] = to[2 * i];
      this.placeData[4 * i + 3] = to[2 * i + 1];
    }
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.places);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, LOOK_WIDTH, this.rows, gl.RGBA, gl.FLOAT, this.placeData);
    this.changed();
  }

  /** Sets which posters are wanted, and the colours of their borders, 0xrrggbbaa; alpha 0 for none. */
  setLooks(mask: Uint8Array, tints: Uint32Array | null): void {
    for (let i = 0; i < this.n; i++) {
      this.lookData[4 * i + 1] = (this.lookData[4 * i + 1] & 65535) | (mask[i] ? 65536 : 0);
      this.lookData[4 * i + 2] = tints ? tints[i] : 0;
    }
    this.sendLooks();
    this.changed();
  }

  private sendLooks(): void {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, this.looks);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, LOOK_WIDTH, this.rows, gl.RGBA_INTEGER, gl.UNSIGNED_INT, this.lookData);
  }

  /** Says that what was drawn is out of date. */
  changed(): void {
    this.stale = true;
    this.job = null;
  }

  // --- drawing -------------------------------------------------------------------------------------------------------

  /** Whether so many posters are drawn within a few frames' time: then movements can be shown. */
  fast(count: number): boolean {
    return count <= this.portionSize;
  }

  resize(width: number, height: number): void {
    if (this.canvas.width === width && this.canvas.height === height && this.front) return;
    this.canvas.width = width;
    this.canvas.height = height;
    for (const old of [this.front, this.back]) this.release(old);
    this.front = this.target(width, height);
    this.back = this.target(width, height);
    this.changed();
  }

  /** Whether the graphics card has done all that it was given. */
  get done(): boolean {
    return this.fence === null && !this.stale;
  }

  /** Draws a frame; tells whether there is more to draw for this very shot. */
  draw(shot: Shot): boolean {
    if (!this.front || !this.back || !this.sprites) return false;
    this.measure();
    const { view } = shot;
    const front = this.front;
    const still = !this.stale && front.view !== null && front.view.scale === view.scale && front.width === shot.posterWidth &&
      shot.moved >= 1;
    if (still) {
      this.job = null;
      const [dx, dy] = [view.left - front.view!.left, view.top - front.view!.top];
      if (dx || dy) this.scroll(shot, dx, dy);
    } else {
      // One that is under way is finished even if the window has moved on: something newer than what is there is seen.
      if (!this.job) {
        const ids = shot.within(0, 0, this.canvas.width, this.canvas.height);
        this.job = { shot, ids, done: 0, target: this.back };
        this.clear(this.back);
      }
      this.portion();
    }
    this.show(view);
    return this.job !== null || this.fence !== null;
  }

  private measure(): void {
    const { gl, fence } = this;
    if (!fence) return;
    const state = gl.clientWaitSync(fence.sync, 0, 0);
    if (state === gl.TIMEOUT_EXPIRED && performance.now() - fence.since < 4000) return;
    gl.deleteSync(fence.sync);
    const took = performance.now() - fence.since;
    // A portion is seen to be done a frame later at the soonest; one that was not full tells only if it was slow.
    if (took > SLOW_MS) this.portionSize = Math.max(PORTION.least, this.portionSize / 2);
    else if (took < QUICK_MS && fence.drawn >= this.portionSize) this.portionSize = Math.min(PORTION.most, this.portionSize * 2);
    this.fence = null;
  }

  private portion(): void {
    const { gl, job } = this;
    if (!job || this.fence) return; // the card is still at the last one
    const some = job.ids.subarray(job.done, job.done + this.portionSize);
    this.bind(job.target);
    this.quads(job.shot, some);
    job.done += some.length;
    this.fence = { sync: gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0)!, since: performance.now(), drawn: some.length };
    gl.flush();
    if (job.done < job.ids.length) return;
    job.target.view = job.shot.view;
    job.target.width = job.shot.posterWidth;
    [this.front, this.back] = [job.target, this.front!];
    this.stale = job.shot.moved < 1;
    this.job = null;
  }

  /** Moves what was drawn along, and draws the strips that came into sight. */
  private scroll(shot: Shot, dx: number, dy: number): void {
    const { gl } = this;
    const [front, back] = [this.front!, this.back!];
    const { width, height } = this.canvas;
    this.clear(back);
    if (Math.abs(dx) < width && Math.abs(dy) < height) {
      gl.bindFramebuffer(gl.READ_FRAMEBUFFER, front.buffer);
      gl.bindFramebuffer(gl.DRAW_FRAMEBUFFER, back.buffer);
      // The buffer's y grows upwards.
      const [x0, x1] = [Math.max(0, -dx), Math.min(width, width - dx)];
      const [y0, y1] = [Math.max(0, dy), Math.min(height, height + dy)];
      gl.blitFramebuffer(x0, y0, x1, y1, x0 + dx, y0 - dy, x1 + dx, y1 - dy, gl.COLOR_BUFFER_BIT, gl.NEAREST);
    }
    this.bind(back);
    const strips: [number, number, number, number][] = [];
    if (dx > 0) strips.push([0, 0, dx, height]);
    if (dx < 0) strips.push([width + dx, 0, width, height]);
    if (dy > 0) strips.push([0, 0, width, dy]);
    if (dy < 0) strips.push([0, height + dy, width, height]);
    gl.enable(gl.SCISSOR_TEST);
    for (const [x0, y0, x1, y1] of strips) {
      gl.scissor(x0, height - y1, x1 - x0, y1 - y0);
      gl.clearColor(...this.background, 1);
      gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
      this.quads(shot, shot.within(x0, y0, x1, y1));
    }
    gl.disable(gl.SCISSOR_TEST);
    back.view = shot.view;
    back.width = shot.posterWidth;
    [this.front, this.back] = [back, front];
  }

  private quads(shot: Shot, ids: Uint32Array): void {
    const { gl } = this;
    if (!ids.length) return;
    this.use();
    gl.uniform2f(this.uniform("size"), this.canvas.width, this.canvas.height);
    gl.uniform3f(this.uniform("view"), shot.view.scale, shot.view.left, shot.view.top);
    gl.uniform1f(this.uniform("width"), Math.max(1, shot.posterWidth));
    gl.uniform1f(this.uniform("moved"), shot.moved);
    gl.uniform4i(this.uniform("atlas"), ...this.grid);
    gl.uniform2f(this.uniform("page"), ...this.page);
    gl.uniform1i(this.uniform("near"), this.near ? 1 : 0);
    gl.bindVertexArray(this.vertices);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.ids);
    const n = ids.length;
    if (this.cornersFor < n) this.reserve(n);
    const { fourfold } = this;
    for (let i = 0, at = 0; i < n; i++, at += 4) {
      fourfold[at] = fourfold[at + 1] = fourfold[at + 2] = fourfold[at + 3] = ids[i];
    }
    gl.bufferData(gl.ARRAY_BUFFER, fourfold.subarray(0, 4 * n), gl.STREAM_DRAW);
    gl.enable(gl.DEPTH_TEST);
    gl.depthFunc(gl.LESS);
    gl.enable(gl.BLEND);
    gl.blendFuncSeparate(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA, gl.ONE, gl.ONE);
    gl.drawElements(gl.TRIANGLES, 6 * n, gl.UNSIGNED_INT, 0);
  }

  /** Makes room for so many quads: two triangles each, of corners 0 1 2 and 2 1 3. */
  private reserve(n: number): void {
    const { gl } = this;
    const size = Math.max(2 * this.cornersFor, n, PORTION.first);
    const corners = new Uint32Array(6 * size);
    for (let i = 0; i < size; i++) corners.set([4 * i, 4 * i + 1, 4 * i + 2, 4 * i + 2, 4 * i + 1, 4 * i + 3], 6 * i);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.corners);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, corners, gl.STATIC_DRAW);
    this.fourfold = new Uint32Array(4 * size);
    this.cornersFor = size;
  }

  /** Puts what was drawn onto the screen, where this view has it. */
  private show(view: View): void {
    const { gl } = this;
    const front = this.front!;
    const { width, height } = this.canvas;
    gl.bindFramebuffer(gl.DRAW_FRAMEBUFFER, null);
    gl.bindFramebuffer(gl.READ_FRAMEBUFFER, front.buffer);
    if (!front.view) {
      gl.clearColor(...this.background, 1);
      gl.clear(gl.COLOR_BUFFER_BIT);
      return;
    }
    const by = view.scale / front.view.scale;
    const x0 = view.left - front.view.left * by;
    const y0 = view.top - front.view.top * by;
    if (by === 1 && x0 === 0 && y0 === 0) {
      gl.blitFramebuffer(0, 0, width, height, 0, 0, width, height, gl.COLOR_BUFFER_BIT, gl.NEAREST);
      return;
    }
    gl.clearColor(...this.background, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    const top = Math.round(height - y0);
    const bottom = Math.round(height - (y0 + height * by));
    gl.blitFramebuffer(0, 0, width, height, Math.round(x0), bottom, Math.round(x0 + width * by), top, gl.COLOR_BUFFER_BIT, gl.LINEAR);
  }

  // --- helpers -------------------------------------------------------------------------------------------------------

  private use(): void {
    const { gl } = this;
    gl.useProgram(this.program);
    const bound: [number, WebGLTexture | null][] = [
      [gl.TEXTURE_2D, this.places], [gl.TEXTURE_2D, this.looks], [gl.TEXTURE_2D, this.layers],
      [gl.TEXTURE_2D_ARRAY, this.sprites], [gl.TEXTURE_2D_ARRAY, this.sheets],
    ];
    bound.forEach(([kind, texture], unit) => {
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(kind, texture);
    });
  }

  private uniform(name: string): WebGLUniformLocation | null {
    if (!this.uniforms.has(name)) this.uniforms.set(name, this.gl.getUniformLocation(this.program, name));
    return this.uniforms.get(name)!;
  }

  private texture(format: number, width: number, height: number): WebGLTexture {
    const { gl } = this;
    const texture = gl.createTexture();
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.texStorage2D(gl.TEXTURE_2D, 1, format, width, height);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    return texture;
  }

  private array(width: number, height: number, layers: number, levels: number): WebGLTexture {
    const { gl } = this;
    const texture = gl.createTexture();
    gl.activeTexture(gl.TEXTURE3);
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, texture);
    gl.texStorage3D(gl.TEXTURE_2D_ARRAY, levels, gl.RGBA8, width, height, layers);
    gl.texParameteri(gl.TEXTURE_2D_ARRAY, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
    gl.texParameteri(gl.TEXTURE_2D_ARRAY, gl.TEXTURE_MAG_FILTER, gl.LINEAR);
    gl.texParameteri(gl.TEXTURE_2D_ARRAY, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D_ARRAY, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
    return texture;
  }

  private target(width: number, height: number): Target {
    const { gl } = this;
    const colour = gl.createTexture();
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, colour);
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA8, width, height);
    const depth = gl.createRenderbuffer();
    gl.bindRenderbuffer(gl.RENDERBUFFER, depth);
    gl.renderbufferStorage(gl.RENDERBUFFER, gl.DEPTH_COMPONENT16, width, height);
    const buffer = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, buffer);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, colour, 0);
    gl.framebufferRenderbuffer(gl.FRAMEBUFFER, gl.DEPTH_ATTACHMENT, gl.RENDERBUFFER, depth);
    return { buffer, colour, depth, view: null, width: 0 };
  }

  private release(target: Target | null): void {
    if (!target) return;
    this.gl.deleteFramebuffer(target.buffer);
    this.gl.deleteTexture(target.colour);
    this.gl.deleteRenderbuffer(target.depth);
  }

  private bind(target: Target): void {
    this.gl.bindFramebuffer(this.gl.FRAMEBUFFER, target.buffer);
    this.gl.viewport(0, 0, this.canvas.width, this.canvas.height);
  }

  private clear(target: Target): void {
    const { gl } = this;
    this.bind(target);
    gl.disable(gl.SCISSOR_TEST);
    gl.clearColor(...this.background, 1);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
  }
}

function build(gl: WebGL2RenderingContext): WebGLProgram {
  const program = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]] as const) {
    const shader = gl.createShader(kind)!;
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader) ?? "shader");
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program) ?? "program");
  return program;
}
