import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import type { Env } from '../../common/config';
import { startService, type Service } from '../../local/embedded/child-process';
import { fileUri } from '../../storage';
import type { Stack } from '../support/stack';

export interface Answer {
  status: number;
  headers: Headers;
  // Tests look into answers of every shape.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  body: any;
}

/** A service process of the test's own, from dist/. */
export interface Api extends Service {
  url: string;
  logFile: string;
  /** An object is sent as JSON, a text as NDJSON. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
}

let count = 0;

export async function startApi(stack: Pick<Stack, 'home' | 'env'>, env: Env = {}): Promise<Api> {
  const logFile = path.join(stack.home, 'log', `starter-${++count}.log`);
  const more = { DARKROOM_HTTP_PORT: '0', DARKROOM_HEALTH_PORT: '0', ...env };
  const service = await startService({ module: 'starter/server/main.js', env: { ...stack.env, ...more }, logFile });
  const url = `http://127.0.0.1:${service.httpPort}`;
  return {
    ...service,
    ...{ url, logFile },
    async call(method, where, body, headers = {}) {
      const text = typeof body === 'string' ? body : body === undefined ? undefined : JSON.stringify(body);
      const type = typeof body === 'string' ? 'application/x-ndjson' : 'application/json';
      const response = await fetch(`${url}${where}`, {
        method,
        body: text,
        headers: { ...(text === undefined ? {} : { 'content-type': type }), ...headers },
      });
      const raw = await response.text();
      const isJson =
        /json/.test(response.headers.get('content-type') ?? '') &&
        !/ndjson/.test(response.headers.get('content-type') ?? '');
      return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(raw) : raw };
    },
  };
}

/** A picture of its own; its URI. */
export async function photo(stack: Stack, name: string): Promise<string> {
  const file = path.join(stack.home, 'in', `${name}.jpg`);
  const [red, green] = createHash('sha256').update(name).digest();
  const background = { r: red ?? 0, g: green ?? 0, b: 90 };
  const picture = sharp({ create: { width: 320, height: 200, channels: 3, background } }).jpeg();
  await mkdir(path.dirname(file), { recursive: true });
  await picture.toFile(file);
  return fileUri(file);
}

/**
 * A picture with something to see on it; its URI.
 * @param width px; its height is two thirds
 * @param what pictures of the same are alike
 */
export async function patterned(stack: Stack, name: string, width: number, quality: number, what = 'hill') {
  const [at = 0, high = 0] = createHash('sha256').update(what).digest();
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="600" height="400"><rect width="600" height="400" fill="#9cf"/>
    <circle cx="${at * 2}" cy="90" r="60" fill="#fe8"/><path d="M0 400 L0 ${high} L300 ${400 - at} L600 ${255 - high} V400 Z"/></svg>`;
  const file = path.join(stack.home, 'in', `${name}.jpg`);
  await mkdir(path.dirname(file), { recursive: true });
  await sharp(Buffer.from(svg)).resize(width).jpeg({ quality }).toFile(file);
  return fileUri(file);
}

/** A picture that has its first bytes only; its URI. */
export async function broken(stack: Stack, name: string): Promise<string> {
  const uri = await photo(stack, name);
  await writeFile(fileURLToPath(uri), Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.alloc(100)]));
  return uri;
}

/** What an error answers. */
export const problem = (status: number, code: string) => ({
  status,
  body: { type: `urn:darkroom:problem:${code}`, status, code, title: expect.any(String), detail: expect.any(String) },
});

export function bearer(key: string): Record<string, string> {
  return { authorization: `Bearer ${key}` };
}

/** An entry of DARKROOM_API_KEYS. */
export function keyEntry(name: string, tenant: string, rate: number, key: string, ...options: string[]): string {
  return [name, tenant, rate, ...options, createHash('sha256').update(key).digest('hex')].join(':');
}

export interface SentEvent {
  event: string;
  id: string;
  // As above.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  data: any;
}

/** Reads an event stream until `enough` or its end. */
export async function readEvents(
  url: string,
  enough: (events: SentEvent[]) => boolean,
  headers: Record<string, string> = {},
): Promise<SentEvent[]> {
  const response = await fetch(url, { headers });
  const events: SentEvent[] = [];
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString();
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const lines = Object.fromEntries(
        text
          .slice(0, end)
          .split('\n')
          .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      );
      text = text.slice(end + 2);
      if (lines['event'] === undefined) continue;
      events.push({ event: lines['event'], id: lines['id'] ?? '', data: JSON.parse(lines['data'] ?? 'null') });
    }
    if (enough(events)) break;
  }
  return events;
}
