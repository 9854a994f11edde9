import type { Client } from '@temporalio/client';
import { DarkroomError } from '../../common/errors';
import type { BatchWatch, WorkItem } from '../../common/contracts';
import { describeItem } from './control';
import { retrying } from './lib/grpc';
import { forEachBounded } from './lib/pool';
import { retryableQuery } from '../../temporal/batches/query';
import { startUnlessKnown, type SubmitContext } from './submit';
import { watchBatch, watchId } from './watch';

const CONCURRENCY = 32;

export interface Retried {
  /** Items that run again. */
  restarted: number;
  /** Failed runs whose item has succeeded or runs again since. */
  already: number;
  /** URI prefix of the outputs of one of them; the others' are the same unless their jobs said otherwise. */
  outputs?: string;
}

/**
 * Runs the failed items of a batch again, each with the input it had. Cancelled ones stay cancelled. A batch whose end was to
 * be told is told of again.
 */
export async function retryBatch(context: SubmitContext, batchId: string): Promise<Retried> {
  const total: Retried = { restarted: 0, already: 0 };
  const failed = context.client.workflow.list({ query: retryableQuery(batchId), pageSize: 1000 });
  await forEachBounded(failed, CONCURRENCY, async ({ workflowId, runId }) => {
    const item = await retrying(() => inputOf(context.client, workflowId, runId));
    total.outputs ??= item.output.replace(/\/[^/]*$/, '');
    total[await restart(context, item)]++;
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
  const outcome = await restart(context, item);
  await watchAgain(context, item.batchId, outcome === 'restarted' ? 1 : 0);
  return { restarted: 0, already: 0, [outcome]: 1 };
}

async function restart(context: SubmitContext, item: WorkItem): Promise<'restarted' | 'already'> {
  return (await retrying(() => startUnlessKnown(context, item))) ? 'restarted' : 'already';
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

/** What a run was started with: the first event of its history. */
export async function inputOf<Input = WorkItem>(client: Client, workflowId: string, runId: string): Promise<Input> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId, runId },
    maximumPageSize: 1,
  });
  let payloads = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  const { payloadCodecs, payloadConverter } = client.options.loadedDataConverter;
  for (const codec of payloadCodecs) payloads = await codec.decode(payloads);
  const [payload] = payloads;
  if (!payload) throw new DarkroomError('InvalidJob', `The input of ${workflowId} is not known any more.`);
  return payloadConverter.fromPayload<Input>(payload);
}
