/** Traces of a real starter and a real worker, as a collector gets them: who is whose child, and what must not be in them. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { dataConverterOf, workflowBundleOf } from '../../temporal/encryption';
import { built } from '../../common/paths';
import { photo, startApi } from '../api/support';
import { startCollector, type Collector, type SentSpan } from '../support/collector';
import { freePort, startStack, until, type Stack } from '../support/stack';

/** What a signed URL has in it. */
const SIGNATURE = 'f00dfeedc0ffee';
const JOBS = 'image-jobs';

let stack: Stack;
let sources: Server;
let host: string;

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const picture = await sharp({ create: { width: 700, height: 400, channels: 3, background: '#345' } })
    .jpeg()
    .toBuffer();
  sources = createServer((request, response) => {
    if (request.url?.startsWith('/photo.jpg?') === true) response.setHeader('content-type', 'image/jpeg').end(picture);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => sources.listen(0, '127.0.0.1', resolve));
  host = `127.0.0.1:${(sources.address() as AddressInfo).port}`;
  stack = await startStack({
    DARKROOM_ALLOWED_HOSTS: '127.0.0.1',
    DARKROOM_PRIVATE_HOSTS: host,
    LOG_LEVEL: 'debug',
  });
});
afterAll(async () => {
  await stack.stop();
  sources.closeAllConnections();
  await new Promise((resolve) => sources.close(resolve));
});

const signed = (name: string): string => `http://${host}/${name}?X-Amz-Signature=${SIGNATURE}`;
const ids = () => ({ traceId: randomBytes(16).toString('hex'), spanId: randomBytes(8).toString('hex') });

