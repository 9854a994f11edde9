import { corrupt, cutShort, assertSize, type Picture } from './tiff';
import { DarkroomError } from '../../../common/errors';

/** Sizes of the header, by the versions of the format: OS/2, then Windows 3 to 5. */
const HEADERS = [12, 40, 52, 56, 108, 124];
const [PLAIN, RLE8, RLE4, BITFIELDS, ALPHA_BITFIELDS] = [0, 1, 2, 3, 6];
const DEFAULT_MASKS: Record<number, number[]> = {
  16: [0x7c00, 0x3e0, 0x1f, 0],
  24: [0xff0000, 0xff00, 0xff, 0],
  32: [0xff0000, 0xff00, 0xff, 0],
};

interface Dib {
  /** px */
  width: number;
  height: number;
  topDown: boolean;
  bits: number;
  compression: number;
  /** Bytes from the start of the header to the pixels. */
  pixelsAt: number;
  /** RGB, three bytes a colour. */
  palette: Uint8Array;
  /** Bits of red, green, blue and alpha in a pixel. */
  masks: number[];
}

/**
 * The picture of a device-independent bitmap, which is a BMP without its first 14 bytes, or a picture in an icon.
 * @param bytes from the header on
 * @param icon the height counts a mask of transparency too, which lies behind the pixels
 * @throws DarkroomError MediaTooLarge before memory is taken for the pixels, CorruptMedia, UnsupportedMedia
 */
export function readDib(
  bytes: Buffer,
  name: string,
  maxPixels: number,
  { pixelsAt, icon = false }: { pixelsAt?: number; icon?: boolean } = {},
): Picture {
  const dib = headerOf(bytes, name, icon);
  assertSize(dib.width, dib.height, maxPixels, name);
  if (pixelsAt !== undefined && pixelsAt > 0) dib.pixelsAt = pixelsAt;
  const rgba = new Uint8Array(dib.width * dib.height * 4);
  if (dib.compression === RLE8 || dib.compression === RLE4) fillRuns(bytes, dib, rgba, name);
  else fillRows(bytes, dib, rgba, name);
  if (icon && !hasAlpha(rgba)) applyMask(bytes, dib, rgba);
  else if (!hasAlpha(rgba)) for (let at = 3; at < rgba.length; at += 4) rgba[at] = 255;
  return { rgba, width: dib.width, height: dib.height };
}

function headerOf(bytes: Buffer, name: string, icon: boolean): Dib {
  const size = bytes.length < 16 ? 0 : bytes.readUInt32LE(0);
  if (bytes.length < Math.max(size, 16) || size < 12) throw corrupt(name);
  if (!HEADERS.includes(size)) throw variant(name);
  const old = size === 12;
  const width = old ? bytes.readUInt16LE(4) : bytes.readInt32LE(4);
  const stated = old ? bytes.readUInt16LE(6) : bytes.readInt32LE(8);
  const height = icon ? Math.floor(Math.abs(stated) / 2) : Math.abs(stated);
  const bits = bytes.readUInt16LE(old ? 10 : 14);
  const compression = old ? PLAIN : bytes.readUInt32LE(16);
  if (width <= 0 || height === 0 || ![1, 4, 8, 16, 24, 32].includes(bits)) throw corrupt(name);
  const masked = compression === BITFIELDS || compression === ALPHA_BITFIELDS;
  const fits = { [PLAIN]: true, [RLE8]: bits === 8, [RLE4]: bits === 4 }[compression] ?? (masked && bits >= 16);
  if (!fits) throw variant(name);
  const masksAt = masked && size === 40 ? 4 * (compression === ALPHA_BITFIELDS ? 4 : 3) : 0;
  const colours = bits > 8 ? 0 : Math.min((old ? 0 : bytes.readUInt32LE(32)) || 2 ** bits, 2 ** bits);
  const entry = old ? 3 : 4;
  const paletteAt = size + masksAt;
  if (bytes.length < paletteAt + colours * entry) throw cutShort(name);
  const palette = new Uint8Array(3 * 2 ** Math.min(bits, 8));
  for (let n = 0; n < colours; n++) {
    const at = paletteAt + n * entry;
    palette.set([bytes[at + 2] ?? 0, bytes[at + 1] ?? 0, bytes[at] ?? 0], 3 * n);
  }
  const alpha = size >= 56 || compression === ALPHA_BITFIELDS;
  const masks = masked
    ? [40, 44, 48, 52].map((at, n) => (n < 3 || alpha ? bytes.readUInt32LE(at) : 0))
    : [...(DEFAULT_MASKS[bits] ?? [])];
  // The fourth byte of an icon's pixels is transparency.
  if (icon && bits === 32 && !masked) masks[3] = 0xff000000;
  const pixelsAt = paletteAt + colours * entry;
  return { width, height, topDown: stated < 0, bits, compression, pixelsAt, palette, masks };
}

