import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { type Manifest, type MediaJob, type WorkItem } from '../../common/contracts';
import { taskQueue } from '../../common/pools';
import { projectRoot } from '../../common/paths';
import { DarkroomError } from '../../common/errors';
import { createStorage, fileUri, type Storage } from '../../storage';
import { awaitBatch, awaitItem } from './await';
import { countBatch, countUnretried } from '../../temporal/batches/count';
import { batchProgress } from './batch';
import { controlBatch, controlItem } from './control';
import { submitDirectly, takeAll, type Entry, type Taken } from './intake';
import { resolveJob } from './job';
import { Ledger } from './ledger';
import { retryBatch, retryItem } from './retry';
import { submitItem, type SubmitContext } from './submit';
import { countEnds, Ends, summariseBatch } from './summary';
import { viewBatch } from './view/batch';
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
  expect(await submitItem(context, held)).toMatchObject({ status: 'started' });
  expect(await submitItem(context, held)).toMatchObject({ status: 'joined' });
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
  expect(await submitItem(context, one)).toMatchObject({ status: 'skipped' });
  expect(await submitItem(context, one, { force: true })).toMatchObject({ status: 'started' });
  await awaitItem(server.client, idOf(one));
  expect(await submitItem(context, one, { force: true })).toMatchObject({ status: 'started' });
  await awaitItem(server.client, idOf(one));
});

test('a touched file counts as the same, a changed one or another recipe does not', async () => {
  const one = await item('touched', 'c');
  await publish(one);
  await sleep(20);
  await job('c');
  expect(await submitItem(context, one)).toMatchObject({ status: 'skipped' });
  expect(await submitItem(context, { ...one, recipe: 'other' })).toMatchObject({ status: 'started' });
  await awaitItem(server.client, idOf(one));
  await writeFile(new URL(one.source), 'C');
  expect(await submitItem(context, one)).toMatchObject({ status: 'started' });
});

test('a succeeded item whose outputs are gone runs again', async () => {
  const one = await item('gone', 'd');
  await submitItem(context, one);
  await awaitItem(server.client, idOf(one));
  expect(await submitItem(context, one)).toMatchObject({ status: 'started' });
});

const entryOf = (job: MediaJob, place?: number): Entry => ({ name: job.source, place, job });

/** Submits to the batch and waits for the end of it all. */
async function submission(batchId: string, entries: Entry[]) {
  const [ledger, ends, since, taken] = [new Ledger(), new Ends(), new Date(), [] as Taken[]];
  const intake = { submit: submitDirectly(context, defaults(batchId)), ledger, defaults: { preset: 'tiny' } };
  const onTaken = (each: Taken): void => void taken.push(each);
  const tally = await takeAll(entries, intake, { concurrency: 8, onTaken });
  await awaitBatch(server.client, batchId, {
    ...{ queuePrefix: 'test', since: () => since, pollMs: 100 },
    isComplete: async () => {
      await countEnds(server.client, batchId, since, ledger, ends);
      return ledger.open === 0;
    },
  });
  return { tally, ends, taken };
}

test('entries: counts, problems, a summary; and again: only what is missing', async () => {
  const entries: Entry[] = [
    { name: 'line 3', job: new DarkroomError('InvalidJob', 'no') },
    entryOf({ ...(await job('bad')), kind: 'video' }),
  ];
  for (let i = 0; i < 30; i++) entries.push(entryOf(await job(`s${i}`, i < 3 ? { fail: 'yes' } : undefined)));
  const { tally, ends, taken } = await submission('stream', entries);
  expect(tally).toEqual({ started: 30, joined: 0, skipped: 0, rejected: 2, duplicates: 0 });
  const problems = taken.flatMap((each) => (each.status === 'rejected' ? [each.error as DarkroomError] : []));
  expect(problems.map(({ type }) => type)).toEqual(['InvalidJob', 'InvalidJob']);
  expect(ends).toMatchObject({ completed: 27, failed: 3, cancelled: 0, bytesIn: 2700, bytesOut: 1080 });
  expect(ends.latency.count).toBe(27);
  expect(ends.failures[0]).toEqual({
    source: expect.stringMatching(/^file:.*s\d\.jpg$/) as string,
    type: 'CorruptMedia',
    message: 'The file is empty.',
  });
  // Outputs of four items are there; the failed ones run again, and earlier failures are not counted any more.
  for (let i = 3; i < 7; i++) await publish(await item('stream', `s${i}`));
  const again = await submission('stream', entries);
  expect(again.tally).toMatchObject({ started: 26, skipped: 4, rejected: 2 });
  expect(again.ends).toMatchObject({ completed: 23, failed: 3 });
  // Whatever ran twice is one item.
  expect(await summariseBatch(server.client, 'stream')).toMatchObject({ open: 0, ends: { completed: 27, failed: 3 } });
});

test('the figures of a batch count an item that succeeded twice once, and one that was retried by its latest run', async () => {
  const again = await item('figures', 'f1');
  for (let runs = 1; runs <= 3; runs++) {
    await submitItem(context, again, { force: true });
    await awaitItem(server.client, idOf(again));
    await untilOpen('figures', 0, runs);
  }
  await submission('figures', [entryOf(await job('f2', { fail: 'yes' })), entryOf(await job('f3'))]);
  await submitItem(context, await item('figures', 'f4', { hold: 'yes' }));
  await untilOpen('figures', 1, 6);
  const figures = { items: 4, open: 1, succeeded: 2, failed: 1, cancelled: 0 };
  expect(await viewBatch(server.client, 'test', 'figures')).toMatchObject(figures);
  await retryBatch(context, 'figures');
  await untilOpen('figures', 1, 7);
  expect(await viewBatch(server.client, 'test', 'figures')).toMatchObject(figures);
  await server.client.workflow.getHandle(idOf(await item('figures', 'f4'))).signal('release');
});

