import { WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from '@temporalio/client';
import type { BatchWatch } from '../../common/webhooks';
import { taskQueue } from '../../common/pools';
import type { notifyBatch } from '../../workflows';
import { retrying, type RetryOptions } from './lib/grpc';
import type { SubmitContext } from './submit';

/** Of the workflow that waits for a batch. Ids of batches have no slash, so it is never that of a job's webhook. */
export function watchId(batchId: string): string {
  return `webhook/${batchId}`;
}

/**
 * Has the batch's `url` called once when nothing of it is open. Asked again, it replaces what still waits: one call comes at
 * the end of it all, to the latest `url`.
 */
export async function watchBatch(
  { client, queuePrefix }: Pick<SubmitContext, 'client' | 'queuePrefix'>,
  watch: BatchWatch,
  options?: RetryOptions,
): Promise<void> {
  const start = () =>
    client.workflow.start<typeof notifyBatch>('notifyBatch', {
      workflowId: watchId(watch.batchId),
      taskQueue: taskQueue(queuePrefix, 'workflows'),
      args: [watch],
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
      workflowIdConflictPolicy: WorkflowIdConflictPolicy.TERMINATE_EXISTING,
      staticSummary: `Tells of the end of ${watch.batchId}`,
    });
  await retrying(start, options);
}
