import { readFile } from 'node:fs/promises';
import { DarkroomError } from '../../../common/errors';
import type { Converted, ImageLimits } from '../types';
import { isHdr, isPlain, toDisplay, type Cicp } from './colour';
import { mainPicture } from './iso';
import { assertSize, toTiff } from './tiff';

/**
 * The main picture of a HEIC or HEIF file, turned and mirrored as it says, by libheif (LGPL, see licences/libheif-js.txt) as
 * WebAssembly, which is loaded with the first such file.
 * @throws DarkroomError MediaTooLarge before anything is decoded, CorruptMedia, UnsupportedMedia
 */
export async function readHeic(path: string, { maxPixels }: ImageLimits, name: string): Promise<Converted> {
  const bytes = await readFile(path);
  const { width = 0, height = 0, cicp, icc } = mainPicture(bytes);
  assertSize(width, height, maxPixels, name);
  const { default: libheif } = await import('libheif-js/wasm-bundle.js');
  const images = new libheif.HeifDecoder().decode(bytes);
  try {
    const main = images.find((image) => image.is_primary()) ?? images[0];
    if (main === undefined) throw new DarkroomError('CorruptMedia', `The ${name} is damaged: it has no picture in it.`);
    const size = { width: main.get_width(), height: main.get_height() };
    assertSize(size.width, size.height, maxPixels, name);
    const data = new Uint8ClampedArray(size.width * size.height * 4);
    const shown = await new Promise((resolve) => main.display({ data, ...size }, resolve));
    if (shown === null)
      throw new DarkroomError('CorruptMedia', `The ${name} is damaged, or coded as nothing that is read.`);
    return {
      input: toTiff(inSrgb(data, icc === undefined ? cicp : undefined), size, icc),
      warnings: [
        ...(images.length > 1 ? [`The file has ${images.length} pictures; only its main one was used.`] : []),
        ...(icc === undefined && isHdr(cicp) ? ['The picture is HDR; it was tone-mapped to SDR.'] : []),
      ],
    };
  } finally {
    for (const image of images) image.free();
  }
}

function inSrgb(rgba: Uint8ClampedArray, cicp: Cicp | undefined): Uint8Array {
  const bytes = new Uint8Array(rgba.buffer);
  return cicp === undefined || isPlain(cicp) ? bytes : toDisplay(bytes, 4, cicp);
}
