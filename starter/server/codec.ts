import type { FastifyReply, FastifyRequest } from 'fastify';
import { temporal } from '@temporalio/proto';
import { z } from 'zod';
import { dataConverterOf } from '../../temporal/encryption';
import { DarkroomError } from '../../common/errors';
import type { App } from './app-type';
import { requireOperator, type ApiKeys, type Principal } from './guard/auth';
import { ApiError } from './http/problems';
import type { Service } from './service';

const { Payloads } = temporal.api.common.v1;

/** Bytes of a body: the payloads of a page of history. */
const MAX_BODY = 16 * 1024 * 1024;
/** Seconds for which a browser remembers that it may ask. */
const PREFLIGHT_SECONDS = 600;

/** Payloads as JSON writes the protobuf message: bytes in base64. */
const body = z.object({
  payloads: z.array(
    z.object({ metadata: z.record(z.string(), z.base64()).nullish(), data: z.base64().nullish() }).loose(),
  ),
});

/**
 * Temporal's remote codec protocol, for its Web UI and command line: they send payloads here and show what comes back.
 * Pages of TEMPORAL_UI_URL may ask too, and with the session of somebody who signed in here.
 */
export function codecRoutes(app: App, { config, keys }: Service): void {
  const ui = config.temporalUiUrl === undefined ? undefined : new URL(config.temporalUiUrl).origin;
  const codecs = dataConverterOf(config).payloadCodecs ?? [];
  const authenticate = (request: FastifyRequest, reply: FastifyReply): Principal =>
    authenticateGuest(request, reply, keys, ui);
  for (const verb of ['decode', 'encode'] as const) {
    const path = `/codec/${verb}`;
    app.options(path, { config: { public: true, guest: ui }, schema: { hide: true } }, (_request, reply) => {
      if (ui !== undefined) allow(reply, ui);
      return reply.code(204).send();
    });
    app.post(
      path,
      { config: { guest: ui, authenticate }, bodyLimit: MAX_BODY, schema: { hide: true, body } },
      async (request, reply) => {
        let { payloads = [] } = Payloads.fromObject(request.body);
        for (const codec of codecs) payloads = await codec[verb](payloads).catch(refuse);
        void reply.header('cache-control', 'no-store');
        return Payloads.toObject(Payloads.create({ payloads }), { bytes: String });
      },
    );
  }
}

/** Operators, by their key; or, for the Web UI's pages, by their session here. @throws ApiError */
function authenticateGuest(
  request: FastifyRequest,
  reply: FastifyReply,
  keys: ApiKeys,
  ui: string | undefined,
): Principal {
  const { authorization, cookie, origin } = request.headers;
  if (origin === undefined || origin !== ui) return operator(keys.principal(request));
  allow(reply, ui);
  // A session counts for our own page only, and for this one: its origin has just been compared.
  const asking = { method: 'GET', protocol: request.protocol, headers: { authorization, cookie } };
  return operator(keys.principal(asking));
}

/** What is decoded is of any tenant. @throws ApiError NotAllowed */
function operator(principal: Principal): Principal {
  requireOperator(principal);
  return principal;
}

/** Set before anything can go wrong, or the browser would hide from the UI what did. */
function allow(reply: FastifyReply, origin: string): void {
  void reply.headers({
    'access-control-allow-origin': origin,
    'access-control-allow-credentials': 'true',
    'access-control-allow-methods': 'POST',
    'access-control-allow-headers': 'authorization, content-type, x-namespace',
    'access-control-max-age': String(PREFLIGHT_SECONDS),
    vary: 'origin',
  });
}

/** Payloads that nobody can read here are the caller's trouble, not a fault of this server. */
function refuse(error: unknown): never {
  if (error instanceof DarkroomError) throw new ApiError('BadRequest', error.message);
  throw error;
}
