import { open } from 'node:fs/promises';
import { bareStream, isoBrand, matroskaDocType, oggPayload, rawTiff, startsWithText, textFormat } from './sniffParts';

/** What a file is, by its first bytes. */
export interface Sniffed {
  /** Short and stable, for example `jpeg` or `mp4`; stands in manifests. */
  format: string;
  kind: 'image' | 'video' | 'audio' | 'other';
  mime: string;
  /** For people, for example `HEIC (iPhone photo)`. */
  name: string;
}

/** Bytes of a file that {@link sniff} looks at. */
export const SNIFF_BYTES = 4096;

type Row = [format: string, kind: Sniffed['kind'], mime: string, name: string, test: (head: Buffer) => boolean];

/** True where `text` (bytes as latin1) stands at `offset`. */
const at =
  (offset: number, text: string) =>
  (head: Buffer): boolean =>
    head.toString('latin1', offset, offset + text.length) === text;

const any =
  (...tests: ((head: Buffer) => boolean)[]) =>
  (head: Buffer): boolean =>
    tests.some((test) => test(head));

const riff = (type: string) => (head: Buffer) => at(0, 'RIFF')(head) && at(8, type)(head);
const brand = (name: string) => (head: Buffer) => isoBrand(head) === name;
const docType = (name: string) => (head: Buffer) => matroskaDocType(head) === name;
const text = (name: string) => (head: Buffer) => textFormat(head) === name;

/** Two letters are also how a text may begin: the size of the header that follows decides. */
const bmp = (head: Buffer) => at(0, 'BM')(head) && head.length >= 18 && head.readUInt32LE(14) <= 256;
const ico = any(at(0, '\0\0\x01\0'), at(0, '\0\0\x02\0'));
const icon = (head: Buffer) => ico(head) && head.length >= 6 && head.readUInt16LE(4) > 0;

/** Packets of 188 bytes that begin with 0x47; `.m2ts` puts four bytes of time before each. */
const transportStream = (head: Buffer) =>
  [
    [0, 188],
    [4, 192],
  ].some(
    ([first = 0, step = 0]) =>
      head.length > first + 2 * step && [0, 1, 2].every((n) => head[first + n * step] === 0x47),
  );

/** The same for a capture that begins within a packet: vague where it begins, so it takes many packets to be sure. */
const cutTransportStream = (head: Buffer) =>
  [188, 192, 204].some((step) =>
    Array.from({ length: step }, (_, first) => first).some(
      (first) =>
        head.length > first + 7 * step && [0, 1, 2, 3, 4, 5, 6, 7].every((n) => head[first + n * step] === 0x47),
    ),
  );

/** A frame's sync word, then a layer, bitrate and sampling rate that are not the reserved values. */
const mp3Frame = (head: Buffer) => {
  const [sync = 0, layer = 0, rates = 0] = head;
  return sync === 0xff && (layer & 0xe6) === 0xe2 && (rates & 0xf0) !== 0xf0 && (rates & 0x0c) !== 0x0c;
};

/** The sync word of a frame of AAC, with a layer and a sampling rate that are not the reserved values; all of a stream begin alike. */
const adtsFrame = (head: Buffer) => {
  const [sync = 0, layer = 0, rates = 0, length1 = 0, length2 = 0, length3 = 0] = head;
  const length = ((length1 & 3) << 11) | (length2 << 3) | (length3 >> 5);
  const isFrame = sync === 0xff && (layer & 0xf6) === 0xf0 && (rates & 0x3c) <= 0x30 && length > 7;
  return isFrame && (length + 1 >= head.length || (head[length] === 0xff && head[length + 1] === layer));
};

/** Photos as a sensor gave them: by a beginning of their own, or as a TIFF whose first folder says so. */
function rawRows(): Row[] {
  const tiffs: [format: string, name: string][] = [
    ['dng', 'DNG'],
    ['nef', 'NEF (Nikon)'],
    ['arw', 'ARW (Sony)'],
    ['pef', 'PEF (Pentax)'],
    ['srw', 'SRW (Samsung)'],
    ['rawphoto', 'of a camera'],
  ];
  return [
    ['orf', 'image', 'image/x-olympus-orf', 'ORF (Olympus)', any(at(0, 'IIRO'), at(0, 'IIRS'), at(0, 'MMOR'))],
    ['rw2', 'image', 'image/x-panasonic-rw2', 'RW2 (Panasonic)', at(0, 'IIU\0')],
    ['raf', 'image', 'image/x-fuji-raf', 'RAF (Fujifilm)', at(0, 'FUJIFILMCCD-RAW')],
    ...tiffs.map(([format, name]): Row => [
      format,
      'image',
      `image/x-${format}`,
      name,
      (head) => rawTiff(head) === format,
    ]),
  ];
}

