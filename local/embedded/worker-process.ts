import type { Config } from '../../common/config';
import { hasModels } from '../../models/runtime';
import { freePort } from './free-port';
import { announceTarget } from './targets';
import { allowedRootsFile } from './allowed-roots';
import { startService, type Service } from './child-process';

/** Time beyond the worker's own limit before it is killed from outside, ms. */
const STOP_RESERVE_MS = 5_000;

/** The models too, where they are installed. */
function poolsHere({ pools }: Config): string {
  return [...pools, ...(hasModels() ? ['models'] : [])].join(',');
}

/**
 * Starts a worker for this configuration and waits until it takes work. It inherits the environment, with the address of
 * the server, and takes any free ports, so that several run side by side; `npm run monitor` finds them.
 * @param logFile where it writes; undefined: to this terminal.
 * @param httpPort of /live, /ready and /metrics; 0: any free one
 */
export async function startWorkerProcess(
  config: Config,
  address: string,
  logFile?: string,
  httpPort = '0',
): Promise<Service> {
  // Its runtime cannot say which port it took, so it is told one.
  const sdkMetricsPort = await freePort();
  const worker = await startService({
    module: 'workers/main.js',
    logFile,
    stopLimitMs: config.shutdownForce + STOP_RESERVE_MS,
    env: {
      ...process.env,
      TEMPORAL_ADDRESS: address,
      DARKROOM_HOME: config.home,
      DARKROOM_QUEUE_PREFIX: config.queuePrefix,
      DARKROOM_POOLS: process.env['DARKROOM_POOLS'] ?? poolsHere(config),
      DARKROOM_ALLOWED_ROOTS_FILE: allowedRootsFile(config),
      DARKROOM_ALLOWED_BUCKETS: config.allowedBuckets.join(','),
      DARKROOM_ALLOWED_HOSTS: config.allowedHosts.join(','),
      DARKROOM_WORKER_PORT: httpPort,
      DARKROOM_SDK_METRICS_PORT: String(sdkMetricsPort),
    },
  });
  const ports = [worker.httpPort, sdkMetricsPort];
  const withdraw = await announceTarget(config.home, { job: 'darkroom-worker', pid: worker.pid, ports });
  const ended = worker.ended.then((how) => withdraw().then(() => how));
  const stop = async (): Promise<void> => {
    await worker.stop();
    await ended;
  };
  return { ...worker, ended, stop };
}
