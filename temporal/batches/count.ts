import type { Client } from '@temporalio/client';
import { batchQuery, unsuccessfulQuery } from './query';
import { latestOnly, pageOfRuns, stateOf } from './runs';

/** Runs by state, as the server's visibility store knows them: a second or so behind. */
export interface BatchCounts {
  open: number;
  completed: number;
  failed: number;
  cancelled: number;
}

/** Failures that are checked for having been mended since; beyond, all of them count. */
const MAX_CHECKED = 1000;

/** @param since start of the submission that is asked about; default: every run that the server still knows */
export async function countBatch(client: Client, batchId: string, since?: Date): Promise<BatchCounts> {
  const { groups } = await client.workflow.count(`${batchQuery(batchId, since)} GROUP BY ExecutionStatus`);
  const counts: BatchCounts = { open: 0, completed: 0, failed: 0, cancelled: 0 };
  for (const { count, groupValues } of groups) counts[countedAs(String(groupValues[0]))] += count;
  return counts;
}

function countedAs(status: string): keyof BatchCounts {
  if (status === 'Running' || status === 'Paused') return 'open';
  if (status === 'Completed') return 'completed';
  return status === 'Canceled' ? 'cancelled' : 'failed';
}

/** Failed and cancelled items rather than runs: one that was retried since counts by its last run. */
export async function unmended(
  client: Client,
  batchId: string,
  counts: Pick<BatchCounts, 'failed' | 'cancelled'>,
): Promise<Pick<BatchCounts, 'failed' | 'cancelled'>> {
  const total = counts.failed + counts.cancelled;
  if (total === 0 || total > MAX_CHECKED) return { failed: counts.failed, cancelled: counts.cancelled };
  const { runs } = await pageOfRuns(client, unsuccessfulQuery(batchId), MAX_CHECKED);
  const latest = await latestOnly(client, batchQuery(batchId), runs);
  const cancelled = latest.filter((run) => stateOf(run) === 'cancelled').length;
  return { failed: latest.length - cancelled, cancelled };
}
