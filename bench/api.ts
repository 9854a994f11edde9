/**
 * `npm run bench:api -- [--batches 10000] [--asks 50] [--photos 30]`: how long the HTTP API takes to list batches when there
 * are many, beside one bare query of Temporal, and to answer for one photo on an idle system. Prints Markdown.
 * Never fails on a number.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { defineSearchAttributeKey, TypedSearchAttributes } from '@temporalio/common';
import type { Client } from '@temporalio/client';
import sharp from 'sharp';
import { loadConfig } from '../common/config';
import { forEachBounded } from '../common/for-each-bounded';
import { startService } from '../local/embedded/child-process';
import { freePort } from '../local/embedded/free-port';
import { toStderr } from '../local/embedded/report';
import { ensureTemporalBinary } from '../local/embedded/temporal-binary';
import { startTemporalServer } from '../local/embedded/temporal-server';
import { fileUri } from '../storage';
import { connect, createClient, ensureSearchAttributes } from '../temporal/connect';
import { machine } from './table';

/** Batches that stay open, so that a list has both parts. */
const OPEN = 20;
/** Runs that are started at once. */
const CONCURRENCY = 24;
const PAGES_DOWN = 20;
const ATTRIBUTES = {
  MediaBatchId: defineSearchAttributeKey('MediaBatchId', 'KEYWORD'),
  MediaKind: defineSearchAttributeKey('MediaKind', 'KEYWORD'),
  MediaPreset: defineSearchAttributeKey('MediaPreset', 'KEYWORD'),
  MediaTenant: defineSearchAttributeKey('MediaTenant', 'KEYWORD'),
};

/** The parts of answers that are used here. */
interface Answer {
  state?: string;
  next?: string;
  batches?: unknown[];
  manifest?: { publishedAt: string; timings: Record<string, number> };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      batches: { type: 'string', default: '10000' },
      asks: { type: 'string', default: '50' },
      photos: { type: 'string', default: '30' },
    },
  });
  const [batches, asks, photos] = [Number(values.batches), Number(values.asks), Number(values.photos)];
  const home = path.join(loadConfig().home, 'bench', 'api');
  await rm(home, { recursive: true, force: true });
  await mkdir(home, { recursive: true });
  const port = await freePort();
  const env: NodeJS.ProcessEnv = {
    ...{ ...process.env, TEMPORAL_ADDRESS: `127.0.0.1:${port}`, LOG_FORMAT: 'json' },
    ...{ DARKROOM_HOME: home, DARKROOM_SCRATCH_DIR: path.join(home, 'scratch'), DARKROOM_ALLOWED_ROOTS: home },
    ...{
      DARKROOM_WORKER_PORT: '0',
      DARKROOM_SDK_METRICS_PORT: '0',
      DARKROOM_HTTP_PORT: '0',
      DARKROOM_HEALTH_PORT: '0',
    },
    ...{ DARKROOM_POOLS: 'workflows,image', DARKROOM_REUSE: 'false' },
  };
  const config = loadConfig(env);
  const server = await startTemporalServer({ home, port, binary: await ensureTemporalBinary(config, toStderr) });
  const connection = await connect(config);
  const stops: (() => Promise<void>)[] = [];
  try {
    const client = createClient(connection, config);
    await ensureSearchAttributes(connection, client.options.namespace);
    const start = async (module: string) => {
      const service = await startService({ module, env, logFile: path.join(home, `${path.dirname(module)}.log`) });
      stops.push(() => service.stop());
      return service;
    };
    const url = `http://127.0.0.1:${(await start('starter/server/main.js')).httpPort}`;
    await start('workers/main.js');
    const answers = await photoTimes(home, url, photos);
    toStderr(`bench: makes ${batches} batches`);
    const began = performance.now();
    await makeBatches(client, batches);
    const seconds = Math.round((performance.now() - began) / 1000);
    const lists = await listTimes(client, url, batches, asks);
    process.stdout.write(
      `${machine()}\n\n${batches} batches of one job each, made in ${seconds} s; ${asks} calls each.\n\n`,
    );
    process.stdout.write(table(lists));
    process.stdout.write(`\n${photos} photos of 1920x1280 in turn, preset \`web\`, by \`POST /v1/jobs?wait=30s\`.\n\n`);
    process.stdout.write(table(answers));
  } finally {
    await Promise.all(stops.map((stop) => stop()));
    await connection.close();
    process.kill(server);
    await rm(home, { recursive: true, force: true });
  }
}

