import { boxes, inside, type Box } from '../foreign/iso';
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
  const { inner, bodyOf } = listOf(file);
  const next = Math.max(...locationsOf(bodyOf('iloc')).map(({ id }) => id)) + 1;
  const additions: Addition[] = [
    ...(exif ? [{ kind: 'Exif\0', body: Buffer.concat([number(0, 4), exif]) }] : []),
    ...(xmp ? [{ kind: 'mime\0application/rdf+xml\0', body: xmp }] : []),
  ].map((addition, n) => ({ ...addition, id: next + n }));
  const iref = inner.find(({ type }) => type === 'iref')?.body;
  const edited = [
    ...inner
      .filter(({ type }) => type !== 'iref')
      .map((each) => (each.type === 'iinf' ? listed(each.body, additions) : each)),
    referred(iref, additions, bodyOf('pitm').readUInt16BE(4)),
  ];
  return rewritten(file, edited, additions);
}

/** Colours by numbers (ITU-T H.273). */
interface Colours {
  primaries: number;
  transfer: number;
  matrix: number;
}

/** The same pixels, of which the file says now what their numbers mean; full range. */
export function colourAvif(file: Buffer, { primaries, transfer, matrix }: Colours): Buffer {
  const { inner, bodyOf } = listOf(file);
  const [iprp, main] = [boxes(bodyOf('iprp')), bodyOf('pitm').readUInt16BE(4)];
  const ipco = iprp.find(({ type }) => type === 'ipco')?.body ?? Buffer.alloc(0);
  const colr = box(
    'colr',
    Buffer.from('nclx', 'latin1'),
    ...[primaries, transfer, matrix].map((code) => number(code, 2)),
    Buffer.from([0x80]),
  );
  const index = boxes(ipco).length + 1;
  const body = Buffer.concat(
    iprp.map((each) => {
      if (each.type === 'ipco') return box('ipco', ipco, colr);
      return each.type === 'ipma' ? box('ipma', associated(each.body, main, index)) : box(each.type, each.body);
    }),
  );
  return rewritten(
    file,
    inner.map((each) => (each.type === 'iprp' ? { type: 'iprp', body } : each)),
  );
}

/** `ipma` with one more property for an item: of the kind with small numbers, which our encoders write. */
function associated(ipma: Buffer, item: number, index: number): Buffer {
  const parts = [ipma.subarray(0, 8)];
  for (let at = 8; at < ipma.length;) {
    const count = ipma.readUInt8(at + 2);
    const entry = Buffer.from(ipma.subarray(at, at + 3 + count));
    const isMain = entry.readUInt16BE(0) === item;
    if (isMain) entry[2] = count + 1;
    parts.push(entry, ...(isMain ? [Buffer.from([index])] : []));
    at += 3 + count;
  }
  return Buffer.concat(parts);
}

/** The boxes in `meta`. Only files of our own encoders come here. */
function listOf(file: Buffer) {
  const meta = inside(file, 'meta');
  if (meta === undefined) throw new RangeError('The file is no AVIF.');
  const inner = boxes(meta.subarray(4));
  const bodyOf = (wanted: string): Buffer => {
    const body = inner.find(({ type }) => type === wanted)?.body;
    if (body === undefined) throw new RangeError(`The AVIF has no box ${wanted}.`);
    return body;
  };
  return { inner, bodyOf };
}

/** The file with other boxes in `meta`, and what is added behind it. */
function rewritten(file: Buffer, inner: Box[], additions: Addition[] = []): Buffer {
  const all = boxes(file);
  const locations = locationsOf(listOf(file).bodyOf('iloc'));
  const metaAt = (shift: number, end: number) =>
    box(
      'meta',
      number(0, 4),
      ...inner.map(({ type, body }) => (type === 'iloc' ? places(locations, additions, shift, end) : box(type, body))),
    );
  const before = all.find(({ type }) => type === 'meta')?.body.length ?? 0;
  const shift = metaAt(0, 0).length - (before + 8);
  const whole = all.map(({ type, body }) =>
    type === 'meta' ? metaAt(shift, file.length + shift + 8) : box(type, body),
  );
  return Buffer.concat([
    ...whole,
    ...(additions.length > 0 ? [box('mdat', ...additions.map(({ body }) => body))] : []),
  ]);
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

function listed(iinf: Buffer, additions: Addition[]): Box {
  const count = iinf.readUInt16BE(4) + additions.length;
  // The lowest flag: nothing to be shown.
  const added = additions.map(({ id, kind }) =>
    box('infe', Buffer.from([2, 0, 0, 1]), number(id, 2), number(0, 2), Buffer.from(kind, 'latin1')),
  );
  return { type: 'iinf', body: Buffer.concat([number(0, 4), number(count, 2), iinf.subarray(6), ...added]) };
}

/** Which picture the items describe. */
function referred(iref: Buffer | undefined, additions: Addition[], main: number): Box {
  const added = additions.map(({ id }) => box('cdsc', number(id, 2), number(1, 2), number(main, 2)));
  return { type: 'iref', body: Buffer.concat([iref ?? number(0, 4), ...added]) };
}
