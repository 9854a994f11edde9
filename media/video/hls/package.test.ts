import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { VideoRungSpec } from '../../presets/schema';
import {
  clipFolder,
  ffmpeg,
  keyframes,
  picture,
  processesWith,
  settings,
  sound,
  X264,
} from '../../../test/support/clips';
import { CODEC_FACTS } from '../../../test/support/codecs';
import { planVideo } from '../plan/plan';
import { probeVideo } from '../probe/probe';
import { encodeRung } from '../single-outputs';
import { checkAligned, packageHls, type PackageInput } from './package';

const clips = clipFolder();
afterAll(clips.remove);
let count = 0;

const rung = (height: number, changes: Partial<VideoRungSpec> = {}): VideoRungSpec => ({
  ...{ name: `${height}p`, height, crf: 35, maxrate: 900, speed: 'superfast', audioBitrate: 64 },
  ...changes,
});

/** Probes, plans and encodes: what packaging begins with. */
async function ladder(input: string, specs: VideoRungSpec[]): Promise<PackageInput> {
  const probe = await probeVideo(input, { maxDuration: 3_600_000, maxStreams: 8 }, settings);
  const { rungs, hls } = planVideo(probe, { audio: 'optional', rungs: specs, hls: true });
  // A name that would be a pattern, were it in the command line.
  const outputDir = clips.at(`out %d ${count++}`);
  mkdirSync(outputDir);
  const made = [];
  for (const plan of rungs) {
    made.push({
      plan,
      file: (await encodeRung({ input, outputDir, probe, maxDuration: 3_600_000, settings, rung: plan })).file,
    });
  }
  if (hls === undefined) throw new Error('no plan for HLS');
  return { outputDir, settings, hls, rungs: made };
}

async function stream(input: string, specs: VideoRungSpec[]) {
  const step = await ladder(input, specs);
  const made = await packageHls(step);
  const text = readFileSync(made.playlist.file, 'utf8');
  return { step, made, text, folder: path.dirname(made.playlist.file) };
}

/** Decodes all of a playlist, as a player would; frames and seconds of its one track. */
function played(playlist: string) {
  const args = ['-v', 'error', '-count_frames', '-show_streams', '-of', 'json', `file:${playlist}`];
  const { streams } = JSON.parse(execFileSync(settings.ffprobePath, args).toString()) as {
    streams: { codec_name: string; nb_read_frames: string; width?: number; height?: number; r_frame_rate: string }[];
  };
  return streams;
}

