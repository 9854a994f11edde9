import { parseXml, type Element } from '../metadata/xml';

/** How a gain map makes a picture brighter, by channel: one number for all, or three. */
export interface GainMap {
  /** A JPEG; what follows its end is ignored. */
  file: Buffer;
  /** Logarithms (base 2) of the gain where the map is black, and where it is white. */
  min: number[];
  max: number[];
  gamma: number[];
  /** Added to the linear light of the base picture, and taken from that of the result. */
  offsetSdr: number[];
  offsetHdr: number[];
}

const NS = 'http://ns.adobe.com/hdr-gain-map/1.0/';
const ISO = 'urn:iso:std:iso:ts:21496:-1\0';
const XMP = 'http://ns.adobe.com/xap/1.0/\0';
/** Pictures behind the first one that are looked at: previews and depth maps may lie there, too. */
const MOST_PICTURES = 8;
/** Stops by which a map may change a picture: 2 to this power is more than the range of PQ. */
const MOST_STOPS = 16;

/**
 * The gain map of a JPEG: a second JPEG behind the first one, which says by XMP (Ultra HDR 1.x) or by ISO 21496-1 what its
 * numbers mean.
 * @returns undefined where the file announces none; `broken` where it does and none can be used
 */
export function findGainMap(bytes: Buffer): GainMap | 'broken' | undefined {
  const main = segmentsOf(bytes, 0);
  const isSaid = main.segments.some(({ body }) => body.includes(NS) || startsWith(body, ISO));
  if (!isSaid) return undefined;
  let at = main.end;
  for (let tried = 0; tried < MOST_PICTURES; tried++) {
    at = bytes.indexOf(Buffer.from([0xff, 0xd8, 0xff]), at);
    if (at < 0) break;
    const { segments, end } = segmentsOf(bytes, at);
    const said = segments.map(({ body }) => metadataOf(body)).find((found) => found !== undefined);
    if (said && isSound(said)) return { ...said, file: bytes.subarray(at) };
    at = Math.max(end, at + 2);
  }
  return 'broken';
}

const startsWith = (body: Buffer, text: string): boolean => body.toString('latin1', 0, text.length) === text;

/** The application segments of a JPEG at `start`, and where its compressed pixels begin. */
function segmentsOf(bytes: Buffer, start: number): { segments: { body: Buffer }[]; end: number } {
  const segments: { body: Buffer }[] = [];
  let at = start + 2;
  while (at + 4 <= bytes.length && bytes[at] === 0xff) {
    const code = bytes[at + 1]!;
    const next = at + 2 + bytes.readUInt16BE(at + 2);
    if (code === 0xe1 || code === 0xe2) segments.push({ body: bytes.subarray(at + 4, next) });
    at = next;
    if (code === 0xda) break;
  }
  return { segments, end: Math.min(at, bytes.length) };
}

type Said = Omit<GainMap, 'file'>;

function metadataOf(body: Buffer): Said | undefined {
  try {
    if (startsWith(body, ISO)) return byIso(body.subarray(ISO.length));
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
  return startsWith(body, XMP) ? byXmp(body.toString('utf8', XMP.length)) : undefined;
}

/** One or three finite numbers each, within reason. */
function isSound({ min, max, gamma, offsetSdr, offsetHdr }: Said): boolean {
  const all = [min, max, gamma, offsetSdr, offsetHdr];
  const counted = all.every(({ length }) => length === 1 || length === 3);
  const bounded = all.flat().every((value) => Math.abs(value) <= MOST_STOPS);
  return counted && bounded && gamma.every((value) => value >= 1 / 16);
}

/** Properties are attributes, or elements with a number or a list of three. A picture whose base is the HDR one has no use here. */
function byXmp(text: string): Said | undefined {
  const root = parseXml(text.replace(/\0+$/, '').trim());
  if (root === undefined) return undefined;
  const said = new Map<string, string[]>();
  const visit = (element: Element): void => {
    for (const { ns, name, value } of element.attributes) if (ns === NS) said.set(name, [value]);
    if (element.ns === NS) said.set(element.name, textsOf(element));
    for (const child of element.children) if (typeof child !== 'string') visit(child);
  };
  visit(root);
  if (!said.has('Version') || !said.has('GainMapMax') || said.get('BaseRenditionIsHDR')?.[0] === 'True') {
    return undefined;
  }
  const numbers = (name: string, fallback: number): number[] => (said.get(name) ?? [String(fallback)]).map(Number);
  return {
    ...{ min: numbers('GainMapMin', 0), max: numbers('GainMapMax', NaN), gamma: numbers('Gamma', 1) },
    ...{ offsetSdr: numbers('OffsetSDR', 1 / 64), offsetHdr: numbers('OffsetHDR', 1 / 64) },
  };
}

function textsOf(element: Element): string[] {
  return element.children.flatMap((child) =>
    typeof child === 'string' ? (child.trim() === '' ? [] : [child.trim()]) : textsOf(child),
  );
}

/** Flags: three channels, in the colours of the base; the base is the brighter one; one denominator for all. */
const [CHANNELS, OF_BASE, BACKWARD, COMMON] = [0x80, 0x40, 0x04, 0x08];

/** The binary form. Maps in other colours than the base's, and those of an HDR base, are not applied. */
function byIso(bytes: Buffer): Said | undefined {
  const flags = bytes[4] ?? 0;
  if (bytes.readUInt16BE(0) !== 0 || (flags & BACKWARD) !== 0 || (flags & OF_BASE) === 0) return undefined;
  let at = 5;
  const read = (signed: boolean): number => {
    const value = signed ? bytes.readInt32BE(at) : bytes.readUInt32BE(at);
    at += 4;
    return value;
  };
  const shared = (flags & COMMON) !== 0 ? read(false) : undefined;
  const fraction = (signed: boolean): number => {
    const value = read(signed);
    return value / (shared ?? read(false));
  };
  // How bright a screen has to be for the base and for the whole gain: the whole is what is kept.
  fraction(false);
  fraction(false);
  const said: Said = { min: [], max: [], gamma: [], offsetSdr: [], offsetHdr: [] };
  for (let channel = 0; channel < ((flags & CHANNELS) !== 0 ? 3 : 1); channel++) {
    said.min.push(fraction(true));
    said.max.push(fraction(true));
    said.gamma.push(fraction(false));
    said.offsetSdr.push(fraction(true));
    said.offsetHdr.push(fraction(true));
  }
  return said;
}
