/**
 * A long video in chunks, and what goes wrong with one of them. Real server, workers and ffmpeg; a script in place of ffmpeg
 * holds or ends the one that encodes the second chunk.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import type { ActivityDeps } from '../../activities/deps';
import { Findings, type StepContext } from '../../activities/maintenance/step';
import { cleanStore } from '../../activities/maintenance/store';
import type { StepTally } from '../../common/maintenance';
import type { ItemProgress, WorkItem } from '../../common/contracts';
import { taskQueue } from '../../common/pools';
import { parsePreset, recipeHash } from '../../media/presets';
import { viewOf } from '../../starter/core/view/item';
import { createStorage, fileUri } from '../../storage';
import { isGenuine, SECRET, startReceiver, type Receiver } from '../api/receiver';
import { startApi, type Api } from '../api/support';
import { clipFolder, ffmpeg, picture, processesWith, settings, sound, streamsOf, X264 } from '../support/clips';
import { checkedManifest, filesOf } from '../support/lab';
import { S3_START_TIMEOUT, startS3, testWithS3, type TestS3 } from '../support/s3';
import { startStack, until, type Stack } from '../support/stack';

const rung = (name: string, height: number): string =>
  `{ name: ${name}, height: ${height}, crf: 30, maxrate: 300, speed: ultrafast, audioBitrate: 64 }`;
const PRESET = parsePreset('chunks', `video: { hls: true, rungs: [${rung('low', 90)}, ${rung('high', 180)}] }`);
const SECOND = 'encode low, high 0:00:06-0:00:12';

const clips = clipFolder();
let stack: Stack;
let s3: TestS3 | undefined;
let api: Api;
let receiver: Receiver;
let source: string;
beforeAll(async () => {
  [s3, receiver] = [await startS3(), await startReceiver()];
  stack = await startStack({
    ...{ DARKROOM_SHORT_VIDEO: '0', DARKROOM_CHUNK_CPU: '45ms', DARKROOM_FFMPEG_THREADS: '1' },
    // An encoder that is held is not taken for one that hangs, however long a busy machine takes for the rest.
    DARKROOM_FFMPEG_STALL: '10m',
    ...{ DARKROOM_WEBHOOK_SECRET: SECRET, DARKROOM_PRIVATE_HOSTS: receiver.host },
    DARKROOM_CALLBACK_HOSTS: `localhost,${receiver.host}`,
    ...(s3 && { S3_ENDPOINT: s3.endpoint, S3_FORCE_PATH_STYLE: 'true', DARKROOM_ALLOWED_BUCKETS: 'films' }),
    ...(s3 && { S3_ACCESS_KEY_ID: s3.accessKey, S3_SECRET_ACCESS_KEY: s3.secretKey }),
  });
  await mkdir(path.join(stack.home, 'in'));
  api = await startApi(stack);
  source = ffmpeg(
    `${picture('320x180', 14, 30)} ${sound(14)} ${X264} -c:a aac`,
    path.join(stack.home, 'in', 'film.mp4'),
  );
}, S3_START_TIMEOUT);
afterAll(async () => {
  await api.stop();
  await stack.stop();
  await s3?.stop();
  receiver.stop();
  clips.remove();
});

/** A program in place of ffmpeg that first runs `lines` where it encodes the second chunk. */
async function program(name: string, lines: string): Promise<string> {
  const file = clips.at(name);
  const script = `#!/bin/sh\ncase "$*" in *start_time=6*) ${lines} ;; esac\nexec ${settings.ffmpegPath} "$@"\n`;
  await writeFile(file, script, { mode: 0o755 });
  return file;
}

async function submit(
  prefix: string,
  output?: string,
  callbackUrl?: string,
): Promise<{ item: WorkItem; handle: WorkflowHandle }> {
  const item: WorkItem = {
    // Somebody waits: the loss of a worker is noticed sooner.
    ...{
      batchId: prefix,
      itemKey: 'film',
      kind: 'video',
      mode: 'interactive',
      source: fileUri(source),
      preset: PRESET,
      callbackUrl,
    },
    output: output ?? fileUri(path.join(stack.home, 'out', prefix)),
    ...{ recipe: recipeHash(PRESET, 'video') },
    ...{ priority: 3, tenant: 'default' },
  };
  const queue = taskQueue(prefix.replace(/-.*$/, ''), 'workflows');
  const memo = { output: item.output };
  const options = { workflowId: `${prefix}/film`, taskQueue: queue, args: [item], memo };
  return { item, handle: await stack.client.workflow.start('processVideo', options) };
}

const outputs = (item: WorkItem): string => new URL(item.output).pathname;

/** The maintenance of a store, as if its grace period were over. */
async function sweep(outputs: string): Promise<StepTally> {
  const config = { ...stack.config, outputDefault: outputs, maintenanceGrace: 0 };
  const storage = createStorage(config);
  const findings = new Findings(true, undefined, () => undefined);
  const log = { warn: () => undefined } as unknown as StepContext['log'];
  const pulse = { throwIfOver: () => undefined, signal: new AbortController().signal };
  // Of all that activities work with, this step takes two.
  const deps = { config, storage } as ActivityDeps;
  const now = Date.now() + 60_000;
  await cleanStore({ deps, log, findings, cleanup: true, deadLetters: 'keep', client: stack.client, now, pulse });
  storage.close();
  return findings.tally;
}

