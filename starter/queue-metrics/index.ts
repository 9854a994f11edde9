import type { Client, ConnectionLike } from '@temporalio/client';
import type { Gauge, Registry } from 'prom-client';
import type { Config } from '../../common/config';
import { collectedGauge, type GaugeName } from '../../common/metrics';
import { createClient, namespaceOf } from '../../temporal/connect';
import { maintenanceState, type MaintenanceState } from '../core/maintenance';
import { countOpen, countPausedByKind, sampleQueues, type QueueSample, type QueueScope } from './sample';

/** Several scrapers, and the gauges of one scrape, share a look at Temporal that is younger than this, ms. */
const FRESH_MS = 3_000;
/** The same for the last maintenance, which is some nightly run. */
const MAINTENANCE_FRESH_MS = 30_000;
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
  const client = createClient(connection, config);
  const maintained = shared(() => lookAtMaintenance(client, scope), MAINTENANCE_FRESH_MS);
  for (const [name, figure] of entriesOf(MAINTENANCE_GAUGES)) {
    const gauge: Gauge = collectedGauge(name, registry, async () => {
      const value = figure(await maintained());
      gauge.reset();
      // Without a value the gauge is absent: `reset` leaves 0 in one without labels.
      if (value === undefined) gauge.remove();
      else gauge.set(value);
    });
  }
  const up: Gauge = collectedGauge('darkroom_temporal_up', registry, async () => up.set((await fresh()).up ? 1 : 0));
}

const seconds = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms / 1000);

const MAINTENANCE_GAUGES = {
  darkroom_maintenance_end_timestamp_seconds: ({ endedAt }) => seconds(endedAt?.getTime()),
  darkroom_maintenance_failed_steps: ({ failedSteps }) => failedSteps,
  darkroom_maintenance_period_seconds: ({ periodMs }) => seconds(periodMs),
} as const satisfies Partial<Record<GaugeName, (state: MaintenanceState) => number | undefined>>;

async function lookAtMaintenance(client: Client, { connection, queuePrefix }: QueueScope): Promise<MaintenanceState> {
  try {
    return await connection.withDeadline(Date.now() + LIMIT_MS, () => maintenanceState(client, queuePrefix));
  } catch {
    return {};
  }
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
export function shared<T>(work: () => Promise<T>, ms: number): () => Promise<T> {
  let last: { at: number; result: Promise<T> } | undefined;
  return () => {
    if (last === undefined || performance.now() - last.at > ms) last = { at: performance.now(), result: work() };
    return last.result;
  };
}

function entriesOf<T extends object>(object: T): [keyof T, T[keyof T]][] {
  return Object.entries(object) as [keyof T, T[keyof T]][];
}
