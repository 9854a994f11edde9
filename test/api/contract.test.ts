/** Every operation of the OpenAPI document, asked with what its schemas allow and forbid: the answers have to be as promised. */
import { Ajv2020 } from 'ajv/dist/2020';
import { startStack, type Stack } from '../support/stack';
import { photo, startApi, type Api } from './support';

interface Schema {
  type?: string | string[];
  properties?: Record<string, Schema>;
  required?: string[];
  [key: string]: unknown;
}
interface Operation {
  operationId?: string;
  parameters?: { name: string; in: string; required?: boolean; schema: Schema }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, { content?: Record<string, { schema: Schema }> }>;
}

let stack: Stack;
let api: Api;
let operations: { method: string; path: string; operation: Operation }[];
let components: Record<string, Schema>;
let good: Record<string, unknown>;
const ajv = new Ajv2020({ strict: false, validateFormats: false });

beforeAll(async () => {
  stack = await startStack();
  api = await startApi(stack);
  const { body: document } = await api.call('GET', '/openapi.json');
  const body = JSON.parse(JSON.stringify(document).replaceAll('"#/components/', '"api#/components/'));
  ajv.addSchema(body, 'api');
  components = body.components.schemas;
  expect(body.openapi).toMatch(/^3\.1/);
  operations = Object.entries(body.paths as Record<string, Record<string, Operation>>).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  );
  const source = await photo(stack, 'contract');
  await api.call('POST', '/v1/jobs', { source, batch: 'c', id: 'c' });
  good = {
    'POST /v1/jobs': { source, batch: 'c' },
    'POST /v1/batches': { jobs: [{ source }, {}] },
    'POST /v1/campaigns': { preset: 'web', where: { batch: 'c' } },
    'POST /v1/jobs/{id}/priority': { priority: 2 },
    'POST /v1/batches/{id}/priority': { priority: 2 },
    'POST /produce': { id: 'p', payload: source },
    'POST /batch-produce': { messages: [{ payload: source }, { payload: 'nonsense' }] },
  };
});
afterAll(async () => {
  await api.stop();
  await stack.stop();
});

test.each(['/v1/jobs?search=a%00b', '/v1/jobs?preset=%00', '/v1/batches/c/items?search=%1f'])(
  '%s has a control character, which is refused before Temporal chokes on it',
  async (where) => expect((await api.call('GET', where)).status).toBe(400),
);

const STREAMS = /\/events$/;
const fill = (path: string, id: string) =>
  path.replace('{id}', id).replace('{name}', 'a.jpg').replace('{path}', 'manifest.json').replace('{operation}', 'none');

