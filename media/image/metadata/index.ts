import { open, readFile, stat } from 'node:fs/promises';
import { readSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';
import type { OpenSource } from '../source';
import { boxes } from '../foreign/iso';
import { MAX_BLOCK, type Kept } from './kept';
import { filterExif, readExif, rightsOf as rightsOfExif, walk, writeExif, type Exif } from './exif';
import { filterIptc, readIptc, rightsOf as rightsOfIptc, writeIptc } from './iptc';
import { blocksOf } from './items';
import { filterXmp } from './xmp';

export type { Kept } from './kept';

/** Bytes of a HEIC or JPEG XL in which metadata is looked for, and of a packet of XMP that is read. */
const MAX_FILE = 256 * 2 ** 20;
const MAX_XMP = 2 * 2 ** 20;

/** Metadata as a source has it. */
interface Blocks {
  exif?: Exif;
  xmp?: Buffer;
  iptc?: Buffer;
}

/**
 * What of the source's metadata goes into every rendition: never a position, a turn or a thumbnail.
 * @param path of the file itself: what another reader turned into pixels has lost its metadata on the way
 */
export async function keptMetadata(
  source: OpenSource,
  path: string,
  keep: 'strip' | 'copyright' | 'all' = 'strip',
): Promise<Kept> {
  if (keep === 'strip') return {};
  const { exif, xmp, iptc } = await blocksIn(source, path);
  const read = iptc && readIptc(iptc);
  const [fromExif, fromIptc] = [exif ? rightsOfExif(exif) : {}, read ? rightsOfIptc(read) : {}];
  const known = { creator: fromExif.creator ?? fromIptc.creator, rights: fromExif.rights ?? fromIptc.rights };
  const packet = xmp && xmp.length <= MAX_XMP ? xmp.toString('utf8') : undefined;
  const text = filterXmp(packet, keep, known);
  const kept: Kept = {
    exif: exif && writeExif(filterExif(exif, keep)),
    xmp: text === undefined ? undefined : Buffer.from(text),
    iptc: read && writeIptc(filterIptc(read, keep)),
  };
  return bounded(source, kept);
}

/** Without blocks that no file has room for. */
function bounded({ warnings }: OpenSource, kept: Kept): Kept {
  const large = (Object.keys(kept) as (keyof Kept)[]).filter((name) => (kept[name]?.length ?? 0) > MAX_BLOCK);
  if (large.length === 0) return kept;
  const names = large.map((name) => name.toUpperCase()).join(' and ');
  warnings.push(`The metadata in ${names} was left out: it has more than ${MAX_BLOCK} bytes.`);
  return Object.fromEntries(Object.entries(kept).filter(([name]) => !large.includes(name as keyof Kept)));
}

async function blocksIn({ facts, metadata }: OpenSource, path: string): Promise<Blocks> {
  const plain = {
    exif: metadata.exif && readExif(metadata.exif),
    xmp: metadata.xmp,
    iptc: metadata.iptc,
  };
  if (facts.format === 'tiff') return { ...plain, exif: await exifOfTiff(path) };
  if (!['heic', 'heif', 'jxl'].includes(facts.format) || (await stat(path)).size > MAX_FILE) return plain;
  const file = await readFile(path);
  const { exif, xmp } = facts.format === 'jxl' ? blocksOfJxl(file) : blocksOf(file);
  return { exif: exif && readExif(exif), xmp };
}

/** A TIFF is what EXIF is made of: its own folder says so. Any part of the file may be asked for, and few bytes are. */
async function exifOfTiff(path: string): Promise<Exif | undefined> {
  const file = await open(path);
  try {
    return walk((offset, length) => {
      const bytes = Buffer.alloc(length);
      return bytes.subarray(0, readSync(file.fd, bytes, 0, length, offset));
    });
  } finally {
    await file.close();
  }
}

/** Of a JPEG XL in boxes; those compressed by Brotli are bounded, too. */
function blocksOfJxl(file: Buffer): { exif?: Buffer; xmp?: Buffer } {
  if (file[0] === 0xff) return {};
  const all = boxes(file).map(({ type, body }) => {
    if (type !== 'brob') return { type, body };
    try {
      const packed = {
        type: body.toString('latin1', 0, 4),
        body: brotliDecompressSync(body.subarray(4), { maxOutputLength: MAX_XMP }),
      };
      return packed;
    } catch {
      return { type: '', body };
    }
  });
  const find = (wanted: string) => all.find(({ type }) => type === wanted)?.body;
  const [exif, xmp] = [find('Exif'), find('xml ')];
  return { ...(exif && exif.length > 4 && { exif: exif.subarray(4 + exif.readUInt32BE(0)) }), ...(xmp && { xmp }) };
}
