/** With DARKROOM_PAYLOAD_KEYS, Temporal stores nothing to read; everything of ours reads it all the same. */
import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { built } from '../../common/paths';
import { runProcess } from '../../common/process';
import { namespaceOf } from '../../temporal/connect';
import { findTemporalBinary } from '../../local/embedded/temporal-binary';
import { inputOf } from '../../temporal/input';
import { gather } from '../../starter/backlog/gather';
import type { Service } from '../../local/embedded/child-process';
import { bearer, keyEntry, photo, startApi, type Api } from '../api/support';
import { ffmpeg, picture, X264 } from '../support/clips';
import { startStack, until, type Stack } from '../support/stack';
import { fileUri } from '../../storage';

const OLD = `old:${randomBytes(32).toString('base64')}`;
const NEW = `new:${randomBytes(32).toString('base64')}`;
const UI = 'http://localhost:8233';
const KEY = bearer('operator-key-0123456789');
const POOLS = { DARKROOM_POOLS: 'workflows,image,video' };

let stack: Stack;
let api: Api;
let worker: Service;
let broken: string;
let jobs: { source: string; id: string }[];

beforeAll(async () => {
  stack = await startStack({
    DARKROOM_PAYLOAD_KEYS: OLD,
    DARKROOM_API_KEYS: keyEntry('operator', 'default', 0, 'operator-key-0123456789', 'operator'),
    TEMPORAL_UI_URL: `${UI}/`,
  });
  broken = await photo(stack, 'broken');
  await writeFile(fileURLToPath(broken), Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.alloc(100)]));
  jobs = [
    { source: await photo(stack, 'one'), id: 'one' },
    { source: broken, id: 'broken' },
  ];
  const clip = path.join(stack.home, 'in', 'clip.mp4');
  await mkdir(path.dirname(clip), { recursive: true });
  jobs.push({ source: fileUri(ffmpeg(`${picture('160x90', 1)} ${X264}`, clip)), id: 'clip' });
  // Every rung is a task of its own, as in a long video.
  [api, worker] = await Promise.all([startApi(stack), stack.worker({ ...POOLS, DARKROOM_SHORT_VIDEO: '0' })]);
});
afterAll(async () => {
  await api.stop();
  await stack.stop();
});

const call = (method: string, where: string, body?: unknown, headers: Record<string, string> = KEY) =>
  api.call(method, where, body, headers);

const { History } = temporal.api.history.v1;

/** What the server has stored of a run, as bytes: its history and what lists show. */
async function stored(workflowId: string): Promise<string> {
  const request = { namespace: namespaceOf(stack.config), execution: { workflowId } };
  const { history } = await stack.connection.workflowService.getWorkflowExecutionHistory(request);
  const { executions } = await stack.connection.workflowService.listWorkflowExecutions({
    namespace: request.namespace,
    query: `WorkflowId = "${workflowId}"`,
  });
  const infos = executions.map((info) => temporal.api.workflow.v1.WorkflowExecutionInfo.encode(info).finish());
  return Buffer.concat([History.encode(history ?? {}).finish(), ...infos]).toString('latin1');
}

/** Lists are a moment behind. */
const settled = (batch: string, state: string, count: number) =>
  until(async () => (await call('GET', `/v1/batches/${batch}`)).body[state] === count, 200);

async function command(module: string, ...args: string[]): Promise<string> {
  const env = stack.env as Record<string, string>;
  return (await runProcess(process.execPath, [built(module), ...args], { env, timeoutMs: 30_000 })).stdout;
}

