import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import sharp from 'sharp';
import { settings } from '../../../test/support/clips';
import type { ImagePreset } from '../../presets/schema';
import { processImage } from '../process';
import type { ImageOutcome } from '../types';

const folder = mkdtempSync(path.join(os.tmpdir(), 'darkroom-apng-'));
afterAll(() => rmSync(folder, { recursive: true }));

const chunk = (type: string, body: Buffer): Buffer => {
  const bytes = Buffer.concat([Buffer.alloc(4), Buffer.from(type, 'latin1'), body, Buffer.alloc(4)]);
  bytes.writeUInt32BE(body.length, 0);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, body.length + 8)), body.length + 8);
  return bytes;
};

const TENTH = [1, 10] as const;
const WHOLE = [0, 0, 8, 8] as const;

interface Part {
  colour: string;
  alpha?: number;
  box?: readonly [left: number, top: number, width: number, height: number];
  delay?: readonly [num: number, den: number];
  dispose?: number;
  blend?: number;
}

/** An APNG of 8 x 8 px, made by hand. @param hidden the picture of `IDAT` is not one of the frames */
async function apng(parts: Part[], { hidden = false, plays = 0, stated = parts.length } = {}): Promise<Buffer> {
  let sequence = 0;
  const chunks: Buffer[] = [];
  const idat = async (width: number, height: number, colour: string, alpha = 1): Promise<Buffer> => {
    const background = {
      r: parseInt(colour.slice(1, 3), 16),
      g: parseInt(colour.slice(3, 5), 16),
      b: parseInt(colour.slice(5), 16),
    };
    const create = { width, height, channels: 4 as const, background: { ...background, alpha } };
    const png = await sharp({ create }).png({ palette: false }).toBuffer();
    const at = png.indexOf('IDAT');
    return png.subarray(at + 4, at + 4 + png.readUInt32BE(at - 4));
  };
  const header = Buffer.from([0, 0, 0, 8, 0, 0, 0, 8, 8, 6, 0, 0, 0]);
  const control = Buffer.alloc(8);
  control.writeUInt32BE(stated, 0);
  control.writeUInt32BE(plays, 4);
  chunks.push(chunk('IHDR', header), chunk('acTL', control));
  if (hidden) chunks.push(chunk('IDAT', await idat(8, 8, '#808080')));
  for (const [index, { colour, alpha, box = WHOLE, delay = TENTH, dispose = 0, blend = 0 }] of parts.entries()) {
    const frame = Buffer.alloc(26);
    frame.writeUInt32BE(sequence++, 0);
    [box[2], box[3], box[0], box[1]].forEach((value: number, n) => frame.writeUInt32BE(value, 4 + 4 * n));
    frame.writeUInt16BE(delay[0], 20);
    frame.writeUInt16BE(delay[1], 22);
    frame.set([dispose, blend], 24);
    const data = await idat(box[2], box[3], colour, alpha);
    const number = Buffer.alloc(4);
    const first = index === 0 && !hidden;
    if (!first) number.writeUInt32BE(sequence++);
    chunks.push(chunk('fcTL', frame), first ? chunk('IDAT', data) : chunk('fdAT', Buffer.concat([number, data])));
  }
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ...chunks, chunk('IEND', Buffer.alloc(0))]);
}

async function run(bytes: Buffer, animation: 'keep' | 'first' = 'keep'): Promise<ImageOutcome> {
  const input = path.join(folder, 'in.png');
  writeFileSync(input, bytes);
  const preset: ImagePreset = {
    animation,
    colour: 'srgb',
    renditions: [{ name: 'w', format: 'webp', width: 16, lossless: true }],
  };
  const limits = { maxPixels: 640, maxFrames: 5 };
  const outputDir = mkdtempSync(path.join(folder, 'out-'));
  return processImage({ input, outputDir, preset, limits, allowSvg: false });
}

/** RGBA of a pixel of each frame. */
async function pixelsAt(file: string, x: number, y: number): Promise<number[][]> {
  const { data, info } = await sharp(file, { animated: true })
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return Array.from({ length: info.pages ?? 1 }, (_, page) => {
    const at = ((page * (info.pageHeight ?? info.height) + y) * info.width + x) * 4;
    return [...data.subarray(at, at + 4)];
  });
}

