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
export function judge(pixels: Buffer, width: number): number {
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

/** Mean of the Laplacian's absolute value. */
function edges(pixels: Buffer, width: number): number {
  let sum = 0;
  const last = pixels.length - width - 1;
  for (let at = width + 1; at < last; at++) {
    const around = pixels[at - 1]! + pixels[at + 1]! + pixels[at - width]! + pixels[at + width]!;
    sum += Math.abs(4 * pixels[at]! - around);
  }
  return sum / Math.max(1, last - width - 1);
}
