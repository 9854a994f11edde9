/** Who comes in: every route of the app, in every spelling, without a key. Nothing here reaches Temporal. */
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig } from '../../common/config';
import { createLogger } from '../../common/logger';
import { createApp } from '../../starter/server/app';
import type { App } from '../../starter/server/app-type';
import { ApiKeys } from '../../starter/server/guard/auth';
import { createService } from '../../starter/server/service';
import { bearer, keyEntry } from './support';

/** What answers without a key, and what the page and the reference are made of. */
const PUBLIC = new Set([
  ...['GET /', 'GET /openapi.json', 'GET /live', 'GET /ready', 'GET /health'],
  ...['POST /v1/session', 'DELETE /v1/session', 'OPTIONS /codec/decode', 'OPTIONS /codec/encode'],
]);
const PUBLIC_FOLDERS = /^GET \/(assets|docs)(\/|$)/;
const TRIED = ['GET', 'HEAD', 'POST', 'PUT', 'OPTIONS'];
/** Temporal is away: nothing here gets so far. */
const CONFIG = {
  LOG_LEVEL: 'silent',
  TEMPORAL_ADDRESS: '127.0.0.1:1',
  DARKROOM_API_KEYS: keyEntry('acme-1', 'acme', 0, 'acme-secret-0123456789'),
};
const MIB = 1024 * 1024;

let app: App;
let port: number;
const stop = new AbortController();

beforeAll(async () => {
  const config = loadConfig({
    ...CONFIG,
    TEMPORAL_UI_URL: 'http://ui.example',
    DARKROOM_PAYLOAD_KEYS: `a:${Buffer.alloc(32).toString('base64')}`,
  });
  const service = createService(config, new ApiKeys(config), createLogger(config, 'test'), stop.signal);
  app = await createApp(service, { body: 300, slowDown: 0 });
  await app.listen({ host: '127.0.0.1', port: 0 });
  ({ port } = app.server.address() as AddressInfo);
});
afterAll(async () => {
  stop.abort();
  await app.close();
});

interface Route {
  method: string;
  path: string;
}

/** Of the router itself: its tree has a part of a path in each line, and the methods that end there. */
function routesOf(tree: string): Route[] {
  const parts: string[] = [];
  return tree.split('\n').flatMap((line) => {
    const [, indent = '', part = '', methods] = /^([│ ]*)[├└]── (\S+)(?: \((.+)\))?$/.exec(line) ?? [];
    if (part === '') return [];
    const depth = indent.length / 4;
    parts.length = depth;
    parts.push(part);
    const path = parts.join('');
    return (methods ?? '').split(', ').flatMap((method) => (method === '' ? [] : [{ method, path }]));
  });
}

const isPublic = ({ method, path }: Route): boolean => {
  const route = `${method === 'HEAD' ? 'GET' : method} ${path}`;
  return PUBLIC.has(route) || PUBLIC_FOLDERS.test(route);
};

const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });

/** Sends the target as it is; nothing tidies it up on the way. */
function ask(method: string, target: string, headers: Record<string, string> = {}): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = http.request({ agent, port, host: '127.0.0.1', method, path: target, headers }, (answer) => {
      answer.resume();
      answer.once('end', () => resolve(answer));
    });
    sent.once('error', reject).end();
  });
}

const percent = (text: string): string =>
  text.replace(/[A-Za-z0-9]/g, (letter) => `%${letter.charCodeAt(0).toString(16)}`);

