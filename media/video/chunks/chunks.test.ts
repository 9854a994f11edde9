/** Videos encoded in chunks beside the same videos in one piece: real ffmpeg, picture by picture. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { clipFolder, ffmpeg, keyframes, picture, settings, streamsOf, X264 } from '../../../test/support/clips';
import type { VideoPreset, VideoRungSpec } from '../../presets/schema';
import { makeOutputs } from '../make-outputs';
import { planChunks } from '../plan/chunks';
import { planVideo } from '../plan/plan';
import { probeVideo } from '../probe/probe';
import type { StepInput, VideoFile, VideoPlan } from '../types';
import { joinChunks } from './join';
import { canSeek } from './seek';
import { makeChunk, type ChunkTrack } from './make-chunk';

const clips = clipFolder();
afterAll(clips.remove);
let count = 0;

const rung = (height: number, more: Partial<VideoRungSpec> = {}): VideoRungSpec => ({
  ...{ name: `${height}p`, height, crf: 28, maxrate: 900, speed: 'ultrafast', audioBitrate: 64 },
  ...more,
});
const PRESET: VideoPreset = { audio: 'optional', hls: true, rungs: [rung(90)] };

function folder(): string {
  const outputDir = clips.at(`out %d ${count++}`);
  mkdirSync(outputDir);
  return outputDir;
}

async function prepare(
  input: string,
  preset = PRESET,
  chunkSeconds = 0.0001,
): Promise<StepInput & { plan: VideoPlan }> {
  const probe = await probeVideo(input, { maxDuration: 3_600_000, maxStreams: 8 }, settings);
  const plan = planChunks(probe, planVideo(probe, preset), chunkSeconds);
  if (plan === undefined) throw new Error('not cut into chunks');
  return { input, outputDir: folder(), probe, plan, maxDuration: 3_600_000, settings };
}

/** Every chunk in a folder of its own, as on different workers, then the rungs joined. */
async function inChunks(step: StepInput & { plan: VideoPlan }): Promise<{ files: VideoFile[]; tracks: ChunkTrack[] }> {
  const tracks: ChunkTrack[] = [];
  for (const group of step.plan.chunks?.groups ?? []) {
    for (const chunk of group.chunks) tracks.push(...(await makeChunk({ ...step, outputDir: folder(), group, chunk })));
  }
  const [kbps] = step.plan.rungs.flatMap(({ audioBitrate }) => audioBitrate ?? []);
  const heard = step.probe.audio
    ? await makeOutputs({ ...step, outputDir: folder(), branches: [`sound:${kbps ?? 0}`] })
    : [];
  const files: VideoFile[] = [];
  for (const rung of step.plan.rungs) {
    const own = tracks.filter((track) => track.rung === rung.name);
    files.push(
      await joinChunks({
        ...{ ...step, rung, outputDir: folder(), init: own[0]?.init.file ?? '' },
        segments: own.flatMap(({ segments }) => segments.map(({ file }) => file)),
        frames: own.flatMap(({ segments }) => segments.map(({ frames }) => frames)).reduce((a, b) => a + b, 0),
        sound: heard[0]?.file,
      }),
    );
  }
  return { files, tracks };
}

/** The same plan in one piece. */
const whole = (step: StepInput & { plan: VideoPlan }) =>
  makeOutputs({ ...step, outputDir: folder(), branches: step.plan.rungs.map(({ name }) => `rung:${name}` as const) });

/** The mean grey of each picture, with the times of all. */
function greys(file: string): number[] {
  const filter = ['-vf', 'scale=1:1:flags=area', '-pix_fmt', 'gray', '-fps_mode', 'passthrough', '-f', 'rawvideo', '-'];
  return [...execFileSync(settings.ffmpegPath, ['-v', 'error', '-i', `file:${file}`, ...filter])];
}

function times(file: string): number[] {
  const entries = ['-select_streams', 'v', '-show_entries', 'frame=best_effort_timestamp', '-of', 'csv=p=0'];
  const text = execFileSync(settings.ffprobePath, ['-v', 'error', ...entries, `file:${file}`]).toString();
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => parseInt(line, 10));
}

/** Pictures of one grey each, seven brighter than the one before, so that a lost or doubled one shows. */
const ramp = (seconds: number, rate: number | string) =>
  `-f lavfi -i testsrc2=s=160x90:r=${rate}:d=${seconds} -vf geq=lum=20+mod(N*7\\,200):cb=128:cr=128`;
const h264 = '-c:v libx264 -preset veryfast -pix_fmt yuv420p -bf 3';

