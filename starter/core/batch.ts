import type { Client } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { POOL_NAMES, POOLS, taskQueue, type Pool } from '../../common/pools';
import { countBatch, type BatchCounts } from '../../temporal/batches/count';
import { countPaused } from '../../temporal/batches/paused';

export interface QueueState {
  pool: Pool;
  /** Tasks that no worker has taken yet; the server's estimate, of all batches together. */
  backlog: number;
  /** ms that the oldest of them has waited; 0: none waits. */
  ageMs: number;
  /** Workers that asked for work of this queue within the last minutes. */
  pollers: number;
}

/** Backlog and pollers of the three queues. */
export function describeQueues(client: Client, queuePrefix: string): Promise<QueueState[]> {
  return Promise.all(
    POOL_NAMES.map(async (pool) => {
      const response = await client.workflowService.describeTaskQueue({
        namespace: client.options.namespace,
        taskQueue: { name: taskQueue(queuePrefix, pool) },
        taskQueueType:
          POOLS[pool].carries === 'workflows'
            ? temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
            : temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
        reportStats: true,
      });
      return {
        pool,
        backlog: Number(response.stats?.approximateBacklogCount ?? 0),
        ageMs: Number(response.stats?.approximateBacklogAge?.seconds ?? 0) * 1000,
        pollers: response.pollers?.length ?? 0,
      };
    }),
  );
}

export interface BatchProgress extends BatchCounts {
  /** Of the open ones: paused, also where a step still runs to its end; still in a queue. The rest runs. */
  paused: number;
  waiting: number;
  running: number;
  /** Queues that hold work and that no worker serves: it waits until one comes. */
  unserved: Pool[];
}

/** How many items can run at once, where somebody knows. */
export interface KnownSlots {
  least: number;
  most: number;
}

/** @param slots mends the estimate: the server tells the backlog with up to five seconds' delay, and in tasks */
export async function batchProgress(
  client: Client,
  queuePrefix: string,
  batchId: string,
  since?: Date,
  slots: KnownSlots = { least: 1, most: Infinity },
): Promise<BatchProgress> {
  const [counts, queues, allPaused] = await Promise.all([
    countBatch(client, batchId, since),
    describeQueues(client, queuePrefix),
    countPaused(client, batchId),
  ]);
  const unserved = queues.filter(
    ({ pool, backlog, pollers }) => pollers === 0 && (backlog > 0 || pool === 'workflows'),
  );
  const backlog = queues.reduce((sum, queue) => sum + queue.backlog, 0);
  const isServed = unserved.every(({ pool }) => pool !== 'workflows');
  // Other batches are in the queues too, so the backlog may be more than what is open here.
  const paused = Math.min(allPaused, counts.open);
  const active = counts.open - paused;
  const guess = Math.min(slots.most, Math.max(slots.least, active - backlog));
  const running = isServed ? Math.min(active, guess) : 0;
  return {
    ...counts,
    ...{ paused, running },
    waiting: active - running,
    unserved: counts.open > 0 ? unserved.map(({ pool }) => pool) : [],
  };
}
