/**
 * An item that is cancelled, and a worker that is told to stop, in the middle of an encode. Real worker, ffmpeg and server;
 * what dies without being told is in test/faults.
 */
import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { type ItemProgress, type Manifest, type WorkItem } from '../../common/contracts';
import { taskQueue } from '../../common/pools';
import { parsePreset, recipeHash } from '../../media/presets';
import { ffmpeg, picture, settings, sound, X264 } from '../support/clips';
import { isAlive, startStack, until, workFolders, type Stack } from '../support/stack';

let stack: Stack;
let clip: string;
/** An ffmpeg that takes its time for one rung. */
let slowly: string;

const PRESET = parsePreset(
  'handover',
  `
video:
  rungs:
    - { name: quick, height: 90, crf: 40, maxrate: 200, speed: ultrafast, audioBitrate: 64 }
    - { name: long, height: 120, crf: 30, maxrate: 300, speed: slow, audioBitrate: 64 }
`,
);
/** How long the encode of the rung `long` takes where ffmpeg reads the clip as it is played. */
const SECONDS = 20;

beforeAll(async () => {
  stack = await startStack({
    DARKROOM_SHORT_VIDEO: '0',
    DARKROOM_SHUTDOWN_GRACE: '1s',
    DARKROOM_SHUTDOWN_FORCE: '20s',
  });
  await mkdir(path.join(stack.home, 'in'));
  clip = path.join(stack.home, 'in', 'clip.mp4');
  ffmpeg(`${picture('320x180', SECONDS)} ${sound(SECONDS)} ${X264} -c:a aac`, clip);
  slowly = path.join(stack.home, 'slowly');
  const { ffmpegPath } = settings;
  const script = `#!/bin/sh\ncase " $* " in *" slow "*) exec ${ffmpegPath} -re "$@" ;; esac\nexec ${ffmpegPath} "$@"\n`;
  await writeFile(slowly, script, { mode: 0o755 });
});
afterAll(() => stack.stop());

let keys = 0;
function nextItem(): WorkItem {
  const itemKey = `item-${++keys}`;
  return {
    ...{ batchId: 'handover', itemKey, kind: 'video', source: pathToFileURL(clip).href, preset: PRESET },
    ...{ output: pathToFileURL(path.join(stack.home, 'out', itemKey)).href, recipe: recipeHash(PRESET, 'video') },
    ...{ priority: 3, tenant: 'default' },
  };
}

function start(item: WorkItem): Promise<WorkflowHandle> {
  return stack.client.workflow.start('processVideo', {
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

async function whileLongEncodeRuns(handle: WorkflowHandle, workerPid: number): Promise<number[]> {
  await until(async () => {
    const states = await stepAttempts(handle).catch((): Record<string, string> => ({}));
    return (
      states['encode quick'] === 'done' && states['encode long'] === 'running' && ffmpegsUnder(workerPid).length > 0
    );
  });
  return ffmpegsUnder(workerPid);
}

test('cancelling an item kills its ffmpeg and leaves no file of the item behind', async () => {
  const worker = await stack.worker({ FFMPEG_PATH: slowly });
  const item = nextItem();
  const handle = await start(item);
  const running = await whileLongEncodeRuns(handle, worker.pid);
  await handle.cancel();
  await expect(handle.result()).rejects.toBeInstanceOf(WorkflowFailedError);
  await until(() => running.every((pid) => !isAlive(pid)));
  await until(async () => (await workFolders(path.join(stack.home, 'scratch'))).length === 0);
  await expect(readdir(new URL(item.output))).rejects.toThrow('ENOENT');
  await worker.stop();
});

test('a worker told to stop hands a long encode back: no child, no partial file, no failure counted', async () => {
  const first = await stack.worker({ FFMPEG_PATH: slowly });
  const item = nextItem();
  const handle = await start(item);
  const running = await whileLongEncodeRuns(handle, first.pid);
  await first.stop();
  expect(running.filter(isAlive)).toEqual([]);
  const second = await stack.worker();
  await handle.result();
  expect(await handle.query<ItemProgress>('progress')).toMatchObject({ encoderFailures: 0, systemFailures: 0 });
  const files = await readdir(new URL(item.output));
  expect(files.filter((file) => file.includes('.part'))).toEqual([]);
  expect((await manifestOf(item)).renditions).toHaveLength(2);
  await second.stop();
}, 180_000);
