/** BMP, ICO and QOI as ffmpeg writes them, and the variants of old programs by hand. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import sharp from 'sharp';
import { clipFolder, ffmpeg } from '../../../test/support/clips';
import { processImage } from '../process';

const folder = clipFolder();
afterAll(folder.remove);
let count = 0;

async function make(bytes: Buffer, maxPixels = 1_000_000) {
  const at = folder.at(`case-${count++}`);
  mkdirSync(at);
  writeFileSync(`${at}/in`, bytes);
  const renditions = [{ name: 'all', format: 'png' as const }];
  const { source, files, warnings } = await processImage({
    ...{ input: `${at}/in`, outputDir: at, allowSvg: false, limits: { maxPixels, maxFrames: 10 } },
    preset: { animation: 'first', colour: 'srgb', renditions },
  });
  const { data, info } = await sharp(files[0]?.file).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  return { format: source.format, warnings, width: info.width, height: info.height, pixels: [...data] };
}
const refusal = (bytes: Buffer, maxPixels?: number) =>
  make(bytes, maxPixels).then(
    () => 'accepted',
    (error: { type: string; message: string }) => `${error.type}: ${error.message}`,
  );

/** 37 x 21 pixels, so that lines end within bytes and need padding. */
const drawn = (name: string, words = '') =>
  readFileSync(ffmpeg(`-f lavfi -i testsrc2=s=74x42,scale=37:21:flags=neighbor -frames:v 1 ${words}`, folder.at(name)));
const pixelsOf = async (png: Buffer) => [...(await sharp(png).ensureAlpha().raw().toBuffer())];

test.each([
  ['bmp', 'bgr24', 0],
  ['bmp', 'bgra', 0],
  ['bmp', 'rgb565le', 0],
  ['bmp', 'rgb555le', 0],
  ['bmp', 'rgb8', 0],
  ['bmp', 'gray', 0],
  ['bmp', 'monob', 0],
  ['qoi', 'rgb24', 0],
  ['qoi', 'rgba', 0],
  ['ico', 'bgra', 0],
])('%s of %s has the pixels that ffmpeg decodes', async (format, pixel) => {
  const name = `${pixel}.${format}`;
  const { format: told, width, height, pixels } = await make(drawn(name, `-pix_fmt ${pixel}`));
  expect([told, width, height]).toEqual([format, 37, 21]);
  const png = readFileSync(ffmpeg(`-i ${folder.at(name)} -pix_fmt rgba`, folder.at(`${name}.png`)));
  const wanted = await pixelsOf(png);
  // Five bits become eight in more than one way of rounding.
  expect(pixels.filter((value, at) => Math.abs(value - (wanted[at] ?? 0)) > 5)).toEqual([]);
});

/** A bitmap with the header of Windows 3: 4 x 2 unless stated otherwise, colours as 0xRRGGBB. */
function dib(
  { width = 4, height = 2, bits = 8, compression = 0, colours = [0xff0000, 0x00ff00, 0x0000ff, 0xffffff] },
  pixels: number[],
) {
  const head = Buffer.alloc(40 + 4 * colours.length);
  head.writeUInt32LE(40);
  head.writeInt32LE(width, 4);
  head.writeInt32LE(height, 8);
  head.writeUInt16LE(bits, 14);
  head.writeUInt32LE(compression, 16);
  head.writeUInt32LE(colours.length, 32);
  colours.forEach((colour, n) => head.writeUInt32LE(colour, 40 + 4 * n));
  return Buffer.concat([head, Buffer.from(pixels)]);
}
function bmp(options: Parameters<typeof dib>[0], pixels: number[]): Buffer {
  const body = dib(options, pixels);
  const head = Buffer.from('BM\0\0\0\0\0\0\0\0\0\0\0\0', 'latin1');
  head.writeUInt32LE(14 + body.length - pixels.length, 10);
  return Buffer.concat([head, body]);
}
const [R, G, B, W] = [
  [255, 0, 0, 255],
  [0, 255, 0, 255],
  [0, 0, 255, 255],
  [255, 255, 255, 255],
] as const;
/** The upper line, then the lower one. */
const WANTED = [W, W, W, W, R, G, B, R].flat();

