import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import sharp from 'sharp';
import { clipFolder, ffmpeg, picture, settings, turnByQuarter, X264 } from '../../../test/support/clips';
import { planVideo } from '../plan/plan';
import { probeVideo } from '../probe/probe';
import { isTransition, scoreThumbnail } from './score-thumbnail';
import { pictureSize } from '../check/picture';
import { makePoster } from '../single-outputs';

const clips = clipFolder();
afterAll(clips.remove);
let count = 0;

async function poster(input: string, format: 'webp' | 'jpeg' = 'webp', width = 320) {
  const probe = await probeVideo(input, { maxDuration: 3_600_000, maxStreams: 8 }, settings);
  const plan = planVideo(probe, { audio: 'drop', rungs: [], poster: { format, width, quality: 90 } });
  if (!plan.poster) throw new Error('no plan');
  const outputDir = clips.at(`out ${count++}`);
  mkdirSync(outputDir);
  const made = await makePoster({ input, outputDir, probe, maxDuration: 3_600_000, settings, poster: plan.poster });
  return { made, files: readdirSync(outputDir), plan: plan.poster };
}

/** Mean red, green and blue of a part of a picture; the parts are halves: 0 left/top, 1 right/bottom. */
async function colour(file: string, half: { x?: 0 | 1; y?: 0 | 1 } = {}): Promise<number[]> {
  const { width, height } = await sharp(file).metadata();
  const [w, h] = [width >> Number(half.x !== undefined), height >> Number(half.y !== undefined)];
  const part = { left: (half.x ?? 0) * w, top: (half.y ?? 0) * h, width: w, height: h };
  const { channels } = await sharp(await sharp(file).extract(part).png().toBuffer()).stats();
  return channels.slice(0, 3).map((channel) => Math.round(channel.mean));
}

/** Noise over a colour, so that it is neither flat nor blurred. */
const noisy = (name: string, seconds: number) =>
  `-f lavfi -i color=${name}:s=320x180:r=25:d=${seconds},noise=alls=60:allf=t`;

test.each([
  ['webp', 'poster.webp'],
  ['jpeg', 'poster.jpg'],
] as const)('%s: one upright picture of the planned size, and no other file', async (format, name) => {
  const input = ffmpeg(`${picture('640x360', 2)} ${X264}`, clips.at('plain.mp4'));
  const { made, files } = await poster(input, format);
  expect(files).toEqual([name]);
  expect(made).toMatchObject({ name: 'poster', role: 'poster', mime: `image/${format}`, width: 320, height: 180 });
  expect(await sharp(made.file).metadata()).toMatchObject({ format, width: 320, height: 180 });
});

test('black and flat beginnings are passed over', async () => {
  const parts = `-f lavfi -i color=black:s=320x180:r=25:d=1 ${noisy('blue', 1)} ${noisy('green', 2)}`;
  const input = ffmpeg(`${parts} -filter_complex [0][1][2]concat=n=3 ${X264}`, clips.at('dark.mp4'));
  // 10 % is black; 25 % is the first blue picture.
  const [red = 0, green = 0, blue = 0] = await colour((await poster(input)).made.file);
  expect(blue).toBeGreaterThan(red + 60);
  expect(blue).toBeGreaterThan(green + 60);
});

test('blurred pictures are passed over', async () => {
  const parts = `${noisy('red', 1)} ${noisy('blue', 3)}`;
  const blurred = '[0]gblur=sigma=40[soft];[soft][1]concat=n=2';
  const input = ffmpeg(`${parts} -filter_complex ${blurred} ${X264}`, clips.at('soft.mp4'));
  const [red = 0, , blue = 0] = await colour((await poster(input)).made.file);
  expect(blue).toBeGreaterThan(red + 60);
});

test('a fade from black, a dissolve and a cut are passed over, or are no matter', async () => {
  // 10 s. 10 %: a fade from black. 25 %: a dissolve. 50 %: the first picture behind a cut.
  const parts = ['red', 'lime', 'blue'].map((name) => noisy(name, 5)).join(' ');
  const fade = '[0]fade=in:st=0:d=2[a];[a][1]xfade=duration=1.6:offset=1.7,trim=duration=5,setpts=PTS-STARTPTS[b]';
  const input = ffmpeg(`${parts} -filter_complex ${fade};[b][2]concat=n=2 ${X264}`, clips.at('fades.mp4'));
  const { made, plan } = await poster(input);
  expect(plan.candidates.slice(0, 3)).toEqual([1, 2.5, 5]);
  const [red = 0, green = 0, blue = 0] = await colour(made.file);
  expect(blue).toBeGreaterThan(Math.max(red, green) + 60);
});

test('where every candidate lies in a fade, one of them it is, and not a black one', async () => {
  const parts = `-f lavfi -i color=black:s=320x180:r=25:d=1 ${noisy('white', 9)}`;
  const input = ffmpeg(`${parts} -filter_complex [1]fade=in:d=9[a];[0][a]concat=n=2 ${X264}`, clips.at('slow.mp4'));
  expect((await colour((await poster(input)).made.file))[0]).toBeGreaterThan(60);
});

test('where no candidate is good, the best one it is', async () => {
  const input = ffmpeg(`-f lavfi -i color=black:s=320x180:d=2 ${X264}`, clips.at('black.mp4'));
  expect((await poster(input)).made).toMatchObject({ width: 320, height: 180 });
});

test('never frame 0 of a video that has others', async () => {
  const parts = `${noisy('red', 0.04)} ${noisy('blue', 0.4)}`;
  const input = ffmpeg(`${parts} -filter_complex [0][1]concat=n=2 ${X264}`, clips.at('first.mp4'));
  const [red = 0, , blue = 0] = await colour((await poster(input)).made.file);
  expect(blue).toBeGreaterThan(red + 60);
});

