import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import type { ImageRenditionSpec } from '../../presets/schema';
import { mainPicture } from '../foreign/iso';
import { embed } from '../metadata/embed';
import { processImage } from '../process';
import { p3Profile } from '../wide';
import { applied } from './apply';
import { findGainMap, type GainMap } from './find';

const folder = mkdtempSync(path.join(os.tmpdir(), 'darkroom-gain-map-'));
afterAll(() => rmSync(folder, { recursive: true }));

const SIZE = { width: 96, height: 64 };
const GREY = 128;
/** Linear light of the grey. */
const LIGHT = ((GREY / 255 + 0.055) / 1.055) ** 2.4;
const UNREADABLE = 'The gain map of the picture cannot be read: its base picture, in SDR, was used.';

const NS = 'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"';
const xmp = (inner: string): Buffer =>
  Buffer.from(
    `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">${inner}</rdf:RDF></x:xmpmeta>`,
  );
const STATED = `<rdf:Description ${NS} hdrgm:Version="1.0" hdrgm:GainMapMin="0" hdrgm:GainMapMax="2" hdrgm:Gamma="1" hdrgm:HDRCapacityMin="0" hdrgm:HDRCapacityMax="2"/>`;

/** A segment of application data behind the beginning of a JPEG. */
function segment(jpeg: Buffer, code: number, body: Buffer): Buffer {
  const head = Buffer.from([0xff, code, 0, 0]);
  head.writeUInt16BE(body.length + 2, 2);
  return Buffer.concat([jpeg.subarray(0, 2), head, body, jpeg.subarray(2)]);
}

/** The list of pictures (CIPA DC-007): of two, the second one right behind the first. */
function mpf(first: number, second: number): Buffer {
  const index = Buffer.alloc(8 + 2 + 36 + 4 + 32);
  index.write('MM\0*\0\0\0\x08', 'latin1');
  index.writeUInt16BE(3, 8);
  const entries = [
    [0xb000, 7, 4, 0x30313030],
    [0xb001, 4, 1, 2],
    [0xb002, 7, 32, 50],
  ] as const;
  entries.forEach(([tag, type, count, value], n) => {
    index.writeUInt16BE(tag, 10 + 12 * n);
    index.writeUInt16BE(type, 12 + 12 * n);
    index.writeUInt32BE(count, 14 + 12 * n);
    index.writeUInt32BE(value, 18 + 12 * n);
  });
  index.writeUInt32BE(0x30000, 50);
  index.writeUInt32BE(first, 54);
  index.writeUInt32BE(second, 70);
  index.writeUInt32BE(first, 74);
  return Buffer.concat([Buffer.from('MPF\0'), index]);
}

interface Sample {
  /** Of the map, by its left and right half. */
  halves?: [string, string];
  /** XMP of the map; absent: none. */
  said?: string;
  /** ISO 21496-1 of the map. */
  iso?: Buffer;
  orientation?: number;
  mapSize?: { width: number; height: number };
  grey?: boolean;
}

/** A JPEG with a gain map, as phones write it. */
async function ultraHdr({
  halves = ['#000000', '#ffffff'],
  said,
  iso,
  orientation,
  mapSize = { width: 48, height: 32 },
  grey = true,
}: Sample) {
  const half = { width: mapSize.width / 2, height: mapSize.height };
  const right = await sharp({ create: { ...half, channels: 3, background: halves[1] } })
    .png()
    .toBuffer();
  const drawn = sharp({ create: { ...mapSize, channels: 3, background: halves[0] } }).composite([
    { input: right, left: half.width, top: 0 },
  ]);
  const painted = sharp(await drawn.png().toBuffer());
  const map = await (grey ? painted.greyscale() : painted)
    .jpeg({ quality: 100, chromaSubsampling: '4:4:4' })
    .toBuffer();
  const described = said === undefined ? map : embed('jpeg', map, { xmp: xmp(said) });
  const gain = iso
    ? segment(described, 0xe2, Buffer.concat([Buffer.from('urn:iso:std:iso:ts:21496:-1\0'), iso]))
    : described;
  const base = await sharp({ create: { ...SIZE, channels: 3, background: { r: GREY, g: GREY, b: GREY } } })
    .withMetadata({ orientation })
    .jpeg({ quality: 98 })
    .toBuffer();
  const announced = embed('jpeg', base, { xmp: xmp(`<rdf:Description ${NS} hdrgm:Version="1.0"/>`) });
  const listed = segment(announced, 0xe2, mpf(announced.length + 90, gain.length));
  return { bytes: Buffer.concat([listed, gain]), main: listed, gain };
}

