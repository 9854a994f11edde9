import { createHmac, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';

/** How long somebody who showed a key on the page stays signed in, ms. */
export const SESSION_MS = 12 * 3_600_000;

/** What a session stands for: an entry of the configuration. */
interface Entry {
  name: string;
  tenant: string | undefined;
  sha256: Buffer;
}

/**
 * Says whose key was shown and until when, signed; the key itself is not in it. Nothing about it is kept, so every replica
 * with the same secret takes it. What is signed has the whole entry in it: a key that is changed or taken out of the
 * configuration takes its sessions along.
 */
export function sessionToken(secret: string, entry: Entry, expiresAt: Date): string {
  const expires = String(expiresAt.getTime());
  return `${entry.name}:${expires}:${sign(secret, entry, expires).toString('base64url')}`;
}

/** The entry that a token is of; undefined: of none, or its time is up. */
export function readSession<E extends Entry>(
  secret: string,
  entries: readonly E[],
  token: string,
): { entry: E; expiresAt: Date } | undefined {
  const [, name, expires, signature] = /^([\w.-]+):(\d{1,15}):([\w-]{43})$/.exec(token) ?? [];
  if (expires === undefined || signature === undefined || Number(expires) <= Date.now()) return undefined;
  const sent = Buffer.from(signature, 'base64url');
  const entry = entries.find((each) => each.name === name && timingSafeEqual(sign(secret, each, expires), sent));
  return entry && { entry, expiresAt: new Date(Number(expires)) };
}

function sign(secret: string, { name, tenant, sha256 }: Entry, expires: string): Buffer {
  const text = ['darkroom session', name, tenant, sha256.toString('hex'), expires].join('\n');
  return createHmac('sha256', secret).update(text).digest();
}

/** What of a request sessions are about. */
export type Asking = Pick<FastifyRequest, 'headers' | 'method' | 'protocol'>;

/** Over https a name that only this very host can have set, so that a neighbour cannot slip in a session of its own. */
function cookieName({ protocol }: Pick<Asking, 'protocol'>): string {
  return protocol === 'https' ? '__Host-darkroom' : 'darkroom';
}

/** The token that the browser sent. */
export function sentToken(request: Asking): string | undefined {
  const wanted = `${cookieName(request)}=`;
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(wanted))?.slice(wanted.length);
}

/** `Set-Cookie` that keeps a token, or without one forgets it. */
export function sessionCookie(request: Pick<Asking, 'protocol'>, token?: string): string {
  const secure = request.protocol === 'https' ? '; Secure' : '';
  const age = token === undefined ? 0 : SESSION_MS / 1000;
  return `${cookieName(request)}=${token ?? ''}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${age}${secure}`;
}

/**
 * A cookie comes along with whatever the browser asks for, so it counts only for what our own page asks. Browsers say who
 * asks: in `Sec-Fetch-Site` (not over plain http), and in `Origin` for whatever may change something.
 */
export function isOwnPage({ headers, method }: Asking): boolean {
  const { host, origin, 'sec-fetch-site': site } = headers;
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false;
  if (origin !== undefined) return URL.canParse(origin) && new URL(origin).host === host;
  return site === 'same-origin' || method === 'GET' || method === 'HEAD';
}
