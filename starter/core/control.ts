import type { Client } from '@temporalio/client';
import type { Priority } from '../../common/contracts';
import { DarkroomError } from '../../common/errors';
import { controlCampaign } from './campaign';
import { isNotFound, retrying } from '../../temporal/grpc';
import { forEachBounded } from '../../common/for-each-bounded';
import { awaitOperation, canChangeByWorker, describeChange, startChange, type WaitOptions } from './change';
import { pauseRun, restartRun, resumeRun } from '../../temporal/items/pause';
import {
  describeBatchOperation,
  setPriority,
  startBatchOperation,
  type BatchOperation,
  type Operation,
} from '../../temporal/batch-operation';
import { canMarkPaused } from '../../temporal/batches/paused';
import { runningQuery } from '../../temporal/batches/query';
import type { Execution } from '../../temporal/pending';

const CONCURRENCY = 32;
/** Items of a batch up to which each is asked by the caller, which is sooner; more are left to the server, or to a worker. */
export const MOST_ONE_BY_ONE = 1000;

/** What a call on a batch or an item changed. */
export interface Changed {
  /** Runs that got the request. */
  changed: number;
  /** Runs that had ended before it came. */
  already: number;
  /** Of a pause: runs with a step under way, which runs to its end. */
  running?: number;
  /** Of a restart: steps that begin again. */
  steps?: number;
  /** Of a campaign's batch: the campaign, which is open, got the request too. */
  campaign?: boolean;
  /** The server, or a worker, still works on it, whoever waits. */
  operation?: BatchOperation;
}

/** What can be done to every open item of a batch. */
export type Control = 'cancel' | 'pause' | 'resume' | { priority: Priority };
/** What can be done to one item. */
export type ItemControl = Control | 'restart';

export interface ControlOptions extends WaitOptions {
  /** Of the workers that pause and resume many items; absent: the caller does it. */
  queuePrefix?: string;
  /** Items up to which each is asked by the caller. */
  mostOneByOne?: number;
}

/** Asks one run. @returns what else it changed */
type Request = (run: Execution) => Promise<Pick<Changed, 'running' | 'steps'>>;

async function requestOf(client: Client, control: ItemControl): Promise<Request> {
  if (control === 'pause') {
    const mark = await retrying(() => canMarkPaused(client));
    return async (run) => ({ running: (await pauseRun(client, run, mark)) ? 1 : 0 });
  }
  if (control === 'restart') return async (run) => ({ steps: await restartRun(client, run) });
  const ask = (run: Execution): Promise<unknown> => {
    if (control === 'resume') return resumeRun(client, run);
    if (control === 'cancel') return client.workflow.getHandle(run.workflowId, run.runId).cancel();
    return setPriority(client, run, control.priority);
  };
  return async (run) => {
    await ask(run);
    return {};
  };
}

/**
 * Changes every open item of a batch, and the campaign that they are of. What is paused starts nothing, queued steps included;
 * what runs runs to its end.
 * Where there are many, the server cancels them and changes their priority, and a worker pauses and resumes them; both go on
 * when the caller is gone. Without a worker the caller does it.
 * @throws DarkroomError ServerTooOld where the Temporal server lacks the operation; the signal's reason on abort
 */
export async function controlBatch(
  client: Client,
  control: Control,
  batchId: string,
  options: ControlOptions = {},
): Promise<Changed> {
  const campaign = typeof control === 'string' && (await controlCampaign(client, control, batchId));
  return { ...(await controlItems(client, control, batchId, options)), ...(campaign && { campaign }) };
}

async function controlItems(
  client: Client,
  control: Control,
  batchId: string,
  options: ControlOptions,
): Promise<Changed> {
  const { signal, onProgress, queuePrefix, mostOneByOne = MOST_ONE_BY_ONE } = options;
  const query = runningQuery(batchId);
  const { count } = await retrying(() => client.workflow.count(query), options);
  const isMany = count > mostOneByOne;
  if (isMany && control !== 'pause' && control !== 'resume') {
    // An older server takes the operation, and then fails at it without an end: one item shows whether it can.
    if (control !== 'cancel') await changeOne(client, control, query);
    return controlByServer(client, control === 'cancel' ? { cancel: true } : control, batchId, options);
  }
  if (isMany && (control === 'pause' || control === 'resume') && queuePrefix !== undefined) {
    const isThere = await canChangeByWorker(client, queuePrefix);
    if (isThere) return controlByWorker(client, queuePrefix, control, batchId, options);
  }
  const total = nothingChanged(control);
  const request = await requestOf(client, control);
  const open = client.workflow.list({ query, pageSize: 1000 });
  const work = async (run: Execution): Promise<void> => {
    await send(request, run, total);
    onProgress?.(total.changed + total.already, count);
  };
  await forEachBounded(open, CONCURRENCY, work, signal);
  return total;
}

async function changeOne(client: Client, control: Control, query: string): Promise<void> {
  const request = await requestOf(client, control);
  for await (const run of client.workflow.list({ query, pageSize: 1 })) {
    return send(request, run, nothingChanged(control));
  }
}

async function controlByServer(
  client: Client,
  operation: Operation,
  batchId: string,
  options: ControlOptions,
): Promise<Changed> {
  // The server takes one operation at a time, so it may have to be asked again.
  const id = await retrying(() => startBatchOperation(client, batchId, operation), options);
  const { look } = await awaitOperation(async () => ({ look: await describeBatchOperation(client, id) }), options);
  return { changed: look.done, already: look.failed, ...(look.state === 'running' && { operation: look }) };
}

async function controlByWorker(
  client: Client,
  queuePrefix: string,
  change: 'pause' | 'resume',
  batchId: string,
  options: ControlOptions,
): Promise<Changed> {
  const id = await startChange(client, queuePrefix, batchId, change);
  const { look, tally } = await awaitOperation(() => describeChange(client, id), options);
  return {
    ...{ changed: tally.changed, already: tally.already },
    ...(change === 'pause' && { running: tally.running }),
    ...(look.state === 'running' && { operation: look }),
  };
}

function nothingChanged(control: ItemControl): Changed {
  return {
    ...{ changed: 0, already: 0 },
    ...(control === 'pause' && { running: 0 }),
    ...(control === 'restart' && { steps: 0 }),
  };
}

/**
 * The same for one item, by its workflow's id (`<batch>/<item key>`). A restart has the steps that run, or wait for their next
 * attempt, begin again wherever a worker is free; steps that are done stay.
 * @throws DarkroomError SourceNotFound when there is no such item; ServerTooOld
 */
export async function controlItem(client: Client, control: ItemControl, workflowId: string): Promise<Changed> {
  const { runId, status } = await describeItem(client, workflowId);
  const total = nothingChanged(control);
  // The server takes a cancellation of an ended run without a word.
  if (status.name !== 'RUNNING' && status.name !== 'PAUSED') return { ...total, already: 1 };
  await send(await requestOf(client, control), { workflowId, runId }, total);
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

async function send(request: Request, { workflowId, runId }: Execution, total: Changed): Promise<void> {
  try {
    const { running = 0, steps = 0 } = await retrying(() => request({ workflowId, runId }));
    total.changed++;
    if (total.running !== undefined) total.running += running;
    if (total.steps !== undefined) total.steps += steps;
  } catch (error) {
    // The server answers so for a run that has ended meanwhile.
    if (!isNotFound(error)) throw error;
    total.already++;
  }
}
