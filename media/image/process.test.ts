import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { thumbHashToApproximateAspectRatio } from 'thumbhash';
import type { ImagePreset, ImageRenditionSpec } from '../presets/schema';
import { processImage } from './process';
import type { ImageFile, ImageOutcome } from './types';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'darkroom-image-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const png = (width?: number): ImageRenditionSpec => ({ name: `png-${width}`, format: 'png', width });

async function run(
  source: Buffer,
  renditions: ImageRenditionSpec[],
  preset: Partial<ImagePreset> = {},
  allowSvg = false,
): Promise<ImageOutcome> {
  const input = path.join(folder, 'in');
  await writeFile(input, source);
  const limits = { maxPixels: 10_000_000, maxFrames: 100 };
  const whole: ImagePreset = { animation: 'first', colour: 'srgb', renditions, ...preset };
  return processImage({ input, outputDir: folder, preset: whole, limits, allowSvg });
}

function only(outcome: ImageOutcome): ImageFile {
  expect(outcome.files).toHaveLength(1);
  return outcome.files[0]!;
}

/** Colour bands of one pixel. */
async function pixel(file: string, left: number, top: number): Promise<number[]> {
  return [...(await sharp(file).extract({ left, top, width: 1, height: 1 }).raw().toBuffer())];
}

function expectNear(actual: number[], expected: number[], tolerance = 8): void {
  expect(actual).toHaveLength(expected.length);
  actual.forEach((band, i) => expect(Math.abs(band - expected[i]!)).toBeLessThanOrEqual(tolerance));
}

const flat = (width: number, height: number, background: string) =>
  sharp({ create: { width, height, channels: 3, background } });

/** 80x40; the corners, clockwise from the top left, are red, green, blue, white. */
async function corners(): Promise<sharp.Sharp> {
  const at = async (background: string, left: number, top: number) => ({
    input: await flat(40, 20, background).png().toBuffer(),
    left,
    top,
  });
  const parts = [at('#f00', 0, 0), at('#0f0', 40, 0), at('#00f', 40, 20), at('#fff', 0, 20)];
  const whole = await flat(80, 40, '#000')
    .composite(await Promise.all(parts))
    .png()
    .toBuffer();
  return sharp(whole);
}

describe('orientation', () => {
  /** From EXIF's definition: where in the upright picture of W x H the stored pixel (row, column) belongs. */
  const [W, H] = [80, 40];
  const place: Record<number, (row: number, column: number) => [x: number, y: number]> = {
    1: (row, column) => [column, row],
    2: (row, column) => [W - 1 - column, row],
    3: (row, column) => [W - 1 - column, H - 1 - row],
    4: (row, column) => [column, H - 1 - row],
    5: (row, column) => [row, column],
    6: (row, column) => [W - 1 - row, column],
    7: (row, column) => [W - 1 - row, H - 1 - column],
    8: (row, column) => [row, H - 1 - column],
  };

  async function stored(orientation: number): Promise<sharp.Sharp> {
    const upright = await (await corners()).removeAlpha().raw().toBuffer();
    const [width, height] = orientation < 5 ? [W, H] : [H, W];
    const pixels = Buffer.alloc(upright.length);
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const [x, y] = place[orientation]!(row, column);
        upright.copy(pixels, (row * width + column) * 3, (y * W + x) * 3, (y * W + x) * 3 + 3);
      }
    }
    return sharp(pixels, { raw: { width, height, channels: 3 } });
  }

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('EXIF orientation %i comes out upright', async (orientation) => {
    const image = (await stored(orientation)).withMetadata({ orientation });
    const jpeg = await image.jpeg({ quality: 95, chromaSubsampling: '4:4:4' }).toBuffer();
    const outcome = await run(jpeg, [png(80)]);
    const { file, width, height } = only(outcome);
    expect([width, height]).toEqual([80, 40]);
    expect(outcome.source).toMatchObject({ format: 'jpeg', width: 80, height: 40 });
    expectNear(await pixel(file, 5, 5), [255, 0, 0]);
    expectNear(await pixel(file, 75, 5), [0, 255, 0]);
    expectNear(await pixel(file, 75, 35), [0, 0, 255]);
    expectNear(await pixel(file, 5, 35), [255, 255, 255]);
    expect((await sharp(file).metadata()).orientation).toBeUndefined();
  });
});

