/** What is written down about callers, what strangers are told, and what the options of a key mean. */
import { readFile } from 'node:fs/promises';
import { loadConfig } from '../../common/config';
import { ApiKeys } from '../../starter/server/guard/auth';
import { SlowDown } from '../../starter/server/guard/slow-down';
import { startStack, until, type Stack } from '../support/stack';
import { bearer, broken, keyEntry, photo, problem, startApi, type Api } from './support';

const acme = bearer('acme-secret-0123456789');
const operator = bearer('operator-key-0123456789');
const short = bearer('short-key');

let stack: Stack;
let api: Api;
beforeAll(async () => {
  stack = await startStack();
  const keys = [
    keyEntry('acme-1', 'acme', 0, 'acme-secret-0123456789'),
    keyEntry('operator-1', 'default', 0, 'operator-key-0123456789', 'priority=1', 'operator'),
    keyEntry('short-1', 'short', 0, 'short-key'),
  ];
  api = await startApi(stack, { DARKROOM_API_KEYS: keys.join(','), LOG_LEVEL: 'info' });
});
afterAll(async () => {
  await api.stop();
  await stack.stop();
});

interface Line {
  level: string;
  msg: string;
  key?: string;
  route?: string;
  [name: string]: unknown;
}
async function lines(): Promise<Line[]> {
  const text = await readFile(api.logFile, 'utf8');
  return text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line);
}
/** The line that a request writes when its answer has gone. */
async function line(wanted: Partial<Line>): Promise<Line> {
  const found = async () =>
    (await lines()).find((each) => Object.entries(wanted).every(([name, value]) => each[name] === value));
  await until(async () => (await found()) !== undefined, 50);
  return (await found())!;
}

