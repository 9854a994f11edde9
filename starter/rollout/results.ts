import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { decodeOptionalFailureToOptionalError } from '@temporalio/common/lib/internal-non-workflow';
import { ERRORS, type ErrorType } from '../../common/errors';
import { failureOf } from '../core/failure';
import { WORKFLOW_TYPES } from '../core/submit';

/** What a build has done with the runs that it got. */
export interface Results {
  /** Ended as they should: completed, or refused for the sender's own file. */
  good: number;
  /** Ended for a reason of ours. */
  failed: number;
  /** Open, and their workflow task fails again and again: the build's own code throws, or does not fit the history. */
  stuck: number;
  /** One reason, for the person who reads the log. */
  example?: string;
}

/** Runs that are looked at one by one; a rollout stops long before so many are bad. */
const LOOKED_AT = 50;

export const TYPES = `WorkflowType IN (${Object.values(WORKFLOW_TYPES).map(quoted).join(', ')})`;

/** Results since a moment, of the runs that are pinned to a build. */
export async function resultsOf(client: Client, deployment: string, buildId: string, since: Date): Promise<Results> {
  // Servers before 1.32 join the two with a dot.
  const version = `TemporalWorkerDeploymentVersion IN (${[':', '.'].map((dot) => quoted(deployment + dot + buildId)).join(', ')})`;
  const ended = `${version} AND CloseTime > ${quoted(since.toISOString())}`;
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
  const open = `${TYPES} AND ExecutionStatus = "Running" AND StartTime > ${quoted(since.toISOString())}`;
  for await (const run of first(client, open)) {
    const problem = await stuckBy(client, run, buildId);
    if (problem === undefined) continue;
    results.stuck++;
    results.example ??= `${run.workflowId}: ${problem}`;
  }
  return results;
}

/** Why a run's workflow task failed on the build; undefined where it did not. A run says its version only after its first task. */
async function stuckBy(client: Client, run: WorkflowExecutionInfo, buildId: string): Promise<string | undefined> {
  const handle = client.workflow.getHandle(run.workflowId, run.runId);
  const { raw } = await handle.describe();
  if ((raw.pendingWorkflowTask?.attempt ?? 0) < 2) return undefined;
  const { events } = await handle.fetchHistory();
  const failed = events?.at(-1)?.workflowTaskFailedEventAttributes;
  if (!failed) return undefined;
  const by = failed.workerVersion?.buildId;
  if (by && by !== buildId) return undefined;
  const failure = await decodeOptionalFailureToOptionalError(client.options.loadedDataConverter, failed.failure);
  return failure?.message ?? 'a workflow task failed';
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
