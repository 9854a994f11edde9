import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import sharp from 'sharp';
import {
  clipFolder,
  ffmpeg,
  keyframes,
  picture,
  processesWith,
  settings,
  sound,
  streamsOf,
  X264,
} from '../../test/support/clips';
import type { VideoPreset } from '../presets/schema';
import { branchIds, makeOutputs, soundBitrates, type OutputsInput } from './make-outputs';
import { planVideo } from './plan/plan';
import { probeVideo } from './probe/probe';
import type { BranchId, VideoFile } from './types';

const clips = clipFolder();
afterAll(clips.remove);
let count = 0;

const rung = (height: number, audioBitrate = 64) =>
  ({ name: `${height}p`, height, crf: 30, maxrate: 500, speed: 'ultrafast', audioBitrate }) as const;
const preset: VideoPreset = {
  audio: 'optional',
  rungs: [rung(180, 96), rung(144), rung(90)],
  poster: { format: 'webp', width: 320, quality: 80 },
  sprite: { width: 64, columns: 2, rows: 2, quality: 90 },
};

async function prepare(input: string, changes: Partial<VideoPreset> = {}): Promise<OutputsInput> {
  const maxDuration = 3_600_000;
  const probe = await probeVideo(input, { maxDuration, maxStreams: 16 }, settings);
  const outputDir = clips.at(`out % ${count++}`);
  mkdirSync(outputDir);
  return { input, outputDir, probe, maxDuration, settings, plan: planVideo(probe, { ...preset, ...changes }) };
}

/** The same input, into a folder of its own. */
function again(input: OutputsInput, changes: Partial<OutputsInput>): OutputsInput {
  const outputDir = clips.at(`out ${count++}`);
  mkdirSync(outputDir);
  return { ...input, outputDir, ...changes };
}

async function oneByOne(input: OutputsInput): Promise<VideoFile[]> {
  const made: VideoFile[] = [];
  for (const id of branchIds(input.plan)) made.push(...(await makeOutputs(again(input, { branches: [id] }))));
  return made;
}

const facts = (files: VideoFile[]) => files.map(({ file: _file, ...rest }) => rest);

let made: string | undefined;
/** Three seconds with sound that begins 0.4 s late; made once. */
const clip = () =>
  (made ??= ffmpeg(
    `${picture('320x180', 3, 30)} ${sound(2.6)} -filter_complex [1]adelay=0,asetpts=PTS+0.4/TB[a] -map 0:v -map [a] ${X264} -c:a aac -metadata title=secret`,
    clips.at('clip.mp4'),
  ));

test('one run makes what a run for each makes: the same films and poster to the byte, the same grid', async () => {
  const input = await prepare(clip());
  const together = facts(await makeOutputs(input));
  const apart = facts(await oneByOne(input));
  const ofSprite = ({ role }: { role: string }) => role === 'sprite';
  expect(together.filter((file) => !ofSprite(file))).toEqual(apart.filter((file) => !ofSprite(file)));
  // Alone, the thumbnails are read coarsely.
  const shape = ({ name, width, height, mime }: (typeof apart)[number]) => ({ name, width, height, mime });
  expect(together.filter(ofSprite).map(shape)).toEqual(apart.filter(ofSprite).map(shape));
  expect(readdirSync(input.outputDir).sort()).toEqual(
    ['180p.mp4', '144p.mp4', '90p.mp4', 'poster.webp', 'sprite-0.jpg', 'storyboard.vtt'].sort(),
  );
});

test('rungs that share the sound of one encoder are in sync, begin with their index and bear no tags', async () => {
  const input = await prepare(clip());
  const films = (await makeOutputs(input)).filter(({ role }) => role === 'video');
  expect(films.map(({ name }) => name)).toEqual(['180p', '144p', '90p']);
  for (const { file } of films) {
    expect(Math.abs(loudFrom(file) - 0.4)).toBeLessThan(0.02);
    expect(keyframes(file)[0]).toBeCloseTo(0, 2);
    const bytes = readFileSync(file);
    expect(bytes.indexOf('moov')).toBeLessThan(bytes.indexOf('mdat'));
    expect(bytes.includes('secret')).toBe(false);
  }
});

