/** Files as taggers, tuners, calls and small cameras write them: the right picture and sound, whole and in shape. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import sharp from 'sharp';
import { clipFolder, ffmpeg, picture, settings, sound, X264 } from '../../test/support/clips';
import type { VideoPreset } from '../presets/schema';
import { makeOutputs } from './make-outputs';
import { planVideo } from './plan/plan';
import { probeVideo } from './probe/probe';
import type { VideoFile } from './types';

const clips = clipFolder();
afterAll(clips.remove);

const preset: VideoPreset = {
  audio: 'optional',
  rungs: [{ name: 'rung', height: 180, crf: 20, maxrate: 900, speed: 'ultrafast', audioBitrate: 64 }],
  poster: { format: 'jpeg', width: 640, quality: 90 },
  sprite: { width: 160, columns: 2, rows: 4, quality: 90 },
};

const probe = (file: string) => probeVideo(file, { maxDuration: 60_000, maxStreams: 8 }, settings);

let count = 0;
async function make(input: string): Promise<Record<string, VideoFile>> {
  const outputDir = clips.at(`out-${count++}`);
  mkdirSync(outputDir);
  const facts = await probe(input);
  const plan = planVideo(facts, preset);
  const files = await makeOutputs({ input, outputDir, probe: facts, plan, maxDuration: 60_000, settings });
  return Object.fromEntries(files.map((file) => [file.name, file]));
}

/** Brightness of a picture of a video, row by row. */
async function grey(file: string, at: number): Promise<{ data: Buffer; width: number; height: number }> {
  const png = execFileSync(settings.ffmpegPath, [
    ...['-v', 'error', '-ss', String(at), '-i', `file:${file}`],
    ...['-frames:v', '1', '-f', 'image2pipe', '-c:v', 'png', '-'],
  ]);
  const { data, info } = await sharp(png).greyscale().raw().toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

/** px of what is brighter than half. */
function brightBox({ data, width }: { data: Buffer; width: number }): { width: number; height: number } {
  const xs = new Set<number>();
  const ys = new Set<number>();
  data.forEach((value, at) => {
    if (value < 180) return;
    xs.add(at % width);
    ys.add(Math.floor(at / width));
  });
  return { width: xs.size, height: ys.size };
}

const clip = (name: string, seconds = 2, more = '') =>
  ffmpeg(`${picture('320x180', seconds)} ${sound(seconds)} ${X264} -g 25 -c:a aac ${more}`, clips.at(name));

describe('which stream is the picture', () => {
  const cover = () =>
    ffmpeg(`-f lavfi -i color=red:s=600x600:d=0.04 -frames:v 1 -c:v mjpeg -f mjpeg`, clips.at('cover.jpg'));
  test.each(['mp4', 'mkv', 'mov'])(
    'not a cover that is stored as the first and default track: %s',
    async (container) => {
      const words = `-i ${cover()} -i ${clip('film.mp4')} -map 0 -map 1 -c copy -disposition:v:0 default -disposition:v:1 0`;
      const { rung, poster } = await make(ffmpeg(words, clips.at(`covered.${container}`)));
      expect(rung).toMatchObject({ width: 320, height: 180, codecs: expect.stringMatching(/mp4a/) as string });
      expect(rung?.durationSeconds).toBeCloseTo(2, 0);
      expect(poster).toMatchObject({ width: 320, height: 180 });
    },
  );

  test('of two moving ones the default, and of several defaults the largest', async () => {
    const two = `${picture('160x90', 1)} ${picture('320x180', 1)} -map 0 -map 1 ${X264}`;
    const both = ffmpeg(`${two} -disposition:v:0 default -disposition:v:1 default`, clips.at('both.mp4'));
    expect((await probe(both)).video.width).toBe(320);
    const first = ffmpeg(`${two} -disposition:v:0 default -disposition:v:1 0`, clips.at('first.mkv'));
    expect((await probe(first)).video.width).toBe(160);
  });

  test('fonts and data are no streams that count, and a commentary is not the sound', async () => {
    writeFileSync(clips.at('font.ttf'), 'not really a font');
    const fonts = Array.from(
      { length: 12 },
      (_, n) => `-attach ${clips.at('font.ttf')} -metadata:s:t:${n} mimetype=font/ttf`,
    );
    const sounds = `${sound(1)} ${sound(1)} -map 0 -map 1 -map 2 -disposition:a:0 comment -disposition:a:1 0`;
    const words = `${picture('64x64', 1)} ${sounds} ${X264} -c:a aac ${fonts.join(' ')} -f matroska`;
    expect(await probe(ffmpeg(words, clips.at('fonts.mkv')))).toMatchObject({ streams: 3, audio: { index: 2 } });
  });
});

describe('transport streams', () => {
  const part = (name: string, source: string, offset: number) =>
    readFileSync(
      ffmpeg(
        `-f lavfi -i ${source}=s=320x180:r=25:d=3 ${sound(3)} ${X264} -g 25 -c:a aac -output_ts_offset ${offset} -f mpegts`,
        clips.at(name),
      ),
    );

  test('two that were joined, whose clock falls back: as long as both, with sound', async () => {
    const joined = clips.at('joined.ts');
    writeFileSync(joined, Buffer.concat([part('a.ts', 'testsrc2', 36000), part('b.ts', 'smptebars', 60)]));
    const { rung } = await make(joined);
    expect(rung?.durationSeconds).toBeCloseTo(6, 0);
    expect(Math.abs((rung?.frames ?? 0) - 150)).toBeLessThanOrEqual(3);
  });

  test.each([
    ['in the middle of a packet', 101, 3],
    ['between two keyframes: without what cannot be decoded', 188 * 300 + 60, 2],
  ])('a capture that begins %s', async (_, offset, least) => {
    const cut = clips.at(`cut-${offset}.ts`);
    writeFileSync(cut, part('whole.ts', 'testsrc2', 10).subarray(offset));
    const { rung } = await make(cut);
    expect(rung?.durationSeconds).toBeGreaterThan(least - 0.3);
    expect(rung?.durationSeconds).toBeLessThan(3.3);
    const { data } = await grey(rung?.file ?? '', 0);
    // Grey is what a decoder shows of pictures whose beginning it does not have.
    expect(new Set(data).size).toBeGreaterThan(50);
  });
});

test.each(['h264', 'hevc'])('%s without a container, as small cameras write it', async (codec) => {
  const encoder =
    codec === 'h264' ? X264 : '-c:v libx265 -preset ultrafast -x265-params log-level=none -pix_fmt yuv420p';
  const { rung } = await make(ffmpeg(`${picture('320x180', 2, 30)} ${encoder} -f ${codec}`, clips.at('bare')));
  expect(rung).toMatchObject({ width: 320, height: 180, frames: 60 });
  expect(rung?.durationSeconds).toBeCloseTo(2, 1);
});

test('a picture that changes its size in mid-stream: a square stays a square, and every tile is there', async () => {
  const half = (size: string, x: number, y: number, name: string) =>
    ffmpeg(
      `-f lavfi -i color=0x205080:s=${size}:r=25:d=2,drawbox=x=${x}:y=${y}:w=80:h=80:color=white:t=fill ` +
        `-c:v libvpx -b:v 500k -g 25 -deadline realtime -cpu-used 8`,
      clips.at(name),
    );
  half('240x180', 80, 50, 'small.webm');
  half('480x270', 200, 95, 'large.webm');
  writeFileSync(clips.at('list.txt'), 'file small.webm\nfile large.webm\n');
  const source = ffmpeg(`-f concat -i ${clips.at('list.txt')} -c copy`, clips.at('changes.webm'));
  const { rung, 'sprite-0': sheet } = await make(source);
  expect(rung).toMatchObject({ width: 240, height: 180, frames: 100 });
  for (const at of [0.5, 3.5]) {
    const { width, height } = brightBox(await grey(rung?.file ?? '', at));
    expect(width).toBeGreaterThan(30);
    expect(Math.abs(width - height)).toBeLessThanOrEqual(2);
  }
  expect(sheet).toMatchObject({ width: 320, height: 240 });
  const last = await sharp(sheet?.file).extract({ left: 160, top: 120, width: 160, height: 120 }).stats();
  expect(last.channels[0]?.max).toBeGreaterThan(200);
});
