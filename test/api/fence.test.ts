/**
 * What separates tenants in storage, on disk and in an S3 store over a file system: neither spellings of a place nor
 * manifests of one's own making lead to what others have.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import sharp from 'sharp';
import { fileUri } from '../../storage';
import { S3_START_TIMEOUT, startS3, type TestS3 } from '../support/s3';
import { startStack, type Stack } from '../support/stack';
import { bearer, keyEntry, problem, startApi, type Api } from './support';

const acme = bearer('acme-secret-0123456789');
const globex = bearer('globex-secret-0123456789');
const operator = bearer('operator-key-0123456789');
const KEYS = [
  keyEntry('acme-1', 'acme', 0, 'acme-secret-0123456789'),
  keyEntry('globex-1', 'globex', 0, 'globex-secret-0123456789'),
  keyEntry('operator-1', 'default', 0, 'operator-key-0123456789', 'operator'),
];

/** One kind of place for outputs: the service that uses it, and a way past the service. */
interface Kind {
  name: string;
  api(): Api;
  /** URI prefix of the outputs. */
  outputs(): string;
  write(uri: string, text: string): Promise<void>;
  read(uri: string): Promise<string>;
}

let s3: TestS3 | undefined;
let stack: Stack;
let onDisk: Api;
let onS3: Api;

beforeAll(async () => {
  s3 = await startS3();
  await s3?.bucket('media');
  stack = await startStack({
    DARKROOM_API_KEYS: KEYS.join(','),
    ...(s3 && {
      S3_ENDPOINT: s3.endpoint,
      S3_FORCE_PATH_STYLE: 'true',
      S3_ACCESS_KEY_ID: s3.accessKey,
      S3_SECRET_ACCESS_KEY: s3.secretKey,
      DARKROOM_ALLOWED_BUCKETS: 'media',
    }),
  });
  const remote = { DARKROOM_OUTPUT: 's3://media/outputs', DARKROOM_QUEUE_PREFIX: 'remote' };
  const image = { DARKROOM_POOLS: 'workflows,image' };
  [onDisk, onS3] = await Promise.all([
    startApi(stack),
    startApi(stack, s3 === undefined ? {} : remote),
    stack.worker(image),
    ...(s3 === undefined ? [] : [stack.worker({ ...image, ...remote })]),
  ]);
}, S3_START_TIMEOUT + 60_000);
afterAll(async () => {
  await Promise.all([onDisk.stop(), onS3.stop()]);
  await stack.stop();
  await s3?.stop();
});

const s3Name = (uri: string) => ({ Bucket: 'media', Key: uri.replace('s3://media/', '') });
const KINDS: Kind[] = [
  {
    name: 'files',
    api: () => onDisk,
    outputs: () => fileUri(path.join(stack.home, 'outputs')),
    write: (uri, text) => writeFile(fileURLToPath(uri), text),
    read: (uri) => readFile(fileURLToPath(uri), 'utf8'),
  },
  {
    name: 's3',
    api: () => onS3,
    outputs: () => 's3://media/outputs',
    write: async (uri, text) => void (await s3!.client.send(new PutObjectCommand({ ...s3Name(uri), Body: text }))),
    read: async (uri) => {
      const { Body } = await s3!.client.send(new GetObjectCommand(s3Name(uri)));
      return Body!.transformToString();
    },
  },
];

/** A picture that no other test has. */
async function picture(name: string): Promise<Buffer> {
  const [red = 0, green = 0] = createHash('sha256').update(name).digest();
  const background = { r: red, g: green, b: 90 };
  return sharp({ create: { width: 320, height: 200, channels: 3, background } })
    .jpeg()
    .toBuffer();
}

const put = (api: Api, name: string, body: Buffer | string, who: Record<string, string>) =>
  fetch(`${api.url}/v1/uploads/${name}`, {
    method: 'PUT',
    body: typeof body === 'string' ? body : new Uint8Array(body),
    headers: { 'content-type': 'application/octet-stream', ...who },
  });

async function upload(api: Api, name: string, who: Record<string, string>): Promise<string> {
  const answer = await put(api, `${name}.jpg`, await picture(name), who);
  expect(answer.status).toBe(201);
  return ((await answer.json()) as { source: string }).source;
}

/** A finished job; where its manifest is, and what that says. */
async function finished(kind: Kind, name: string, who: Record<string, string>) {
  const source = await upload(kind.api(), name, who);
  const { body } = await kind.api().call('POST', '/v1/jobs?wait=50s', { source, id: name, batch: 'trip' }, who);
  expect(body).toMatchObject({ state: 'succeeded' });
  const folder = `${kind.outputs()}/${body.tenant}/${body.batch}/${name}`;
  return { job: body.id as string, source, folder, manifest: body.manifest };
}

