/** Lists of batches, and what happened by the minute, on a real Temporal server. Its runs have no worker: they stay open, or are terminated. */
import { defineSearchAttributeKey, TypedSearchAttributes } from '@temporalio/common';
import { startTestServer, type TestServer } from '../../../test/starter/server';
import { forEachBounded } from '../../../common/for-each-bounded';
import { listBatches } from './batches';
import { ThroughputView } from './throughput';

const KEYS = {
  batch: defineSearchAttributeKey('MediaBatchId', 'KEYWORD'),
  kind: defineSearchAttributeKey('MediaKind', 'KEYWORD'),
  preset: defineSearchAttributeKey('MediaPreset', 'KEYWORD'),
  tenant: defineSearchAttributeKey('MediaTenant', 'KEYWORD'),
};
/** Large in comparison with a page. */
const MANY = Number(process.env['DARKROOM_TEST_BATCHES'] ?? 150);

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

interface Made {
  items?: number;
  kind?: string;
  preset?: string;
  tenant?: string;
  ended?: boolean;
}

/** @param name before the slash of the runs' ids, where several tenants share a batch */
async function make(
  name: string,
  { items = 1, kind = 'image', preset = 'web', tenant = 'default', ended = true }: Made = {},
  batch = name,
) {
  for (let index = 0; index < items; index++) {
    const handle = await server.client.workflow.start('processImage', {
      workflowId: `${name}/item-${index}`,
      taskQueue: 'nobody',
      memo: { source: `file:///${batch}/${index}.jpg` },
      typedSearchAttributes: new TypedSearchAttributes([
        { key: KEYS.batch, value: batch },
        { key: KEYS.kind, value: kind },
        { key: KEYS.preset, value: preset },
        { key: KEYS.tenant, value: tenant },
      ]),
    });
    if (ended) await handle.terminate();
  }
}

/** Until lists know this many runs. */
async function known(query: string, runs: number): Promise<void> {
  while ((await server.client.workflow.count(query)).count < runs) await new Promise((done) => setTimeout(done, 100));
}

async function allPages(filter: Parameters<typeof listBatches>[1], limit: number) {
  const ids: string[] = [];
  let cursor: string | undefined;
  let pages = 0;
  do {
    const { batches, next } = await listBatches(server.client, filter, limit, cursor);
    ids.push(...batches.map(({ id }) => id));
    cursor = next;
    pages++;
  } while (cursor !== undefined);
  return { ids, pages };
}

/** Calls to the server while `look` runs. */
async function callsOf(look: () => Promise<unknown>): Promise<number> {
  const { workflowService } = server.client;
  const spies = [
    jest.spyOn(workflowService, 'listWorkflowExecutions'),
    jest.spyOn(workflowService, 'countWorkflowExecutions'),
  ];
  await look();
  const calls = spies.reduce((sum, spy) => sum + spy.mock.calls.length, 0);
  for (const spy of spies) spy.mockRestore();
  return calls;
}

test('batches with open items come first, then those that ended last; each once, whatever the size of a page', async () => {
  const tenant = 'order';
  for (const batch of ['a', 'b', 'c', 'd', 'e']) await make(`order-${batch}`, { items: 3, tenant });
  // One of the oldest gets an open item, and two more batches have nothing else.
  await make('order-b2', { items: 2, tenant, ended: false });
  await server.client.workflow.start('processImage', {
    workflowId: 'order-a/late',
    taskQueue: 'nobody',
    typedSearchAttributes: new TypedSearchAttributes([
      { key: KEYS.batch, value: 'order-a' },
      { key: KEYS.tenant, value: tenant },
    ]),
  });
  await known(`MediaTenant = "order"`, 18);
  const order = ['order-a', 'order-b2', 'order-e', 'order-d', 'order-c', 'order-b'];
  for (const limit of [1, 2, 3, 6, 50]) {
    const { ids, pages } = await allPages({ tenant }, limit);
    expect([limit, ids]).toEqual([limit, order]);
    expect(pages).toBeLessThanOrEqual(Math.ceil(order.length / limit) + 1);
  }
  const { batches } = await listBatches(server.client, { tenant }, 2);
  expect(batches).toMatchObject([
    { id: 'order-a', items: 4, open: 1, failed: 3, succeeded: 0, cancelled: 0 },
    { id: 'order-b2', items: 2, open: 2 },
  ]);
});

test('a batch with jobs of several tenants is in the list of none of them', async () => {
  await make('shared', { items: 2, tenant: 'ours' });
  await make('shared/too', { tenant: 'theirs' }, 'shared');
  await make('own', { tenant: 'ours' });
  await known('MediaBatchId IN ("shared", "own")', 4);
  const ids = async (filter: object) => (await allPages(filter, 1)).ids;
  expect(await ids({ tenant: 'ours' })).toEqual(['own']);
  expect(await ids({ tenant: 'theirs' })).toEqual([]);
  expect(await ids({ batchPrefix: 'shared' })).toEqual(['shared']);
});

