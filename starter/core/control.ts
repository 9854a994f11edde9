import type { Client } from '@temporalio/client';
import type { WorkItem } from '../../common/contracts';
import { DarkroomError } from '../../common/errors';
import { isNotFound, retrying } from './lib/grpc';
import { forEachBounded } from '../../common/for-each-bounded';
import { pauseRun, resumeRun } from './pause';
import { canMarkPaused } from '../../temporal/batches/paused';
import { runningQuery } from '../../temporal/batches/query';
import type { Execution } from '../../temporal/pending';

const CONCURRENCY = 32;

/** What a call on a batch or an item changed. */
export interface Changed {
  /** Runs that got the request. */
  changed: number;
  /** Runs that had ended before it came. */
  already: number;
  /** Of a pause: runs with a step under way, which runs to its end. */
  running?: number;
}

/** Asks one run. @returns whether a step of it was under way */
type Request = (client: Client, run: Execution) => Promise<boolean>;

export type Control = 'cancel' | 'pause' | 'resume';

async function requestOf(client: Client, control: Control): Promise<Request> {
  if (control === 'resume') return resumeRun;
  if (control === 'pause') {
    const mark = await retrying(() => canMarkPaused(client));
    return (_, run) => pauseRun(client, run, mark);
  }
  return async (_, { workflowId, runId }) => {
    await client.workflow.getHandle(workflowId, runId).cancel();
    return false;
  };
}

/**
 * Cancels, pauses or resumes every open item of a batch. What is paused starts nothing, queued steps included; what runs
 * runs to its end.
 * @throws DarkroomError ServerTooOld where the Temporal server lacks the operation
 */
export async function controlBatch(client: Client, control: Control, batchId: string): Promise<Changed> {
  const total = emptyChange(control);
  const request = await requestOf(client, control);
  const open = client.workflow.list({ query: runningQuery(batchId), pageSize: 1000 });
  await forEachBounded(open, CONCURRENCY, (run) => send(client, request, run, total));
  return total;
}

function emptyChange(control: Control): Changed {
  return { changed: 0, already: 0, ...(control === 'pause' && { running: 0 }) };
}

/**
 * The same for one item, by its workflow's id (`<batch>/<item key>`).
 * @throws DarkroomError SourceNotFound when there is no such item
 */
export async function controlItem(client: Client, control: Control, workflowId: string): Promise<Changed> {
  const { runId, status } = await describeItem(client, workflowId);
  // The server takes a cancellation of an ended run without a word.
  if (status.name !== 'RUNNING' && status.name !== 'PAUSED') return { ...emptyChange(control), already: 1 };
  const total = emptyChange(control);
  await send(client, await requestOf(client, control), { workflowId, runId }, total);
  return total;
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

async function send(client: Client, request: Request, run: Execution, total: Changed): Promise<void> {
  try {
    const running = await retrying(() => request(client, { workflowId: run.workflowId, runId: run.runId }));
    total.changed++;
    if (running && total.running !== undefined) total.running++;
  } catch (error) {
    // The server answers so for a run that has ended meanwhile.
    if (!isNotFound(error)) throw error;
    total.already++;
  }
}
