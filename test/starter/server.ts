import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { loadConfig, type Config } from '../../common/config';
import { connect, createClient } from '../../temporal/connect';
import { freePort } from '../../local/embedded/free-port';
import { isAlive } from '../../local/embedded/lock';
import { startTemporalServer } from '../../local/embedded/temporal-server';
import { testProgram } from '../support/temporal';

/** A Temporal server in memory with a folder of its own, for tests. */
export interface TestServer {
  config: Config;
  client: Client;
  folder: string;
  /** Kills the server and starts it again on the same port, with what its database holds. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/**
 * @param dbFile name of a database in the folder; false: in memory
 * @param program the `temporal` program, of the version that the test is about
 * @param dynamicConfig settings of the server as `key=value`
 */
export async function startTestServer(
  dbFile: string | false = false,
  program?: string,
  dynamicConfig?: string[],
): Promise<TestServer> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'darkroom-starter-'));
  const port = await freePort();
  const env = { ...process.env, DARKROOM_HOME: folder, DARKROOM_ALLOWED_ROOTS: folder };
  const config = loadConfig({ ...env, TEMPORAL_ADDRESS: `127.0.0.1:${port}` });
  const binary = program ?? (await testProgram(config));
  const options = { home: folder, port, dbFile: dbFile && path.join(folder, dbFile), binary, dynamicConfig };
  let pid = await startTemporalServer(options);
  const connection = await connect(config);
  return {
    config,
    client: createClient(connection, config),
    folder,
    async restart() {
      await kill(pid, 'SIGKILL');
      pid = await startTemporalServer(options);
    },
    async close() {
      await connection.close();
      await kill(pid, 'SIGTERM');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function kill(pid: number, signal: NodeJS.Signals): Promise<void> {
  process.kill(pid, signal);
  while (isAlive(pid)) await sleep(20);
}
