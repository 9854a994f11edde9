import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import sharp from 'sharp';
import { clipFolder, settings, streamsOf } from '../../../test/support/clips';
import type { DarkroomError } from '../../../common/errors';
import { parsePreset } from '../../presets';
import type { ImagePreset } from '../../presets/schema';
import { processImage } from '../process';
import { makeFilm, type FilmFile } from '.';
import { sequenceAsApng } from './sequence';

const clips = clipFolder();
afterAll(clips.remove);

const COLOURS = ['#ff0000', '#00ff00', '#0000ff', '#ffffff'];
const DELAYS = [100, 250, 40, 1200];

/** Four frames of one colour each, whose left upper corner is transparent. */
async function animation(format: 'gif' | 'webp', delay = DELAYS, size = { width: 41, height: 31 }): Promise<string> {
  const frames = delay.map((_, frame) => {
    const hole = { create: { width: 16, height: 16, channels: 4 as const, background: '#000' } };
    return sharp({ create: { ...size, channels: 4, background: COLOURS[frame % COLOURS.length]! } })
      .composite([{ input: hole, left: 0, top: 0, blend: 'dest-out' }])
      .png()
      .toBuffer();
  });
  const moving = sharp(await Promise.all(frames), { join: { animated: true } });
  const file = clips.at(`in-${delay.length}.${format}`);
  await (format === 'gif' ? moving.gif({ delay, loop: 0 }) : moving.webp({ delay, loop: 2, lossless: true })).toFile(
    file,
  );
  return file;
}

const preset = (yaml: string): ImagePreset => parsePreset('test', `image:\n  animation: keep\n${yaml}`).image!;

async function films(
  input: string,
  wanted: ImagePreset,
): Promise<{ films: FilmFile[]; warnings: string[]; names: string[] }> {
  const limits = { maxPixels: 50_000_000, maxFrames: 5000 };
  const outputDir = clips.folder;
  const { frames, files, warnings } = await processImage({ input, outputDir, preset: wanted, limits, allowSvg: false });
  const made: FilmFile[] = [];
  for (const each of frames) {
    const spec = wanted.renditions.find(({ name }) => name === each.name)!;
    made.push(await makeFilm(each, spec, { outputDir, settings }));
  }
  return { films: made, warnings, names: files.map(({ name }) => name) };
}

/** ms at which each frame begins, and the end of the last one. */
function times(file: string): number[] {
  const args = ['-v', 'error', '-show_entries', 'packet=pts_time:format=duration', '-of', 'csv=p=0', `file:${file}`];
  return execFileSync(settings.ffprobePath, args)
    .toString()
    .split('\n')
    .map(parseFloat)
    .filter((time) => !Number.isNaN(time))
    .map((time) => Math.round(time * 1000));
}

/** ms that each frame shows. */
function durations(file: string): number[] {
  const args = ['-v', 'error', '-show_entries', 'packet=duration_time', '-of', 'csv=p=0', `file:${file}`];
  const text = execFileSync(settings.ffprobePath, args).toString().trim();
  return text.split('\n').map((line) => Math.round(parseFloat(line) * 1000));
}

/** RGB of one pixel of every frame. */
function pixels(file: string, x: number, y: number): number[][] {
  const args = [
    '-v',
    'error',
    '-i',
    file,
    '-vf',
    `crop=1:1:${x}:${y}:exact=1,format=rgb24`,
    '-fps_mode',
    'passthrough',
  ];
  const raw = execFileSync(settings.ffmpegPath, [...args, '-f', 'rawvideo', '-']);
  return Array.from({ length: raw.length / 3 }, (_, frame) => [...raw.subarray(3 * frame, 3 * frame + 3)]);
}

