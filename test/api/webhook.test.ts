/** Webhooks: signed, repeated until they arrive, never to where they must not go, and never in the way of the result. */
import { startStack, until, type Stack } from '../support/stack';
import { isGenuine, SECRET, startReceiver, type Receiver } from './receiver';
import { bearer, broken, keyEntry, photo, startApi, type Api } from './support';

let receiver: Receiver;
let base: string;
let stack: Stack;
let api: Api;

beforeAll(async () => {
  receiver = await startReceiver();
  base = receiver.base;
  stack = await startStack({
    DARKROOM_WEBHOOK_SECRET: SECRET,
    DARKROOM_PRIVATE_HOSTS: receiver.host,
    DARKROOM_ALLOWED_HOSTS: '*',
    DARKROOM_CALLBACK_HOSTS: `localtest.me,localhost,127.0.0.1,169.254.169.254,[::1],${receiver.host}`,
  });
  const worker = { DARKROOM_POOLS: 'workflows,image', DARKROOM_PUBLIC_URL: 'https://cdn.example.com/media' };
  [api] = await Promise.all([startApi(stack), stack.worker(worker)]);
});
afterAll(async () => {
  await api.stop();
  await stack.stop();
  receiver.stop();
});

const callsTo = (path: string) => receiver.callsTo(path);

test('a job that succeeds and one that fails are told of, signed', async () => {
  const source = await photo(stack, 'good');
  const good = { source, id: 'good', callbackUrl: `${base}/good`, metadata: { order: '66' } };
  const bad = await broken(stack, 'bad');
  const jobs = [good, { source: bad, id: 'bad', callbackUrl: `${base}/bad` }];
  await api.call('POST', '/v1/batches', { id: 'hooked', jobs });
  await until(() => receiver.calls.length === 2);
  const [[told], [failed]] = [callsTo('/good'), callsTo('/bad')];
  expect(isGenuine(told!.headers, told!.body)).toBe(true);
  expect(isGenuine(told!.headers, told!.body.replace('good', 'evil'))).toBe(false);
  expect(isGenuine({ ...told!.headers, 'webhook-timestamp': '1700000000' }, told!.body)).toBe(false);
  expect(JSON.parse(told!.body)).toMatchObject({
    ...{ type: 'job.succeeded', job: 'hooked~good', batch: 'hooked', source, metadata: { order: '66' } },
    result: { manifest: expect.stringMatching(/manifest\.json$/) },
  });
  // The address of each file, in the call and in the manifest: the same path as below the outputs.
  const { urls, manifest } = JSON.parse(told!.body).result;
  const { renditions } = (await api.call('GET', '/v1/jobs/hooked~good')).body.manifest;
  const expected = renditions.map(({ name, path }: { name: string; path: string }) => [
    ...[name, `https://cdn.example.com/media${manifest.split('/outputs')[1].replace('manifest.json', path)}`],
  ]);
  expect(Object.entries(urls)).toEqual(expected);
  expect(renditions.map(({ url }: { url: string }) => url)).toEqual(Object.values(urls));
  expect(isGenuine(failed!.headers, failed!.body)).toBe(true);
  expect(JSON.parse(failed!.body)).toMatchObject({
    type: 'job.failed',
    job: 'hooked~bad',
    error: { type: 'CorruptMedia' },
  });
});

test('a receiver that is away, or sends us elsewhere, gets it again under the same id; the result is there before', async () => {
  Object.assign(receiver.answers, { '/away': 503, '/moved': 302 });
  const jobs = ['away', 'moved'].map(async (id) => {
    const body = { source: await photo(stack, id), id, callbackUrl: `${base}/${id}` };
    return api.call('POST', '/v1/jobs?wait=30s', body);
  });
  for (const { body } of await Promise.all(jobs)) expect(body.state).toBe('succeeded');
  await until(() => ['/away', '/moved'].every((path) => callsTo(path).length === 2), 100);
  for (const path of ['/away', '/moved']) {
    const [first, second] = callsTo(path);
    expect(second!.headers['webhook-id']).toBe(first!.headers['webhook-id']);
    expect(isGenuine(second!.headers, second!.body)).toBe(true);
  }
});

