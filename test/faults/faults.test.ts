/**
 * The short fault suite: a small batch, undisturbed once and then once with each fault in the middle of it. Every time all
 * items end well, their outputs have the hashes of the undisturbed run, and nothing is left over: no file that no
 * manifest names, no part of an upload, no process, no work file. Real server, workers, store, sharp and ffmpeg.
 */
import { execFileSync } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import type { WorkflowHandle } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import type { WorkItem } from '../../common/contracts';
import { LOST_AFTER_MS } from '../../common/heartbeats';
import { taskQueue } from '../../common/pools';
import type { Service } from '../../local/embedded/child-process';
import { parsePreset, recipeHash } from '../../media/presets';
import { createStorage, fileUri, type Storage } from '../../storage';
import { ffmpeg, picture, processesWith, sound, X264 } from '../support/clips';
import { expectToAddUp, startCommand } from '../support/cli';
import { photo } from '../support/items';
import { filesOf } from '../support/lab';
import { startProxy, type Proxy } from '../support/proxy';
import { S3_START_TIMEOUT, startS3, testWithS3, type TestS3 } from '../support/s3';
import { canMountSmallDisk, mountSmallDisk } from '../support/small-disk';
import { isAlive, startStack, until, type Stack } from '../support/stack';
import { outputsBelow, type Outputs } from './outputs';

const YAML = `
image:
  renditions:
    - { name: small, format: webp, width: 200, quality: 70, effort: 2 }
    - { name: large, format: avif, width: 600, quality: 60, effort: 3 }
video:
  hls: true
  rungs:
    - { name: 180p, height: 180, crf: 30, maxrate: 300, speed: ultrafast, audioBitrate: 64 }
    - { name: 360p, height: 360, crf: 24, maxrate: 900, speed: slow, audioBitrate: 64 }
  poster: { format: webp, width: 160, quality: 70 }
  sprite: { width: 64, columns: 2, rows: 2, quality: 70 }
`;
const PRESET = parsePreset('faults', YAML);
const PHOTOS = 4;
const SMALL_DISK = 24;

let s3: TestS3 | undefined;
let store: Proxy;
let stack: Stack;
let storage: Storage;
const sources: string[] = [];
let workers: Service[] = [];
let undisturbed: Record<string, Outputs>;

beforeAll(async () => {
  s3 = await startS3();
  if (s3 === undefined) return;
  await s3.bucket('media');
  store = await startProxy(Number(new URL(s3.endpoint).port));
  stack = await startStack({
    S3_ENDPOINT: `http://127.0.0.1:${store.port}`,
    S3_FORCE_PATH_STYLE: 'true',
    S3_ACCESS_KEY_ID: s3.accessKey,
    S3_SECRET_ACCESS_KEY: s3.secretKey,
    DARKROOM_ALLOWED_BUCKETS: 'media',
    DARKROOM_IMAGE_SLOTS: '1',
    DARKROOM_VIDEO_SLOTS: '1',
    DARKROOM_FFMPEG_THREADS: '1',
  });
  // Past the faults of the store.
  storage = createStorage({ ...stack.config, s3Endpoint: s3.endpoint });
  for (let count = 0; count < PHOTOS; count++) sources.push(await photo(stack, 700));
  const clip = path.join(stack.home, 'in', 'clip.mp4');
  sources.push(ffmpeg(`${picture('640x360', 6)} ${sound(6)} ${X264} -b:v 4M -c:a aac -movflags +faststart`, clip));
  await mkdir(path.join(stack.home, 'presets'));
  await writeFile(path.join(stack.home, 'presets', 'faults.yaml'), YAML);
  workers = [await stack.worker(), await stack.worker()];
  const handles = await submit('undisturbed');
  for (const handle of handles) await handle.result();
  undisturbed = await published('undisturbed');
  expect(Object.keys(undisturbed)).toHaveLength(sources.length);
}, 3 * S3_START_TIMEOUT);
afterAll(async () => {
  storage?.close();
  await stack?.stop();
  await store?.close();
  await s3?.stop();
});

function published(run: string): Promise<Record<string, Outputs>> {
  return outputsBelow(storage, `s3://media/${run}`, path.join(stack.home, 'copies', run));
}

