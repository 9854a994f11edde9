import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { loadConfig, type Config } from '../../common/config';
import { connect, createClient } from '../../common/temporal';
import { isAlive } from '../../starter/embedded/lock';
import { ensureTemporalBinary } from '../../starter/embedded/temporal-binary';
import { startTemporalServer } from '../../starter/embedded/temporal-server';

/** A Temporal server in memory with a folder of its own, for tests. */
export interface TestServer {
  config: Config;
  client: Client;
  folder: string;
  close(): Promise<void>;
}

export async function startTestServer(): Promise<TestServer> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'darkroom-starter-'));
  const port = await freePort();
  const env = { ...process.env, DARKROOM_HOME: folder, DARKROOM_ALLOWED_ROOTS: folder };
  const config = loadConfig({ ...env, TEMPORAL_ADDRESS: `127.0.0.1:${port}` });
  const binary = await ensureTemporalBinary(config, () => {});
  const pid = await startTemporalServer({ home: folder, port, dbFile: false, binary });
  const connection = await connect(config);
  return {
    config,
    client: createClient(connection, config),
    folder,
    async close() {
      await connection.close();
      process.kill(pid, 'SIGTERM');
      while (isAlive(pid)) await sleep(20);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
