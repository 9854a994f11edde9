import { z } from 'zod';
import { tenantWebhookSecret } from '../../../common/webhook-secret';
import type { App } from '../app-type';
import type { Principal } from '../guard/auth';
import { sessionCookie } from '../guard/session';
import { ApiError } from '../http/problems';
import { failures } from '../http/route-docs';
import * as s from '../http/schemas';
import type { Service } from '../service';

/** How the page gets in where keys are asked for: a key is shown once, and a cookie stands for it from then on. */
export function sessionRoutes(app: App, { keys, config }: Service): void {
  app.get(
    '/v1/session',
    {
      schema: {
        tags: ['Session'],
        summary: 'Who the caller is',
        response: { 200: s.sessionAnswer, ...failures(401, 403) },
      },
    },
    ({ principal }, reply) => {
      void reply.header('cache-control', 'no-store');
      return tell(principal);
    },
  );

  app.post(
    '/v1/session',
    {
      config: { public: true },
      schema: {
        tags: ['Session'],
        summary: 'Sign in on the page: checks a key and sets a cookie',
        security: [],
        body: s.sessionBody,
        response: { 200: s.sessionAnswer, ...failures(400, 401, 403) },
      },
    },
    (request, reply) => {
      const { principal, session } = keys.signIn(request.body.key);
      request.caller = principal;
      if (session !== undefined) void reply.header('set-cookie', sessionCookie(request, session));
      void reply.header('cache-control', 'no-store');
      return tell(principal);
    },
  );

  app.get(
    '/v1/webhook-secret',
    {
      schema: {
        tags: ['Session'],
        summary: 'The secret that signs the calls for the tenant of this key',
        response: { 200: s.webhookSecretAnswer, ...failures(401, 404) },
      },
    },
    ({ principal: { tenant } }, reply) => {
      if (config.webhookSecret === undefined || tenant === undefined) {
        throw new ApiError(
          'NotFound',
          'No tenant has a secret here: without keys it is DARKROOM_WEBHOOK_SECRET, if set.',
        );
      }
      void reply.header('cache-control', 'no-store');
      return { tenant, secret: tenantWebhookSecret(config.webhookSecret, tenant) };
    },
  );

  app.delete(
    '/v1/session',
    {
      config: { public: true },
      schema: {
        tags: ['Session'],
        summary: 'Sign out: takes the cookie back',
        security: [],
        response: { 204: z.null().describe('Signed out'), ...failures(403) },
      },
    },
    (request, reply) => {
      void reply.code(204).header('set-cookie', sessionCookie(request));
      return null;
    },
  );
}

function tell({ name, tenant, sessionEnds, operator }: Principal): z.output<typeof s.sessionAnswer> {
  return { name, tenant, sessionEnds: sessionEnds?.toISOString(), operator: operator || undefined };
}
