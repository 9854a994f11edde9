/**
 * A long video in chunks, and what goes wrong with one of them. Real server, workers and ffmpeg; a script in place of ffmpeg
 * holds or ends the one that encodes the second chunk.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import type { ItemProgress, WorkItem } from '../../common/contracts';
import { taskQueue } from '../../common/pools';
import { parsePreset, recipeHash } from '../../media/presets';
import { viewOf } from '../../starter/core/view/item';
import { fileUri } from '../../storage';
import { clipFolder, ffmpeg, picture, processesWith, settings, sound, streamsOf, X264 } from '../support/clips';
import { checkedManifest, filesOf } from '../support/lab';
import { startStack, until, type Stack } from '../support/stack';

const rung = (name: string, height: number): string =>
  `{ name: ${name}, height: ${height}, crf: 30, maxrate: 300, speed: ultrafast, audioBitrate: 64 }`;
const PRESET = parsePreset('chunks', `video: { hls: true, rungs: [${rung('low', 90)}, ${rung('high', 180)}] }`);
const SECOND = 'encode low, high 0:00:06-0:00:12';

const clips = clipFolder();
let stack: Stack;
let source: string;
beforeAll(async () => {
  stack = await startStack({ DARKROOM_SHORT_VIDEO: '0', DARKROOM_CHUNK_CPU: '45ms', DARKROOM_FFMPEG_THREADS: '1' });
  await mkdir(path.join(stack.home, 'in'));
  source = ffmpeg(
    `${picture('320x180', 14, 30)} ${sound(14)} ${X264} -c:a aac`,
    path.join(stack.home, 'in', 'film.mp4'),
  );
});
afterAll(async () => {
  await stack.stop();
  clips.remove();
});

/** A program in place of ffmpeg that first runs `lines` where it encodes the second chunk. */
async function program(name: string, lines: string): Promise<string> {
  const file = clips.at(name);
  const script = `#!/bin/sh\ncase "$*" in *start_time=6*) ${lines} ;; esac\nexec ${settings.ffmpegPath} "$@"\n`;
  await writeFile(file, script, { mode: 0o755 });
  return file;
}

async function submit(prefix: string): Promise<{ item: WorkItem; handle: WorkflowHandle }> {
  const item: WorkItem = {
    // Somebody waits: the loss of a worker is noticed sooner.
    ...{
      batchId: prefix,
      itemKey: 'film',
      kind: 'video',
      mode: 'interactive',
      source: fileUri(source),
      preset: PRESET,
    },
    ...{ output: fileUri(path.join(stack.home, 'out', prefix)), recipe: recipeHash(PRESET, 'video') },
    ...{ priority: 3, tenant: 'default' },
  };
  const options = { workflowId: `${prefix}/film`, taskQueue: taskQueue(prefix, 'workflows'), args: [item] };
  return { item, handle: await stack.client.workflow.start('processVideo', options) };
}

const outputs = (item: WorkItem): string => new URL(item.output).pathname;

/** Waits until the second chunk is encoded; by `$*` in the script's own command line. */
async function whileSecondRuns(handle: WorkflowHandle, script: string): Promise<void> {
  await until(async () => {
    const { steps } = await handle.query<ItemProgress>('progress');
    return steps.some(({ name, state }) => name === SECOND && state === 'running') && processesWith(script).length > 0;
  });
}

test('a worker killed in mid-chunk costs that chunk only; the result is whole', async () => {
  const gate = clips.at('gate');
  const script = await program('held', `while [ ! -e ${gate} ]; do sleep 0.1; done`);
  const env = { DARKROOM_QUEUE_PREFIX: 'killed', DARKROOM_POOLS: 'workflows,video', DARKROOM_VIDEO_SLOTS: '1' };
  const first = await stack.worker({ ...env, FFMPEG_PATH: script });
  const { item, handle } = await submit('killed');
  await whileSecondRuns(handle, script);
  // Of the chunks in the queue the worker has one, and keeps it.
  await until(async () => {
    const { progress } = await viewOf(stack.client, await handle.describe());
    const [group, ...others] = progress?.chunks?.groups ?? [];
    return others.length === 0 && group?.rungs === 'low, high' && /^[dw]r[dw]$/.test(group.states);
  });
  process.kill(first.pid, 'SIGKILL');
  await first.ended;
  await writeFile(gate, '');
  const second = await stack.worker(env);
  await handle.result();

  const manifest = await checkedManifest(outputs(item));
  expect(manifest.chunks).toBe(3);
  const films = manifest.renditions.filter(({ role }) => role === 'video');
  expect(films.map(({ frames }) => frames)).toEqual([420, 420]);
  for (const film of films) {
    expect(streamsOf(path.join(outputs(item), film.path))).toMatchObject([
      { nb_read_frames: '420' },
      { codec_name: 'aac' },
    ]);
  }
  expect((await handle.query<ItemProgress>('progress')).chunks?.groups[0]?.states).toBe('dDd');
  const { events } = await handle.fetchHistory();
  const again = (events ?? []).flatMap(({ activityTaskStartedEventAttributes: started }) =>
    started && (started.attempt ?? 1) > 1 ? [String(started.scheduledEventId)] : [],
  );
  const names = (events ?? []).filter(({ eventId }) => again.includes(String(eventId)));
  expect(names.map((event) => event.activityTaskScheduledEventAttributes?.activityType?.name)).toEqual(['makeChunk']);
  await second.stop();
}, 120_000);

test('cancelled in mid-chunk: no process is left, and no file', async () => {
  const script = await program('forever', 'while true; do sleep 0.1; done');
  const env = { DARKROOM_QUEUE_PREFIX: 'cancelled', DARKROOM_POOLS: 'workflows,video' };
  const worker = await stack.worker({ ...env, FFMPEG_PATH: script });
  const { item, handle } = await submit('cancelled');
  await whileSecondRuns(handle, script);
  await handle.cancel();
  await expect(handle.result()).rejects.toThrow();
  expect(processesWith(script)).toEqual([]);
  expect(await filesOf(outputs(item))).toEqual({});
  await worker.stop();
}, 120_000);

test('a chunk that kills its decoder twice is quarantined, and the sentence says which part it was', async () => {
  const script = await program('poison', 'kill -SEGV $$');
  const env = { DARKROOM_QUEUE_PREFIX: 'poison', DARKROOM_POOLS: 'workflows,video' };
  const worker = await stack.worker({ ...env, FFMPEG_PATH: script });
  const { item, handle } = await submit('poison');
  const error: unknown = await handle.result().catch((failure: { cause?: unknown }) => failure.cause);
  expect(error).toMatchObject({
    type: 'Quarantined',
    message: 'The file killed the program that reads it twice at 0:00:06-0:00:12, so it was put into quarantine.',
  });
  expect(Object.keys(await filesOf(outputs(item)))).toEqual(['quarantine.json']);
  await worker.stop();
}, 120_000);
