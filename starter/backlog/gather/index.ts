import type { Connection } from '@temporalio/client';
import type { Config } from '../../../common/config';
import { VARIABLES } from '../../../common/config/variables';
import { POOL_NAMES, queuePrefix, taskQueue } from '../../../common/pools';
import { loadedConverterOf } from '../../../temporal/encryption';
import { configuredAddress, connect, namespaceOf } from '../../../temporal/connect';
import { rootMessage } from '../../../temporal/grpc';
import type { Evidence, QueueEvidence, StepEvidence } from '../types';
import { nearMisses } from './near-misses';
import { countOpen, oldestOpen, otherPrefixes } from './open-items';
import { describeQueue, type DescribedQueue, type Scope } from './queues';
import { lookAtSteps } from './steps';
import { probeStorage } from './storage';
import { queuesOfListedWorkers, scrapeWorkers, type WorkerFigures } from './workers';

/** No request may hang with the server, ms. */
const REQUEST_MS = 20_000;
const REQUESTS_TIMED = 3;
const SILENT_POLLER_MS = 15_000;
/** Tasks per second below which nothing is dispatched. */
const STILL_RATE = 0.05;

export interface GatherOptions {
  /** ms between the two looks at steps that tell figures. */
  gapMs: number;
  /** A worker that has not asked for so long, while work waits, does not ask any more, ms. Default 15 s. */
  silentPollerMs?: number;
}

/** Measures everything that the rules look at. Changes nothing. */
export async function gather(config: Config, options: GatherOptions): Promise<Evidence> {
  const configured = configuredAddress(config);
  const address = configured ?? `127.0.0.1:${config.embeddedPort}`;
  const temporal = { address, embedded: configured === undefined };
  const nothing = { queues: [], strays: [], open: 0, lookedAt: 0, steps: [], stages: [] };
  const common = { queuePrefix: config.queuePrefix, storage: await probeStorage(config) };
  let connection: Connection | undefined;
  try {
    connection = await connect({ ...config, temporalAddress: address });
    const scope = { connection, namespace: namespaceOf(config), converter: loadedConverterOf(config) };
    const latencyMs = await withLimit(scope, () => latency(scope));
    return { ...common, temporal: { ...temporal, latencyMs }, ...(await look(scope, config, options)) };
  } catch (error) {
    return { ...common, ...nothing, temporal: { ...temporal, error: rootMessage(error) } };
  } finally {
    await connection?.close();
  }
}

type Looked = Pick<Evidence, 'queues' | 'strays' | 'open' | 'lookedAt' | 'steps' | 'stages'>;

async function look(scope: Scope, config: Config, options: GatherOptions): Promise<Looked> {
  const { gapMs, silentPollerMs = SILENT_POLLER_MS } = options;
  const limited = <T>(work: () => Promise<T>): Promise<T> => withLimit(scope, work, gapMs);
  const open = await limited(() => countOpen(scope));
  const prefixes = [config.queuePrefix, ...(await limited(() => otherPrefixes(scope, config.queuePrefix)))];
  const [described, items, workers] = await Promise.all([
    limited(() =>
      Promise.all(
        prefixes.flatMap((prefix) => POOL_NAMES.map((pool) => describeQueue(scope, taskQueue(prefix, pool), pool))),
      ),
    ),
    limited(() => oldestOpen(scope, open)),
    scrapeWorkers(config.home),
  ]);
  const steps = await limited(() => lookAtSteps(scope, items, gapMs));
  const queues = described.map((queue) =>
    withItems(queue, steps, workers, items.length >= open, Date.now() - silentPollerMs),
  );
  const strays = await limited(() => findStrays(scope, queues, workers));
  return { open, lookedAt: items.length, queues, strays, steps, stages: workers.stages };
}

/** Adds what the items and the workers tell about a queue to what the server says. */
function withItems(
  described: DescribedQueue,
  steps: StepEvidence[],
  figures: WorkerFigures,
  all: boolean,
  silentSince: number,
): QueueEvidence {
  const { asked, ...queue } = described;
  const own = steps.filter((step) => step.queue === queue.name);
  const waiting = own.filter(({ state }) => state === 'waiting');
  const running = own.filter(({ state }) => state === 'running');
  const total = Math.max(queue.waiting, waiting.length);
  const runners = running.flatMap(({ worker }) => worker ?? []);
  const heard = new Set([...runners, ...figures.slots.keys()]);
  // While work waits, a worker with a free slot asks all the time, and one without runs something that we see, unless
  // more items are open than were looked at, or a limit holds its question back.
  const isSure = total > 0 && queue.limit === undefined && (all || queue.dispatchRate < STILL_RATE);
  const gone = queue.workers.filter((name) => isSure && !heard.has(name) && (asked.get(name) ?? 0) < silentSince);
  // A worker whose slots are all busy does not ask for work, but what it runs names it.
  const workers = [...new Set([...queue.workers, ...runners])].filter((name) => !gone.includes(name));
  const slots = workers.map((worker) => figures.slots.get(worker)?.get(queue.pool));
  const known = slots.filter((value) => value !== undefined);
  return {
    ...queue,
    workers,
    gone,
    running: running.length,
    // The server forgets its figure after five idle minutes.
    waiting: total,
    oldestSeconds: Math.max(queue.oldestSeconds, ...waiting.map(({ waitedSeconds }) => waitedSeconds)),
    slots:
      known.length === workers.length && known.length > 0
        ? { used: sum(known.map(({ used }) => used)), free: sum(known.map(({ free }) => free)) }
        : undefined,
  };
}

/** Workers that ask a queue which nobody fills; looked for only where a queue has none, since it takes many requests. */
async function findStrays(scope: Scope, queues: QueueEvidence[], figures: WorkerFigures): Promise<Evidence['strays']> {
  const unserved = queues.filter(({ waiting, workers }) => waiting > 0 && workers.length === 0);
  if (unserved.length === 0) return [];
  const told = [...figures.queues, ...(await queuesOfListedWorkers(scope))];
  const filled = new Set(queues.filter(({ waiting, running }) => waiting + running > 0).map(({ name }) => name));
  const strays = new Map<string, Evidence['strays'][number]>();
  for (const { name, pool } of unserved) {
    const prefix = pool === 'workflows' ? queuePrefix(name) : name.slice(0, -pool.length - 1);
    const likely = told.filter((other) => other.endsWith(`-${pool}`) || !/-(workflows|image|video)$/.test(other));
    for (const other of new Set([...likely, ...nearMisses(prefix, pool, VARIABLES.queuePrefix.fallback ?? '')])) {
      if (filled.has(other)) continue;
      const { waiting, workers } = await describeQueue(scope, other, pool);
      if (waiting === 0 && workers.length > 0) strays.set(other, { name: other, workers });
    }
  }
  return [...strays.values()];
}

/** Median time of a request that needs the server's database, ms. */
async function latency({ connection, namespace }: Scope): Promise<number> {
  const times: number[] = [];
  for (let count = 0; count < REQUESTS_TIMED; count++) {
    const started = performance.now();
    await connection.workflowService.countWorkflowExecutions({ namespace, query: 'ExecutionStatus = "Running"' });
    times.push(performance.now() - started);
  }
  return times.sort((a, b) => a - b)[Math.floor(REQUESTS_TIMED / 2)] ?? 0;
}

function withLimit<T>({ connection }: Scope, work: () => Promise<T>, moreMs = 0): Promise<T> {
  return connection.withDeadline(Date.now() + REQUEST_MS + moreMs, work);
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
