import type { Config } from '../../common/config';
import { allowedRootsFile } from './allowed-roots';
import { startService, type Service } from './child-process';

/** Time beyond the worker's own limit before it is killed from outside, ms. */
const STOP_RESERVE_MS = 5_000;

/**
 * Starts a worker for this configuration and waits until it takes work. It inherits the environment, with the address of
 * the server, and takes any free ports, so that several run side by side.
 * @param logFile where it writes; undefined: to this terminal.
 */
export function startWorkerProcess(config: Config, address: string, logFile?: string): Promise<Service> {
  return startService({
    module: 'workers/main.js',
    logFile,
    stopLimitMs: config.shutdownForce + STOP_RESERVE_MS,
    env: {
      ...process.env,
      TEMPORAL_ADDRESS: address,
      DARKROOM_HOME: config.home,
      DARKROOM_QUEUE_PREFIX: config.queuePrefix,
      DARKROOM_ALLOWED_ROOTS_FILE: allowedRootsFile(config),
      DARKROOM_ALLOWED_BUCKETS: config.allowedBuckets.join(','),
      DARKROOM_ALLOWED_HOSTS: config.allowedHosts.join(','),
      DARKROOM_WORKER_PORT: '0',
      DARKROOM_SDK_METRICS_PORT: '0',
    },
  });
}
