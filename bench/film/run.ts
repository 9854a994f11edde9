import { mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { loadConfig, type Env } from '../../common/config';
import { workflowId, type Preset, type WorkItem } from '../../common/contracts';
import { startService, type Service } from '../../local/embedded/child-process';
import { freePort } from '../../local/embedded/free-port';
import { toStderr } from '../../local/embedded/report';
import { ensureTemporalBinary } from '../../local/embedded/temporal-binary';
import { startTemporalServer } from '../../local/embedded/temporal-server';
import { recipeHash } from '../../media/presets';
import { submitItem } from '../../starter/core/submit';
import { createStorage, fileUri, type Storage } from '../../storage';
import { connect, createClient } from '../../temporal/connect';
import { childCpuSeconds, residentBytes } from '../cpu';

/** Seconds. */
export interface Cost {
  wall: number;
  cpu: number;
}

export interface Run extends Cost {
  chunks: number;
  events: number;
  /** Seconds from the submission until a playlist in storage names segments; undefined where none was seen. */
  playable?: number;
  /** Seconds from the first chunk's start to the last one's end. */
  encoding: number;
  /** Bytes of the processes of the workers, without programs: the most in the first and in the last third of the run. */
  memory: { early: number; late: number };
  /** CPU seconds of programs that ran when their worker was killed. */
  lost?: number;
}

export interface Setting {
  /** A folder of the run's own. */
  home: string;
  /** Sources may lie here. */
  root: string;
  source: string;
  preset: Preset;
  env: Env;
  /** Of one core each. */
  workers: number;
  /** Seconds until one of the workers is killed and another one started. */
  killAfter?: number;
}

/** One item in chunks on a server, with workers and a store of its own. */
export async function chunkedRun(setting: Setting): Promise<Run> {
  const { home } = setting;
  await mkdir(home);
  const port = await freePort();
  const env = envOf(setting, port);
  const config = loadConfig(env);
  const server = await startTemporalServer({ home, port, binary: await ensureTemporalBinary(config, toStderr) });
  const connection = await connect(config);
  const client = createClient(connection, config);
  const storage = createStorage(config);
  let count = 0;
  const start = (): Promise<Service> => {
    const number = ++count;
    const own = { ...env, DARKROOM_SCRATCH_DIR: path.join(home, `scratch-${number}`) };
    return startService({ module: 'workers/main.js', env: own, logFile: path.join(home, `worker-${number}.log`) });
  };
  const workers = await Promise.all(Array.from({ length: setting.workers }, start));
  try {
    return await timed({ client, storage, setting, queuePrefix: config.queuePrefix, workers, start });
  } finally {
    await Promise.all(workers.map((service) => service.stop()));
    storage.close();
    await connection.close();
    process.kill(server, 'SIGKILL');
  }
}

function envOf({ home, root, env }: Setting, port: number): Env {
  return {
    ...process.env,
    TEMPORAL_ADDRESS: `127.0.0.1:${port}`,
    DARKROOM_HOME: home,
    DARKROOM_ALLOWED_ROOTS: root,
    DARKROOM_VIDEO_SLOTS: '1',
    DARKROOM_FFMPEG_THREADS: '1',
    DARKROOM_SHORT_VIDEO: '0',
    DARKROOM_WORKER_PORT: '0',
    DARKROOM_SDK_METRICS_PORT: '0',
    LOG_LEVEL: 'warn',
    ...env,
  };
}

interface Running {
  client: Client;
  storage: Storage;
  setting: Setting;
  queuePrefix: string;
  workers: Service[];
  start: () => Promise<Service>;
}

async function timed({ client, storage, setting, queuePrefix, workers, start }: Running): Promise<Run> {
  const { home, preset, killAfter = Infinity } = setting;
  const out = path.join(home, 'out');
  const item: WorkItem = {
    ...{ batchId: 'film', itemKey: 'film', kind: 'video', preset, recipe: recipeHash(preset, 'video') },
    ...{ source: fileUri(setting.source), output: fileUri(out), priority: 3, tenant: 'default' },
    // Somebody waits for it: the loss of a worker is noticed sooner.
    mode: 'interactive',
  };
  const started = performance.now();
  const since = (): number => (performance.now() - started) / 1000;
  await submitItem({ client, storage, queuePrefix }, item);
  const handle = client.workflow.getHandle(workflowId('film', 'film'));
  let ended = false;
  const result = handle.result().finally(() => (ended = true));
  // A failure is thrown where the result is awaited, also when it comes before.
  result.catch(() => undefined);
  let playable: number | undefined;
  let lost: number | undefined;
  const memory: { at: number; bytes: number }[] = [];
  while (!ended) {
    if (playable === undefined && (await hasSegments(out))) playable = since();
    memory.push({ at: since(), bytes: workers.reduce((sum, { pid }) => sum + residentBytes(pid), 0) });
    const [victim] = workers;
    if (lost === undefined && since() >= killAfter && victim) {
      lost = childCpuSeconds(victim.pid);
      process.kill(victim.pid, 'SIGKILL');
      await victim.ended;
      workers.shift();
      workers.push(await start());
    }
    await Promise.race([result.catch(() => undefined), sleep(250)]);
  }
  await result;
  const wall = since();
  const most = (from: number, to: number): number =>
    Math.max(0, ...memory.filter(({ at }) => at >= from * wall && at < to * wall).map(({ bytes }) => bytes));
  return {
    ...{ wall, playable, lost, ...(await costOf(storage, item)), ...(await eventsOf(handle)) },
    memory: { early: most(0, 1 / 3), late: most(2 / 3, 1) },
  };
}

/** Is there a playlist of a stream, and behind it one that names segments? */
async function hasSegments(out: string): Promise<boolean> {
  const names = await readdir(out, { recursive: true }).catch(() => [] as string[]);
  const published = names.filter((name) => !name.startsWith('.work'));
  if (!published.some((name) => name.endsWith('master.m3u8'))) return false;
  for (const name of published.filter((each) => each.endsWith('/index.m3u8'))) {
    const text = await readFile(path.join(out, name), 'utf8').catch(() => '');
    if (/video-/.test(name) && text.includes('#EXTINF')) return true;
  }
  return false;
}

async function eventsOf(handle: WorkflowHandle): Promise<Pick<Run, 'events' | 'encoding'>> {
  const { events } = await handle.fetchHistory();
  const chunks = new Set<string>();
  const times: number[] = [];
  for (const event of events ?? []) {
    const at = Number(event.eventTime?.seconds ?? 0) + (event.eventTime?.nanos ?? 0) / 1e9;
    const scheduled = event.activityTaskScheduledEventAttributes;
    if (scheduled?.activityType?.name === 'makeChunk') chunks.add(String(event.eventId));
    const of = event.activityTaskStartedEventAttributes ?? event.activityTaskCompletedEventAttributes;
    if (of && chunks.has(String(of.scheduledEventId))) times.push(at);
  }
  return { events: events?.length ?? 0, encoding: Math.max(0, ...times) - Math.min(...times) };
}

/** By the receipts in the manifest: what the child processes of attempts that ended well have used. */
async function costOf(storage: Storage, item: WorkItem): Promise<Pick<Run, 'cpu' | 'chunks'>> {
  const found = await storage.readManifest(item.output);
  const receipts = Object.values(found?.manifest.receipts ?? {});
  const cpu = receipts.reduce((sum, receipt) => sum + receipt.cpuSeconds, 0);
  return { cpu, chunks: found?.manifest.chunks ?? 0 };
}