describe.each(KINDS)('$name', (kind) => {
  const there = (): boolean => kind.name !== 's3' || s3 !== undefined;

  test('every spelling of another tenant’s place is 403, as a source and as an output', async () => {
    if (!there()) return;
    const theirs = await upload(kind.api(), `spelled-${kind.name}`, globex);
    const mine = await upload(kind.api(), `mine-${kind.name}`, acme);
    const scheme = theirs.startsWith('file:') ? 'file:///' : 's3://media/';
    const rest = theirs.slice(scheme.length);
    const spelled = [
      theirs,
      `${scheme}/${rest}`,
      `${scheme}//${rest}`,
      `${scheme}${rest.replaceAll('/', '//')}`,
      `${scheme}${rest.replace('/globex/', '//globex/')}`,
      `${scheme}${rest.replace('outputs', 'OUTPUTS')}`,
      `${scheme}${rest.replace('/globex/', '/GLOBEX/')}`,
    ];
    const call = (job: object) => kind.api().call('POST', '/v1/jobs', job, acme);
    for (const source of spelled) {
      expect([source, await call({ source })]).toMatchObject([source, problem(403, 'SourceForbidden')]);
      const watermark = { source };
      const rung = { name: '72p', height: 72, crf: 32, maxrate: 200, speed: 'superfast', audioBitrate: 64 };
      const presets = [
        { image: { renditions: [{ name: 'a', format: 'png', width: 64, watermark }] } },
        { video: { rungs: [rung], watermark } },
      ];
      for (const preset of presets) {
        const marked = await call({ source: mine, kind: 'video' in preset ? 'video' : 'image', preset });
        expect([source, marked]).toMatchObject([source, problem(403, 'SourceForbidden')]);
        expect(JSON.stringify(marked.body)).toContain('watermark.source: The source belongs to another tenant.');
      }
    }
    const folder = `${kind.outputs()}/globex/trip`;
    for (const output of [folder, folder.toUpperCase().replace(/^.*?:\/\/(\/|MEDIA\/)/, scheme)]) {
      expect([output, await call({ source: mine, output })]).toMatchObject([output, problem(403, 'OutputForbidden')]);
    }
    // By an item's key: the folder above is nobody's, the item's own would be everybody's.
    const above = kind.outputs().replace(/\/outputs$/, '');
    expect(await call({ source: mine, output: above, id: 'outputs' })).toMatchObject(problem(403, 'OutputForbidden'));
    expect((await call({ source: mine, output: above, id: 'others' })).status).toBe(202);
  });

  test('outputs cannot lie among uploads, where their sender names files', async () => {
    if (!there()) return;
    const source = await upload(kind.api(), `among-${kind.name}`, acme);
    for (const output of [`${kind.outputs()}/_uploads/acme`, `${kind.outputs()}/_uploads/acme/${'a'.repeat(64)}`]) {
      const refused = await kind.api().call('POST', '/v1/jobs', { source, output, id: 'b'.repeat(64) }, acme);
      expect(refused).toMatchObject(problem(403, 'OutputForbidden'));
    }
    for (const name of ['x%2Fmanifest.json', 'x%5Cmanifest.json', '%2Fmanifest.json']) {
      expect((await put(kind.api(), name, 'bytes', acme)).status).toBe(400);
    }
  });

  test('an upload by its hash keeps the bytes that it has', async () => {
    if (!there()) return;
    const sha256 = createHash('sha256').update('mine').digest('hex');
    const sent = await put(kind.api(), `kept.bin?sha256=${sha256}`, 'mine', acme);
    const { source } = (await sent.json()) as { source: string };
    await kind.write(source, 'what another writer has put there');
    expect((await put(kind.api(), `kept.bin?sha256=${sha256}`, 'mine', acme)).status).toBe(201);
    expect(await kind.read(source)).toBe('what another writer has put there');
  });

  test('a manifest that somebody has replaced serves nothing but the job’s own files', async () => {
    if (!there()) return;
    const secret = await finished(kind, `secret-${kind.name}`, globex);
    const mine = await finished(kind, `forged-${kind.name}`, acme);
    const [theirs] = secret.manifest.renditions as { path: string }[];
    const bytes = await picture(`secret-${kind.name}`);
    const webp = await fetch(`${kind.api().url}/v1/jobs/${secret.job}/files/${theirs!.path}`, { headers: globex });
    const made = Buffer.from(await webp.arrayBuffer());
    const rendition = { name: 'x', role: 'image', mime: 'text/html', bytes: 1, sha256: '00' };
    const up = `../../../globex/trip/secret-${kind.name}`;
    for (const renditions of [
      [{ ...rendition, path: `${up}/${theirs!.path}` }],
      [{ ...rendition, path: '../../_uploads' }],
      [{ ...rendition, path: 'x/y' }],
    ]) {
      const forged = { ...mine.manifest, source: { ...mine.manifest.source, uri: secret.source }, renditions };
      await kind.write(`${mine.folder}/manifest.json`, JSON.stringify(forged));
      // The service keeps manifests that it has read, so a fresh one is asked.
      const fresh = await startApi(stack, kind.name === 's3' ? { DARKROOM_OUTPUT: 's3://media/outputs' } : {});
      try {
        const wheres = [
          ...['source', 'files/x/y', 'files/x/secret'],
          ...[`${up}/${theirs!.path}`, '../../_uploads'].map((name) => `files/${encodeURIComponent(name)}`),
          `files/${up.replaceAll('/', '%2f')}/${theirs!.path}`,
        ];
        for (const where of wheres) {
          const answer = await fetch(`${fresh.url}/v1/jobs/${mine.job}/${where}`, { headers: acme });
          const body = Buffer.from(await answer.arrayBuffer());
          expect([where, body.equals(bytes), body.equals(made)]).toEqual([where, false, false]);
          if (answer.status === 200) expect(body.equals(await picture(`forged-${kind.name}`))).toBe(true);
          else expect([where, [400, 404].includes(answer.status)]).toEqual([where, true]);
        }
      } finally {
        await fresh.stop();
      }
    }
  });

  test('a manifest of another tenant or job in the place of one’s own counts for nothing', async () => {
    if (!there()) return;
    const secret = await finished(kind, `other-${kind.name}`, globex);
    const mine = await finished(kind, `own-${kind.name}`, acme);
    for (const change of [{ tenant: 'globex' }, { workflow: { ...mine.manifest.workflow, id: 'acme.trip/else' } }]) {
      await kind.write(`${mine.folder}/manifest.json`, JSON.stringify({ ...mine.manifest, ...change }));
      const fresh = await startApi(stack, kind.name === 's3' ? { DARKROOM_OUTPUT: 's3://media/outputs' } : {});
      const asked = await fresh.call('GET', `/v1/jobs/${mine.job}/files/manifest.json`, undefined, acme);
      await fresh.stop();
      expect(asked).toMatchObject(problem(404, 'NoSuchFile'));
    }
    expect((await kind.api().call('GET', `/v1/jobs/${secret.job}/source`, undefined, acme)).status).toBe(404);
  });

  test('a manifest.json that is none, or larger than one can be, is 400 at once', async () => {
    if (!there()) return;
    const source = await upload(kind.api(), `huge-${kind.name}`, acme);
    const output = `${kind.outputs()}/acme/huge`;
    if (kind.name === 'files') await mkdir(fileURLToPath(`${output}/x`), { recursive: true });
    await kind.write(`${output}/x/manifest.json`, '{}');
    const submit = () => kind.api().call('POST', '/v1/jobs', { source, output, id: 'x' }, acme);
    expect(await submit()).toMatchObject(problem(400, 'InvalidJob'));
    if (kind.name === 'files') await truncate(fileURLToPath(`${output}/x/manifest.json`), 64 * 1024 * 1024);
    else await kind.write(`${output}/x/manifest.json`, ' '.repeat(64 * 1024 * 1024));
    const before = await rss(kind.api());
    for (let n = 0; n < 5; n++) expect(await submit()).toMatchObject(problem(400, 'InvalidJob'));
    expect((await rss(kind.api())) - before).toBeLessThan(64 * 1024 * 1024);
  });
});

