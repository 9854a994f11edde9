import cors, { type FastifyCorsOptions } from '@fastify/cors';
import type { FastifyRequest } from 'fastify';
import type { Config } from '../../../common/config';
import type { App } from '../app-type';

const HOUR_SECONDS = 3600;
/** Answer headers that pages of other sites may read. */
const EXPOSED = ['accept-ranges', 'allow', 'content-range', 'etag', 'location', 'retry-after', 'server-timing'];

/**
 * Lets pages of the listed origins use the API. They show a key, as programs do: cookies stay with our own page. Register it
 * before what authenticates, since browsers ask for leave without a key.
 */
export async function shareWithOrigins(app: App, { corsOrigins }: Pick<Config, 'corsOrigins'>): Promise<void> {
  if (corsOrigins.length === 0) return;
  const shared = {
    ...{ origin: corsOrigins, maxAge: HOUR_SECONDS, exposedHeaders: EXPOSED },
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
  };
  // Others are answered by the routes themselves, of which some know a site of their own.
  await app.register(cors, () => (request: FastifyRequest, done: Done) => {
    done(null, isShared(corsOrigins, request) ? shared : { origin: false });
  });
}

type Done = (error: Error | null, options?: FastifyCorsOptions) => void;

/** The request comes from a page of one of the origins. */
export function isShared(origins: readonly string[], { headers }: Pick<FastifyRequest, 'headers'>): boolean {
  return headers.origin !== undefined && origins.includes(headers.origin);
}
