// The camera over a scene: how many device pixels a unit is, and where the world's origin lies on the canvas.

export interface View {
  /** Device pixels a unit. */
  scale: number;
  /** Device pixels; whole numbers, so that what is drawn can be moved along without being drawn again. */
  left: number;
  top: number;
}

export interface Size {
  width: number;
  height: number;
}

const MARGIN = 0.94;
/** Device pixels that a poster may be wide. */
const LARGEST = 900;

/** A scene's size, and whether it is a page that is read downwards. */
export interface Extent extends Size {
  tall?: boolean;
}

/** The view that shows all of a scene, or the top of a tall one. */
export function whole(canvas: Size, scene: Extent): View {
  if (scene.tall) {
    const wide = clamped((MARGIN * canvas.width) / scene.width, canvas, scene);
    return { scale: wide, left: Math.round((canvas.width - scene.width * wide) / 2), top: Math.round(0.02 * canvas.width) };
  }
  const scale = Math.max(1e-6, MARGIN * Math.min(canvas.width / scene.width, canvas.height / scene.height));
  return at(canvas, scene, { x: 0.5, y: 0.5, zoom: 1 }, scale);
}

/** The view of an address: the middle in shares of the scene, and how much larger than whole. */
export function at(canvas: Size, scene: Extent, to: { x: number; y: number; zoom: number }, base?: number): View {
  const scale = clamped((base ?? whole(canvas, scene).scale) * to.zoom, canvas, scene);
  return {
    scale,
    left: Math.round(canvas.width / 2 - to.x * scene.width * scale),
    top: Math.round(canvas.height / 2 - to.y * scene.height * scale),
  };
}

export function clamped(scale: number, canvas: Size, scene: Size): number {
  const fit = Math.min(canvas.width / scene.width, canvas.height / scene.height);
  return Math.min(Math.max(scale, 0.5 * fit), Math.max(LARGEST, fit));
}

/** The view, a factor larger about a point of the canvas. */
export function zoomed(view: View, factor: number, x: number, y: number, canvas: Size, scene: Size): View {
  const scale = clamped(view.scale * factor, canvas, scene);
  const by = scale / view.scale;
  return { scale, left: Math.round(x - (x - view.left) * by), top: Math.round(y - (y - view.top) * by) };
}

/** The address of a view; undoes `at`. */
export function address(view: View, canvas: Size, scene: Extent): { x: number; y: number; zoom: number } {
  return {
    x: (canvas.width / 2 - view.left) / view.scale / scene.width,
    y: (canvas.height / 2 - view.top) / view.scale / scene.height,
    zoom: view.scale / whole(canvas, scene).scale,
  };
}

/** Keeps at least a part of the scene in the window. */
export function held(view: View, canvas: Size, scene: Size): View {
  const keep = 0.15;
  const [w, h] = [scene.width * view.scale, scene.height * view.scale];
  const [mx, my] = [keep * canvas.width, keep * canvas.height];
  return {
    scale: view.scale,
    left: Math.round(Math.min(Math.max(view.left, mx - w), canvas.width - mx)),
    top: Math.round(Math.min(Math.max(view.top, my - h), canvas.height - my)),
  };
}

/** How wide a poster is in device pixels: in crowded scenes it grows slower than the distances do. */
export function posterWidth(view: View, canvas: Size, scene: Extent & { crowded: boolean }): number {
  if (!scene.crowded) return view.scale;
  const base = whole(canvas, scene).scale;
  return base * Math.pow(Math.max(view.scale / base, 1e-3), view.scale > base ? 0.72 : 1);
}
