/** Maintenance removes what is not needed, and nothing else, while a batch runs: real server, real workers, disk and S3. */
import { createHash, randomUUID } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { CreateMultipartUploadCommand } from '@aws-sdk/client-s3';
import { Findings, type StepContext } from '../../activities/maintenance/step';
import { cleanQuarantine } from '../../activities/maintenance/quarantine';
import { cleanUploads } from '../../activities/maintenance/uploads';
import { cleanStore } from '../../activities/maintenance/store';
import { outputName, workFolder } from '../../activities/names';
import { keepEvidence } from '../../activities/deaths/evidence';
import type { ActivityDeps } from '../../activities/deps';
import type { Config } from '../../common/config';
import { maintenanceId, MAINTENANCE_STEP_NAMES } from '../../common/maintenance';
import {
  ensureMaintenanceSchedule,
  lastMaintenances,
  maintenanceState,
  runMaintenance,
} from '../../starter/core/maintenance';
import { submitItem } from '../../starter/core/submit';
import { createStorage, fileUri, joinUri, type Storage } from '../../storage';
import { runningQuery } from '../../temporal/batches/query';
import { photo } from '../api/support';
import { runCommand, startCommand } from '../support/cli';
import { photo as anyPhoto, submit } from '../support/items';
import { startProxy } from '../support/proxy';
import { S3_START_TIMEOUT, startS3, testWithS3, type TestS3 } from '../support/s3';
import { startStack, until, type Stack } from '../support/stack';

/** Larger ones run with faults too: workers are killed. */
const ITEMS = Number(process.env['DARKROOM_TEST_ITEMS'] ?? 20);
const HAS_FAULTS = ITEMS > 20;
const FAULT_EVERY_MS = 5_000;
/** More would only cost time. */
const MOST_FAULTS = 20;
/** Each item takes some tenths of a second, and each fault the time until a worker counts as lost. */
const LIMIT_MS = 120_000 + ITEMS * 2_000 + (HAS_FAULTS ? MOST_FAULTS * 20_000 : 0);
const DAY_MS = 86_400_000;
const ALL = { cleanup: true, steps: MAINTENANCE_STEP_NAMES };

let s3: TestS3 | undefined;
let stack: Stack;
beforeAll(
  async () => {
    s3 = await startS3();
    await s3?.bucket('media');
    stack = await startStack({
      S3_ENDPOINT: s3?.endpoint ?? '',
      S3_FORCE_PATH_STYLE: 'true',
      S3_ACCESS_KEY_ID: s3?.accessKey ?? '',
      S3_SECRET_ACCESS_KEY: s3?.secretKey ?? '',
      DARKROOM_ALLOWED_BUCKETS: 'media',
      DARKROOM_MAINTENANCE_GRACE: '0s',
    });
    for (let i = 0; i < ITEMS; i++) await photo(stack, `many/${i}`);
  },
  2 * S3_START_TIMEOUT + ITEMS * 100,
);
afterAll(async () => {
  await stack?.stop();
  await s3?.stop();
});

/** A queue prefix and a place for outputs of their own, with a worker. */
async function place(name: string, outputs: string) {
  const env = { DARKROOM_QUEUE_PREFIX: name, DARKROOM_OUTPUT: outputs };
  const start = () => stack.worker({ ...env, DARKROOM_POOLS: 'workflows,image' });
  let worker = await start();
  /** SIGKILL, and another worker. */
  const replaceWorker = async (): Promise<void> => {
    process.kill(-worker.pid, 'SIGKILL');
    await worker.ended;
    worker = await start();
  };
  const config: Config = { ...stack.config, queuePrefix: name, outputDefault: outputs };
  return { env, config, storage: createStorage(config), replaceWorker };
}

/** Every file below a folder with its hash; only manifests may change. */
async function filesBelow(storage: Storage, uri: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for await (const info of storage.list(uri, { hidden: true })) {
    files.set(info.uri, await sha256(storage, info.uri));
  }
  return files;
}

async function sha256(storage: Storage, uri: string): Promise<string> {
  const bytes = await buffer((await storage.openRead(uri)).stream);
  return createHash('sha256').update(bytes).digest('hex');
}

