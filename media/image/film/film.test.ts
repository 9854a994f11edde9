import { execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import sharp from 'sharp';
import { clipFolder, settings, streamsOf } from '../../../test/support/clips';
import { parsePreset } from '../../presets';
import type { ImagePreset } from '../../presets/schema';
import { processImage } from '../process';
import { makeFilm, type FilmFile } from '.';

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
  expect(made.warnings[0]).toMatch(/^Only the first frame is in still: of the formats, only webp, gif, mp4 and webm/);
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