describe.each([
  ['mp4', 'h264', 'gif'],
  ['webm', 'vp9', 'gif'],
  ['mp4', 'h264', 'webp'],
] as const)('%s (%s) of an animated %s', (format, codec, from) => {
  let file: FilmFile;
  beforeAll(async () => {
    const wanted = preset(
      `  renditions: [{ name: film-${from}, format: ${format}, width: 640, background: '#808080' }]`,
    );
    const made = await films(await animation(from), wanted);
    expect(made.warnings).toEqual([]);
    file = made.films[0]!;
  });

  test('has every frame, for as long as in the source', () => {
    expect(file).toMatchObject({ frames: 4, durationSeconds: 1.59, mime: `video/${format}`, width: 40, height: 30 });
    const [stream, ...others] = streamsOf(file.file);
    expect(others).toEqual([]);
    expect(stream).toMatchObject({ codec_name: codec, width: 40, height: 30, pix_fmt: 'yuv420p', nb_read_frames: '4' });
    const expected = [0, 100, 350, 390, 1590];
    const seen = times(file.file);
    expect(seen).toHaveLength(expected.length);
    seen.forEach((time, frame) => expect(Math.abs(time - expected[frame]!)).toBeLessThanOrEqual(1));
  });

  test('has their colours, and the background where they are transparent', () => {
    const near = (seen: number[], wanted: number[]) =>
      seen.forEach((band, n) => expect(Math.abs(band - wanted[n]!)).toBeLessThanOrEqual(16));
    const opaque = pixels(file.file, 30, 20);
    const wanted = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]; // prettier-ignore
    expect(opaque).toHaveLength(4);
    opaque.forEach((seen, frame) => near(seen, wanted[frame]!));
    for (const seen of pixels(file.file, 4, 4)) near(seen, [128, 128, 128]);
  });

  test('leaves nothing beside it', () => {
    expect(readdirSync(clips.folder).filter((name) => /\.(?:part|frames)$/.test(name))).toEqual([]);
  });
});

test('a film is edited as a picture is, and lies beside pictures', async () => {
  const wanted = preset(
    '  crop: { x: 0.5, y: 0, width: 0.5, height: 1 }\n  renditions: [{ name: small, format: mp4, width: 16, height: 16, fit: cover, rotate: 90, greyscale: true }, { name: still, format: png, width: 16 }]',
  );
  const made = await films(await animation('gif'), wanted);
  expect(made.films[0]).toMatchObject({
    name: 'small',
    width: 16,
    height: 16,
    frames: 4,
    codecs: expect.stringMatching(/^avc1\./),
  });
  expect(made.names).toEqual(['still']);
  expect(made.warnings[0]).toMatch(
    /^Only the first frame is in still: of the formats, only webp, avif, gif, mp4 and webm/,
  );
  const [first = []] = pixels(made.films[0]!.file, 5, 5);
  expect(Math.max(...first) - Math.min(...first)).toBeLessThanOrEqual(4);
});

test('many frames at an uneven pace keep their times', async () => {
  const delays = Array.from({ length: 300 }, (_, frame) => 20 + 10 * ((frame * 7) % 5));
  const made = await films(
    await animation('gif', delays, { width: 18, height: 18 }),
    preset('  renditions: [{ name: pace, format: mp4, width: 18 }]'),
  );
  const seen = times(made.films[0]!.file);
  let at = 0;
  delays.forEach((delay, frame) => {
    expect(Math.abs(seen[frame]! - at)).toBeLessThanOrEqual(1);
    at += delay;
  });
  expect(made.films[0]).toMatchObject({ frames: 300, durationSeconds: at / 1000 });
});

test('a frame without a delay shows as long as in browsers', async () => {
  const made = await films(
    await animation('gif', [0, 10, 50]),
    preset('  renditions: [{ name: fast, format: mp4, width: 18 }]'),
  );
  expect(times(made.films[0]!.file)).toEqual([0, 100, 200, 250]);
});

test('a picture that stands still has no video: a sentence, or a refusal where nothing else is asked for', async () => {
  const still = clips.at('still.png');
  await sharp({ create: { width: 20, height: 20, channels: 3, background: '#f00' } }).toFile(still);
  const both = preset('  renditions: [{ name: film, format: mp4, width: 18 }, { name: p, format: png, width: 16 }]');
  expect(await films(still, both)).toEqual({
    films: [],
    names: ['p'],
    warnings: ['There is no video film: the picture does not move.'],
  });
  await expect(films(still, preset('  renditions: [{ name: film, format: mp4, width: 18 }]'))).rejects.toMatchObject({
    type: 'UnsupportedMedia',
    message: 'All renditions of the preset are videos, and the picture does not move.',
  });
});

test('frames that are not all there are no film', async () => {
  const file = clips.at('short.frames');
  writeFileSync(file, Buffer.alloc(116));
  const frames = { name: 'x', file, format: 'mp4', width: 10, height: 10, delays: [100, 100] } as const;
  const spec = preset('  renditions: [{ name: x, format: mp4, width: 18 }]').renditions[0]!;
  await expect(
    makeFilm({ ...frames, delays: [100, 100] }, spec, { outputDir: clips.folder, settings }),
  ).rejects.toMatchObject({
    type: 'EncoderFailed',
  });
});

