import sharp, { type CreateRaw, type Raw, type Sharp } from 'sharp';
import type { ImagePreset, ImageRenditionSpec } from '../presets/schema';
import { decodeSize, targetSize, type Size } from './edit/layout';
import { toDisplay, type Cicp } from './foreign/colour';
import { THUMBNAIL_SIDE } from './thumbnail/side';
import { toTiff } from './foreign/tiff';
import { hdrOfGainMap } from './gain-map';
import { keepsHdr, type Hdr } from './hdr';
import type { OpenSource } from './source';
import type { ImageLimits } from './types';
import { p3Profile, withProfile } from './wide';

/** Bytes of decoded pixels that are held in memory for all renditions; above, each rendition reads the file again. */
const MAX_RAW_BYTES = 256 * 2 ** 20;

/** The still picture of a source (its first frame), upright, in sRGB unless the preset asks for more. */
export interface Still {
  /**
   * A fresh pipeline over the picture at `size`, to be resized and encoded.
   * @param profile the result can hold a profile; without, it is sRGB whatever the preset asks for
   */
  pipeline(profile: boolean): Sharp;
  /** px of what `pipeline` yields before any resizing. */
  size: Size;
  hasAlpha: boolean;
  /** `pipeline(true)` has a profile: Display P3, or the source's own. */
  profile?: 'p3' | 'own';
  /** The picture in high dynamic range, where it has one and a rendition keeps it. */
  hdr?: Hdr;
}

/**
 * Decodes once, straight to the size of the largest rendition: JPEG and WebP decoders then leave out what nobody needs
 * (shrink-on-load), and the smaller renditions start from fewer pixels. Measured on the preset `web` against a
 * pipeline per rendition: 10 % less CPU at 1920x1280, 20 % less at 12 megapixels.
 */
export async function openStill(
  source: OpenSource,
  preset: ImagePreset,
  stills: ImageRenditionSpec[],
  limits: ImageLimits,
): Promise<Still> {
  const still = await decoded(source, preset, stills);
  if (still.hdr || !stills.some(({ hdr }) => hdr === 'keep')) return still;
  const hdr = await hdrOfGainMap(source, still.size, limits);
  return { ...still, ...(hdr && { hdr }) };
}

async function decoded(source: OpenSource, preset: ImagePreset, stills: ImageRenditionSpec[]): Promise<Still> {
  const { metadata, facts } = source;
  const hasAlpha = metadata.hasAlpha;
  const hasProfile = metadata.icc !== undefined && /^s?rgb/.test(metadata.space);
  const keepProfile = preset.colour === 'keep' && hasProfile;
  const size = largest(facts, stills, preset.crop);
  if (source.cicp) {
    const isDeep = stills.some((spec) => keepsHdr(spec, source));
    return converted(source, source.cicp, size, preset, isDeep);
  }
  const fromFile = (profile: boolean) => {
    const pipeline = sharp(source.input, source.options).autoOrient();
    if (keepProfile && profile) return pipeline.keepIccProfile();
    // sharp converts 16-bit pixels to Display P3 on the way; without this they would stay there, unlabelled.
    return metadata.depth === 'ushort' && metadata.icc
      ? pipeline.withIccProfile('srgb')
      : pipeline.toColourspace('srgb');
  };
  if (size.width * size.height * 4 > MAX_RAW_BYTES) {
    if (preset.colour === 'p3') source.warnings.push('The picture is too large to be brought to P3; it is sRGB.');
    return { pipeline: fromFile, size: facts, hasAlpha, ...(keepProfile && { profile: 'own' }) };
  }
  const heard = (decoder: Sharp): Sharp => decoder.on('warning', (text: string) => warn(source.warnings, text));
  if (keepProfile || preset.colour === 'p3') {
    // sharp would bring the pixels to sRGB first, which cuts off what is outside of it; so they go from their profile to P3.
    const own = () =>
      sharp(source.input, { ...source.options, ignoreIcc: true })
        .autoOrient()
        .withIccProfile('p3');
    const sized = heard(resize(keepProfile || !hasProfile ? fromFile(keepProfile) : own(), facts, size));
    // Pixels of 16 bits without a profile it takes for P3 already; those of sRGB are sure.
    const toP3 = async (srgb: Sharp) => (await withProfile(srgb))(false).withIccProfile('p3');
    const pipeline = await withProfile(hasProfile ? sized : await toP3(sized));
    const { width, height } = await pipeline(true).metadata();
    return { pipeline, size: { width, height }, hasAlpha, profile: keepProfile ? 'own' : 'p3' };
  }
  const { data, info } = await heard(resize(fromFile(false), facts, size))
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const raw = { width: info.width, height: info.height, channels: info.channels };
  return { pipeline: () => fromPixels(data, raw), size: raw, hasAlpha };
}

