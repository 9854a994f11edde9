import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { isFilm } from '../../formats';
import type { ImagePreset, ImageRenditionSpec } from '../../presets/schema';
import type { Encoded } from '../encode';
import { embed } from '../metadata/embed';
import type { Kept } from '../metadata';
import type { OpenSource } from '../source';
import { stripped, strips } from './strip';

/** Fields of a rendition that leave the picture as it is, where it has the right size already. */
const PLAIN = [
  ...['name', 'format', 'width', 'height', 'dpr', 'fit', 'larger'],
  ...['quality', 'effort', 'lossless', 'trellis', 'maxBytes', 'target'],
];

/** px of a picture that is decoded twice at once, to be compared. */
const MAX_PIXELS = 30_000_000;

/**
 * The source's own picture instead of one that was encoded from it, where nothing is to be done but to encode it again, and
 * that made it no smaller. Its metadata is taken out as from every rendition. The result was decoded and is the same, px for px.
 * @param path of the source
 */
export async function smaller(
  source: OpenSource,
  path: string,
  preset: ImagePreset,
  spec: ImageRenditionSpec,
  kept: Kept,
  encoded: Encoded,
): Promise<Encoded> {
  const { format } = spec;
  if (isFilm(format) || spec.larger || !isAlready(source, preset, spec, encoded)) return encoded;
  const bare = stripped(format, await readFile(path));
  if (bare === undefined) return encoded;
  const data = embed(format, bare, kept);
  if (data.length > encoded.data.length || !(await isSame(source, data))) return encoded;
  const { width, height } = source.facts;
  return { data, info: { width, height }, original: true };
}

/** Is the source what the rendition asks for, as far as its header says? What would have to be converted is not. */
function isAlready(
  { facts, metadata, animated, cicp, input }: OpenSource,
  { colour, crop }: ImagePreset,
  spec: ImageRenditionSpec,
  { info }: Encoded,
): boolean {
  const { fit = 'inside' } = spec;
  const isPicture =
    facts.format === spec.format && strips(facts.format) && typeof input === 'string' && !animated && facts.pages === undefined; // prettier-ignore
  const isPlain =
    crop === undefined && fit !== 'cover' && fit !== 'contain' && Object.keys(spec).every((key) => PLAIN.includes(key));
  const isSmall = facts.width * facts.height <= MAX_PIXELS;
  const isUpright = (metadata.orientation ?? 1) === 1 && info.width === facts.width && info.height === facts.height;
  const isSrgb =
    (colour === 'srgb' || colour === 'keep') &&
    cicp === undefined &&
    metadata.icc === undefined &&
    metadata.depth === 'uchar' &&
    (metadata.space === 'srgb' || metadata.space === 'b-w');
  return isPicture && isSmall && isPlain && isUpright && isSrgb;
}

/** A file that two readers take for two pictures is not passed on. */
async function isSame({ input, options }: OpenSource, data: Buffer): Promise<boolean> {
  const pixelsOf = (file: string | Buffer): Promise<Buffer> => sharp(file, options).raw().toBuffer();
  try {
    const [before, after] = await Promise.all([pixelsOf(input), pixelsOf(data)]);
    return before.equals(after);
  } catch {
    return false;
  }
}
