import { readFile } from 'node:fs/promises';
import { DarkroomError } from '../../../common/errors';
import type { Converted, ImageLimits } from '../types';
import { isPlain, toSrgb, type Cicp } from './colour';
import { mainPicture } from './iso';
import { toTiff } from './tiff';

/** px; decoding takes some 18 bytes of memory for each, and a child of the pool has about 2 GiB. */
const MAX_PIXELS = 80_000_000;

/**
 * The main picture of a HEIC or HEIF file, turned and mirrored as it says, by libheif (LGPL, see licences/libheif-js.txt) as
 * WebAssembly, which is loaded with the first such file.
 * @throws DarkroomError MediaTooLarge before anything is decoded, CorruptMedia, UnsupportedMedia
 */
export async function readHeic(path: string, { maxPixels }: ImageLimits, name: string): Promise<Converted> {
  const bytes = await readFile(path);
  const { width = 0, height = 0, cicp, icc } = mainPicture(bytes);
  checkSize(width, height, Math.min(maxPixels, MAX_PIXELS));
  const { default: libheif } = await import('libheif-js/wasm-bundle.js');
  const images = new libheif.HeifDecoder().decode(bytes);
  try {
    const main = images.find((image) => image.is_primary()) ?? images[0];
    if (main === undefined) throw new DarkroomError('CorruptMedia', `The ${name} is damaged: it has no picture in it.`);
    const size = { width: main.get_width(), height: main.get_height() };
    checkSize(size.width, size.height, Math.min(maxPixels, MAX_PIXELS));
    const data = new Uint8ClampedArray(size.width * size.height * 4);
    const shown = await new Promise((resolve) => main.display({ data, ...size }, resolve));
    if (shown === null)
      throw new DarkroomError('CorruptMedia', `The ${name} is damaged, or coded as nothing that is read.`);
    return {
      input: toTiff(inSrgb(data, icc === undefined ? cicp : undefined), size, icc),
      warnings: images.length > 1 ? [`The file has ${images.length} pictures; only its main one was used.`] : [],
    };
  } finally {
    for (const image of images) image.free();
  }
}

function inSrgb(rgba: Uint8ClampedArray, cicp: Cicp | undefined): Uint8Array {
  const bytes = new Uint8Array(rgba.buffer);
  return cicp === undefined || isPlain(cicp) ? bytes : toSrgb(bytes, 4, cicp);
}

function checkSize(width: number, height: number, most: number): void {
  if (width * height <= most) return;
  const sentence = `The picture has ${width} x ${height} pixels; at most ${most.toLocaleString('en-US')} are read of a HEIC.`;
  throw new DarkroomError('MediaTooLarge', sentence, { width, height });
}