test.each<[string, Parameters<typeof dib>[0], number[]]>([
  ['bottom up', {}, [0, 1, 2, 0, 3, 3, 3, 3]],
  ['top down', { height: -2 }, [3, 3, 3, 3, 0, 1, 2, 0]],
  ['of 4 bits', { bits: 4 }, [0x01, 0x20, 0, 0, 0x33, 0x33, 0, 0]],
  ['in runs', { compression: 1 }, [0, 4, 0, 1, 2, 0, 0, 0, 4, 3, 0, 1]],
  ['in runs of an odd length', { compression: 1 }, [0, 3, 0, 1, 2, 0, 1, 0, 0, 0, 4, 3, 0, 1]],
  ['in runs of 4 bits', { bits: 4, compression: 2 }, [0, 4, 0x01, 0x20, 0, 0, 4, 0x33, 0, 1]],
  ['in runs with a skip', { compression: 1 }, [1, 0, 0, 2, 0, 1, 4, 3, 1, 3, 0, 1]],
])('a BMP %s', async (name, options, pixels) => {
  const made = await make(bmp(options, pixels));
  if (name.includes('skip')) expect(made.pixels.slice(4, 16)).toEqual([W, W, W].flat());
  else expect(made.pixels).toEqual(WANTED);
});

test('an icon is its largest picture: PNG, or a bitmap with a mask of transparency', async () => {
  const entry = (side: number, bits: number, length: number, offset: number) => {
    const bytes = Buffer.from([side, side, 0, 0, 1, 0, bits, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    bytes.writeUInt32LE(length, 8);
    bytes.writeUInt32LE(offset, 12);
    return bytes;
  };
  const png = await sharp({ create: { width: 8, height: 8, channels: 4, background: '#12345678' } })
    .png()
    .toBuffer();
  // 4 x 4, all green; the mask hides the upper left corner.
  const old = dib({ width: 4, height: 8 }, [
    ...Array<number>(16).fill(1),
    ...[0, 0, 0, 0x80].flatMap((byte) => [byte, 0, 0, 0]),
  ]);
  const head = (pictures: number) => Buffer.from([0, 0, 1, 0, pictures, 0]);
  const both = Buffer.concat([
    head(2),
    entry(4, 8, old.length, 38),
    entry(8, 32, png.length, 38 + old.length),
    old,
    png,
  ]);
  const large = await make(both);
  expect([large.width, large.pixels.slice(0, 4)]).toEqual([8, [0x12, 0x34, 0x56, 0x78]]);
  expect(large.warnings).toEqual(['The file has 2 pictures; only its largest one was used.']);
  const small = await make(Buffer.concat([head(1), entry(4, 8, old.length, 22), old]));
  expect(small.pixels).toEqual([[0, 255, 0, 0], ...Array<readonly number[]>(15).fill(G)].flat());
});

describe('what is wrong is one sentence', () => {
  const good = () => bmp({}, [0, 1, 2, 0, 3, 3, 3, 3]);
  const changed = (at: number, value: number) => {
    const bytes = good();
    bytes.writeInt32LE(value, at);
    return bytes;
  };
  test.each<[string, () => Buffer, RegExp]>([
    ['a BMP cut in its pixels', () => good().subarray(0, -1), /^CorruptMedia: The BMP is cut short/],
    ['runs without an end', () => bmp({ compression: 1 }, [4, 3]), /^CorruptMedia: The BMP is cut short/],
    ['a BMP cut in its header', () => good().subarray(0, 20), /^CorruptMedia: The BMP is damaged: its header/],
    ['no width', () => changed(18, 0), /^CorruptMedia: The BMP is damaged: its header/],
    ['bits that do not exist', () => changed(28, 5), /^CorruptMedia: The BMP is damaged: its header/],
    ['a JPEG in a BMP', () => changed(30, 4), /^UnsupportedMedia: The BMP uses a variant/],
    [
      '2 billion pixels a side',
      () => changed(22, 2 ** 31 - 1),
      /^MediaTooLarge: The BMP has 4 x 2147483647 pixels; at most/,
    ],
    [
      'an icon that points outside',
      () => Buffer.from('\0\0\x01\0\x01\0\x08\x08\0\0\x01\0\x20\0\xff\xff\xff\x7f\x16\0\0\0', 'latin1'),
      /^CorruptMedia: The ICO \(icon\) is cut short/,
    ],
    ['a QOI cut short', () => drawn('cut.qoi').subarray(0, 200), /^CorruptMedia: The QOI is cut short/],
    [
      'a QOI of too many pixels',
      () => Buffer.from('qoif\0\0\xff\xff\0\0\xff\xff\x04\0\xff\xff', 'latin1'),
      /^MediaTooLarge: The QOI has 65535 x 65535/,
    ],
  ])('%s', async (_, bytes, sentence) => {
    expect(await refusal(bytes())).toMatch(sentence);
  });
});