test('figures are the same for small batches, counted by one query, as for larger ones; a retried item counts once', async () => {
  const tenant = 'sizes';
  await make('small', { items: 2, tenant });
  // Its first item again.
  await make('small', { items: 1, tenant, ended: false });
  await make('open', { items: 3, tenant, ended: false });
  await known('MediaTenant = "sizes"', 6);
  const small = { id: 'small', items: 2, open: 1, succeeded: 0, failed: 1, cancelled: 0 };
  const page = async () => (await listBatches(server.client, { tenant }, 10)).batches;
  expect(await callsOf(page)).toBe(3);
  const before = await page();
  expect(before).toEqual(expect.arrayContaining([expect.objectContaining(small)]));
  // More runs than one look takes.
  await make('large', { items: 201, tenant });
  await known('MediaTenant = "sizes"', 207);
  const after = await page();
  expect(after).toHaveLength(3);
  expect(after).toEqual(expect.arrayContaining([...before, expect.objectContaining({ id: 'large', failed: 201 })]));
});

test('filters narrow to batches that have such items', async () => {
  const tenant = 'filters';
  await make('film-1', { tenant, kind: 'video' });
  const between = new Date();
  await make('photo-1', { tenant, preset: 'archive' });
  await make('photo-2', { tenant, ended: false });
  await make('film-2', { tenant: 'somebody', kind: 'video' });
  await known(`MediaBatchId IN ("film-1", "photo-1", "photo-2", "film-2")`, 4);
  const ids = async (filter: object) => (await allPages({ tenant, ...filter }, 1)).ids;
  expect(await ids({})).toEqual(['photo-2', 'photo-1', 'film-1']);
  expect(await ids({ kind: 'video' })).toEqual(['film-1']);
  expect(await ids({ preset: 'archive' })).toEqual(['photo-1']);
  expect(await ids({ state: 'open' })).toEqual(['photo-2']);
  expect(await ids({ state: 'failed' })).toEqual(['photo-1', 'film-1']);
  expect(await ids({ state: 'succeeded' })).toEqual([]);
  expect(await ids({ batchPrefix: 'photo' })).toEqual(['photo-2', 'photo-1']);
  expect(await ids({ from: between })).toEqual(['photo-2', 'photo-1']);
  expect(await ids({ to: between })).toEqual(['film-1']);
});

test('a quiet time costs few calls, and what happened in a minute is counted', async () => {
  const view = new ThroughputView(server.client);
  let quiet: Awaited<ReturnType<typeof view.last>> | undefined;
  const calls = await callsOf(async () => (quiet = await view.last(180, 'nobody')));
  // Two for each quarter of an hour, the open ones, and those that completed last.
  expect(calls).toBeLessThanOrEqual(2 * 13 + 2);
  expect(quiet?.minutes).toHaveLength(180);
  const { minutes, open } = await view.last(180, 'filters');
  expect([minutes.reduce((sum, { failed }) => sum + failed, 0), open]).toEqual([2, 1]);
});

test('a cursor that is none is refused, also one that was made by hand', async () => {
  const tenant = 'order';
  const forged = (place: unknown): string => {
    const token = Buffer.from(typeof place === 'string' ? place : JSON.stringify(place));
    // The checksum is no secret.
    const sum = jest.requireActual<typeof import('node:crypto')>('node:crypto').createHash('sha256').update(token);
    return sum.digest('hex').slice(0, 8) + token.toString('base64url');
  };
  const wrong = ['nonsense', forged('nonsense'), forged({ phase: 'open', at: 1e300, ids: [] }), forged([])];
  for (const cursor of wrong) {
    await expect(listBatches(server.client, { tenant }, 5, cursor)).rejects.toMatchObject({ type: 'InvalidJob' });
  }
  const quote = forged({ phase: 'ended', ids: ['" OR MediaTenant != "order'] });
  const { batches } = await listBatches(server.client, { tenant }, 50, quote);
  expect(batches.every(({ id }) => id.startsWith('order-'))).toBe(true);
});

test(`a page costs as many calls with ${MANY} batches as with 10, the first one and one further down`, async () => {
  const page = (tenant: string, cursor?: string) => listBatches(server.client, { tenant }, 5, cursor);
  for (let index = 0; index < 10; index++) await make(`few-${index}`, { tenant: 'few' });
  await forEachBounded(Array.from({ length: MANY }).keys(), 16, (index) => make(`many-${index}`, { tenant: 'many' }));
  await known('MediaTenant IN ("few", "many")', 10 + MANY);
  const [few, many] = [await page('few'), await page('many')];
  expect([few.batches.length, many.batches.length]).toEqual([5, 5]);
  const firstOfFew = await callsOf(() => page('few'));
  expect(await callsOf(() => page('many'))).toBe(firstOfFew);
  let deep = many.next;
  for (let at = 0; at < 15; at++) deep = (await page('many', deep)).next;
  expect(await callsOf(() => page('many', deep))).toBe(await callsOf(() => page('few', few.next)));
}, 600_000);
