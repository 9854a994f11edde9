/** Keys: who may come in, whose jobs one sees, and how many one may send. */
import { mkdir, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { loadConfig } from '../../common/config';
import { createLogger } from '../../common/logger';
import type { Seats } from '../../common/seats';
import { createApp } from '../../starter/server/app';
import type { App } from '../../starter/server/app-type';
import { ApiKeys } from '../../starter/server/guard/auth';
import { createService, type Service } from '../../starter/server/service';
import { fileUri } from '../../storage';
import { runProcess } from '../../common/process';
import { built } from '../../common/paths';
import { startStack, until, type Stack } from '../support/stack';
import { bearer, keyEntry, photo, startApi, type Api } from './support';

let stack: Stack;
let api: Api;
const acme = bearer('acme-secret-0123456789');
const globex = bearer('globex-secret-0123456789');
const slow = bearer('slow-secret-0123456789');
const few = bearer('few-secret-0123456789');
const frugal = bearer('frugal-secret-0123456789');

beforeAll(async () => {
  stack = await startStack();
  const keys = path.join(stack.home, 'keys');
  await writeFile(
    keys,
    [
      keyEntry('acme-1', 'acme', 0, 'acme-secret-0123456789'),
      keyEntry('globex-1', 'globex', 6000, 'globex-secret-0123456789'),
      keyEntry('slow-1', 'slow', 2, 'slow-secret-0123456789'),
      keyEntry('paced-1', 'paced', 2, 'paced-secret-0123456789'),
      keyEntry('paced-2', 'paced', 3, 'paced-secret-two-0123456789'),
      keyEntry('few-1', 'few', 0, 'few-secret-0123456789', 'open=3'),
      keyEntry('frugal-1', 'frugal', 0, 'frugal-secret-0123456789', 'pixels=1'),
    ].join('\n'),
  );
  api = await startApi(stack, { DARKROOM_API_KEYS_FILE: keys });
});
afterAll(async () => {
  await api.stop();
  await stack.stop();
});

test('without a key, or with another one, only health is told', async () => {
  for (const headers of [{}, bearer('guess'), { authorization: 'Basic YWNtZTo=' }]) {
    for (const [method, where] of [
      ['GET', '/v1/batches'],
      ['POST', '/v1/jobs'],
      ['GET', '/v1/presets'],
      ['POST', '/produce'],
    ] as const) {
      const { status, body, headers: sent } = await api.call(method, where, undefined, headers);
      expect([status, body.code, sent.get('www-authenticate')]).toEqual([
        401,
        'Unauthorized',
        expect.stringMatching(/^Bearer/),
      ]);
    }
  }
  expect((await api.call('GET', '/live')).status).toBe(200);
  expect((await api.call('GET', '/ready')).status).toBe(200);
});

test('a server without keys refuses to listen to others', async () => {
  const env = { ...stack.env, DARKROOM_HTTP_HOST: '0.0.0.0', DARKROOM_HTTP_PORT: '0' };
  const failed = await runProcess(process.execPath, [built('starter/server/main.js')], {
    env,
    timeoutMs: 20_000,
  }).catch((error: unknown) => error);
  expect(JSON.stringify(failed)).toMatch(/DARKROOM_API_KEYS/);
});

test('a tenant finds neither jobs nor batches nor files of another one', async () => {
  const source = await photo(stack, 'mine');
  const { body } = await api.call('POST', '/v1/jobs', { source, id: 'mine', batch: 'album' }, acme);
  expect(body).toMatchObject({ id: 'acme.album~mine', tenant: 'acme' });
  expect((await api.call('GET', '/v1/jobs/acme.album~mine', undefined, acme)).status).toBe(200);
  await until(async () => (await api.call('GET', '/v1/batches/album', undefined, acme)).status === 200, 200);

  const theirs = ['', '/result', '/events', '/files/manifest.json', '/archive', '/source'].map(
    (rest) => `/v1/jobs/acme.album~mine${rest}`,
  );
  const gets = [
    ...theirs,
    '/v1/batches/album',
    '/v1/batches/acme.album',
    '/v1/batches/acme.album/items',
    '/v1/batches/acme.album/events',
  ];
  for (const where of gets) expect((await api.call('GET', where, undefined, globex)).status).toBe(404);
  for (const verb of ['cancel', 'retry', 'pause', 'resume', 'priority', 'restart']) {
    const body = verb === 'priority' ? { priority: 2 } : undefined;
    expect((await api.call('POST', `/v1/jobs/acme.album~mine/${verb}`, body, globex)).status).toBe(404);
    expect((await api.call('POST', `/v1/batches/acme.album/${verb}`, body, globex)).status).toBe(404);
  }
  const best = { status: 403, body: { code: 'NotAllowed', detail: expect.stringContaining('priority 2 at best') } };
  expect(await api.call('POST', '/v1/batches/album/priority', { priority: 1 }, acme)).toMatchObject(best);
  expect(await api.call('POST', '/v1/jobs/acme.album~mine/priority', { priority: 1 }, acme)).toMatchObject(best);
  // The same name is another batch.
  const other = await api.call('POST', '/v1/jobs', { source, id: 'mine', batch: 'album' }, globex);
  expect(other.body).toMatchObject({ id: 'globex.album~mine', submitted: 'started' });
  await until(async () => (await api.call('GET', '/v1/batches', undefined, globex)).body.batches.length > 0, 200);
  const { batches } = (await api.call('GET', '/v1/batches', undefined, globex)).body;
  expect(batches.map(({ id }: { id: string }) => id)).toEqual(['globex.album']);
});

test('a tenant neither reads nor writes where others have their files, nor speaks for them', async () => {
  const put = await fetch(`${api.url}/v1/uploads/a.jpg`, {
    method: 'PUT',
    body: 'bytes',
    headers: { ...acme, 'content-type': 'image/jpeg' },
  });
  const { source } = (await put.json()) as { source: string };
  expect((await api.call('POST', '/v1/jobs', { source }, acme)).status).toBe(202);
  expect(await api.call('POST', '/v1/jobs', { source }, globex)).toMatchObject({
    status: 403,
    body: { code: 'SourceForbidden' },
  });
  const twisted = source.replace('/acme/', '/globex/%2e/%2e%2e/acme/');
  expect((await api.call('POST', '/v1/jobs', { source: twisted }, globex)).status).toBeGreaterThanOrEqual(400);
  const mine = await photo(stack, 'write');
  const output = `${fileUri(path.join(stack.home, 'outputs'))}/acme/album`;
  expect(await api.call('POST', '/v1/jobs', { source: mine, output }, globex)).toMatchObject({
    status: 403,
    body: { code: 'OutputForbidden' },
  });
  expect(await api.call('POST', '/v1/jobs', { source: mine, tenant: 'acme' }, globex)).toMatchObject({
    status: 403,
    body: { code: 'NotAllowed' },
  });
});

test('more jobs than the key may send are put off, by the request or, in a stream, by slowing it down', async () => {
  const source = await photo(stack, 'fast');
  const jobs = [1, 2, 3].map((n) => ({ source, id: `r${n}` }));
  expect((await api.call('POST', '/v1/batches', { id: 'r', jobs }, slow)).status).toBe(202);
  const { status, body, headers } = await api.call('POST', '/v1/jobs', { source }, slow);
  expect([status, body.code]).toEqual([429, 'RateLimited']);
  // Three of two a minute: the debt of one and a token, at one in thirty seconds.
  expect(Number(headers.get('retry-after'))).toBeGreaterThan(30);
  expect(Number(headers.get('retry-after'))).toBeLessThanOrEqual(60);
  expect((await api.call('POST', '/v1/jobs', { source }, acme)).status).toBe(202);
});

test('what the keys of a tenant send in a minute is counted over all servers', async () => {
  const source = await photo(stack, 'paced');
  const other = await startApi(stack, { DARKROOM_API_KEYS_FILE: path.join(stack.home, 'keys') });
  try {
    const jobs = [1, 2, 3, 4, 5].map((n) => ({ source, id: `p${n}` }));
    const [first, second] = ['paced-secret-0123456789', 'paced-secret-two-0123456789'].map((key) => bearer(key));
    expect((await api.call('POST', '/v1/batches', { id: 'p', jobs }, first)).status).toBe(202);
    // Neither this server nor this key has sent anything yet; the visibility store lists the five a little later.
    await until(async () => (await other.call('GET', '/v1/jobs', undefined, second)).body.items.length === 5);
    expect(await other.call('POST', '/v1/jobs', { source }, second)).toMatchObject({
      status: 429,
      body: { code: 'RateLimited', detail: 'The tenant "paced" has sent as many jobs as its keys may in a minute: 5.' },
    });
  } finally {
    await other.stop();
  }
});

test('a tenant has so many open jobs on all servers together; a stream waits until one has ended', async () => {
  const source = await photo(stack, 'few');
  const other = await startApi(stack, { DARKROOM_API_KEYS_FILE: path.join(stack.home, 'keys') });
  try {
    const jobs = [1, 2].map((n) => ({ source, id: `f${n}` }));
    expect((await api.call('POST', '/v1/batches', { id: 'f', jobs }, few)).status).toBe(202);
    // The visibility store lists them a little later; the server that started them knows at once.
    const tooMany = {
      status: 429,
      body: {
        code: 'TooManyOpen',
        detail: expect.stringMatching(/^The tenant "few" has 2 open jobs and may have 3, so 2 more/),
      },
    };
    expect(await api.call('POST', '/v1/batches', { id: 'g', jobs }, few)).toMatchObject(tooMany);
    await until(async () => (await api.call('GET', '/v1/batches/f', undefined, few)).body.open === 2, 200);
    const refused = await other.call('POST', '/v1/batches', { id: 'g', jobs }, few);
    expect(refused).toMatchObject(tooMany);
    expect(refused.headers.get('retry-after')).toBe('10');
    // Another tenant is not concerned.
    expect((await other.call('POST', '/v1/batches', { id: 'g', jobs }, acme)).status).toBe(202);

    const lines = ['s1', 's2'].map((id) => JSON.stringify({ source, id })).join('\n');
    let answered = false;
    const stream = other.call('POST', '/v1/batches?id=s', lines, few).finally(() => (answered = true));
    // Lines are started several at once: either may be the one that there is room for.
    const statusOf = async (id: string) => (await api.call('GET', `/v1/jobs/few.s~${id}`, undefined, few)).status;
    await until(async () => (await Promise.all(['s1', 's2'].map(statusOf))).includes(200), 200);
    expect(answered).toBe(false);
    // Nobody serves the queues here, so that a cancel would wait.
    await stack.client.workflow.getHandle('few.f/f1').terminate();
    expect((await stream).body).toMatch(/"summary":\{[^}]*"started":2,/);
  } finally {
    await other.stop();
  }
});

describe('what a tenant holds open', () => {
  const stop = new AbortController();
  let app: App;
  let service: Service;
  let url: string;
  beforeAll(async () => {
    const config = loadConfig({
      ...stack.env,
      LOG_LEVEL: 'silent',
      DARKROOM_API_KEYS_FILE: path.join(stack.home, 'keys'),
    });
    service = createService(config, new ApiKeys(config), createLogger(config, 'test'), stop.signal);
    await service.temporal.start();
    app = await createApp(service);
    await app.listen({ host: '127.0.0.1', port: 0 });
    url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
    const [ours, theirs] = [await photo(stack, 'held'), await photo(stack, 'held too')];
    await api.call('POST', '/v1/jobs', { source: ours, id: 'held', batch: 'held' }, acme);
    await api.call('POST', '/v1/jobs', { source: theirs, id: 'held', batch: 'held' }, globex);
  });
  afterAll(async () => {
    stop.abort();
    await app.close();
    service.temporal.stop();
    service.storage.close();
    await service.connection.close();
  });

  /** Takes all seats of acme but one. @returns gives them back */
  function takeAllButOne(seats: Seats): () => void {
    const taken: (() => void)[] = [];
    for (let leave = seats.take('acme'); leave !== undefined; leave = seats.take('acme')) taken.push(leave);
    expect(taken.length).toBeGreaterThan(50);
    taken.pop()?.();
    return () => taken.forEach((leave) => leave());
  }

  const mayTake = (seats: Seats): boolean => {
    const leave = seats.take('acme');
    leave?.();
    return leave !== undefined;
  };

  test('event streams: the last one is let in, one more is put off, another tenant is not concerned', async () => {
    const { streams } = service.seats;
    const giveBack = takeAllButOne(streams);
    const gone = new AbortController();
    const [ours, theirs] = ['acme', 'globex'].map((tenant) => `${url}/v1/jobs/${tenant}.held~held/events`);
    const last = await fetch(ours!, { headers: acme, signal: gone.signal });
    expect(last.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const refused = await fetch(ours!, { headers: acme });
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '10']);
    expect(await refused.json()).toMatchObject({ code: 'TooManyStreams' });
    const other = await fetch(theirs!, { headers: globex, signal: gone.signal });
    expect(other.headers.get('content-type')).toMatch(/^text\/event-stream/);
    gone.abort();
    // Whoever hangs up leaves room.
    await until(() => mayTake(streams));
    giveBack();
  });

  test('held answers: one more is put off, or a submission answered at once; whoever goes leaves room', async () => {
    const { waits } = service.seats;
    const giveBack = takeAllButOne(waits);
    const ask = async (tenant: string, headers: Record<string, string>, wait: string) => {
      const answer = await fetch(`${url}/v1/jobs/${tenant}.held~held/result?wait=${wait}`, { headers });
      return { status: answer.status, code: ((await answer.json()) as { code?: string }).code };
    };
    const last = ask('acme', acme, '100s');
    await until(() => !mayTake(waits));
    expect(await ask('acme', acme, '120s')).toEqual({ status: 503, code: 'TooManyStreams' });
    expect(await ask('globex', globex, '1ms')).toMatchObject({ status: 202 });
    const body = JSON.stringify({ source: await photo(stack, 'held'), id: 'held', batch: 'held' });
    const headers = { ...acme, 'content-type': 'application/json' };
    const submitted = await fetch(`${url}/v1/jobs?wait=120s`, { method: 'POST', body, headers });
    expect(await submitted.json()).toMatchObject({ state: 'queued', submitted: 'joined' });
    await stack.client.workflow.getHandle('acme.held/held').terminate();
    expect(await last).toMatchObject({ status: 200 });
    await until(() => mayTake(waits));
    giveBack();
  });
});

