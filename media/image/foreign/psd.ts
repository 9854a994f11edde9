import { readFile } from 'node:fs/promises';
import { DarkroomError } from '../../../common/errors';
import type { Converted, ImageLimits } from '../types';
import { assertSize, corrupt, cutShort, toTiff } from './tiff';

/** Kinds of colour, by their number in the header; those without a channel count are not read. */
const MODES: Record<number, { name: string; channels?: number; depths?: number[] }> = {
  0: { name: 'bitmap', channels: 1, depths: [1] },
  1: { name: 'grey', channels: 1, depths: [8, 16] },
  2: { name: 'indexed colours', channels: 1, depths: [8] },
  3: { name: 'RGB', channels: 3, depths: [8, 16] },
  4: { name: 'CMYK' },
  7: { name: 'several spot colours' },
  // Read as grey: how the inks mix is known to Photoshop only.
  8: { name: 'duotone', channels: 1, depths: [8, 16] },
  9: { name: 'Lab' },
};
const INDEXED = 2;

/** Image resources: the colour profile, and whether the merged picture is real. */
const [PROFILE, VERSION_INFO] = [1039, 1057];

/** Blocks behind the layers, of files with 16 bits: their layers, and the mark that the merged picture is transparent. */
const LAYERS = ['Lr16', 'Lr32', 'Layr'];
const TRANSPARENT = ['Mtrn', 'Mt16', 'Mt32'];
/** Blocks whose length has eight bytes in the large variant of the format. */
const LONG_BLOCKS = [...LAYERS, ...TRANSPARENT, 'LMsk', 'Alph', 'FMsk', 'lnk2', 'FEid', 'FXid', 'PxSD'];

/**
 * The picture of all layers that Photoshop stores beside them, by Adobe's description of the format: PSD and PSB, RGB,
 * grey, duotone, indexed and bitmap, 8 and 16 bits. The layers are not looked at.
 * @throws DarkroomError MediaTooLarge before memory is taken for the pixels; CorruptMedia; UnsupportedMedia for other
 * kinds of colour, and where the file was saved without that picture
 */
export async function readPsd(path: string, { maxPixels }: ImageLimits, name: string): Promise<Converted> {
  const file = new Cursor(await readFile(path), name);
  file.skip(4);
  const large = file.u16() === 2;
  file.skip(6);
  const channels = file.u16();
  const [height, width] = [file.u32(), file.u32()];
  const [depth, number] = [file.u16(), file.u16()];
  const mode = MODES[number];
  if (mode === undefined || width === 0 || height === 0 || channels === 0 || channels > 56) throw corrupt(name);
  if (mode.channels === undefined || !mode.depths?.includes(depth)) throw refused(`in ${mode.name} of ${depth} bits`);
  if (channels < mode.channels) throw corrupt(name);
  assertSize(width, height, maxPixels, name);
  const palette = file.part(file.u32());
  if (number === INDEXED && palette.left < 768) throw corrupt(name);
  const { icc, isMerged } = resourcesOf(file.part(file.u32()));
  if (!isMerged) throw refused('without the picture of all layers (Photoshop: "Maximize Compatibility")');
  const hasAlpha = isTransparent(file.part(file.length(large)), large) && channels > mode.channels;
  const nextLine = linesOf(file, { width, height, depth, channels, large });
  const rgba = new Uint8Array(width * height * 4).fill(255);
  const used = mode.channels + (hasAlpha ? 1 : 0);
  for (let channel = 0; channel < used; channel++) {
    const to = channel < mode.channels ? channel : 3;
    for (let y = 0; y < height; y++) {
      const row = nextLine();
      for (let x = 0, at = y * width * 4; x < width; x++, at += 4) {
        const value = sample(row, x, depth);
        if (number === INDEXED) for (let part = 0; part < 3; part++) rgba[at + part] = palette.at(256 * part + value);
        else if (mode.channels === 1 && to === 0) rgba.fill(value, at, at + 3);
        else rgba[at + to] = value;
      }
    }
  }
  if (hasAlpha) takeOffWhite(rgba);
  const profile = icc?.toString('latin1', 16, 20) === 'RGB ' ? icc : undefined;
  return { input: toTiff(rgba, { width, height }, profile), warnings: [] };
}

function refused(how: string): DarkroomError {
  return new DarkroomError(
    'UnsupportedMedia',
    `This is a Photoshop file ${how}, which is not read here; save it as PNG or TIFF, with its layers merged.`,
  );
}

/** One sample in 8 bits; of a bitmap, 1 is black. */
function sample(row: Uint8Array, x: number, depth: number): number {
  if (depth === 1) return ((row[x >> 3] ?? 0) >> (7 - (x & 7))) & 1 ? 0 : 255;
  return (depth === 16 ? row[2 * x] : row[x]) ?? 0;
}

