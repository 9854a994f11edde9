import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { DarkroomError } from '../../common/errors';
import { runProcess } from '../../common/process';
import { clipFolder, ffmpeg, picture, settings, sound, X264 } from '../../test/support/clips';
import { ffprobeArgs } from './ffmpeg/command';
import { longestOutput } from './ffmpeg/bounds';
import { compose } from './compose';
import { runFfmpeg } from './ffmpeg/run';
import { rungBranch } from './outputs/rung';
import { planVideo } from './plan/plan';
import { probeVideo } from './probe/probe';
import { encodeRung, makePoster, makeSprite } from './single-outputs';
import type { MediaProbe, RungPlan } from './types';

const clips = clipFolder();
afterAll(clips.remove);
let count = 0;

const maxDuration = 3_600_000;
const probe = (file: string) => probeVideo(file, { maxDuration, maxStreams: 64 }, settings);
const plan = (of: MediaProbe) =>
  planVideo(of, {
    audio: 'optional',
    rungs: [{ name: 'r', height: 180, crf: 30, maxrate: 500, speed: 'ultrafast', audioBitrate: 64 }],
    poster: { format: 'webp', width: 160, quality: 80 },
    sprite: { width: 64, columns: 5, rows: 5, quality: 70 },
  });

async function step(input: string, as?: MediaProbe) {
  const probed = as ?? (await probe(input));
  const outputDir = clips.at(`out ${count++}`);
  mkdirSync(outputDir);
  const { rungs, poster, sprite } = plan(probed);
  const common = { input, outputDir, probe: probed, maxDuration, settings };
  return {
    ...common,
    rung: rungs[0]!,
    poster: poster!,
    sprite: sprite!,
    sheetName: ({ name }: { name: string }) => name,
  };
}

const encodeCommand = (input: string, output: string, of: MediaProbe, rung: RungPlan) =>
  compose({ input, probe: of, branches: [rungBranch(of, rung)], partOf: () => output, threads: 1, maxDuration });

const failure = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: unknown) => (error instanceof DarkroomError ? `${error.type}: ${error.message}` : String(error)),
  );

function patched(file: string, name: string, patch: (bytes: Buffer) => void): string {
  const bytes = readFileSync(file);
  patch(bytes);
  writeFileSync(clips.at(name), bytes);
  return clips.at(name);
}

function at(bytes: Buffer, what: string | number[]): number {
  const found = bytes.indexOf(typeof what === 'string' ? Buffer.from(what, 'latin1') : Buffer.from(what));
  if (found < 0) throw new Error('nothing to patch');
  return found;
}

describe('times that go on after the stated end', () => {
  /** Three frames, 20 minutes from one to the next. */
  const gaps = (name: string) =>
    ffmpeg(`${picture('64x64', 3, 1)} -vf setpts=N*1200/TB -fps_mode passthrough ${X264}`, clips.at(name));

  /** Says that it lasts a second, at 120 frames a second. */
  const matroska = () =>
    patched(gaps('gaps.mkv'), 'lying.mkv', (bytes) => {
      bytes.writeDoubleBE(1000, at(bytes, [0x44, 0x89, 0x88]) + 3);
      bytes.write('00:00:01.000000000', at(bytes, '00:40:01'), 'latin1');
      const rate = at(bytes, [0x23, 0xe3, 0x83]);
      bytes.writeUIntBE(Math.round(1e9 / 120), rate + 4, (bytes[rate + 3] ?? 0) & 0x7f);
    });

  /** The duration in the header of the track's media, and in those of the track and the film. */
  const mp4 = () =>
    patched(gaps('gaps.mp4'), 'lying.mp4', (bytes) => {
      const scale = bytes.readUInt32BE(at(bytes, 'mdhd') + 16);
      bytes.writeUInt32BE(scale, at(bytes, 'mdhd') + 20);
      bytes.writeUInt32BE(1000, at(bytes, 'mvhd') + 20);
      bytes.writeUInt32BE(1000, at(bytes, 'tkhd') + 24);
      // The edit list would end the film by itself.
      bytes.write('free', at(bytes, 'edts'), 'latin1');
    });

  test.each([
    ['mkv', matroska],
    ['mp4', mp4],
  ])('%s: a file of a few kilobytes does not become minutes of video', async (_, make) => {
    const input = await step(make());
    expect(input.probe.durationSeconds).toBeCloseTo(1, 1);
    expect(await failure(encodeRung(input))).toMatch(/^CorruptMedia: /);
    expect(readdirSync(input.outputDir)).toEqual([]);
  });

  test('no output of ffmpeg itself gets longer than the bound', async () => {
    const { input, probe: of, rung } = await step(matroska());
    const command = encodeCommand(input, clips.at('bounded.mp4'), of, { ...rung, fps: '30/1' });
    const { frames } = await runFfmpeg(command, { settings });
    expect(frames).toBe(Math.ceil(30 * longestOutput(of.durationSeconds, maxDuration)));
  });

  test('… and one that would is ended by its progress', async () => {
    const input = ffmpeg(`${picture('64x64', 60)} ${X264}`, clips.at('minute.mp4'));
    const { probe: of, rung } = await step(input);
    const command = encodeCommand(input, clips.at('unbounded.mp4'), of, rung);
    // The last -t of an output is the one that counts; this one lets everything through.
    const bounds = { ...command.bounds, seconds: 5 };
    const outputs = command.outputs.map((output) => ({ ...output, options: ['-t', '60', ...output.options] }));
    const slow = clips.at('endless-ffmpeg');
    writeFileSync(slow, `#!/bin/sh\nexec ${settings.ffmpegPath} $(echo "$@" | sed 's/-t 5.000//')\n`, { mode: 0o755 });
    const run = runFfmpeg({ ...command, outputs, bounds }, { settings: { ...settings, ffmpegPath: slow } });
    expect(await failure(run)).toBe('CorruptMedia: The video is damaged: its pictures go on after its stated end.');
  });

  test('poster and sprite end too', async () => {
    const input = await step(matroska());
    const made = await Promise.all([makePoster(input), makeSprite({ ...input, outputDir: input.outputDir })]);
    expect(made.flat().map(({ name }) => name)).toEqual(['poster', 'sprite-0', 'storyboard']);
  });
});

