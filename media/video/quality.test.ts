import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { clipFolder, ffmpeg, picture, settings, sound, X264 } from '../../test/support/clips';
import type { VideoPreset, VideoRungSpec } from '../presets/schema';
import { makeOutputs, type OutputsInput } from './make-outputs';
import { planVideo } from './plan/plan';
import { probeVideo } from './probe/probe';
import { joinedQuality, missedQuality, nextCrf } from './quality';

const clips = clipFolder();
afterAll(clips.remove);
let count = 0;

const rung = (height: number, more: Partial<VideoRungSpec> = {}): VideoRungSpec => ({
  ...{ name: `${height}p`, height, crf: 40, maxrate: 9000, speed: 'ultrafast', audioBitrate: 64 },
  ...more,
});

async function prepare(input: string, preset: Partial<VideoPreset>): Promise<OutputsInput> {
  const probe = await probeVideo(input, { maxDuration: 3_600_000, maxStreams: 8 }, settings);
  const outputDir = clips.at(`out %d ${count++}`);
  mkdirSync(outputDir);
  const plan = planVideo(probe, { audio: 'optional', rungs: [rung(90)], ...preset });
  return { input, outputDir, probe, plan, maxDuration: 3_600_000, settings };
}

let film: string | undefined;
/** Two seconds of grain on a moving picture, at 29.97, with sound. */
const noisy = () =>
  (film ??= ffmpeg(
    `${picture('320x180', 2, 30)},fps=30000/1001,noise=alls=30:allf=t ${sound(2)} ${X264} -crf 12 -c:a aac`,
    clips.at('noisy.mp4'),
  ));