test('an AVIF moves like the source; transparent parts are white, and one with a byte budget stands still', async () => {
  const wanted = preset(
    '  renditions: [{ name: moves, format: avif, width: 640 }, { name: stands, format: avif, width: 640, maxBytes: 9 kB }]',
  );
  const { films: made, names, warnings } = await films(await animation('gif'), wanted);
  expect(made).toEqual([
    expect.objectContaining({ name: 'moves', mime: 'image/avif', frames: 4, width: 40, height: 30 }),
  ]);
  expect(names).toEqual(['stands']);
  expect(warnings).toEqual([
    'Only the first frame is in stands: an AVIF with maxBytes, target, lossless, hdr stands still.',
  ]);
  const { file } = made[0]!;
  expect(streamsOf(file)).toEqual([expect.objectContaining({ codec_name: 'av1', width: 40, height: 30 })]);
  // The container says nothing of the whole.
  expect(times(file).slice(0, 4)).toEqual([0, 100, 350, 390]);
  expect(durations(file)).toEqual([100, 250, 40, 1200]);
  pixels(file, 30, 20).forEach((seen, frame) => {
    const band = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]][frame]!; // prettier-ignore
    seen.forEach((value, n) => expect(Math.abs(value - band[n]!)).toBeLessThanOrEqual(20));
  });
  for (const seen of pixels(file, 4, 4)) expect(Math.min(...seen)).toBeGreaterThan(235);
});

describe('an AVIF animation is read', () => {
  const limits = { maxPixels: 50_000_000, maxFrames: 5000 };
  const png = clips.at('sequence.png');
  /** Three frames of one colour, of which the right half is transparent, as two tracks: colours and opacity. */
  const sequence = (): string => {
    const file = clips.at('sequence.avif');
    const colours = ['red', 'lime', 'blue'].map(
      (colour, n) => `color=${colour}:s=40x20:r=10:d=0.1,format=yuv420p[c${n}]`,
    );
    const opacity =
      'color=white:s=40x20:r=10:d=0.3,format=gray,drawbox=x=20:w=20:h=20:y=0:color=black:t=fill,format=gray,lut=c0=if(gt(val\\,99)\\,255)[a]';
    const graph = [...colours, '[c0][c1][c2]concat=n=3[c]', opacity].join(';');
    const av1 = ['-c:v', 'libaom-av1', '-cpu-used', '8', '-crf', '10', '-b:v', '0', '-f', 'mp4'];
    execFileSync(settings.ffmpegPath, ['-v', 'error', '-y', '-filter_complex', graph, '-map', '[c]', '-map', '[a]', ...av1, file]); // prettier-ignore
    return file;
  };

  test('with its frames, delays and transparency', async () => {
    await sequenceAsApng(sequence(), png, limits, { settings });
    const wanted = preset('  renditions: [{ name: sequence, format: webp, width: 40, lossless: true }]');
    const { files } = await processImage({
      input: png,
      outputDir: clips.folder,
      preset: wanted,
      limits,
      allowSvg: false,
    });
    const { pages, delay, width, pageHeight } = await sharp(files[0]!.file, { animated: true }).metadata();
    expect({ pages, width, pageHeight }).toEqual({ pages: 3, width: 40, pageHeight: 20 });
    expect(delay!.slice(0, 2)).toEqual([100, 100]);
    for (const [page, colour] of [
      [255, 0, 0],
      [0, 255, 0],
      [0, 0, 255],
    ].entries()) {
      const { data } = await sharp(files[0]!.file, { page }).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
      const [left, right] = [5, 35].map((x) => [...data.subarray((10 * 40 + x) * 4, (10 * 40 + x) * 4 + 4)]);
      [...colour, 255].forEach((value, n) => expect(Math.abs(left![n]! - value)).toBeLessThanOrEqual(12));
      expect(right![3]).toBeLessThanOrEqual(6);
    }
  });

  test('unless it is cut short, too large or none', async () => {
    const bytes = readFileSync(sequence());
    const refusal = async (source: Buffer, most = limits) => {
      const file = clips.at('refused.avif');
      writeFileSync(file, source);
      return sequenceAsApng(file, png, most, { settings }).catch((error: DarkroomError) => [error.type, error.message]);
    };
    expect(await refusal(bytes, { ...limits, maxFrames: 2 })).toEqual(['MediaTooLarge', 'The animation has 3 frames; at most 2 are read.']); // prettier-ignore
    expect(await refusal(bytes.subarray(0, 300))).toEqual(['CorruptMedia', expect.stringMatching(/animation/)]);
    const blind = Buffer.from(bytes).fill(0, bytes.indexOf('mdat') + 4, bytes.indexOf('moov') - 4);
    expect(await refusal(blind)).toEqual(['CorruptMedia', expect.stringMatching(/animation/)]);
  });
});