/** The first row that fits wins, so the sure ones stand before the vague ones. */
const ROWS: Row[] = [
  ['jpeg', 'image', 'image/jpeg', 'JPEG', at(0, '\xff\xd8\xff')],
  ['png', 'image', 'image/png', 'PNG', at(0, '\x89PNG\r\n\x1a\n')],
  ['gif', 'image', 'image/gif', 'GIF', any(at(0, 'GIF87a'), at(0, 'GIF89a'))],
  ['webp', 'image', 'image/webp', 'WebP', riff('WEBP')],
  ['avif', 'image', 'image/avif', 'AVIF', brand('avif')],
  ['avifs', 'image', 'image/avif', 'AVIF animation', brand('avifs')],
  ['heic', 'image', 'image/heic', 'HEIC (iPhone photo)', brand('heic')],
  ['heif', 'image', 'image/heif', 'HEIF', brand('heif')],
  ['cr3', 'image', 'image/x-canon-cr3', 'CR3 (Canon)', brand('cr3')],
  ['cr2', 'image', 'image/x-canon-cr2', 'CR2 (Canon)', (head) => at(0, 'II*\0')(head) && at(8, 'CR')(head)],
  ...rawRows(),
  ['tiff', 'image', 'image/tiff', 'TIFF', any(at(0, 'II*\0'), at(0, 'MM\0*'), at(0, 'II+\0'), at(0, 'MM\0+'))],
  ['psd', 'image', 'image/vnd.adobe.photoshop', 'PSD (Photoshop)', at(0, '8BPS')],
  ['jxl', 'image', 'image/jxl', 'JPEG XL', any(at(0, '\xff\x0a'), at(0, '\0\0\0\x0cJXL \r\n\x87\n'))],
  ['jp2', 'image', 'image/jp2', 'JPEG 2000', any(at(0, '\0\0\0\x0cjP  '), at(0, '\xff\x4f\xff\x51'))],
  ['qoi', 'image', 'image/qoi', 'QOI', at(0, 'qoif')],
  ['bmp', 'image', 'image/bmp', 'BMP', bmp],
  ['ico', 'image', 'image/x-icon', 'ICO (icon)', icon],
  ['ppm', 'image', 'image/x-portable-anymap', 'PPM', (head) => /^P[1-7]\s/.test(head.toString('latin1', 0, 3))],
  ['mp4', 'video', 'video/mp4', 'MP4', brand('mp4')],
  ['m4v', 'video', 'video/x-m4v', 'M4V', brand('m4v')],
  ['mov', 'video', 'video/quicktime', 'QuickTime (MOV)', brand('mov')],
  ['3gp', 'video', 'video/3gpp', '3GP', brand('3gp')],
  ['m4a', 'audio', 'audio/mp4', 'M4A', brand('m4a')],
  ['m4p', 'audio', 'audio/mp4', 'M4P (protected by the iTunes Store)', brand('m4p')],
  ['webm', 'video', 'video/webm', 'WebM', docType('webm')],
  ['mkv', 'video', 'video/x-matroska', 'Matroska (MKV)', docType('matroska')],
  ['avi', 'video', 'video/x-msvideo', 'AVI', riff('AVI ')],
  ['flv', 'video', 'video/x-flv', 'FLV', at(0, 'FLV\x01')],
  ['asf', 'video', 'video/x-ms-wmv', 'Windows Media (WMV)', at(0, '\x30\x26\xb2\x75\x8e\x66\xcf\x11')],
  ['mpegps', 'video', 'video/mpeg', 'MPEG program stream', any(at(0, '\0\0\x01\xba'), at(0, '\0\0\x01\xb3'))],
  ['mpegts', 'video', 'video/mp2t', 'MPEG transport stream', transportStream],
  ['ogg', 'video', 'video/ogg', 'Ogg video', (head) => oggPayload(head) === 'video'],
  ['ogg', 'audio', 'audio/ogg', 'Ogg sound', (head) => oggPayload(head) === 'audio'],
  ['wav', 'audio', 'audio/wav', 'WAV', any(riff('WAVE'), at(0, 'RF64'))],
  ['flac', 'audio', 'audio/flac', 'FLAC', at(0, 'fLaC')],
  ['aac', 'audio', 'audio/aac', 'AAC', adtsFrame],
  ['mp3', 'audio', 'audio/mpeg', 'MP3', any(at(0, 'ID3'), mp3Frame)],
  ['mpegts', 'video', 'video/mp2t', 'MPEG transport stream', cutTransportStream],
  ['h264', 'video', 'video/h264', 'H.264 without a container', (head) => bareStream(head) === 'h264'],
  ['hevc', 'video', 'video/h265', 'HEVC without a container', (head) => bareStream(head) === 'hevc'],
  ['mxf', 'video', 'application/mxf', 'MXF', at(0, '\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01')],
  ['dv', 'video', 'video/dv', 'DV', (head) => /^\x1f\x07\0[\x3f\xbf]/.test(head.toString('latin1', 0, 4))],
  ['pdf', 'other', 'application/pdf', 'PDF', at(0, '%PDF-')],
  ['zip', 'other', 'application/zip', 'ZIP archive', at(0, 'PK\x03\x04')],
  ['gzip', 'other', 'application/gzip', 'gzip archive', at(0, '\x1f\x8b\x08')],
  ['m3u8', 'other', 'application/vnd.apple.mpegurl', 'playlist (M3U8)', startsWithText(/^#EXTM3U/)],
  ['ffconcat', 'other', 'text/plain', 'list of files for ffmpeg (ffconcat)', startsWithText(/^ffconcat\s+version/)],
  ['svg', 'image', 'image/svg+xml', 'SVG', text('svg')],
  ['html', 'other', 'text/html', 'web page (HTML)', text('html')],
  ['text', 'other', 'text/plain', 'text', text('text')],
];

/**
 * Tells a file's type from its first {@link SNIFF_BYTES} bytes, never from its name.
 * @returns undefined for an empty file or content of no known type.
 */
export function sniff(head: Buffer): Sniffed | undefined {
  if (head.length === 0) return undefined;
  const row = ROWS.find(([, , , , test]) => test(head));
  if (row === undefined) return undefined;
  const [format, kind, mime, name] = row;
  return { format, kind, mime, name };
}

/** {@link sniff} for a file on disk. Throws what the file system throws. */
export async function sniffFile(path: string): Promise<Sniffed | undefined> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(SNIFF_BYTES), 0, SNIFF_BYTES, 0);
    return sniff(buffer.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}