const put = (storage: Storage, uri: string): Promise<unknown> =>
  storage.putStream(uri, Readable.from([Buffer.from('left over')]), { maxBytes: 100, contentType: 'text/plain' });

async function survives(name: string, outputs: string): Promise<void> {
  const { env, config, storage, replaceWorker } = await place(name, outputs);
  const args = ['--input', path.join(stack.home, 'in/many'), '--batch-id', name, '--json'];
  expect((await runCommand(stack, 'start-batch', args, env)).summary).toMatchObject({ completed: ITEMS });
  const folders = new Set<string>();
  for await (const { uri } of storage.list(outputs)) folders.add(uri.slice(0, uri.lastIndexOf('/')));
  expect(folders.size).toBe(ITEMS);

  const [strays, own]: [string[], string[]] = [[], []];
  for (const folder of folders) {
    const { runId } = (await storage.readManifest(folder))!.manifest.workflow;
    const stray = `${outputName('lost', { runId, activityId: '1', attempt: 99 }, 'ab'.repeat(32))}.webp`;
    strays.push(joinUri(folder, stray), joinUri(folder, ...workFolder(runId).split('/'), 'left.mp4'));
    own.push(joinUri(folder, 'notes.txt'), joinUri(outputs, 'copies', stray));
  }
  for (const uri of [...strays, ...own]) await put(storage, uri);

  const dry = await runCommand(stack, 'maintenance', ['--only', 'store', '--json'], env);
  expect([dry.code, dry.summary.steps]).toMatchObject([0, [{ step: 'store', removed: 0 }]]);
  expect((await filesBelow(storage, outputs)).size).toBeGreaterThanOrEqual(strays.length + own.length);

  const batch = startCommand(stack, 'start-batch', [...args, '--force'], env);
  let over = false;
  const ended = batch.ended.finally(() => (over = true));
  let [rounds, faults, faultAt] = [0, 0, Date.now() + FAULT_EVERY_MS];
  while (!over) {
    if (HAS_FAULTS && faults < MOST_FAULTS && Date.now() > faultAt) {
      await replaceWorker();
      faults++;
      faultAt = Date.now() + FAULT_EVERY_MS;
    }
    const { steps } = await runMaintenance(stack.client, name, ALL);
    expect(steps.filter(({ error }) => error !== undefined)).toEqual([]);
    rounds++;
  }
  expect(rounds).toBeGreaterThan(1);
  if (HAS_FAULTS) console.log(`${name}: ${ITEMS} items, ${rounds} cleanups, ${faults} workers killed`);
  expect((await ended).summary).toMatchObject({ completed: ITEMS, failed: 0 });

  await until(async () => (await runMaintenance(stack.client, name, ALL)).steps.every(({ found }) => found === 0), 500);
  // Killed writers may have left temporary files and locks, which stay for a day.
  await later(cleanStore, outputs, 2);
  const files = await filesBelow(storage, outputs);
  for (const uri of strays) expect(files.has(uri)).toBe(false);
  for (const uri of own) expect(files.has(uri)).toBe(true);
  let named = 0;
  for (const folder of folders) {
    for (const { path: file, sha256: hash } of (await storage.readManifest(folder))!.manifest.renditions) {
      expect(files.get(joinUri(folder, file))).toBe(hash);
      named++;
    }
  }
  // Besides: the manifests, the notes, and the copies, whose names differ.
  expect(files.size).toBe(named + ITEMS + own.length);
  expect(config.maintenanceGrace).toBe(0);
  storage.close();
}

test('on a disk, in a loop during a batch', () => survives('disk', fileUri(path.join(stack.home, 'disk'))), LIMIT_MS);
testWithS3('in S3, in a loop during a batch', () => survives('bucket', 's3://media/outputs'), LIMIT_MS);

