import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import http, { type RequestListener, type Server } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadConfig } from '../../common/config';
import { which } from '../../common/config/executables';
import { testWhere } from '../../test/support/only-where';
import { createStorage, type Storage } from '..';

const BODY = Buffer.from('the bytes of a photo');
const SHA = createHash('sha256').update(BODY).digest('hex');
const TUNING = { answer: 400, window: 250, windowBytes: 10_000 };

let folder: string;
let server: Server;
let host: string;
let storage: Storage;
const others: { close(): unknown }[] = [];

/** What the host answers, by path. */
const answers: Record<string, RequestListener> = {
  '/photo.jpg': (_, response) => response.setHeader('etag', '"v1"').setHeader('content-type', 'image/jpeg').end(BODY),
  '/dated.jpg': (_, response) =>
    response
      .setHeader('last-modified', 'Wed, 01 Jan 2025 00:00:00 GMT')
      .setHeader('content-length', BODY.length)
      .end(BODY),
  '/ranged.jpg': (request, response) =>
    request.headers.range === 'bytes=0-0'
      ? response.writeHead(206, { 'content-range': `bytes 0-0/${BODY.length}`, etag: '"r"' }).end('t')
      : response.setHeader('etag', 'W/"r"').end(BODY),
  '/empty.jpg': (request, response) =>
    request.headers.range ? response.writeHead(416, { 'content-range': 'bytes */0' }).end() : response.end(),
  '/chunked.jpg': (_, response) => {
    response.write(BODY);
    response.end();
  },
  '/long-claim': (_, response) => {
    response.writeHead(200, { 'content-length': 1_000_000 });
    response.write(BODY);
    setTimeout(() => response.destroy(), 20);
  },
  '/short-claim': (_, response) => {
    response.socket?.end(`HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n${BODY.toString()}`);
  },
  '/endless': (_, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  },
  '/claims-4g': (_, response) => response.writeHead(200, { 'content-length': 4_000_000_000 }).write(BODY),
  '/drip': (_, response) => {
    const timer = setInterval(() => response.write('x'), 20);
    response.once('close', () => clearInterval(timer));
  },
  '/silent': () => undefined,
  '/reset': (request) => request.socket.destroy(),
  '/gzip': (_, response) => response.setHeader('content-encoding', 'gzip').end(BODY),
  '/loop': (_, response) => response.writeHead(302, { location: '/loop' }).end(),
  '/two-hops': (_, response) => response.writeHead(301, { location: '/one-hop' }).end(),
  '/one-hop': (_, response) => response.writeHead(307, { location: `http://${host}/photo.jpg` }).end(),
  '/nowhere': (_, response) => response.writeHead(302).end(),
};

const listener: RequestListener = (request, response) => {
  const url = new URL(request.url ?? '/', 'http://x');
  if (url.pathname === '/to') return response.writeHead(302, { location: url.searchParams.get('url') ?? '' }).end();
  if (url.pathname === '/status') return response.writeHead(Number(url.searchParams.get('code'))).end();
  const answer = answers[url.pathname];
  if (answer) return answer(request, response);
  response.writeHead(404).end();
};

async function listening(made: Server): Promise<string> {
  await new Promise((resolve) => made.listen(0, '127.0.0.1', () => resolve(undefined)));
  return `127.0.0.1:${(made.address() as AddressInfo).port}`;
}

function storageFor(env: Record<string, string>, tuning = {}): Storage {
  const made = createStorage(loadConfig(env), { ...TUNING, ...tuning });
  others.push(made);
  return made;
}

beforeAll(async () => {
  folder = await fs.mkdtemp(path.join(tmpdir(), 'darkroom-https-'));
  server = http.createServer(listener);
  host = await listening(server);
  storage = storageFor({ DARKROOM_PRIVATE_HOSTS: host, DARKROOM_ALLOWED_HOSTS: '*' });
});
afterAll(async () => {
  for (const other of others) other.close();
  server.closeAllConnections();
  server.close();
  await fs.rm(folder, { recursive: true, force: true });
});

const fetch = (uri: string, more = {}, by = storage): Promise<{ sha256: string; fingerprint: string; bytes: number }> =>
  by.fetch(uri, path.join(folder, 'in'), { maxBytes: 1_000_000, ...more });
afterEach(() => fs.rm(path.join(folder, 'in'), { force: true }));

test.each(['photo', 'dated', 'ranged', 'chunked'])(
  '%s.jpg is fetched whole, and stat knows the same version',
  async (name) => {
    const got = await fetch(`http://${host}/${name}.jpg`);
    expect(got).toMatchObject({ bytes: BODY.length, sha256: SHA });
    const known = await storage.stat(`http://${host}/${name}.jpg`);
    if (name !== 'chunked') expect(known.fingerprint).toBe(got.fingerprint);
    expect(known.bytes).toBe(name === 'chunked' ? -1 : BODY.length);
  },
);

test('an empty file is no error here', async () => {
  expect((await storage.stat(`http://${host}/empty.jpg`)).bytes).toBe(0);
  expect((await fetch(`http://${host}/empty.jpg`)).bytes).toBe(0);
});

test.each([
  [{}, /^darkroom\/\d+\.\d+\.\d+$/],
  [
    { DARKROOM_USER_AGENT: 'shop/2 (+https://shop.example/contact)' },
    /^shop\/2 \(\+https:\/\/shop\.example\/contact\)$/,
  ],
])('the host is told who asks: %j', async (env, agent) => {
  const asked = once(server, 'request') as Promise<[http.IncomingMessage]>;
  await fetch(`http://${host}/photo.jpg`, {}, storageFor({ DARKROOM_PRIVATE_HOSTS: host, ...env }));
  const [request] = await asked;
  expect(request.headers['user-agent']).toMatch(agent);
});

