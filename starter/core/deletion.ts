import { WorkflowIdConflictPolicy, type Client } from '@temporalio/client';
import { taskQueue } from '../../common/pools';
import type { Deleted, DeletionInput } from '../../common/deletion';
import type { deletion } from '../../workflows';

/** What a deletion has come to. */
export interface DeletionState extends Partial<Deleted> {
  /** `running`: a worker goes on with it. */
  state: 'running' | 'completed';
}

/**
 * Starts the deletion of an item or a batch, or joins the one that runs.
 * @param waitMs for its end
 */
export async function deleteAll(
  client: Client,
  queuePrefix: string,
  input: DeletionInput,
  waitMs: number,
): Promise<DeletionState> {
  const { batchId, itemKey } = input;
  const handle = await client.workflow.start<typeof deletion>('deletion', {
    workflowId: `deletion/${batchId}${itemKey === undefined ? '' : `/${itemKey}`}`,
    taskQueue: taskQueue(queuePrefix, 'workflows'),
    args: [input],
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
    staticSummary: 'Deletes files and histories',
  });
  const limit = AbortSignal.timeout(waitMs);
  try {
    return { state: 'completed', ...(await client.withAbortSignal(limit, () => handle.result())) };
  } catch (error) {
    if (!limit.aborted) throw error;
    return { state: 'running' };
  }
}
