/** Every route of the service on a real Temporal with a real worker: its happy way and its errors. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { fileUri } from '../../storage';
import { startStack, until, type Stack } from '../support/stack';
import { photo, readEvents, startApi, type Api } from './support';

let stack: Stack;
let api: Api;
beforeAll(async () => {
  stack = await startStack({ DARKROOM_MAX_UPLOAD_BYTES: '64KiB' });
  [api] = await Promise.all([startApi(stack), stack.worker({ DARKROOM_POOLS: 'workflows,image' })]);
});
afterAll(async () => {
  await api.stop();
  await stack.stop();
});

const problem = (status: number, code: string) => ({
  status,
  body: { type: `urn:darkroom:problem:${code}`, status, code, title: expect.any(String), detail: expect.any(String) },
});

async function broken(name: string): Promise<string> {
  const file = path.join(stack.home, 'in', `${name}.jpg`);
  await photo(stack, name);
  await writeFile(file, Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.alloc(100)]));
  return fileUri(file);
}

describe('POST /v1/jobs', () => {
  test('is answered at once with id and links, and with the manifest when asked to wait', async () => {
    const source = await photo(stack, 'one');
    const first = await api.call('POST', '/v1/jobs', { source, id: 'one' });
    expect(first).toMatchObject({ status: 202, body: { id: 'jobs~one', submitted: 'started', batch: 'jobs' } });
    expect(first.headers.get('location')).toBe('/v1/jobs/jobs~one');
    const { status, body } = await api.call('GET', `${first.body.links.result}?wait=30s`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ state: 'succeeded', attempt: 1, manifest: { version: 1, itemKey: 'one' } });
    expect(body.manifest.renditions.length).toBeGreaterThan(2);
  });

  test('twice is one job: without an id, with one, with an Idempotency-Key', async () => {
    const source = await photo(stack, 'twice');
    const [a, b] = await Promise.all([1, 2].map(() => api.call('POST', '/v1/jobs', { source })));
    expect(a?.body.id).toBe(b?.body.id);
    expect([a?.body.submitted, b?.body.submitted].sort()).toEqual(['joined', 'started']);
    const key = { 'idempotency-key': 'order 66' };
    const keyed = await api.call('POST', '/v1/jobs?wait=30s', { source }, key);
    const again = await api.call('POST', '/v1/jobs?wait=30s', { source }, key);
    expect(again.body.id).toBe(keyed.body.id);
    expect(again).toMatchObject({ status: 200, body: { submitted: 'skipped', state: 'succeeded' } });
    const other = await api.call('POST', '/v1/jobs', { source: await photo(stack, 'other') }, key);
    expect(other).toMatchObject(problem(409, 'Conflict'));
    const forced = await api.call('POST', '/v1/jobs?force=true&wait=30s', { source }, key);
    expect(forced).toMatchObject({ status: 200, body: { submitted: 'started' } });
  });

  test('a file that is broken fails in plain words, and is not waited for any longer', async () => {
    const { status, body } = await api.call('POST', '/v1/jobs?wait=1m', { source: await broken('hurt'), id: 'hurt' });
    expect(status).toBe(200);
    expect(body).toMatchObject({ state: 'failed', error: { type: 'CorruptMedia' } });
    expect(body.error.message).not.toMatch(/sharp|vips|\//);
  });

  test.each([
    ['no source', {}, 400, 'BadRequest'],
    ['a field of another name', { source: 'file:///x', sorce: 1 }, 400, 'BadRequest'],
    ['a preset that is not there', { source: 'file:///HOME/a.jpg', preset: 'none' }, 400, 'InvalidJob'],
    ['a folder that is not allowed', { source: 'file:///etc/passwd' }, 403, 'SourceForbidden'],
    ['a way out of the folder', { source: 'file:///HOME/../../etc/passwd' }, 400, 'InvalidJob'],
    ['a bucket that is not allowed', { source: 's3://bucket/key' }, 403, 'SourceForbidden'],
    ['a host that is not allowed', { source: 'https://example.com/a.jpg' }, 403, 'SourceForbidden'],
    ['an output that is not allowed', { source: 'file:///HOME/a.jpg', output: 'file:///etc' }, 403, 'OutputForbidden'],
    ['a batch that is no name', { source: 'file:///HOME/a.jpg', batch: 'a/b' }, 400, 'BadRequest'],
    [
      'a callback without a secret to sign',
      { source: 'file:///HOME/a.jpg', callbackUrl: 'https://a.example/' },
      400,
      'InvalidJob',
    ],
  ])('refuses %s', async (_name, body, status, code) => {
    const text = JSON.parse(JSON.stringify(body).replace('/HOME', stack.home)) as object;
    expect(await api.call('POST', '/v1/jobs', text)).toMatchObject(problem(status, code));
  });

  test('refuses what is no JSON, of another type, or too large', async () => {
    const send = (body: string, type: string) =>
      fetch(`${api.url}/v1/jobs`, { method: 'POST', body, headers: { 'content-type': type } });
    expect((await send('{', 'application/json')).status).toBe(400);
    expect((await send('a=b', 'application/x-www-form-urlencoded')).status).toBe(415);
    expect((await send(`"${'x'.repeat(2 ** 20)}"`, 'application/json')).status).toBe(413);
    expect((await fetch(`${api.url}/v1/jobs`, { headers: { 'x-long': 'y'.repeat(20_000) } })).status).toBe(431);
  });
});

describe('a job', () => {
  test('serves its files, whole and in ranges, as nothing that could run', async () => {
    const { body } = await api.call('POST', '/v1/jobs?wait=30s', { source: await photo(stack, 'files'), id: 'files' });
    const [rendition] = body.manifest.renditions;
    const at = `${api.url}${body.links.files}${rendition.path}`;
    const whole = await fetch(at);
    const bytes = Buffer.from(await whole.arrayBuffer());
    expect(bytes.length).toBe(rendition.bytes);
    expect((await sharp(bytes).metadata()).width).toBe(rendition.width);
    expect(Object.fromEntries(whole.headers)).toMatchObject({
      'content-type': rendition.mime,
      'x-content-type-options': 'nosniff',
      'content-security-policy': "sandbox; default-src 'none'",
      'accept-ranges': 'bytes',
    });
    const get = (headers: Record<string, string>, method = 'GET') => fetch(at, { headers, method });
    const part = await get({ range: 'bytes=5-9' });
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 5-9/${bytes.length}`]);
    expect(Buffer.from(await part.arrayBuffer())).toEqual(bytes.subarray(5, 10));
    expect(Buffer.from(await (await get({ range: 'bytes=-4' })).arrayBuffer())).toEqual(bytes.subarray(-4));
    expect((await get({ range: 'bytes=999999-' })).status).toBe(416);
    expect((await get({ 'if-none-match': whole.headers.get('etag') ?? '' })).status).toBe(304);
    expect((await get({}, 'HEAD')).headers.get('content-length')).toBe(String(bytes.length));
    const source = await fetch(`${api.url}${body.links.original}`);
    expect([source.status, source.headers.get('content-type')]).toEqual([200, 'image/jpeg']);
    for (const name of ['nothing.webp', '..%2f..%2fin%2ffiles.jpg', 'quarantine.json', '%2e%2e/manifest.json']) {
      expect([404]).toContain((await api.call('GET', `${body.links.files}${name}`)).status);
    }
  });

  test('that is not there is not found, whatever is asked of it', async () => {
    const paths = ['', '/result', '/events', '/files/manifest.json', '/source'];
    for (const rest of paths)
      expect(await api.call('GET', `/v1/jobs/jobs~none${rest}`)).toMatchObject(problem(404, 'NoSuchJob'));
    for (const verb of ['cancel', 'retry', 'pause', 'resume']) {
      expect(await api.call('POST', `/v1/jobs/jobs~none/${verb}`)).toMatchObject(problem(404, 'NoSuchJob'));
    }
    expect(await api.call('GET', '/v1/jobs/nonsense')).toMatchObject(problem(404, 'NoSuchJob'));
  });

  test('tells its events up to its end, and after a reconnect what was missed', async () => {
    const { body } = await api.call('POST', '/v1/jobs', { source: await photo(stack, 'events'), id: 'events' });
    const at = `${api.url}${body.links.events}`;
    const events = await readEvents(at, () => false);
    const last = events.at(-1);
    expect(last).toMatchObject({
      event: 'job',
      data: { id: 'jobs~events', state: 'succeeded', manifest: { version: 1 } },
    });
    expect(last?.data).not.toHaveProperty('workflowId');
    const missed = await readEvents(at, () => false, { 'last-event-id': 'something older' });
    expect(missed.map(({ id }) => id)).toEqual([last?.id]);
    expect((await fetch(at, { headers: { 'last-event-id': last?.id ?? '' } })).status).toBe(204);
  });
});

describe('a batch', () => {
  test('as JSON: the good ones go on, the bad ones come back by their place; counts, items, events, retry', async () => {
    const jobs = [
      { source: await photo(stack, 'b0'), id: 'b0' },
      { source: 'ftp://x' },
      { source: await broken('b2'), id: 'b2' },
      { source: await photo(stack, 'b3'), id: 'b3', priority: 9 },
    ];
    const submitted = await api.call('POST', '/v1/batches', { id: 'trip', preset: 'thumbnails', jobs });
    expect(submitted).toMatchObject({ status: 202, body: { id: 'trip', started: 2, rejected: 2 } });
    expect(submitted.body.errors.map((each: { index: number }) => each.index)).toEqual([1, 3]);
    const events = await readEvents(`${api.url}/v1/batches/trip/events`, (seen) =>
      seen.some(({ data }) => data.items === 2 && data.open === 0 && data.failed === 1),
    );
    expect(events.map(({ event }) => event)).toContain('batch');
    const view = await api.call('GET', '/v1/batches/trip');
    expect(view.body).toMatchObject({ items: 2, open: 0, succeeded: 1, failed: 1, latencyMs: { sample: 1 } });

    const failed = await api.call('GET', '/v1/batches/trip/items?state=failed');
    expect(failed.body.items).toMatchObject([{ id: 'trip~b2', state: 'failed', error: { type: 'CorruptMedia' } }]);
    const first = await api.call('GET', '/v1/batches/trip/items?limit=1');
    const second = await api.call('GET', `/v1/batches/trip/items?limit=1&cursor=${first.body.next}`);
    expect([first, second].map(({ body }) => body.items[0].id).sort()).toEqual(['trip~b0', 'trip~b2']);
    expect(await api.call('GET', '/v1/batches/trip/items?cursor=nonsense')).toMatchObject({ status: 400 });
    const good = await api.call('GET', '/v1/batches/trip/items?state=succeeded');
    expect(good.body.items[0]).toMatchObject({ thumbnail: { href: expect.any(String) }, placeholder: {} });
    expect((await fetch(`${api.url}${good.body.items[0].thumbnail.href}`)).status).toBe(200);

    // The file is mended, and the failure is none any more.
    await photo(stack, 'b2');
    expect((await api.call('POST', '/v1/batches/trip/retry')).body).toEqual({ restarted: 1, already: 0 });
    await until(async () => (await api.call('GET', '/v1/batches/trip')).body.succeeded === 2, 300);
    expect((await api.call('GET', '/v1/batches/trip')).body).toMatchObject({ items: 2, failed: 0 });
    expect((await api.call('GET', '/v1/batches/trip/items?state=failed')).body.items).toEqual([]);
    const { batches } = (await api.call('GET', '/v1/batches')).body;
    expect(batches.map(({ id }: { id: string }) => id)).toContain('trip');
  });

  test('as NDJSON: each line is answered by its number', async () => {
    const good = JSON.stringify({ source: await photo(stack, 'n'), id: 'n' });
    const text = `${good}\n\nnonsense\n{"source":"file:///etc/passwd"}\n${good}`;
    const { status, body } = await api.call('POST', '/v1/batches?id=lines', text);
    expect(status).toBe(202);
    const lines = (body as string)
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines[0]).toMatchObject({ batch: 'lines' });
    expect(lines.at(-1).summary).toMatchObject({ rejected: 2 });
    const byNumber = Object.fromEntries(lines.filter(({ line }) => line).map((each) => [each.line, each]));
    expect(byNumber).toMatchObject({
      1: { id: 'lines~n' },
      3: { error: { code: 'BadRequest' } },
      4: { error: { code: 'SourceForbidden' } },
      5: { id: 'lines~n' },
    });
  });

  test('is refused where it makes no sense, and not found where it is not there', async () => {
    expect(await api.call('POST', '/v1/batches', { jobs: [] })).toMatchObject(problem(400, 'BadRequest'));
    const many = { jobs: Array.from({ length: 10_001 }, () => ({})) };
    expect(await api.call('POST', '/v1/batches', many)).toMatchObject(problem(400, 'BadRequest'));
    for (const rest of ['', '/items', '/events']) {
      expect(await api.call('GET', `/v1/batches/none${rest}`)).toMatchObject(problem(404, 'NoSuchBatch'));
    }
    expect(await api.call('GET', '/v1/batches/a"b')).toMatchObject(problem(404, 'NoSuchBatch'));
    expect(await api.call('POST', '/v1/batches/none/cancel')).toMatchObject(problem(404, 'NoSuchBatch'));
  });
});

test('pause, resume, cancel and retry tell what changed', async () => {
  const source = await photo(stack, 'held');
  const busy = await Promise.all(
    [1, 2, 3, 4].map((n) => api.call('POST', '/v1/jobs', { source, id: `c${n}`, batch: 'c' })),
  );
  expect(busy.map(({ status }) => status)).toEqual([202, 202, 202, 202]);
  const one = (verb: string) => api.call('POST', `/v1/jobs/c~c4/${verb}`);
  for (const verb of ['pause', 'resume', 'cancel']) {
    const { changed, already } = (await one(verb)).body;
    expect(changed + already).toBe(1);
  }
  await until(async () => (await api.call('GET', '/v1/jobs/c~c4')).body.closedAt !== undefined, 200);
  expect((await one('cancel')).body).toEqual({ changed: 0, already: 1 });
  for (const verb of ['pause', 'resume', 'cancel']) {
    expect((await api.call('POST', `/v1/batches/c/${verb}`)).status).toBe(200);
  }
  const { restarted, already } = (await one('retry')).body;
  expect(restarted + already).toBe(1);
});

test('an upload is a source; too large, empty or without a name it is none', async () => {
  const bytes = await sharp({ create: { width: 64, height: 64, channels: 3, background: 'red' } })
    .png()
    .toBuffer();
  const put = (name: string, body: Buffer | undefined, type = 'image/png') =>
    fetch(`${api.url}/v1/uploads/${name}`, {
      method: 'PUT',
      body: body && new Uint8Array(body),
      headers: { 'content-type': type },
    });
  const answer = await put('red%20%23one%3C.png', bytes);
  expect(answer.status).toBe(201);
  const { source, bytes: stored } = (await answer.json()) as { source: string; bytes: number };
  expect(stored).toBe(bytes.length);
  const { body } = await api.call('POST', '/v1/jobs?wait=30s', { source });
  expect(body).toMatchObject({ state: 'succeeded', source });
  expect((await put('large.png', Buffer.alloc(65 * 1024))).status).toBe(413);
  expect((await put('empty.png', undefined)).status).toBe(400);
  expect((await put('..', bytes)).status).toBe(404);
  expect((await put('a%2Fb.png', bytes)).status).not.toBe(500);
});

test('aliases take messages whose payload is the source', async () => {
  const payload = await photo(stack, 'message');
  expect(await api.call('POST', '/produce', { id: 'm1', payload })).toMatchObject({
    status: 202,
    body: { id: 'produce~m1' },
  });
  const messages = [
    { id: 'm2', payload: { source: payload } },
    { id: 'm3', payload: 'nonsense' },
  ];
  const many = await api.call('POST', '/batch-produce', { messages });
  expect(many).toMatchObject({
    status: 202,
    body: { accepted: 1, results: [{ id: 'produce~m2' }, { id: 'm3', status: 'rejected' }] },
  });
  expect(await api.call('POST', '/produce', {})).toMatchObject(problem(400, 'BadRequest'));
});

test('health, metrics, presets and the unknown', async () => {
  expect(await api.call('GET', '/live')).toMatchObject({ status: 200, body: { status: 'live' } });
  for (const path of ['/ready', '/health']) {
    expect(await api.call('GET', path)).toMatchObject({
      status: 200,
      body: { status: 'ready', dependencies: { temporal: { ok: true } } },
    });
  }
  const { presets } = (await api.call('GET', '/v1/presets')).body;
  expect(presets.map(({ name }: { name: string }) => name)).toContain('web');
  expect(await api.call('GET', '/nowhere')).toMatchObject(problem(404, 'NotFound'));
  const { body } = await api.call('GET', '/metrics');
  expect(body).toMatch(/darkroom_jobs_submitted_total\{kind="image",preset="web",source="api"\} \d+/);
  expect(body).toMatch(/http_request_duration_seconds_count\{method="GET",route="\/v1\/presets",status="200"\} 1/);
  expect(body).not.toMatch(/jobs~/);
});

test('what is held for its caller has routes of its own, which the objective for submits does not count', async () => {
  const source = await photo(stack, 'held');
  const counts = async (): Promise<number[]> => {
    const { body } = await api.call('GET', '/metrics');
    return ['/v1/jobs', '/v1/jobs?wait'].map((route) =>
      [...String(body).matchAll(/^http_request_duration_seconds_count\{(.+)\} (\d+)$/gm)]
        .filter(([, labels]) => labels?.includes('method="POST"') && labels.includes(`route="${route}"`))
        .reduce((sum, [, , count]) => sum + Number(count), 0),
    );
  };
  const [direct = 0, held = 0] = await counts();
  await api.call('POST', '/v1/jobs?wait=30s', { source, id: 'held' });
  await api.call('POST', '/v1/jobs', { source, id: 'not-held' });
  expect(await counts()).toEqual([direct + 1, held + 1]);
});

test('without keys, pages of other sites and other names of this machine are turned away', async () => {
  const post = (headers: Record<string, string>) => api.call('POST', '/v1/jobs/jobs~one/cancel', undefined, headers);
  expect(await post({ origin: 'https://evil.example' })).toMatchObject(problem(403, 'NotAllowed'));
  expect((await post({ origin: api.url })).status).toBe(200);
  const { request } = await import('node:http');
  const status = await new Promise((resolve) => {
    request(`${api.url}/v1/batches`, { headers: { host: 'rebound.example' } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    }).end();
  });
  expect(status).toBe(403);
});
