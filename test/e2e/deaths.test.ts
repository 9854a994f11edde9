/**
 * Whole workers that die, by an input and by an operator. Real server, workers and ffmpeg; the input's hook is a script in
 * place of ffmpeg, which ends the worker above it, as a kernel does that is out of memory.
 */
import { chmod, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ApplicationFailure, defaultPayloadConverter } from '@temporalio/common';
import type { WorkflowHandle } from '@temporalio/client';
import type { Trail } from '../../activities/deaths/rules';
import type { WorkItem } from '../../common/contracts';
import { taskQueue } from '../../common/pools';
import { parsePreset, recipeHash } from '../../media/presets';
import { fileUri } from '../../storage';
import { clipFolder, ffmpeg, picture, settings, X264 } from '../support/clips';
import { manifestOf, photo } from '../support/items';
import { startStack, until, type Stack } from '../support/stack';

const PRESET = parsePreset(
  'deaths',
  `
image: { renditions: [{ name: small, format: webp, width: 64, quality: 70, effort: 0 }] }
video: { audio: drop, rungs: [{ name: low, height: 90, crf: 30, maxrate: 200, speed: ultrafast, audioBitrate: 64 }] }
`,
);
const MARK = 'ENDS-ITS-WORKER';
/** At most: two beside others, two alone. */
const DEATHS = 4;

const clips = clipFolder();
let stack: Stack;
let poisoned: Promise<PoisonedBatch>;
let operated: Promise<OperatedItem>;
beforeAll(async () => {
  stack = await startStack({ DARKROOM_SUSPECT_UPTIME: '1s', DARKROOM_FFMPEG_THREADS: '1' });
  // Both wait for heartbeats that do not come, most of the time: together they take half as long.
  [poisoned, operated] = [poisonedBatch(), operatedItem()];
  await Promise.all([poisoned, operated]);
}, 240_000);
afterAll(async () => {
  await stack?.stop();
  clips.remove();
});

/** A program in place of ffmpeg that first runs `lines` for each input: $file. */
async function program(name: string, lines: string): Promise<string> {
  const script = `#!/bin/sh
for word; do
  case $word in file:*) file=\${word#file:}; ${lines} ;; esac
done
exec ${settings.ffmpegPath} "$@"
`;
  const file = clips.at(name);
  await writeFile(file, script);
  await chmod(file, 0o755);
  return file;
}

const clip = (name: string): string => ffmpeg(`${picture('160x90', 1)} ${X264}`, path.join(stack.home, 'in', name));

function submit(prefix: string, file: string): Promise<{ item: WorkItem; handle: WorkflowHandle }> {
  const kind = file.endsWith('.mp4') ? ('video' as const) : ('image' as const);
  const itemKey = path.basename(file);
  const item: WorkItem = {
    // Somebody waits: the loss of a worker is noticed sooner.
    ...{ batchId: prefix, itemKey, kind, mode: 'interactive', source: fileUri(file), preset: PRESET },
    ...{ output: fileUri(path.join(stack.home, 'out', itemKey)), recipe: recipeHash(PRESET, kind) },
    ...{ priority: 3, tenant: 'default' },
  };
  const options = { workflowId: `${prefix}/${itemKey}`, taskQueue: taskQueue(prefix, 'workflows'), args: [item] };
  const type = kind === 'image' ? 'processImage' : 'processVideo';
  return stack.client.workflow.start(type, options).then((handle) => ({ item, handle }));
}

interface PoisonedBatch {
  deaths: number;
  poison: { item: WorkItem; error: unknown };
  neighbours: WorkItem[];
}

