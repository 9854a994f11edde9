import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { IMAGE_FORMAT_NAMES, type ImageFormat } from '../../formats';
import type { ImagePreset } from '../../presets/schema';
import { boxes } from '../foreign/iso';
import { ImagePool } from '../pool';
import { readExif, rightsOf, writeExif } from './exif';
import { readIptc, rightsOf as rightsOfIptc, writeIptc } from './iptc';
import { blocksOf } from './items';
import { embed } from './embed';
import { filterXmp } from './xmp';
import { parseXml } from './xml';

let folder: string;
let pool: ImagePool;
beforeAll(async () => {
  pool = new ImagePool({ size: 1, timeoutMs: 60_000, maxRssBytes: 2 ** 30 });
  folder = await mkdtemp(path.join(tmpdir(), 'darkroom-metadata-'));
});
afterAll(async () => {
  await pool.close();
  await rm(folder, { recursive: true, force: true });
});

/** What must be in no file: names of the place, its numbers, and the marks of the blocks that hold them. */
const SECRETS = [
  'Kleinkleckersdorf',
  '51.4769',
  '51,28',
  'GPSLat',
  'GpsLat',
  'LocationShown',
  'secret-note',
  'regions-mark',
];

const XMP = `<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"
 xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" exif:GPSLatitude="51,28.38N" tiff:Orientation="6" photoshop:City="Kleinkleckersdorf" photoshop:Credit="Agentur"/>
<rdf:Description rdf:about="" xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:x2="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:drone="http://www.dji.com/drone-dji/1.0/" xmlns:geo="http://www.w3.org/2003/01/geo/wgs84_pos#" xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/">
 <exif:GPSLongitude>51,28.38E</exif:GPSLongitude><drone:GpsLatitude>51.4769</drone:GpsLatitude><geo:lat>51.4769</geo:lat>
 <x2:LocationShown><rdf:Bag><rdf:li rdf:parseType="Resource"><x2:City>Kleinkleckersdorf</x2:City></rdf:li></rdf:Bag></x2:LocationShown>
 <x2:ArtworkOrObject><rdf:Bag><rdf:li rdf:parseType="Resource"><x2:AOTitle>Bild &amp; Rahmen</x2:AOTitle><exif:GPSLatitude>51.4769</exif:GPSLatitude></rdf:li></rdf:Bag></x2:ArtworkOrObject>
 <mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:Name>regions-mark</mwg-rs:Name></mwg-rs:Regions>
 <dc:rights><rdf:Alt><rdf:li xml:lang="x-default">© Ada</rdf:li></rdf:Alt></dc:rights>
 <dc:title><rdf:Alt><rdf:li xml:lang="x-default">Haus</rdf:li></rdf:Alt></dc:title>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>`;

/** 60 x 40 px on its side: red on the left where the turn is undone, with a position in EXIF, IPTC and XMP. */
async function photo(): Promise<Buffer> {
  const red = await sharp({ create: { width: 60, height: 20, channels: 3, background: '#f00' } })
    .png()
    .toBuffer();
  const plain = await sharp({ create: { width: 60, height: 40, channels: 3, background: '#00f' } })
    .composite([{ input: red, top: 20, left: 0 }])
    .withMetadata({ orientation: 6 })
    .withExifMerge({
      IFD0: { Copyright: '(C) Ada 2026', Artist: 'Ada', Make: 'Kamera' },
      IFD2: { UserComment: 'a walk', MakerNote: 'secret-note', LensModel: 'Linse 50' },
      IFD3: {
        GPSLatitudeRef: 'N',
        GPSLatitude: '51/1 28/1 36/1',
        GPSLongitude: '0/1 0/1 0/1',
        GPSAreaInformation: 'Kleinkleckersdorf',
      },
    })
    .withXmp(XMP)
    .jpeg()
    .toBuffer();
  const text = (number: number, value: string) => ({ number, value: Buffer.from(value) });
  const iptc = writeIptc({
    isUtf8: true,
    sets: [text(80, 'Bea'), text(90, 'Kleinkleckersdorf'), text(105, 'Schlagzeile'), text(116, '© Bea')],
  });
  return embed('jpeg', plain, { iptc });
}

let source: Buffer;
beforeAll(async () => {
  source = await photo();
});