/** Ways to write a path that some program on the way, or the router, may take for the same one. */
function spellings(path: string): string[] {
  const [, first = '', rest = ''] = /^\/([^/]*)(.*)$/.exec(path) ?? [];
  return [
    path,
    `/${percent(first)}${rest}`,
    `/${first}${percent(rest)}`,
    `/${first.slice(0, 1)}${percent(first.slice(1))}${rest}`,
    `/${percent(first).replaceAll('%', '%25')}${rest}`,
    `/${first}${rest.replaceAll('/', '%2f')}`,
    `/${first}${rest.replaceAll('/', '%5c')}`,
    `http://x${path}`,
    `http://x/${percent(first)}${rest}`,
    `HTTPS://127.0.0.1:${port}${path}`,
    `${path}/`,
    `/${path}`,
    `//x${path}`,
    `/.${path}`,
    `/x/..${path}`,
    `/x/%2e%2e${path}`,
    `/docs/..${path}`,
    `/docs/static/../..${path}`,
    `/assets/%2e%2e${path}`,
    path.toUpperCase(),
    path.replaceAll('/', '//'),
    `${path};x`,
    `${path}?wait=1s`,
    `${path}%3fx`,
    `${path}%00`,
    `${path}%20`,
    `${path}.json`,
  ];
}

const fill = (path: string): string =>
  path.replace(':id', 'jobs~a').replace(':name', 'a.jpg').replace('*', 'manifest.json');

test('the list of routes is the whole of the app', () => {
  const routes = routesOf(app.printRoutes());
  expect(routes.length).toBeGreaterThan(300);
  for (const { method, path } of routes) expect(app.hasRoute({ method: method, url: path })).toBe(true);
  for (const wanted of [
    'PUT /v1/uploads/:name',
    'GET /v1/jobs/:id/files/*',
    'POST /codec/decode',
    'HEAD /v1/presets',
  ]) {
    expect(routes.map(({ method, path }) => `${method} ${path}`)).toContain(wanted);
  }
});

test('without a key, no spelling of a route is answered', async () => {
  const wrong: string[] = [];
  // The other methods share one refusal, which the next test sees.
  const routes = routesOf(app.printRoutes()).filter((route) => !isPublic(route) && TRIED.includes(route.method));
  const one = async ({ method, path }: Route): Promise<void> => {
    for (const target of spellings(fill(path))) {
      const { statusCode = 0 } = await ask(method, target);
      if (statusCode < 400 || statusCode >= 500) wrong.push(`${method} ${target}: ${statusCode}`);
    }
  };
  for (let at = 0; at < routes.length; at += 16) await Promise.all(routes.slice(at, at + 16).map(one));
  expect(wrong).toEqual([]);
}, 180_000);

test('a route in its own spelling: 401 without a key, and 405 with Allow for a method that the address does not take', async () => {
  const routes = routesOf(app.printRoutes()).filter((route) => !isPublic(route));
  for (const { method, path } of routes) {
    const { statusCode, headers } = await ask(method, fill(path));
    expect([method, path, statusCode, headers['www-authenticate']]).toEqual([
      method,
      path,
      401,
      'Bearer realm="darkroom"',
    ]);
  }
  const key = bearer('acme-secret-0123456789');
  const patched = await ask('PATCH', '/v1/jobs', key);
  expect([patched.statusCode, patched.headers.allow]).toEqual([405, 'GET, HEAD, POST']);
  expect((await ask('OPTIONS', '/v1/session', key)).headers.allow).toBe('DELETE, GET, HEAD, POST');
  expect((await ask('GET', '/%76%31/presets', key)).statusCode).toBe(200);
  expect((await ask('GET', '/%zz', key)).statusCode).toBe(400);
});

test('a route that declares nothing, and whose handler asks for the caller, fails closed', async () => {
  const config = loadConfig(CONFIG);
  const service = createService(config, new ApiKeys(config), createLogger(config, 'test'), stop.signal);
  const other = await createApp(service);
  other.get('/forgotten', () => ({ secret: true }));
  other.get('/contradictory', { config: { public: true } }, ({ principal }) => ({ tenant: principal.tenant }));
  await other.listen({ host: '127.0.0.1', port: 0 });
  const at = `http://127.0.0.1:${(other.server.address() as AddressInfo).port}`;
  for (const where of ['/forgotten', '/contradictory']) expect((await fetch(at + where)).status).toBe(401);
  const answer = await fetch(`${at}/forgotten`, { headers: bearer('acme-secret-0123456789') });
  expect(await answer.json()).toEqual({ secret: true });
  await other.close();
});

