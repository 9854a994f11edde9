import type { ConnectionLike } from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeOptionalFailureToOptionalError, decodeOptionalSinglePayload } from '../../../temporal/sdk-internals';
import { temporal } from '@temporalio/proto';
import { queuePrefix, taskQueue } from '../../../common/pools';
import { forEachBounded } from '../../../common/for-each-bounded';
import type { StepEvidence } from '../types';
import { secondsSince, toMs } from './clock';
import { poolOf, type OpenItem } from './open-items';
import type { Scope } from './queues';

const CONCURRENCY = 8;
/** Longest of what a worker said that is shown, in characters. */
const MAX_SAID = 200;

const { PENDING_ACTIVITY_STATE_STARTED, PENDING_ACTIVITY_STATE_SCHEDULED } = temporal.api.enums.v1.PendingActivityState;
const { PENDING_WORKFLOW_TASK_STATE_SCHEDULED } = temporal.api.enums.v1.PendingWorkflowTaskState;

type Description = Awaited<ReturnType<ConnectionLike['workflowService']['describeWorkflowExecution']>>;
type Activity = NonNullable<Description['pendingActivities']>[number];

/** A step, and what a second look compares. */
interface Look {
  step: StepEvidence;
  key: string;
  /** ms */
  heardAt: number;
}

/**
 * What the items wait for or do. Steps that run and tell figures are looked at twice, `gapMs` apart, to see whether the
 * figures grow: more than the time between two heartbeats.
 */
export async function lookAtSteps(scope: Scope, items: OpenItem[], gapMs: number): Promise<StepEvidence[]> {
  const first = await lookAt(scope, items);
  const telling = new Set(first.filter(tellsFigures).map(({ step }) => step.workflowId));
  if (telling.size === 0) return first.map(({ step }) => step);
  await sleep(gapMs);
  const before = new Map(first.map((look) => [look.key, look]));
  const second = await lookAt(
    scope,
    items.filter(({ workflowId }) => telling.has(workflowId)),
  );
  for (const { key, step, heardAt } of second) {
    const last = before.get(key);
    if (last === undefined) continue;
    step.stands = step.state === 'running' && heardAt > last.heardAt && figures(step) === figures(last.step);
  }
  return [...first.filter(({ step }) => !telling.has(step.workflowId)), ...second].map(({ step }) => step);
}

async function lookAt(scope: Scope, items: OpenItem[]): Promise<Look[]> {
  const { connection, namespace } = scope;
  const looks: Look[] = [];
  await forEachBounded(items, CONCURRENCY, async (item) => {
    const { workflowId, runId } = item;
    const described = await connection.workflowService.describeWorkflowExecution({
      namespace,
      execution: { workflowId, runId },
    });
    looks.push(...(await looksOf(scope, item, described, Date.now())));
  });
  return looks;
}

async function looksOf(
  scope: Scope,
  item: OpenItem,
  { pendingActivities, pendingWorkflowTask, workflowExecutionInfo }: Description,
  now: number,
): Promise<Look[]> {
  const source = await read(scope, workflowExecutionInfo?.memo?.fields?.['source']);
  const common = {
    workflowId: item.workflowId,
    source: typeof source === 'string' ? source : item.workflowId,
  };
  const looks = await Promise.all(
    (pendingActivities ?? []).map((activity) => lookOf(scope, item, activity, common, now)),
  );
  const task = pendingWorkflowTask;
  if (task?.state === PENDING_WORKFLOW_TASK_STATE_SCHEDULED) {
    const waitedSeconds = secondsSince(task.scheduledTime, now) ?? 0;
    const step = {
      ...common,
      queue: item.queue,
      activity: 'workflow',
      state: 'waiting',
      attempt: 1,
      waitedSeconds,
    } as const;
    looks.push({ key: '', heardAt: 0, step });
  }
  return looks;
}

/** Replacer: deaths of workers are for the attempt that comes after. */
const WITHOUT_TRAIL = (key: string, value: unknown): unknown => (key === 'trail' ? undefined : value);

async function lookOf(
  scope: Scope,
  item: OpenItem,
  activity: Activity,
  common: { workflowId: string; source: string },
  now: number,
): Promise<Look> {
  const { activityType, attempt, lastFailure, lastWorkerIdentity, lastHeartbeatTime, lastStartedTime } = activity;
  const heardAt = Math.max(toMs(lastHeartbeatTime) ?? 0, toMs(lastStartedTime) ?? 0);
  const state = stateOf(activity, now);
  const said = await read(scope, activity.heartbeatDetails?.payloads?.[0]);
  return {
    key: `${item.runId} ${activity.activityId} ${attempt}`,
    heardAt,
    step: {
      ...common,
      queue: activity.activityOptions?.taskQueue?.name || taskQueue(queuePrefix(item.queue), poolOf(item)),
      activity: activityType?.name ?? '',
      state,
      attempt: attempt ?? 1,
      failure: lastFailure ? await failureOf(scope, lastFailure) : undefined,
      worker: lastWorkerIdentity || undefined,
      waitedSeconds: secondsSince(activity.scheduledTime, now) ?? 0,
      silentSeconds: state === 'running' && heardAt > 0 ? Math.max(0, (now - heardAt) / 1000) : undefined,
      said: said === undefined ? undefined : JSON.stringify(said, WITHOUT_TRAIL).slice(0, MAX_SAID),
    },
  };
}

function stateOf({ state, nextAttemptScheduleTime }: Activity, now: number): StepEvidence['state'] {
  if (state === PENDING_ACTIVITY_STATE_STARTED) return 'running';
  const next = toMs(nextAttemptScheduleTime) ?? 0;
  // Paused ones, too, are nothing that a worker could take.
  return state === PENDING_ACTIVITY_STATE_SCHEDULED && next <= now ? 'waiting' : 'backing off';
}

type Failure = NonNullable<Activity['lastFailure']>;

async function failureOf({ converter }: Scope, failure: Failure): Promise<{ type: string; message: string }> {
  const type = failure.applicationFailureInfo?.type || (failure.timeoutFailureInfo ? 'Timeout' : 'Failure');
  // Encrypted by a key that is not here: the type still tells a good deal.
  const error = await decodeOptionalFailureToOptionalError(converter, failure).catch((reason: unknown) => reason);
  return { type, message: error instanceof Error ? error.message : '' };
}

/** Undefined: there is nothing, or nothing that can be read here. */
function read({ converter }: Scope, payload: Parameters<typeof decodeOptionalSinglePayload>[1]): Promise<unknown> {
  return decodeOptionalSinglePayload(converter, payload).then(
    (value) => value ?? undefined,
    () => undefined,
  );
}

function tellsFigures({ step }: Look): boolean {
  return step.state === 'running' && /\d/.test(figures(step));
}

/** What the worker said without the speed, which changes while nothing moves. */
function figures({ said = '' }: StepEvidence): string {
  return said.replace(/"speed":[^,}]*/, '');
}
