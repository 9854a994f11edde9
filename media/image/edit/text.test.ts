import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { parsePreset } from '../../presets';
import type { ImagePreset, ImageRenditionSpec } from '../../presets/schema';
import { ImagePool } from '../pool';
import { textPicture } from './text';

let folder: string;
let pool: ImagePool;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'darkroom-text-'));
  pool = new ImagePool({ size: 1, timeoutMs: 60_000, maxRssBytes: 2 ** 30 });
});
afterAll(async () => {
  await pool.close();
  await rm(folder, { recursive: true, force: true });
});

/** As a worker makes it: in a child process. */
async function make(source: Buffer, spec: Partial<ImageRenditionSpec>, preset: Partial<ImagePreset> = {}) {
  const outputDir = await mkdtemp(path.join(folder, 'run-'));
  const input = path.join(outputDir, 'in');
  await writeFile(input, source);
  const renditions: ImageRenditionSpec[] = [{ name: 'a', format: 'png', width: 300, ...spec }];
  const limits = { maxPixels: 10_000_000, maxFrames: 100 };
  const whole: ImagePreset = { animation: 'first', colour: 'srgb', renditions, ...preset };
  const { files } = await pool.run({ input, outputDir, preset: whole, limits, allowSvg: false });
  return files[0]!.file;
}

const grey = (width = 300, height = 200) =>
  sharp({ create: { width, height, channels: 3, background: '#404040' } })
    .png()
    .toBuffer();

/** The box of all pixels that are nearer to red than to the grey behind them. */
async function inked(file: string | Buffer, page = 0) {
  const { data, info } = await sharp(file, { page })
    .toColourspace('srgb')
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const box = { left: Infinity, top: Infinity, right: -1, bottom: -1, count: 0 };
  for (let at = 0; at < info.width * info.height; at++) {
    if (data[at * 3]! < 160) continue;
    const [x, y] = [at % info.width, Math.floor(at / info.width)];
    box.left = Math.min(box.left, x);
    box.right = Math.max(box.right, x);
    box.top = Math.min(box.top, y);
    box.bottom = Math.max(box.bottom, y);
    box.count++;
  }
  return { ...box, width: info.width, height: info.height, channels: (await sharp(file).metadata()).channels };
}

const RED = { value: 'Hamburg', size: 24, colour: '#ff0000', margin: 10 } as const;

test.each([
  ['northwest', ['left', 'top']],
  ['southeast', ['right', 'bottom']],
  ['north', ['top']],
  ['centre', []],
] as const)('stands at %s, within the margin', async (gravity, edges) => {
  const { left, top, right, bottom, count, channels } = await inked(
    await make(await grey(), { text: { ...RED, gravity } }),
  );
  expect(count).toBeGreaterThan(100);
  expect(channels).toBe(3);
  const free = { left, top, right: 299 - right, bottom: 199 - bottom };
  for (const [edge, px] of Object.entries(free)) {
    expect(px).toBeGreaterThanOrEqual(10);
    const isNear = (edges as readonly string[]).includes(edge);
    if (isNear) expect(px).toBeLessThanOrEqual(13);
    else expect(px).toBeGreaterThan(30);
  }
});

test('lines are broken at the width that is asked for, and a text that is too high is made smaller', async () => {
  const words = { ...RED, value: 'Hamburg an der Elbe', gravity: 'north' } as const;
  const one = await inked(await make(await grey(), { text: words }));
  const narrow = await inked(await make(await grey(), { text: { ...words, width: 0.5 } }));
  expect(narrow.right - narrow.left).toBeLessThanOrEqual(140);
  expect(narrow.bottom - narrow.top).toBeGreaterThan(1.5 * (one.bottom - one.top));
  const low = await inked(await make(await grey(300, 40), { text: { ...words, size: 64 } }));
  expect([low.top >= 10, low.bottom <= 29, low.count > 20]).toEqual([true, true, true]);
});

