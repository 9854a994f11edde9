import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { loadConfig } from '../../common/config';
import { streamsOf } from '../../test/support/clips';
import { IMAGE_FIELDS, RENDITION_FIELDS } from '../../media/presets/image';
import { makeGallery } from './make';
import type { ShownGroup } from './variants';

let folder: string;
let groups: ShownGroup[];
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'darkroom-gallery-'));
  const photo = path.join(folder, 'photo.png');
  const noise = { type: 'gaussian', mean: 128, sigma: 40 } as const;
  const picture = sharp({ create: { width: 720, height: 480, channels: 3, background: '#258', noise } });
  await writeFile(photo, await picture.blur(3).png().toBuffer());
  groups = await makeGallery(loadConfig({}), photo, path.join(folder, 'gallery'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const all = () => groups.flatMap(({ variants }) => variants);
const sizeOf = (name: string): number[] => {
  const file = all().find((variant) => variant.name === name)?.file;
  return [file?.width ?? 0, file?.height ?? 0];
};

test('every field of images is there, in every value, and each picture was made', () => {
  const fields = groups.map(({ field }) => field);
  expect(fields).toEqual([
    ...RENDITION_FIELDS.map((field) => `image.renditions[].${field}`),
    ...IMAGE_FIELDS.map((field) => `image.${field}`),
  ]);
  expect(all().filter(({ file }) => file === undefined)).toEqual([]);
  expect(groups.find(({ field }) => field.endsWith('.flip'))?.variants.map(({ title }) => title)).toEqual([
    'flip: horizontal',
    'flip: vertical',
    'flip: both',
  ]);
});

test('each picture on the page lies beside it and has the size that the page promises', async () => {
  const page = await readFile(path.join(folder, 'gallery/index.html'), 'utf8');
  const pictures = [...page.matchAll(/<(?:img|video) src="([^"]+)" width="(\d+)" height="(\d+)"/g)];
  expect(pictures).toHaveLength(all().length);
  expect(new Set(pictures.map(([, src]) => src)).size).toBe(pictures.length);
  const there = await readdir(path.join(folder, 'gallery'));
  for (const [, src = '', width, height] of pictures) {
    expect(there).toContain(src);
    // This build of sharp does not read JPEG XL; its size is what its encoder says.
    if (src.endsWith('.jxl')) continue;
    if (/\.(?:mp4|webm)$/.test(src)) {
      const [stream] = streamsOf(path.join(folder, 'gallery', src));
      expect([src, stream?.width, stream?.height, stream?.nb_read_frames]).toEqual([
        ...[src, Number(width), Number(height)],
        '12',
      ]);
      continue;
    }
    const facts = await sharp(path.join(folder, 'gallery', src)).metadata();
    expect([src, facts.width, facts.pageHeight ?? facts.height]).toEqual([src, Number(width), Number(height)]);
  }
});

test('sizes are those that the options ask for', () => {
  expect(sizeOf('format-jpeg')).toEqual([320, 213]);
  expect(sizeOf('fit-cover')).toEqual([240, 240]);
  expect(sizeOf('fit-inside')).toEqual([240, 160]);
  expect(sizeOf('fit-outside')).toEqual([360, 240]);
  expect(sizeOf('gravity-northwest')).toEqual([240, 240]);
  expect(sizeOf('dpr')).toEqual([640, 427]);
  expect(sizeOf('rotate-90')[0]).toBe(320);
  expect(sizeOf('rotate-90')[1]).toBeGreaterThan(320);
});
