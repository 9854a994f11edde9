/** Signing in on the page: a cookie instead of a key, the same for every replica, and of no use to anybody else. */
import { startStack, type Stack } from '../support/stack';
import { bearer, keyEntry, photo, readEvents, startApi, type Api } from './support';

const SECRET = 'thirty-two random bytes, or so, in hex';
const ACME = keyEntry('acme-1', 'acme', 0, 'acme-secret-0123456789');
const SLOW = keyEntry('slow-1', 'slow', 2, 'slow-secret-0123456789');
const SITE = 'https://app.example.com';

let stack: Stack;
let api: Api;
let replica: Api;
let stranger: Api;
let changed: Api;
beforeAll(async () => {
  stack = await startStack();
  const keys = { DARKROOM_API_KEYS: `${ACME},${SLOW}`, DARKROOM_SESSION_SECRET: SECRET };
  [api, replica, stranger, changed] = await Promise.all([
    startApi(stack, keys),
    startApi(stack, { ...keys, DARKROOM_TRUSTED_PROXIES: '127.0.0.1' }),
    startApi(stack, { DARKROOM_API_KEYS: `${ACME},${SLOW}`, DARKROOM_CORS_ORIGINS: SITE }),
    startApi(stack, {
      ...keys,
      DARKROOM_API_KEYS: `${keyEntry('acme-1', 'acme', 0, 'another key of 20 letters')},${SLOW}`,
    }),
  ]);
});
afterAll(async () => {
  await Promise.all([api, replica, stranger, changed].map((each) => each.stop()));
  await stack.stop();
});

async function signIn(at: Api, key: string, headers: Record<string, string> = {}) {
  const answer = await at.call('POST', '/v1/session', { key }, headers);
  const [set = ''] = answer.headers.getSetCookie();
  return { answer, set, cookie: set.split(';')[0] ?? '' };
}

test('a key becomes a cookie without it, which scripts cannot read and other sites cannot send', async () => {
  const { answer, set, cookie } = await signIn(api, 'acme-secret-0123456789');
  expect(answer).toMatchObject({ status: 200, body: { name: 'acme-1', tenant: 'acme' } });
  expect(set).toMatch(/^darkroom=[^;]+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/);
  expect(set).not.toContain('acme-secret-0123456789');
  const who = await api.call('GET', '/v1/session', undefined, { cookie: `other=1; ${cookie}` });
  expect(who).toMatchObject({ status: 200, body: answer.body });
  expect(new Date(who.body.sessionEnds).getTime()).toBeGreaterThan(Date.now());
  expect((await api.call('GET', '/v1/session', undefined, bearer('acme-secret-0123456789'))).body).toEqual({
    ...{ name: 'acme-1', tenant: 'acme' },
  });
});

test('a wrong key, no session or a made-up one: 401', async () => {
  const { answer, set } = await signIn(api, 'guess');
  expect(answer).toMatchObject({ status: 401, body: { code: 'Unauthorized', detail: 'The key is not known here.' } });
  expect(set).toBe('');
  expect((await api.call('POST', '/v1/session', {})).status).toBe(400);
  const { cookie } = await signIn(api, 'acme-secret-0123456789');
  const [name, expires, signature] = cookie.replace('darkroom=', '').split(':');
  const forged = [
    '',
    'nonsense',
    `slow-1:${expires}:${signature}`,
    `${name}:${Number(expires) + 1}:${signature}`,
    `${name}:${expires}:${'A'.repeat(43)}`,
  ];
  for (const token of forged) {
    const { status } = await api.call('GET', '/v1/batches', undefined, { cookie: `darkroom=${token}` });
    expect([token, status]).toEqual([token, 401]);
  }
});

test('every replica takes it; one with another secret, or where the key was changed, does not', async () => {
  const { cookie } = await signIn(api, 'acme-secret-0123456789');
  const ask = async (at: Api) => (await at.call('GET', '/v1/batches', undefined, { cookie })).status;
  expect(await Promise.all([api, replica, stranger, changed].map(ask))).toEqual([200, 200, 401, 401]);
  // The other key is as it was.
  const slow = await signIn(changed, 'slow-secret-0123456789');
  expect((await api.call('GET', '/v1/session', undefined, { cookie: slow.cookie })).status).toBe(200);
});

test('behind a trusted proxy with https the cookie is Secure, and only then', async () => {
  const https = { 'x-forwarded-proto': 'https' };
  const { set, cookie } = await signIn(replica, 'acme-secret-0123456789', https);
  expect(set).toMatch(/^__Host-darkroom=.*; Secure$/);
  expect((await replica.call('GET', '/v1/session', undefined, { cookie, ...https })).status).toBe(200);
  // What a neighbour on the same site could have set does not count there.
  const plain = { cookie: cookie.replace('__Host-', ''), ...https };
  expect((await replica.call('GET', '/v1/session', undefined, plain)).status).toBe(401);
  expect((await signIn(api, 'acme-secret-0123456789', https)).set).not.toMatch(/Secure/);
});

