/** The items of HEIC and AVIF: which there are, and where in the file each one's bytes lie. */
import { boxes, inside } from '../foreign/iso';

interface Extent {
  offset: number;
  length: number;
}

export interface Item {
  id: number;
  /** Four letters, for example `Exif`; of `mime` items also what they are. */
  type: string;
  contentType?: string;
}

export interface Location {
  id: number;
  /** 0: bytes of the file; 1: of the box `idat`. */
  method: number;
  base: number;
  extents: Extent[];
}

/** Bytes of one block of metadata. */
const MAX_BYTES = 4 * 2 ** 20;

/** Reads numbers one after the other. */
class Cursor {
  at = 0;
  constructor(private readonly bytes: Buffer) {}

  /** @param size 0, 1, 2, 4 or 8 bytes; nothing is 0 */
  take(size: number): number {
    const from = this.at;
    this.at += size;
    if (size === 0) return 0;
    if (size === 8) return Number(this.bytes.readBigUInt64BE(from));
    return this.bytes.readUIntBE(from, size);
  }
}

/** @param iinf body of the box */
export function itemsOf(iinf: Buffer): Item[] {
  return boxes(iinf.subarray(iinf[0] === 0 ? 6 : 8)).flatMap(({ type: kind, body }) => {
    const version = body[0] ?? 0;
    if (kind !== 'infe' || version < 2) return [];
    const at = version === 2 ? 8 : 10;
    const type = body.toString('latin1', at, at + 4);
    const id = version === 2 ? body.readUInt16BE(4) : body.readUInt32BE(4);
    const [, contentType] = body.toString('latin1', at + 4).split('\0');
    return [{ id, type, ...(type === 'mime' && { contentType }) }];
  });
}

/** @param iloc body of the box */
export function locationsOf(iloc: Buffer): Location[] {
  const from = new Cursor(iloc);
  const version = from.take(4) >>> 24;
  const sizes = from.take(2);
  const [offsetSize, lengthSize, baseSize] = [sizes >> 12, (sizes >> 8) & 15, (sizes >> 4) & 15];
  const indexSize = version === 0 ? 0 : sizes & 15;
  const count = from.take(version < 2 ? 2 : 4);
  return Array.from({ length: Math.min(count, 10_000) }, () => {
    const id = from.take(version < 2 ? 2 : 4);
    const method = version === 0 ? 0 : from.take(2) & 15;
    from.take(2);
    const base = from.take(baseSize);
    const extents = Array.from({ length: from.take(2) }, () => {
      from.take(indexSize);
      return { offset: from.take(offsetSize), length: from.take(lengthSize) };
    });
    return { id, method, base, extents };
  });
}

/** EXIF and XMP of a file; empty where its boxes make no sense. */
export function blocksOf(file: Buffer): { exif?: Buffer; xmp?: Buffer } {
  try {
    const meta = inside(file, 'meta')?.subarray(4);
    const [iinf, iloc] = [meta && inside(meta, 'iinf'), meta && inside(meta, 'iloc')];
    if (meta === undefined || iinf === undefined || iloc === undefined) return {};
    const items = itemsOf(iinf);
    const locations = locationsOf(iloc);
    const read = (holds: (item: Item) => boolean): Buffer | undefined => {
      const item = items.find(holds);
      const location = locations.find(({ id }) => id === item?.id);
      const whole = location?.method === 1 ? inside(meta, 'idat') : file;
      const length = location?.extents.reduce((sum, extent) => sum + extent.length, 0) ?? 0;
      if (location === undefined || whole === undefined || length === 0 || length > MAX_BYTES) return undefined;
      const start = ({ offset }: Extent) => location.base + offset;
      return Buffer.concat(
        location.extents.map((extent) => whole.subarray(start(extent), start(extent) + extent.length)),
      );
    };
    const exif = read(({ type }) => type === 'Exif');
    const xmp = read(({ contentType }) => contentType === 'application/rdf+xml');
    // Four bytes say how far behind them the block of TIFF begins.
    return { ...(exif && exif.length > 4 && { exif: exif.subarray(4 + exif.readUInt32BE(0)) }), ...(xmp && { xmp }) };
  } catch (error) {
    if (error instanceof RangeError) return {};
    throw error;
  }
}
