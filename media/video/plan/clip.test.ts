/** Parts of videos beside the same pictures and samples of their sources: real ffmpeg. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { clipFolder, ffmpeg, picture, settings, X264 } from '../../../test/support/clips';
import type { VideoPreset } from '../../presets/schema';
import { makeChunk } from '../chunks/make-chunk';
import { makeOutputs } from '../make-outputs';
import { probeVideo } from '../probe/probe';
import type { StepInput, VideoFile, VideoPlan } from '../types';
import { planChunks } from './chunks';
import { clipProbe } from './clip';
import { planVideo } from './plan';

const clips = clipFolder();
afterAll(clips.remove);
let count = 0;

const PRESET: VideoPreset = {
  audio: 'optional',
  rungs: [{ name: 'a', height: 90, crf: 20, maxrate: 900, speed: 'ultrafast', audioBitrate: 96 }],
};

async function prepare(input: string, preset: VideoPreset): Promise<StepInput & { plan: VideoPlan }> {
  const whole = await probeVideo(input, { maxDuration: 3_600_000, maxStreams: 8 }, settings);
  const probe = clipProbe(whole, preset);
  return { input, outputDir: folder(), probe, plan: planVideo(probe, preset), maxDuration: 3_600_000, settings };
}

function folder(): string {
  const outputDir = clips.at(`part ${count++}`);
  mkdirSync(outputDir);
  return outputDir;
}

/** The mean grey of each picture. */
function greys(file: string, filter = ''): number[] {
  const shown = ['-vf', `${filter}scale=1:1:flags=area`, '-pix_fmt', 'gray', '-fps_mode', 'passthrough'];
  return [...execFileSync(settings.ffmpegPath, ['-v', 'error', '-i', `file:${file}`, ...shown, '-f', 'rawvideo', '-'])];
}

/** A header and its segments as one file. */
function joined(files: string[]): string {
  const file = clips.at(`joined-${count++}.mp4`);
  writeFileSync(file, Buffer.concat(files.map((each) => readFileSync(each))));
  return file;
}

/** The second of the file at which its pictures begin. */
function startOf(file: string): number {
  const entries = ['-select_streams', 'v', '-show_entries', 'stream=start_time:format=start_time', '-of', 'csv=p=0'];
  const text = execFileSync(settings.ffprobePath, ['-v', 'error', ...entries, `file:${file}`]).toString();
  const [pictures = 0, all = 0] = [...text.matchAll(/-?[\d.]+/g)].map(Number);
  return pictures - all;
}

/** The second at which it becomes loud. */
function loudFrom(file: string): number {
  const pcm = [
    '-map',
    '0:a:0',
    '-af',
    'aresample=48000:async=1:first_pts=0:min_hard_comp=0.01',
    '-ac',
    '1',
    '-ar',
    '48000',
    '-f',
    's16le',
    '-',
  ];
  const bytes = execFileSync(settings.ffmpegPath, ['-v', 'error', '-i', `file:${file}`, ...pcm], {
    maxBuffer: 2 ** 27,
  });
  const samples = new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length >> 1);
  return samples.findIndex((sample) => Math.abs(sample) > 6000) / 48_000;
}

const differing = (a: number[], b: number[]) => a.filter((grey, at) => Math.abs(grey - (b[at] ?? -9)) > 3);

/** Pictures of one grey each; a tone from 6 s on. */
const ramp = (seconds: number, rate: number | string) =>
  `-f lavfi -i testsrc2=s=160x90:r=${rate}:d=${seconds} -f lavfi -i aevalsrc=gte(t\\,6)*0.5*sin(2764*t):d=${seconds}:s=48000 -filter:v geq=lum=20+mod(N*7\\,200):cb=128:cr=128`;
const H264 = '-c:v libx264 -preset veryfast -pix_fmt yuv420p -bf 3 -c:a aac';

const SOURCES: [string, number, string, () => string][] = [
  ['29.97 with B-frames', 30000 / 1001, 'mp4', () => `${ramp(13.2, '30000/1001')} ${H264} -g 47`],
  ['times of whole ms in Matroska', 30000 / 1001, 'mkv', () => `${ramp(13.2, '30000/1001')} ${H264}`],
  ['open groups', 25, 'mp4', () => `${ramp(13.2, 25)} ${H264} -x264-params open-gop=1:keyint=40:min-keyint=40`],
  [
    'pictures that begin after the sound',
    25,
    'mp4',
    () => `${ramp(13.2, 25)} ${H264} -output_ts_offset 5 -movflags +frag_keyframe`,
  ],
  ['a broadcast, without an index', 25, 'ts', () => `${ramp(13.2, 25)} ${H264} -g 60`],
];