/** A pipeline over decoded pixels, 8 bits each. Limits were held against the source already. */
export function fromPixels(data: Uint8Array | Uint8ClampedArray, raw: Raw | CreateRaw): Sharp {
  return sharp(data, { raw, limitInputPixels: false });
}

/**
 * Colours that the file states beside its pixels, at the size of the largest rendition. HDR becomes SDR: what most screens
 * show, and what formats without HDR can hold. Diffuse white stays white; highlights are compressed.
 */
async function converted(
  source: OpenSource,
  cicp: Cicp,
  size: Size,
  { colour }: ImagePreset,
  isDeep: boolean,
): Promise<Still> {
  const { facts, metadata } = source;
  const decoder = resize(sharp(source.input, source.options).autoOrient(), facts, size).toColourspace('rgb16');
  const { data, info } = await decoder.raw({ depth: 'ushort' }).toBuffer({ resolveWithObject: true });
  const values = new Uint16Array(data.buffer, data.byteOffset, data.length / 2);
  const raw = { width: info.width, height: info.height, channels: info.channels };
  const isWide = colour !== 'srgb';
  const pixels = toDisplay(values, info.channels, cicp, isWide ? 'p3' : 'srgb');
  const hdr: Hdr = {
    ...{ cicp, bits: metadata.bitsPerSample === 12 ? 12 : 10 },
    pipeline: () => sharp(values, { raw, limitInputPixels: false }),
  };
  const about = {
    size: raw,
    hasAlpha: info.channels === 4,
    ...(isWide && { profile: 'p3' as const }),
    ...(isDeep && { hdr }),
  };
  if (!isWide) return { ...about, pipeline: () => fromPixels(pixels, raw) };
  const opaque = await fromPixels(pixels, raw).ensureAlpha().raw().toBuffer();
  const file = sharp(toTiff(opaque, raw, await p3Profile()), { limitInputPixels: false }).keepIccProfile();
  return { ...about, pipeline: await withProfile(about.hasAlpha ? file : file.removeAlpha()) };
}

/** Resizes to exactly `to`, which has the aspect ratio of `from` up to rounding. */
export function resize(pipeline: Sharp, from: Size, to: Size): Sharp {
  if (from.width === to.width && from.height === to.height) return pipeline;
  return pipeline.resize({ ...to, fit: 'fill', withoutEnlargement: true });
}

function largest(source: Size, specs: ImageRenditionSpec[], crop: ImagePreset['crop']): Size {
  const thumbnail: ImageRenditionSpec = { name: '', format: 'png', width: THUMBNAIL_SIDE, height: THUMBNAIL_SIDE };
  const part = crop && { width: source.width * crop.width, height: source.height * crop.height };
  return specs
    .map((spec) => decodeSize(source, spec, part))
    .concat(targetSize(source, thumbnail))
    .reduce((best, size) => (size.width * size.height > best.width * best.height ? size : best));
}

/** A damaged file can make libvips complain a thousand times. */
function warn(warnings: string[], text: string): void {
  const [line = ''] = text.trim().split('\n');
  if (/^read gave \d+ warnings/.test(line)) return;
  const sentence = `The decoder reports: ${line.slice(0, 200)}`;
  if (warnings.length < 5 && !warnings.includes(sentence)) warnings.push(sentence);
}
