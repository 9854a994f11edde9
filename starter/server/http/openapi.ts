import { STATUS_CODES } from 'node:http';
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { FIELDS } from './fields';
import { NDJSON } from './ndjson';
import { OPERATION_IDS } from './operation-ids';
import { campaignAnswer, campaignsAnswer, newCampaign } from '../routes/campaigns';
import { deletedAnswer } from '../routes/deletion';
import { duplicatesAnswer } from '../routes/duplicates';
import { maintenanceAnswer } from '../routes/maintenance';
import { queuesAnswer } from '../routes/queues';
import { stepsAnswer } from '../routes/steps';
import { throughputAnswer } from '../routes/throughput';
import * as s from './schemas';
import * as u from './upload-schemas';

type Options = FastifyDynamicSwaggerOptions;
type OpenApi = NonNullable<Options['openapi']>;

/** Shapes that have a name in the document. */
const COMPONENTS = {
  NewJob: s.jobBody,
  NewBatch: s.batchBody,
  Job: s.jobAnswer,
  SubmittedBatch: s.batchSubmitted,
  Batch: s.batchAnswer,
  BatchPage: s.batchesAnswer,
  ItemPage: s.itemsAnswer,
  Latency: s.latency,
  Problem: s.problemAnswer,
  Priority: s.priorityBody,
  Changed: s.changedAnswer,
  Operation: s.operationAnswer,
  Retried: s.retriedAnswer,
  Deleted: deletedAnswer,
  NewCampaign: newCampaign,
  Campaign: campaignAnswer,
  CampaignPage: campaignsAnswer,
  Upload: u.uploadAnswer,
  UploadOffset: u.uploadOffset,
  Presets: s.presetsAnswer,
  Session: s.sessionAnswer,
  Steps: stepsAnswer,
  Duplicates: duplicatesAnswer,
  Throughput: throughputAnswer,
  Maintenance: maintenanceAnswer,
  Queues: queuesAnswer,
};
for (const [id, schema] of Object.entries(COMPONENTS)) {
  z.globalRegistry.add(schema, { ...z.globalRegistry.get(schema), id });
}

/**
 * What the document says beside the routes.
 * @param url of this service for its callers; absent: where the document came from
 */
export function openApi(open: boolean, url = '/'): OpenApi {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Darkroom',
      version: '1',
      description:
        'Submit images, videos and audio files, wait for them, look after them. Errors are problem documents (RFC 9457).',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
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
    security: open ? [] : [{ key: [] }, { session: [] }],
  };
}

const TAGS = {
  Jobs: 'One file each: submit it, wait for it, change it, fetch what it has published.',
  Batches: 'Many jobs under one id.',
  Campaigns: 'Finished jobs made again by another preset, a few first.',
  Uploads: 'Bytes to make something of.',
  Presets: 'What can be made.',
  Aliases: 'For producers of messages that exist already.',
  Session: 'The caller.',
  Maintenance: 'What is removed when nobody needs it any more. For operators.',
  Health: 'For machines.',
};

interface ContentBody {
  content: Record<string, { schema: unknown }>;
}

/** The library's own, with the operation's name, and bodies of more than one type. */
export const openApiTransform: NonNullable<Options['transform']> = (document) => {
  const method = [document.route.method].flat()[0] ?? '';
  const operationId = OPERATION_IDS[`${method} ${document.route.url}`];
  const schema = document.schema && { ...document.schema, ...(operationId !== undefined && { operationId }) };
  const json = (schema?.body as Partial<ContentBody> | undefined)?.content?.['application/json'];
  if (schema === undefined || json === undefined) return jsonSchemaTransform({ ...document, schema });
  const plain = jsonSchemaTransform({ ...document, schema: { ...schema, body: json.schema } }) as {
    schema: { body: unknown };
    url: string;
  };
  const lines = { type: 'string', description: 'One job a line, each as the body of POST /v1/jobs' };
  plain.schema.body = { content: { 'application/json': { schema: plain.schema.body }, [NDJSON]: { schema: lines } } };
  return plain;
};

/** A JSON schema, or what holds some. */
interface Node {
  [key: string]: unknown;
  properties?: Record<string, Node>;
}
interface Operation {
  parameters?: (Node & { name: string })[];
  responses: Record<string, { description: string }>;
}
interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Node> };
}

const REF = '#/components/schemas/';
/** What the library says of an answer that has no words of its own. */
const UNSAID = 'Default Response';

/** Names the shapes, and says of each field what it is. */
export const openApiTransformObject: NonNullable<Options['transformObject']> = (given) => {
  const document = jsonSchemaTransformObject(given) as unknown as Document;
  const { schemas } = document.components;
  const jobs = schemas['NewBatchInput']?.properties?.['jobs'];
  if (jobs !== undefined) jobs['items'] = { $ref: `${REF}NewJobInput` };
  for (const schema of Object.values(schemas)) describeFields(schema);
  // The rest of a path has no name in the routes; in the document it needs one.
  const named = (path: string): string => path.replace('{*}', '{path}');
  document.paths = Object.fromEntries(Object.entries(document.paths).map(([path, each]) => [named(path), each]));
  for (const operation of Object.values(document.paths).flatMap((methods) => Object.values(methods))) {
    for (const parameter of operation.parameters ?? []) {
      if (parameter.name === '*') parameter.name = 'path';
      describe(parameter.name, parameter);
    }
    for (const [status, answer] of Object.entries(operation.responses)) {
      if (answer.description === UNSAID) answer.description = STATUS_CODES[status] ?? '';
    }
    describeFields(operation as unknown as Node);
  }
  return JSON.parse(withPlainNames(document)) as ReturnType<typeof openApiTransformObject>;
};

function describeFields(node: Node): void {
  for (const [name, field] of Object.entries(node.properties ?? {})) describe(name, field);
  for (const value of Object.values(node)) {
    if (typeof value === 'object' && value !== null) describeFields(value as Node);
  }
}

function describe(name: string, field: Node): void {
  const [description, example] = FIELDS[name] ?? [];
  if (description !== undefined && field['$ref'] === undefined) field['description'] ??= description;
  if (example === undefined || field['$ref'] !== undefined) return;
  // A parameter's example stands beside its schema, a field's in it.
  if (field['in'] !== undefined) field['example'] ??= example;
  else if (isOfType(field, example)) field['examples'] ??= [example];
}

function isOfType({ type }: Node, example: unknown): boolean {
  if (type === 'integer' || type === 'number') return typeof example === 'number';
  if (type === 'array') return Array.isArray(example);
  return type === typeof example && !Array.isArray(example);
}

/** Without the shapes that nothing refers to, and without the ending that the library gives to shapes of requests. */
function withPlainNames(document: Document): string {
  const all = document.components.schemas;
  const used: Record<string, Node> = {};
  const visit = (node: unknown): void => {
    for (const [, name = ''] of JSON.stringify(node).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      const schema = all[name];
      if (schema === undefined || name in used) continue;
      used[name] = schema;
      visit(schema);
    }
  };
  visit(document.paths);
  const plain = (name: string): string => (name.endsWith('Input') ? name.slice(0, -'Input'.length) : name);
  const schemas = Object.fromEntries(Object.entries(used).map(([name, schema]) => [plain(name), schema]));
  return JSON.stringify({ ...document, components: { ...document.components, schemas } }).replaceAll(
    /"#\/components\/schemas\/(\w+)"/g,
    (_, name: string) => `"${REF}${plain(name)}"`,
  );
}
