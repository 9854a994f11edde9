import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { type Manifest, type MediaJob, type WorkItem } from '../../common/contracts';
import { taskQueue } from '../../common/pools';
import { projectRoot } from '../../common/paths';
import { createStorage, fileUri, type Storage } from '../../storage';
import { awaitBatch, awaitItem } from './await';
import { countBatch } from '../../temporal/batches/count';
import { batchProgress } from './batch';
import { controlBatch, controlItem } from './control';
import { resolveJob } from './job';
import { retryBatch, retryItem } from './retry';
import { ItemProblem, submitStream, type Entry } from './stream';
import { submitItem, type SubmitContext } from './submit';
import { summariseRuns } from './summary';
import { startTestServer, type TestServer } from '../../test/starter/server';

let server: TestServer;
let storage: Storage;
let worker: Worker;
let connection: NativeConnection;
let working: Promise<void>;
let context: SubmitContext & { presets: () => Promise<{ name: string; image: WorkItem['preset']['image'] }> };

const preset = { name: 'tiny', image: { animation: 'first', colour: 'srgb', renditions: [] } } as const;

beforeAll(async () => {
  Runtime.install({ logger: { ...console, log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} } });
  server = await startTestServer();
  storage = createStorage(server.config);
  context = {
    client: server.client,
    storage,
    queuePrefix: 'test',
    presets: async () => ({ ...preset, image: { ...preset.image, renditions: [] } }),
  };
  connection = await NativeConnection.connect({ address: server.config.temporalAddress });
  worker = await Worker.create({
    connection,
    taskQueue: taskQueue('test', 'workflows'),
    workflowsPath: path.join(projectRoot(), 'test/starter/workflows.ts'),
  });
  working = worker.run();
}, 120_000);

afterAll(async () => {
  worker.shutdown();
  await working;
  await connection.close();
  storage.close();
  await server.close();
}, 60_000);

/** A job whose source is a real file of its own. */
async function job(name: string, metadata?: Record<string, string>): Promise<MediaJob> {
  const file = path.join(server.folder, `${name}.jpg`);
  await writeFile(file, name);
  return { source: fileUri(file), kind: 'image', metadata };
}

const defaults = (batchId: string) => ({
  batchId,
  output: fileUri(path.join(server.folder, 'out', batchId)),
  preset: 'tiny',
});
const item = async (batchId: string, name: string, metadata?: Record<string, string>) =>
  resolveJob(await job(name, metadata), defaults(batchId), context);
const idOf = ({ batchId, itemKey }: WorkItem) => `${batchId}/${itemKey}`;

/** Publishes what a worker would. */
async function publish(of: WorkItem): Promise<void> {
  const { fingerprint, bytes } = await storage.stat(of.source);
  const sha256 = createHash('sha256').update(path.basename(of.source, '.jpg')).digest('hex');
  const manifest = {
    ...{
      version: 1,
      batchId: of.batchId,
      itemKey: of.itemKey,
      kind: of.kind,
      renditions: [],
      warnings: [],
      timings: {},
    },
    source: { uri: of.source, bytes, sha256, fingerprint, format: 'jpeg', width: 1, height: 1 },
    ...{ preset: { name: 'tiny', recipe: of.recipe }, tools: {}, tenant: 'default', requestedAt: '', publishedAt: '' },
    workflow: { id: idOf(of), runId: '', attempt: 1 },
  } as Manifest;
  await storage.replaceManifest(of.output, manifest, undefined);
}

test('an item submitted twice is one run', async () => {
  const held = await item('twice', 'a', { hold: 'yes' });
  expect(await submitItem(context, held)).toBe('started');
  expect(await submitItem(context, held)).toBe('joined');
  const handle = server.client.workflow.getHandle(idOf(held));
  const { memo, priority, typedSearchAttributes } = await handle.describe();
  expect(memo).toEqual({ source: held.source, output: held.output });
  expect(priority?.priorityKey).toBe(3);
  expect(JSON.stringify(typedSearchAttributes)).toMatch(/MediaBatchId.*twice/);
  await handle.signal('release');
  expect(await awaitItem(server.client, idOf(held))).toMatchObject({ bytesOut: 40 });
});

test('what is published is skipped, whatever Temporal remembers; force does it again', async () => {
  const one = await item('published', 'b');
  await publish(one);
  expect(await submitItem(context, one)).toBe('skipped');
  expect(await submitItem(context, one, { force: true })).toBe('started');
  await awaitItem(server.client, idOf(one));
  expect(await submitItem(context, one, { force: true })).toBe('started');
  await awaitItem(server.client, idOf(one));
});

test('a touched file counts as the same, a changed one or another recipe does not', async () => {
  const one = await item('touched', 'c');
  await publish(one);
  await sleep(20);
  await job('c');
  expect(await submitItem(context, one)).toBe('skipped');
  expect(await submitItem(context, { ...one, recipe: 'other' })).toBe('started');
  await awaitItem(server.client, idOf(one));
  await writeFile(new URL(one.source), 'C');
  expect(await submitItem(context, one)).toBe('started');
});

test('a succeeded item whose outputs are gone runs again', async () => {
  const one = await item('gone', 'd');
  await submitItem(context, one);
  await awaitItem(server.client, idOf(one));
  expect(await submitItem(context, one)).toBe('started');
});

