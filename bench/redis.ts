import { spawn } from 'node:child_process';
import { mkdir, open, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run, tailOf } from '../local/embedded/run';
import { freePort } from '../local/embedded/free-port';
import { accepts } from '../local/embedded/probe';

export interface RedisServer {
  /** For example `Redis 7.0.15`. */
  version: string;
  pid: number;
  port: number;
  stop(): Promise<void>;
}

const READY_LIMIT_MS = 10_000;

/**
 * A Redis of the benchmark's own on a free loopback port, with an append-only file synced once a second: what a team runs
 * that must not lose its queue.
 * @param folder emptied first
 * @throws Error with the end of its log where it does not answer
 */
export async function startRedis(program: string, folder: string): Promise<RedisServer> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const port = await freePort();
  const logFile = path.join(folder, 'redis.log');
  const log = await open(logFile, 'a');
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
  const child = spawn(program, [...args, '--appendonly', 'yes', '--appendfsync', 'everysec'], {
    stdio: ['ignore', log.fd, log.fd],
  });
  await log.close();
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const until = Date.now() + READY_LIMIT_MS;
  while (!(await accepts(`127.0.0.1:${port}`))) {
    if (child.exitCode !== null || child.pid === undefined || Date.now() > until) {
      child.kill();
      throw new Error(`redis-server did not start:\n${await tailOf(logFile, 2000)}`);
    }
    await sleep(50);
  }
  return {
    version: await versionOf(program),
    pid: child.pid ?? 0,
    port,
    stop: async () => {
      child.kill();
      await ended;
    },
  };
}

async function versionOf(program: string): Promise<string> {
  const { output } = await run(program, ['--version']);
  return `Redis ${/v=([\d.]+)/.exec(output)?.[1] ?? 'of unknown version'}`;
}