const SOURCES: [string, () => string][] = [
  ['29.97 with B-frames', () => ffmpeg(`${ramp(13.2, '30000/1001')} ${h264} -g 47`, clips.at('ntsc.mp4'))],
  [
    'a rate that changes all the time',
    () =>
      ffmpeg(
        `${ramp(13.2, 60)},select=gt(mod(n\\,37)\\,5)*gt(mod(n\\,7)\\,1) -fps_mode vfr ${h264}`,
        clips.at('vfr.mp4'),
      ),
  ],
  [
    'an edit list that hides the beginning',
    () => {
      const long = ffmpeg(`${ramp(15.7, 25)} ${h264} -g 100`, clips.at('uncut.mp4'));
      return ffmpeg(`-ss 2.52 -i ${long} -c copy`, clips.at('edits.mp4'));
    },
  ],
  [
    'open groups of pictures',
    () => ffmpeg(`${ramp(13.2, 25)} ${h264} -x264-params open-gop=1:keyint=40:min-keyint=40`, clips.at('open.mp4')),
  ],
  [
    'a clock that begins at 5 s',
    () => ffmpeg(`${ramp(13.2, 25)} ${h264} -output_ts_offset 5 -movflags +frag_keyframe`, clips.at('late.mp4')),
  ],
  [
    '60 pictures a second in Matroska, whose times are whole ms',
    () => ffmpeg(`${ramp(13.2, '60000/1001')} ${h264}`, clips.at('fast.mkv')),
  ],
  [
    'interlaced pictures',
    () =>
      ffmpeg(`${ramp(13.2, 25)} -s 160x96 ${h264} -flags +ildct+ilme -x264-params tff=1`, clips.at('interlaced.mp4')),
  ],
  [
    'sound that begins before the picture',
    () => ffmpeg(`-itsoffset 0.3 ${ramp(13.2, 25)} ${h264} ${''}`, clips.at('shifted.mp4')),
  ],
];

test.each(SOURCES)('%s: the pictures of all chunks are those of one piece, each once', async (_, make) => {
  const step = await prepare(make());
  expect(step.plan.chunks?.groups.flatMap(({ chunks }) => chunks).length).toBeGreaterThan(2);
  const [expected, { files }] = [await whole(step), await inChunks(step)];
  for (const [index, { file, frames }] of files.entries()) {
    const other = expected[index]?.file ?? '';
    expect(frames).toBe(expected[index]?.frames);
    const wanted = greys(other);
    const shown = greys(file);
    expect(shown).toHaveLength(wanted.length);
    const differing = shown.flatMap((grey, at) => (Math.abs(grey - (wanted[at] ?? 0)) > 3 ? [at] : []));
    expect(differing).toEqual([]);
    expect(times(file)).toEqual(times(other));
  }
});

test('of a longer film the first rung goes ahead, the others catch up, and each has every picture once', async () => {
  const preset = { ...PRESET, rungs: [rung(90), rung(144)] };
  const film = `-f lavfi -i testsrc2=s=256x144:r=5:d=50 -vf geq=lum=20+mod(N*7\\,200):cb=128:cr=128 ${h264} -g 50`;
  const step = await prepare(ffmpeg(film, clips.at('longer.mp4')), preset, 0.01);
  const { groups = [] } = step.plan.chunks ?? {};
  expect(groups.map(({ rungs, chunks }) => [rungs, chunks[0]?.start, chunks.at(-1)?.end])).toEqual([
    [['90p'], 0, 18],
    [['144p'], 0, 18],
    [['90p', '144p'], 18, undefined],
  ]);
  expect(groups[0]?.chunks.map(({ segments }) => segments)).toEqual([1, 2]);
  const [expected, { files }] = [await whole(step), await inChunks(step)];
  expect(files.map(({ frames }) => frames)).toEqual([250, 250]);
  for (const [index, { file }] of files.entries()) {
    const wanted = greys(expected[index]?.file ?? '');
    expect(greys(file).flatMap((grey, at) => (Math.abs(grey - (wanted[at] ?? 0)) > 3 ? [at] : []))).toEqual([]);
  }
});

test('decoding from a keyframe is tried: open groups of pictures need what lies before', async () => {
  const closed = await prepare(ffmpeg(`${picture('160x90', 14, 25)} ${h264}`, clips.at('closed.mp4')));
  expect(await canSeek(closed)).toBe(true);
  expect(await canSeek(await prepare(clips.at('open.mp4')))).toBe(false);
});

