import type { Client } from '@temporalio/client';
import { countItems } from '../../../temporal/batches/count';
import { completedQuery } from '../../../temporal/batches/query';
import { pageOfRuns } from '../../../temporal/batches/runs';
import type { Pool } from '../../../common/pools';
import { batchProgress } from '../batch';
import { percentiles, rateOf, SAMPLE, type Percentiles } from './rate';

/** A batch in figures. Visibility is about a second behind. */
export interface BatchView {
  id: string;
  items: number;
  /** Open = paused + waiting + running. */
  open: number;
  paused: number;
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
  latencyMs: Percentiles;
  /** Queues with work that nobody serves. */
  unserved: Pool[];
  /** ISO 8601, of the newest result. */
  lastClosedAt?: string;
}

/** The figures of a batch, each item counted once. Beyond 5,000 runs its cost does not grow with the batch. */
export async function viewBatch(client: Client, queuePrefix: string, id: string): Promise<BatchView> {
  const [progress, sample] = await Promise.all([
    batchProgress(client, queuePrefix, id),
    pageOfRuns(client, completedQuery(id), SAMPLE),
  ]);
  const { open, completed: succeeded, failed, cancelled } = await countItems(client, id, progress);
  const paused = Math.min(progress.paused, open);
  const running = Math.min(progress.running, open - paused);
  const itemsPerSecond = rateOf(sample.runs, Date.now());
  return {
    id,
    items: open + succeeded + failed + cancelled,
    ...{ open, paused, waiting: open - paused - running, running, succeeded, failed, cancelled },
    unserved: progress.unserved,
    itemsPerSecond,
    etaSeconds: itemsPerSecond > 0 && open > paused ? Math.ceil((open - paused) / itemsPerSecond) : undefined,
    latencyMs: percentiles(sample.runs),
    lastClosedAt: sample.runs[0]?.closeTime?.toISOString(),
  };
}
