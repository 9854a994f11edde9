import type { Rights } from './xmp';

/** One value of IPTC-IIM, record 2. */
interface DataSet {
  number: number;
  value: Buffer;
}

/** By-line and its title, credit, source, copyright notice. */
const RIGHTS = new Set([80, 85, 110, 115, 116]);
const [BY_LINE, COPYRIGHT] = [80, 116];
/** Where the picture was taken: content location, city, sublocation, province, country. */
const PLACES = new Set([26, 27, 90, 92, 95, 100, 101]);
/** Previews of the whole picture. */
const PREVIEWS = new Set([200, 201, 202]);
/** Says that the text is UTF-8. */
const UTF8 = Buffer.from('\x1b%G', 'latin1');

export interface Iptc {
  isUtf8: boolean;
  sets: DataSet[];
}

/** The values of a block, which may be the resource of Photoshop that JPEG has them in. */
export function readIptc(block: Buffer): Iptc | undefined {
  const bytes = resourceOf(block) ?? block;
  const iptc: Iptc = { isUtf8: false, sets: [] };
  for (let at = 0; at + 5 <= bytes.length && bytes[at] === 0x1c;) {
    const [record, number, length] = [bytes[at + 1], bytes[at + 2] ?? 0, bytes.readUInt16BE(at + 3)];
    const value = bytes.subarray(at + 5, at + 5 + length);
    // The first bit marks a longer form, which pictures have no use for.
    if (length >= 0x8000 || value.length < length) break;
    if (record === 1 && number === 90) iptc.isUtf8 = value.equals(UTF8);
    // Number 0 is the version.
    if (record === 2 && number !== 0) iptc.sets.push({ number, value });
    at += 5 + length;
  }
  return iptc.sets.length > 0 ? iptc : undefined;
}

/** The resource 0x0404 of `Photoshop 3.0`; undefined where the block is no such list. */
function resourceOf(block: Buffer): Buffer | undefined {
  const name = 'Photoshop 3.0\0';
  let at = block.toString('latin1', 0, name.length) === name ? name.length : 0;
  for (; block.toString('latin1', at, at + 4) === '8BIM' && at + 12 <= block.length;) {
    const id = block.readUInt16BE(at + 4);
    // A name with its length in front, filled up to an even number of bytes.
    const titled = at + 6 + 2 * Math.floor(((block[at + 6] ?? 0) + 2) / 2);
    if (titled + 4 > block.length) return undefined;
    const length = block.readUInt32BE(titled);
    if (id === 0x0404) return block.subarray(titled + 4, titled + 4 + length);
    at = titled + 4 + length + (length % 2);
  }
  return undefined;
}

/** What may be kept: without places, or only whose picture it is. */
export function filterIptc({ isUtf8, sets }: Iptc, keep: 'copyright' | 'all'): Iptc {
  const holds = ({ number }: DataSet) =>
    keep === 'copyright' ? RIGHTS.has(number) : !PLACES.has(number) && !PREVIEWS.has(number);
  return { isUtf8, sets: sets.filter(holds) };
}

/** Whose picture it is. */
export function rightsOf({ isUtf8, sets }: Iptc): Rights {
  const text = (wanted: number) =>
    sets
      .filter(({ number }) => number === wanted)
      .map(({ value }) => value.toString(isUtf8 ? 'utf8' : 'latin1').trim())
      .filter((part) => part !== '')
      .join(', ') || undefined;
  return { creator: text(BY_LINE), rights: text(COPYRIGHT) };
}

/** As the resource of Photoshop, with its name in front; undefined where there is nothing to say. */
export function writeIptc({ isUtf8, sets }: Iptc): Buffer | undefined {
  if (sets.length === 0) return undefined;
  const dataSet = (record: number, number: number, value: Buffer) =>
    Buffer.concat([Buffer.from([0x1c, record, number, value.length >> 8, value.length & 0xff]), value]);
  const values = Buffer.concat([
    ...(isUtf8 ? [dataSet(1, 90, UTF8)] : []),
    dataSet(2, 0, Buffer.from([0, 4])),
    ...sets.map(({ number, value }) => dataSet(2, number, value)),
  ]);
  const head = Buffer.from('Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\0', 'latin1');
  head.writeUInt32BE(values.length, head.length - 4);
  return Buffer.concat([head, values, Buffer.alloc(values.length % 2)]);
}
