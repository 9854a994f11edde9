import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { runProcess } from '../../common/process';
import { ensureSamples, sampleName, samplePaths } from './index';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'darkroom-samples-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const make = (count: number, signal?: AbortSignal, onProgress?: (made: number) => void) =>
  ensureSamples({ folder, count, ffmpeg: 'ffmpeg', lanes: 2, bases: 1, signal, onProgress });

test('one in twenty is a clip', () => {
  const names = Array.from({ length: 2000 }, (_, index) => sampleName(index));
  expect(names.filter((name) => name.endsWith('.mp4'))).toHaveLength(100);
  expect(new Set(names).size).toBe(2000);
});

test('an abort leaves whole samples only', async () => {
  const abort = new AbortController();
  const reason = new Error('enough');
  await expect(make(12, abort.signal, (made) => made === 2 && abort.abort(reason))).rejects.toBe(reason);
  const files = await readdir(folder);
  expect(files.length).toBeGreaterThanOrEqual(2);
  expect(files.length).toBeLessThan(12);
  for (const file of files) await sharp(path.join(folder, file), { failOn: 'warning' }).stats();
});

test('asking for more makes the missing ones only, each a file of its own', async () => {
  const before = await stat(path.join(folder, sampleName(0)));
  await make(13);
  expect((await readdir(folder)).sort()).toEqual([...samplePaths('', 13)].sort());
  expect((await stat(path.join(folder, sampleName(0)))).mtimeMs).toBe(before.mtimeMs);
  const contents = await Promise.all([...samplePaths(folder, 13)].map((file) => readFile(file, 'base64')));
  expect(new Set(contents).size).toBe(13);
});

test('photos are 1920x1280 with the detail of a photo; some are turned by EXIF, some carry a place', async () => {
  const metadata = await Promise.all([1, 3, 5].map((index) => sharp(path.join(folder, sampleName(index))).metadata()));
  for (const { width, height, format } of metadata) expect([width, height, format]).toEqual([1920, 1280, 'jpeg']);
  expect(metadata.map(({ orientation }) => orientation ?? 1)).toEqual([1, 1, 6]);
  expect(metadata[1]?.exif?.includes('Sample camera')).toBe(true);
  const { size } = await stat(path.join(folder, sampleName(1)));
  expect(size).toBeGreaterThan(150_000);
  expect((await sharp(path.join(folder, sampleName(1))).stats()).entropy).toBeGreaterThan(6);
});

test('clips are 1280x720 at 30 frames a second, two to four seconds, with sound', async () => {
  const { stdout } = await runProcess('ffprobe', [
    ...['-v', 'error', '-of', 'json', '-show_entries', 'format=duration:stream=codec_type,width,height,r_frame_rate'],
    path.join(folder, sampleName(10)),
  ]);
  const probe = JSON.parse(stdout) as { format: { duration: string }; streams: object[] };
  expect(probe.streams).toMatchObject([{ width: 1280, height: 720, r_frame_rate: '30/1' }, { codec_type: 'audio' }]);
  expect(Number(probe.format.duration)).toBeGreaterThanOrEqual(2);
  expect(Number(probe.format.duration)).toBeLessThanOrEqual(4.1);
});
