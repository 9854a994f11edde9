import { WorkflowIdConflictPolicy, type Client } from '@temporalio/client';
import { taskQueue } from '../../common/pools';
import type { Deleted, DeletionInput } from '../../common/deletion';
import { unlessNotFound } from '../../temporal/grpc';
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
    workflowId: deletionId(batchId, itemKey),
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

/**
 * When the latest deletion of a batch, or of an item of it, that has completed began (ms since 1970). The server deletes
 * histories in the background, half a minute later: until then it still describes runs that closed before this time.
 */
export async function deletedBefore(client: Client, batchId: string, itemKey?: string): Promise<number | undefined> {
  const ids = [deletionId(batchId), ...(itemKey === undefined ? [] : [deletionId(batchId, itemKey)])];
  const runs = await Promise.all(ids.map((id) => unlessNotFound(client.workflow.getHandle(id).describe())));
  const begun = runs.flatMap((run) => (run?.status.name === 'COMPLETED' ? [run.startTime.getTime()] : []));
  return begun.length === 0 ? undefined : Math.max(...begun);
}

function deletionId(batchId: string, itemKey?: string): string {
  return `deletion/${batchId}${itemKey === undefined ? '' : `/${itemKey}`}`;
}
