import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import type { Hdr } from '../hdr';
import type { OpenSource } from '../source';
import type { Size } from '../edit/layout';
import type { ImageLimits } from '../types';
import { applied } from './apply';
import { findGainMap, type GainMap } from './find';

/** BT.2020 and PQ, code points of ITU-T H.273. */
const CICP = { primaries: 9, transfer: 16 };
/** px of a picture whose HDR is held in memory. */
const MAX_PIXELS = 40_000_000;

const UNREADABLE = 'The gain map of the picture cannot be read: its base picture, in SDR, was used.';

/**
 * The picture in high dynamic range of a JPEG that has a gain map, upright.
 * @param size px of the still
 * @returns undefined where there is no gain map; with a warning, where it cannot be applied
 */
export async function hdrOfGainMap(source: OpenSource, size: Size, limits: ImageLimits): Promise<Hdr | undefined> {
  const { facts, input, metadata, warnings } = source;
  if (facts.format !== 'jpeg') return undefined;
  const gain = findGainMap(typeof input === 'string' ? await readFile(input) : input);
  if (gain === undefined) return undefined;
  try {
    const isRgb = metadata.space === 'srgb' && metadata.channels === 3;
    if (gain === 'broken' || !isRgb || size.width * size.height > MAX_PIXELS) throw new RangeError(UNREADABLE);
    // The numbers of the file, without its profile: gain is meant for those.
    const base = await sharp(input, { ...source.options, ignoreIcc: true })
      .autoOrient()
      .resize({ ...size, fit: 'fill' })
      .raw({ depth: 'uchar' })
      .toBuffer();
    const map = await mapOf(gain, size, metadata.orientation, limits);
    const values = applied(base, map, gain, metadata.icc);
    const raw = { ...size, channels: 3 as const };
    return { cicp: CICP, bits: 10, pipeline: () => sharp(values, { raw, limitInputPixels: false }) };
  } catch (error) {
    if (error instanceof TypeError || error instanceof ReferenceError) throw error;
    warnings.push(UNREADABLE);
    return undefined;
  }
}

/** RGB of the map at the size of the picture; it is turned like the picture, about which it says nothing itself. */
async function mapOf(
  { file }: GainMap,
  size: Size,
  orientation: number | undefined,
  limits: ImageLimits,
): Promise<Buffer> {
  const options = { failOn: 'error', limitInputPixels: limits.maxPixels, ignoreIcc: true } as const;
  const stored = await sharp(file, options)
    .toColourspace('srgb')
    .withMetadata({ orientation })
    .png({ compressionLevel: 1 })
    .toBuffer();
  return sharp(stored)
    .autoOrient()
    .resize({ ...size, fit: 'fill', kernel: 'linear' })
    .toColourspace('srgb')
    .removeAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer();
}
