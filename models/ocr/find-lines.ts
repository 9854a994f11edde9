import { grown, sidesOf, smallestRectangle, type Point, type Quad } from './geometry';

/** Of DB, the detector's method, with the values that PP-OCRv4 ships with. */
const THRESHOLD = 0.3;
const BOX_THRESHOLD = 0.6;
/** The network marks the core of a line; by this share of area to circumference the line is larger. */
const UNCLIP_RATIO = 1.5;
/** px of the map; what is smaller is noise. */
const LEAST_SIDE = 3;
const MOST_LINES = 1000;

/** How sure the detector is of each px that it lies in text. */
export interface TextMap {
  data: Float32Array;
  width: number;
  height: number;
}

/** Rectangles around the lines of text, in px of the map, in the order in which people read. */
export function findLines(map: TextMap): Quad[] {
  const quads: Quad[] = [];
  for (const outline of outlines(map)) {
    if (quads.length >= MOST_LINES) break;
    const core = smallestRectangle(outline);
    if (core === undefined) continue;
    const { width, height } = sidesOf(core);
    if (Math.min(width, height) < LEAST_SIDE || meanIn(map, core) < BOX_THRESHOLD) continue;
    quads.push(grown(core, (width * height * UNCLIP_RATIO) / (2 * (width + height))));
  }
  return inReadingOrder(quads);
}

/** From top to bottom; what stands in one row, from left to right. */
export function inReadingOrder(quads: Quad[]): Quad[] {
  const top = (quad: Quad): number => Math.min(...quad.map(([, y]) => y));
  const bottom = (quad: Quad): number => Math.max(...quad.map(([, y]) => y));
  const left = (quad: Quad): number => Math.min(...quad.map(([x]) => x));
  const rows: Quad[][] = [];
  for (const quad of [...quads].sort((a, b) => top(a) + bottom(a) - top(b) - bottom(b))) {
    const row = rows.at(-1);
    const first = row?.[0];
    const middle = (top(quad) + bottom(quad)) / 2;
    if (row && first && middle < bottom(first) && middle > top(first)) row.push(quad);
    else rows.push([quad]);
  }
  return rows.flatMap((row) => row.sort((a, b) => left(a) - left(b)));
}

/** The px at the ends of the rows of each connected area above the threshold; its hull is theirs. */
function* outlines({ data, width, height }: TextMap): Generator<Point[]> {
  const seen = new Uint8Array(width * height);
  const isText = (at: number): boolean => (data[at] ?? 0) > THRESHOLD && seen[at] === 0;
  for (let start = 0; start < seen.length; start++) {
    if (!isText(start)) continue;
    const rows = new Map<number, [least: number, most: number]>();
    const open = [start];
    seen[start] = 1;
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      const [x, y] = [at % width, Math.floor(at / width)];
      const row = rows.get(y) ?? [x, x];
      rows.set(y, [Math.min(row[0], x), Math.max(row[1], x)]);
      for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny++) {
        for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx++) {
          const next = ny * width + nx;
          if (!isText(next)) continue;
          seen[next] = 1;
          open.push(next);
        }
      }
    }
    yield [...rows].flatMap(([y, [least, most]]): Point[] => [
      [least, y],
      [most, y],
    ]);
  }
}

/** Mean of the map within a rectangle. */
function meanIn({ data, width, height }: TextMap, quad: Quad): number {
  const sides = quad.map((from, index) => [from, quad[(index + 1) % 4] ?? from] as const);
  const xs = quad.map(([x]) => x);
  const ys = quad.map(([, y]) => y);
  let [sum, count] = [0, 0];
  for (let y = Math.max(0, Math.floor(Math.min(...ys))); y <= Math.min(height - 1, Math.max(...ys)); y++) {
    for (let x = Math.max(0, Math.floor(Math.min(...xs))); x <= Math.min(width - 1, Math.max(...xs)); x++) {
      const inside = sides.every(([a, b]) => (b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]) >= -1e-6);
      if (!inside) continue;
      sum += data[y * width + x] ?? 0;
      count++;
    }
  }
  return count === 0 ? 0 : sum / count;
}
