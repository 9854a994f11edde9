import { crc32, deflateSync } from 'node:zlib';
import type { Peaks } from './peaks';

/** Samples of one column are drawn from the middle; a silent one is still this many px high. */
const LEAST_HEIGHT = 1;
const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
/** 8 bits for each pixel, by a palette. */
const INDEXED = [8, 3, 0, 0, 0];

/**
 * The waveform in one colour on a transparent ground, as a PNG: a line from the lowest to the highest sample for each
 * column, with soft ends. Made of numbers alone, so it needs no decoder and no process of its own.
 * @param colour `#rrggbb`
 */
export function drawWaveform(peaks: Peaks, { width, height, colour }: DrawOptions): Buffer {
  // Each line of pixels begins with the number of its filter: none.
  const lines = Buffer.alloc((width + 1) * height);
  for (let x = 0; x < width; x++) {
    const [low, high] = column(peaks, x, width);
    const middle = height / 2;
    let [top, bottom] = [middle - (high / 128) * middle, middle - (low / 128) * middle];
    if (bottom - top < LEAST_HEIGHT) [top, bottom] = [middle - LEAST_HEIGHT / 2, middle + LEAST_HEIGHT / 2];
    for (let y = Math.max(0, Math.floor(top)); y < Math.min(height, bottom); y++) {
      const covered = Math.min(bottom, y + 1) - Math.max(top, y);
      lines[y * (width + 1) + 1 + x] = Math.round(255 * covered);
    }
  }
  const size = Buffer.alloc(8);
  size.writeUInt32BE(width);
  size.writeUInt32BE(height, 4);
  // Each shade of the palette is the same colour; it is the opacity that differs.
  const rgb = Buffer.from(colour.slice(1), 'hex');
  const palette = Buffer.concat(Array.from({ length: 256 }, () => rgb));
  const opacity = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', Buffer.concat([size, Buffer.from(INDEXED)])),
    chunk('PLTE', palette),
    chunk('tRNS', opacity),
    chunk('IDAT', deflateSync(lines, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

interface DrawOptions {
  /** px */
  width: number;
  height: number;
  /** `#rrggbb` */
  colour: string;
}

/** The lowest and highest sample of what lies under a column. */
function column({ data, length }: Peaks, x: number, width: number): [number, number] {
  const first = Math.min(length - 1, Math.floor((x * length) / width));
  const end = Math.max(first + 1, Math.floor(((x + 1) * length) / width));
  let [low, high] = [0, 0];
  for (let point = Math.max(0, first); point < Math.min(length, end); point++) {
    low = Math.min(low, data[2 * point] ?? 0);
    high = Math.max(high, data[2 * point + 1] ?? 0);
  }
  return [low, high];
}

function chunk(type: string, body: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), body]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, sum]);
}
