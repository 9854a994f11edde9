import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { parsePreset } from '../presets';
import type { ImageRenditionSpec } from '../presets/schema';
import { mainPicture } from './foreign/iso';
import { colourAvif } from './metadata/avif';
import { embed } from './metadata/embed';
import { processImage } from './process';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'darkroom-hdr-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const [PQ, HLG] = [16, 18];
const SIZE = { width: 96, height: 48 };

/** Dark on the left, far brighter than white on the right; of 65535. */
async function source(transfer: number, bitdepth: 10 | 12 = 10): Promise<Buffer> {
  const values = new Uint16Array(SIZE.width * SIZE.height * 3);
  for (let at = 0; at < SIZE.width * SIZE.height; at++) {
    values.set(at % SIZE.width < SIZE.width / 2 ? [20_000, 16_000, 12_000] : [50_000, 48_000, 40_000], at * 3);
  }
  const picture = sharp(values, { raw: { ...SIZE, channels: 3 } });
  const avif = await picture
    .toColourspace('rgb16')
    .avif({ quality: 90, bitdepth, chromaSubsampling: '4:4:4' })
    .toBuffer();
  return colourAvif(avif, { primaries: 9, transfer, matrix: 6 });
}

async function make(bytes: Buffer, specs: Partial<ImageRenditionSpec>[]) {
  const outputDir = await mkdtemp(path.join(folder, 'run-'));
  const input = path.join(outputDir, 'in');
  await writeFile(input, bytes);
  const renditions = specs.map((spec, i): ImageRenditionSpec => ({
    name: `r${i}`,
    format: 'avif',
    width: 48,
    ...spec,
  }));
  const limits = { maxPixels: 1_000_000, maxFrames: 10 };
  const preset = { animation: 'first', colour: 'srgb', renditions } as const;
  const { files, warnings } = await processImage({ input, outputDir, preset, limits, allowSvg: false });
  return { data: await Promise.all(files.map(({ file }) => readFile(file))), warnings };
}

/** Numbers of a pixel, of 65535, and bits. */
async function pixel(avif: Buffer, share: number): Promise<number[]> {
  const { data, info } = await sharp(avif)
    .toColourspace('rgb16')
    .raw({ depth: 'ushort' })
    .toBuffer({ resolveWithObject: true });
  const values = new Uint16Array(data.buffer, data.byteOffset, data.length / 2);
  const at = (Math.floor(info.height / 2) * info.width + Math.floor(info.width * share)) * info.channels;
  return [...values.subarray(at, at + 3)];
}

const near = (actual: number[], expected: number[], tolerance: number) =>
  actual.map((value, n) => Math.abs(value - expected[n]!) <= tolerance);

test.each([
  [PQ, 10],
  [HLG, 10],
  [PQ, 12],
] as const)('transfer %d in %d bits stays what it is: numbers, bits, and what they mean', async (transfer, bits) => {
  const { data, warnings } = await make(await source(transfer, bits), [{ hdr: 'keep', quality: 80 }]);
  const [kept] = data as [Buffer];
  expect(warnings).toEqual([]);
  expect(mainPicture(kept)).toMatchObject({ width: 48, height: 24, cicp: { primaries: 9, transfer } });
  expect(await sharp(kept).metadata()).toMatchObject({ bitsPerSample: bits, depth: 'ushort', hasProfile: false });
  // Of 65535: 1 % of the range.
  expect(near(await pixel(kept, 0.25), [20_000, 16_000, 12_000], 700)).toEqual([true, true, true]);
  expect(near(await pixel(kept, 0.75), [50_000, 48_000, 40_000], 700)).toEqual([true, true, true]);
});

test('read again, it is tone-mapped to what its source is tone-mapped to', async () => {
  const bytes = await source(PQ);
  const { data, warnings } = await make(bytes, [
    { hdr: 'keep', quality: 90 },
    { name: 'sdr', format: 'png' },
  ]);
  expect(warnings).toEqual(['The picture is HDR; in sdr it was tone-mapped to SDR.']);
  const [again] = (await make(data[0]!, [{ format: 'png' }])).data;
  const at = async (png: Buffer, x: number) => {
    const pixels = await sharp(png).removeAlpha().raw().toBuffer();
    return [...pixels.subarray((12 * 48 + x) * 3, (12 * 48 + x) * 3 + 3)];
  };
  for (const x of [12, 36]) expect(near(await at(again!, x), await at(data[1]!, x), 6)).toEqual([true, true, true]);
});

test('crops, turns and metadata', async () => {
  const spec = { hdr: 'keep', fit: 'cover', width: 24, height: 48, gravity: 'east', rotate: 90, quality: 80 } as const;
  const { data } = await make(await source(PQ), [spec]);
  expect(mainPicture(data[0]!)).toMatchObject({ width: 24, height: 48, cicp: { primaries: 9, transfer: PQ } });
  const marked = embed('avif', data[0]!, { xmp: Buffer.from('<x/>') });
  expect(mainPicture(marked).cicp).toEqual({ primaries: 9, transfer: PQ });
  expect((await sharp(marked).metadata()).xmp?.toString()).toBe('<x/>');
});

test('a source in SDR is as without the field', async () => {
  const plain = await sharp({ create: { ...SIZE, channels: 3, background: '#c86432' } })
    .png()
    .toBuffer();
  const { data, warnings } = await make(plain, [{ hdr: 'keep' }, {}]);
  expect(warnings).toEqual([]);
  expect(data[0]).toEqual(data[1]);
});

test.each([
  ['format: jpeg, hdr: keep', '`keep` is for avif only'],
  ['format: avif, hdr: keep, greyscale: true', '`keep` goes without fit `contain`, background'],
  ['format: avif, hdr: keep, maxBytes: 20 kB', '`keep` goes without fit `contain`, background'],
  ['format: avif, hdr: keep, height: 64, fit: contain', '`keep` goes without fit `contain`, background'],
])('%s is refused', (fields, sentence) => {
  const yaml = `image: { renditions: [{ name: a, width: 64, ${fields} }] }`;
  expect(() => parsePreset('a', yaml)).toThrow(`presets/a.yaml: image.renditions[0].hdr: ${sentence}`);
});
