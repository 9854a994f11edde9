import type { Client, WorkflowHandle } from '@temporalio/client';
import type { WorkItem } from '../../common/contracts';
import { DarkroomError } from '../../common/errors';
import { grpcCode, NOT_FOUND, retrying } from './lib/grpc';
import { forEachBounded } from './lib/pool';
import { pause, resume } from '../../workflows/names';
import { runningQuery } from '../../temporal/batches/query';

const CONCURRENCY = 32;

/** What a call on a batch or an item changed. */
export interface Changed {
  /** Runs that got the request. */
  changed: number;
  /** Runs that had ended before it came. */
  already: number;
}

type Request = (handle: WorkflowHandle) => Promise<unknown>;

export type Control = 'cancel' | 'pause' | 'resume';

const REQUESTS: Record<Control, Request> = {
  cancel: (handle) => handle.cancel(),
  pause: (handle) => handle.signal(pause),
  resume: (handle) => handle.signal(resume),
};

/** Cancels, pauses or resumes every open item of a batch. A pause is honoured before an item's next step. */
export async function controlBatch(client: Client, control: Control, batchId: string): Promise<Changed> {
  const total: Changed = { changed: 0, already: 0 };
  const open = client.workflow.list({ query: runningQuery(batchId), pageSize: 1000 });
  await forEachBounded(open, CONCURRENCY, async ({ workflowId, runId }) => {
    total[await send(client, control, workflowId, runId)]++;
  });
  return total;
}

/**
 * The same for one item, by its workflow's id (`<batch>/<item key>`).
 * @throws DarkroomError SourceNotFound when there is no such item
 */
export async function controlItem(client: Client, control: Control, workflowId: string): Promise<Changed> {
  const { runId, status } = await describeItem(client, workflowId);
  // The server takes a cancellation of an ended run without a word.
  if (status.name !== 'RUNNING' && status.name !== 'PAUSED') return { changed: 0, already: 1 };
  const outcome = await send(client, control, workflowId, runId);
  return { changed: 0, already: 0, [outcome]: 1 };
}

/** The item's latest run. @throws DarkroomError SourceNotFound */
export async function describeItem(client: Client, workflowId: string) {
  try {
    return await client.workflow.getHandle(workflowId).describe();
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new DarkroomError('SourceNotFound', `There is no item "${workflowId.slice(0, 250)}".`);
  }
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

async function send(client: Client, control: Control, workflowId: string, runId: string): Promise<keyof Changed> {
  try {
    await retrying(() => REQUESTS[control](client.workflow.getHandle(workflowId, runId)));
    return 'changed';
  } catch (error) {
    // The server answers so for a run that has ended meanwhile.
    if (isNotFound(error)) return 'already';
    throw error;
  }
}

function isNotFound(error: unknown): boolean {
  return grpcCode(error) === NOT_FOUND || (error instanceof Error && error.name === 'WorkflowNotFoundError');
}
