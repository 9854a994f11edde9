import { sidesOf, type Quad } from './geometry';

/** RGB, 8 bit. */
export interface Pixels {
  data: Uint8Array;
  width: number;
  height: number;
}

/** px: the height of every line that the networks for direction and recognition see. */
export const LINE_HEIGHT = 48;

/** A line that stands on its side lies down: the text begins at its upper end or at its lower one. */
export function lying(quad: Quad): Quad {
  const { width, height } = sidesOf(quad);
  const [a, b, c, d] = quad;
  return height / width >= 1.5 ? [b, c, d, a] : quad;
}

export function turnedRound([a, b, c, d]: Quad): Quad {
  return [c, d, a, b];
}

/** px: width of a line at the height that the networks see. */
export function widthOf(quad: Quad, most: number): number {
  const { width, height } = sidesOf(quad);
  return Math.max(1, Math.min(most, Math.ceil((LINE_HEIGHT * width) / height)));
}

/**
 * Writes a line into a batch, as planes of blue, green and red from -1 to 1; what is left of the width stays 0.
 * @param target the batch; `index` is the line's place in it, `batchWidth` px are the width of all its lines
 */
export function cutOut(
  source: Pixels,
  quad: Quad,
  width: number,
  target: Float32Array,
  index: number,
  batchWidth: number,
): void {
  const [a, b, , d] = quad;
  const sides = sidesOf(quad);
  // Several samples a px where the line is larger than what the networks see.
  const samples = Math.max(1, Math.min(8, Math.round(sides.height / LINE_HEIGHT)));
  const plane = LINE_HEIGHT * batchWidth;
  const begin = index * 3 * plane;
  for (let row = 0; row < LINE_HEIGHT; row++) {
    for (let column = 0; column < width; column++) {
      const sum = [0, 0, 0] as [number, number, number];
      for (let sy = 0; sy < samples; sy++) {
        for (let sx = 0; sx < samples; sx++) {
          const u = (column + (sx + 0.5) / samples) / width;
          const v = (row + (sy + 0.5) / samples) / LINE_HEIGHT;
          const x = a[0] + u * (b[0] - a[0]) + v * (d[0] - a[0]);
          const y = a[1] + u * (b[1] - a[1]) + v * (d[1] - a[1]);
          addPixel(source, x - 0.5, y - 0.5, sum);
        }
      }
      const at = begin + row * batchWidth + column;
      const scale = 1 / (samples * samples * 127.5);
      target[at] = sum[2] * scale - 1;
      target[at + plane] = sum[1] * scale - 1;
      target[at + 2 * plane] = sum[0] * scale - 1;
    }
  }
}

/** Adds the colour between four px; beyond the edge, that of the edge. */
function addPixel({ data, width, height }: Pixels, x: number, y: number, sum: [number, number, number]): void {
  const cx = Math.max(0, Math.min(width - 1, x));
  const cy = Math.max(0, Math.min(height - 1, y));
  const [x0, y0] = [Math.floor(cx), Math.floor(cy)];
  const [x1, y1] = [Math.min(width - 1, x0 + 1), Math.min(height - 1, y0 + 1)];
  const [fx, fy] = [cx - x0, cy - y0];
  for (let channel = 0; channel < 3; channel++) {
    const at = (px: number, py: number): number => data[(py * width + px) * 3 + channel] ?? 0;
    const upper = at(x0, y0) * (1 - fx) + at(x1, y0) * fx;
    const lower = at(x0, y1) * (1 - fx) + at(x1, y1) * fx;
    sum[channel] = (sum[channel] ?? 0) + upper * (1 - fy) + lower * fy;
  }
}

/**
 * The characters of a line by CTC: the most likely class of each step, repetitions once, blanks (class 0) never.
 * @param scores steps x classes; `characters[0]` is the blank
 */
export function decodeLine(scores: Float32Array, characters: string[]): { text: string; confidence: number } {
  const classes = characters.length;
  let [text, sum, count, before] = ['', 0, 0, 0];
  for (let step = 0; step + classes <= scores.length; step += classes) {
    let best = 0;
    for (let each = 1; each < classes; each++) {
      if ((scores[step + each] ?? 0) > (scores[step + best] ?? 0)) best = each;
    }
    if (best !== 0 && best !== before) {
      text += characters[best] ?? '';
      sum += scores[step + best] ?? 0;
      count++;
    }
    before = best;
  }
  return { text, confidence: count === 0 ? 0 : sum / count };
}
