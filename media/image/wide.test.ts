import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { parsePreset } from '../presets';
import type { ImagePreset, ImageRenditionSpec } from '../presets/schema';
import { toTiff } from './foreign/tiff';
import { colourAvif } from './metadata/avif';
import { processImage } from './process';
import { p3Profile } from './wide';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'darkroom-wide-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** 80 x 40 px in Display P3: on the left a red, on the right a green that sRGB does not have. */
async function wide(): Promise<Buffer> {
  const rgba = new Uint8Array(80 * 40 * 4);
  for (let at = 0; at < 80 * 40; at++) rgba.set(at % 80 < 40 ? [240, 20, 20, 255] : [20, 220, 30, 255], at * 4);
  return toTiff(rgba, { width: 80, height: 40 }, await p3Profile());
}

/** With an EXIF block that says nothing but how the picture is turned. */
function turned(jpeg: Buffer, orientation: number): Buffer {
  const folder = `\x01\0\x12\x01\x03\0\x01\0\0\0${String.fromCharCode(orientation)}\0\0\0\0\0\0\0`;
  const exif = Buffer.from(`\xff\xe1\0\0Exif\0\0II*\0\x08\0\0\0${folder}`, 'latin1');
  exif.writeUInt16BE(exif.length - 2, 2);
  return Buffer.concat([jpeg.subarray(0, 2), exif, jpeg.subarray(2)]);
}

async function make(source: Buffer, specs: Partial<ImageRenditionSpec>[], colour: ImagePreset['colour']) {
  const outputDir = await mkdtemp(path.join(folder, 'run-'));
  const input = path.join(outputDir, 'in');
  await writeFile(input, source);
  const renditions = specs.map((spec, i): ImageRenditionSpec => ({ name: `r${i}`, format: 'png', width: 40, ...spec }));
  const preset: ImagePreset = { animation: 'first', colour, renditions };
  const limits = { maxPixels: 10_000_000, maxFrames: 100 };
  const { files, warnings } = await processImage({ input, outputDir, preset, limits, allowSvg: false });
  return { files: files.map(({ file }) => file), warnings };
}

/** The numbers in the file on the left and on the right, and its profile. */
async function stored(file: string): Promise<{ left: number[]; right: number[]; profile: number | undefined }> {
  const { icc } = await sharp(file).metadata();
  const { data, info } = await sharp(file, { ignoreIcc: true }).raw().toBuffer({ resolveWithObject: true });
  const at = (x: number) => {
    const start = (Math.floor(info.height / 2) * info.width + x) * info.channels;
    return [...data.subarray(start, start + 3)];
  };
  return { left: at(Math.floor(info.width / 4)), right: at(Math.floor((info.width * 3) / 4)), profile: icc?.length };
}

function expectNear(actual: number[], expected: number[], tolerance: number) {
  expect(actual.map((value, n) => Math.abs(value - expected[n]!) <= tolerance)).toEqual([true, true, true]);
}

const SPECS: [string, Partial<ImageRenditionSpec>][] = [
  ['PNG', {}],
  ['JPEG', { format: 'jpeg', quality: 95 }],
  ['WebP', { format: 'webp', quality: 95 }],
  ['AVIF', { format: 'avif', quality: 90 }],
  ['within bytes', { format: 'jpeg', quality: 95, maxBytes: 50_000 }],
  ['as like as asked for', { format: 'webp', target: { ssim: 0.99 } }],
  ['with a border, sharpened', { pad: 4, background: '#ffffff', sharpen: 0.5 }],
];

describe.each(['p3', 'keep'] as const)('colour: %s', (colour) => {
  test.each(SPECS)('%s: the numbers and the profile are those of Display P3', async (_name, spec) => {
    const { files } = await make(await wide(), [spec], colour);
    const { left, right, profile } = await stored(files[0]!);
    expect(profile).toBe((await p3Profile()).length);
    // A green of the edge that WebP and JPEG round in YCbCr.
    expectNear(left, [240, 20, 20], 9);
    expectNear(right, [20, 220, 30], 9);
  });

  test.each([3, 6])('at its own size, turned by EXIF (%s)', async (orientation) => {
    const large = sharp(await wide())
      .resize(600, 400, { kernel: 'nearest', fit: 'fill' })
      .keepIccProfile();
    const source = turned(await large.jpeg({ quality: 95, chromaSubsampling: '4:4:4' }).toBuffer(), orientation);
    const { files } = await make(source, [{ width: 600, height: 600, rotate: orientation === 6 ? 90 : undefined }], colour); // prettier-ignore
    const { left, right, profile } = await stored(files[0]!);
    expect(profile).toBe((await p3Profile()).length);
    expectNear(left, [20, 220, 30], 9);
    expectNear(left, [20, 220, 30], 9);
    expectNear(right, [240, 20, 20], 9);
  });

  test('formats and looks without a profile are sRGB', async () => {
    const { files } = await make(await wide(), [{ format: 'gif' }, { greyscale: true }], colour);
    const [gif, grey] = await Promise.all(files.map(stored));
    expectNear(gif!.left, [255, 0, 0], 12);
    expect([gif!.profile, grey!.profile]).toEqual([undefined, undefined]);
  });
});

test('srgb: what sRGB does not have becomes its nearest', async () => {
  const { files } = await make(await wide(), [{}], 'srgb');
  const { left, profile } = await stored(files[0]!);
  expectNear(left, [255, 0, 0], 12);
  expect(profile).toBeUndefined();
});

test.each([8, 16])('p3 of sRGB of %s bits: other numbers, the same colour', async (bits) => {
  const flat = sharp({ create: { width: 80, height: 40, channels: 3, background: '#c86432' } });
  const plain = await (bits === 16 ? flat.toColourspace('rgb16') : flat).png().toBuffer();
  expect((await sharp(plain).metadata()).bitsPerSample).toBe(bits);
  const { files } = await make(plain, [{}], 'p3');
  const { left, profile } = await stored(files[0]!);
  expect(profile).toBeDefined();
  // sRGB 200, 100, 50 in Display P3, by the matrices of both.
  expectNear(left, [189, 105, 61], 4);
  const back = await sharp(files[0]).toColourspace('srgb').raw().toBuffer();
  expectNear([...back.subarray(0, 3)], [200, 100, 50], 4);
});

test('an AVIF that names its colours by numbers, without a profile', async () => {
  const rgba = { width: 80, height: 40, channels: 3 } as const;
  const pixels = Buffer.alloc(80 * 40 * 3);
  for (let at = 0; at < 80 * 40; at++) pixels.set([234, 51, 35], at * 3);
  const avif = await sharp(pixels, { raw: rgba }).avif({ quality: 95, chromaSubsampling: '4:4:4' }).toBuffer();
  const marked = colourAvif(avif, { primaries: 12, transfer: 13, matrix: 6 });
  const [srgb] = (await make(marked, [{}], 'srgb')).files;
  // Display P3 234, 51, 35 is the brightest red of sRGB.
  expectNear((await stored(srgb!)).left, [255, 0, 0], 12);
  const [p3] = (await make(marked, [{}], 'p3')).files;
  expectNear((await stored(p3!)).left, [234, 51, 35], 9);
  expect((await stored(p3!)).profile).toBeDefined();
});

test('p3 where no rendition can hold it is refused', () => {
  const yaml = 'image: { colour: p3, renditions: [{ name: a, format: gif, width: 64 }] }';
  expect(() => parsePreset('a', yaml)).toThrow(
    'presets/a.yaml: image.colour: `p3` needs a rendition with format jpeg, png, webp and avif: the others hold no profile',
  );
});
