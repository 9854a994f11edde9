/** A long video in chunks, task by task, without a server: real ffmpeg and storage. */
import { readdirSync } from 'node:fs';
import { copyFile, mkdtemp } from 'node:fs/promises';
import path from 'node:path';
import type { WorkItem } from '../common/contracts';
import type { PlanRef, Task, TaskActivity, TaskResult } from '../common/tasks';
import { parsePreset } from '../media/presets';
import { fileUri } from '../storage';
import { runTasks } from '../workflows/task-runner';
import { ffmpeg, picture, sound, streamsOf, X264 } from '../test/support/clips';
import { attempt, checkedManifest, labItem, openLab, type Lab } from '../test/support/lab';
import { joinRung, makeChunk } from './chunks';
import type { ActivityDeps } from './deps';
import { makeVideo } from './make-video';
import { makeOutputs, makeSound, packageStream, publishOutputs } from './video-tasks';

const rung = (name: string, height: number): string =>
  `{ name: ${name}, height: ${height}, crf: 30, maxrate: 300, speed: ultrafast, audioBitrate: 64 }`;
const PRESET = parsePreset(
  'chunks',
  `video: { audio: optional, hls: true, rungs: [${rung('low', 90)}, ${rung('high', 180)}], poster: { format: webp, width: 160, quality: 70 } }`,
);

let lab: Lab;
let source: string;
beforeAll(async () => {
  lab = await openLab({ DARKROOM_SHORT_VIDEO: '0', DARKROOM_CHUNK_CPU: '45ms' });
  source = ffmpeg(`${picture('320x180', 14, 30)} ${sound(14)} ${X264} -c:a aac`, path.join(lab.root, 'film.mp4'));
});
afterAll(() => lab.close());

const ACTIVITIES = { makeSound, makeOutputs, makeChunk, joinRung, packageStream, publishOutputs };
const RUN = '0193c0de-0000-7000-8000-0123456789ab';

async function item(): Promise<WorkItem> {
  const folder = await mkdtemp(path.join(lab.root, 'case-'));
  return labItem(path.join(folder, 'x'), { kind: 'video', source: fileUri(source), preset: PRESET });
}

async function planOf(item: WorkItem): Promise<PlanRef> {
  const outcome = await attempt(() => makeVideo(lab.deps, item), { runId: RUN });
  if (!('planned' in outcome)) throw new Error('made at once');
  return outcome.planned;
}

/** Each task as an attempt of its own. */
function run(deps: ActivityDeps, item: WorkItem, { plan, tasks }: PlanRef): Promise<Record<string, TaskResult>> {
  let number = 1;
  return runTasks<Task, TaskResult>(tasks, (task, results) => {
    const activityId = String(++number);
    return attempt(() => ACTIVITIES[task.activity as TaskActivity](deps, item, { plan, task, results }), {
      runId: RUN,
      activityId,
    });
  });
}

test('the plan: sound and chunks first, each rung joined of its chunks, published at last', async () => {
  const { tasks, window } = await planOf(await item());
  expect(tasks.map(({ id }) => id)).toEqual([
    'sound',
    'encode low, high 0:00:00-0:00:06',
    'encode low, high 0:00:06-0:00:12',
    'encode low, high 0:00:12-0:00:14',
    'poster',
    'join low',
    'join high',
    'package',
    'publish',
  ]);
  expect(window).toBe(16);
});

test('the result is that of any video: whole rungs with their sound, a stream, a poster, no intermediates', async () => {
  const it = await item();
  const results = await run(lab.deps, it, await planOf(it));
  expect(results['publish']?.result).toMatchObject({ renditions: 4 });
  const folder = new URL(it.output).pathname;
  const manifest = await checkedManifest(folder);
  expect(manifest.renditions.map(({ role, frames }) => [role, frames])).toEqual([
    ['stream', undefined],
    ['video', 420],
    ['video', 420],
    ['poster', undefined],
  ]);
  expect(manifest.chunks).toBe(3);
  // Of the look at the source, and of each task that runs a program: the chunks, too.
  expect(Object.keys(manifest.receipts ?? {})).toHaveLength(1 + 8);
  for (const { path: name } of manifest.renditions.filter(({ role }) => role === 'video')) {
    expect(streamsOf(path.join(folder, name))).toMatchObject([{ nb_read_frames: '420' }, { codec_name: 'aac' }]);
  }
  expect(readdirSync(folder)).not.toContain('.work');
});

test('a chunk whose encoder fails names its range', async () => {
  const it = await item();
  const planned = await planOf(it);
  const deps = { ...lab.deps, ffmpeg: { ...lab.deps.ffmpeg, ffmpegPath: '/bin/false' } };
  const task = planned.tasks.find(({ outputs }) => outputs[0] === 'chunk:0:1');
  if (task === undefined) throw new Error('no such task');
  await expect(attempt(() => makeChunk(deps, it, { plan: planned.plan, task, results: {} }))).rejects.toMatchObject({
    type: 'EncoderFailed',
    details: [{ range: '0:00:06-0:00:12' }],
  });
});

test('a source that is replaced between the plan and a chunk is noticed by the chunk, in one sentence', async () => {
  const folder = await mkdtemp(path.join(lab.root, 'replaced-'));
  const own = path.join(folder, 'film.mp4');
  await copyFile(source, own);
  const it = { ...(await item()), source: fileUri(own) };
  const planned = await planOf(it);
  await copyFile(ffmpeg(`${picture('160x90', 14, 25)} ${X264}`, path.join(folder, 'other.mp4')), own);
  await expect(run(lab.deps, it, planned)).rejects.toMatchObject({
    type: 'SourceReplaced',
    message: expect.stringMatching(/^[^.]+\.$/) as string,
  });
});
