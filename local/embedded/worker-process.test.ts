import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { loadConfig, type Config } from '../../common/config';
import { isAlive } from './lock';
import { freePort } from './free-port';
import { stopTemporalServer } from './server-record';
import { ensureTemporalServer } from './temporal-server';
import { startWorkerProcess } from './worker-process';

let home: string;
let config: Config;

beforeEach(async () => {
  home = await mkdtemp(path.join(os.tmpdir(), 'darkroom-home-'));
  config = {
    ...loadConfig(),
    temporalAddress: undefined,
    home,
    embeddedPort: await freePort(),
    embeddedUiPort: await freePort(),
  };
});

afterEach(async () => {
  await stopTemporalServer(home);
  await rm(home, { recursive: true, force: true });
});

test('a worker is ready when it is handed over, writes to its log, and is gone after stop', async () => {
  const { address } = await ensureTemporalServer(config, () => undefined);
  const logFile = path.join(home, 'log', 'worker.log');
  const worker = await startWorkerProcess(config, address, logFile);
  const ready = await fetch(`http://127.0.0.1:${worker.httpPort}/ready`);
  expect(ready.status).toBe(200);
  await worker.stop();
  await expect(worker.ended).resolves.toBe('exit code 0');
  expect(isAlive(worker.pid)).toBe(false);
  expect(await readFile(logFile, 'utf8')).toContain('worker ready');
});

test('a worker that cannot start says why, with the end of its log', async () => {
  const address = `127.0.0.1:${config.embeddedPort}`;
  await expect(startWorkerProcess(config, address, path.join(home, 'worker.log'))).rejects.toThrow(
    /workers\/main\.js did not start: it ended with exit code 1\n[^]*worker: /,
  );
});
