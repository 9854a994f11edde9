import type { Sharp } from 'sharp';
import type { Resize } from '../edit/resizes';
import { fromPixels, type Still } from '../still';
import type { Looks } from '../types';
import { HASH_SIDE, perceptualHash } from './perceptual-hash';
import { placeholderOf } from './placeholder';
import { THUMBNAIL_SIDE } from './side';

/** The resize of a still to the picture that everything here looks at. */
export function thumbnailOf({ size }: Still): Resize {
  const scale = Math.min(1, THUMBNAIL_SIDE / Math.max(size.width, size.height));
  const side = (length: number): number => Math.max(1, Math.round(length * scale));
  const rect = { left: 0, top: 0, ...size };
  return { rect, size: { width: side(size.width), height: side(size.height) }, profile: false };
}

/** From pixels already decoded, so it costs a few ms instead of another decoding. @param thumbnail see {@link thumbnailOf} */
export async function looksOf(thumbnail: Sharp, blurhash = false): Promise<Looks> {
  const { data, info } = await thumbnail
    .toColourspace('srgb')
    .ensureAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  const grey = await fromPixels(data, { width, height, channels: 4 })
    .flatten({ background: '#ffffff' })
    .resize({ width: HASH_SIDE, height: HASH_SIDE, fit: 'fill' })
    .greyscale()
    .raw({ depth: 'uchar' })
    .toBuffer();
  const hash = perceptualHash(grey);
  return {
    placeholder: placeholderOf(width, height, data, blurhash),
    ...(hash !== undefined && { perceptualHash: hash }),
  };
}