testWithS3(
  'a worker killed in the middle of a step: the run goes on, and whoever asks meanwhile gets its result',
  async () => {
    // Looked at and removed by five hundred.
    const LEFT = 1200;
    const outputs = 's3://media/killed';
    const slow = await startProxy(Number(new URL(s3!.endpoint).port));
    const env = { DARKROOM_QUEUE_PREFIX: 'killed', DARKROOM_OUTPUT: outputs, DARKROOM_POOLS: 'workflows,image' };
    const first = await stack.worker({ ...env, S3_ENDPOINT: `http://127.0.0.1:${slow.port}` });
    const args = ['--input', path.join(stack.home, 'in/many/0.jpg'), '--batch-id', 'killed', '--json'];
    expect((await runCommand(stack, 'start-batch', args, env)).summary).toMatchObject({ completed: 1 });
    const storage = createStorage({ ...stack.config, outputDefault: outputs });
    const folder = await firstFolder(storage, outputs);
    const { runId } = (await storage.readManifest(folder))!.manifest.workflow;
    const stray = (index: number) =>
      outputName(`lost${index}`, { runId, activityId: '1', attempt: 99 }, 'ab'.repeat(32));
    const onDisk = path.join(s3!.data, folder.slice('s3://'.length));
    for (let index = 0; index < LEFT; index++) await writeFile(path.join(onDisk, `${stray(index)}.webp`), 'left over');
    const strays = async () => {
      const found: string[] = [];
      for await (const { uri } of storage.list(folder)) if (uri.includes('/lost')) found.push(uri);
      return found;
    };
    // The server shows that the run has closed some time after its result is there.
    await until(
      async () => (await stack.client.workflow.count(`RunId = "${runId}" AND CloseTime IS NOT NULL`)).count === 1,
    );

    slow.delayMs = 400;
    const running = runMaintenance(stack.client, 'killed', { cleanup: true, steps: ['store'] });
    await until(async () => (await strays()).length < LEFT);
    process.kill(-first.pid, 'SIGKILL');
    await first.ended;
    expect((await strays()).length).toBeGreaterThan(0);
    const joined = runMaintenance(stack.client, 'killed', ALL);
    await stack.worker(env);
    const [result, same] = await Promise.all([running, joined]);
    expect(same).toEqual(result);
    expect(result).toMatchObject({ cleanup: true, steps: [{ step: 'store' }] });
    expect(result.steps[0]!.error).toBeUndefined();
    expect(await strays()).toEqual([]);
    const { events } = await stack.client.workflow.getHandle(maintenanceId('killed')).fetchHistory();
    const attempts = events!.flatMap((event) => event.activityTaskStartedEventAttributes?.attempt ?? []);
    expect(attempts).toEqual([2]);
    expect((await lastMaintenances(stack.client, 'killed', 10)).length).toBe(1);
    storage.close();
    await slow.close();
  },
  120_000,
);

/** Runs a step as if it were later, with the default grace period. */
async function later(
  step: (context: StepContext) => Promise<void>,
  outputs: string,
  days: number,
  more: Partial<Config> = {},
) {
  const config: Config = { ...stack.config, outputDefault: outputs, maintenanceGrace: DAY_MS, ...more };
  const storage = createStorage(config);
  const findings = new Findings(true, undefined, () => undefined);
  const log = { warn: () => undefined } as unknown as StepContext['log'];
  const pulse = { throwIfOver: () => undefined, signal: new AbortController().signal };
  // Of all that activities work with, these steps take two.
  const deps = { config, storage } as ActivityDeps;
  const now = Date.now() + days * DAY_MS;
  await step({ deps, log, findings, cleanup: true, deadLetters: 'keep', client: stack.client, now, pulse });
  storage.close();
  return findings.tally;
}

test('of runs that nobody knows, intermediates and unnamed files of items go after eight days; of open runs nothing', async () => {
  const { config, storage, env } = await place('old', fileUri(path.join(stack.home, 'old')));
  const outputs = env.DARKROOM_OUTPUT;
  await photo(stack, 'one/a');
  const args = ['--input', path.join(stack.home, 'in/one'), '--batch-id', 'old', '--json'];
  expect((await runCommand(stack, 'start-batch', args, env)).code).toBe(0);
  const item = await firstFolder(storage, outputs);
  // Nobody serves this queue, so the run stays open.
  const open = await submit({ ...stack, config: { ...config, queuePrefix: 'nobody' } }, await anyPhoto(stack));
  const [known, unknown] = [(await open.handle.describe()).runId, randomUUID()];
  const file = (runId: string) => `${outputName('x', { runId, activityId: '1', attempt: 1 }, 'cd'.repeat(32))}.webp`;
  const gone = [joinUri(item, file(unknown)), joinUri(outputs, 'y', ...workFolder(unknown).split('/'), 'a.mp4')];
  const kept = [
    joinUri(item, file(known)),
    joinUri(outputs, 'y', ...workFolder(known).split('/'), 'a.mp4'),
    joinUri(outputs, 'y', file(unknown)),
  ];
  for (const uri of [...gone, ...kept]) await put(storage, uri);
  await until(async () => (await stack.client.workflow.count(`RunId = "${known}"`)).count === 1);
  expect(await later(cleanStore, outputs, 7)).toMatchObject({ removed: 0 });
  const tally = await later(cleanStore, outputs, 9);
  expect(tally.examples.sort()).toEqual(gone.sort());
  const left = await filesBelow(storage, outputs);
  expect(kept.filter((uri) => !left.has(uri))).toEqual([]);
  await open.handle.terminate();
  storage.close();
}, 60_000);

