import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import sharp from 'sharp';
import { loadConfig, type Env } from '../common/config';
import { workflowId, type Preset, type SubmitMode, type WorkItem } from '../common/contracts';
import { startService, type Service } from '../local/embedded/child-process';
import { freePort } from '../local/embedded/free-port';
import { toStderr } from '../local/embedded/report';
import { ensureTemporalBinary } from '../local/embedded/temporal-binary';
import { startTemporalServer } from '../local/embedded/temporal-server';
import { parsePreset, recipeHash } from '../media/presets';
import { submitItem, type SubmitContext } from '../starter/core/submit';
import { createStorage, fileUri } from '../storage';
import { connect, createClient } from '../temporal/connect';

/** What a worker holds when it is killed. */
export type Held = Sample | 'workflow task';
type Sample = 'image' | 'video';

/** A server and two workers, each of which can do everything, so that one can be killed. */
export interface Fleet {
  /** Submits one item that takes some seconds. */
  submit(held: Held, mode: SubmitMode): Promise<Victim>;
  /** Runs a batch to its end: of ten items eight are quick photos and two are videos that take minutes. */
  batch(items: number): Promise<End[]>;
  stop(): Promise<void>;
}

export interface Victim {
  /** Resolves when its step runs. */
  running(): Promise<void>;
  /**
   * Kills the worker that holds the item's step, or that was given its workflow task, and waits until the step runs on
   * the other one. The worker is replaced, and the item cancelled.
   * @returns seconds from the kill to the start of the next attempt
   */
  killAndWait(): Promise<number>;
}

/** How an item went. */
export interface End {
  steps: number;
  /** Attempts that the server took for lost. */
  heartbeatTimeouts: number;
  otherRepetitions: number;
}

/** Each takes a core for much longer than a kill is away. */
const SLOW = `
image: { renditions: [{ name: slow, format: avif, width: 4000, quality: 60, effort: 6 }] }
video: { rungs: [{ name: 720p, height: 720, crf: 18, maxrate: 6000, speed: slow, audioBitrate: 64 }] }
`;
const QUICK = `
image: { renditions: [{ name: small, format: webp, width: 640, quality: 70, effort: 2 }] }
`;

export async function startFleet(folder: string, ffmpeg: string): Promise<Fleet> {
  const home = path.join(folder, 'home');
  await mkdir(home);
  const files = await makeSources(folder, ffmpeg);
  const port = await freePort();
  const env: Env = {
    // Every system makes everything.
    DARKROOM_REUSE: 'false',
    ...process.env,
    TEMPORAL_ADDRESS: `127.0.0.1:${port}`,
    DARKROOM_HOME: home,
    DARKROOM_ALLOWED_ROOTS: folder,
    DARKROOM_SCRATCH_DIR: path.join(folder, 'scratch'),
    DARKROOM_IMAGE_SLOTS: '1',
    DARKROOM_VIDEO_SLOTS: '1',
    DARKROOM_IMAGE_TIMEOUT: '30m',
    DARKROOM_WORKER_PORT: '0',
    DARKROOM_SDK_METRICS_PORT: '0',
    LOG_LEVEL: 'warn',
  };
  const config = loadConfig(env);
  const server = await startTemporalServer({ home, port, binary: await ensureTemporalBinary(config, toStderr) });
  const connection = await connect(config);
  const client = createClient(connection, config);
  const storage = createStorage(config);
  const context: SubmitContext = { client, storage, queuePrefix: config.queuePrefix };
  const workers = new Map<number, Service>();
  const addWorker = async (): Promise<void> => {
    const service = await startService({ module: 'workers/main.js', env, logFile: path.join(home, 'workers.log') });
    workers.set(service.pid, service);
  };
  await addWorker();
  await addWorker();

  let count = 0;
  const start = async (kind: Sample, mode: SubmitMode, preset: Preset): Promise<WorkflowHandle> => {
    const itemKey = `item-${++count}`;
    const item: WorkItem = {
      ...{ batchId: 'recovery', itemKey, kind, mode, preset, recipe: recipeHash(preset, kind) },
      ...{ source: fileUri(files[kind]), output: fileUri(path.join(folder, 'out', itemKey)) },
      ...{ priority: 3, tenant: 'default' },
    };
    await submitItem(context, item);
    return client.workflow.getHandle(workflowId('recovery', itemKey));
  };
  const kill = async (pid: number): Promise<number> => {
    const service = workers.get(pid);
    if (service === undefined) throw new Error(`No worker has the process id ${pid}.`);
    process.kill(pid, 'SIGKILL');
    const at = Date.now();
    workers.delete(pid);
    await service.ended;
    return at;
  };

  return {
    async submit(held, mode) {
      const handle = await start(held === 'video' ? 'video' : 'image', mode, parsePreset('slow', SLOW));
      return {
        running: async () => void (await step(handle, () => true)),
        async killAndWait() {
          const pid = held === 'workflow task' ? await taskHolder(handle) : (await step(handle, () => true)).pid;
          const at = await kill(pid);
          // One that the other worker had before the kill counts as no wait.
          const next = await step(handle, (running) => workers.has(running.pid));
          await addWorker();
          await handle.cancel();
          await handle.result().catch(() => undefined);
          return Math.max(0, next.startedAt - at) / 1000;
        },
      };
    },
    async batch(items) {
      const [quick, slow] = [parsePreset('quick', QUICK), parsePreset('slow', SLOW)];
      const handles: WorkflowHandle[] = [];
      for (let item = 0; item < items; item++) {
        const mode = item % 2 === 0 ? 'batch' : 'interactive';
        handles.push(await (item % 10 < 8 ? start('image', mode, quick) : start('video', mode, slow)));
      }
      return Promise.all(
        handles.map(async (handle) => {
          await handle.result();
          return endOf(handle);
        }),
      );
    },
    async stop() {
      await Promise.all([...workers.values()].map((service) => service.stop()));
      storage.close();
      await connection.close();
      process.kill(server, 'SIGKILL');
    },
  };
}

