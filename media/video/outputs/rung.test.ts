import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  clipFolder,
  ffmpeg,
  keyframes,
  picture,
  processesWith,
  settings,
  sound,
  streamsOf,
  turnByQuarter,
  X264,
} from '../../../test/support/clips';
import { planVideo } from '../plan/plan';
import { probeVideo } from '../probe/probe';
import type { FfmpegProgress, RungPlan, StepInput, VideoFile } from '../types';
import { encodeRung } from '../single-outputs';

const clips = clipFolder();
afterAll(clips.remove);
let count = 0;

/** Probes, plans a rung of 180 lines, encodes it into a folder of its own. */
async function encode(input: string, step: Partial<StepInput> = {}, changes: Partial<RungPlan> = {}) {
  const { outputDir, ...input_ } = await prepare(input);
  const rung = { ...input_.rung, ...changes };
  const made = await encodeRung({ ...input_, outputDir, rung, ...step });
  return { made, outputDir };
}

async function prepare(input: string) {
  const probe = await probeVideo(input, { maxDuration: 3_600_000, maxStreams: 8 }, settings);
  const spec = { name: '180p', height: 180, crf: 28, maxrate: 500, speed: 'superfast' as const, audioBitrate: 64 };
  const rung = planVideo(probe, { audio: 'optional', rungs: [spec] }).rungs[0];
  if (rung === undefined) throw new Error('no rung');
  const outputDir = clips.at(`out ${count++}`);
  mkdirSync(outputDir);
  return { input, outputDir, probe, maxDuration: 3_600_000, settings, rung };
}

const videoOf = (made: VideoFile) => streamsOf(made.file).find((stream) => stream.codec_type === 'video');
const audioOf = (made: VideoFile) => streamsOf(made.file).find((stream) => stream.codec_type === 'audio');

test('an MP4 that any browser plays: H.264 high, yuv420p, AAC 48 kHz stereo, index first, no metadata', async () => {
  const input = ffmpeg(
    `${picture('640x360', 3)} ${sound(3)} ${X264} -c:a aac -ac 1 -ar 22050 -metadata title=secret -metadata location=+47+8/`,
    clips.at('full.mp4'),
  );
  const { made, outputDir } = await encode(input);
  expect(readdirSync(outputDir)).toEqual(['180p.mp4']);
  expect(made).toMatchObject({
    name: '180p',
    role: 'video',
    mime: 'video/mp4',
    file: path.join(outputDir, '180p.mp4'),
    width: 320,
    height: 180,
    frames: 75,
    codecs: expect.stringMatching(/^avc1\.6400[0-9a-f]{2}, mp4a\.40\.2$/) as string,
    bytes: statSync(made.file).size,
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
  });
  expect(made.durationSeconds).toBeCloseTo(3, 1);
  expect(videoOf(made)).toMatchObject({
    codec_name: 'h264',
    profile: 'High',
    pix_fmt: 'yuv420p',
    sample_aspect_ratio: '1:1',
    nb_read_frames: '75',
  });
  expect(audioOf(made)).toMatchObject({ codec_name: 'aac', sample_rate: '48000', channels: 2 });
  expect(readFileSync(made.file).includes('secret')).toBe(false);
});

test('a keyframe every two seconds, whatever happens in the picture', async () => {
  const input = ffmpeg(`${picture('320x180', 5, 30)} -vf hue=H=PI*floor(t*3) ${X264}`, clips.at('cuts.mp4'));
  const times = keyframes((await encode(input)).made.file);
  expect(times.map((time) => Math.round(time * 10) / 10)).toEqual([0, 2, 4]);
});

test('a silent video has no sound track', async () => {
  const { made } = await encode(ffmpeg(`${picture('320x180', 1)} ${X264}`, clips.at('silent.mp4')));
  expect([made.codecs, audioOf(made)]).toEqual([expect.stringMatching(/^avc1\.\w{6}$/), undefined]);
});

test('a turned clip comes out upright, with nothing left to turn', async () => {
  const { made } = await encode(turnByQuarter(ffmpeg(`${picture('640x360', 1)} ${X264}`, clips.at('turned.mp4'))));
  expect(videoOf(made)).toMatchObject({ width: 180, height: 320 });
  expect(videoOf(made)?.side_data_list).toBeUndefined();
});

