/** One job on a real Temporal with a real worker: its happy way and its errors. */
import { createHash } from 'node:crypto';
import sharp from 'sharp';
import type { Manifest } from '../../common/contracts';
import { startStack, type Stack } from '../support/stack';
import { filesInZip } from '../support/zip';
import { broken, photo, problem, readEvents, startApi, type Api } from './support';

let stack: Stack;
let api: Api;
beforeAll(async () => {
  stack = await startStack();
  [api] = await Promise.all([startApi(stack), stack.worker({ DARKROOM_POOLS: 'workflows,image' })]);
});
afterAll(async () => {
  await api.stop();
  await stack.stop();
});

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
    // The other one joins it, or comes when it is done.
    expect([a, b].filter((answer) => answer?.body.submitted === 'started')).toHaveLength(1);
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
    const { status, body } = await api.call('POST', '/v1/jobs?wait=1m', {
      source: await broken(stack, 'hurt'),
      id: 'hurt',
    });
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
    const archive = await fetch(`${api.url}${body.links.self}/archive`);
    expect(archive.headers.get('content-type')).toBe('application/zip');
    const inside = filesInZip(Buffer.from(await archive.arrayBuffer()));
    const { renditions } = body.manifest as Manifest;
    expect([...inside.keys()].sort()).toEqual(['manifest.json', ...renditions.map(({ path }) => path)].sort());
    for (const { path, sha256 } of renditions) {
      expect(createHash('sha256').update(inside.get(path)!).digest('hex')).toBe(sha256);
    }
    for (const name of ['nothing.webp', '..%2f..%2fin%2ffiles.jpg', 'quarantine.json', '%2e%2e/manifest.json']) {
      expect([404]).toContain((await api.call('GET', `${body.links.files}${name}`)).status);
    }
  });

  test('that is not there is not found, whatever is asked of it', async () => {
    const paths = ['', '/result', '/events', '/files/manifest.json', '/archive', '/source'];
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

describe('a signed URL', () => {
  test('a signature is in no memo, summary or answer', async () => {
    const own = await startApi(stack, { DARKROOM_ALLOWED_HOSTS: 'media.example.com' });
    try {
      const source = 'https://media.example.com/a.mp4?size=2&X-Amz-Credential=who&X-Amz-Signature=c0ffee';
      const { body } = await own.call('POST', '/v1/jobs', { source, kind: 'video', id: 'signed' });
      expect(body.source).toBe('https://media.example.com/a.mp4?size=2');
      const handle = stack.client.workflow.getHandle('jobs/signed');
      const { memo, raw } = await handle.describe();
      expect(memo).toMatchObject({ source: 'https://media.example.com/a.mp4?size=2' });
      expect(Buffer.from(raw.executionConfig?.userMetadata?.summary?.data ?? []).toString()).toContain('a.mp4?size=2"');
      await handle.terminate();
    } finally {
      await own.stop();
    }
  });
});
