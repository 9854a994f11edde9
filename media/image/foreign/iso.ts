/** The boxes of HEIC and AVIF that say what their main picture is, read before anything is decoded. */

/** CICP code points (ITU-T H.273) of a picture's colours. */
export interface Cicp {
  primaries: number;
  transfer: number;
}

export interface MainPicture {
  /** px as coded, before any turning; absent where the file does not say. */
  width?: number;
  height?: number;
  cicp?: Cicp;
  /** ICC profile. */
  icc?: Buffer;
}

export interface Box {
  type: string;
  body: Buffer;
}

/** Boxes side by side; what does not add up ends the list. */
export function boxes(bytes: Buffer): Box[] {
  const found: Box[] = [];
  for (let at = 0; at + 8 <= bytes.length;) {
    const size = bytes.readUInt32BE(at);
    const large = size === 1 && at + 16 <= bytes.length;
    const length = large ? Number(bytes.readBigUInt64BE(at + 8)) : size === 0 ? bytes.length - at : size;
    const header = large ? 16 : 8;
    if (length < header) break;
    found.push({ type: bytes.toString('latin1', at + 4, at + 8), body: bytes.subarray(at + header, at + length) });
    at += length;
  }
  return found;
}

export const inside = (body: Buffer, type: string): Buffer | undefined =>
  boxes(body).find((box) => box.type === type)?.body;

/**
 * The main picture of an ISO image file, by the properties of its primary item: not those of thumbnails, depth and gain maps,
 * which lie beside it.
 * @returns nothing where the boxes make no sense: the decoder has the words for that
 */
export function mainPicture(bytes: Buffer): MainPicture {
  try {
    const meta = inside(bytes, 'meta')?.subarray(4);
    const properties = meta && inside(meta, 'iprp');
    const pitm = meta && inside(meta, 'pitm');
    const all = properties && boxes(inside(properties, 'ipco') ?? Buffer.alloc(0));
    const ipma = properties && inside(properties, 'ipma');
    if (all === undefined || pitm === undefined || ipma === undefined) return {};
    const item = pitm[0] === 0 ? pitm.readUInt16BE(4) : pitm.readUInt32BE(4);
    return describe(associated(ipma, item).flatMap((index) => all[index - 1] ?? []));
  } catch (error) {
    if (error instanceof RangeError) return {};
    throw error;
  }
}

/** Numbers, from 1, of the properties of an item. */
function associated(ipma: Buffer, item: number): number[] {
  const [version, wide] = [ipma[0] ?? 0, ((ipma[3] ?? 0) & 1) === 1];
  let at = 8;
  for (let entries = ipma.readUInt32BE(4); entries > 0; entries--) {
    const id = version === 0 ? ipma.readUInt16BE(at) : ipma.readUInt32BE(at);
    at += version === 0 ? 2 : 4;
    const count = ipma.readUInt8(at++);
    const numbers = Array.from({ length: count }, (_, n) =>
      wide ? ipma.readUInt16BE(at + 2 * n) & 0x7fff : ipma.readUInt8(at + n) & 0x7f,
    );
    at += wide ? 2 * count : count;
    if (id === item) return numbers;
  }
  return [];
}

function describe(properties: Box[]): MainPicture {
  const picture: MainPicture = {};
  for (const { type, body } of properties) {
    if (type === 'ispe') [picture.width, picture.height] = [body.readUInt32BE(4), body.readUInt32BE(8)];
    if (type !== 'colr') continue;
    const kind = body.toString('latin1', 0, 4);
    if (kind === 'nclx') picture.cicp = { primaries: body.readUInt16BE(4), transfer: body.readUInt16BE(6) };
    if (kind === 'prof' || kind === 'rICC') picture.icc = body.subarray(4);
  }
  return picture;
}
