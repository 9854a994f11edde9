import type { Client } from '@temporalio/client';
import { HELD, WORKFLOW_TASK_MS } from '../../common/heartbeats';
import {
  holdActivity,
  isDeciding,
  pendingActivities,
  releaseActivity,
  resetActivity,
  type Execution,
} from '../pending';
import { pause, restart, resume } from '../signals';
import { unlessNotFound } from '../grpc';
import { sleepUnlessAborted } from '../../common/sleep';

const FIRST_LOOK_MS = 20;
const LAST_LOOK_MS = 500;

/**
 * Pauses one run: its workflow starts no further step, and what it has queued already is held by the server, also where it
 * waits for its next attempt. What runs, runs to its end.
 * @param mark see the signal
 * @returns whether a step was under way
 */
export async function pauseRun(client: Client, run: Execution, mark: boolean): Promise<boolean> {
  const handle = client.workflow.getHandle(run.workflowId, run.runId);
  await handle.signal(pause, mark);
  const deadline = Date.now() + WORKFLOW_TASK_MS.batch;
  for (let wait = FIRST_LOOK_MS; ; wait = Math.min(LAST_LOOK_MS, wait * 2)) {
    const look = await handle.describe();
    const pending = pendingActivities(look);
    const queued = pending.filter(({ state }) => state === 'queued');
    // An activity that ends meanwhile needs nothing.
    await Promise.all(queued.map(({ id }) => unlessNotFound(holdActivity(client, run, id))));
    // A decision that began before the signal may still queue a step.
    if (!isDeciding(look) || Date.now() > deadline) return pending.some(({ state }) => state === 'running');
    await sleepUnlessAborted(wait);
  }
}

/** Lets a paused run go on. */
export async function resumeRun(client: Client, run: Execution): Promise<void> {
  const handle = client.workflow.getHandle(run.workflowId, run.runId);
  await handle.signal(resume);
  const pending = pendingActivities(await handle.describe());
  const calls = pending.flatMap(({ id, state, lastFailure }) => {
    if (state === 'held') return [releaseActivity(client, run, id)];
    // It would look again by itself, but only after a while.
    return state === 'queued' && lastFailure === HELD ? [resetActivity(client, run, id)] : [];
  });
  await Promise.all(calls.map(unlessNotFound));
}

/**
 * Has the steps of a run that are under way, or wait for their next attempt, begin again; those that are done stay.
 * @returns how many
 */
export async function restartRun(client: Client, run: Execution): Promise<number> {
  const handle = client.workflow.getHandle(run.workflowId, run.runId);
  // Where the workflow itself waits before it tries a step again.
  await handle.signal(restart);
  const pending = pendingActivities(await handle.describe());
  const begun = pending.filter(({ state, attempt }) => state === 'running' || attempt > 1);
  await Promise.all(begun.map(({ id }) => unlessNotFound(resetActivity(client, run, id))));
  return begun.length;
}
