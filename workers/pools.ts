import { Worker, type NativeConnection, type WorkerOptions } from '@temporalio/worker';
import type { Activities } from '../activities';
import { activitiesOfPool } from '../activities/registry';
import type { Config } from '../common/config';
import { HEARTBEAT_MS, STICKY_MS } from '../common/heartbeats';
import { isMediaPool, taskQueue, type Pool } from '../common/pools';
import { dataConverterOf, workflowBundleOf } from '../temporal/encryption';
import type { Metrics } from '../common/metrics';
import { namespaceOf } from '../temporal/connect';
import { isTracing } from '../common/traces';
import type { ScratchRoom } from './scratch/room';
import { tunerFor } from './scratch/slots';
import type { Slots } from './slots';
import { itemSinks } from './telemetry';
import { traceActivities, traceSinks } from './traces';

/** Requests for a task that may be open at once; the SDK's own default. */
const MOST_POLLS = 10;

/** They only wait for other people's servers. */
const WEBHOOKS_AT_ONCE = 50;

export interface PoolDeps {
  config: Config;
  connection: NativeConnection;
  activities: Activities;
  slots: Slots;
  metrics: Metrics;
  room: ScratchRoom;
}

/** One Temporal worker for a pool's task queue. */
export function createPoolWorker(pool: Pool, deps: PoolDeps): Promise<Worker> {
  const { config } = deps;
  const common: WorkerOptions = {
    connection: deps.connection,
    namespace: namespaceOf(config),
    dataConverter: dataConverterOf(config),
    taskQueue: taskQueue(config.queuePrefix, pool),
    // Only its own: an activity that is scheduled on the wrong queue fails at once and by name.
    activities: Object.fromEntries(activitiesOfPool(pool).map((name) => [name, deps.activities[name]])),
    shutdownGraceTime: config.shutdownGrace,
    shutdownForceTime: config.shutdownForce,
    maxHeartbeatThrottleInterval: HEARTBEAT_MS,
    ...(isTracing() && { interceptors: { activity: [traceActivities] } }),
    ...versioning(config),
  };
  if (isMediaPool(pool)) {
    const slots = deps.slots[pool];
    const polls = Math.min(MOST_POLLS, slots);
    return Worker.create({ ...common, tuner: tunerFor(slots, deps.room), maxConcurrentActivityTaskPolls: polls });
  }
  return Worker.create({
    ...common,
    workflowBundle: workflowBundleOf(config),
    maxCachedWorkflows: config.maxCachedWorkflows,
    stickyQueueScheduleToStartTimeout: STICKY_MS,
    sinks: { ...itemSinks(deps.metrics), ...traceSinks },
    maxConcurrentActivityTaskExecutions: WEBHOOKS_AT_ONCE,
  });
}

/** A versioned worker gets no task until its version is made current: off unless a build id is given. */
function versioning(config: Config): Partial<WorkerOptions> {
  if (config.buildId === undefined) return {};
  return {
    workerDeploymentOptions: {
      version: { deploymentName: config.deploymentName, buildId: config.buildId },
      useWorkerVersioning: true,
      defaultVersioningBehavior: 'PINNED',
    },
  };
}
