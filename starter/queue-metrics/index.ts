import type { ConnectionLike } from '@temporalio/client';
import type { Gauge, Registry } from 'prom-client';
import type { Config } from '../../common/config';
import { collectedGauge, type GaugeName } from '../../common/metrics';
import { namespaceOf } from '../../temporal/connect';
import { countOpen, countPausedByKind, sampleQueues, type QueueSample, type QueueScope } from './sample';

/** Several scrapers, and the gauges of one scrape, share a look at Temporal that is younger than this, ms. */
const FRESH_MS = 3_000;
/** A scrape must not hang with Temporal, ms. */
const LIMIT_MS = 5_000;

const QUEUE_GAUGES = {
  darkroom_backlog_items: 'backlog',
  darkroom_backlog_age_seconds: 'ageSeconds',
  darkroom_queue_pollers: 'pollers',
  darkroom_queue_add_rate: 'addRate',
  darkroom_queue_dispatch_rate: 'dispatchRate',
} as const satisfies Partial<Record<GaugeName, keyof QueueSample>>;

/**
 * Registers the view into Temporal's queues on `registry`. Temporal is asked when somebody scrapes, and otherwise left in
 * peace. While it does not answer, `darkroom_temporal_up` is 0 and the other gauges are absent: an old figure would lie.
 * Several exporters say the same, so queries take `max by (queue)`.
 */
export function createQueueMetrics(connection: ConnectionLike, config: Config, registry: Registry): void {
  const scope: QueueScope = { connection, namespace: namespaceOf(config), queuePrefix: config.queuePrefix };
  const fresh = shared(() => look(scope), FRESH_MS);
  for (const [name, field] of entriesOf(QUEUE_GAUGES)) {
    const gauge: Gauge<'queue'> = collectedGauge(name, registry, async () => {
      const { queues } = await fresh();
      gauge.reset();
      for (const sample of queues) gauge.set({ queue: sample.queue }, sample[field]);
    });
  }
  for (const [name, field] of [
    ['darkroom_open_workflows', 'open'],
    ['darkroom_paused_workflows', 'paused'],
  ] as const) {
    const gauge: Gauge<'kind'> = collectedGauge(name, registry, async () => {
      const counts = (await fresh())[field];
      gauge.reset();
      for (const [kind, count] of Object.entries(counts)) gauge.set({ kind }, count);
    });
  }
  const up: Gauge = collectedGauge('darkroom_temporal_up', registry, async () => up.set((await fresh()).up ? 1 : 0));
}

interface Look {
  up: boolean;
  queues: QueueSample[];
  /** Empty while Temporal is away. */
  open: Record<string, number>;
  paused: Record<string, number>;
}

async function look(scope: QueueScope): Promise<Look> {
  try {
    const [queues, open, paused] = await scope.connection.withDeadline(Date.now() + LIMIT_MS, () =>
      Promise.all([sampleQueues(scope), countOpen(scope), countPausedByKind(scope)]),
    );
    return { up: true, queues, open, paused };
  } catch {
    return { up: false, queues: [], open: {}, paused: {} };
  }
}

/** `work`, done at most once in `ms` however often it is asked for. */
function shared<T>(work: () => Promise<T>, ms: number): () => Promise<T> {
  let last: { at: number; result: Promise<T> } | undefined;
  return () => {
    if (last === undefined || performance.now() - last.at > ms) last = { at: performance.now(), result: work() };
    return last.result;
  };
}

function entriesOf<T extends object>(object: T): [keyof T, T[keyof T]][] {
  return Object.entries(object) as [keyof T, T[keyof T]][];
}