test('evidence goes when it is old, and a file of that name that is none stays', async () => {
  const outputs = fileUri(path.join(stack.home, 'evidence'));
  const storage = createStorage(stack.config);
  const { item } = await submit(stack, await anyPhoto(stack));
  await keepEvidence(storage, { ...item, output: joinUri(outputs, 'a') }, { deaths: [] });
  await put(storage, joinUri(outputs, 'b', 'quarantine.json'));
  expect(await later(cleanQuarantine, outputs, 89)).toMatchObject({ found: 0 });
  expect(await later(cleanQuarantine, outputs, 91)).toMatchObject({ removed: 1 });
  expect([...(await filesBelow(storage, outputs)).keys()]).toEqual([joinUri(outputs, 'b', 'quarantine.json')]);
  storage.close();
});

test('uploads go when they are old and no open job has them as its source; broken-off ones and empty folders in a day', async () => {
  const outputs = fileUri(path.join(stack.home, 'received'));
  const uploads = joinUri(outputs, '_uploads');
  const storage = createStorage(stack.config);
  const long = 'ü'.repeat(120);
  const [idle, used, longName] = ['a.jpg', 'b c.jpg', `${long}/${long}.jpg`].map((name) =>
    joinUri(uploads, 'default', 'abc', ...name.split('/')),
  ) as [string, string, string];
  const brokenOff = joinUri(uploads, 'default', 'abd', '.c.jpg.0123456789ab.part');
  const part = joinUri(uploads, 'default', `.parts-${'0123'.repeat(8)}`, 'd.jpg', '0000000000000000');
  const lock = joinUri(outputs, 'trip', 'item', '.manifest.json.lock');
  for (const uri of [idle, used, longName, brokenOff, part, lock, joinUri(outputs, 'own.jpg')]) await put(storage, uri);
  const empty = path.join(stack.home, 'received/trip/empty');
  await mkdir(empty, { recursive: true });
  // The memo of a run has the beginning of a long source only.
  expect(longName.length).toBeGreaterThan(1000);
  const { item } = await submit(stack, await anyPhoto(stack));
  const context = { client: stack.client, storage, queuePrefix: 'unserved' };
  const jobs = [used, longName].map((source, index) => ({ ...item, batchId: 'uploaded', itemKey: `${index}`, source }));
  for (const job of jobs) await submitItem(context, { ...job, output: joinUri(outputs, 'uploaded', job.itemKey) });
  const isShown = async () => (await stack.client.workflow.count(runningQuery('uploaded'))).count === jobs.length;
  await until(isShown);

  const uploadsAge = 30 * DAY_MS;
  expect(await later(cleanUploads, outputs, 0.5, { uploadsAge })).toMatchObject({ found: 0 });
  expect(await later(cleanStore, outputs, 0.5)).toMatchObject({ found: 0 });
  const day = await later(cleanStore, outputs, 2);
  expect(day.examples.sort()).toEqual([`${fileUri(empty)}/`, lock].sort());
  const kept = await later(cleanUploads, outputs, 1_000);
  expect(kept).toMatchObject({
    removed: 2,
    examples: expect.arrayContaining([brokenOff, part]),
    note: expect.stringContaining('DARKROOM_UPLOADS_AGE'),
  });
  expect(await later(cleanUploads, outputs, 29, { uploadsAge })).toMatchObject({ found: 0 });
  expect(await later(cleanUploads, outputs, 31, { uploadsAge })).toMatchObject({ removed: 1, examples: [idle] });
  for (const { itemKey } of jobs) await stack.client.workflow.getHandle(`uploaded/${itemKey}`).terminate();
  await until(async () => (await later(cleanUploads, outputs, 31, { uploadsAge })).found === 2, 200);
  expect(await readdir(path.join(stack.home, 'received'))).toEqual(['own.jpg']);
  storage.close();
});

