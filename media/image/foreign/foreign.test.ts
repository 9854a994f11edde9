/** Files that sharp does not read, and pictures whose colours are not sRGB, as phones and cameras make them. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import sharp from 'sharp';
import { clipFolder, ffmpeg } from '../../../test/support/clips';
import { heic, type HeicOptions } from '../../../test/support/heif';
import { projectRoot } from '../../../common/paths';
import { sniff } from '../../sniff';
import { processImage } from '../process';
import { isHdr, toDisplay } from './colour';
import { mainPicture } from './iso';

const folder = clipFolder();
afterAll(folder.remove);
let count = 0;

/** Makes one PNG of a file; what is in it, and what was said. */
async function make(bytes: Buffer, maxPixels = 10_000_000) {
  const at = folder.at(`case-${count++}`);
  mkdirSync(at);
  writeFileSync(`${at}/in`, bytes);
  const preset = {
    animation: 'first' as const,
    colour: 'srgb' as const,
    renditions: [{ name: 'all', format: 'png' as const }],
  };
  const { source, files, warnings } = await processImage({
    ...{ input: `${at}/in`, outputDir: at, preset, allowSvg: false, limits: { maxPixels, maxFrames: 10 } },
  });
  const { data, info } = await sharp(files[0]?.file).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const pixel = (x: number, y: number) => [...data.subarray(3 * (y * info.width + x), 3 * (y * info.width + x) + 3)];
  return { source, warnings, width: info.width, height: info.height, pixel };
}

const near = (pixel: number[], wanted: number[], by = 12) => {
  expect({ pixel, off: pixel.some((value, n) => Math.abs(value - (wanted[n] ?? 0)) > by) }).toEqual({
    pixel,
    off: false,
  });
};
const refusal = (bytes: Buffer, maxPixels?: number) =>
  make(bytes, maxPixels).then(
    () => 'accepted',
    (error: { type: string; message: string }) => `${error.type}: ${error.message}`,
  );

describe('HEIC', () => {
  const red = 'color=red:s=64x64,drawbox=x=0:y=0:w=32:h=32:color=white:t=fill';
  const phone = (options: Partial<HeicOptions> = {}) =>
    heic({ width: 64, height: 64, tiles: [red], ...options }, folder.at(`heic-${count++}`));

  test('is read', async () => {
    const { source, width, height, pixel } = await make(phone());
    expect([source.format, width, height]).toEqual(['heic', 64, 64]);
    near(pixel(10, 10), [255, 255, 255]);
    near(pixel(50, 50), [255, 0, 0]);
  });

  test('of several tiles is one picture', async () => {
    const { width, height, pixel } = await make(phone({ tiles: [red, 'color=blue:s=64x64'] }));
    expect([width, height]).toEqual([128, 64]);
    near(pixel(50, 50), [255, 0, 0]);
    near(pixel(100, 50), [0, 0, 255]);
  });

  test('is turned and mirrored as it says', async () => {
    const wide = { tiles: ['color=red:s=128x64,drawbox=x=0:y=0:w=32:h=32:color=white:t=fill'], width: 128 };
    // A quarter turn anticlockwise brings the upper left corner to the lower left.
    const turned = await make(phone({ ...wide, turns: 1 }));
    expect([turned.width, turned.height]).toEqual([64, 128]);
    near(turned.pixel(10, 118), [255, 255, 255]);
    const mirrored = await make(phone({ ...wide, mirrored: true }));
    near(mirrored.pixel(118, 10), [255, 255, 255]);
    near(mirrored.pixel(10, 10), [255, 0, 0]);
  });

  test('of too many pixels is refused by what it states, before it is decoded', async () => {
    expect(await refusal(phone({ claims: [20_000, 20_000] }), 1e9)).toMatch(/^MediaTooLarge: .*20000 x 20000/);
  });

  test('that is damaged or cut is one sentence', async () => {
    // libheif prints what it finds.
    jest.spyOn(console, 'log').mockImplementation(() => undefined);
    const bytes = phone();
    expect(await refusal(bytes.subarray(0, bytes.length - 100))).toMatch(/^CorruptMedia: The HEIC/);
    expect(await refusal(bytes.subarray(0, 60))).toMatch(/^CorruptMedia: The HEIC/);
  });

  test('comes with the licence of its decoder', () => {
    const licence = readFileSync(`${projectRoot()}/licences/libheif-js.txt`, 'utf8');
    expect(licence).toMatch(/GNU LESSER GENERAL PUBLIC LICENSE/);
    expect(existsSync(`${projectRoot()}/node_modules/libheif-js/libheif-wasm/libheif-bundle.js`)).toBe(true);
  });
});

