import { WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from '@temporalio/client';
import type { BatchWatch } from '../../common/webhooks';
import { taskQueue } from '../../common/pools';
import { retrying, unlessNotFound, type RetryOptions } from '../grpc';
import { inputOf } from '../input';
import type { StartContext } from './start';

/** Of the workflow that waits for a batch. Ids of batches have no slash, so it is never that of a job's webhook. */
export function watchId(batchId: string): string {
  return `webhook/${batchId}`;
}

/**
 * Has the batch's `url` called once when nothing of it is open. Asked again, it replaces what still waits: one call comes at
 * the end of it all, to the latest `url`.
 */
export async function watchBatch(
  { client, queuePrefix }: Pick<StartContext, 'client' | 'queuePrefix'>,
  watch: BatchWatch,
  options?: RetryOptions,
): Promise<void> {
  const start = () =>
    client.workflow.start('notifyBatch', {
      workflowId: watchId(watch.batchId),
      taskQueue: taskQueue(queuePrefix, 'workflows'),
      args: [watch] satisfies [BatchWatch],
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
      workflowIdConflictPolicy: WorkflowIdConflictPolicy.TERMINATE_EXISTING,
      staticSummary: `Tells of the end of ${watch.batchId}`,
    });
  await retrying(start, options);
}

/** Of a batch whose end was to be told: it is told again, now that items of it run again. @param restarted how many */
export async function watchAgain(context: StartContext, batchId: string, restarted: number): Promise<void> {
  if (restarted === 0) return;
  const { client } = context;
  const run = await unlessNotFound(client.workflow.getHandle(watchId(batchId)).describe());
  if (run === undefined) return;
  const watch = await inputOf<BatchWatch>(client, run.workflowId, run.runId);
  await watchBatch(context, { ...watch, runs: watch.runs + restarted });
}
