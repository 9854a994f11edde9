import { createHash, randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { HeadObjectCommand, ListMultipartUploadsCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { loadConfig } from '../../common/config';
import { sampleManifest } from '../../test/support/manifest';
import { startProxy } from '../../test/support/proxy';
import { S3_START_TIMEOUT, startS3, type TestS3 } from '../../test/support/s3';
import { createStorage, joinUri, type ListOptions, type Published, type Storage } from '..';

const sha256 = (data: Buffer | string): string => createHash('sha256').update(data).digest('hex');
const MAX = { maxBytes: 100_000_000 };

let folder: string;
let s3: TestS3 | undefined;
let storage: Storage;
const made: Storage[] = [];

function connect(endpoint: string, more: Record<string, string> = {}): Storage {
  const env = {
    S3_ENDPOINT: endpoint,
    S3_FORCE_PATH_STYLE: 'true',
    S3_ACCESS_KEY_ID: s3?.accessKey ?? 'key',
    S3_SECRET_ACCESS_KEY: s3?.secretKey ?? 'secret',
    DARKROOM_ALLOWED_BUCKETS: 'photos,missing,narrow/in/here',
    ...more,
  };
  const storage = createStorage(loadConfig(env), { page: 10 });
  made.push(storage);
  return storage;
}

beforeAll(async () => {
  folder = await fs.mkdtemp(path.join(tmpdir(), 'darkroom-s3-test-'));
  s3 = await startS3();
  await s3?.bucket('photos');
  storage = connect(s3?.endpoint ?? 'http://127.0.0.1:1');
}, S3_START_TIMEOUT);
afterAll(async () => {
  for (const one of made) one.close();
  await s3?.stop();
  await fs.rm(folder, { recursive: true, force: true });
});
afterEach(async () => {
  for (const name of await fs.readdir(folder)) await fs.rm(path.join(folder, name));
});

/** Against the real server; startS3 has said why where there is none. */
function real(name: string, work: (server: TestS3) => Promise<void>): void {
  test(name, async () => {
    if (s3 !== undefined) await work(s3);
  });
}

async function publish(uri: string, data: Buffer | string, by = storage): Promise<Published> {
  const local = path.join(folder, `out-${randomBytes(4).toString('hex')}`);
  await fs.writeFile(local, data);
  const bytes = Buffer.byteLength(data);
  return by.publishFile(local, uri, { contentType: 'image/webp', bytes, sha256: sha256(data) });
}

async function keys(uri: string, options?: ListOptions): Promise<string[]> {
  const found: string[] = [];
  for await (const info of storage.list(uri, options)) found.push(info.uri);
  return found;
}

real('a published file comes back with the same bytes, type, hash and version', async (server) => {
  const uri = 's3://photos/item/a b%20ü"#.webp';
  await publish(uri, 'pixels');
  const got = await storage.fetch(uri, path.join(folder, 'in'), MAX);
  expect(got).toMatchObject({ bytes: 6, sha256: sha256('pixels'), contentType: 'image/webp', uri });
  expect(got.fingerprint).toBe((await storage.stat(uri)).fingerprint);
  const head = await server.client.send(new HeadObjectCommand({ Bucket: 'photos', Key: 'item/a b%20ü"#.webp' }));
  expect(head.Metadata).toEqual({ sha256: sha256('pixels') });
});

real(
  'an object keeps its rule for caches: sent at once, sent in parts, copied; texts are asked for anew',
  async (server) => {
    const local = path.join(folder, 'out');
    const rule = 'public, max-age=600';
    const rules = async (...names: string[]) => {
      const ask = (Key: string) => server.client.send(new HeadObjectCommand({ Bucket: 'photos', Key }));
      return (await Promise.all(names.map(ask))).map(({ CacheControl }) => CacheControl);
    };
    // Above 16 MiB a file goes in parts.
    for (const [name, bytes] of [
      ['small', 5],
      ['large', 17 * 1024 * 1024],
    ] as const) {
      await fs.writeFile(local, Buffer.alloc(bytes));
      await storage.publishFile(local, `s3://photos/rule/${name}`, { contentType: 'image/webp', cacheControl: rule });
    }
    await storage.copy('s3://photos/rule/small', 's3://photos/rule/copy');
    await storage.replaceManifest('s3://photos/rule', sampleManifest('rule'), undefined);
    expect(await rules('rule/small', 'rule/large', 'rule/copy')).toEqual([rule, rule, rule]);
    expect(await rules('rule/manifest.json')).toEqual(['no-cache']);
  },
);

real('a copy is made at the store, with type and hash, whatever its name', async (server) => {
  const [from, to] = ['s3://photos/item/a b%20ü"#.webp', 's3://photos/other/é+%.webp'];
  await publish(from, 'pixels');
  expect(await storage.copy(from, to)).toBe(true);
  const got = await storage.fetch(to, path.join(folder, 'in'), MAX);
  expect(got).toMatchObject({ bytes: 6, sha256: sha256('pixels'), contentType: 'image/webp' });
  const head = await server.client.send(new HeadObjectCommand({ Bucket: 'photos', Key: 'other/é+%.webp' }));
  expect(head.Metadata).toEqual({ sha256: sha256('pixels') });
  await expect(storage.copy('s3://photos/none', to)).rejects.toMatchObject({ type: expect.any(String) as string });
});

for (const [how, bytes] of [
  ['one PUT', 10],
  ['parts', 20 * 1024 * 1024],
] as const) {
  real(`a published file is never replaced, written by ${how}`, async (server) => {
    const uri = `s3://photos/kept-${bytes}.bin`;
    const [first, other] = [randomBytes(bytes), randomBytes(bytes)];
    expect(await publish(uri, first)).toBe('published');
    expect(await publish(uri, first)).toBe('present');
    await expect(publish(uri, other)).rejects.toMatchObject({ type: 'InvalidJob' });
    const got = await storage.fetch(uri, path.join(folder, 'in'), MAX);
    expect(got.sha256).toBe(sha256(first));
    const parts = await server.client.send(new ListMultipartUploadsCommand({ Bucket: 'photos' }));
    expect(parts.Uploads ?? []).toEqual([]);
  });
}

real('of five writers of one name at once exactly one publishes', async () => {
  const data = randomBytes(1000);
  const outcomes = await Promise.all(Array.from({ length: 5 }, () => publish('s3://photos/raced.bin', data)));
  expect(outcomes.filter((outcome) => outcome === 'published')).toHaveLength(1);
});

test('a store that does not know conditional writes still gets the file', async () => {
  const asked: (string | undefined)[] = [];
  const old = http.createServer((request, response) => {
    const condition = request.headers['if-none-match'];
    asked.push(condition);
    request.resume().on('end', () => {
      if (condition === undefined) return void response.writeHead(200, { etag: '"x"' }).end();
      response.writeHead(501, { 'content-type': 'application/xml' });
      response.end('<?xml version="1.0"?><Error><Code>NotImplemented</Code><Message>No</Message></Error>');
    });
  });
  await new Promise((resolve) => old.listen(0, '127.0.0.1', () => resolve(undefined)));
  const by = connect(`http://127.0.0.1:${(old.address() as AddressInfo).port}`);
  expect(await publish('s3://photos/a.webp', 'pixels', by)).toBe('published');
  expect(asked).toEqual(['*', undefined]);
  old.closeAllConnections();
  old.close();
});

real('a file of 20 MiB goes up in parts', async () => {
  const data = randomBytes(20 * 1024 * 1024);
  await publish('s3://photos/large.bin', data);
  expect((await storage.stat('s3://photos/large.bin')).fingerprint).toMatch(/-3-\d+$/);
  const got = await storage.fetch('s3://photos/large.bin', path.join(folder, 'in'), MAX);
  expect(got.sha256).toBe(sha256(data));
});

describe('what a slow store has taken is told while it takes it', () => {
  const MiB = 2 ** 20;

  async function publishSlowly(server: TestS3, bytes: number, bytesPerSecond: number): Promise<number[]> {
    const uri = `s3://photos/slow-${bytes}.mp4`;
    const proxy = await startProxy(Number(new URL(server.endpoint).port), { bytesPerSecond });
    const told: number[] = [];
    const local = path.join(folder, 'out');
    await fs.writeFile(local, randomBytes(bytes));
    const options = { contentType: 'video/mp4', onProgress: (sent: number) => void told.push(sent) };
    const slow = connect(`http://127.0.0.1:${proxy.port}`);
    await slow.publishFile(local, uri, options).finally(() => proxy.close());
    expect(await storage.stat(uri)).toMatchObject({ bytes });
    return told;
  }

  const rising = (told: number[]): void => {
    expect(told).toEqual([...new Set(told)].toSorted((one, other) => one - other));
  };

  real('in one request', async (server) => {
    const told = await publishSlowly(server, 12 * MiB, 3 * MiB);
    expect(told.length).toBeGreaterThan(2);
    // Not what the kernel has taken, which is 4 MB at once.
    expect(told[0]).toBeLessThan(5 * MiB);
    expect(told.at(-1)).toBe(12 * MiB);
    rising(told);
  });

  real('in parts, more often than once a part', async (server) => {
    const told = await publishSlowly(server, 20 * MiB, 5 * MiB);
    expect(told.length).toBeGreaterThan(5);
    expect(told.at(-1)).toBe(20 * MiB);
    rising(told);
  });

  test('and what is sent again after a failure is not told again', async () => {
    let asked = 0;
    const failing = http.createServer((request, response) => {
      request.resume().on('end', () => response.writeHead(++asked < 3 ? 503 : 200, { etag: '"x"' }).end());
    });
    await new Promise((resolve) => failing.listen(0, '127.0.0.1', () => resolve(undefined)));
    const local = path.join(folder, 'out');
    await fs.writeFile(local, Buffer.alloc(MiB));
    const told: number[] = [];
    const options = { contentType: 'video/mp4', onProgress: (sent: number) => void told.push(sent) };
    const endpoint = `http://127.0.0.1:${(failing.address() as AddressInfo).port}`;
    await connect(endpoint).publishFile(local, 's3://photos/again.mp4', options);
    expect([asked, told]).toEqual([3, [MiB]]);
    failing.closeAllConnections();
    await new Promise((resolve) => failing.close(resolve));
  });
});

real('an upload is stored whole, or not at all', async (server) => {
  const options = { maxBytes: 12_000_000, contentType: 'image/jpeg' };
  const chunks = (count: number): Readable =>
    Readable.from(Array.from({ length: count }, () => Buffer.alloc(1_000_000)));
  const info = await storage.putStream('s3://photos/up/good.jpg', chunks(11), options);
  expect(info).toEqual({ ...(await storage.stat('s3://photos/up/good.jpg')), contentType: 'image/jpeg' });
  const tooMuch = storage.putStream('s3://photos/up/large.jpg', chunks(13), options);
  await expect(tooMuch).rejects.toMatchObject({ type: 'MediaTooLarge' });
  const cut = new Readable({ read() {} });
  cut.push(Buffer.alloc(9_000_000));
  setImmediate(() => cut.destroy(Object.assign(new Error('gone'), { code: 'ECONNRESET' })));
  await expect(storage.putStream('s3://photos/up/cut.jpg', cut, options)).rejects.toMatchObject({
    type: 'StorageUnavailable',
  });
  expect(await keys('s3://photos/up')).toEqual(['s3://photos/up/good.jpg']);
  const parts = await server.client.send(new ListMultipartUploadsCommand({ Bucket: 'photos' }));
  expect(parts.Uploads ?? []).toEqual([]);
});

real('an upload that must not replace anything leaves what is there, in one piece or in parts', async (server) => {
  const put = (key: string, bytes: number, fill: number) =>
    storage.putStream(`s3://photos/${key}`, Readable.from([Buffer.alloc(bytes, fill)]), {
      maxBytes: 20_000_000,
      contentType: 'image/jpeg',
      createOnly: true,
    });
  for (const [key, bytes] of [
    ['only/small.bin', 10],
    ['only/large.bin', 9_000_000],
  ] as const) {
    await put(key, bytes, 1);
    expect(await put(key, bytes + 1, 2)).toMatchObject({ bytes });
    const { stream } = await storage.openRead(`s3://photos/${key}`, { range: { start: 0, end: 0 } });
    expect((await stream.toArray())[0]).toEqual(Buffer.from([1]));
  }
  const parts = await server.client.send(new ListMultipartUploadsCommand({ Bucket: 'photos' }));
  expect(parts.Uploads ?? []).toEqual([]);
});

real('a manifest.json of 64 MiB is refused, not read', async () => {
  const options = { maxBytes: 100_000_000, contentType: 'application/json' };
  const zeros = Readable.from(Array.from({ length: 64 }, () => Buffer.alloc(1024 * 1024)));
  await storage.putStream('s3://photos/huge/manifest.json', zeros, options);
  const before = process.memoryUsage.rss();
  for (let n = 0; n < 5; n++) {
    await expect(storage.readManifest('s3://photos/huge')).rejects.toMatchObject({ type: 'InvalidJob' });
  }
  expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024);
});

real('an abort ends an upload with its reason and leaves no parts', async (server) => {
  const abort = new AbortController();
  const local = path.join(folder, 'big');
  await fs.writeFile(local, Buffer.alloc(40_000_000));
  const options = { contentType: 'video/mp4', signal: abort.signal };
  const publishing = storage.publishFile(local, 's3://photos/aborted.mp4', options);
  setTimeout(() => abort.abort(new Error('enough')), 30);
  await expect(publishing).rejects.toThrow('enough');
  await expect(storage.stat('s3://photos/aborted.mp4')).rejects.toMatchObject({ type: 'SourceNotFound' });
  const parts = await server.client.send(new ListMultipartUploadsCommand({ Bucket: 'photos' }));
  expect(parts.Uploads ?? []).toEqual([]);
});

real('a manifest is replaced only by who knows its version', async () => {
  const item = 's3://photos/batch/item';
  expect(await storage.readManifest(item)).toBeUndefined();
  expect(await storage.replaceManifest(item, sampleManifest('1'), undefined)).toBe('written');
  const first = await storage.readManifest(item);
  expect(first?.manifest).toEqual(sampleManifest('1'));
  expect(await storage.replaceManifest(item, sampleManifest('2'), undefined)).toBe('conflict');
  expect(await storage.replaceManifest(item, sampleManifest('2'), first?.version)).toBe('written');
  expect(await storage.replaceManifest(item, sampleManifest('3'), first?.version)).toBe('conflict');
  expect(await storage.replaceManifest(item, sampleManifest('2'), first?.version)).toBe('written');
  const second = await storage.readManifest(item);
  await storage.remove(`${item}/manifest.json`);
  expect(await storage.replaceManifest(item, sampleManifest('4'), second?.version)).toBe('conflict');
});

real('of ten writers at once exactly one wins', async () => {
  const item = 's3://photos/batch/raced';
  const runs = Array.from({ length: 10 }, (_, run) =>
    storage.replaceManifest(item, sampleManifest(`${run}`), undefined),
  );
  const outcomes = await Promise.all(runs);
  expect(outcomes.filter((outcome) => outcome === 'written')).toHaveLength(1);
});

real('listing takes a folder, all its pages, and no hidden names', async (server) => {
  const put = (Key: string): Promise<unknown> =>
    server.client.send(
      new PutObjectCommand({
        Bucket: 'photos',
        Key,
        ...(Key.endsWith('/') ? { Body: '', ContentLength: 0 } : { Body: 'x' }),
      }),
    );
  await Promise.all(Array.from({ length: 25 }, (_, n) => put(`many/${n}.jpg`)));
  await Promise.all(['many/.hidden', 'many/sub/', 'many/sub/x y.jpg', 'many-others/z.jpg'].map(put));
  const found = await keys('s3://photos/many');
  expect(found).toHaveLength(26);
  expect(found).toContain('s3://photos/many/sub/x y.jpg');
  expect(await keys('s3://photos/many/', { hidden: true })).toContain('s3://photos/many/.hidden');
});

real('openRead serves whole objects and ranges', async () => {
  await storage.writeText('s3://photos/digits.txt', '0123456789', 'text/plain');
  const whole = await storage.openRead('s3://photos/digits.txt');
  expect([whole.info.contentType, await text(whole.stream)]).toEqual(['text/plain', '0123456789']);
  const part = await storage.openRead('s3://photos/digits.txt', { range: { start: 3, end: 5 } });
  expect([part.info.bytes, part.range, await text(part.stream)]).toEqual([10, { start: 3, end: 5 }, '345']);
  await expect(storage.openRead('s3://photos/digits.txt', { range: { start: 10 } })).rejects.toMatchObject({
    details: { bytes: 10 },
  });
  await storage.remove('s3://photos/digits.txt');
  await storage.remove('s3://photos/digits.txt');
});

real('removeMany removes objects of any name, and does not mind those that are gone', async () => {
  const uris = ['a & <b>.txt', 'ä %41.txt', 'two\nlines.txt'].map((name) => joinUri('s3://photos/gone', name));
  for (const uri of uris) await storage.writeText(uri, 'x', 'text/plain');
  await storage.writeText('s3://photos/gone/kept.txt', 'x', 'text/plain');
  await storage.removeMany([...uris, 's3://photos/gone/never.txt']);
  for (const uri of uris) await expect(storage.stat(uri)).rejects.toMatchObject({ type: 'SourceNotFound' });
  expect((await storage.stat('s3://photos/gone/kept.txt')).bytes).toBe(1);
  await expect(storage.removeMany(['s3://elsewhere/a'])).rejects.toMatchObject({ type: 'OutputForbidden' });
});

describe('failures', () => {
  const fetch = (uri: string, by = storage): Promise<unknown> => by.fetch(uri, path.join(folder, 'in'), MAX);

  test('outside of the allowed buckets', () => {
    storage.checkSource('s3://narrow/in/here/a');
    storage.checkOutput('s3://narrow/in/here');
    for (const uri of [
      's3://other/a',
      's3://narrow/in/hereafter/a',
      's3://narrow/a',
      's3://narrow',
      's3://photos2/a',
    ]) {
      expect(() => storage.checkSource(uri)).toThrow(expect.objectContaining({ type: 'SourceForbidden' }));
      expect(() => storage.checkOutput(uri)).toThrow(expect.objectContaining({ type: 'OutputForbidden' }));
    }
    for (const uri of [
      's3://photos/a/../b',
      's3://photos/a//b',
      's3://photos/a\\b',
      `s3://photos/${'n'.repeat(256)}`,
    ]) {
      expect(() => storage.checkOutput(uri)).toThrow(expect.objectContaining({ type: 'InvalidJob' }));
    }
  });

  real('a missing object or bucket, and a URI without a key', async () => {
    await expect(fetch('s3://photos/none.jpg')).rejects.toMatchObject({ type: 'SourceNotFound' });
    await expect(storage.stat('s3://photos/none.jpg')).rejects.toMatchObject({ type: 'SourceNotFound' });
    await expect(fetch('s3://missing/none.jpg')).rejects.toMatchObject({ type: 'SourceNotFound' });
    await expect(keys('s3://missing')).rejects.toMatchObject({ type: 'SourceNotFound' });
    await expect(publish('s3://missing/a.webp', 'x')).rejects.toMatchObject({ type: 'InvalidJob' });
    await expect(fetch('s3://photos')).rejects.toMatchObject({ type: 'InvalidJob' });
    await expect(fetch('s3://photos/folder/')).rejects.toMatchObject({ type: 'InvalidJob' });
  });

  real('a wrong key', async (server) => {
    const stranger = connect(server.endpoint, { S3_SECRET_ACCESS_KEY: 'wrong' });
    await expect(fetch('s3://photos/a.jpg', stranger)).rejects.toMatchObject({ type: 'SourceForbidden' });
    await expect(stranger.stat('s3://photos/a.jpg')).rejects.toMatchObject({ type: 'SourceForbidden' });
    await expect(publish('s3://photos/a.jpg', 'x', stranger)).rejects.toMatchObject({ type: 'OutputForbidden' });
  });

  real('larger than allowed', async () => {
    await publish('s3://photos/six.bin', '123456');
    const fetching = storage.fetch('s3://photos/six.bin', path.join(folder, 'in'), { maxBytes: 5 });
    await expect(fetching).rejects.toMatchObject({ type: 'MediaTooLarge' });
  });

  test('a store that is overloaded, or not there', async () => {
    let asked = 0;
    const busy = http.createServer((request, response) => {
      asked++;
      request.resume();
      response.writeHead(503, { 'content-type': 'application/xml' });
      response.end('<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Slow down</Message></Error>');
    });
    await new Promise((resolve) => busy.listen(0, '127.0.0.1', () => resolve(undefined)));
    const endpoint = `http://127.0.0.1:${(busy.address() as AddressInfo).port}`;
    const slow = connect(endpoint);
    await expect(fetch('s3://photos/a.jpg', slow)).rejects.toMatchObject({ type: 'SourceUnavailable' });
    expect(asked).toBe(3);
    await expect(publish('s3://photos/a.jpg', 'x', slow)).rejects.toMatchObject({ type: 'StorageUnavailable' });
    busy.closeAllConnections();
    await new Promise((resolve) => busy.close(resolve));
    await expect(fetch('s3://photos/a.jpg', slow)).rejects.toMatchObject({ type: 'SourceUnavailable' });
    await expect(publish('s3://photos/a.jpg', 'x', slow)).rejects.toMatchObject({ type: 'StorageUnavailable' });
  });

  test('a body that ends early', async () => {
    const cutting = http.createServer((_, response) => {
      response.writeHead(200, { 'content-length': 1000, etag: '"x"' }).write('begin');
      setTimeout(() => response.destroy(), 20);
    });
    await new Promise((resolve) => cutting.listen(0, '127.0.0.1', () => resolve(undefined)));
    const endpoint = `http://127.0.0.1:${(cutting.address() as AddressInfo).port}`;
    await expect(fetch('s3://photos/a.jpg', connect(endpoint))).rejects.toMatchObject({ type: 'SourceUnavailable' });
    expect(await fs.readdir(folder)).toEqual([]);
    cutting.closeAllConnections();
    cutting.close();
  });
});
