import { crc32 } from 'node:zlib';
import type { ImageFormat } from '../../formats';
import { embedAvif } from './avif';
import type { Kept } from './kept';

type Embed = (file: Buffer, kept: Kept) => Buffer;

/** The one table of where each format has its metadata. The files are our own encoders'. */
const EMBED: Record<ImageFormat, Embed> = {
  jpeg: embedJpeg,
  png: embedPng,
  webp: embedWebp,
  avif: embedAvif,
  jxl: embedJxl,
  gif: embedGif,
};

/** The encoded file with metadata in it, as far as its format can have some: GIF has XMP only, and IPTC is for JPEG. */
export function embed(format: ImageFormat, file: Buffer, kept: Kept): Buffer {
  return Object.values(kept).some((block) => block !== undefined) ? EMBED[format](file, kept) : file;
}

const latin1 = (text: string) => Buffer.from(text, 'latin1');

function long(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Markers behind JFIF's, which has to be the first. */
function embedJpeg(file: Buffer, { exif, xmp, iptc }: Kept): Buffer {
  const marker = (code: number, name: string, block?: Buffer) =>
    block ? [Buffer.from([0xff, code]), long(block.length + name.length + 2).subarray(2), latin1(name), block] : [];
  const at = file[3] === 0xe0 ? 4 + file.readUInt16BE(4) : 2;
  return Buffer.concat([
    file.subarray(0, at),
    ...marker(0xe1, 'Exif\0\0', exif),
    ...marker(0xe1, 'http://ns.adobe.com/xap/1.0/\0', xmp),
    ...marker(0xed, '', iptc),
    file.subarray(at),
  ]);
}

/** Chunks behind the header. */
function embedPng(file: Buffer, { exif, xmp }: Kept): Buffer {
  const chunk = (type: string, block: Buffer) => {
    const body = Buffer.concat([latin1(type), block]);
    return [long(block.length), body, long(crc32(body))];
  };
  const header = 8 + 25;
  return Buffer.concat([
    file.subarray(0, header),
    ...(exif ? chunk('eXIf', exif) : []),
    ...(xmp ? chunk('iTXt', Buffer.concat([latin1('XML:com.adobe.xmp\0\0\0\0\0'), xmp])) : []),
    file.subarray(header),
  ]);
}

/** Chunks at the end; a plain file gets the header that says so. */
function embedWebp(file: Buffer, { exif, xmp }: Kept): Buffer {
  const chunk = (type: string, block: Buffer) => {
    const head = latin1(`${type}\0\0\0\0`);
    head.writeUInt32LE(block.length, 4);
    return [head, block, Buffer.alloc(block.length % 2)];
  };
  const type = file.toString('latin1', 12, 16);
  const flags = (exif ? 0x08 : 0) | (xmp ? 0x04 : 0);
  const header = type === 'VP8X' ? Buffer.from(file.subarray(20, 30)) : plainHeader(file, type);
  header[0] = (header[0] ?? 0) | flags;
  const body = Buffer.concat([
    latin1('WEBP'),
    ...chunk('VP8X', header),
    file.subarray(type === 'VP8X' ? 30 : 12),
    ...(exif ? chunk('EXIF', exif) : []),
    ...(xmp ? chunk('XMP ', xmp) : []),
  ]);
  const riff = latin1('RIFF\0\0\0\0');
  riff.writeUInt32LE(body.length, 4);
  return Buffer.concat([riff, body]);
}

/** The extended header of a file that has none yet: transparency and size, as its only chunk says. */
function plainHeader(file: Buffer, type: string): Buffer {
  const header = Buffer.alloc(10);
  if (type === 'VP8L') {
    const bits = file.readUInt32LE(21);
    header[0] = (bits >>> 28) & 1 ? 0x10 : 0;
    header.writeUIntLE(bits & 0x3fff, 4, 3);
    header.writeUIntLE((bits >>> 14) & 0x3fff, 7, 3);
  } else {
    header.writeUIntLE((file.readUInt16LE(26) & 0x3fff) - 1, 4, 3);
    header.writeUIntLE((file.readUInt16LE(28) & 0x3fff) - 1, 7, 3);
  }
  return header;
}

/** Boxes around the bare codestream of our encoder. */
function embedJxl(codestream: Buffer, { exif, xmp }: Kept): Buffer {
  const box = (type: string, body: Buffer) => [long(body.length + 8), latin1(type), body];
  return Buffer.concat([
    ...box('JXL ', latin1('\r\n\x87\n')),
    ...box('ftyp', latin1('jxl \0\0\0\0jxl ')),
    ...(exif ? box('Exif', Buffer.concat([long(0), exif])) : []),
    ...(xmp ? box('xml ', xmp) : []),
    ...box('jxlc', codestream),
  ]);
}

/** An extension before the end. Its packet is not in blocks: 256 bytes behind it lead any reader that skips blocks to the end. */
function embedGif(file: Buffer, { xmp }: Kept): Buffer {
  if (xmp === undefined || file.at(-1) !== 0x3b) return file;
  const trailer = Buffer.from([1, ...Array.from({ length: 256 }, (_, n) => 255 - n), 0]);
  const head = Buffer.concat([Buffer.from([0x21, 0xff, 11]), latin1('XMP DataXMP')]);
  return Buffer.concat([file.subarray(0, -1), head, xmp, trailer, Buffer.from([0x3b])]);
}
