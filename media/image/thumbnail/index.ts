import { fromPixels, type Still } from '../still';
import type { Looks } from '../types';
import { HASH_SIDE, perceptualHash } from './perceptual-hash';
import { placeholderOf } from './placeholder';
import { THUMBNAIL_SIDE } from './side';

/** From pixels already decoded, so it costs a few ms instead of another decoding. */
export async function looksOf(still: Still, blurhash = false): Promise<Looks> {
  const { data, info } = await still
    .pipeline(false)
    .resize({ width: THUMBNAIL_SIDE, height: THUMBNAIL_SIDE, fit: 'inside', withoutEnlargement: true })
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