test('while what waits has waited for too long, more is put off', async () => {
  await mkdir(path.join(stack.home, 'in'), { recursive: true });
  const guarded = await startApi(stack, { DARKROOM_MAX_BACKLOG_AGE: '100ms', DARKROOM_QUEUE_PREFIX: 'other' });
  const worker = await stack.worker({ DARKROOM_POOLS: 'workflows', DARKROOM_QUEUE_PREFIX: 'other' });
  try {
    // Nobody serves images here.
    const source = await photo(stack, 'waits');
    expect((await guarded.call('POST', '/v1/jobs', { source, id: 'w1' })).status).toBe(202);
    let answer = await guarded.call('POST', '/v1/jobs', { source, id: 'w2' });
    await until(async () => {
      answer = await guarded.call('POST', '/v1/jobs', { source, id: 'w2' });
      return answer.status === 429;
    }, 500);
    expect(answer.body.code).toBe('Overloaded');
    expect(answer.headers.get('retry-after')).toBe('60');
    expect((await guarded.call('GET', '/v1/jobs/jobs~w1')).body).toMatchObject({
      state: 'queued',
      pending: [{ started: false }],
    });
  } finally {
    await Promise.all([guarded.stop(), worker.stop()]);
  }
});

test('jobs of a key may ask for no more px of their own than its entry says', async () => {
  const source = await photo(stack, 'frugal');
  const send = (job: object) => api.call('POST', '/v1/jobs', { source, ...job }, frugal);
  const preset = (width: number) => ({
    image: { renditions: ['a', 'b'].map((name) => ({ name, format: 'webp', width, height: 600 })) },
  });
  const large = await send({ id: 'large', preset: preset(1000) });
  expect(large).toMatchObject({ status: 403, body: { code: 'NotAllowed' } });
  expect(large.body.detail).toBe(
    'preset.image.renditions: the renditions ask for 2 million px in all; jobs of this key may ask for 1.',
  );
  const options = await send({ id: 'options', preset: 'thumbnails', options: { width: 4000 } });
  expect([options.status, options.body.detail]).toEqual([403, expect.stringMatching(/^options: the renditions ask/)]);
  expect((await send({ id: 'small', preset: preset(700) })).status).toBe(202);
  // What the operator wrote is not measured.
  expect((await send({ id: 'named', preset: 'web' })).status).toBe(202);
  const lines = [{ source, id: 'line', preset: preset(1000) }].map((job) => JSON.stringify(job)).join('\n');
  const { body } = await api.call('POST', '/v1/batches?id=frugal', lines, frugal);
  expect(body).toContain('jobs of this key may ask for 1');
});