test('one frame is enough', async () => {
  const input = ffmpeg(`${picture('320x180', 0.04)} ${X264}`, clips.at('one.mp4'));
  expect((await poster(input)).made).toMatchObject({ width: 320, height: 180 });
});

test('a turned clip: what was left stands on top', async () => {
  const sides = '-f lavfi -i color=red:s=160x180:d=1 -f lavfi -i color=blue:s=160x180:d=1';
  const input = turnByQuarter(ffmpeg(`${sides} -filter_complex [0][1]hstack ${X264}`, clips.at('turned.mp4')));
  const { made } = await poster(input, 'jpeg');
  expect([made.width, made.height]).toEqual([180, 320]);
  expect((await colour(made.file, { y: 0 }))[0]).toBeGreaterThan(200);
  expect((await colour(made.file, { y: 1 }))[2]).toBeGreaterThan(200);
});

test('colours survive, from full range too', async () => {
  for (const [name, words] of [
    ['tv.mp4', X264],
    ['full.mp4', '-vf scale=out_range=full -c:v libx264 -pix_fmt yuvj420p -color_range pc'],
  ] as const) {
    const input = ffmpeg(`-f lavfi -i color=0x4080c0:s=320x180:d=1 ${words}`, clips.at(name));
    for (const format of ['webp', 'jpeg'] as const) {
      const [red = 0, green = 0, blue = 0] = await colour((await poster(input, format)).made.file);
      expect(Math.max(Math.abs(red - 0x40), Math.abs(green - 0x80), Math.abs(blue - 0xc0))).toBeLessThan(8);
    }
  }
});

describe('score', () => {
  const pixels = (value: (x: number, y: number) => number) =>
    Buffer.from(Array.from({ length: 64 * 64 }, (_, at) => value(at % 64, at >> 6)));

  test.each<[string, Buffer, boolean]>([
    ['black', pixels(() => 0), false],
    ['white', pixels(() => 255), false],
    ['a faint night', pixels((x, y) => (x * y) % 20), false],
    ['a smooth gradient', pixels((x) => x * 4), false],
    ['a chequered board', pixels((x, y) => (((x >> 3) + (y >> 3)) % 2) * 200), true],
  ])('%s', (_, picture_, good) => expect(scoreThumbnail(picture_, 64) >= 1).toBe(good));
});

describe('transitions', () => {
  const SIDE = 32;
  const plane = (value: (x: number, y: number) => number) =>
    Buffer.from(Array.from({ length: SIDE * SIDE }, (_, at) => value(at % SIDE, Math.floor(at / SIDE))));
  const stripes = (shift: number) => plane((x) => (((x + shift) >> 2) % 2) * 200);
  const mixed = (part: number) => plane((x, y) => (1 - part) * ((x >> 2) % 2) * 200 + part * ((y >> 2) % 2) * 200);

  test.each<[string, Buffer[], boolean]>([
    ['nothing moves', [stripes(0), stripes(0), stripes(0)], false],
    ['a pan', [stripes(0), stripes(3), stripes(6)], false],
    ['the last picture before a cut', [stripes(0), stripes(0), plane(() => 90)], false],
    ['the first picture behind a cut', [stripes(0), plane(() => 90), plane(() => 90)], false],
    ['the middle of a dissolve', [mixed(0), mixed(0.5), mixed(1)], true],
    ['the beginning of a dissolve', [mixed(0), mixed(0.15), mixed(0.4)], true],
    ['a fade from black', [plane(() => 0), plane((x) => 2 * x), plane((x) => 4 * x)], true],
    ['two pictures', [mixed(0), mixed(0.5)], false],
  ])('%s', (_, pictures, is) => expect(isTransition(Buffer.concat(pictures), SIDE * SIDE)).toBe(is));
});

describe('picture sizes', () => {
  test.each(['webp', 'jpeg'] as const)('%s: whole ones are measured, cut ones are refused', async (format) => {
    const image = sharp({ create: { width: 33, height: 7, channels: 3, background: 'red' } });
    const bytes = await image.toFormat(format).toBuffer();
    expect(pictureSize(bytes, format)).toEqual({ width: 33, height: 7 });
    expect(() => pictureSize(bytes.subarray(0, -2), format)).toThrow('not a whole');
    expect(() => pictureSize(Buffer.alloc(0), format)).toThrow('not a whole');
  });

  test.each([{ lossless: true }, { alphaQuality: 50 }])('WebP with %j', async (options) => {
    const image = sharp({ create: { width: 33, height: 7, channels: 4, background: '#f008' } });
    expect(pictureSize(await image.webp(options).toBuffer(), 'webp')).toEqual({ width: 33, height: 7 });
  });
});

test('a file whose pictures are gone is damaged', async () => {
  const input = ffmpeg(`${picture('320x180', 1)} ${X264} -movflags +faststart`, clips.at('gone.mp4'));
  const probe = await probeVideo(input, { maxDuration: 3_600_000, maxStreams: 8 }, settings);
  const { poster: plan } = planVideo(probe, {
    audio: 'drop',
    rungs: [],
    poster: { format: 'webp', width: 320, quality: 80 },
  });
  writeFileSync(input, 'nothing is left of it');
  const outputDir = clips.at('gone');
  mkdirSync(outputDir);
  await expect(
    makePoster({ input, outputDir, probe, maxDuration: 3_600_000, settings, poster: plan! }),
  ).rejects.toMatchObject({
    type: 'CorruptMedia',
  });
  expect(readdirSync(outputDir)).toEqual([]);
});
