import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { ERRORS, type ErrorType } from '../../common/errors';
import { failureOf } from '../../starter/core/failure';
import { runsOf, stuckRuns } from './stuck';

/** What a build has done with the runs that it got. */
export interface Results {
  /** Ended as they should: completed, or refused for the sender's own file. */
  good: number;
  /** Ended for a reason of ours. */
  failed: number;
  /** Open, and get nowhere: the build's code throws, does not fit the history, or fails the same step again and again. */
  stuck: number;
  /** One reason, for the person who reads the log. */
  example?: string;
}

/** Runs that are looked at one by one; a rollout stops long before so many are bad. */
const LOOKED_AT = 50;

/** Results since a moment, of the runs that are pinned to a build. */
export async function resultsOf(client: Client, deployment: string, buildId: string, since: Date): Promise<Results> {
  const ended = `${runsOf(deployment, buildId)} AND CloseTime > ${quoted(since.toISOString())}`;
  const results: Results = { good: 0, failed: 0, stuck: 0 };
  results.good = (await client.workflow.count(`${ended} AND ExecutionStatus = "Completed"`)).count;
  for await (const run of first(client, `${ended} AND ExecutionStatus IN ("Failed", "TimedOut")`)) {
    const { type, message } = await failureOf(client, run.workflowId, run.runId);
    if (ERRORS[type as ErrorType]?.blame === 'input') results.good++;
    else {
      results.failed++;
      results.example ??= `${run.workflowId}: ${type}: ${message}`;
    }
  }
  for (const { workflowId, reason } of await stuckRuns(client, buildId, since)) {
    results.stuck++;
    results.example ??= `${workflowId}: ${reason}`;
  }
  return results;
}

async function* first(client: Client, query: string): AsyncGenerator<WorkflowExecutionInfo> {
  let left = LOOKED_AT;
  for await (const run of client.workflow.list({ query, pageSize: LOOKED_AT })) {
    if (left-- === 0) return;
    yield run;
  }
}

function quoted(text: string): string {
  return `"${text}"`;
}