test('a key sees what the jobs of its own tenant cost, and of no other', async () => {
  await stack.worker();
  const costs = async (headers: Record<string, string>) =>
    (await api.call('GET', '/v1/costs?by=tenant,batch&since=1h', undefined, headers)).body;
  const source = await photo(stack, 'cost');
  await api.call('POST', '/v1/batches', { id: 'cost', jobs: [{ source, id: 'a' }] }, acme);
  const ofBatch = async (batch: string) => (await costs(acme)).groups.find((row: Row) => row.group.batch === batch);
  await until(async () => (await ofBatch('acme.cost')) !== undefined, 200);
  const row = await ofBatch('acme.cost');
  expect(row).toMatchObject({ group: { tenant: 'acme' }, items: 1, unknown: 0 });
  expect(row.cpuSeconds).toBeGreaterThan(0);
  expect(row.bytesOut).toBeGreaterThan(0);
  const { groups } = await costs(globex);
  expect(groups.filter(({ group }: Row) => group.tenant !== 'globex')).toEqual([]);
  expect((await api.call('GET', '/v1/costs?by=everything', undefined, acme)).status).toBe(400);
});

test('a tenant makes its own items again, looks at them before and after, and takes them back', async () => {
  const wish = { preset: 'thumbnails', where: { batch: 'cost' }, canary: 1, minSsim: 0.5 };
  const { status, body } = await api.call('POST', '/v1/campaigns', wish, acme);
  expect([status, body.id]).toEqual([202, expect.stringMatching(/^acme\.reprocess-thumbnails-[0-9a-f]{8}$/)]);
  const { self } = body.links;
  const look = async () => (await api.call('GET', self, undefined, acme)).body;
  await until(async () => (await look()).phase === 'awaiting approval', 200);
  expect((await api.call('POST', '/v1/campaigns', wish, acme)).body.code).toBe('Conflict');
  const list = async (headers: Record<string, string>, query = '') =>
    (await api.call('GET', `/v1/campaigns${query}`, undefined, headers)).body;
  const listed = async () => (await list(acme)).campaigns;
  await until(async () => (await listed()).length === 1);
  expect(await listed()).toEqual([await look()]);
  expect((await list(globex)).campaigns).toEqual([]);
  for (const [method, rest] of Object.entries({ GET: '', POST: '/rollback' })) {
    expect(await api.call(method, `${self}${rest}`, undefined, globex)).toMatchObject({ status: 404 });
  }
  expect((await api.call('POST', `/v1/batches/${body.id}/cancel`, undefined, globex)).status).toBe(404);
  const [{ old, made }] = (await look()).pairs;
  const pictureOf = async (id: string) => {
    const { manifest } = (await api.call('GET', `/v1/jobs/${id}`, undefined, acme)).body;
    return [manifest.preset.name, manifest.renditions[0].path];
  };
  const read = async (file: string) => (await api.call('GET', `/v1/jobs/${old}/files/${file}`, undefined, acme)).status;
  const [before, after] = [await pictureOf(old), await pictureOf(made)];
  expect([old, before[0], after[0]]).toEqual(['acme.cost~a', 'web', 'thumbnails']);
  expect((await api.call('POST', `${self}/keep`, undefined, acme)).body.code).toBe('Conflict');
  expect((await api.call('POST', `${self}/approve`, undefined, acme)).status).toBe(200);
  await until(async () => (await look()).phase === 'completed', 200);
  expect((await api.call('POST', `${self}/approve`, undefined, acme)).body.code).toBe('Conflict');
  expect([await read(before[1]), await read('manifest.json')]).toEqual([200, 200]);
  await until(async () => (await api.call('POST', `${self}/rollback`, undefined, acme)).status === 200, 200);
  expect(await look()).toMatchObject({ made: 1, settled: { how: 'rollback', items: 1 } });
  expect([await read(before[1]), await read(after[1])]).toEqual([200, 404]);
  expect((await api.call('GET', '/v1/campaigns/nonsense', undefined, acme)).body.code).toBe('NoSuchCampaign');

  // A second one is open, so it stands before the first, which has ended.
  const other = (await api.call('POST', '/v1/campaigns', { ...wish, where: { batch: 'cost', kind: 'image' } }, acme))
    .body.id;
  await until(async () => (await listed()).length === 2);
  const pages: string[] = [];
  let page = await list(acme, '?limit=1');
  pages.push(page.campaigns[0].id);
  page = await list(acme, `?limit=1&cursor=${encodeURIComponent(page.next)}`);
  pages.push(page.campaigns[0].id);
  expect(pages).toEqual([other, body.id]);
  expect(await list(acme, '?cursor=nonsense')).toMatchObject({ code: 'InvalidJob' });
});

interface Row {
  group: { tenant: string; batch: string };
}
