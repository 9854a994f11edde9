import type { Sharp } from 'sharp';
import { fromPixels, type Still } from '../still';
import { resizesOf, type Resize } from './resizes';
import { ssim } from './ssim';

const SIZE = { width: 480, height: 320 };

/** Rings that grow finer towards the edges, bars, and grain: what resizing gets wrong first. */
function picture(): Buffer {
  const { width, height } = SIZE;
  const data = Buffer.alloc(width * height * 3);
  let seed = 1;
  for (let at = 0; at < width * height; at++) {
    const [x, y] = [at % width, Math.floor(at / width)];
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    const rings = 1 + Math.cos(((x - width / 2) ** 2 + (y - height / 2) ** 2) * (Math.PI / 2000));
    const bars = (x >> 4) % 2 === 0 ? 40 : 0;
    data.set([90 * rings + bars, 60 * rings + bars + (seed >> 26), 200 - 90 * rings], at * 3);
  }
  return data;
}

/** A still that counts how often its pixels are read. */
function counted(): { still: Still; reads: () => number } {
  const data = picture();
  let reads = 0;
  const pipeline = () => {
    reads += 1;
    return fromPixels(data, { ...SIZE, channels: 3 });
  };
  return { still: { pipeline, size: SIZE, hasAlpha: false }, reads: () => reads };
}

const whole = (width: number): Resize => ({
  rect: { left: 0, top: 0, ...SIZE },
  size: { width, height: Math.round((width * 2) / 3) },
  profile: false,
});

const raw = (pixels: Sharp) => pixels.raw().toBuffer();
const red = (pixels: Sharp) => pixels.clone().extractChannel('red').raw().toBuffer();

/** Weights, by place from the first on, of the px of a line that make one px of a shorter line: Lanczos with three lobes. */
function lanczos(from: number, to: number): { first: number; weights: number[] }[] {
  const scale = from / to;
  const sinc = (x: number) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
  return Array.from({ length: to }, (_, at) => {
    const middle = (at + 0.5) * scale - 0.5;
    const first = Math.max(0, Math.ceil(middle - 3 * scale));
    const last = Math.min(from - 1, Math.floor(middle + 3 * scale));
    const weights = Array.from({ length: last - first + 1 }, (__, n) => {
      const x = (first + n - middle) / scale;
      return sinc(x) * sinc(x / 3);
    });
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

/** One channel, resized without any shortcut. */
function ideal(channel: Buffer, { width, height }: typeof SIZE): Buffer {
  const rows = new Float64Array(width * SIZE.height);
  const across = lanczos(SIZE.width, width);
  for (let y = 0; y < SIZE.height; y++) {
    across.forEach(({ first, weights }, x) => {
      rows[y * width + x] = weights.reduce((sum, weight, n) => sum + weight * channel[y * SIZE.width + first + n]!, 0);
    });
  }
  const result = Buffer.alloc(width * height);
  lanczos(SIZE.height, height).forEach(({ first, weights }, y) => {
    for (let x = 0; x < width; x++) {
      const value = weights.reduce((sum, weight, n) => sum + weight * rows[(first + n) * width + x]!, 0);
      result[y * width + x] = Math.min(255, Math.max(0, Math.round(value)));
    }
  });
  return result;
}

test('equal sizes are resized once, and smaller ones, made of what is at least twice as large, are as near to ideal', async () => {
  const { still, reads } = counted();
  const widths = [80, 120, 160, 240, 320, 480];
  const all = [...widths, ...widths].map(whole);
  const resizes = resizesOf(still, all);
  const made = await Promise.all(all.map(async (each) => raw(await resizes(each))));
  // 320 and 240 once, 480 as it is, twice: 160 comes from 320, 120 from 240, 80 from 160.
  expect(reads()).toBe(4);
  expect(made.map(({ length }) => length)).toEqual(all.map(({ size }) => size.width * size.height * 3));
  for (const each of widths.map(whole)) {
    const [direct, shared] = [await resizesOf(still, [])(each), await resizes(each)];
    const { width, height } = each.size;
    if (width > 160) {
      expect((await red(shared)).equals(await red(direct))).toBe(true);
      continue;
    }
    const likeness = async (pixels: Sharp) => ssim(best, await red(pixels), width, height);
    const best = ideal(await red(still.pipeline(false)), each.size);
    expect(await likeness(shared)).toBeGreaterThan((await likeness(direct)) - 0.003);
  }
});

test('less than twice as large, another part, or the pixels of a profile serve for nothing else', async () => {
  const { still, reads } = counted();
  const part = { ...whole(100), rect: { left: 0, top: 0, width: 240, height: 160 } };
  const all = [whole(200), whole(200), whole(101), part, { ...whole(100), profile: true }];
  const resizes = resizesOf(still, all);
  for (const each of all) {
    const direct = await resizesOf(still, [])(each);
    expect((await raw(await resizes(each))).equals(await raw(direct))).toBe(true);
  }
  expect(reads()).toBe(4 + all.length);
});

test('a result that only one rendition wants is kept for smaller ones where that saves reading', async () => {
  const { still, reads } = counted();
  const large = resizesOf(still, [whole(350), whole(160)]);
  await large(whole(350));
  await large(whole(160));
  expect(reads()).toBe(2);
  const small = resizesOf(still, [whole(160), whole(32)]);
  await small(whole(160));
  await small(whole(32));
  expect(reads()).toBe(3);
});