async function rss(api: Api): Promise<number> {
  const { body } = await api.call('GET', '/metrics', undefined, operator);
  return Number(/^process_resident_memory_bytes (\S+)/m.exec(String(body))?.[1]);
}

test('a link from elsewhere to the outputs is fenced like the outputs, in the service and in the worker', async () => {
  const theirs = await upload(onDisk, 'linked', globex);
  await symlink(path.join(stack.home, 'outputs'), path.join(stack.home, 'elsewhere'));
  const source = theirs.replace('/outputs/', '/elsewhere/');
  expect(await onDisk.call('POST', '/v1/jobs', { source }, acme)).toMatchObject(problem(403, 'SourceForbidden'));
  // A link that comes into being after the check: the worker looks once more.
  const folder = path.join(stack.home, 'in');
  await mkdir(folder, { recursive: true });
  const job = { source: fileUri(path.join(folder, 'linked.jpg')), id: 'late', batch: 'late', kind: 'image' };
  const first = await onDisk.call('POST', '/v1/jobs?wait=50s', job, acme);
  expect(first.body).toMatchObject({ state: 'failed', error: { type: 'SourceNotFound' } });
  await symlink(fileURLToPath(theirs), path.join(folder, 'linked.jpg'));
  expect((await onDisk.call('POST', '/v1/jobs/acme.late~late/retry', undefined, acme)).body.restarted).toBe(1);
  const second = await onDisk.call('GET', '/v1/jobs/acme.late~late/result?wait=50s', undefined, acme);
  expect(second.body).toMatchObject({ state: 'failed', error: { type: 'SourceForbidden' } });
});
