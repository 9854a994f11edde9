/** Changes of many items that a worker makes, one item after the other: they go on when the caller is gone. */
import { WorkflowIdConflictPolicy, type Client, type WorkflowExecutionDescription } from '@temporalio/client';
import type { BatchChange, ChangeInput, ChangeTally } from '../../common/batch-change';
import { DarkroomError } from '../../common/errors';
import { sleepUnlessAborted } from '../../common/sleep';
import { taskQueue } from '../../common/pools';
import { operationPrefix, type BatchOperation } from '../../temporal/batch-operation';
import { canMarkPaused } from '../../temporal/batches/paused';
import { retrying, type RetryOptions } from '../../temporal/grpc';
import { decodedPayloads } from '../../temporal/input';
import type { changeBatch } from '../../workflows';
import { describeQueues } from './batch';

/** ms between two looks at a change. */
const LOOK_MS = 500;

/** Changes that end one another have one place; a retry is joined by whoever asks for the same. */
const PLACES: Record<BatchChange, string> = {
  pause: 'hold',
  resume: 'hold',
  'retry-failed': 'retry-failed',
  'retry-cancelled': 'retry-cancelled',
};

/** Is a worker there that would make the change? */
export async function canChangeByWorker(client: Client, queuePrefix: string): Promise<boolean> {
  const queues = await retrying(() => describeQueues(client, queuePrefix));
  return queues.some(({ pool, pollers }) => pool === 'workflows' && pollers > 0);
}

/** @returns the id of the change */
export async function startChange(
  client: Client,
  queuePrefix: string,
  batchId: string,
  change: BatchChange,
): Promise<string> {
  const workflowId = `${operationPrefix(batchId)}${PLACES[change]}`;
  const mark = change === 'pause' && (await retrying(() => canMarkPaused(client)));
  const input: ChangeInput = { batchId, change, mark };
  const { TERMINATE_EXISTING, USE_EXISTING } = WorkflowIdConflictPolicy;
  await retrying(() =>
    client.workflow.start<typeof changeBatch>('changeBatch', {
      ...{ workflowId, taskQueue: taskQueue(queuePrefix, 'workflows'), args: [input] },
      workflowIdConflictPolicy: PLACES[change] === 'hold' ? TERMINATE_EXISTING : USE_EXISTING,
      staticSummary: `${change} of ${batchId}`,
    }),
  );
  return workflowId;
}

/** Is the id one of a change by a worker, rather than of an operation of the server? */
export function isChange(id: string): boolean {
  return Object.values(PLACES).some((place) => id.endsWith(`-${place}`));
}

/** What a look at a change shows. */
export interface ChangeLook {
  look: BatchOperation;
  tally: ChangeTally;
}

/** @throws a gRPC error NOT_FOUND where there is no such change */
export async function describeChange(client: Client, id: string): Promise<ChangeLook> {
  const handle = client.workflow.getHandle<typeof changeBatch>(id);
  const run = await handle.describe();
  const isDone = run.status.name === 'COMPLETED';
  const tally = isDone
    ? await client.workflow.getHandle<typeof changeBatch>(id, run.runId).result()
    : await tallyOf(client, run);
  const state = isDone ? 'completed' : run.status.name === 'RUNNING' ? 'running' : 'failed';
  const { total, changed: done, already: failed } = tally;
  return { look: { id, state, total, done, failed }, tally };
}

/** The tally in the last heartbeat of a change that runs. */
async function tallyOf(client: Client, { raw }: WorkflowExecutionDescription): Promise<ChangeTally> {
  const payloads = raw.pendingActivities?.[0]?.heartbeatDetails?.payloads ?? [];
  const [told] = await decodedPayloads<{ tally: ChangeTally }>(client, payloads);
  return told?.tally ?? { total: 0, changed: 0, already: 0, running: 0 };
}

export interface WaitOptions extends Pick<RetryOptions, 'signal' | 'limitMs'> {
  /** Called with items that were asked, of all that it is about. */
  onProgress?: (done: number, total: number) => void;
  /** ms to wait for an operation, which goes on afterwards. Default: until its end. */
  waitMs?: number;
}

/**
 * Looks until the operation has ended, or the time is up.
 * @throws DarkroomError InternalError where it failed; the signal's reason on abort
 */
export async function awaitOperation<Look extends { look: BatchOperation }>(
  describe: () => Promise<Look>,
  { waitMs = Infinity, onProgress, ...options }: WaitOptions,
): Promise<Look> {
  const deadline = Date.now() + waitMs;
  for (;;) {
    const seen = await retrying(describe, options);
    const { state, total, done, failed } = seen.look;
    onProgress?.(done + failed, total);
    if (state === 'failed') {
      throw new DarkroomError('InternalError', `The operation ended after ${done} of ${total} items; ask again.`);
    }
    if (state === 'completed' || Date.now() >= deadline) return seen;
    await sleepUnlessAborted(Math.min(LOOK_MS, Math.max(0, deadline - Date.now())), options.signal);
  }
}
