import sharp from 'sharp';
import type { ImageRenditionSpec } from '../../presets/schema';
import { parsePreset } from '../../presets';
import { encode } from '../encode';
import { withProfile } from '../wide';
import { encodeReaching } from './reach';
import { ssim } from './ssim';

/** 160x120 with soft shapes and grain. */
function photo() {
  const [width, height] = [160, 120];
  let seed = 7;
  const noise = () => (seed = (seed * 48_271) % 2_147_483_647) % 24;
  const data = Buffer.from(
    Array.from({ length: width * height * 3 }, (_byte, at) => {
      const [x, y] = [Math.floor(at / 3) % width, Math.floor(at / 3 / width)];
      return Math.round(110 + 60 * Math.sin(x / 9 + (at % 3)) + 40 * Math.cos(y / 7)) + noise();
    }),
  );
  return sharp(data, { raw: { width, height, channels: 3 } });
}

const spec = (fields: Partial<ImageRenditionSpec>): ImageRenditionSpec => ({ name: 'x', format: 'webp', width: 160, ...fields }); // prettier-ignore

describe.each(['jpeg', 'webp', 'avif'] as const)('%s', (format) => {
  test('maxBytes: the highest quality that fits, and one more would not', async () => {
    const pixels = await withProfile(photo());
    const limit = Math.round((await encode(pixels(), spec({ format }))).data.length * 0.6);
    const { data, reached } = await encodeReaching(pixels, spec({ format, maxBytes: limit }));
    expect(data.length).toBeLessThanOrEqual(limit);
    const above = await encode(pixels(), spec({ format, quality: reached!.quality + 1 }));
    expect(above.data.length).toBeGreaterThan(limit);
  });

  test('target: the lowest quality that is like enough, by the decoded file', async () => {
    const pixels = await withProfile(photo());
    const { data, reached } = await encodeReaching(pixels, spec({ format, target: { ssim: 0.93 } }));
    const grey = (picture: sharp.Sharp) => picture.greyscale().raw().toBuffer();
    expect(ssim(await grey(pixels()), await grey(sharp(data)), 160, 120)).toBeCloseTo(reached!.ssim!, 3);
    expect(reached!.ssim).toBeGreaterThanOrEqual(0.93);
    const below = await encode(pixels(), spec({ format, quality: reached!.quality - 1 }));
    expect(ssim(await grey(pixels()), await grey(sharp(below.data)), 160, 120)).toBeLessThan(0.93);
  });
});

test('a budget with room to spare keeps the quality; bytes have the last word over likeness; the worst is kept', async () => {
  const pixels = await withProfile(photo());
  expect((await encodeReaching(pixels, spec({ quality: 70, maxBytes: 1_000_000 }))).reached).toEqual({ quality: 70 });
  const likeness = await encodeReaching(pixels, spec({ target: { ssim: 0.97 } }));
  const both = await encodeReaching(pixels, spec({ target: { ssim: 0.97 }, maxBytes: likeness.data.length - 200 }));
  expect(both.data.length).toBeLessThanOrEqual(likeness.data.length - 200);
  expect(both.reached!.ssim).toBeLessThan(0.97);
  expect((await encodeReaching(pixels, spec({ maxBytes: 100 }))).reached).toEqual({ quality: 1 });
});

test('SSIM is 1 for equal pictures, and less for others', () => {
  const picture = Uint8Array.from({ length: 400 }, (_byte, at) => (at * 37) % 256);
  expect(ssim(picture, picture, 20, 20)).toBe(1);
  expect(ssim(picture, picture.toReversed(), 20, 20)).toBeLessThan(0.5);
  expect(ssim(picture.subarray(0, 9), picture.subarray(0, 9), 3, 3)).toBe(1);
});

test.each([
  ['200 kB', 200_000],
  ['1.5 MB', 1_500_000],
  [4096, 4096],
])('maxBytes: %s is %i bytes', (written, bytes) => {
  const yaml = `image: { renditions: [{ name: a, format: webp, width: 90, maxBytes: ${written} }] }`;
  expect(parsePreset('mine', yaml).image?.renditions[0]?.maxBytes).toBe(bytes);
});

test.each([
  ['format: png, maxBytes: 9000', 'image.renditions[0].maxBytes: needs a quality to search'],
  ['format: webp, lossless: true, maxBytes: 9000', 'image.renditions[0].maxBytes: needs a quality'],
  ['format: webp, maxBytes: 12', 'image.renditions[0].maxBytes: is from 500 bytes'],
  ['format: webp, maxBytes: 12 parsec', 'image.renditions[0].maxBytes: a number of bytes, or text such as'],
  ['format: jxl, target: { ssim: 0.9 }', 'image.renditions[0].target: is for formats that are read back here'],
  ['format: webp, quality: 3, target: { ssim: 0.9 }', 'image.renditions[0].quality: is what `target` searches for'],
])('%s is refused: %s', (fields, sentence) => {
  expect(() => parsePreset('mine', `image: { renditions: [{ name: a, width: 90, ${fields} }] }`)).toThrow(sentence);
});
