import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Client, Connection } from '@temporalio/client';
import { loadConfig, type Config, type Env } from '../../common/config';
import { connect, createClient } from '../../temporal/connect';
import { startService, type Service } from '../../local/embedded/child-process';
import { freePort } from '../../local/embedded/free-port';
import { startTemporalServer } from '../../local/embedded/temporal-server';
import { testProgram } from './temporal';

export { freePort };

/** Longer than the limit of any test. */
const LONGEST_WAIT_MS = 5 * 60_000;

/** A Temporal server of the test's own, on ports and in a folder of its own. */
export interface Stack {
  home: string;
  config: Config;
  client: Client;
  connection: Connection;
  env: NodeJS.ProcessEnv;
  /** Starts a worker process from dist/; it ends with the stack. */
  worker(env?: Env): Promise<Service>;
  /** SIGKILL and a new start on the same database. */
  restartServer(): Promise<void>;
  stop(): Promise<void>;
}

export async function startStack(extra: Env = {}, dynamicConfig: string[] = []): Promise<Stack> {
  const home = await mkdtemp(path.join(os.tmpdir(), 'darkroom-stack-'));
  const port = await freePort();
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    TEMPORAL_ADDRESS: `127.0.0.1:${port}`,
    DARKROOM_HOME: home,
    DARKROOM_SCRATCH_DIR: path.join(home, 'scratch'),
    DARKROOM_ALLOWED_ROOTS: home,
    DARKROOM_WORKER_PORT: '0',
    DARKROOM_SDK_METRICS_PORT: '0',
    DARKROOM_IMAGE_SLOTS: '2',
    DARKROOM_VIDEO_SLOTS: '2',
    LOG_FORMAT: 'json',
    ...extra,
  };
  const config = loadConfig(env);
  const binary = await testProgram(config);
  const server = { home, port, binary, dynamicConfig };
  let pid = await startTemporalServer(server);
  const connection = await connect(config);
  const services: Service[] = [];
  let count = 0;
  return {
    home,
    config,
    env,
    connection,
    client: createClient(connection, config),
    async worker(more = {}) {
      const service = await startService({
        module: 'workers/main.js',
        env: { ...env, ...more },
        logFile: path.join(home, 'log', `worker-${++count}.log`),
      });
      services.push(service);
      return service;
    },
    async restartServer() {
      await endProcess(pid);
      pid = await startTemporalServer(server);
    },
    async stop() {
      await Promise.all(services.map((service) => service.stop()));
      await connection.close();
      await endProcess(pid);
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** SIGKILL, and waits until the process is gone. */
export async function endProcess(pid: number): Promise<void> {
  if (!isAlive(pid)) return;
  process.kill(pid, 'SIGKILL');
  await until(() => !isAlive(pid));
}

/** A process that runs; a zombie does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/**
 * Polls until the condition holds. The test's own time limit bounds the wait; a poll that outlives its test stops at five
 * minutes, and its timer never keeps the process alive.
 */
export async function until(condition: () => boolean | Promise<boolean>, everyMs = 50): Promise<void> {
  const end = Date.now() + LONGEST_WAIT_MS;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error('what the test waited for did not happen');
    await new Promise((resolve) => setTimeout(resolve, everyMs).unref());
  }
}

/**
 * Work folders of attempts; each worker has a folder for them, with a file that shows that the worker lives, and with the
 * sources that it keeps between the tasks of a video.
 */
export async function workFolders(scratch: string): Promise<string[]> {
  const entries = await Promise.all((await readdir(scratch)).map((worker) => readdir(path.join(scratch, worker))));
  return entries.flat().filter((name) => name !== 'alive' && name !== 'sources');
}
