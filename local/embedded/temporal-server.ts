import { mkdir, open } from 'node:fs/promises';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { namespaceOf, configuredAddress, connect, ensureSearchAttributes } from '../../temporal/connect';
import { SEARCH_ATTRIBUTES } from '../../common/contracts';
import type { Config } from '../../common/config';
import { databaseFile } from '../../common/embedded-database';
import { withLock } from './lock';
import { probe } from './probe';
import { SetupError, type Report } from './report';
import { tailOf } from './run';
import { freePort } from './free-port';
import { announceTarget } from './targets';
import { ensureTemporalBinary } from './temporal-binary';
import { vacuumDatabase } from './vacuum';
import { SERVER_JOB, writeServerRecord } from './server-record';

/** A Temporal server that a command can use. */
export interface TemporalServer {
  address: string;
  /** Absent where nobody said where the Web UI of a configured server is. */
  uiUrl?: string;
  /**
   * `configured`: TEMPORAL_ADDRESS or a profile names it, so workers are somebody else's.
   * `found`: it already listened on the embedded port. `started`: by this call. For these two the command starts a worker.
   */
  origin: 'configured' | 'found' | 'started';
}

export interface StartOptions {
  /** Folder for the database, the log and the record of the running server. */
  home: string;
  port: number;
  /** Undefined: no Web UI. */
  uiPort?: number;
  /** Default: `<home>/temporal.db`; false: in memory. */
  dbFile?: string | false;
  namespace?: string;
  /** The `temporal` program. */
  binary: string;
  /** Further settings of the server, as `key=value`; tests shorten its clocks. */
  dynamicConfig?: string[];
}

const READY_LIMIT_MS = 30_000;
const NO_ANSWER = `it did not answer within ${READY_LIMIT_MS / 1000} s`;
/** The server takes free ports for itself, and another process may take one of them before it listens there. */
const STARTS = 3;

/** Nothing answers at the server's address, which may pass. */
export class TemporalAway extends SetupError {}

/** gRPC status codes that say no: INVALID_ARGUMENT, PERMISSION_DENIED, UNIMPLEMENTED, UNAUTHENTICATED. */
const REFUSALS = [3, 7, 12, 16];

function isRefusal(error: unknown): boolean {
  return REFUSALS.includes((error as { code?: number }).code ?? 0);
}

/**
 * Finds or starts the server that this configuration means, and registers our search attributes there.
 * A server that is started here stays when this process ends; `stopTemporalServer` ends it.
 * @throws SetupError with the way out in its message; TemporalAway where nothing answers
 */
export async function ensureTemporalServer(config: Config, report: Report): Promise<TemporalServer> {
  const server = await findOrStart(config, report);
  const target = { ...config, temporalAddress: server.address };
  const connection = await connect(target).catch((error: unknown) => {
    const message = `Temporal at ${server.address} does not answer: ${reasonOf(error)}`;
    throw isRefusal(error) ? new SetupError(message) : new TemporalAway(message);
  });
  try {
    await ensureSearchAttributes(connection, namespaceOf(config));
  } catch (error) {
    // Temporal Cloud has its own way to register them; if they are missing, the first submit says so.
    report(`The search attributes ${SEARCH_ATTRIBUTES.join(', ')} could not be registered: ${reasonOf(error)}`);
  } finally {
    await connection.close();
  }
  return server;
}

async function findOrStart(config: Config, report: Report): Promise<TemporalServer> {
  const configured = configuredAddress(config);
  if (configured !== undefined) return { address: configured, uiUrl: config.temporalUiUrl, origin: 'configured' };
  const { home, embeddedPort: port, embeddedUiPort: uiPort } = config;
  const address = `127.0.0.1:${port}`;
  const uiUrl = config.temporalUiUrl ?? `http://localhost:${uiPort}`;
  // Two commands started at once must not start two servers.
  return withLock(path.join(home, 'temporal.lock'), async () => {
    const there = await probe(address);
    if (there === 'temporal') return { address, uiUrl, origin: 'found' };
    if (there === 'other') throw portTaken(port);
    const binary = await ensureTemporalBinary(config, report);
    await vacuumDatabase(databaseFile(home), report);
    await startTemporalServer({ home, port, uiPort, binary, namespace: namespaceOf(config) });
    return { address, uiUrl, origin: 'started' };
  });
}

/**
 * Starts a dev server of our own, detached, and waits until it answers. `npm run monitor` finds its metrics.
 * Returns its process id.
 */