test('wide pixels become square ones', async () => {
  const { made } = await encode(ffmpeg(`${picture('320x180', 1)} -vf setsar=2 ${X264}`, clips.at('sar.mp4')));
  expect(videoOf(made)).toMatchObject({ width: 640, height: 180, sample_aspect_ratio: '1:1' });
});

test('odd 4:4:4 becomes even 4:2:0', async () => {
  const input = ffmpeg(`${picture('161x121', 1)} -c:v libx264 -pix_fmt yuv444p`, clips.at('odd.mp4'));
  expect(videoOf((await encode(input)).made)).toMatchObject({ width: 160, height: 120, pix_fmt: 'yuv420p' });
});

test('60 frames a second become 30 under 540 lines', async () => {
  const { made } = await encode(ffmpeg(`${picture('320x180', 2, 60)} ${X264}`, clips.at('fast.mp4')));
  expect([made.frames, videoOf(made)?.avg_frame_rate]).toEqual([60, '30/1']);
});

test('a slide show, a picture every ten seconds', async () => {
  const { made } = await encode(ffmpeg(`${picture('320x180', 20, 0.1)} ${X264}`, clips.at('slides.mp4')));
  expect([made.frames, made.durationSeconds]).toEqual([2, 20]);
});

test('a slide show, a picture every ten seconds', async () => {
  const { made } = await encode(ffmpeg(`${picture('320x180', 20, 0.1)} ${X264}`, clips.at('slides.mp4')));
  expect([made.frames, made.durationSeconds]).toEqual([2, 20]);
});

test('WebM with a variable rate keeps its duration', async () => {
  const uneven = `${picture('160x90', 4, 60)} -vf select=lt(mod(n\\,60)\\,8)+eq(n\\,239) -fps_mode vfr`;
  const { made } = await encode(ffmpeg(`${uneven} -c:v libvpx -deadline realtime`, clips.at('vfr.webm')));
  expect(made.durationSeconds).toBeCloseTo(4, 0);
});

test.each(['-color_trc smpte2084', '-color_trc arib-std-b67 -color_primaries bt2020 -colorspace bt2020nc'])(
  'HDR (%s) becomes SDR',
  async (tags) => {
    const input = ffmpeg(`${picture('160x90', 0.4)} -c:v libx264 -pix_fmt yuv420p10le ${tags}`, clips.at('hdr.mp4'));
    expect(videoOf((await encode(input)).made)).toMatchObject({
      pix_fmt: 'yuv420p',
      color_space: 'bt709',
      color_transfer: 'bt709',
    });
  },
);

test('progress only grows, and ends with the last frame', async () => {
  const seen: FfmpegProgress[] = [];
  const hashed: number[] = [];
  const input = ffmpeg(`${picture('320x180', 2)} ${X264}`, clips.at('progress.mp4'));
  const { made } = await encode(input, {
    onProgress: (progress) => ('frames' in progress ? seen.push(progress) : hashed.push(progress.bytes)),
  });
  expect(hashed.at(-1)).toBe(made.bytes);
  expect(seen.at(-1)).toMatchObject({ frames: 50 });
  expect(seen.map(({ frames }) => frames)).toEqual(seen.map(({ frames }) => frames).toSorted((a, b) => a - b));
});

describe('damaged files are refused, and leave nothing behind', () => {
  const whole = (name: string, words = '') =>
    readFileSync(ffmpeg(`${picture('320x180', 4)} ${X264} -g 10 ${words}`, clips.at(name)));
  const damaged = async (name: string, bytes: Buffer) => {
    writeFileSync(clips.at(name), bytes);
    const step = await prepare(clips.at(name));
    await expect(encodeRung(step)).rejects.toMatchObject({ type: 'CorruptMedia' });
    expect(readdirSync(step.outputDir)).toEqual([]);
  };

  test.each([
    ['cut.mp4', '-movflags +faststart'],
    ['cut.mkv', ''],
    ['cut.avi', '-c:v mpeg4'],
    ['cut.webm', '-c:v libvpx -deadline realtime'],
  ])('%s, cut in the middle: ffmpeg itself would call most of these a success', async (name, words) => {
    const bytes = whole(name, words);
    await damaged(name, bytes.subarray(0, Math.round(bytes.length * 0.6)));
  });

  test('flipped bytes', async () => {
    const bytes = whole('flipped.mp4', '-movflags +faststart');
    for (let at = 8000; at < bytes.length; at += 997) bytes[at] = (bytes[at] ?? 0) ^ 0xff;
    await damaged('flipped.mp4', bytes);
  });
});

