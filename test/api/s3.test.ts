/** The service over a store that speaks S3: uploads, outputs and the files that it serves. */
import { createHash } from 'node:crypto';
import { HeadObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import sharp from 'sharp';
import { S3_START_TIMEOUT, startS3, type TestS3 } from '../support/s3';
import { startStack, type Stack } from '../support/stack';
import { problem, startApi, type Api } from './support';

let s3: TestS3 | undefined;
let stack: Stack;
let api: Api;
beforeAll(async () => {
  s3 = await startS3();
  if (s3 === undefined) return;
  await s3.bucket('media');
  stack = await startStack({
    S3_ENDPOINT: s3.endpoint,
    S3_FORCE_PATH_STYLE: 'true',
    S3_ACCESS_KEY_ID: s3.accessKey,
    S3_SECRET_ACCESS_KEY: s3.secretKey,
    DARKROOM_ALLOWED_BUCKETS: 'media',
    DARKROOM_OUTPUT: 's3://media/out',
  });
  [api] = await Promise.all([startApi(stack), stack.worker({ DARKROOM_POOLS: 'workflows,image' })]);
}, S3_START_TIMEOUT);
afterAll(async () => {
  if (s3 === undefined) return;
  await api.stop();
  await stack.stop();
  await s3.stop();
});

async function keys(prefix: string): Promise<string[]> {
  const { Contents } = await s3!.client.send(new ListObjectsV2Command({ Bucket: 'media', Prefix: prefix }));
  return (Contents ?? []).map(({ Key }) => Key ?? '');
}

const put = (name: string, body: Buffer) =>
  fetch(`${api.url}/v1/uploads/${name}`, {
    method: 'PUT',
    body: new Uint8Array(body),
    headers: { 'content-type': 'image/png' },
  });

test('an upload, its job and its files lie in the bucket, and are served from there', async () => {
  // startS3 has said why.
  if (s3 === undefined) return;
  const bytes = await sharp({ create: { width: 900, height: 600, channels: 3, background: 'teal' } })
    .png()
    .toBuffer();
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const name = `blue%20gr%C3%BCn.png?sha256=${sha256}`;
  expect(await api.call('GET', `/v1/uploads/${name}`)).toMatchObject(problem(404, 'NoSuchFile'));
  const { source } = (await (await put(name, bytes)).json()) as { source: string };
  expect(source).toMatch(/^s3:\/\/media\/out\/_uploads\/default\//);
  expect((await api.call('GET', `/v1/uploads/${name}`)).body).toMatchObject({ source, bytes: bytes.length });

  const inParts = (offset: number, part: Buffer) =>
    put(`parts.png?upload=${sha256.slice(0, 32)}&sha256=${sha256}&offset=${offset}&size=${bytes.length}`, part);
  expect((await inParts(0, bytes.subarray(0, 500))).status).toBe(202);
  expect((await inParts(500, bytes.subarray(500))).status).toBe(201);
  expect((await keys('out/_uploads/')).map((key) => key.replace(/.*\//, ''))).toEqual(['blue grün.png', 'parts.png']);

  const { body } = await api.call('POST', '/v1/jobs?wait=30s', { source, id: 'stored' });
  expect(body).toMatchObject({ state: 'succeeded', manifest: { source: { uri: source, sha256 } } });
  const stored = await keys('out/jobs/stored/');
  const renditions = body.manifest.renditions as { path: string; bytes: number; width: number; mime: string }[];
  expect(stored.sort()).toEqual(
    ['manifest.json', ...renditions.map(({ path }) => path)].map((path) => `out/jobs/stored/${path}`).sort(),
  );

  const [rendition] = renditions;
  const at = `${api.url}${body.links.files}${rendition!.path}`;
  const whole = await fetch(at);
  const served = Buffer.from(await whole.arrayBuffer());
  expect([served.length, whole.headers.get('content-type')]).toEqual([rendition!.bytes, rendition!.mime]);
  expect((await sharp(served).metadata()).width).toBe(rendition!.width);
  const part = await fetch(at, { headers: { range: 'bytes=5-9' } });
  expect([part.status, Buffer.from(await part.arrayBuffer())]).toEqual([206, served.subarray(5, 10)]);
  expect((await fetch(at, { headers: { 'if-none-match': whole.headers.get('etag') ?? '' } })).status).toBe(304);
  expect(Buffer.from(await (await fetch(`${api.url}${body.links.original}`)).arrayBuffer())).toEqual(bytes);
  expect((await api.call('POST', '/v1/jobs?wait=30s', { source, id: 'stored' })).body.submitted).toBe('skipped');
});

test('the rule of a preset for caches is metadata of the objects, and is sent with the files', async () => {
  if (s3 === undefined) return;
  const bytes = await sharp({ create: { width: 64, height: 64, channels: 3, background: 'plum' } })
    .png()
    .toBuffer();
  const { source } = (await (await put('plum.png', bytes)).json()) as { source: string };
  const image = { renditions: [{ name: 'small', format: 'webp', width: 32 }] };
  const preset = (cacheControl?: string) => ({ image, ...(cacheControl !== undefined && { cacheControl }) });
  const wrong = await api.call('POST', '/v1/jobs', { source, preset: preset('public, private') });
  expect(wrong).toMatchObject(problem(400, 'InvalidJob'));
  expect(wrong.body.detail).toContain('preset.cacheControl: "public" and "private" contradict each other');

  const rule = 'public, max-age=600';
  const forever = 'max-age=31536000, immutable';
  for (const [id, said, stored, sent] of [
    ['short', rule, rule, rule],
    ['plain', undefined, forever, `private, ${forever}`],
  ] as const) {
    const { body } = await api.call('POST', '/v1/jobs?wait=30s', { source, id, preset: preset(said) });
    expect(body.state).toBe('succeeded');
    const [{ path }] = body.manifest.renditions as [{ path: string }];
    const head = (name: string) =>
      s3!.client.send(new HeadObjectCommand({ Bucket: 'media', Key: `out/jobs/${id}/${name}` }));
    const served = async (name: string) => (await fetch(`${api.url}${body.links.files}${name}`)).headers;
    expect([(await head(path)).CacheControl, (await served(path)).get('cache-control')]).toEqual([stored, sent]);
    const lists = [(await head('manifest.json')).CacheControl, (await served('manifest.json')).get('cache-control')];
    expect(lists).toEqual(['no-cache', 'no-cache']);
  }
});

test('what is refused leaves nothing in the bucket', async () => {
  if (s3 === undefined) return;
  const before = await keys('out/_uploads/');
  const other = createHash('sha256').update('other bytes').digest('hex');
  expect((await put(`wrong.png?sha256=${other}`, Buffer.from('bytes'))).status).toBe(400);
  expect((await put('empty.png', Buffer.alloc(0))).status).toBe(400);
  expect(await keys('out/_uploads/')).toEqual(before);
  const elsewhere = await api.call('POST', '/v1/jobs', { source: 's3://other/a.png' });
  expect(elsewhere).toMatchObject(problem(403, 'SourceForbidden'));
});
