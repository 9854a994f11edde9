/** The server's own operations on activities that have not ended. What a server lacks is refused by the version that has it. */
import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { DarkroomError } from '../common/errors';

/** One run. */
export interface Execution {
  workflowId: string;
  runId: string;
}

/** An activity of an open run. */
export interface PendingActivity {
  id: string;
  /** `held`: paused by the server. `queued`: waits for a worker, or for its next attempt. */
  state: 'queued' | 'running' | 'held';
  attempt: number;
  /** Type of the failure of the attempt before. */
  lastFailure?: string;
}

const { PendingActivityState: STATES, PendingWorkflowTaskState: TASKS } = temporal.api.enums.v1;
const GRPC_INVALID_ARGUMENT = 3;
const GRPC_UNIMPLEMENTED = 12;

export function pendingActivities({ raw }: Pick<WorkflowExecutionDescription, 'raw'>): PendingActivity[] {
  return (raw.pendingActivities ?? []).map(({ activityId, state, paused, attempt, lastFailure }) => {
    const runs =
      state === STATES.PENDING_ACTIVITY_STATE_STARTED || state === STATES.PENDING_ACTIVITY_STATE_PAUSE_REQUESTED;
    return {
      id: activityId ?? '',
      state: paused ? 'held' : runs ? 'running' : 'queued',
      attempt: attempt ?? 1,
      lastFailure: lastFailure?.applicationFailureInfo?.type ?? undefined,
    };
  });
}

/** Does a worker decide right now what comes next in the run? */
export function isDeciding({ raw }: Pick<WorkflowExecutionDescription, 'raw'>): boolean {
  return raw.pendingWorkflowTask?.state === TASKS.PENDING_WORKFLOW_TASK_STATE_STARTED;
}

/** No attempt of the activity starts until it is let go. One that runs is told so by its heartbeat, so only queued ones are meant. */
export async function holdActivity(
  { workflowService, options }: Client,
  execution: Execution,
  id: string,
): Promise<void> {
  const { namespace, identity } = options;
  await needs('1.28', 'hold what is queued already', () =>
    workflowService.pauseActivity({ namespace, identity, execution, id, reason: 'Darkroom: pause' }),
  );
}

/** Lets a held activity go. */
export async function releaseActivity(
  { workflowService, options }: Client,
  execution: Execution,
  id: string,
): Promise<void> {
  const { namespace, identity } = options;
  await needs('1.28', 'let go what is held', () =>
    workflowService.unpauseActivity({ namespace, identity, execution, id }),
  );
}

/**
 * Starts an activity from its first attempt again: at once where it waits for its next attempt; where it runs, the attempt is
 * told so by its heartbeat and gives up.
 */
export async function resetActivity(
  { workflowService, options }: Client,
  execution: Execution,
  id: string,
): Promise<void> {
  const { namespace, identity } = options;
  await needs('1.28', 'start a step again', () =>
    workflowService.resetActivity({ namespace, identity, execution, id, keepPaused: true }),
  );
}

/**
 * @param refusal what an older server says of arguments that it does not know
 * @throws DarkroomError ServerTooOld where the server does not know the call
 */
export async function needs<T>(version: string, what: string, call: () => Promise<T>, refusal?: RegExp): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const { code, details = '' } = error as { code?: number; details?: string };
    const isUnknown = code === GRPC_UNIMPLEMENTED || (code === GRPC_INVALID_ARGUMENT && refusal?.test(details));
    if (!isUnknown) throw error;
    throw new DarkroomError(
      'ServerTooOld',
      `This Temporal server cannot ${what}: that needs version ${version} or newer.`,
    );
  }
}
