import { crc32 } from 'node:zlib';
import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { DarkroomError } from '../../../common/errors';
import { IMAGE_FORMATS } from '../../formats';
import type { Converted, ImageLimits } from '../types';
import { assertWithin } from '../limits';
import { corrupt, cutShort } from './tiff';

/** A frame as the file states it (APNG, `fcTL`). */
interface Frame {
  width: number;
  height: number;
  left: number;
  top: number;
  /** ms */
  delay: number;
  /** What becomes of its area afterwards: 0 stays, 1 is cleared, 2 is as before. */
  dispose: number;
  /** 0 replaces what is below, 1 is laid over it. */
  blend: number;
  /** Compressed pixels. */
  data: Buffer[];
}

interface Apng {
  header: Buffer;
  /** Colours and transparency, which all frames share. */
  shared: Buffer[];
  frames: Frame[];
  /** 0: for ever. */
  plays: number;
}

const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
const SHARED = ['PLTE', 'tRNS', 'gAMA', 'cHRM', 'sRGB', 'iCCP', 'sBIT'];

/** Does a PNG say that it moves? @param bytes at least up to its pixels */
export function isApng(bytes: Buffer): boolean {
  for (let at = SIGNATURE.length; at + 8 <= bytes.length; at += 12 + bytes.readUInt32BE(at)) {
    const type = bytes.toString('latin1', at + 4, at + 8);
    if (type === 'acTL') return true;
    if (type === 'IDAT') return false;
  }
  return false;
}

/**
 * All frames of an APNG as a lossless WebP, with their delays and the loop count. Each frame is decoded as a PNG of its own by
 * the decoder of all PNGs, and laid on those before it as the file says.
 * @throws DarkroomError MediaTooLarge before anything is decoded, CorruptMedia
 */
export async function readApng(path: string, limits: ImageLimits, name: string): Promise<Converted> {
  const { header, shared, frames, plays } = parse(await readFile(path), name);
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  assertWithin(limits, width, height, frames.length);
  const { maxSide } = IMAGE_FORMATS.webp;
  if (Math.max(width, height) > maxSide) {
    const sentence = `The animation has ${width} x ${height} pixels; of a moving ${name}, at most ${maxSide} a side are read.`;
    throw new DarkroomError('MediaTooLarge', sentence, { width, height });
  }
  const bytes = width * height * 4;
  const all = Buffer.alloc(bytes * frames.length);
  let canvas = Buffer.alloc(bytes);
  for (const [index, frame] of frames.entries()) {
    const { left, top, dispose } = frame;
    if (left + frame.width > width || top + frame.height > height) throw corrupt(name);
    const before = dispose === 2 ? Buffer.from(canvas) : undefined;
    lay(canvas, width, frame, await decode(header, shared, frame, limits.maxPixels));
    canvas.copy(all, index * bytes);
    if (before && index > 0) canvas = before;
    else if (dispose !== 0) clear(canvas, width, frame);
  }
  const raw = { width, height: height * frames.length, channels: 4, pageHeight: height } as const;
  const delay = frames.map((frame) => frame.delay);
  const input = await sharp(all, { raw, limitInputPixels: false })
    .webp({ lossless: true, effort: 0, delay, loop: plays })
    .toBuffer();
  return { input, warnings: [] };
}

/** RGBA of one frame. */
async function decode(header: Buffer, shared: Buffer[], frame: Frame, maxPixels: number): Promise<Buffer> {
  const own = Buffer.from(header);
  own.writeUInt32BE(frame.width, 0);
  own.writeUInt32BE(frame.height, 4);
  const data = frame.data.map((each) => chunk('IDAT', each));
  const png = Buffer.concat([SIGNATURE, chunk('IHDR', own), ...shared, ...data, chunk('IEND', Buffer.alloc(0))]);
  return sharp(png, { failOn: 'error', limitInputPixels: maxPixels })
    .toColourspace('srgb')
    .ensureAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer();
}

