/**
 * `npm run bench`: the same sources and preset through a bare loop and through Darkroom, in turn, medians of the rounds.
 * efficiency = the bare loop's wall time / Darkroom's. Prints a table, and JSON with --json. Never fails on a number.
 */
import { spawn } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { availableCores } from '../common/cores';
import { loadConfig, type Config } from '../common/config';
import { built } from '../common/paths';
import { startService, type Service } from '../local/embedded/child-process';
import { ensureFfmpeg } from '../local/embedded/ffmpeg';
import { toStderr } from '../local/embedded/report';
import { ensureTemporalBinary } from '../local/embedded/temporal-binary';
import { startTemporalServer } from '../local/embedded/temporal-server';
import { fileUri } from '../storage';
import { cpuSeconds } from './cpu';
import { makeSets, type SourceSet } from './sources';

const PORT = 7253;

interface Sample {
  /** Wall seconds. */
  seconds: number;
  /** CPU seconds of everything that took part. */
  cpu: number;
}

interface Row {
  set: string;
  items: number;
  bare: Sample;
  darkroom: Sample & { cpuWorker: number; cpuServer: number; cpuClient: number };
  efficiency: number;
}

async function runBare(set: SourceSet, output: string): Promise<Sample> {
  const child = spawn(process.execPath, [built('bench/bare.js'), set.list, output], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const before = selfAndChildren();
  const answer = JSON.parse(await text(child.stdout)) as { seconds: number };
  await ended(child);
  return { seconds: answer.seconds, cpu: selfAndChildren() - before };
}

/** What this process and its ended children have used; the live services are its children too, so they are left out. */
function selfAndChildren(): number {
  return cpuSeconds(process.pid) - live.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
}

/** Processes that run through all rounds. */
const live: number[] = [];

async function runDarkroom(
  set: SourceSet,
  output: string,
  batch: string,
  env: NodeJS.ProcessEnv,
  pids: { server: number; worker: number },
) {
  const args = ['--input', set.list, '--output', fileUri(output), '--batch-id', batch, '--json'];
  const before = { client: selfAndChildren(), server: cpuSeconds(pids.server), worker: cpuSeconds(pids.worker) };
  const child = spawn(process.execPath, [built('starter/cli/start-batch.js'), ...args], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const lines = (await text(child.stdout)).trim().split('\n');
  const code = await ended(child);
  const summary = JSON.parse(lines.at(-1) ?? '{}') as { seconds: number; completed: number };
  if (code !== 0 || summary.completed !== set.count) throw new Error(`start-batch: exit ${code}, ${lines.at(-1)}`);
  const cpuClient = selfAndChildren() - before.client;
  const cpuServer = cpuSeconds(pids.server) - before.server;
  const cpuWorker = cpuSeconds(pids.worker) - before.worker;
  return { seconds: summary.seconds, cpu: cpuClient + cpuServer + cpuWorker, cpuWorker, cpuServer, cpuClient };
}

function ended(child: ReturnType<typeof spawn>): Promise<number | null> {
  return new Promise((resolve) => (child.exitCode === null ? child.once('exit', resolve) : resolve(child.exitCode)));
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      photos: { type: 'string', default: '200' },
      large: { type: 'string', default: '60' },
      clips: { type: 'string', default: '20' },
      rounds: { type: 'string', default: '3' },
      json: { type: 'boolean', default: false },
    },
  });
  const config = loadConfig();
  const folder = path.join(config.home, 'bench');
  await mkdir(folder, { recursive: true });
  const { ffmpeg } = await ensureFfmpeg(config, toStderr);
  const sizes = { photos: Number(values.photos), large: Number(values.large), clips: Number(values.clips) };
  toStderr('bench: making sources');
  const sets = await makeSets(folder, ffmpeg, sizes);
  const binary = await ensureTemporalBinary(config, toStderr);
  const home = path.join(folder, 'server');
  await rm(home, { recursive: true, force: true });
  const server = await startTemporalServer({ home, port: PORT, binary });
  const env = benchEnv(config, folder);
  let worker: Service | undefined;
  try {
    worker = await startService({ module: 'workers/main.js', env, logFile: path.join(home, 'worker.log') });
    live.push(server, worker.pid);
    const rows: Row[] = [];
    for (const set of sets)
      rows.push(await compare(set, folder, Number(values.rounds), env, { server, worker: worker.pid }));
    process.stdout.write(values.json ? JSON.stringify({ machine: machine(), rows }) + '\n' : table(rows));
  } finally {
    await worker?.stop();
    process.kill(server);
  }
}

function benchEnv(config: Config, folder: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    TEMPORAL_ADDRESS: `127.0.0.1:${PORT}`,
    DARKROOM_HOME: path.join(folder, 'server'),
    DARKROOM_SCRATCH_DIR: path.join(folder, 'scratch'),
    DARKROOM_ALLOWED_ROOTS: [folder, ...config.allowedRoots].join(','),
    DARKROOM_WORKER_PORT: '0',
    DARKROOM_SDK_METRICS_PORT: '0',
    LOG_LEVEL: 'warn',
  };
}

async function compare(
  set: SourceSet,
  folder: string,
  rounds: number,
  env: NodeJS.ProcessEnv,
  pids: { server: number; worker: number },
): Promise<Row> {
  const bare: Sample[] = [];
  const darkroom: Row['darkroom'][] = [];
  for (let round = 1; round <= rounds; round++) {
    toStderr(`bench: ${set.name}, round ${round} of ${rounds}`);
    const output = path.join(folder, 'out');
    bare.push(await runBare(set, output));
    await rm(output, { recursive: true, force: true });
    const batch = `bench-${set.name.replaceAll(' ', '-')}-${round}-${Date.now()}`;
    darkroom.push(await runDarkroom(set, output, batch, env, pids));
    await rm(output, { recursive: true, force: true });
  }
  const of = median(bare);
  const with_ = median(darkroom);
  return { set: set.name, items: set.count, bare: of, darkroom: with_, efficiency: of.seconds / with_.seconds };
}

/** The run with the median wall time, whole, so that its figures belong together. */
function median<T extends Sample>(runs: T[]): T {
  return [...runs].sort((a, b) => a.seconds - b.seconds)[Math.floor(runs.length / 2)] as T;
}

function machine(): string {
  return `${availableCores()} cores, ${os.cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.versions.node}`;
}

function table(rows: Row[]): string {
  const head = [
    'sources',
    'items',
    'bare s',
    'Darkroom s',
    'efficiency',
    'bare CPU s',
    'Darkroom CPU s (worker + server + client)',
  ];
  const body = rows.map(({ set, items, bare, darkroom, efficiency }) => [
    set,
    String(items),
    bare.seconds.toFixed(1),
    darkroom.seconds.toFixed(1),
    efficiency.toFixed(2),
    bare.cpu.toFixed(1),
    `${darkroom.cpu.toFixed(1)} (${[darkroom.cpuWorker, darkroom.cpuServer, darkroom.cpuClient].map((s) => s.toFixed(1)).join(' + ')})`,
  ]);
  const lines = [head, head.map(() => '---'), ...body].map((cells) => `| ${cells.join(' | ')} |`);
  return `${machine()}\n\n${lines.join('\n')}\n`;
}

main().catch((error: unknown) => {
  toStderr(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