/** Submits files; somebody waits for these items, so that the loss of a worker is noticed sooner. */
function submit(run: string, files = sources): Promise<WorkflowHandle[]> {
  return Promise.all(
    files.map((file, index) => {
      const kind = file.endsWith('.mp4') ? ('video' as const) : ('image' as const);
      const item: WorkItem = {
        ...{ batchId: run, itemKey: `item-${index}`, kind, mode: 'interactive', source: fileUri(file) },
        ...{ output: `s3://media/${run}/item-${index}`, preset: PRESET, recipe: recipeHash(PRESET, kind) },
        ...{ priority: 3, tenant: 'default' },
      };
      return stack.client.workflow.start(kind === 'image' ? 'processImage' : 'processVideo', {
        workflowId: `${run}/${item.itemKey}`,
        taskQueue: taskQueue(stack.config.queuePrefix, 'workflows'),
        args: [item],
      });
    }),
  );
}

/** Every item ended well, with the outputs of the undisturbed run, and nothing else is left anywhere. */
async function expectUndisturbed(run: string, items = sources.length): Promise<void> {
  const outputs = await published(run);
  expect(Object.keys(outputs)).toHaveLength(items);
  for (const [source, files] of Object.entries(outputs)) expect(files).toEqual(undisturbed[source]);
  const { Uploads: uploads = [] } = (await s3?.client.send(new ListMultipartUploadsCommand({ Bucket: 'media' }))) ?? {};
  expect(uploads).toEqual([]);
  const scratch = path.join(stack.home, 'scratch');
  await until(() => processesWith(scratch).length === 0);
  // The sign of life of a worker is no work file.
  await until(async () => Object.keys(await filesOf(scratch)).every((file) => path.basename(file) === 'alive'));
}

async function endAll(handles: WorkflowHandle[]): Promise<void> {
  const ends = await Promise.allSettled(handles.map((handle) => handle.result()));
  expect(ends.map(({ status }) => status)).toEqual(handles.map(() => 'fulfilled'));
}

const { PENDING_ACTIVITY_STATE_STARTED: STARTED } = temporal.api.enums.v1.PendingActivityState;

interface Running {
  activityId: string;
  attempt: number;
  worker: Service;
}

/** A step of the item that runs, once there is one that `fits`. */
async function runningStep(handle: WorkflowHandle, fits: (step: Running) => boolean): Promise<Running> {
  let found: Running | undefined;
  await until(async () => {
    const { raw } = await handle.describe();
    for (const { state, activityId, attempt, activityType, lastWorkerIdentity } of raw.pendingActivities ?? []) {
      // `<process id>@<host>`
      const worker = workers.find(({ pid }) => pid === parseInt(lastWorkerIdentity ?? '', 10));
      if (state !== STARTED || activityType?.name === 'probeVideo' || worker === undefined) continue;
      const step = { activityId: activityId ?? '', attempt: attempt ?? 1, worker };
      if (fits(step)) found = step;
    }
    return found !== undefined;
  }, 20);
  if (found === undefined) throw new Error('not reached');
  return found;
}

/** Process ids of the children of a process, and theirs. */
function childrenOf(pid: number): number[] {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
  const pairs = rows.map((row) => row.trim().split(/\s+/).map(Number));
  const below = (parent: number): number[] =>
    pairs.flatMap(([child = 0, its]) => (its === parent ? [child, ...below(child)] : []));
  return below(pid);
}

const clipOf = (handles: WorkflowHandle[]): WorkflowHandle => handles.at(-1) as WorkflowHandle;

testWithS3(
  'a worker is killed in mid-encode',
  async () => {
    const handles = await submit('killed');
    const { worker, activityId } = await runningStep(clipOf(handles), () => true);
    const children = childrenOf(worker.pid);
    process.kill(worker.pid, 'SIGKILL');
    await worker.ended;
    await until(() => !children.some(isAlive));
    workers = [...workers.filter((other) => other !== worker), await stack.worker()];
    await endAll(handles);
    const { events } = await clipOf(handles).fetchHistory();
    const repeated = (events ?? []).flatMap(({ activityTaskStartedEventAttributes: started }) =>
      (started?.attempt ?? 1) > 1 ? [String(started?.scheduledEventId)] : [],
    );
    // The step that was killed, and no other, begins anew.
    expect(repeated).toHaveLength(1);
    const scheduled = (events ?? []).find(({ eventId }) => String(eventId) === repeated[0]);
    expect(scheduled?.activityTaskScheduledEventAttributes?.activityId).toBe(activityId);
    await expectUndisturbed('killed');
  },
  120_000,
);

