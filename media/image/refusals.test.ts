import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import type { ImagePreset } from '../presets/schema';
import type { DarkroomError, ErrorType } from '../../common/errors';
import { processImage } from './process';
import type { ImageTask } from './types';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'darkroom-bad-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function refusal(source: Buffer | undefined, task: Partial<ImageTask> = {}): Promise<DarkroomError> {
  const input = path.join(folder, 'in.jpg');
  const outputDir = await mkdtemp(path.join(folder, 'out-'));
  if (source) await writeFile(input, source);
  const limits = { maxPixels: 1_000_000, maxFrames: 20 };
  const error = await processImage({ input, outputDir, preset: preset(), limits, allowSvg: false, ...task }).then(
    () => undefined,
    (reason: unknown) => reason as DarkroomError,
  );
  expect(error).toBeInstanceOf(Error);
  expect(await readdir(outputDir)).toEqual([]);
  // One sentence, without this machine's paths.
  expect(error!.message).toMatch(/^[^\n]+\.$/);
  expect(error!.message).not.toContain(folder);
  return error!;
}

const preset = (animation: ImagePreset['animation'] = 'keep'): ImagePreset => ({
  animation,
  colour: 'srgb',
  renditions: [{ name: 'w', format: 'webp', width: 64 }],
});

const noise = (width: number, height: number) =>
  sharp({
    create: { width, height, channels: 3, background: '#777', noise: { type: 'gaussian', mean: 128, sigma: 40 } },
  });

function pngChunk(type: string, body: Buffer): Buffer {
  const chunk = Buffer.alloc(body.length + 12);
  chunk.writeUInt32BE(body.length, 0);
  chunk.write(type, 4, 'latin1');
  body.copy(chunk, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, body.length + 8)), body.length + 8);
  return chunk;
}

