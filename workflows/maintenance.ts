import { ActivityFailure, executeChild, isCancellation, proxyActivities, workflowInfo } from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { Activities } from '../activities';
import { ACTIVITIES } from '../activities/registry';
import { LOST_AFTER_MS } from '../common/heartbeats';
import {
  maintenanceId,
  type MaintenanceInput,
  type MaintenanceResult,
  type MaintenanceStep,
  type StepResult,
} from '../common/maintenance';
import { queuePrefix } from '../common/pools';

/** Runs the steps side by side; a step that fails is tried again, and does not stop the others. */
export async function maintenance(input: MaintenanceInput): Promise<MaintenanceResult> {
  const { cleanup, deadLetters } = input;
  return { cleanup, deadLetters, steps: await Promise.all(input.steps.map((step) => runStep(step, input))) };
}

async function runStep(step: MaintenanceStep, { cleanup, deadLetters }: MaintenanceInput): Promise<StepResult> {
  const { maintain } = proxyActivities<Activities>({
    startToCloseTimeout: ACTIVITIES.maintain.attempt,
    scheduleToCloseTimeout: ACTIVITIES.maintain.total,
    heartbeatTimeout: LOST_AFTER_MS.batch,
    retry: { initialInterval: '2s', backoffCoefficient: 3, maximumInterval: '2m', maximumAttempts: 6 },
  });
  try {
    return { step, ...(await maintain(step, cleanup, deadLetters)) };
  } catch (error) {
    if (isCancellation(error)) throw error;
    const cause = error instanceof ActivityFailure ? (error.cause ?? error) : error;
    const message = cause instanceof Error ? cause.message : String(cause);
    return { step, found: 0, removed: 0, bytes: 0, examples: [], error: message };
  }
}

/** What the Schedule starts, under an id of the server's making; the maintenance itself is one, whoever starts it. */
export async function scheduledMaintenance(input: MaintenanceInput): Promise<MaintenanceResult | undefined> {
  const workflowId = maintenanceId(queuePrefix(workflowInfo().taskQueue));
  try {
    return await executeChild(maintenance, { args: [input], workflowId });
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return undefined;
    throw error;
  }
}
