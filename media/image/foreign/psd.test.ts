/** Photoshop files, written by hand from Adobe's description; ffmpeg reads those that its decoder knows, too. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import sharp from 'sharp';
import { clipFolder, ffmpeg } from '../../../test/support/clips';
import { processImage } from '../process';

const folder = clipFolder();
afterAll(folder.remove);
let count = 0;

interface Drawn {
  mode?: number;
  depth?: number;
  width?: number;
  height?: number;
  /** Lines of each channel, as bytes. */
  planes: number[][][];
  packed?: boolean;
  large?: boolean;
  palette?: number[];
  /** Image resources: number and content. */
  resources?: [number, Buffer][];
  /** The section of layers, without its length. */
  layers?: Buffer;
  /** Replaces the number of the compression. */
  compression?: number;
}

const u16 = (...values: number[]) =>
  Buffer.concat(values.map((value) => Buffer.from([(value >> 8) & 255, value & 255])));
const u32 = (...values: number[]) =>
  Buffer.concat(values.map((value) => u16(Math.floor(value / 65_536), value % 65_536)));

/** Runs of two and more equal bytes are written as runs. @param idle what stands between them and means nothing */
function packBits(row: number[], idle: number[]): Buffer {
  const bytes: number[] = [];
  for (let at = 0; at < row.length;) {
    let run = 1;
    while (row[at + run] === row[at] && run < 128) run++;
    bytes.push(...(run > 1 ? [257 - run, row[at]!] : [...idle, 0, row[at]!]));
    at += run;
  }
  return Buffer.from(bytes);
}

function psd({ mode = 3, depth = 8, width = 4, height = 2, planes, packed, large = false, ...more }: Drawn): Buffer {
  const { palette = [], resources = [], layers, compression = packed ? 1 : 0 } = more;
  const long = (length: number) => (large ? u32(0, length) : u32(length));
  const blocks = resources.map(([id, data]) =>
    Buffer.concat([Buffer.from('8BIM'), u16(id, 0), u32(data.length), data, Buffer.alloc(data.length % 2)]),
  );
  const rows = planes.flat();
  const lines = rows.map((row) => (packed ? packBits(row, large ? [128] : []) : Buffer.from(row)));
  const counts = lines.map(({ length }) => (large ? u32(length) : u16(length)));
  const resourceBytes = Buffer.concat(blocks);
  return Buffer.concat([
    ...[
      Buffer.from('8BPS'),
      u16(large ? 2 : 1),
      Buffer.alloc(6),
      u16(planes.length),
      u32(height, width),
      u16(depth, mode),
    ],
    ...[u32(palette.length), Buffer.from(palette), u32(resourceBytes.length), resourceBytes],
    ...[long(layers?.length ?? 0), layers ?? Buffer.alloc(0), u16(compression), ...(packed ? counts : []), ...lines],
  ]);
}

async function make(bytes: Buffer, maxPixels = 1_000_000) {
  const at = folder.at(`case-${count++}`);
  mkdirSync(at);
  writeFileSync(`${at}/in`, bytes);
  const { source, files, warnings } = await processImage({
    ...{ input: `${at}/in`, outputDir: at, allowSvg: false, limits: { maxPixels, maxFrames: 10 } },
    preset: { animation: 'first', colour: 'srgb', renditions: [{ name: 'all', format: 'png' }] },
  });
  const { data, info } = await sharp(files[0]?.file).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  return { format: source.format, warnings, size: [info.width, info.height], pixels: [...data] };
}
const refusal = (bytes: Buffer, maxPixels?: number) =>
  make(bytes, maxPixels).then(
    () => 'accepted',
    (error: { type: string; message: string }) => `${error.type}: ${error.message}`,
  );

/** Red, green, blue, white; then black, grey, yellow, black. */
const [RED, GREEN, BLUE] = [
  [[255, 0, 0, 255], [0, 128, 255, 0]],
  [[0, 255, 0, 255], [0, 128, 255, 0]],
  [[0, 0, 255, 255], [0, 128, 0, 0]],
] as [number[][], number[][], number[][]]; // prettier-ignore
const COLOURS = [
  ...[[255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 255], [255, 255, 255, 255]],
  ...[[0, 0, 0, 255], [128, 128, 128, 255], [255, 255, 0, 255], [0, 0, 0, 255]],
].flat(); // prettier-ignore
const wide = (rows: number[][]) => rows.map((row) => row.flatMap((value) => [value, value]));
const GREY = [[0, 85, 170, 255], [255, 128, 64, 0]]; // prettier-ignore
const greys = GREY.flat().flatMap((value) => [value, value, value, 255]);
const PALETTE = [...Array.from({ length: 768 }, () => 0)];
[[255, 0, 0], [0, 255, 0], [0, 0, 255]].forEach((colour, n) => colour.forEach((value, part) => (PALETTE[256 * part + n] = value))); // prettier-ignore

