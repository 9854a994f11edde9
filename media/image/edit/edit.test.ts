import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import type { ImagePreset, ImageRenditionSpec } from '../../presets/schema';
import { parsePreset } from '../../presets';
import { processImage } from '../process';
import type { ImageTask } from '../types';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'darkroom-edit-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Letters of a picture's cells, as the pixels of their middles: `R` is red. */
const COLOURS = { R: [255, 0, 0], G: [0, 160, 0], B: [0, 0, 255], W: [255, 255, 255], K: [0, 0, 0], Y: [255, 255, 0] };
type Letter = keyof typeof COLOURS;

/** A picture of cells, 20 px each. */
function painted(rows: string[]) {
  const [width, height] = [rows[0]!.length * 20, rows.length * 20];
  const data = Buffer.alloc(width * height * 3);
  for (let at = 0; at < width * height; at++) {
    const letter = rows[Math.floor(at / width / 20)]![Math.floor((at % width) / 20)] as Letter;
    data.set(COLOURS[letter], at * 3);
  }
  return sharp(data, { raw: { width, height, channels: 3 } });
}

/** The nearest letter at the middle of each cell; `.` where transparent. */
async function cells(file: string, across: number, down: number, page = 0): Promise<string[]> {
  const { data, info } = await sharp(file, { page })
    .toColourspace('srgb')
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const letterAt = (x: number, y: number): string => {
    const [r = 0, g = 0, b = 0, a = 0] = data.subarray((y * info.width + x) * 4, (y * info.width + x) * 4 + 4);
    if (a < 128) return '.';
    const distance = ([cr = 0, cg = 0, cb = 0]: number[]) => (r - cr) ** 2 + (g - cg) ** 2 + (b - cb) ** 2;
    return Object.entries(COLOURS).sort(([, one], [, other]) => distance(one) - distance(other))[0]![0];
  };
  const middle = (cell: number, count: number, length: number) => Math.floor(((cell + 0.5) * length) / count);
  return Array.from({ length: down }, (_row, y) =>
    Array.from({ length: across }, (_cell, x) =>
      letterAt(middle(x, across, info.width), middle(y, down, info.height)),
    ).join(''),
  );
}

let runs = 0;
async function make(
  source: Buffer,
  specs: Partial<ImageRenditionSpec>[],
  preset: Partial<ImagePreset> = {},
  faces?: ImageTask['faces'],
) {
  const outputDir = await mkdtemp(path.join(folder, `${++runs}-`));
  const input = path.join(outputDir, 'in');
  await writeFile(input, source);
  const renditions = specs.map((spec, i): ImageRenditionSpec => ({ name: `r${i}`, format: 'png', ...spec }));
  const whole: ImagePreset = { animation: 'first', colour: 'srgb', renditions, ...preset };
  const limits = { maxPixels: 10_000_000, maxFrames: 100 };
  return processImage({ input, outputDir, preset: whole, limits, allowSvg: false, faces });
}

/** One rendition of a painted picture: its size in cells of 20 px, and its cells. */
async function only(rows: string[], spec: Partial<ImageRenditionSpec>, preset: Partial<ImagePreset> = {}) {
  const { files, warnings } = await make(await painted(rows).png().toBuffer(), [spec], preset);
  const [{ file, width, height }] = files as [(typeof files)[0]];
  return { file, width, height, warnings, look: await cells(file, Math.round(width / 20), Math.round(height / 20)) };
}

const WIDE = ['RGBW', 'YKRG'];