const metricsAt = async (port: number | undefined): Promise<string> =>
  (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
const failuresOf = (text: string, status: number): number =>
  Number(new RegExp(`^darkroom_auth_failures_total\\{status="${status}"\\} (\\d+)`, 'm').exec(text)?.[1] ?? 0);

test('each change writes one line: who, from where, what, with which outcome', async () => {
  const source = await photo(stack, 'audit');
  await api.call('POST', '/v1/jobs', { source, id: 'one', batch: 'album' }, acme);
  const common = { level: 'info', msg: 'change', key: 'acme-1', tenant: 'acme', address: '127.0.0.1' };
  expect(await line({ ...common, route: '/v1/jobs' })).toMatchObject({
    ...{ method: 'POST', status: 202, job: 'acme.album~one', submitted: 'started' },
  });
  await api.call('POST', '/v1/batches', { id: 'two', jobs: [{ source }, {}] }, acme);
  expect(await line({ ...common, batch: 'acme.two' })).toMatchObject({ route: '/v1/batches', started: 1, rejected: 1 });
  await api.call('POST', '/v1/batches?id=three', JSON.stringify({ source }), acme);
  expect(await line({ ...common, batch: 'acme.three' })).toMatchObject({ status: 202, started: 1, rejected: 0 });
  await api.call('POST', '/v1/jobs/acme.album~one/cancel', undefined, acme);
  expect(await line({ ...common, route: '/v1/jobs/:id/cancel' })).toMatchObject({ id: 'acme.album~one', changed: 1 });
  const put = { method: 'PUT', body: 'bytes', headers: { ...acme, 'content-type': 'image/jpeg' } };
  await fetch(`${api.url}/v1/uploads/a.jpg`, put);
  expect(await line({ ...common, route: '/v1/uploads/:name' })).toMatchObject({ status: 201, bytes: 5 });
  await api.call('POST', '/v1/session', { key: 'acme-secret-0123456789' });
  expect(await line({ ...common, route: '/v1/session' })).toMatchObject({ method: 'POST', status: 200 });
  const text = await readFile(api.logFile, 'utf8');
  expect(text).not.toContain('acme-secret-0123456789');
  expect((await lines()).filter(({ msg, method }) => msg === 'change' && method === 'GET')).toEqual([]);
});

test('each refusal of a key writes a warning and is counted', async () => {
  const before = await metricsAt(api.healthPort);
  await api.call('GET', '/v1/presets', undefined, bearer('a guess of somebody'));
  await api.call('POST', '/v1/session', { key: 'another guess of somebody' });
  await api.call('GET', '/metrics', undefined, acme);
  const common = { level: 'warn', msg: 'refused', address: '127.0.0.1' };
  expect(await line({ ...common, route: '/v1/presets' })).toMatchObject({ status: 401 });
  expect(await line({ ...common, route: '/v1/session' })).toMatchObject({ status: 401 });
  expect(await line({ ...common, route: '/metrics' })).toMatchObject({ status: 403, key: 'acme-1' });
  const after = await metricsAt(api.healthPort);
  expect([failuresOf(after, 401) - failuresOf(before, 401), failuresOf(after, 403) - failuresOf(before, 403)]).toEqual([
    2, 1,
  ]);
});

test('metrics, the reasons in /ready and the maintenance are for operators; metrics and reasons also for the second port', async () => {
  expect((await api.call('GET', '/metrics')).status).toBe(401);
  expect(await api.call('GET', '/metrics', undefined, acme)).toMatchObject(problem(403, 'NotAllowed'));
  expect((await api.call('GET', '/metrics', undefined, operator)).body).toMatch(/^darkroom_auth_failures_total/m);
  expect(await metricsAt(api.healthPort)).toMatch(/^http_request_duration_seconds_count/m);
  // Runs of the maintenance are about the files of all tenants.
  expect(await api.call('GET', '/v1/maintenance', undefined, acme)).toMatchObject(problem(403, 'NotAllowed'));
  expect((await api.call('GET', '/v1/maintenance', undefined, operator)).body).toMatchObject({ runs: [] });
  // So are the queues, which name workers and sources.
  expect(await api.call('GET', '/v1/queues', undefined, acme)).toMatchObject(problem(403, 'NotAllowed'));
  expect((await api.call('GET', '/v1/session', undefined, acme)).body.operator).toBeUndefined();
  expect((await api.call('GET', '/v1/session', undefined, operator)).body.operator).toBe(true);
  const away = await startApi(stack, {
    DARKROOM_API_KEYS: keyEntry('acme-1', 'acme', 0, 'acme-secret-0123456789'),
    TEMPORAL_ADDRESS: '127.0.0.1:1',
  });
  try {
    for (const path of ['/ready', '/health']) {
      const { status, body } = await away.call('GET', path);
      expect(status).toBe(503);
      expect(body).toEqual({
        status: 'not ready',
        dependencies: { temporal: { ok: false }, server: { ok: true }, storage: { ok: true, optional: true } },
      });
    }
    const told = await fetch(`http://127.0.0.1:${away.healthPort}/ready`);
    expect(await told.json()).toMatchObject({ dependencies: { temporal: { ok: false, detail: expect.any(String) } } });
  } finally {
    await away.stop();
  }
});

test('a key that could be guessed is refused, though its hash is configured', async () => {
  const refused = await api.call('GET', '/v1/presets', undefined, short);
  expect(refused).toMatchObject(problem(401, 'Unauthorized'));
  expect(refused.body.detail).toContain('20 characters');
  expect((await api.call('POST', '/v1/session', { key: 'short-key' })).status).toBe(401);
});

test('the best priority of a key is the best that its jobs have', async () => {
  const source = await photo(stack, 'first');
  const jobs = [1, 2, 3].map((priority) => ({ source, id: `p${priority}`, priority }));
  const { body } = await api.call('POST', '/v1/batches', { id: 'first', jobs }, acme);
  expect(body).toMatchObject({ started: 2, rejected: 1, errors: [{ index: 0, error: { code: 'NotAllowed' } }] });
  const whole = await api.call('POST', '/v1/batches', { id: 'whole', priority: 1, jobs: [{ source }] }, acme);
  expect(whole.body).toMatchObject({ started: 0, rejected: 1 });
  expect(await api.call('POST', '/v1/jobs', jobs[0], acme)).toMatchObject(problem(403, 'NotAllowed'));
  expect((await api.call('POST', '/v1/jobs', { source, id: 'own', priority: 1 }, operator)).status).toBe(202);
});

test('the options of an entry; a wrong one is named without its hash', () => {
  const parse = (entry: string) => new ApiKeys(loadConfig({ DARKROOM_API_KEYS: entry }));
  const hash = '0'.repeat(64);
  const good = [
    'operator',
    'priority=1',
    'weight=0.5',
    'open=10',
    'uploads=10GiB',
    'pixels=50',
    'priority=3:open=5:uploads=1MiB:operator',
  ];
  for (const options of good) expect(() => parse(`a:a:0:${options}:${hash}`)).not.toThrow();
  for (const options of [
    'root',
    'priority=0',
    'priority=6',
    'weight=0',
    'weight=1000',
    'open=0',
    'open=-1',
    'uploads=many',
    'pixels=401',
    'operator=1',
    '',
  ]) {
    const wrong = (): ApiKeys => parse(`b:b:0:${hash},a:a:0:${options}:${hash}`);
    expect(wrong).toThrow(/DARKROOM_API_KEYS: entry 2 is wrong/);
    expect(wrong).not.toThrow(hash);
  }
  expect(() => parse(`a:Acme:0:${hash}`)).toThrow('the tenant in lower case');
});

test('the answers to an address that collects refusals come ever later; others are not delayed', () => {
  const slowDown = new SlowDown(100);
  const delays = Array.from({ length: 20 }, () => slowDown.add('192.0.2.1', 0));
  expect(delays.slice(0, 10)).toEqual(Array(10).fill(0));
  expect(delays.slice(10, 14)).toEqual([100, 200, 400, 800]);
  expect(Math.max(...delays)).toBe(5000);
  expect(slowDown.add('192.0.2.2', 0)).toBe(0);
  for (let n = 0; n < 10; n++) slowDown.add(`2001:db8:0:1:${n}::1`, 0);
  expect(slowDown.add('2001:db8:0:1:ffff::1', 0)).toBe(100);
  expect(slowDown.add('2001:db8:0:2::1', 0)).toBe(0);
  expect(slowDown.add('192.0.2.1', 11 * 60_000)).toBe(0);
});

test('a retry of a batch counts each job that it starts again', async () => {
  const limited = await startApi(stack, {
    DARKROOM_API_KEYS: keyEntry('few-1', 'few', 4, 'few-secret-0123456789'),
    DARKROOM_QUEUE_PREFIX: 'few',
  });
  const worker = await stack.worker({ DARKROOM_QUEUE_PREFIX: 'few', DARKROOM_POOLS: 'workflows,image' });
  const few = bearer('few-secret-0123456789');
  try {
    const sources = await Promise.all([1, 2, 3].map((n) => broken(stack, `few${n}`)));
    const jobs = sources.map((source) => ({ source }));
    await limited.call('POST', '/v1/batches', { id: 'broken', jobs }, few);
    const batch = async () => (await limited.call('GET', '/v1/batches/broken', undefined, few)).body;
    await until(async () => (await batch()).failed === 3, 200);
    // One token is left; the retry takes three.
    const retried = await limited.call('POST', '/v1/batches/broken/retry', undefined, few);
    expect(retried).toMatchObject({ status: 200, body: { restarted: 3 } });
    const next = await limited.call('POST', '/v1/jobs', { source: sources[0] }, few);
    expect(next).toMatchObject(problem(429, 'RateLimited'));
    expect(Number(next.headers.get('retry-after'))).toBeGreaterThan(15);
  } finally {
    await Promise.all([limited.stop(), worker.stop()]);
  }
});
