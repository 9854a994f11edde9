import { readFile } from 'node:fs/promises';
import { DarkroomError } from '../../../common/errors';
import type { Converted, ImageLimits } from '../types';
import { assertSize, corrupt, toTiff } from './tiff';

/** The package's own type is of browsers. */
type Decode = (bytes: ArrayBuffer) => Promise<{ data: Uint8ClampedArray; width: number; height: number }>;

/** px; the decoder has room for 2 GiB, and takes up to 70 bytes for each pixel. */
const MAX_PIXELS = 20_000_000;

let loaded: Promise<Decode> | undefined;

/** libjxl as WebAssembly, read from the package once a process, with the first such file. */
async function load(): Promise<Decode> {
  const { default: decode, init } = await import('@jsquash/jxl/decode.js');
  const options: object = { wasmBinary: await readFile(require.resolve('@jsquash/jxl/codec/dec/jxl_dec.wasm')) };
  await init(options);
  return decode;
}

/**
 * The first picture of a JPEG XL, upright and in sRGB.
 * @throws DarkroomError MediaTooLarge before anything is decoded, CorruptMedia
 */
export async function readJxl(path: string, { maxPixels }: ImageLimits, name: string): Promise<Converted> {
  const bytes = await readFile(path);
  const stated = sizeOf(bytes);
  if (stated === undefined) throw corrupt(name);
  assertSize(stated.width, stated.height, Math.min(maxPixels, MAX_PIXELS), name);
  let picture: Awaited<ReturnType<Decode>>;
  try {
    const decode = await (loaded ??= load());
    picture = await decode(new Uint8Array(bytes).buffer);
  } catch (error) {
    // After a failure its memory is in no known state.
    loaded = undefined;
    throw new DarkroomError('CorruptMedia', `The ${name} is damaged or cut short.`, {}, { cause: error });
  }
  const { data, width, height } = picture;
  assertSize(width, height, maxPixels, name);
  return { input: toTiff(new Uint8Array(data.buffer, data.byteOffset, data.length), { width, height }), warnings: [] };
}

/** Width to height, by number (ISO/IEC 18181-1, SizeHeader). */
const RATIOS = [
  [0, 0],
  [1, 1],
  [12, 10],
  [4, 3],
  [3, 2],
  [16, 9],
  [5, 4],
  [2, 1],
] as const;
/** Bits of a side by its two bits of selector. */
const SIDES = [9, 13, 18, 30];

/** px as stated at the beginning of the codestream; undefined where there is none. */
export function sizeOf(bytes: Buffer): { width: number; height: number } | undefined {
  const stream = codestreamOf(bytes);
  if (stream === undefined || stream.length < 8 || stream.readUInt16BE(0) !== 0xff0a) return undefined;
  let at = 16;
  const take = (bits: number): number => {
    let value = 0;
    for (let n = 0; n < bits; n++, at++) value += (((stream[at >> 3] ?? 0) >> (at & 7)) & 1) * 2 ** n;
    return value;
  };
  const small = take(1) === 1;
  const side = (): number => (small ? 8 * (take(5) + 1) : take(SIDES[take(2)] ?? 0) + 1);
  const height = side();
  const [across, down] = RATIOS[take(3)] ?? RATIOS[0];
  return { height, width: across === 0 ? side() : Math.floor((height * across) / down) };
}

/** The codestream itself, or the first part of it in the boxes of a container. */
function codestreamOf(bytes: Buffer): Buffer | undefined {
  if (bytes[0] === 0xff) return bytes;
  for (let at = 0; at + 16 <= bytes.length;) {
    const size = bytes.readUInt32BE(at);
    const header = size === 1 ? 16 : 8;
    const length = size === 1 ? Number(bytes.readBigUInt64BE(at + 8)) : size === 0 ? bytes.length - at : size;
    const type = bytes.toString('latin1', at + 4, at + 8);
    if (type === 'jxlc') return bytes.subarray(at + header, at + length);
    // Parts have their number in front.
    if (type === 'jxlp') return bytes.subarray(at + header + 4, at + length);
    if (length < header) return undefined;
    at += length;
  }
  return undefined;
}
