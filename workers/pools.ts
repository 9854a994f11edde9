import { Worker, type NativeConnection, type WorkerOptions } from '@temporalio/worker';
import type { Activities } from '../activities';
import { activitiesOfPool } from '../activities/registry';
import type { Config } from '../common/config';
import { HEARTBEAT_MS, STICKY_MS } from '../common/heartbeats';
import { MODEL_NAMES, type ModelName } from '../common/models';
import { isMediaPool, taskQueue, warmQueue, type Pool } from '../common/pools';
import { dataConverterOf, workflowBundleOf } from '../temporal/encryption';
import type { Metrics } from '../common/metrics';
import { namespaceOf } from '../temporal/connect';
import { isTracing } from '../common/traces';
import type { ModelHost } from '../models/host';
import { modelTuner } from './model-workers';
import type { ScratchRoom } from './scratch/room';
import { SlotsWithRoom, tunerFor } from './scratch/slots';
import type { Slots } from './slots';
import { metricSinks } from './telemetry';
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
  models?: ModelHost;
  /** Default: those of the table; the bench has models of its own. */
  modelNames?: readonly ModelName[];
}

/** A Temporal worker, and what it serves. */
export interface PoolWorker {
  name: string;
  worker: Worker;
}

/** The Temporal workers of a pool: one for its task queue, and for models one more for each model's own. */
export async function createPoolWorkers(pool: Pool, deps: PoolDeps): Promise<PoolWorker[]> {
  const { config, models, room, slots } = deps;
  if (pool !== 'models' || models === undefined) return [{ name: pool, worker: await createPoolWorker(pool, deps) }];
  const ofModel = async (model?: ModelName): Promise<PoolWorker> => {
    const name = model === undefined ? pool : `${pool} ${model}`;
    const taskQueueOf = model === undefined ? {} : { taskQueue: warmQueue(config.queuePrefix, model) };
    const tuner = modelTuner(new SlotsWithRoom(model === undefined ? slots.models : 1, room), models, model);
    const own = { ...taskQueueOf, tuner, maxConcurrentActivityTaskPolls: 1 };
    return { name, worker: await Worker.create({ ...commonOptions(pool, deps), ...own }) };
  };
  return Promise.all([undefined, ...(deps.modelNames ?? MODEL_NAMES)].map(ofModel));
}

function commonOptions(pool: Pool, deps: PoolDeps): WorkerOptions {
  const { config } = deps;
  return {
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
}

function createPoolWorker(pool: Pool, deps: PoolDeps): Promise<Worker> {
  const { config } = deps;
  const common = commonOptions(pool, deps);
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
    sinks: { ...metricSinks(deps.metrics), ...traceSinks },
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
