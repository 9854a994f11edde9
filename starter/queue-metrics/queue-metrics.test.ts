/** The view into the queues, on a real server: no worker, then one; and the server gone. */
import { randomUUID } from 'node:crypto';
import { Registry } from 'prom-client';
import { taskQueue } from '../../common/pools';
import { METRICS } from '../../common/metrics';
import { startTestServer, type TestServer } from '../../test/starter/server';
import { until } from '../../test/support/stack';
import { createQueueMetrics } from '.';
import { sampleQueues } from './sample';

let server: TestServer;
let registry: Registry;
const queue = taskQueue('darkroom', 'workflows');

beforeAll(async () => {
  server = await startTestServer();
  registry = new Registry();
  createQueueMetrics(server.client.connection, server.config, registry);
});
afterAll(() => server.close());

async function scrape(): Promise<Map<string, number>> {
  const lines = (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

test('exports every queue metric of the table, and no other', async () => {
  const promised = Object.entries(METRICS).filter(([, row]) => row.from === 'queue');
  const exported = (await registry.getMetricsAsJSON()).map(({ name }) => name);
  expect(exported.sort()).toEqual(promised.map(([name]) => name).sort());
});

test('work that nobody takes shows as backlog without pollers, and as open items', async () => {
  for (let count = 0; count < 3; count++) {
    await server.client.workflow.start('processImage', { workflowId: randomUUID(), taskQueue: queue, args: [{}] });
  }
  await until(async () => (await scrape()).get(`darkroom_backlog_items{queue="${queue}"}`) === 3, 500);
  await until(async () => (await scrape()).get('darkroom_open_workflows{kind="image"}') === 3, 500);
  const figures = await scrape();
  expect(figures.get(`darkroom_queue_pollers{queue="${queue}"}`)).toBe(0);
  expect(figures.get('darkroom_backlog_items{queue="darkroom-video"}')).toBe(0);
  expect(figures.get('darkroom_open_workflows{kind="video"}')).toBe(0);
  expect(figures.get('darkroom_temporal_up')).toBe(1);
});

test('whoever asks for work counts as one poller, however often it asks', async () => {
  const { connection } = server.client;
  const ask = { namespace: 'default', taskQueue: { name: queue }, identity: 'somebody' };
  await connection.withDeadline(Date.now() + 10_000, async () => {
    for (let count = 0; count < 2; count++) await connection.workflowService.pollWorkflowTaskQueue(ask);
  });
  const scope = { connection, namespace: 'default', queuePrefix: 'darkroom' };
  const sample = (await sampleQueues(scope)).find((candidate) => candidate.queue === queue);
  expect(sample?.pollers).toBe(1);
});

test('a server that is away shows as down, and no old figure stays', async () => {
  const elsewhere = new Registry();
  const { connection } = server.client;
  // As if nothing answered: every call is refused at once.
  const away = Object.create(connection, {
    withDeadline: { value: () => Promise.reject(new Error('away')) },
  }) as typeof connection;
  createQueueMetrics(away, server.config, elsewhere);
  const text = await elsewhere.metrics();
  expect(text).toMatch(/^darkroom_temporal_up 0$/m);
  expect(text).not.toMatch(/^darkroom_backlog_items\{/m);
});
