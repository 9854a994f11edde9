import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import type { ImagePreset, ImageRenditionSpec } from '../presets/schema';
import { ImagePool } from './pool';

/** Decodes with the package's own decoder, in a process of its own, since Jest takes no modules such as the package's. */
const DECODER = `
import decode, { init } from '@jsquash/jxl/decode.js';
import { readFileSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
const require = createRequire(process.cwd() + '/');
await init({ wasmBinary: readFileSync(require.resolve('@jsquash/jxl/codec/dec/jxl_dec.wasm')) });
const { width, height, data } = await decode(readFileSync(process.argv[1]));
const bytes = Buffer.concat([Buffer.from(new Uint32Array([width, height]).buffer), Buffer.from(data)]);
for (let at = 0; at < bytes.length;) at += writeSync(1, bytes, at);
`;

function decode(file: string): { width: number; height: number; pixels: Buffer } {
  const args = ['--input-type=module', '-e', DECODER, file];
  const bytes = execFileSync(process.execPath, args, { maxBuffer: 2 ** 26 });
  return { width: bytes.readUInt32LE(0), height: bytes.readUInt32LE(4), pixels: bytes.subarray(8) };
}

let folder: string;
let pool: ImagePool;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'darkroom-jxl-'));
  pool = new ImagePool({ size: 1, timeoutMs: 60_000, maxRssBytes: 2 ** 30 });
});
afterAll(async () => {
  await pool.close();
  await rm(folder, { recursive: true, force: true });
});

/** As a worker makes them: in a child process. */
async function make(source: Buffer, specs: Partial<ImageRenditionSpec>[], changes: Partial<ImagePreset> = {}) {
  const input = path.join(folder, 'in');
  await writeFile(input, source);
  const renditions = specs.map((spec, index) => ({ name: `r${index}`, format: 'jxl' as const, width: 96, ...spec }));
  const preset: ImagePreset = { animation: 'first', colour: 'srgb', renditions, ...changes };
  const limits = { maxPixels: 10_000_000, maxFrames: 100 };
  return pool.run({ input, outputDir: folder, preset, limits, allowSvg: false });
}

/** Red at the left, half-transparent blue at the right, with detail that costs bytes. */
async function picture(): Promise<Buffer> {
  const { data, info } = await sharp({ create: { width: 96, height: 64, channels: 4, background: '#f00' } })
    .composite([
      {
        input: await sharp({ create: { width: 48, height: 64, channels: 4, background: '#00f8' } })
          .png()
          .toBuffer(),
        left: 48,
        top: 0,
        blend: 'source',
      },
    ])
    .raw()
    .toBuffer({ resolveWithObject: true });
  for (let at = 0; at < data.length; at += 4) data[at + 1] = (at * 7919) % 61;
  return sharp(data, { raw: info }).png().toBuffer();
}

const pixelAt = ({ width, pixels }: ReturnType<typeof decode>, x: number, y: number) => [
  ...pixels.subarray(4 * (y * width + x), 4 * (y * width + x) + 4),
];

test('without loss every pixel is as it was, the alpha channel too', async () => {
  const source = await picture();
  const [made] = (await make(source, [{ lossless: true }])).files;
  expect(made).toMatchObject({ format: 'jxl', mime: 'image/jxl', width: 96, height: 64 });
  expect(path.basename(made?.file ?? '')).toBe('r0.jxl');
  const decoded = decode(made?.file ?? '');
  expect([decoded.width, decoded.height]).toEqual([96, 64]);
  expect(decoded.pixels.equals(await sharp(source).ensureAlpha().raw().toBuffer())).toBe(true);
});

test('a higher quality is larger and nearer to the source', async () => {
  const noise = { type: 'gaussian' as const, mean: 128, sigma: 20 };
  const source = await sharp({ create: { width: 96, height: 96, channels: 3, background: '#000', noise } })
    .blur(1)
    .png()
    .toBuffer();
  const pixels = await sharp(source).ensureAlpha().raw().toBuffer();
  const { files } = await make(source, [{ quality: 40 }, { quality: 70 }, { quality: 95 }]);
  const bytes = files.map((file) => file.bytes);
  const errors = files.map(({ file }) => {
    const decoded = decode(file).pixels;
    return pixels.reduce((sum, value, at) => sum + (value - (decoded[at] ?? 0)) ** 2, 0);
  });
  expect(bytes).toEqual(bytes.toSorted((a, b) => a - b));
  expect(errors).toEqual(errors.toSorted((a, b) => b - a));
  expect(new Set(bytes).size).toBe(3);
  for (const { file, bytes: stated } of files) expect((await stat(file)).size).toBe(stated);
});

test('a wide-gamut source becomes sRGB, also where the preset keeps its profile for other formats', async () => {
  const flat = sharp({ create: { width: 32, height: 32, channels: 3, background: '#50a060' } });
  const source = await flat.withIccProfile('p3').png().toBuffer();
  const { files } = await make(source, [{ lossless: true }, { format: 'png' }], { colour: 'keep' });
  const [jxl, png] = files.map(({ file }) => file);
  const [red = 0, green = 0, blue = 0] = pixelAt(decode(jxl ?? ''), 9, 9);
  // The same colour has other numbers in the profile that the PNG keeps.
  const kept = [...(await sharp(png, { ignoreIcc: true }).raw().toBuffer()).subarray(0, 3)];
  expect((await sharp(png).metadata()).icc).toBeDefined();
  expect(kept).not.toEqual([red, green, blue]);
  for (const [value, wanted] of [
    [red, 0x50],
    [green, 0xa0],
    [blue, 0x60],
  ] as const)
    // prettier-ignore
    expect(Math.abs(value - wanted)).toBeLessThanOrEqual(2);
});

test('a grey picture is grey, and as transparent as it was', async () => {
  const [made] = (await make(await picture(), [{ lossless: true, greyscale: true }])).files;
  const [red, green, blue, alpha] = pixelAt(decode(made?.file ?? ''), 80, 9);
  expect([green, blue, alpha]).toEqual([red, red, 0x88]);
});

test('JPEG XL is read: upright sRGB pixels with their alpha channel', async () => {
  const source = await picture();
  const [made] = (await make(source, [{ lossless: true }])).files;
  const again = await make(await readFile(made?.file ?? ''), [{ format: 'png' }]);
  expect(again.source).toMatchObject({ format: 'jxl', width: 96, height: 64 });
  const pixels = await sharp(again.files[0]?.file).ensureAlpha().raw().toBuffer();
  expect(pixels.equals(await sharp(source).ensureAlpha().raw().toBuffer())).toBe(true);
});

test('a JPEG XL that is cut, too large or damaged is one sentence, and the next one is read', async () => {
  const [made] = (await make(await picture(), [{}])).files;
  const bytes = await readFile(made?.file ?? '');
  const refusal = (source: Buffer) => make(source, [{ format: 'png' }]).catch((error: Error) => error.message);
  expect(await refusal(bytes.subarray(0, bytes.length / 2))).toBe('The JPEG XL is damaged or cut short.');
  expect(await refusal(bytes.subarray(0, 3))).toMatch(/its header makes no sense/);
  // 2^30 pixels a side, by the longest way to write a size.
  const huge = Buffer.concat([Buffer.from([0xff, 0x0a, 0xfe, 0xff, 0xff, 0xff, 0x0f]), Buffer.alloc(60)]);
  expect(await refusal(huge)).toMatch(/^The JPEG XL has \d+ x \d+ pixels; at most/);
  expect(await refusal(bytes)).toMatchObject({ source: { width: 96, height: 64 } });
});
