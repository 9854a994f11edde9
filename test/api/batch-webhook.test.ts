/** The webhook of a whole batch: one signed call when its last item has ended, whatever restarts meanwhile. */
import { startStack, until, type Stack } from '../support/stack';
import { isGenuine, SECRET, startReceiver, type Receiver } from './receiver';
import { broken, photo, startApi, type Api } from './support';

let receiver: Receiver;
let stack: Stack;
let api: Api;

beforeAll(async () => {
  receiver = await startReceiver();
  stack = await startStack({
    DARKROOM_WEBHOOK_SECRET: SECRET,
    DARKROOM_PRIVATE_HOSTS: receiver.host,
    DARKROOM_CALLBACK_HOSTS: receiver.host,
  });
  api = await startApi(stack);
});
afterAll(async () => {
  await api.stop();
  await stack.stop();
  receiver.stop();
});

/** Looks at a batch come half a minute apart in the end, ms. */
const PATIENCE = 150_000;
const POOLS = { DARKROOM_POOLS: 'workflows,image' };
const at = (path: string) => `${receiver.base}${path}`;
const told = (path: string) => receiver.callsTo(path).map(({ body }) => JSON.parse(body) as Record<string, unknown>);
const watch = (batch: string) => stack.client.workflow.getHandle(`webhook/${batch}`);

test(
  'one call with the counts when all have ended, and calls for the jobs that asked for their own',
  async () => {
    const worker = await stack.worker(POOLS);
    const jobs = [
      { source: await photo(stack, 'a'), id: 'a', callbackUrl: at('/job') },
      { source: await photo(stack, 'b'), id: 'b' },
      { source: await broken(stack, 'c'), id: 'c' },
      { source: 'nonsense' },
    ];
    const answer = await api.call('POST', '/v1/batches', { id: 'whole', callbackUrl: at('/whole'), jobs });
    expect(answer).toMatchObject({ status: 202, body: { started: 3, rejected: 1 } });
    await until(() => receiver.callsTo('/whole').length > 0);
    const [call] = receiver.callsTo('/whole');
    expect(isGenuine(call!.headers, call!.body)).toBe(true);
    const { at: when, ...event } = told('/whole')[0]!;
    expect(event).toEqual({ type: 'batch.ended', batch: 'whole', items: 3, succeeded: 2, failed: 1, cancelled: 0 });
    expect(new Date(String(when)).getTime()).toBeLessThanOrEqual(Date.now());
    expect(told('/job')).toMatchObject([{ type: 'job.succeeded', job: 'whole~a' }]);
    // Who waits for the items is none of them.
    expect((await api.call('GET', '/v1/batches/whole')).body).toMatchObject({
      items: 3,
      open: 0,
      succeeded: 2,
      failed: 1,
    });
    expect((await api.call('GET', '/v1/batches/whole/items')).body.items).toHaveLength(3);

    // The file is mended, and the batch is told of again.
    await photo(stack, 'c');
    expect((await api.call('POST', '/v1/batches/whole/retry')).body).toMatchObject({ restarted: 1 });
    await until(() => receiver.callsTo('/whole').length > 1);
    expect(told('/whole')[1]).toMatchObject({ items: 3, succeeded: 3, failed: 0 });
    await worker.stop();
  },
  PATIENCE,
);

test(
  'it waits for the last item, through a change of workers, and sent again it is still one call',
  async () => {
    const first = await stack.worker(POOLS);
    // Nobody serves videos here.
    const lines = [
      { source: await photo(stack, 'd'), id: 'd' },
      { source: await photo(stack, 'e'), id: 'e', kind: 'video' },
    ]
      .map((job) => JSON.stringify(job))
      .join('\n');
    const send = (path: string) =>
      api.call('POST', `/v1/batches?id=lines&callbackUrl=${encodeURIComponent(at(path))}`, lines);
    expect((await send('/early')).body).toMatch(/"summary":\{"started":2/);
    const pending = async () => (await watch('lines').describe()).raw.pendingActivities?.[0];
    await until(async () => /1 of 2 runs are open/.test((await pending())?.lastFailure?.message ?? ''));
    await first.stop();
    const [one, two] = await Promise.all([send('/late'), send('/late')]);
    expect([one.status, two.status]).toEqual([202, 202]);
    const second = await stack.worker(POOLS);
    await until(async () => /1 of 2 runs are open/.test((await pending())?.lastFailure?.message ?? ''));
    expect(receiver.callsTo('/late')).toEqual([]);
    await api.call('POST', '/v1/batches/lines/cancel');
    await until(() => receiver.callsTo('/late').length > 0);
    expect(told('/late')).toMatchObject([{ batch: 'lines', items: 2, succeeded: 1, failed: 0, cancelled: 1 }]);
    await watch('lines').result();
    // However long it waits, its history does not grow.
    expect((await watch('lines').describe()).historyLength).toBeLessThan(20);
    expect([receiver.callsTo('/late').length, receiver.callsTo('/early').length]).toEqual([1, 0]);
    await second.stop();
  },
  PATIENCE,
);

test.each([
  ['a host that is not allowed', 'https://example.com/', 403],
  ['a private address', 'https://169.254.169.254/', 403],
  ['no address', 'soon', 400],
])('%s is refused before any of its jobs is taken', async (_name, callbackUrl, status) => {
  const job = { source: await photo(stack, 'f'), id: 'f' };
  const json = await api.call('POST', '/v1/batches', { id: 'refused', callbackUrl, jobs: [job] });
  const query = new URLSearchParams({ id: 'refused', callbackUrl });
  const ndjson = await api.call('POST', `/v1/batches?${query.toString()}`, JSON.stringify(job));
  expect([json.status, ndjson.status]).toEqual([status, status]);
  expect((await api.call('GET', '/v1/jobs/refused~f')).status).toBe(404);
});