/** An input that ends every worker, between others that do not. */
async function poisonedBatch(): Promise<PoisonedBatch> {
  const env = { DARKROOM_QUEUE_PREFIX: 'poisoned' };
  const kill = `if tail -c 64 "$file" 2>/dev/null | grep -q ${MARK}; then kill -KILL $PPID; sleep 60; fi`;
  const killer = await program('killer', kill);
  const photos = [await photo(stack), await photo(stack)];
  const poison = clip('poison.mp4');
  const box = Buffer.from(`0000free${MARK}`);
  box.writeUInt32BE(box.length, 0);
  await writeFile(poison, box, { flag: 'a' });
  await stack.worker({ ...env, DARKROOM_POOLS: 'workflows' });
  const [bad, ...good] = await Promise.all(
    [poison, clip('one.mp4'), clip('two.mp4'), ...photos].map((file) => submit('poisoned', file)),
  );

  let deaths = 0;
  let isOver = false;
  const supervised = (async () => {
    for (; ; deaths++) {
      const worker = await stack.worker({ ...env, DARKROOM_POOLS: 'image,video', FFMPEG_PATH: killer });
      while (!isOver && (await Promise.race([worker.ended, pause()])) === 'pause');
      if (isOver) return worker.stop();
    }
  })();
  const error: unknown = await bad?.handle.result().catch((failure: { cause?: unknown }) => failure.cause);
  for (const { handle } of good) await handle.result();
  isOver = true;
  await supervised;
  return { deaths, poison: { item: bad?.item as WorkItem, error }, neighbours: good.map(({ item }) => item) };
}

const pause = () => new Promise<'pause'>((resolve) => setTimeout(resolve, 200, 'pause'));

interface OperatedItem {
  item: WorkItem;
  trail: Trail | undefined;
}

/** A healthy input whose workers an operator kills, again and again, wherever it is. */
async function operatedItem(): Promise<OperatedItem> {
  const env = { DARKROOM_QUEUE_PREFIX: 'operated' };
  const gate = clips.at('gate');
  const FFMPEG_PATH = await program('slow', `while [ ! -e ${gate} ]; do sleep 0.1; done`);
  await stack.worker({ ...env, DARKROOM_POOLS: 'workflows' });
  const { item, handle } = await submit('operated', clip('healthy.mp4'));
  let trail: Trail | undefined;
  // What the attempt has to say about itself for the operator to strike.
  for (const step of ['start', 'encode', 'alone', 'encode']) {
    const worker = await stack.worker({ ...env, DARKROOM_POOLS: 'video', FFMPEG_PATH });
    const before = trail?.deaths.length ?? -1;
    await until(async () => {
      trail = (await trailOf(handle)) ?? trail;
      return trail?.worker.pid === worker.pid && trail.deaths.length > before && trail.step === step;
    }, 20);
    process.kill(worker.pid, 'SIGKILL');
    await worker.ended;
  }
  await writeFile(gate, '');
  await stack.worker({ ...env, DARKROOM_POOLS: 'video', FFMPEG_PATH });
  await until(async () => ((trail = (await trailOf(handle)) ?? trail), trail?.deaths.length === DEATHS), 20);
  await handle.result();
  return { item, trail };
}

/** What the attempt that runs has left in its heartbeats. */
async function trailOf(handle: WorkflowHandle): Promise<Trail | undefined> {
  const { raw } = await handle.describe();
  const [payload] = raw.pendingActivities?.[0]?.heartbeatDetails?.payloads ?? [];
  return payload ? defaultPayloadConverter.fromPayload<{ trail?: Trail }>(payload).trail : undefined;
}

test('an input that ends worker after worker is quarantined after a bounded number of them', async () => {
  const { deaths, poison } = await poisoned;
  expect(poison.error).toBeInstanceOf(ApplicationFailure);
  expect(poison.error).toMatchObject({
    type: 'Quarantined',
    message: expect.stringMatching(
      /^\d workers died while they worked on the file, [23] of them while they did nothing else/,
    ),
  });
  // One more where a worker of a busy machine died before it could say how far it had come.
  expect([DEATHS, DEATHS + 1]).toContain(deaths);
  expect(await readdir(new URL(poison.item.output))).toEqual(['quarantine.json']);
});

test('what was worked on beside it completes', async () => {
  const { neighbours } = await poisoned;
  for (const item of neighbours) expect((await manifestOf(item)).renditions).toHaveLength(1);
});

test('a healthy input whose workers an operator kills completes, however often that happens', async () => {
  const { item, trail } = await operated;
  expect(trail?.deaths.map(({ alone }) => alone)).toEqual([false, false, true, true]);
  expect((await manifestOf(item)).renditions).toHaveLength(1);
});