export async function startTemporalServer(options: StartOptions): Promise<number> {
  const { home, port, uiPort } = options;
  const logFile = path.join(home, 'log', 'temporal.log');
  await mkdir(path.dirname(logFile), { recursive: true });
  for (let start = 1; ; start++) {
    for (const each of [port, uiPort])
      if (each !== undefined && (await probe(`127.0.0.1:${each}`)) !== 'free') throw portTaken(each);
    const started = await launch(options, logFile);
    if ('pid' in started) {
      await writeServerRecord(home, { pid: started.pid, port });
      await announceTarget(home, { job: SERVER_JOB, pid: started.pid, ports: [started.metricsPort] });
      return started.pid;
    }
    if (started.ended && start < STARTS) continue;
    const lines = await tailOf(logFile, 1500);
    throw new SetupError(`The Temporal server did not start: ${started.failure}. The end of ${logFile}:\n${lines}`);
  }
}

/** One start. `ended`: the server gave up by itself. */
async function launch(
  options: StartOptions,
  logFile: string,
): Promise<{ pid: number; metricsPort: number } | { failure: string; ended: boolean }> {
  const log = await open(logFile, 'a');
  // It would take any free port too, but not tell us which.
  const metricsPort = await freePort();
  const child = spawn(options.binary, [...serverArgs(options), '--metrics-port', String(metricsPort)], {
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    // It lives in little memory and collects garbage all the time: fewer collections, a fifth less CPU an item.
    env: { GOGC: '400', ...process.env },
  });
  const end = new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('exit', (code, signal) => resolve(`it ended (${signal ?? `exit code ${code}`})`));
  });
  await log.close();
  const failure = await Promise.race([end, untilReady(`127.0.0.1:${options.port}`)]);
  if (failure === undefined && child.pid !== undefined) {
    child.unref();
    return { pid: child.pid, metricsPort };
  }
  child.kill('SIGKILL');
  return { failure: failure ?? 'it has no process id', ended: failure !== NO_ANSWER };
}

function serverArgs({ home, port, uiPort, dbFile, namespace = 'default', dynamicConfig = [] }: StartOptions): string[] {
  const args = ['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--log-level', 'warn'];
  args.push(...(uiPort === undefined ? ['--headless'] : ['--ui-port', String(uiPort)]));
  if (namespace !== 'default') args.push('--namespace', namespace);
  // Without them the server ignores priorities and fairness keys; later servers know the second one only.
  for (const name of ['useNewMatcher', 'enableFairness']) args.push('--dynamic-config-value', `matching.${name}=true`);
  // Priorities are compared within a partition of a queue. One host needs one partition, and then their order is exact.
  for (const side of ['Read', 'Write']) args.push('--dynamic-config-value', `matching.numTaskqueue${side}Partitions=1`);
  // By default an operation on many workflows, such as cancelling a batch, takes 50 of them a second.
  for (const setting of ['batcherRPS=500', 'batcherConcurrency=20'])
    args.push('--dynamic-config-value', `worker.${setting}`);
  // By default the history of what has just ended is deleted half a minute after it was asked for.
  args.push('--dynamic-config-value', 'history.transferProcessorUpdateAckInterval="2s"');
  // A worker that goes has the server end its polls, so that no task is given to it any more; servers before 1.31 ignore it.
  args.push('--dynamic-config-value', 'frontend.enableCancelWorkerPollsOnShutdown=true');
  args.push(...dynamicConfig.flatMap((setting) => ['--dynamic-config-value', setting]));
  args.push(...SEARCH_ATTRIBUTES.flatMap((name) => ['--search-attribute', `${name}=Keyword`]));
  if (dbFile === false) return args;
  // With a write-ahead log a durable server does twice the work per second: 45 workflows/s instead of 21 on two cores.
  const pragmas = ['journal_mode=wal', 'synchronous=normal'].flatMap((pragma) => ['--sqlite-pragma', pragma]);
  return [...args, '--db-filename', dbFile ?? databaseFile(home), ...pragmas];
}

/** Undefined once the server answers, else why not. */
async function untilReady(address: string): Promise<string | undefined> {
  const deadline = Date.now() + READY_LIMIT_MS;
  while (Date.now() < deadline) {
    if ((await probe(address)) === 'temporal') return undefined;
    await sleep(100);
  }
  return NO_ANSWER;
}

function portTaken(port: number): SetupError {
  return new SetupError(
    `Port ${port} is taken by something else. Free it, or choose other ports with DARKROOM_TEMPORAL_PORT and ` +
      'DARKROOM_TEMPORAL_UI_PORT, or name a running server in TEMPORAL_ADDRESS.',
  );
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
