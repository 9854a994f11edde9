import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { failureOf, type ItemFailure } from './failure';
import { Histogram } from './lib/histogram';
import { forEachBounded } from './lib/pool';
import { completedQuery, unsuccessfulQuery } from '../../temporal/batches/query';

/** Failures told in full; more are only counted. */
export const MAX_FAILURES = 1000;
const PAGE = 1000;
/** Histories read at once. */
const CONCURRENCY = 32;

/** What the closed runs of a submission say together. */
export interface ClosedRuns {
  /** ms from submit to published. */
  latency: Histogram;
  bytesIn: number;
  bytesOut: number;
  failures: ItemFailure[];
  /** All of them, with those that are not in `failures`. */
  failureCount: number;
}

/** Reads the closed runs page by page; memory does not grow with their number. */
export async function summariseRuns(client: Client, batchId: string, since?: Date): Promise<ClosedRuns> {
  const result: ClosedRuns = { latency: new Histogram(), bytesIn: 0, bytesOut: 0, failures: [], failureCount: 0 };
  const list = (query: string) => client.workflow.list({ query, pageSize: PAGE });
  for await (const run of list(completedQuery(batchId, since))) {
    if (run.closeTime) result.latency.add(run.closeTime.getTime() - run.startTime.getTime());
    result.bytesIn += Number(run.memo?.['bytesIn'] ?? 0);
    result.bytesOut += Number(run.memo?.['bytesOut'] ?? 0);
  }
  await forEachBounded(list(unsuccessfulQuery(batchId, since)), CONCURRENCY, async (run) => {
    // Without a beginning, failures that somebody has mended since are among the runs.
    if (since === undefined && result.failureCount < MAX_FAILURES && (await isSuperseded(client, run))) return;
    if (++result.failureCount > MAX_FAILURES) return;
    result.failures.push({ source: sourceOf(run), ...(await failureOf(client, run.workflowId, run.runId)) });
  });
  return result;
}

async function isSuperseded(client: Client, { workflowId, runId }: WorkflowExecutionInfo): Promise<boolean> {
  return (await client.workflow.getHandle(workflowId).describe()).runId !== runId;
}

/** What the run was given, as far as its memo tells; else its id. */
export function sourceOf(run: Pick<WorkflowExecutionInfo, 'memo' | 'workflowId'>): string {
  const source = run.memo?.['source'];
  return typeof source === 'string' ? source : run.workflowId;
}