function lay(canvas: Buffer, across: number, { left, top, width, height, blend }: Frame, pixels: Buffer): void {
  for (let y = 0; y < height; y++) {
    const to = ((top + y) * across + left) * 4;
    const from = y * width * 4;
    if (blend === 0) pixels.copy(canvas, to, from, from + width * 4);
    else for (let x = 0; x < width * 4; x += 4) over(canvas, to + x, pixels, from + x);
  }
}

/** One pixel over another, neither premultiplied. */
function over(below: Buffer, at: number, above: Buffer, from: number): void {
  const alpha = above[from + 3]!;
  if (alpha === 0) return;
  const rest = (below[at + 3]! * (255 - alpha)) / 255;
  const sum = alpha + rest;
  for (let band = 0; band < 3; band++) {
    below[at + band] = Math.round((above[from + band]! * alpha + below[at + band]! * rest) / sum);
  }
  below[at + 3] = Math.round(sum);
}

function clear(canvas: Buffer, across: number, { left, top, width, height }: Frame): void {
  for (let y = top; y < top + height; y++) canvas.fill(0, (y * across + left) * 4, (y * across + left + width) * 4);
}

function chunk(type: string, body: Buffer): Buffer {
  const bytes = Buffer.alloc(body.length + 12);
  bytes.writeUInt32BE(body.length, 0);
  bytes.write(type, 4, 'latin1');
  body.copy(bytes, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, body.length + 8)), body.length + 8);
  return bytes;
}

function parse(bytes: Buffer, name: string): Apng {
  let header: Buffer | undefined;
  let stated: number | undefined;
  let plays = 0;
  const shared: Buffer[] = [];
  const frames: Frame[] = [];
  let sequence = 0;
  let ended = false;
  for (let at = SIGNATURE.length; at + 12 <= bytes.length && !ended;) {
    const length = bytes.readUInt32BE(at);
    const end = at + 12 + length;
    if (end > bytes.length) throw cutShort(name);
    const type = bytes.toString('latin1', at + 4, at + 8);
    const body = bytes.subarray(at + 8, end - 4);
    const isWhole = bytes.readUInt32BE(end - 4) === crc32(bytes.subarray(at + 4, end - 4));
    const isNext = (): boolean => length >= 4 && body.readUInt32BE(0) === sequence++;
    if (!isWhole) throw corrupt(name);
    if (type === 'IHDR' && length === 13) header = body;
    else if (type === 'acTL' && length === 8) [stated, plays] = [body.readUInt32BE(0), body.readUInt32BE(4)];
    else if (type === 'fcTL') {
      if (length !== 26 || !isNext()) throw corrupt(name);
      frames.push(frameOf(body));
    } else if (type === 'IDAT') frames.at(-1)?.data.push(body);
    else if (type === 'fdAT') {
      if (!isNext()) throw corrupt(name);
      frames.at(-1)?.data.push(body.subarray(4));
    } else if (SHARED.includes(type)) shared.push(bytes.subarray(at, end));
    else if (type === 'IEND') ended = true;
    at = end;
  }
  if (!ended) throw cutShort(name);
  const isEmpty = frames.some(({ width, height, data }) => width === 0 || height === 0 || data.length === 0);
  if (header === undefined || frames.length === 0 || frames.length !== stated || isEmpty) throw corrupt(name);
  return { header, shared, frames, plays };
}

function frameOf(body: Buffer): Frame {
  const [num, den] = [body.readUInt16BE(20), body.readUInt16BE(22) || 100];
  return {
    ...{ width: body.readUInt32BE(4), height: body.readUInt32BE(8) },
    ...{ left: body.readUInt32BE(12), top: body.readUInt32BE(16) },
    ...{ delay: Math.round((1000 * num) / den), dispose: body[24]!, blend: body[25]!, data: [] },
  };
}