function pngOf(width: number, height: number, data: Buffer): Buffer {
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  return Buffer.concat([
    signature,
    pngChunk('IHDR', header),
    pngChunk('IDAT', data),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

const ftyp = (brand: string) => Buffer.from(`\0\0\0\x14ftyp${brand}\0\0\0\0${brand}`, 'latin1');

describe('by what the file is', () => {
  test.each<[string, Buffer, RegExp]>([
    ['text called .jpg', Buffer.from('just some words'), /plain text, whatever its name/],
    [
      'JPEG 2000',
      Buffer.from('\xff\x4f\xff\x51', 'latin1'),
      /a JPEG 2000, which is not read here; convert it to PNG or TIFF/,
    ],
    ['an AVIF animation', ftyp('avis'), /an AVIF animation/],
    ['a video', ftyp('isom'), /a video, MP4, not an image; submit it as kind "video"/],
    ['sound', Buffer.from('fLaC'), /a sound file, FLAC/],
    ['a playlist', Buffer.from('#EXTM3U\n/etc/passwd\n'), /playlist.*points at other files/],
    ['a list for ffmpeg', Buffer.from('ffconcat version 1.0\nfile /etc/passwd\n'), /ffconcat.*points at other files/],
    ['a web page', Buffer.from('<!doctype html><p>404'), /a web page \(HTML\), not an image/],
    ['an SVG, unasked for', Buffer.from('<svg/>'), /an SVG.*DARKROOM_ALLOW_SVG/],
    ['bytes of no known type', Buffer.from([1, 2, 3, 4, 0, 0, 0xfe]), /of no known type; send a JPEG/],
  ])('%s', async (_name, source, sentence) => {
    const error = await refusal(source);
    expect(error.type).toBe('UnsupportedMedia');
    expect(error.message).toMatch(sentence);
  });

  test.each([
    ['a file', '<image href="file:///etc/passwd"/>'],
    ['a host', '<image href="https://example.com/a.png"/>'],
  ])('an SVG that refers to %s, even where SVG is allowed', async (_name, body) => {
    const svg = Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">${body}</svg>`);
    const error = await refusal(svg, { allowSvg: true });
    expect([error.type, error.message]).toEqual([
      'UnsupportedMedia',
      'This SVG is refused because it refers to another file or host.',
    ]);
  });
});

describe('by the pictures inside of an SVG', () => {
  const drawing = (...pictures: Buffer[]) =>
    Buffer.from(
      `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">${pictures
        .map((bytes) => `<image href="data:image/png;base64,${bytes.toString('base64')}"/>`)
        .join('')}</svg>`,
    );
  const png = (side: number) => noise(side, side).png().toBuffer();

  test('which count together', async () => {
    const large = await png(80);
    const error = await refusal(drawing(large, large), { allowSvg: true, limits: { maxPixels: 12_000, maxFrames: 1 } });
    expect([error.type, error.message]).toEqual([
      'MediaTooLarge',
      'The pictures in this SVG have 12,800 pixels in all; at most 12,000 are read.',
    ]);
  });

  test.each([
    ['one that cannot be read', [Buffer.from('no picture')], 'a picture in it that cannot be read'],
    ['too many', Array<Buffer>(101).fill(Buffer.from('x')), 'more than 100 pictures in it'],
  ])('%s', async (_name, pictures, reason) => {
    const error = await refusal(drawing(...pictures), { allowSvg: true });
    expect([error.type, error.message]).toEqual(['UnsupportedMedia', `This SVG is refused because it has ${reason}.`]);
  });
});

describe('damage', () => {
  test.each<[string, () => Promise<Buffer>, ErrorType, RegExp]>([
    ['zero bytes', () => Promise.resolve(Buffer.alloc(0)), 'CorruptMedia', /^The file is empty\.$/],
    ['a JPEG cut in half', () => half(noise(300, 300).jpeg()), 'CorruptMedia', /^The JPEG is cut short/],
    ['a PNG cut in half', () => half(noise(300, 300).png()), 'CorruptMedia', /^The PNG is damaged or cut short/],
    ['a WebP cut in half', () => half(noise(300, 300).webp()), 'CorruptMedia', /^The WebP is/],
    ['a GIF cut in half', () => half(noise(300, 300).gif()), 'CorruptMedia', /^The GIF is/],
    ['a TIFF cut in half', () => half(noise(300, 300).tiff({ compression: 'none' })), 'CorruptMedia', /^The TIFF is/],
    ['an AVIF cut in half', () => half(noise(300, 300).avif({ effort: 0 })), 'CorruptMedia', /^The AVIF is/],
    [
      'a header alone',
      async () => (await noise(300, 300).jpeg().toBuffer()).subarray(0, 20),
      'CorruptMedia',
      /^The JPEG is/,
    ],
    ['a chunk that claims 4 GB', () => claim(noise(60, 60).png(), 'IDAT', -4), 'CorruptMedia', /^The PNG is/],
    ['a container that claims 4 GB', () => claim(noise(60, 60).webp(), 'VP8 ', 4), 'CorruptMedia', /^The WebP is/],
  ])('%s', async (_name, make, type, sentence) => {
    const error = await refusal(await make());
    expect(error.message).toMatch(sentence);
    expect(error.type).toBe(type);
  });

  async function half(image: sharp.Sharp): Promise<Buffer> {
    const whole = await image.toBuffer();
    return whole.subarray(0, whole.length / 2);
  }

  /** Writes the largest 32-bit number beside the first place where `mark` stands. */
  async function claim(image: sharp.Sharp, mark: string, offset: number): Promise<Buffer> {
    const whole = await image.toBuffer();
    whole.fill(0xff, whole.indexOf(mark) + offset, whole.indexOf(mark) + offset + 4);
    return whole;
  }
});

describe('size', () => {
  test('50,000 x 50,000 pixels in a few kB are refused by the header', async () => {
    const bomb = pngOf(50_000, 50_000, deflateSync(Buffer.alloc(1_000_000)));
    const error = await refusal(bomb, { limits: { maxPixels: 268_402_689, maxFrames: 20 } });
    expect(error.type).toBe('MediaTooLarge');
    expect(error.message).toContain('50,000 x 50,000 pixels');
  });

  test.each([
    ['keep', 'too many frames', 1, 30, /30 frames; at most 20/],
    ['first', 'too many frames', 1, 30, /30 frames; at most 20/],
    ['keep', 'too many pixels in all frames together', 400, 10, /10 frames of 400 x 400 pixels, 1,600,000 in all/],
  ] as const)('an animated bomb (animation: %s): %s', async (animation, _name, side, frames, sentence) => {
    const pages = await Promise.all(
      Array.from({ length: frames }, (_, n) => {
        const background = { r: n * 8, g: 0, b: 255 - n * 8 };
        return sharp({ create: { width: side, height: side, channels: 3, background } })
          .png()
          .toBuffer();
      }),
    );
    const gif = await sharp(pages, { join: { animated: true } })
      .gif()
      .toBuffer();
    const error = await refusal(gif, { preset: preset(animation) });
    expect(error.type).toBe('MediaTooLarge');
    expect(error.message).toMatch(sentence);
  });
});

describe('files', () => {
  test('a missing file', async () => {
    expect((await refusal(undefined)).type).toBe('SourceNotFound');
  });

  test('a folder', async () => {
    expect((await refusal(undefined, { input: folder })).type).toBe('SourceNotFound');
  });

  const full = process.platform === 'linux' ? test : test.skip;
  full('a full disk may have room again later', async () => {
    const outputDir = await mkdtemp(path.join(folder, 'full-'));
    const input = path.join(folder, 'good.jpg');
    await writeFile(input, await noise(64, 64).jpeg().toBuffer());
    await symlink('/dev/full', path.join(outputDir, 'w.webp'));
    const limits = { maxPixels: 1_000_000, maxFrames: 20 };
    const run = processImage({ input, outputDir, preset: preset(), limits, allowSvg: false });
    await expect(run).rejects.toMatchObject({
      type: 'StorageUnavailable',
      message: expect.stringContaining('disk is full'),
    });
  });
});
