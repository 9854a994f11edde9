import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { inlinePreset } from '../../presets';
import type { ImagePreset, ImageRenditionSpec } from '../../presets/schema';
import { ImagePool } from '../pool';

const SOURCE = 'file:///logo.png';
type Mark = Partial<NonNullable<ImageRenditionSpec['watermark']>>;

let folder: string;
let pool: ImagePool;
let logo: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'darkroom-watermark-'));
  pool = new ImagePool({ size: 1, timeoutMs: 60_000, maxRssBytes: 2 ** 30 });
  logo = path.join(folder, 'logo.png');
  await writeFile(logo, await plain(100, 50, '#ff0000'));
});
afterAll(async () => {
  await pool.close();
  await rm(folder, { recursive: true, force: true });
});

const plain = (width: number, height: number, background: string) =>
  sharp({ create: { width, height, channels: 3, background } })
    .png()
    .toBuffer();

/** As a worker makes it: in a child process. */
async function make(
  mark: Mark,
  spec: Partial<ImageRenditionSpec> = {},
  { source, file = logo, ...preset }: Partial<ImagePreset> & { source?: Buffer; file?: string } = {},
): Promise<string> {
  const outputDir = await mkdtemp(path.join(folder, 'run-'));
  const input = path.join(outputDir, 'in');
  await writeFile(input, source ?? (await plain(300, 200, '#404040')));
  const watermark = { source: SOURCE, ...mark };
  const renditions: ImageRenditionSpec[] = [{ name: 'a', format: 'png', width: 300, watermark, ...spec }];
  const limits = { maxPixels: 10_000_000, maxFrames: 100 };
  const whole: ImagePreset = { animation: 'first', colour: 'srgb', renditions, ...preset };
  const task = { input, outputDir, preset: whole, limits, watermarks: { [SOURCE]: file }, allowSvg: true };
  return (await pool.run(task)).files[0]!.file;
}

/** The box of all red pixels, and how many there are. */
async function reds(file: string, page = 0) {
  const { data, info } = await sharp(file, { page })
    .toColourspace('srgb')
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const box = { left: Infinity, top: Infinity, right: -1, bottom: -1, count: 0 };
  for (let at = 0; at < info.width * info.height; at++) {
    if (data[at * 3]! < 200 || data[at * 3 + 1]! > 60) continue;
    const [x, y] = [at % info.width, Math.floor(at / info.width)];
    box.left = Math.min(box.left, x);
    box.right = Math.max(box.right, x);
    box.top = Math.min(box.top, y);
    box.bottom = Math.max(box.bottom, y);
    box.count++;
  }
  return box;
}

const boxOf = (left: number, top: number, width: number, height: number) => ({
  ...{ left, top, right: left + width - 1, bottom: top + height - 1 },
  count: width * height,
});

test.each([
  ['northwest', boxOf(10, 10, 60, 30)],
  ['southeast', boxOf(230, 160, 60, 30)],
  ['north', boxOf(120, 10, 60, 30)],
  ['centre', boxOf(120, 85, 60, 30)],
] as const)('stands at %s, within the margin, a fifth of the width', async (gravity, box) => {
  expect(await reds(await make({ gravity, margin: 10 }))).toEqual(box);
});

test('is as wide as `scale` says of the rendition, after turning and padding; margins are px times dpr', async () => {
  expect(await reds(await make({ scale: 0.5, margin: 0 }))).toEqual(boxOf(150, 125, 150, 75));
  expect(await reds(await make({ scale: 0.5, margin: 0 }, { width: 150 }))).toEqual(boxOf(75, 62, 75, 38));
  expect(await reds(await make({ scale: 0.5, margin: 0 }, { rotate: 90 }))).toEqual(boxOf(100, 250, 100, 50));
  expect(await reds(await make({ margin: 10 }, { width: 150, dpr: 2 }))).toEqual(boxOf(220, 150, 60, 30));
});

test('what does not fit between the margins is made smaller', async () => {
  expect(await reds(await make({ scale: 1, margin: 80, gravity: 'centre' }))).toEqual(boxOf(110, 80, 80, 40));
});

test('opacity mixes the watermark with the picture', async () => {
  const { data } = await sharp(await make({ opacity: 0.5, gravity: 'centre' }))
    .extract({ left: 150, top: 100, width: 1, height: 1 })
    .raw()
    .toBuffer({ resolveWithObject: true });
  expect([...data].every((value, at) => Math.abs(value - [160, 32, 32][at]!) <= 2)).toBe(true);
});