/** A TIFF of folders behind one another, little-endian; numbers only. */
function tiff(folders: [tag: number, value: number | Buffer][][]): Buffer {
  const parts: Buffer[] = [Buffer.from('II*\0\x08\0\0\0', 'latin1')];
  let at = 8;
  folders.forEach((tags, n) => {
    const ifd = Buffer.alloc(2 + 12 * tags.length + 4);
    const extra: Buffer[] = [];
    let free = at + ifd.length;
    ifd.writeUInt16LE(tags.length);
    tags.forEach(([tag, value], index) => {
      const entry = 2 + 12 * index;
      ifd.writeUInt16LE(tag, entry);
      ifd.writeUInt16LE(typeof value === 'number' ? 4 : 2, entry + 2);
      ifd.writeUInt32LE(typeof value === 'number' ? 1 : value.length, entry + 4);
      ifd.writeUInt32LE(typeof value === 'number' ? value : free, entry + 8);
      if (typeof value === 'number') return;
      extra.push(value);
      free += value.length;
    });
    ifd.writeUInt32LE(n + 1 < folders.length ? free : 0, ifd.length - 4);
    parts.push(ifd, ...extra);
    at = free;
  });
  return Buffer.concat(parts);
}

describe('raw photos', () => {
  const flat = (width: number, height: number, background: string) =>
    sharp({ create: { width, height, channels: 3, background } })
      .jpeg()
      .toBuffer();
  /** Folders, then the JPEGs whose places they name. */
  async function raw(marks: [number, number | Buffer][], sizes: [number, number][], orientation = 1): Promise<Buffer> {
    const jpegs = await Promise.all(sizes.map(([width, height], n) => flat(width, height, n === 0 ? 'red' : 'lime')));
    const folders = (base: number) =>
      tiff(
        jpegs.map((jpeg, n) => {
          const before = jpegs.slice(0, n).reduce((sum, { length }) => sum + length, base);
          const place: [number, number | Buffer][] = [
            [259, 7],
            [262, 6],
            [273, before],
            [279, jpeg.length],
          ];
          const first: [number, number | Buffer][] = [[254, 1], ...place, [274, orientation], ...marks];
          return (n === 0 ? first : place).sort(([a], [b]) => a - b);
        }),
      );
    return Buffer.concat([folders(folders(0).length), ...jpegs]);
  }

  test('a DNG is its largest preview, upright, with a warning, and never its thumbnail', async () => {
    const { source, pixel, warnings, width, height } = await make(
      await raw(
        [[50706, 1025]],
        [
          [160, 120],
          [800, 600],
        ],
        6,
      ),
    );
    expect([source.format, width, height]).toEqual(['dng', 600, 800]);
    near(pixel(100, 100), [0, 255, 0]);
    expect(warnings).toEqual(['This is a raw photo, DNG: the preview in it, 800 x 600 pixels, was used.']);
  });

  test('one with a thumbnail only is refused by its name', async () => {
    expect(
      await refusal(
        await raw(
          [
            [271, Buffer.from('NIKON CORPORATION\0')],
            [330, 8],
          ],
          [[160, 120]],
        ),
      ),
    ).toBe(
      'UnsupportedMedia: This is a raw photo, NEF (Nikon), with no larger preview than 160 x 120 pixels in it; ' +
        'send a developed JPEG instead.',
    );
  });

  test('one of a structure of its own is searched for its preview', async () => {
    const raf = Buffer.concat([
      Buffer.from('FUJIFILMCCD-RAW 0201'),
      Buffer.alloc(200, 7),
      await flat(700, 500, 'lime'),
    ]);
    const { source, width } = await make(raf);
    expect([source.format, width]).toEqual(['raf', 700]);
  });

  test.each([
    ['orf', Buffer.from('IIRO\x08\0\0\0')],
    ['rw2', Buffer.from('IIU\0\x18\0\0\0')],
    [
      'arw',
      tiff([
        [
          [254, 1],
          [271, Buffer.from('SONY\0')],
          [330, 8],
        ],
      ]),
    ],
    [
      'pef',
      tiff([
        [
          [259, 65_535],
          [271, Buffer.from('PENTAX Corporation\0')],
        ],
      ]),
    ],
    [
      'rawphoto',
      tiff([
        [
          [262, 32_803],
          [271, Buffer.from('Hasselblad\0')],
        ],
      ]),
    ],
    [
      'tiff',
      tiff([
        [
          [254, 0],
          [259, 1],
          [271, Buffer.from('Canon\0')],
        ],
      ]),
    ],
  ])('%s is told by its beginning', (format, head) => {
    expect(sniff(head)?.format).toBe(format);
  });
});

