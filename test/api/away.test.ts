/** Temporal that goes away and comes back, and a service that is stopped while somebody waits. */
import { Line } from '../support/line';
import { startStack, until, type Stack } from '../support/stack';
import { photo, readEvents, startApi, type Api } from './support';

let stack: Stack;
let line: Line;
let api: Api;

beforeAll(async () => {
  stack = await startStack();
  line = new Line(Number(stack.config.temporalAddress?.split(':')[1]));
  await line.join();
  api = await startApi(stack, { TEMPORAL_ADDRESS: `127.0.0.1:${line.port}` });
});
afterAll(async () => {
  await api.stop();
  await line.cut().catch(() => undefined);
  await stack.stop();
});

test('while Temporal is away that is said, nothing is taken and nothing crashes; then it mends itself', async () => {
  const source = await photo(stack, 'away');
  await line.cut();
  await until(async () => (await api.call('GET', '/ready')).status === 503, 100);
  expect((await api.call('GET', '/ready')).body).toMatchObject({ dependencies: { temporal: { ok: false } } });
  expect((await api.call('GET', '/live')).status).toBe(200);
  for (const [method, where, body] of [
    ['POST', '/v1/jobs', { source, id: 'away' }],
    ['POST', '/v1/batches', { jobs: [{ source }] }],
    ['POST', '/v1/batches', JSON.stringify({ source })],
    ['POST', '/produce', { payload: source }],
    ['GET', '/v1/jobs/jobs~away', undefined],
    ['GET', '/v1/batches', undefined],
    ['GET', '/v1/batches/none', undefined],
  ] as const) {
    const answer = await api.call(method, where, body);
    expect([where, answer.status, answer.body.code]).toEqual([where, 503, 'TemporalUnavailable']);
    expect(answer.headers.get('retry-after')).toBe('5');
  }
  expect((await api.call('GET', '/metrics')).body).toMatch(/darkroom_temporal_up 0/);
  await line.join();
  await until(async () => (await api.call('GET', '/ready')).status === 200, 100);
  expect((await api.call('POST', '/v1/jobs', { source, id: 'away' })).status).toBe(202);
});

test('a service that starts before Temporal is there gets ready when it comes', async () => {
  await line.cut();
  const early = await startApi(stack, { TEMPORAL_ADDRESS: `127.0.0.1:${line.port}` });
  try {
    expect((await early.call('GET', '/ready')).status).toBe(503);
    await line.join();
    await until(async () => (await early.call('GET', '/ready')).status === 200, 100);
  } finally {
    await early.stop();
  }
});

test('what one service took in, another one waits for; who waits while it stops is answered', async () => {
  const first = await startApi(stack);
  const source = await photo(stack, 'handed');
  const { body } = await first.call('POST', '/v1/jobs', { source, id: 'handed' });
  const waiting = first.call('GET', `${body.links.result}?wait=1m`);
  const events = readEvents(`${first.url}${body.links.events}`, () => false);
  await until(async () => /darkroom_event_streams_open 1/.test((await first.call('GET', '/metrics')).body));
  await first.stop();
  expect(await waiting).toMatchObject({ status: 202, body: { state: 'queued' } });
  const last = (await events).at(-1);
  expect(last).toMatchObject({ data: { state: 'queued' } });

  const second = await startApi(stack);
  const result = second.call('GET', `${body.links.result}?wait=1m`);
  const rest = readEvents(`${second.url}${body.links.events}`, () => false, { 'last-event-id': last?.id ?? '' });
  const worker = await stack.worker({ DARKROOM_POOLS: 'workflows,image' });
  expect(await result).toMatchObject({ status: 200, body: { state: 'succeeded', manifest: { itemKey: 'handed' } } });
  expect((await rest).at(-1)).toMatchObject({ data: { state: 'succeeded' } });
  await Promise.all([second.stop(), worker.stop()]);
});
