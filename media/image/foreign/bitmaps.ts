/** BMP, ICO and QOI: pixels that are hardly compressed, so reading them takes no decoder of other people's. */
import { readFile } from 'node:fs/promises';
import type { Converted, ImageLimits } from '../types';
import { readDib } from './dib';
import { assertSize, corrupt, cutShort, toTiff, type Picture } from './tiff';

/** Bytes of the header of a BMP file before that of its bitmap. */
const FILE_HEADER = 14;
const PNG = '\x89PNG\r\n\x1a\n';

const asTiff = ({ rgba, ...size }: Picture, warnings: string[] = []): Converted => ({
  input: toTiff(rgba, size),
  warnings,
});

/** @throws DarkroomError as {@link readDib} */
export async function readBmp(path: string, { maxPixels }: ImageLimits, name: string): Promise<Converted> {
  const bytes = await readFile(path);
  const pixelsAt = bytes.length < FILE_HEADER ? 0 : bytes.readUInt32LE(10) - FILE_HEADER;
  return asTiff(readDib(bytes.subarray(FILE_HEADER), name, maxPixels, { pixelsAt }));
}

/** The largest picture of an icon, the one of most colours among equals. @throws DarkroomError as {@link readDib} */
export async function readIco(path: string, { maxPixels }: ImageLimits, name: string): Promise<Converted> {
  const bytes = await readFile(path);
  if (bytes.length < 6) throw corrupt(name);
  const count = bytes.readUInt16LE(4);
  if (count === 0 || bytes.length < 6 + 16 * count) throw corrupt(name);
  const entries = Array.from({ length: count }, (_, n) => {
    const at = 6 + 16 * n;
    // A side of 256 is written as 0.
    const [width = 0, height = 0] = [bytes[at], bytes[at + 1]].map((side) => side || 256);
    // Cursors have the place of their tip here.
    const bits = bytes[2] === 1 ? bytes.readUInt16LE(at + 6) : 0;
    return { pixels: width * height, bits, length: bytes.readUInt32LE(at + 8), offset: bytes.readUInt32LE(at + 12) };
  });
  entries.sort((a, b) => b.pixels - a.pixels || b.bits - a.bits);
  const { offset, length } = entries[0]!;
  if (offset + length > bytes.length) throw cutShort(name);
  const inside = bytes.subarray(offset, offset + length);
  const warnings = count > 1 ? [`The file has ${count} pictures; only its largest one was used.`] : [];
  if (inside.toString('latin1', 0, PNG.length) === PNG) return { input: inside, warnings };
  return asTiff(readDib(inside, name, maxPixels, { icon: true }), warnings);
}

/** By its specification, qoiformat.org. @throws DarkroomError MediaTooLarge, CorruptMedia */
export async function readQoi(path: string, { maxPixels }: ImageLimits, name: string): Promise<Converted> {
  const bytes = await readFile(path);
  if (bytes.length < FILE_HEADER) throw corrupt(name);
  const [width, height] = [bytes.readUInt32BE(4), bytes.readUInt32BE(8)];
  if (width === 0 || height === 0) throw corrupt(name);
  assertSize(width, height, maxPixels, name);
  const rgba = new Uint8Array(width * height * 4);
  const seen = new Uint8Array(64 * 4);
  const pixel = Uint8Array.of(0, 0, 0, 255);
  for (let [at, to, run] = [FILE_HEADER, 0, 0]; to < rgba.length; to += 4) {
    if (run > 0) run--;
    else {
      if (at >= bytes.length) throw cutShort(name);
      const op = bytes[at++]!;
      const low = op & 63;
      if (op >= 0xfe) {
        const length = op === 0xff ? 4 : 3;
        if (at + length > bytes.length) throw cutShort(name);
        pixel.set(bytes.subarray(at, at + length));
        at += length;
      } else if (op >> 6 === 0) pixel.set(seen.subarray(4 * low, 4 * low + 4));
      else if (op >> 6 === 3) run = low;
      else {
        // Differences to the pixel before; bytes wrap around.
        const second = op >> 6 === 2 ? bytes[at++] : 0;
        if (second === undefined) throw cutShort(name);
        const green = low - 32;
        const [r, g, b] =
          op >> 6 === 1
            ? [(low >> 4) - 2, ((low >> 2) & 3) - 2, (low & 3) - 2]
            : [green - 8 + (second >> 4), green, green - 8 + (second & 15)];
        pixel[0] = pixel[0]! + r;
        pixel[1] = pixel[1]! + g;
        pixel[2] = pixel[2]! + b;
      }
      seen.set(pixel, 4 * ((pixel[0]! * 3 + pixel[1]! * 5 + pixel[2]! * 7 + pixel[3]! * 11) & 63));
    }
    rgba.set(pixel, to);
  }
  return asTiff({ rgba, width, height });
}