const seconds = (playlist: string) =>
  [...readFileSync(playlist, 'utf8').matchAll(/#EXTINF:([\d.]+)/g)].map(([, value]) => Number(value));
const attribute = (text: string, name: string) =>
  [...text.replace(/^#EXT-X-I-FRAME.*$/gm, '').matchAll(new RegExp(`[:,]${name}=("[^"]*"|[^,\\n]*)`, 'g'))].map(
    ([, value]) => value?.replaceAll('"', ''),
  );

test('two rungs of different rates and a sound: one playlist each, cut at the same times', async () => {
  const clip = `${picture('960x540', 8, 60)} ${sound(8)} -r 60000/1001 ${X264} -c:a aac`;
  const { made, text, folder, step } = await stream(ffmpeg(clip, clips.at('ntsc.mp4')), [
    rung(540, { speed: 'ultrafast' }),
    rung(180),
  ]);
  expect(readdirSync(folder).sort()).toEqual(['audio', 'master.m3u8', 'video-180p', 'video-540p']);
  expect(attribute(text, 'RESOLUTION')).toEqual(['320x180', '960x540']);
  expect(attribute(text, 'FRAME-RATE')).toEqual(['29.970', '59.940']);
  expect(attribute(text, 'AUDIO')).toEqual(['audio', 'audio']);
  // Of the encoder's own making: its fastest preset has no features of the high profile.
  expect(attribute(text, 'CODECS')).toEqual([
    expect.stringMatching(/^avc1\.6400\w\w,mp4a\.40\.2$/),
    expect.stringMatching(/^avc1\.42c0\w\w,mp4a\.40\.2$/),
  ]);

  const upper = path.join(folder, 'video-540p/index.m3u8');
  const lower = path.join(folder, 'video-180p/index.m3u8');
  expect(seconds(upper).slice(0, 1)).toEqual([6.006]);
  expect(seconds(lower).slice(0, 1)).toEqual([6.006]);
  expect(seconds(path.join(folder, 'audio/index.m3u8')).reduce((a, b) => a + b)).toBeCloseTo(8, 1);
  const [high, low] = step.rungs.map(({ file }) => keyframes(file).map((time) => Math.round(time * 1000)));
  expect(high).toEqual(low);

  expect(played(upper)).toMatchObject([{ codec_name: 'h264', width: 960, height: 540 }]);
  expect(played(lower)).toMatchObject([{ codec_name: 'h264', width: 320, height: 180, nb_read_frames: '240' }]);
  expect(played(path.join(folder, 'audio/index.m3u8'))).toMatchObject([{ codec_name: 'aac' }]);
  // Every file that is to be published is there, the playlists behind what they name, and the count is of segments.
  expect(made.files.every(({ file }) => existsSync(file))).toBe(true);
  expect(made.files.filter(({ path: name }) => name.endsWith('.m4s'))).toHaveLength(made.segments);
  expect(made.files.at(-1)).toMatchObject({ path: 'audio/index.m3u8', mime: 'application/vnd.apple.mpegurl' });
  expect(made.durationSeconds).toBeCloseTo(8, 1);
});

test('the rates that it states are those of its files', async () => {
  const clip = `${picture('320x180', 13)} ${sound(13)} ${X264} -c:a aac`;
  const { made, text } = await stream(ffmpeg(clip, clips.at('rates.mp4')), [rung(180)]);
  const bytes = (folder: string) => made.files.filter(({ path: name }) => name.startsWith(folder) && /m4s$/.test(name));
  const average = ['video-180p', 'audio']
    .map((folder) => (8 * bytes(folder).reduce((sum, file) => sum + file.bytes, 0)) / 13)
    .reduce((a, b) => a + b);
  expect(Number(attribute(text, 'AVERAGE-BANDWIDTH')[0]) / average).toBeCloseTo(1, 1);
  expect(Number(attribute(text, 'BANDWIDTH')[0])).toBeGreaterThanOrEqual(
    Number(attribute(text, 'AVERAGE-BANDWIDTH')[0]),
  );
});

test('a silent, tiny, turned-away source of one rung and less than a second', async () => {
  const { text, folder } = await stream(ffmpeg(`${picture('64x48', 0.4, 15)} ${X264}`, clips.at('tiny.mp4')), [
    rung(360),
    rung(180),
  ]);
  expect(readdirSync(folder).sort()).toEqual(['master.m3u8', 'video-180p']);
  expect(text).not.toContain('AUDIO');
  expect(attribute(text, 'CODECS')[0]).toMatch(/^avc1\.\w{6}$/);
  expect(played(path.join(folder, 'video-180p/index.m3u8'))).toMatchObject([{ nb_read_frames: '6' }]);
});

test('sound that begins later than the picture, at a variable rate: both tracks begin at zero and stay together', async () => {
  const uneven = `${picture('320x180', 8)} -itsoffset 1.5 ${sound(4)} -vf select=lt(mod(n\\,7)\\,4) -fps_mode vfr`;
  const { folder } = await stream(ffmpeg(`${uneven} ${X264} -c:a aac`, clips.at('late.mp4')), [rung(180)]);
  const decode = [
    '-v',
    'error',
    '-i',
    `file:${path.join(folder, 'audio/index.m3u8')}`,
    '-ac',
    '1',
    '-ar',
    '8000',
    '-f',
    's16le',
    '-',
  ];
  const samples = execFileSync(settings.ffmpegPath, decode);
  const firstLoud = samples.findIndex((_, at) => at % 2 === 0 && Math.abs(samples.readInt16LE(at)) > 1000) / 2 / 8000;
  expect(firstLoud).toBeCloseTo(1.5, 1);
  expect(seconds(path.join(folder, 'video-180p/index.m3u8'))[0]).toBe(6);
});

describe('what does not end well leaves nothing', () => {
  const long = () => ffmpeg(`${picture('160x90', 30)} ${X264}`, clips.at(`long ${count++}.mp4`));

  test('an abort in the middle throws its reason, and no ffmpeg goes on', async () => {
    const step = await ladder(long(), [rung(90)]);
    const reason = new Error('cancelled');
    const abort = new AbortController();
    // Copying is over at once; at the speed of playing it can be caught in the middle.
    const ffmpegPath = clips.at('slow-ffmpeg');
    writeFileSync(ffmpegPath, `#!/bin/sh\nexec ${settings.ffmpegPath} -re "$@"\n`, { mode: 0o755 });
    let running = 0;
    const onProgress = () => {
      running ||= processesWith(step.outputDir).length;
      abort.abort(reason);
    };
    const slow = { ...step, settings: { ...settings, ffmpegPath }, signal: abort.signal, onProgress };
    await expect(packageHls(slow)).rejects.toBe(reason);
    expect(running).toBe(1);
    expect(readdirSync(step.outputDir)).toEqual(['90p.mp4']);
    expect(processesWith(step.outputDir)).toEqual([]);
  });

  test('a rung that is not whole is refused', async () => {
    const step = await ladder(long(), [rung(90)]);
    truncateSync(step.rungs[0]?.file ?? '', 100_000);
    await expect(packageHls(step)).rejects.toThrow();
    expect(readdirSync(step.outputDir)).toEqual(['90p.mp4']);
  });

  test('no ffmpeg is no fault of the file', async () => {
    const step = await ladder(long(), [rung(90)]);
    const failing = packageHls({ ...step, settings: { ...settings, ffmpegPath: '/nowhere/ffmpeg' } });
    await expect(failing).rejects.toMatchObject({ type: 'EncoderFailed' });
    expect(readdirSync(step.outputDir)).toEqual(['90p.mp4']);
  });
});

test('rungs that were cut at other times are refused; the last segment may be one more', () => {
  const cut = (...lengths: number[]) => lengths.map((length) => ({ name: '', seconds: length }));
  expect(() => checkAligned([cut(6, 6, 0.5), cut(6, 6)])).not.toThrow();
  expect(() => checkAligned([cut(6, 6, 2), cut(6.1, 5.9, 2)])).toThrow('do not line up');
  expect(() => checkAligned([cut(6, 6, 6), cut(6)])).toThrow('do not line up');
});

test('a manifest of DASH over the same segments: ffprobe reads every picture and the sound through it', async () => {
  const clip = `${picture('320x180', 8, 30)} ${sound(8)} ${X264} -c:a aac`;
  const source = ffmpeg(clip, clips.at('dash.mp4'));
  const dashOf = async (rungs: VideoRungSpec[]) => {
    const step = await ladder(source, rungs);
    const { dash, playlist } = await packageHls({ ...step, hls: { ...step.hls, dash: true } });
    if (dash === undefined) throw new Error('no manifest');
    return { ...dash, playlist };
  };
  const { playlist, ...dash } = await dashOf([rung(180), rung(90)]);
  const text = readFileSync(dash.file, 'utf8');
  const ofHls = [...readFileSync(playlist.file, 'utf8').matchAll(/CODECS="(avc1[^",]*),/g)].map(([, name]) => name);
  expect([...text.matchAll(/codecs="(avc1[^"]*)"/g)].map(([, name]) => name).sort()).toEqual([...ofHls].sort());
  expect(text).toContain('<S t="0" d="');
  const [picture_, sound_] = played((await dashOf([rung(180)])).file);
  expect(picture_).toMatchObject({ codec_name: 'h264', nb_read_frames: '240', width: 320 });
  expect(sound_).toMatchObject({ codec_name: 'aac', nb_read_frames: expect.stringMatching(/^37\d$/) as string });
});

test('four codecs in one stream: each a variant of HLS and a set of DASH, and every variant decodes', async () => {
  const clip = `${picture('320x180', 7, 25)} ${sound(7)} ${X264} -c:a aac`;
  const others = (['hevc', 'av1', 'vp9'] as const).map((codec) => rung(180, { name: codec, codec, crf: 40 }));
  const step = await ladder(ffmpeg(clip, clips.at('codecs.mp4')), [rung(180), rung(90), ...others]);
  const { dash, playlist } = await packageHls({ ...step, hls: { ...step.hls, dash: true } });
  const text = readFileSync(playlist.file, 'utf8');
  const lines = text.split('\n');
  const variants = lines.flatMap((line, at) => {
    const [, codecs = ''] = /^#EXT-X-STREAM-INF:.*CODECS="([^"]+)"/.exec(line) ?? [];
    return codecs === '' ? [] : [{ codecs, uri: lines[at + 1] ?? '' }];
  });
  const nameOf = new Map(variants.map(({ uri, codecs }) => [path.dirname(uri), codecs.replace(',mp4a.40.2', '')]));
  expect(Object.fromEntries(nameOf)).toEqual({
    'video-180p': expect.stringMatching(CODEC_FACTS.h264.name) as string,
    'video-90p': expect.stringMatching(CODEC_FACTS.h264.name) as string,
    'video-hevc': expect.stringMatching(CODEC_FACTS.hevc.name) as string,
    'video-av1': expect.stringMatching(CODEC_FACTS.av1.name) as string,
    'video-vp9': expect.stringMatching(CODEC_FACTS.vp9.name) as string,
  });
  for (const { uri, codecs } of variants) {
    const [entry] = codecs.split('.');
    const { codec } = Object.values(CODEC_FACTS).find(({ tag }) => tag === entry) ?? {};
    expect(played(path.join(path.dirname(playlist.file), uri))).toMatchObject([
      { codec_name: codec, nb_read_frames: '175' },
    ]);
  }

  const sets = readFileSync(dash?.file ?? '', 'utf8')
    .split('<AdaptationSet ')
    .slice(1);
  const representations = sets.map((set) =>
    [...set.matchAll(/<Representation id="([^"]+)" codecs="([^"]+)"/g)].map(([, id, codecs]) => [id, codecs]),
  );
  const inDash = (folder: string) => [folder, nameOf.get(folder)];
  expect(representations).toEqual([
    [inDash('video-180p'), inDash('video-90p')],
    [inDash('video-hevc')],
    [inDash('video-av1')],
    [inDash('video-vp9')],
    [['audio', 'mp4a.40.2']],
  ]);
}, 60_000);

test('a playlist of keyframes: each is a picture by itself, at the beginning of its segment', async () => {
  const clip = `${picture('320x180', 14, 25)} ${X264}`;
  const { folder, text } = await stream(ffmpeg(clip, clips.at('keys.mp4')), [rung(180)]);
  const uri = /#EXT-X-I-FRAME-STREAM-INF:.*URI="([^"]+)"/.exec(text)?.[1] ?? '';
  const track = path.join(folder, path.dirname(uri));
  const lines = readFileSync(path.join(folder, uri), 'utf8').split('\n');
  const ranges = lines.flatMap((line, at) => {
    const [, length, offset] = /^#EXT-X-BYTERANGE:(\d+)@(\d+)$/.exec(line) ?? [];
    return length === undefined ? [] : [{ file: lines[at + 1] ?? '', length: Number(length), offset: Number(offset) }];
  });
  expect(ranges.map(({ file }) => file)).toEqual(['00000.m4s', '00001.m4s', '00002.m4s']);
  for (const [at, { file, length, offset }] of ranges.entries()) {
    const bytes = readFileSync(path.join(track, file)).subarray(offset, offset + length);
    const alone = clips.at(`alone-${at}.mp4`);
    writeFileSync(alone, Buffer.concat([readFileSync(path.join(track, 'init.mp4')), bytes]));
    const entries = [
      '-select_streams',
      'v',
      '-show_entries',
      'frame=pict_type,best_effort_timestamp_time',
      '-of',
      'csv=p=0',
    ];
    const frames = execFileSync(settings.ffprobePath, ['-v', 'quiet', ...entries, alone])
      .toString()
      .trim()
      .split('\n');
    const [time, type] = (frames[0] ?? '').split(',');
    expect(frames).toHaveLength(1);
    expect(type).toBe('I');
    // Without the pictures after it, ffprobe shifts it by the order of B-frames.
    expect(Math.abs(Number(time) - 6 * at)).toBeLessThan(0.2);
  }
});