async function ask(
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; type: string; body: unknown }> {
  const headers: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
  const init = { method, headers };
  const response = await fetch(api.url + path, {
    ...init,
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const type = (response.headers.get('content-type') ?? '').split(';')[0] ?? '';
  const text = await response.text();
  return { status: response.status, type, body: type.endsWith('json') ? JSON.parse(text) : text };
}

/** The answer has a status that the document knows, and the shape that it promises for it. */
function expectPromised(
  where: string,
  operation: Operation,
  answer: { status: number; type: string; body: unknown },
): void {
  expect([where, answer.status < 500 || [501, 503].includes(answer.status)]).toEqual([where, true]);
  const promised = operation.responses[String(answer.status)];
  expect([where, answer.status, promised !== undefined]).toEqual([where, answer.status, true]);
  const content = promised?.content?.[answer.type] ?? promised?.content?.['*/*'];
  if (content?.schema === undefined || !answer.type.endsWith('json')) return;
  const valid = ajv.validate(content.schema, answer.body);
  expect([where, valid ? [] : ajv.errors]).toEqual([where, []]);
}

test('the document names every route', () => {
  const names = operations.map(({ method, path }) => `${method.toUpperCase()} ${path}`);
  for (const name of [
    ...['POST /v1/jobs', 'GET /v1/jobs/{id}', 'GET /v1/jobs/{id}/result', 'GET /v1/jobs/{id}/events'],
    ...[
      'POST /v1/batches',
      'GET /v1/batches',
      'GET /v1/batches/{id}',
      'GET /v1/batches/{id}/items',
      'GET /v1/batches/{id}/events',
    ],
    ...['POST /v1/jobs/{id}/restart', 'GET /v1/batches/{id}/operations/{operation}'],
    ...['cancel', 'retry', 'pause', 'resume', 'priority'].flatMap((verb) => [
      `POST /v1/jobs/{id}/${verb}`,
      `POST /v1/batches/{id}/${verb}`,
    ]),
    ...['PUT /v1/uploads/{name}', 'GET /v1/presets', 'GET /live', 'GET /ready', 'GET /metrics', 'GET /health'],
    ...[
      'GET /v1/costs',
      'GET /v1/maintenance',
      'GET /v1/queues',
      'GET /v1/batches/{id}/duplicates',
      'POST /produce',
      'POST /batch-produce',
    ],
  ]) {
    expect(names).toContain(name);
  }
});

test('every operation has a name of its own, and every field and parameter says what it is', () => {
  const ids = operations.map(({ operation: { operationId } }) => operationId);
  expect(ids).toEqual([...new Set(ids)]);
  expect(operations.filter(({ operation }) => operation.operationId === undefined)).toEqual([]);
  const undescribed = new Set<string>();
  const look = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    for (const [name, field] of Object.entries((node as Schema).properties ?? {})) {
      if (field['$ref'] === undefined && field['description'] === undefined) undescribed.add(name);
    }
    Object.values(node).forEach(look);
  };
  look([operations, components]);
  expect([...undescribed]).toEqual([]);
  const parameters = operations.flatMap(({ operation }) => operation.parameters ?? []);
  expect(parameters.filter((each) => !('description' in each))).toEqual([]);
});

test('shapes have names, and a batch names the shape of its jobs', () => {
  expect(Object.keys(components)).toEqual(expect.arrayContaining(['NewJob', 'Job', 'Batch', 'Problem']));
  expect(components['NewBatch']?.properties?.['jobs']).toMatchObject({
    items: { $ref: 'api#/components/schemas/NewJob' },
  });
});

test.each([
  ['POST', '/v1/jobs?wiat=30s', 'There is no query parameter "wiat"; this address takes wait, force.'],
  ['GET', '/v1/presets?x', 'There is no query parameter "x"; this address takes none.'],
])('%s %s is refused', async (method, where, detail) => {
  expect(await api.call(method, where, good[`${method} /v1/jobs`])).toMatchObject({ status: 400, body: { detail } });
});

test('what is there is answered as promised', async () => {
  for (const { method, path, operation } of operations) {
    if (STREAMS.test(path) || path.includes('uploads') || path === '/metrics') continue;
    const verb = method.toUpperCase();
    const id = path.includes('/batches/') ? 'c' : 'c~c';
    expectPromised(`${verb} ${path}`, operation, await ask(verb, fill(path, id), good[`${verb} ${path}`]));
  }
});

test('what is not there is answered as promised', async () => {
  for (const { method, path, operation } of operations) {
    if (!path.includes('{id}')) continue;
    for (const id of ['none~none', 'none', '%00', '~', '%22%20OR%20%22', 'a'.repeat(300)]) {
      const answer = await ask(method.toUpperCase(), fill(path, id), good[`${method.toUpperCase()} ${path}`]);
      expectPromised(`${method} ${path} ${id}`, operation, answer);
      expect([path, id, answer.status]).toEqual([path, id, answer.status === 400 ? 400 : 404]);
    }
  }
});

const WRONG: unknown[] = [
  null,
  1,
  [],
  'text',
  {},
  { source: 1 },
  { source: 'x'.repeat(9000) },
  { jobs: {} },
  { messages: 1 },
];

test('bodies and queries that the schemas forbid are refused as promised, never with 500', async () => {
  for (const { method, path, operation } of operations) {
    const verb = method.toUpperCase();
    if (operation.requestBody !== undefined) {
      for (const body of WRONG) expectPromised(`${verb} ${path}`, operation, await ask(verb, fill(path, 'c'), body));
    }
    if (STREAMS.test(path)) continue;
    for (const { name, in: where } of operation.parameters ?? []) {
      if (where !== 'query') continue;
      for (const value of ['', '-1', 'x', '%00', '9'.repeat(30), '"', '%F0%9F%98%80']) {
        const query = `${fill(path, path.includes('/batches/') ? 'c' : 'c~c')}?${name}=${value}`;
        expectPromised(`${verb} ${query}`, operation, await ask(verb, query, good[`${verb} ${path}`]));
      }
    }
  }
});

test('the reference is served from here alone', async () => {
  const page = await fetch(`${api.url}/docs/`);
  const html = await page.text();
  expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'self'/);
  expect(html).not.toMatch(/(src|href)="(https?:)?\/\//);
  for (const [, file] of html.matchAll(/(?:src|href)="\.\/([^"]+)"/g)) {
    expect((await fetch(`${api.url}/docs/${file}`)).status).toBe(200);
  }
});
