import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, open } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { built } from '../../common/paths';
import { SetupError } from './report';
import { tailOf } from './run';

/** What a service of ours says over its IPC channel once its `/ready` answers 200. */
export interface ReadyMessage {
  type: 'ready';
  httpPort: number;
  /** Of an API server with keys: its second port. */
  healthPort?: number;
}

export interface ServiceOptions {
  /** Built module, for example `workers/main.js`. */
  module: string;
  /** The whole environment of the child. */
  env: NodeJS.ProcessEnv;
  /** Where its stdout and stderr go; undefined: to ours. */
  logFile?: string;
  /** ms from SIGTERM to SIGKILL. Default: 60 s. */
  stopLimitMs?: number;
  /** ms until it has to be ready. Default: 60 s. */
  readyLimitMs?: number;
}

/** A process of ours that runs beside a command: a worker, or the API server. */
export interface Service {
  pid: number;
  /** Port of /live, /ready and /metrics. */
  httpPort: number;
  /** Of an API server with keys: where /metrics needs none. */
  healthPort?: number;
  /** How it ended, in words; resolves when it did. */
  ended: Promise<string>;
  /** Asks it to finish (TERM), and ends it (KILL) when it takes too long. Resolves when it is gone. */
  stop(): Promise<void>;
}

const DEFAULT_LIMIT_MS = 60_000;

/**
 * Starts a service and waits until it is ready. It gets a process group of its own, so that Ctrl-C in the terminal reaches
 * the command alone, which then stops the service in order. When the command dies, the IPC channel closes and the service
 * shuts itself down.
 * @throws SetupError with the end of its log when it ends first.
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const child = await launch(options);
  const ended = new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : `signal ${signal}`));
  });
  const stop = () => end(child, ended, options.stopLimitMs ?? DEFAULT_LIMIT_MS);
  const first = await Promise.race([
    readiness(child),
    ended.then((how) => `it ended with ${how}`),
    sleep(options.readyLimitMs ?? DEFAULT_LIMIT_MS, 'it took too long', { ref: false }),
  ]);
  if (typeof first === 'string') {
    await stop();
    const log = options.logFile === undefined ? '' : `\n${await tailOf(options.logFile, 2000)}`;
    throw new SetupError(`${options.module} did not start: ${first}${log}`);
  }
  const { httpPort, healthPort } = first;
  return { pid: child.pid ?? 0, httpPort, healthPort, ended, stop };
}

async function launch({ module, env, logFile }: ServiceOptions): Promise<ChildProcess> {
  const args = ['--enable-source-maps', built(module)];
  if (logFile === undefined) {
    return spawn(process.execPath, args, { env, detached: true, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  }
  await mkdir(path.dirname(logFile), { recursive: true });
  const log = await open(logFile, 'a');
  try {
    return spawn(process.execPath, args, { env, detached: true, stdio: ['ignore', log.fd, log.fd, 'ipc'] });
  } finally {
    await log.close();
  }
}

function readiness(child: ChildProcess): Promise<ReadyMessage> {
  return new Promise((resolve) => {
    child.on('message', (message: ReadyMessage) => {
      if (message.type === 'ready') resolve(message);
    });
  });
}

async function end(child: ChildProcess, ended: Promise<string>, limitMs: number): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const { pid } = child;
  child.kill('SIGTERM');
  const timer = setTimeout(() => killGroup(pid), limitMs);
  await ended;
  clearTimeout(timer);
}

/** With its own children, which a killed service cannot end itself. */
function killGroup(pid: number): void {
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL');
  } catch {
    // It ended in this moment.
  }
}