describe('colour', () => {
  test.each<[string, () => Promise<Buffer>, number[]]>([
    ['8-bit RGB', () => flat(32, 32, '#c86432').png().toBuffer(), [200, 100, 50]],
    ['16-bit RGB', () => flat(32, 32, '#c86432').toColourspace('rgb16').png().toBuffer(), [200, 100, 50]],
    [
      '16-bit Display P3',
      () => flat(32, 32, '#c86432').toColourspace('rgb16').withIccProfile('p3').png().toBuffer(),
      [200, 100, 50],
    ],
    ['Display P3', () => flat(32, 32, '#c86432').withIccProfile('p3').png().toBuffer(), [200, 100, 50]],
    ['CMYK', () => flat(32, 32, '#808080').toColourspace('cmyk').jpeg({ quality: 95 }).toBuffer(), [128, 128, 128]],
    ['grey', () => flat(32, 32, '#646464').toColourspace('b-w').png().toBuffer(), [100, 100, 100]],
    ['AVIF', () => flat(32, 32, '#c86432').avif({ quality: 90 }).toBuffer(), [200, 100, 50]],
    ['TIFF', () => flat(32, 32, '#c86432').tiff({ compression: 'lzw' }).toBuffer(), [200, 100, 50]],
    ['GIF', () => flat(32, 32, '#c86432').gif().toBuffer(), [200, 100, 50]],
    ['WebP', () => flat(32, 32, '#c86432').webp({ quality: 95 }).toBuffer(), [200, 100, 50]],
  ])('%s becomes 8-bit sRGB without a profile', async (_name, make, expected) => {
    const { file } = only(await run(await make(), [png(16)]));
    expect(await sharp(file).metadata()).toMatchObject({ depth: 'uchar', hasProfile: false, width: 16 });
    expectNear((await pixel(file, 8, 8)).slice(0, 3), expected, 16);
  });

  test('a wide-gamut profile stays where the preset keeps it, and the numbers with it', async () => {
    const source = await flat(32, 32, '#c86432').withIccProfile('p3').png().toBuffer();
    const stored = await sharp(source, { ignoreIcc: true }).raw().toBuffer();
    const { file } = only(await run(source, [png(16)], { colour: 'keep' }));
    expect((await sharp(file).metadata()).hasProfile).toBe(true);
    expectNear(
      [...(await sharp(file, { ignoreIcc: true }).raw().toBuffer())].slice(0, 3),
      [...stored.subarray(0, 3)],
      2,
    );
  });
});

test('what a photo says about its owner is left out', async () => {
  const jpeg = await flat(64, 64, '#444')
    .withExif({ IFD0: { Artist: 'Somebody' }, IFD3: { GPSLatitude: '51/1 30/1 0/1', GPSLatitudeRef: 'N' } })
    .jpeg()
    .toBuffer();
  expect((await sharp(jpeg).metadata()).exif).toBeDefined();
  const formats = ['webp', 'avif', 'jpeg', 'png'] as const;
  const outcome = await run(
    jpeg,
    formats.map((format) => ({ name: format, format, width: 32 })),
  );
  expect(outcome.files.map(({ mime }) => mime)).toEqual(formats.map((format) => `image/${format}`));
  for (const { file } of outcome.files) {
    const { exif, xmp, iptc } = await sharp(file).metadata();
    expect([exif, xmp, iptc]).toEqual([undefined, undefined, undefined]);
    expect((await readFile(file)).includes('Somebody')).toBe(false);
  }
});

test('never enlarges, and says size, bytes and hash of what was written', async () => {
  const outcome = await run(await flat(100, 60, '#080').jpeg().toBuffer(), [png(50), { ...png(640), name: 'large' }]);
  expect(outcome.files.map(({ width, height }) => [width, height])).toEqual([
    [50, 30],
    [100, 60],
  ]);
  for (const { file, bytes, sha256 } of outcome.files) {
    const written = await readFile(file);
    expect(path.dirname(file)).toBe(folder);
    expect(bytes).toBe(written.length);
    expect(sha256).toBe(createHash('sha256').update(written).digest('hex'));
  }
  expect(Object.keys(outcome.timings).sort()).toEqual(['decode', 'large', 'placeholder', 'png-50']);
});

test('transparency is kept in WebP, AVIF and PNG, and becomes white in JPEG', async () => {
  const source = await sharp({
    create: { width: 40, height: 40, channels: 4, background: { r: 255, g: 0, b: 0, alpha: 0 } },
  })
    .png()
    .toBuffer();
  const formats = ['webp', 'avif', 'png', 'jpeg'] as const;
  const { files } = await run(
    source,
    formats.map((format) => ({ name: format, format, width: 20 })),
  );
  for (const { file, format } of files) {
    const corner = await pixel(file, 3, 3);
    if (format === 'jpeg') expectNear(corner, [255, 255, 255], 2);
    else expect(corner[3]).toBeLessThanOrEqual(2);
  }
});

test('JPEG is progressive', async () => {
  const { file } = only(
    await run(await flat(64, 64, '#123').png().toBuffer(), [{ name: 'j', format: 'jpeg', width: 64 }]),
  );
  expect((await sharp(file).metadata()).isProgressive).toBe(true);
});