test.each<[number, number, number]>([
  [10, 3600, 12.5],
  [0.04, 3600, 2.042],
  [3600, 3600, 3600],
])('%s s stated, %s s allowed: at most %s s', (stated, allowed, seconds) => {
  expect(longestOutput(stated, allowed * 1000)).toBeCloseTo(seconds, 6);
});

describe('codecs', () => {
  const rare = (codec: string) => ffmpeg(`${picture('64x64', 0.4)} -c:v ${codec}`, clips.at(`${codec}.mkv`));

  test.each(['magicyuv', 'cinepak'])('%s is opened neither by ffprobe nor by ffmpeg, and named', async (codec) => {
    const named = `UnsupportedMedia: The file is coded as "${codec}", which Darkroom does not read.`;
    expect(await failure(probe(rare(codec)))).toBe(named);
    const like = await probe(ffmpeg(`${picture('64x64', 0.4)} ${X264}`, clips.at('like.mkv')));
    expect(await failure(encodeRung(await step(rare(codec), like)))).toBe(named);
  });

  test('one that this ffmpeg does not know is named by its tag; the file is not called damaged', async () => {
    const plain = ffmpeg(`${picture('64x64', 0.4)} ${X264}`, clips.at('plain.mp4'));
    const newer = patched(plain, 'newer.mp4', (bytes) => void bytes.write('vvc1', bytes.lastIndexOf('avc1'), 'latin1'));
    expect(await failure(probe(newer))).toBe(
      'UnsupportedMedia: The file is coded as "vvc1", which Darkroom does not read.',
    );
  });

  test('subtitles, attachments and cover art make no file fail', async () => {
    writeFileSync(clips.at('s.srt'), '1\n00:00:00,100 --> 00:00:00,900\nHello\n');
    const png = ffmpeg(`${picture('64x64', 0.04)} -frames:v 1 -c:v png -f image2`, clips.at('cover.png'));
    const words = `${picture('320x180', 1)} ${sound(1)} -i ${clips.at('s.srt')} -map 0 -map 1 -map 2 ${X264} -c:a aac -c:s ass`;
    const attached = `-attach ${png} -metadata:s:t:0 mimetype=image/png -attach ${clips.at('s.srt')} -metadata:s:t:1 mimetype=text/plain`;
    const film = ffmpeg(`${words} ${attached}`, clips.at('film.mkv'));
    const made = await encodeRung(await step(film));
    expect(made.frames).toBeGreaterThanOrEqual(25);
    expect(made.codecs).toContain('mp4a');
  });
});

