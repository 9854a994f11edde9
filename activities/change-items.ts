import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { ChangeInput, ChangeTally } from '../common/batch-change';
import { DarkroomError } from '../common/errors';
import { forEachBounded } from '../common/for-each-bounded';
import { HEARTBEAT_MS } from '../common/heartbeats';
import { queuePrefix } from '../common/pools';
import { batchQuery, runningQuery } from '../temporal/batches/query';
import { inState } from '../temporal/batches/runs';
import { isNotFound, retrying } from '../temporal/grpc';
import { inputOf } from '../temporal/input';
import { pauseRun, resumeRun } from '../temporal/items/pause';
import { startUnlessKnown } from '../temporal/items/start';
import { watchAgain } from '../temporal/items/watch';
import type { Execution } from '../temporal/pending';
import type { ActivityDeps } from './deps';

const CONCURRENCY = 32;
/** Runs of one page. An attempt that follows a lost one begins with the page that was under way. */
const PAGE = 200;

/** What the heartbeats carry. */
export interface ChangeProgress {
  /** So far. */
  tally: ChangeTally;
  /** When the page under way began. */
  before: ChangeTally;
  /** The server's token of that page, in base64; empty: the first one. */
  page: string;
}

/**
 * Asks every item that the change is about, a page of them at a time. It goes on where a lost attempt was; an item that is asked
 * twice takes it as once, and a retry knows the runs that this change started.
 * @throws ApplicationFailure without another attempt for what the Temporal server lacks
 */
export async function changeItems(_deps: ActivityDeps, input: ChangeInput): Promise<ChangeTally> {
  const context = Context.current();
  const { client, info } = context;
  const query = queryOf(input);
  const lost = info.heartbeatDetails as ChangeProgress | undefined;
  const before = lost?.before ?? emptyTally((await retrying(() => client.workflow.count(query))).count);
  const progress: ChangeProgress = { page: lost?.page ?? '', before, tally: { ...before } };
  const beat = setInterval(() => context.heartbeat(progress), HEARTBEAT_MS);
  try {
    const { namespace } = client.options;
    do {
      const nextPageToken = Buffer.from(progress.page, 'base64');
      const request = { namespace, query, pageSize: PAGE, nextPageToken };
      const found = await retrying(() => client.workflowService.listWorkflowExecutions(request));
      const runs = found.executions.map(({ execution }) => ({
        workflowId: execution?.workflowId ?? '',
        runId: execution?.runId ?? '',
      }));
      await forEachBounded(
        runs,
        CONCURRENCY,
        (run) => changeOne(input, run, progress.tally),
        context.cancellationSignal,
      );
      progress.page = Buffer.from(found.nextPageToken).toString('base64');
      progress.before = { ...progress.tally };
      context.heartbeat(progress);
    } while (progress.page !== '');
    if (input.change.startsWith('retry')) await watchAgain(startContext(), input.batchId, progress.tally.changed);
    return progress.tally;
  } catch (error) {
    if (!(error instanceof DarkroomError)) throw error;
    throw ApplicationFailure.create({ message: error.message, type: error.type, nonRetryable: !error.retryable });
  } finally {
    clearInterval(beat);
  }
}

function emptyTally(total: number): ChangeTally {
  return { total, changed: 0, already: 0, running: 0 };
}

function queryOf({ batchId, change }: ChangeInput): string {
  if (change === 'pause' || change === 'resume') return runningQuery(batchId);
  return inState(batchQuery(batchId), change === 'retry-failed' ? 'failed' : 'cancelled');
}

function startContext() {
  const { client, info } = Context.current();
  return { client, queuePrefix: queuePrefix(info.taskQueue) };
}

async function changeOne({ change, mark = false }: ChangeInput, run: Execution, tally: ChangeTally): Promise<void> {
  const { client } = Context.current();
  try {
    if (change === 'pause') {
      if (await retrying(() => pauseRun(client, run, mark))) tally.running++;
    } else if (change === 'resume') await retrying(() => resumeRun(client, run));
    else if (!(await runAgain(run, tally))) return void tally.already++;
    tally.changed++;
  } catch (error) {
    // The server answers so for a run that has ended meanwhile.
    if (!isNotFound(error)) throw error;
    tally.already++;
  }
}

/** @returns whether the item runs again by this change, be it by an attempt that was lost */
async function runAgain({ workflowId, runId }: Execution, tally: ChangeTally): Promise<boolean> {
  const { client, info } = Context.current();
  const item = await retrying(() => inputOf(client, workflowId, runId));
  tally.outputs ??= item.output.replace(/\/[^/]*$/, '');
  if ((await retrying(() => startUnlessKnown(startContext(), item))) !== undefined) return true;
  if (info.attempt === 1) return false;
  const latest = await retrying(() => client.workflow.getHandle(workflowId).describe());
  return latest.startTime.getTime() >= info.scheduledTimestampMs;
}