test('a batch: the server stores nothing to read, and the API, the commands and the report show all of it', async () => {
  await call('POST', '/v1/batches', { id: 'private', jobs });
  await settled('private', 'succeeded', jobs.length - 1);
  await settled('private', 'failed', 1);

  const failed = (await call('GET', '/v1/jobs/private~broken')).body;
  expect(failed).toMatchObject({ state: 'failed', source: broken, error: { type: 'CorruptMedia' } });
  for (const { id, source } of jobs) {
    const text = await stored(`private/${id}`);
    expect(text).toContain('binary/encrypted');
    // Both sources and outputs lie below the home.
    for (const hidden of [stack.home, path.basename(source), failed.error.message, 'manifest', 'webp', '"source"']) {
      expect([id, hidden, text.includes(hidden)]).toEqual([id, hidden, false]);
    }
  }
  const { items } = (await call('GET', '/v1/batches/private/items')).body;
  expect(items.map(({ source }: { source: string }) => source).sort()).toEqual(jobs.map((job) => job.source).sort());
  expect((await call('GET', '/v1/jobs/private~one')).body).toMatchObject({
    state: 'succeeded',
    manifest: { version: 1 },
  });
  if (jobs.length > 2) {
    const { steps } = (await call('GET', '/v1/jobs/private~clip/steps')).body;
    expect(steps.map(({ name }: { name: string }) => name)).toContainEqual(expect.stringMatching(/^encode \w+/));
  }

  expect(await command('starter/cli/status.js', 'private', '--json')).toContain(JSON.stringify(failed.error.message));
  const report = path.join(stack.home, 'report.html');
  await command('operate/report/main.js', 'private', '--output', report);
  expect(await readFile(report, 'utf8')).toContain(failed.error.message.replaceAll("'", '&#39;'));
});

test('the same look finds everything where nothing is encrypted, and such runs are still worked on', async () => {
  const plain = new Client({ connection: stack.connection });
  const [job] = jobs;
  await call('POST', '/v1/jobs', { ...job, batch: 'copied', id: 'one' });
  const input = await inputOf(
    stack.client,
    'copied/one',
    (await stack.client.workflow.getHandle('copied/one').describe()).runId,
  );
  await plain.workflow.start('processImage', {
    args: [{ ...input, batchId: 'plain', output: input.output.replace('copied', 'plain') }],
    workflowId: 'plain/one',
    taskQueue: 'darkroom-workflows',
    memo: { source: input.source },
  });
  await stack.client.workflow.getHandle('plain/one').result();
  expect(await stored('plain/one')).toContain(stack.home);
});

