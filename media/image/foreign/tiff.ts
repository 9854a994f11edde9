import { DarkroomError } from '../../../common/errors';

/** px of a file that is decoded into memory as a whole; decoding takes some 18 bytes for each, and a child has about 2 GiB. */
const MAX_PIXELS = 80_000_000;

/** RGBA, 8 bits a channel, not premultiplied. */
export interface Picture {
  rgba: Uint8Array;
  /** px */
  width: number;
  height: number;
}

/** @throws DarkroomError MediaTooLarge */
export function assertSize(width: number, height: number, maxPixels: number, name: string): void {
  const most = Math.min(maxPixels, MAX_PIXELS);
  if (width * height <= most) return;
  const sentence = `The ${name} has ${width} x ${height} pixels; at most ${most.toLocaleString('en-US')} are read.`;
  throw new DarkroomError('MediaTooLarge', sentence, { width, height });
}

export const corrupt = (name: string): DarkroomError =>
  new DarkroomError('CorruptMedia', `The ${name} is damaged: its header makes no sense.`);
export const cutShort = (name: string): DarkroomError =>
  new DarkroomError('CorruptMedia', `The ${name} is cut short: its end is missing.`);

/** px of lines in one strip: readers go through a file strip by strip. */
const LINES = 64;

/**
 * Pixels as an uncompressed TIFF, with which the rest of the way is the same as for a file that sharp reads itself: colour
 * profile, limits, turning.
 * @param rgba 8 bits a channel, not premultiplied
 * @param icc profile of the pixels; absent: sRGB
 */
export function toTiff(rgba: Uint8Array, { width, height }: { width: number; height: number }, icc?: Buffer): Buffer {
  const strips = Math.ceil(height / LINES);
  const stripBytes = LINES * width * 4;
  const [SHORT, LONG, UNDEFINED] = [3, 4, 7];
  const extra: Buffer[] = [];
  const entries = 11 + (icc ? 1 : 0);
  let free = 8 + 2 + entries * 12 + 4;
  const store = (bytes: Buffer): number => {
    const at = free;
    extra.push(bytes);
    free += bytes.length;
    return at;
  };
  const longs = (values: number[]) => {
    const bytes = Buffer.alloc(4 * values.length);
    values.forEach((value, index) => bytes.writeUInt32LE(value, 4 * index));
    return bytes;
  };
  const counts = Array.from({ length: strips }, (_, n) => Math.min(stripBytes, rgba.length - n * stripBytes));
  const bits = store(Buffer.from([8, 0, 8, 0, 8, 0, 8, 0]));
  const countsAt = strips === 1 ? (counts[0] ?? 0) : store(longs(counts));
  const offsets = Buffer.alloc(4 * strips);
  const offsetsAt = strips === 1 ? 0 : store(offsets);
  const iccAt = icc ? store(icc.length % 2 === 0 ? icc : Buffer.concat([icc, Buffer.alloc(1)])) : 0;
  const pixels = free;
  longs(counts.map((_, n) => pixels + n * stripBytes)).copy(offsets);
  const rows: [tag: number, type: number, count: number, value: number][] = [
    [256, LONG, 1, width],
    [257, LONG, 1, height],
    [258, SHORT, 4, bits],
    [259, SHORT, 1, 1],
    [262, SHORT, 1, 2],
    [273, LONG, strips, strips === 1 ? pixels : offsetsAt],
    [277, SHORT, 1, 4],
    [278, LONG, 1, LINES],
    [279, LONG, strips, countsAt],
    [284, SHORT, 1, 1],
    // 2: transparency that is not multiplied into the colours.
    [338, SHORT, 1, 2],
    ...(icc ? [[34675, UNDEFINED, icc.length, iccAt] as [number, number, number, number]] : []),
  ];
  const head = Buffer.alloc(8 + 2 + entries * 12 + 4);
  head.write('II*\0\x08\0\0\0', 'latin1');
  head.writeUInt16LE(entries, 8);
  rows.forEach(([tag, type, count, value], n) => {
    const at = 10 + 12 * n;
    head.writeUInt16LE(tag, at);
    head.writeUInt16LE(type, at + 2);
    head.writeUInt32LE(count, at + 4);
    head.writeUInt32LE(value, at + 8);
  });
  return Buffer.concat([head, ...extra, rgba]);
}
