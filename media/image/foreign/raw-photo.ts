import { readFile } from 'node:fs/promises';
import { DarkroomError } from '../../../common/errors';
import type { Converted, ImageLimits } from '../types';

/** px of the longer side: a smaller preview is a thumbnail, and no stand-in for the photo. */
const LEAST_SIDE = 640;
/** Folders of a TIFF that are looked at. */
const MAX_IFDS = 64;

interface Preview {
  offset: number;
  length: number;
  width: number;
  height: number;
}

/**
 * The largest JPEG that a camera put beside its raw data: developing that data is a matter of taste, and of other programs.
 * @throws DarkroomError UnsupportedMedia where there is none of a useful size
 */
export async function readRawPhoto(path: string, _limits: ImageLimits, name: string): Promise<Converted> {
  const bytes = await readFile(path);
  const { previews, orientation } = look(bytes);
  const largest = previews.reduce<Preview | undefined>(
    (best, each) => (best && best.width * best.height >= each.width * each.height ? best : each),
    undefined,
  );
  if (largest === undefined || Math.max(largest.width, largest.height) < LEAST_SIDE) {
    const has = largest ? `no larger preview than ${largest.width} x ${largest.height} pixels` : 'no preview';
    throw new DarkroomError(
      'UnsupportedMedia',
      `This is a raw photo, ${name}, with ${has} in it; send a developed JPEG instead.`,
    );
  }
  const jpeg = bytes.subarray(largest.offset, largest.offset + largest.length);
  return {
    input: hasExif(jpeg) ? jpeg : withOrientation(jpeg, orientation),
    warnings: [
      `This is a raw photo, ${name}: the preview in it, ${largest.width} x ${largest.height} pixels, was used.`,
    ],
  };
}

/** By the folders of a TIFF, which most raw files are; others are searched for the beginnings of JPEGs. */
function look(bytes: Buffer): { previews: Preview[]; orientation: number } {
  const settings = bytes.indexOf('CMT1', 0, 'latin1');
  const at = /^(II|MM)/.test(bytes.toString('latin1', 0, 2))
    ? 0
    : settings >= 0 && settings < 65_536
      ? settings + 4
      : -1;
  const tiff = at < 0 ? { previews: [], orientation: 1, isWalked: false } : walk(bytes, at);
  return tiff.isWalked && tiff.previews.length > 0 ? tiff : { ...tiff, previews: search(bytes) };
}

const [COMPRESSION, STRIPS, ORIENTATION, STRIP_BYTES, SUB_IFDS, JPEG_AT, JPEG_BYTES] = [
  259, 273, 274, 279, 330, 513, 514,
];
const SIZES: Record<number, number> = { 1: 1, 3: 2, 4: 4, 13: 4 };

function walk(bytes: Buffer, base: number): { previews: Preview[]; orientation: number; isWalked: boolean } {
  const little = bytes[base] === 0x49;
  const short = (at: number) => (at + 2 > bytes.length ? 0 : little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at));
  const long = (at: number) => (at + 4 > bytes.length ? 0 : little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
  const isWalked = [42, 85, 0x4f52, 0x5352].includes(short(base + 2));
  const previews: Preview[] = [];
  let orientation = 1;
  const open = [long(base + 4)];
  const seen = new Set<number>();
  for (let ifd = open.shift(); ifd !== undefined && seen.size < MAX_IFDS; ifd = open.shift()) {
    if (ifd === 0 || base + ifd + 2 > bytes.length || seen.has(ifd)) continue;
    seen.add(ifd);
    const count = Math.min(short(base + ifd), 1000);
    const values = (tag: number): number[] => {
      for (let n = 0; n < count; n++) {
        const entry = base + ifd + 2 + 12 * n;
        if (short(entry) !== tag) continue;
        const [size, length] = [SIZES[short(entry + 2)] ?? 0, Math.min(long(entry + 4), MAX_IFDS)];
        const from = size * length <= 4 ? entry + 8 : base + long(entry + 8);
        return size === 0
          ? []
          : Array.from({ length }, (_, at) => (size === 2 ? short(from + 2 * at) : long(from + 4 * at)));
      }
      return [];
    };
    if (seen.size === 1) orientation = values(ORIENTATION)[0] ?? 1;
    open.push(...values(SUB_IFDS), long(base + ifd + 2 + 12 * count));
    const strips = values(STRIPS);
    const coded = [6, 7].includes(values(COMPRESSION)[0] ?? 0) && strips.length === 1;
    const places = [
      ...(coded ? [[strips[0], values(STRIP_BYTES)[0]]] : []),
      [values(JPEG_AT)[0], values(JPEG_BYTES)[0]],
    ];
    for (const [offset, length] of places) {
      const size = offset !== undefined && length !== undefined ? jpegSize(bytes, base + offset) : undefined;
      if (size) previews.push({ offset: base + (offset ?? 0), length: length ?? 0, ...size });
    }
  }
  return { previews, orientation, isWalked };
}

/** Where a JPEG begins, anywhere in the file. Its end is its own affair. */
function search(bytes: Buffer): Preview[] {
  const found: Preview[] = [];
  for (
    let at = bytes.indexOf('\xff\xd8\xff', 0, 'latin1');
    at >= 0;
    at = bytes.indexOf('\xff\xd8\xff', at + 3, 'latin1')
  ) {
    const size = jpegSize(bytes, at);
    if (size) found.push({ offset: at, length: bytes.length - at, ...size });
  }
  return found;
}

/** Of a JPEG that any program shows: 8 bits, baseline or progressive; the lossless ones are raw data. */
function jpegSize(bytes: Buffer, start: number): { width: number; height: number } | undefined {
  if (bytes.toString('latin1', start, start + 3) !== '\xff\xd8\xff') return undefined;
  for (let at = start + 2; at + 10 <= bytes.length; at += 2 + bytes.readUInt16BE(at + 2)) {
    const [mark, marker = 0] = bytes.subarray(at, at + 2);
    if (mark !== 0xff || marker === 0xda || marker === 0xc3) return undefined;
    if (marker < 0xc0 || marker > 0xc2) continue;
    const [height, width] = [bytes.readUInt16BE(at + 5), bytes.readUInt16BE(at + 7)];
    return bytes[at + 4] === 8 && width > 0 && height > 0 ? { width, height } : undefined;
  }
  return undefined;
}

function hasExif(jpeg: Buffer): boolean {
  return jpeg.subarray(0, 64).includes('Exif\0', 0, 'latin1');
}

/** With the orientation that the raw file states, in a header that sharp reads. */
function withOrientation(jpeg: Buffer, orientation: number): Buffer {
  if (orientation < 2 || orientation > 8) return jpeg;
  const exif = Buffer.from(
    '\xff\xe1\0\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x01\0\0\0\0\0\0\0',
    'latin1',
  );
  exif[28] = orientation;
  return Buffer.concat([jpeg.subarray(0, 2), exif, jpeg.subarray(2)]);
}
