import path from 'node:path';
import { NativeConnection } from '@temporalio/worker';
import { createActivities } from '../activities';
import { isolation, isolationGap, isolationHas } from '../common/apart';
import { SourceCache } from '../activities/source-cache';
import { loadConfig, type Config } from '../common/config';
import { listenFailure, serveHealth, type DependencyState } from '../common/health';
import { createLogger, type Logger } from '../common/logger';
import { takesNoArguments } from '../common/no-arguments';
import { createMetrics } from '../common/metrics';
import { isMediaPool } from '../common/pools';
import { connectionOptions } from '../temporal/connect';
import { startTraces, stopTraces } from '../common/traces';
import { createStorage } from '../storage';
import { createImagePool, ffmpegSettings, toolVersions } from './media-tools';
import { createModelHost } from './model-tools';
import { observePools } from './observe';
import { warmQueuesOf } from './model-workers';
import { createPoolWorkers, type PoolWorker } from './pools';
import { openScratch, type Scratch } from './scratch';
import { planSlots, uvThreads } from './slots';
import { installRuntime } from './telemetry';

/** The worker process: serves the pools of its configuration until SIGTERM or SIGINT, then leaves in good order. */
async function main(): Promise<void> {
  takesNoArguments('worker', 'A worker: serves the pools of its configuration until SIGTERM or SIGINT.');
  const config = loadConfig();
  const logger = createLogger(config, 'worker');
  const slots = planSlots(config);
  // libuv reads it when its pool is first used, which is later than this line.
  process.env['UV_THREADPOOL_SIZE'] ??= String(uvThreads(slots));
  installRuntime(config, logger);
  startTraces(config, 'worker', (sentence) => logger.warn(sentence));

  const metrics = createMetrics('worker');
  const storage = createStorage(config);
  const images = createImagePool(config, slots, logger);
  const models = createModelHost(config, slots, metrics, logger);
  const ffmpeg = ffmpegSettings(config, slots);
  const tools = await toolVersions(ffmpeg, config.pools, (sentence) => logger.warn(sentence));
  const scratch = await openScratch(config, logger, metrics);
  if (config.pools.some(isMediaPool)) await tellIsolation(logger);
  const own = { ...config, scratchDir: scratch.folder };
  const sources = createSourceCache(config, scratch);
  const connection = await NativeConnection.connect(connectionOptions(config));
  const warmQueues = config.pools.includes('workflows') ? warmQueuesOf(connection, config) : undefined;
  const activities = createActivities({
    ...{ config: own, storage, images, models, warmQueues, ffmpeg, logger, metrics, tools, sources },
    leftovers: scratch.leftovers,
  });

  const deps = { config, connection, activities, slots, metrics, models, room: scratch.room };
  const workers = (await Promise.all(config.pools.map((pool) => createPoolWorkers(pool, deps)))).flat();
  const stopObserving = observePools(metrics, { images, models }, config, slots);
  const health = await serveHealth(
    { ready: () => workerStates(config, workers, scratch), metrics: () => metrics.registry.metrics() },
    config.workerHost,
    config.workerPort,
  ).catch((error: unknown) => {
    throw listenFailure(error, 'DARKROOM_WORKER_PORT');
  });
  const running = Promise.all(workers.map(({ worker }) => worker.run()));
  stopOnSignal(workers, config, logger);
  logger.info({ pools: config.pools, slots, port: health.port, tools }, 'worker ready');
  process.send?.({ type: 'ready', httpPort: health.port });

  try {
    await running;
    logger.info('worker stopped');
  } finally {
    stopObserving();
    health.server.close();
    await Promise.all([images.close(), models?.close()]);
    await connection.close();
    storage.close();
    await scratch.close();
    await stopTraces();
  }
}

/** Where the scratch disk is full, what is kept for later goes first. */
/** What decoders are kept from, and what not, on this system. */
async function tellIsolation(logger: Logger): Promise<void> {
  const found = await isolation();
  logger.info({ isolation: found }, isolationHas(found));
  const gap = isolationGap(found);
  if (gap !== undefined) logger.warn(gap);
}

function createSourceCache({ sourceCache }: Config, scratch: Scratch): SourceCache | undefined {
  if (sourceCache === 0) return undefined;
  const sources = new SourceCache(path.join(scratch.folder, 'sources'), sourceCache);
  scratch.room.makeRoom = () => sources.trim(0);
  return sources;
}

function workerStates(config: Config, workers: PoolWorker[], scratch: Scratch): Record<string, DependencyState> {
  const states = workers.map(({ name, worker }): [string, DependencyState] => {
    const state = worker.getState();
    return [name, { ok: state === 'RUNNING', detail: `worker is ${state}` }];
  });
  const needsScratch = config.pools.some(isMediaPool);
  return { ...Object.fromEntries(states), ...(needsScratch && { scratch: scratch.room.state }) };
}

/** The first signal drains; the SDK itself hands running activities back after the grace and gives up after the force time. */
function stopOnSignal(workers: PoolWorker[], config: Config, logger: Logger): void {
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) return;
    stopping = true;
    logger.info({ signal, graceMs: config.shutdownGrace }, 'draining');
    for (const { worker } of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  // Started by a command of ours that has died: nobody is left to stop this worker.
  process.on('disconnect', () => stop('SIGTERM'));
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`worker: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
