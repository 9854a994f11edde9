import type { Client } from '@temporalio/client';
import { decodeOptionalSinglePayload } from '../../../temporal/sdk-internals';
import type { temporal } from '@temporalio/proto';
import { labelOf } from '../../../activities/registry';
import type { TaskInput } from '../../../common/tasks';

type Event = temporal.api.history.v1.IHistoryEvent;

/** One activity of an item as its history tells it; another try by the workflow is the same step. */
export interface StepView {
  /** `encode 720p` */
  name: string;
  /** `cancelled`: the run ended, or cancelled the step, before the step had a result. */
  state: 'waiting' | 'running' | 'done' | 'failed' | 'cancelled';
  attempts: number;
  /** ISO 8601: into the queue, taken by a worker (the last time), ended. */
  scheduledAt: string;
  startedAt?: string;
  endedAt?: string;
}

/** A step with the attempts of activities before its last one, and with how many of its activities have not ended. */
type Counted = StepView & { earlier: number; open: number };

/** Histories are short; this is a fence, not a page size. */
const MAX_PAGES = 5;

/**
 * The steps of a run with their times, in the order in which they were asked for.
 * Events of an activity that is under way come only with its end, so `describe`'s pending activities add to it.
 * @param closedAt when the run ended; undefined while it is open
 */
export async function stepsOf(
  client: Client,
  workflowId: string,
  runId: string,
  pending: readonly temporal.api.workflow.v1.IPendingActivityInfo[],
  closedAt?: Date,
): Promise<StepView[]> {
  const events: Event[] = [];
  let nextPageToken: Uint8Array | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const answer = await client.workflowService.getWorkflowExecutionHistory({
      namespace: client.options.namespace,
      execution: { workflowId, runId },
      nextPageToken,
    });
    events.push(...(answer.history?.events ?? []));
    nextPageToken = answer.nextPageToken ?? undefined;
    if (!nextPageToken?.length) break;
  }
  const texts = new Map<unknown, string>();
  for (const payload of events.flatMap(detailOf)) {
    const value: unknown = await decodeOptionalSinglePayload(client.options.loadedDataConverter, payload);
    const detail = textOf(value);
    if (detail !== undefined) texts.set(payload, detail);
  }
  return stepsFrom(events, pending, (payload) => texts.get(payload), closedAt);
}

/** Activities that may run several times for one item, and the argument that tells one from another. */
const DETAILS: Record<string, number> = { encodeRung: 2, makeOutputs: 1, joinRung: 1 };
/** The chunks of a long video are one step. */
const CHUNK = 'makeChunk';
const IN_CHUNKS = 'in chunks';

/** What tells one encode from another: the rung, or the task with its id. */
function detailOf({ activityTaskScheduledEventAttributes: scheduled }: Event): temporal.api.common.v1.IPayload[] {
  const at = DETAILS[scheduled?.activityType?.name ?? ''];
  return at === undefined ? [] : (scheduled?.input?.payloads?.slice(at, at + 1) ?? []);
}

/** `720p` of a rung, or `720p, 360p, poster` of a task that makes several outputs. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  const id = (value as Partial<TaskInput> | undefined)?.task?.id;
  return id?.replaceAll(/\b(encode|join) /g, '');
}

/** @param text what a payload says, if that is a text: the rung of an encode */
export function stepsFrom(
  events: readonly Event[],
  pending: readonly temporal.api.workflow.v1.IPendingActivityInfo[],
  text: (payload: temporal.api.common.v1.IPayload) => string | undefined,
  closedAt?: Date,
): StepView[] {
  const steps = new Map<string, Counted>();
  const byEvent = new Map<string, Counted>();
  const end = (id: unknown, event: Event, state: 'done' | 'failed' | 'cancelled'): void => {
    const step = byEvent.get(String(id));
    if (step === undefined) return;
    step.open--;
    if (step.open > 0 && state === 'done') return;
    Object.assign(step, { state, endedAt: timeOf(event.eventTime) });
  };
  for (const event of events) {
    const scheduled = event.activityTaskScheduledEventAttributes;
    const started = event.activityTaskStartedEventAttributes;
    if (scheduled) {
      const type = scheduled.activityType?.name ?? '';
      const [rung] = detailOf(event);
      const detail = rung && text(rung);
      const name = [labelOf(type), type === CHUNK ? IN_CHUNKS : detail].filter(Boolean).join(' ');
      const before = steps.get(name);
      const step: Counted = type === CHUNK && before ? before : another(name, event, before);
      if (type === CHUNK) step.earlier = 0;
      step.open++;
      delete step.endedAt;
      steps.set(name, step);
      byEvent.set(String(event.eventId), step);
      const now = pending.find(({ activityId }) => activityId === scheduled.activityId);
      if (now) tried(step, now.attempt, Number(now.state) === STARTED ? now.lastStartedTime : undefined);
    } else if (started) {
      const step = byEvent.get(String(started.scheduledEventId));
      if (step) tried(step, started.attempt, event.eventTime);
    }
    end(event.activityTaskCompletedEventAttributes?.scheduledEventId, event, 'done');
    end(event.activityTaskFailedEventAttributes?.scheduledEventId, event, 'failed');
    end(event.activityTaskTimedOutEventAttributes?.scheduledEventId, event, 'failed');
    end(event.activityTaskCanceledEventAttributes?.scheduledEventId, event, 'cancelled');
  }
  if (closedAt !== undefined) {
    // A run that fails or is terminated leaves no event for the activities that it had under way.
    for (const step of steps.values()) {
      if (step.endedAt === undefined) Object.assign(step, { state: 'cancelled', endedAt: closedAt.toISOString() });
    }
  }
  return [...steps.values()].map(({ earlier: _earlier, open: _open, ...step }) => step);
}

/** The step of an activity that was put into the queue; another try keeps the time of the first. */
function another(name: string, event: Event, before: Counted | undefined): Counted {
  const earlier = before?.attempts ?? 0;
  const scheduledAt = before?.scheduledAt ?? timeOf(event.eventTime) ?? '';
  return { name, state: 'waiting', attempts: earlier + 1, scheduledAt, earlier, open: 0 };
}

/**
 * Notes an attempt of an activity of the step. Of several chunks the step has the most attempts that any of them took, and
 * the first start.
 */
function tried(step: Counted, attempt: number | null | undefined, at: Time): void {
  const isOneOfMany = step.name.endsWith(IN_CHUNKS);
  step.attempts = Math.max(isOneOfMany ? step.attempts : 0, step.earlier + (attempt ?? 1));
  if (!at) return;
  step.state = 'running';
  if (!isOneOfMany || step.startedAt === undefined) step.startedAt = timeOf(at);
}

/** PENDING_ACTIVITY_STATE_STARTED */
const STARTED = 2;

type Time = { seconds?: unknown; nanos?: number | null } | null | undefined;

function timeOf(time: Time): string | undefined {
  if (!time) return undefined;
  return new Date(Number(time.seconds ?? 0) * 1000 + Math.floor((time.nanos ?? 0) / 1e6)).toISOString();
}