/** The merged picture is laid on white, whatever its transparency. */
function takeOffWhite(rgba: Uint8Array): void {
  for (let at = 0; at < rgba.length; at += 4) {
    const alpha = rgba[at + 3] ?? 255;
    if (alpha === 0 || alpha === 255) continue;
    for (let part = at; part < at + 3; part++) {
      rgba[part] = Math.min(255, Math.max(0, Math.round(255 + (((rgba[part] ?? 0) - 255) * 255) / alpha)));
    }
  }
}

function resourcesOf(part: Cursor): { icc?: Buffer; isMerged: boolean } {
  let icc: Buffer | undefined;
  let isMerged = true;
  while (part.left >= 12) {
    part.skip(4);
    const id = part.u16();
    const nameBytes = part.u8();
    part.skip(nameBytes + ((nameBytes + 1) % 2));
    const size = part.u32();
    const data = part.part(size);
    part.skip(Math.min(size % 2, part.left));
    if (id === PROFILE) icc = data.rest();
    if (id === VERSION_INFO && data.left >= 5) isMerged = data.at(4) !== 0;
  }
  return { ...(icc && { icc }), isMerged };
}

/** Is the first channel behind the colours the transparency of the merged picture? A negative count of layers says so. */
function isTransparent(section: Cursor, large: boolean): boolean {
  if (section.left === 0) return false;
  const layers = section.part(section.length(large));
  if (layers.left >= 2) return layers.i16() < 0;
  if (section.left < 4) return false;
  section.skip(section.u32());
  while (section.left >= 12) {
    section.skip(4);
    const key = section.text(4);
    const size = section.length(large && LONG_BLOCKS.includes(key));
    if (TRANSPARENT.includes(key)) return true;
    const block = section.part(size);
    if (LAYERS.includes(key) && block.left >= 2 && block.i16() < 0) return true;
    section.skip(Math.min((4 - (size % 4)) % 4, section.left));
  }
  return false;
}

interface Planes {
  width: number;
  height: number;
  depth: number;
  channels: number;
  large: boolean;
}

/** Reader of the lines of the merged picture, channel by channel, in their order. */
function linesOf(file: Cursor, { width, height, depth, channels, large }: Planes) {
  const rowBytes = Math.ceil((width * depth) / 8);
  const compression = file.u16();
  if (compression === 0) return () => file.part(rowBytes).rest();
  if (compression !== 1) throw refused('with a compression of its own');
  const counts = file.part(channels * height * (large ? 4 : 2));
  const row = new Uint8Array(rowBytes);
  return (): Uint8Array => unpack(file.part(large ? counts.u32() : counts.u16()), row);
}

/** PackBits: a count below 128 goes before bytes as they are, one above before a byte that is repeated. */
function unpack(packed: Cursor, row: Uint8Array): Uint8Array {
  let to = 0;
  while (to < row.length) {
    const head = packed.u8();
    if (head === 128) continue;
    const count = head < 128 ? head + 1 : 257 - head;
    if (to + count > row.length) throw packed.wrong();
    if (head < 128) row.set(packed.part(count).rest(), to);
    else row.fill(packed.u8(), to, to + count);
    to += count;
  }
  return row;
}

/** Reads on and on. @throws DarkroomError CorruptMedia where the bytes end before */
class Cursor {
  private position = 0;
  constructor(
    private readonly bytes: Buffer,
    private readonly name: string,
  ) {}

  get left(): number {
    return this.bytes.length - this.position;
  }
  wrong(): DarkroomError {
    return corrupt(this.name);
  }
  at(index: number): number {
    return this.bytes[index] ?? 0;
  }
  rest(): Buffer {
    return this.bytes.subarray(this.position);
  }
  part(size: number): Cursor {
    const from = this.skip(size);
    return new Cursor(this.bytes.subarray(from, from + size), this.name);
  }
  skip(size: number): number {
    if (size > this.left) throw cutShort(this.name);
    const from = this.position;
    this.position += size;
    return from;
  }
  u8 = (): number => this.bytes.readUInt8(this.skip(1));
  u16 = (): number => this.bytes.readUInt16BE(this.skip(2));
  i16 = (): number => this.bytes.readInt16BE(this.skip(2));
  u32 = (): number => this.bytes.readUInt32BE(this.skip(4));
  /** A length of four bytes, or of eight in the large variant. */
  length = (isLong: boolean): number => (isLong ? Number(this.bytes.readBigUInt64BE(this.skip(8))) : this.u32());
  text = (size: number): string => this.part(size).rest().toString('latin1');
}
