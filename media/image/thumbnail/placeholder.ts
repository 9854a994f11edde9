import { encode as blurhashOf } from 'blurhash';
import { rgbaToThumbHash } from 'thumbhash';
import type { Placeholder } from '../../../common/contracts';
import { paletteOf } from './palette';

/**
 * What stands for an image that is still loading.
 * @param rgba width x height x 4 bytes, not premultiplied
 * @param blurhash make that one too
 */
export function placeholderOf(width: number, height: number, rgba: Uint8Array, blurhash = false): Placeholder {
  const palette = paletteOf(rgba);
  return {
    thumbhash: Buffer.from(rgbaToThumbHash(width, height, rgba)).toString('base64'),
    dominant: palette[0] ?? '#000000',
    palette,
    ...(blurhash && { blurhash: blurhashOf(onWhite(rgba), width, height, ...waves(width, height)) }),
  };
}

/** Waves of a BlurHash along width and height: one more along the longer side. */
function waves(width: number, height: number): [across: number, down: number] {
  if (width === height) return [4, 4];
  return width > height ? [4, 3] : [3, 4];
}

/** A BlurHash knows no transparency. */
function onWhite(rgba: Uint8Array): Uint8ClampedArray {
  const pixels = new Uint8ClampedArray(rgba);
  for (let i = 0; i < pixels.length; i += 4) {
    const alpha = pixels[i + 3]! / 255;
    for (let band = i; band < i + 3; band++) pixels[band] = pixels[band]! * alpha + 255 * (1 - alpha);
    pixels[i + 3] = 255;
  }
  return pixels;
}
