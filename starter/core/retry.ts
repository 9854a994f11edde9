import { DarkroomError } from '../../common/errors';
import type { WorkItem } from '../../common/contracts';
import type { BatchWatch } from '../../common/webhooks';
import { inputOf } from '../../temporal/input';
import { describeItem } from './control';
import { retrying } from './lib/grpc';
import { forEachBounded } from '../../common/for-each-bounded';
import { batchQuery } from '../../temporal/batches/query';
import { inState, type RunState } from '../../temporal/batches/runs';
import { startUnlessKnown, type SubmitContext } from './submit';
import { watchBatch, watchId } from './watch';

const CONCURRENCY = 32;

export interface Retried {
  /** Items that run again. */
  restarted: number;
  /** Runs that ended so, and whose item has succeeded or runs again since. */
  already: number;
  /** URI prefix of the outputs of one of them; the others' are the same unless their jobs said otherwise. */
  outputs?: string;
}

/** What can be run again. */
export const RETRYABLE = ['failed', 'cancelled'] as const satisfies RunState[];
export type Retryable = (typeof RETRYABLE)[number];

/**
 * Runs the failed items of a batch again, or the cancelled ones, each with the input it had. Of a batch with a
 * `callbackUrl`, the end is reported again.
 * @param onRestarted called with each new run
 */
export async function retryBatch(
  context: SubmitContext,
  batchId: string,
  state: Retryable = 'failed',
  onRestarted?: (itemKey: string, runId: string) => void,
): Promise<Retried> {
  const total: Retried = { restarted: 0, already: 0 };
  const ended = context.client.workflow.list({ query: inState(batchQuery(batchId), state), pageSize: 1000 });
  await forEachBounded(ended, CONCURRENCY, async ({ workflowId, runId }) => {
    const item = await retrying(() => inputOf(context.client, workflowId, runId));
    total.outputs ??= item.output.replace(/\/[^/]*$/, '');
    const restarted = await restart(context, item);
    if (restarted !== undefined) onRestarted?.(item.itemKey, restarted);
    total[restarted === undefined ? 'already' : 'restarted']++;
  });
  await watchAgain(context, batchId, total.restarted);
  return total;
}

/**
 * Runs one item again if its last run ended without a result, cancelled ones too: whoever names it means it.
 * @throws DarkroomError SourceNotFound when there is no such item
 */
export async function retryItem(context: SubmitContext, workflowId: string): Promise<Retried> {
  const { runId } = await describeItem(context.client, workflowId);
  const item = await retrying(() => inputOf(context.client, workflowId, runId));
  const restarted = (await restart(context, item)) === undefined ? 0 : 1;
  await watchAgain(context, item.batchId, restarted);
  return { restarted, already: 1 - restarted };
}

/** @returns the id of the new run; undefined: the item runs or has succeeded since */
function restart(context: SubmitContext, item: WorkItem): Promise<string | undefined> {
  return retrying(() => startUnlessKnown(context, item));
}

async function watchAgain(context: SubmitContext, batchId: string, restarted: number): Promise<void> {
  if (restarted === 0) return;
  const run = await describeItem(context.client, watchId(batchId)).catch((error: unknown) => {
    if (error instanceof DarkroomError) return undefined;
    throw error;
  });
  if (run === undefined) return;
  const watch = await inputOf<BatchWatch>(context.client, run.workflowId, run.runId);
  await watchBatch(context, { ...watch, runs: watch.runs + restarted });
}
