import type { ConnectionLike } from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporal } from '@temporalio/proto';
import { queuePrefix, taskQueue } from '../../../../common/contracts';
import { forEachBounded } from '../../../core/lib/pool';
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
 * figures grow: more than the 5 s within which a worker sends only one heartbeat.
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

async function lookAt({ connection, namespace }: Scope, items: OpenItem[]): Promise<Look[]> {
  const looks: Look[] = [];
  await forEachBounded(items, CONCURRENCY, async (item) => {
    const { workflowId, runId } = item;
    const described = await connection.workflowService.describeWorkflowExecution({
      namespace,
      execution: { workflowId, runId },
    });
    looks.push(...looksOf(item, described, Date.now()));
  });
  return looks;
}

function looksOf(
  item: OpenItem,
  { pendingActivities, pendingWorkflowTask, workflowExecutionInfo }: Description,
  now: number,
): Look[] {
  const common = {
    workflowId: item.workflowId,
    source: sourceOf(workflowExecutionInfo?.memo?.fields) ?? item.workflowId,
  };
  const looks = (pendingActivities ?? []).map((activity) => lookOf(item, activity, common, now));
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

function lookOf(item: OpenItem, activity: Activity, common: { workflowId: string; source: string }, now: number): Look {
  const { activityType, attempt, lastFailure, lastWorkerIdentity, lastHeartbeatTime, lastStartedTime } = activity;
  const heardAt = Math.max(toMs(lastHeartbeatTime) ?? 0, toMs(lastStartedTime) ?? 0);
  const state = stateOf(activity, now);
  const said = activity.heartbeatDetails?.payloads?.[0]?.data;
  return {
    key: `${item.runId} ${activity.activityId} ${attempt}`,
    heardAt,
    step: {
      ...common,
      queue: activity.activityOptions?.taskQueue?.name || taskQueue(queuePrefix(item.queue), poolOf(item)),
      activity: activityType?.name ?? '',
      state,
      attempt: attempt ?? 1,
      failure: lastFailure ? { type: failureType(lastFailure), message: lastFailure.message ?? '' } : undefined,
      worker: lastWorkerIdentity || undefined,
      waitedSeconds: secondsSince(activity.scheduledTime, now) ?? 0,
      silentSeconds: state === 'running' && heardAt > 0 ? Math.max(0, (now - heardAt) / 1000) : undefined,
      said: said ? Buffer.from(said).toString('utf8').slice(0, MAX_SAID) : undefined,
    },
  };
}

function stateOf({ state, nextAttemptScheduleTime }: Activity, now: number): StepEvidence['state'] {
  if (state === PENDING_ACTIVITY_STATE_STARTED) return 'running';
  const next = toMs(nextAttemptScheduleTime) ?? 0;
  // Paused ones, too, are nothing that a worker could take.
  return state === PENDING_ACTIVITY_STATE_SCHEDULED && next <= now ? 'waiting' : 'backing off';
}

function failureType(failure: NonNullable<Activity['lastFailure']>): string {
  return failure.applicationFailureInfo?.type || (failure.timeoutFailureInfo ? 'Timeout' : 'Failure');
}

function sourceOf(fields: Record<string, { data?: Uint8Array | null }> | null | undefined): string | undefined {
  const data = fields?.['source']?.data;
  if (!data) return undefined;
  try {
    return String(JSON.parse(Buffer.from(data).toString('utf8')));
  } catch {
    return undefined;
  }
}

function tellsFigures({ step }: Look): boolean {
  return step.state === 'running' && /\d/.test(figures(step));
}

/** What the worker said without the speed, which changes while nothing moves. */
function figures({ said = '' }: StepEvidence): string {
  return said.replace(/"speed":[^,}]*/, '');
}