describe('fit', () => {
  test.each<[string, Partial<ImageRenditionSpec>, string[]]>([
    ['cover keeps the middle', { fit: 'cover', width: 40, height: 40 }, ['GB', 'KR']],
    ['cover, east', { fit: 'cover', width: 40, height: 40, gravity: 'east' }, ['BW', 'RG']],
    ['cover, northwest', { fit: 'cover', width: 80, height: 20, gravity: 'northwest' }, ['RGBW']],
    ['cover, south', { fit: 'cover', width: 80, height: 20, gravity: 'south' }, ['YKRG']],
    ['cover with dpr', { fit: 'cover', width: 20, height: 20, dpr: 2, gravity: 'west' }, ['RG', 'YK']],
    ['contain is transparent around', { fit: 'contain', width: 80, height: 80 }, ['....', 'RGBW', 'YKRG', '....']],
    [
      'contain at an edge, on a colour',
      { fit: 'contain', width: 80, height: 80, gravity: 'north', background: '#00a000' },
      ['RGBW', 'YKRG', 'GGGG', 'GGGG'],
    ],
    [
      'contain in JPEG is white around',
      { format: 'jpeg', fit: 'contain', width: 80, height: 120 },
      ['WWWW', 'WWWW', 'RGBW', 'YKRG', 'WWWW', 'WWWW'],
    ],
    ['outside is not enlarged', { fit: 'outside', width: 400, height: 20 }, ['RGBW', 'YKRG']],
    ['rotate', { width: 80, rotate: 90 }, ['YR', 'KG', 'RB', 'GW']],
    ['rotate and cover', { width: 40, height: 40, fit: 'cover', gravity: 'south', rotate: 90 }, ['RB', 'GW']],
    ['flip horizontal', { width: 80, flip: 'horizontal' }, ['WBGR', 'GRKY']],
    ['flip vertical', { width: 80, flip: 'vertical' }, ['YKRG', 'RGBW']],
    ['rotate, then flip', { width: 80, rotate: 270, flip: 'vertical' }, ['RY', 'GK', 'BR', 'WG']],
    ['pad', { width: 80, pad: 20, background: '#0000ff' }, ['BBBBBB', 'BRGBWB', 'BYKRGB', 'BBBBBB']],
    ['pad of a turned picture', { width: 80, rotate: 90, pad: 20 }, ['....', '.YR.', '.KG.', '.RB.', '.GW.', '....']],
  ])('%s', async (_name, spec, look) => {
    expect((await only(WIDE, spec)).look).toEqual(look);
  });

  test('sizes hold to the pixel', async () => {
    const source = await painted(WIDE).png().toBuffer();
    const { files } = await make(source, [
      { fit: 'cover', width: 33, height: 17 },
      { fit: 'contain', width: 50, height: 50 },
      { fit: 'outside', width: 20, height: 20 },
      { fit: 'cover', width: 64, height: 64, rotate: 90 },
    ]);
    expect(files.map(({ width, height }) => [width, height])).toEqual([[33, 17], [50, 50], [40, 20], [40, 40]]); // prettier-ignore
  });
});

describe('what is kept', () => {
  test('the focus of the job, as far as the edges allow; in a turned picture, too', async () => {
    const square = { fit: 'cover', width: 40, height: 40, gravity: 'focus' } as const;
    const at = async (x: number, spec: Partial<ImageRenditionSpec> = {}) =>
      (await only(WIDE, { ...square, ...spec }, { focus: { x, y: 0.5 } })).look;
    expect(await at(0)).toEqual(['RG', 'YK']);
    expect(await at(0.5)).toEqual(['GB', 'KR']);
    expect(await at(0.9)).toEqual(['BW', 'RG']);
    expect(await at(0.9, { rotate: 180 })).toEqual(['GR', 'WB']);
    const box = await only(WIDE, square, { focus: { x: 0.6, y: 0, width: 0.3, height: 0.2 } });
    expect(box.look).toEqual(['BW', 'RG']);
  });

  test('the part of the job, in all renditions', async () => {
    const right = { crop: { x: 0.5, y: 0, width: 0.5, height: 1 } };
    expect((await only(WIDE, { width: 80 }, right)).look).toEqual(['BW', 'RG']);
    const focused = { ...right, focus: { x: 0.9, y: 0.5 } };
    const narrow = { fit: 'cover', width: 20, height: 40, gravity: 'focus' } as const;
    expect((await only(WIDE, narrow, focused)).look).toEqual(['W', 'G']);
  });

  test.each(['attention', 'entropy'] as const)('%s finds the one thing in a plain picture', async (gravity) => {
    const rows = ['KKKKKKKK', 'KKKKKKRK'];
    const { look } = await only(rows, { fit: 'cover', width: 40, height: 40, gravity });
    expect(look.join('')).toContain('R');
  });

  test('a region in XMP, which is said of the stored pixels', async () => {
    const xmp = (type: string, x: number, y: number) =>
      `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
      <rdf:Description xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"
       xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#"><mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:RegionList><rdf:Bag>
      <rdf:li><rdf:Description mwg-rs:Type="${type}"><mwg-rs:Area stArea:x="${x}" stArea:y="${y}" stArea:w="0.1" stArea:h="0.1"
       stArea:unit="normalized"/></rdf:Description></rdf:li></rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>
      </rdf:Description></rdf:RDF></x:xmpmeta>`;
    const square: Partial<ImageRenditionSpec> = { fit: 'cover', width: 40, height: 40, gravity: 'focus' };
    const look = async (source: sharp.Sharp, text: string, orientation: number) => {
      const jpeg = await source.withXmp(text).withMetadata({ orientation }).jpeg({ quality: 95, chromaSubsampling: '4:4:4' }).toBuffer(); // prettier-ignore
      const { files, warnings } = await make(jpeg, [square]);
      return [await cells(files[0]!.file, 2, 2), warnings];
    };
    expect(await look(painted(WIDE), xmp('Focus', 0.9, 0.5), 1)).toEqual([['BW', 'RG'], []]);
    expect(await look(painted(WIDE), xmp('Face', 0.05, 0.5), 3)).toEqual([['KY', 'GR'], []]);
    const warning = 'Neither the job nor the file says where its focus is; the middle was kept.';
    expect(await look(painted(WIDE), xmp('Pet', 0.05, 0.5), 1)).toEqual([['GB', 'KR'], [warning]]);
  });

  test('trim cuts a plain border off, and leaves a picture of one colour whole', async () => {
    const bordered = ['WWWWW', 'WRGWW', 'WBYWW', 'WWWWW'];
    expect((await only(bordered, { width: 400, trim: 10 })).look).toEqual(['RG', 'BY']);
    expect((await only(bordered, { width: 20, trim: 10 })).width).toBe(20);
    expect((await only(['WWW'], { width: 400, trim: 10 })).look).toEqual(['WWW']);
    // The GIF of sharp's tests, grey-plus-alpha.gif: smaller than anything that has a border.
    const gif = Buffer.from('R0lGODlhAgABAIAAAGVlZf///yH5BAEAAAEALAAAAAACAAEAAAICRAoAOw==', 'base64');
    expect((await make(gif, [{ width: 400, trim: 10 }])).files[0]).toMatchObject({ width: 2, height: 1 });
  });
});

