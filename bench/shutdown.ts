/**
 * `npm run bench:shutdown`: how long a worker takes to go when nothing is to be done, and what becomes of the tasks that the
 * server gives to one on its way out, by who ends the polls that wait for tasks. Prints Markdown. Never fails on a number.
 */
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { WorkflowHandle } from '@temporalio/client';
import sharp from 'sharp';
import { loadConfig, type Env } from '../common/config';
import { workflowId, type WorkItem } from '../common/contracts';
import { startService, type Service } from '../local/embedded/child-process';
import { freePort } from '../local/embedded/free-port';
import { toStderr } from '../local/embedded/report';
import { startTemporalServer } from '../local/embedded/temporal-server';
import { testedServers } from '../local/embedded/tested-servers';
import { parsePreset, recipeHash } from '../media/presets';
import { submitItem } from '../starter/core/submit';
import { createStorage, fileUri } from '../storage';
import { connect, createClient } from '../temporal/connect';
import { machine } from './table';

interface Way {
  name: string;
  server: string;
  env: Env;
  dynamicConfig: string[];
}

const WAIT = { TEMPORAL_POLL_SHUTDOWN_INTERRUPT_WAIT_MS: '5000' };
const CANCEL = 'frontend.enableCancelWorkerPollsOnShutdown';
const AT_ONCE = 'the worker, at once';
const LATER = 'the worker after 5 s (`TEMPORAL_POLL_SHUTDOWN_INTERRUPT_WAIT_MS`)';
const WAYS: Way[] = [
  { name: AT_ONCE, server: '1.29.1', env: {}, dynamicConfig: [] },
  { name: LATER, server: '1.29.1', env: WAIT, dynamicConfig: [] },
  { name: AT_ONCE, server: '1.32.0', env: {}, dynamicConfig: [`${CANCEL}=false`] },
  { name: LATER, server: '1.32.0', env: WAIT, dynamicConfig: [`${CANCEL}=false`] },
  { name: `the server (\`${CANCEL}\`)`, server: '1.32.0', env: {}, dynamicConfig: [`${CANCEL}=true`] },
];

/** ms after which a worker that is ready has all of its polls at the server. */
const SETTLED_MS = 2000;
interface Wish {
  /** Times that a worker goes idle, and busy. */
  rounds: number;
  /** Sent while a worker goes. */
  items: number;
  /** ms between two of them. */
  pause: number;
}

interface Found {
  /** Seconds from SIGTERM to the end of the process. */
  idle: number[];
  busy: number[];
  items: number;
  /** Steps that began again. */
  repeated: number;
  /** Workflow tasks that a worker was given and did not answer. */
  timedOut: number;
  /** Seconds from submit to published. */
  slowest: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '10' },
      items: { type: 'string', default: '60' },
      pause: { type: 'string', default: '50' },
    },
  });
  const wish = { rounds: Number(values.rounds), items: Number(values.items), pause: Number(values.pause) };
  const lines = [
    machine(),
    '',
    '| server | polls are ended by | idle worker, s | busy worker, s | items | repeated steps | lost workflow tasks | slowest item, s |',
    '| - | - | - | - | - | - | - | - |',
  ];
  for (const way of WAYS) {
    toStderr(`bench: ${way.server}, polls are ended by ${way.name}`);
    const { idle, busy, items, repeated, timedOut, slowest } = await tryOut(way, wish);
    const range = (all: number[]): string => `${Math.min(...all).toFixed(1)}–${Math.max(...all).toFixed(1)}`;
    lines.push(
      `| ${way.server} | ${way.name} | ${range(idle)} | ${range(busy)} | ${items} | ${repeated} | ${timedOut} | ${slowest.toFixed(1)} |`,
    );
  }
  process.stdout.write(`${lines.join('\n')}\n`);
}

async function tryOut({ server: version, env: extra, dynamicConfig }: Way, wish: Wish): Promise<Found> {
  const { rounds, items, pause } = wish;
  const binary = testedServers(loadConfig()).find((each) => each.version === version)?.program;
  if (binary === undefined) throw new Error(`There is no Temporal ${version}: node scripts/setup.mjs --tests`);
  const folder = path.join(loadConfig().home, 'bench', 'shutdown');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const file = path.join(folder, 'photo.jpg');
  await sharp({ create: { width: 64, height: 48, channels: 3, background: 'teal' } }).toFile(file);
  const port = await freePort();
  const env: Env = {
    ...process.env,
    ...{ TEMPORAL_ADDRESS: `127.0.0.1:${port}`, DARKROOM_HOME: folder, DARKROOM_ALLOWED_ROOTS: folder },
    ...{ DARKROOM_SCRATCH_DIR: path.join(folder, 'scratch'), DARKROOM_REUSE: 'false', LOG_LEVEL: 'warn' },
    ...{ DARKROOM_IMAGE_SLOTS: '4', DARKROOM_WORKER_PORT: '0', DARKROOM_SDK_METRICS_PORT: '0' },
    ...extra,
  };
  const config = loadConfig(env);
  const pid = await startTemporalServer({ home: folder, port, binary, dbFile: false, dynamicConfig });
  const connection = await connect(config);
  const client = createClient(connection, config);
  const storage = createStorage(config);
  const preset = parsePreset('tiny', 'image: { renditions: [{ name: a, format: jpeg, width: 32 }] }');
  const worker = (): Promise<Service> =>
    startService({ module: 'workers/main.js', env, logFile: path.join(folder, 'workers.log') });
  const submit = async (itemKey: string): Promise<WorkflowHandle> => {
    const item: WorkItem = {
      ...{ batchId: 'flow', itemKey, kind: 'image', preset, recipe: recipeHash(preset, 'image') },
      ...{ source: fileUri(file), output: fileUri(path.join(folder, 'out', itemKey)) },
      ...{ priority: 3, tenant: 'default' },
    };
    await submitItem({ client, storage, queuePrefix: config.queuePrefix }, item);
    return client.workflow.getHandle(workflowId('flow', itemKey));
  };
  const found: Found = { idle: [], busy: [], items: 0, repeated: 0, timedOut: 0, slowest: 0 };
  const stays = await worker();
  try {
    for (let round = 0; round < rounds; round++) {
      const idle = await worker();
      await sleep(SETTLED_MS);
      found.idle.push(await secondsOf(() => idle.stop()));
      const busy = await worker();
      await sleep(SETTLED_MS);
      const handles: WorkflowHandle[] = [];
      let gone: Promise<number> | undefined;
      for (let item = 0; item < items; item++) {
        if (item === Math.floor(items / 3)) gone = secondsOf(() => busy.stop());
        handles.push(await submit(`item-${round}-${item}`));
        await sleep(pause);
      }
      if (gone !== undefined) found.busy.push(await gone);
      for (const handle of handles) await look(handle, found);
    }
  } finally {
    await stays.stop();
    storage.close();
    await connection.close();
    process.kill(pid, 'SIGKILL');
  }
  return found;
}

async function secondsOf(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

/** Waits for the item's end, and counts what its history tells. */
async function look(handle: WorkflowHandle, found: Found): Promise<void> {
  await handle.result();
  const { startTime, closeTime } = await handle.describe();
  const { events } = await handle.fetchHistory();
  found.items++;
  found.slowest = Math.max(found.slowest, ((closeTime ?? startTime).getTime() - startTime.getTime()) / 1000);
  for (const { activityTaskStartedEventAttributes: step, workflowTaskTimedOutEventAttributes: task } of events ?? []) {
    if ((step?.attempt ?? 1) > 1) found.repeated++;
    if (task) found.timedOut++;
  }
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