async function makeSources(folder: string, ffmpeg: string): Promise<Record<Sample, string>> {
  const [image, video] = [path.join(folder, 'photo.jpg'), path.join(folder, 'clip.mp4')];
  const noise = { type: 'gaussian' as const, mean: 128, sigma: 40 };
  await writeFile(
    image,
    await sharp({ create: { width: 4000, height: 3000, channels: 3, background: 'grey', noise } })
      .jpeg()
      .toBuffer(),
  );
  const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=1280x720:rate=30:duration=20'];
  execFileSync(ffmpeg, [
    '-v',
    'error',
    '-nostdin',
    ...picture,
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-b:v',
    '8M',
    '-pix_fmt',
    'yuv420p',
    video,
  ]);
  return { image, video };
}

const STARTED = temporal.api.enums.v1.PendingActivityState.PENDING_ACTIVITY_STATE_STARTED;
const HEARTBEAT = temporal.api.enums.v1.TimeoutType.TIMEOUT_TYPE_HEARTBEAT;

interface Running {
  attempt: number;
  pid: number;
  /** ms since the epoch. */
  startedAt: number;
}

/** Waits until the slow step of the item runs and `fits`. */
async function step(handle: WorkflowHandle, fits: (running: Running) => boolean): Promise<Running> {
  for (;;) {
    const { raw } = await handle.describe();
    for (const { activityType, state, attempt, lastWorkerIdentity, lastStartedTime } of raw.pendingActivities ?? []) {
      if (!['makeImage', 'encodeRung'].includes(activityType?.name ?? '') || state !== STARTED) continue;
      const startedAt = Number(lastStartedTime?.seconds ?? 0) * 1000 + (lastStartedTime?.nanos ?? 0) / 1e6;
      // `<process id>@<host>`
      const running = { attempt: attempt ?? 0, pid: parseInt(lastWorkerIdentity ?? '', 10), startedAt };
      if (fits(running)) return running;
    }
    await sleep(20);
  }
}

/** The worker that was given the first workflow task: it may have answered by then. */
async function taskHolder(handle: WorkflowHandle): Promise<number> {
  for (;;) {
    const { events } = await handle.fetchHistory();
    const started = events?.find((event) => Boolean(event.workflowTaskStartedEventAttributes));
    if (started) return parseInt(started.workflowTaskStartedEventAttributes?.identity ?? '', 10);
    await sleep(2);
  }
}

/** From the history of an item that has ended. */
async function endOf(handle: WorkflowHandle): Promise<End> {
  const { events } = await handle.fetchHistory();
  const started = (events ?? []).flatMap(({ activityTaskStartedEventAttributes: attributes }) => attributes ?? []);
  const repeated = started.filter(({ attempt }) => (attempt ?? 1) > 1);
  const lost = repeated.filter(({ lastFailure }) => lastFailure?.timeoutFailureInfo?.timeoutType === HEARTBEAT);
  return { steps: started.length, heartbeatTimeouts: lost.length, otherRepetitions: repeated.length - lost.length };
}
