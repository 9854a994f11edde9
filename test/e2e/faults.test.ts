/** Real workers, real ffmpeg, real server: what happens when each of them dies or is told to stop in the middle. */
import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import sharp from 'sharp';
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { type ItemProgress, type Manifest, type WorkItem } from '../../common/contracts';
import { taskQueue } from '../../common/pools';
import { parsePreset, recipeHash } from '../../media/presets';
import { endProcess, isAlive, startStack, until, workFolders, type Stack } from '../support/stack';

let stack: Stack;
let clip: string;

const QUICK = parsePreset(
  'quick',
  `
image: { renditions: [{ name: small, format: webp, width: 64, quality: 70, effort: 0 }] }
video:
  rungs: [{ name: 180p, height: 180, crf: 30, maxrate: 400, speed: ultrafast, audioBitrate: 64 }]
`,
);
/** Slow enough to be caught in the middle; the cap is below the clip's own rate, so that nothing is passed through. */
const SLOW = parsePreset(
  'slow',
  `
video:
  rungs:
    - { name: quick, height: 90, crf: 40, maxrate: 200, speed: ultrafast, audioBitrate: 64 }
    - { name: slow, height: 720, crf: 20, maxrate: 3000, speed: slow, audioBitrate: 64 }
`,
);

beforeAll(async () => {
  stack = await startStack({
    DARKROOM_SHORT_VIDEO: '0',
    DARKROOM_SHUTDOWN_GRACE: '1s',
    DARKROOM_SHUTDOWN_FORCE: '20s',
  });
  await mkdir(path.join(stack.home, 'in'));
  clip = path.join(stack.home, 'in', 'clip.mp4');
  execFileSync('ffmpeg', [
    ...['-v', 'error', '-nostdin', '-f', 'lavfi', '-i', 'testsrc2=size=1280x720:rate=30:duration=5'],
    ...[
      '-f',
      'lavfi',
      '-i',
      'sine=duration=5',
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-pix_fmt',
      'yuv420p',
      '-c:a',
      'aac',
      clip,
    ],
  ]);
});
afterAll(() => stack.stop());

let keys = 0;
function itemFor(file: string, preset = QUICK): WorkItem {
  const kind = file.endsWith('.mp4') ? 'video' : 'image';
  const itemKey = `item-${++keys}`;
  return {
    batchId: 'faults',
    itemKey,
    kind,
    source: pathToFileURL(file).href,
    output: pathToFileURL(path.join(stack.home, 'out', itemKey)).href,
    preset,
    recipe: recipeHash(preset, kind),
    priority: 3,
    tenant: 'default',
  };
}

function start(item: WorkItem): Promise<WorkflowHandle> {
  return stack.client.workflow.start(item.kind === 'image' ? 'processImage' : 'processVideo', {
    workflowId: `${item.batchId}/${item.itemKey}`,
    taskQueue: taskQueue(stack.config.queuePrefix, 'workflows'),
    args: [item],
  });
}

async function manifestOf(item: WorkItem): Promise<Manifest> {
  return JSON.parse(await readFile(new URL(`${item.output}/manifest.json`), 'utf8')) as Manifest;
}

/** Process ids of ffmpegs whose parent chain leads to `ancestor`. */
function ffmpegsUnder(ancestor: number): number[] {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid=,stat=,comm='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  const parents = new Map(rows.map(([pid, ppid]) => [Number(pid), Number(ppid)]));
  const isUnder = (pid: number): boolean => pid === ancestor || (pid > 1 && isUnder(parents.get(pid) ?? 0));
  return rows
    .filter(([, , stat, comm]) => comm === 'ffmpeg' && !stat?.startsWith('Z'))
    .map(([pid]) => Number(pid))
    .filter(isUnder);
}

async function stepAttempts(handle: WorkflowHandle): Promise<Record<string, string>> {
  const { steps } = await handle.query<ItemProgress>('progress');
  return Object.fromEntries(steps.map((step) => [step.name, step.state]));
}

/** How often each activity was started, from the history. */
async function activityAttempts(handle: WorkflowHandle): Promise<number[]> {
  const { events } = await handle.fetchHistory();
  return (events ?? []).flatMap(({ activityTaskStartedEventAttributes: started }) =>
    started ? [started.attempt ?? 0] : [],
  );
}

async function whileSlowEncodeRuns(handle: WorkflowHandle, workerPid: number): Promise<number[]> {
  await until(async () => {
    const states = await stepAttempts(handle).catch((): Record<string, string> => ({}));
    return (
      states['encode quick'] === 'done' && states['encode slow'] === 'running' && ffmpegsUnder(workerPid).length > 0
    );
  });
  return ffmpegsUnder(workerPid);
}

test('cancelling an item kills its ffmpeg and leaves no file of the item behind', async () => {
  const worker = await stack.worker();
  const item = itemFor(clip, SLOW);
  const handle = await start(item);
  const running = await whileSlowEncodeRuns(handle, worker.pid);
  await handle.cancel();
  await expect(handle.result()).rejects.toBeInstanceOf(WorkflowFailedError);
  await until(() => running.every((pid) => !isAlive(pid)));
  await until(async () => (await workFolders(path.join(stack.home, 'scratch'))).length === 0);
  await expect(readdir(new URL(item.output))).rejects.toThrow('ENOENT');
  await worker.stop();
});

test('a worker killed in the second encode: another one finishes and repeats that encode only', async () => {
  const first = await stack.worker();
  const item = itemFor(clip, SLOW);
  const handle = await start(item);
  const running = await whileSlowEncodeRuns(handle, first.pid);
  process.kill(first.pid, 'SIGKILL');
  await first.ended;
  for (const pid of running) await endProcess(pid);
  const second = await stack.worker();
  await handle.result();
  const manifest = await manifestOf(item);
  expect(manifest.renditions.map((rendition) => [rendition.name, rendition.height])).toEqual([
    ['quick', 90],
    ['slow', 720],
  ]);
  const attempts = await activityAttempts(handle);
  expect(attempts.filter((attempt) => attempt > 1)).toHaveLength(1);
  await second.stop();
}, 180_000);

test('a worker told to stop hands a long encode back: no child, no partial file, no failure counted', async () => {
  const first = await stack.worker();
  const item = itemFor(clip, SLOW);
  const handle = await start(item);
  const running = await whileSlowEncodeRuns(handle, first.pid);
  await first.stop();
  expect(running.filter(isAlive)).toEqual([]);
  const second = await stack.worker();
  await until(async () => {
    const progress = await handle.query<ItemProgress>('progress').catch(() => undefined);
    return progress?.encoderFailures === 0 && ffmpegsUnder(second.pid).length > 0;
  });
  await handle.result();
  const files = await readdir(new URL(item.output));
  expect(files.filter((file) => file.includes('.part'))).toEqual([]);
  expect((await manifestOf(item)).renditions).toHaveLength(2);
  await second.stop();
}, 180_000);

test('the server restarted in the middle of a batch loses nothing', async () => {
  const worker = await stack.worker();
  const items = await Promise.all(
    Array.from({ length: 12 }, async (_, index) => {
      const file = path.join(stack.home, 'in', `photo ${index}.jpg`);
      const background = { r: index * 20, g: 100, b: 50 };
      await sharp({ create: { width: 400, height: 300, channels: 3, background } })
        .jpeg()
        .toFile(file);
      return itemFor(file);
    }),
  );
  const handles = await Promise.all(items.map(start));
  await stack.restartServer();
  for (const handle of handles) await handle.result();
  for (const item of items) expect((await manifestOf(item)).renditions).toHaveLength(1);
  await worker.stop();
}, 120_000);
