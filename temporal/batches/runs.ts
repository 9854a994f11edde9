import { createHash } from 'node:crypto';
import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { executionInfoFromRaw } from '../sdk-internals';
import { DarkroomError } from '../../common/errors';
import { quoted } from './query';

export type Run = Omit<WorkflowExecutionInfo, 'raw'>;

export interface RunPage {
  runs: Run[];
  /** Opaque; undefined at the end. */
  next?: string;
}

/** Characters of a cursor's checksum. */
const CHECKSUM = 8;
/** Ids asked for in one query. */
const IDS_AT_ONCE = 50;

/**
 * One page of runs in the server's order: open ones first, then those that closed last.
 * @param cursor `next` of the page before
 * @throws DarkroomError InvalidJob for a cursor that is none of ours
 */
export async function pageOfRuns(client: Client, query: string, pageSize: number, cursor?: string): Promise<RunPage> {
  const { namespace, loadedDataConverter } = client.options;
  const { executions, nextPageToken } = await client.workflowService.listWorkflowExecutions({
    namespace,
    query,
    pageSize,
    nextPageToken: cursor === undefined ? undefined : readCursor(cursor),
  });
  const runs = await Promise.all(
    executions.map((raw) => executionInfoFromRaw(raw, loadedDataConverter, undefined, namespace)),
  );
  return { runs, next: nextPageToken.length === 0 ? undefined : writeCursor(nextPageToken) };
}

/** A cursor of our own making, for lists that the server does not page. */
export function writePlace(place: object): string {
  return writeCursor(Buffer.from(JSON.stringify(place)));
}

/** What `writePlace` wrote, still to be checked. @throws DarkroomError InvalidJob for a cursor that is none of ours */
export function readPlace(cursor: string): unknown {
  const text = readCursor(cursor).toString();
  try {
    return JSON.parse(text);
  } catch {
    throw new DarkroomError('InvalidJob', 'The cursor is not one of this list.');
  }
}

/** With a checksum: Temporal takes a page token that is none for a fault of its own, and is asked again and again. */
function writeCursor(token: Uint8Array): string {
  return `${checksum(token)}${Buffer.from(token).toString('base64url')}`;
}

function readCursor(cursor: string): Buffer {
  const token = Buffer.from(cursor.slice(CHECKSUM), 'base64url');
  if (checksum(token) === cursor.slice(0, CHECKSUM)) return token;
  throw new DarkroomError('InvalidJob', 'The cursor is not one of this list.');
}

function checksum(token: Uint8Array): string {
  return createHash('sha256').update(token).digest('hex').slice(0, CHECKSUM);
}

/** Those that are the last run of their item: a failure that was mended since is not a failure any more. */
export async function latestOnly(client: Client, query: string, runs: Run[]): Promise<Run[]> {
  const latest = new Map<string, Run>();
  const ids = [...new Set(runs.map(({ workflowId }) => workflowId))];
  for (let at = 0; at < ids.length; at += IDS_AT_ONCE) {
    const some = ids.slice(at, at + IDS_AT_ONCE).map(quoted);
    for await (const run of client.workflow.list({ query: `${query} AND WorkflowId IN (${some.join(', ')})` })) {
      const known = latest.get(run.workflowId);
      if (known === undefined || known.startTime < run.startTime) latest.set(run.workflowId, run);
    }
  }
  return runs.filter(({ workflowId, runId }) => (latest.get(workflowId)?.runId ?? runId) === runId);
}

/** As lists know it; only a look at the item itself tells what an open one does. */
export type RunState = 'open' | 'succeeded' | 'failed' | 'cancelled';
export const RUN_STATES = ['open', 'succeeded', 'failed', 'cancelled'] as const satisfies RunState[];

export function stateOf({ status }: Pick<Run, 'status'>): RunState {
  if (status.name === 'RUNNING' || status.name === 'PAUSED') return 'open';
  if (status.name === 'COMPLETED') return 'succeeded';
  return status.name === 'CANCELLED' ? 'cancelled' : 'failed';
}

const STATUSES: Record<RunState, string> = {
  open: 'ExecutionStatus = "Running"',
  succeeded: 'ExecutionStatus = "Completed"',
  failed: 'ExecutionStatus IN ("Failed", "TimedOut", "Terminated")',
  cancelled: 'ExecutionStatus = "Canceled"',
};

/** `query` narrowed to one state. */
export function inState(query: string, state: RunState | undefined): string {
  return state === undefined ? query : `${query} AND ${STATUSES[state]}`;
}

/** Longest source or output kept in the memo, in characters: the memo is read with every page of runs. */
export const MAX_MEMO_TEXT = 1000;

/** A text of the run's memo. */
export function memoText(run: Run, name: string): string | undefined {
  const value = run.memo?.[name];
  return typeof value === 'string' ? value : undefined;
}

/** A number of the run's memo. */
export function memoNumber(run: Run, name: string): number | undefined {
  const value = run.memo?.[name];
  return typeof value === 'number' ? value : undefined;
}

/** One of our search attributes. */
export function attribute(run: Run, name: 'MediaBatchId' | 'MediaKind' | 'MediaPreset' | 'MediaTenant'): string {
  const found = run.typedSearchAttributes.getAll().find(({ key }) => key.name === name);
  return typeof found?.value === 'string' ? found.value : '';
}
