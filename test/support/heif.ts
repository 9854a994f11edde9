/** HEIC files for tests, box by box: there is no encoder for them among the tools, but x265 makes what is in them. */
import { readFileSync } from 'node:fs';
import { ffmpeg } from './clips';

const box = (type: string, ...parts: (Buffer | number[])[]): Buffer => {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const head = Buffer.alloc(8);
  head.writeUInt32BE(body.length + 8);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, body]);
};
const full = (type: string, version: number, ...parts: (Buffer | number[])[]) =>
  box(type, [version, 0, 0, 0], ...parts);
const u16 = (...values: number[]) => values.flatMap((value) => [value >> 8, value & 255]);
const u32 = (...values: number[]) => values.flatMap((value) => u16(value >>> 16, value & 65_535));
const text = (words: string) => Buffer.from(words, 'latin1');

export interface HeicOptions {
  /** px of one tile. */
  width: number;
  height: number;
  /** An lavfi source of that size for each tile; several lie side by side, as phones write them. */
  tiles: string[];
  /** Quarter turns anticlockwise. */
  turns?: number;
  /** Mirrored left to right. */
  mirrored?: boolean;
  /** Code points of primaries and transfer. */
  cicp?: [primaries: number, transfer: number];
  /** What the file says of its size instead. */
  claims?: [width: number, height: number];
}

/** @param scratch where the coded pictures may lie */
export function heic(options: HeicOptions, scratch: string): Buffer {
  const { width, height, tiles, turns, mirrored, cicp, claims } = options;
  const coded = tiles.map((source, n) => {
    const words = `-f lavfi -i ${source} -frames:v 1 -c:v libx265 -preset ultrafast -pix_fmt yuv420p -tag:v hvc1`;
    return parts(readFileSync(ffmpeg(`${words} -x265-params log-level=none`, `${scratch}-${n}.mp4`)));
  });
  const isGrid = tiles.length > 1;
  const items = coded.map((_, n) => n + 1);
  const main = isGrid ? items.length + 1 : 1;
  const [shownWidth, shownHeight] = claims ?? [width * tiles.length, height];
  const grid = Buffer.from([0, 0, 0, tiles.length - 1, ...u16(shownWidth, shownHeight)]);
  const data = [...coded.map(({ picture }) => picture), ...(isGrid ? [grid] : [])];

  const properties = [
    coded[0]?.config ?? Buffer.alloc(0),
    full('ispe', 0, u32(...(isGrid ? [width, height] : [shownWidth, shownHeight]))),
    full('ispe', 0, u32(shownWidth, shownHeight)),
    ...(turns === undefined ? [] : [box('irot', [turns])]),
    ...(mirrored ? [box('imir', [1])] : []),
    ...(cicp ? [box('colr', text('nclx'), u16(...cicp, 1), [0x80])] : []),
  ];
  const ofMain = [...(isGrid ? [3] : [1, 2]), ...properties.slice(3).map((_, n) => n + 4)];
  const entry = (item: number, numbers: number[]) => [...u16(item), numbers.length, ...numbers];
  const entries = [...(isGrid ? items.map((item) => entry(item, [1, 2])) : []), entry(main, ofMain)];
  const infe = (item: number, type: string) => full('infe', 2, u16(item, 0), text(type), [0]);
  const infos = [...items.map((item) => infe(item, 'hvc1')), ...(isGrid ? [infe(main, 'grid')] : [])];

  const ftyp = box('ftyp', text('heic'), u32(0), text('mif1heic'));
  const meta = (at: number): Buffer => {
    let offset = at;
    const places = data.map((bytes, n) => {
      const place = [...u16(n + 1, 0, 1), ...u32(offset, bytes.length)];
      offset += bytes.length;
      return Buffer.from(place);
    });
    return full(
      'meta',
      0,
      full('hdlr', 0, u32(0), text('pict'), u32(0, 0, 0), [0]),
      full('pitm', 0, u16(main)),
      full('iinf', 0, u16(infos.length), ...infos),
      ...(isGrid ? [full('iref', 0, box('dimg', u16(main, items.length, ...items)))] : []),
      box('iprp', box('ipco', ...properties), full('ipma', 0, u32(entries.length), ...entries)),
      full('iloc', 0, [0x44, 0], u16(places.length), ...places),
    );
  };
  const head = ftyp.length + meta(0).length + 8;
  return Buffer.concat([ftyp, meta(head), box('mdat', ...data)]);
}

/** Decoder configuration and the one picture of an MP4. */
function parts(mp4: Buffer): { config: Buffer; picture: Buffer } {
  const of = (type: string) => {
    const at = mp4.indexOf(type, 0, 'latin1') - 4;
    return mp4.subarray(at, at + mp4.readUInt32BE(at));
  };
  return { config: of('hvcC'), picture: of('mdat').subarray(8) };
}
