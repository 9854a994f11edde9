/** What a key and a tenant may do at once and in a time, as far as one server counts it. Nothing here needs Temporal. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import net, { type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { loadConfig } from '../../common/config';
import { createLogger } from '../../common/logger';
import { createApp } from '../../starter/server/app';
import type { App } from '../../starter/server/app-type';
import { ApiKeys } from '../../starter/server/guard/auth';
import { createService, type Service } from '../../starter/server/service';
import { until } from '../support/stack';
import { bearer, keyEntry } from './support';

const acme = bearer('acme-secret-0123456789');
const reader = bearer('reader-secret-0123456789');
const globex = bearer('globex-secret-0123456789');
const small = bearer('small-secret-0123456789');
const GRACE_MS = 2_000;

let home: string;
let app: App;
let service: Service;
let url: string;
const stop = new AbortController();

beforeAll(async () => {
  home = await mkdtemp(path.join(os.tmpdir(), 'darkroom-limits-'));
  const config = loadConfig({
    LOG_LEVEL: 'silent',
    TEMPORAL_ADDRESS: '127.0.0.1:1',
    DARKROOM_HOME: home,
    DARKROOM_API_KEYS: [
      keyEntry('acme-1', 'acme', 0, 'acme-secret-0123456789'),
      keyEntry('reader-1', 'acme', 0, 'reader-secret-0123456789'),
      keyEntry('globex-1', 'globex', 0, 'globex-secret-0123456789'),
      keyEntry('small-1', 'small', 0, 'small-secret-0123456789', 'uploads=1KiB'),
    ].join(),
    DARKROOM_READS_PER_MINUTE: '20',
    DARKROOM_UPLOADS_AT_ONCE: '4',
  });
  service = createService(config, new ApiKeys(config), createLogger(config, 'test'), stop.signal);
  app = await createApp(service, { body: 300, slowDown: 0, upload: GRACE_MS });
  await app.listen({ host: '127.0.0.1', port: 0 });
  url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  stop.abort();
  await app.close();
  await rm(home, { recursive: true });
});

interface Problem {
  code?: string;
  detail?: string;
}

const put = async (name: string, headers: Record<string, string>, body = 'x') => {
  const type = { 'content-type': 'application/octet-stream' };
  const answer = await fetch(`${url}/v1/uploads/${name}`, { method: 'PUT', body, headers: { ...headers, ...type } });
  return {
    status: answer.status,
    retryAfter: Number(answer.headers.get('retry-after')),
    ...((await answer.json()) as Problem),
  };
};

/** An upload that says 1000 bytes, sends `sent` and then nothing. */
function begin(name: string, headers: Record<string, string>, sent: string): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(new URL(url).port), '127.0.0.1', () => resolve(socket));
    const lines = Object.entries({ ...headers, host: 'x', 'content-length': '1000' });
    const head = lines.map(([key, value]) => `${key}: ${value}\r\n`).join('');
    socket.write(`PUT /v1/uploads/${name} HTTP/1.1\r\n${head}\r\n${sent}`);
    socket.on('error', reject);
  });
}

const answerOn = (socket: net.Socket): Promise<string> =>
  new Promise((resolve) => {
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString()));
    socket.once('close', () => resolve(text));
  });

test('reads are limited by key, whatever another key of the tenant reads; uploads are no reads', async () => {
  const read = (headers: Record<string, string>) => fetch(`${url}/v1/presets`, { headers });
  for (let n = 0; n < 20; n++) expect((await read(reader)).status).toBe(200);
  const refused = await read(reader);
  expect(refused.status).toBe(429);
  expect(await refused.json()).toMatchObject({ code: 'RateLimited', detail: expect.stringMatching(/in a minute\.$/) });
  // A token comes in three seconds.
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(3);
  expect((await read(acme)).status).toBe(200);
  expect((await put('free', reader)).status).toBe(201);
});

test('half of the uploads at once are for one tenant, whichever key sends them', async () => {
  const leave = service.seats.uploads.take('acme');
  const open = await begin('a1', reader, 'x');
  await until(() => {
    const free = service.seats.uploads.take('acme');
    free?.();
    return free === undefined;
  });
  expect(await put('a2', acme)).toMatchObject({ status: 429, code: 'TooManyUploads', retryAfter: 5 });
  expect((await put('b1', globex)).status).toBe(201);
  leave!();
  expect((await put('a2', acme)).status).toBe(201);
  open.destroy();
});

test('an upload that stops is answered and leaves nothing', async () => {
  const socket = await begin('stops', acme, 'half of it');
  const text = await answerOn(socket);
  expect(text).toMatch(/^HTTP\/1\.1 408 [^]*"code":"Timeout"/);
  const files = await readdir(path.join(home, 'outputs', '_uploads', 'acme'), { recursive: true });
  expect(files.filter((file) => /stops/.test(file))).toEqual([]);
});

test('a key uploads so many bytes a day', async () => {
  expect((await put('first', small, 'x'.repeat(2048))).status).toBe(201);
  const refused = await put('second', small);
  expect(refused).toMatchObject({ status: 429, code: 'RateLimited', detail: expect.stringMatching(/in a day\.$/) });
  // In debt by 1 KiB, at 1 KiB a day.
  expect(refused.retryAfter).toBeGreaterThan(23 * 3600);
  expect((await put('third', globex)).status).toBe(201);
});

test('a refused upload whose body drips is hung up on', async () => {
  await put('first', small, 'x'.repeat(2048));
  const socket = await begin('drips', small, 'x');
  expect(await answerOn(socket)).toMatch(/^HTTP\/1\.1 429 /);
});
