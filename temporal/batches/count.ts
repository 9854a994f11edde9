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

/** Unsuccessful runs that are checked for a later run of their item; beyond, all of them count. */
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

/**
 * Failed and cancelled items rather than runs: an item that was retried counts by its last run. Runs that end between the
 * count and this look do not change the sum of the count's states.
 * @param counts of the same batch, a moment ago
 */
export async function countUnretried(
  client: Client,
  batchId: string,
  counts: Pick<BatchCounts, 'failed' | 'cancelled'>,
): Promise<Pick<BatchCounts, 'failed' | 'cancelled'>> {
  const { failed, cancelled } = counts;
  if (failed + cancelled === 0 || failed + cancelled > MAX_CHECKED) return { failed, cancelled };
  const { runs } = await pageOfRuns(client, unsuccessfulQuery(batchId), MAX_CHECKED);
  const latest = new Set((await latestOnly(client, batchQuery(batchId), runs)).map(({ runId }) => runId));
  const retried = runs.filter(({ runId }) => !latest.has(runId));
  const retriedCancelled = retried.filter((run) => stateOf(run) === 'cancelled').length;
  return {
    failed: Math.max(0, failed - (retried.length - retriedCancelled)),
    cancelled: Math.max(0, cancelled - retriedCancelled),
  };
}
