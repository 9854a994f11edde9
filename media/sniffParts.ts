/** The parts of type detection that need more than a comparison of bytes. Used by `sniff.ts` alone. */

/** Major brand of an ISO base media file, and what family it stands for. */
const BRANDS: Record<string, string> = {
  avif: 'avif',
  avis: 'avifs',
  heic: 'heic',
  heix: 'heic',
  heim: 'heic',
  heis: 'heic',
  hevc: 'heic',
  hevx: 'heic',
  'crx ': 'cr3',
  'qt  ': 'mov',
  'M4A ': 'm4a',
  'M4B ': 'm4a',
  'M4P ': 'm4p',
  'M4V ': 'm4v',
  M4VH: 'm4v',
  M4VP: 'm4v',
};

/** Boxes that a QuickTime file from before `ftyp` may begin with. */
const OLD_QUICKTIME = new Set(['moov', 'mdat', 'wide', 'free', 'skip', 'pnot']);

/** Family of an ISO base media file: a value of the table, `heif`, `3gp` or `mp4`; undefined for anything else. */
export function isoBrand(head: Buffer): string | undefined {
  if (head.length < 8) return undefined;
  const box = head.toString('latin1', 4, 8);
  if (OLD_QUICKTIME.has(box)) return 'mov';
  if (box !== 'ftyp' || head.length < 12) return undefined;
  const major = head.toString('latin1', 8, 12);
  const known = BRANDS[major];
  if (known !== undefined) return known;
  if (major === 'mif1' || major === 'msf1' || major === 'miaf') return heifFamily(head);
  return /^3g[e-s]/.test(major) ? '3gp' : 'mp4';
}

/** `mif1` says only "an image in a box"; the compatible brands say which codec. */
function heifFamily(head: Buffer): string {
  const end = Math.min(head.readUInt32BE(0), head.length);
  const families = new Set<string | undefined>();
  for (let offset = 16; offset + 4 <= end; offset += 4)
    families.add(BRANDS[head.toString('latin1', offset, offset + 4)]);
  return ['avif', 'avifs', 'heic'].find((family) => families.has(family)) ?? 'heif';
}

/** `webm` or `matroska`, from the DocType element (id 0x4282) of an EBML header; a header without one is Matroska. */
export function matroskaDocType(head: Buffer): string | undefined {
  if (head.length < 4 || head.readUInt32BE(0) !== 0x1a45dfa3) return undefined;
  const found = /\x42\x82[\x80-\x9f](webm|matroska)/.exec(head.toString('latin1', 0, 128));
  return found?.[1] ?? 'matroska';
}

/** What the first packet of an Ogg file announces. */
export function oggPayload(head: Buffer): 'video' | 'audio' | undefined {
  if (head.toString('latin1', 0, 4) !== 'OggS') return undefined;
  return /\x80theora|fishead|\x01video|BBCD/.test(head.toString('latin1')) ? 'video' : 'audio';
}

/** Compressions of raw data (Nikon, Sony, Samsung, Kodak, Pentax), and the colour filter of a sensor as a kind of colour. */
const RAW_COMPRESSIONS = [34713, 32767, 32770, 65000, 65535];
const CFA = 32803;
const MAKERS: [pattern: RegExp, format: string][] = [
  [/^nikon/i, 'nef'],
  [/^sony/i, 'arw'],
  [/^(pentax|ricoh)/i, 'pef'],
  [/^samsung/i, 'srw'],
];

/**
 * Which raw format a TIFF is, by its first folder: DNG says so; others have a camera's name, and a small picture in front of
 * further folders, or raw data. An ordinary TIFF has its picture there.
 */
export function rawTiff(head: Buffer): string | undefined {
  const little = head.toString('latin1', 0, 4) === 'II*\0';
  if (!little && head.toString('latin1', 0, 4) !== 'MM\0*') return undefined;
  const short = (at: number) => (at + 2 > head.length ? 0 : little ? head.readUInt16LE(at) : head.readUInt16BE(at));
  const long = (at: number) => (at + 4 > head.length ? 0 : little ? head.readUInt32LE(at) : head.readUInt32BE(at));
  const ifd = long(4);
  const tags = new Map<number, number>();
  for (let n = 0; n < Math.min(short(ifd), 200); n++) tags.set(short(ifd + 2 + 12 * n), ifd + 2 + 12 * n);
  if (tags.has(50706)) return 'dng';
  const value = (tag: number): number => {
    const at = tags.get(tag);
    return at === undefined ? 0 : short(at + 2) === 3 ? short(at + 8) : long(at + 8);
  };
  const maker = tags.get(271);
  const isRaw = RAW_COMPRESSIONS.includes(value(259)) || value(262) === CFA || (tags.has(330) && value(254) === 1);
  if (maker === undefined || !isRaw) return undefined;
  const name = head.toString('latin1', long(maker + 8), long(maker + 8) + 20);
  return MAKERS.find(([pattern]) => pattern.test(name))?.[1] ?? 'rawphoto';
}

/** Profiles of H.264, the first byte of its sequence parameters. */
const H264_PROFILES = new Set([66, 77, 88, 100, 110, 122, 144, 244]);

/**
 * The codec of a stream without any container, as the cameras of small computers and recorders of calls write it: NAL units
 * behind start codes, with the parameters of the sequence near the beginning.
 */
export function bareStream(head: Buffer): 'h264' | 'hevc' | undefined {
  const start = /^\0?\0\0\x01/.exec(head.toString('latin1', 0, 4));
  if (start === null) return undefined;
  for (let at = head.indexOf('\0\0\x01', 0, 'latin1'); at >= 0; at = head.indexOf('\0\0\x01', at + 3, 'latin1')) {
    const [first = 0x80, second = 0] = head.subarray(at + 3, at + 5);
    // The highest bit is zero in both; MPEG-1 and -2 have it set.
    if (first & 0x80) return undefined;
    if ((first & 0x1f) === 7 && first & 0x60 && H264_PROFILES.has(second)) return 'h264';
    if (((first >> 1) & 0x3f) === 33 && (second & 7) === 1) return 'hevc';
  }
  return undefined;
}

/** The head as text, without a byte order mark; undefined where it is binary. */
function decode(head: Buffer): string | undefined {
  const encoding = head[0] === 0xff && head[1] === 0xfe ? 'utf-16le' : 'utf-8';
  try {
    // `stream`: a character that the end of the head cuts in two is no fault.
    const text = new TextDecoder(encoding, { fatal: true }).decode(head, { stream: true });
    // Control characters are what tells binary from text.
    return /[\0-\x08\x0e-\x1a\x1c-\x1f]/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

export function startsWithText(pattern: RegExp): (head: Buffer) => boolean {
  return (head) => pattern.test(decode(head)?.trimStart() ?? '');
}

/** White space, XML declaration, processing instructions, comments and doctype, which may all stand before the root. */
const PROLOGUE = /^(?:\s+|<\?[^]*?\?>|<!--[^]*?-->|<!doctype\s+(?!html)[^[>]*(?:\[[^]*?\]\s*)?>)*/i;

/** `svg`, `html` or `text`; undefined where the head is no text. */
export function textFormat(head: Buffer): 'svg' | 'html' | 'text' | undefined {
  const text = decode(head);
  if (text === undefined) return undefined;
  const root = text.replace(PROLOGUE, '');
  if (/^<(?:[\w.-]+:)?svg[\s/>]/.test(root)) return 'svg';
  return /^<(?:!doctype\s+html|html|head|body|script|title)\b/i.test(root) ? 'html' : 'text';
}