/** Waits until the second chunk is encoded; by `$*` in the script's own command line. */
async function whileSecondRuns(handle: WorkflowHandle, script: string): Promise<void> {
  await until(async () => {
    const { steps } = await handle.query<ItemProgress>('progress');
    return steps.some(({ name, state }) => name === SECOND && state === 'running') && processesWith(script).length > 0;
  });
}

/** The path of the stream, once it can be played. */
async function untilPlayable(handle: WorkflowHandle): Promise<string> {
  let path: string | undefined;
  await until(async () => {
    path = (await viewOf(stack.client, await handle.describe())).playable?.path;
    return path !== undefined;
  });
  return path ?? '';
}

test('a worker killed in mid-chunk costs that chunk only; the result is whole', async () => {
  const gate = clips.at('gate');
  const script = await program('held', `while [ ! -e ${gate} ]; do sleep 0.1; done`);
  const env = { DARKROOM_QUEUE_PREFIX: 'killed', DARKROOM_POOLS: 'workflows,video' };
  const first = await stack.worker({ ...env, FFMPEG_PATH: script });
  const { item, handle } = await submit('killed');
  await whileSecondRuns(handle, script);
  // All else that can be done without this chunk is done, so that the worker takes nothing else along.
  await until(async () => {
    const { progress } = await viewOf(stack.client, await handle.describe());
    const [group, ...others] = progress?.chunks?.groups ?? [];
    const running = progress?.steps.filter(({ state }) => state === 'running').map(({ name }) => name);
    return others.length === 0 && group?.rungs === 'low, high' && group.states === 'drd' && running?.join() === SECOND;
  });
  // The beginning can be played already.
  const stream = await untilPlayable(handle);
  expect(await readFile(path.join(outputs(item), stream), 'utf8')).toContain('\nvideo-low/index.m3u8\n');
  const begun = path.join(outputs(item), path.dirname(stream), 'video-low/index.m3u8');
  expect(await readFile(begun, 'utf8')).toMatch(/EVENT(?!.*ENDLIST)/s);
  process.kill(first.pid, 'SIGKILL');
  await first.ended;
  await writeFile(gate, '');
  const second = await stack.worker(env);
  await handle.result();

  const manifest = await checkedManifest(outputs(item));
  expect(manifest.chunks).toBe(3);
  expect(manifest.renditions.find(({ role }) => role === 'stream')?.path).toBe(stream);
  expect(await readFile(begun, 'utf8')).toMatch(/VOD.*ENDLIST/s);
  const films = manifest.renditions.filter(({ role }) => role === 'video');
  expect(films.map(({ frames }) => frames)).toEqual([420, 420]);
  for (const film of films) {
    expect(streamsOf(path.join(outputs(item), film.path))).toMatchObject([
      { nb_read_frames: '420' },
      { codec_name: 'aac' },
    ]);
  }
  expect((await handle.query<ItemProgress>('progress')).chunks?.groups[0]?.states).toBe('dDd');
  const { events } = await handle.fetchHistory();
  const again = (events ?? []).flatMap(({ activityTaskStartedEventAttributes: started }) =>
    started && (started.attempt ?? 1) > 1 ? [String(started.scheduledEventId)] : [],
  );
  const names = (events ?? []).filter(({ eventId }) => again.includes(String(eventId)));
  expect(names.map((event) => event.activityTaskScheduledEventAttributes?.activityType?.name)).toEqual(['makeChunk']);
  await second.stop();
}, 120_000);

test('whoever waits is told that it can be played; cancelled in mid-chunk: no process is left, and no file', async () => {
  const script = await program('forever', 'while true; do sleep 0.1; done');
  const env = { DARKROOM_QUEUE_PREFIX: 'cancelled', DARKROOM_POOLS: 'workflows,video' };
  const worker = await stack.worker({ ...env, FFMPEG_PATH: script });
  const { item, handle } = await submit('cancelled', undefined, `${receiver.base}/film`);
  const job = '/v1/jobs/cancelled~film';
  const waited = await api.call('GET', `${job}/result?wait=playable`);
  expect(waited).toMatchObject({ status: 202, body: { state: 'running', playable: { seconds: 6 } } });
  const { path: stream, href } = waited.body.playable;
  const master = await api.call('GET', href);
  expect(master).toMatchObject({ status: 200, body: expect.stringContaining('\nvideo-low/index.m3u8\n') as string });
  expect(master.headers.get('cache-control')).toBe('no-cache');
  const segment = href.replace(/[^/]*$/, 'video-low/00000.m4s');
  expect((await api.call('GET', segment)).status).toBe(200);
  // Nothing else of a job that is still made.
  expect((await api.call('GET', `${job}/files/.work/${handle.workflowId}/plan.json`)).status).toBe(404);
  expect((await api.call('GET', `${job}/files/manifest.json`)).status).toBe(404);
  await whileSecondRuns(handle, script);
  expect(Object.keys(await filesOf(outputs(item)))).toContain(stream);
  await handle.cancel();
  await expect(handle.result()).rejects.toThrow();
  expect(processesWith(script)).toEqual([]);
  expect(await filesOf(outputs(item))).toEqual({});
  expect((await api.call('GET', segment)).status).toBe(404);
  const { body } = await api.call('GET', job);
  expect([body.state, body.playable]).toEqual(['cancelled', undefined]);
  await until(() => receiver.calls.length === 2);
  const told = receiver.calls.map((call) => (isGenuine(call.headers, call.body) ? JSON.parse(call.body) : undefined));
  expect(told).toMatchObject([
    { type: 'job.playable', job: 'cancelled~film', playable: { path: stream, seconds: 6 } },
    { type: 'job.cancelled' },
  ]);
  await worker.stop();
}, 120_000);

