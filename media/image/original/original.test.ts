import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import type { ImagePreset, ImageRenditionSpec } from '../../presets/schema';
import { processImage } from '../process';
import type { ImageFile } from '../types';
import { stripped } from './strip';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'darkroom-original-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const SECRET = 'here lives Jane';
const exif = {
  IFD0: { Artist: SECRET, Copyright: 'Jane' },
  IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '51/1 30/1 0/1' },
};

/** A picture that a poor encoding makes much smaller than a good one. */
const noisy = (width = 120): sharp.Sharp =>
  sharp({
    create: { width, height: 80, channels: 3, background: '#777', noise: { type: 'gaussian', mean: 128, sigma: 60 } },
  });

/** Sources with private words in every place that their format has for some. */
const SOURCES: Record<'jpeg' | 'png' | 'webp', () => Promise<Buffer>> = {
  jpeg: async () => {
    const file = await noisy().withExif(exif).withXmp(`<x>${SECRET}</x>`).jpeg({ quality: 20 }).toBuffer();
    const comment = Buffer.concat([Buffer.from([0xff, 0xfe, 0, SECRET.length + 2]), Buffer.from(SECRET)]);
    return Buffer.concat([file.subarray(0, 2), comment, file.subarray(2), Buffer.from(SECRET)]);
  },
  png: async () => {
    const file = await noisy().png({ compressionLevel: 9, palette: true, colours: 4 }).withExif(exif).toBuffer();
    return Buffer.concat([
      file.subarray(0, 33),
      chunk('tEXt', `Comment\0${SECRET}`),
      file.subarray(33),
      Buffer.from(SECRET),
    ]);
  },
  webp: async () => {
    const file = await noisy().withExif(exif).withXmp(`<x>${SECRET}</x>`).webp({ quality: 5 }).toBuffer();
    return Buffer.concat([file, Buffer.from(SECRET)]);
  },
};

function chunk(type: string, text: string): Buffer {
  const body = Buffer.from(`${type}${text}`, 'latin1');
  const bytes = Buffer.alloc(body.length + 8);
  bytes.writeUInt32BE(body.length - 4);
  body.copy(bytes, 4);
  // A checksum that readers of text do not look at.
  return bytes;
}

async function run(source: Buffer, spec: Partial<ImageRenditionSpec>, over: Partial<ImagePreset> = {}) {
  const input = path.join(folder, 'in');
  await writeFile(input, source);
  const renditions = [{ name: 'out', format: 'jpeg', width: 640, ...spec } as ImageRenditionSpec];
  const preset: ImagePreset = { animation: 'first', colour: 'srgb', renditions, ...over };
  const limits = { maxPixels: 10_000_000, maxFrames: 100 };
  const { files } = await processImage({ input, outputDir: folder, preset, limits, allowSvg: false });
  return { ...(files[0] as ImageFile), data: await readFile(files[0]!.file) };
}
const pixels = (file: Buffer): Promise<Buffer> => sharp(file).raw().toBuffer();

describe.each(Object.entries(SOURCES))('%s', (name, make) => {
  const format = name as keyof typeof SOURCES;

  test('a source that would only grow is passed on, without a word of its metadata', async () => {
    const source = await make();
    const file = await run(source, { format, quality: 100 });
    expect(file).toMatchObject({ original: true, width: 120, height: 80 });
    expect(file.data.length).toBeLessThan(source.length);
    expect((await pixels(file.data)).equals(await pixels(source))).toBe(true);
    expect(file.data.includes(SECRET)).toBe(false);
    const { exif: left, xmp, icc, comments } = await sharp(file.data).metadata();
    expect([left, xmp, icc, comments]).toEqual([undefined, undefined, undefined, undefined]);
  });

  test('it is encoded when it becomes smaller, when asked for, and when anything is to be done', async () => {
    const large = await noisy()[format]({ quality: 100 }).toBuffer();
    if (format !== 'png') expect((await run(large, { format, quality: 5 })).original).toBeUndefined();
    const source = await make();
    for (const spec of [{ larger: true }, { width: 60 }, { greyscale: true }, { trim: 10 }, { pad: 4 }] as const) {
      expect([spec, (await run(source, { format, quality: 100, ...spec })).original]).toEqual([spec, undefined]);
    }
    const other = format === 'png' ? 'webp' : 'png';
    expect((await run(source, { format: other })).original).toBeUndefined();
    expect((await run(source, { format }, { crop: { x: 0, y: 0, width: 0.5, height: 1 } })).original).toBeUndefined();
  });

  test('what the preset keeps of the metadata is kept, and no more', async () => {
    const file = await run(await make(), { format, quality: 100 }, { metadata: 'copyright' });
    expect(file.original).toBe(true);
    const { exif: left } = await sharp(file.data).metadata();
    expect(left?.includes('Jane')).toBe(true);
    expect(left?.includes('GPS') || file.data.includes('<x>')).toBe(false);
  });
});

test('what has to be turned or converted is encoded', async () => {
  const poor = { quality: 5 };
  const turned = await noisy().withMetadata({ orientation: 6 }).jpeg(poor).toBuffer();
  const wide = await noisy().withIccProfile('p3').jpeg(poor).toBuffer();
  const ink = await noisy().toColourspace('cmyk').jpeg(poor).toBuffer();
  for (const source of [turned, wide, ink]) expect((await run(source, { quality: 100 })).original).toBeUndefined();
});

test('a file that is cut short or built otherwise is not taken apart', async () => {
  const [jpeg, png, webp] = await Promise.all([SOURCES.jpeg(), SOURCES.png(), SOURCES.webp()]);
  expect(stripped('jpeg', jpeg.subarray(0, 300))).toBeUndefined();
  expect(stripped('png', png.subarray(0, 60))).toBeUndefined();
  expect(stripped('webp', webp.subarray(0, 60))).toBeUndefined();
  expect(stripped('png', Buffer.concat([png.subarray(0, 33), deflateSync('x')]))).toBeUndefined();
  expect(stripped('jpeg', Buffer.from([0xff, 0xd8, 0xff, 0xc0, 0xff]))).toBeUndefined();
  expect(stripped('avif', jpeg)).toBeUndefined();
});
