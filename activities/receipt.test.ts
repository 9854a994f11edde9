import { mkdtemp } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import type { Manifest, WorkItem } from '../common/contracts';
import type { TaskActivity, TaskInput, TaskResult } from '../common/tasks';
import { parsePreset } from '../media/presets';
import { ffmpeg, picture, sound, X264 } from '../test/support/clips';
import { attempt, checkedManifest, labItem, openLab, type Lab } from '../test/support/lab';
import { joinRung, makeChunk } from './chunks';
import { makeImage } from './image';
import { makeVideo } from './make-video';
import { makeOutputs, makeSound, makeSoundHead, packageStream, publishOutputs } from './video-tasks';

let lab: Lab;
let folder: string;

beforeAll(async () => {
  lab = await openLab();
  lab.deps.tools = { sharp: '1', ffmpeg: '2' };
});
afterAll(() => lab.close());
beforeEach(async () => {
  folder = await mkdtemp(path.join(lab.root, 'case-'));
});

const PRESET = parsePreset(
  'small',
  `
video:
  hls: true
  rungs:
    - { name: 144p, height: 144, crf: 32, maxrate: 300, speed: superfast, audioBitrate: 64 }
    - { name: 72p, height: 72, crf: 32, maxrate: 200, speed: superfast, audioBitrate: 64 }
  poster: { format: webp, width: 64, quality: 60 }
`,
);

function clip(): WorkItem {
  const words = `${picture('256x144', 2)} ${sound(2)} ${X264} -c:a aac -shortest`;
  const file = ffmpeg(words, path.join(folder, 'clip.mp4'));
  return labItem(file, { kind: 'video', preset: PRESET });
}

/** Every receipt is of this source, says what it cost, and shows no path of this machine. */
function checkReceipts({ receipts = {}, source, renditions }: Manifest): number {
  for (const { receipt } of renditions) expect(Object.keys(receipts)).toContain(receipt);
  const text = JSON.stringify(receipts);
  expect(text).not.toContain(lab.root);
  expect(text).not.toContain(lab.deps.config.scratchDir);
  return Object.values(receipts).reduce((sum, receipt) => {
    expect(receipt).toMatchObject({ attempt: 1, tools: { sharp: '1', ffmpeg: '2' } });
    expect([source.sha256, undefined]).toContain(receipt.sourceSha256);
    expect(receipt.worker).toContain(`${process.pid}@`);
    expect(receipt.cpuSeconds).toBeCloseTo(
      receipt.commands.reduce((all, { cpuSeconds = 0 }) => all + cpuSeconds, 0),
      5,
    );
    return sum + receipt.cpuSeconds;
  }, 0);
}

test('the renditions of an image share one receipt', async () => {
  const file = path.join(folder, 'photo.png');
  const noise = { type: 'gaussian', mean: 128, sigma: 30 } as const;
  await sharp({ create: { width: 900, height: 600, channels: 3, background: 'red', noise } }).toFile(file);
  const { cpuSeconds } = await attempt(() => makeImage(lab.deps, labItem(file)));
  const manifest = await checkedManifest(path.join(folder, 'out'));
  expect(checkReceipts(manifest)).toBeCloseTo(cpuSeconds ?? NaN, 5);
  const [receipt, ...others] = Object.values(manifest.receipts ?? {});
  expect(others).toEqual([]);
  expect(receipt?.commands.map(({ argv }) => argv)).toEqual([
    ['sharp', '{source}', '{work}/small.webp', '{work}/large.jpeg'],
  ]);
  expect(receipt?.cpuSeconds).toBeGreaterThan(0);
  expect(receipt?.peakBytes).toBeGreaterThan(10 * 2 ** 20);
});

test('a short video has one receipt with every command', async () => {
  const outcome = await attempt(() => makeVideo(lab.deps, clip()));
  const manifest = await checkedManifest(path.join(folder, 'out'));
  const total = checkReceipts(manifest);
  expect(outcome).toMatchObject({ result: { cpuSeconds: total } });
  expect(total).toBeGreaterThan(0.1);
  const receipts = Object.values(manifest.receipts ?? {});
  expect(receipts).toHaveLength(1);
  const programs = receipts[0]?.commands.map(({ argv }) => argv[0]) ?? [];
  expect([...new Set(programs)].sort()).toEqual(['ffmpeg', 'ffprobe', 'sharp']);
  const encode = receipts[0]?.commands.find(({ argv }) => argv.includes('libx264'));
  expect(encode?.argv).toContain('file:{source}');
  expect(encode?.argv.join(' ')).toContain('file:{work}/poster.webp.part');
});

test('a planned video has a receipt for each task, sound included, and each counts once', async () => {
  const deps = { ...lab.deps, config: { ...lab.deps.config, shortVideo: 0 } };
  const item = clip();
  const outcome = await attempt(() => makeVideo(deps, item));
  if (!('planned' in outcome)) throw new Error('the video was not planned');
  const { plan, tasks } = outcome.planned;
  const activities = { makeSound, makeSoundHead, makeOutputs, makeChunk, joinRung, packageStream, publishOutputs };
  const results: Record<string, TaskResult> = {};
  for (const [index, { activity, after, ...task }] of tasks.entries()) {
    const earlier = Object.fromEntries(after.map((id) => [id, results[id]!]));
    const input: TaskInput = { plan, task, results: earlier };
    results[task.id] = await attempt(() => activities[activity as TaskActivity](deps, item, input), {
      activityId: String(index + 2),
    });
  }
  const manifest = await checkedManifest(path.join(folder, 'out'));
  const total = checkReceipts(manifest);
  expect(Object.keys(manifest.receipts ?? {})).toHaveLength(1 + tasks.length - 1);
  expect(results['publish']?.result?.cpuSeconds).toBeCloseTo(total, 5);
});