/** The SSIM of the luminance by a command of its own: both films picture by picture, the source scaled. */
function measured(source: string, film: string, size: string): number {
  const graph = `[0:v]scale=${size}:flags=bicubic,settb=1/25,setpts=N[a];[1:v]settb=1/25,setpts=N[b];[a][b]ssim=f=-`;
  const args = ['-v', 'error', '-i', source, '-i', film, '-lavfi', graph, '-f', 'null', '-'];
  const lines = execFileSync(settings.ffmpegPath, args).toString();
  const values = [...lines.matchAll(/ Y:([\d.]+)/g)].map(([, value]) => Number(value));
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

test('a rung that is too unlike a grainy source is encoded again at a lower factor, and alone; the others stay', async () => {
  const input = await prepare(noisy(), { quality: { ssim: 0.95 }, rungs: [rung(90), rung(144, { crf: 10 })] });
  const [low, high] = await makeOutputs(input);
  expect(low?.quality).toMatchObject({ target: 0.95 });
  expect(low?.quality?.tries).toBeGreaterThan(1);
  expect(low?.quality?.crf).toBeLessThan(40);
  expect(low?.quality?.ssim).toBeGreaterThanOrEqual(0.95);
  expect(high?.quality).toMatchObject({ target: 0.95, crf: 10, tries: 1 });
  expect(low?.codecs).toContain('mp4a');
  for (const [made, size] of [
    [low, '160:90'],
    [high, '256:144'],
  ] as const) {
    expect(made?.quality?.ssim).toBeCloseTo(measured(noisy(), made?.file ?? '', size), 3);
  }
  expect(readdirSync(input.outputDir).sort()).toEqual(['144p.mp4', '90p.mp4']);
  expect(missedQuality([{ name: '90p', quality: low?.quality }])).toEqual([]);
});

test('a quality that the cap of the rate cannot hold ends after some tries, with the film and a sentence', async () => {
  const input = await prepare(noisy(), { quality: { ssim: 0.999 }, rungs: [rung(144, { maxrate: 50 })] });
  const [made] = await makeOutputs(input);
  expect(made?.quality?.tries).toBeGreaterThan(1);
  expect(made?.quality?.tries).toBeLessThanOrEqual(4);
  expect(made?.quality?.ssim).toBeCloseTo(measured(noisy(), made?.file ?? '', '256:144'), 3);
  expect(missedQuality([{ name: '144p', quality: made?.quality }])).toEqual([
    expect.stringMatching(
      /^144p has an SSIM of 0\.\d+, less than video\.quality\.ssim asks for \(0\.999\), after \d tries/,
    ),
  ]);
});

test('rungs that are passed through are the source itself, and plans without a quality are not measured', async () => {
  const source = ffmpeg(`${picture('160x90', 1, 25)} ${X264}`, clips.at('plain.mp4'));
  const copied = await prepare(source, { quality: { ssim: 0.9 } });
  expect(copied.plan.rungs[0]).toMatchObject({ copy: true });
  expect((await makeOutputs(copied))[0]).not.toHaveProperty('quality');
  const free = await prepare(source, { rungs: [rung(64)] });
  expect((await makeOutputs(free))[0]).not.toHaveProperty('quality');
});

test.each([
  ['a part of it', { start: 0.5, end: 1.5 }, noisy],
  [
    'interlaced pictures',
    {},
    () => ffmpeg(`${picture('160x96', 1, 25)} ${X264} -flags +ildct+ilme -x264-params tff=1`, clips.at('laced.mp4')),
  ],
  [
    'a rate that changes',
    {},
    () => ffmpeg(`${picture('160x90', 2, 50)},select=gt(mod(n\\,7)\\,2) -fps_mode vfr ${X264}`, clips.at('vfr.mp4')),
  ],
  [
    'one picture alone',
    { hls: true },
    () => ffmpeg(`${picture('160x90', 1, 25)} -frames:v 1 ${X264}`, clips.at('one.mp4')),
  ],
  [
    'pictures that begin late',
    { hls: true },
    () =>
      ffmpeg(
        `${picture('160x90', 1, 25)} ${sound(2)} -filter_complex [0]setpts=PTS+0.6/TB[v] -map [v] -map 1 ${X264} -c:a aac`,
        clips.at('late.mp4'),
      ),
  ],
  [
    'HEVC of a turned picture',
    {},
    () => ffmpeg(`${picture('160x96', 1, 25)} ${X264} -vf transpose=1`, clips.at('tall.mp4')),
    { codec: 'hevc' as const, height: 64 },
  ],
])('what is compared is the same picture of both: %s', async (_, preset, make, more: Partial<VideoRungSpec> = {}) => {
  const rungs = [rung(90, { crf: 4, speed: 'veryfast', ...more })];
  const [made] = await makeOutputs(await prepare(make(), { quality: { ssim: 0.9 }, rungs, ...preset }));
  // Moving pictures that are off by one resemble each other far less.
  expect(made?.quality?.ssim).toBeGreaterThan(0.97);
  expect(made?.quality?.tries).toBe(1);
});

test('the step grows with what is missing, and ends where a lower factor would bring nothing', () => {
  expect(nextCrf(30, 0.949, 0.95)).toBe(28);
  expect(nextCrf(30, 0.92, 0.95)).toBeLessThan(28);
  expect(nextCrf(30, 0.5, 0.95)).toBe(22);
  expect(nextCrf(9, 0.5, 0.95)).toBe(8);
});

test('a rung in chunks has the mean of their pictures, and tells of the worst chunk', () => {
  const part = (ssim: number, tries: number, crf: number) => ({ target: 0.95, ssim, tries, crf });
  const joined = joinedQuality([
    { frames: 300, quality: part(0.98, 1, 30) },
    { frames: 100, quality: part(0.94, 4, 22) },
  ]);
  expect(joined.quality).toEqual({ ...part(0.97, 4, 22), chunks: { lowest: 0.94, again: 1 } });
  expect(missedQuality([{ name: 'low', ...joined }])[0]).toMatch(/^A chunk of low has an SSIM of 0\.94, /);
  expect(joinedQuality([{ frames: 3 }])).toEqual({});
});
