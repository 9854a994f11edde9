import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import sharp from 'sharp';
import { clipFolder, ffmpeg, picture, settings, sound, streamsOf, X264 } from '../../../test/support/clips';
import { makeOutputs } from '../make-outputs';
import { clipProbe } from '../plan/clip';
import { planVideo } from '../plan/plan';
import { probeVideo } from '../probe/probe';

const clips = clipFolder();
afterAll(clips.remove);
let count = 0;

async function preview(input: string, spec = {}, part: { start?: number; end?: number } = {}) {
  const limits = { maxDuration: 3_600_000, maxStreams: 8 };
  const probe = clipProbe(await probeVideo(input, limits, settings), part);
  const wanted = { scenes: 4, seconds: 1, width: 160, ...spec };
  const plan = planVideo(probe, { audio: 'optional', rungs: [], preview: wanted });
  const outputDir = clips.at(`out ${count++}`);
  mkdirSync(outputDir);
  const make = () => makeOutputs({ input, outputDir, probe, maxDuration: 3_600_000, settings, plan });
  return { plan: plan.preview!, make, outputDir };
}

/** Mean grey of every picture of a WebP. */
async function greys(file: string): Promise<number[]> {
  const { pages = 1 } = await sharp(file, { animated: true }).metadata();
  const each = Array.from({ length: pages }, (_, page) => sharp(file, { page }).greyscale().stats());
  return (await Promise.all(each)).map(({ channels: [grey] }) => Math.round(grey?.mean ?? 0));
}

/** A picture whose grey rises with its time, 20 a second. */
const rising = (seconds: number) => `-f lavfi -i color=black:s=320x180:r=25:d=${seconds},geq=lum=16+20*T:cb=128:cr=128`;

test('scenes from all over the video, joined, as MP4 without sound and as WebP that repeats', async () => {
  const input = ffmpeg(`${rising(10)} ${sound(10)} ${X264} -g 250 -c:a aac`, clips.at('rising.mp4'));
  const { plan, make, outputDir } = await preview(input);
  expect(plan).toMatchObject({ starts: [0.75, 3.25, 5.75, 8.25], frames: 25, width: 160, height: 90 });
  const [mp4, webp] = await make();
  expect(readdirSync(outputDir).sort()).toEqual(['preview.mp4', 'preview.webp']);
  expect(mp4).toMatchObject({
    name: 'preview',
    role: 'preview',
    mime: 'video/mp4',
    width: 160,
    height: 90,
    frames: 100,
  });
  expect(mp4?.durationSeconds).toBeCloseTo(4, 2);
  const streams = streamsOf(mp4?.file ?? '');
  expect(streams).toHaveLength(1);
  expect(streams[0]).toMatchObject({ codec_name: 'h264', pix_fmt: 'yuv420p', nb_read_frames: '100' });
  expect(webp).toMatchObject({ name: 'preview-webp', role: 'preview', mime: 'image/webp', width: 160, height: 90 });
  const { loop, pages = 0, delay = [] } = await sharp(webp?.file, { animated: true }).metadata();
  expect([loop, pages]).toEqual([0, webp?.frames]);
  expect(delay.reduce((sum, ms) => sum + ms, 0) / 1000).toBeCloseTo(4, 0);
  // The level at the beginning of each scene is that of the source at its time, in full range.
  const seen = await greys(webp?.file ?? '');
  const levels = plan.starts.map((start) => (20 * start * 255) / 219);
  for (const level of levels) expect(Math.min(...seen.map((grey) => Math.abs(grey - level)))).toBeLessThan(6);
  // Joined by cuts: the level rises within a scene by 20, and by 30 more from one to the next.
  const jumps = seen.filter((grey, at) => at > 0 && grey - (seen[at - 1] ?? 0) > 15);
  expect(jumps).toHaveLength(3);
});

test('a short video has fewer scenes, one picture a preview of one picture', async () => {
  const short = await preview(ffmpeg(`${picture('320x180', 2.5)} ${X264}`, clips.at('short.mp4')));
  expect(short.plan.starts).toHaveLength(2);
  expect((await short.make())[0]?.frames).toBe(50);
  const one = await preview(ffmpeg(`${picture('320x180', 0.04)} ${X264}`, clips.at('one.mp4')));
  expect((await one.make()).map(({ frames }) => frames)).toEqual([1, 1]);
});

test('of a part of the source, from the part alone', async () => {
  const input = ffmpeg(`${rising(10)} ${X264} -g 250`, clips.at('part.mp4'));
  const { plan, make } = await preview(input, { scenes: 2 }, { start: 6, end: 9 });
  expect(plan.starts).toEqual([0.25, 1.75]);
  const seen = await greys((await make())[1]?.file ?? '');
  expect(Math.min(...seen)).toBeGreaterThan((20 * 6 * 255) / 219 - 4);
  expect(Math.max(...seen)).toBeLessThan((20 * 9 * 255) / 219 + 4);
});

test('pictures that stand for long are held, and a scene without any is left out', async () => {
  const slides = '-f lavfi -i testsrc2=s=320x180:r=25:d=12 -vf select=lt(n\\,75)+not(mod(n\\,50)) -vsync vfr';
  const { plan, make } = await preview(ffmpeg(`${slides} ${X264}`, clips.at('slides.mkv')));
  const [mp4] = await make();
  expect(Number(mp4?.frames) % plan.frames).toBe(0);
  expect(mp4?.frames).toBeGreaterThanOrEqual(plan.frames);
});

test('a transport stream, interlaced and turned pictures have previews, too', async () => {
  const ts = ffmpeg(`${picture('320x180', 6)} -c:v mpeg2video -flags +ilme+ildct -f mpegts`, clips.at('field.ts'));
  expect((await (await preview(ts)).make())[0]).toMatchObject({ width: 160, height: 90 });
});

test('a file whose pictures are gone is damaged, and leaves nothing', async () => {
  const input = ffmpeg(`${picture('320x180', 3)} ${X264} -movflags +faststart`, clips.at('gone.mp4'));
  const { make, outputDir } = await preview(input);
  writeFileSync(input, 'nothing is left of it');
  await expect(make()).rejects.toMatchObject({ type: 'CorruptMedia' });
  expect(readdirSync(outputDir)).toEqual([]);
});