let runs = 0;
async function make(input: Buffer, formats: readonly ImageFormat[], preset: Partial<ImagePreset>) {
  const outputDir = await mkdtemp(path.join(folder, `${++runs}-`));
  const file = path.join(outputDir, 'in');
  await writeFile(file, input);
  const renditions = formats.map((format) => ({ name: format, format, width: 40 }));
  const limits = { maxPixels: 1_000_000, maxFrames: 10 };
  const whole: ImagePreset = { animation: 'first', colour: 'srgb', renditions, ...preset };
  const outcome = await pool.run({ input: file, outputDir, preset: whole, limits, allowSvg: false });
  return Promise.all(
    outcome.files.map(async ({ format, file: made, width, height }) => ({
      format,
      width,
      height,
      data: await readFile(made),
    })),
  );
}

/** EXIF and XMP as others find them. */
async function blocks(format: ImageFormat, data: Buffer): Promise<{ exif?: Buffer; xmp: string }> {
  if (format === 'jxl') {
    const body = (wanted: string) => boxes(data).find(({ type }) => type === wanted)?.body;
    return { exif: body('Exif')?.subarray(4), xmp: body('xml ')?.toString() ?? '' };
  }
  if (format === 'gif') {
    const at = data.indexOf('XMP DataXMP');
    return { xmp: at < 0 ? '' : data.toString('utf8', at + 11, data.length - 259) };
  }
  const { exif, xmp } = await sharp(data).metadata();
  return { exif, xmp: xmp?.toString() ?? '' };
}

const hasPosition = (data: Buffer) => [
  ...SECRETS.filter((secret) => data.includes(secret)),
  ...(/\x25\x88\x04\0|\x88\x25\0\x04/.test(data.toString('latin1')) ? ['GPS folder'] : []),
];

test('the source says where it was taken, in more ways than one', () => {
  expect(hasPosition(source).length).toBeGreaterThan(5);
});

describe.each(IMAGE_FORMAT_NAMES)('%s', (format) => {
  test('all: everything but places; upright once', async () => {
    const [made] = await make(source, [format], { metadata: 'all' });
    const { data, width, height } = made!;
    expect([width, height]).toEqual([40, 60]);
    expect(hasPosition(data)).toEqual([]);
    const { exif, xmp } = await blocks(format, data);
    expect(xmp).toContain('Haus');
    expect(xmp).toContain('Bild &amp; Rahmen');
    expect(xmp).not.toContain('Orientation');
    if (format !== 'gif') {
      expect(rightsOf(readExif(exif!)!)).toEqual({ creator: 'Ada', rights: '(C) Ada 2026' });
      expect(exif!.toString('latin1')).toContain('Linse 50');
      expect(exif!.toString('latin1')).toContain('a walk');
    }
    if (format === 'jxl') {
      // What reads JPEG XL here finds pixels and metadata.
      const [again] = await make(data, ['png'], { metadata: 'all' });
      expect((await blocks('png', again!.data)).xmp).toContain('Haus');
      expect(rightsOf(readExif((await blocks('png', again!.data)).exif!)!).creator).toBe('Ada');
      return;
    }
    const { orientation = 1 } = await sharp(data).metadata();
    expect(orientation).toBe(1);
    const { data: pixels } = await sharp(data).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    // Red was the lower half before the turn clockwise: the left one.
    expect(pixels.subarray(0, 3).every((value, n) => Math.abs(value - [255, 0, 0][n]!) < 12)).toBe(true);
  });

  test('copyright: whose picture it is, and nothing else', async () => {
    const [made] = await make(source, [format], { metadata: 'copyright' });
    const { data } = made!;
    expect(hasPosition(data)).toEqual([]);
    const { exif, xmp } = await blocks(format, data);
    expect(xmp).toContain('© Ada');
    expect(xmp).toContain('Agentur');
    for (const other of ['Haus', 'Rahmen', 'Linse', 'Kamera', 'Schlagzeile', 'a walk'])
      expect(data.includes(other)).toBe(false);
    if (format !== 'gif') expect(rightsOf(readExif(exif!)!)).toEqual({ creator: 'Ada', rights: '(C) Ada 2026' });
  });

  test('strip: nothing', async () => {
    const [made] = await make(source, [format], {});
    const { exif, xmp } = await blocks(format, made!.data);
    expect([exif, xmp, made!.data.includes('Ada'), hasPosition(made!.data)]).toEqual([undefined, '', false, []]);
  });
});

test('IPTC stays in JPEG, without the place', async () => {
  const [all] = await make(source, ['jpeg'], { metadata: 'all' });
  const { iptc } = await sharp(all!.data).metadata();
  const read = readIptc(iptc!)!;
  expect(rightsOfIptc(read)).toEqual({ creator: 'Bea', rights: '© Bea' });
  expect(read.sets.map(({ number }) => number)).toEqual([80, 105, 116]);
});