test('only our own page may use it to change something, or to look', async () => {
  const { cookie } = await signIn(api, 'acme-secret-0123456789');
  const body = { source: await photo(stack, 'page'), id: 'page' };
  const post = async (headers: Record<string, string>) =>
    (await api.call('POST', '/v1/jobs', body, { cookie, ...headers })).status;
  expect(await post({ origin: api.url })).toBe(202);
  expect(await post({ 'sec-fetch-site': 'same-origin', origin: api.url })).toBe(202);
  expect(await post({})).toBe(403);
  expect(await post({ origin: replica.url })).toBe(403);
  expect(await post({ origin: api.url, 'sec-fetch-site': 'same-site' })).toBe(403);
  const get = async (site: string) =>
    (await api.call('GET', '/v1/batches', undefined, { cookie, 'sec-fetch-site': site })).status;
  expect(await Promise.all(['same-origin', 'none', 'same-site', 'cross-site'].map(get))).toEqual([200, 200, 403, 403]);
  const elsewhere = await signIn(api, 'acme-secret-0123456789', { origin: 'https://evil.example' });
  expect([elsewhere.answer.status, elsewhere.set]).toEqual([403, '']);
});

test("it opens the key's own tenant, at the key's own rate, event streams included", async () => {
  const page = { origin: api.url };
  const { cookie } = await signIn(api, 'slow-secret-0123456789');
  const source = await photo(stack, 'slow');
  const send = (id: string, headers: Record<string, string>) =>
    api.call('POST', '/v1/jobs', { source, id, batch: 'mine' }, headers);
  const first = await send('one', { cookie, ...page });
  expect(first).toMatchObject({ status: 202, body: { id: 'slow.mine~one', tenant: 'slow' } });
  const [event] = await readEvents(`${api.url}${first.body.links.events}`, (seen) => seen.length > 0, { cookie });
  expect(event).toMatchObject({ event: 'job', data: { id: 'slow.mine~one' } });
  // The second by the key itself: both draw from one bucket.
  expect((await send('two', bearer('slow-secret-0123456789'))).status).toBe(202);
  expect(await send('three', { cookie, ...page })).toMatchObject({ status: 429, body: { code: 'RateLimited' } });
  const acme = await signIn(api, 'acme-secret-0123456789');
  expect((await api.call('GET', '/v1/jobs/slow.mine~one', undefined, { cookie: acme.cookie })).status).toBe(404);
});

test('signing out takes the cookie back', async () => {
  const answer = await api.call('DELETE', '/v1/session', undefined, { origin: api.url });
  expect(answer.status).toBe(204);
  expect(answer.headers.getSetCookie()).toEqual(['darkroom=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0']);
  expect((await api.call('DELETE', '/v1/session', undefined, { origin: 'https://evil.example' })).status).toBe(403);
});

test('pages of listed sites may use the API with a key, but not with the session of our own page', async () => {
  const origin = { origin: SITE };
  const preflight = {
    ...origin,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization',
  };
  const asked = await stranger.call('OPTIONS', '/v1/jobs', undefined, preflight);
  expect([
    asked.status,
    ...['allow-origin', 'allow-headers', 'allow-credentials'].map((name) =>
      asked.headers.get(`access-control-${name}`),
    ),
  ]).toEqual([204, SITE, 'authorization', null]);
  expect(asked.headers.get('access-control-allow-methods')).toContain('DELETE');
  const answer = await stranger.call('GET', '/v1/batches', undefined, {
    ...origin,
    ...bearer('acme-secret-0123456789'),
  });
  expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([200, SITE]);
  expect(answer.headers.get('access-control-expose-headers')).toContain('retry-after');
  // A refusal can be read, too.
  const refused = await stranger.call('GET', '/v1/batches', undefined, origin);
  expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([401, SITE]);
  const { cookie } = await signIn(stranger, 'acme-secret-0123456789');
  expect((await stranger.call('GET', '/v1/batches', undefined, { ...origin, cookie })).status).toBe(403);
  // Others, and servers without the setting, stay as they were.
  for (const [at, other] of [
    [stranger, 'https://evil.example'],
    [api, SITE],
  ] as const) {
    const away = await at.call('OPTIONS', '/v1/jobs', undefined, { ...preflight, origin: other });
    expect([away.status, away.headers.get('access-control-allow-origin')]).toEqual([403, null]);
    expect(
      (await at.call('GET', '/v1/batches', undefined, { origin: other, ...bearer('acme-secret-0123456789') })).status,
    ).toBe(403);
  }
});
