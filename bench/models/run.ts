/**
 * `npm run bench:models`: tasks of six models on four workers, each with memory for two of them, once by the routing of items
 * and once by one shared queue. The models are stand-ins that wait instead of computing (figures.ts), so that two cores are
 * enough; queues, slots, loading and removal are those of real workers. Prints Markdown. Never fails on a number.
 * Options: `--tasks 300`, `--rate 4` tasks a second, `--queues shared,routed`.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { loadConfig } from '../../common/config';
import { built } from '../../common/paths';
import { taskQueue } from '../../common/pools';
import { freePort } from '../../local/embedded/free-port';
import { toStderr } from '../../local/embedded/report';
import { ensureTemporalBinary } from '../../local/embedded/temporal-binary';
import { startTemporalServer } from '../../local/embedded/temporal-server';
import { connect, createClient } from '../../temporal/connect';
import { machine } from '../table';
import { FIT, INFERENCE_MS, LOAD_MS, SHARES, WORKERS } from './figures';

interface Event {
  type: string;
  model?: string;
  waitMs?: number;
}

interface Outcome {
  way: string;
  tasks: number;
  warmShare: number;
  p50: number;
  p95: number;
  loads: number;
  evictions: number;
  seconds: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      tasks: { type: 'string', default: '300' },
      rate: { type: 'string', default: '4' },
      queues: { type: 'string', default: 'shared,routed' },
    },
  });
  const [tasks, rate] = [Number(values.tasks), Number(values.rate)];
  const home = await mkdtemp(path.join(os.tmpdir(), 'darkroom-bench-models-'));
  const port = await freePort();
  const env = { ...process.env, TEMPORAL_ADDRESS: `127.0.0.1:${port}`, DARKROOM_HOME: home };
  const binary = await ensureTemporalBinary(loadConfig(env), toStderr);
  const server = await startTemporalServer({ home, port, binary, dynamicConfig: [] });
  try {
    const outcomes = [];
    for (const way of values.queues.split(',')) outcomes.push(await run(way, env, tasks, rate));
    process.stdout.write(report(outcomes, rate));
  } finally {
    process.kill(server, 'SIGKILL');
    await rm(home, { recursive: true, force: true });
  }
}

/** Tasks at a steady rate, from the first load of every model on: what start-up costs is in the figures. */
async function run(way: string, env: NodeJS.ProcessEnv, tasks: number, rate: number): Promise<Outcome> {
  const config = loadConfig({ ...env, DARKROOM_QUEUE_PREFIX: way });
  const own = { ...env, DARKROOM_QUEUE_PREFIX: way };
  const events: Event[] = [];
  const roles = ['workflows', ...Array.from({ length: WORKERS }, () => 'models')];
  const children = await Promise.all(roles.map((role) => start(role, own, events)));
  const connection = await connect(config);
  const client = createClient(connection, config);
  const started = performance.now();
  try {
    const running: Promise<unknown>[] = [];
    for (let index = 0; index < tasks; index++) {
      const due = (1000 * index) / rate - (performance.now() - started);
      if (due > 0) await sleep(due);
      const args: [string, boolean] = [modelOf(index), way === 'routed'];
      const options = { workflowId: `${way}-${index}`, taskQueue: taskQueue(way, 'workflows'), args };
      running.push(client.workflow.execute('benchTask', options));
    }
    await Promise.all(running);
  } finally {
    await connection.close();
    await Promise.all(children.map(stop));
  }
  const count = (type: string): number => events.filter((event) => event.type === type).length;
  const waits = events.flatMap(({ type, waitMs }) => (type === 'begun' ? [waitMs ?? 0] : [])).sort((a, b) => a - b);
  const quantile = (share: number): number => waits[Math.min(waits.length - 1, Math.floor(share * waits.length))] ?? 0;
  return {
    ...{ way, tasks: waits.length, p50: quantile(0.5), p95: quantile(0.95) },
    ...{
      warmShare: count('warm') / (count('warm') + count('cold')),
      loads: count('loaded'),
      evictions: count('evicted'),
    },
    seconds: (performance.now() - started) / 1000,
  };
}

/** The same sequence for every run, each model by its share. */
function modelOf(index: number): string {
  // Steps of the golden ratio fall evenly on a circle, in no order that a queue could learn.
  let point = (index * 0.618033988749895) % 1;
  for (const [model, share] of Object.entries(SHARES)) {
    if (point < share) return model;
    point -= share;
  }
  return Object.keys(SHARES)[0] ?? '';
}

async function start(role: string, env: NodeJS.ProcessEnv, events: Event[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, [built('bench/models/worker.js'), role], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  const ready = new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => {
      if (!line.startsWith('{"type"') && !line.startsWith('{"model"')) return;
      const event = JSON.parse(line) as Event;
      if (event.type === 'ready') resolve();
      else events.push(event);
    });
    child.once('exit', (code) => reject(new Error(`a worker of the bench ended with code ${code}`)));
  });
  await ready;
  return child;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

function report(outcomes: Outcome[], rate: number): string {
  const rows = outcomes.map(({ way, tasks, warmShare, p50, p95, loads, evictions, seconds }) =>
    [way, tasks, warmShare.toFixed(2), p50, p95, loads, evictions, seconds.toFixed(0)].join(' | '),
  );
  const stands = `Stand-ins: loading ${LOAD_MS} ms, inference ${INFERENCE_MS} ms, no computing.`;
  return `${machine()}. ${WORKERS} workers with memory for ${FIT} of ${Object.keys(SHARES).length} models, ${rate} tasks/s. ${stands}

| queue | tasks | warm share | p50 wait ms | p95 wait ms | loads | evictions | seconds |
| --- | --- | --- | --- | --- | --- | --- | --- |
${rows.map((row) => `| ${row} |`).join('\n')}
`;
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
});