describe('an encode that does not end well', () => {
  const long = () => ffmpeg(`${picture('640x360', 20)} ${X264}`, clips.at('long.mp4'));
  /** Slow enough to be caught in the middle. */
  const slow: Partial<RungPlan> = { speed: 'slow', width: 640, height: 360 };

  test('an abort throws its reason; no process and no file is left', async () => {
    const step = await prepare(long());
    const abort = new AbortController();
    const reason = new Error('cancelled');
    let running = 0;
    const onProgress = () => {
      running ||= processesWith(step.outputDir).length;
      abort.abort(reason);
    };
    const run = encodeRung({ ...step, rung: { ...step.rung, ...slow }, signal: abort.signal, onProgress });
    await expect(run).rejects.toBe(reason);
    expect(running).toBe(1);
    expect(processesWith(step.outputDir)).toEqual([]);
    expect(readdirSync(step.outputDir)).toEqual([]);
  });

  test('one that hangs is ended and counts as EncoderFailed', async () => {
    const step = await prepare(long());
    const onProgress = () => processesWith(step.outputDir).forEach((pid) => process.kill(pid, 'SIGSTOP'));
    const run = encodeRung({
      ...step,
      rung: { ...step.rung, ...slow },
      settings: { ...settings, stallMs: 1500 },
      onProgress,
    });
    await expect(run).rejects.toMatchObject({ type: 'EncoderFailed', details: { reason: 'stall' } });
    expect(processesWith(step.outputDir)).toEqual([]);
    expect(readdirSync(step.outputDir)).toEqual([]);
  });

  test('one that is killed says so', async () => {
    const step = await prepare(long());
    const onProgress = () => processesWith(step.outputDir).forEach((pid) => process.kill(pid, 'SIGKILL'));
    const run = encodeRung({ ...step, rung: { ...step.rung, ...slow }, onProgress });
    await expect(run).rejects.toMatchObject({ type: 'EncoderFailed', details: { childKilled: true } });
    expect(readdirSync(step.outputDir)).toEqual([]);
  });

  test('no ffmpeg, or one without memory, is no fault of the file', async () => {
    const step = await prepare(long());
    const failing = (changes: object) => encodeRung({ ...step, settings: { ...settings, ...changes } });
    await expect(failing({ ffmpegPath: '/nowhere/ffmpeg' })).rejects.toMatchObject({ type: 'EncoderFailed' });
    await expect(failing({ maxMemory: 64 * 2 ** 20 })).rejects.toMatchObject({ type: 'EncoderFailed' });
  });
});

describe('a source that already is what the rung wants', () => {
  const fitting = () =>
    ffmpeg(`${picture('320x180', 3)} ${sound(3)} ${X264} -crf 35 -c:a aac`, clips.at(`fit ${count++}.mp4`));

  test('is passed through: the same pictures, but without the messages that cameras leave in them', async () => {
    const input = fitting();
    expect(readFileSync(input).includes('x264 - core')).toBe(true);
    const { rung } = await prepare(input);
    expect(rung.copy).toBe(true);
    const { made } = await encode(input);
    expect(made).toMatchObject({ width: 320, height: 180, frames: 75 });
    expect(readFileSync(made.file).includes('x264 - core')).toBe(false);
    expect(hashOfPictures(made.file)).toBe(hashOfPictures(input));
  });

  test('is refused when damaged, although nothing is encoded', async () => {
    const input = fitting();
    const bytes = readFileSync(input);
    for (let at = bytes.indexOf('mdat') + 2000; at < bytes.length - 5000; at += 997)
      bytes[at] = 0xff ^ (bytes[at] ?? 0);
    writeFileSync(input, bytes);
    await expect(encode(input)).rejects.toMatchObject({ type: 'CorruptMedia' });
  });
});

/** MD5 over every decoded picture. */
function hashOfPictures(file: string): string {
  const args = ['-v', 'error', '-i', `file:${file}`, '-map', '0:v', '-f', 'md5', '-'];
  return execFileSync(settings.ffmpegPath, args).toString();
}
