import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export const SECRET = 'whsec_' + Buffer.from('a secret of thirty-two bytes, say').toString('base64');

export interface Call {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A host that is called back. */
export interface Receiver {
  /** `http://127.0.0.1:port` */
  base: string;
  /** What DARKROOM_PRIVATE_HOSTS has to name. */
  host: string;
  calls: Call[];
  callsTo(path: string): Call[];
  /** Status of the next answer, by path; then 204. */
  answers: Record<string, number>;
  stop(): void;
}

export async function startReceiver(): Promise<Receiver> {
  const calls: Call[] = [];
  const answers: Record<string, number> = {};
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      const path = request.url ?? '';
      calls.push({ path, headers: request.headers, body: body.toString() });
      response.writeHead(answers[path] ?? 204, { location: 'http://127.0.0.1:1/elsewhere' }).end();
      // The second time it works.
      delete answers[path];
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const callsTo = (path: string) => calls.filter((call) => call.path === path);
  return { base: `http://${host}`, host, calls, callsTo, answers, stop: () => void server.close() };
}

/** What a receiver has to do, by the words of docs/api.md alone. */
export function isGenuine(headers: IncomingHttpHeaders, body: string, secret = SECRET): boolean {
  const [id, at, sent] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => String(headers[name]));
  if (Math.abs(Date.now() / 1000 - Number(at)) > 300) return false;
  const key = Buffer.from(secret.slice(6), 'base64');
  const mine = Buffer.from('v1,' + createHmac('sha256', key).update(`${id}.${at}.${body}`).digest('base64'));
  return mine.length === Buffer.byteLength(sent ?? '') && timingSafeEqual(mine, Buffer.from(sent ?? ''));
}