testWithS3(
  'a worker is frozen for longer than it may be silent, and wakes up when another one has its step',
  async () => {
    const handles = await submit('frozen');
    const frozen = await runningStep(clipOf(handles), () => true);
    const stopped = [frozen.worker.pid, ...childrenOf(frozen.worker.pid)];
    try {
      // A child may have ended since.
      for (const pid of stopped) if (isAlive(pid)) process.kill(pid, 'SIGSTOP');
      await runningStep(
        clipOf(handles),
        ({ activityId, worker }) => activityId === frozen.activityId && worker !== frozen.worker,
      );
    } finally {
      // A worker that wakes up ends its children, maybe before their turn here.
      for (const pid of stopped) if (isAlive(pid)) process.kill(pid, 'SIGCONT');
    }
    await endAll(handles);
    await expectUndisturbed('frozen');
  },
  120_000,
);

const withSmallDisk = canMountSmallDisk() ? testWithS3 : test.skip;

withSmallDisk(
  'the scratch disk of a worker is full for a while',
  async () => {
    const disk = path.join(stack.home, 'scratch', 'small');
    const unmount = mountSmallDisk(disk, `${SMALL_DISK}m`);
    const others = workers;
    await Promise.all(others.map((worker) => worker.stop()));
    const worker = await stack.worker({ DARKROOM_SCRATCH_DIR: disk });
    workers = [worker];
    try {
      const handles = await submit('full');
      await runningStep(clipOf(handles), () => true);
      const ballast = path.join(disk, 'ballast');
      await writeFile(ballast, Buffer.alloc(SMALL_DISK * 2 ** 20)).catch(() => undefined);
      const ready = async (): Promise<boolean> => (await fetch(`http://127.0.0.1:${worker.httpPort}/ready`)).ok;
      await until(async () => !(await ready()));
      await rm(ballast);
      await until(ready);
      await endAll(handles);
      await expectUndisturbed('full');
    } finally {
      await worker.stop();
      unmount();
      workers = [await stack.worker(), await stack.worker()];
    }
  },
  120_000,
);

testWithS3(
  'the store is slow: an upload takes longer than a worker may be silent',
  async () => {
    const largest = 300_000;
    store.bytesPerSecond = (1000 * largest) / LOST_AFTER_MS.interactive;
    // The video alone: the photos would only wait for their turn at this rate.
    const handles = await submit('slow', sources.slice(PHOTOS));
    const started = performance.now();
    await endAll(handles);
    expect(performance.now() - started).toBeGreaterThan(LOST_AFTER_MS.interactive);
    store.bytesPerSecond = Infinity;
    for (const handle of handles) {
      const { events } = await handle.fetchHistory();
      const attempts = (events ?? []).map((event) => event.activityTaskStartedEventAttributes?.attempt ?? 1);
      expect(Math.max(...attempts)).toBe(1);
    }
    await expectUndisturbed('slow', 1);
  },
  120_000,
);

testWithS3(
  'the store is away while files are staged',
  async () => {
    const args = ['--input', path.join(stack.home, 'in'), '--preset', 'faults', '--json'];
    const places = ['--staging', 's3://media/staging', '--output', 's3://media/staged'];
    store.refuse();
    const command = startCommand(stack, 'start-batch', [...args, ...places], {
      DARKROOM_PRESETS_DIR: path.join(stack.home, 'presets'),
    });
    await command.says('Waiting for the store');
    store.admit();
    const { code, summary } = await command.ended;
    expectToAddUp(summary);
    expect([code, summary.completed]).toEqual([0, sources.length]);
    await expectUndisturbed('staged');
  },
  120_000,
);

testWithS3(
  'the server is killed and started again',
  async () => {
    const handles = await submit('server');
    await runningStep(clipOf(handles), () => true);
    await stack.restartServer();
    await endAll(handles);
    await expectUndisturbed('server');
  },
  120_000,
);
