import type { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { App } from '../app-type';
import { isShared } from '../http/cors';
import { ApiError } from '../http/problems';
import type { Service } from '../service';
import { checkBrowser, type Principal } from './auth';
import { BodyDeadline } from './body-deadline';

declare module 'fastify' {
  interface FastifyRequest {
    /** The authenticated caller. Reading it on a route that authenticated nobody throws Unauthorized. */
    readonly principal: Principal;
    /** The same, where a public route may have none. */
    caller: Principal | undefined;
    bodyDeadline: BodyDeadline | undefined;
  }
  interface FastifyContextConfig {
    /** Answers without a key. Every other route needs one. */
    public?: boolean;
    /** Authenticates the callers of this route instead of `ApiKeys.principal`. @throws ApiError */
    authenticate?: (request: FastifyRequest, reply: FastifyReply) => Principal;
    /** Its body, unless it is JSON, may take longer: the handler ends `bodyDeadline` when it lets the stream in. */
    streaming?: boolean;
    /** Takes jobs or files, which have limits of their own. Every other request is a read to the limit of the key. */
    submits?: boolean;
    /** Origin of another site whose pages may use it. */
    guest?: string;
  }
}

/** Seconds for which a browser comes back by https only: a year. */
const HTTPS_SECONDS = 365 * 86_400;
/** ms until an ordinary body has to be there. */
const BODY_MS = 30_000;

/**
 * Authenticates every request before a byte of its body is read. The route that was found decides, never the text of the
 * URL, which has many spellings; a route that declares nothing needs a key.
 */
export function gate(app: App, { keys, config }: Service, bodyMs = BODY_MS): void {
  app.decorateRequest('caller', undefined);
  app.decorateRequest('bodyDeadline', undefined);
  app.decorateRequest('principal', {
    getter(this: FastifyRequest): Principal {
      if (this.caller === undefined) throw new ApiError('Unauthorized', 'This request has not shown a key.');
      return this.caller;
    },
  });
  app.addHook('onRequest', (request, reply, next) => {
    void reply.header('x-content-type-options', 'nosniff').header('referrer-policy', 'no-referrer');
    if (request.protocol === 'https') void reply.header('strict-transport-security', `max-age=${HTTPS_SECONDS}`);
    request.bodyDeadline = new BodyDeadline(request, reply, bodyMs);
    const { public: isPublic, authenticate, guest, submits } = request.routeOptions.config;
    const { host, origin } = request.headers;
    const isGuest = isShared(config.corsOrigins, request) || (origin !== undefined && origin === guest);
    checkBrowser(isGuest ? { host } : request.headers, keys.open);
    if (request.is404) throw nothingThere(request);
    if (!isPublic) {
      request.caller = authenticate?.(request, reply) ?? keys.principal(request);
      if (!submits) checkReads(request.caller);
    }
    next();
  });
  app.addHook('preParsing', (request, _reply, payload, next) => {
    const isStream = request.routeOptions.config.streaming === true && !isJson(request);
    if (isStream || !hasBody(request)) next(null, payload);
    else next(null, request.bodyDeadline?.limit(payload as Readable));
  });
}

function checkReads({ reads }: Principal): void {
  const seconds = reads?.take(1) ?? 0;
  if (seconds === 0) return;
  throw new ApiError('RateLimited', 'This key has sent more requests than it may in a minute.', {
    retryAfterSeconds: seconds,
  });
}

export function nothingThere({ method, url }: FastifyRequest): ApiError {
  return new ApiError('NotFound', `There is no ${method} ${url.split('?')[0]?.slice(0, 200)}; see /docs.`);
}

function isJson({ headers }: FastifyRequest): boolean {
  return /^\s*application\/json\b/i.test(headers['content-type'] ?? '');
}

function hasBody({ headers }: FastifyRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