async function make(bytes: Buffer, specs: Partial<ImageRenditionSpec>[], maxPixels = 1_000_000) {
  const outputDir = mkdtempSync(path.join(folder, 'run-'));
  const input = path.join(outputDir, 'in');
  writeFileSync(input, bytes);
  const renditions = specs.map((spec, n): ImageRenditionSpec => ({
    name: `r${n}`,
    format: 'avif',
    width: 96,
    ...spec,
  }));
  const preset = { animation: 'first', colour: 'srgb', renditions } as const;
  const limits = { maxPixels, maxFrames: 10 };
  return processImage({ input, outputDir, preset, limits, allowSvg: false });
}

/** cd/m² of a pixel of an AVIF in PQ (SMPTE ST 2084). */
async function nits(file: string, across: number, down: number): Promise<number[]> {
  const { data, info } = await sharp(file)
    .toColourspace('rgb16')
    .raw({ depth: 'ushort' })
    .toBuffer({ resolveWithObject: true });
  const values = new Uint16Array(data.buffer, data.byteOffset, data.length / 2);
  const at = (Math.floor(info.height * down) * info.width + Math.floor(info.width * across)) * info.channels;
  return [...values.subarray(at, at + 3)].map(toNits);
}

function toNits(value: number): number {
  const root = (value / 65_535) ** (1 / 78.84375);
  return 10_000 * (Math.max(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125);
}

function expectNits(seen: number[], wanted: number[], tolerance = 0.04): void {
  expect(seen).toHaveLength(wanted.length);
  seen.forEach((value, n) => expect(Math.abs(value / wanted[n]! - 1)).toBeLessThanOrEqual(tolerance));
}

const brighter = (light: number, stops: number, offset = 1 / 64): number =>
  203 * ((light + offset) * 2 ** stops - offset);
const all = (value: number): number[] => [value, value, value];

test('kept: light of the base times the gain of the map, in an AVIF in PQ and BT.2020; else the base', async () => {
  const { bytes } = await ultraHdr({ said: STATED });
  const { files, warnings } = await make(bytes, [{ hdr: 'keep', quality: 90 }, { format: 'png' }]);
  expect(warnings).toEqual([]);
  const [kept, base] = files;
  expect(await sharp(kept!.file).metadata()).toMatchObject({
    format: 'heif',
    bitsPerSample: 10,
    width: 96,
    height: 64,
  });
  expectNits(await nits(kept!.file, 0.2, 0.5), all(203 * LIGHT));
  expectNits(await nits(kept!.file, 0.8, 0.5), all(brighter(LIGHT, 2)));
  const pixels = await sharp(base!.file).raw().toBuffer();
  for (const value of pixels.subarray(0, 3)) expect(Math.abs(value - GREY)).toBeLessThanOrEqual(2);
});

test('the colours are said to be PQ and BT.2020', async () => {
  const { bytes } = await ultraHdr({ said: STATED });
  const { files } = await make(bytes, [{ hdr: 'keep' }]);
  const avif = readFileSync(files[0]!.file);
  expect(mainPicture(avif).cicp).toEqual({ primaries: 9, transfer: 16 });
  expect(avif.includes('hdr-gain-map')).toBe(false);
});

test('channels of their own, a gamma and offsets', async () => {
  const list = (name: string, values: number[]) =>
    `<hdrgm:${name}><rdf:Seq>${values.map((value) => `<rdf:li>${value}</rdf:li>`).join('')}</rdf:Seq></hdrgm:${name}>`;
  const said = `<rdf:Description ${NS} hdrgm:Version="1.0" hdrgm:GainMapMin="-1" hdrgm:OffsetSDR="0" hdrgm:OffsetHDR="0">${list('GainMapMax', [1, 2, 3])}${list('Gamma', [1, 2, 1])}</rdf:Description>`;
  const { bytes } = await ultraHdr({ said, halves: ['#404040', '#404040'], grey: false });
  const gain = findGainMap(bytes) as GainMap;
  expect(gain).toMatchObject({ min: [-1], max: [1, 2, 3], gamma: [1, 2, 1], offsetSdr: [0], offsetHdr: [0] });
  const weight = 64 / 255;
  const stops = [-1 + 2 * weight, -1 + 3 * Math.sqrt(weight), -1 + 4 * weight];
  // Grey of the primaries of sRGB, whose channels then differ: by the matrix of BT.2087.
  const [red, green, blue] = stops.map((stop) => 203 * LIGHT * 2 ** stop) as [number, number, number];
  const wanted = [
    0.6274 * red + 0.3293 * green + 0.0433 * blue,
    0.0691 * red + 0.9195 * green + 0.0114 * blue,
    0.0164 * red + 0.088 * green + 0.8956 * blue,
  ];
  const { files } = await make(bytes, [{ hdr: 'keep', quality: 95 }]);
  expectNits(await nits(files[0]!.file, 0.5, 0.5), wanted, 0.06);
});

test.each([
  ['one for all', true],
  ['one for each number', false],
])('ISO 21496-1, with a denominator %s', async (_name, isCommon) => {
  const numbers = [0, 2, 0, 2, 1, 1 / 64, 1 / 64].map((value) => Math.round(value * 64));
  const fractions = isCommon ? [64, ...numbers] : numbers.flatMap((value) => [value, 64]);
  const iso = Buffer.alloc(5 + 4 * fractions.length);
  iso[4] = 0x40 + (isCommon ? 8 : 0);
  fractions.forEach((value, n) => iso.writeInt32BE(value, 5 + 4 * n));
  const { bytes } = await ultraHdr({ iso });
  const { files, warnings } = await make(bytes, [{ hdr: 'keep', quality: 90 }]);
  expect(warnings).toEqual([]);
  expectNits(await nits(files[0]!.file, 0.2, 0.5), all(203 * LIGHT));
  expectNits(await nits(files[0]!.file, 0.8, 0.5), all(brighter(LIGHT, 2)));
});

test('the map is turned with its picture, and drawn by the other fields', async () => {
  const { bytes } = await ultraHdr({ said: STATED, orientation: 6 });
  const { files } = await make(bytes, [
    { hdr: 'keep', quality: 90, width: 64 },
    { hdr: 'keep', quality: 90, width: 32, height: 32, fit: 'cover', gravity: 'south' },
  ]);
  expect(files[0]).toMatchObject({ width: 64, height: 96 });
  // A quarter turn clockwise: the right half is below.
  expectNits(await nits(files[0]!.file, 0.5, 0.2), all(203 * LIGHT));
  expectNits(await nits(files[0]!.file, 0.5, 0.8), all(brighter(LIGHT, 2)));
  expect(files[1]).toMatchObject({ width: 32, height: 32 });
  expectNits(await nits(files[1]!.file, 0.5, 0.9), all(brighter(LIGHT, 2)));
});

test('the primaries are those of the base: red of Display P3', async () => {
  const gain = { file: Buffer.alloc(0), min: [0], max: [0], gamma: [1], offsetSdr: [0], offsetHdr: [0] };
  const red = Uint8Array.of(255, 0, 0);
  expectNits([...applied(red, Uint8Array.of(0, 0, 0), gain, await p3Profile())].map(toNits).slice(0, 2), [
    0.7538 * 203,
    0.0457 * 203,
  ]);
  expectNits([...applied(red, Uint8Array.of(0, 0, 0), gain)].map(toNits), [0.6274 * 203, 0.0691 * 203, 0.0164 * 203]);
});

describe('a map that cannot be used: the base picture, and a sentence', () => {
  const cases: [string, () => Promise<Buffer>][] = [
    ['cut off', async () => (await ultraHdr({ said: STATED })).main],
    [
      'cut short',
      async () => {
        const { bytes, gain } = await ultraHdr({ said: STATED });
        return bytes.subarray(0, bytes.length - Math.floor(gain.length / 2));
      },
    ],
    ['without a word on its numbers', async () => (await ultraHdr({})).bytes],
    [
      'with numbers that are none',
      async () => (await ultraHdr({ said: STATED.replace('GainMapMax="2"', 'GainMapMax="much"') })).bytes,
    ],
    [
      'with more stops than there are',
      async () => (await ultraHdr({ said: STATED.replace('GainMapMax="2"', 'GainMapMax="2000"') })).bytes,
    ],
    ['with a gamma of nothing', async () => (await ultraHdr({ said: STATED.replace('Gamma="1"', 'Gamma="0"') })).bytes],
    [
      'whose base is the HDR picture',
      async () => (await ultraHdr({ said: STATED.replace('/>', ' hdrgm:BaseRenditionIsHDR="True"/>') })).bytes,
    ],
    ['larger than is read', async () => (await ultraHdr({ said: STATED, mapSize: { width: 200, height: 100 } })).bytes],
    ['of three bytes', async () => (await ultraHdr({ iso: Buffer.alloc(3) })).bytes],
  ];
  test.each(cases)('%s', async (_name, sample) => {
    const { files, warnings } = await make(await sample(), [{ hdr: 'keep' }], 10_000);
    expect(warnings).toEqual([UNREADABLE]);
    const { data, info } = await sharp(files[0]!.file).raw().toBuffer({ resolveWithObject: true });
    expect(info.width).toBe(96);
    for (const value of data.subarray(0, 3)) expect(Math.abs(value - GREY)).toBeLessThanOrEqual(3);
  });

  test('a JPEG that announces none has none, whatever follows it', async () => {
    const { gain } = await ultraHdr({ said: STATED });
    const plain = await sharp({ create: { ...SIZE, channels: 3, background: '#888' } })
      .jpeg()
      .toBuffer();
    expect(findGainMap(Buffer.concat([plain, gain]))).toBeUndefined();
  });
});