describe('look', () => {
  const deviation = async (file: string) => (await sharp(file).greyscale().stats()).channels[0]!.stdev;

  test('greyscale has no colour, and its background may have one', async () => {
    const { file } = await only(['RG', 'BY'], { width: 40, greyscale: true });
    const { channels } = await sharp(file).toColourspace('srgb').stats();
    expect(new Set(channels.slice(0, 3).map(({ mean }) => Math.round(mean))).size).toBe(1);
    const padded = await only(['RR', 'RR'], { width: 40, greyscale: true, pad: 20, background: '#0000ff' });
    expect(padded.look[0]).toBe('BBBB');
    expect(padded.look[1]![1]).not.toBe('R');
  });

  test('greyscale keeps transparency, also under a border, a budget and in what moves', async () => {
    const half = sharp({ create: { width: 40, height: 20, channels: 4, background: '#fff' } }).composite([
      { input: { create: { width: 20, height: 20, channels: 4, background: '#000' } }, left: 20, top: 0, blend: 'dest-out' },
    ]); // prettier-ignore
    const still = await half.png().toBuffer();
    const grey = { width: 40, greyscale: true };
    const specs = [grey, { ...grey, pad: 20 }, { ...grey, format: 'webp', maxBytes: 10_000 }] as const;
    const looks = (await make(still, [...specs])).files.map(({ file, width, height }) => cells(file, width / 20, height / 20)); // prettier-ignore
    expect(await Promise.all(looks)).toEqual([['W.'], ['....', '.W..', '....'], ['W.']]);
    const moving = await sharp([still, still], { join: { animated: true } })
      .webp({ lossless: true })
      .toBuffer();
    const { files } = await make(moving, [{ ...grey, format: 'webp' }], { animation: 'keep' });
    expect(await cells(files[0]!.file, 2, 1, 1)).toEqual(['W.']);
  });

  test('blur softens, sharpen hardens, and neither reaches into the padding', async () => {
    const rows = ['KWKWKW', 'WKWKWK'];
    const plain = await only(rows, { width: 60 });
    const blurred = await only(rows, { width: 60, blur: 8 });
    const soft = await painted(rows).blur(6).png().toBuffer();
    const { files } = await make(soft, [{ width: 60 }, { width: 60, sharpen: 2 }]);
    expect(await deviation(blurred.file)).toBeLessThan((await deviation(plain.file)) / 2);
    expect(await deviation(files[1]!.file)).toBeGreaterThan((await deviation(files[0]!.file)) * 1.02);
    const { file } = await only(['KK', 'KK'], { width: 40, blur: 10, pad: 20, background: '#ffffff' });
    expect(await cells(file, 4, 4)).toEqual(['WWWW', 'WKKW', 'WKKW', 'WWWW']);
    expect([...(await sharp(file).extract({ left: 18, top: 40, width: 1, height: 1 }).raw().toBuffer())][0]).toBe(255);
  });

  test('background lies behind transparency in every format', async () => {
    const clear = await sharp({ create: { width: 40, height: 40, channels: 4, background: { r: 255, g: 0, b: 0, alpha: 0 } } }).png().toBuffer(); // prettier-ignore
    const { files } = await make(clear, [{ width: 20, background: '#0000ff' }, { width: 20, format: 'jpeg', background: '#0000ff' }]); // prettier-ignore
    for (const { file } of files) expect(await cells(file, 1, 1)).toEqual(['B']);
  });
});

