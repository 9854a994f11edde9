import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { clipFolder, ffmpeg, keyframes, picture, settings, sound, streamsOf, X264 } from '../../test/support/clips';
import { CODEC_FACTS } from '../../test/support/codecs';
import type { VideoRungSpec } from '../presets/schema';
import { CODEC_NAMES, codecOf, type CodecName } from './codecs';
import { packageHls } from './hls/package';
import { makeOutputs } from './make-outputs';
import { leftOut, planVideo } from './plan/plan';
import { probeVideo } from './probe/probe';

const clips = clipFolder();
afterAll(clips.remove);
const maxDuration = 3_600_000;
const probeOf = (file: string) => probeVideo(file, { maxDuration, maxStreams: 8 }, settings);

const spec = (codec: CodecName, changes: Partial<VideoRungSpec> = {}): VideoRungSpec => ({
  ...{ name: codec, codec, height: 180, crf: 35, maxrate: 5000, speed: 'superfast', audioBitrate: 64 },
  ...changes,
});

/** Everything that a preset makes of a clip, by one ffmpeg. */
async function make(input: string, specs: VideoRungSpec[], hls = false, ffmpegPath = settings.ffmpegPath) {
  const probe = await probeOf(input);
  const plan = planVideo(probe, { audio: 'optional', rungs: specs, hls });
  const outputDir = clips.at(`out ${Math.random()}`);
  mkdirSync(outputDir);
  const files = await makeOutputs({
    ...{ input, probe, plan, outputDir, maxDuration },
    settings: { ...settings, ffmpegPath },
  });
  return { plan, outputDir, files };
}

/** A ladder with a rung of every codec, of a clip whose colours are not stated; made once. */
let ladder: ReturnType<typeof make> | undefined;
function everyCodec() {
  const clip = () => ffmpeg(`${picture('320x180', 3)} ${sound(3)} ${X264} -c:a aac`, clips.at('clip.mp4'));
  const specs = CODEC_NAMES.map((codec) => spec(codec));
  return (ladder ??= make(clip(), specs, true));
}
async function madeOf(codec: CodecName) {
  const made = (await everyCodec()).files.find(({ name }) => name === codec);
  if (made === undefined) throw new Error(`no rung ${codec}`);
  return made;
}

/** MD5 over every decoded picture. */
function hashOfPictures(file: string): string {
  return execFileSync(settings.ffmpegPath, ['-v', 'error', '-i', file, '-map', '0:v', '-f', 'md5', '-']).toString();
}

