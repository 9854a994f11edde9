import type { Rights } from './xmp';

/** One value of EXIF, in the byte order of the block that it comes from. */
interface Entry {
  tag: number;
  type: number;
  count: number;
  value: Buffer;
}

/** EXIF as far as it is kept. */
export interface Exif {
  littleEndian: boolean;
  /** Of the main picture. */
  image: Entry[];
  /** Of the photo: exposure, lens, times. */
  photo: Entry[];
}

/** Reads a part of a file or of a block; shorter where it ends. */
export type ReadAt = (offset: number, length: number) => Buffer;

const [EXIF_FOLDER, ARTIST, COPYRIGHT, USER_COMMENT] = [0x8769, 0x013b, 0x8298, 0x9286];
/** Bytes of one value by its type (TIFF 6, EXIF 3). */
const SIZES: Record<number, number> = {
  1: 1,
  2: 1,
  3: 2,
  4: 4,
  5: 8,
  6: 1,
  7: 1,
  8: 2,
  9: 4,
  10: 8,
  11: 4,
  12: 8,
  129: 1,
};
const MAX_ENTRIES = 512;
/** A longer value is left out. */
const MAX_VALUE = 8192;

/** Numbers from one to another. */
const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, n) => from + n);

/**
 * What `metadata: all` keeps, by number (EXIF 3.0). What is not listed is left out: positions, thumbnails (they show what a
 * crop cut off), notes of the camera's maker (nobody else knows what is in them), sizes and turns that hold no more.
 */
const IMAGE_TAGS = new Set([
  // Description, make, model; program, time; artist; rating; copyright; titles and keywords of Windows.
  ...[0x010e, 0x010f, 0x0110, 0x0131, 0x0132, ARTIST, 0x4746, 0x4749, COPYRIGHT],
  ...range(0x9c9b, 0x9c9f),
]);
const PHOTO_TAGS = new Set([
  ...[0x829a, 0x829d, 0x8822, 0x8824, 0x8827, 0x8828],
  ...range(0x8830, 0x8835),
  ...[0x9000, 0x9003, 0x9004, 0x9010, 0x9011, 0x9012],
  ...range(0x9201, 0x920a),
  ...[0x9214, USER_COMMENT, 0x9290, 0x9291, 0x9292],
  ...[0xa20b, 0xa20e, 0xa20f, 0xa210, 0xa215, 0xa217, 0xa300, 0xa301, 0xa302],
  ...range(0xa401, 0xa40c),
  ...[0xa420, 0xa430, 0xa431, 0xa432, 0xa433, 0xa434, 0xa435],
  ...range(0xa436, 0xa43c),
  ...[0xa460, 0xa461, 0xa462, 0xa500],
]);
const RIGHTS_TAGS = new Set([ARTIST, COPYRIGHT]);

/** EXIF of a block, which may have its name in front. Undefined where it is none. */
export function readExif(block: Buffer): Exif | undefined {
  const start = block.toString('latin1', 0, 6) === 'Exif\0\0' ? 6 : 0;
  return walk((offset, length) => block.subarray(start + offset, start + offset + length));
}

/** EXIF of a TIFF, or of a block that is one. Nothing beyond its first folder and the one of the photo is looked at. */
export function walk(read: ReadAt): Exif | undefined {
  const head = read(0, 8);
  const order = head.toString('latin1', 0, 2);
  if (head.length < 8 || (order !== 'II' && order !== 'MM')) return undefined;
  const littleEndian = order === 'II';
  const short = (bytes: Buffer, at: number) => (littleEndian ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at));
  const long = (bytes: Buffer, at: number) => (littleEndian ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
  if (short(head, 2) !== 42) return undefined;
  const folder = (at: number): Entry[] => {
    const size = read(at, 2);
    if (size.length < 2) return [];
    const rows = read(at + 2, 12 * Math.min(short(size, 0), MAX_ENTRIES));
    return Array.from({ length: Math.floor(rows.length / 12) }, (_, n) => rows.subarray(12 * n, 12 * n + 12)).flatMap(
      (row) => {
        const [tag, type, count] = [short(row, 0), short(row, 2), long(row, 4)];
        const bytes = (SIZES[type] ?? 0) * count;
        if (bytes === 0 || bytes > MAX_VALUE) return [];
        const value = bytes <= 4 ? row.subarray(8, 8 + bytes) : read(long(row, 8), bytes);
        return value.length === bytes ? [{ tag, type, count, value }] : [];
      },
    );
  };
  const image = folder(long(head, 4));
  const link = image.find(({ tag, value }) => tag === EXIF_FOLDER && value.length === 4);
  return { littleEndian, image, photo: link ? folder(long(link.value, 0)) : [] };
}

/** What may be kept of it: without a position, or only whose picture it is. */
export function filterExif({ littleEndian, image, photo }: Exif, keep: 'copyright' | 'all'): Exif {
  const only = (entries: Entry[], tags: Set<number>) => entries.filter(({ tag }) => tags.has(tag));
  return {
    littleEndian,
    image: only(image, keep === 'all' ? IMAGE_TAGS : RIGHTS_TAGS),
    photo: keep === 'all' ? only(photo, PHOTO_TAGS) : [],
  };
}

/** Whose picture it is. */
export function rightsOf({ image }: Exif): Rights {
  const text = (wanted: number) =>
    image
      .find(({ tag, type }) => tag === wanted && (type === 2 || type === 129))
      ?.value.toString('utf8')
      .split('\0')
      .map((part) => part.trim())
      .filter((part) => part !== '')
      .join(', ');
  return { creator: text(ARTIST), rights: text(COPYRIGHT) };
}

/** A block of TIFF with both folders; undefined where there is nothing to say. */
export function writeExif({ littleEndian, image, photo }: Exif): Buffer | undefined {
  if (image.length + photo.length === 0) return undefined;
  const short = (value: number) => {
    const bytes = Buffer.alloc(2);
    return (littleEndian ? bytes.writeUInt16LE(value) : bytes.writeUInt16BE(value), bytes);
  };
  const long = (value: number) => {
    const bytes = Buffer.alloc(4);
    return (littleEndian ? bytes.writeUInt32LE(value) : bytes.writeUInt32BE(value), bytes);
  };
  const sorted = (entries: Entry[]) => [...entries].sort((one, other) => one.tag - other.tag);
  /** A folder at an offset, with its longer values behind it. */
  const folder = (entries: Entry[], at: number): Buffer => {
    const rows: Buffer[] = [short(entries.length)];
    const values: Buffer[] = [];
    let free = at + 2 + 12 * entries.length + 4;
    for (const { tag, type, count, value } of sorted(entries)) {
      rows.push(short(tag), short(type), long(count));
      if (value.length <= 4) {
        rows.push(Buffer.concat([value, Buffer.alloc(4 - value.length)]));
        continue;
      }
      rows.push(long(free));
      values.push(value, Buffer.alloc(value.length % 2));
      free += value.length + (value.length % 2);
    }
    return Buffer.concat([...rows, long(0), ...values]);
  };
  const head = Buffer.concat([Buffer.from(littleEndian ? 'II' : 'MM', 'latin1'), short(42), long(8)]);
  if (photo.length === 0) return Buffer.concat([head, folder(image, 8)]);
  const link = (to: number): Entry => ({ tag: EXIF_FOLDER, type: 4, count: 1, value: long(to) });
  const first = folder([...image, link(0)], 8).length + 8;
  return Buffer.concat([head, folder([...image, link(first)], 8), folder(photo, first)]);
}