test('lossless and transparent WebP, animations and searched qualities keep metadata', async () => {
  const transparent = await sharp({
    create: { width: 60, height: 40, channels: 4, background: { r: 255, g: 0, b: 0, alpha: 0.5 } },
  })
    .withExif({ IFD0: { Artist: 'Ada' } })
    .png()
    .toBuffer();
  const moving = await sharp(Buffer.concat([Buffer.alloc(40 * 40 * 3, 10), Buffer.alloc(40 * 40 * 3, 200)]), {
    raw: { width: 40, height: 80, channels: 3, pageHeight: 40 },
  })
    .withExif({ IFD0: { Artist: 'Ada' } })
    .webp({ delay: [100, 100] })
    .toBuffer();
  const webp = { name: 'a', format: 'webp', width: 40 } as const;
  const cases: [Buffer, Partial<ImagePreset>][] = [
    [transparent, { renditions: [{ ...webp, lossless: true }] }],
    [transparent, { renditions: [{ ...webp }] }],
    [transparent, { renditions: [{ ...webp, maxBytes: 2000 }] }],
    [moving, { animation: 'keep', renditions: [{ ...webp }] }],
    [moving, { animation: 'keep', renditions: [{ ...webp, greyscale: true }] }],
  ];
  for (const [input, preset] of cases) {
    const [made] = await make(input, ['webp'], { metadata: 'copyright', ...preset });
    const { exif, hasAlpha, pages = 1, width } = await sharp(made!.data).metadata();
    expect(rightsOf(readExif(exif!)!)).toEqual({ creator: 'Ada' });
    expect([hasAlpha || pages > 1, pages, width]).toEqual([true, input === moving ? 2 : 1, 40]);
    await sharp(made!.data, { animated: true }).raw().toBuffer();
  }
});

test('an AVIF with transparency holds metadata beside its pixels, and each is found by others', async () => {
  const plain = await sharp({
    create: { width: 64, height: 48, channels: 4, background: { r: 255, g: 0, b: 0, alpha: 0.5 } },
  })
    .avif({ effort: 0 })
    .toBuffer();
  const exif = writeExif(readExif((await sharp(source).metadata()).exif!)!)!;
  const made = embed('avif', plain, { exif, xmp: Buffer.from('<x/>') });
  const { hasAlpha, xmp, exif: read } = await sharp(made).metadata();
  expect([hasAlpha, xmp?.toString(), rightsOf(readExif(read!)!).creator]).toEqual([true, '<x/>', 'Ada']);
  expect(await sharp(made).raw().toBuffer()).toEqual(await sharp(plain).raw().toBuffer());
  expect(blocksOf(made)).toEqual({ exif, xmp: Buffer.from('<x/>') });
});

test('EXIF of a TIFF is that of the file itself', async () => {
  const tiff = await sharp(source).keepMetadata().tiff().toBuffer();
  // sharp writes no EXIF into a TIFF but what a TIFF has by itself; a value is put in.
  const at = tiff.readUInt32LE(4);
  const rows = Array.from({ length: tiff.readUInt16LE(at) }, (_, n) => at + 2 + 12 * n);
  const spare = rows.find((row) => tiff.readUInt16LE(row) === 284)!;
  tiff.writeUInt16LE(315, spare);
  tiff.writeUInt16LE(2, spare + 2);
  tiff.writeUInt32LE(4, spare + 4);
  tiff.write('Cyd\0', spare + 8, 'latin1');
  const [made] = await make(tiff, ['jpeg'], { metadata: 'copyright' });
  const { exif } = await sharp(made!.data).metadata();
  expect(rightsOf(readExif(exif!)!).creator).toBe('Cyd');
});

describe('hostile metadata ends in nothing, not in an error', () => {
  test.each([
    ['an entity', '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'],
    ['tags that do not match', '<a><b></a></b>'],
    ['an end without a beginning', '</a>'],
    ['depth', '<a>'.repeat(100_000)],
    ['many spaces', `<a${' '.repeat(200_000)}`],
    ['no XML', 'just text'],
  ])('%s', (_name, text) => {
    expect(parseXml(text)).toBeUndefined();
    expect(filterXmp(text, 'all', {})).toBeUndefined();
  });

  test.each([
    ['cut off', Buffer.from('II*\0\x08\0\0\0\x05', 'latin1')],
    ['a folder in itself', Buffer.from('II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\0\0\0\0', 'latin1')],
    [
      'values beyond the end',
      Buffer.from('II*\0\x08\0\0\0\x01\0\x3b\x01\x02\0\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0', 'latin1'),
    ],
  ])('EXIF: %s', (_name, block) => {
    const exif = readExif(block);
    expect(exif && rightsOf(exif)).toEqual({});
  });
});
