import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { withdrawTarget } from './targets';
import { isAlive } from './lock';
import { run } from './run';

/** What `<home>/temporal.json` says about the server that we started. */
export interface ServerRecord {
  pid: number;
  port: number;
}

/** The server's job label in Prometheus. */
export const SERVER_JOB = 'temporal-server';

const STOP_LIMIT_MS = 10_000;

function recordFile(home: string): string {
  return path.join(home, 'temporal.json');
}

export async function writeServerRecord(home: string, record: ServerRecord): Promise<void> {
  await mkdir(home, { recursive: true });
  await writeFile(recordFile(home), JSON.stringify(record));
}

/** The running server that was started from this home; undefined when there is none. */
export async function runningServer(home: string): Promise<ServerRecord | undefined> {
  try {
    const record = JSON.parse(await readFile(recordFile(home), 'utf8')) as ServerRecord;
    return isAlive(record.pid) && (await isOurs(record)) ? record : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Ends the server that was started from this home: TERM, then KILL after ten seconds.
 * @returns its process id; undefined when none was running.
 */
export async function stopTemporalServer(home: string): Promise<number | undefined> {
  const server = await runningServer(home);
  if (server !== undefined) {
    process.kill(server.pid, 'SIGTERM');
    const deadline = Date.now() + STOP_LIMIT_MS;
    while (isAlive(server.pid) && Date.now() < deadline) await sleep(50);
    if (isAlive(server.pid)) process.kill(server.pid, 'SIGKILL');
    await withdrawTarget(home, SERVER_JOB, server.pid);
  }
  await rm(recordFile(home), { force: true });
  return server?.pid;
}

/** After a reboot the recorded id may belong to any program: its command line must be the server's. */
async function isOurs({ pid, port }: ServerRecord): Promise<boolean> {
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(
    async () => (await run('ps', ['-o', 'command=', '-p', String(pid)])).output,
  );
  const words = commandLine.split(/[\0\s]+/);
  return words.includes('start-dev') && words.includes(String(port));
}