describe('too much for its size', () => {
  test('pictures of many pixels are refused before anything is encoded', async () => {
    expect(await failure(probe(hugePictures()))).toBe(
      'MediaTooLarge: The pictures of the video have 9008 x 9008 pixels; at most 36 million are read.',
    );
  });

  test('… also where only the sample aspect ratio makes them large', async () => {
    const wide = ffmpeg(`${picture('640x640', 0.4)} -vf setsar=100 ${X264}`, clips.at('wide.mp4'));
    expect(await failure(probe(wide))).toMatch(/^MediaTooLarge: .* 64000 x 640 pixels/);
  });

  test('… and too many a second', async () => {
    const fast = ffmpeg(`${picture('6000x4000', 0.025, 400)} ${X264} -x264-params threads=1`, clips.at('fast.mp4'));
    expect(await failure(probe(fast))).toMatch(/^MediaTooLarge: The video has 400 pictures of 6000 x 4000 pixels/);
  });

  test('a stream that is larger than its container says is refused by the decoder', async () => {
    const small = ffmpeg(`${picture('64x64', 0.4)} -c:v libvpx -g 1 -deadline realtime`, clips.at('small.webm'));
    const large = patched(small, 'large.webm', (bytes) => {
      const startCode = Buffer.from([0x9d, 0x01, 0x2a]);
      for (let key = bytes.indexOf(startCode); key >= 0; key = bytes.indexOf(startCode, key + 1)) {
        bytes.writeUInt16LE(9008, key + 3);
        bytes.writeUInt16LE(9008, key + 5);
      }
    });
    const input = await step(large);
    expect(input.probe.video).toMatchObject({ width: 64, height: 64 });
    expect(await failure(encodeRung(input))).toMatch(/^MediaTooLarge: .*9008 x 9008 pixels/);
    expect(readdirSync(input.outputDir)).toEqual([]);
  });

  const linux = process.platform === 'linux' ? test : test.skip;
  const limited = async (limits: object) => {
    const input = ffmpeg(`${picture('640x360', 20)} ${X264}`, clips.at('long.mp4'));
    const { probe: of, rung } = await step(input);
    const whole = { ...rung, width: 640, height: 360, speed: 'slow' as const };
    const command = encodeCommand(input, clips.at('limited.mp4'), of, whole);
    return failure(runFfmpeg({ ...command, bounds: { ...command.bounds, ...limits } }, { settings }));
  };

  linux('writing past the limit ends ffmpeg, with one sentence', async () => {
    expect(await limited({ fileBytes: 10_000 })).toBe(
      'MediaTooLarge: The video becomes far larger than its length and its size explain.',
    );
  });

  linux('so does computing past it', async () => {
    expect(await limited({ cpuSeconds: 1 })).toBe(
      'MediaTooLarge: The video needs far more work than its length and its size explain.',
    );
  });

  test('ffprobe is bounded as well', async () => {
    const run = runProcess(settings.ffprobePath, ffprobeArgs(hugePictures()));
    await expect(run).rejects.toMatchObject({ stderrTail: expect.stringContaining('9008x9008 exceeds') as string });
  });
});

/** H.264 whose sequence parameter set says 563 x 563 blocks of 16 px. */
function hugePictures(): string {
  const golomb = (value: number) => {
    const bits = (value + 1).toString(2);
    return '0'.repeat(bits.length - 1) + bits;
  };
  const size = golomb(562);
  // Baseline, level 6.2; one reference, no frame order, no gaps, progressive, 8x8 inference, no cropping, no VUI.
  const fields = ['01000010', '00000000', '00111110', golomb(0), golomb(0), golomb(2), golomb(1), '0', size, size];
  const bits = [...fields, '1', '1', '0', '0', '1'].join('');
  const parameters = (bits.match(/.{1,8}/g) ?? []).map((byte) => parseInt(byte.padEnd(8, '0'), 2));
  const baseline = `${picture('64x64', 0.4)} -c:v libx264 -profile:v baseline -pix_fmt yuv420p -f h264`;
  const small = readFileSync(ffmpeg(baseline, clips.at('small.h264')));
  // The first unit of the stream is the parameter set that this one replaces.
  const second = small.indexOf(Buffer.from([0, 0, 0, 1]), 4);
  const stream = Buffer.concat([Buffer.from([0, 0, 0, 1, 0x67, ...parameters]), small.subarray(second)]);
  writeFileSync(clips.at('huge.h264'), stream);
  return ffmpeg(`-f h264 -i ${clips.at('huge.h264')} -c copy`, clips.at('huge.mp4'));
}
