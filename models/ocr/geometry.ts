export type Point = [x: number, y: number];
/** Corners in the order of reading: where the text begins at its top, where it ends at its top, then below those two. */
export type Quad = [Point, Point, Point, Point];

export const distance = (a: Point, b: Point): number => Math.hypot(a[0] - b[0], a[1] - b[1]);

/** Sides of a rectangle: along the text, and across. */
export function sidesOf([a, b, , d]: Quad): { width: number; height: number } {
  return { width: distance(a, b), height: distance(a, d) };
}

/** The smallest rectangle, at any angle, around points; undefined for points on a line. */
export function smallestRectangle(points: Point[]): Quad | undefined {
  const hull = convexHull(points);
  if (hull.length < 3) return undefined;
  let best: { area: number; quad: Quad } | undefined;
  // One side of the smallest rectangle lies on a side of the hull.
  for (const [index, from] of hull.entries()) {
    const to = hull[(index + 1) % hull.length] ?? from;
    const length = distance(from, to);
    const [ux, uy] = [(to[0] - from[0]) / length, (to[1] - from[1]) / length];
    const along = hull.map(([x, y]) => x * ux + y * uy);
    const across = hull.map(([x, y]) => y * ux - x * uy);
    const [u0, u1, v0, v1] = [Math.min(...along), Math.max(...along), Math.min(...across), Math.max(...across)];
    const area = (u1 - u0) * (v1 - v0);
    if (best !== undefined && area >= best.area) continue;
    const at = (u: number, v: number): Point => [u * ux - v * uy, u * uy + v * ux];
    best = { area, quad: [at(u0, v0), at(u1, v0), at(u1, v1), at(u0, v1)] };
  }
  return best && upright(best.quad);
}

/** The corners from the upper left one on, clockwise. */
function upright(quad: Quad): Quad {
  const byX = [...quad].sort((a, b) => a[0] - b[0]) as Quad;
  const [left, right] = [byX.slice(0, 2), byX.slice(2)].map((pair) => pair.sort((a, b) => a[1] - b[1]));
  return [left?.[0], right?.[0], right?.[1], left?.[1]] as Quad;
}

/** A rectangle with every side moved outwards. */
export function grown(quad: Quad, by: number): Quad {
  const { width, height } = sidesOf(quad);
  const [a, b, c, d] = quad;
  const along: Point = [((b[0] - a[0]) / width) * by, ((b[1] - a[1]) / width) * by];
  const across: Point = [((d[0] - a[0]) / height) * by, ((d[1] - a[1]) / height) * by];
  const move = ([x, y]: Point, u: number, v: number): Point => [
    x + u * along[0] + v * across[0],
    y + u * along[1] + v * across[1],
  ];
  return [move(a, -1, -1), move(b, 1, -1), move(c, 1, 1), move(d, -1, 1)];
}

/** Andrew's monotone chain; corners in order, none on a straight side. */
function convexHull(points: Point[]): Point[] {
  const sorted = [...points].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const chain = (from: Point[]): Point[] => {
    const kept: Point[] = [];
    for (const point of from) {
      while (kept.length > 1 && turn(kept.at(-2) as Point, kept.at(-1) as Point, point) <= 0) kept.pop();
      kept.push(point);
    }
    return kept.slice(0, -1);
  };
  return [...chain(sorted), ...chain(sorted.reverse())];
}

/** Above 0: the way from `a` over `b` to `c` turns left. */
function turn(a: Point, b: Point, c: Point): number {
  return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
}