test.each(SOURCES)(
  '%s: a part has the pictures and the sound between its bounds, and no other',
  async (_, rate, ext, make) => {
    const source = ffmpeg(make(), clips.at(`source-${count++}.${ext}`));
    const [start, end] = [4.13, 10.41];
    const step = await prepare(source, { ...PRESET, start, end });
    const [file] = await makeOutputs(step).catch((e) => {
      console.log(e.details);
      throw e;
    });
    const late = startOf(source);
    const [first, last] = [start, end].map((at) => Math.round((at - late) * rate));
    const wanted = greys(source).slice(first, last);
    const shown = greys(file?.file ?? '');
    expect([shown.length, differing(shown, wanted)]).toEqual([wanted.length, []]);
    expect(Math.abs(loudFrom(file?.file ?? '') - (loudFrom(source) - start))).toBeLessThan(0.003);
  },
);

test('a rate that changes: the pictures of a part are those of the whole on the same grid; in chunks the same', async () => {
  const vary = ',select=gt(mod(n\\,37)\\,5)*gt(mod(n\\,7)\\,1) -fps_mode vfr';
  const source = ffmpeg(`${ramp(22, 60)}${vary} ${H264}`, clips.at('vfr.mp4'));
  const step = await prepare(source, { ...PRESET, hls: true, start: 2.35, end: 19.01 });
  const [whole] = await makeOutputs({ ...step, branches: ['rung:a'] });
  const shown = greys(whole?.file ?? '');
  const wanted = greys(source, 'trim=start=2.35:end=19.01,setpts=PTS-2.35/TB,fps=30:start_time=0,');
  // How long the last picture is held is left to the end of the source.
  expect(Math.abs(shown.length - wanted.length)).toBeLessThanOrEqual(2);
  expect(differing(shown, wanted)).toEqual([]);

  const plan = planChunks(step.probe, step.plan, 0.0001);
  const [group] = plan?.chunks?.groups ?? [];
  if (plan === undefined || group === undefined) throw new Error('not cut into chunks');
  expect(group.chunks.length).toBeGreaterThan(2);
  const pieces: number[] = [];
  for (const chunk of group.chunks) {
    const [track] = await makeChunk({ ...step, plan, outputDir: folder(), group, chunk });
    const files = [track?.init, ...(track?.segments ?? [])].flatMap((each) => each?.file ?? []);
    pieces.push(...greys(joined(files)));
  }
  expect([pieces.length, differing(pieces, shown)]).toEqual([shown.length, []]);
});

test('poster and sprite are of the part', async () => {
  const source = ffmpeg(`${ramp(20, 25)} ${H264}`, clips.at('thumbs.mp4'));
  const poster = { format: 'jpeg', width: 160, quality: 95 } as const;
  const sprite = { width: 32, columns: 5, rows: 5, quality: 95 };
  const step = await prepare(source, { ...PRESET, poster, sprite, start: 10, end: 16 });
  const files = await makeOutputs(step);
  const of = (role: VideoFile['role']) => files.filter((file) => file.role === role).map(({ file }) => file);
  const all = greys(source);
  // The first candidate lies at a tenth of the part; grey pictures are all as good.
  const [shown = 0] = greys(of('poster')[0] ?? '');
  expect(all.slice(250, 400).some((grey) => Math.abs(grey - shown) < 8)).toBe(true);
  expect(step.plan.sprite?.tiles).toBe(6);
});

test.each([
  [{ start: 7 }, 'The video is 2.00 s long, so video.start cannot be at 7 s.'],
  [{ start: 1, end: 2.5 }, 'The video is 2.00 s long, so video.end cannot be at 2.5 s.'],
])('%j outside of the source is refused', async (part, sentence) => {
  const source = ffmpeg(`${picture('64x64', 2)} ${X264}`, clips.at('short.mp4'));
  await expect(prepare(source, { ...PRESET, ...part })).rejects.toMatchObject({
    type: 'InvalidJob',
    message: sentence,
  });
});