describe('with a collector', () => {
  const wanted = ids();
  const refused = ids();
  let collector: Collector;
  let log: { worker: Record<string, unknown>[]; starter: Record<string, unknown>[] };

  beforeAll(async () => {
    collector = await startCollector();
    const env = { DARKROOM_TRACES: `${collector.url}/` };
    const worker = await stack.worker(env);
    const api = await startApi(stack, env);
    const submit = ({ traceId, spanId }: typeof wanted, source: string) =>
      api.call(
        'POST',
        '/v1/jobs?wait=30s',
        { source, batch: JOBS, output: `file://${stack.home}/out` },
        { traceparent: `00-${traceId}-${spanId}-01` },
      );
    expect((await submit(wanted, signed('photo.jpg'))).body).toMatchObject({ state: 'succeeded' });
    expect((await submit(refused, signed('nothing.jpg'))).body).toMatchObject({ state: 'failed' });
    expect((await api.call('GET', '/v1/jobs/no~such')).status).toBe(404);
    await startBatch(env);
    // What they have not sent yet, they send on the way out.
    await Promise.all([api.stop(), worker.stop()]);
    log = { worker: linesOf(path.join(stack.home, 'log/worker-1.log')), starter: linesOf(api.logFile) };
  }, 90_000);
  afterAll(() => collector.close());

  const of = (traceId: string): SentSpan[] => collector.spans.filter((span) => span.traceId === traceId);
  const named = (spans: SentSpan[], name: string): SentSpan => {
    const found = spans.filter((span) => span.name === name);
    if (found.length !== 1) throw new Error(`${found.length} spans "${name}" among ${spans.map((s) => s.name).join()}`);
    return found[0] as SentSpan;
  };

  test('a job is one trace, from the request of its sender to each stage', () => {
    const spans = of(wanted.traceId);
    const request = named(spans, 'POST /v1/jobs');
    const start = named(spans, 'StartWorkflow:processImage');
    const workflow = named(spans, 'RunWorkflow:processImage');
    const activity = named(spans, 'RunActivity:makeImage');
    expect(request).toMatchObject({ service: 'darkroom-starter', kind: 2, parentSpanId: wanted.spanId });
    expect(start).toMatchObject({ service: 'darkroom-starter', kind: 4, parentSpanId: request.spanId });
    expect(workflow).toMatchObject({ service: 'darkroom-worker', kind: 5, parentSpanId: start.spanId });
    expect(activity).toMatchObject({ service: 'darkroom-worker', kind: 5, parentSpanId: workflow.spanId });
    const stages = spans.filter(({ parentSpanId }) => parentSpanId === activity.spanId);
    const names = new Set(stages.map(({ name }) => name));
    const all = ['fetch image', 'decode jpeg', 'encode webp', 'encode jpeg', 'publish image', 'publish manifest'];
    expect([...names]).toEqual(expect.arrayContaining(all));
    expect(spans).toHaveLength(4 + stages.length);
  });

  test('the spans say what they worked on', () => {
    const spans = of(wanted.traceId);
    expect(named(spans, 'POST /v1/jobs').attributes).toEqual({
      'http.request.method': 'POST',
      'http.route': '/v1/jobs',
      'http.response.status_code': 200,
    });
    const item = { 'darkroom.kind': 'image', 'darkroom.preset': 'web', 'darkroom.batch': JOBS };
    const { attributes } = named(spans, 'RunActivity:makeImage');
    expect(attributes).toMatchObject({ ...item, 'temporal.activity.attempt': 1 });
    expect(attributes['temporal.workflow.id']).toMatch(/^image-jobs\//);
    expect(named(spans, 'RunWorkflow:processImage').attributes).toMatchObject({
      ...item,
      'temporal.workflow.id': attributes['temporal.workflow.id'],
      'temporal.run.id': attributes['temporal.run.id'],
    });
    const encode = spans.find(({ name }) => name === 'encode webp');
    expect(encode?.attributes).toMatchObject({ 'darkroom.stage': 'encode', 'darkroom.format': 'webp' });
    expect(encode?.attributes['darkroom.bytes']).toBeGreaterThan(0);
    expect(named(spans, 'fetch image').attributes['darkroom.bytes']).toBeGreaterThan(0);
  });

  test('a stage of a child process lies within its activity', () => {
    const spans = of(wanted.traceId);
    const activity = named(spans, 'RunActivity:makeImage');
    const decode = named(spans, 'decode jpeg');
    expect(decode.start).toBeGreaterThanOrEqual(activity.start);
    expect(decode.end).toBeLessThanOrEqual(activity.end);
    expect(decode.start).toBeGreaterThanOrEqual(named(spans, 'fetch image').start);
  });

  test('an error is told by its type and sentence, wherever it passes', () => {
    const spans = of(refused.traceId);
    for (const name of ['fetch image', 'RunActivity:makeImage', 'RunWorkflow:processImage']) {
      const { attributes, status } = named(spans, name);
      expect(attributes['error.type']).toBe('SourceNotFound');
      expect(status).toEqual({ code: 2, message: expect.stringContaining('There is no file at') });
    }
    // The request was answered; that the job failed is no failure of it.
    expect(named(spans, 'POST /v1/jobs').status.code).toBe(0);
    const unknown = named(collector.spans, 'GET /v1/jobs/:id');
    expect(unknown.attributes).toMatchObject({ 'error.type': 'NoSuchJob', 'http.response.status_code': 404 });
    expect(unknown.status.code).toBe(0);
  });

  test('an item of a batch has a trace of its own, linked to the command', () => {
    const command = named(collector.spans, 'start-batch');
    expect(command).toMatchObject({ service: 'darkroom-cli', attributes: { 'darkroom.items.started': 2 } });
    const starts = collector.spans.filter(({ service, name }) => service === 'darkroom-cli' && /^Start/.test(name));
    expect(new Set(starts.map(({ traceId }) => traceId)).size).toBe(2);
    for (const { traceId, links } of starts) {
      expect(traceId).not.toBe(command.traceId);
      expect(links).toMatchObject([{ traceId: command.traceId, spanId: command.spanId }]);
      named(of(traceId), 'RunActivity:makeImage');
    }
  });

  test('log lines of an item carry its trace', () => {
    const { 'temporal.workflow.id': workflowId } = named(of(refused.traceId), 'RunWorkflow:processImage').attributes;
    const lines = log.worker.filter((line) => line['workflowId'] === workflowId);
    const told = lines.find((line) => line['type'] === 'SourceNotFound');
    const { spanId } = named(of(refused.traceId), 'RunActivity:makeImage');
    expect(told).toMatchObject({ traceId: refused.traceId, spanId });
    // Those of the SDK about activity and workflow as well, once the header has been read.
    const traced = lines.filter((line) => line['traceId'] === refused.traceId);
    expect(traced.map(({ msg }) => msg)).toEqual(expect.arrayContaining(['Activity failed', 'Workflow failed']));
    const served = log.starter.filter((line) => line['traceId'] === refused.traceId).map(({ msg }) => msg);
    expect(served).toContain('request');
  });

  test('no span holds a query, nor does a log line', () => {
    expect(collector.text()).not.toContain(SIGNATURE);
    expect(collector.text()).not.toContain('X-Amz');
    expect(JSON.stringify(log)).not.toContain(SIGNATURE);
  });

  test('a history with a trace in it replays', async () => {
    const { 'temporal.workflow.id': id } = named(of(wanted.traceId), 'RunWorkflow:processImage').attributes;
    const history = await stack.client.workflow.getHandle(String(id)).fetchHistory();
    const sinks = { items: { ended: { fn: () => undefined } }, traces: { workflowEnded: { fn: () => undefined } } };
    const { config } = stack;
    const options = { workflowBundle: workflowBundleOf(config), dataConverter: dataConverterOf(config), sinks };
    await Worker.runReplayHistory(options, history);
  });
});

test('a collector that is away keeps no job from being done, and is told of once', async () => {
  const env = { DARKROOM_TRACES: `http://127.0.0.1:${await freePort()}`, OTEL_BSP_SCHEDULE_DELAY: '100' };
  const worker = await stack.worker(env);
  const api = await startApi(stack, env);
  for (const name of ['a', 'b']) {
    const source = await photo(stack, name);
    expect((await api.call('POST', '/v1/jobs?wait=30s', { source })).body).toMatchObject({ state: 'succeeded' });
  }
  const file = path.join(stack.home, 'log/worker-2.log');
  const told = () => linesOf(file).filter(({ msg }) => /^Traces do not reach 127/.test(String(msg)));
  await until(() => told().length > 0);
  await Promise.all([api.stop(), worker.stop()]);
  expect(told()).toHaveLength(1);
});

test('without a collector nothing of OpenTelemetry is loaded', async () => {
  const script = `
    const load = (module) => require(${JSON.stringify(built('.'))} + '/' + module);
    load('common/traces').startTraces(load('common/config').loadConfig({}), 'test', () => {});
    for (const module of ['workers/pools', 'starter/server/app', 'activities']) load(module);
    console.log(Object.keys(require.cache).filter((name) => /opentelemetry.(?!api)/.test(name)).length);`;
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script]);
  expect(stdout.trim()).toBe('0');
});

function linesOf(file: string): Record<string, unknown>[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Two pictures by the command. */
async function startBatch(env: Record<string, string>): Promise<void> {
  await photo(stack, 'one');
  const folder = path.dirname((await photo(stack, 'two')).replace('file://', ''));
  const args = [built('starter/cli/start-batch.js'), '--input', folder, '--shared-files', '--json'];
  await promisify(execFile)(process.execPath, args, { env: { ...stack.env, ...env } });
}
