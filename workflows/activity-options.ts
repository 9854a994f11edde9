import type { RetryPolicy } from '@temporalio/common';
import { proxyActivities, workflowInfo, type ActivityOptions } from '@temporalio/workflow';
import type { Activities } from '../activities';
import { ACTIVITIES, poolOf, type ActivityName, type ActivityRow } from '../activities/registry';
import type { SourceFacts, WorkItem } from '../common/contracts';
import { NOT_RETRIED_BY_SERVER, type ErrorType } from '../common/errors';
import { LOST_AFTER_MS } from '../common/heartbeats';
import { queuePrefix, taskQueue } from '../common/pools';
import { attemptLimit } from './attempt-limit';

/**
 * The activities of an item, each with the options of its row in the activity table.
 * @param source what the probe found, where it has run: it bounds the attempts of later steps
 * @param more options for all of them
 */
export function activitiesOf(item: Bounds, source?: Bounding, more: ActivityOptions = {}): Activities {
  const scheduled = (name: ActivityName) =>
    proxyActivities<Activities>({ ...optionsOf(item, name, source), ...more })[name];
  return new Proxy({} as Activities, { get: (_, name) => scheduled(name as ActivityName) });
}

/** What options follow from. */
type Bounds = Pick<WorkItem, 'kind' | 'mode' | 'attemptSeconds'>;

/** What bounds the attempts of later steps. */
type Bounding = Pick<SourceFacts, 'bytes' | 'durationSeconds'>;

/** What the server calls an attempt that took longer than it may: the workflow counts those. */
const TOOK_TOO_LONG = 'TemporalTimeout:StartToClose';

/**
 * Retries go on without a count, because a lost worker or a store that is away says nothing about the item; they end with
 * `scheduleToCloseTimeout`, which counts waiting in the queue too and so is long.
 */
function optionsOf(item: Bounds, name: ActivityName, source?: Bounding): ActivityOptions {
  const { attempt, total }: ActivityRow = ACTIVITIES[name];
  const limit = attempt === 'bySource' ? (`${attemptLimit(source)}s` as const) : attempt;
  return {
    taskQueue: taskQueue(queuePrefix(workflowInfo().taskQueue), poolOf(name, item.kind)),
    startToCloseTimeout: item.attemptSeconds === undefined ? limit : `${item.attemptSeconds}s`,
    heartbeatTimeout: LOST_AFTER_MS[item.mode ?? 'batch'],
    scheduleToCloseTimeout: total ?? '7 days',
    retry: retriesExcept(),
  };
}

/** Retries by the server. @param types failures that the workflow answers itself, beside those that it always does */
export function retriesExcept(...types: ErrorType[]): RetryPolicy {
  return {
    initialInterval: '1s',
    backoffCoefficient: 2,
    maximumInterval: '1m',
    nonRetryableErrorTypes: [...NOT_RETRIED_BY_SERVER, TOOK_TOO_LONG, ...types],
  };
}
