/** Operations that the server itself runs over many workflows: they go on whoever asked for them is gone. */
import { createHash, randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import type { Priority } from '../common/contracts';
import { runningQuery } from './batches/query';
import { needs } from './pending';

/** How far such an operation is. */
export interface BatchOperation {
  id: string;
  state: 'running' | 'completed' | 'failed';
  /** Workflows that it is about; 0 while the server still counts them. */
  total: number;
  done: number;
  /** Workflows that could not be changed, most often since they ended before. */
  failed: number;
}

/** What is done to each workflow. */
export type Operation = { cancel: true } | { priority: Priority };

const STATES = temporal.api.enums.v1.BatchOperationState;
const MASK = { paths: ['priority.priority_key'] };

/**
 * Starts an operation on the open items of a batch. The server runs one at a time in a namespace by default, and says
 * RESOURCE_EXHAUSTED to a second one.
 * @returns its id
 */
export async function startBatchOperation(client: Client, batchId: string, operation: Operation): Promise<string> {
  const { namespace, identity } = client.options;
  const jobId = `${operationPrefix(batchId)}${randomUUID()}`;
  const start = {
    namespace,
    jobId,
    visibilityQuery: runningQuery(batchId),
    reason: `Darkroom: ${Object.keys(operation).join()}`,
  };
  if ('cancel' in operation) {
    await client.workflowService.startBatchOperation({ ...start, cancellationOperation: { identity } });
  } else {
    const workflowExecutionOptions = { priority: { priorityKey: operation.priority } };
    const updateWorkflowOptionsOperation = { identity, workflowExecutionOptions, updateMask: MASK };
    await needsPriority(() => client.workflowService.startBatchOperation({ ...start, updateWorkflowOptionsOperation }));
  }
  return jobId;
}

/** Was the operation started on this batch? */
export function isOperationOf(batchId: string, id: string): boolean {
  return id.startsWith(operationPrefix(batchId));
}

/** What the ids of all operations on a batch begin with. */
export function operationPrefix(batchId: string): string {
  return `darkroom-${createHash('sha256').update(batchId).digest('hex').slice(0, 16)}-`;
}

/** @throws a gRPC error NOT_FOUND where the server does not know the operation */
export async function describeBatchOperation(client: Client, id: string): Promise<BatchOperation> {
  const { namespace } = client.options;
  const answer = await client.workflowService.describeBatchOperation({ namespace, jobId: id });
  const { state, totalOperationCount, completeOperationCount, failureOperationCount } = answer;
  return {
    id,
    state:
      state === STATES.BATCH_OPERATION_STATE_COMPLETED
        ? 'completed'
        : state === STATES.BATCH_OPERATION_STATE_FAILED
          ? 'failed'
          : 'running',
    total: Number(totalOperationCount),
    done: Number(completeOperationCount),
    failed: Number(failureOperationCount),
  };
}

/** Changes the priority of one run: what it has queued moves in its queue at once, and what follows has the new one. */
export async function setPriority(
  { workflowService, options }: Client,
  workflowExecution: { workflowId: string; runId: string },
  priority: Priority,
): Promise<void> {
  const { namespace, identity } = options;
  await needsPriority(() =>
    workflowService.updateWorkflowExecutionOptions({
      ...{ namespace, identity, workflowExecution, updateMask: MASK },
      workflowExecutionOptions: { priority: { priorityKey: priority } },
    }),
  );
}

/** Older servers refuse the mask. */
function needsPriority<T>(call: () => Promise<T>): Promise<T> {
  return needs('1.30', 'change a priority in mid-flight', call, /updatemask|invalid path|priority/i);
}
