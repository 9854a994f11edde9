import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sniff, sniffFile } from './sniff';

const latin = (text: string) => Buffer.from(text, 'latin1');
const ftyp = (major: string, ...compatible: string[]) => {
  const body = latin(`ftyp${major}\0\0\0\0${compatible.join('')}`);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(body.length + 4);
  return Buffer.concat([size, body]);
};
/** Two frames of AAC of so many bytes each. */
const adts = (bytes: number) => {
  const frame = Buffer.alloc(bytes);
  frame.set([0xff, 0xf1, 0x50, 0x80 | (bytes >> 11), (bytes >> 3) & 0xff, ((bytes & 7) << 5) | 0x1f, 0xfc]);
  return Buffer.concat([frame, frame]);
};
const packets = (first: number, step: number) => {
  const stream = Buffer.alloc(first + 3 * step, 0xff);
  for (let n = 0; n < 3; n++) stream[first + n * step] = 0x47;
  return stream;
};
const bmpHead = Buffer.alloc(54);
bmpHead.write('BM');
bmpHead.writeUInt32LE(40, 14);

const cases: [expected: string | undefined, head: Buffer][] = [
  ['image/jpeg', latin('\xff\xd8\xff\xe0')],
  ['image/png', latin('\x89PNG\r\n\x1a\n')],
  ['image/gif', latin('GIF89a')],
  ['image/webp', latin('RIFF\0\0\0\0WEBPVP8 ')],
  ['image/tiff', latin('II*\0\x08\0\0\0')],
  ['image/tiff', latin('MM\0*\0\0\0\x08')],
  ['image/tiff', latin('II+\0\x08\0\0\0')],
  ['image/avif', ftyp('avif', 'mif1')],
  ['image/avif', ftyp('avis')],
  ['image/avif', ftyp('mif1', 'mif1', 'avif')],
  ['image/heic', ftyp('heic', 'mif1')],
  ['image/heic', ftyp('mif1', 'heic')],
  ['image/heif', ftyp('mif1', 'jpeg')],
  ['image/svg+xml', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')],
  [
    'image/svg+xml',
    Buffer.from('\ufeff<?xml version="1.0"?>\n<!-- <html> -->\n<!DOCTYPE svg [<!ENTITY a "b">]><s:svg >'),
  ],
  ['image/svg+xml', Buffer.from('\ufeff<svg/>', 'utf16le')],
  ['image/bmp', bmpHead],
  ['text/plain', Buffer.from('BM is how this text begins')],
  ['image/x-icon', latin('\0\0\x01\0\x01\0')],
  ['image/vnd.adobe.photoshop', latin('8BPS\0\x01')],
  ['image/jxl', latin('\xff\x0a\0')],
  ['image/jxl', latin('\0\0\0\x0cJXL \r\n\x87\n')],
  ['image/jp2', latin('\0\0\0\x0cjP  \r\n')],
  ['image/qoi', latin('qoif')],
  ['image/x-portable-anymap', latin('P6\n1 1\n255\n')],
  ['video/mp4', ftyp('isom')],
  ['video/mp4', ftyp('mp42')],
  ['video/x-m4v', ftyp('M4V ')],
  ['video/quicktime', ftyp('qt  ')],
  ['video/quicktime', latin('\0\0\0\x08wide')],
  ['video/3gpp', ftyp('3gp5')],
  ['audio/mp4', ftyp('M4A ')],
  ['audio/mp4', ftyp('M4P ')],
  ['video/webm', latin('\x1a\x45\xdf\xa3\x93\x42\x82\x84webm')],
  ['video/x-matroska', latin('\x1a\x45\xdf\xa3\x93\x42\x82\x88matroska')],
  ['video/x-msvideo', latin('RIFF\0\0\0\0AVI LIST')],
  ['video/mp2t', packets(0, 188)],
  ['video/mp2t', packets(4, 192)],
  ['video/mp2t', Buffer.concat([Buffer.alloc(88), packets(0, 188), packets(0, 188), packets(0, 188)])],
  ['video/h264', latin('\0\0\0\x01\x67\x64\0\x1f')],
  ['video/h264', latin('\0\0\0\x01\x09\xf0\0\0\0\x01\x27\x42\xe0')],
  ['video/h265', latin('\0\0\0\x01\x40\x01\x0c\0\0\0\x01\x42\x01')],
  ['application/mxf', latin('\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01')],
  ['video/mpeg', latin('\0\0\x01\xba\x44')],
  ['video/x-flv', latin('FLV\x01')],
  ['video/ogg', latin('OggS\0\x02\x80theora')],
  ['audio/ogg', latin('OggS\0\x02OpusHead')],
  ['video/x-ms-wmv', latin('\x30\x26\xb2\x75\x8e\x66\xcf\x11')],
  ['audio/wav', latin('RIFF\0\0\0\0WAVEfmt ')],
  ['audio/mpeg', latin('ID3\x04')],
  ['audio/mpeg', latin('\xff\xfb\x90\x64')],
  ['audio/flac', latin('fLaC')],
  ['audio/aac', adts(64)],
  ['application/vnd.apple.mpegurl', Buffer.from('\ufeff#EXTM3U\nfile:///etc/passwd')],
  ['application/pdf', latin('%PDF-1.7')],
  ['text/html', Buffer.from('<!DOCTYPE html><svg>')],
  ['text/html', Buffer.from('\n<html>')],
  ['text/plain', Buffer.from('héllo, plain words')],
  ['text/plain', Buffer.from('ffconcat version 1.0\nfile a.ts')],
  [undefined, Buffer.alloc(0)],
  [undefined, Buffer.alloc(64)],
  [undefined, Buffer.from([1, 2, 3, 0xfe, 0xff])],
];

test.each(cases.map(([mime, head]) => [mime, head.toString('latin1').slice(0, 24), head] as const))(
  '%s for %j',
  (mime, _text, head) => {
    expect(sniff(head)?.mime).toBe(mime);
  },
);

test('a list of files for ffmpeg is known as such, not as plain text', () => {
  expect(sniff(Buffer.from('ffconcat version 1.0\nfile a.ts'))?.format).toBe('ffconcat');
});

test('a character cut in two by the end of the head leaves a text a text', () => {
  expect(sniff(Buffer.from('naïve').subarray(0, 3))?.format).toBe('text');
});

test('the content decides, not the name', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'darkroom-sniff-'));
  try {
    await writeFile(path.join(folder, 'photo.jpg'), 'only words');
    expect(await sniffFile(path.join(folder, 'photo.jpg'))).toMatchObject({ format: 'text', kind: 'other' });
  } finally {
    await rm(folder, { recursive: true });
  }
});
