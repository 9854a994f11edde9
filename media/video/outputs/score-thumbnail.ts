/** Mean grey under which a picture is black to the eye, of 255. */
const DARK = 24;
/** Standard deviation of grey under which it is one flat colour. */
const FLAT = 8;
/** Mean strength of edges under which it is blurred (a fade, a swipe, a lens that seeks its focus). */
const SOFT = 2;

/**
 * How well a picture may stand for its video: 1 or more is good, less is the worse the lower.
 * @param pixels one grey byte a pixel, full range
 */
export function scoreThumbnail(pixels: Buffer, width: number): number {
  const { mean, deviation } = spread(pixels);
  return Math.min(mean / DARK, deviation / FLAT, edges(pixels, width) / SOFT);
}

function spread(pixels: Buffer): { mean: number; deviation: number } {
  let sum = 0;
  let squares = 0;
  for (const value of pixels) {
    sum += value;
    squares += value * value;
  }
  const mean = sum / pixels.length;
  return { mean, deviation: Math.sqrt(Math.max(0, squares / pixels.length - mean * mean)) };
}

/** Mean change of grey around a picture under which nothing happens there, of 255. */
const STILL = 5;
/** A picture in a transition differs from the mean of those around it by less than this part of their change. */
const MIXED = 0.25;

/**
 * Is a picture a mixture of the one before and the one behind it, as in a dissolve, or a step of a fade? What moves, or is
 * cut, is no such mixture: half of the way is not in the middle of it.
 * @param pictures three small grey ones, one behind the other; with fewer, nothing is known
 * @param size bytes of each
 */
export function isTransition(pictures: Buffer, size: number): boolean {
  if (pictures.length !== 3 * size) return false;
  const { change, rest } = mixture(pictures, size);
  return change > STILL && rest < MIXED * change;
}

/** Means over all pixels. */
function mixture(pictures: Buffer, size: number): { change: number; rest: number } {
  let change = 0;
  let rest = 0;
  for (let at = 0; at < size; at++) {
    const [before = 0, now = 0, after = 0] = [pictures[at], pictures[size + at], pictures[2 * size + at]];
    change += Math.abs(after - before);
    rest += Math.abs(now - (before + after) / 2);
  }
  return { change: change / size, rest: rest / size };
}

/** Mean of the Laplacian's absolute value, over all pixels that have four neighbours. */
function edges(pixels: Buffer, width: number): number {
  const height = Math.floor(pixels.length / width);
  const value = (x: number, y: number) => pixels[y * width + x] ?? 0;
  let sum = 0;
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const around = value(x - 1, y) + value(x + 1, y) + value(x, y - 1) + value(x, y + 1);
      sum += Math.abs(4 * value(x, y) - around);
    }
  }
  return sum / Math.max(1, (width - 2) * (height - 2));
}