test('movement: every frame is edited by the plan of the first', async () => {
  const frames = await Promise.all([['RGBW'], ['GBWR'], ['BWRG']].map((rows) => painted(rows).png().toBuffer()));
  const gif = await sharp(frames, { join: { animated: true } }).gif({ delay: [100, 200, 300], loop: 2 }).toBuffer(); // prettier-ignore
  const spec = { format: 'webp', lossless: true, width: 40, height: 20, fit: 'cover', gravity: 'east', flip: 'horizontal' } as const; // prettier-ignore
  const { files, warnings } = await make(gif, [spec], { animation: 'keep' });
  expect(warnings).toEqual([]);
  expect(files[0]).toMatchObject({ frames: 3, width: 40, height: 20 });
  expect(await sharp(files[0]!.file).metadata()).toMatchObject({ delay: [100, 200, 300], loop: 2 });
  expect(await Promise.all([0, 1, 2].map((page) => cells(files[0]!.file, 2, 1, page)))).toEqual([
    ['GR'],
    ['BG'],
    ['WB'],
  ]);
});

describe('faces', () => {
  const square = { fit: 'cover', width: 20, height: 20, gravity: 'faces' } as const;
  const face = (x: number, y: number) => ({ confidence: 0.9, x: x * 20 + 4, y: y * 20 + 4, width: 12, height: 12 });
  const look = async (
    faces: ImageTask['faces'],
    spec: Partial<ImageRenditionSpec>,
    preset: Partial<ImagePreset> = {},
  ) => {
    const { files, warnings } = await make(await painted(WIDE).png().toBuffer(), [spec], preset, faces);
    const [{ file, width, height }] = files as [(typeof files)[0]];
    return { warnings, look: await cells(file, Math.round(width / 20), Math.round(height / 20)) };
  };

  test('the middle of all faces is kept, also of a part and before a turn', async () => {
    const tall = { ...square, width: 20, height: 40 };
    expect(await look([face(3, 0)], tall)).toEqual({ warnings: [], look: ['W', 'G'] });
    expect(await look([face(0, 0), face(2, 1)], tall)).toEqual({ warnings: [], look: ['G', 'K'] });
    const part = { crop: { x: 0.5, y: 0, width: 0.5, height: 1 } };
    expect(await look([face(3, 1)], tall, part)).toEqual({ warnings: [], look: ['W', 'G'] });
    const turned = { ...square, width: 40, height: 20, rotate: 90 } as const;
    expect((await look([face(3, 0)], turned)).look).toEqual(['GW']);
  });

  test('without a face, what draws attention is kept, and a warning says so', async () => {
    const warnings = ['No face was found; renditions with gravity `faces` keep what draws attention.'];
    expect((await look([], square)).warnings).toEqual(warnings);
    const [none, attention] = await Promise.all([
      look(undefined, square),
      look(undefined, { ...square, gravity: 'attention' }),
    ]);
    expect(none).toEqual({ warnings, look: attention.look });
  });
});

test.each([
  ['fit: cover', 'image.renditions[0].fit: cover, contain and outside need width and height'],
  ['gravity: north', 'image.renditions[0].gravity: is for fit `cover` and `contain` only'],
  [
    'fit: contain, height: 9, gravity: focus',
    'image.renditions[0].gravity: attention, entropy, faces and focus choose',
  ],
  ['fit: cover, height: 90, gravity: faces', 'image.analyse: has to name `faces`, the model that looks for faces'],
  ['blur: 2, sharpen: 1', 'image.renditions[0].sharpen: and `blur` undo each other'],
  ['rotate: 45', 'image.renditions[0].rotate'],
  ['background: red', 'image.renditions[0].background: a colour such as'],
])('a preset with %s is refused: %s', (fields, sentence) => {
  const yaml = `image: { renditions: [{ name: a, format: webp, width: 90, ${fields} }] }`;
  expect(() => parsePreset('mine', yaml.replace('height: 9,', 'height: 90,'))).toThrow(sentence);
});
