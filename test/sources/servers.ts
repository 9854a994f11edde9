import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { freePort, until } from '../support/stack';

export interface TestService {
  port: number;
  stop(): Promise<void>;
}

export function startRedis(): Promise<TestService> {
  return start('redis-server', (port) => ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--dir', '.']);
}

/** moto (PyPI) answers as SQS does. */
export function startSqs(): Promise<TestService> {
  return start('moto_server', (port) => ['-H', '127.0.0.1', '-p', `${port}`]);
}

/** What the tests of a queue ask before they run, by `describeWhere`. */
export function isInstalled(program: 'redis-server' | 'moto_server'): boolean {
  return spawnSync('which', [program]).status === 0;
}

async function start(program: 'redis-server' | 'moto_server', args: (port: number) => string[]): Promise<TestService> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'darkroom-source-'));
  const port = await freePort();
  const child = spawn(program, args(port), { cwd: folder, stdio: 'ignore' });
  await until(() => answers(port));
  return {
    port,
    async stop() {
      await ended(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exit;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