testWithS3('an upload in parts that never ended is dropped after a day', async () => {
  const input = { Bucket: 'media', Key: 'parts/item/long.mp4' };
  await s3?.client.send(new CreateMultipartUploadCommand(input));
  expect(await later(cleanStore, 's3://media/parts', 0.5)).toMatchObject({ found: 0 });
  expect(await later(cleanStore, 's3://media/parts', 2)).toMatchObject({ removed: 1 });
  expect(await later(cleanStore, 's3://media/parts', 2)).toMatchObject({ found: 0 });
});

test('a step that fails does not stop the others, and is told with exit code 1', async () => {
  const { env, storage } = await place('fenced', 's3://elsewhere/outputs');
  const { code, summary } = await runCommand(stack, 'maintenance', ['--json', '--cleanup'], env);
  expect(code).toBe(1);
  expect(summary.steps).toMatchObject([
    { step: 'store', error: expect.stringContaining('outside of the buckets') },
    { step: 'uploads', error: expect.stringContaining('outside of the buckets') },
    { step: 'database', found: 0 },
    { step: 'queue', found: 0, note: expect.stringContaining('No queue of jobs') },
    { step: 'scratch', found: 0 },
    { step: 'index', error: expect.stringContaining('outside of the buckets') },
    { step: 'quarantine', error: expect.stringContaining('outside of the buckets') },
  ]);
  expect(summary.steps.slice(2, 5).map(({ error }: { error?: string }) => error)).toEqual(Array(3).fill(undefined));
  const unknown = await runCommand(stack, 'maintenance', ['--only', 'stores'], env);
  expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('expected some of store,uploads')]);
  storage.close();
}, 60_000);

test('the Schedule is made once, follows the configuration, starts the one maintenance, and goes', async () => {
  const settings = { queuePrefix: 'scheduled', maintenanceCron: '17 3 * * *' };
  const { storage } = await place('scheduled', 's3://elsewhere/outputs');
  await runMaintenance(stack.client, 'scheduled', { ...ALL, cleanup: false });
  const handle = stack.client.schedule.getHandle(maintenanceId('scheduled'));
  await Promise.all([1, 2].map(() => ensureMaintenanceSchedule(stack.client, settings)));
  await ensureMaintenanceSchedule(stack.client, { ...settings, maintenanceCron: '5 4 * * *' });
  expect((await handle.describe()).spec.calendars?.[0]).toMatchObject({ hour: [{ start: 4 }], minute: [{ start: 5 }] });
  const runs = () =>
    stack.client.workflow.count(`WorkflowType = "scheduledMaintenance" AND ExecutionStatus = "Completed"`);
  const day = 86_400_000;
  const { info } = await handle.describe();
  // Before the first run: dry ones are no cleanups.
  const fresh = { endedAt: info.createdAt, failedSteps: 0, periodMs: day };
  expect(await maintenanceState(stack.client, 'scheduled')).toEqual(fresh);
  await handle.trigger();
  await until(async () => (await runs()).count === 1);
  const after = await maintenanceState(stack.client, 'scheduled');
  expect(after).toMatchObject({ failedSteps: 4, periodMs: day });
  expect(after.endedAt!.getTime()).toBeGreaterThan(info.createdAt.getTime());
  await ensureMaintenanceSchedule(stack.client, { ...settings, maintenanceCron: 'none' });
  await ensureMaintenanceSchedule(stack.client, { ...settings, maintenanceCron: 'none' });
  await expect(handle.describe()).rejects.toThrow(/not found/i);
  expect((await maintenanceState(stack.client, 'scheduled')).periodMs).toBeUndefined();
  storage.close();
}, 60_000);

async function firstFolder(storage: Storage, outputs: string): Promise<string> {
  for await (const { uri } of storage.list(outputs)) return uri.slice(0, uri.lastIndexOf('/'));
  throw new Error('no item has been published');
}