test('redirects are followed', async () => {
  expect((await fetch(`http://${host}/two-hops`)).sha256).toBe(SHA);
});

test.each([
  ['/missing', 'SourceNotFound'],
  ['/status?code=410', 'SourceNotFound'],
  ['/status?code=401', 'SourceForbidden'],
  ['/status?code=403', 'SourceForbidden'],
  ['/status?code=429', 'SourceUnavailable'],
  ['/status?code=500', 'SourceUnavailable'],
  ['/status?code=503', 'SourceUnavailable'],
  ['/status?code=418', 'InvalidJob'],
  ['/reset', 'SourceUnavailable'],
  ['/silent', 'SourceUnavailable'],
  ['/drip', 'SourceUnavailable'],
  ['/long-claim', 'SourceUnavailable'],
  ['/endless', 'MediaTooLarge'],
  ['/claims-4g', 'MediaTooLarge'],
  ['/gzip', 'InvalidJob'],
  ['/loop', 'InvalidJob'],
  ['/nowhere', 'InvalidJob'],
])('%s is %s and leaves no file', async (name, type) => {
  await expect(fetch(`http://${host}${name}`)).rejects.toMatchObject({ type });
  expect(await fs.readdir(folder)).toEqual([]);
});

test('never more than the length claimed is taken', async () => {
  expect((await fetch(`http://${host}/short-claim`)).bytes).toBe(3);
});

test('an abort ends a transfer with its reason', async () => {
  const abort = new AbortController();
  setTimeout(() => abort.abort(new Error('enough')), 50);
  await expect(fetch(`http://${host}/drip`, { signal: abort.signal })).rejects.toThrow('enough');
  expect(await fs.readdir(folder)).toEqual([]);
});

describe('what may not be reached', () => {
  const refused = async (uri: string, type: string, by = storage): Promise<void> => {
    await expect(fetch(uri, {}, by)).rejects.toMatchObject({ type });
    await expect(by.stat(uri)).rejects.toMatchObject({ type });
  };
  const port = (): string => host.split(':')[1] as string;

  test('plain http, unless the host is exempted', () => refused('http://example.com/a', 'InvalidJob'));

  test('a host that is not on the list, or on another port', async () => {
    const strict = storageFor({ DARKROOM_ALLOWED_HOSTS: 'example.com,*.example.org' });
    strict.checkSource('https://example.com/a');
    strict.checkSource('https://a.example.org/a');
    for (const name of [
      'example.com:8443',
      'a.example.com',
      'example.org',
      'evil-example.org',
      'example.com.evil.net',
    ]) {
      expect(() => strict.checkSource(`https://${name}/`)).toThrow(
        expect.objectContaining({ type: 'SourceForbidden' }),
      );
    }
  });

  test('loopback by name, though the list allows the name', async () => {
    const by = storageFor({ DARKROOM_ALLOWED_HOSTS: `localhost:${port()}` });
    await refused(`https://localhost:${port()}/photo.jpg`, 'SourceForbidden', by);
  });

  test.each([
    '2130706433',
    '0177.0.0.1',
    '0x7f000001',
    '127.1',
    '[::ffff:127.0.0.1]',
    '[::1]',
    '169.254.169.254',
    '10.1.2.3',
  ])('the address %s, though the list allows every host', (address) =>
    refused(`https://${address}/photo.jpg`, 'SourceForbidden'),
  );

  test.each([
    ['https://127.0.0.1/x', 'SourceForbidden'],
    ['https://localhost/x', 'SourceForbidden'],
    ['https://169.254.169.254/latest/meta-data', 'SourceForbidden'],
    ['http://example.com/x', 'InvalidJob'],
    ['file:///etc/passwd', 'InvalidJob'],
    ['https://user:secret@example.com/', 'InvalidJob'],
  ])('a redirect to %s', async (target, type) => {
    await refused(`http://${host}/to?url=${encodeURIComponent(target)}`, type);
  });

  test('a redirect to a host that is not on the list', async () => {
    const strict = storageFor({ DARKROOM_PRIVATE_HOSTS: host });
    await refused(`http://${host}/to?url=https://example.com/`, 'SourceForbidden', strict);
  });
});

test('sentences carry no signature', async () => {
  const error: unknown = await fetch(`http://${host}/missing?signature=hush`).catch((reason: unknown) => reason);
  expect(JSON.stringify(error) + String(error)).not.toContain('hush');
});

const withOpenssl = testWhere(which('openssl') !== undefined, 'openssl is not installed, which makes the certificate');
withOpenssl('https is verified: only a known authority is believed', async () => {
  const [key, cert] = [path.join(folder, 'key'), path.join(folder, 'cert')];
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  execFileSync('openssl', [...request, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  const pem = await fs.readFile(cert, 'utf8');
  const secure = https.createServer({ key: await fs.readFile(key), cert: pem }, listener);
  const name = (await listening(secure)).replace('127.0.0.1', 'localhost');
  try {
    const env = { DARKROOM_PRIVATE_HOSTS: name };
    expect((await fetch(`https://${name}/photo.jpg`, {}, storageFor(env, { ca: pem }))).sha256).toBe(SHA);
    await fs.rm(path.join(folder, 'in'));
    await expect(fetch(`https://${name}/photo.jpg`, {}, storageFor(env))).rejects.toMatchObject({
      type: 'SourceUnavailable',
    });
  } finally {
    secure.closeAllConnections();
    secure.close();
    await Promise.all([fs.rm(key), fs.rm(cert)]);
  }
});
