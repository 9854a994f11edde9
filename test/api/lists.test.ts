/** Lists of batches and jobs on a real Temporal with a real worker. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { fileUri } from '../../storage';
import { startStack, until, type Stack } from '../support/stack';
import { bearer, keyEntry, photo, problem, startApi, type Api } from './support';

let stack: Stack;
let api: Api;
beforeAll(async () => {
  stack = await startStack();
  [api] = await Promise.all([startApi(stack), stack.worker({ DARKROOM_POOLS: 'workflows,image' })]);
  const [beach, hill] = [await photo(stack, 'Beach 1'), await photo(stack, 'hill')];
  const missing = fileUri(path.join(stack.home, 'in', 'missing.jpg'));
  await api.call('POST', '/v1/batches', {
    id: 'trip-1',
    preset: 'thumbnails',
    jobs: [{ source: beach }, { source: hill }],
  });
  await ended('trip-1', 2);
  await api.call('POST', '/v1/batches', { id: 'trip-2', preset: 'web', jobs: [{ source: missing }, { source: hill }] });
  await ended('trip-2', 2);
  await api.call('POST', '/v1/batches', { id: 'other', preset: 'web', jobs: [{ source: hill, id: 'My_own' }] });
  await ended('other', 1);
}, 120_000);
afterAll(async () => {
  await api.stop();
  await stack.stop();
});

async function ended(id: string, items: number): Promise<void> {
  await until(async () => {
    const { body } = await api.call('GET', `/v1/batches/${id}`);
    return body.items === items && body.open === 0;
  }, 200);
}

interface Line {
  id: string;
}
const batches = async (query: string) =>
  (await api.call('GET', `/v1/batches?${query}`)).body.batches.map(({ id }: Line) => id);
const jobs = async (where: string) => (await api.call('GET', where)).body.items.map(({ id }: Line) => id);

test('batches come page by page, with their counts, and can be searched and narrowed', async () => {
  const first = (await api.call('GET', '/v1/batches?limit=2')).body;
  expect(first.batches).toMatchObject([
    { id: 'other', items: 1, open: 0, succeeded: 1, failed: 0, links: { self: '/v1/batches/other' } },
    { id: 'trip-2', items: 2, succeeded: 1, failed: 1 },
  ]);
  expect(await batches(`limit=2&cursor=${first.next}`)).toEqual(['trip-1']);
  expect(await batches('search=trip')).toEqual(['trip-2', 'trip-1']);
  expect(await batches('state=failed')).toEqual(['trip-2']);
  expect(await batches('preset=thumbnails')).toEqual(['trip-1']);
  expect(await batches('kind=video')).toEqual([]);
  expect(await batches(`from=${new Date(Date.now() + 60_000).toISOString()}`)).toEqual([]);
});

test('jobs of all batches come page by page, and can be searched by name and narrowed', async () => {
  const ids = new Set<string>();
  let cursor = '';
  do {
    const { items, next } = (await api.call('GET', `/v1/jobs?limit=2${cursor && `&cursor=${cursor}`}`)).body;
    for (const { id, batch } of items) {
      expect(id.startsWith(`${batch}~`)).toBe(true);
      ids.add(id);
    }
    cursor = next ?? '';
  } while (cursor !== '');
  expect(ids.size).toBe(5);
  expect(await jobs('/v1/jobs?state=failed')).toEqual([expect.stringMatching(/^trip-2~missing-/)]);
  expect(await jobs('/v1/jobs?batch=trip-1&search=Beach%201')).toEqual([expect.stringMatching(/^trip-1~beach-1-/)]);
  expect(await jobs('/v1/batches/trip-1/items?search=hi')).toEqual([expect.stringMatching(/^trip-1~hill-/)]);
  expect(await jobs('/v1/jobs?search=trip-2~h')).toEqual([expect.stringMatching(/^trip-2~hill-/)]);
  expect(await jobs('/v1/jobs?batch=nothing')).toEqual([]);
});

test('what cannot be asked for is refused', async () => {
  for (const query of ['cursor=nonsense', 'limit=0', 'limit=51', 'state=late', 'from=yesterday', 'search=%22']) {
    const { status, body } = await api.call('GET', `/v1/batches?${query}`);
    expect([query, status, body.type]).toEqual([query, 400, expect.stringMatching(/^urn:darkroom:problem:/)]);
  }
  expect(await api.call('GET', '/v1/jobs?cursor=nonsense')).toMatchObject({ status: 400 });
  expect(await api.call('GET', '/v1/jobs?batch=%22')).toMatchObject(problem(400, 'BadRequest'));
});

test('a tenant sees its own batches and jobs only', async () => {
  const keys = [
    keyEntry('one', 'one', 0, 'first-secret-0123456789'),
    keyEntry('two', 'two', 0, 'second-secret-0123456789'),
  ].join(',');
  const guarded = await startApi(stack, { DARKROOM_API_KEYS: keys });
  try {
    const see = async (where: string, key: string) => (await guarded.call('GET', where, undefined, bearer(key))).body;
    expect((await see('/v1/batches', 'first-secret-0123456789')).batches).toEqual([]);
    const bytes = await readFile(fileURLToPath(await photo(stack, 'mine')));
    const sent = await fetch(`${guarded.url}/v1/uploads/mine.jpg`, {
      ...{ method: 'PUT', body: new Uint8Array(bytes) },
      headers: { 'content-type': 'application/octet-stream', ...bearer('first-secret-0123456789') },
    });
    const { source } = (await sent.json()) as { source: string };
    await guarded.call('POST', '/v1/batches', { id: 'mine', jobs: [{ source }] }, bearer('first-secret-0123456789'));
    await until(
      async () => (await see('/v1/batches?search=mine', 'first-secret-0123456789')).batches.length === 1,
      200,
    );
    expect((await see('/v1/batches', 'first-secret-0123456789')).batches).toMatchObject([{ id: 'one.mine', items: 1 }]);
    expect((await see('/v1/jobs', 'first-secret-0123456789')).items).toMatchObject([{ batch: 'one.mine' }]);
    expect((await see('/v1/batches', 'second-secret-0123456789')).batches).toEqual([]);
    expect((await see('/v1/jobs?batch=trip-1', 'first-secret-0123456789')).items).toEqual([]);
    expect((await see('/v1/jobs?search=trip', 'second-secret-0123456789')).items).toEqual([]);
  } finally {
    await guarded.stop();
  }
});