test.each([
  ['a silent video', () => ffmpeg(`${picture('320x180', 1)} ${X264}`, clips.at('silent.mp4')), [undefined]],
  ['sound that begins late', clip, ['mp4a']],
])('rungs take sound that an earlier run made: %s', async (_, make, [codec]) => {
  const input = await prepare(make());
  const branches = soundBitrates(input.plan).map((kbps): BranchId => `sound:${kbps}`);
  const sounds = await makeOutputs(again(input, { branches }));
  expect(sounds.map(({ role, mime }) => `${role} ${mime}`)).toEqual(branches.map(() => 'audio audio/mp4'));
  const soundFiles = Object.fromEntries(soundBitrates(input.plan).map((kbps, at) => [kbps, sounds[at]?.file ?? '']));
  const apart = await makeOutputs(again(input, { branches: ['rung:180p', 'rung:90p'], soundFiles }));
  const whole = await makeOutputs(again(input, { branches: ['rung:180p', 'rung:90p'] }));
  apart.forEach(({ file, codecs, frames, durationSeconds }, index) => {
    expect(codecs?.includes('mp4a')).toBe(codec !== undefined);
    expect([codecs, frames]).toEqual([whole[index]?.codecs, whole[index]?.frames]);
    expect(Math.abs((durationSeconds ?? 0) - (whole[index]?.durationSeconds ?? 0))).toBeLessThan(0.02);
    if (codec === undefined) return;
    const [mine, theirs] = [loudFrom(file), loudFrom(whole[index]?.file ?? '')];
    expect(Math.abs(mine - 0.4)).toBeLessThan(0.02);
    expect(Math.abs(mine - theirs)).toBeLessThan(0.02);
  });
});

/** Seconds at which a sound is first heard, as a player would play the file. */
function loudFrom(file: string): number {
  const args = ['-v', 'error', '-i', `file:${file}`, '-af', 'aresample=async=1:first_pts=0', '-ac', '1', '-ar', '8000'];
  const samples = execFileSync(settings.ffmpegPath, [...args, '-f', 's16le', '-']);
  return samples.findIndex((_, at) => at % 2 === 0 && Math.abs(samples.readInt16LE(at)) > 1000) / 2 / 8000;
}

test('a rung that is passed through, beside one that is encoded', async () => {
  const words = `${picture('320x180', 2)} ${sound(2)} ${X264} -crf 35 -c:a aac`;
  const input = await prepare(ffmpeg(words, clips.at('fits.mp4')));
  expect(input.plan.rungs.map(({ copy }) => copy ?? false)).toEqual([true, false, false]);
  expect(facts(await makeOutputs(input)).filter(({ role }) => role === 'video')).toEqual(
    facts(await oneByOne(input)).filter(({ role }) => role === 'video'),
  );
});

test('the poster is sought only where the first candidate is no good', async () => {
  const noisy = (name: string, seconds: number) =>
    `-f lavfi -i color=${name}:s=320x180:r=25:d=${seconds},noise=alls=60:allf=t`;
  const parts = `-f lavfi -i color=black:s=320x180:r=25:d=1 ${noisy('blue', 1)} ${noisy('green', 2)}`;
  const dark = ffmpeg(`${parts} -filter_complex [0][1][2]concat=n=3 ${X264}`, clips.at('dark.mp4'));
  for (const [file, tries] of [
    [clip(), 1],
    [dark, 2],
  ] as const) {
    const log = clips.at(`runs ${count}`);
    const ffmpegPath = clips.at('counting-ffmpeg');
    writeFileSync(ffmpegPath, `#!/bin/sh\necho >> '${log}'\nexec ${settings.ffmpegPath} "$@"\n`, { mode: 0o755 });
    const input = await prepare(file);
    const files = await makeOutputs({ ...input, settings: { ...settings, ffmpegPath } });
    expect(readFileSync(log, 'utf8')).toHaveLength(tries);
    const alone = await makeOutputs(again(input, { branches: ['poster'] }));
    expect(files.find(({ role }) => role === 'poster')?.sha256).toBe(alone[0]?.sha256);
  }
});

