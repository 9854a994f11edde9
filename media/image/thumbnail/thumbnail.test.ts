import { decode } from 'blurhash';
import sharp from 'sharp';
import { looksOf, thumbnailOf } from '.';
import { resizesOf } from '../edit/resizes';
import { withSvg } from '../loaders';
import { openStill } from '../still';
import { openSource } from '../source';
import type { Looks } from '../types';

const LIMITS = { maxPixels: 10_000_000, maxFrames: 100 };

/** Of a picture's bytes, through the decoder of every image. */
async function looks(input: Buffer, format: string, blurhash = false): Promise<Looks> {
  const source = await openSource({ input, format, name: format }, LIMITS);
  const still = await openStill(source, { animation: 'first', colour: 'srgb', renditions: [] }, [], LIMITS);
  return looksOf(await resizesOf(still, [])(thumbnailOf(still)), blurhash);
}

const flat = (width: number, height: number, background: string) =>
  sharp({ create: { width, height, channels: 3, background } });

/** Bars from left to right, each as wide as its number says. */
async function bars(widths: Record<string, number>): Promise<Buffer> {
  let left = 0;
  const parts = [];
  for (const [colour, width] of Object.entries(widths)) {
    parts.push({ input: await flat(width, 60, colour).png().toBuffer(), left, top: 0 });
    left += width;
  }
  return flat(left, 60, '#000').composite(parts).png().toBuffer();
}

/** A landscape with a bright sky, a dark hill and a sun: `hill` px high, the sun at `sun` px from the left. */
async function landscape(hill: number, sun: number): Promise<sharp.Sharp> {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="600" height="400">
    <rect width="600" height="400" fill="#9cf"/><circle cx="${sun}" cy="90" r="50" fill="#fe8"/>
    <path d="M0 400 L0 ${400 - hill / 2} Q 200 ${400 - 2 * hill} 600 ${400 - hill / 3} L600 400 Z" fill="#253"/></svg>`;
  // A test before this one may have switched the loader off.
  return sharp(await withSvg(() => sharp(Buffer.from(svg)).png().toBuffer()));
}

const unlike = (a = '', b = ''): number => (BigInt(`0x${a}`) ^ BigInt(`0x${b}`)).toString(2).replaceAll('0', '').length;

describe('palette', () => {
  test('the colours of a picture, the one that fills most of it first', async () => {
    const picture = await bars({ '#ff0000': 12, '#00ff00': 24, '#0000ff': 8, '#ffffff': 10, '#101010': 8 });
    const { placeholder } = await looks(picture, 'png');
    expect(placeholder.palette).toHaveLength(5);
    expect(placeholder.palette![0]).toBe('#00ff00');
    expect(placeholder.dominant).toBe('#00ff00');
    expect(new Set(placeholder.palette)).toEqual(new Set(['#00ff00', '#ff0000', '#0000ff', '#ffffff', '#101010']));
  });

  test('near colours are one, and transparent pixels are none', async () => {
    expect((await looks(await bars({ '#c03020': 30, '#c83828': 30 }), 'png')).placeholder.palette).toHaveLength(1);
    const clear = sharp({ create: { width: 30, height: 30, channels: 4, background: '#f000' } });
    const { placeholder } = await looks(await clear.png().toBuffer(), 'png');
    expect(placeholder).toMatchObject({ palette: [], dominant: '#000000' });
  });
});

describe('BlurHash', () => {
  test('is there when asked for, and decodes to the colours of the picture', async () => {
    const picture = await bars({ '#ff0000': 60, '#0000ff': 60 });
    expect((await looks(picture, 'png')).placeholder.blurhash).toBeUndefined();
    const { placeholder } = await looks(picture, 'png', true);
    const pixels = decode(placeholder.blurhash!, 12, 6);
    const at = (x: number): number[] => [...pixels.subarray((3 * 12 + x) * 4, (3 * 12 + x) * 4 + 3)];
    const [left, right] = [at(1), at(10)];
    // So few waves run over the edge.
    expect(left[0]! - left[2]!).toBeGreaterThan(90);
    expect(right[2]! - right[0]!).toBeGreaterThan(90);
  });

  test('lays transparency on white', async () => {
    const clear = sharp({ create: { width: 30, height: 30, channels: 4, background: '#0000' } });
    const { placeholder } = await looks(await clear.png().toBuffer(), 'png', true);
    expect([...decode(placeholder.blurhash!, 1, 1)]).toEqual([255, 255, 255, 255]);
  });
});

describe('perceptual hash', () => {
  test('hardly changes with size, compression, brightness and format, and changes with the picture', async () => {
    const picture = await landscape(120, 450);
    const { perceptualHash } = await looks(await picture.png().toBuffer(), 'png');
    expect(perceptualHash).toMatch(/^[0-9a-f]{16}$/);
    const alike: [Buffer, string][] = [
      [await picture.clone().resize(200).jpeg({ quality: 40 }).toBuffer(), 'jpeg'],
      [await picture.clone().resize(151, 100, { fit: 'fill' }).webp({ quality: 60 }).toBuffer(), 'webp'],
      [await picture.clone().modulate({ brightness: 1.1 }).jpeg().toBuffer(), 'jpeg'],
    ];
    for (const [bytes, format] of alike) {
      expect(unlike((await looks(bytes, format)).perceptualHash, perceptualHash)).toBeLessThanOrEqual(6);
    }
    const others = [await landscape(20, 100), await landscape(190, 60), picture.clone().flop()];
    for (const other of others) {
      expect(unlike((await looks(await other.png().toBuffer(), 'png')).perceptualHash, perceptualHash)).toBeGreaterThan(
        10,
      );
    }
  });

  test('a plain picture has none', async () => {
    expect(await looks(await flat(50, 50, '#357').png().toBuffer(), 'png')).not.toHaveProperty('perceptualHash');
  });
});
