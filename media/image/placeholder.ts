import { rgbaToThumbHash } from 'thumbhash';
import type { Placeholder } from '../../common/contracts';

/** px; a ThumbHash holds seven waves a side at most, so more pixels would add nothing. */
export const THUMBNAIL_SIDE = 64;

/** The two stand-ins for an image that is still loading. @param rgba width x height x 4 bytes, not premultiplied */
export function placeholderOf(width: number, height: number, rgba: Uint8Array): Placeholder {
  return {
    thumbhash: Buffer.from(rgbaToThumbHash(width, height, rgba)).toString('base64'),
    dominant: dominantColour(rgba),
  };
}

/**
 * The mean of the fullest cell when colours are sorted into 8 x 8 x 8 cells; transparent pixels do not count.
 * @returns `#rrggbb`; black where all is transparent
 */
export function dominantColour(rgba: Uint8Array): string {
  const counts = new Uint32Array(512);
  const sums = new Uint32Array(512 * 3);
  for (let i = 0; i + 3 < rgba.length; i += 4) {
    const [r = 0, g = 0, b = 0, a = 0] = rgba.subarray(i, i + 4);
    if (a < 128) continue;
    const cell = ((r >> 5) << 6) | ((g >> 5) << 3) | (b >> 5);
    counts[cell]! += 1;
    sums[cell * 3]! += r;
    sums[cell * 3 + 1]! += g;
    sums[cell * 3 + 2]! += b;
  }
  const fullest = counts.reduce((best, count, cell) => (count > counts[best]! ? cell : best), 0);
  const count = Math.max(1, counts[fullest]!);
  const hex = [0, 1, 2].map((band) =>
    Math.round(sums[fullest * 3 + band]! / count)
      .toString(16)
      .padStart(2, '0'),
  );
  return `#${hex.join('')}`;
}