test('an APNG moves: its frames, delays and loop count', async () => {
  const bytes = await apng(
    [{ colour: '#ff0000', delay: [1, 4] }, { colour: '#00ff00', delay: [3, 0] }, { colour: '#0000ff' }],
    { plays: 3 },
  );
  const { source, files, warnings } = await run(bytes);
  expect(warnings).toEqual([]);
  expect(source).toEqual({ format: 'apng', width: 8, height: 8, pages: 3 });
  expect(files[0]).toMatchObject({ frames: 3, width: 8, height: 8 });
  expect(await sharp(files[0]!.file).metadata()).toMatchObject({ delay: [250, 30, 100], loop: 3 });
  expect(await pixelsAt(files[0]!.file, 4, 4)).toEqual([[255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 255]]); // prettier-ignore
});

test('frames are laid on one another, cleared and taken back as the file says', async () => {
  const box = [2, 2, 4, 4] as const;
  const { files } = await run(
    await apng([
      { colour: '#ff0000' },
      { colour: '#0000ff', alpha: 0.5, box, blend: 1, dispose: 2 },
      { colour: '#00ff00', box: [0, 0, 2, 2], dispose: 1 },
      { colour: '#ffffff', box: [6, 6, 2, 2] },
    ]),
  );
  const file = files[0]!.file;
  const [before, mixed = [], after] = await pixelsAt(file, 3, 3);
  expect([before, after]).toEqual([[255, 0, 0, 255], [255, 0, 0, 255]]); // prettier-ignore
  [127, 0, 128, 255].forEach((wanted, band) => expect(Math.abs(mixed[band]! - wanted)).toBeLessThanOrEqual(1));
  const corner = await pixelsAt(file, 1, 1);
  expect(corner.slice(0, 3)).toEqual([[255, 0, 0, 255], [255, 0, 0, 255], [0, 255, 0, 255]]); // prettier-ignore
  expect(corner[3]?.[3]).toBe(0);
});

test('a picture for programs that know no movement is no frame; without movement it is the picture', async () => {
  const bytes = await apng([{ colour: '#ff0000' }, { colour: '#00ff00' }], { hidden: true });
  const moving = await run(bytes);
  expect(await pixelsAt(moving.files[0]!.file, 0, 0)).toEqual([[255, 0, 0, 255], [0, 255, 0, 255]]); // prettier-ignore
  const still = await run(bytes, 'first');
  expect(still.source).toEqual({ format: 'png', width: 8, height: 8 });
  expect((await pixelsAt(still.files[0]!.file, 0, 0))[0]).toEqual([128, 128, 128, 255]);
});

test("ffmpeg's own APNG is read", async () => {
  const file = path.join(folder, 'made.png');
  const source = [
    '-f',
    'lavfi',
    '-i',
    'color=s=8x8:r=10:d=0.5,format=rgb24,geq=r=50*N:g=0:b=0',
    '-plays',
    '2',
    '-f',
    'apng',
    '-y',
    file,
  ];
  execFileSync(settings.ffmpegPath, ['-v', 'error', '-nostdin', ...source]);
  const { source: facts, files } = await run(readFileSync(file));
  expect(facts).toMatchObject({ format: 'apng', width: 8, height: 8 });
  const { delay = [], loop } = await sharp(files[0]!.file).metadata();
  expect(loop).toBe(2);
  expect(Math.abs(delay.reduce((sum, each) => sum + each, 0) - 500)).toBeLessThanOrEqual(100);
});

const two: Part[] = [{ colour: '#ff0000' }, { colour: '#00ff00' }];
test.each<[string, () => Promise<Buffer>, string, RegExp]>([
  ['cut short', async () => (await apng(two)).subarray(0, -40), 'CorruptMedia', /^The APNG is cut short/],
  ['fewer frames than stated', () => apng(two, { stated: 3 }), 'CorruptMedia', /^The APNG is damaged/],
  [
    'a frame beyond the picture',
    () => apng([two[0]!, { colour: '#00ff00', box: [6, 6, 4, 4] }]),
    'CorruptMedia',
    /^The APNG is damaged/,
  ],
  [
    'too many frames',
    () => apng(Array<Part>(6).fill(two[0]!)),
    'MediaTooLarge',
    /^The animation has 6 frames; at most 5/,
  ],
  [
    'a byte that was changed',
    async () => {
      const bytes = await apng(two);
      return bytes.fill(0x55, bytes.length - 30, bytes.length - 29);
    },
    'CorruptMedia',
    /^The APNG is damaged/,
  ],
])('%s is one sentence', async (_name, make, type, message) => {
  await expect(run(await make())).rejects.toMatchObject({ type, message: expect.stringMatching(message) });
});
