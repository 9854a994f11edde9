import type { ConnectionLike } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { KINDS, MEDIA_KINDS, type MediaKind } from '../../common/kinds';
import { pausedCondition } from '../../temporal/batches/paused';
import { POOL_NAMES, POOLS, taskQueue, type Pool } from '../../common/pools';

/**
 * A poller that has not asked for so long is gone: a long poll lasts 60 s, and the server itself forgets pollers only after
 * five minutes, in which a killed worker would still look alive.
 */
const POLLER_MS = 90_000;

/** One task queue, as Temporal sees it now. */
export interface QueueSample {
  queue: string;
  backlog: number;
  /** Seconds that the oldest task has waited. */
  ageSeconds: number;
  pollers: number;
  /** Tasks per second. */
  addRate: number;
  dispatchRate: number;
}

/** Where and what to ask. */
export interface QueueScope {
  connection: ConnectionLike;
  namespace: string;
  queuePrefix: string;
}

const { TASK_QUEUE_TYPE_ACTIVITY, TASK_QUEUE_TYPE_WORKFLOW } = temporal.api.enums.v1.TaskQueueType;

/** Backlog, its age, rates and pollers of the three queues. */
export function sampleQueues(scope: QueueScope): Promise<QueueSample[]> {
  return Promise.all(POOL_NAMES.map((pool) => sampleQueue(scope, pool)));
}

async function sampleQueue({ connection, namespace, queuePrefix }: QueueScope, pool: Pool): Promise<QueueSample> {
  const queue = taskQueue(queuePrefix, pool);
  const { stats, pollers } = await connection.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name: queue },
    taskQueueType: POOLS[pool].carries === 'workflows' ? TASK_QUEUE_TYPE_WORKFLOW : TASK_QUEUE_TYPE_ACTIVITY,
    reportStats: true,
  });
  const since = Date.now() - POLLER_MS;
  const alive = (pollers ?? []).filter(({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) * 1000 > since);
  return {
    queue,
    backlog: Number(stats?.approximateBacklogCount ?? 0),
    ageSeconds: Number(stats?.approximateBacklogAge?.seconds ?? 0),
    pollers: new Set(alive.map(({ identity }) => identity)).size,
    addRate: stats?.tasksAddRate ?? 0,
    dispatchRate: stats?.tasksDispatchRate ?? 0,
  };
}

/** Open items by kind, from the visibility store: a second or so behind. @param condition that they have to fulfil beside */
export async function countOpen(
  { connection, namespace }: QueueScope,
  condition?: string,
): Promise<Record<MediaKind, number>> {
  const count = async (kind: MediaKind): Promise<number> => {
    const open = `WorkflowType = "${KINDS[kind].workflow}" AND ExecutionStatus = "Running"`;
    const query = condition === undefined ? open : `${open} AND ${condition}`;
    return Number((await connection.workflowService.countWorkflowExecutions({ namespace, query })).count);
  };
  const counts = await Promise.all(MEDIA_KINDS.map(async (kind) => [kind, await count(kind)] as const));
  return Object.fromEntries(counts) as Record<MediaKind, number>;
}

/** Those of the open items that are paused. Empty where runs cannot show it. */
export async function countPausedByKind(scope: QueueScope): Promise<Partial<Record<MediaKind, number>>> {
  const condition = await pausedCondition(scope.connection, scope.namespace);
  return condition === undefined ? {} : countOpen(scope, condition);
}
