import type { Sharp } from 'sharp';
import type { ImageRenditionSpec } from '../presets/schema';
import { sharpOptions, type Encoded } from './encode';
import { isHdr, type Cicp } from './foreign/colour';
import { colourAvif } from './metadata/avif';
import { embed } from './metadata/embed';
import type { Kept } from './metadata/kept';
import type { OpenSource } from './source';

/** A picture in high dynamic range, with its own numbers. */
export interface Hdr {
  /** A fresh pipeline over 16 bits a channel, as large as the still. */
  pipeline: () => Sharp;
  cicp: Cicp;
  /** Bits of a channel in the source, which a rendition has, too. */
  bits: 10 | 12;
}

/** The matrix by which our encoder makes YCbCr, ITU-R BT.601 (H.273): readers take it from the file. */
const MATRIX = 6;

/** Does a rendition of this source stay HDR? */
export function keepsHdr({ hdr }: ImageRenditionSpec, { cicp }: OpenSource): boolean {
  return hdr === 'keep' && isHdr(cicp);
}

/** An AVIF in the curve and the primaries of the source. */
export async function encodeHdr(
  picture: Sharp,
  spec: ImageRenditionSpec,
  { cicp, bits }: Hdr,
  kept: Kept,
): Promise<Encoded> {
  const options = { ...sharpOptions({ ...spec, format: 'avif' }), bitdepth: bits };
  const { data, info } = await picture
    .toColourspace('rgb16')
    .toFormat('avif', options)
    .toBuffer({ resolveWithObject: true });
  return { data: embed('avif', colourAvif(data, { ...cicp, matrix: MATRIX }), kept), info };
}

/** What became of a high dynamic range: a sentence where it is not kept, or not in all renditions. */
export function hdrWarnings(source: OpenSource, specs: ImageRenditionSpec[]): string[] {
  const { cicp } = source;
  if (!isHdr(cicp)) return [];
  const mapped = specs.filter(({ hdr }) => hdr !== 'keep').map(({ name }) => name);
  if (mapped.length === 0) return [];
  const where = mapped.length === specs.length ? 'it was' : `in ${mapped.join(', ')} it was`;
  return [`The picture is HDR; ${where} tone-mapped to SDR.`];
}