test.each<[string, Drawn, number[]]>([
  ['RGB', { planes: [RED, GREEN, BLUE] }, COLOURS],
  ['RGB, packed', { planes: [RED, GREEN, BLUE], packed: true }, COLOURS],
  ['RGB of 16 bits', { planes: [wide(RED), wide(GREEN), wide(BLUE)], depth: 16 }, COLOURS],
  ['RGB, packed, in the large variant', { planes: [RED, GREEN, BLUE], packed: true, large: true }, COLOURS],
  ['RGB and a channel of a selection', { planes: [RED, GREEN, BLUE, GREY] }, COLOURS],
  ['grey', { mode: 1, planes: [GREY] }, greys],
  ['duotone', { mode: 8, planes: [GREY], palette: [1, 2, 3] }, greys],
  ['indexed', { mode: 2, planes: [[[0, 1, 2, 3], [3, 2, 1, 0]]], palette: PALETTE }, [0, 1, 2, 3, 3, 2, 1, 0].flatMap((n) => [n === 0 ? 255 : 0, n === 1 ? 255 : 0, n === 2 ? 255 : 0, 255])], // prettier-ignore
  ['bitmap', { mode: 0, depth: 1, width: 10, height: 1, planes: [[[0b10101010, 0b01000000]]] }, [1, 0, 1, 0, 1, 0, 1, 0, 0, 1].flatMap((bit) => [...Array.from({ length: 3 }, () => (bit ? 0 : 255)), 255])], // prettier-ignore
])('%s: the picture of all layers', async (_, drawn, pixels) => {
  const { width = 4, height = 2 } = drawn;
  expect(await make(psd(drawn))).toEqual({ format: 'psd', warnings: [], size: [width, height], pixels });
});

/** Half red on white, nothing, red, and white half through. */
const SHOWN: Drawn = {
  ...{ width: 4, height: 1 },
  planes: [[[255, 255, 255, 255]], [[127, 255, 0, 255]], [[127, 255, 0, 255]], [[128, 0, 255, 128]]],
};
const SEEN = [255, 0, 0, 128, 255, 255, 255, 0, 255, 0, 0, 255, 255, 255, 255, 128];

test.each<[string, Partial<Drawn>]>([
  ['a negative count of layers', { layers: Buffer.concat([u32(2), u16(0xffff)]) }],
  ['of 16 bits, a block behind the layers', { layers: Buffer.concat([u32(0, 0), Buffer.from('8BIMMt16'), u32(0)]) }],
])('transparency of the merged picture, which %s tells; white is taken off the colours', async (_, more) => {
  const { pixels } = await make(psd({ ...SHOWN, ...more }));
  expect(pixels.map((value, at) => (at >= 4 && at < 7 ? 0 : value))).toEqual(SEEN.map((value, at) => (at >= 4 && at < 7 ? 0 : value))); // prettier-ignore
});

test('ffmpeg reads the same pixels', async () => {
  const bytes = psd({ planes: [RED, GREEN, BLUE], packed: true });
  writeFileSync(folder.at('own.psd'), bytes);
  const png = readFileSync(ffmpeg(`-f image2 -c:v psd -i ${folder.at('own.psd')} -pix_fmt rgba`, folder.at('own.png')));
  expect((await make(bytes)).pixels).toEqual([...(await sharp(png).raw().toBuffer())]);
});

test('the profile of the file counts', async () => {
  const p3 = await sharp({ create: { width: 1, height: 1, channels: 3, background: 'red' } }).withIccProfile('p3').png().toBuffer(); // prettier-ignore
  const { icc } = await sharp(p3).metadata();
  const green = { width: 1, height: 1, planes: [[[64]], [[192]], [[64]]] };
  const { pixels } = await make(psd({ ...green, resources: [[1039, icc!]] }));
  // Display P3's green is stronger than what sRGB calls by the same numbers.
  expect(pixels[0]).toBeLessThan(50);
  expect((await make(psd(green))).pixels).toEqual([64, 192, 64, 255]);
});

test.each<[string, Buffer, RegExp]>([
  ['CMYK', psd({ mode: 4, planes: [RED, GREEN, BLUE, GREY] }), /^UnsupportedMedia: This is a Photoshop file in CMYK of 8 bits, which is not read here; save it as PNG/], // prettier-ignore
  ['32 bits', psd({ depth: 32, planes: [RED, GREEN, BLUE] }), /in RGB of 32 bits/],
  ['no merged picture', psd({ planes: [RED, GREEN, BLUE], resources: [[1057, Buffer.from([0, 0, 0, 1, 0])]] }), /^UnsupportedMedia: .*Maximize Compatibility/], // prettier-ignore
  ['zip', psd({ planes: [RED, GREEN, BLUE], compression: 2 }), /^UnsupportedMedia: .*compression/],
  ['cut short', psd({ planes: [RED, GREEN, BLUE] }).subarray(0, -1), /^CorruptMedia: .*cut short/],
  [
    'cut short, packed',
    psd({ planes: [RED, GREEN, BLUE], packed: true }).subarray(0, -1),
    /^CorruptMedia: .*cut short/,
  ],
  ['cut in the header', psd({ planes: [RED] }).subarray(0, 20), /^CorruptMedia: .*cut short/],
  ['fewer channels than colours', psd({ planes: [RED] }), /^CorruptMedia/],
  ['a palette that is too small', psd({ mode: 2, planes: [RED], palette: [1, 2, 3] }), /^CorruptMedia/],
  ['a line that is too long', psd({ width: 3, planes: [RED, GREEN, [[255, 255, 255, 255], [0, 0, 0, 0]]], packed: true }), /^CorruptMedia/], // prettier-ignore
  ['no width', psd({ width: 0, planes: [RED, GREEN, BLUE] }), /^CorruptMedia/],
])('%s is refused in one sentence', async (_, bytes, sentence) => {
  expect(await refusal(bytes)).toMatch(sentence);
});

test('a large picture is refused before memory is taken for it', async () => {
  expect(await refusal(psd({ width: 30_000, height: 30_000, planes: [RED, GREEN, BLUE] }), 100)).toMatch(
    /^MediaTooLarge: The PSD \(Photoshop\) has 30000 x 30000 pixels; at most 100 are read/,
  );
});
