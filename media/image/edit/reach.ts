import sharp, { type Sharp } from 'sharp';
import { formatRow } from '../../formats';
import type { ImageRenditionSpec } from '../../presets/schema';
import { encode, type Encoded } from '../encode';
import type { Kept } from '../metadata/kept';
import { ssim } from './ssim';

/** True for a rendition whose quality is searched for. */
export function searches({ maxBytes, target }: ImageRenditionSpec): boolean {
  return maxBytes !== undefined || target !== undefined;
}

/** Fresh pipelines over the pixels of a picture, which is drawn once: with its profile, or in sRGB. */
type Pixels = (profile?: boolean) => Sharp;

interface Attempt extends Encoded {
  quality: number;
  ssim?: number;
}

/** Searches the quality of a rendition by halving: at most eight encodings for each of `target` and `maxBytes`. */
export async function encodeReaching(pixels: Pixels, spec: ImageRenditionSpec, kept: Kept = {}): Promise<Encoded> {
  const { maxBytes = Infinity, target } = spec;
  const most = spec.quality ?? (target ? 100 : (formatRow(spec.format).quality ?? 100));
  const reference = target && (await luminance(pixels(false)));
  const attempt = async (quality: number): Promise<Attempt> => {
    const encoded = await encode(pixels(true), { ...spec, quality }, kept);
    if (!reference) return { ...encoded, quality };
    const { data, width, height } = await luminance(sharp(encoded.data, { animated: true, limitInputPixels: false }));
    return { ...encoded, quality, ssim: ssim(reference.data, data, width, height) };
  };
  const tries = new Map<number, Promise<Attempt>>();
  const at = (quality: number): Promise<Attempt> => {
    const known = tries.get(quality) ?? attempt(quality);
    tries.set(quality, known);
    return known;
  };
  // The lowest quality that is like enough, or the highest there is; then the highest below it that fits.
  const wanted = target
    ? await lowest(1, most, async (quality) => ((await at(quality)).ssim ?? 0) >= target.ssim)
    : most;
  const tooLarge = async (quality: number) => (await at(quality)).data.length > maxBytes;
  const fits = (await tooLarge(wanted)) ? Math.max(1, (await lowest(1, wanted, tooLarge)) - 1) : wanted;
  const { quality, ssim: like, ...encoded } = await at(fits);
  return { ...encoded, reached: { quality, ...(like !== undefined && { ssim: Math.round(like * 1e4) / 1e4 }) } };
}

/** The lowest number of a range from which on something holds; the last where it never does. */
async function lowest(from: number, to: number, holds: (value: number) => Promise<boolean>): Promise<number> {
  let [low, high] = [from, to];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (await holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

async function luminance(picture: Sharp): Promise<{ data: Buffer; width: number; height: number }> {
  const { data, info } = await picture
    .flatten({ background: '#808080' })
    .greyscale()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}
