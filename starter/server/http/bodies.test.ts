/** JSON says of each value what it is: nothing in a body is taken for a value of another type. No Temporal is asked. */
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { loadConfig } from '../../../common/config';
import { createLogger } from '../../../common/logger';
import { createApp } from '../app';
import type { App } from '../app-type';
import { ApiKeys } from '../guard/auth';
import { createService } from '../service';

let home: string;
let app: App;
let server: string;
const stop = new AbortController();

beforeAll(async () => {
  home = await mkdtemp(path.join(os.tmpdir(), 'darkroom-bodies-'));
  const config = loadConfig({ LOG_LEVEL: 'silent', TEMPORAL_ADDRESS: '127.0.0.1:1', DARKROOM_HOME: home });
  app = await createApp(createService(config, new ApiKeys(config), createLogger(config, 'test'), stop.signal));
  await app.listen({ host: '127.0.0.1', port: 0 });
  server = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  stop.abort();
  await app.close();
  await rm(home, { recursive: true });
});

const send = async (url: string, body: unknown, type = 'application/json') => {
  const headers = { 'content-type': type };
  const answer = await fetch(`${server}${url}`, { method: 'POST', body: JSON.stringify(body), headers });
  return { status: answer.status, detail: ((await answer.json()) as { detail?: string }).detail };
};

const job = {
  ...{ id: 'a', kind: 'image', source: 's3://media/a.jpg', output: 's3://media/out', preset: 'web', priority: 3 },
  ...{ focus: { x: 0.5, y: 0.5, width: 0.1, height: 0.1 }, tenant: 'a', metadata: { album: 'a' }, batch: 'trip' },
  ...{ callbackUrl: 'https://a.example.com/', options: {} },
};
const batch = { id: 'a', preset: 'web', output: 's3://media/out', priority: 3, jobs: [job] };
/** Each address that takes JSON, with a body that has every field. */
const BODIES: [url: string, body: object][] = [
  ['/v1/jobs', job],
  ['/v1/batches', { ...batch, callbackUrl: job.callbackUrl }],
  ['/v1/jobs/trip~a/priority', { priority: 3 }],
  ['/v1/batches/trip/priority', { priority: 3 }],
  ['/v1/session', { key: 'a-key-of-twenty-characters' }],
  ['/produce', { id: 'a', payload: { source: 's3://media/a.jpg' } }],
  ['/batch-produce', { messages: [{ id: 'a', payload: 's3://media/a.jpg' }] }],
];

/** What a lenient reader would take for the value. */
function lookalikes(value: unknown): unknown[] {
  if (typeof value === 'number') return [String(value), true, [value]];
  if (typeof value === 'string') return [5, true, [value]];
  if (Array.isArray(value)) return [value[0], { 0: value[0] }];
  return [JSON.stringify(value), true];
}

/** The body once for each of its values and each look-alike of that. Jobs of a batch are refused one by one, so they stay. */
function* mistakes(body: object, at: string[] = []): Generator<[field: string, body: object]> {
  for (const [name, value] of Object.entries(body) as [string, unknown][]) {
    const where = [...at, name];
    // The source in a message, and a preset, may be either.
    const either = ['payload', 'preset'].includes(name);
    for (const wrong of lookalikes(value)) {
      if (either && typeof wrong !== 'number' && wrong !== true) continue;
      yield [where.join('.'), { ...body, [name]: wrong }];
    }
    if (typeof value !== 'object' || value === null || name === 'jobs') continue;
    for (const [field, inner] of mistakes(value, where)) {
      yield [field, { ...body, [name]: Array.isArray(value) ? Object.values(inner) : inner }];
    }
  }
}

test.each(BODIES)('%s takes no value for one of another type', async (url, body) => {
  const all = [...mistakes(body)];
  expect(all.length).toBeGreaterThan(1);
  for (const [field, wrong] of all) {
    const { status, detail } = await send(url, wrong);
    expect([field, JSON.stringify(wrong), status]).toEqual([field, expect.any(String), 400]);
    expect(detail).toMatch(/^The body is wrong: /);
  }
});

test.each(['application/json; charset=utf-8', 'Application/JSON', 'application/json;a="b"', ' application/json '])(
  'a batch is checked however its type is written: %s',
  async (type) => {
    expect(await send('/v1/batches', { ...batch, jobs: { 0: job } }, type)).toMatchObject({
      status: 400,
      detail: expect.stringMatching(/^The body is wrong: jobs/),
    });
  },
);