test('dpr enlarges letters and margin; markup is text; opacity lets the picture through', async () => {
  const source = await grey(600, 400);
  const one = await inked(await make(source, { text: { ...RED, value: '<b>&amp;' } }));
  const two = await inked(await make(source, { dpr: 2, text: { ...RED, value: '<b>&amp;' } }));
  expect([one.width, two.width]).toEqual([300, 600]);
  expect((two.right - two.left) / (one.right - one.left)).toBeCloseTo(2, 0);
  const faint = await inked(await make(source, { text: { ...RED, opacity: 0.3 } }));
  expect(faint.count).toBe(0);
});

test('a background, grey, JPEG, P3 and each frame have it', async () => {
  const clear = await sharp({ create: { width: 300, height: 200, channels: 4, background: '#0000' } })
    .png()
    .toBuffer();
  expect((await inked(await make(clear, { format: 'jpeg', background: '#404040', text: RED }))).count).toBeGreaterThan(
    100,
  );
  const onGrey = await inked(await make(await grey(), { greyscale: true, text: RED }));
  expect(onGrey.count).toBeGreaterThan(100);
  const wide = await inked(await make(await grey(), { text: RED }, { colour: 'p3' }));
  expect(wide.count).toBeGreaterThan(100);
  const frames = Buffer.concat([Buffer.alloc(60 * 300 * 3, 0x40), Buffer.alloc(60 * 300 * 3, 0x20)]);
  const moving = await sharp(frames, { raw: { width: 300, height: 120, channels: 3, pageHeight: 60 } })
    .webp({ delay: [100, 100], lossless: true })
    .toBuffer();
  const file = await make(moving, { format: 'webp', quality: 90, text: RED }, { animation: 'keep' });
  for (const page of [0, 1]) expect((await inked(file, page)).count).toBeGreaterThan(100);
});

describe('scripts', () => {
  const size = 40;
  const ink = async (value: string, font: 'sans' | 'bold' = 'sans') => {
    const { data, width, height } = await textPicture({ value, font, size }, 600, 1);
    return { width, height, alpha: Array.from({ length: width * height }, (_, at) => data[at * 4 + 3]!) };
  };

  // A letter that a font lacks is drawn as a box with its number in it; two letters of Deseret, which no font here has, show how.
  test.each(['AÄß', 'Ωλ', 'Жю', 'Աբ', 'აბ', 'שם', 'مر'])('%s is no box', async (letters) => {
    for (const font of ['sans', 'bold'] as const) {
      const box = await ink('\u{10400}', font);
      const first = await ink([...letters][0]!, font);
      const second = await ink([...letters][1]!, font);
      expect([first.width, first.height]).not.toEqual([box.width, box.height]);
      expect(first.alpha).not.toEqual(second.alpha);
    }
  });

  test('Arabic letters join, and Hebrew lines end flush at the right', async () => {
    const width = async (value: string) => (await ink(value)).width;
    // Apart, each letter has its long form.
    expect(await width('بببب')).toBeLessThan(0.8 * (await width('ب ب ب ب')));
    const { data, width: across, height } = await textPicture({ value: 'שלום עולם\nשם', size }, 600, 1);
    const columns = (from: number, to: number) => {
      const lower = Array.from({ length: Math.floor(height / 2) }, (_, y) => y + Math.ceil(height / 2));
      return lower.some((y) =>
        Array.from({ length: to - from }, (_, x) => data[(y * across + from + x) * 4 + 3]!).some(
          (alpha) => alpha > 128,
        ),
      );
    };
    expect([columns(0, Math.floor(across / 3)), columns(Math.floor((across * 2) / 3), across)]).toEqual([false, true]);
  });

  test.each(['日本', 'नमस्ते', '🙂', 'a\u0007'])('%s is refused', (value) => {
    const yaml = `image: { renditions: [{ name: a, format: png, width: 64, text: { size: 20, value: ${JSON.stringify(value)} } }] }`;
    expect(() => parsePreset('a', yaml)).toThrow(
      'image.renditions[0].text.value: has characters that the fonts do not have',
    );
  });
});
