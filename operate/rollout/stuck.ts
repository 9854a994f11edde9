import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { decodeOptionalFailureToOptionalError } from '../../temporal/sdk-internals';
import { grpcCode, NOT_FOUND } from '../../temporal/grpc';
import { ITEM_WORKFLOWS } from '../../common/kinds';

type Failure = Parameters<typeof decodeOptionalFailureToOptionalError>[1];
type BuildVersion = { deploymentName: string; buildId: string };
type WorkflowExecution = { workflowId: string; runId: string };

/** An open run that gets nowhere on a build, and why. */
export interface StuckRun {
  workflowId: string;
  runId: string;
  reason: string;
}

/** A workflow task that failed is tried again at once; a step that failed so often is no accident. */
const WORKFLOW_TASK_ATTEMPTS = 2;
const STEP_ATTEMPTS = 3;
/** Three attempts with the waits between them, ms. */
const MIN_AGE_MS = 4000;
/** Open runs that are looked at one by one; a rollout stops long before so many are stuck. */
const LOOKED_AT = 50;

export const TYPES = `WorkflowType IN (${ITEM_WORKFLOWS.map((type) => `"${type}"`).join(', ')})`;

/** A query for the runs that are pinned to a build. Servers before 1.32 join the two names with a dot. */
export function runsOf(deploymentName: string, buildId: string): string {
  return `TemporalWorkerDeploymentVersion IN ("${deploymentName}:${buildId}", "${deploymentName}.${buildId}")`;
}

/** Runs since a moment that the build's own code holds up, or that try one step again and again on it. */
export async function stuckRuns(client: Client, buildId: string, since: Date): Promise<StuckRun[]> {
  // The newest come first, and cannot have tried often enough yet.
  const until = new Date(Date.now() - MIN_AGE_MS).toISOString();
  const query = `${TYPES} AND ExecutionStatus = "Running" AND StartTime BETWEEN "${since.toISOString()}" AND "${until}"`;
  const stuck: StuckRun[] = [];
  let left = LOOKED_AT;
  for await (const run of client.workflow.list({ query, pageSize: LOOKED_AT })) {
    if (left-- === 0) break;
    const reason = await reasonOf(client, run, buildId);
    if (reason !== undefined) stuck.push({ workflowId: run.workflowId, runId: run.runId, reason });
  }
  return stuck;
}

async function reasonOf(client: Client, run: WorkflowExecutionInfo, buildId: string): Promise<string | undefined> {
  const handle = client.workflow.getHandle(run.workflowId, run.runId);
  const { raw } = await handle.describe();
  const pinned = raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId;
  const step = raw.pendingActivities?.find(
    ({ attempt, lastFailure }) => lastFailure && (attempt ?? 0) >= STEP_ATTEMPTS,
  );
  if (step && pinned === buildId) return messageOf(client, step.lastFailure);
  if ((raw.pendingWorkflowTask?.attempt ?? 0) < WORKFLOW_TASK_ATTEMPTS) return undefined;
  // A run is pinned with its first workflow task that succeeds; until then only the failed task says where it was.
  const { events } = await handle.fetchHistory();
  const failed = events?.at(-1)?.workflowTaskFailedEventAttributes;
  const by = failed?.workerVersion?.buildId || pinned || buildId;
  return failed && by === buildId ? messageOf(client, failed.failure) : undefined;
}

/** What the failure says, decrypted where what Temporal stores is encrypted. */
async function messageOf(client: Client, failure: Failure): Promise<string> {
  const error = await decodeOptionalFailureToOptionalError(client.options.loadedDataConverter, failure);
  return error?.message ?? 'a task fails again and again';
}

/**
 * Gives every open run of a build to another one from its next task on; steps that wait for another attempt go along.
 * @returns how many
 */
export async function moveRuns(client: Client, deploymentName: string, from: string, to: string): Promise<number> {
  const moved = new Set<string>();
  // The list lags behind by a moment, and a run may just have been given to the build.
  for (let calm = 0; calm < 3; calm++) {
    const open = client.workflow.list({ query: `${runsOf(deploymentName, from)} AND ExecutionStatus = "Running"` });
    for await (const { workflowId, runId } of open) {
      if (moved.has(runId)) continue;
      await moveRun(client, { workflowId, runId }, { deploymentName, buildId: to });
      moved.add(runId);
      calm = -1;
    }
    await sleep(500);
  }
  return moved.size;
}

async function moveRun(client: Client, workflowExecution: WorkflowExecution, version: BuildVersion): Promise<void> {
  const { PINNED_OVERRIDE_BEHAVIOR_PINNED: behavior } =
    temporal.api.workflow.v1.VersioningOverride.PinnedOverrideBehavior;
  try {
    await client.workflowService.updateWorkflowExecutionOptions({
      namespace: client.options.namespace,
      workflowExecution,
      workflowExecutionOptions: { versioningOverride: { pinned: { behavior, version } } },
      updateMask: { paths: ['versioning_override'] },
    });
  } catch (error) {
    // It ended meanwhile.
    if (grpcCode(error) !== NOT_FOUND) throw error;
  }
}
