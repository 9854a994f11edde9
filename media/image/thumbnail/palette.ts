/** Colours of a palette, at most. */
const COLOURS = 5;
/** Of 255: colours that are nearer to each other than this, by the distance of their bands, count as one. */
const APART = 32;

interface Cell {
  count: number;
  /** Mean of its pixels. */
  mean: [r: number, g: number, b: number];
}

/**
 * The colours that a picture is made of. Pixels are sorted into 8 x 8 x 8 cells of colour; the first colour is the mean of
 * the fullest cell, and each further one that of the cell with the most pixels, weighed by how far it is from those chosen.
 * @param rgba 4 bytes a pixel, not premultiplied; transparent pixels do not count
 * @returns `#rrggbb`, the dominant colour first; none where all is transparent
 */
export function paletteOf(rgba: Uint8Array): string[] {
  const cells = cellsOf(rgba);
  const chosen: Cell[] = [];
  while (chosen.length < COLOURS) {
    const weigh = (cell: Cell): number => {
      if (chosen.length === 0) return cell.count;
      const distance = Math.min(...chosen.map((other) => distanceOf(cell, other)));
      return distance < APART ? 0 : cell.count * distance * distance;
    };
    let best: Cell | undefined;
    let most = 0;
    for (const cell of cells) {
      const weight = weigh(cell);
      if (weight > most) [best, most] = [cell, weight];
    }
    if (best === undefined) break;
    chosen.push(best);
  }
  return chosen.map(({ mean }) => `#${mean.map((band) => Math.round(band).toString(16).padStart(2, '0')).join('')}`);
}

function cellsOf(rgba: Uint8Array): Cell[] {
  const counts = new Uint32Array(512);
  const sums = new Uint32Array(512 * 3);
  for (let i = 0; i + 3 < rgba.length; i += 4) {
    const [r, g, b, a] = [rgba[i]!, rgba[i + 1]!, rgba[i + 2]!, rgba[i + 3]!];
    if (a < 128) continue;
    const cell = ((r >> 5) << 6) | ((g >> 5) << 3) | (b >> 5);
    counts[cell]! += 1;
    sums[cell * 3]! += r;
    sums[cell * 3 + 1]! += g;
    sums[cell * 3 + 2]! += b;
  }
  return [...counts].flatMap((count, cell) => {
    if (count === 0) return [];
    const band = (at: number): number => sums[cell * 3 + at]! / count;
    return [{ count, mean: [band(0), band(1), band(2)] as Cell['mean'] }];
  });
}

function distanceOf({ mean: [r, g, b] }: Cell, { mean: [otherR, otherG, otherB] }: Cell): number {
  return Math.hypot(r - otherR, g - otherG, b - otherB);
}
