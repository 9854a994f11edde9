import type { Client } from '@temporalio/client';
import type { Retryable } from '../../common/batch-change';
import { workflowId, type WorkItem } from '../../common/contracts';
import { forEachBounded } from '../../common/for-each-bounded';
import { sleepUnlessAborted } from '../../common/sleep';
import type { BatchOperation } from '../../temporal/batch-operation';
import { batchQuery, quoted } from '../../temporal/batches/query';
import { inState } from '../../temporal/batches/runs';
import { retrying } from '../../temporal/grpc';
import { inputOf } from '../../temporal/input';
import { startUnlessKnown } from '../../temporal/items/start';
import { watchAgain } from '../../temporal/items/watch';
import { awaitOperation, canChangeByWorker, describeChange, startChange, type WaitOptions } from './change';
import { describeItem, MOST_ONE_BY_ONE } from './control';
import type { SubmitContext } from './submit';

const CONCURRENCY = 32;

export interface Retried {
  /** Items that run again. */
  restarted: number;
  /** Runs that ended so, and whose item has succeeded or runs again since. */
  already: number;
  /** URI prefix of the outputs of one of them; the others' are the same unless their jobs said otherwise. */
  outputs?: string;
  /** A worker still restarts items, whoever waits. */
  operation?: BatchOperation;
}

export interface RetryBatchOptions extends WaitOptions {
  /** Called with each new run. */
  onRestarted?: (itemKey: string, runId: string) => void;
  /** Runs up to which each is restarted by the caller; more are left to a worker, which goes on when the caller is gone. */
  mostOneByOne?: number;
}

/**
 * Runs the failed items of a batch again, or the cancelled ones, each with the input it had. Of a batch with a
 * `callbackUrl`, the end is reported again.
 */
export async function retryBatch(
  context: SubmitContext,
  batchId: string,
  state: Retryable = 'failed',
  options: RetryBatchOptions = {},
): Promise<Retried> {
  const { client, queuePrefix } = context;
  const { onRestarted, onProgress, mostOneByOne = MOST_ONE_BY_ONE, signal } = options;
  const query = inState(batchQuery(batchId), state);
  const { count } = await retrying(() => client.workflow.count(query), options);
  // A build of its own starts its items itself.
  const isForWorker = count > mostOneByOne && context.pinnedTo === undefined;
  if (isForWorker && (await canChangeByWorker(client, queuePrefix)))
    return retryByWorker(context, batchId, state, options);
  const total: Retried = { restarted: 0, already: 0 };
  const ended = client.workflow.list({ query, pageSize: 1000 });
  const work = async ({ workflowId: id, runId }: { workflowId: string; runId: string }): Promise<void> => {
    const item = await retrying(() => inputOf(client, id, runId));
    total.outputs ??= item.output.replace(/\/[^/]*$/, '');
    const restarted = await restart(context, item);
    if (restarted !== undefined) onRestarted?.(item.itemKey, restarted);
    total[restarted === undefined ? 'already' : 'restarted']++;
    onProgress?.(total.restarted + total.already, count);
  };
  await forEachBounded(ended, CONCURRENCY, work, signal);
  await watchAgain(context, batchId, total.restarted);
  return total;
}

async function retryByWorker(
  { client, queuePrefix }: SubmitContext,
  batchId: string,
  state: Retryable,
  options: RetryBatchOptions,
): Promise<Retried> {
  const id = await startChange(client, queuePrefix, batchId, `retry-${state}`);
  const { look, tally } = await awaitOperation(() => describeChange(client, id), options);
  if (options.onRestarted !== undefined) await tellRestarted(client, batchId, id, tally.changed, options.onRestarted);
  return {
    ...{ restarted: tally.changed, already: tally.already, outputs: tally.outputs },
    ...(look.state === 'running' && { operation: look }),
  };
}

/** ms to wait until the visibility store shows what was started last. */
const SHOWN_MS = 10_000;

/** Tells of each run that a change has started. @param count how many there are */
async function tellRestarted(
  client: Client,
  batchId: string,
  change: string,
  count: number,
  tell: (itemKey: string, runId: string) => void,
): Promise<void> {
  const { startTime } = await retrying(() => client.workflow.getHandle(change).describe());
  const query = `${batchQuery(batchId)} AND StartTime >= ${quoted(startTime.toISOString())}`;
  const told = new Set<string>();
  for (
    const deadline = Date.now() + SHOWN_MS;
    told.size < count && Date.now() < deadline;
    await sleepUnlessAborted(200)
  ) {
    for await (const run of client.workflow.list({ query, pageSize: 1000 })) {
      if (told.has(run.workflowId)) continue;
      told.add(run.workflowId);
      tell(run.workflowId.slice(workflowId(batchId, '').length), run.runId);
    }
  }
}

/**
 * Runs one item again if its last run ended without a result, cancelled ones too: whoever names it means it.
 * @throws DarkroomError SourceNotFound when there is no such item
 */
export async function retryItem(context: SubmitContext, id: string): Promise<Retried> {
  const { runId } = await describeItem(context.client, id);
  const item = await retrying(() => inputOf(context.client, id, runId));
  const restarted = (await restart(context, item)) === undefined ? 0 : 1;
  await watchAgain(context, item.batchId, restarted);
  return { restarted, already: 1 - restarted };
}

/** @returns the id of the new run; undefined: the item runs or has succeeded since */
function restart(context: SubmitContext, item: WorkItem): Promise<string | undefined> {
  return retrying(() => startUnlessKnown(context, item));
}
