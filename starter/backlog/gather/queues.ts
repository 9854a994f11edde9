import type { ConnectionLike } from '@temporalio/client';
import type { LoadedDataConverter } from '@temporalio/common';
import { temporal } from '@temporalio/proto';
import type { Pool } from '../../../common/pools';
import type { QueueEvidence } from '../types';
import { toMs } from './clock';

/** A long poll lasts 60 s; who has not asked for so long is gone, though the server remembers pollers for five minutes. */
const POLLER_MS = 90_000;
/** The server's own limit where nobody has set one. */
const { RATE_LIMIT_SOURCE_API, RATE_LIMIT_SOURCE_WORKER } = temporal.api.enums.v1.RateLimitSource;
const { TASK_QUEUE_TYPE_ACTIVITY, TASK_QUEUE_TYPE_WORKFLOW } = temporal.api.enums.v1.TaskQueueType;
/** What the SDK says where its user has set no limit. */
const NO_LIMIT = 100_000;

export interface Scope {
  connection: ConnectionLike;
  namespace: string;
  /** Reads what may be encrypted. */
  converter: LoadedDataConverter;
}

/** With when each worker asked last, ms. */
export type DescribedQueue = QueueEvidence & { asked: Map<string, number> };

/** The server's view of one queue; what the items say is added later. */
export async function describeQueue(
  { connection, namespace }: Scope,
  name: string,
  pool: Pool,
): Promise<DescribedQueue> {
  const { stats, pollers, effectiveRateLimit } = await connection.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name },
    taskQueueType: pool === 'workflows' ? TASK_QUEUE_TYPE_WORKFLOW : TASK_QUEUE_TYPE_ACTIVITY,
    reportStats: true,
    reportConfig: true,
  });
  const since = Date.now() - POLLER_MS;
  const alive = (pollers ?? []).filter(({ lastAccessTime }) => (toMs(lastAccessTime) ?? 0) > since);
  const asked = new Map<string, number>();
  for (const { identity, lastAccessTime } of alive) {
    const name = identity ?? '';
    asked.set(name, Math.max(asked.get(name) ?? 0, toMs(lastAccessTime) ?? 0));
  }
  return {
    name,
    pool,
    waiting: Number(stats?.approximateBacklogCount ?? 0),
    oldestSeconds: Number(stats?.approximateBacklogAge?.seconds ?? 0),
    workers: [...asked.keys()],
    asked,
    gone: [],
    running: 0,
    dispatchRate: stats?.tasksDispatchRate ?? 0,
    limit: limitOf(effectiveRateLimit),
  };
}

function limitOf(
  limit: { requestsPerSecond?: number | null; rateLimitSource?: number | null } | null | undefined,
): QueueEvidence['limit'] {
  const perSecond = limit?.requestsPerSecond ?? 0;
  if (limit?.rateLimitSource === RATE_LIMIT_SOURCE_API) return { perSecond, by: 'api' };
  if (limit?.rateLimitSource === RATE_LIMIT_SOURCE_WORKER && perSecond < NO_LIMIT) return { perSecond, by: 'worker' };
  return undefined;
}
