import { boxes, type Box } from '../foreign/iso';
import type { Kept } from './kept';
import { locationsOf, type Location } from './items';

function box(type: string, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(body.length + 8);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, body]);
}

const number = (value: number, size: 2 | 4): Buffer => {
  const bytes = Buffer.alloc(size);
  bytes.writeUIntBE(value, 0, size);
  return bytes;
};

interface Addition {
  id: number;
  /** The end of its `infe`: type, name, type of content. */
  kind: string;
  body: Buffer;
}

/**
 * Further items of the file that describe its main picture. Their bytes lie at its end; those that are there move by what
 * the list of items grows.
 */
export function embedAvif(file: Buffer, { exif, xmp }: Kept): Buffer {
  const all = boxes(file);
  const meta = all.find(({ type }) => type === 'meta');
  const inner = meta === undefined ? [] : boxes(meta.body.subarray(4));
  const bodyOf = (wanted: string) => inner.find(({ type }) => type === wanted)?.body;
  const [iloc, iinf, pitm] = [bodyOf('iloc'), bodyOf('iinf'), bodyOf('pitm')];
  // Only files of our own encoders come here.
  if (meta === undefined || iloc === undefined || iinf === undefined || pitm === undefined)
    throw new RangeError('No AVIF.');
  const locations = locationsOf(iloc);
  const next = Math.max(...locations.map(({ id }) => id)) + 1;
  const additions: Addition[] = [
    ...(exif ? [{ kind: 'Exif\0', body: Buffer.concat([number(0, 4), exif]) }] : []),
    ...(xmp ? [{ kind: 'mime\0application/rdf+xml\0', body: xmp }] : []),
  ].map((addition, n) => ({ ...addition, id: next + n }));
  const main = pitm.readUInt16BE(4);
  /** The box of all items, with places counted from a start of its own. */
  const metaAt = (shift: number, end: number): Buffer => {
    const others = inner.filter(({ type }) => !['iloc', 'iinf', 'iref'].includes(type));
    const hdlr = others.filter(({ type }) => type === 'hdlr');
    const rest = others.filter(({ type }) => type !== 'hdlr');
    const write = ({ type, body }: Box) => box(type, body);
    return box(
      'meta',
      number(0, 4),
      ...hdlr.map(write),
      places(locations, additions, shift, end),
      listed(iinf, additions),
      ...rest.map(write),
      referred(bodyOf('iref'), additions, main),
    );
  };
  const shift = metaAt(0, 0).length - (meta.body.length + 8);
  const before = all.map(({ type, body }) => box(type, body));
  const whole = before.map((bytes, n) => (all[n] === meta ? metaAt(shift, file.length + shift + 8) : bytes));
  return Buffer.concat([...whole, box('mdat', ...additions.map(({ body }) => body))]);
}

/** `iloc`, always in its first version with places of 32 bits. */
function places(locations: Location[], additions: Addition[], shift: number, end: number): Buffer {
  const entry = (id: number, extents: { offset: number; length: number }[]) => [
    ...[number(id, 2), number(0, 2), number(extents.length, 2)],
    ...extents.flatMap(({ offset, length }) => [number(offset, 4), number(length, 4)]),
  ];
  const there = locations.flatMap(({ id, base, extents }) =>
    entry(
      id,
      extents.map(({ offset, length }) => ({ offset: base + offset + shift, length })),
    ),
  );
  let at = end;
  const added = additions.flatMap(({ id, body }) => {
    const extent = { offset: at, length: body.length };
    at += body.length;
    return entry(id, [extent]);
  });
  const count = number(locations.length + additions.length, 2);
  return box('iloc', number(0, 4), Buffer.from([0x44, 0]), count, ...there, ...added);
}

function listed(iinf: Buffer, additions: Addition[]): Buffer {
  const count = iinf.readUInt16BE(4) + additions.length;
  // The lowest flag: nothing to be shown.
  const added = additions.map(({ id, kind }) =>
    box('infe', Buffer.from([2, 0, 0, 1]), number(id, 2), number(0, 2), Buffer.from(kind, 'latin1')),
  );
  return box('iinf', number(0, 4), number(count, 2), iinf.subarray(6), ...added);
}

/** Which picture the items describe. */
function referred(iref: Buffer | undefined, additions: Addition[], main: number): Buffer {
  const added = additions.map(({ id }) => box('cdsc', number(id, 2), number(1, 2), number(main, 2)));
  return box('iref', iref ?? number(0, 4), ...added);
}
