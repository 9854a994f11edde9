import type { Client } from '@temporalio/client';
import { unmended } from '../../../temporal/batches/count';
import { completedQuery, quoted } from '../../../temporal/batches/query';
import { attribute, pageOfRuns, type Run } from '../../../temporal/batches/runs';
import type { Pool } from '../../../common/pools';
import { batchProgress } from '../batch';
import { Histogram } from '../lib/histogram';

/** Runs that rate and percentiles are taken from: the last ones to close. */
const SAMPLE = 500;
const RATE_WINDOW_MS = 60_000;

/** A batch in figures. Visibility is about a second behind. */
export interface BatchView {
  id: string;
  items: number;
  /** Open = waiting + running. */
  open: number;
  waiting: number;
  running: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  /** Over the last minute; 0 when nothing closed in it. */
  itemsPerSecond: number;
  /** Undefined without a rate. */
  etaSeconds?: number;
  /** From submit to published, of the last `sample` items. */
  latencyMs: { p50?: number; p95?: number; p99?: number; sample: number };
  /** Queues with work that nobody serves. */
  unserved: Pool[];
  /** ISO 8601, of the newest result. */
  lastClosedAt?: string;
}

/** Its cost does not grow with the batch. */
export async function viewBatch(client: Client, queuePrefix: string, id: string): Promise<BatchView> {
  const [progress, sample] = await Promise.all([
    batchProgress(client, queuePrefix, id),
    pageOfRuns(client, completedQuery(id), SAMPLE),
  ]);
  const { failed, cancelled } = await unmended(client, id, progress);
  const { open, waiting, running, completed: succeeded, unserved } = progress;
  const itemsPerSecond = rateOf(sample.runs, Date.now());
  return {
    id,
    items: open + succeeded + failed + cancelled,
    ...{ open, waiting, running, succeeded, failed, cancelled, unserved },
    itemsPerSecond,
    etaSeconds: itemsPerSecond > 0 ? Math.ceil(open / itemsPerSecond) : undefined,
    latencyMs: percentiles(sample.runs),
    lastClosedAt: sample.runs[0]?.closeTime?.toISOString(),
  };
}

/** Items a second, from runs in the order of their end, newest first. */
export function rateOf(runs: Pick<Run, 'closeTime' | 'startTime'>[], now: number): number {
  const times = runs.map(({ closeTime }) => closeTime?.getTime() ?? 0).filter((time) => time > now - RATE_WINDOW_MS);
  if (times.length === 0) return 0;
  // A sample that does not reach back a minute covers the time that it covers; so does a batch younger than that.
  const begin = times.length === runs.length ? Math.min(...runs.map(({ startTime }) => startTime.getTime())) : 0;
  const reach = runs.length >= SAMPLE ? Math.min(...times) : begin;
  const seconds = Math.min(RATE_WINDOW_MS, Math.max(1000, now - reach)) / 1000;
  return Math.round((times.length / seconds) * 100) / 100;
}

function percentiles(runs: Run[]): BatchView['latencyMs'] {
  const histogram = new Histogram();
  for (const { closeTime, startTime } of runs) {
    if (closeTime) histogram.add(closeTime.getTime() - startTime.getTime());
  }
  const at = (share: number): number | undefined => {
    const value = histogram.percentile(share);
    return value === undefined ? undefined : Math.round(value);
  };
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), sample: histogram.count };
}

/**
 * Ids of the batches with the latest activity, at most `limit`; the server groups by nothing but status, so each one is
 * found by asking for a run that is of none of those before.
 */
export async function listBatchIds(client: Client, tenant: string | undefined, limit: number): Promise<string[]> {
  const ids: string[] = [];
  const base = tenant === undefined ? 'MediaBatchId IS NOT NULL' : `MediaTenant = ${quoted(tenant)}`;
  while (ids.length < limit) {
    const query = ids.length === 0 ? base : `${base} AND MediaBatchId NOT IN (${ids.map(quoted).join(', ')})`;
    const [run] = (await pageOfRuns(client, query, 1)).runs;
    if (run === undefined) break;
    ids.push(attribute(run, 'MediaBatchId'));
  }
  return ids;
}