const variant = (name: string) =>
  new DarkroomError('UnsupportedMedia', `The ${name} uses a variant of its format that is not read.`);

const strideOf = (width: number, bits: number) => Math.floor((width * bits + 31) / 32) * 4;

function fillRows(bytes: Buffer, dib: Dib, rgba: Uint8Array, name: string): void {
  const { width, height, bits, palette, masks, pixelsAt, topDown } = dib;
  const stride = strideOf(width, bits);
  // The padding of the last line is often left out.
  if (pixelsAt + stride * (height - 1) + Math.ceil((width * bits) / 8) > bytes.length) throw cutShort(name);
  const [red, green, blue, alpha] = masks.map(channelOf);
  for (let y = 0; y < height; y++) {
    const from = pixelsAt + stride * y;
    let to = 4 * width * (topDown ? y : height - 1 - y);
    for (let x = 0; x < width; x++, to += 4) {
      if (bits <= 8) {
        const at = x * bits;
        const index = (bytes[from + (at >> 3)]! >> (8 - bits - (at & 7))) & ((1 << bits) - 1);
        rgba.set(palette.subarray(3 * index, 3 * index + 3), to);
        continue;
      }
      const at = from + x * (bits >> 3);
      const low = bytes[at]! | (bytes[at + 1]! << 8);
      const pixel =
        bits === 16 ? low : (low | (bytes[at + 2]! << 16) | ((bits === 32 ? bytes[at + 3]! : 0) << 24)) >>> 0;
      rgba[to] = red!(pixel);
      rgba[to + 1] = green!(pixel);
      rgba[to + 2] = blue!(pixel);
      rgba[to + 3] = alpha!(pixel);
    }
  }
}

/** Reads the bits of a mask out of a pixel, as 0 to 255; without a mask 0. */
function channelOf(mask: number): (pixel: number) => number {
  if (mask === 0) return () => 0;
  const shift = 31 - Math.clz32(mask & -mask);
  const most = (mask >>> shift) >>> 0;
  return (pixel) => Math.round((((pixel & mask) >>> shift) * 255) / most);
}

/** Runs of one colour, and skips: each step of the loop takes bytes of the file, or ends. */
function fillRuns(bytes: Buffer, dib: Dib, rgba: Uint8Array, name: string): void {
  const { width, height, bits, palette, topDown } = dib;
  let [x, y, at] = [0, 0, dib.pixelsAt];
  const put = (index: number): void => {
    if (x >= width || y >= height) return;
    const to = 4 * (width * (topDown ? y : height - 1 - y) + x++);
    rgba.set(palette.subarray(3 * index, 3 * index + 3), to);
  };
  const nth = (byte: number, n: number): number => (bits === 8 ? byte : n % 2 === 0 ? byte >> 4 : byte & 15);
  while (y < height) {
    if (at + 2 > bytes.length) throw cutShort(name);
    const [count, value] = [bytes[at]!, bytes[at + 1]!];
    at += 2;
    if (count > 0) for (let n = 0; n < count; n++) put(nth(value, n));
    else if (value === 0) [x, y] = [0, y + 1];
    else if (value === 1) return;
    else if (value === 2) {
      if (at + 2 > bytes.length) throw cutShort(name);
      [x, y, at] = [x + bytes[at]!, y + bytes[at + 1]!, at + 2];
    } else {
      const length = bits === 8 ? value : Math.ceil(value / 2);
      if (at + length > bytes.length) throw cutShort(name);
      for (let n = 0; n < value; n++) put(nth(bytes[at + (bits === 8 ? n : n >> 1)]!, n));
      at += length + (length % 2);
    }
  }
}

/** Files without transparency have zeros where it would stand. */
function hasAlpha(rgba: Uint8Array): boolean {
  for (let at = 3; at < rgba.length; at += 4) if (rgba[at] !== 0) return true;
  return false;
}

/** A bit of 1 is a transparent pixel; an icon whose mask is missing is opaque. */
function applyMask(bytes: Buffer, { width, height, bits, pixelsAt }: Dib, rgba: Uint8Array): void {
  const stride = strideOf(width, 1);
  const from = pixelsAt + strideOf(width, bits) * height;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const byte = bytes[from + stride * (height - 1 - y) + (x >> 3)] ?? 0;
      rgba[4 * (y * width + x) + 3] = (byte >> (7 - (x & 7))) & 1 ? 0 : 255;
    }
  }
}