test.each([
  ['http://example.com/', 400],
  ['https://127.0.0.1/', 403],
  ['https://169.254.169.254/latest/meta-data', 403],
  ['https://[::1]/', 403],
  ['https://2130706433/', 403],
  ['https://user:pass@example.com/', 400],
  ['https://example.com:22/', 403],
  ['file:///etc/passwd', 400],
])('a callback to %s is refused at once', async (callbackUrl, status) => {
  const source = await photo(stack, 'ssrf');
  expect((await api.call('POST', '/v1/jobs', { source, callbackUrl })).status).toBe(status);
});

test('a host that may be read from is not one that may be called', async () => {
  const callbackUrl = 'https://example.org/';
  const answer = await api.call('POST', '/v1/jobs', { source: await photo(stack, 'other'), callbackUrl });
  expect(answer).toMatchObject({
    status: 403,
    body: { code: 'SourceForbidden', details: { setting: 'DARKROOM_CALLBACK_HOSTS' } },
  });
});

test("with keys, a job's call is signed by the secret of its tenant, and a key may name its own hosts only", async () => {
  const keyed = await startApi(stack, {
    DARKROOM_API_KEYS: [
      keyEntry('acme-1', 'acme', 0, 'acme-secret-0123456789'),
      keyEntry('narrow-1', 'acme', 0, 'narrow-secret-0123456789', 'callbacks=hooks.acme.example'),
    ].join(),
    DARKROOM_ALLOWED_ROOTS: stack.home,
  });
  try {
    const acme = bearer('acme-secret-0123456789');
    const { body: mine } = await keyed.call('GET', '/v1/webhook-secret', undefined, acme);
    expect(mine).toMatchObject({ tenant: 'acme', secret: expect.stringMatching(/^whsec_/) });
    const job = { source: await photo(stack, 'keyed'), callbackUrl: `${base}/keyed-job` };
    const batch = { id: 'keyed', callbackUrl: `${base}/keyed-batch`, jobs: [job] };
    expect((await keyed.call('POST', '/v1/batches', batch, acme)).status).toBe(202);
    await until(() => ['/keyed-job', '/keyed-batch'].every((path) => callsTo(path).length > 0));
    for (const { headers, body } of [...callsTo('/keyed-job'), ...callsTo('/keyed-batch')]) {
      expect(isGenuine(headers, body, mine.secret)).toBe(true);
      expect(isGenuine(headers, body)).toBe(false);
      expect(JSON.parse(body)).toMatchObject({ tenant: 'acme' });
    }
    const elsewhere = { ...job, callbackUrl: 'https://localhost/' };
    const refused = await keyed.call('POST', '/v1/jobs', elsewhere, bearer('narrow-secret-0123456789'));
    expect(refused).toMatchObject({ status: 403, body: { code: 'SourceForbidden' } });
    expect((await api.call('GET', '/v1/webhook-secret')).status).toBe(404);
  } finally {
    await keyed.stop();
  }
});

test('no batch is called "webhook", whose ids are those of the calls', async () => {
  const jobs = [{ source: await photo(stack, 'named') }];
  expect((await api.call('POST', '/v1/batches', { id: 'webhook', jobs })).status).toBe(400);
});

test('a name that leads to a private address is refused when it is called, and not again', async () => {
  const source = await photo(stack, 'dns');
  const { body } = await api.call('POST', '/v1/jobs?wait=30s', {
    source,
    id: 'dns',
    callbackUrl: 'https://localhost/',
  });
  expect(body.state).toBe('succeeded');
  const { runId } = await stack.client.workflow.getHandle('jobs/dns').describe();
  const delivery = stack.client.workflow.getHandle(`webhook/jobs/dns/${runId}`);
  await expect(delivery.result()).rejects.toMatchObject({ cause: { cause: { type: 'SourceForbidden' } } });
});

test('a source that redirects to a private address is refused by the worker', async () => {
  receiver.answers['/source.jpg'] = 302;
  const { body } = await api.call('POST', '/v1/jobs?wait=30s', { source: `${base}/source.jpg`, id: 'redirect' });
  expect(body).toMatchObject({ state: 'failed', error: { type: expect.stringMatching(/SourceForbidden|InvalidJob/) } });
});