test('the codec endpoint decodes for the UI and for the command line, and for nobody else', async () => {
  const { history } = await stack.connection.workflowService.getWorkflowExecutionHistory({
    namespace: namespaceOf(stack.config),
    execution: { workflowId: 'private/one' },
  });
  const input = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input ?? {};
  const body = temporal.api.common.v1.Payloads.toObject(temporal.api.common.v1.Payloads.create(input), {
    bytes: String,
  });
  const ask = (headers: Record<string, string>, sent: unknown = body, verb = 'decode') =>
    call('POST', `/codec/${verb}`, sent, { 'x-namespace': 'default', ...headers });
  const read = (answer: { payloads: { data: string }[] }) =>
    JSON.parse(Buffer.from(answer.payloads[0]?.data ?? '', 'base64').toString()) as unknown;

  const decoded = await ask(KEY);
  expect(read(decoded.body)).toMatchObject({ source: jobs[0]?.source });
  const again = await ask(KEY, decoded.body, 'encode');
  expect(JSON.stringify(again.body)).not.toBe(JSON.stringify(body));
  expect((await ask(KEY, again.body)).body).toEqual(decoded.body);

  // The UI: a preflight, then the question with a key or with the session of somebody who signed in.
  const preflight = await call('OPTIONS', '/codec/decode', undefined, { origin: UI });
  expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, UI]);
  expect((await ask({ ...KEY, origin: UI })).headers.get('access-control-allow-credentials')).toBe('true');
  const signedIn = await call('POST', '/v1/session', { key: 'operator-key-0123456789' }, {});
  const cookie = signedIn.headers.get('set-cookie')?.split(';')[0] ?? '';
  const site = { 'sec-fetch-site': 'same-site' };
  expect((await ask({ cookie, origin: UI, ...site })).status).toBe(200);

  expect((await ask({})).status).toBe(401);
  expect((await ask({ origin: UI })).status).toBe(401);
  expect((await ask({ cookie, ...site })).status).toBe(403);
  for (const origin of ['http://localhost:8234', 'null', 'https://evil.example']) {
    const refused = await ask({ ...KEY, origin });
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([403, null]);
    expect((await call('OPTIONS', '/codec/decode', undefined, { origin })).status).toBe(403);
  }
  // Elsewhere the UI's pages are strangers.
  expect((await call('GET', '/v1/batches', undefined, { ...KEY, origin: UI })).status).toBe(403);

  const tampered = structuredClone(body) as { payloads: { data: string }[] };
  tampered.payloads[0]!.data = Buffer.from('nonsense').toString('base64');
  expect((await ask(KEY, tampered)).body).toMatchObject({ status: 400, detail: expect.stringContaining('"old"') });
  expect((await ask(KEY, { payloads: [{ data: '%' }] })).status).toBe(400);

  const binary = findTemporalBinary(stack.config);
  if (binary === undefined) throw new Error('the server runs, so the program is there');
  const where = ['--address', String(stack.config.temporalAddress), '--workflow-id', 'private/broken'];
  const codec = ['--codec-endpoint', `${api.url}/codec`, '--codec-auth', 'Bearer operator-key-0123456789'];
  const shown = await runProcess(binary, ['workflow', 'show', ...where, ...codec, '--output', 'json'], {
    timeoutMs: 20_000,
  });
  // It asked here for each: JSON in the clear, in base64.
  expect(shown.stdout).not.toContain('encryption-key-id');
  expect(shown.stdout).toContain(Buffer.from('{"batchId":"private"').toString('base64').slice(0, 24));
});

test('without keys there is no such endpoint', async () => {
  const other = await startApi(stack, { DARKROOM_PAYLOAD_KEYS: '' });
  try {
    expect((await other.call('POST', '/codec/decode', { payloads: [] }, KEY)).status).toBe(404);
    const { status, body } = await other.call('GET', '/v1/jobs/private~one', undefined, KEY);
    expect([status, body.detail]).toEqual([
      500,
      'Encrypted with the key "old", which DARKROOM_PAYLOAD_KEYS lacks here.',
    ]);
  } finally {
    await other.stop();
  }
});

test('a key is rotated while an item is in the middle: old and new are read, and it goes on', async () => {
  await worker.stop();
  const good = path.join(stack.home, 'in', 'one.jpg');
  await copyFile(good, fileURLToPath(broken));
  await call('POST', '/v1/jobs', { source: broken, batch: 'turning', id: 'item' });
  // Nobody works on it: the doctor says what waits.
  const { steps } = await gather(stack.config, { gapMs: 10 });
  expect(steps).toContainEqual(expect.objectContaining({ workflowId: 'turning/item', source: broken }));

  const rotated = { DARKROOM_PAYLOAD_KEYS: `${NEW}\n${OLD}` };
  await api.stop();
  [api, worker] = await Promise.all([startApi(stack, rotated), stack.worker({ ...POOLS, ...rotated })]);
  const { body } = await call('GET', '/v1/jobs/turning~item/result?wait=30s');
  expect(body).toMatchObject({ state: 'succeeded', source: broken });
  const turning = await stored('turning/item');
  expect([turning.includes('old'), turning.includes('new')]).toEqual([true, true]);
  expect(turning).not.toContain(stack.home);

  // Items of the time before: shown, and done again with the input they had.
  expect((await call('GET', '/v1/jobs/private~one')).body).toMatchObject({
    state: 'succeeded',
    source: jobs[0]?.source,
  });
  expect((await call('POST', '/v1/batches/private/retry')).body).toMatchObject({ restarted: 1 });
  await settled('private', 'succeeded', jobs.length);
});
