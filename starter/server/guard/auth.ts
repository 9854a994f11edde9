import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Config } from '../../../common/config';
import { ALL_RIGHTS, parseKeys, type Key, type KeyDefaults, type Rights } from './key-entries';
import { isOwnPage, readSession, sentToken, SESSION_MS, sessionToken, type Asking } from './session';
import { ApiError } from '../http/problems';

/** The authenticated caller. */
export interface Principal extends Rights {
  /** Of the key, for the log. */
  name: string;
  /** Undefined: nobody has keys; the caller sees and does everything. */
  tenant: string | undefined;
  /** Signed in on the page, until then. */
  sessionEnds?: Date;
}

const OPEN: Principal = { name: 'loopback', tenant: undefined, ...ALL_RIGHTS };
/** Characters of a key: one that could be guessed is none. `openssl rand -hex 24` makes 48. */
const SHORTEST_KEY = 20;
const NO_KEY = 'Send a key as "Authorization: Bearer …".';

/** The configured API keys, and which of them a request presents. */
export class ApiKeys {
  private readonly keys: Key[];
  private readonly sessionSecret: string;

  /** @throws Error that names the entry (not its hash) */
  constructor(config: KeyDefaults & Pick<Config, 'apiKeys' | 'sessionSecret'>) {
    this.keys = parseKeys(config.apiKeys ?? '', config);
    // Without a secret, sessions of the page hold in this process only.
    this.sessionSecret = config.sessionSecret ?? randomBytes(32).toString('hex');
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
    if (token.length < SHORTEST_KEY) {
      throw new ApiError('Unauthorized', `The key is shorter than ${SHORTEST_KEY} characters, so it could be guessed.`);
    }
    return found;
  }
}

/** @throws ApiError NotAllowed */
export function requireOperator({ operator }: Principal): void {
  if (!operator) throw new ApiError('NotAllowed', 'The entry of this key does not have the option "operator".');
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
