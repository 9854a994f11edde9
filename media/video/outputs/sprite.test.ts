import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import sharp from 'sharp';
import { clipFolder, ffmpeg, picture, settings, X264 } from '../../../test/support/clips';
import { planVideo } from '../plan/plan';
import { probeVideo } from '../probe/probe';
import type { SpritePlan, VideoFile } from '../types';
import { makeSprite } from '../single-outputs';
import { storyboard } from './storyboard';

const clips = clipFolder();
afterAll(clips.remove);

async function sprite(input: string, folder: string, grid = { columns: 2, rows: 2 }) {
  const probe = await probeVideo(input, { maxDuration: 3_600_000, maxStreams: 8 }, settings);
  const plan = planVideo(probe, { audio: 'drop', rungs: [], sprite: { width: 64, quality: 90, ...grid } });
  if (!plan.sprite) throw new Error('no plan');
  const outputDir = clips.at(folder);
  mkdirSync(outputDir);
  const sheetName = ({ name, sha256 }: VideoFile) => `${name}-${sha256}.jpg`;
  const made = await makeSprite({
    input,
    outputDir,
    probe,
    maxDuration: 3_600_000,
    settings,
    sprite: plan.sprite,
    sheetName,
  });
  return { made, files: readdirSync(outputDir).sort(), plan: plan.sprite };
}

/** The colour in the middle of a tile. */
async function tileColour(sheet: string, x: number, y: number): Promise<number[]> {
  const pixel = await sharp(sheet)
    .extract({ left: x + 32, top: y + 18, width: 1, height: 1 })
    .raw()
    .toBuffer();
  return [...pixel];
}

/** Red, lime, blue, yellow, magenta, for a second each. */
const COLOURS = ['red', 'lime', 'blue', 'yellow', 'magenta'];
const RGB = [
  [255, 0, 0],
  [0, 255, 0],
  [0, 0, 255],
  [255, 255, 0],
  [255, 0, 255],
];
const colours = () =>
  ffmpeg(
    `${COLOURS.map((name) => `-f lavfi -i color=${name}:s=128x72:r=25:d=1`).join(' ')} -filter_complex [0][1][2][3][4]concat=n=5 ${X264}`,
    clips.at('colours.mp4'),
  );

test('each cue shows the second that it names, over several sheets', async () => {
  const { made, files, plan } = await sprite(colours(), 'a % folder: 100%d');
  expect(files).toEqual(['sprite-0.jpg', 'sprite-1.jpg', 'storyboard.vtt']);
  expect(plan).toMatchObject({ tiles: 5, sheets: 2, width: 64, height: 36 });
  expect(made.map(({ name, role, mime, width, height }) => [name, role, mime, width, height])).toEqual([
    ['sprite-0', 'sprite', 'image/jpeg', 128, 72],
    ['sprite-1', 'sprite', 'image/jpeg', 128, 72],
    ['storyboard', 'storyboard', 'text/vtt', undefined, undefined],
  ]);
  const text = readFileSync(made[2]!.file, 'utf8');
  const cues = [...text.matchAll(/sprite-(\d)-[0-9a-f]{64}\.jpg#xywh=(\d+),(\d+),64,36/g)];
  for (const { name, sha256 } of made.slice(0, 2)) expect(text).toContain(`${name}-${sha256}.jpg#`);
  expect(cues).toHaveLength(5);
  for (const [index, cue] of cues.entries()) {
    const [sheet = 0, x = 0, y = 0] = cue.slice(1).map(Number);
    const seen = await tileColour(made[sheet]!.file, x, y);
    seen.forEach((value, channel) => expect(Math.abs(value - RGB[index]![channel]!)).toBeLessThan(40));
  }
  expect(text).toMatch(/^WEBVTT\n\n00:00:00\.000 --> 00:00:01\.000\n/);
  expect(text).toContain('00:00:04.000 --> 00:00:05.000');
});

test('the shortest video has one tile', async () => {
  const { made, plan } = await sprite(ffmpeg(`${picture('128x72', 0.04)} ${X264}`, clips.at('short.mp4')), 'short');
  expect([plan.tiles, made.length]).toEqual([1, 2]);
  expect(await sharp(made[0]!.file).metadata()).toMatchObject({ width: 64, height: 36 });
});

test('a last second that is cut short has its tile', async () => {
  const { plan } = await sprite(ffmpeg(`${picture('128x72', 2.2)} ${X264}`, clips.at('third.mp4')), 'third');
  expect(plan.tiles).toBe(3);
});

test('a sheet that has room for more seconds than the video has', async () => {
  const { made } = await sprite(ffmpeg(`${picture('128x72', 5.4)} ${X264}`, clips.at('room.mp4')), 'room', {
    columns: 5,
    rows: 5,
  });
  expect(made).toHaveLength(2);
});

test('portrait and all-intra video', async () => {
  const input = ffmpeg(`${picture('72x128', 2)} -c:v mjpeg -f avi`, clips.at('intra.avi'));
  expect((await sprite(input, 'intra')).plan).toMatchObject({ width: 64, height: 114 });
});

test('the storyboard of an hour', () => {
  const plan: SpritePlan = {
    interval: 36,
    tiles: 100,
    columns: 5,
    rows: 5,
    sheets: 4,
    width: 160,
    height: 90,
    quality: 70,
  };
  const cues = storyboard(plan, 3599.5, (sheet) => `s${sheet}.jpg`)
    .trim()
    .split('\n\n')
    .slice(1);
  expect(cues).toHaveLength(100);
  expect(cues[0]).toBe('00:00:00.000 --> 00:00:36.000\ns0.jpg#xywh=0,0,160,90');
  expect(cues[31]).toBe('00:18:36.000 --> 00:19:12.000\ns1.jpg#xywh=160,90,160,90');
  expect(cues[99]).toBe('00:59:24.000 --> 00:59:59.500\ns3.jpg#xywh=640,360,160,90');
});
