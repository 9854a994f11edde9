import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import { jsonSchemaTransform } from 'fastify-type-provider-zod';
import { NDJSON } from './ndjson';

type Options = FastifyDynamicSwaggerOptions;

/** What the document says beside the routes. */
export function openApi(open: boolean): NonNullable<Options['openapi']> {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Darkroom',
      version: '1',
      description:
        'Submit images, videos and audio files, wait for them, look after them. Errors are problem documents (RFC 9457).',
    },
    tags: ['Jobs', 'Batches', 'Uploads', 'Presets', 'Aliases', 'Session', 'Health'].map((name) => ({ name })),
    components: {
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer' },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: 'darkroom',
          description: 'Of the page; `__Host-darkroom` over https',
        },
      },
    },
    ...(open ? {} : { security: [{ key: [] }, { session: [] }] }),
  };
}

interface ContentBody {
  content: Record<string, { schema: unknown }>;
}

/** The library's own, and bodies of more than one type. */
export const openApiTransform: NonNullable<Options['transform']> = (document) => {
  const schema = document.schema as { body?: unknown } | undefined;
  const json = (schema?.body as Partial<ContentBody> | undefined)?.content?.['application/json'];
  if (schema === undefined || json === undefined) return jsonSchemaTransform(document);
  const plain = jsonSchemaTransform({ ...document, schema: { ...schema, body: json.schema } }) as {
    schema: { body: unknown };
    url: string;
  };
  const lines = { type: 'string', description: 'One job a line, each as the body of POST /v1/jobs' };
  plain.schema.body = { content: { 'application/json': { schema: plain.schema.body }, [NDJSON]: { schema: lines } } };
  return plain;
};
