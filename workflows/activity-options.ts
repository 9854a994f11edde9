import { workflowInfo, type ActivityOptions } from '@temporalio/workflow';
import type { Duration } from '@temporalio/common';
import { queuePrefix, taskQueue, type Pool, type WorkItem } from '../common/contracts';
import { NOT_RETRIED_BY_SERVER } from '../common/errors';

/**
 * Options of an activity of one pool. Retries go on without a count, because a lost worker or a store that is away says
 * nothing about the item; they end with `scheduleToCloseTimeout`, which counts waiting in the queue too and so is long.
 * @param attempt bound of one attempt, unless the item brings its own
 */
export function poolOptions(item: WorkItem, pool: Pool, attempt: Duration): ActivityOptions {
  return {
    taskQueue: taskQueue(queuePrefix(workflowInfo().taskQueue), pool),
    startToCloseTimeout: item.attemptSeconds === undefined ? attempt : `${item.attemptSeconds}s`,
    // Silence after which the worker counts as lost.
    heartbeatTimeout: '30s',
    scheduleToCloseTimeout: '7 days',
    retry: {
      initialInterval: '1s',
      backoffCoefficient: 2,
      maximumInterval: '1m',
      nonRetryableErrorTypes: NOT_RETRIED_BY_SERVER,
    },
  };
}