describe('animation', () => {
  const frames = async () =>
    Promise.all(['#f00', '#0f0', '#00f'].map((background) => flat(40, 30, background).png().toBuffer()));
  const gif = async () =>
    sharp(await frames(), { join: { animated: true } })
      .gif({ loop: 3, delay: [100, 200, 300] })
      .toBuffer();
  const webp: ImageRenditionSpec = { name: 'w', format: 'webp', width: 20, quality: 90 };

  test('kept: WebP has the frames, their delays and the loop count', async () => {
    const outcome = await run(await gif(), [webp, png(20)], { animation: 'keep' });
    const [moving, still] = outcome.files;
    expect(outcome.source).toEqual({ format: 'gif', width: 40, height: 30, pages: 3 });
    expect(moving).toMatchObject({ width: 20, height: 15, frames: 3 });
    expect(await sharp(moving!.file).metadata()).toMatchObject({ pages: 3, delay: [100, 200, 300], loop: 3 });
    const colours = [255, 0, 0];
    for (let page = 0; page < 3; page++) {
      const frame = await sharp(moving!.file, { page }).removeAlpha().raw().toBuffer();
      expectNear(
        [...frame.subarray(0, 3)],
        [0, 1, 2].map((band) => colours[(band - page + 3) % 3]!),
        24,
      );
    }
    expect(still).toMatchObject({ width: 20, height: 15 });
    expect((await sharp(still!.file).metadata()).pages ?? 1).toBe(1);
    expect(outcome.warnings).toEqual([
      'Only the first frame is in png-20: of the formats, only webp, avif, gif, mp4 and webm keep the movement here.',
    ]);
    expectNear((await pixel(still!.file, 2, 2)).slice(0, 3), [255, 0, 0]);
  });

  test('kept in GIF: frames, delays, loop count and colours', async () => {
    const gifOut: ImageRenditionSpec = { name: 'g', format: 'gif', width: 20 };
    const { file, frames: count, mime } = only(await run(await gif(), [gifOut], { animation: 'keep' }));
    expect([count, mime]).toEqual([3, 'image/gif']);
    expect(await sharp(file).metadata()).toMatchObject({ format: 'gif', pages: 3, delay: [100, 200, 300], loop: 3 });
    const second = await sharp(file, { page: 1 }).removeAlpha().raw().toBuffer();
    expectNear([...second.subarray(0, 3)], [0, 255, 0], 24);
  });

  test('kept for animated WebP too', async () => {
    const source = await sharp(await gif(), { animated: true })
      .webp({ lossless: true })
      .toBuffer();
    expect(only(await run(source, [webp], { animation: 'keep' }))).toMatchObject({ frames: 3 });
  });

  test('first: a still', async () => {
    const { file, frames: count } = only(await run(await gif(), [webp]));
    expect(count).toBeUndefined();
    expect((await sharp(file).metadata()).pages ?? 1).toBe(1);
  });
});

test('the first page of a TIFF is used, with a warning', async () => {
  const pages = [await flat(20, 20, '#f00').png().toBuffer(), await flat(20, 20, '#00f').png().toBuffer()];
  const outcome = await run(
    await sharp(pages, { join: { animated: true } })
      .tiff()
      .toBuffer(),
    [png(20)],
  );
  expect(outcome.warnings).toEqual([expect.stringContaining('2 pages')]);
  expectNear((await pixel(only(outcome).file, 5, 5)).slice(0, 3), [255, 0, 0]);
});

test('SVG is rasterised where the task allows it', async () => {
  const svg = Buffer.from(
    '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><rect width="40" height="20" fill="#0f0"/></svg>',
  );
  const outcome = await run(svg, [png(640)], {}, true);
  expect(outcome.source).toEqual({ format: 'svg', width: 40, height: 20 });
  expectNear((await pixel(only(outcome).file, 20, 10)).slice(0, 3), [0, 255, 0], 1);
});

test('a JPEG with junk that decoders forgive passes, with a warning', async () => {
  const jpeg = await flat(64, 64, '#369').jpeg().toBuffer();
  const tables = jpeg.indexOf(Buffer.from([0xff, 0xc4]));
  const junk = Buffer.concat([jpeg.subarray(0, tables), Buffer.from('junk!'), jpeg.subarray(tables)]);
  const outcome = await run(junk, [png(32)]);
  expect(outcome.warnings).toEqual([expect.stringContaining('extraneous bytes')]);
});

test('the placeholder has the shape and the dominant colour of the image', async () => {
  const picture = await flat(300, 150, '#204080')
    .composite([{ input: await flat(60, 60, '#ff0').png().toBuffer() }])
    .png()
    .toBuffer();
  const { placeholder } = await run(picture, [png(200)]);
  expect(thumbHashToApproximateAspectRatio(Buffer.from(placeholder.thumbhash, 'base64'))).toBeGreaterThan(1.5);
  const channels = [1, 3, 5].map((at) => Number.parseInt(placeholder.dominant.slice(at, at + 2), 16));
  expectNear(channels, [0x20, 0x40, 0x80]);
});