test('tiles cover the rendition, the margin between them', async () => {
  const { count, ...box } = await reds(await make({ tile: true, margin: 15 }));
  // 60 x 30 px every 75 x 45 px: four across, and four down and 5 px of a fifth.
  expect(box).toEqual({ left: 15, top: 15, right: 299, bottom: 199 });
  expect(count).toBe(4 * 60 * (4 * 30 + 5));
});

test('lies on transparent pixels as well, and on each frame of what moves', async () => {
  const clear = await sharp({ create: { width: 300, height: 200, channels: 4, background: '#00000000' } })
    .png()
    .toBuffer();
  const file = await make({ gravity: 'northwest', margin: 10 }, {}, { source: clear });
  const { data, info } = await sharp(file).raw().toBuffer({ resolveWithObject: true });
  const alphaAt = (x: number, y: number) => data[(y * info.width + x) * 4 + 3];
  expect([info.channels, alphaAt(5, 5), alphaAt(15, 15)]).toEqual([4, 0, 255]);

  const frames = [await plain(300, 200, '#404040'), await plain(300, 200, '#204060')];
  const moving = await sharp(frames, { join: { animated: true } })
    .webp({ lossless: true, delay: [100, 100] })
    .toBuffer();
  const spec = { format: 'webp', lossless: true } as const;
  const made = await make({ gravity: 'northwest', margin: 10 }, spec, { source: moving, animation: 'keep' });
  for (const page of [0, 1]) expect(await reds(made, page)).toEqual(boxOf(10, 10, 60, 30));
});

test('is turned upright by its own EXIF, and keeps its own transparency', async () => {
  const turned = path.join(folder, 'turned.png');
  const left = { create: { width: 50, height: 50, channels: 4, background: '#ff0000' } } as const;
  const half = sharp({ create: { width: 100, height: 50, channels: 4, background: '#00000000' } });
  await half
    .composite([{ input: left, left: 0, top: 0 }])
    .withMetadata({ orientation: 6 })
    .png()
    .toFile(turned);
  // Turned clockwise, 50 x 100 px whose upper half is red.
  const file = await make({ scale: 1 / 6, margin: 0, gravity: 'northwest' }, {}, { file: turned });
  expect(await reds(file)).toEqual(boxOf(0, 0, 50, 50));
});

test('a file that is no safe picture is refused, and the sentence names the watermark', async () => {
  const bad = async (name: string, content: string | Buffer) => {
    const file = path.join(folder, name);
    await writeFile(file, content);
    return make({}, {}, { file });
  };
  const png = await plain(400, 400, '#123456');
  const refused = { type: 'UnsupportedMedia', message: 'The watermark cannot be used: It is an SVG; save it as PNG.' };
  await expect(bad('a.svg', '<svg xmlns="http://www.w3.org/2000/svg"/>')).rejects.toMatchObject(refused);
  await expect(bad('b.png', '')).rejects.toThrow('The watermark cannot be used: The file is empty.');
  await expect(bad('c.png', png.subarray(0, 90))).rejects.toMatchObject({
    type: 'CorruptMedia',
    message: expect.stringMatching(/^The watermark cannot be used: The PNG /) as string,
  });
});

test.each([
  [{ source: '/etc/logo.png' }, 'source: expected a URI that begins with file:///, s3:// or https://'],
  [{ source: SOURCE, tile: true, gravity: 'north' }, 'gravity: is one place, and `tile` takes them all'],
  [{ source: SOURCE, scale: 2 }, 'scale: '],
  [{}, 'source: '],
])('%j is refused by its field', (watermark, sentence) => {
  const preset = { image: { renditions: [{ name: 'a', format: 'png', width: 300, watermark }] } };
  expect(() => inlinePreset(preset)).toThrow(`preset.image.renditions[0].watermark.${sentence}`);
});

test('HDR that is kept has no room for a watermark', () => {
  const renditions = [{ name: 'a', format: 'avif', width: 300, hdr: 'keep', watermark: { source: SOURCE } }];
  expect(() => inlinePreset({ image: { renditions } })).toThrow(/hdr: `keep` goes without .*watermark/);
});