test('a chunk that kills its decoder twice is quarantined, and the sentence says which part it was', async () => {
  const script = await program('poison', 'kill -SEGV $$');
  const env = { DARKROOM_QUEUE_PREFIX: 'poison', DARKROOM_POOLS: 'workflows,video' };
  const worker = await stack.worker({ ...env, FFMPEG_PATH: script });
  const { item, handle } = await submit('poison');
  const error: unknown = await handle.result().catch((failure: { cause?: unknown }) => failure.cause);
  expect(error).toMatchObject({
    type: 'Quarantined',
    message: 'The file killed the program that reads it twice at 0:00:06-0:00:12, so it was put into quarantine.',
  });
  expect(Object.keys(await filesOf(outputs(item)))).toEqual(['quarantine.json']);
  await worker.stop();
}, 120_000);

testWithS3(
  'in S3, too, it can be played while it is made, at the address that it keeps; nothing is left of one that fails or dies',
  async () => {
    await s3?.bucket('films');
    const storage = createStorage(stack.config);
    const gate = clips.at('gate-s3');
    const broken = clips.at('broken');
    const script = await program(
      'held-s3',
      `while [ ! -e ${gate} ]; do sleep 0.1; done; [ ! -e ${broken} ] || kill -SEGV $$`,
    );
    const env = { DARKROOM_QUEUE_PREFIX: 's3', DARKROOM_POOLS: 'workflows,video', FFMPEG_PATH: script };
    const worker = await stack.worker(env);
    try {
      const names = async (folder: string): Promise<string[]> => {
        const all: string[] = [];
        for await (const { uri } of storage.list(`${folder}/`, { hidden: true }))
          all.push(uri.slice(folder.length + 1));
        return all;
      };
      const whole = await submit('s3', 's3://films/whole');
      const stream = await untilPlayable(whole.handle);
      const playlist = `s3://films/whole/${path.dirname(stream)}/video-low/index.m3u8`;
      expect((await storage.readText(playlist))?.text).toMatch(/EVENT(?!.*ENDLIST)/s);
      await writeFile(gate, '');
      await whole.handle.result();
      const { manifest } = (await storage.readManifest('s3://films/whole')) ?? {};
      expect(manifest?.renditions.find(({ role }) => role === 'stream')).toMatchObject({
        path: stream,
        // Pictures of two rungs and the sound, three segments each.
        segments: { count: 9 },
      });
      expect((await storage.readText(playlist))?.text).toMatch(/VOD.*ENDLIST/s);
      const text = (await storage.readText(`s3://films/whole/${stream}`))?.text ?? '';
      expect(text).toContain('#EXT-X-I-FRAME-STREAM-INF');
      expect((await names('s3://films/whole')).filter((name) => name.startsWith('.work/'))).toEqual([]);

      await rm(gate);
      await writeFile(broken, '');
      const failing = await submit('s3-failing', 's3://films/failing');
      const half = await untilPlayable(failing.handle);
      expect(await names('s3://films/failing')).toContain(half);
      await writeFile(gate, '');
      await expect(failing.handle.result()).rejects.toThrow();
      expect(await names('s3://films/failing')).toEqual(['quarantine.json']);

      // A run that is ended from outside cannot remove anything: the maintenance does, once it is dead.
      await rm(gate);
      const dead = await submit('s3-dead', 's3://films/dead');
      await untilPlayable(dead.handle);
      const all = await names('s3://films/dead');
      await until(async () => (await stack.client.workflow.count('WorkflowId = "s3-dead/film"')).count === 1);
      expect((await sweep('s3://films')).examples).toEqual([]);
      expect(await names('s3://films/dead')).toEqual(expect.arrayContaining(all));
      await dead.handle.terminate();
      await until(() => processesWith(script).length === 0);
      await until(async () => (await sweep('s3://films')).removed > 0);
      expect(await names('s3://films/dead')).toEqual([]);
      expect(await names('s3://films/whole')).toContain(stream);
    } finally {
      storage.close();
      await worker.stop();
    }
  },
  120_000,
);
