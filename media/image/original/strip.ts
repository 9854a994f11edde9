import type { ImageFormat } from '../../formats';

/**
 * Takes everything out of a file that is no picture: metadata, profiles, comments, thumbnails, what other programs have put
 * there, and what lies behind its end. The picture is not decoded. What is kept is named; the rest goes.
 * @returns undefined for a file that is not built as its format says
 */
type Strip = (file: Buffer) => Buffer | undefined;

/** The formats whose files are understood well enough for that. */
const STRIP: Partial<Record<ImageFormat, Strip>> = { jpeg: stripJpeg, png: stripPng, webp: stripWebp };

/** True for a format whose files can be freed of metadata as they are. */
export function strips(format: string): format is ImageFormat {
  return Object.hasOwn(STRIP, format);
}

/** The picture alone; see {@link Strip}. */
export function stripped(format: ImageFormat, file: Buffer): Buffer | undefined {
  try {
    return STRIP[format]?.(file);
  } catch (error) {
    // A length that leads out of the file.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

const [SOI, EOI, SOS, DNL] = [0xd8, 0xd9, 0xda, 0xdc];
/** JFIF's marker without its thumbnail: version 1.1, square pixels. */
const JFIF = Buffer.from([0xff, 0xe0, 0, 16, 0x4a, 0x46, 0x49, 0x46, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0]);

/** Tables, frames and scans; JFIF and Adobe's marker, since they say what the colours are. */
function stripJpeg(file: Buffer): Buffer | undefined {
  if (file[0] !== 0xff || file[1] !== SOI) return undefined;
  const kept = [file.subarray(0, 2)];
  let at = 2;
  while (at + 4 <= file.length) {
    if (file[at] !== 0xff) return undefined;
    const code = file[at + 1]!;
    if (code === 0xff) at++;
    else if (code === EOI) return Buffer.concat([...kept, file.subarray(at, at + 2)]);
    else {
      const end = at + 2 + file.readUInt16BE(at + 2);
      if (end > file.length) return undefined;
      const body = file.subarray(at, end);
      if (code === 0xe0 && body.toString('latin1', 4, 9) === 'JFIF\0') kept.push(JFIF);
      else if (code === 0xee && body.toString('latin1', 4, 9) === 'Adobe' && body.length === 16) kept.push(body);
      // Frames, and tables of Huffman and arithmetic codes; scans; quantisation, number of lines, intervals.
      else if (code >= 0xc0 && code <= 0xcf && code !== 0xc8) kept.push(body);
      else if (code >= SOS && code <= DNL + 1) kept.push(body);
      else if (!(code >= 0xe0 && code <= 0xef) && code !== 0xfe) return undefined;
      at = code === SOS ? endOfScan(file, end) : end;
      if (code === SOS) kept.push(file.subarray(end, at));
    }
  }
  return at + 2 === file.length && file[at] === 0xff && file[at + 1] === EOI
    ? Buffer.concat([...kept, file.subarray(at)])
    : undefined;
}

/** Where the next marker is that is no part of the coded picture. */
function endOfScan(file: Buffer, from: number): number {
  let at = file.indexOf(0xff, from);
  while (at >= 0 && at + 1 < file.length) {
    const next = file[at + 1]!;
    if (next !== 0 && !(next >= 0xd0 && next <= 0xd7)) return at;
    at = file.indexOf(0xff, at + 2);
  }
  return file.length;
}

const PNG_SIGNATURE = 8;
const PNG_CHUNKS = ['IHDR', 'PLTE', 'tRNS', 'IDAT', 'IEND'];

function stripPng(file: Buffer): Buffer | undefined {
  const kept = [file.subarray(0, PNG_SIGNATURE)];
  for (let at = PNG_SIGNATURE; at + 12 <= file.length;) {
    const end = at + 12 + file.readUInt32BE(at);
    const type = file.toString('latin1', at + 4, at + 8);
    if (end > file.length) return undefined;
    if (PNG_CHUNKS.includes(type)) kept.push(file.subarray(at, end));
    if (type === 'IEND') return Buffer.concat(kept);
    at = end;
  }
  return undefined;
}

const WEBP_CHUNKS = ['VP8 ', 'VP8L', 'ALPH'];
const ALPHA_FLAG = 0x10;

function stripWebp(file: Buffer): Buffer | undefined {
  if (file.toString('latin1', 0, 4) !== 'RIFF' || file.toString('latin1', 8, 12) !== 'WEBP') return undefined;
  const whole = 8 + file.readUInt32LE(4);
  if (whole > file.length) return undefined;
  const kept: Buffer[] = [];
  let needsHeader = false;
  for (let at = 12; at + 8 <= whole;) {
    const end = at + 8 + file.readUInt32LE(at + 4);
    const type = file.toString('latin1', at, at + 4);
    if (end > whole) return undefined;
    // Padded to even lengths; what the padding says is not kept.
    const chunk = Buffer.concat([file.subarray(at, end), Buffer.alloc((end - at) % 2)]);
    if (WEBP_CHUNKS.includes(type)) kept.push(chunk);
    if (type === 'ALPH') needsHeader = true;
    if (type === 'VP8X' && chunk.length >= 18) {
      const header = Buffer.from(chunk.subarray(0, 18));
      header.fill(0, 8, 12);
      header.writeUInt32LE(10, 4);
      header[8] = file[at + 8]! & ALPHA_FLAG;
      kept.unshift(header);
    }
    at = end + ((end - at) % 2);
  }
  const hasHeader = kept[0]?.toString('latin1', 0, 4) === 'VP8X';
  if (kept.length === 0 || (needsHeader && !hasHeader)) return undefined;
  const body = Buffer.concat([Buffer.from('WEBP', 'latin1'), ...kept]);
  const head = Buffer.from('RIFF\0\0\0\0', 'latin1');
  head.writeUInt32LE(body.length, 4);
  return Buffer.concat([head, body]);
}
