import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Connection } from '@temporalio/client';
import { loadConfig, type Config, type Env } from '../../common/config';
import { connect } from '../../common/temporal';
import { startService, type Service } from '../../starter/embedded/child-process';
import { ensureFfmpeg } from '../../starter/embedded/ffmpeg';
import { toStderr } from '../../starter/embedded/report';
import { stopTemporalServer } from '../../starter/embedded/server-record';
import { ensureTemporalBinary } from '../../starter/embedded/temporal-binary';
import { startTemporalServer } from '../../starter/embedded/temporal-server';
import { startWorkerProcess } from '../../starter/embedded/worker-process';
import { freePort } from '../../starter/monitor/free-port';
import { startMonitor, type Monitor } from '../../starter/monitor/monitor';
import { announceTarget } from '../../starter/monitor/targets';
import { ensureSamples, samplePaths } from '../../starter/samples';
import { ruleFiles } from '../generate/files';

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

/** @param faster how many times shorter the alerts' `for:` are */
export async function startSystem(folder: string, faster: number): Promise<System> {
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
    DARKROOM_IMAGE_SLOTS: '1',
    DARKROOM_VIDEO_SLOTS: '1',
    LOG_FORMAT: 'json',
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
    const monitor = await startMonitor(connection, config, { rules: await writeRules(folder, faster) });
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

async function writeRules(folder: string, faster: number): Promise<string> {
  const rules = path.join(folder, 'rules');
  await mkdir(rules, { recursive: true });
  for (const [name, text] of Object.entries(ruleFiles({ faster }))) await writeFile(path.join(rules, name), text);
  return path.join(rules, '*.yaml');
}

/** A list for `start-batch` of so many jobs over a few samples: a clip, photos, and a file that is none. */
export async function writeList(config: Config, count: number): Promise<string> {
  const { ffmpeg } = await ensureFfmpeg(config, toStderr);
  const samples = path.join(config.home, 'samples');
  await ensureSamples({ folder: samples, count: 11, ffmpeg, lanes: 1, bases: 1 });
  const files = [...samplePaths(samples, 11)].reverse();
  await writeFile(path.join(samples, 'none.jpg'), 'not a picture');
  const sources = [...files, path.join(samples, 'none.jpg')];
  const jobs = Array.from({ length: count }, (_, index) => {
    // The first round has the clip and the broken file, then photos only, so that it goes quickly.
    const source = index < sources.length ? sources[index] : files[1 + (index % 10)];
    return JSON.stringify({ id: `job-${index}`, source: `file://${source}` });
  });
  const list = path.join(config.home, 'list.jsonl');
  await writeFile(list, `${jobs.join('\n')}\n`);
  return list;
}
