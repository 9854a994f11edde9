import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Config } from '../../../common/config';
import { TokenBucket } from './bucket';
import { isOwnPage, readSession, sentToken, SESSION_MS, sessionToken, type Asking } from './session';
import { ApiError } from '../http/problems';

/** Who asks. */
export interface Principal {
  /** Of the key, for the log. */
  name: string;
  /** Undefined: nobody has keys; the caller sees and does everything. */
  tenant: string | undefined;
  /** Undefined: no limit. */
  jobs?: TokenBucket;
  /** Signed in on the page, until then. */
  sessionEnds?: Date;
}

interface Key extends Principal {
  sha256: Buffer;
}

/** Tenants are folders, and some volumes take two cases of a name for one. */
const ENTRY = /^([\w.-]{1,64}):([a-z0-9][a-z0-9_-]{0,31}):(\d{1,9}):([0-9a-fA-F]{64})$/;
const OPEN: Principal = { name: 'loopback', tenant: undefined };
const NO_KEY = 'Send a key as "Authorization: Bearer …".';

/** The keys of the configuration, and the question whose one a request carries. */
export class ApiKeys {
  private readonly keys: Key[];

  /**
   * @param sessionSecret signs the sessions of the page; without one they hold in this process only
   * @throws Error that names the entry (not its hash)
   */
  constructor(
    text: string | undefined,
    private readonly sessionSecret = randomBytes(32).toString('hex'),
  ) {
    this.keys = (text ?? '')
      .split(/[,\n]/)
      .map((entry) => entry.trim())
      .filter((entry) => entry !== '')
      .map(parseKey);
  }

  /** No key is configured, so none is asked for. */
  get open(): boolean {
    return this.keys.length === 0;
  }

  /**
   * By the key that the request carries, else by the session of the page.
   * @throws ApiError Unauthorized
   */
  principal(request: Asking): Principal {
    if (this.open) return OPEN;
    const { authorization } = request.headers;
    if (authorization === undefined) return this.signedIn(request);
    const [, token] = /^Bearer\s+(\S+)\s*$/i.exec(authorization) ?? [];
    if (token === undefined) throw new ApiError('Unauthorized', NO_KEY);
    return this.find(token);
  }

  /**
   * Begins a session of the page for whoever has a key. Without keys there is nothing to sign in to.
   * @throws ApiError Unauthorized
   */
  signIn(token: string): { principal: Principal; session?: string } {
    if (this.open) return { principal: OPEN };
    const key = this.find(token);
    const sessionEnds = new Date(Date.now() + SESSION_MS);
    return { principal: { ...key, sessionEnds }, session: sessionToken(this.sessionSecret, key, sessionEnds) };
  }

  private signedIn(request: Asking): Principal {
    const token = sentToken(request);
    if (token === undefined) throw new ApiError('Unauthorized', NO_KEY);
    const session = readSession(this.sessionSecret, this.keys, token);
    if (session === undefined) throw new ApiError('Unauthorized', 'The session is over; sign in again.');
    if (!isOwnPage(request)) throw new ApiError('NotAllowed', 'A session is for the page of this server only.');
    return { ...session.entry, sessionEnds: session.expiresAt };
  }

  private find(token: string): Key {
    const hash = createHash('sha256').update(token).digest();
    // All of them, and each in constant time: how long it takes tells nothing.
    let found: Key | undefined;
    for (const key of this.keys) if (timingSafeEqual(key.sha256, hash)) found = key;
    if (found === undefined) throw new ApiError('Unauthorized', 'The key is not known here.');
    return found;
  }
}

function parseKey(entry: string, index: number): Key {
  const [, name, tenant, rate, sha256] = ENTRY.exec(entry) ?? [];
  if (name === undefined || tenant === undefined || rate === undefined || sha256 === undefined) {
    throw new Error(
      `DARKROOM_API_KEYS: entry ${index + 1} is wrong; expected name:tenant:jobsPerMinute:sha256 in hex, the tenant in lower case, rate 0 for none`,
    );
  }
  const jobs = Number(rate) === 0 ? undefined : new TokenBucket(Number(rate));
  return { name, tenant, jobs, sha256: Buffer.from(sha256, 'hex') };
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\]|::1)$/i;

/** @throws Error when others could reach a server without keys */
export function checkExposure({ httpHost }: Config, keys: ApiKeys): void {
  if (!keys.open || LOOPBACK.test(httpHost)) return;
  throw new Error(
    `DARKROOM_HTTP_HOST=${httpHost} lets others in: set DARKROOM_API_KEYS (see docs/api.md), or listen on 127.0.0.1`,
  );
}

/**
 * Without keys the browser is the way in: a page elsewhere may send requests to this machine, or give its own name our
 * address. So the names have to be this machine's, and a page has to be ours.
 * @throws ApiError NotAllowed
 */
export function checkBrowser(headers: IncomingHttpHeaders, open: boolean): void {
  const host = headers.host ?? '';
  const { origin } = headers;
  if (origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== host)) {
    throw new ApiError('NotAllowed', 'Pages of other sites may not use this server.');
  }
  if (open && !LOOPBACK.test(host.replace(/:\d+$/, ''))) {
    throw new ApiError('NotAllowed', 'Without keys, this server answers under the names of this machine only.');
  }
}