/** Parts of a picture in which a row differs from both of its neighbours, which are alike. */
async function combing(file: string): Promise<number> {
  const { data, info } = await sharp(file).greyscale().raw().toBuffer({ resolveWithObject: true });
  const at = (x: number, y: number) => data[(y * info.width + x) * info.channels] ?? 0;
  let combed = 0;
  for (let y = 1; y < info.height - 1; y++) {
    for (let x = 0; x < info.width; x++) {
      const [above, here, below] = [at(x, y - 1), at(x, y), at(x, y + 1)];
      if (Math.abs(above - below) < 20 && Math.abs(here - above) > 40 && Math.abs(here - below) > 40) combed++;
    }
  }
  return combed / (info.width * info.height);
}

function shot(file: string): string {
  const picture_ = clips.at(`shot ${count++}.png`);
  const args = ['-v', 'error', '-y', '-ss', '1', '-i', `file:${file}`, '-frames:v', '1', `file:${picture_}`];
  execFileSync(settings.ffmpegPath, args);
  return picture_;
}

test.each<[string, BranchId[] | undefined]>([
  ['in one run', undefined],
  ['the poster alone', ['poster']],
  ['the sprite alone', ['sprite']],
])('interlaced pictures comb in no output: %s', async (_, branches) => {
  // A white bar that moves 12 px a field, so that a weave of two fields shows in rows that differ.
  const bar = '-f lavfi -i color=c=gray:s=320x180:r=50:d=2 -f lavfi -i color=c=white:s=60x180:r=50:d=2';
  const weave = '[0][1]overlay=x=mod(n*12\\,260):y=0,tinterlace=interleave_top,fieldorder=tff';
  const words = `${bar} -filter_complex ${weave} -c:v mpeg2video -b:v 4M -flags +ildct+ilme -top 1 -f mpegts`;
  const source = ffmpeg(words, clips.at('interlaced.ts'));
  expect(await combing(shot(source))).toBeGreaterThan(0.01);
  const input = await prepare(source, { rungs: [rung(180)], sprite: { width: 320, columns: 1, rows: 1, quality: 90 } });
  expect(input.probe.video.interlaced).toBe(true);
  const files = await makeOutputs({ ...input, branches });
  for (const { role, file } of files.filter((each) => each.role !== 'storyboard')) {
    expect([role, (await combing(role === 'video' ? shot(file) : file)) < 0.001]).toEqual([role, true]);
  }
});

test('HDR is SDR in every output, and the rungs look alike', async () => {
  const hdr = `${picture('320x180', 2)} -c:v libx264 -pix_fmt yuv420p10le -color_trc smpte2084 -color_primaries bt2020 -colorspace bt2020nc`;
  const files = await makeOutputs(await prepare(ffmpeg(hdr, clips.at('hdr.mp4'))));
  const means: number[][] = [];
  for (const { role, file } of files.filter((each) => each.role === 'video' || each.role === 'poster')) {
    if (role === 'video') expect(streamsOf(file)[0]).toMatchObject({ pix_fmt: 'yuv420p', color_transfer: 'bt709' });
    const { channels } = await sharp(role === 'video' ? shot(file) : file).stats();
    means.push(channels.slice(0, 3).map(({ mean }) => mean));
  }
  expect(means).toHaveLength(4);
  for (const mean of means.slice(0, 3)) {
    mean.forEach((value, channel) => expect(Math.abs(value - (means[0]?.[channel] ?? 0))).toBeLessThan(3));
  }
});

