import type { Client } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { batchQuery, checkBatchId, quoted, unsuccessfulQuery } from './query';
import { attribute, latestOnly, pageOfRuns, stateOf } from './runs';

/** Runs by state, as the server's visibility store knows them: a second or so behind. */
export interface BatchCounts {
  open: number;
  completed: number;
  failed: number;
  cancelled: number;
}

/** Runs of a batch that are looked through, so that each item counts once. Some milliseconds for each thousand. */
const MAX_LISTED = 5_000;
const PAGE = 1_000;
/** Runs of several batches that are read at once, memos included. */
const MAX_SMALL = 200;
/** Batches whose last look is kept. */
const MAX_KEPT = 200;

/** Unsuccessful runs that are checked for a later run of their item; beyond, all of them count. */
const MAX_CHECKED = 1000;

/** @param since start of the submission that is asked about; default: every run that the server still knows */
export async function countBatch(client: Client, batchId: string, since?: Date): Promise<BatchCounts> {
  const { groups } = await client.workflow.count(`${batchQuery(batchId, since)} GROUP BY ExecutionStatus`);
  const counts: BatchCounts = { open: 0, completed: 0, failed: 0, cancelled: 0 };
  for (const { count, groupValues } of groups) counts[countedAs(String(groupValues[0]))] += count;
  return counts;
}

function countedAs(status: string): keyof BatchCounts {
  if (status === 'Running' || status === 'Paused') return 'open';
  if (status === 'Completed') return 'completed';
  return status === 'Canceled' ? 'cancelled' : 'failed';
}

const kept = new WeakMap<Client, Map<string, { runs: string; items: BatchCounts }>>();

/**
 * Items rather than runs: an item that ran again counts once, by its latest run.
 * @param runs counts of the same batch, a moment ago
 * @param most runs that are looked through. In a larger batch only failures that were retried are told apart, so that an item
 * that succeeded twice counts twice
 */
export async function countItems(
  client: Client,
  batchId: string,
  runs: BatchCounts,
  most = MAX_LISTED,
): Promise<BatchCounts> {
  const { open, completed, failed, cancelled } = runs;
  if (open + completed + failed + cancelled > most) {
    return { open, completed, ...(await countUnretried(client, batchId, runs)) };
  }
  // No run ends or begins without changing a count.
  const signature = [open, completed, failed, cancelled].join();
  const known = kept.get(client) ?? new Map<string, { runs: string; items: BatchCounts }>();
  kept.set(client, known);
  const before = known.get(batchId);
  if (before?.runs === signature) return before.items;
  const items = await listItems(client, batchId);
  known.delete(batchId);
  known.set(batchId, { runs: signature, items });
  for (const oldest of known.keys()) if (known.size > MAX_KEPT) known.delete(oldest);
  return items;
}

/** What one look at several small batches tells of one of them. */
export interface SmallBatch {
  counts: BatchCounts;
  tenants: Set<string>;
}

/**
 * Items of several batches by one query, each item by its latest run: queries for each batch made a page of 50 take two seconds.
 * @returns undefined where the batches have more runs than one page: then each has to be counted by itself
 */
export async function countSmall(
  client: Client,
  batchIds: readonly string[],
): Promise<Map<string, SmallBatch> | undefined> {
  if (batchIds.length === 0) return new Map();
  const query = `MediaBatchId IN (${batchIds.map((id) => quoted(checkBatchId(id))).join(', ')})`;
  const { runs, next } = await pageOfRuns(client, query, MAX_SMALL);
  if (next !== undefined) return undefined;
  const batches = new Map<string, SmallBatch>();
  const seen = new Set<string>();
  // A page has the latest run of an item before its earlier ones.
  for (const run of runs) {
    const batch = attribute(run, 'MediaBatchId');
    const counts = { open: 0, completed: 0, failed: 0, cancelled: 0 };
    const small = batches.get(batch) ?? { counts, tenants: new Set<string>() };
    batches.set(batch, small);
    const tenant = attribute(run, 'MediaTenant');
    if (tenant !== '') small.tenants.add(tenant);
    if (seen.has(run.workflowId)) continue;
    seen.add(run.workflowId);
    const state = stateOf(run);
    small.counts[state === 'succeeded' ? 'completed' : state]++;
  }
  return batches;
}

/** Looks through all runs, without their memos: a page has the latest run of an item before its earlier ones. */
async function listItems(client: Client, batchId: string): Promise<BatchCounts> {
  const items: BatchCounts = { open: 0, completed: 0, failed: 0, cancelled: 0 };
  const seen = new Set<string>();
  const request = { namespace: client.options.namespace, query: batchQuery(batchId), pageSize: PAGE };
  let nextPageToken: Uint8Array = new Uint8Array();
  do {
    const page = await client.workflowService.listWorkflowExecutions({ ...request, nextPageToken });
    for (const { execution, status } of page.executions) {
      const id = execution?.workflowId ?? '';
      if (!seen.has(id)) items[stateFromRaw(status)]++;
      seen.add(id);
    }
    nextPageToken = page.nextPageToken;
  } while (nextPageToken.length > 0);
  return items;
}

function stateFromRaw(status: temporal.api.enums.v1.WorkflowExecutionStatus | null | undefined): keyof BatchCounts {
  const { WorkflowExecutionStatus: all } = temporal.api.enums.v1;
  if (status === all.WORKFLOW_EXECUTION_STATUS_RUNNING || status === all.WORKFLOW_EXECUTION_STATUS_PAUSED)
    return 'open';
  if (status === all.WORKFLOW_EXECUTION_STATUS_COMPLETED) return 'completed';
  return status === all.WORKFLOW_EXECUTION_STATUS_CANCELED ? 'cancelled' : 'failed';
}

/**
 * Failed and cancelled items rather than runs: an item that was retried counts by its last run. Runs that end between the
 * count and this look do not change the sum of the count's states.
 * @param counts of the same batch, a moment ago
 */
export async function countUnretried(
  client: Client,
  batchId: string,
  counts: Pick<BatchCounts, 'failed' | 'cancelled'>,
): Promise<Pick<BatchCounts, 'failed' | 'cancelled'>> {
  const { failed, cancelled } = counts;
  if (failed + cancelled === 0 || failed + cancelled > MAX_CHECKED) return { failed, cancelled };
  const { runs } = await pageOfRuns(client, unsuccessfulQuery(batchId), MAX_CHECKED);
  const latest = new Set((await latestOnly(client, batchQuery(batchId), runs)).map(({ runId }) => runId));
  const retried = runs.filter(({ runId }) => !latest.has(runId));
  const retriedCancelled = retried.filter((run) => stateOf(run) === 'cancelled').length;
  return {
    failed: Math.max(0, failed - (retried.length - retriedCancelled)),
    cancelled: Math.max(0, cancelled - retriedCancelled),
  };
}