/** One run for each batch, without a worker: most are ended at once. */
async function makeBatches(client: Client, count: number): Promise<void> {
  await forEachBounded(Array.from({ length: count }).keys(), CONCURRENCY, async (index) => {
    const batch = nameOf(index);
    const handle = await client.workflow.start('processImage', {
      workflowId: `${batch}/photo`,
      taskQueue: 'nobody',
      memo: { source: `file:///${batch}.jpg` },
      typedSearchAttributes: new TypedSearchAttributes([
        { key: ATTRIBUTES.MediaBatchId, value: batch },
        { key: ATTRIBUTES.MediaKind, value: 'image' },
        { key: ATTRIBUTES.MediaPreset, value: 'web' },
        { key: ATTRIBUTES.MediaTenant, value: 'default' },
      ]),
    });
    if (index >= OPEN) await handle.terminate();
  });
  while ((await client.workflow.count('MediaBatchId STARTS_WITH "shoot-"')).count < count) {
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function nameOf(index: number): string {
  return `shoot-${String(index).padStart(6, '0')}`;
}

async function listTimes(client: Client, url: string, batches: number, asks: number): Promise<Map<string, number[]>> {
  let deep = '';
  for (let page = 0; page < PAGES_DOWN; page++) {
    const { next } = await get(url, `/v1/batches?limit=50${deep}`);
    if (next === undefined) break;
    deep = `&cursor=${encodeURIComponent(next)}`;
  }
  const query = 'MediaBatchId IS NOT NULL';
  const calls: [string, () => Promise<unknown>][] = [
    ['one query of Temporal, 50 runs', () => listRuns(client, query)],
    ['first page of 20', () => get(url, '/v1/batches?limit=20')],
    ['first page of 50', () => get(url, '/v1/batches?limit=50')],
    [`20 behind ${PAGES_DOWN} pages of 50`, () => get(url, `/v1/batches?limit=20${deep}`)],
    ['search by name, one found', () => get(url, `/v1/batches?limit=20&search=${nameOf(Math.floor(batches / 2))}`)],
    ['search by name, 20 of 1,000', () => get(url, '/v1/batches?limit=20&search=shoot-001')],
    ['failed only, first page of 20', () => get(url, '/v1/batches?limit=20&state=failed')],
    ['jobs, first page of 50', () => get(url, '/v1/jobs?limit=50')],
  ];
  const times = new Map<string, number[]>();
  for (const [name, call] of calls) {
    toStderr(`bench: ${name}`);
    await call();
    times.set(name, await timed(asks, call));
  }
  return times;
}

async function listRuns(client: Client, query: string): Promise<void> {
  await client.workflowService.listWorkflowExecutions({ namespace: client.options.namespace, query, pageSize: 50 });
}

/** Each photo is another one, so that nothing is copied from an earlier item. */
async function photoTimes(home: string, url: string, count: number): Promise<Map<string, number[]>> {
  const times = new Map<string, number[]>(['answer', 'published', 'pixels'].map((name) => [name, []]));
  // The first one starts the processes of sharp.
  for (let index = -2; index < count; index++) {
    const file = path.join(home, `photo-${index}.jpg`);
    await photo(file);
    const [began, started] = [Date.now(), performance.now()];
    const { state, manifest } = await post(url, '/v1/jobs?wait=30s', { source: fileUri(file), preset: 'web' });
    const took = performance.now() - started;
    if (state !== 'succeeded' || manifest === undefined) throw new Error(`A photo ended as ${state}.`);
    if (index < 0) continue;
    const { fetch: _fetch, publish: _publish, ...pixels } = manifest.timings;
    times.get('answer')?.push(took);
    times.get('published')?.push(Date.parse(manifest.publishedAt) - began);
    times.get('pixels')?.push(Object.values(pixels).reduce((sum, ms) => sum + ms, 0));
  }
  return times;
}

/** Noise over a gradient: what a camera makes is not smooth either. */
async function photo(file: string): Promise<void> {
  const small = { width: 480, height: 320, channels: 3 } as const;
  await sharp(randomBytes(480 * 320 * 3), { raw: small })
    .resize(1920, 1280)
    .blur(2)
    .jpeg({ quality: 88 })
    .toFile(file);
}

async function timed(times: number, call: () => Promise<unknown>): Promise<number[]> {
  const all: number[] = [];
  for (let index = 0; index < times; index++) {
    const started = performance.now();
    await call();
    all.push(performance.now() - started);
  }
  return all;
}

function get(url: string, where: string): Promise<Answer> {
  return fetch(url + where).then(answerOf);
}

function post(url: string, where: string, body: object): Promise<Answer> {
  const headers = { 'content-type': 'application/json' };
  return fetch(url + where, { method: 'POST', headers, body: JSON.stringify(body) }).then(answerOf);
}

async function answerOf(response: Response): Promise<Answer> {
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as Answer;
}

function table(times: Map<string, number[]>): string {
  const rows = [...times].map(([name, all]) => `| ${name} | ${share(all, 0.5)} | ${share(all, 0.95)} |\n`);
  return ['| | p50, ms | p95, ms |\n', '| --- | --- | --- |\n', ...rows].join('');
}

function share(all: number[], part: number): string {
  const sorted = [...all].sort((a, b) => a - b);
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN).toFixed(0);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    toStderr(`bench: ${String(error)}`);
    process.exit(1);
  },
);