test('boundaries are not seen: no picture beside one is worse than the others', async () => {
  const moving = `${picture('160x90', 13.2, 25)} -vf noise=alls=4:allf=t ${h264} -crf 12`;
  const step = await prepare(ffmpeg(moving, clips.at('moving.mp4')), {
    ...PRESET,
    rungs: [rung(90, { crf: 20, speed: 'veryfast' })],
  });
  const { files, tracks } = await inChunks(step);
  const likeness = ssim(files[0]?.file ?? '', step.input);
  const inOnePiece = ssim((await whole(step))[0]?.file ?? '', step.input);
  let at = 0;
  const boundaries = tracks
    .slice(0, -1)
    .map(({ segments }) => (at += segments.reduce((sum, { frames }) => sum + frames, 0)));
  expect(boundaries).toEqual([150, 300]);
  const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  for (const boundary of boundaries) {
    const near = (of: number[]) => mean(of.slice(boundary - 3, boundary + 2));
    expect(near(likeness)).toBeGreaterThan(near(inOnePiece) - 0.01);
  }
  expect(mean(likeness)).toBeGreaterThan(mean(inOnePiece) - 0.002);
  expect(keyframes(files[0]?.file ?? '').map((time) => Math.round(time))).toEqual([0, 2, 4, 6, 8, 10, 12]);
});

/** SSIM of each picture. */
function ssim(file: string, reference: string): number[] {
  const stats = clips.at(`ssim-${count++}`);
  const graph = `[0:v]null[a];[a][1:v]ssim=f=${stats}`;
  execFileSync(settings.ffmpegPath, ['-v', 'error', '-i', file, '-i', reference, '-lavfi', graph, '-f', 'null', '-']);
  return [...readFileSync(stats, 'utf8').matchAll(/All:([\d.]+)/g)].map(([, value]) => Number(value));
}

test('sound is whole and in sync: beeps and flashes stay together to the end', async () => {
  const flash = `-f lavfi -i testsrc2=s=160x90:r=25:d=14 -f lavfi -i sine=frequency=900:duration=14`;
  const beat =
    '-vf geq=lum=if(lt(mod(T\\,3)\\,0.2)\\,235\\,16):cb=128:cr=128 -af volume=eval=frame:volume=lt(mod(t\\,3)\\,0.2)';
  const step = await prepare(ffmpeg(`${flash} ${beat} ${h264} -c:a aac`, clips.at('beat.mp4')));
  const { files } = await inChunks(step);
  const file = files[0]?.file ?? '';
  expect(streamsOf(file).map(({ codec_name }) => codec_name)).toEqual(['h264', 'aac']);
  const flashes = greys(file).flatMap((grey, at, all) => (grey > 120 && (all[at - 1] ?? 0) < 120 ? [at / 25] : []));
  const samples = execFileSync(settings.ffmpegPath, [
    '-v',
    'error',
    '-i',
    file,
    '-ac',
    '1',
    '-ar',
    '8000',
    '-f',
    's16le',
    '-',
  ]);
  const loud = Array.from(
    { length: Math.floor(samples.length / 160) },
    (_, at) => Math.abs(peak(samples.subarray(at * 160, at * 160 + 160))) > 2000,
  );
  const beeps = loud.flatMap((is, at) => (is && !loud[at - 1] && !loud[at - 2] && !loud[at - 3] ? [at / 100] : []));
  expect(flashes).toEqual([0, 3, 6, 9, 12]);
  expect(beeps).toHaveLength(5);
  beeps.forEach((beep, at) => expect(Math.abs(beep - (flashes[at] ?? 0))).toBeLessThanOrEqual(0.03));
});

function peak(samples: Buffer): number {
  let most = 0;
  for (let at = 0; at + 1 < samples.length; at += 2) most = Math.max(most, Math.abs(samples.readInt16LE(at)));
  return most;
}

test('rungs without a stream are cut as well; a rung that is passed through is not', async () => {
  const input = ffmpeg(`${picture('320x180', 14)} ${X264} -crf 40 -g 50`, clips.at('own.mp4'));
  const step = await prepare(input, { audio: 'drop', rungs: [rung(180, { maxrate: 5000 }), rung(90)] });
  expect(step.plan.rungs.map(({ copy }) => copy === true)).toEqual([true, false]);
  expect(step.plan.chunks?.groups.map(({ rungs }) => rungs)).toEqual([['90p']]);
});

test('a source that ends before it should is refused, and nothing is left of the chunk', async () => {
  const step = await prepare(ffmpeg(`${ramp(13.2, 25)} ${h264}`, clips.at('ends.mp4')));
  const { video } = step.probe;
  const longer = { ...step.probe, durationSeconds: 40, video: { ...video, durationSeconds: 40, frames: 1000 } };
  const plan = planChunks(longer, step.plan, 0.0001);
  const [group] = plan?.chunks?.groups ?? [];
  const chunk = group?.chunks.find(({ start }) => start > 13);
  if (plan === undefined || group === undefined || chunk === undefined) throw new Error('no such chunk');
  const outputDir = folder();
  await expect(makeChunk({ ...step, plan, group, chunk, outputDir })).rejects.toMatchObject({ type: 'CorruptMedia' });
  expect(readdirSync(outputDir).map((name) => path.extname(name))).toEqual([]);
});