describe('a JPEG without its end marker', () => {
  const whole = () =>
    sharp(ffmpeg('-f lavfi -i testsrc2=s=200x120 -frames:v 1', folder.at('t.png')))
      .jpeg()
      .toBuffer();

  test.each([2, 1])('is whole, with a warning: %d bytes are missing', async (missing) => {
    const bytes = await whole();
    const [mended, reference] = [await make(bytes.subarray(0, -missing)), await make(bytes)];
    expect(mended.warnings).toEqual(['The file lacks its end marker; nothing of the picture is missing.']);
    for (const [x, y] of [
      [0, 0],
      [199, 119],
      [100, 60],
    ] as const)
      expect(mended.pixel(x, y)).toEqual(reference.pixel(x, y));
  });

  test('is refused where pixels are missing too', async () => {
    const bytes = await whole();
    expect(await refusal(bytes.subarray(0, bytes.length - 200))).toMatch(/^CorruptMedia: The JPEG is cut short/);
  });
});

describe('HDR', () => {
  /** An AVIF of one grey; `transfer` as ffmpeg names it. */
  const avif = (level: number, transfer: string) => {
    const grey = `geq=lum=${level}:cb=512:cr=512`;
    const words = `-f lavfi -i color=gray:s=64x64,format=yuv420p10le,${grey} -frames:v 1 -c:v libaom-av1 -still-picture 1`;
    const colours = `-color_primaries bt2020 -color_trc ${transfer} -colorspace bt2020nc -color_range pc`;
    return readFileSync(ffmpeg(`${words} -cpu-used 8 ${colours} -f avif`, folder.at(`hdr-${count++}.avif`)));
  };

  // Diffuse white is 203 cd/m2, 58 % of PQ's signal and 75 % of HLG's.
  test.each([
    ['smpte2084', 594, 195, 245],
    ['smpte2084', 1000, 240, 255],
    ['smpte2084', 200, 10, 60],
    ['arib-std-b67', 767, 195, 245],
  ])('%s at %d of 1023 is tone-mapped to SDR, with a warning', async (transfer, level, least, most) => {
    const { pixel, warnings } = await make(avif(level, transfer));
    const [red = 0, green = 0] = pixel(32, 32);
    expect(red).toBeGreaterThanOrEqual(least);
    expect(red).toBeLessThanOrEqual(most);
    expect(Math.abs(red - green)).toBeLessThanOrEqual(2);
    expect(warnings).toEqual(['The picture is HDR; it was tone-mapped to SDR.']);
  });

  test('SDR is left as it is', async () => {
    const { warnings, pixel } = await make(
      await sharp({ create: { width: 8, height: 8, channels: 3, background: '#804020' } })
        .avif({ lossless: true })
        .toBuffer(),
    );
    near(pixel(4, 4), [128, 64, 32], 3);
    expect(warnings).toEqual([]);
  });

  test('brighter light is never darker, and wide primaries are converted', () => {
    const ramp = Uint16Array.from({ length: 300 }, (_, n) => Math.floor(n / 3) * 655);
    const shown = [...toDisplay(ramp, 3, { primaries: 9, transfer: 16 })].filter((_, n) => n % 3 === 0);
    expect(shown).toEqual([...shown].sort((a, b) => a - b));
    // Red of Display P3 is outside of sRGB.
    expect([...toDisplay(Uint8Array.of(234, 51, 35), 3, { primaries: 12, transfer: 13 })][0]).toBeGreaterThan(250);
  });

  test('what is no picture file has no main picture', () => {
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(64, 255), Buffer.from('\0\0\0\x0cmeta\0\0\0\0')]) {
      expect(mainPicture(bytes)).toEqual({});
    }
    expect(isHdr(undefined)).toBe(false);
  });
});