/** Opens a request and sends only so much of it. @returns what came back by the time the server hung up or `until` matched */
function begin(lines: string[], until = /\r\n\r\n/): Promise<{ text: string; socket: net.Socket }> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(`${lines.join('\r\n')}\r\n\r\n`));
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString();
      if (until.test(text)) resolve({ text, socket });
    });
    socket.once('close', () => resolve({ text, socket }));
    socket.once('error', reject);
  });
}

const POST = ['POST /v1/batches', 'POST /batch-produce', 'POST /%761/batches', 'POST http://x/v1/batches'];

test.each(POST)(
  '%s without a key is refused before its body has come, and what comes is thrown away',
  async (start) => {
    const json = ['host: x', 'content-type: application/json', `content-length: ${32 * MIB}`];
    const { text, socket } = await begin([`${start} HTTP/1.1`, ...json]);
    expect(text).toMatch(/^HTTP\/1\.1 401 /);
    const parse = jest.spyOn(JSON, 'parse');
    const before = process.memoryUsage().rss;
    const chunk = `[${'{},'.repeat(MIB / 4)}`;
    const closed = new Promise((resolve) => socket.once('close', resolve));
    for (let sent = 0; sent < 32 * MIB && !socket.destroyed; sent += chunk.length) {
      if (!socket.write(chunk)) {
        await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), closed]);
      }
    }
    socket.destroy();
    expect(parse).not.toHaveBeenCalled();
    parse.mockRestore();
    expect(process.memoryUsage().rss - before).toBeLessThan(50 * MIB);
  },
);

test('a JSON batch has 4 MiB at most; its length is enough to refuse more', async () => {
  const key = `authorization: ${bearer('acme-secret-0123456789')['authorization']}`;
  const json = ['host: x', key, 'content-type: application/json', `content-length: ${4 * MIB + 1}`];
  for (const start of POST) {
    const { text, socket } = await begin([`${start} HTTP/1.1`, ...json]);
    expect(text).toMatch(/^HTTP\/1\.1 413 /);
    socket.destroy();
  }
});

test('a JSON body that stops is answered with 408, on a route that takes streams too', async () => {
  const key = `authorization: ${bearer('acme-secret-0123456789')['authorization']}`;
  for (const start of ['POST /v1/batches', 'POST /v1/jobs', 'PUT /v1/uploads/a.json']) {
    const json = ['host: x', key, 'content-type: application/json', 'content-length: 100'];
    const { text, socket } = await begin([`${start} HTTP/1.1`, ...json, '', '{"jobs":'], /\}$/);
    expect(text).toMatch(/^HTTP\/1\.1 408 [^]*"code":"Timeout"/);
    socket.destroy();
  }
});

test('a refused request whose body drips is hung up on', async () => {
  const { text, socket } = await begin(['POST /v1/jobs HTTP/1.1', 'host: x', 'content-length: 1000000']);
  expect(text).toMatch(/^HTTP\/1\.1 401 /);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => undefined);
  for (let n = 0; n < 100 && !socket.destroyed; n++) {
    socket.write('x');
    await sleep(20);
  }
  await closed;
});

test('what is no HTTP, and headers without end, are answered with a problem document', async () => {
  const nonsense = await begin(['nonsense'], /\}$/);
  expect(nonsense.text).toMatch(/^HTTP\/1\.1 400 [^]*application\/problem\+json[^]*"code":"BadRequest"/);
  const large = await begin(['GET /live HTTP/1.1', 'host: x', `x: ${'y'.repeat(20_000)}`], /\}$/);
  expect(large.text).toMatch(/^HTTP\/1\.1 431 [^]*application\/problem\+json[^]*"code":"HeadersTooLarge"/);
  for (const { socket } of [nonsense, large]) socket.destroy();
});
