/**
 * An application that lets its users upload photos and videos: their bytes go to Darkroom, a webhook says when a file is ready,
 * and the page shows it. Start it with `npm run example`; README.md beside it says what Darkroom needs for that.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { buffer, text } from 'node:stream/consumers';
import { Darkroom, DarkroomApiError, readWebhook, type Job } from '../../client';
import { itemPage, mediaOf, uploadPage } from './pages';

const { SERVICE_URL = 'http://127.0.0.1:8080', SERVICE_KEY: key, PORT = '3000' } = process.env;
/** Only for a service without keys; with a key the service says what signs its webhooks. */
const { DARKROOM_WEBHOOK_SECRET } = process.env;
const MAX_BYTES = 100 * 1024 * 1024;
/** ms that an answer about the state of a job is held. */
const HELD_MS = 25_000;

const darkroom = new Darkroom(SERVICE_URL, { key });
/** Those who wait for a job, by its id. A real application would have a table of its photos here. */
const waiting = new Map<string, Set<() => void>>();

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    const status = error instanceof DarkroomApiError && error.status >= 400 ? error.status : 500;
    if (!response.headersSent) response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
    response.end(error instanceof Error ? error.message : String(error));
  });
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  const [, area, id = '', ...rest] = pathname.split('/').map(decodeURIComponent);
  const asked = `${request.method} /${area}`;
  if (asked === 'GET /') return html(response, uploadPage());
  if (asked === 'PUT /upload') return json(response, await upload(request, id));
  if (asked === 'POST /hooks') return hook(request, response);
  if (asked !== 'GET /media' || id === '') return void response.writeHead(404).end('There is nothing here.');
  if (rest.join('/') === 'state') return json(response, await stateOf(id));
  if (rest.join('/') === '') return html(response, itemPage(await darkroom.job(id)));
  return file(request, response, await darkroom.job(id), rest.join('/'));
}

/** The bytes, then a job that calls back when it is done. */
async function upload(request: IncomingMessage, name: string): Promise<{ id: string }> {
  if (Number(request.headers['content-length'] ?? Infinity) > MAX_BYTES) throw new Error('The file is too large.');
  const { source } = await darkroom.upload(name, new Uint8Array(await buffer(request)));
  const { id } = await darkroom.submit({ source, callbackUrl: `http://127.0.0.1:${portOf()}/hooks` });
  return { id };
}

/** Darkroom says that a job has ended. Anybody can call this address, so the signature is checked. */
async function hook(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await text(request);
  const secret = DARKROOM_WEBHOOK_SECRET ?? (await darkroom.webhookSecret());
  const event = await readWebhook(secret, request.headers, body).catch(() => undefined);
  if (event === undefined) return void response.writeHead(403).end();
  if (event.type !== 'batch.ended') for (const tell of waiting.get(event.job) ?? []) tell();
  response.writeHead(204).end();
}

/** Held until the webhook comes, or for some seconds: then the page asks again. */
async function stateOf(id: string): Promise<{ done: boolean }> {
  const told = new Promise<void>((resolve) => {
    waiting.set(id, (waiting.get(id) ?? new Set()).add(resolve));
    setTimeout(resolve, HELD_MS).unref();
  });
  // After the wait has begun, so that a webhook in between is not missed.
  if (mediaOf(await darkroom.job(id)) === undefined) await told;
  waiting.delete(id);
  return { done: mediaOf(await darkroom.job(id)) !== undefined };
}

/** A rendition. Browsers have no key, so it comes through here; with DARKROOM_PUBLIC_URL pages name a CDN instead. */
async function file(request: IncomingMessage, response: ServerResponse, job: Job, path: string): Promise<void> {
  const { url } = darkroom.files(job).find((each) => each.path === path) ?? {};
  if (url === undefined) return void response.writeHead(404).end('There is no such file.');
  const { range } = request.headers;
  const authorization: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const found = await fetch(url, { headers: { ...authorization, ...(range !== undefined && { range }) } });
  const headers = ['content-type', 'content-length', 'content-range', 'accept-ranges', 'cache-control'].flatMap(
    (name): [string, string][] => {
      const value = found.headers.get(name);
      return value === null ? [] : [[name, value]];
    },
  );
  response.writeHead(found.status, Object.fromEntries(headers));
  Readable.fromWeb(found.body as ReadableStream).pipe(response);
}

function html(response: ServerResponse, page: string): void {
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page);
}

function json(response: ServerResponse, value: object): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

function portOf(): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

server.listen(Number(PORT), '127.0.0.1', () => process.stdout.write(`http://127.0.0.1:${portOf()}\n`));
