import type { Client } from '@temporalio/client';
import type { Pool } from '../../../common/contracts';
import { batchProgress } from '../batch';
import { Histogram } from '../lib/histogram';
import { batchQuery, completedQuery, quoted, unsuccessfulQuery } from '../lib/query';
import { attribute, latestOnly, pageOfRuns, stateOf, type Run } from './runs';

/** Runs that rate and percentiles are taken from: the last ones to close. */
const SAMPLE = 500;
/** Failures that are checked for having been mended since; beyond, all of them count. */
const MAX_CHECKED = 1000;
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

/** Failed and cancelled items rather than runs: one that was retried since counts by its last run. */
async function unmended(
  client: Client,
  id: string,
  counts: { failed: number; cancelled: number },
): Promise<{ failed: number; cancelled: number }> {
  const total = counts.failed + counts.cancelled;
  if (total === 0 || total > MAX_CHECKED) return { failed: counts.failed, cancelled: counts.cancelled };
  const { runs } = await pageOfRuns(client, unsuccessfulQuery(id), MAX_CHECKED);
  const latest = await latestOnly(client, batchQuery(id), runs);
  const cancelled = latest.filter((run) => stateOf(run) === 'cancelled').length;
  return { failed: latest.length - cancelled, cancelled };
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
