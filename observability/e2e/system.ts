import path from 'node:path';
import type { Connection } from '@temporalio/client';
import { loadConfig, type Config, type Env } from '../../common/config';
import { connect } from '../../temporal/connect';
import { startService, type Service } from '../../local/embedded/child-process';
import { toStderr } from '../../local/embedded/report';
import { stopTemporalServer } from '../../local/embedded/server-record';
import { ensureTemporalBinary } from '../../local/embedded/temporal-binary';
import { startTemporalServer } from '../../local/embedded/temporal-server';
import { startWorkerProcess } from '../../local/embedded/worker-process';
import { freePort } from '../../local/embedded/free-port';
import { startMonitor, type Monitor } from '../../operate/monitor/monitor';
import { announceTarget } from '../../local/embedded/targets';

/** A whole Darkroom of its own, watched: server, API, worker, Prometheus, Alertmanager; in one folder, on free ports. */
export interface System {
  config: Config;
  monitor: Monitor;
  apiUrl: string;
  /** Starts one more worker, found by Prometheus as an embedded one is. */
  worker(): Promise<Service>;
  /** A command of ours, in this system. */
  env: NodeJS.ProcessEnv;
  stop(): Promise<void>;
}

export interface SystemOptions {
  /** Seconds between two scrapes. Default: as `npm run monitor`. */
  everySeconds?: number;
  /** More of the environment. */
  env?: Env;
}

export async function startSystem(folder: string, { everySeconds, env = {} }: SystemOptions = {}): Promise<System> {
  const port = await freePort();
  const settings: Env = {
    TEMPORAL_ADDRESS: `127.0.0.1:${port}`,
    DARKROOM_HOME: folder,
    DARKROOM_SCRATCH_DIR: path.join(folder, 'scratch'),
    DARKROOM_ALLOWED_ROOTS: folder,
    DARKROOM_OUTPUT: `file://${folder}/api`,
    DARKROOM_WORKER_PORT: '0',
    DARKROOM_SDK_METRICS_PORT: '0',
    DARKROOM_HTTP_PORT: '0',
    LOG_FORMAT: 'json',
    ...env,
  };
  // The worker that is started as embedded ones are inherits the environment.
  Object.assign(process.env, settings);
  const config = loadConfig();
  await startTemporalServer({ home: folder, port, binary: await ensureTemporalBinary(config, toStderr) });
  const stops: (() => Promise<unknown>)[] = [() => stopTemporalServer(folder)];
  const stop = async (): Promise<void> => {
    for (const each of stops.reverse()) await each();
  };
  try {
    const connection: Connection = await connect(config);
    stops.push(() => connection.close());
    const log = (name: string): string => path.join(folder, 'log', `${name}.log`);
    const api = await startService({ module: 'starter/server/main.js', env: process.env, logFile: log('api') });
    stops.push(() => api.stop());
    await announceTarget(folder, { job: 'darkroom-starter', pid: api.pid, ports: [api.httpPort] });
    const monitor = await startMonitor(connection, config, { everySeconds });
    stops.push(() => monitor.stop());
    return {
      config,
      monitor,
      apiUrl: `http://127.0.0.1:${api.httpPort}`,
      env: process.env,
      async worker() {
        const worker = await startWorkerProcess(config, settings['TEMPORAL_ADDRESS'] ?? '', log('worker'));
        stops.push(() => worker.stop());
        return worker;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