test('a stream of entries: counts, problems, a summary; and again: only what is missing', async () => {
  const entries: Entry[] = [new ItemProblem('line 3', 'InvalidJob', 'no'), { ...(await job('bad')), kind: 'video' }];
  for (let i = 0; i < 30; i++) entries.push(await job(`s${i}`, i < 3 ? { fail: 'yes' } : undefined));
  const problems: ItemProblem[] = [];
  const since = new Date();
  const options = {
    defaults: defaults('stream'),
    concurrency: 8,
    onProblem: (problem: ItemProblem) => void problems.push(problem),
  };
  expect(await submitStream(context, entries, options)).toEqual({ started: 30, joined: 0, skipped: 0, rejected: 2 });
  expect(problems.map(({ type }) => type)).toEqual(['InvalidJob', 'InvalidJob']);
  const expected = () => ({ items: 30, final: true });
  const end = await awaitBatch(server.client, 'stream', {
    queuePrefix: 'test',
    since: () => since,
    expected,
    pollMs: 100,
  });
  expect(end).toMatchObject({ open: 0, completed: 27, failed: 3, waiting: 0 });
  const summary = await summariseRuns(server.client, 'stream', since);
  expect(summary).toMatchObject({ bytesIn: 2700, bytesOut: 1080, failureCount: 3 });
  expect(summary.latency.count).toBe(27);
  expect(summary.failures[0]).toEqual({
    source: expect.stringMatching(/^file:.*s\d\.jpg$/) as string,
    type: 'CorruptMedia',
    message: 'The file is empty.',
  });
  // Outputs of four items are there; the failed ones run again, and earlier failures are not counted any more.
  for (let i = 3; i < 7; i++) await publish(await item('stream', `s${i}`));
  const again = new Date();
  expect(await submitStream(context, entries, options)).toMatchObject({ started: 26, skipped: 4 });
  await awaitBatch(server.client, 'stream', {
    queuePrefix: 'test',
    since: () => again,
    pollMs: 100,
    expected: () => ({ items: 26, final: true }),
  });
  expect(await countBatch(server.client, 'stream', again)).toMatchObject({ completed: 23, failed: 3 });
});

test('cancel ends the open items of a batch or one of them, and tells how many', async () => {
  const held = await Promise.all(['e', 'f', 'g'].map((name) => item('cancel', name, { hold: 'yes' })));
  for (const each of held) await submitItem(context, each);
  await untilOpen('cancel', 3);
  expect(await batchProgress(server.client, 'test', 'cancel')).toMatchObject({ open: 3, unserved: [] });
  expect(await controlItem(server.client, 'cancel', idOf(held[0]!))).toEqual({ changed: 1, already: 0 });
  await expect(awaitItem(server.client, idOf(held[0]!))).rejects.toMatchObject({ name: 'WorkflowFailedError' });
  expect(await controlItem(server.client, 'cancel', idOf(held[0]!))).toEqual({ changed: 0, already: 1 });
  await untilOpen('cancel', 2);
  expect((await controlBatch(server.client, 'cancel', 'cancel')).changed).toBe(2);
  await untilOpen('cancel', 0);
  expect(await countBatch(server.client, 'cancel')).toMatchObject({ cancelled: 3, failed: 0 });
  const { failures } = await summariseRuns(server.client, 'cancel');
  expect(failures.map(({ type }) => type)).toEqual(['Cancelled', 'Cancelled', 'Cancelled']);
  expect(await retryBatch(context, 'cancel')).toEqual({ restarted: 0, already: 0 });
  expect(await retryItem(context, idOf(held[0]!))).toEqual({ restarted: 1, already: 0 });
});

test('retry runs the failed items again with the same input, once', async () => {
  const failing = await item('retry', 'h', { fail: 'yes' });
  await submitItem(context, failing);
  await submitItem(context, await item('retry', 'i'));
  await expect(awaitItem(server.client, idOf(failing))).rejects.toThrow();
  await untilOpen('retry', 0, 2);
  expect(await retryBatch(context, 'retry')).toMatchObject({ restarted: 1, already: 0 });
  await untilOpen('retry', 0, 3);
  expect(await countBatch(server.client, 'retry')).toMatchObject({ failed: 2, completed: 1 });
  await expect(controlItem(server.client, 'cancel', 'retry/nothing')).rejects.toMatchObject({ type: 'SourceNotFound' });
});

test('a queue that nobody serves is named, and its items wait', async () => {
  const lonely = { ...context, queuePrefix: 'nobody' };
  await submitItem(lonely, await item('lonely', 'j'));
  await untilOpen('lonely', 1);
  expect(await batchProgress(server.client, 'nobody', 'lonely')).toMatchObject({
    open: 1,
    waiting: 1,
    running: 0,
    unserved: ['workflows'],
  });
});

/** Visibility is a moment behind. */
async function untilOpen(batchId: string, open: number, total?: number): Promise<void> {
  for (let i = 0; i < 200; i++) {
    const counts = await countBatch(server.client, batchId);
    const all = counts.open + counts.completed + counts.failed + counts.cancelled;
    if (counts.open === open && (total === undefined || all === total)) return;
    await sleep(50);
  }
  throw new Error(`${batchId} never had ${open} open runs`);
}