describe.each(CODEC_NAMES)('%s', (codec) => {
  const expected = CODEC_FACTS[codec];

  test('an MP4 with every frame, sound in sync, stated colours and the right tag', async () => {
    const made = await madeOf(codec);
    const [coded, name = ''] = made.codecs?.split(', ') ?? [];
    expect(coded).toMatch(expected.name);
    expect(name).toBe('mp4a.40.2');
    expect(made).toMatchObject({ width: 320, height: 180, frames: 75 });
    expect(made.durationSeconds).toBeCloseTo(3, 1);
    expect(streamsOf(made.file)).toMatchObject([
      {
        ...{ codec_name: expected.codec, codec_tag_string: expected.tag, profile: expected.profile },
        ...{ width: 320, height: 180, pix_fmt: 'yuv420p', sample_aspect_ratio: '1:1', nb_read_frames: '75' },
        ...{ color_range: 'tv', color_space: 'smpte170m', color_transfer: 'smpte170m', start_time: '0.000000' },
      },
      { codec_name: 'aac', start_time: '0.000000' },
    ]);
  });

  test('keyframes every two seconds and nowhere else', async () => {
    expect(keyframes((await madeOf(codec)).file)).toEqual([0, 2]);
  });

  test('passes pictures through that are coded so, and encodes those of other codecs', async () => {
    const source = (await madeOf(codec)).file;
    const probe = await probeOf(source);
    for (const wanted of CODEC_NAMES) {
      const { rungs } = planVideo(probe, { audio: 'optional', rungs: [spec(wanted)] });
      expect([wanted, rungs[0]?.copy]).toEqual([wanted, wanted === codec ? true : undefined]);
    }
    const [made] = (await make(source, [spec(codec)])).files;
    expect(made?.codecs).toBe((await madeOf(codec)).codecs);
    expect(hashOfPictures(made?.file ?? '')).toBe(hashOfPictures(source));
  });

  test('holds pictures of its least size; smaller ones leave the rung out, or are refused with the field', async () => {
    const { minSide } = codecOf({ codec });
    const clip = (side: number) =>
      ffmpeg(`${picture(`${side}x${side}`, 0.4)} ${X264}`, clips.at(`${codec}${side}.mp4`));
    const [made] = (await make(clip(minSide), [spec(codec)])).files;
    expect(made).toMatchObject({ width: minSide, height: minSide, frames: 10 });
    if (minSide <= 2) return;
    const probe = await probeOf(clip(minSide - 2));
    const preset = { audio: 'optional' as const, rungs: [spec(codec), spec('h264')] };
    const plan = planVideo(probe, preset);
    expect(plan.rungs.map(({ name }) => name)).toEqual(['h264']);
    const least = `needs ${minSide} px on each side`;
    expect(leftOut(probe, preset, plan)).toEqual([`${codec} was left out: its codec ${codec} ${least}.`]);
    const alone = () => planVideo(probe, { audio: 'optional', rungs: [spec(codec)] });
    expect(alone).toThrow(expect.objectContaining({ type: 'InvalidJob' }));
    expect(alone).toThrow(`video.rungs[0].codec: ${codec} ${least}`);
  });

  test('has no more threads than it is given', () => {
    const rung = { speed: 'fast' as const, crf: 30, maxrate: 1, bufsize: 2, gop: 50, threads: 3 };
    expect(codecOf({ codec }).options(rung).join(' ')).toContain(expected.threads ?? '');
  });

  test('its speeds cost more the slower they are', () => {
    const costs = Object.values(codecOf({ codec }).cost);
    expect(costs).toEqual(costs.toSorted((a, b) => a - b));
  });
});

test('an encoder that this ffmpeg lacks is named, and is no fault of the file', async () => {
  const ffmpegPath = clips.at('lacking-ffmpeg');
  const script = `#!/usr/bin/env bash\nexec ${settings.ffmpegPath} "\${@/libx264/libnone}"\n`;
  writeFileSync(ffmpegPath, script, { mode: 0o755 });
  const clip = ffmpeg(`${picture('64x64', 0.4)} ${X264}`, clips.at('lacking.mp4'));
  await expect(make(clip, [spec('h264', { height: 64, maxrate: 50 })], false, ffmpegPath)).rejects.toMatchObject({
    type: 'EncoderFailed',
    message: 'The ffmpeg of this worker has no encoder libnone, which the preset asks for.',
  });
});

test('a stream of all codecs: each track has its CODECS, and its segments play to the end', async () => {
  const { plan, outputDir, files } = await everyCodec();
  const rungs = plan.rungs.map((rung) => ({
    plan: rung,
    file: files.find(({ name }) => name === rung.name)?.file ?? '',
  }));
  const { playlist } = await packageHls({ outputDir, settings, hls: plan.hls ?? { segmentSeconds: 0 }, rungs });
  const lines = readFileSync(playlist.file, 'utf8').split('\n');
  for (const codec of CODEC_NAMES) {
    const uri = `video-${codec}/index.m3u8`;
    const coded = /CODECS="([^",]+),mp4a\.40\.2"/.exec(lines[lines.indexOf(uri) - 1] ?? '')?.[1];
    expect(coded).toMatch(CODEC_FACTS[codec].name);
    const track = path.join(path.dirname(playlist.file), uri);
    const { codec: name, tag } = CODEC_FACTS[codec];
    expect(streamsOf(track)).toMatchObject([{ codec_name: name, codec_tag_string: tag, nb_read_frames: '75' }]);
  }
});
