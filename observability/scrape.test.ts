/** A real worker under a small load, and a real starter: every metric of the table is exported, and no other of our names. */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { type WorkItem } from '../common/contracts';
import { taskQueue } from '../common/pools';
import { METRICS } from '../common/metrics';
import { startService, type Service } from '../local/embedded/child-process';
import { freePort, startStack, until, type Stack } from '../test/support/stack';

let stack: Stack;
let worker: Service;
let starter: Service;
let sdkPort: number;

beforeAll(async () => {
  stack = await startStack({ DARKROOM_HTTP_PORT: '0' });
  sdkPort = await freePort();
  worker = await stack.worker({ DARKROOM_SDK_METRICS_PORT: String(sdkPort) });
  const logFile = path.join(stack.home, 'log', 'starter.log');
  starter = await startService({ module: 'starter/server/main.js', env: stack.env, logFile });
  await load();
}, 120_000);
afterAll(async () => {
  await starter?.stop();
  await stack?.stop();
});

/** One good picture and one that is none. */
async function load(): Promise<void> {
  await mkdir(path.join(stack.home, 'in'));
  const good = path.join(stack.home, 'in', 'good.png');
  await sharp({ create: { width: 40, height: 30, channels: 3, background: 'red' } }).toFile(good);
  const item = (itemKey: string, file: string): WorkItem => ({
    batchId: 'scrape',
    itemKey,
    kind: 'image',
    source: `file://${file}`,
    output: `file://${stack.home}/out/${itemKey}`,
    preset: {
      name: 'p',
      image: { animation: 'first', colour: 'srgb', renditions: [{ name: 'small', format: 'webp', width: 16 }] },
    },
    recipe: '0000000000',
    priority: 3,
    tenant: 'default',
  });
  const run = (work: WorkItem): Promise<unknown> =>
    stack.client.workflow.execute('processImage', {
      workflowId: `scrape/${work.itemKey}`,
      taskQueue: taskQueue(stack.config.queuePrefix, 'workflows'),
      args: [work],
    });
  await run(item('good', good));
  await expect(run(item('missing', path.join(stack.home, 'in', 'missing.png')))).rejects.toThrow();
}

async function scrape(port: number): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
}

/** Ours, by the TYPE lines; Node's own and the SDK's have other prefixes. */
function ours(text: string): string[] {
  const names = [...text.matchAll(/^# TYPE (\S+) /gm)].map((match) => match[1] ?? '');
  return names.filter((name) => /^(darkroom|http)_/.test(name)).sort();
}

function promised(...from: string[]): string[] {
  return Object.entries(METRICS)
    .filter(([, row]) => from.includes(row.from))
    .map(([name]) => name)
    .sort();
}

test('the worker exports what the table promises, and nothing else', async () => {
  expect(ours(await scrape(worker.httpPort))).toEqual(promised('worker'));
});

test('the starter exports its own and the queues, and nothing else', async () => {
  expect(ours(await scrape(starter.httpPort))).toEqual(promised('queue', 'starter'));
});

test('under load the worker shows what it did', async () => {
  const text = await scrape(worker.httpPort);
  const value = (series: string): number =>
    Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${series} `))
        ?.split(' ')
        .at(-1),
    );
  expect(value('darkroom_items_completed_total{kind="image",outcome="ok"}')).toBe(1);
  expect(value('darkroom_items_completed_total{kind="image",outcome="bad_input"}')).toBe(1);
  expect(value('darkroom_errors_total{kind="image",type="SourceNotFound"}')).toBe(1);
  expect(value('darkroom_bytes_read_total{kind="image"}')).toBeGreaterThan(0);
  expect(value('darkroom_bytes_written_total{kind="image"}')).toBeGreaterThan(0);
  expect(value('darkroom_memory_limit_bytes')).toBeGreaterThan(0);
  for (const stage of ['fetch', 'decode', 'encode', 'publish']) {
    expect(text).toContain(`darkroom_stage_duration_seconds_count{stage="${stage}"`);
  }
  for (const own of ['process_resident_memory_bytes', 'nodejs_eventloop_lag_p99_seconds']) expect(text).toContain(own);
});

test('the SDK names its metrics with seconds and _total', async () => {
  await until(async () => (await scrape(sdkPort)).includes('temporal_request_total'), 200);
  const text = await scrape(sdkPort);
  for (const name of [
    'temporal_activity_execution_latency_seconds',
    'temporal_activity_schedule_to_start_latency_seconds',
    'temporal_workflow_task_schedule_to_start_latency_seconds',
    'temporal_request_latency_seconds',
    'temporal_request_total',
    'temporal_sticky_cache_size',
  ]) {
    expect(text).toMatch(new RegExp(`^# TYPE ${name} `, 'm'));
  }
});

test('no label has a value without bound', async () => {
  const labels = new Set(Object.values(METRICS).flatMap((row): readonly string[] => row.labels));
  expect([...labels].filter((label) => /id$|uri|url|source_|tenant|batch/.test(label))).toEqual([]);
  const text = await scrape(worker.httpPort);
  expect(text).not.toContain(stack.home);
});