test('an item that is skipped while its run has not closed yet is counted once', async () => {
  const [held, other] = [await item('mid', 'm1', { hold: 'yes' }), await job('m2')];
  await submitItem(context, held);
  await publish(held);
  const handle = server.client.workflow.getHandle(idOf(held));
  const both = submission('mid', [entryOf({ source: held.source, kind: 'image' }), entryOf(other)]);
  await untilOpen('mid', 1, 2);
  await handle.signal('release');
  const { tally, ends } = await both;
  expect(tally).toMatchObject({ started: 1, skipped: 1 });
  expect(ends).toMatchObject({ completed: 1, failed: 0 });
});

test('an item that fails, is started again by the same command and fails again is one failure', async () => {
  const poison = await job('poison', { fail: 'yes' });
  const since = new Date();
  await submission('poison', [entryOf(poison)]);
  const ledger = new Ledger();
  const intake = { submit: submitDirectly(context, defaults('poison')), ledger };
  await takeAll([entryOf(poison)], intake, { concurrency: 1 });
  await untilOpen('poison', 0, 2);
  const ends = new Ends();
  await countEnds(server.client, 'poison', since, ledger, ends);
  expect([ends.failed, ledger.open]).toEqual([1, 0]);
});

test('the same source twice is one item; an id for two sources, or with other fields, is refused with both lines', async () => {
  const [a, b] = [await job('twice-a'), await job('twice-b')];
  const { tally, taken } = await submission('lines', [
    entryOf({ ...a, id: 'x' }, 1),
    entryOf({ ...a, id: 'x' }, 2),
    entryOf({ ...b, id: 'x' }, 3),
    entryOf(b, 4),
    entryOf({ ...b, preset: 'tiny' }, 5),
    entryOf({ ...b, priority: 1 }, 6),
  ]);
  expect(tally).toEqual({ started: 2, joined: 0, skipped: 0, rejected: 2, duplicates: 2 });
  expect(taken.flatMap((each) => (each.status === 'duplicate' ? [each.of] : []))).toEqual([1, 4]);
  const errors = taken.flatMap((each) => (each.status === 'rejected' ? [each.error as DarkroomError] : []));
  expect(errors.map(({ type, message }) => `${type}: ${message}`)).toEqual([
    'Conflict: The id "x" is used twice for two sources, in lines 1 and 3; give each job an id of its own.',
    expect.stringContaining('in lines 4 and 6') as string,
  ]);
});

test('an open item with another source or preset is refused, not joined', async () => {
  const held = await item('taken', 'k', { hold: 'yes' });
  await submitItem(context, held);
  const other = (await item('taken', 'l')).source;
  await expect(submitItem(context, { ...held, source: other })).rejects.toMatchObject({ type: 'Conflict' });
  // A source that is longer, and begins like the one of the run.
  await expect(submitItem(context, { ...held, source: `${held.source}.png` })).rejects.toMatchObject({
    type: 'Conflict',
  });
  const preset = { ...held.preset, name: 'other' };
  await expect(submitItem(context, { ...held, preset })).rejects.toMatchObject({ type: 'Conflict' });
  expect(await submitItem(context, held)).toMatchObject({ status: 'joined' });
  await server.client.workflow.getHandle(idOf(held)).signal('release');
});

test('an open item is told from another one by the end of a source that is too long for the memo', async () => {
  const long = (end: string): string => `s3://bucket/${'x'.repeat(1500)}${end}`;
  const held = { ...(await item('long', 'n', { hold: 'yes' })), source: long('1') };
  await submitItem(context, held);
  expect(await submitItem(context, held)).toMatchObject({ status: 'joined' });
  await expect(submitItem(context, { ...held, source: long('2') })).rejects.toMatchObject({ type: 'Conflict' });
  await server.client.workflow.getHandle(idOf(held)).signal('release');
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
  const before = await countBatch(server.client, 'cancel');
  expect((await controlBatch(server.client, 'cancel', 'cancel')).changed).toBe(2);
  await untilOpen('cancel', 0);
  expect(await countBatch(server.client, 'cancel')).toMatchObject({ cancelled: 3, failed: 0 });
  // Runs that end while a batch is looked at are in one state only: the sum stays that of the count.
  expect(await countUnretried(server.client, 'cancel', before)).toEqual({ failed: 0, cancelled: 1 });
  const { failures } = (await summariseBatch(server.client, 'cancel')).ends;
  expect(failures.map(({ type }) => type)).toEqual(['Cancelled', 'Cancelled', 'Cancelled']);
  expect(await retryBatch(context, 'cancel')).toEqual({ restarted: 0, already: 0 });
  expect(await retryItem(context, idOf(held[0]!))).toEqual({ restarted: 1, already: 0 });
  expect(await retryBatch(context, 'cancel', 'cancelled')).toMatchObject({ restarted: 2, already: 1 });
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
