/** Captions that a job brings along, in one activity and as tasks: real ffmpeg and storage. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parsePreset } from '../media/presets';
import { fileUri } from '../storage';
import { runTasks } from '../workflows/task-runner';
import type { Task, TaskActivity, TaskResult } from '../common/tasks';
import { ffmpeg, picture, X264 } from '../test/support/clips';
import { attempt, checkedManifest, labItem, openLab, type Lab } from '../test/support/lab';
import { joinRung, makeChunk } from './chunks';
import { makeVideo } from './make-video';
import { makeOutputs, makeSound, makeSoundHead, packageStream, publishOutputs } from './video-tasks';

const PRESET = parsePreset(
  'texts',
  'video: { hls: true, dash: true, captions: true, rungs: [{ name: a, height: 90, crf: 30, maxrate: 300, speed: ultrafast, audioBitrate: 64 }] }',
);
const ACTIVITIES = { makeSound, makeSoundHead, makeOutputs, makeChunk, joinRung, packageStream, publishOutputs };

let short: Lab;
let long: Lab;
beforeAll(async () => {
  short = await openLab();
  long = await openLab({ DARKROOM_SHORT_VIDEO: '0', DARKROOM_CHUNK_CPU: '5ms' });
  for (const { root } of [short, long]) {
    writeFileSync(path.join(root, 'de.srt'), '1\n00:00:01,000 --> 00:00:02,000\nHallo\n');
    writeFileSync(path.join(root, 'en.srt'), '1\n00:00:07,000 --> 00:00:09,000\nHello\n');
    const texts = `-i ${path.join(root, 'en.srt')} -map 0 -map 1 -c:s mov_text -metadata:s:s:0 language=eng`;
    ffmpeg(`${picture('160x90', 13)} ${texts} ${X264}`, path.join(root, 'film.mp4'));
  }
});
afterAll(async () => {
  await short.close();
  await long.close();
});

const item = ({ root }: Lab, captions = 'de.srt') =>
  labItem(path.join(root, `made-${captions}`, 'x'), {
    ...{ kind: 'video', source: fileUri(path.join(root, 'film.mp4')), preset: PRESET },
    inputs: [{ role: 'captions', language: 'de', source: fileUri(path.join(root, captions)), sdh: true }],
  });

async function check(folder: string): Promise<void> {
  const manifest = await checkedManifest(folder);
  expect(manifest.renditions.flatMap(({ name, track }) => (track ? [[name, track.language]] : []))).toEqual([
    ['captions-de-sdh', 'de'],
    ['captions-en', 'en'],
  ]);
  const hls = path.join(folder, manifest.renditions.find(({ name }) => name === 'hls')?.path ?? '');
  expect(readFileSync(hls, 'utf8')).toContain('NAME="Deutsch (SDH)",LANGUAGE="de"');
  expect(readFileSync(path.join(path.dirname(hls), 'captions-en/00000.vtt'), 'utf8')).toContain('Hello');
}

test('a short video has its own captions and those of the job', async () => {
  const it = item(short);
  expect(await attempt(() => makeVideo(short.deps, it))).toHaveProperty('result');
  await check(new URL(it.output).pathname);
});

test('so has one in chunks', async () => {
  const it = item(long);
  const runId = '0193c0de-0000-7000-8000-0123456789ab';
  const outcome = await attempt(() => makeVideo(long.deps, it), { runId });
  if (!('planned' in outcome)) throw new Error('made at once');
  const { plan, tasks } = outcome.planned;
  expect(tasks.filter(({ activity }) => activity === 'makeChunk').length).toBeGreaterThan(1);
  let number = 1;
  await runTasks<Task, TaskResult>(tasks, (task, results) => {
    const work = () => ACTIVITIES[task.activity as TaskActivity](long.deps, it, { plan, task, results });
    return attempt(work, { runId, activityId: String(++number) });
  });
  await check(new URL(it.output).pathname);
});

test('what is no captions fails the item with a sentence', async () => {
  const running = attempt(() => makeVideo(short.deps, item(short, 'film.mp4')));
  await expect(running).rejects.toMatchObject({ type: 'UnsupportedMedia', message: expect.stringContaining('The captions for de') as string }); // prettier-ignore
});