test('pieces of a rung have the pictures that were counted, and add up to the whole', async () => {
  // Each picture is one grey, seven brighter than the one before, so that a lost or doubled one shows.
  const ramp = `${picture('320x180', 5, 30)} -vf geq=lum=20+mod(N*7\\,200):cb=128:cr=128 ${X264}`;
  const input = await prepare(ffmpeg(ramp, clips.at('pieces.mp4')), {
    hls: true,
    rungs: [rung(180), rung(90)],
    poster: undefined,
    sprite: undefined,
  });
  const [{ gop } = { gop: 0 }] = input.plan.rungs;
  expect(gop).toBe(60);
  const whole = await makeOutputs(input);
  const piece = async (start: number, frames: number) => {
    const range = { start, frames: { '180p': frames, '90p': frames } };
    const made_ = await makeOutputs(again(input, { range, branches: ['rung:180p', 'rung:90p'] }));
    expect(made_.map((file) => file.frames)).toEqual([frames, frames]);
    return made_;
  };
  const pieces = [await piece(0, 60), await piece(2, 60), await piece(4, 30)];
  for (const index of [0, 1]) {
    const expected = greys(whole[index]?.file ?? '');
    const shown = pieces.flatMap((films) => greys(films[index]?.file ?? ''));
    expect(shown).toHaveLength(expected.length);
    shown.forEach((grey, at) => expect(Math.abs(grey - (expected[at] ?? 0))).toBeLessThan(3));
  }
});

/** The mean grey of each picture. */
function greys(file: string): number[] {
  const args = [
    '-v',
    'error',
    '-i',
    `file:${file}`,
    '-vf',
    'scale=1:1:flags=area',
    '-pix_fmt',
    'gray',
    '-f',
    'rawvideo',
    '-',
  ];
  return [...execFileSync(settings.ffmpegPath, args)];
}

describe('a run that does not end well leaves nothing', () => {
  test('a damaged source, although part of it is passed through', async () => {
    const words = `${picture('320x180', 4)} ${sound(4)} ${X264} -crf 35 -c:a aac`;
    const file = ffmpeg(words, clips.at('damaged.mp4'));
    const input = await prepare(file);
    const bytes = readFileSync(file);
    for (let at = bytes.indexOf('mdat') + 2000; at < bytes.length - 8000; at += 997)
      bytes[at] = 0xff ^ (bytes[at] ?? 0);
    writeFileSync(file, bytes);
    await expect(makeOutputs(input)).rejects.toMatchObject({ type: 'CorruptMedia' });
    expect(readdirSync(input.outputDir)).toEqual([]);
  });

  test('a source that breaks off', async () => {
    const file = ffmpeg(`${picture('320x180', 4)} ${X264} -g 10 -movflags +faststart`, clips.at('cut.mp4'));
    const input = await prepare(file);
    writeFileSync(file, readFileSync(file).subarray(0, 20_000));
    await expect(makeOutputs(input)).rejects.toMatchObject({ type: 'CorruptMedia' });
    expect(readdirSync(input.outputDir)).toEqual([]);
  });

  test('an abort', async () => {
    const input = await prepare(ffmpeg(`${picture('640x360', 20)} ${X264}`, clips.at('long.mp4')), {
      rungs: [{ ...rung(360), speed: 'slow' }, rung(90)],
    });
    const reason = new Error('cancelled');
    const abort = new AbortController();
    const onProgress = () => abort.abort(reason);
    await expect(makeOutputs({ ...input, signal: abort.signal, onProgress })).rejects.toBe(reason);
    expect(processesWith(input.input)).toEqual([]);
    expect(readdirSync(input.outputDir)).toEqual([]);
  });
});

test('what the plan does not have cannot be asked for', async () => {
  const input = await prepare(clip());
  await expect(makeOutputs({ ...input, branches: ['rung:1080p'] })).rejects.toThrow('the plan has no rung:1080p');
});
