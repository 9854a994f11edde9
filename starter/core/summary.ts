import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { DarkroomError } from '../../common/errors';
import { batchQuery } from '../../temporal/batches/query';
import { stateOf, type RunState } from '../../temporal/batches/runs';
import { failureOf, type ItemFailure } from './failure';
import { Ledger } from './ledger';
import { retrying } from '../../temporal/grpc';
import { Histogram } from './lib/histogram';
import { forEachBounded } from '../../common/for-each-bounded';

/** Failures told in full; more are only counted. */
export const MAX_FAILURES = 1000;
const PAGE = 1000;
/** Histories read at once. */
const CONCURRENCY = 32;
/** ms before the beginning of a submission from which on runs are looked at: clocks differ. */
const MARGIN_MS = 60_000;

/** Items that have ended, each counted once by its latest run. */
export class Ends {
  completed = 0;
  failed = 0;
  cancelled = 0;
  /** ms from submit to published. */
  readonly latency = new Histogram();
  bytesIn = 0;
  bytesOut = 0;
  /** Of failed and cancelled items, the first thousand. */
  readonly failures: ItemFailure[] = [];

  /** @param failure absent for an item that succeeded, and where nobody asked for the reason; kept of the first thousand */
  add(state: Exclude<RunState, 'open'>, figures: EndFigures, failure?: ItemFailure): void {
    if (failure !== undefined && this.failures.length < MAX_FAILURES) this.failures.push(failure);
    if (state !== 'succeeded') return void this[state]++;
    this.completed++;
    if (figures.ms !== undefined) this.latency.add(figures.ms);
    this.bytesIn += figures.bytesIn ?? 0;
    this.bytesOut += figures.bytesOut ?? 0;
  }
}

interface EndFigures {
  /** From submit to published. */
  ms?: number;
  bytesIn?: number;
  bytesOut?: number;
}

/** @throws DarkroomError SourceNotFound where Temporal lists no run of the batch */
export async function requireBatch(client: Client, batchId: string): Promise<void> {
  const { count } = await retrying(() => client.workflow.count(batchQuery(batchId)));
  if (count === 0) {
    throw new DarkroomError('SourceNotFound', `There is no batch "${batchId}" that the server remembers.`);
  }
}

/** Every item of a batch by its latest run. Memory grows by a few dozen bytes an item. */
export async function summariseBatch(client: Client, batchId: string): Promise<{ ends: Ends; open: number }> {
  const [ends, seen] = [new Ends(), new Ledger()];
  let open = 0;
  await forEachBounded(runsOf(client, batchQuery(batchId)), CONCURRENCY, async (run) => {
    // Newest first: what comes later of the same item is superseded.
    if (seen.claim(run.workflowId, { source: '' }) !== undefined) return;
    const state = stateOf(run);
    if (state === 'open') open++;
    else ends.add(state, figuresOf(run), await failureFor(client, run, ends));
  });
  return { ends, open };
}

/**
 * Counts the accepted items of a submission that have ended since the last look, into `ends`. What is left is `ledger.open`.
 * @param since the submission's beginning, by the server's clock
 */
export async function countEnds(
  client: Client,
  batchId: string,
  since: Date,
  ledger: Ledger,
  ends: Ends,
): Promise<void> {
  if (ledger.open === 0) return;
  const query = batchQuery(batchId, new Date(since.getTime() - MARGIN_MS));
  await forEachBounded(latestOf(runsOf(client, query), ledger), CONCURRENCY, async (run) => {
    const state = stateOf(run);
    if (state === 'open') return;
    const failure = await failureFor(client, run, ends);
    // Pages move while runs close, so that one run may be listed twice.
    const key = keyOf(run);
    if (ledger.whose(key, run.runId) === 'none') return;
    ledger.close(key);
    ends.add(state, figuresOf(run), failure);
  });
}

/**
 * The latest run of each accepted item whose accepted run is listed: until then only older runs are, and say nothing of it.
 * @param runs newest first
 */
async function* latestOf(
  runs: AsyncIterable<WorkflowExecutionInfo>,
  ledger: Ledger,
): AsyncGenerator<WorkflowExecutionInfo> {
  const newer = new Map<string, WorkflowExecutionInfo>();
  for await (const run of runs) {
    const key = keyOf(run);
    const whose = ledger.whose(key, run.runId);
    if (whose === 'other' && !newer.has(key)) newer.set(key, run);
    if (whose !== 'own') continue;
    const other = newer.get(key);
    yield other !== undefined && other.startTime > run.startTime ? other : run;
    newer.delete(key);
  }
}

async function* runsOf(client: Client, query: string): AsyncGenerator<WorkflowExecutionInfo> {
  yield* client.workflow.list({ query, pageSize: PAGE });
}

async function failureFor(client: Client, run: WorkflowExecutionInfo, ends: Ends): Promise<ItemFailure | undefined> {
  if (stateOf(run) === 'succeeded' || ends.failures.length >= MAX_FAILURES) return undefined;
  return { source: sourceOf(run), ...(await failureOf(client, run.workflowId, run.runId)) };
}

function figuresOf({ startTime, closeTime, memo }: WorkflowExecutionInfo): EndFigures {
  const number = (name: string): number => Number(memo?.[name] ?? 0);
  const ms = closeTime && closeTime.getTime() - startTime.getTime();
  return { ms, bytesIn: number('bytesIn'), bytesOut: number('bytesOut') };
}

/** Of the item, from the workflow's id. */
function keyOf({ workflowId }: WorkflowExecutionInfo): string {
  return workflowId.slice(workflowId.indexOf('/') + 1);
}

/** What the run was given, as far as its memo tells; else its id. */
export function sourceOf(run: Pick<WorkflowExecutionInfo, 'memo' | 'workflowId'>): string {
  const source = run.memo?.['source'];
  return typeof source === 'string' ? source : run.workflowId;
}
